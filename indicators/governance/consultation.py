"""Worn sensors start for a stated purpose after consultation; a change of what is measured reopens it.

Code du travail L1222-4 (told beforehand), L2312-38 (works council consulted before the decision); GDPR
art. 5.1.b and 35. Simulated and replayed sensors are free of it, fixed sensors too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from indicators.governance.chain import RESTORED, read_entries
from indicators.governance.site_logs import CAMPAIGN_LOG, WITHDRAWALS, site_chain
from indicators.limits import all_limits
from sensors.errors import GovernanceError, Problem
from sensors.site_book import SiteBook
from sensors.site_checks import worn_live_sensors
from sensors.site_model import Campaign

__all__ = [
    "campaign_on",
    "check_campaign",
    "declared_simulation",
    "measured_fingerprint",
    "require_campaign",
]

_CONFIRMED, _SIMULATED = "campaign_confirmed", "simulation_declared"


def measured_fingerprint(book: SiteBook) -> str:
    """Hash of what worn sensors measure and what is made of it: kinds, channels, mounts, indicators.

    Another device of the same kind changes nothing; a new channel, body site or indicator does.
    """
    worn = set(worn_live_sensors(book.site))
    sensors = {(row.kind.value, row.channels) for row in book.site.sensors if row.id in worn}
    mounts = {row.mount.value for row in book.site.placements if row.sensor in worn}
    profiles = set(book.site.site.limits)
    indicators = {row.indicator for row in all_limits().values() if row.profile in profiles}
    plain = json.dumps([sorted(sensors), sorted(mounts), sorted(indicators)])
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def campaign_on(book: SiteBook, day: date) -> Campaign | None:
    """Campaign that covers `day` (both ends included)."""
    return next((row for row in book.site.campaigns if row.start <= day <= row.end), None)


def declared_simulation(book: SiteBook, first: date, last: date) -> bool:
    """Whether worn live sensors measured between these days under a campaign that is called a simulation."""
    return bool(worn_live_sensors(book.site)) and any(
        row.simulation and row.start <= last and row.end >= first for row in book.site.campaigns
    )


def check_campaign(book: SiteBook, day: date) -> tuple[Problem, ...]:
    """Everything that keeps worn live sensors from starting on `day`; empty when they may."""
    if not worn_live_sensors(book.site):
        return ()
    file = book.path.name
    campaign = campaign_on(book, day)
    if campaign is None:
        return (
            Problem(
                file,
                "campaigns",
                day.isoformat(),
                "worn sensors measure within a campaign only",
                "add [[campaigns]] with from, to, purpose, cse_reference, cse_date and dpia_version",
                "campaign_missing",
            ),
        )
    if campaign.simulation:
        return ()
    broken = tuple(_not_whole(book))
    return (*_incomplete(file, campaign), *(broken or (*_reopened(book, campaign), *_forgotten(book))))


def _incomplete(file: str, campaign: Campaign) -> Iterator[Problem]:
    needed = {
        "purpose": "the purpose stands in the notice (GDPR art. 5.1.b)",
        "cse_reference": "the works council is consulted before the decision (L2312-38)",
        "cse_date": "the consultation is dated",
        "dpia_version": "an impact assessment precedes worn sensors (GDPR art. 35)",
    }
    for key, rule in needed.items():
        if not getattr(campaign, key):
            yield Problem(
                file, f"campaigns.{campaign.id}.{key}", None, rule, f"fill in {key}", "campaign_incomplete"
            )
    if campaign.cse_date is not None and campaign.cse_date > campaign.start:
        yield Problem(
            file,
            f"campaigns.{campaign.id}.cse_date",
            campaign.cse_date.isoformat(),
            f"the consultation precedes the campaign, which starts on {campaign.start}",
            "start the campaign after the consultation",
            "consulted_too_late",
        )


def _not_whole(book: SiteBook) -> Iterator[Problem]:
    """Logs that may lack a line: another set of sensors that was consulted on, or somebody who withdrew."""
    for name in (CAMPAIGN_LOG, WITHDRAWALS):
        try:
            chain = site_chain(book, name)
            report = chain.verify()
            trouble = None if report.intact else chain.trouble(report)
        except GovernanceError as error:
            trouble = error
        if trouble is not None:
            rule, remedy, code = str(trouble.rule), str(trouble.remedy), str(trouble.code)
            yield Problem(name, trouble.what, trouble.value, rule, remedy, code)


def _forgotten(book: SiteBook) -> Iterator[Problem]:
    from indicators.governance.withdrawal import withdrawn

    for wearer in sorted(withdrawn(book) - book.objecting):
        yield Problem(
            "objections.csv",
            "wearer",
            wearer,
            "who withdrew stays in it: their readings are refused for ever",
            "put the line back",
            "objection_missing",
        )


def _reopened(book: SiteBook, campaign: Campaign) -> Iterator[Problem]:
    # A consultation covers what was measured under it, whatever the campaign is called.
    path = book.folder / CAMPAIGN_LOG
    confirmed = _confirmed(path, campaign.cse_reference)
    if confirmed is None:
        changed = campaign.cse_date is not None and campaign.cse_date <= _lost_on(path)
    else:
        changed = confirmed["fingerprint"] != measured_fingerprint(book)
    if changed:
        yield Problem(
            book.path.name,
            f"campaigns.{campaign.id}.cse_reference",
            campaign.cse_reference,
            "sensors or indicators changed since this consultation, which reopens it",
            "consult again, then write the new cse_reference, cse_date and dpia_version",
            "consultation_reopened",
        )


def _lost_on(path: Path) -> date:
    """Last day on which the log was found to have lost lines: what was consulted on before is not known."""
    days = [
        datetime.fromisoformat(row["at"]).date() for row in read_entries(path) if row["event"] == RESTORED
    ]
    return max(days, default=date.min)


def _confirmed(path: Path, consultation: str | None) -> dict[str, str] | None:
    """What was last measured under a consultation, or ``None`` when nothing was yet."""
    rows = [
        row
        for row in read_entries(path)
        if row["event"] == _CONFIRMED and row.get("cse_reference") == consultation
    ]
    return dict(rows[-1]) if rows else None


def require_campaign(book: SiteBook, day: date) -> Campaign | None:
    """Let worn live sensors start, and record on what consultation; ``None`` when no such sensor exists.

    Raises
    ------
    GovernanceError
        ``campaign_refused``: everything missing is named.
    """
    problems = check_campaign(book, day)
    if problems:
        raise GovernanceError(
            "worn sensors may not start:\n" + "\n".join(str(problem) for problem in problems),
            remedy='simulated sensors (origin = "simulated") need none of this',
            code="campaign_refused",
        )
    campaign = campaign_on(book, day) if worn_live_sensors(book.site) else None
    if campaign is None:
        return None
    chain = site_chain(book, CAMPAIGN_LOG)
    if campaign.simulation:
        declared = [row["campaign"] for row in read_entries(chain.path) if row["event"] == _SIMULATED]
        if campaign.id not in declared:
            chain.append(_SIMULATED, {"campaign": campaign.id, "sensors": list(worn_live_sensors(book.site))})
        return campaign
    fingerprint = measured_fingerprint(book)
    confirmed = _confirmed(chain.path, campaign.cse_reference)
    if confirmed is None or confirmed["campaign"] != campaign.id:
        chain.append(
            _CONFIRMED,
            {
                "campaign": campaign.id,
                "fingerprint": fingerprint,
                "cse_reference": campaign.cse_reference,
                "cse_date": None if campaign.cse_date is None else campaign.cse_date.isoformat(),
                "dpia_version": campaign.dpia_version,
            },
        )
    return campaign
