"""C2P thresholds with their dates, inclusive boundaries, counting rules; projections that admit ignorance."""

from __future__ import annotations

from datetime import date

import pytest

from indicators.c2p.thresholds import (
    FACTORS,
    HourCountRule,
    crossing_day,
    crossing_notes,
    exposed_noise_hours,
    projected_hours,
    projected_temperature_hours,
    reaches,
    repetitive_hours,
    threshold,
)
from indicators.model import Interval
from sensors.errors import MethodError, UnknownNameError

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("factor", "on", "value"),
    [
        ("night_work", date(2022, 6, 1), 120),
        ("night_work", date(2023, 12, 31), 113),
        ("night_work", TODAY, 100),
        ("alternating_shifts", date(2022, 6, 1), 50),
        ("alternating_shifts", date(2023, 12, 31), 43),
        ("alternating_shifts", TODAY, 30),
        ("temperature", TODAY, 900),
        ("noise", TODAY, 600),
        ("noise_peak", TODAY, 120),
        ("repetitive_work", TODAY, 900),
    ],
)
def test_threshold_in_force(factor: str, on: date, value: float) -> None:
    row = threshold(factor, on)
    assert row.value == value
    assert row.source
    assert row.clause


def test_every_factor_has_a_row_today() -> None:
    assert all(threshold(factor, TODAY).value > 0 for factor in FACTORS)


def test_dates_may_be_text() -> None:
    assert threshold("night_work", "2026-01-01").value == 100


def test_unknown_factor_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="night_work"):
        threshold("boredom", TODAY)


def test_the_boundary_counts() -> None:
    row = threshold("noise", TODAY)
    assert reaches(600.0, row)
    assert not reaches(599.999, row)


def test_posture_hours_of_the_published_example() -> None:
    # posture.md A26: 4.13 h a day on 218 days reach 900 h.
    result = projected_hours([4.13] * 5, 218, shift_hours=8)
    assert result.hours == pytest.approx(900.34)
    assert result.interval is not None
    assert result.interval.low < 900 < result.interval.high


def test_hours_are_those_of_days_at_the_level_never_minutes() -> None:
    assert exposed_noise_hours([80.9, 81.0, 85.0, float("nan")], [8, 8, 6, 8], 81.0)[:3] == (0.0, 8.0, 6.0)


def test_other_counting_rule_is_explicit() -> None:
    rule = HourCountRule.ALL_HOURS_WHEN_MEAN_AT_LEVEL
    assert exposed_noise_hours([70.0, 88.0], 8.0, 81.0, rule) == (8.0, 8.0)
    assert exposed_noise_hours([70.0, 80.0], 8.0, 81.0, rule) == (0.0, 0.0)


def test_winter_says_nothing_about_summer() -> None:
    result = projected_temperature_hours([0.0, 0.5, 0.2, 0.1, 0.0], [1] * 5, 216, shift_hours=8)
    assert result.hours < 10
    assert result.interval is not None
    assert result.interval.low == pytest.approx(0.0, abs=3)
    assert result.interval.high == pytest.approx(11 / 12 * 216 * 8, rel=0.02)


def test_all_months_measured_leave_no_unknown_month() -> None:
    months = [month for month in range(1, 13) for _ in range(3)]
    values = [4.0, 5.0, 4.5] * 12
    result = projected_temperature_hours(values, months, 216, shift_hours=8)
    assert result.hours == pytest.approx(4.5 * 216)
    assert result.interval is not None
    assert result.interval.high < 5.2 * 216


def test_months_must_match_days() -> None:
    with pytest.raises(MethodError):
        projected_temperature_hours([1.0], [1, 2], 216, shift_hours=8)


@pytest.mark.parametrize(
    ("cycle_s", "actions_per_minute", "expected"),
    [
        (30.0, 30.0, 1200.0),  # 15 actions in a 30-s cycle: both boundaries count
        (30.0, 29.9, 0.0),
        (20.0, 45.0, 1200.0),
        (31.0, 30.0, 1200.0),
        (31.0, 29.9, 0.0),
        (None, 30.0, 1200.0),
        (None, None, None),
    ],
)
def test_repetitive_work(
    cycle_s: float | None, actions_per_minute: float | None, expected: float | None
) -> None:
    assert repetitive_hours(1200.0, cycle_s, actions_per_minute, TODAY) == expected


def test_an_even_exposure_of_twice_the_threshold_crosses_it_at_half_year() -> None:
    row = threshold("noise", TODAY)
    assert crossing_day(1200.0, row, 2026) == date(2026, 7, 2)
    assert crossing_day(600.0, row, 2026) == date(2026, 12, 31)
    assert crossing_day(599.0, row, 2026) is None


@pytest.mark.parametrize(
    ("interval", "code", "params"),
    [
        (
            Interval(800.0, 1600.0),
            "threshold_crossed",
            {"on_day": "2026-07-02", "from_day": "2026-05-17", "to_day": "2026-10-01"},
        ),
        (
            Interval(500.0, 1600.0),
            "threshold_crossed_maybe",
            {"on_day": "2026-07-02", "from_day": "2026-05-17"},
        ),
        (Interval(1200.0, 1200.0), "threshold_crossed_on", {"on_day": "2026-07-02"}),
    ],
)
def test_the_day_of_crossing_comes_with_that_of_the_interval(
    interval: Interval, code: str, params: dict[str, str]
) -> None:
    (note,) = crossing_notes(1200.0, interval, [threshold("noise", TODAY)], 2026)
    assert (note.code, dict(note.params)) == (code, params)


def test_below_the_threshold_no_day_is_given() -> None:
    assert crossing_notes(500.0, Interval(400.0, 900.0), [threshold("noise", TODAY)], 2026) == ()
    assert crossing_notes(None, None, [threshold("noise", TODAY)], 2026) == ()
