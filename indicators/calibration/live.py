"""Waiting for a quiet stretch of a running sensor: a posture held, or the steady tone of a calibrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indicators.calibration.checks import STILL_SD_G, Stretch, inclination_to
from sensors.errors import MethodError, NotEnoughDataError

__all__ = ["QuietWindow", "collect_still"]

Floats = NDArray[np.float64]

_STILL_SD_DB = 0.2
_LONGEST_GAP_NS = 2_500_000_000  # a level a second may lose one message


@dataclass(slots=True)
class QuietWindow:
    """Collects readings until the last `seconds` of them are still.

    Parameters
    ----------
    seconds : float
        Length that must be quiet.
    limit : float
        Largest standard deviation of a column: g for accelerations, dB for a level.
    far_from : tuple of direction and degrees, optional
        The quiet stretch must lie at least so far from this direction.
    """

    seconds: float
    limit: float = STILL_SD_G
    far_from: tuple[Floats, float] | None = None
    _times: list[NDArray[np.int64]] = field(default_factory=list)
    _values: list[Floats] = field(default_factory=list)

    @classmethod
    def of_levels(cls, seconds: float) -> QuietWindow:
        """For the steady tone of a calibrator."""
        return cls(seconds, _STILL_SD_DB)

    def add(self, times_ns: NDArray[np.int64], values: Floats) -> None:
        """Take in rows; rows with a missing value are left out."""
        rows = np.asarray(values, dtype=np.float64).reshape(len(times_ns), -1)
        known = ~np.isnan(rows).any(axis=1)
        self._times.append(np.asarray(times_ns)[known])
        self._values.append(rows[known])

    @property
    def latest(self) -> Floats | None:
        """Mean of the last half second, for display."""
        times, values = self._joined()
        if not times.size:
            return None
        return np.asarray(values[times > times[-1] - 500_000_000].mean(axis=0), dtype=np.float64)

    def still(self) -> Stretch | None:
        """The last `seconds`, once they are all there and quiet."""
        times, values = self._joined()
        if times.size < 2:
            return None
        step = float(np.median(np.diff(times)))
        # The last reading at or before the beginning: clocks of devices jitter, none hits it exactly.
        beginning = times[-1] - self.seconds * 1e9 + step + 1.0
        first = int(np.searchsorted(times, beginning, side="right")) - 1
        if first < 0 or float(np.diff(times[first:]).max()) > _LONGEST_GAP_NS:
            return None
        if float(values[first:].std(axis=0).max()) >= self.limit:
            return None
        if self.far_from is not None:
            reference, degrees = self.far_from
            if inclination_to(reference, values[first:].mean(axis=0)) < degrees:
                return None
        return Stretch(times[first:], values[first:])

    def near(self) -> bool:
        """Whether the latest readings still lie near the direction they should be far from."""
        if self.far_from is None or self.latest is None:
            return False
        return inclination_to(self.far_from[0], self.latest) < self.far_from[1]

    def _joined(self) -> tuple[NDArray[np.int64], Floats]:
        if not self._times:
            return np.zeros(0, dtype=np.int64), np.zeros((0, 1))
        times = np.concatenate(self._times)
        values = np.concatenate(self._values)
        order = np.argsort(times, kind="stable")
        kept = order[times[order] > times[order[-1]] - int(2e9 * self.seconds)] if times.size else order
        self._times, self._values = [times[kept]], [values[kept]]
        return times[kept], values[kept]


def collect_still(
    rows: Iterator[tuple[NDArray[np.int64], Floats] | None],
    window: QuietWindow,
    *,
    what: str,
    elapsed_s: Callable[[], float],
    timeout_s: float,
    show: Callable[[Floats | None], None] | None = None,
) -> Stretch:
    """Read live rows until the window is still.

    Raises
    ------
    NotEnoughDataError
        ``no_readings``: nothing came within the time.
    MethodError
        ``not_still``: readings came, never quiet for long enough; ``lean_too_small``: quiet, and not bent.
    """
    for arrived in rows:
        if arrived is not None:
            window.add(*arrived)
            found = window.still()
            if show is not None:
                show(window.latest)
            if found is not None:
                return found
        if elapsed_s() > timeout_s:
            break
    if window.latest is None:
        raise NotEnoughDataError(
            "the sensor sent nothing",
            rule=f"readings within {timeout_s:g} s",
            remedy="switch it on, and check its topic with `vigiposte status`",
            code="no_readings",
        )
    window_seconds = f"{window.seconds:g} s"
    if window.far_from is not None and window.near():
        raise MethodError(
            "the lean is too small to give a forward direction",
            rule=f"at least {window.far_from[1]:.0f}° from standing upright, held {window_seconds}",
            remedy="record the forward lean again, clearly bent",
            code="lean_too_small",
        )
    raise MethodError(
        f"the {what} recording is not still",
        rule=f"{window_seconds} with a standard deviation below {window.limit:g}",
        remedy="stand quietly and try again",
        code="not_still",
    )
