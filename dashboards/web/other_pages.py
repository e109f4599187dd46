"""Sensors with live updates, measuring plan, and pages for what went wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, StreamingResponse

from dashboards import typography
from dashboards.health import sensor_states
from dashboards.web.context import PageContext, page_context
from dashboards.web.render import render_page
from dashboards.web.security import Guard
from indicators.disclosure.publication import is_worn_posting
from sensors.errors import VigiposteError

__all__ = ["router"]

router = APIRouter()
_LIVE_EVERY_S = 2.0
_LIVE_SILENCE_S = 15.0


@router.get("/sensors", response_class=HTMLResponse)
def sensors(request: Request) -> HTMLResponse:
    """How many sensors are unwell, whether anything waits, then each sensor, the unwell first."""
    context = page_context(request, "sensors")
    seen, hidden = _seen(context)
    states = sensor_states(context.source.book, seen, context.words)
    return render_page(
        context,
        "sensors.html",
        states=states,
        worn_hidden=hidden,
        lead=_sensor_lead(context, seen, states),
        moment=_moment(context),
        ingests=[_ingest_line(context, one) for one in seen.ingests],
        store=seen.store_url,
        store_problem=seen.store_problem,
        unknown=sorted(seen.unknown.items())[:20],
    )


def _seen(context: PageContext) -> tuple[Any, int]:
    """State of everything the viewer's role may know of, and how many worn sensors that leaves out."""
    seen, book = context.source.overview(), context.source.book
    if context.viewer is not None and context.viewer.sees_worn:
        return seen, 0
    fixed = tuple(line for line in seen.sensors if not is_worn_posting(book, line.sensor.id))
    return replace(seen, sensors=fixed), len(seen.sensors) - len(fixed)


def _moment(context: PageContext) -> str:
    now = datetime.now(UTC).astimezone(context.source.book.zone)
    day = typography.long_date(now.date(), language=context.language, weekday=True)
    return f"{day}, {typography.clock(now, language=context.language)}"


def _sensor_lead(context: PageContext, seen: Any, states: Any) -> Any:
    words = context.words
    unwell = sum(state.severity > 0 for state in states)
    waiting = sum(one.backlog_bytes for one in seen.ingests)
    first = (
        words.rich("pages.sensors_unwell", n=unwell, count=words.count_word(unwell, capital=True))
        if unwell
        else words.rich("pages.sensors_well")
    )
    code = "pages.journal_waiting" if waiting else "pages.journal_empty"
    return (*first, *words.rich(code, mb=waiting / 1e6))


def _ingest_line(context: PageContext, one: Any) -> tuple[str, str]:
    say = context.words.say
    if not one.updated_ns:
        return one.journal.name, say("pages.ingest_never")
    if one.running:
        return one.journal.name, say("pages.ingest_running", broker=say(f"broker_states.{one.broker}"))
    moment = context.source.book.local(one.updated_ns)
    when = f"{typography.long_date(moment.date(), language=context.language)}, "
    return one.journal.name, say(
        "pages.ingest_stopped", when=when + typography.clock(moment, language=context.language)
    )


@router.get("/events")
def events(request: Request) -> StreamingResponse:
    """Server-sent events: what ingest counts and when sensors were last seen, while it runs."""
    context = page_context(request)
    guard: Guard = request.app.state.guard

    def look() -> str:
        seen, _ = _seen(context)
        states = sensor_states(context.source.book, seen, context.words)
        return json.dumps(
            {
                "moment": _moment(context),
                "running": any(one.running for one in seen.ingests),
                "rows": sum(line.health.rows for line in seen.sensors),
                "sensors": {state.id: [state.last_seen, state.state, state.severity] for state in states},
            },
            ensure_ascii=False,
        )

    async def stream() -> AsyncIterator[str]:
        last, quiet_s = "", 0.0
        yield "retry: 3000\n\n"
        while not request.app.state.stopping.is_set() and not await request.is_disconnected():
            if guard.viewer(request) != context.viewer:
                return
            now = await run_in_threadpool(look)
            state = json.loads(now)
            shown = json.dumps([state["running"], state["rows"], state["sensors"]])
            if shown != last:
                last, quiet_s = shown, 0.0
                yield f"event: sensors\ndata: {now}\n\n"
            elif quiet_s >= _LIVE_SILENCE_S:
                quiet_s = 0.0
                yield ": still here\n\n"
            for _ in range(int(_LIVE_EVERY_S / 0.2)):
                if request.app.state.stopping.is_set():
                    return
                await asyncio.sleep(0.2)
            quiet_s += _LIVE_EVERY_S

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.get("/plan", response_class=HTMLResponse)
def plan(request: Request) -> HTMLResponse:
    """What the next measurements can settle."""
    from dashboards.plan import plan_table

    context = page_context(request, "plan")
    source = context.source
    make = source.extra.get("plan")
    if make is None:
        return render_page(context, "plan.html", lead=(), head=(), rows=())
    made = source.remembered(
        context.period, ("plan",), lambda: make(source.book, source.store, source.audience)
    )
    table = plan_table(made, context.language)
    return render_page(context, "plan.html", lead=table.lead, head=table.head, rows=table.rows)


def empty_page(request: Request) -> HTMLResponse:
    """A period in which nothing was measured: say so, say when something was, and lead there."""
    context = page_context(request)
    source = context.source
    newest = max(source.store.last_seen(source.book.site.site.id).values(), default=0)
    last = source.book.local(newest).date() if newest else None
    iso = None if last is None else last.isocalendar()
    return render_page(
        context,
        "empty.html",
        last="" if last is None else typography.long_date(last, language=context.language, weekday=True),
        last_week=None if iso is None else f"{iso.year}-W{iso.week:02d}",
    )


def problem_page(request: Request, error: VigiposteError, status: int) -> HTMLResponse:
    """A mistake or an outage as a page that says what to do."""
    context = page_context(request)
    title = context.words.say(f"pages.problem_{status}")
    return render_page(context, "problem.html", status=status, code=status, heading=title, error=error)
