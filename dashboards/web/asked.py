"""Which trace of a workstation a request asks for, its name, and the window it wants."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request

from dashboards.web.context import PageContext, page_context
from dashboards.web.series import Trace, traces_of
from sensors.errors import UnknownNameError, UsageError
from sensors.site_book import SiteBook

__all__ = ["asked_trace", "asked_window", "chosen_trace", "trace_frame", "trace_name"]


def trace_frame(context: PageContext, station: str) -> tuple[tuple[Trace, ...], int, int]:
    """Traces of `station` in the period, which the audience may see, and the period's bounds [ns]."""
    book = context.source.book
    start_ns, end_ns = context.period.bounds_ns(book.zone)
    return traces_of(book, station, start_ns, end_ns, context.source.audience), start_ns, end_ns


def chosen_trace(traces: tuple[Trace, ...], key: str | None, context: PageContext) -> Trace | None:
    """The trace called `key`, else the first of the page's factor; ``None`` when there is none at all."""
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


def trace_name(context: PageContext, trace: Trace, among: tuple[Trace, ...] = ()) -> str:
    """``LAeq, épaule [dB(A)]``; the sensor too where several of `among` would share the name."""
    words = context.words

    def plain(one: Trace) -> str:
        mounts = {posting.mount.value for posting in one.postings}
        place = words.listing(words.say(f"mounts.{mount}") for mount in sorted(mounts))
        return f"{words.say(f'channels.{one.channel}')}, {place}"

    shown = plain(trace)
    if trace.label != trace.sensor or sum(plain(one) == shown for one in among) > 1:
        shown = f"{shown}, {trace.label}"
    return f"{shown[:1].upper()}{shown[1:]} [{trace.unit}]"


def asked_window(request: Request, book: SiteBook, start_ns: int, end_ns: int) -> tuple[int, int]:
    """Bounds [ns] that the request asks for, within the period.

    Scripts ask in seconds since 1970, the form of a page in site time.

    Raises
    ------
    UsageError
        ``bad_window``: a bound is neither, or the window is empty.
    """
    query = request.query_params
    try:
        low = max(start_ns, _moment_ns(book, query.get("from", ""), start_ns))
        high = min(end_ns, _moment_ns(book, query.get("to", ""), end_ns))
    except (ValueError, OverflowError):
        low = high = 0
    if high <= low:
        raise UsageError(
            "the window is empty or not a number",
            rule="from < to within the period, in seconds since 1970 or as year-month-dayThour:minute",
            code="bad_window",
        )
    return low, high


def _moment_ns(book: SiteBook, text: str, absent_ns: int) -> int:
    if not text:
        return absent_ns
    try:
        return int(float(text) * 1e9)
    except ValueError:
        return book.to_ns(datetime.fromisoformat(text))


def asked_trace(request: Request, identifier: str) -> tuple[PageContext, Trace, int, int]:
    """The trace a data request asks for, with the period's bounds [ns]."""
    context = page_context(request, "curve", identifier)
    context.source.book.workstation(identifier)
    traces, start_ns, end_ns = trace_frame(context, identifier)
    trace = chosen_trace(traces, request.query_params.get("trace"), context)
    if trace is None:
        raise UnknownNameError(
            "this workstation has no trace to show here", value=identifier, code="no_trace"
        )
    return context, trace, start_ns, end_ns
