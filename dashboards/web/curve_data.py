"""A trace as data: thinned for the screen, as a still drawing, and as a table of every reading."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from numpy.typing import NDArray

from analysis.decimate import Decimated
from analysis.levels import energy_mean
from dashboards.web.angle_minutes import thinned_minutes
from dashboards.web.asked import asked_trace, asked_window, trace_name
from dashboards.web.context import PageContext
from dashboards.web.series import LONG_NS, Trace, TraceReader, thinned
from dashboards.web.still import still_drawing
from indicators.model import Indicator, WorkstationResult
from indicators.words import circulation, circulation_entry
from sensors.errors import GovernanceError, NotEnoughDataError
from sensors.quantities import QUANTITIES, Aggregation, Kind

__all__ = ["router", "trace_limits"]

router = APIRouter()
_MOST_PIXELS = 4000
_ROWS_A_CHUNK = 20_000
_STILL_PIXELS = 900
_PERCENTS = (10, 50, 90)


@router.get("/data/{identifier}")
def data(request: Request, identifier: str) -> Response:
    """The thinned trace as JSON: seconds, minimum, maximum, mean (``null`` in gaps), gaps, shifts, limits."""
    context, trace, start_ns, end_ns = asked_trace(request, identifier)
    low, high = asked_window(request, context.source.book, start_ns, end_ns)
    wanted = request.query_params.get("px", "1100")
    pixels = min(max(int(wanted) if wanted.isdigit() else 1100, 50), _MOST_PIXELS)
    reader = request.app.state.traces
    shown, values = _thin(reader, context, trace, low, high, pixels)
    document = {
        "schema": "vigiposte.trace/1",
        **circulation_entry(context.source.audience, context.words.say),
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
        "limits": trace_limits(context, identifier, trace),
        "summary": _summary(trace, values),
    }
    return Response(_json(document), media_type="application/json")


def _thin(
    reader: TraceReader, context: PageContext, trace: Trace, low: int, high: int, pixels: int
) -> tuple[Decimated, NDArray[np.float64]]:
    """The thinned window and its readings; no readings where minutes stand in for them."""
    book, audience = context.source.book, context.source.audience
    if trace.channel == "inclination" and high - low > LONG_NS:
        minutes = reader.read_minutes(book, trace, low, high, audience)
        if minutes is not None:
            return thinned_minutes(*minutes, low, high, pixels), np.zeros(0)
    times, values = reader.read(book, trace, low, high, audience)
    return thinned(trace, times, values, low, high, pixels), values


def _summary(trace: Trace, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean (of energy for levels) and percentiles of the window's readings, so that a zoom has its own."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return {}
    quantity = QUANTITIES.get(trace.channel)
    energy = quantity is not None and quantity.aggregation is Aggregation.ENERGY
    mean = float(energy_mean(known)) if energy else float(known.mean())
    found = {f"P{p}": float(v) for p, v in zip(_PERCENTS, np.percentile(known, _PERCENTS), strict=True)}
    return {"mean": round(mean, 3), **{name: round(value, 3) for name, value in found.items()}}


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


def trace_limits(context: PageContext, identifier: str, trace: Trace) -> list[list[Any]]:
    """Limits in the trace's own unit, as references: a limit on 8 hours does not judge a minute."""
    try:
        stations = context.result.workstations
    except (NotEnoughDataError, GovernanceError):
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
        if indicator.unit == trace.unit and _comparable(trace, indicator)
        for row in indicator.limits
        if row.limit.role.moves_verdict
    }
    return list(rows.values())


def _comparable(trace: Trace, indicator: Indicator) -> bool:
    # A limit of the WBGT says nothing of an air or globe temperature, although all are degrees.
    return trace.kind is not Kind.CLIMATE or indicator.id.startswith(f"{trace.channel}_")


@router.get("/data/{identifier}/drawing.svg")
def still(request: Request, identifier: str) -> Response:
    """The same stretch as a still drawing, for paper and for browsers without scripts."""
    context, trace, start_ns, end_ns = asked_trace(request, identifier)
    low, high = asked_window(request, context.source.book, start_ns, end_ns)
    shown, _ = _thin(request.app.state.traces, context, trace, low, high, _STILL_PIXELS)
    drawing = still_drawing(
        shown,
        trace=trace_name(context, trace),
        words=context.words,
        zone=context.source.book.zone,
        shifts=_shifts(context, identifier, low, high),
        limits=trace_limits(context, identifier, trace),
        circulation=circulation(context.source.audience, context.words.say),
    )
    # A drawing carries its own style and nothing else: no script could run in it.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(drawing, media_type="image/svg+xml", headers=policy)


@router.get("/data/{identifier}/table.csv")
def table(request: Request, identifier: str) -> StreamingResponse:
    """The same stretch as numbers, unthinned: site time with offset, value, unit in the header."""
    context, trace, start_ns, end_ns = asked_trace(request, identifier)
    low, high = asked_window(request, context.source.book, start_ns, end_ns)
    book = context.source.book
    times, values = request.app.state.traces.read(book, trace, low, high, context.source.audience)

    said = circulation(context.source.audience, context.words.say)
    mark = f",{said}" if said else ""

    def lines() -> Any:
        yield f"time,{trace.channel} [{trace.unit}]{mark}\r\n"
        for first in range(0, times.size, _ROWS_A_CHUNK):
            part = slice(first, first + _ROWS_A_CHUNK)
            yield "".join(
                f"{book.local(int(moment)).isoformat()},"
                f"{'' if math.isnan(value) else repr(float(value))}{mark}\r\n"
                for moment, value in zip(times[part], values[part], strict=True)
            )

    name = f"{trace.sensor}-{trace.channel}.csv"
    return StreamingResponse(
        lines(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
