"""Calibrating a posture sensor on a page: the inclination while it runs, refusals with their reason.

The trace of a worn sensor at this moment is one person's, so the page is the analyst's, each use is logged,
and nothing is listened to before somebody presses the button.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from dashboards import typography
from dashboards.catalogue import catalogue
from dashboards.web.context import PageContext, page_context
from dashboards.web.microphone_check import finding, open_check_words
from dashboards.web.render import render_page
from indicators.calibration.checks import posture_record
from indicators.calibration.session import two_postures
from indicators.model import Audience
from sensors.calibration_log import append_calibration
from sensors.errors import GovernanceError, UsageError, VigiposteError
from sensors.quantities import Kind

__all__ = ["router"]

router = APIRouter()
_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.25
_KEPT = 20


@router.get("/calibrate/{identifier}", response_class=HTMLResponse)
def calibrate(request: Request, identifier: str) -> HTMLResponse:
    """What to do, the button that starts, and the records so far."""
    context = page_context(request, "sensors")
    book = context.source.book
    sensor = book.sensor(identifier)
    records = sorted(
        (row for row in book.site.calibrations if row.sensor == identifier),
        key=lambda row: book.to_ns(row.at),
    )
    may = sensor.kind is Kind.POSTURE and context.source.audience is Audience.ANALYST
    return render_page(
        context,
        "calibrate.html",
        sensor=sensor,
        posture=sensor.kind is Kind.POSTURE,
        may=may and "listen_sensor" in context.source.extra,
        records=[
            (
                row.id,
                _moment(context, book.to_ns(row.at)),
                context.words.say(f"calibrate.kind_{row.kind}"),
                finding(context, row),
            )
            for row in reversed(records)
        ],
        microphone=sensor.kind is Kind.NOISE,
        waiting=open_check_words(context, identifier) if sensor.kind is Kind.NOISE else "",
        said=request.query_params.get("said") == "1",
        token=request.app.state.guard.form_token(request),
    )


def _moment(context: PageContext, moment_ns: int) -> str:
    moment = context.source.book.local(moment_ns)
    day = typography.long_date(moment.date(), language=context.language)
    return f"{day}, {typography.clock(moment, language=context.language)}"


def _require_analyst(request: Request, context: PageContext, token: str) -> None:
    if not request.app.state.guard.form_is_ours(request, token):
        raise GovernanceError(context.words.say("pages.form_expired"), code="form_expired")
    if context.source.audience is not Audience.ANALYST:
        raise GovernanceError(context.words.say("pages.analyst_only"), code="analyst_only")


@router.get("/calibrate/{identifier}/live")
def live(request: Request, identifier: str, token: str) -> StreamingResponse:
    """Server-sent events of one calibration: steps, inclination, then the finding or the refusal."""
    context = page_context(request, "sensors")
    _require_analyst(request, context, token)
    source = context.source
    sensor = source.book.sensor(identifier)
    if sensor.kind is not Kind.POSTURE:
        raise UsageError("not a posture sensor", value=identifier, rule="posture", code="wrong_kind")
    told: queue.Queue[tuple[str, Mapping[str, Any]]] = queue.Queue()
    stop = threading.Event()

    async def stream() -> AsyncIterator[str]:
        threading.Thread(
            target=_listen,
            args=(request, context, identifier, told, stop),
            name="vigiposte-calibrate",
            daemon=True,
        ).start()
        try:
            while not request.app.state.stopping.is_set() and not await request.is_disconnected():
                events = await run_in_threadpool(_latest, told)
                for name, data in events:
                    yield f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
                    if name in ("found", "refused"):
                        return
                if not events:
                    yield ": listening\n\n"
        finally:
            stop.set()

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _listen(
    request: Request,
    context: PageContext,
    identifier: str,
    told: queue.Queue[tuple[str, Mapping[str, Any]]],
    stop: threading.Event,
) -> None:
    """Take both postures of a running sensor and tell each step; the accepted ones wait to be recorded."""
    source = context.source
    book = source.book
    kept: dict[str, Mapping[str, Any]] = request.app.state.calibrations
    last = book.calibration_at(identifier, book.to_ns(datetime.now(book.zone)))

    def until_stopped(arrivals: Iterable[Any]) -> Iterator[Any]:
        for one in arrivals:
            if stop.is_set() or request.app.state.stopping.is_set():
                return
            yield one

    try:
        with source.extra["listen_sensor"](book, identifier) as arrivals:
            found = two_postures(
                until_stopped(arrivals),
                timeout_s=_TIMEOUT_S,
                begin=lambda step, seconds: told.put(("step", {"step": step, "seconds": seconds})),
                show=lambda degrees: told.put(("angle", {"degrees": round(degrees, 1)})),
                reference=None if last is None or last.upright is None else np.asarray(last.upright),
            )
        key = secrets.token_urlsafe(12)
        kept[key] = posture_record(book, identifier, found)
        while len(kept) > _KEPT:
            kept.pop(next(iter(kept)))
        words = context.words.say("calibrate.postures_found", degrees=found.lean_deg or 0.0)
        told.put(("found", {"key": key, "text": words}))
    except VigiposteError as error:
        told.put(("refused", {"text": _refusal(context, error)}))


def _latest(told: queue.Queue[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Mapping[str, Any]]]:
    """What was told since the last look; of the angles only the newest."""
    try:
        found = [told.get(timeout=_LOOK_EVERY_S)]
    except queue.Empty:
        return []
    while not told.empty():
        found.append(told.get_nowait())
    newest = max((index for index, item in enumerate(found) if item[0] == "angle"), default=-1)
    return [item for index, item in enumerate(found) if item[0] != "angle" or index == newest]


def _refusal(context: PageContext, error: VigiposteError) -> str:
    code = f"calibrate.refused.{error.code}"
    return context.words.say(code) if code in catalogue(context.language) else str(error)


@router.post("/calibrate/{identifier}")
def record(
    request: Request, identifier: str, key: Annotated[str, Form()], token: Annotated[str, Form()]
) -> Response:
    """Keep accepted postures as a dated record in ``calibrations.toml``."""
    context = page_context(request, "sensors")
    if not request.app.state.guard.form_is_ours(request, token):
        return PlainTextResponse(context.words.say("pages.form_expired"), status_code=403)
    _require_analyst(request, context, token)
    found = request.app.state.calibrations.pop(key, None)
    if found is None or found["sensor"] != identifier:
        raise UsageError(
            "these postures are no longer at hand",
            rule="recorded once",
            remedy="start again",
            code="no_postures",
        )
    append_calibration(context.source.book, found)
    context.source.changed()
    return RedirectResponse(context.link("calibrate", identifier, said="1"), status_code=303)
