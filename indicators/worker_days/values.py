"""One value a worker-day for any indicator: what comparisons and plans are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from indicators.context import build_context
from indicators.model import Factor, Period, Scope
from indicators.reduction.service import reduce_partitions
from indicators.weekly import assess_days, to_period
from indicators.worker_days.joining import worker_days
from indicators.worker_days.merging import MergedDay, merge_days
from sensors.quantities import Kind
from sensors.site_model import Workstation

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["DayValue", "Measured", "day_values", "measured_days", "merged_between"]


@dataclass(frozen=True, slots=True)
class DayValue:
    """Value of one indicator on one worker-day.

    Attributes
    ----------
    setting : str
        Sensor model, mount and kind of calibration: values of different settings are not compared.
    """

    indicator: str
    factor: Factor
    unit: str
    day: date
    shift: str
    wearer: str | None
    value: float
    worn: bool
    setting: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Worker-days of one workstation and the span of dates they were looked for in."""

    workstation: str
    period: Period
    values: tuple[DayValue, ...]

    def of(self, indicator: str) -> tuple[DayValue, ...]:
        """Values of one indicator in time order."""
        return tuple(item for item in self.values if item.indicator == indicator)


def measured_days(
    book: SiteBook, store: Store, workstation: str, period: DatePeriod, *, reduce: bool = True
) -> Measured:
    """Every indicator of every worker-day of `workstation` within `period`, both dates included."""
    span = to_period(book, period)
    merged = merged_between(book, store, workstation, period, reduce=reduce)
    return Measured(workstation, span, day_values(book, book.workstation(workstation), span, merged))


def merged_between(
    book: SiteBook, store: Store, workstation: str, period: DatePeriod, *, reduce: bool = True
) -> list[MergedDay]:
    """Worker-days of `workstation` within `period` that hold data."""
    if reduce:
        reduce_partitions(book, store, period.first, period.last)
    return merge_days(store, worker_days(book, period.first, period.last, workstation=workstation))


def day_values(
    book: SiteBook, station: Workstation, period: Period, days: Sequence[MergedDay]
) -> tuple[DayValue, ...]:
    """Assess each worker-day by itself, with the very functions that make the weekly result."""
    groups: dict[tuple[Kind, date, str, str | None], list[MergedDay]] = defaultdict(list)
    for item in days:
        if item.minutes:
            groups[item.day.kind, item.day.day, item.day.shift, item.day.wearer].append(item)
    found: list[DayValue] = []
    for (kind, day, shift, wearer), parts in sorted(groups.items(), key=lambda pair: str(pair[0])):
        context = build_context(book, station, shift, period)
        setting = _setting(book, parts)
        found += [
            DayValue(item.id, item.factor, item.unit, day, shift, wearer, item.value, item.worn, setting)
            for item in assess_days(kind, [part.content for part in parts], context)
            if item.scope is Scope.USUAL and item.value is not None
        ]
    return tuple(found)


def _setting(book: SiteBook, parts: Sequence[MergedDay]) -> str:
    described = set()
    for part in parts:
        sensor = book.sensor(part.day.sensor)
        calibration = book.calibration_at(part.day.sensor, part.day.start_ns)
        kind = "none" if calibration is None else calibration.kind
        described.add(f"{sensor.model or 'model not stated'}, {part.day.mount.value}, calibration {kind}")
    return "; ".join(sorted(described))
