"""From a `WeeklyResult` to what the report says, in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from dashboards import typography
from dashboards.plots.verdicts import unit_chart
from dashboards.report.accounts import account_rows
from dashboards.report.action_plan import action_rows, card_views
from dashboards.report.changes import changes
from dashboards.report.figures import figures
from dashboards.report.front import period_title, section_words
from dashboards.report.model import (
    CoverageRow,
    LimitRow,
    NextStep,
    ProjectionTable,
    ReportView,
    Station,
    Tally,
)
from dashboards.report.projections import projection_table
from dashboards.report.ranking import factor_column, rank_row
from dashboards.report.reasons import why_rows
from dashboards.report.scales import factor_block
from dashboards.report.sentences import lead, station_lead, verdict_counts
from dashboards.report.tables import notice_version
from dashboards.wording import Wording
from indicators.accounts.matching import Account
from indicators.actions.plan import ActionResult
from indicators.headlines import headline
from indicators.limits import Limit
from indicators.model import (
    Audience,
    Factor,
    Indicator,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.words import circulation

__all__ = ["Surroundings", "build_view"]

_GLOSSARY = (
    "lex_8h",
    "lcpeak",
    "wbgt",
    "interval",
    "coverage",
    "worker_day",
    "usual",
    "c2p",
    "percentile",
    "eva",
    "ratio",
    "lund",
    "ramp",
)
_FIGURES_A_PAGE = 4
_TO_WATCH = (Verdict.ABOVE, Verdict.NOT_SETTLED)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside the result in a report: the period before, sensor health, exclusions, names.

    Attributes
    ----------
    previous : WeeklyResult, optional
        The period before, for what changed.
    computing : bool
        Whether the period before is still being computed.
    health : sequence of tuple
        Rows of the sensor table, already in words: sensor, state, last seen, coverage, battery, calibration.
    exclusions : sequence of tuple
        Excluded stretches: from, to, sensor, reason, by whom.
    names : mapping
        Labels of shifts, tasks, sensors and protectors by id.
    origins : mapping
        Sensors with mount and calibration by (workstation, factor), in words.
    group_size : int
        Smallest number of wearers whose results are shown.
    actions : sequence of ActionResult
        The action plan on the result's last day.
    accounts : sequence of Account
        Situations that workers reported, matched with sensor windows.
    """

    previous: WeeklyResult | None = None
    computing: bool = False
    health: Sequence[tuple[str, ...]] = ()
    exclusions: Sequence[tuple[str, ...]] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    group_size: int | None = None
    actions: Sequence[ActionResult] = ()
    accounts: Sequence[Account] = ()


def build_view(
    result: WeeklyResult,
    language: str | None = None,
    around: Surroundings | None = None,
    *,
    summary: bool = False,
) -> ReportView:
    """Everything a report says about `result`, in `language` (the site's own by default).

    A `summary` leaves out the pages of workstations and the tables behind them.
    """
    around = around or Surroundings()
    words = Wording(language or result.language, around.names)
    methods = _methods(result, words)
    factors = _factors(result)
    watched = [station for station in result.workstations if _to_watch(station) and not summary]
    return ReportView(
        language=words.language,
        site=result.site_label,
        title=period_title(result.period.week, words),
        period=_period(result, words),
        subtitle=_subtitle(result, words),
        circulation=_circulation(result, words, around),
        lead=lead(result, words),
        tallies=_tallies(result, words),
        factors=tuple(factor_column(result, factor, words) for factor in factors),
        ranking=tuple(rank_row(station, factors, words) for station in result.workstations),
        next_steps=_next_steps(result, words),
        changes=changes(result, around.previous, words),
        changes_note=words.say(_changes_code(around)),
        stations=tuple(_station(station, result, words) for station in watched),
        others=_others(result, words),
        projections=ProjectionTable() if summary else projection_table(result, words),
        coverage=() if summary else _coverage(result, words),
        health=tuple(around.health),
        exclusions=tuple(around.exclusions),
        limits=_limits(result, words),
        reasons=tuple(row for station in watched for row in why_rows(station, result, words, around.origins)),
        notes=tuple(words.note(note) for note in result.notes),
        methods=methods,
        methods_line=words.say("report.methods_used", methods=" · ".join(methods)),
        footer=words.rich("report.footer"),
        glossary=tuple(
            (words.say(f"glossary.{key}.term"), words.say(f"glossary.{key}.text")) for key in _GLOSSARY
        ),
        governance=_governance(result, words, around),
        versions=(
            (words.say("report.version_software"), f"Vigiposte {result.version}"),
            (words.say("report.version_limits"), result.references),
            (words.say("report.version_period"), _span(result)),
            *(((words.say("report.version_papers"), notice),) if (notice := notice_version(result)) else ()),
        ),
        actions=() if summary else action_rows(around.actions, words),
        cards=() if summary else card_views(around.actions, words),
        accounts=() if summary else account_rows(around.accounts, ZoneInfo(result.period.timezone), words),
        words=section_words(words, "report", "pages"),
    )


def _methods(result: WeeklyResult, words: Wording) -> tuple[str, ...]:
    """Parts of the methods in use, each said once."""
    parts = {part for i in _indicators(result) for part in i.method.split("; ") if part}
    return tuple(sorted({words.method(part) for part in parts}, key=str.lower))


def _changes_code(around: Surroundings) -> str:
    if around.previous is not None:
        return "report.changes_none"
    return "report.changes_computing" if around.computing else "report.changes_first"


def _to_watch(station: WorkstationResult) -> bool:
    return any(factor.verdict in _TO_WATCH for factor in station.factors)


def _quiet(station: WorkstationResult) -> bool:
    return not _to_watch(station) and not (station.withheld and not station.factors)


def _others(result: WeeklyResult, words: Wording) -> str:
    quiet = words.listing(station.label for station in result.workstations if _quiet(station))
    return words.say("report.others_below", stations=quiet) if quiet else ""


def _period(result: WeeklyResult, words: Wording) -> str:
    return typography.period_label(result.period.first, result.period.last, language=words.language)


def _span(result: WeeklyResult) -> str:
    shown = f"{result.period.first.isoformat()} → {result.period.last.isoformat()}"
    return f"{result.period.week or shown}, {result.period.timezone}"


def _subtitle(result: WeeklyResult, words: Wording) -> str:
    return words.say("report.subtitle", n=len(result.workstations))


def _factors(result: WeeklyResult) -> tuple[Factor, ...]:
    present = {factor.factor for station in result.workstations for factor in station.factors}
    present |= {f for station in result.workstations if station.withheld for f in station.withheld.factors}
    return tuple(factor for factor in Factor if factor in present) or (
        Factor.NOISE,
        Factor.POSTURE,
        Factor.CLIMATE,
    )


def _indicators(result: WeeklyResult) -> list[Indicator]:
    return [i for station in result.workstations for factor in station.factors for i in factor.indicators]


def _tallies(result: WeeklyResult, words: Wording) -> tuple[Tally, ...]:
    counts = verdict_counts(result)
    return tuple(
        Tally(words.mark(verdict), counts[verdict], unit_chart(verdict, counts[verdict]))
        for verdict in (Verdict.ABOVE, Verdict.NOT_SETTLED, Verdict.BELOW, Verdict.NOT_MEASURED)
    )


def _next_steps(result: WeeklyResult, words: Wording) -> tuple[NextStep, ...]:
    served: dict[str, list[str]] = {}
    for station in result.workstations:
        for factor in station.factors:
            if factor.verdict is not Verdict.BELOW and factor.next_best is not None:
                subject = f"{station.label} ({words.factor(factor.factor).lower()})"
                served.setdefault(words.note(factor.next_best), []).append(subject)
    return tuple(NextStep(", ".join(stations), note) for note, stations in list(served.items())[:6])


def _station(station: WorkstationResult, result: WeeklyResult, words: Wording) -> Station:
    return Station(
        id=station.id,
        label=station.label,
        detail=words.detail(station),
        lead=station_lead(station, words),
        to_measure=tuple(
            dict.fromkeys(
                words.note(factor.next_best)
                for factor in station.factors
                if factor.next_best is not None and factor.verdict is not Verdict.BELOW
            )
        ),
        blocks=tuple(factor_block(station.id, factor, result, words) for factor in station.factors),
        figures=figures(station, result.audience, words, most=_FIGURES_A_PAGE),
    )


def _coverage(result: WeeklyResult, words: Wording) -> tuple[CoverageRow, ...]:
    rows = []
    for station in result.workstations:
        by_factor = {factor.factor: headline(factor) for factor in station.factors}
        cells = tuple(_coverage_cell(by_factor.get(factor), words) for factor in _factors(result))
        rows.append(CoverageRow(station.label, cells))
    return tuple(rows)


def _coverage_cell(indicator: Indicator | None, words: Wording) -> tuple[str, str]:
    if indicator is None:
        return "–", ""
    return words.percent(indicator.coverage), words.days(indicator)


def _limits(result: WeeklyResult, words: Wording) -> tuple[LimitRow, ...]:
    used: dict[str, Limit] = {}
    for indicator in _indicators(result):
        used.update({row.limit.id: row.limit for row in indicator.limits})
    return tuple(
        LimitRow(
            id=limit.id,
            name=words.limit_name(limit),
            value=words.quantity_of(words.limit_value(limit, sign=True), limit.unit),
            source=words.source(limit),
            edition=limit.edition,
            grade=words.say(f"grades.{limit.grade.value}"),
            role=words.say(f"roles.{limit.role.value}"),
        )
        for limit in sorted(used.values(), key=lambda row: row.id)
    )


def _circulation(result: WeeklyResult, words: Wording, around: Surroundings) -> str:
    if result.audience is Audience.WIDE and around.group_size is not None:
        return words.say("report.wide_circulation", n=around.group_size)
    return circulation(result.audience, words.say)


def _governance(result: WeeklyResult, words: Wording, around: Surroundings) -> tuple[str, ...]:
    analyst = result.audience is Audience.ANALYST
    lines = [words.say("report.governance_analyst" if analyst else "report.governance_report")]
    if around.group_size is not None and not analyst:
        lines.append(words.say("report.governance_group", n=around.group_size))
    lines.append(words.say("report.governance_purpose"))
    return tuple(lines)
