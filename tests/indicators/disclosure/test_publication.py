"""The gate before assessment: what a public result rests on, and the ledger that remembers it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from indicators.disclosure.ledger import SALT
from indicators.disclosure.publication import Permits, ShiftView, permits, refused_groups, usable_days
from indicators.disclosure.rules import Outcome
from indicators.governance.chain import Chain, read_entries
from indicators.governance.site_logs import LEDGER
from indicators.model import Period, Span, WorkerDay
from indicators.worker_days.merging import MergedDay
from sensors.errors import GovernanceError, LocalResourceError
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from sensors.site_model import Mount
from tests.site_tables import head, row

MONDAY = date(2026, 11, 16)
HOUR = 3_600_000_000_000
SITE = (
    head("plant", "Plant")
    + row("shifts", id="day", start="08:00", end="16:00")
    + row("workstations", id="a", label="A", family="presses", shifts=["day"])
    + row("workstations", id="b", label="B", family="presses", shifts=["day"])
    + row("sensors", id="worn", kind="noise", channels=["laeq"], origin="simulated")
    + row("sensors", id="live", kind="noise", channels=["laeq"])
    + row("sensors", id="fixed", kind="noise", channels=["laeq"], origin="simulated")
)


@pytest.fixture
def book(tmp_path: Path) -> SiteBook:
    (tmp_path / "site.toml").write_text(SITE)
    return load_site(tmp_path / "site.toml")


def week(number: int = 0) -> Period:
    first = MONDAY + timedelta(weeks=number)
    return Period(first, first + timedelta(days=6), 0, 1, "Europe/Paris")


def worn(
    wearer: str | None, day: int = 0, place: str = "a", coverage: float = 1.0, sensor: str = "worn"
) -> MergedDay:
    on = MONDAY + timedelta(days=day)
    start = int(datetime.combine(on, datetime.min.time()).timestamp()) * 10**9 + 8 * HOUR
    mount = Mount.FIXED if wearer is None else Mount.SHOULDER
    span = Span(start, start + 8 * HOUR)
    worker_day = WorkerDay(
        "plant",
        place,
        "day",
        on,
        Kind.NOISE,
        sensor,
        mount,
        wearer,
        start,
        span.end_ns,
        (span,),
        (),
        8 * HOUR,
    )
    return MergedDay(worker_day, SimpleNamespace(coverage=coverage), 480)


def team(size: int, day: int = 0, place: str = "a", first: int = 0) -> list[MergedDay]:
    return [worn(f"p{first + index}", day, place) for index in range(size)]


def view(found: Permits, days: Sequence[MergedDay], number: int = 0, place: str = "a") -> ShiftView:
    own = [item for item in days if item.day.workstation == place]
    return found.view(place, "day", Kind.NOISE, own, week(number))


def rule(book: SiteBook, days: Sequence[MergedDay], number: int = 0, place: str = "a") -> ShiftView:
    by_place: Mapping[str, Sequence[MergedDay]] = {
        name: [item for item in days if item.day.workstation == name] for name in ("a", "b")
    }
    return view(permits(book, week(number), by_place), days, number, place)


def test_five_wearers_are_shown_and_written_down(book: SiteBook) -> None:
    days = team(5)
    shown = rule(book, days)
    assert set(map(id, shown.usual)) == set(map(id, days))
    assert set(map(id, shown.week)) == set(map(id, days))
    assert shown.refused == ()
    text = (book.folder / LEDGER).read_text()
    assert not any(f'"p{index}"' in text for index in range(5))
    assert Chain(book.folder / LEDGER, bytes.fromhex((book.folder / SALT).read_text())).verify().intact


def test_four_are_held_back_and_leave_no_trace(book: SiteBook) -> None:
    shown = rule(book, team(4))
    assert shown.usual == shown.week == ()
    assert [item.reason.code for item in shown.refused] == ["group_too_small"]
    assert not (book.folder / LEDGER).exists()


def test_asking_again_gives_the_same_and_writes_nothing(book: SiteBook) -> None:
    first = rule(book, team(5))
    before = (book.folder / LEDGER).read_bytes()
    again = rule(book, team(5))
    assert [item.day for item in again.usual] == [item.day for item in first.usual]
    assert (book.folder / LEDGER).read_bytes() == before


def test_one_new_wearer_does_not_change_what_is_shown(book: SiteBook) -> None:
    first = rule(book, team(5))
    later = rule(book, [*team(5), worn("p9", 7)], number=1)
    assert {item.day for item in later.usual} == {item.day for item in first.usual}
    assert [note.code for note in later.notes] == ["repeated_group"]
    assert later.week == ()


def test_enough_new_wearers_change_it(book: SiteBook) -> None:
    rule(book, team(5))
    later = rule(book, [*team(5), *team(5, 7, first=10)], number=1)
    assert len(later.usual) == 10
    assert len(later.week) == 5


def test_a_withdrawn_wearer_is_not_given_away_by_a_new_issue(book: SiteBook) -> None:
    rule(book, team(6))
    after = rule(book, team(5))
    assert after.usual == ()
    assert [item.reason.code for item in after.refused] == ["difference_too_small"]


def test_a_dominating_wearer_is_refused(book: SiteBook) -> None:
    days = [*team(5), *[worn("p0", day) for day in range(1, 7)]]
    assert [item.reason.code for item in rule(book, days).refused] == ["one_wearer_dominates"]


def test_small_groups_of_a_family_are_shown_together(book: SiteBook) -> None:
    days = [*team(3), *team(3, place="b", first=10)]
    shown = rule(book, days)
    assert {item.day.workstation for item in shown.usual} == {"a", "b"}
    assert shown.week == ()
    assert [(note.code, dict(note.params)) for note in shown.notes] == [
        ("merged_group", {"workstations": "b"})
    ]
    assert {item.day for item in rule(book, days, place="b").usual} == {item.day for item in shown.usual}


def test_short_days_do_not_make_a_group(book: SiteBook) -> None:
    shown = rule(book, [*team(4), worn("p9", coverage=0.5)])
    assert [item.reason.params["wearers"] for item in shown.refused] == [4]
    alone = rule(book, [worn("p9", coverage=0.5)])
    assert [item.reason.code for item in alone.refused] == ["worn_days_short"]


def test_short_days_are_left_out_and_said(book: SiteBook) -> None:
    shown = rule(book, [*team(5), worn("p9", coverage=0.5)])
    assert len(shown.usual) == 5
    assert [note.params["n"] for note in shown.notes] == [1]


def test_a_shift_that_still_runs_waits(book: SiteBook) -> None:
    ahead = (datetime.now(UTC).date() - MONDAY).days + 2
    days = [replace(item, day=replace(item.day, sensor="live")) for item in team(5, ahead)]
    assert usable_days(book, MONDAY, days) == []
    assert len(usable_days(book, MONDAY, team(5, ahead))) == 5


def test_fixed_sensors_are_untouched(book: SiteBook) -> None:
    fixed = worn(None, sensor="fixed")
    shown = rule(book, [fixed])
    assert shown.usual == shown.week == (fixed,)
    both = rule(book, [fixed, *team(2)])
    assert both.usual == both.week == (fixed,)
    assert not (book.folder / LEDGER).exists()


def test_a_fixed_sensor_does_not_stand_in_for_a_worn_week(book: SiteBook) -> None:
    rule(book, team(5))
    fixed = worn(None, 8, sensor="fixed")
    later = rule(book, [*team(5), worn("p0", 7), fixed], number=1)
    assert len(later.usual) == 6
    assert later.week == ()


def test_a_changed_ledger_stops_everything(book: SiteBook) -> None:
    rule(book, team(5))
    path = book.folder / LEDGER
    path.write_text(path.read_text().replace("published", "publishes", 1))
    with pytest.raises(GovernanceError) as refused:
        rule(book, team(5))
    assert refused.value.code == "ledger_broken"


def test_a_lost_salt_stops_everything(book: SiteBook) -> None:
    rule(book, team(5))
    (book.folder / SALT).unlink()
    with pytest.raises(GovernanceError):
        rule(book, team(5))


def test_a_folder_that_cannot_be_written_is_a_clear_error(book: SiteBook) -> None:
    # /proc takes no new files, whoever asks.
    elsewhere = replace(book, folder=Path("/proc"))
    with pytest.raises(LocalResourceError) as refused:
        rule(elsewhere, team(5))
    assert refused.value.code == "ledger_unwritable"
    assert "write" in str(refused.value)


def test_what_is_known_can_be_shown_from_a_folder_that_cannot_be_written(book: SiteBook) -> None:
    first = rule(book, team(5))
    blocked = book.folder / f"{LEDGER}.lock"
    blocked.unlink()
    blocked.mkdir()
    assert [item.day for item in rule(book, team(5)).usual] == [item.day for item in first.usual]


DECIDE = """
import sys
from pathlib import Path
from indicators.disclosure.rules import Cell
from indicators.disclosure.ledger import PublishedLedger
from sensors.site_file import load_site

ledger = PublishedLedger(load_site(Path(sys.argv[1])))
first = int(sys.argv[2])
atoms = frozenset(ledger.atom(f"p{who}", ("day",), 8.0) for who in range(first, first + 6))
sys.stdin.read()
print(*(found.outcome.value for found in ledger.decide([Cell(f"cell {first}", atoms)]).values()))
"""


def test_processes_at_once_never_publish_what_differs_by_one_wearer(book: SiteBook) -> None:
    # The sets differ by one to three wearers from each other: only the first one may come out.
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", DECIDE, str(book.path), str(first)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(4)
    ]
    for process in asked:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    answers = [process.communicate(timeout=120)[0].strip() for process in asked]
    assert sorted(answers) == [Outcome.PUBLISHED.value, *3 * [Outcome.WITHHELD.value]]
    assert len(read_entries(book.folder / LEDGER)) == 1


def test_a_comparison_needs_every_side(book: SiteBook) -> None:
    what = (Kind.NOISE, Mount.SHOULDER)
    small = refused_groups(book, {"before": team(5), "after": team(4, 7)})
    assert small[what].reason.code == "group_too_small"
    assert not (book.folder / LEDGER).exists()
    assert refused_groups(book, {"before": team(5), "after": team(5, 7)}) == {}
    overlapping = refused_groups(book, {"before": team(6), "after": team(5, 14)})
    assert overlapping[what].reason.code == "difference_too_small"
