"""Site dates that a command speaks of: an ISO week, or two dates, both included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sensors.errors import UsageError
from sensors.local_time import midnight_ns

__all__ = ["DatePeriod", "date_period", "week_period"]

_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII | re.IGNORECASE)
_LONGEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class DatePeriod:
    """Site dates, both included; ``week`` is the ISO week (``2026-W47``) when the period is one."""

    first: date
    last: date
    week: str | None = None

    @property
    def days(self) -> tuple[date, ...]:
        """Every date of the period."""
        return tuple(self.first + timedelta(days=step) for step in range((self.last - self.first).days + 1))

    def bounds_ns(self, zone: ZoneInfo) -> tuple[int, int]:
        """``[start, end)`` in UTC nanoseconds: site midnight to site midnight, clock changes included."""
        return midnight_ns(self.first, zone), midnight_ns(self.last + timedelta(days=1), zone)


def week_period(week: str | None, zone: ZoneInfo, now: datetime) -> DatePeriod:
    """Return the ISO week asked for; without one, the last complete week.

    Parameters
    ----------
    week : str or None
        Such as ``2026-W47``.
    zone : ZoneInfo
        The site's zone: it decides which date it is now.
    now : datetime
        An aware moment.

    Raises
    ------
    UsageError
        ``week_format``, ``week_unknown`` (no such week in that year) or ``week_future``.
    """
    today = now.astimezone(zone).date()
    this_monday = today - timedelta(days=today.weekday())
    if week is None:
        monday = this_monday - timedelta(days=7)
    else:
        found = _WEEK.fullmatch(week.strip())
        if found is None:
            raise UsageError(
                "not an ISO week",
                value=week,
                rule="year, W, week of two digits",
                remedy=f"for example {_name(this_monday)}",
                code="week_format",
            )
        try:
            monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        except ValueError:
            raise UsageError(
                "there is no such ISO week",
                value=week,
                rule="weeks 01 to 52, in some years 53",
                remedy=f"for example {_name(this_monday)}",
                code="week_unknown",
            ) from None
        if monday > today:
            raise UsageError(
                "the week lies in the future",
                value=week,
                rule=f"today is {today.isoformat()}, in week {_name(this_monday)}",
                remedy=f"the last complete week is {_name(this_monday - timedelta(days=7))}",
                code="week_future",
            )
    return DatePeriod(monday, monday + timedelta(days=6), _name(monday))


def _name(monday: date) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year:04d}-W{number:02d}"


def date_period(frm: str | date, to: str | date) -> DatePeriod:
    """Period of two site dates, both included.

    Raises
    ------
    UsageError
        ``date_format``, ``dates_reversed`` or ``period_too_long``.
    """
    first, last = _date(frm, "--from"), _date(to, "--to")
    if last < first:
        raise UsageError(
            "the period ends before it starts",
            value=f"{first.isoformat()} to {last.isoformat()}",
            rule="first date, then last date",
            remedy="swap the two dates",
            code="dates_reversed",
        )
    if (last - first).days >= _LONGEST_DAYS:
        raise UsageError(
            "the period is too long",
            value=f"{first.isoformat()} to {last.isoformat()}",
            rule=f"at most {_LONGEST_DAYS} days",
            code="period_too_long",
        )
    week = _name(first) if first.weekday() == 0 and (last - first).days == 6 else None
    return DatePeriod(first, last, week)


def _date(value: str | date, option: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise UsageError(
            f"{option} is not a date",
            value=value,
            rule="year-month-day",
            remedy="for example 2026-11-16",
            code="date_format",
        ) from None
