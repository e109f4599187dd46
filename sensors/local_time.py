"""Site time and UTC nanoseconds: the one place where the two meet."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = [
    "END_YEAR",
    "FIRST_YEAR",
    "OPEN_END_NS",
    "at_ns",
    "clock_oddity",
    "from_ns",
    "midnight_ns",
    "to_ns",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Years that times of a site may lie in, the second excluded.
FIRST_YEAR, END_YEAR = 2000, 2100

# 2100-01-01: the end of an interval that is still open.
OPEN_END_NS = 4_102_444_800_000_000_000


def to_ns(moment: datetime, zone: ZoneInfo) -> int:
    """UTC nanoseconds of `moment`; without an offset it is site time (the earlier of two equal readings)."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (aware - _EPOCH) // _MICROSECOND * 1000


def from_ns(moment_ns: int, zone: ZoneInfo) -> datetime:
    """Site time of UTC nanoseconds, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=moment_ns // 1000)).astimezone(zone)


def at_ns(day: date, clock: time, zone: ZoneInfo) -> int:
    """UTC nanoseconds of a reading of the site's clock on `day`."""
    return to_ns(datetime.combine(day, clock), zone)


def midnight_ns(day: date, zone: ZoneInfo) -> int:
    """UTC nanoseconds at which the site date `day` begins."""
    return at_ns(day, time(), zone)


def clock_oddity(moment: datetime, zone: ZoneInfo) -> str | None:
    """``ambiguous_time`` or ``nonexistent_time`` when a change of clocks makes site time unclear."""
    if moment.tzinfo is not None:
        return None
    early = moment.replace(tzinfo=zone, fold=0)
    late = moment.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return None
    back = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return "ambiguous_time" if back == moment else "nonexistent_time"
