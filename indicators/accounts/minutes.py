"""One sensor at one workstation as a value a minute: what a moment is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indicators.model import Period
from indicators.reduction.kinds import DATASET, utc_days
from indicators.reduction.minutes import MINUTE_NS
from ingest.store import Partition
from sensors.quantities import Kind
from sensors.site_model import Mount

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import Posting, SiteBook

__all__ = ["SensorMinutes", "minutes_at"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ARMS = frozenset({Mount.UPPER_ARM_DOMINANT, Mount.UPPER_ARM_OTHER})
_COLUMNS = {
    Kind.NOISE: ["minute", "laeq_ns", "laeq_energy"],
    Kind.CLIMATE: ["minute", "air_ns", "air_sum"],
    Kind.POSTURE: ["minute", "inclination_bins", "inclination_samples"],
}
# Angles whose share of time the limits of arm and trunk ask for.
_ARM_DEG, _TRUNK_DEG = 60.0, 45.0


@dataclass(frozen=True, slots=True, eq=False)
class SensorMinutes:
    """Minutes of one sensor at one workstation.

    Attributes
    ----------
    quantity : str
        ``laeq`` [dB(A)], ``air_temperature`` [°C], ``trunk_ge45`` or ``arm_ge60`` [% of time].
    times_ns : int64 array, shape (n,)
        Start of each minute with data.
    values : float64 array, shape (n,)
    """

    sensor: str
    kind: Kind
    worn: bool
    quantity: str
    unit: str
    times_ns: Integers
    values: Floats

    def between(self, start_ns: int, end_ns: int) -> Floats:
        """Values of the minutes that touch ``[start, end)``."""
        inside = (self.times_ns + MINUTE_NS > start_ns) & (self.times_ns < end_ns)
        return self.values[inside]

    def mean(self, values: Floats, axis: int | None = None) -> Any:
        """Mean over minutes: of energy for a level, else arithmetic."""
        if self.kind is Kind.NOISE:
            return 10.0 * np.log10(np.mean(10.0 ** (values / 10.0), axis=axis))
        return np.mean(values, axis=axis)

    def stretches(self, minutes: int) -> Floats:
        """Means of all whole, unbroken stretches of so many minutes, one after another."""
        found: list[Floats] = []
        breaks = np.flatnonzero(np.diff(self.times_ns) != MINUTE_NS) + 1
        for run in np.split(self.values, breaks):
            whole = run.size // minutes
            if whole:
                found.append(np.asarray(self.mean(run[: whole * minutes].reshape(whole, minutes), axis=1)))
        return np.concatenate(found) if found else np.zeros(0)


def minutes_at(book: SiteBook, store: Store, workstation: str, period: Period) -> tuple[SensorMinutes, ...]:
    """Minutes of every sensor at a workstation in a period; pauses and exclusions are left out."""
    found = []
    for sensor in book.site.sensors:
        postings = [
            row
            for row in book.assignments(sensor.id, period.start_ns, period.end_ns)
            if row.workstation == workstation
        ]
        for worn in (False, True):
            own = [row for row in postings if (row.mount.worn or row.wearer is not None) is worn]
            if own:
                made = _minutes(book, store, sensor.id, sensor.kind, own, period, worn=worn)
                found += [made] if made is not None else []
    return tuple(found)


def _minutes(
    book: SiteBook,
    store: Store,
    sensor: str,
    kind: Kind,
    postings: list[Posting],
    period: Period,
    *,
    worn: bool,
) -> SensorMinutes | None:
    quantity, unit = _quantity(kind, postings[0].mount)
    site = book.site.site.id
    times: list[Integers] = []
    values: list[Floats] = []
    for day in utc_days(period.start_ns, period.end_ns):
        table = store.read_summary(DATASET, Partition(kind, site, sensor, day), _COLUMNS[kind])
        if table is None or not table.num_rows:
            continue
        minute = table.column("minute").cast("int64").to_numpy()
        value = _values(kind, quantity, table)
        known = np.isfinite(value)
        times.append(minute[known])
        values.append(value[known])
    if not times:
        return None
    moments, figures = np.concatenate(times), np.concatenate(values)
    spans = [(row.start_ns, row.end_ns) for row in postings]
    removed = [
        *((row.start_ns, row.end_ns) for row in book.exclusions(sensor, period.start_ns, period.end_ns)),
        *book.pauses(sensor, period.start_ns, period.end_ns),
    ]
    kept = _inside(moments, spans) & ~_inside(moments, removed)
    if not kept.any():
        return None
    return SensorMinutes(sensor, kind, worn, quantity, unit, moments[kept], figures[kept])


def _inside(moments: Integers, spans: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
    inside = np.zeros(moments.size, bool)
    for start, end in spans:
        inside |= (moments >= start) & (moments < end)
    return inside


def _quantity(kind: Kind, mount: Mount) -> tuple[str, str]:
    if kind is Kind.NOISE:
        return "laeq", "dB(A)"
    if kind is Kind.CLIMATE:
        return "air_temperature", "°C"
    return ("arm_ge60", "%") if mount in _ARMS else ("trunk_ge45", "%")


def _values(kind: Kind, quantity: str, table: Any) -> Floats:
    if kind is not Kind.POSTURE:
        names = ("laeq_energy", "laeq_ns") if kind is Kind.NOISE else ("air_sum", "air_ns")
        total, present = (table.column(name).to_numpy().astype(np.float64) for name in names)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / (present / 1e9)
            return np.where(present > 0, 10.0 * np.log10(mean) if kind is Kind.NOISE else mean, np.nan)
    return _share(table, _ARM_DEG if quantity == "arm_ge60" else _TRUNK_DEG)


def _share(table: Any, angle_deg: float) -> Floats:
    """Share of each minute's time at or beyond an angle [%], from its 1° histogram."""
    bins = table.column("inclination_bins").combine_chunks()
    held = table.column("inclination_samples").combine_chunks().values.to_numpy().astype(np.float64)
    row = np.repeat(np.arange(len(bins)), np.diff(bins.offsets.to_numpy()))
    beyond = bins.values.to_numpy() >= angle_deg
    total = np.bincount(row, held, len(bins))
    with np.errstate(invalid="ignore"):
        return np.asarray(100.0 * np.bincount(row[beyond], held[beyond], len(bins)) / total, np.float64)
