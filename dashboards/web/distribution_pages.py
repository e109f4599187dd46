"""Distributions: of the period, as results carry them, and of any stretch of a trace."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import typography
from dashboards.report.distributions import distribution_figures
from dashboards.report.figures import grouped, shift_named
from dashboards.web.asked import asked_trace, asked_window, chosen_trace, trace_frame, trace_name
from dashboards.web.context import PageContext, page_context
from dashboards.web.curve_data import trace_limits
from dashboards.web.frame import station_frame, usual
from dashboards.web.render import render_page
from dashboards.web.series import Trace
from dashboards.web.stretch import read_stretch, stretch_figures

__all__ = ["router"]

router = APIRouter()


@router.get("/distribution/{identifier}", response_class=HTMLResponse)
def distribution(request: Request, identifier: str) -> HTMLResponse:
    """Cumulative curves, time in bands, static or dynamic; and a stretch of one trace, if asked for."""
    context = page_context(request, "distribution", identifier)
    found = context.station_result(identifier)
    drawn = [
        shift_named(figure, context.words.shift_among(indicator, found))
        for indicator in usual(found)
        for figure in distribution_figures(indicator, context.source.audience, context.words)
    ]
    return render_page(
        context,
        "figures.html",
        groups=grouped(drawn),
        heading=context.words.say("pages.distribution_title"),
        note=context.words.say("pages.distribution_note"),
        chooser=_chooser(request, context, identifier),
        **station_frame(context, found),
    )


@router.get("/data/{identifier}/distribution", response_class=HTMLResponse)
def stretch_part(request: Request, identifier: str) -> HTMLResponse:
    """Distribution of the stretch shown on the curve, as a part of its page."""
    context, trace, start_ns, end_ns = asked_trace(request, identifier)
    low, high = asked_window(request, context.source.book, start_ns, end_ns)
    return render_page(
        context, "_stretch.html", stretch=_stretch(request, context, identifier, trace, low, high)
    )


def _chooser(request: Request, context: PageContext, identifier: str) -> dict[str, Any] | None:
    """The form that chooses a stretch, filled with what was asked; ``None`` where no trace may be shown."""
    traces, start_ns, end_ns = trace_frame(context, identifier)
    asked = request.query_params.get("trace")
    trace = chosen_trace(traces, asked, context)
    if trace is None:
        return None
    low, high = asked_window(request, context.source.book, start_ns, end_ns)
    wanted = asked is not None or {"from", "to"} & request.query_params.keys()
    return {
        "traces": [(item.key, trace_name(context, item, traces)) for item in traces],
        "key": trace.key,
        "from": _field(context, low),
        "to": _field(context, high),
        "kept": [("lang", context.language), ("week", context.week), ("factor", context.factor.value)],
        "curve": context.link(
            "curve", identifier, trace=trace.key, **{"from": str(low / 1e9), "to": str(high / 1e9)}
        ),
        "stretch": _stretch(request, context, identifier, trace, low, high) if wanted else None,
    }


def _field(context: PageContext, moment_ns: int) -> str:
    return context.source.book.local(moment_ns).strftime("%Y-%m-%dT%H:%M")


def _stretch(
    request: Request, context: PageContext, identifier: str, trace: Trace, low: int, high: int
) -> dict[str, Any]:
    source, words = context.source, context.words
    found = read_stretch(request.app.state.traces, source.book, trace, low, high, source.audience)
    limits = [float(value) for value, _ in trace_limits(context, identifier, trace)]
    return {
        "name": trace_name(context, trace),
        "told": words.say(
            "pages.stretch_told",
            start=_moment(context, low),
            end=_moment(context, high),
            measured=typography.duration(found.measured_s, language=context.language),
        ),
        "figures": stretch_figures(found, trace, limits, words),
    }


def _moment(context: PageContext, moment_ns: int) -> str:
    moment = context.source.book.local(moment_ns)
    day = typography.short_day(moment.date(), language=context.language)
    return f"{day}, {typography.clock(moment, language=context.language)}"
