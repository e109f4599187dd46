"""From a gated result to sheets that a group can talk over: questions, doubt, and room for their words.

Work analysts feed results back this way: a measurement opens the talk and does not close it. The sheets stand
in the order of the site file, rank nobody and nothing, and use no term that the shop floor does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboards import typography
from dashboards.catalogue import catalogue
from dashboards.report.build import Surroundings
from dashboards.wording import Wording
from indicators.accounts.matching import Account
from indicators.actions.plan import ActionResult
from indicators.actions.states import ActionState
from indicators.headlines import headline
from indicators.model import Factor, FactorResult, Indicator, WeeklyResult, WorkstationResult
from sensors.errors import GovernanceError

__all__ = ["Finding", "Restitution", "RestitutionPage", "build_restitution"]

_MOST_ACCOUNTS = 4
_MOST_ACTIONS = 4
_LONGEST_ACCOUNT = 180


@dataclass(frozen=True, slots=True)
class Finding:
    """One factor: what was found, as a question, with the figure behind it in plain words."""

    factor: str
    question: str
    figure: str


@dataclass(frozen=True, slots=True)
class Told:
    """A reported situation: day, words, and whether sensors saw it."""

    day: str
    text: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestitutionPage:
    """One sheet: a workstation."""

    id: str
    label: str
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]
    told: tuple[Told, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restitution:
    """All sheets in one language."""

    language: str
    site: str
    title: str
    period: str
    pages: tuple[RestitutionPage, ...]
    words: dict[str, str]


def build_restitution(
    result: WeeklyResult,
    order: Sequence[str],
    language: str | None = None,
    around: Surroundings | None = None,
) -> Restitution:
    """Sheets of every workstation of `result`.

    Parameters
    ----------
    result : WeeklyResult
        For audience `report`: the sheets go from hand to hand.
    order : sequence of str
        Workstations as the site file lists them.

    Raises
    ------
    GovernanceError
        ``restitution_audience``: the result is for the analyst.
    """
    if not result.audience.gated:
        raise GovernanceError(
            "a restitution goes from hand to hand",
            value=result.audience.value,
            rule="audience report or wide",
            remedy="leave --audience out",
            code="restitution_audience",
        )
    around = around or Surroundings()
    words = Wording(language or result.language, around.names)
    place = {name: index for index, name in enumerate(order)}
    stations = sorted(result.workstations, key=lambda row: place.get(row.id, len(place)))
    return Restitution(
        language=words.language,
        site=result.site_label,
        title=words.say("restitution.title"),
        period=typography.period_label(result.period.first, result.period.last, language=words.language),
        pages=tuple(_page(station, result, around, words) for station in stations),
        words={
            code.removeprefix("restitution."): words.say(code)
            for code in catalogue(words.language)
            if code.startswith("restitution.") and code.count(".") == 1 and code not in _WITH_PARAMETERS
        },
    )


_WITH_PARAMETERS = frozenset(
    {"restitution.figure", "restitution.figure_alone", "restitution.days", "restitution.people"}
)


def _page(
    station: WorkstationResult, result: WeeklyResult, around: Surroundings, words: Wording
) -> RestitutionPage:
    zone = ZoneInfo(result.period.timezone)
    accounts = [item for item in around.accounts if item.situation.workstation == station.id]
    actions = [item for item in around.actions if item.action.workstation == station.id]
    return RestitutionPage(
        id=station.id,
        label=station.label,
        findings=_findings(station, words),
        doubts=_doubts(station, words),
        told=tuple(_told(item, zone, words) for item in accounts[:_MOST_ACCOUNTS]),
        actions=tuple(_action(item, words) for item in actions[:_MOST_ACTIONS]),
    )


def _findings(station: WorkstationResult, words: Wording) -> tuple[Finding, ...]:
    known = {part.factor: part for part in station.factors}
    held = station.withheld
    hidden = () if held is None else held.factors
    short = held is not None and held.reason.code == "worn_days_short"
    unsaid = words.say("restitution.withheld_short" if short else "restitution.withheld")
    found = []
    for factor in Factor:
        name = words.say(f"restitution.factor.{factor.value}")
        if factor in known:
            part = known[factor]
            code = f"restitution.{factor.value}.{part.verdict.value}"
            found.append(Finding(name, words.say(code), _figure(part, words)))
        elif factor in hidden:
            found.append(Finding(name, unsaid, ""))
    return tuple(found)


def _figure(part: FactorResult, words: Wording) -> str:
    """The headline in plain words; nothing where the catalogue has none for it."""
    indicator = headline(part)
    if indicator is None or indicator.value is None:
        return ""
    code = f"restitution.plain.{indicator.id}"
    if code not in catalogue(words.language):
        return ""
    value = _plain(indicator, indicator.value, words)
    if indicator.interval is None or indicator.interval.low == indicator.interval.high:
        return words.say("restitution.figure_alone", name=words.say(code), value=value)
    return words.say(
        "restitution.figure",
        name=words.say(code),
        value=value,
        low=words.number(indicator.interval.low, 0),
        high=words.number(indicator.interval.high, 0),
    )


def _plain(indicator: Indicator, value: float, words: Wording) -> str:
    unit = f"restitution.unit.{indicator.unit.split('/', maxsplit=1)[0].split('(', maxsplit=1)[0]}"
    shown = words.say(unit) if unit in catalogue(words.language) else words.unit(indicator.unit)
    return typography.quantity(words.number(value, 0), shown, language=words.language)


def _doubts(station: WorkstationResult, words: Wording) -> tuple[str, ...]:
    """How little was seen, what no sensor sees, and what stays open."""
    measured = [
        item for part in station.factors for item in part.indicators if item.value is not None and item.n_days
    ]
    found = []
    if measured:
        found.append(words.say("restitution.days", days=max(item.n_days for item in measured)))
        people = max((item.n_wearers for item in measured if item.worn), default=0)
        if people:
            found.append(words.say("restitution.people", people=people))
    kinds = {part.factor for part in station.factors if any(i.value is not None for i in part.indicators)}
    found += [
        words.say(f"restitution.blind.{factor.value}")
        for factor in (Factor.POSTURE, Factor.NOISE, Factor.CLIMATE)
        if factor in kinds
    ]
    return tuple(found)


def _told(item: Account, zone: ZoneInfo, words: Wording) -> Told:
    # The day only: an hour would tell who was at work.
    start = datetime.fromtimestamp(item.situation.start_ns / 1e9, zone)
    text = item.situation.text
    if len(text) > _LONGEST_ACCOUNT:
        text = f"{text[:_LONGEST_ACCOUNT].rstrip()} …"
    return Told(
        typography.day_name(start.date(), language=words.language),
        text,
        words.say(f"restitution.told.{item.state.value}"),
    )


def _action(item: ActionResult, words: Wording) -> str:
    state = "done" if item.status.state is ActionState.DONE else "open"
    return f"{item.action.what} ({words.say(f'restitution.action.{state}')})"
