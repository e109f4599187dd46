"""What a report says about its own governance, and when it may not be issued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from indicators.governance.consultation import declared_simulation
from indicators.governance.papers import paper_facts
from indicators.governance.withdrawal import is_marked
from indicators.model import Audience, Note, WeeklyResult
from sensors.errors import GovernanceError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["may_issue", "refuse_circulation", "refuse_issue", "sent_on", "with_governance_notes"]

# Made to be sent on as they are: one attachment with everything in it.
_SENT_ON = frozenset({"annex", "pdf", "xlsx"})

_MARKED = "period_marked"


def with_governance_notes(result: WeeklyResult, book: SiteBook, today: date) -> WeeklyResult:
    """`result` with the version of the notice in force, and whether its period is marked by a withdrawal."""
    notes = [*result.notes, Note("papers_version", {"version": paper_facts(book, today).version})]
    if declared_simulation(book, result.period.first, result.period.last):
        notes.append(Note("simulation_campaign"))
    if result.audience.gated and is_marked(book, result.period):
        notes.append(Note(_MARKED))
    return replace(result, notes=tuple(notes))


def may_issue(result: WeeklyResult) -> bool:
    """Whether a result's period may be issued: no withdrawal marked it."""
    return not any(row.code == _MARKED for row in result.notes)


def refuse_issue(result: WeeklyResult) -> None:
    """Let a report be written, unless its period is marked.

    Raises
    ------
    GovernanceError
        ``period_marked``.
    """
    if not may_issue(result):
        period = result.period
        raise GovernanceError(
            "this period was published, and somebody in it withdrew since",
            value=period.week or f"{period.first} to {period.last}",
            rule="it is never issued again: the old numbers minus the new ones would reveal the person",
            remedy="use the report that was issued; later periods are not concerned",
            code=_MARKED,
        )


def sent_on(name: str) -> bool:
    """Whether a format is a document to send on, as a PDF or a workbook is."""
    return name in _SENT_ON


def refuse_circulation(audience: Audience, formats: Iterable[str]) -> None:
    """Let files of these formats be written, unless ungated values would stand in one made to be sent on.

    Raises
    ------
    GovernanceError
        ``analyst_circulation``.
    """
    refused = [name for name in formats if sent_on(name)]
    if refused and not audience.gated:
        raise GovernanceError(
            "what the analyst sees is not written as a document to send on",
            value=", ".join(refused),
            rule="the analyst edition is not for circulation: no pdf, no xlsx, no annex",
            remedy="work on the dashboard, or with html, csv and json, which are marked throughout",
            code="analyst_circulation",
        )
