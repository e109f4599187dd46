"""Which posture days speak for a workstation, sensor by sensor, and what must be said about them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from statistics import fmean
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import Reference
from indicators.coverage_notes import days_left_out
from indicators.model import Note
from indicators.posture.kept import with_figures
from indicators.posture.measures import Measure, Needs, Segment, segment_of
from indicators.reduction.posture_day import PostureDay, PostureFigures
from indicators.table_files import toml_table
from sensors.site_model import Mount

__all__ = ["PostureGroup", "SiteDate", "posture_groups", "quality_notes"]

T = TypeVar("T")

_MINUTE_NS = 60e9
_HOUR_NS = 3_600e9
_FIRST_CHOICE = (
    Mount.UPPER_BACK,
    Mount.STERNUM,
    Mount.LOWER_BACK,
    Mount.UPPER_ARM_DOMINANT,
    Mount.UPPER_ARM_OTHER,
    Mount.HEAD,
    Mount.THIGH,
)
_PLAIN_ARM = Mount.UPPER_ARM_DOMINANT
_STUCK_HALF = 0.5


@dataclass(frozen=True, slots=True)
class SiteDate:
    """One site date of some worker-days: their places among them, and their mean coverage."""

    name: str
    places: tuple[int, ...]
    coverage: float


@dataclass(frozen=True, eq=False)
class PostureGroup:
    """Worker-days seen by sensors on one mount.

    Attributes
    ----------
    segment : Segment
    suffix : str
        Appended to indicator ids where another mount already speaks for the segment.
    days : tuple of PostureDay
        All worker-days with their figures, in time order.
    """

    segment: Segment
    suffix: str
    days: tuple[PostureDay, ...]

    @cached_property
    def figures(self) -> tuple[PostureFigures, ...]:
        """Figures of each worker-day."""
        return tuple(day.figures for day in self.days if day.figures is not None)

    def of(self, chosen: Sequence[PostureDay]) -> PostureGroup:
        """The same mount with these worker-days only."""
        return self if len(chosen) == len(self.days) else replace(self, days=tuple(chosen))

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What follows from these worker-days alone under a name, made the first time it is asked for."""
        if name not in self._made:
            self._made[name] = make()
        found: T = self._made[name]
        return found

    def valid(self, minimum: float) -> PostureGroup:
        """Worker-days with enough worn time and values that move."""
        return self.once(
            ("valid", minimum), lambda: self.of([day for day in self.days if _is_valid(day, minimum)])
        )

    def based(self, needs: Needs) -> PostureGroup:
        """Worker-days whose reference postures allow measures with these needs."""
        return self.once(
            ("based", needs), lambda: self.of([day for day in self.days if _has_reference(day, needs)])
        )

    def pooled_ns(self, angle: str) -> NDArray[np.int64]:
        """Histogram of an angle over these worker-days [ns]."""
        return self.once(
            ("pooled", angle),
            lambda: np.sum(
                [day.flexion_ns if angle == "flexion" else day.inclination_ns for day in self.days], axis=0
            ),
        )

    @cached_property
    def coverage(self) -> float:
        """Worn, valid part of the expected time of these worker-days."""
        expected = sum(day.day.expected_ns for day in self.days)
        return min(1.0, sum(day.valid_ns for day in self.days) / expected) if expected > 0 else 0.0

    @cached_property
    def wearers(self) -> tuple[str | None, ...]:
        """Who wore the sensor on each worker-day."""
        return tuple(day.day.wearer for day in self.days)

    @cached_property
    def n_wearers(self) -> int:
        """Distinct wearers."""
        return len(set(self.wearers) - {None})

    @cached_property
    def worn(self) -> bool:
        """Whether a person carried the sensor."""
        return any(day.day.mount.worn for day in self.days)

    @cached_property
    def velocity_bases(self) -> tuple[str, ...]:
        """Ways in which the velocity of these worker-days was found, the first day's first."""
        return tuple(
            dict.fromkeys(f"{day.velocity_method}, {day.lowpass_hz:g} Hz low-pass" for day in self.days)
        )

    @cached_property
    def angle_bases(self) -> tuple[str, ...]:
        """How the angles of these worker-days were smoothed, and what joined a gyroscope to them."""
        cutoffs = sorted({f"{day.lowpass_hz:g} Hz" for day in self.days if not math.isnan(day.lowpass_hz)})
        smoothed = [f"{', '.join(cutoffs)} zero-phase low-pass"] if cutoffs else []
        return (*smoothed, *sorted({day.fused_by for day in self.days if day.fused_by}))

    @cached_property
    def dates(self) -> tuple[SiteDate, ...]:
        """Site dates of these worker-days in time order."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, day in enumerate(self.days):
            places[day.day.day.isoformat()].append(place)
        return tuple(
            SiteDate(name, tuple(own), fmean([self.days[place].coverage for place in own]))
            for name, own in sorted(places.items())
        )

    @cached_property
    def reference_notes(self) -> tuple[Note, ...]:
        """What the reference postures of these worker-days leave open."""
        if all(day.reference is not Reference.ESTIMATED for day in self.days):
            return ()
        error = max((day.error_deg for day in self.days if not math.isnan(day.error_deg)), default=math.nan)
        stated = toml_table("posture")["uncertainty"]["estimated_deg"] if math.isnan(error) else error
        return (Note("estimated_reference", {"error_deg": float(stated)}),)

    @cached_property
    def break_notes(self) -> tuple[Note, ...]:
        """That planned breaks were taken for rest."""
        breaks_ns = [day.break_ns for day in self.days]
        return (
            (Note("breaks_as_rest", {"minutes": round(fmean(breaks_ns) / _MINUTE_NS)}),)
            if any(breaks_ns)
            else ()
        )

    @cached_property
    def sensor_notes(self) -> tuple[Note, ...]:
        """Remarks on the sensors of these worker-days, whatever is made of them."""
        return tuple(_sensor_notes(self.days, toml_table("posture")["remarks"]))


def posture_groups(days: Sequence[PostureDay]) -> tuple[PostureGroup, ...]:
    """Worker-days by mount: the best mount of a segment speaks for it, others carry their name.

    Parameters
    ----------
    days : sequence of PostureDay
        Of one (workstation, shift); mounts that describe no segment are left out.
    """

    def place(day: PostureDay) -> tuple[int, int, str, str]:
        return (
            _FIRST_CHOICE.index(day.day.mount),
            day.day.start_ns,
            day.day.sensor,
            day.day.wearer or "",
        )

    known = sorted((day for day in with_figures(days) if day.day.mount in _FIRST_CHOICE), key=place)
    found: list[PostureGroup] = []
    for mount, group in groupby(known, key=lambda day: day.day.mount):
        segment = segment_of(mount)
        assert segment is not None
        taken = any(other.segment is segment for other in found)
        other_arm = segment is Segment.UPPER_ARM and mount is not _PLAIN_ARM
        suffix = f"_{mount.value}" if taken or other_arm else ""
        found.append(PostureGroup(segment, suffix, tuple(group)))
    return tuple(found)


def _is_valid(day: PostureDay, minimum: float) -> bool:
    moving = day.quality.stuck_ns <= _STUCK_HALF * day.valid_ns
    return moving and day.work_ns > 0 and day.coverage >= minimum


def _has_reference(day: PostureDay, needs: Needs) -> bool:
    """Whether a worker-day's reference postures allow a measure."""
    if needs is Needs.NOTHING:
        return True
    if day.reference is Reference.NONE:
        return False
    return needs is Needs.INCLINATION or day.splits


def quality_notes(group: PostureGroup, minimum: float, measure: Measure) -> tuple[Note, ...]:
    """Remarks on the worker-days behind a measure, most serious first."""
    used = group.valid(minimum)
    left_out = len(group.days) - len(used.days)
    notes: list[Note] = []
    if left_out:
        notes.append(days_left_out(left_out, len(group.days), minimum))
    if not used.days:
        return tuple(notes)
    notes += used.sensor_notes
    if measure.needs is not Needs.NOTHING:
        notes += used.reference_notes
    if measure.breaks:
        notes += used.break_notes
    if group.coverage < 1.0 - 1e-3:
        missing = 1.0 - used.coverage
        notes.append(Note("missing_time_alike", {"percent": round(100 * missing, 1)}))
    notes.append(_UNSEEN[group.segment])
    return tuple(notes)


_UNSEEN = {
    Segment.TRUNK: Note("unseen_trunk"),
    Segment.UPPER_ARM: Note("unseen_arm"),
    Segment.HEAD: Note("unseen_trunk"),
    Segment.THIGH: Note("unseen_thigh"),
}


def _sensor_notes(days: Sequence[PostureDay], remarks: dict[str, float]) -> list[Note]:
    total = sum(day.valid_ns for day in days)
    notes: list[Note] = []
    alone = [day for day in days if not day.fused_by]
    if len(alone) < len(days):
        fused = sorted({day.fused_by for day in days if day.fused_by})
        notes.append(Note("gyroscope_used", {"method": ", ".join(fused), "days": len(days) - len(alone)}))
    # With the gyroscope the direction of gravity is known in fast motion too.
    dynamic = 100.0 * sum(day.quality.dynamic_ns for day in alone) / total
    if dynamic >= remarks["unreliable_percent"]:
        notes.append(Note("dynamic_unreliable", {"percent": round(dynamic)}))
    elif dynamic >= remarks["dynamic_percent"]:
        notes.append(Note("dynamic_motion", {"percent": round(dynamic)}))
    slipped = [day.quality.slip_deg for day in days if day.quality.slip_deg >= remarks["slip_deg"]]
    if slipped:
        notes.append(Note("sensor_slip", {"days": len(slipped), "degrees": round(max(slipped))}))
    stuck = 100.0 * sum(day.quality.stuck_ns for day in days) / total
    if stuck >= remarks["stuck_percent"]:
        notes.append(Note("stuck_values", {"percent": round(stuck, 1)}))
    clipped = 100.0 * sum(day.quality.clipped_ns for day in days) / total
    if clipped >= remarks["clipped_percent"]:
        notes.append(Note("clipped_values", {"percent": round(clipped, 1)}))
    unworn = sum(day.quality.off_ns + day.quality.bench_ns for day in days)
    if unworn / _MINUTE_NS >= remarks["unworn_min"]:
        notes.append(Note("not_worn", {"hours": round(unworn / _HOUR_NS, 1)}))
    quiet = sum(day.quality.quiet_ns for day in days)
    if quiet / _MINUTE_NS >= remarks["unworn_min"]:
        notes.append(Note("still_kept", {"minutes": round(quiet / _MINUTE_NS)}))
    if any(math.isnan(day.lowpass_hz) for day in days):
        notes.append(Note("no_low_pass"))
    return notes
