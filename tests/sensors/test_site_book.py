"""Who was where and when: shifts over changes of clocks, postings, calibrations, exclusions, pauses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.errors import UnknownNameError
from sensors.local_time import OPEN_END_NS
from sensors.site_book import Posting, SiteBook
from sensors.site_file import load_site
from sensors.site_model import Mount

HOUR_NS = 3_600_000_000_000
VALID = (Path(__file__).parent / "valid_site.toml").read_text(encoding="utf-8")
Make = Callable[..., SiteBook]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(*replacements: tuple[str, str], append: str = "", **logs: str) -> SiteBook:
        text = VALID
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "site.toml").write_text(text + "\n" + append, encoding="utf-8")
        for name, rows in logs.items():
            (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
        return load_site(tmp_path / "site.toml")

    return build


def _clock(book: SiteBook, moment_ns: int) -> str:
    return book.local(moment_ns).strftime("%m-%d %H:%M%z")


@pytest.mark.parametrize(
    ("night", "hours", "start", "end"),
    [
        (date(2026, 11, 16), 8, "11-16 21:00+0100", "11-17 05:00+0100"),
        # The clocks go forward on 29 March and back on 25 October at 3 o'clock.
        (date(2026, 3, 28), 7, "03-28 21:00+0100", "03-29 05:00+0200"),
        (date(2026, 10, 24), 9, "10-24 21:00+0200", "10-25 05:00+0100"),
    ],
)
def test_a_night_shift_follows_the_clocks(make: Make, night: date, hours: int, start: str, end: str) -> None:
    book = make()
    window = next(item for item in book.shift_windows("presse-1", night, night) if item.shift == "nuit")
    assert window.day == night
    assert window.end_ns - window.start_ns == hours * HOUR_NS
    assert (_clock(book, window.start_ns), _clock(book, window.end_ns)) == (start, end)
    first, second = window.breaks
    assert _clock(book, first[0])[:11] == night.strftime("%m-%d 23:00")
    assert _clock(book, second[0])[6:11] == "01:30"
    assert second[1] - second[0] == 20 * 60 * 1_000_000_000
    assert all(window.start_ns <= low < high <= window.end_ns for low, high in window.breaks)


def test_windows_are_those_that_start_in_the_period(make: Make) -> None:
    book = make()
    windows = book.shift_windows("presse-1", date(2026, 11, 20), date(2026, 11, 23))
    # Friday to Monday: the morning shift rests at the weekend, the night shift does not.
    assert [(item.shift, item.day.day) for item in windows] == [
        ("matin", 20),
        ("nuit", 20),
        ("nuit", 21),
        ("nuit", 22),
        ("matin", 23),
        ("nuit", 23),
    ]
    assert book.shift_windows("presse-1", date(2026, 11, 21), date(2026, 11, 20)) == ()


def test_a_whole_day_lasts_as_long_as_the_day(make: Make) -> None:
    book = make(
        (
            'start = "21:00"\nend = "05:00"\nbreaks = [["23:00", "23:15"], ["01:30", "01:50"]]',
            'start = "00:00"\nend = "00:00"',
        ),
    )
    lengths = {}
    for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)):
        window = next(item for item in book.shift_windows("presse-1", day, day) if item.shift == "nuit")
        lengths[day.month] = (window.end_ns - window.start_ns) // HOUR_NS
    assert lengths == {3: 23, 10: 25, 11: 24}


def test_a_shift_that_starts_while_the_clocks_change(make: Make) -> None:
    book = make(
        ('start = "21:00"\nend = "05:00"', 'start = "02:30"\nend = "10:30"'),
        ('breaks = [["23:00", "23:15"], ["01:30", "01:50"]]\n', ""),
    )
    for day, hours in ((date(2026, 3, 29), 7), (date(2026, 10, 25), 9)):
        window = next(item for item in book.shift_windows("presse-1", day, day) if item.shift == "nuit")
        assert (window.end_ns - window.start_ns) / HOUR_NS == hours


def test_naive_times_are_site_time(make: Make) -> None:
    book = make()
    summer, winter = datetime(2026, 7, 1, 12), datetime(2026, 1, 1, 12)
    assert book.to_ns(summer) == book.to_ns(datetime(2026, 7, 1, 10, tzinfo=UTC))
    assert book.to_ns(winter) == book.to_ns(datetime(2026, 1, 1, 11, tzinfo=UTC))
    assert book.local(book.to_ns(summer)).isoformat() == "2026-07-01T12:00:00+02:00"


def _shown(book: SiteBook, postings: tuple[Posting, ...]) -> list[tuple[str | None, ...]]:
    return [
        (
            _clock(book, item.start_ns)[:11],
            _clock(book, item.end_ns)[:11],
            item.workstation,
            item.wearer,
            item.task,
            item.calibration,
        )
        for item in postings
    ]


def test_assignments_override_the_placement(make: Make) -> None:
    book = make(
        ('mount = "upper_back"', 'mount = "upper_back"\nwearer = "heron-12"'),
        assignments="from,to,sensor,wearer,workstation,task\n"
        "2026-11-17T05:00,2026-11-17T09:00,dos-1,otter-34,presse-2,\n"
        "2026-11-17T09:00,2026-11-17T13:00,dos-1,otter-34,presse-1,reglage\n"
        "2026-11-18T05:00,2026-11-18T13:00,dos-1,,presse-2,\n",
    )
    start, end = book.to_ns(datetime(2026, 11, 16)), book.to_ns(datetime(2026, 11, 18, 12))
    postings = book.assignments("dos-1", start, end)
    assert _shown(book, postings) == [
        ("11-16 00:00", "11-16 05:10", "presse-1", "heron-12", None, None),
        # From here on the calibration of that morning is in force.
        ("11-16 05:10", "11-17 05:00", "presse-1", "heron-12", None, "pose-1"),
        ("11-17 05:00", "11-17 09:00", "presse-2", "otter-34", None, "pose-1"),
        ("11-17 09:00", "11-17 13:00", "presse-1", "otter-34", "reglage", "pose-1"),
        ("11-17 13:00", "11-18 05:00", "presse-1", "heron-12", None, "pose-1"),
        ("11-18 05:00", "11-18 12:00", "presse-2", "heron-12", None, "pose-1"),
    ]
    assert {item.mount for item in postings} == {Mount.UPPER_BACK}


def test_postings_end_with_the_placement(make: Make) -> None:
    book = make()
    after = book.to_ns(datetime(2026, 12, 19))
    assert book.assignments("dos-1", after, OPEN_END_NS) == ()
    assert book.assignments("dos-1", after - 1, OPEN_END_NS)[-1].end_ns == after
    assert book.assignments("micro-1", after, OPEN_END_NS)[-1].end_ns == OPEN_END_NS
    assert book.assignments("unknown", 0, OPEN_END_NS) == ()


@settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=8),
    st.integers(0, 300),
    st.integers(1, 300),
)
def test_postings_are_disjoint_ordered_and_cover_the_placement(
    make: Make, rows: list[tuple[int, int]], start_h: int, length_h: int
) -> None:
    lines, free_from = ["from,to,sensor,wearer,workstation,task"], 0
    base = datetime(2026, 11, 3)
    for gap, length in rows:
        begin = free_from + gap % 24
        if begin + length > 1000:
            break
        first, last = base + timedelta(hours=begin), base + timedelta(hours=begin + length)
        lines.append(f"{first:%Y-%m-%dT%H:%M},{last:%Y-%m-%dT%H:%M},dos-1,otter-{length + 10},presse-2,")
        free_from = begin + length
    book = make(assignments="\n".join(lines) + "\n")
    low = book.to_ns(base + timedelta(hours=start_h))
    high = low + length_h * HOUR_NS
    postings = book.assignments("dos-1", low, high)
    assert postings[0].start_ns == low
    assert postings[-1].end_ns == high
    for before, after in pairwise(postings):
        assert before.end_ns == after.start_ns
    for item in postings:
        inside = any(
            row.start_ns <= item.start_ns and item.end_ns <= row.end_ns for row in book.logs.assignments
        )
        assert (item.workstation == "presse-2") == inside


def test_the_calibration_in_force(make: Make) -> None:
    book = make(
        append='[[calibrations]]\nid = "pose-2"\nsensor = "dos-1"\nat = 2026-11-18T05:00:00\n'
        'kind = "upright_only"\nupright = [0.0, 1.0, 0.0]\n'
    )

    def at(sensor: str, day: int, hour: int) -> str | None:
        found = book.calibration_at(sensor, book.to_ns(datetime(2026, 11, day, hour)))
        return found.id if found else None

    assert [at("dos-1", 16, 4), at("dos-1", 16, 6), at("dos-1", 18, 5)] == [None, "pose-1", "pose-2"]
    # A placement's own calibration counts whatever its date.
    assert at("micro-1", 2, 1) == "etalon-1"
    assert at("climat-1", 16, 6) is None


def test_exclusions_are_clipped(make: Make) -> None:
    book = make(
        exclusions="from,to,sensor,reason,who\n"
        "2026-11-17T08:00,2026-11-17T09:00,dos-1,capteur tombé,AB\n"
        "2026-11-16T05:00,2026-11-16T07:00,dos-1,mal fixé,\n"
        "2026-11-16T05:00,2026-11-16T07:00,micro-1,choc,\n"
    )
    start, end = book.to_ns(datetime(2026, 11, 16, 6)), book.to_ns(datetime(2026, 11, 17, 8, 30))
    found = book.exclusions("dos-1", start, end)
    assert [(item.start_ns, item.end_ns, item.reason, item.who) for item in found] == [
        (start, start + HOUR_NS, "mal fixé", None),
        (end - HOUR_NS // 2, end, "capteur tombé", "AB"),
    ]


@pytest.mark.parametrize(("after_db", "discarded"), [("94.5", False), ("94.51", True), ("93.4", True)])
def test_a_drifting_microphone_discards_its_series(make: Make, after_db: str, discarded: bool) -> None:
    book = make(("level_after_db = 94.2", f"level_after_db = {after_db}"))
    start, end = book.to_ns(datetime(2026, 11, 16)), book.to_ns(datetime(2026, 11, 17))
    assert [(item.start_ns, item.end_ns) for item in book.exclusions("micro-1", start, end)] == (
        [(start, end)] if discarded else []
    )
    assert [notice.code for notice in book.notices()] == (["calibration_drift"] if discarded else [])


def test_sound_checks_bound_what_a_drifting_microphone_discards(make: Make) -> None:
    checks = "".join(
        f'\n[[calibrations]]\nid = "check-{day}"\nsensor = "micro-1"\nkind = "microphone"\n'
        f"at = 2026-11-{day}T06:00:00\nlevel_before_db = 94.0\nlevel_after_db = {after}\n"
        for day, after in ((16, 94.1), (17, 93.2), (18, 94.2), (19, 94.0))
    )
    book = make(('calibration = "etalon-1"\n', ""), append=checks)
    first, last = book.to_ns(datetime(2026, 11, 15)), book.to_ns(datetime(2026, 11, 20))
    assert [(item.start_ns, item.end_ns) for item in book.exclusions("micro-1", first, last)] == [
        (book.to_ns(datetime(2026, 11, 16, 6)), book.to_ns(datetime(2026, 11, 18, 6)))
    ]


def test_pauses_of_site_and_sensor_are_merged(make: Make) -> None:
    book = make(
        pauses="from,to,sensor,reason\n"
        "2026-11-16T08:00,2026-11-16T09:00,,\n"
        "2026-11-16T08:30,2026-11-16T09:30,dos-1,\n"
        "2026-11-16T11:00,2026-11-16T12:00,micro-1,\n"
    )
    eight = book.to_ns(datetime(2026, 11, 16, 8))
    day = (eight - 8 * HOUR_NS, eight + 16 * HOUR_NS)
    assert book.pauses("dos-1", *day) == ((eight, eight + HOUR_NS * 3 // 2),)
    assert book.pauses(None, *day) == ((eight, eight + HOUR_NS),)
    assert book.pauses("micro-1", *day) == (
        (eight, eight + HOUR_NS),
        (eight + 3 * HOUR_NS, eight + 4 * HOUR_NS),
    )
    assert book.pauses("dos-1", eight + HOUR_NS, eight + 2 * HOUR_NS) == (
        (eight + HOUR_NS, eight + HOUR_NS * 3 // 2),
    )


def test_unknown_names_list_the_known_ones(make: Make) -> None:
    book = make()
    with pytest.raises(UnknownNameError, match="presse-1, presse-2") as caught:
        book.workstation("presse-3")
    assert caught.value.code == "unknown_workstation"
    with pytest.raises(UnknownNameError, match="dos-1, micro-1, climat-1"):
        book.sensor("dos-9")
    assert book.calibration("nothing") is None
