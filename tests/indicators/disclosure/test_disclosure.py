"""The gate's rules under attack: an adversary with all outputs of eight weeks solves the linear system."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.disclosure.rules import Atom, Cell, Outcome, Refusal, Rules, decide, isolated_wearers

RULES = Rules(group_size=5)


def atoms(days: dict[str, list[int]], place: str = "w", hours: float = 8.0) -> frozenset[Atom]:
    return frozenset(Atom(who, f"{place}-{day}-{who}", hours) for who, when in days.items() for day in when)


def team(size: int, days: list[int], first: int = 0) -> dict[str, list[int]]:
    return {f"p{first + index}": days for index in range(size)}


def outcome(
    cell: Cell, *others: Cell, ledger: dict[str, frozenset[Atom]] | None = None
) -> tuple[Outcome, object]:
    decision = decide([cell, *others], ledger or {}, RULES)[cell.key]
    return decision.outcome, decision.refusal


def test_five_are_shown_and_four_are_not() -> None:
    assert outcome(Cell("a", atoms(team(5, [1])))) == (Outcome.PUBLISHED, None)
    assert outcome(Cell("a", atoms(team(4, [1])))) == (Outcome.WITHHELD, Refusal.TOO_FEW_WEARERS)


def test_records_are_not_people() -> None:
    assert outcome(Cell("a", atoms(team(2, list(range(40)))))) == (Outcome.WITHHELD, Refusal.TOO_FEW_WEARERS)


def test_one_wearer_with_more_than_half_the_time() -> None:
    half = atoms({**team(4, [1], first=1), "p0": [1, 2, 3, 4]})
    assert outcome(Cell("a", half)) == (Outcome.PUBLISHED, None)
    more = atoms({**team(4, [1], first=1), "p0": [1, 2, 3, 4, 5]})
    assert outcome(Cell("a", more)) == (Outcome.WITHHELD, Refusal.ONE_WEARER_DOMINATES)


def test_a_lone_new_wearer_cannot_be_found_by_subtracting_last_week() -> None:
    last = atoms(team(6, [1]))
    cell = Cell("usual/W2", last | atoms({"p9": [8]}))
    decision = decide([cell], {"usual/W1": last}, RULES)["usual/W2"]
    assert decision.outcome is Outcome.REPEATED
    assert decision.refusal is Refusal.DIFFERENCE_TOO_SMALL
    assert decision.atoms == last


def test_enough_new_wearers_may_be_added() -> None:
    last = atoms(team(6, [1]))
    cell = Cell("usual/W2", last | atoms(team(5, [8])))
    assert outcome(cell, ledger={"usual/W1": last}) == (Outcome.PUBLISHED, None)


def test_a_withdrawal_cannot_be_found_by_subtraction() -> None:
    before = atoms(team(6, [1]))
    after = frozenset(atom for atom in before if atom.wearer != "p3")
    kind, refusal = outcome(Cell("usual/W1b", after), ledger={"usual/W1": before})
    assert kind is Outcome.WITHHELD
    assert refusal is Refusal.DIFFERENCE_TOO_SMALL


def test_small_cells_of_a_family_are_put_together() -> None:
    one = Cell("a", atoms(team(3, [1]), "a"), "presses")
    two = Cell("b", atoms(team(3, [1], first=3), "b"), "presses")
    decisions = decide([one, two], {}, RULES)
    assert decisions["a"].outcome is Outcome.MERGED
    assert decisions["a"].atoms == decisions["b"].atoms == one.atoms | two.atoms
    assert decisions["a"].merged_with == ("b",)


def test_a_small_cell_is_never_put_together_with_a_published_one() -> None:
    small = Cell("a", atoms(team(2, [1]), "a"), "presses")
    large = Cell("b", atoms(team(6, [1], first=2), "b"), "presses")
    decisions = decide([small, large], {}, RULES)
    assert decisions["a"].outcome is Outcome.WITHHELD
    assert decisions["b"].outcome is Outcome.PUBLISHED


def test_a_total_that_would_give_a_withheld_part_away_is_withheld() -> None:
    small = atoms(team(2, [1]), "a")
    large = atoms(team(6, [1], first=2), "b")
    decisions = decide([Cell("part", large)], {}, RULES)
    ledger = {"part": decisions["part"].atoms}
    total = decide([Cell("total", small | large)], ledger, RULES)["total"]
    assert total.outcome is Outcome.REPEATED
    assert total.atoms == large


def test_the_same_output_again_tells_nothing_new() -> None:
    cell = Cell("a", atoms(team(5, [1])))
    assert outcome(cell, ledger={"a": cell.atoms}) == (Outcome.PUBLISHED, None)


def test_isolation_through_three_cells() -> None:
    # 1+2+3+4+5, 1+…+4 and 6…10, and 5+6…10 hide 5 pairwise only through their sum.
    five, six = atoms({"p5": [1]}), atoms(team(5, [1], first=6))
    rest = atoms(team(4, [1]))
    assert isolated_wearers([rest | five, rest | six, six | five]) == frozenset({"p5"})


WIDE = Rules(group_size=10, inner_group_size=5)


def wide(cell: Cell, ledger: dict[str, frozenset[Atom]], inner: frozenset[Atom]) -> tuple[Outcome, object]:
    decision = decide([cell], ledger, WIDE, frozenset({inner}))[cell.key]
    return decision.outcome, decision.refusal


def test_a_wider_circle_needs_larger_groups_and_larger_differences() -> None:
    twelve, seven = atoms(team(12, [1])), atoms(team(7, [1]))
    nobody = frozenset[Atom]()
    assert wide(Cell("a", atoms(team(9, [1]))), {}, nobody) == (Outcome.WITHHELD, Refusal.TOO_FEW_WEARERS)
    assert wide(Cell("a", twelve), {}, nobody) == (Outcome.PUBLISHED, None)
    # Readers beyond the site do not have the seven; those within have both, and five are left between them.
    assert wide(Cell("a", twelve), {}, seven) == (Outcome.PUBLISHED, None)
    assert wide(Cell("a", twelve | atoms(team(9, [8]))), {"b": twelve}, nobody)[0] is Outcome.REPEATED
    assert wide(Cell("a", twelve | atoms(team(10, [8]))), {"b": twelve}, nobody)[0] is Outcome.PUBLISHED


def test_the_site_cannot_subtract_what_went_beyond_it() -> None:
    twelve = atoms(team(12, [1]))
    for left in (1, 4):
        inner = frozenset(sorted(twelve)[left:])
        assert wide(Cell("a", twelve), {}, inner) == (Outcome.WITHHELD, Refusal.DIFFERENCE_TOO_SMALL)
        assert outcome(Cell("a", inner), ledger={"wide": twelve})[0] is Outcome.WITHHELD


@st.composite
def eight_weeks(draw: st.DrawFn) -> list[list[Cell]]:
    """Random plants: changing teams, three workstations of a family, outputs of the week and of all weeks."""
    people = [f"p{index}" for index in range(draw(st.integers(5, 14)))]
    weeks: list[list[Cell]] = []
    seen: dict[str, frozenset[Atom]] = {}
    for week in range(8):
        cells = []
        for place in ("a", "b", "c"):
            chosen = draw(st.lists(st.sampled_from(people), max_size=9))
            now = frozenset(Atom(who, f"{place}-{week}-{day}") for day, who in enumerate(chosen))
            if not now:
                continue
            seen[place] = seen.get(place, frozenset()) | now
            cells += [Cell(f"{place}/{week}/week", now, "f"), Cell(f"{place}/{week}/usual", seen[place], "f")]
        everyone = frozenset[Atom]().union(*(cell.atoms for cell in cells))
        if everyone:
            cells.append(Cell(f"site/{week}", everyone))
        weeks.append(cells)
    return weeks


@given(eight_weeks())
@settings(max_examples=40, deadline=None)
def test_no_wearer_can_be_isolated_from_eight_weeks_of_outputs(weeks: list[list[Cell]]) -> None:
    ledger: dict[str, frozenset[Atom]] = {}
    for cells in weeks:
        for key, decision in decide(cells, ledger, RULES).items():
            if decision.outcome is not Outcome.WITHHELD:
                assert len({atom.wearer for atom in decision.atoms}) >= RULES.group_size
                ledger[key] = decision.atoms
    rows = [row for row in ledger.values() if row]
    if not rows:
        return
    everything = sorted(frozenset[Atom]().union(*rows))
    matrix = np.array([[float(atom in row) for atom in everything] for row in rows])
    # The adversary looks for weights on the outputs that leave worker-days of one wearer only.
    for wearer in {atom.wearer for atom in everything}:
        mine = np.array([atom.wearer == wearer for atom in everything])
        _, singular, right = np.linalg.svd(matrix[:, ~mine].T)
        null = right[int((singular > 1e-9).sum()) :]
        assert np.abs(null @ matrix[:, mine]).max(initial=0.0) == pytest.approx(0.0, abs=1e-7)


@given(eight_weeks(), st.lists(st.booleans(), min_size=8, max_size=8))
@settings(max_examples=30, deadline=None)
def test_no_wearer_can_be_isolated_from_outputs_of_both_circles(
    weeks: list[list[Cell]], wide_first: list[bool]
) -> None:
    inner, beyond = dict[str, frozenset[Atom]](), dict[str, frozenset[Atom]]()
    small = Rules(group_size=3, inner_group_size=3)
    large = Rules(group_size=6, inner_group_size=3)
    for week, (cells, first) in enumerate(zip(weeks, wide_first, strict=True)):
        for is_wide in (first, not first):
            if is_wide:
                found = decide(cells, beyond, large, frozenset(inner.values()))
                kept = beyond
            else:
                found = decide(cells, inner | beyond, small)
                kept = inner
            for key, decision in found.items():
                if decision.outcome is not Outcome.WITHHELD:
                    kept[f"{key}/{week}/{is_wide}"] = decision.atoms
    for one in beyond.values():
        assert len({atom.wearer for atom in one}) >= 6
        for other in beyond.values():
            rest = {atom.wearer for atom in one - other} if one & other else set()
            assert not rest or len(rest) >= 6
    assert isolated_wearers([*inner.values(), *beyond.values()]) == frozenset()


def test_the_attack_succeeds_without_the_rules() -> None:
    """The property above can fail: naive publication of these weeks isolates the newcomer."""
    last = atoms(team(6, [1]))
    assert isolated_wearers([last, last | atoms({"p9": [8]})]) == frozenset({"p9"})
