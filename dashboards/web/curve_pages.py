"""The timeline: page, thinned data for the screen, the same data as a table, and excluding a stretch."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from numpy.typing import NDArray

from analysis.decimate import Decimated
from dashboards.plots.whiskers import MOVING
from dashboards.web.context import PageContext, page_context
from dashboards.web.frame import verdict_strip
from dashboards.web.render import render_page
from dashboards.web.series import LONG_NS, Trace, TraceReader, thinned, thinned_minutes, traces_of
from dashboards.web.still import still_drawing
from indicators.disclosure.publication import is_worn_posting
from indicators.model import Audience, WorkstationResult
from sensors.errors import NotEnoughDataError, UnknownNameError, UsageError
from sensors.logs import append_log

__all__ = ["router"]

router = APIRouter()
_MOST_PIXELS = 4000
_ROWS_A_CHUNK = 20_000
_STILL_PIXELS = 900


def _frame(context: PageContext, station: str) -> tuple[tuple[Trace, ...], int, int]:
    book = context.source.book
    start_ns, end_ns = context.period.bounds_ns(book.zone)
    return traces_of(book, station, start_ns, end_ns, context.source.audience), start_ns, end_ns


def _chosen(traces: tuple[Trace, ...], key: str | None, context: PageContext) -> Trace | None:
    if key is not None:
        for trace in traces:
            if trace.key == key:
                return trace
        raise UnknownNameError(
            "there is no such trace at this workstation in this period",
            value=key,
            rule=f"one of {', '.join(trace.key for trace in traces) or 'none'}",
            code="unknown_trace",
        )
    fitting = [trace for trace in traces if trace.kind.value == context.factor.value]
    return next(iter(fitting or traces), None)


@router.get("/curve/{identifier}", response_class=HTMLResponse)
def curve(request: Request, identifier: str) -> HTMLResponse:
    """Timeline of one trace with limits, shifts, gaps, notes, and the form that excludes a stretch."""
    context = page_context(request, "curve", identifier)
    book = context.source.book
    station = book.workstation(identifier)
    traces, start_ns, end_ns = _frame(context, identifier)
    trace = _chosen(traces, request.query_params.get("trace"), context)
    return render_page(
        context,
        "curve.html",
        station=station,
        strip=verdict_strip(context, identifier),
        choices=[(item.id, item.label) for item in book.site.workstations],
        traces=[(item.key, _name(context, item)) for item in traces],
        trace=trace,
        trace_name="" if trace is None else _name(context, trace),
        worn_hidden=context.source.audience is not Audience.ANALYST,
        data_url=None if trace is None else context.link("data", identifier, trace=trace.key),
        still_url=None if trace is None else context.link("data", identifier, "drawing.svg", trace=trace.key),
        table_url=None if trace is None else context.link("data", identifier, "table.csv", trace=trace.key),
        start_s=start_ns / 1e9,
        end_s=end_ns / 1e9,
        zone=book.site.site.timezone,
        exclusions=[] if trace is None else _exclusions(context, trace, start_ns, end_ns),
        notes=_notes(context, identifier, start_ns, end_ns),
        may_exclude=trace is not None and _may_exclude(context, trace.sensor),
    )


def _may_exclude(context: PageContext, sensor: str) -> bool:
    """Fixed sensors: whoever opens the form's page. Worn ones: the analyst, who alone sees their curves."""
    if context.viewer is None or not context.viewer.may_open("exclude"):
        return False
    worn = is_worn_posting(context.source.book, sensor)
    return not worn or context.source.audience is Audience.ANALYST


def _name(context: PageContext, trace: Trace) -> str:
    return f"{trace.label}, {context.words.say(f'channels.{trace.channel}')} [{trace.unit}]"


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


def _notes(context: PageContext, station: str, start_ns: int, end_ns: int) -> list[tuple[str, str, float]]:
    """Situations that workers reported, without identity."""
    return [
        (_clock(context, row.start_ns).replace("T", " "), row.text, row.start_ns / 1e9)
        for row in context.source.book.logs.situations
        if row.workstation == station and row.start_ns < end_ns and row.end_ns > start_ns
    ]


def _window(request: Request, start_ns: int, end_ns: int) -> tuple[int, int]:
    query = request.query_params
    try:
        low = max(start_ns, int(float(query.get("from", start_ns / 1e9)) * 1e9))
        high = min(end_ns, int(float(query.get("to", end_ns / 1e9)) * 1e9))
    except ValueError:
        low = high = 0
    if high <= low:
        raise UsageError(
            "the window is empty or not a number", rule="from < to, in seconds since 1970", code="bad_window"
        )
    return low, high


def _trace(request: Request, identifier: str) -> tuple[PageContext, Trace, int, int]:
    context = page_context(request, "curve", identifier)
    context.source.book.workstation(identifier)
    traces, start_ns, end_ns = _frame(context, identifier)
    trace = _chosen(traces, request.query_params.get("trace"), context)
    if trace is None:
        raise UnknownNameError(
            "this workstation has no trace to show here", value=identifier, code="no_trace"
        )
    return context, trace, start_ns, end_ns


@router.get("/data/{identifier}")
def data(request: Request, identifier: str) -> Response:
    """The thinned trace as JSON: seconds, minimum, maximum, mean (``null`` in gaps), gaps, shifts, limits."""
    context, trace, start_ns, end_ns = _trace(request, identifier)
    low, high = _window(request, start_ns, end_ns)
    wanted = request.query_params.get("px", "1100")
    pixels = min(max(int(wanted) if wanted.isdigit() else 1100, 50), _MOST_PIXELS)
    reader = request.app.state.traces
    shown = _thin(reader, context, trace, low, high, pixels)
    document = {
        "schema": "vigiposte.trace/1",
        "from": low / 1e9,
        "to": high / 1e9,
        "unit": trace.unit,
        "t": (shown.times_ns / 1e9).tolist(),
        "low": _nullable(shown.low),
        "high": _nullable(shown.high),
        "mean": _nullable(shown.middle),
        "gaps": (shown.gaps_ns / 1e9).tolist(),
        "shifts": _shifts(context, identifier, low, high),
        "excluded": [
            [row.start_ns / 1e9, row.end_ns / 1e9, row.reason]
            for row in context.source.book.exclusions(trace.sensor, low, high)
        ],
        "limits": _limits(context, identifier, trace),
    }
    return Response(_json(document), media_type="application/json")


def _thin(
    reader: TraceReader, context: PageContext, trace: Trace, low: int, high: int, pixels: int
) -> Decimated:
    book, audience = context.source.book, context.source.audience
    if trace.channel == "inclination" and high - low > LONG_NS:
        minutes = reader.read_minutes(book, trace, low, high, audience)
        if minutes is not None:
            return thinned_minutes(*minutes, low, high, pixels)
    times, values = reader.read(book, trace, low, high, audience)
    return thinned(trace, times, values, low, high, pixels)


def _json(document: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(document)


def _nullable(values: NDArray[np.float64]) -> list[float | None]:
    # uPlot draws a straight line across NaN in typed arrays; null opens the gap.
    return [None if math.isnan(value) else round(value, 3) for value in values.tolist()]


def _shifts(context: PageContext, station: str, low: int, high: int) -> list[dict[str, Any]]:
    book = context.source.book
    names = {shift.id: shift.label or shift.id for shift in book.site.shifts}
    windows = book.shift_windows(station, book.local(low).date(), book.local(high).date())
    return [
        {
            "from": window.start_ns / 1e9,
            "to": window.end_ns / 1e9,
            "name": names.get(window.shift, window.shift),
            "breaks": [[a / 1e9, b / 1e9] for a, b in window.breaks],
        }
        for window in windows
        if window.start_ns < high and window.end_ns > low
    ]


def _limits(context: PageContext, identifier: str, trace: Trace) -> list[list[Any]]:
    """Limits in the trace's own unit, as references: a limit on 8 hours does not judge a minute."""
    try:
        stations = context.result.workstations
    except NotEnoughDataError:
        return []
    found: WorkstationResult | None = next((item for item in stations if item.id == identifier), None)
    if found is None:
        return []
    words = context.words
    rows = {
        row.limit.id: [row.limit.value, f"{words.number(row.limit.value)} {words.limit_name(row.limit)}"]
        for part in found.factors
        if part.factor.value == trace.kind.value
        for indicator in part.indicators
        if indicator.unit == trace.unit
        for row in indicator.limits
        if row.limit.role in MOVING
    }
    return list(rows.values())


@router.get("/data/{identifier}/drawing.svg")
def still(request: Request, identifier: str) -> Response:
    """The same stretch as a still drawing, for paper and for browsers without scripts."""
    context, trace, start_ns, end_ns = _trace(request, identifier)
    low, high = _window(request, start_ns, end_ns)
    shown = _thin(request.app.state.traces, context, trace, low, high, _STILL_PIXELS)
    drawing = still_drawing(
        shown,
        trace=_name(context, trace),
        words=context.words,
        zone=context.source.book.zone,
        shifts=_shifts(context, identifier, low, high),
        limits=_limits(context, identifier, trace),
    )
    # A drawing carries its own style and nothing else: no script could run in it.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(drawing, media_type="image/svg+xml", headers=policy)


@router.get("/data/{identifier}/table.csv")
def table(request: Request, identifier: str) -> StreamingResponse:
    """The same stretch as numbers, unthinned: site time with offset, value, unit in the header."""
    context, trace, start_ns, end_ns = _trace(request, identifier)
    low, high = _window(request, start_ns, end_ns)
    book = context.source.book
    times, values = request.app.state.traces.read(book, trace, low, high, context.source.audience)

    def lines() -> Any:
        yield f"time,{trace.channel} [{trace.unit}]\r\n"
        for first in range(0, times.size, _ROWS_A_CHUNK):
            part = slice(first, first + _ROWS_A_CHUNK)
            yield "".join(
                f"{book.local(int(moment)).isoformat()},{'' if math.isnan(value) else repr(float(value))}\r\n"
                for moment, value in zip(times[part], values[part], strict=True)
            )

    name = f"{trace.sensor}-{trace.channel}.csv"
    return StreamingResponse(
        lines(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


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
