"""Which sets of worker-days may be summed up in public, so that no outsider can work back to one wearer.

A *cell* is a set of worker-days behind published numbers: one workstation and shift, one kind of worn sensor,
one span of time. Means, shares and counts are linear in the worker-days, so an outsider who collects outputs
over the weeks can form every linear combination of the published cells. The rules, all on distinct wearers:

* a cell needs at least ``k`` wearers, none with more than half of its time;
* what two published cells do not share must be empty or again belong to at least ``k`` wearers (differencing
  across weeks, totals against parts);
* no linear combination of all cells published so far may rest on the worker-days of a single wearer.

What goes beyond the site is ruled on with a larger ``k``. Readers within the site see both: between a cell
for the wider circle and one for the site alone, differences need the site's own ``k``.

Cells that fail the first rule may be put together with other failing cells of their family of workstations,
never with a published one: the difference would give them away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

__all__ = ["Atom", "Cell", "CellDecision", "Outcome", "Refusal", "Rules", "decide", "isolated_wearers"]


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """One worker-day: the smallest thing a published number can rest on."""

    wearer: str
    worker_day: str
    weight_h: float = field(default=8.0, compare=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """Worker-days behind the published numbers of one workstation, shift, kind and span of time.

    Attributes
    ----------
    key : str
        Stable name of the cell, e.g. ``press-1/morning/posture/week/2026-W47``.
    family : str or None
        Family of the workstation within which failing cells may be put together.
    """

    key: str
    atoms: frozenset[Atom]
    family: str | None = None

    @property
    def wearers(self) -> frozenset[str]:
        """Distinct wearers."""
        return frozenset(atom.wearer for atom in self.atoms)


class Outcome(StrEnum):
    """What happens to a cell."""

    PUBLISHED = "published"
    MERGED = "merged"
    REPEATED = "repeated"
    WITHHELD = "withheld"


class Refusal(StrEnum):
    """Why a cell may not be published as it is."""

    TOO_FEW_WEARERS = "too_few_wearers"
    ONE_WEARER_DOMINATES = "one_wearer_dominates"
    DIFFERENCE_TOO_SMALL = "difference_too_small"
    ONE_WEARER_ISOLATED = "one_wearer_isolated"


@dataclass(frozen=True, slots=True)
class Rules:
    """Group size and dominance limit; `inner_group_size` is that of readers within the site."""

    group_size: int = 5
    inner_group_size: int = 5
    dominance: float = 0.5
    merge_families: bool = True


@dataclass(frozen=True, slots=True)
class CellDecision:
    """What may be published for a cell, and on which worker-days it then rests.

    Attributes
    ----------
    atoms : frozenset of Atom
        The cell's own, those of all merged cells, those of an earlier published cell, or none.
    merged_with : tuple of str
        Keys of the cells it was put together with.
    """

    key: str
    outcome: Outcome
    atoms: frozenset[Atom]
    refusal: Refusal | None = None
    merged_with: tuple[str, ...] = ()


def isolated_wearers(published: Sequence[frozenset[Atom]]) -> frozenset[str]:
    """Wearers whose worker-days alone carry some linear combination of the published cells.

    The rows of a 0/1 matrix are the cells, its columns the worker-days. A combination that vanishes outside
    one wearer's columns but not inside exists exactly when removing these columns lowers the rank.
    """
    atoms = sorted(set().union(*published)) if published else []
    if not atoms:
        return frozenset()
    place = {atom: index for index, atom in enumerate(atoms)}
    matrix = np.zeros((len(published), len(atoms)))
    for row, cell in enumerate(published):
        matrix[row, [place[atom] for atom in cell]] = 1.0
    matrix = np.unique(matrix, axis=0)
    full = np.linalg.matrix_rank(matrix)
    wearer_of = np.array([atom.wearer for atom in atoms])
    return frozenset(
        str(wearer)
        for wearer in np.unique(wearer_of)
        if np.linalg.matrix_rank(matrix[:, wearer_of != wearer]) < full
    )


def _own_refusal(atoms: Collection[Atom], rules: Rules) -> Refusal | None:
    hours: dict[str, float] = {}
    for atom in atoms:
        hours[atom.wearer] = hours.get(atom.wearer, 0.0) + atom.weight_h
    if len(hours) < rules.group_size:
        return Refusal.TOO_FEW_WEARERS
    if max(hours.values()) > rules.dominance * sum(hours.values()) + 1e-9:
        return Refusal.ONE_WEARER_DOMINATES
    return None


def _group(atoms: frozenset[Atom]) -> int:
    return len({atom.wearer for atom in atoms})


def _refusal(
    atoms: frozenset[Atom],
    published: Sequence[frozenset[Atom]],
    rules: Rules,
    inner: frozenset[frozenset[Atom]],
) -> Refusal | None:
    own = _own_refusal(atoms, rules)
    if own is not None:
        return own
    shown = set(published)
    related = _related(atoms, [*published, *sorted(inner - shown, key=sorted)])
    for other in related:
        least = rules.group_size if other in shown else rules.inner_group_size
        for rest in (atoms - other, other - atoms):
            if rest and atoms & other and _group(rest) < least:
                return Refusal.DIFFERENCE_TOO_SMALL
    if isolated_wearers([*related, atoms]):
        return Refusal.ONE_WEARER_ISOLATED
    return None


def _related(atoms: frozenset[Atom], published: Sequence[frozenset[Atom]]) -> list[frozenset[Atom]]:
    """Published cells that share worker-days with `atoms`, directly or through others."""
    reached, rest = set(atoms), list(published)
    related: list[frozenset[Atom]] = []
    while True:
        touching = [cell for cell in rest if reached & cell]
        if not touching:
            return related
        related += touching
        rest = [cell for cell in rest if not reached & cell]
        reached.update(*touching)


def decide(
    cells: Sequence[Cell],
    ledger: Mapping[str, frozenset[Atom]],
    rules: Rules,
    inner: frozenset[frozenset[Atom]] = frozenset(),
) -> Mapping[str, CellDecision]:
    """Decide what may be published for each cell, given everything published before.

    Parameters
    ----------
    cells : sequence of Cell
        What one output would show; larger cells are decided first.
    ledger : mapping of str to frozenset of Atom
        Worker-days behind every cell published so far, by its key.
    rules : Rules
        Group size, dominance, merging.
    inner : set of frozenset of Atom
        Cells that only readers within the site were shown, when the ledger is that of a wider circle.

    Returns
    -------
    mapping of str to CellDecision
        A key already in the ledger with the same worker-days is published again as it was.
    """
    published = list(dict.fromkeys(ledger.values()))
    decisions: dict[str, CellDecision] = {}
    failing: dict[str | None, list[Cell]] = {}
    for cell in sorted(cells, key=lambda item: (-len(item.atoms), item.key)):
        if cell.atoms in published:
            decisions[cell.key] = CellDecision(cell.key, Outcome.PUBLISHED, cell.atoms)
            continue
        refusal = _refusal(cell.atoms, published, rules, inner)
        if refusal is None:
            published.append(cell.atoms)
            decisions[cell.key] = CellDecision(cell.key, Outcome.PUBLISHED, cell.atoms)
            continue
        earlier = _earlier(cell, published)
        if earlier is not None:
            decisions[cell.key] = CellDecision(cell.key, Outcome.REPEATED, earlier, refusal)
            continue
        decisions[cell.key] = CellDecision(cell.key, Outcome.WITHHELD, frozenset(), refusal)
        if cell.family is not None and refusal in (Refusal.TOO_FEW_WEARERS, Refusal.ONE_WEARER_DOMINATES):
            failing.setdefault(cell.family, []).append(cell)
    if rules.merge_families:
        for members in failing.values():
            _merge(members, published, decisions, rules, inner)
    return decisions


def _earlier(cell: Cell, published: Sequence[frozenset[Atom]]) -> frozenset[Atom] | None:
    """Return the largest published cell wholly inside this one: showing it again tells nothing new."""
    inside = [atoms for atoms in published if atoms < cell.atoms]
    return max(inside, key=lambda atoms: (len(atoms), sorted(atoms)), default=None)


def _merge(
    members: Sequence[Cell],
    published: list[frozenset[Atom]],
    decisions: dict[str, CellDecision],
    rules: Rules,
    inner: frozenset[frozenset[Atom]],
) -> None:
    if len(members) < 2:
        return
    union = frozenset[Atom]().union(*(cell.atoms for cell in members))
    if union not in published:
        if _refusal(union, published, rules, inner) is not None:
            return
        published.append(union)
    keys = tuple(sorted(cell.key for cell in members))
    for cell in members:
        others = tuple(key for key in keys if key != cell.key)
        decisions[cell.key] = CellDecision(
            cell.key, Outcome.MERGED, union, decisions[cell.key].refusal, others
        )
