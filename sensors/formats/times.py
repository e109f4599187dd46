"""Times on the wire: epoch seconds or ISO 8601 with an offset, to integer nanoseconds and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import PayloadError
from sensors.formats.checks import PayloadCode, refusal
from sensors.readings import TimeColumn

__all__ = [
    "EARLIEST_S",
    "LATEST_S",
    "check_span",
    "epoch_column_ns",
    "iso_text",
    "parse_time_ns",
    "wire_time",
]

EARLIEST_S = 946_684_800  # 2000-01-01: earlier means a clock that was never set
LATEST_S = 4_102_444_800  # 2100-01-01: later means milliseconds, or a broken clock
_NS = 1_000_000_000
_EARLIEST_NS = EARLIEST_S * _NS
_LATEST_NS = LATEST_S * _NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"^(.*T.*:\d\d)[.,](\d+)(.*)$", re.ASCII)


def _bad_time(value: Any, remedy: str) -> PayloadError:
    return refusal(
        PayloadCode.BAD_TIME,
        "time is not usable",
        value=value,
        rule="seconds since 1970 (UTC) or ISO 8601 with an offset, between 2000 and 2100",
        remedy=remedy,
    )


def _implausible(value: float) -> PayloadError:
    if EARLIEST_S <= value / 1000.0 < LATEST_S:
        return _bad_time(value, "send seconds, not milliseconds")
    return _bad_time(value, "set the device's clock, or leave the time out: arrival is then used and flagged")


def parse_time_ns(value: Any) -> int:
    """UTC nanoseconds of one time as it stands in a payload.

    Parameters
    ----------
    value : float, int or str
        Epoch seconds (``round(t · 1e9)``), or ISO 8601 with an offset, down to nanoseconds.

    Raises
    ------
    PayloadError
        ``bad_time``, ``time_without_offset``.
    """
    kind = type(value)
    if kind is float or kind is int:
        if EARLIEST_S <= value < LATEST_S:
            return round(float(value) * 1e9)
        raise _implausible(float(min(max(value, -1e300), 1e300)))
    if kind is not str:
        raise _bad_time(value, "send a number of seconds or an ISO text")
    return _parse_iso_ns(value)


def _parse_iso_ns(text: str) -> int:
    nanos = 0
    found = _FRACTION.match(text) if len(text) < 60 else None
    try:
        if found is None:
            moment = datetime.fromisoformat(text)
            nanos = moment.microsecond * 1000
        else:
            moment = datetime.fromisoformat(found[1] + found[3])
            nanos = int(found[2][:9].ljust(9, "0"))
    except ValueError:
        raise _bad_time(text, "write it as 2026-11-20T08:00:00Z") from None
    if moment.tzinfo is None:
        raise refusal(
            PayloadCode.TIME_WITHOUT_OFFSET,
            "time has no offset",
            value=text,
            rule="a time on the wire says its offset",
            remedy="append Z for UTC, or +01:00",
        )
    seconds = (moment.replace(microsecond=0) - _EPOCH) // timedelta(seconds=1)
    if not EARLIEST_S <= seconds < LATEST_S:
        raise _implausible(seconds)
    return seconds * _NS + nanos


def epoch_column_ns(values: NDArray[np.float64]) -> TimeColumn:
    """UTC nanoseconds of epoch seconds, each ``round(t · 1e9)``."""
    inside = (values >= EARLIEST_S) & (values < LATEST_S)
    if not inside.all():
        raise _implausible(float(np.nan_to_num(values[~inside][0])))
    return np.rint(values * 1e9).astype(np.int64)


def check_span(first_ns: int, last_ns: int) -> None:
    """Refuse rows that start or end outside the plausible years."""
    if not (first_ns >= _EARLIEST_NS and last_ns < _LATEST_NS):
        raise _implausible((first_ns if first_ns < _EARLIEST_NS else last_ns) / 1e9)


def iso_text(moment_ns: int) -> str:
    """ISO 8601 text in UTC that keeps every nanosecond."""
    seconds, nanos = divmod(moment_ns, _NS)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos:09d}Z" if nanos else f"{text}Z"


def wire_time(moment_ns: int) -> float | str:
    """Epoch seconds when they give `moment_ns` back exactly, else ISO text."""
    seconds = moment_ns / 1e9
    return seconds if round(seconds * 1e9) == moment_ns else iso_text(moment_ns)
