"""The action plan: order, lateness, closures without a reason, and the before/after card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from indicators.actions.cards import card_periods
from indicators.actions.closing import closing_problems
from indicators.actions.plan import action_results
from indicators.actions.states import ActionState, closed_by_instructions, ordered, status_on
from indicators.comparison import ChangeVerdict
from indicators.model import Verdict, WeeklyResult
from indicators.weekly import weekly_result
from ingest.store import open_store
from sensors.log_tables import Action, ActionFactor, ControlLevel
from sensors.periods import week_period
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site

SUNDAY = date(2026, 11, 22)


def action(identifier: str = "a", **changes: object) -> Action:
    plain = Action(
        identifier,
        "press-1",
        ActionFactor.NOISE,
        ControlLevel.COLLECTIVE,
        "Enclose the press",
        None,
        None,
        None,
        None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_order_is_that_of_the_nine_principles() -> None:
    rows = [action(level.value, level=level) for level in reversed(ControlLevel)]
    assert [row.id for row in ordered(rows)] == [
        "avoid",
        "assess",
        "source",
        "adapt",
        "technical",
        "replace",
        "organise",
        "collective",
        "individual",
        "instructions",
    ]


def test_within_a_level_the_earliest_due_date_comes_first_and_none_last() -> None:
    rows = [action("none"), action("late", due=SUNDAY), action("soon", due=SUNDAY - timedelta(days=3))]
    assert [row.id for row in ordered(rows)] == ["soon", "late", "none"]


@pytest.mark.parametrize(
    ("due", "done", "state", "late"),
    [
        (None, None, ActionState.OPEN, 0),
        (SUNDAY, None, ActionState.OPEN, 0),
        (SUNDAY - timedelta(days=1), None, ActionState.OVERDUE, 1),
        (SUNDAY - timedelta(days=9), SUNDAY - timedelta(days=2), ActionState.DONE, 7),
        (SUNDAY - timedelta(days=9), SUNDAY + timedelta(days=1), ActionState.OVERDUE, 9),
    ],
)
def test_a_state_is_that_of_the_day_asked_for(
    due: date | None, done: date | None, state: ActionState, late: int
) -> None:
    found = status_on(action(due=due, done=done), SUNDAY)
    assert (found.state, found.days_late) == (state, late)


def test_something_better_planned_or_done_is_no_closure_by_instructions() -> None:
    told = action("told", level=ControlLevel.INSTRUCTIONS, done=SUNDAY)
    better = action("better", level=ControlLevel.SOURCE)
    assert closed_by_instructions([told], SUNDAY) == (told,)
    assert closed_by_instructions([told, better], SUNDAY) == ()
    assert closed_by_instructions([told, replace(better, factor=ActionFactor.POSTURE)], SUNDAY) == (told,)


@pytest.mark.parametrize(
    ("verdict", "reason", "refused"),
    [
        (Verdict.ABOVE, None, True),
        (Verdict.ABOVE, "the line is moved in March", False),
        (Verdict.BELOW, None, False),
        (Verdict.NOT_SETTLED, None, False),
        (None, None, True),
    ],
)
def test_a_workstation_above_is_not_closed_by_instructions_without_a_reason(
    verdict: Verdict | None, reason: str | None, refused: bool
) -> None:
    told = action(level=ControlLevel.INSTRUCTIONS, done=SUNDAY, reason=reason, line=7)
    known: Mapping[tuple[str, str], Verdict] = {} if verdict is None else {("press-1", "noise"): verdict}
    problems = closing_problems((told,), SUNDAY, lambda: known)
    assert bool(problems) is refused
    if refused:
        assert (problems[0].file, problems[0].key, problems[0].code) == (
            "actions.csv",
            "line 7, reason",
            "closed_without_reason",
        )


def test_no_verdict_is_looked_up_when_nothing_is_in_doubt() -> None:
    def never() -> None:
        message = "looked up"
        raise AssertionError(message)

    assert closing_problems((action(done=SUNDAY),), SUNDAY, never) == []


def test_sides_of_a_card_leave_the_day_out_and_do_not_reach_over_another_action() -> None:
    done = date(2026, 11, 11)
    before, after = card_periods(done, SUNDAY, whole_weeks=False)
    assert before is not None
    assert after is not None
    assert (before.first, before.last) == (date(2026, 9, 16), date(2026, 11, 10))
    assert (after.first, after.last) == (date(2026, 11, 12), SUNDAY)
    other = [date(2026, 11, 2), date(2026, 11, 18)]
    before, after = card_periods(done, SUNDAY, whole_weeks=False, others=other)
    assert before is not None
    assert after is not None
    assert (before.first, after.last) == (date(2026, 11, 3), date(2026, 11, 17))


@pytest.mark.parametrize("day", range(9, 16))
def test_worn_sensors_are_compared_by_whole_weeks(day: int) -> None:
    before, after = card_periods(date(2026, 11, day), SUNDAY, whole_weeks=True)
    assert before is not None
    assert after is not None
    assert (before.last, after.first, after.last) == (date(2026, 11, 8), date(2026, 11, 16), SUNDAY)
    assert before.first.weekday() == 0


def test_a_card_before_anything_can_follow_has_no_after() -> None:
    assert card_periods(SUNDAY, SUNDAY, whole_weeks=False)[1] is None


SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[store]
url = "lake:./lake"
[[shifts]]
id = "day"
start = "08:00"
end = "09:00"
[[workstations]]
id = "oven"
label = "Oven"
shifts = ["day"]
indoor_process = true
[[sensors]]
id = "t1"
kind = "climate"
period_s = 60.0
channels = ["air_temperature", "relative_humidity"]
[[placements]]
sensor = "t1"
workstation = "oven"
mount = "fixed"
from = 2026-11-01T00:00:00
"""
ACTIONS = """id,workstation,factor,level,what,owner,due,done,reason
screen,oven,climate,collective,Screen before the oven,Maintenance,2026-11-01,{done},
told,oven,work_time,instructions,Take breaks,,,2026-11-17,
"""


@pytest.fixture(scope="module")
def oven(tmp_path_factory: pytest.TempPathFactory) -> SiteBook:
    """An oven measured on two weeks' days, 5 °C cooler from Wednesday 11 on."""
    folder = tmp_path_factory.mktemp("oven")
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "actions.csv").write_text(ACTIONS.format(done="2026-11-11"), encoding="utf-8")
    book = load_site(folder / "site.toml")
    store = open_store("lake:./lake", base=folder)
    for window in book.shift_windows("oven", date(2026, 11, 2), date(2026, 11, 20)):
        times = np.arange(window.start_ns, window.end_ns, 60_000_000_000, dtype=np.int64)
        warm = 36.0 if window.day < date(2026, 11, 11) else 31.0
        air = np.full(times.size, warm + 0.2 * (window.day.day % 3))
        store.write(
            [
                ReadingBatch(
                    "plant",
                    "t1",
                    Kind.CLIMATE,
                    times,
                    {"air_temperature": air, "relative_humidity": np.full(times.size, 40.0)},
                )
            ]
        )
    store.close()
    return book


def result_of(book: SiteBook, week: str) -> WeeklyResult:
    store = open_store("lake:./lake", base=book.folder)
    period = week_period(week, book.zone, datetime(2026, 12, 1, 12, tzinfo=book.zone))
    found = weekly_result(book, store, period)
    store.close()
    return found


def test_a_closed_action_shows_the_change_and_its_state(oven: SiteBook) -> None:
    store = open_store("lake:./lake", base=oven.folder)
    screen, told = action_results(oven, store, result_of(oven, "2026-W47"))
    store.close()
    assert screen.action.id == "screen"
    assert screen.status.days_late == 10
    assert screen.card is not None
    change = next(row for row in screen.card.changes if row.indicator == "wbgt_worst_hour")
    assert change.verdict is ChangeVerdict.LOWER
    assert change.better is True
    assert change.days == (7, 7)
    assert {row.factor.value for row in screen.card.changes} == {"climate"}
    assert told.card is not None
    assert [note.code for note in told.card.notes] == ["card_planned_not_measured"]
    assert [note.code for note in told.flags] == ["instructions_without_reason"]


def test_two_days_after_an_action_are_too_early(oven: SiteBook) -> None:
    log = oven.folder / "actions.csv"
    before = log.read_text(encoding="utf-8")
    log.write_text(ACTIONS.format(done="2026-11-18"), encoding="utf-8")
    store = open_store("lake:./lake", base=oven.folder)
    screen = action_results(load_site(oven.path), store, result_of(oven, "2026-W47"))[0]
    store.close()
    log.write_text(before, encoding="utf-8")
    assert screen.card is not None
    assert {change.verdict for change in screen.card.changes} == {ChangeVerdict.TOO_EARLY}
