"""The timeline: its page, and excluding a stretch from it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dashboards import typography
from dashboards.web.asked import asked_window, chosen_trace, trace_frame, trace_name
from dashboards.web.context import PageContext, page_context
from dashboards.web.frame import verdict_strip
from dashboards.web.render import render_page
from dashboards.web.series import Trace
from indicators.disclosure.publication import is_worn_posting
from indicators.model import Audience
from sensors.errors import UsageError
from sensors.logs import append_log

__all__ = ["router"]

router = APIRouter()
_BESIDE_SHIFT_S = 1_800.0


@router.get("/curve/{identifier}", response_class=HTMLResponse)
def curve(request: Request, identifier: str) -> HTMLResponse:
    """Timeline of one trace with limits, shifts, gaps, notes, and the form that excludes a stretch."""
    context = page_context(request, "curve", identifier)
    book = context.source.book
    station = book.workstation(identifier)
    traces, start_ns, end_ns = trace_frame(context, identifier)
    trace = chosen_trace(traces, request.query_params.get("trace"), context)
    open_ns = asked_window(request, book, start_ns, end_ns)
    return render_page(
        context,
        "curve.html",
        station=station,
        strip=verdict_strip(context, identifier),
        choices=[(item.id, item.label) for item in book.site.workstations],
        traces=[(item.key, trace_name(context, item, traces)) for item in traces],
        trace=trace,
        trace_name="" if trace is None else trace_name(context, trace, traces),
        worn_hidden=context.source.audience is not Audience.ANALYST,
        data_url=None if trace is None else context.link("data", identifier, trace=trace.key),
        still_url=None if trace is None else context.link("data", identifier, "drawing.svg", trace=trace.key),
        table_url=None if trace is None else context.link("data", identifier, "table.csv", trace=trace.key),
        stretch_url=None
        if trace is None
        else context.link("data", identifier, "distribution", trace=trace.key),
        stretch_page=None if trace is None else context.link("distribution", identifier, trace=trace.key),
        start_s=start_ns / 1e9,
        end_s=end_ns / 1e9,
        open_s=tuple(bound / 1e9 for bound in open_ns),
        zone=book.site.site.timezone,
        exclusions=[] if trace is None else _exclusions(context, trace, start_ns, end_ns),
        days=_days(context, identifier),
        notes=_notes(context, identifier, start_ns, end_ns),
        may_exclude=trace is not None and _may_exclude(context, trace.sensor),
    )


def _may_exclude(context: PageContext, sensor: str) -> bool:
    """Fixed sensors: whoever opens the form's page. Worn ones: the analyst, who alone sees their curves."""
    if context.viewer is None or not context.viewer.may_open("exclude"):
        return False
    worn = is_worn_posting(context.source.book, sensor)
    return not worn or context.source.audience is Audience.ANALYST


def _clock(context: PageContext, ns: int) -> str:
    return context.source.book.local(ns).strftime("%Y-%m-%dT%H:%M")


def _exclusions(context: PageContext, trace: Trace, start_ns: int, end_ns: int) -> list[tuple[str, ...]]:
    return [
        (
            _clock(context, row.start_ns).replace("T", " "),
            _clock(context, row.end_ns).replace("T", " "),
            row.reason,
            row.who or "–",
        )
        for row in context.source.book.exclusions(trace.sensor, start_ns, end_ns)
    ]


def _days(context: PageContext, station: str) -> list[tuple[str, float, float]]:
    """Days with a shift, each with the window that shows its shifts [s]."""
    days: dict[date, tuple[int, int]] = {}
    for window in context.source.book.shift_windows(station, context.period.first, context.period.last):
        low, high = days.get(window.day, (window.start_ns, window.end_ns))
        days[window.day] = min(low, window.start_ns), max(high, window.end_ns)
    return [
        (
            typography.short_day(day, language=context.language),
            low / 1e9 - _BESIDE_SHIFT_S,
            high / 1e9 + _BESIDE_SHIFT_S,
        )
        for day, (low, high) in sorted(days.items())
    ]


def _notes(context: PageContext, station: str, start_ns: int, end_ns: int) -> list[tuple[str, str, float]]:
    """Situations that workers reported, without identity."""
    return [
        (_clock(context, row.start_ns).replace("T", " "), row.text, row.start_ns / 1e9)
        for row in context.source.book.logs.situations
        if row.workstation == station and row.start_ns < end_ns and row.end_ns > start_ns
    ]


@router.post("/exclude/{identifier}")
def exclude(
    request: Request,
    identifier: str,
    sensor: Annotated[str, Form()],
    start: Annotated[str, Form()],
    end: Annotated[str, Form()],
    reason: Annotated[str, Form()],
    token: Annotated[str, Form()],  # noqa: ARG001 - checked before the page is reached; here for the description
    who: Annotated[str, Form()] = "",
) -> Response:
    """Add a line to ``exclusions.csv``, with a reason; of worn sensors the analyst only."""
    context = page_context(request, "curve", identifier)
    say = context.words.say
    book = context.source.book
    book.workstation(identifier)
    book.sensor(sensor)
    if not _may_exclude(context, sensor):
        return PlainTextResponse(say("pages.analyst_only"), status_code=403)
    moments = [_moment(start), _moment(end)]
    if book.to_ns(moments[1]) <= book.to_ns(moments[0]):
        raise UsageError("the end is not after the start", value=end, rule="from < to", code="bad_window")
    if not reason.strip():
        raise UsageError("an exclusion needs a reason", rule="a few words", code="reason_missing")
    row = {
        "from": moments[0].isoformat(timespec="minutes"),
        "to": moments[1].isoformat(timespec="minutes"),
        "sensor": sensor,
        "reason": " ".join(reason.split()),
        "who": (context.viewer.name if context.viewer else "") or " ".join(who.split()),
    }
    append_log(book.folder, "exclusions", row)
    context.source.changed()
    back = parse_qs(urlsplit(request.headers.get("referer", "")).query)
    return RedirectResponse(
        context.link("curve", identifier, trace=back.get("trace", [None])[0]), status_code=303
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "not a date and time", value=text, rule="year-month-dayThour:minute", code="bad_time"
        ) from None
