"""Group summaries are remembered by their sites: no two of them, nor many, tell the line of few people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indicators.c2p.annex import Annex, FactorShare
from indicators.fleet.annex import FleetAnnex
from indicators.fleet.differences import Readers, Total, held_back
from indicators.fleet.issued import issue_summary
from indicators.governance.chain import read_entries
from indicators.governance.site_logs import SUMMARIES
from indicators.model import Audience
from sensors.errors import GovernanceError, LocalResourceError
from sensors.fleet_file import load_fleet
from sensors.periods import DatePeriod
from tests.site_tables import LAKE, head

LEAST = 5
WEEK = DatePeriod(date(2026, 11, 16), date(2026, 11, 22), "2026-W47")
MONTHS_LATER = DatePeriod(date(2027, 3, 1), date(2027, 3, 7), "2027-W09")
WORKERS = {"arras": 50, "brest": 9, "calais": 3, "dijon": 60, "evry": 2}
FEW = ("arras", "brest", "dijon")


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """Five sites; each fleet file below names some of them."""
    for name in WORKERS:
        (tmp_path / name).mkdir()
        site = head(name, name.title(), timezone="Europe/Paris") + LAKE
        (tmp_path / name / "site.toml").write_text(site, encoding="utf-8")
    return tmp_path


def issue(
    group: Path,
    sites: Sequence[str],
    period: DatePeriod = WEEK,
    audience: Audience = Audience.REPORT,
    workers: Mapping[str, int] = WORKERS,
    above: Mapping[str, int] | None = None,
) -> FleetAnnex:
    """Issue the summary of `sites` by a fleet file of its own, as somebody would who leaves out a site."""
    folder = group / "-".join(sites)
    folder.mkdir(exist_ok=True)
    rows = [f'[[sites]]\nfile = "../{name}/site.toml"\n' for name in sites]
    path = folder / "fleet.toml"
    path.write_text('schema = 1\n[fleet]\nid = "g"\nlabel = "G"\n' + "".join(rows), encoding="utf-8")
    annexes = {name: annex(name, period, workers[name], (above or {}).get(name, 1)) for name in sites}
    return issue_summary(load_fleet(path), annexes, period, audience)


def annex(site: str, period: DatePeriod, workers: int, above: int) -> Annex:
    named = period.week or f"{period.first}..{period.last}"
    return Annex(site, named, "r", (), (FactorShare("noise", workers, above, workers - above, 0, 0),))


def shown(summary: FleetAnnex) -> set[str]:
    (row,) = summary.factors
    return {line.site for line in row.sites if line.share is not None}


@pytest.mark.parametrize("order", [(FEW, (*FEW, "calais")), ((*FEW, "calais"), FEW)], ids=["added", "left"])
def test_a_site_added_or_left_out_is_not_told_by_the_difference(
    group: Path, order: tuple[Sequence[str], Sequence[str]]
) -> None:
    first, second = order
    issue(group, first)
    with pytest.raises(GovernanceError) as caught:
        issue(group, second)
    error = caught.value
    assert (error.code, error.value) == ("summary_difference", "calais")
    assert "2026-W47" in error.what
    assert str(LEAST) in str(error.rule)
    assert ", ".join(sorted(first)) in str(error.remedy)
    assert len(read_entries(group / "arras" / SUMMARIES)) == 1, "what is refused is not written down as shown"
    assert not (group / "calais" / SUMMARIES).exists() or "calais" in first


def test_the_same_summary_is_issued_again_and_adds_nothing(group: Path) -> None:
    once = issue(group, list(WORKERS))
    log = (group / "arras" / SUMMARIES).read_bytes()
    assert issue(group, list(WORKERS)) == once
    assert (group / "arras" / SUMMARIES).read_bytes() == log
    assert b'"calais": [' not in log.replace(b"\\", b""), "what is held back stands nowhere"


def test_sites_that_are_enough_together_may_be_added(group: Path) -> None:
    assert shown(issue(group, ["arras", "brest"])) == {"arras", "brest"}
    assert shown(issue(group, ["arras", "brest", "dijon"])) == {"arras", "brest", "dijon"}


def test_two_small_sites_added_together_are_told_apart_by_each_other(group: Path) -> None:
    issue(group, FEW)
    with pytest.raises(GovernanceError) as caught:
        issue(group, [*FEW, "calais", "evry"])
    assert caught.value.value == "calais, evry", "five together, and each of them knows its own"


def test_odd_dates_are_the_same_usual_conditions_and_later_ones_are_not(group: Path) -> None:
    issue(group, [*FEW, "calais"])
    with pytest.raises(GovernanceError, match="2026-W47"):
        issue(group, FEW, DatePeriod(date(2026, 11, 23), date(2026, 11, 29)))
    assert shown(issue(group, FEW, MONTHS_LATER)) == set(FEW)


def test_a_line_that_would_open_an_earlier_total_is_held_back(group: Path) -> None:
    sites = [*FEW, "calais"]
    assert shown(issue(group, sites)) == {"dijon"}
    grown = {**WORKERS, "brest": 100}
    later = DatePeriod(date(2026, 11, 30), date(2026, 12, 6), "2026-W49")
    # Alone, it would show what hid Calais before, and the earlier total would then tell of Calais.
    alone = held_back({name: grown[name] for name in sites}, [Readers(LEAST)])
    assert alone == frozenset({"arras", "calais", "dijon"})
    assert shown(issue(group, sites, later, workers=grown)) == {"dijon"}


def test_a_line_that_was_shown_while_its_site_was_larger_tells_nothing_of_the_few_there_now() -> None:
    before = {"arras": 20, "brest": 50, "calais": 60, "dijon": 70}
    known = [Total(before, frozenset(before))]
    now = {**before, "arras": 3}
    assert held_back(now, [Readers(LEAST)]) == frozenset({"arras", "brest", "calais"})
    assert held_back(now, [Readers(LEAST, known)]) is None


def test_figures_that_changed_for_a_few_are_not_issued_again(group: Path) -> None:
    issue(group, FEW, above={"arras": 10})
    with pytest.raises(GovernanceError) as caught:
        issue(group, FEW, above={"arras": 13})
    assert (caught.value.code, caught.value.value) == ("summary_changed", "3 (arras)")
    issue(group, FEW, above={"arras": 20})


def test_a_site_knows_of_summaries_that_were_made_without_it(group: Path) -> None:
    issue(group, ["arras", "brest"])
    issue(group, ["brest", "dijon"])
    rows = [row for entry in read_entries(group / "dijon" / SUMMARIES) for row in entry["summaries"]]
    assert [set(row["workers"]) for row in rows] == [{"arras", "brest"}, {"brest", "dijon"}]


def test_a_wider_circle_has_larger_groups_and_the_site_sees_both(group: Path) -> None:
    assert shown(issue(group, FEW)) == set(FEW)
    (row,) = issue(group, FEW, audience=Audience.WIDE).factors
    assert row.total is None, "beyond the site nine are too few"
    assert len(read_entries(group / "brest" / SUMMARIES)) == 1, "where nothing is shown, nothing is written"
    assert shown(issue(group, list(WORKERS), MONTHS_LATER, Audience.WIDE)) == {"dijon"}
    with pytest.raises(GovernanceError, match="too few workers"):
        issue(group, [*FEW, "calais"], audience=Audience.WIDE)


def test_a_log_that_was_changed_or_cannot_be_written_stops_the_summary(group: Path) -> None:
    issue(group, FEW)
    log = group / "brest" / SUMMARIES
    log.write_text(log.read_text(encoding="utf-8").replace("brest", "br"), encoding="utf-8")
    with pytest.raises(GovernanceError) as caught:
        issue(group, FEW)
    assert caught.value.code == "log_broken"
    log.unlink()
    log.mkdir()
    with pytest.raises(LocalResourceError) as stopped:
        issue(group, FEW)
    assert stopped.value.code == "summary_unwritable"


def told(rows: Sequence[frozenset[str]], workers: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Few people that a linear combination of `rows` speaks of and of nobody else."""
    names = list(workers)
    matrix = np.array([[name in row for name in names] for row in rows], dtype=float).reshape(-1, len(names))
    for count in range(1, LEAST):
        for few in combinations(names, count):
            others = [number for number, name in enumerate(names) if name not in few]
            rank = np.linalg.matrix_rank(matrix[:, others]) if others else 0
            if sum(workers[name] for name in few) < LEAST and rank < np.linalg.matrix_rank(matrix):
                yield few


@given(
    st.lists(st.integers(1, 15), min_size=3, max_size=6).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes),
            st.lists(
                st.sets(st.integers(0, len(sizes) - 1), min_size=1).map(frozenset), min_size=2, max_size=4
            ),
        )
    )
)
@example(([20, 40, 1, 40], [frozenset({0, 1, 2, 3}), frozenset({1})]))
@example(
    (
        [40, 40, 1, 40, 40, 9, 3],
        [frozenset({1, 2, 3, 4, 5, 6}), frozenset({0, 1, 2, 3, 6}), frozenset(range(7))],
    )
)
def test_whoever_collects_all_summaries_solves_for_few_nowhere(
    drawn: tuple[list[int], list[frozenset[int]]],
) -> None:
    sizes, asked = drawn
    workers = {f"s{number}": count for number, count in enumerate(sizes)}
    known: list[Total] = []
    rows: list[frozenset[str]] = []
    for numbers in asked:
        sites = {f"s{number}": sizes[number] for number in numbers}
        held = held_back(sites, [Readers(LEAST, known)])
        if held is not None:
            lines = frozenset(sites) - held
            known.append(Total(sites, lines))
            rows += [frozenset(sites), *(frozenset({name}) for name in lines)]
    if rows:
        assert list(told(rows, workers)) == []
        for insider in workers:
            others = {name: count for name, count in workers.items() if name != insider}
            assert list(told([row - {insider} for row in rows], others)) == [], f"{insider} knows its own"
