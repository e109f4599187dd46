"""Which worker-days speak for a workstation's noise, and what they share: instrument, position, time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indicators.context import AssessmentContext
from indicators.coverage_notes import days_left_out
from indicators.model import Note
from indicators.noise.iso9612 import noise_rule
from indicators.reduction.minutes import MINUTE_NS, period_ns
from indicators.reduction.noise import NoiseDay
from indicators.table_files import toml_table
from sensors.site_model import InstrumentClass

__all__ = [
    "Basis",
    "choose_days",
    "day_level_db",
    "hours",
    "normalised_levels",
    "valid_days",
]

Floats = NDArray[np.float64]

_HOUR_NS = 3_600_000_000_000
_NOTABLE_SHARE = 0.01
_THIN = 0.5
_PRESENT_MINUTES = 0.8


@dataclass(frozen=True, slots=True)
class Basis:
    """The worker-days used, how they were measured, and what must be said about it.

    Attributes
    ----------
    days : tuple of NoiseDay
        Worn days when a worn sensor gave a valid shift, else those of fixed microphones; never both.
    valid : tuple of NoiseDay
        Those with enough valid time to be a sample.
    worn : bool
        Whether a person carried the sensor.
    u2_db, u3_db : float
        Standard uncertainty of instrument and position [dB].
    te_h : float or None
        Effective duration of the day [h]; ``None`` when a fixed microphone has no occupancy hours.
    notes : tuple of Note
        Quality remarks that hold for every indicator of the set.
    """

    days: tuple[NoiseDay, ...]
    valid: tuple[NoiseDay, ...]
    worn: bool
    u2_db: float
    u3_db: float
    te_h: float | None
    notes: tuple[Note, ...]

    @property
    def n_wearers(self) -> int:
        """Distinct wearers of the valid days."""
        return len({day.day.wearer for day in self.valid if day.day.wearer is not None})

    def within(self, context: AssessmentContext) -> Basis:
        """The worker-days of the period alone; the same basis where it holds no others."""
        days = tuple(day for day in self.days if context.in_period(day.day.day))
        if len(days) == len(self.days):
            return self
        valid = tuple(day for day in self.valid if context.in_period(day.day.day))
        return replace(self, days=days, valid=valid)

    def coverage(self, part_ns: Callable[[NoiseDay], int]) -> float:
        """Part of the expected time of the valid days (of all days, when none is valid) with a quantity."""
        days = self.valid or self.days
        expected = sum(day.day.expected_ns for day in days)
        return min(1.0, sum(part_ns(day) for day in days) / expected) if expected > 0 else 0.0


def choose_days(days: Sequence[NoiseDay], context: AssessmentContext) -> Basis:
    """Worker-days that speak for the workstation: a worn dosimeter beats a fixed microphone.

    Parameters
    ----------
    days : sequence of NoiseDay
        All worker-days of one (workstation, shift).
    context : AssessmentContext
        Site and workstation.
    """
    ordered = tuple(
        sorted(days, key=lambda item: (item.day.start_ns, item.day.sensor, item.day.wearer or ""))
    )
    worn = tuple(day for day in ordered if day.day.mount.worn)
    fixed = _loudest_microphones([day for day in ordered if not day.day.mount.worn])
    use_worn = bool(valid_days(worn)) or (bool(worn) and not valid_days(fixed))
    chosen = worn if use_worn else fixed
    valid = valid_days(chosen)
    u2, instrument_notes = _instrument(chosen, context)
    notes = [*instrument_notes, *_quality(chosen, valid, context)]
    if use_worn and fixed:
        notes.append(Note("fixed_left_out", {"days": len(fixed)}))
    if chosen and not use_worn:
        notes.insert(0, Note("area_estimate", {"u3_db": _position("fixed")}))
        if worn:
            notes.append(Note("worn_too_short", {"days": len(worn)}))
    return Basis(
        days=chosen,
        valid=valid,
        worn=use_worn,
        u2_db=u2,
        u3_db=_position("worn" if use_worn else "fixed"),
        te_h=_effective_hours(valid or chosen, context, worn=use_worn),
        notes=tuple(notes),
    )


def valid_days(days: Sequence[NoiseDay]) -> tuple[NoiseDay, ...]:
    """Worker-days with enough valid time to be a sample."""
    return tuple(day for day in days if day.laeq_ns > 0 and day.coverage >= noise_rule("valid_share"))


def day_level_db(day: NoiseDay) -> float:
    """LAeq over the measured time of a worker-day [dB(A)]."""
    return 10.0 * math.log10(day.laeq_energy / (day.laeq_ns * 1e-9))


def hours(nanoseconds: int) -> float:
    """Nanoseconds as hours."""
    return nanoseconds / _HOUR_NS


def normalised_levels(basis: Basis) -> Floats:
    """Level of each valid day over the mean duration of them all [dB(A)].

    Days of one length keep their LAeq; of others the energy is what counts, so that the energy mean of these
    levels over ``te_h`` is the energy mean of the daily LEX,8h.
    """
    levels = np.array([day_level_db(day) for day in basis.valid])
    expected = np.array([hours(day.day.expected_ns) for day in basis.valid])
    return np.asarray(levels + 10.0 * np.log10(expected / expected.mean())) if levels.size else levels


def _loudest_microphones(days: Sequence[NoiseDay]) -> tuple[NoiseDay, ...]:
    """One fixed microphone a shift, the loudest of those that heard enough of it: the place is one sample."""
    kept: dict[int, NoiseDay] = {}
    for day in days:
        other = kept.get(day.day.start_ns)
        if other is None or _rank(day) > _rank(other):
            kept[day.day.start_ns] = day
    return tuple(kept.values())


def _rank(day: NoiseDay) -> tuple[bool, float]:
    return bool(valid_days([day])), day_level_db(day) if day.laeq_ns else -np.inf


def _effective_hours(days: Sequence[NoiseDay], context: AssessmentContext, *, worn: bool) -> float | None:
    if not worn:
        return context.workstation.occupancy_hours
    if not days:
        return None
    return float(np.mean([hours(day.day.expected_ns) for day in days]))


def _instrument(days: Sequence[NoiseDay], context: AssessmentContext) -> tuple[float, list[Note]]:
    """Largest u2 of the instruments used, and a note where it had to be assumed."""
    rows = toml_table("noise")["instrument"]
    found = {}
    notes = []
    for identifier in sorted({day.day.sensor for day in days}):
        sensor = context.book.sensor(identifier)
        found[identifier] = sensor.u2_db or float(rows[sensor.instrument_class.value]["u2_db"])
        if sensor.instrument_class is InstrumentClass.UNKNOWN:
            notes.append(Note("instrument_unknown", {"sensor": identifier, "u2_db": found[identifier]}))
        elif not _checked(identifier, context):
            notes.append(Note("microphone_unchecked", {"sensor": identifier}))
    worst = max(found.values(), default=float(rows[InstrumentClass.UNKNOWN.value]["u2_db"]))
    return worst, notes


def _checked(sensor: str, context: AssessmentContext) -> bool:
    """Whether the microphone was checked before and after, so that a drift would have been seen."""
    return any(
        row.sensor == sensor and row.level_before_db is not None and row.level_after_db is not None
        for row in context.book.site.calibrations
    )


def _position(kind: str) -> float:
    return float(toml_table("noise")["position"][kind]["u3_db"])


def _quality(days: Sequence[NoiseDay], valid: Sequence[NoiseDay], context: AssessmentContext) -> list[Note]:
    notes = []
    if len(valid) < len(days):
        notes.append(days_left_out(len(days) - len(valid), len(days), noise_rule("valid_share")))
    covered = sum(day.laeq_ns for day in days)
    for code, part in (
        ("stuck_readings", sum(day.stuck_ns for day in days)),
        ("constant_levels", sum(day.constant_ns for day in days)),
        ("overload", sum(day.clipped_ns for day in days)),
    ):
        if part > _NOTABLE_SHARE * max(covered, 1):
            notes.append(Note(code, {"hours": round(hours(part), 1)}))
    if _period_in_doubt(days, context):
        notes.append(Note("period_in_doubt", {"sensor": days[0].day.sensor}))
    return notes


def _period_in_doubt(days: Sequence[NoiseDay], context: AssessmentContext) -> bool:
    """Whether readings come in every minute and still cover little: the declared period is too short."""
    for day in days:
        if day.coverage >= _THIN:
            continue
        minutes = day.minute_laeq_ns[day.minute_laeq_ns > 0]
        expected = day.day.expected_ns / MINUTE_NS
        if minutes.size < _PRESENT_MINUTES * expected or not minutes.size:
            continue
        period = period_ns(context.book.sensor(day.day.sensor), "laeq")
        if float(np.median(minutes)) < _THIN * min(MINUTE_NS, max(period, MINUTE_NS)):
            return True
    return False
