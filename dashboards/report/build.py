"""From a `WeeklyResult` to what the report says, in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboards import typography
from dashboards.catalogue import Run, catalogue
from dashboards.plots import whiskers
from dashboards.plots.verdicts import WITHHELD, unit_chart
from dashboards.plots.whiskers import MOVING
from dashboards.report.changes import changes
from dashboards.report.figures import figures
from dashboards.report.model import (
    Cell,
    CoverageRow,
    FactorBlock,
    LimitRow,
    NextStep,
    RankRow,
    ReportView,
    ScaleRow,
    Station,
    Tally,
)
from dashboards.report.reasons import why_rows
from dashboards.report.sentences import lead, station_lead, verdict_counts
from dashboards.wording import SEVERITY, Mark, Wording, headline, indicator_verdict, ranking_assessment
from indicators.limits import Comparison, Limit, Role
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    LimitAssessment,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)

__all__ = ["Surroundings", "build_view", "factor_block", "rank_row"]

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
_TO_WATCH = (Verdict.ABOVE, Verdict.NOT_SETTLED)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside the result in a report: the period before, sensor health, exclusions, names.

    Attributes
    ----------
    previous : WeeklyResult, optional
        The period before, for what changed.
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
    """

    previous: WeeklyResult | None = None
    health: Sequence[tuple[str, ...]] = ()
    exclusions: Sequence[tuple[str, ...]] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    group_size: int | None = None


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
    methods = tuple(sorted({words.method(i.method) for i in _indicators(result) if i.method}))
    factors = _factors(result)
    watched = [station for station in result.workstations if _to_watch(station) and not summary]
    return ReportView(
        language=words.language,
        site=result.site_label,
        title=_title(result, words),
        period=_period(result, words),
        subtitle=_subtitle(result, words),
        circulation=words.say("report.not_for_circulation") if result.audience is Audience.ANALYST else "",
        lead=lead(result, words),
        tallies=_tallies(result, words),
        factors=tuple((factor.value, words.factor(factor)) for factor in factors),
        ranking=tuple(rank_row(station, factors, words) for station in result.workstations),
        next_steps=_next_steps(result, words),
        changes=changes(result, around.previous, words),
        changes_note=words.say("report.changes_first" if around.previous is None else "report.changes_none"),
        stations=tuple(_station(station, result, words) for station in watched),
        others=_others(result, words),
        projections=() if summary else _projections(result, words),
        coverage=() if summary else _coverage(result, words),
        health=tuple(around.health),
        exclusions=tuple(around.exclusions),
        limits=_limits(result, words),
        reasons=tuple(row for station in watched for row in why_rows(station, result, words, around.origins)),
        notes=tuple(words.note(note) for note in result.notes),
        methods=methods,
        methods_line=words.say("report.methods_used", methods=words.listing(methods)),
        footer=words.rich("report.footer"),
        glossary=tuple(
            (words.say(f"glossary.{key}.term"), words.say(f"glossary.{key}.text")) for key in _GLOSSARY
        ),
        governance=_governance(result, words, around),
        versions=(
            (words.say("report.version_software"), f"Vigiposte {result.version}"),
            (words.say("report.version_limits"), result.references),
            (words.say("report.version_period"), _span(result)),
        ),
        words=_section(words, "report") | _section(words, "pages"),
    )


def _section(words: Wording, name: str) -> dict[str, str]:
    prefix = f"{name}."
    return {
        code.removeprefix(prefix): words.say(code)
        for code in catalogue(words.language)
        if code.startswith(prefix)
    }


def _to_watch(station: WorkstationResult) -> bool:
    return any(factor.verdict in _TO_WATCH for factor in station.factors)


def _quiet(station: WorkstationResult) -> bool:
    return not _to_watch(station) and not (station.withheld and not station.factors)


def _others(result: WeeklyResult, words: Wording) -> str:
    quiet = words.listing(station.label for station in result.workstations if _quiet(station))
    return words.say("report.others_below", stations=quiet) if quiet else ""


def _title(result: WeeklyResult, words: Wording) -> str:
    if result.period.week:
        return words.say("report.week_title", week=str(int(result.period.week.split("-W")[1])))
    return words.say("report.period_title")


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


def rank_row(station: WorkstationResult, factors: Sequence[Factor], words: Wording) -> RankRow:
    """One line of the ranking table: every factor side by side, or why it is withheld."""
    by_factor = {factor.factor: factor for factor in station.factors}
    held = station.withheld
    withheld = ""
    if held is not None:
        withheld = words.note(held.reason)
    cells = []
    for factor in factors:
        found = by_factor.get(factor)
        if found is not None:
            cells.append(_cell(found, words))
        elif held is not None and factor in held.factors:
            cells.append(_withheld_cell(factor, words))
        else:
            cells.append(_missing_cell(factor, words))
    return RankRow(
        rank="" if station.rank is None else str(station.rank),
        id=station.id,
        label=station.label,
        detail=", ".join(part for part in (station.family or "", words.measured(station)) if part),
        cells=tuple(cells),
        next_step=_next_of(station, words),
        withheld=withheld,
    )


def _next_of(station: WorkstationResult, words: Wording) -> str:
    ordered = sorted(station.factors, key=lambda factor: -SEVERITY[factor.verdict])
    notes = list(dict.fromkeys(words.note(factor.next_best) for factor in ordered if factor.next_best))
    return " · ".join(note.rstrip(".") for note in notes[:2])


def _withheld_cell(factor: Factor, words: Wording) -> Cell:
    return Cell(
        factor=factor.value,
        factor_label=words.factor(factor),
        mark=Mark("withheld", words.say("report.withheld"), WITHHELD),
    )


def _missing_cell(factor: Factor, words: Wording) -> Cell:
    return Cell(
        factor=factor.value,
        factor_label=words.factor(factor),
        mark=words.mark(Verdict.NOT_MEASURED),
        reason=words.say("report.no_sensor"),
    )


def _cell(result: FactorResult, words: Wording) -> Cell:
    indicator = headline(result)
    if indicator is None:
        return Cell(
            factor=result.factor.value,
            factor_label=words.factor(result.factor),
            mark=words.mark(result.verdict),
            reason=words.note(result.reason) or words.say("report.no_sensor"),
        )
    measured = indicator.value is not None
    return Cell(
        factor=result.factor.value,
        factor_label=words.factor(result.factor),
        mark=words.mark(result.verdict),
        indicator=words.indicator(indicator.id, short=True),
        value=words.value(indicator) if measured else "",
        unit=words.unit(indicator.unit) if measured else "",
        interval=words.interval(indicator),
        limit=words.limit_summary(result, indicator),
        whisker=whiskers.cell(words.reading(indicator, result.verdict)),
        reason="" if measured else words.note(result.reason) or _coverage_reason(indicator, words),
    )


def _coverage_reason(indicator: Indicator, words: Wording) -> str:
    return words.say("report.coverage_low", coverage=words.percent(indicator.coverage))


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
        detail=", ".join(part for part in (station.family or "", words.measured(station)) if part),
        lead=station_lead(station, words),
        to_measure=tuple(
            dict.fromkeys(
                words.note(factor.next_best)
                for factor in station.factors
                if factor.next_best is not None and factor.verdict is not Verdict.BELOW
            )
        ),
        blocks=tuple(factor_block(station.id, factor, result, words) for factor in station.factors),
        figures=figures(station, result.audience, words),
    )


def factor_block(station: str, factor: FactorResult, result: WeeklyResult, words: Wording) -> FactorBlock:
    """All usual-scope indicators of a factor, the week's value beside each."""
    weekly = {(i.id, i.shift): i for i in factor.indicators if i.scope is Scope.WEEK}
    usual = [i for i in factor.indicators if i.scope is Scope.USUAL]
    alone = [i for i in weekly.values() if not any((u.id, u.shift) == (i.id, i.shift) for u in usual)]
    rows = [
        _scale_row(station, indicator, weekly.get((indicator.id, indicator.shift)), result, words)
        for indicator in sorted([*usual, *alone], key=_weight)
    ]
    return FactorBlock(
        factor=factor.factor.value,
        label=words.factor(factor.factor),
        mark=words.mark(factor.verdict),
        headline=words.note(factor.reason),
        rows=tuple(row for row in rows if row.mark.css != "info"),
        extra=tuple(row for row in rows if row.mark.css == "info"),
        remarks=tuple(dict.fromkeys(note for row in rows for note in row.quality)),
    )


def _weight(indicator: Indicator) -> tuple[float, float]:
    verdict = indicator_verdict(indicator)
    row = ranking_assessment(indicator)
    severity = -1 if verdict is None else SEVERITY[verdict]
    return (-severity, -(row.ratio or 0.0) if row else 0.0)


def _judged(indicator: Indicator) -> LimitAssessment | None:
    moving = [row for row in indicator.limits if row.limit.role in MOVING]
    if not moving:
        return indicator.limits[0] if indicator.limits else None
    worst = max(SEVERITY[row.verdict] for row in moving)
    rows = sorted((row for row in moving if SEVERITY[row.verdict] == worst), key=lambda row: row.limit.value)
    upward = rows[0].limit.comparison in (Comparison.AT_LEAST, Comparison.MORE_THAN)
    # Above several limits: the farthest one passed. Otherwise the first one met on the way there.
    return rows[-1] if upward is (worst == SEVERITY[Verdict.ABOVE]) else rows[0]


def _scale_row(
    station: str,
    indicator: Indicator,
    week: Indicator | None,
    result: WeeklyResult,
    words: Wording,
) -> ScaleRow:
    judged = _judged(indicator)
    reasons = [words.note(row.reason) for row in indicator.limits if row.reason is not None]
    period = f" --week {result.period.week}" if result.period.week else ""
    return ScaleRow(
        indicator=indicator.id,
        label=words.indicator(indicator.id),
        method=words.method(indicator.method),
        value=words.value(indicator),
        unit=words.unit(indicator.unit) if indicator.value is not None else "",
        interval=words.interval(indicator),
        scale=whiskers.full_scale(words.reading(indicator), words.number),
        scale_narrow=whiskers.full_scale(words.reading(indicator), words.number, narrow=True),
        limit=_limit_text(judged, words),
        source="" if judged is None else words.source(judged.limit),
        grade="" if judged is None else words.grade(judged.limit),
        coverage=words.percent(indicator.coverage),
        days=words.days(indicator),
        mark=words.mark(indicator_verdict(indicator)),
        reason=reasons[0] if reasons else "",
        quality=tuple(words.note(note) for note in indicator.quality),
        shift=words.name(indicator.shift),
        shift_id=indicator.shift,
        week=_week_text(week, words),
        command=f"vigiposte explain {station} {indicator.id}{period}",
    )


def _limit_text(judged: LimitAssessment | None, words: Wording) -> str:
    if judged is None:
        return words.say("report.no_limit")
    figure = words.limit_value(judged.limit, sign=True)
    unit = words.unit(judged.limit.unit)
    return f"{typography.quantity(figure, unit)}, {words.limit_name(judged.limit)}"


def _week_text(week: Indicator | None, words: Wording) -> str:
    if week is None or week.value is None:
        return ""
    shown = f"{words.value(week)} {words.interval(week)}".strip()
    return words.say("report.this_week", value=shown)


def _projections(result: WeeklyResult, words: Wording) -> tuple[tuple[str, ScaleRow], ...]:
    return tuple(
        (station.label, _scale_row(station.id, indicator, None, result, words))
        for station in result.workstations
        for factor in station.factors
        for indicator in factor.indicators
        if indicator.scope is Scope.USUAL
        and any(row.limit.role is Role.PROJECTION for row in indicator.limits)
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
            value=typography.quantity(words.limit_value(limit, sign=True), words.unit(limit.unit)),
            source=words.source(limit),
            edition=limit.edition,
            grade=words.say(f"grades.{limit.grade.value}"),
            role=words.say(f"roles.{limit.role.value}"),
        )
        for limit in sorted(used.values(), key=lambda row: row.id)
    )


def _governance(result: WeeklyResult, words: Wording, around: Surroundings) -> tuple[str, ...]:
    analyst = result.audience is Audience.ANALYST
    lines = [words.say("report.governance_analyst" if analyst else "report.governance_report")]
    if around.group_size is not None:
        lines.append(words.say("report.governance_group", n=around.group_size))
    lines.append(words.say("report.governance_purpose"))
    return tuple(lines)


def plain_text(runs: Sequence[Run]) -> str:
    """Text of `runs` without styles."""
    return "".join(run.text for run in runs)
