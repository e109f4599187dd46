"""Which lines of a group's summary are held back, so that no difference speaks of few workers.

A difference is what is left of a total, this one or one of an earlier summary, less every line that was
shown, less what any one site knows of itself, less what is left of another total. By the rules that hold
within a site (`indicators.disclosure.rules`), with workers in the place of wearers, it is empty or speaks of
enough workers, and no combination of more totals rests on small sites alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indicators.disclosure.rules import Atom, isolated_wearers

__all__ = ["Readers", "Total", "held_back"]

_FEW = ""


@dataclass(frozen=True, slots=True)
class Total:
    """A group's total that somebody was shown.

    Attributes
    ----------
    workers : mapping of str to int
        Workers of each site in it.
    shown : frozenset of str
        Sites whose lines were shown beside it.
    """

    workers: Mapping[str, int]
    shown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Readers:
    """A circle of readers: fewest workers that a difference may speak of, and the totals they know."""

    least: int
    known: Sequence[Total] = ()


def held_back(workers: Mapping[str, int], readers: Sequence[Readers]) -> frozenset[str] | None:
    """Sites whose line is held back: the small ones, and the smallest others that hide them.

    Parameters
    ----------
    workers : mapping of str to int
        Workers by site.
    readers : sequence of Readers
        Those the summary is for, then others who see it too.

    Returns
    -------
    frozenset of str or None
        ``None`` where the total too is held back: it would give few workers away, or stand alone.
    """
    held = {site for site, count in workers.items() if count < readers[0].least}
    # Holding back again what they know already hides nobody.
    known = frozenset[str]().union(*(one.shown for one in readers[0].known))
    others = sorted(workers.keys() - held - known, key=lambda site: (workers[site], site))
    while any(_gives_away(workers, held, circle) for circle in readers):
        if not others:
            return None
        held.add(others.pop(0))
    return frozenset(held) if held < workers.keys() else None


def _gives_away(workers: Mapping[str, int], held: set[str], readers: Readers) -> bool:
    lines = frozenset[str]().union(workers.keys() - held, *(one.shown for one in readers.known))
    # A line that was shown while its site was larger says nothing of the few who are there now.
    lines_now = lines - {site for site in held if workers[site] < readers.least}
    rests = {frozenset(workers) - lines_now, *(frozenset(one.workers) - lines for one in readers.known)}
    fewest = dict(workers)
    for one in readers.known:
        fewest |= {site: min(count, fewest.get(site, count)) for site, count in one.workers.items()}
    return any(
        _tells_of_few({rest - {own} for rest in rests} - {frozenset()}, fewest, readers.least)
        for own in {"", *frozenset[str]().union(*rests)}
    )


def _tells_of_few(rests: set[frozenset[str]], workers: Mapping[str, int], least: int) -> bool:
    differences = (one - other for one in rests for other in (*rests, frozenset()))
    if any(part and sum(workers[site] for site in part) < least for part in differences):
        return True
    # Two totals tell no more than that; of more, small sites count as one, whatever they are together.
    cells = [
        frozenset(Atom(_FEW if workers[site] < least else site, site) for site in rest) for rest in rests
    ]
    return len(cells) > 2 and _FEW in isolated_wearers(cells)
