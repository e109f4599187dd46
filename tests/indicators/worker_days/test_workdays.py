from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.model import WorkerDay
from indicators.worker_days.joining import usual_window, without, worker_days
from sensors.errors import UnknownNameError, UsageError
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from sensors.site_model import Mount

HOUR = 3_600_000_000_000
MONDAY = date(2026, 11, 16)
FRIDAY = date(2026, 11, 20)

SITE = """
schema = 1

[site]
id = "plant"
label = "Plant"
timezone = "Europe/Paris"

[[campaigns]]
id = "autumn"
from = 2026-11-02
to = 2026-11-19
purpose = "test"
simulation = true

[[shifts]]
id = "morning"
start = "05:00"
end = "13:00"
breaks = [["09:00", "09:20"]]

[[shifts]]
id = "night"
start = "21:00"
end = "05:00"
breaks = [["01:00", "01:30"]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

[[workstations]]
id = "press"
label = "Press"
shifts = ["morning"]

[[workstations]]
id = "oven"
label = "Oven"
shifts = ["morning", "night"]

[[sensors]]
id = "dosimeter"
kind = "noise"
origin = "simulated"

[[sensors]]
id = "room"
kind = "climate"
origin = "simulated"

[[sensors]]
id = "back"
kind = "posture"
origin = "simulated"

[[placements]]
sensor = "dosimeter"
workstation = "press"
mount = "shoulder"
from = 2026-11-01T00:00:00

[[placements]]
sensor = "room"
workstation = "oven"
mount = "fixed"
from = 2026-10-01T00:00:00

[[placements]]
sensor = "back"
workstation = "press"
mount = "upper_back"
from = 2026-11-16T00:00:00
to = 2026-11-18T00:00:00
wearer = "w9"
"""

Load = Callable[..., SiteBook]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def build(text: str = SITE, **logs: str) -> SiteBook:
        (tmp_path / "site.toml").write_text(text, encoding="utf-8")
        for name, content in logs.items():
            (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
        return load_site(tmp_path / "site.toml")

    return build


def one(days: tuple[WorkerDay, ...]) -> WorkerDay:
    assert len(days) == 1, days
    return days[0]


def length_h(day: WorkerDay) -> float:
    return sum(span.end_ns - span.start_ns for span in day.spans) / HOUR


def test_a_worn_sensor_gives_one_worker_day_a_shift(load: Load) -> None:
    day = one(worker_days(load(), MONDAY, MONDAY, kind=Kind.POSTURE))
    assert (day.workstation, day.shift, day.wearer, day.mount) == ("press", "morning", "w9", Mount.UPPER_BACK)
    assert day.expected_ns == 8 * HOUR
    assert length_h(day) == 8.0
    assert [(pause.end_ns - pause.start_ns) / HOUR for pause in day.breaks] == [pytest.approx(1 / 3)]


def test_a_placement_that_ended_gives_no_worker_day(load: Load) -> None:
    days = worker_days(load(), MONDAY, FRIDAY, kind=Kind.POSTURE)
    assert [day.day for day in days] == [MONDAY, date(2026, 11, 17)]


def test_a_fixed_sensor_has_no_wearer_and_sees_every_shift(load: Load) -> None:
    days = worker_days(load(), MONDAY, MONDAY, kind=Kind.CLIMATE)
    assert [(day.shift, day.wearer) for day in days] == [("morning", None), ("night", None)]


def test_a_night_shift_belongs_to_the_date_on_which_it_starts(load: Load) -> None:
    night = worker_days(load(), date(2026, 11, 22), date(2026, 11, 22), kind=Kind.CLIMATE)
    day = one(night)
    book = load()
    assert day.day == date(2026, 11, 22)
    assert book.local(day.start_ns).isoformat() == "2026-11-22T21:00:00+01:00"
    assert book.local(day.end_ns).isoformat() == "2026-11-23T05:00:00+01:00"
    assert book.local(day.breaks[0].start_ns).isoformat() == "2026-11-23T01:00:00+01:00"


@pytest.mark.parametrize(("evening", "hours"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9)])
def test_nights_over_a_change_of_clocks_have_seven_or_nine_hours(
    load: Load, evening: date, hours: int
) -> None:
    book = load(SITE.replace("2026-10-01T00:00:00", "2026-01-01T00:00:00"))
    night = [day for day in worker_days(book, evening, evening, kind=Kind.CLIMATE) if day.shift == "night"]
    assert one(tuple(night)).expected_ns == hours * HOUR


def test_pauses_leave_the_expected_time_and_exclusions_do_not(load: Load) -> None:
    book = load(
        pauses="from,to,sensor,reason\n2026-11-16T06:00,2026-11-16T07:00,dosimeter,meeting\n",
        exclusions="from,to,sensor,reason,who\n2026-11-16T10:00,2026-11-16T12:00,dosimeter,knocked,hygienist\n",
    )
    day = one(worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE))
    assert day.expected_ns == 7 * HOUR
    assert [(book.local(span.start_ns).hour, book.local(span.end_ns).hour) for span in day.spans] == [
        (5, 6),
        (7, 10),
        (12, 13),
    ]


def test_a_pause_and_an_exclusion_may_overlap(load: Load) -> None:
    book = load(
        pauses="from,to,sensor,reason\n2026-11-16T06:00,2026-11-16T08:00,,meeting\n",
        exclusions="from,to,sensor,reason,who\n2026-11-16T07:00,2026-11-16T09:00,dosimeter,knocked,\n",
    )
    day = one(worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE))
    assert day.expected_ns == 6 * HOUR
    assert length_h(day) == 5.0


def test_a_wholly_excluded_shift_stays_as_an_empty_worker_day(load: Load) -> None:
    book = load(exclusions="from,to,sensor,reason,who\n2026-11-16T00:00,2026-11-17T00:00,dosimeter,broken,\n")
    day = one(worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE))
    assert day.spans == ()
    assert day.expected_ns == 8 * HOUR


def test_two_wearers_in_one_shift_are_two_worker_days(load: Load) -> None:
    book = load(
        assignments="from,to,sensor,wearer,workstation,task\n"
        "2026-11-16T05:00,2026-11-16T09:00,dosimeter,w1,,\n"
        "2026-11-16T09:00,2026-11-16T13:00,dosimeter,w2,,\n"
    )
    days = worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE)
    assert [(day.wearer, length_h(day)) for day in days] == [("w1", 4.0), ("w2", 4.0)]
    assert {day.expected_ns for day in days} == {8 * HOUR}


def test_tasks_split_spans_and_one_task_on_both_sides_of_a_line_does_not(load: Load) -> None:
    text = SITE + (
        '\n[[tasks]]\nid = "load"\nworkstation = "press"\nlabel = "Load"\nhours = 4\n'
        '\n[[tasks]]\nid = "clean"\nworkstation = "press"\nlabel = "Clean"\nhours = 4\n'
    )
    book = load(
        text,
        assignments="from,to,sensor,wearer,workstation,task\n"
        "2026-11-16T05:00,2026-11-16T07:00,dosimeter,w1,,load\n"
        "2026-11-16T07:00,2026-11-16T09:00,dosimeter,w1,,load\n"
        "2026-11-16T09:00,2026-11-16T13:00,dosimeter,w1,,clean\n",
    )
    day = one(worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE))
    assert [(span.task, (span.end_ns - span.start_ns) / HOUR) for span in day.spans] == [
        ("load", 4.0),
        ("clean", 4.0),
    ]


def test_an_assignment_may_move_a_sensor_to_another_workstation(load: Load) -> None:
    book = load(
        assignments="from,to,sensor,wearer,workstation,task\n"
        "2026-11-16T05:00,2026-11-16T13:00,dosimeter,w1,oven,\n"
    )
    day = one(worker_days(book, MONDAY, MONDAY, kind=Kind.NOISE))
    assert (day.workstation, day.shift, day.wearer) == ("oven", "morning", "w1")


def test_a_weekend_without_a_shift_has_no_worker_day(load: Load) -> None:
    assert worker_days(load(), date(2026, 11, 21), date(2026, 11, 22), workstation="press") == ()


def test_one_workstation_only(load: Load) -> None:
    days = worker_days(load(), MONDAY, FRIDAY, workstation="oven")
    assert {day.workstation for day in days} == {"oven"}
    with pytest.raises(UnknownNameError):
        worker_days(load(), MONDAY, FRIDAY, workstation="nothing")


def test_the_order_is_that_of_the_site_file_then_of_time(load: Load) -> None:
    days = worker_days(load(), MONDAY, FRIDAY)
    keys = [(["press", "oven"].index(day.workstation), day.start_ns, day.sensor) for day in days]
    assert keys == sorted(keys)


def test_dates_in_the_wrong_order_are_refused(load: Load) -> None:
    with pytest.raises(UsageError) as refused:
        worker_days(load(), FRIDAY, MONDAY)
    assert refused.value.code == "dates_reversed"


def test_usual_conditions_are_those_of_the_campaign(load: Load) -> None:
    assert usual_window(load(), MONDAY, date(2026, 11, 22)) == (date(2026, 11, 2), date(2026, 11, 22))


def test_without_a_campaign_they_are_those_of_the_last_eight_weeks(load: Load) -> None:
    first, last = usual_window(load(), date(2027, 1, 4), date(2027, 1, 10))
    assert last == date(2027, 1, 10)
    assert (last - first).days == 8 * 7 - 1


def test_a_long_period_is_its_own_usual_window(load: Load) -> None:
    assert usual_window(load(), date(2027, 1, 1), date(2027, 6, 30))[0] == date(2027, 1, 1)


def test_the_usual_window_never_looks_beyond_the_period(load: Load) -> None:
    assert usual_window(load(), date(2026, 11, 2), date(2026, 11, 8))[1] == date(2026, 11, 8)


def test_moments_of_spans_are_inside_the_shift(load: Load) -> None:
    book = load()
    for day in worker_days(book, MONDAY, FRIDAY):
        for span in day.spans:
            assert day.start_ns <= span.start_ns < span.end_ns <= day.end_ns
        assert book.local(day.start_ns) >= datetime(2026, 11, 16, tzinfo=book.zone)


stretch = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted).map(tuple)


@given(stretch, st.lists(stretch, max_size=6))
def test_what_is_left_is_what_no_cut_touches(whole: tuple[int, int], cuts: list[tuple[int, int]]) -> None:
    left = without(whole, sorted(cuts))
    kept = {second for start, end in left for second in range(start, end)}
    expected = {second for second in range(*whole) if not any(start <= second < end for start, end in cuts)}
    assert kept == expected
    assert all(start < end for start, end in left)
