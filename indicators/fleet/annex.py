"""The group's summary of the sites' DUERP annexes: shares above thresholds, site by site and in all.

The annex itself belongs to each establishment (R4121-1-1). The summary is made of the annexes only, so that
what a site withholds is not in it either. It goes to people who do not know the posts: a site line of fewer
workers than the group size is held back, and so are as many of the smallest others as it takes that no
difference, to an earlier summary neither, speaks of few (`indicators.fleet.differences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indicators.c2p.annex import FactorShare
from indicators.fleet.differences import Readers, held_back

if TYPE_CHECKING:
    from indicators.c2p.annex import Annex

__all__ = ["FactorSummary", "FleetAnnex", "SiteShare", "summarise"]


@dataclass(frozen=True, slots=True)
class SiteShare:
    """Workers of one site by verdict on one threshold; ``share`` is ``None`` where it is held back."""

    site: str
    label: str
    share: FactorShare | None


@dataclass(frozen=True, slots=True)
class FactorSummary:
    """One threshold over the sites, the largest known share first; what is ``None`` is held back."""

    factor: str
    sites: tuple[SiteShare, ...]
    total: FactorShare | None

    @property
    def withheld(self) -> int:
        """Sites whose line is held back."""
        return sum(line.share is None for line in self.sites)


@dataclass(frozen=True, slots=True)
class FleetAnnex:
    """Summary of a group.

    Attributes
    ----------
    least : int
        Fewest workers that a line may speak of.
    missing : tuple of str
        Labels of sites without an annex in the period.
    """

    fleet: str
    label: str
    period: str
    references: str
    least: int
    factors: tuple[FactorSummary, ...]
    missing: tuple[str, ...]


def summarise(
    fleet: str,
    label: str,
    annexes: Mapping[str, Annex],
    labels: Mapping[str, str],
    least: int,
    readers: Callable[[str], Sequence[Readers]] | None = None,
) -> FleetAnnex:
    """Put the shares of the sites' annexes side by side.

    Parameters
    ----------
    annexes : mapping
        Annex by site id, at least one.
    labels : mapping
        Label of every site of the fleet by id.
    least : int
        Group size: the largest that one of the sites asks for.
    readers : callable(factor) -> sequence of Readers, optional
        Who sees it, and what they were shown before of the factor; nothing by default.
    """
    one = next(iter(annexes.values()))
    shares: dict[str, list[tuple[str, FactorShare]]] = {}
    for site, annex in annexes.items():
        for share in annex.shares:
            shares.setdefault(share.factor, []).append((site, share))
    return FleetAnnex(
        fleet=fleet,
        label=label,
        period=one.period,
        references=one.references,
        least=least,
        factors=tuple(
            _summary(factor, rows, labels, (Readers(least),) if readers is None else readers(factor))
            for factor, rows in shares.items()
        ),
        missing=tuple(name for site, name in labels.items() if site not in annexes),
    )


def _summary(
    factor: str,
    rows: Sequence[tuple[str, FactorShare]],
    labels: Mapping[str, str],
    readers: Sequence[Readers],
) -> FactorSummary:
    held = held_back({site: share.workers for site, share in rows}, readers)
    lines = [
        SiteShare(site, labels[site], None if held is None or site in held else share) for site, share in rows
    ]
    lines.sort(key=lambda line: (line.share is None, -_known(line.share), line.label))
    total = None if held is None else _sum(factor, (share for _, share in rows))
    return FactorSummary(factor, tuple(lines), total)


def _known(share: FactorShare | None) -> float:
    return -1.0 if share is None or share.share_above is None else share.share_above


def _sum(factor: str, shares: Iterable[FactorShare]) -> FactorShare:
    rows = list(shares)
    return FactorShare(
        factor,
        workers=sum(row.workers for row in rows),
        above=sum(row.above for row in rows),
        below=sum(row.below for row in rows),
        not_settled=sum(row.not_settled for row in rows),
        not_measured=sum(row.not_measured for row in rows),
    )
