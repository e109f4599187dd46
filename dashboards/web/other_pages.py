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
from dashboards.report.surroundings import names_of
from dashboards.sentences import sentences
from dashboards.web.context import PageContext, page_context
from dashboards.web.render import render_page
from dashboards.web.security import Guard
from dashboards.web.sensor_week import sensor_strips
from indicators.disclosure.publication import is_worn_posting
from indicators.model import Factor
from sensors.errors import VigiposteError

__all__ = ["router"]

router = APIRouter()
_LIVE_EVERY_S = 2.0
_LIVE_SILENCE_S = 15.0
_SHOWN_VISITS = 20
_SPARE_SENSORS = 2


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
        viewer_may_calibrate=context.viewer is not None and context.viewer.may_open("calibrate"),
        worn_hidden=hidden,
        strips=context.source.remembered(
            context.period, ("strips", context.language), lambda: _strips(context)
        ),
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


def _strips(context: PageContext) -> dict[str, str]:
    source = context.source
    return sensor_strips(source.book, source.store, context.period, source.audience, context.words.say)


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
    from dashboards.plan.rows import schedule_rows

    context = page_context(request, "plan")
    source, words = context.source, context.words
    make = source.extra.get("plan")
    if make is None:
        return render_page(context, "plan.html", table=None, maps=(), visits=(), visit_head=(), more=0)
    made = source.remembered(
        context.period, ("plan",), lambda: make(source.book, source.store, source.audience)
    )
    visits = schedule_rows(made.visits[:_SHOWN_VISITS], context.language, _labels(context))
    return render_page(
        context,
        "plan.html",
        table=plan_table(made, context.language, _labels(context)),
        maps=source.remembered(context.period, ("floor", context.language), lambda: _floor_maps(context)),
        visits=visits,
        visit_head=[words.say(f"plan.column_{name}") for name in ("date", "station", "factor", "sensors")],
        more=len(made.visits) - len(visits),
    )


def _labels(context: PageContext) -> dict[str, str]:
    book = context.source.book
    return names_of(book) | {row.id: row.label for row in book.site.workstations}


def _floor_maps(context: PageContext) -> tuple[tuple[str, str], ...]:
    """What stays unknown between the workstations, where the site file has a floor and their places."""
    from dashboards.plan.figures import floor_map
    from indicators.planning.floor import plan_floor

    site = context.source.book.site
    if site.floor is None or not any(row.position_m for row in site.workstations):
        return ()
    say = context.words.say
    return tuple(
        (
            say("plan.floor_title", factor=context.words.factor(factor)),
            floor_map(plan_floor(context.source.book, factor, spare=_SPARE_SENSORS), say, _labels(context)),
        )
        for factor in (Factor.NOISE, Factor.CLIMATE)
    )


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
    if (error.code or "").startswith("week_"):
        # The frame around the page has to name some week: not the one that does not exist.
        context = replace(context, week=None)
    title = context.words.say(f"pages.problem_{status}")
    told = sentences(context.words.language)
    return render_page(
        context, "problem.html", status=status, code=status, heading=title, error=error, told=told
    )
