"""Calibration records: the two postures of a worn sensor, and the check of a microphone before and after.

Refusals come from the very functions that the analysis uses, so that a record which is accepted here is
accepted there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
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
from sensors.errors import MethodError, UsageError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook
    from sensors.site_model import Calibration

__all__ = [
    "LEAN_S",
    "LEAST_LEAN_DEG",
    "STILL_SD_G",
    "UPRIGHT_S",
    "MicrophoneCheck",
    "PostureCheck",
    "Stretch",
    "check_microphone",
    "check_postures",
    "inclination_to",
    "microphone_record",
    "open_check",
    "posture_record",
]

Floats = NDArray[np.float64]

LEAST_LEAN_DEG = LEAN_MINIMUM_DEG
UPRIGHT_S = 10.0
LEAN_S = 5.0
STILL_SD_G = 0.05
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
