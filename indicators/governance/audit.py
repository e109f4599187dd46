"""The audit of a site's chained logs: all of them verified, or covered by a signed line, at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from indicators.disclosure.ledger import ledger_chain
from indicators.governance.chain import Chain, ChainReport
from indicators.governance.site_logs import (
    ACCESS_LOG,
    CAMPAIGN_LOG,
    LEDGER,
    LINKS,
    SUMMARIES,
    WITHDRAWALS,
    site_chain,
)

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["sign_logs", "verify_logs"]


def _chains(book: SiteBook) -> Mapping[str, Chain]:
    """Every chained log of a site: access, withdrawals, campaigns, links, published groups and summaries."""
    names = (ACCESS_LOG, WITHDRAWALS, CAMPAIGN_LOG, LINKS, SUMMARIES)
    return {name: site_chain(book, name) for name in names} | {LEDGER: ledger_chain(book)}


def verify_logs(book: SiteBook) -> Mapping[str, ChainReport]:
    """Check every chained log of a site."""
    return {name: chain.verify() for name, chain in _chains(book).items()}


def sign_logs(book: SiteBook, reason: str | None = None) -> Mapping[str, int]:
    """Cover, in each log, the lines from before the key; how many, where there were any.

    Parameters
    ----------
    reason : str, optional
        Why a log has lost its end, as after a restore from a backup: it then goes on, the loss stays written
        in it, and its readers take the worst for what was lost.

    Raises
    ------
    GovernanceError
        Of the first log in which more is wrong than that; see `Chain.seal` and `Chain.restore`. What was
        published cannot be guessed: a ledger that lost its end, of groups or of summaries, is ``log_cut_off``
        for good.
    """
    done = {}
    for name, chain in _chains(book).items():
        lost = chain.verify() if reason is not None and name in (LEDGER, SUMMARIES) else None
        if lost is not None and not lost.intact:
            raise chain.trouble(lost)
        lines = chain.seal() if reason is None else chain.restore(reason)
        if lines:
            done[name] = lines
    return done
