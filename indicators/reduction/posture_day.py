"""Posture of one worker-day: its sums, seconds, quality, and the figures worked out from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import Reference
from indicators.model import WorkerDay
from indicators.reduction.posture_bins import ANGLE_OFFSET

__all__ = ["PostureDay", "PostureFigures", "PostureQuality"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PostureQuality:
    """Time [ns] behind each quality note, and apparent slip [°] of the sensor over the shift."""

    dynamic_ns: int
    still_ns: int
    stuck_ns: int
    clipped_ns: int
    off_ns: int
    bench_ns: int
    quiet_ns: int
    gaps: int
    slip_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class PostureFigures:
    """What the indicators read of a worker-day, worked out once from its sums and seconds.

    Attributes
    ----------
    values : mapping of str to float
        Value of each measure of the segment by its id, in its unit; NaN where it cannot be told.
    spreads : mapping of str to float
        Standard uncertainty of the value from the angle's own, 0 where none is stated.
    hours : mapping of str to int64 array, shape (3, h)
        By condition: hours since 1970 with data, seconds in the condition, seconds present.
    """

    values: Mapping[str, float]
    spreads: Mapping[str, float]
    hours: Mapping[str, IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class PostureDay:
    """Posture of one worker-day seen by one sensor; non-wear and the bench are left out.

    Histograms and EVA describe the whole shift as measured. Shares of the working day need the working time
    alone, because planned breaks count as rest in them: what begins with ``work_``, the masks and the events.

    Attributes
    ----------
    day : WorkerDay
    coverage : float
        Time with worn, valid data ÷ expected time, 0–1; planned breaks count where they were measured.
    valid_ns : int
        Worn time with valid data, breaks included [ns]: the sum of every histogram of angles.
    work_ns : int
        The same outside planned breaks [ns].
    break_ns : int
        Planned breaks within the spans [ns], assumed rest where a method keeps them in the working day.
    reference : Reference
        Basis of the angles; `Reference.NONE` leaves them empty.
    error_deg : float
        Stated error of an estimated reference, else NaN.
    lowpass_hz : float
        Cut-off, NaN when the rate was too low for a low-pass.
    velocity_method : str
        Sensor and method; days that differ are never pooled.
    inclination_ns, flexion_ns, lateral_ns : int64 array
        1° histograms (181, 361 and 361 bins); zero where not measurable.
    velocity_ns : int64 array, shape (241,)
        Logarithmic bins of generalized velocity.
    work_inclination_ns, work_flexion_ns : int64 array
        The histograms of the working time.
    eva_ns : int64 array, shape (levels, durations)
        Time by level and length of its unbroken run.
    events : mapping of str to int
        ``flexion_20`` … to movements into that posture in the working time.
    minutes_ns : int64 array, shape (m,)
        Start of each working minute.
    masks : mapping of str to uint64 array, shape (m,)
        Sixty yes/no seconds a minute for each condition that could be observed.
    minute_valid_ns : int64 array, shape (m,)
        Valid time of each minute.
    minute_events : mapping of str to int64 array, shape (m,)
        Events of each minute.
    quality : PostureQuality
    figures : PostureFigures or None
        Kept with a worker-day of the site; ``None`` straight after the merge.
    """

    day: WorkerDay
    coverage: float
    valid_ns: int
    work_ns: int
    break_ns: int
    reference: Reference
    error_deg: float
    lowpass_hz: float
    velocity_method: str
    inclination_ns: IntArray
    flexion_ns: IntArray
    lateral_ns: IntArray
    velocity_ns: IntArray
    work_inclination_ns: IntArray
    work_flexion_ns: IntArray
    eva_ns: IntArray
    events: Mapping[str, int]
    minutes_ns: IntArray
    masks: Mapping[str, NDArray[np.uint64]]
    minute_valid_ns: IntArray
    minute_events: Mapping[str, IntArray]
    quality: PostureQuality
    figures: PostureFigures | None = None

    @property
    def fused_by(self) -> str:
        """Library that joined the gyroscope to the accelerometer; empty without one."""
        source = self.velocity_method.rpartition("/")[0]
        return "" if source == "accelerometer" else source

    @property
    def splits(self) -> bool:
        """Whether signed flexion is known."""
        return bool(self.flexion_ns.any())

    def inclination_at_least_ns(self, degrees: int) -> int:
        """Working time with an inclination of at least so many whole degrees [ns]."""
        return int(self.work_inclination_ns[degrees:].sum())

    def flexion_at_least_ns(self, degrees: int) -> int:
        """Working time with a signed flexion of at least so many whole degrees [ns]."""
        return int(self.work_flexion_ns[degrees + ANGLE_OFFSET :].sum())
