"""What is computed of each posture day: one number an indicator, with its unit, scale and basis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from indicators.intervals import Scale
from indicators.posture.angles import DaysAngles
from indicators.posture.seconds import DaysSeconds
from indicators.reduction.posture_day import PostureDay
from sensors.site_model import Mount

__all__ = ["Measure", "Needs", "PostureFacts", "Segment", "measures_of", "segment_of"]

FloatArray = NDArray[np.float64]

_MINUTE_NS = 60e9
_SECOND_NS = 1e9
# A visit shorter than the dwell of 0.5 s is none, so no minute holds more of them.
_MOST_CROSSINGS_PER_MIN = 120.0


class Segment(StrEnum):
    """Body segment that a mount describes."""

    TRUNK = "trunk"
    UPPER_ARM = "upper_arm"
    HEAD = "head"
    THIGH = "thigh"


_SEGMENTS = {
    Mount.UPPER_BACK: Segment.TRUNK,
    Mount.STERNUM: Segment.TRUNK,
    Mount.LOWER_BACK: Segment.TRUNK,
    Mount.UPPER_ARM_DOMINANT: Segment.UPPER_ARM,
    Mount.UPPER_ARM_OTHER: Segment.UPPER_ARM,
    Mount.HEAD: Segment.HEAD,
    Mount.THIGH: Segment.THIGH,
}


def segment_of(mount: Mount) -> Segment | None:
    """Segment of a mount, or ``None`` where no posture indicator exists (wrist, calf, shoulder)."""
    return _SEGMENTS.get(mount)


class Needs(StrEnum):
    """What a measure asks of the reference postures."""

    NOTHING = "nothing"
    INCLINATION = "inclination"
    FLEXION = "flexion"


class PostureFacts:
    """What the measures of worker-days are worked out from, all days at once.

    Parameters
    ----------
    days : sequence of PostureDay
        At least one; all of one segment, with the same conditions and events observed.
    """

    def __init__(self, days: Sequence[PostureDay]) -> None:
        self.number = len(days)
        self.angles = DaysAngles(days)
        self.seconds = DaysSeconds(days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One indicator of one segment.

    Attributes
    ----------
    id, unit : str
    of : callable(PostureFacts) -> float64 array, shape (d,)
        Value of each worker-day; NaN where it cannot be told.
    scale : Scale
        Of the interval over worker-days.
    needs : Needs
        Reference the value rests on.
    method : str
        Printed with the value.
    spread : callable(PostureFacts) -> float64 array, shape (d,)
        Standard uncertainty of each day's value from the angle's own, 0 where none is stated.
    breaks : bool
        Planned breaks stay in the denominator as assumed rest.
    figure : str
        ``share``, ``percentile`` or nothing: what details it carries.
    degrees : int
        Threshold of a share or a duration.
    most : callable(PostureDay) -> float
        What the value of a day cannot exceed: an interval ends there, however few its days.
    """

    id: str
    unit: str
    of: Callable[[PostureFacts], FloatArray]
    scale: Scale
    needs: Needs
    method: str
    spread: Callable[[PostureFacts], FloatArray] = lambda facts: np.zeros(facts.number)
    breaks: bool = False
    figure: str = ""
    degrees: int = 0
    most: Callable[[PostureDay], float] = lambda _: math.inf

    @property
    def angle(self) -> str:
        """Angle that the measure rests on, as the summaries name it."""
        return "flexion" if self.needs is Needs.FLEXION else "inclination"

    @property
    def condition(self) -> str:
        """Seconds that its hours of the day are counted from; empty when it shows none."""
        return f"{self.angle}_ge{self.degrees}" if self.figure == "share" else ""


def _share_of(facts: PostureFacts, angle: str, degrees: int) -> FloatArray:
    return facts.angles.share(angle, degrees)


def _share_u(facts: PostureFacts, angle: str, degrees: int) -> FloatArray:
    return facts.angles.share_u(angle, degrees)


def _percentile_of(facts: PostureFacts, angle: str, percent: int) -> FloatArray:
    return facts.angles.percentile(angle, percent)


def _zone_of(facts: PostureFacts, body_part: str, name: str) -> FloatArray:
    return np.asarray(getattr(facts.seconds.zones(body_part), name))


def _activity_of(facts: PostureFacts, kind: str) -> FloatArray:
    return np.asarray(getattr(facts.seconds.activity, kind))


def _whole_shift_min(day: PostureDay) -> float:
    return day.day.expected_ns / _MINUTE_NS


def _minutes_of(facts: PostureFacts, angle: str, degrees: int) -> FloatArray:
    return facts.angles.share(angle, degrees) / 100.0 * facts.angles.shift_min


def _minutes_u(facts: PostureFacts, angle: str, degrees: int) -> FloatArray:
    return facts.angles.share_u(angle, degrees) / 100.0 * facts.angles.shift_min


def _shares(stem: str, angle: str, needs: Needs, thresholds: tuple[int, ...], method: str) -> list[Measure]:
    return [
        Measure(
            id=f"{stem}_ge{k}_share",
            unit="%",
            of=partial(_share_of, angle=angle, degrees=k),
            scale=Scale.PERCENT,
            needs=needs,
            method=f"{method}; share of the working day, breaks left in as rest",
            spread=partial(_share_u, angle=angle, degrees=k),
            breaks=True,
            figure="share",
            degrees=k,
        )
        for k in thresholds
    ]


def _minutes(stem: str, angle: str, needs: Needs, thresholds: tuple[int, ...], method: str) -> list[Measure]:
    return [
        Measure(
            id=f"{stem}_ge{k}_min",
            unit="min",
            of=partial(_minutes_of, angle=angle, degrees=k),
            scale=Scale.NON_NEGATIVE,
            needs=needs,
            method=f"{method}; minutes of a whole shift at the measured share",
            spread=partial(_minutes_u, angle=angle, degrees=k),
            breaks=True,
            degrees=k,
            most=_whole_shift_min,
        )
        for k in thresholds
    ]


def _percentiles(stem: str, angle: str, needs: Needs, method: str) -> list[Measure]:
    return [
        Measure(
            id=f"{stem}_p{percent}",
            unit="°",
            of=partial(_percentile_of, angle=angle, percent=percent),
            scale=Scale.IDENTITY,
            needs=needs,
            method=f"{method}; mean of daily percentiles of the whole shift",
            spread=lambda facts: facts.angles.u_deg,
            figure="percentile" if percent == 50 else "",
        )
        for percent in (10, 50, 90)
    ]


def _movement(stem: str, angle: str, needs: Needs, hold: int, event: int, method: str) -> list[Measure]:
    return [
        Measure(
            id=f"{stem}_ge{hold}_hold",
            unit="s",
            of=lambda facts: facts.seconds.longest_hold_s(f"{angle}_ge{hold}"),
            scale=Scale.NON_NEGATIVE,
            needs=needs,
            method=f"{method}; longest hold of a day, 5-s median at 1 Hz",
            most=lambda day: day.day.expected_ns / _SECOND_NS,
        ),
        Measure(
            id=f"{stem}_ge{event}_per_min",
            unit="1/min",
            of=lambda facts: facts.angles.per_minute(f"{angle}_{event}"),
            scale=Scale.NON_NEGATIVE,
            needs=needs,
            method=f"{method}; upward crossings, 5° hysteresis, 0.5 s dwell",
            most=lambda _: _MOST_CROSSINGS_PER_MIN,
        ),
    ]


def _judged(body_part: str, needs: Needs, method: str) -> list[Measure]:
    found = [
        Measure(
            id=f"{body_part}_static_beyond_share",
            unit="%",
            of=lambda facts: facts.seconds.static_beyond_percent(body_part),
            scale=Scale.PERCENT,
            needs=needs,
            method=f"ISO 11226:2000; {method}",
        )
    ]
    if body_part != Segment.HEAD:
        found += [
            Measure(
                id=f"{body_part}_en1005_{name}_share",
                unit="%",
                of=partial(_zone_of, body_part=body_part, name=name),
                scale=Scale.PERCENT,
                needs=needs,
                method=f"EN 1005-4:2005+A1:2008; {method}",
            )
            for name in ("acceptable", "conditional", "not_acceptable")
        ]
    return found


def _rest(body_part: str, method: str) -> Measure:
    return Measure(
        id=f"{body_part}_rest_share",
        unit="%",
        of=lambda facts: facts.seconds.rest.percent,
        scale=Scale.PERCENT,
        needs=Needs.INCLINATION,
        method=f"below 20° and 5° from second to second, for 3 s or more (own definition); {method}",
    )


def _any_direction() -> list[Measure]:
    stem, basis = "trunk_inclination", ("inclination", Needs.INCLINATION)
    method = "inclination to gravity in any direction"
    return [
        *_shares(stem, *basis, (30, 60, 90), method),
        *_percentiles(stem, *basis, method),
        *_movement(stem, *basis, 60, 30, method),
    ]


def _thigh() -> list[Measure]:
    return [
        Measure(
            id=f"{kind}_share",
            unit="%",
            of=partial(_activity_of, kind=kind),
            scale=Scale.PERCENT,
            needs=Needs.INCLINATION,
            method="thigh sensor: sitting from 45°, walking from 0.1 g (SD in 2 s), as Acti4",
        )
        for kind in ("sitting", "standing", "walking")
    ]


@cache
def measures_of(segment: Segment, *, splits: bool = True) -> tuple[Measure, ...]:
    """Indicators of a segment, in the order in which they are shown.

    Parameters
    ----------
    segment : Segment
    splits : bool
        Whether forward and lateral inclination are known; without, a trunk sensor adds inclination in any
        direction to what it cannot tell.
    """
    sagittal = "signed flexion, sagittal projection"
    inclined = "inclination to gravity"
    if segment is Segment.TRUNK:
        stem, basis = "trunk_flexion", ("flexion", Needs.FLEXION)
        return (
            *_shares(stem, *basis, (20, 45, 60), sagittal),
            *_minutes(stem, *basis, (20, 45), sagittal),
            *_percentiles(stem, *basis, sagittal),
            *_movement(stem, *basis, 60, 20, sagittal),
            *_judged("trunk", Needs.FLEXION, sagittal),
            _rest("trunk", inclined),
            *(() if splits else _any_direction()),
        )
    if segment is Segment.UPPER_ARM:
        stem, basis = "arm_elevation", ("inclination", Needs.INCLINATION)
        return (
            *_shares(stem, *basis, (30, 60, 90), inclined),
            *_minutes(stem, *basis, (90,), inclined),
            *_percentiles(stem, *basis, inclined),
            Measure(
                id="arm_velocity_p50",
                unit="°/s",
                of=lambda facts: facts.angles.velocity_percentile(50.0),
                scale=Scale.NON_NEGATIVE,
                needs=Needs.NOTHING,
                method="generalized velocity",
            ),
            *_movement(stem, *basis, 90, 60, inclined),
            *_judged("upper_arm", Needs.INCLINATION, inclined),
            _rest("upper_arm", inclined),
        )
    if segment is Segment.HEAD:
        return (
            *_minutes("head_inclination", "inclination", Needs.INCLINATION, (30,), inclined),
            *_judged("head", Needs.FLEXION, sagittal),
        )
    return tuple(_thigh())
