"""Calibration records: the two postures of a worn sensor, and the check of a microphone before and after.

Refusals come from the very functions that the analysis uses, so that a record which is accepted here is
accepted there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import (
    LEAN_MINIMUM_DEG,
    BodyFrame,
    calibrate,
    reference_direction,
)
from sensors.calibration import MICROPHONE_DRIFT_LIMIT_DB
from sensors.errors import MethodError, NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook
    from sensors.site_model import Calibration

__all__ = [
    "LEAN_S",
    "LEAST_LEAN_DEG",
    "UPRIGHT_S",
    "MicrophoneCheck",
    "PostureCheck",
    "QuietWindow",
    "Stretch",
    "check_microphone",
    "check_postures",
    "collect_still",
    "inclination_to",
    "microphone_record",
    "open_check",
    "posture_record",
]

Floats = NDArray[np.float64]

LEAST_LEAN_DEG = LEAN_MINIMUM_DEG
UPRIGHT_S = 10.0
LEAN_S = 5.0
_STILL_SD_G = 0.05
_STILL_SD_DB = 0.2
_REST_G = (0.5, 1.5)
_IDENTIFIER_LENGTH = 63


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Readings of one posture.

    Attributes
    ----------
    times_ns : int64 array, shape (n,)
    acc : float64 array, shape (n, 3)
        Sensor axes [g].
    """

    times_ns: NDArray[np.int64]
    acc: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PostureCheck:
    """Two postures that were accepted.

    Attributes
    ----------
    upright, lean : float64 array, shape (3,), or None
        Mean acceleration [g], sensor axes.
    lean_deg : float or None
        Angle between both.
    frame : BodyFrame
        Body axes that follow.
    """

    at_ns: int
    upright: Floats
    lean: Floats | None
    lean_deg: float | None
    frame: BodyFrame


@dataclass(frozen=True, slots=True)
class MicrophoneCheck:
    """Levels of the calibrator before and after a series.

    Attributes
    ----------
    drift_db : float
        After minus before.
    discarded : bool
        Whether the series must be left out.
    """

    before_db: float
    after_db: float
    drift_db: float
    discarded: bool


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
    limit: float = _STILL_SD_G
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
        first = int(np.searchsorted(times, times[-1] - self.seconds * 1e9 + step - 1.0))
        covered = float(times[-1] - times[first]) + step
        if covered < self.seconds * 1e9 - 1.0 or float(values[first:].std(axis=0).max()) >= self.limit:
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


def inclination_to(reference: Floats, acc: Floats) -> float:
    """Angle between two directions [°]."""
    cross = float(np.linalg.norm(np.cross(reference, acc)))
    return math.degrees(math.atan2(cross, float(reference @ acc)))


def check_postures(upright: Stretch, lean: Stretch | None = None) -> PostureCheck:
    """Accept or refuse the recordings of quiet standing and, when given, of the forward lean.

    Raises
    ------
    MethodError
        ``upright_too_short``, ``lean_too_short``, ``not_still``, ``lean_too_small``, ``no_valid_values``,
        ``no_gravity``, ``not_one_gravity`` (the sensor's own calibration, or its unit, is off).
    """
    for name, stretch in (("upright", upright), ("lean", lean)):
        if stretch is None:
            continue
        if not len(stretch.times_ns):
            raise MethodError(f"the {name} recording is empty", code="no_valid_values")
        reference_direction(stretch.acc, name)
        size = float(np.linalg.norm(np.nanmean(stretch.acc, axis=0)))
        if not _REST_G[0] <= size <= _REST_G[1]:
            raise MethodError(
                f"the sensor does not read one gravity at rest ({name})",
                value=f"{size:.2f} g",
                rule=f"{_REST_G[0]:g} to {_REST_G[1]:g} g",
                remedy="check the unit that the sensor sends, and its own calibration",
                code="not_one_gravity",
            )
    frame = calibrate(
        upright.acc,
        upright.times_ns * 1e-9,
        None if lean is None else lean.acc,
        None if lean is None else lean.times_ns * 1e-9,
    )
    mean = np.nanmean(upright.acc, axis=0)
    leaning = None if lean is None else np.nanmean(lean.acc, axis=0)
    return PostureCheck(
        at_ns=int(upright.times_ns[0]),
        upright=mean,
        lean=leaning,
        lean_deg=None if leaning is None else inclination_to(mean, leaning),
        frame=frame,
    )


def check_microphone(before_db: float, after_db: float) -> MicrophoneCheck:
    """Compare the calibrator's level before and after a series (ISO 9612:2009, 12.2)."""
    if not all(math.isfinite(level) and 60.0 <= level <= 140.0 for level in (before_db, after_db)):
        raise MethodError(
            "this is no level of a calibrator",
            value=(before_db, after_db),
            rule="60 to 140 dB",
            remedy="give the level that the sensor shows with the calibrator on, e.g. 94.1",
            code="calibrator_level",
        )
    drift = after_db - before_db
    # Levels are read to a tenth: 94.5 − 94.0 must not become 0.5000000001.
    return MicrophoneCheck(before_db, after_db, drift, round(abs(drift), 6) > MICROPHONE_DRIFT_LIMIT_DB)


def _identifier(book: SiteBook, sensor: str, at: datetime) -> str:
    stem = f"{sensor}-{at.astimezone(UTC):%Y%m%d-%H%M%S}"
    name = re.sub(r"[^a-z0-9_-]", "-", stem)[-_IDENTIFIER_LENGTH:].lstrip("-_")
    number = 1
    while book.calibration(name) is not None:
        number += 1
        name = f"{stem[: _IDENTIFIER_LENGTH - 4]}-{number}"
    return name


def posture_record(book: SiteBook, sensor: str, check: PostureCheck) -> Mapping[str, Any]:
    """Keys of a ``[[calibrations]]`` row for accepted postures; it counts from the first of them on."""
    at = book.local(check.at_ns).replace(microsecond=0)
    return {
        "id": _identifier(book, sensor, at),
        "sensor": sensor,
        "at": at,
        "kind": "upright_only" if check.lean is None else "two_postures",
        "upright": tuple(float(part) for part in check.upright),
        "lean": None if check.lean is None else tuple(float(part) for part in check.lean),
    }


def microphone_record(
    book: SiteBook, sensor: str, at: datetime, *, before_db: float | None, after_db: float | None
) -> Mapping[str, Any]:
    """Keys of a ``[[calibrations]]`` row for a microphone check.

    A check after a series closes the last one before it that is still open, and takes its level over.

    Raises
    ------
    UsageError
        ``no_check_before``: an `after_db` without a `before_db` and without an open record.
    """
    before = None
    if before_db is None:
        before = open_check(book, sensor, at)
        if before is None:
            raise UsageError(
                "there is no check before this series",
                value=sensor,
                rule="an open record of a check before, or both levels",
                remedy="give --before too",
                code="no_check_before",
            )
        before_db = before.level_before_db
    assert before_db is not None
    check_microphone(before_db, before_db if after_db is None else after_db)
    return {
        "id": _identifier(book, sensor, at),
        "sensor": sensor,
        # To the microsecond: a check after must lie behind the one before, however soon it comes.
        "at": at.astimezone(book.zone),
        "kind": "microphone",
        "level_before_db": float(before_db),
        "level_after_db": None if after_db is None else float(after_db),
        "closes": None if before is None else before.id,
    }


def open_check(book: SiteBook, sensor: str, at: datetime) -> Calibration | None:
    """Latest check before `at` that no later one closes."""
    rows = [row for row in book.site.calibrations if row.sensor == sensor and row.kind == "microphone"]
    closed = {row.closes for row in rows if row.closes is not None}
    moment = book.to_ns(at)
    waiting = [
        row
        for row in rows
        if row.level_after_db is None and row.id not in closed and book.to_ns(row.at) <= moment
    ]
    return max(waiting, key=lambda row: book.to_ns(row.at), default=None)


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
