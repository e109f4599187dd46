"""Real recordings as sensors of a site, so that they travel the whole chain.

Each file keeps its own clock, taken as UTC, and is moved by a whole number of days onto one ISO week; nothing
else changes. Times travel exactly: the files' steps are whole milliseconds, and the wire formats fall back to
ISO text where an epoch in floating-point seconds would not give the nanosecond back. Values are exact too:
accelerations as the float32 of the files, levels and temperatures as float64 in JSON. A direct computation
from the files therefore needs no rounding of its own; it only adds the same number of days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import ConfigurationError
from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["RecordedSensor", "read_recordings"]

_DAY_NS = 86_400_000_000_000
_STANDING = "standing"


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSensor:
    """One recorded sensor, already moved onto the target week.

    Attributes
    ----------
    shifted_days : int
        Whole days added to the times of the file.
    upright_g : tuple of float, optional
        Mean acceleration of the samples labelled as standing: the upright reference.
    """

    id: str
    kind: Kind
    workstation: str
    mount: str
    period_ns: int
    wearer: str | None
    shifted_days: int
    times_ns: TimeColumn
    channels: dict[str, FloatColumn]
    upright_g: tuple[float, float, float] | None = None


def read_recordings(folder: Path, monday: date) -> tuple[RecordedSensor, ...]:
    """Read the recordings of `folder` and move each onto the ISO week that starts on `monday`.

    The first subject lands on Monday, the second on Tuesday, the office climate on its own weekdays (Monday
    to Wednesday), the noise on Thursday.

    Raises
    ------
    ConfigurationError
        A file is absent, or `monday` is no Monday.
    """
    if monday.weekday() != 0:
        raise ConfigurationError(
            "recordings are moved onto an ISO week",
            value=monday.isoformat(),
            rule="a Monday",
            code="not_monday",
        )
    found = [
        *_subject(folder, "S023", monday),
        *_subject(folder, "S024", monday + timedelta(days=1)),
        _climate(folder, monday),
        _noise(folder, monday + timedelta(days=3)),
    ]
    return tuple(found)


def _subject(folder: Path, subject: str, day: date) -> Iterator[RecordedSensor]:
    import pandas as pd

    labels = pd.read_parquet(_existing(folder, f"posture/{subject}_ground_truth.parquet"))
    standing = _times_ns(labels.index[labels["ground_truth"] == _STANDING])
    for segment, mount in (("trunk", "lower_back"), ("thigh", "thigh")):
        frame = pd.read_parquet(_existing(folder, f"posture/{subject}_{segment}.parquet"))
        times_ns = _times_ns(frame.index)
        labelled = np.isin(times_ns // 1_000_000_000, standing // 1_000_000_000)
        channels = {name: frame[name].to_numpy(dtype=np.float32) for name in ("acc_x", "acc_y", "acc_z")}
        x, y, z = (float(column[labelled].astype(np.float64).mean()) for column in channels.values())
        sensor = RecordedSensor(
            id=f"{subject.lower()}-{segment}",
            kind=Kind.POSTURE,
            workstation="course",
            mount=mount,
            period_ns=20_000_000,
            wearer=subject.lower(),
            shifted_days=0,
            times_ns=times_ns,
            channels={**channels},
            upright_g=(x, y, z),
        )
        yield _moved(sensor, day)


def _noise(folder: Path, day: date) -> RecordedSensor:
    import pandas as pd

    frame = pd.read_csv(_existing(folder, "noise/noisemonitor_laeq_1s.csv"), encoding="utf-8-sig")
    frame.columns = frame.columns.str.strip()
    # The last row belongs to the next day: it would need a shift of its own.
    times_ns = _times_ns(pd.DatetimeIndex(pd.to_datetime(frame["datetime"])))
    same_day = times_ns < times_ns[0] + _DAY_NS
    return _moved(
        RecordedSensor(
            id="street-noise",
            kind=Kind.NOISE,
            workstation="street",
            mount="fixed",
            period_ns=1_000_000_000,
            wearer=None,
            shifted_days=0,
            times_ns=times_ns[same_day],
            channels={"laeq": frame["LEQ dB -A"].to_numpy(dtype=np.float64)[same_day]},
        ),
        day,
    )


def _climate(folder: Path, day: date) -> RecordedSensor:
    import pandas as pd

    frame = pd.read_csv(_existing(folder, "climate/occupancy_office_1min.csv"))
    return _moved(
        RecordedSensor(
            id="office-climate",
            kind=Kind.CLIMATE,
            workstation="office",
            mount="fixed",
            period_ns=60_000_000_000,
            wearer=None,
            shifted_days=0,
            times_ns=_times_ns(pd.DatetimeIndex(pd.to_datetime(frame["date"]))),
            channels={
                "air_temperature": frame["Temperature"].to_numpy(dtype=np.float64),
                "relative_humidity": frame["Humidity"].to_numpy(dtype=np.float64),
            },
        ),
        day,
    )


def _moved(sensor: RecordedSensor, day: date) -> RecordedSensor:
    """Add whole days so that the recording starts on `day`."""
    target_ns = int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000_000
    days = (target_ns - int(sensor.times_ns[0]) // _DAY_NS * _DAY_NS) // _DAY_NS
    return replace(sensor, shifted_days=days, times_ns=sensor.times_ns + days * _DAY_NS)


def _times_ns(index: Any) -> NDArray[np.int64]:
    return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise ConfigurationError(
            "a recording is missing",
            value=str(path),
            remedy="name the folder that holds posture/, noise/ and climate/",
            code="no_recording",
        )
    return path
