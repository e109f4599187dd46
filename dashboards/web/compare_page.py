"""Before and after a change at one workstation: differences with their intervals, or "too early"."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards.report.difference import difference_row
from dashboards.report.model import DifferenceRow
from dashboards.sentences import sentences
from dashboards.web.context import PageContext, page_context
from dashboards.web.frame import station_frame
from dashboards.web.render import render_page
from sensors.errors import NotEnoughDataError, UsageError
from sensors.periods import date_period

__all__ = ["router"]

router = APIRouter()
_DATES = ("before_from", "before_to", "after_from", "after_to")


@router.get("/compare/{identifier}", response_class=HTMLResponse)
def compare(request: Request, identifier: str) -> HTMLResponse:
    """Form for two periods and a control; with both, the differences."""
    context = page_context(request, "compare", identifier)
    found = context.station_result(identifier)
    asked = _asked(request, context)
    rows: list[DifferenceRow] = []
    problem = ""
    if all(request.query_params.get(name) for name in _DATES):
        rows, problem = _changes(context, identifier, asked)
    return render_page(
        context, "compare.html", asked=asked, rows=rows, problem=problem, **station_frame(context, found)
    )


def _asked(request: Request, context: PageContext) -> dict[str, str]:
    before = context.source.earlier(context.period)
    suggested = {
        "before_from": before.first.isoformat(),
        "before_to": before.last.isoformat(),
        "after_from": context.period.first.isoformat(),
        "after_to": context.period.last.isoformat(),
    }
    query = request.query_params
    return {name: query.get(name) or day for name, day in suggested.items()} | {
        "control": query.get("control", "")
    }


def _changes(context: PageContext, station: str, asked: dict[str, str]) -> tuple[list[DifferenceRow], str]:
    ask = context.source.extra.get("compare")
    if ask is None:
        return [], context.words.say("pages.compare_missing")
    before = date_period(_date(asked["before_from"]), _date(asked["before_to"]))
    after = date_period(_date(asked["after_from"]), _date(asked["after_to"]))
    control = asked["control"] or None
    if control is not None:
        context.source.book.workstation(control)
    source = context.source
    try:
        found = source.remembered(
            after,
            ("compare", station, control, before.first, before.last),
            lambda: ask(
                source.book, source.store, station, before, after, control=control, audience=source.audience
            ),
        )
    except NotEnoughDataError as error:
        why = sentences(context.words.language)(error.what)
        return [], f"{context.words.say('notes.not_measured')} ({why})"
    # What differs comes first; the rest keeps the order of the factors.
    changes = sorted(found.changes, key=lambda change: change.verdict.value not in ("lower", "higher"))
    rows = [difference_row(change, context.words) for change in changes]
    return rows, "" if rows else context.words.say("notes.not_measured")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("not a date", value=text, rule="year-month-day", code="bad_date") from None
