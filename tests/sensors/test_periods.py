from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sensors.errors import UsageError
from sensors.periods import DatePeriod, date_period, week_period

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def test_the_default_is_the_last_complete_week() -> None:
    assert week_period(None, PARIS, NOW) == DatePeriod(date(2026, 11, 16), date(2026, 11, 22), "2026-W47")


@pytest.mark.parametrize(
    ("now", "week"),
    [
        # Sunday 23:30 UTC is Monday in Paris: the week is complete there.
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "2026-W47"),
        (datetime(2026, 11, 22, 22, 30, tzinfo=UTC), "2026-W46"),
        # The first days of 2027 belong to the last week of 2026, a year of 53 weeks.
        (datetime(2027, 1, 5, 12, 0, tzinfo=UTC), "2026-W53"),
    ],
)
def test_the_week_turns_at_site_midnight(now: datetime, week: str) -> None:
    assert week_period(None, PARIS, now).week == week


def test_a_named_week_and_the_current_one() -> None:
    assert week_period("2026-W01", PARIS, NOW).first == date(2025, 12, 29)
    assert week_period("2026-w48", PARIS, NOW).last == date(2026, 11, 29)


@pytest.mark.parametrize(
    ("week", "code", "words"),
    [
        ("47", "week_format", "for example 2026-W48"),
        ("2026-47", "week_format", "two digits"),
        ("2026-W54", "week_unknown", "53"),
        ("2025-W53", "week_unknown", "no such ISO week"),
        ("2026-W00", "week_unknown", "no such ISO week"),
        ("2026-W49", "week_future", "last complete week is 2026-W47"),
        ("9999-W52", "week_future", "future"),
        ("0000-W10", "week_unknown", "no such"),
    ],
)
def test_weeks_that_cannot_be(week: str, code: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        week_period(week, PARIS, NOW)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_two_dates_are_both_included() -> None:
    period = date_period("2026-11-16", date(2026, 11, 18))
    assert period.days == (date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18))
    assert period.week is None
    assert date_period("2026-11-16", "2026-11-22").week == "2026-W47"


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("16/11/2026", "2026-11-20", "date_format"),
        ("2026-11-16", "soon", "date_format"),
        ("2026-11-20", "2026-11-16", "dates_reversed"),
        ("2000-01-01", "2026-11-16", "period_too_long"),
    ],
)
def test_dates_that_cannot_be(first: str, last: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        date_period(first, last)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)]
)
def test_bounds_know_the_change_of_clocks(day: date, hours: int) -> None:
    start, end = date_period(day, day).bounds_ns(PARIS)
    assert timedelta(microseconds=(end - start) // 1000) == timedelta(hours=hours)
