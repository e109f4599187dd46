"""Accelerometer recordings exported as CSV or Parquet: millions of rows, hence columns from the start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import PayloadError
from sensors.quantities import QUANTITIES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AxivityRows", "read_axivity"]

_AXES = ("x", "y", "z")
_TIME_NAMES = ("time", "timestamp", "datetime", "date", "t")
AxivityRows = tuple[NDArray[np.int64], dict[str, NDArray[np.float64]], int]


def _refuse(path: Path, what: str, rule: str) -> PayloadError:
    return PayloadError(
        f"{path.name}: {what}",
        rule=rule,
        remedy="export as CSV or Parquet with time, x, y, z",
        code="no_columns",
    )


def _frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    if path.suffix.lower() in (".parquet", ".pq"):
        frame = pd.read_parquet(path)
        return frame.reset_index() if isinstance(frame.index, pd.DatetimeIndex) else frame
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        first = handle.readline()
    named = any(letter.isalpha() for letter in first.replace("T", "").replace("Z", "").replace("e", ""))
    names = None if named else ["time", *_AXES]
    return pd.read_csv(
        path, header=0 if named else None, names=names, encoding="utf-8-sig", skipinitialspace=True
    )


def _column(frame: pd.DataFrame, wanted: str) -> str | None:
    for name in frame.columns:
        plain = str(name).strip().lower()
        if (
            plain == wanted
            or plain.startswith((f"{wanted} ", f"{wanted}("))
            or plain in (f"acc_{wanted}", f"accel_{wanted}")
        ):
            return str(name)
    return None


def read_axivity(path: Path, to_ns: Callable[[datetime], int]) -> AxivityRows:
    """Times [UTC ns], ``acc_x/y/z`` [g] in file order, and how many rows were left out as not physical.

    A time without offset is site time (`to_ns`); a change of clock inside the file is followed.

    Raises
    ------
    PayloadError
        ``no_columns`` or ``bad_time``.
    """
    import pandas as pd

    try:
        frame = _frame(path)
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise _refuse(path, "cannot be read", str(error)) from None
    time_name = next((str(name) for name in frame.columns if str(name).strip().lower() in _TIME_NAMES), None)
    axis_names = [_column(frame, axis) for axis in _AXES]
    if time_name is None or None in axis_names:
        found = ", ".join(str(name) for name in frame.columns)
        raise _refuse(path, f"has columns {found}", "a time column and x, y, z")
    times_ns = _times(path, frame[time_name], to_ns)
    values = {
        f"acc_{axis}": np.array(pd.to_numeric(frame[name], errors="coerce"), np.float64)
        for axis, name in zip(_AXES, axis_names, strict=True)
    }
    keep = np.ones(len(times_ns), bool)
    for channel, column in values.items():
        with np.errstate(invalid="ignore"):
            keep &= (column >= QUANTITIES[channel].low) & (column <= QUANTITIES[channel].high)
    return times_ns[keep], {channel: column[keep] for channel, column in values.items()}, int((~keep).sum())


def _times(path: Path, column: pd.Series[Any], to_ns: Callable[[datetime], int]) -> NDArray[np.int64]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(np.rint(column.to_numpy(np.float64) * 1e9), np.int64)
    try:
        moments = pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError):
        raise PayloadError(
            f"{path.name}: a time cannot be read",
            value=str(column.iloc[0]),
            rule="ISO 8601 or epoch seconds",
            code="bad_time",
        ) from None
    if moments.dt.tz is not None:
        return np.asarray(
            moments.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]"), np.int64
        )
    wall = np.asarray(moments.astype("datetime64[ns]"), np.int64)
    # One offset an hour is exact: clocks change on the hour.
    hours, inverse = np.unique(wall // 3_600_000_000_000, return_inverse=True)
    offsets = np.array(
        [
            to_ns(pd.Timestamp(int(hour) * 3_600_000_000_000).to_pydatetime()) - int(hour) * 3_600_000_000_000
            for hour in hours
        ],
        np.int64,
    )
    return np.asarray(wall + offsets[inverse], np.int64)
