"""The check of a microphone with its calibrator, from the page of its sensor: levels given, series judged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from dashboards import typography
from dashboards.web.context import PageContext, page_context
from indicators.calibration.checks import check_microphone, microphone_record, open_check
from sensors.calibration_log import append_calibration
from sensors.errors import UsageError
from sensors.quantities import Kind
from sensors.site_model import Calibration

__all__ = ["finding", "open_check_words", "router"]

router = APIRouter()


def finding(context: PageContext, row: Calibration) -> str:
    """What a record of a microphone says of its series; nothing for postures."""
    say = context.words.say
    if row.kind != "microphone" or row.level_before_db is None:
        return "–"
    if row.level_after_db is None:
        return say("calibrate.checked_before", level=row.level_before_db)
    found = check_microphone(row.level_before_db, row.level_after_db)
    return say(f"calibrate.series_{'discarded' if found.discarded else 'kept'}", drift=found.drift_db)


def open_check_words(context: PageContext, sensor: str) -> str:
    """The check before the running series, which a level after it would close; nothing when there is none."""
    waiting = open_check(context.source.book, sensor, datetime.now(UTC))
    if waiting is None or waiting.level_before_db is None:
        return ""
    moment = context.source.book.local(context.source.book.to_ns(waiting.at))
    when = typography.long_date(moment.date(), language=context.language)
    return context.words.say("pages.microphone_open", when=when, level=waiting.level_before_db)


@router.post("/calibrate/{identifier}/microphone")
def check(
    request: Request,
    identifier: str,
    token: Annotated[str, Form()],  # noqa: ARG001 - checked before the page is reached; here for the description
    before: Annotated[str, Form()] = "",
    after: Annotated[str, Form()] = "",
) -> Response:
    """Record the calibrator's level before a series, after it, or both, in ``calibrations.toml``."""
    context = page_context(request, "sensors")
    book = context.source.book
    if book.sensor(identifier).kind is not Kind.NOISE:
        raise UsageError("not a microphone", value=identifier, rule="noise sensors", code="wrong_kind")
    now = datetime.now(UTC)
    before_db, after_db = _level(before), _level(after)
    if before_db is None and (after_db is None or open_check(book, identifier, now) is None):
        raise UsageError(
            "the level before the series is missing",
            rule="the level before, or the level after a check that is still open",
            remedy="put the calibrator on and give what the sensor shows",
            code="no_level",
        )
    record = microphone_record(book, identifier, now, before_db=before_db, after_db=after_db)
    append_calibration(book, record)
    context.source.changed()
    return RedirectResponse(context.link("calibrate", identifier, said="1"), status_code=303)


def _level(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise UsageError("this is no level", value=text, rule="a number of dB", code="no_level") from None
