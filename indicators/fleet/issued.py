"""Group summaries that were issued, remembered by every site in them: a chained log beside the site file.

Fleet files come and go, and one that leaves a site out is quickly written; what two summaries have in common
are their sites. So each site of a summary writes down its sites, how many workers they have, and the counts
that were shown, none that was held back. An earlier summary counts while the days behind the usual conditions
of both overlap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from indicators.context import least_wearers
from indicators.fleet.annex import FactorSummary, FleetAnnex, summarise
from indicators.fleet.differences import Readers, Total, held_back
from indicators.governance.chain import Chain, read_entries
from indicators.governance.site_logs import SUMMARIES, site_chain
from indicators.model import Audience
from indicators.worker_days.joining import usual_window
from sensors.errors import GovernanceError, LocalResourceError

if TYPE_CHECKING:
    from indicators.c2p.annex import Annex, FactorShare
    from sensors.fleet_file import Fleet
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["issue_summary"]

_EVENT = "summary_issued"
_Counts = list[int]


@dataclass(frozen=True, slots=True)
class _Span:
    """Period of a summary, and first day behind its usual conditions; dates as ISO text."""

    period: str
    usual_from: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class _Issued:
    """One threshold of a summary: workers of each of its sites, and counts by verdict as they were shown."""

    span: _Span
    audience: str
    factor: str
    workers: Mapping[str, int]
    lines: Mapping[str, _Counts]
    total: _Counts

    def figures(self) -> Mapping[tuple[str, ...], _Counts]:
        """Counts of each line, and of all that is held back together, by the sites they speak of."""
        shown: dict[tuple[str, ...], _Counts] = {(site,): counts for site, counts in self.lines.items()}
        rest = [whole - sum(parts) for whole, *parts in zip(self.total, *shown.values(), strict=True)]
        return {**shown, tuple(sorted(self.workers.keys() - self.lines.keys())): rest}


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was issued before, and the smallest groups by circle, for a summary of `audience`."""

    known: Sequence[_Issued]
    audience: Audience
    least: Mapping[Audience, int]

    def readers(self, factor: str) -> list[Readers]:
        """Who will see it, its own readers first, with the totals of a threshold that they were shown.

        Within the site one sees what goes beyond it too: between the two, the site's own group size holds.
        """
        rows = [row for row in self.known if row.factor == factor]
        return [
            Readers(
                self.least[circle],
                [
                    Total(row.workers, frozenset(row.lines))
                    for row in rows
                    if circle is Audience.REPORT or row.audience == circle
                ],
            )
            for circle in dict.fromkeys((self.audience, Audience.REPORT))
        ]

    def refuse_difference(self, factor: str, workers: Mapping[str, int]) -> None:
        """Refuse a total that is held back for nothing but what was issued before, naming that.

        Raises
        ------
        GovernanceError
            ``summary_difference``.
        """
        if held_back(workers, replace(self, known=()).readers(factor)) is None:
            return
        rows = [row for row in self.known if row.factor == factor]
        alone = (
            row for row in rows if held_back(workers, replace(self, known=[row]).readers(factor)) is None
        )
        row, least = next(alone, rows[-1]), self.least[self.audience]
        raise GovernanceError(
            f"this summary, less the group's of {row.span.period}, would speak of too few workers",
            value=", ".join(sorted(row.workers.keys() ^ workers.keys())) or None,
            rule=f"two summaries differ by nobody or by {least} workers and more, also for a site that knows"
            " its own",
            remedy=f"make it for the sites of that one ({', '.join(row.workers)}), or for a period whose"
            f" usual conditions share no day with {row.span.usual_from} to {row.span.last}",
            code="summary_difference",
        )

    def refuse_change(self, new: _Issued) -> None:
        """Refuse figures of a period that were issued before, and are those of a few workers apart.

        Raises
        ------
        GovernanceError
            ``summary_changed``.
        """
        figures = new.figures()
        for row in self.known:
            if row.factor != new.factor or row.span.first > new.span.last or new.span.first > row.span.last:
                continue
            least = self.least[self.audience if row.audience == self.audience else Audience.REPORT]
            for sites, counts in row.figures().items():
                changed = _changed(counts, figures.get(sites, counts))
                if 0 < changed < least:
                    raise GovernanceError(
                        f"figures have changed since the group's summary of {row.span.period} was issued",
                        value=f"{changed} ({', '.join(sites)})",
                        rule=f"two summaries differ by nobody or by {least} workers and more",
                        remedy="use the summary that was issued; later periods are not concerned",
                        code="summary_changed",
                    )


def issue_summary(
    fleet: Fleet, annexes: Mapping[str, Annex], period: DatePeriod, audience: Audience
) -> FleetAnnex:
    """Make the group's summary and let every site in it write it down, before it is shown.

    Parameters
    ----------
    annexes : mapping
        Annex by site id, at least one; the sites without one are not in the summary.

    Raises
    ------
    GovernanceError
        ``summary_difference``, ``summary_changed``: less an earlier one it would speak of too few workers;
        ``log_broken`` and the like where a site's log was changed.
    LocalResourceError
        ``summary_unwritable``.
    """
    books = [site.book for site in fleet.sites if site.id in annexes]
    chains = sorted((site_chain(book, SUMMARIES) for book in books), key=lambda chain: chain.path)
    span = _span(books, period)
    least = {one: max(least_wearers(site.book, one) for site in fleet.sites) for one in Audience if one.gated}
    labels = {site.id: site.label for site in fleet.sites}
    try:
        with ExitStack() as held:
            # In one order, so that no two summaries wait for each other.
            writers = {chain.path: held.enter_context(chain.writing()) for chain in chains}
            own = {chain.path: _read(chain) for chain in chains}
            known = {
                text: row for rows in own.values() for text, row in rows.items() if _overlap(row.span, span)
            }
            memory = _Memory(tuple(known.values()), audience, least)
            summary = summarise(fleet.id, fleet.label, annexes, labels, least[audience], memory.readers)
            for part in summary.factors:
                if (row := _row(part, annexes, span, memory)) is not None:
                    known[_text(asdict(row))] = row
            for path, write in writers.items():
                # A site learns of earlier ones too: they may have been made without it.
                if new := [asdict(row) for text, row in known.items() if text not in own[path]]:
                    write(_EVENT, {"summaries": new})
    except OSError as error:
        raise LocalResourceError(
            "the group's summary cannot be shown: what is issued cannot be written down",
            value=error.filename,
            rule=error.strerror or str(error),
            remedy="let this account write to the site's folder",
            code="summary_unwritable",
        ) from error
    return summary


def _span(books: Sequence[SiteBook], period: DatePeriod) -> _Span:
    first, last = period.first, period.last
    usual_from = min(usual_window(book, first, last)[0] for book in books)
    name = period.week or f"{first}..{last}"
    return _Span(name, usual_from.isoformat(), first.isoformat(), last.isoformat())


def _overlap(one: _Span, other: _Span) -> bool:
    return one.usual_from <= other.last and other.usual_from <= one.last


def _text(row: Mapping[str, Any]) -> str:
    """The same for rows that say the same, at whichever site they stand."""
    return json.dumps(row, sort_keys=True)


def _read(chain: Chain) -> dict[str, _Issued]:
    report = chain.verify()
    if not report.intact:
        raise chain.trouble(report)
    return {
        _text(row): _Issued(**{**row, "span": _Span(**row["span"])})
        for entry in read_entries(chain.path)
        for row in entry.get("summaries", ())
    }


def _row(part: FactorSummary, annexes: Mapping[str, Annex], span: _Span, memory: _Memory) -> _Issued | None:
    """What is written down of one threshold; ``None`` where nothing of it is shown."""
    workers = {
        site: share.workers
        for site, annex in annexes.items()
        for share in annex.shares
        if share.factor == part.factor
    }
    if part.total is None:
        memory.refuse_difference(part.factor, workers)
        return None
    lines = {line.site: _counts(line.share) for line in part.sites if line.share is not None}
    row = _Issued(span, memory.audience.value, part.factor, workers, lines, _counts(part.total))
    memory.refuse_change(row)
    return row


def _counts(share: FactorShare) -> _Counts:
    return [share.above, share.below, share.not_settled, share.not_measured]


def _changed(before: _Counts, now: _Counts) -> int:
    """Fewest workers of whom something else is said now."""
    steps = [b - a for a, b in zip(before, now, strict=True)]
    return max(sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0))
