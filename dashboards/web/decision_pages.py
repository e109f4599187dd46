"""Pages of decisions: the action plan with its cards, and what workers report in their own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dashboards.report.accounts import account_rows
from dashboards.report.action_plan import action_rows, card_views
from dashboards.report.tables import guarded
from dashboards.web.context import PageContext, page_context
from dashboards.web.render import render_page
from indicators.accounts.matching import account_results
from indicators.actions.plan import action_results
from sensors.errors import UsageError
from sensors.log_append import append_log
from sensors.log_tables import ActionFactor
from sensors.periods import week_period

__all__ = ["router"]

router = APIRouter()
_LONGEST_TEXT = 1000


@router.get("/actions", response_class=HTMLResponse)
def actions(request: Request) -> HTMLResponse:
    """The action plan by the hierarchy of controls, and the card of each closed action."""
    context = page_context(request, "actions")
    source = context.source
    found = source.remembered(
        context.period, ("actions",), lambda: action_results(source.book, source.store, context.result)
    )
    return render_page(
        context,
        "actions.html",
        rows=action_rows(found, context.words),
        cards=card_views(found, context.words),
    )


@router.get("/situations", response_class=HTMLResponse)
def situations(request: Request) -> HTMLResponse:
    """What workers reported in the week beside what the sensors saw, and the form to report."""
    context = page_context(request, "situations")
    source, result = context.source, context.result
    found = source.remembered(
        context.period,
        ("situations",),
        lambda: account_results(source.book, source.store, result.period, source.audience),
    )
    return render_page(
        context,
        "situations.html",
        rows=account_rows(found, ZoneInfo(result.period.timezone), context.words),
        stations=[(row.id, row.label) for row in source.book.site.workstations],
        factors=[(one.value, context.words.factor(one.value)) for one in ActionFactor],
        today=source.today.isoformat(),
        longest=_LONGEST_TEXT,
        said=request.query_params.get("said") == "1",
        token=request.app.state.guard.form_token(request),
    )


@router.post("/situations")
def report_account(
    request: Request,
    workstation: Annotated[str, Form()],
    day: Annotated[str, Form()],
    start: Annotated[str, Form()],
    text: Annotated[str, Form()],
    token: Annotated[str, Form()],
    end: Annotated[str, Form()] = "",
    borg: Annotated[str, Form()] = "",
    factor: Annotated[str, Form()] = "",
) -> Response:
    """Add a line to ``situations.csv``: what, where and when, and nothing about who."""
    context = page_context(request, "situations")
    if not request.app.state.guard.form_is_ours(request, token):
        return PlainTextResponse(context.words.say("pages.form_expired"), status_code=403)
    book = context.source.book
    book.workstation(workstation)
    first = _moment(context, day, start)
    row = {
        "from": first.isoformat(timespec="minutes"),
        "to": "" if not end else _end(context, first, day, end).isoformat(timespec="minutes"),
        "workstation": workstation,
        "text": _words(text),
        **_optional(borg, factor),
    }
    append_log(book.folder, "situations", row)
    context.source.changed()
    week = week_period(
        None, book.zone, datetime.combine(first.date() + timedelta(days=7), time(12), book.zone)
    )
    return RedirectResponse(context.link("situations", week=week.week, said="1"), status_code=303)


def _moment(context: PageContext, day: str, clock: str) -> datetime:
    try:
        moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
    except ValueError:
        raise UsageError(
            "not a date and time", value=f"{day} {clock}", rule="a day and hour:minute", code="bad_time"
        ) from None
    if moment.date() > context.source.today:
        raise UsageError(
            "this day has not come yet", value=day, rule="today or earlier", code="day_in_the_future"
        )
    return moment


def _end(context: PageContext, first: datetime, day: str, clock: str) -> datetime:
    last = _moment(context, day, clock)
    # A night shift goes on after midnight.
    return last if last > first else last + timedelta(days=1)


def _words(text: str) -> str:
    said = " ".join(text.split())
    if not said:
        raise UsageError("there is nothing to write down", rule="a few words", code="text_missing")
    if len(said) > _LONGEST_TEXT:
        raise UsageError(
            "the text is too long",
            value=len(said),
            rule=f"at most {_LONGEST_TEXT} characters",
            code="text_long",
        )
    # The log is also opened with spreadsheets.
    return guarded(said)


def _optional(borg: str, factor: str) -> Mapping[str, str]:
    if borg:
        try:
            known = 0.0 <= float(borg.replace(",", ".")) <= 10.0
        except ValueError:
            known = False
        if not known:
            raise UsageError("not on the Borg CR10 scale", value=borg, rule="0 to 10", code="out_of_range")
    if factor and factor not in tuple(ActionFactor):
        raise UsageError(
            "there is no such factor", value=factor, rule=", ".join(ActionFactor), code="unknown_factor"
        )
    return {"borg": borg, "factor": factor}
