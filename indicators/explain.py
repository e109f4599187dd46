"""Why a number is what it is: formula, limits, windows used and left out, sensors, calibrations, versions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from indicators.context import AssessmentContext, base_indicator, build_context, mounts_of
from indicators.disclosure.publication import is_worn
from indicators.limits import Limit, table_hash
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Note,
    Period,
    Span,
    Verdict,
    WeeklyResult,
    Withheld,
    WorkstationResult,
)
from indicators.reduction.kinds import DATASET, analysis_version, utc_days
from indicators.weekly import merged_days, software_version, to_period, weekly_result
from indicators.worker_days.merging import MergedDay
from ingest.store import Partition
from sensors.errors import UnknownNameError
from sensors.quantities import Kind
from sensors.site_model import Mount

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["Explanation", "SensorFact", "Window", "explain", "formula_code"]

_KINDS = {Factor.NOISE: Kind.NOISE, Factor.POSTURE: Kind.POSTURE, Factor.CLIMATE: Kind.CLIMATE}


@dataclass(frozen=True, slots=True)
class Window:
    """One worker-day that was looked at, and why it counts or not.

    Attributes
    ----------
    wearer : str or None
        Pseudonym; windows of worn sensors are shown to analysts only.
    coverage : float
        Part of the expected time with valid data of this indicator, 0–1.
    spans : tuple of Span
        When the sensor counted; pauses and exclusions are cut out.
    """

    day: date
    shift: str
    sensor: str
    mount: Mount
    wearer: str | None
    coverage: float
    in_period: bool
    used: bool
    reason: Note | None
    spans: tuple[Span, ...]
    calibration: str | None


@dataclass(frozen=True, slots=True)
class SensorFact:
    """A sensor behind the number."""

    id: str
    kind: Kind
    model: str | None
    instrument_class: str
    origin: str
    mounts: tuple[str, ...]
    calibrations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExcludedStretch:
    """Readings left out by hand or because of a microphone check, with the reason given."""

    sensor: str
    start_ns: int
    end_ns: int
    reason: str
    who: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything needed to defend or recompute one number.

    Attributes
    ----------
    results : tuple of Indicator
        The indicator by shift and scope; empty when it was not measured or is withheld.
    reason : Note or None
        Why there is no result.
    formula : str
        Catalogue code of the formula, in the section ``formulas``.
    limits : tuple of Limit
        Rows it is held against.
    windows : tuple of Window
        Worker-days; empty for worn sensors in the `report` audience.
    windows_used : int or None
        How many count; ``None`` for worn sensors in the `report` audience.
    windows_left_out : mapping of reason code to int
        How many do not, by reason; empty there too.
    inputs : str
        Hash over the fingerprints of all summaries behind it: equal hash, equal input.
    command : str
        Computes the number again.
    """

    workstation: str
    label: str
    indicator: str
    factor: Factor
    audience: Audience
    period: Period
    results: tuple[Indicator, ...]
    reason: Note | None
    formula: str
    limits: tuple[Limit, ...]
    windows: tuple[Window, ...]
    windows_used: int | None
    windows_left_out: Mapping[str, int]
    exclusions: tuple[ExcludedStretch, ...]
    sensors: tuple[SensorFact, ...]
    versions: Mapping[str, str]
    inputs: str
    command: str
    withheld: Withheld | None = None


def explain(
    book: SiteBook,
    store: Store,
    period: DatePeriod | Period,
    workstation: str,
    indicator: str,
    audience: Audience | str = Audience.REPORT,
    *,
    reduce: bool = True,
) -> Explanation:
    """Explain one indicator of one workstation.

    Raises
    ------
    UnknownNameError
        No such workstation, or no such indicator there (the known ones are listed).
    NotEnoughDataError
        Nothing was measured in the period.
    """
    station = book.workstation(workstation)
    span = to_period(book, period)
    result = weekly_result(book, store, span, audience, reduce=reduce, workstation=workstation)
    shown = result.workstations[0]
    context = build_context(book, station, station.shifts[0] if station.shifts else "", span)
    factor, found, reason = _find(shown, indicator, context)
    withheld = shown.withheld
    if withheld is not None and factor not in withheld.factors:
        withheld = None
    limits = tuple(row for row in context.limits_for(indicator) if row.factor == factor.value)
    kind = _KINDS.get(factor)
    days = [] if withheld is not None or kind is None else _days(book, store, span, workstation, kind)
    windows = _windows(days, indicator, context)
    worn = any(is_worn(item.day) for item in days)
    open_windows = withheld is None and not (worn and result.audience.gated)
    left_out = Counter(item.reason.code for item in windows if item.reason is not None)
    return Explanation(
        workstation=station.id,
        label=station.label,
        indicator=indicator,
        factor=factor,
        audience=result.audience,
        period=span,
        results=found,
        reason=reason,
        formula=formula_code(indicator),
        limits=limits,
        windows=windows if open_windows else (),
        windows_used=sum(item.used for item in windows) if open_windows else None,
        windows_left_out=dict(sorted(left_out.items())) if open_windows else {},
        exclusions=_exclusions(book, days, windows) if open_windows else (),
        sensors=_sensors(book, windows),
        versions={
            "software": software_version(),
            "references": table_hash(),
            "analysis": "" if kind is None else analysis_version(kind),
        },
        inputs=_inputs(store, days, windows) if open_windows else "",
        command=_command(book, result, workstation),
        withheld=withheld,
    )


# Looked up in this order: the first ending that fits names the formula.
_FAMILIES = {
    "_static_beyond_share": "static_beyond",
    "_acceptable_share": "en1005_zone",
    "_conditional_share": "en1005_zone",
    "_rest_share": "rest",
    "_share": "time_share",
    "_hold": "hold",
    "_per_min": "frequency",
    "_min": "minutes",
    "_velocity_p50": "velocity",
    "_p10": "percentile",
    "_p50": "percentile",
    "_p90": "percentile",
}


def formula_code(indicator: str) -> str:
    """Catalogue code of the formula: one for each family of posture indicators, else one an indicator."""
    base = base_indicator(indicator)
    return f"formulas.{next((key for end, key in _FAMILIES.items() if base.endswith(end)), base)}"


def _find(
    shown: WorkstationResult, indicator: str, context: AssessmentContext
) -> tuple[Factor, tuple[Indicator, ...], Note | None]:
    for factor in shown.factors:
        found = tuple(item for item in factor.indicators if item.id == indicator)
        if found:
            return factor.factor, found, _why_missing(factor, found)
    named = [row for row in context.limits if row.indicator in (indicator, base_indicator(indicator))]
    if named:
        factor_name = Factor(named[0].factor)
        result = next((item for item in shown.factors if item.factor is factor_name), None)
        reason = Note("not_measured") if result is None else result.reason
        return factor_name, (), reason or Note("not_measured")
    known = dict.fromkeys(item.id for factor in shown.factors for item in factor.indicators)
    raise UnknownNameError(
        f"{shown.id} has no such indicator",
        value=indicator,
        rule=f"one of {', '.join(known)}" if known else "nothing of this workstation is shown",
        remedy=f"vigiposte indicators --workstation {shown.id}",
        code="unknown_indicator",
    )


def _why_missing(factor: FactorResult, found: Sequence[Indicator]) -> Note | None:
    if any(item.value is not None for item in found):
        return None
    rows = [row for item in found for row in item.limits if row.verdict is Verdict.NOT_MEASURED]
    return next((row.reason for row in rows if row.reason is not None), factor.reason)


def _days(book: SiteBook, store: Store, period: Period, workstation: str, kind: Kind) -> list[MergedDay]:
    merged = merged_days(book, store, period, workstation).get(workstation, ())
    return [item for item in merged if item.day.kind is kind]


def _coverage(content: Any, indicator: str) -> float:
    """Part of the expected time that this very indicator was measured in."""
    if indicator.startswith("wbgt"):
        return float(content.wbgt_coverage)
    if indicator.startswith(("lcpeak", "noise_c2p_peaks")):
        expected = content.day.expected_ns
        return min(1.0, content.lcpeak_ns / expected) if expected > 0 else 0.0
    return float(content.coverage)


def _windows(days: Sequence[MergedDay], indicator: str, context: AssessmentContext) -> tuple[Window, ...]:
    mounts = mounts_of(indicator)
    minimum = context.minimum_coverage(indicator)
    chosen = [item for item in days if mounts is None or item.day.mount in mounts]
    measured = [(item, _coverage(item.content, indicator)) for item in chosen]
    worn_noise = any(
        item.day.kind is Kind.NOISE and item.day.mount.worn and coverage >= minimum
        for item, coverage in measured
    )
    windows = []
    for item, coverage in measured:
        day = item.day
        reason = None
        if not day.spans:
            reason = Note("window_excluded")
        elif not item.minutes or coverage == 0.0:
            reason = Note("window_without_data")
        elif coverage < minimum:
            reason = Note("window_coverage_low", {"coverage": coverage, "minimum": minimum})
        elif worn_noise and not day.mount.worn:
            reason = Note("window_fixed_beside_worn")
        calibration = context.book.calibration_at(day.sensor, day.start_ns)
        windows.append(
            Window(
                day=day.day,
                shift=day.shift,
                sensor=day.sensor,
                mount=day.mount,
                wearer=day.wearer,
                coverage=coverage,
                in_period=context.in_period(day.day),
                used=reason is None,
                reason=reason,
                spans=day.spans,
                calibration=None if calibration is None else calibration.id,
            )
        )
    return tuple(windows)


def _exclusions(
    book: SiteBook, days: Sequence[MergedDay], windows: Sequence[Window]
) -> tuple[ExcludedStretch, ...]:
    sensors = {window.sensor for window in windows}
    found = {
        ExcludedStretch(row.sensor, row.start_ns, row.end_ns, row.reason, row.who)
        for item in days
        if item.day.sensor in sensors
        for row in book.exclusions(item.day.sensor, item.day.start_ns, item.day.end_ns)
    }
    return tuple(sorted(found, key=lambda row: (row.start_ns, row.sensor)))


def _sensors(book: SiteBook, windows: Sequence[Window]) -> tuple[SensorFact, ...]:
    facts = []
    for identifier in dict.fromkeys(window.sensor for window in windows):
        sensor = book.sensor(identifier)
        own = [window for window in windows if window.sensor == identifier]
        facts.append(
            SensorFact(
                id=sensor.id,
                kind=sensor.kind,
                model=sensor.model,
                instrument_class=sensor.instrument_class.value,
                origin=sensor.origin.value,
                mounts=tuple(sorted({window.mount.value for window in own})),
                calibrations=tuple(sorted({window.calibration for window in own if window.calibration})),
            )
        )
    return tuple(facts)


def _inputs(store: Store, days: Sequence[MergedDay], windows: Sequence[Window]) -> str:
    used = {(window.sensor, window.day, window.shift) for window in windows if window.used}
    partitions = {
        Partition(item.day.kind, item.day.site, item.day.sensor, moment)
        for item in days
        if (item.day.sensor, item.day.day, item.day.shift) in used
        for moment in utc_days(item.day.start_ns, item.day.end_ns)
    }
    digest = hashlib.sha256()
    for partition in sorted(partitions):
        metadata = store.summary_metadata(DATASET, partition) or {}
        state = f"{partition.sensor} {partition.day} {metadata.get('fingerprint')} {metadata.get('basis')}"
        digest.update(state.encode())
    return digest.hexdigest()[:16] if partitions else ""


def _command(book: SiteBook, result: WeeklyResult, workstation: str) -> str:
    period = result.period
    dates = f"--week {period.week}" if period.week else f"--from {period.first} --to {period.last}"
    audience = "" if result.audience is Audience.REPORT else f" --audience {result.audience.value}"
    return f"vigiposte indicators --site {book.path} {dates} --workstation {workstation} --json{audience}"
