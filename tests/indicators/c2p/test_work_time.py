"""Nights from planned shifts: the hour between midnight and five, and one text a night, never two."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from indicators.c2p.work_time import (
    NightPattern,
    WorkTimeGap,
    is_night_shift,
    night_window_hours,
    work_time_of_group,
)
from sensors.site_model import ExposureGroup, Shift, Site


def shift(name: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "start": time.fromisoformat(start), "end": time.fromisoformat(end), **more}


MORNING, EVENING = shift("morning", "05:00", "13:00"), shift("evening", "13:00", "21:00")
NIGHT = shift("night", "21:00", "05:00")


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("21:00", "05:00", 5.0),
        ("05:00", "13:00", 0.0),
        ("17:00", "01:00", 1.0),
        ("17:00", "00:59", 59 / 60),
        ("04:00", "12:00", 1.0),
        ("00:00", "08:00", 5.0),
        ("22:00", "22:00", 5.0),
    ],
)
def test_hours_in_the_night_window(start: str, end: str, hours: float) -> None:
    assert night_window_hours(Shift.model_validate(shift("s1", start, end))) == pytest.approx(hours)


def test_exactly_one_hour_is_a_night() -> None:
    assert is_night_shift(Shift.model_validate(shift("s1", "17:00", "01:00")))
    assert not is_night_shift(Shift.model_validate(shift("s1", "17:00", "00:59")))


def plant(cycle: list[str], **roster: Any) -> tuple[ExposureGroup, Site]:
    site = Site.model_validate(
        {
            "schema": 1,
            "site": {"id": "s", "label": "S"},
            "shifts": [MORNING, EVENING, NIGHT],
            "rosters": [{"id": "r", "cycle": cycle, **roster}],
            "groups": [{"id": "g", "workstations": ["w"], "workers": 7, "roster": "r"}],
        }
    )
    return site.groups[0], site


def test_three_shifts_are_alternating_and_no_night_work() -> None:
    result = work_time_of_group(*plant(["morning", "evening", "night"], days_per_year=216))
    assert result.pattern is NightPattern.ALTERNATING_SHIFTS
    assert result.nights_per_year == pytest.approx(72.0)


def test_permanent_nights_are_night_work() -> None:
    result = work_time_of_group(*plant(["night"], days_per_year=210))
    assert result.pattern is NightPattern.NIGHT_WORK
    assert result.nights_per_year == pytest.approx(210.0)


def test_two_day_shifts_make_no_night() -> None:
    result = work_time_of_group(*plant(["morning", "evening"]))
    assert result.pattern is NightPattern.NONE
    assert result.nights_per_year == 0.0


def test_counted_nights_win_over_the_cycle() -> None:
    assert work_time_of_group(*plant(["night", "morning"], nights=34)).nights_per_year == 34.0


def test_without_roster_nothing_is_said() -> None:
    group, site = plant(["night"])
    bare = group.model_copy(update={"roster": None})
    result = work_time_of_group(bare, site)
    assert result.nights_per_year is None
    assert result.gap is WorkTimeGap.NO_ROSTER
