"""Why this number: formula, limits, worker-days used and left out, sensors, versions, command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import details, typography
from dashboards.catalogue import catalogue
from dashboards.report.scales import factor_block
from dashboards.web.context import PageContext, page_context
from dashboards.web.frame import station_frame
from dashboards.web.render import render_page
from dashboards.wording import Wording
from indicators.explain import SensorFact
from indicators.model import Audience, Indicator, Scope
from sensors.errors import UnknownNameError
from sensors.site_model import InstrumentClass

__all__ = ["router"]

router = APIRouter()
Row = tuple[str, ...]
_MOST_CALIBRATIONS = 3


@router.get("/why/{identifier}/{indicator_id}", response_class=HTMLResponse)
def why(request: Request, identifier: str, indicator_id: str) -> HTMLResponse:
    """One number with everything that defends it."""
    context = page_context(request, "station", identifier)
    found = context.station_result(identifier)
    shift = request.query_params.get("shift")
    candidates = [
        (part, indicator)
        for part in found.factors
        for indicator in part.indicators
        if indicator.id == indicator_id
        and indicator.scope is Scope.USUAL
        and shift in (None, indicator.shift)
    ]
    if not candidates:
        raise UnknownNameError(
            "the workstation has no such indicator in this period",
            value=indicator_id,
            code="unknown_indicator",
        )
    part, indicator = candidates[0]
    block = factor_block(identifier, part, context.result, context.words)
    row = next(
        r
        for r in (*block.rows, *block.extra)
        if r.indicator == indicator_id and r.shift_id == indicator.shift
    )
    explained = context.source.explanation(context.period, identifier, indicator_id)
    return render_page(
        context,
        "why.html",
        block=block,
        row=row,
        indicator=indicator,
        formula=_formula(context, explained),
        limits=_limit_rows(context, indicator),
        terms=_terms(context, indicator),
        octaves=_octaves(context, indicator),
        windows=_windows(context, explained),
        counts=_counts(context, explained),
        days=_days(context, indicator),
        exclusions=_exclusions(context, explained),
        origins=_sensors(context, explained) or _origins(context, identifier, indicator),
        inputs="" if explained is None else explained.inputs,
        **station_frame(context, found),
    )


def _formula(context: PageContext, explained: Any) -> Any:
    if explained is None or explained.formula not in catalogue(context.language):
        return ()
    return context.words.rich(explained.formula)


def _limit_rows(context: PageContext, indicator: Indicator) -> list[dict[str, Any]]:
    words = context.words
    return [
        {
            "name": words.limit_name(row.limit),
            "value": words.quantity_of(words.limit_value(row.limit, sign=True), row.limit.unit),
            "role": words.say(f"roles.{row.limit.role.value}"),
            "source": words.source(row.limit),
            "edition": row.limit.edition,
            "grade": words.say(f"grades.{row.limit.grade.value}"),
            "id": row.limit.id,
            "mark": words.row_mark(row),
            "reason": words.note(row.reason),
            "ratio": "" if row.ratio is None else words.number(row.ratio, 2),
        }
        for row in indicator.limits
    ]


def _terms(context: PageContext, indicator: Indicator) -> list[Row]:
    """Single numbers behind the value, by the names they have in the software."""
    return [
        (
            context.words.term(name),
            context.words.number(float(value), None if isinstance(value, int) else 2),
        )
        for name, value in indicator.details.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _octaves(context: PageContext, indicator: Indicator) -> list[Row]:
    """Spectrum, attenuation and what is left of each band, where a protector was counted by octave bands."""
    rows: Any = indicator.details.get("octaves", ())
    figures = ("level_db", "apv_db", "at_ear_dba")
    return [(str(row["hz"]), *(context.words.number(row[name], 1) for name in figures)) for row in rows]


def _windows(context: PageContext, explained: Any) -> list[Row]:
    words = context.words
    if explained is None:
        return []
    return [
        (
            _day(context, window.day),
            words.name(window.shift),
            _span(context, window),
            f"{words.name(window.sensor)}, {words.say(f'mounts.{window.mount.value}')}",
            words.percent(window.coverage),
            words.say("pages.window_used") if window.used else words.note(window.reason),
        )
        for window in explained.windows
    ]


def _day(context: PageContext, day: date) -> str:
    """``lun. 16``; with its month where the days of a campaign reach beyond the period shown."""
    shown = typography.short_day(day, language=context.language)
    if context.period.first <= day <= context.period.last:
        return shown
    return f"{shown} {typography.month_name(day.month, language=context.language, short=True)}"


def _span(context: PageContext, window: Any) -> str:
    if not window.spans:
        return "–"
    moments = [context.source.book.local(ns) for ns in (window.spans[0].start_ns, window.spans[-1].end_ns)]
    return " – ".join(typography.clock(moment, language=context.language) for moment in moments)


def _counts(context: PageContext, explained: Any) -> str:
    if explained is None or explained.windows_used is None:
        return ""
    words = context.words
    left = [
        words.say("pages.windows_left", count=count, why=words.say(f"commands.left_out_{code}"))
        for code, count in explained.windows_left_out.items()
    ]
    used = words.say("pages.windows_count", n=explained.windows_used)
    return words.say("pages.windows_joint").join([used, *left])


def _exclusions(context: PageContext, explained: Any) -> list[Row]:
    if explained is None:
        return []
    book = context.source.book
    return [
        (
            book.local(row.start_ns).strftime("%Y-%m-%d %H:%M"),
            book.local(row.end_ns).strftime("%Y-%m-%d %H:%M"),
            context.words.name(row.sensor),
            row.reason,
            row.who or "–",
        )
        for row in explained.exclusions
    ]


def _days(context: PageContext, indicator: Indicator) -> list[Row]:
    if indicator.worn and context.source.audience is not Audience.ANALYST:
        return []
    words = context.words
    return [
        (
            _day(context, row.day),
            words.percent(row.coverage),
            words.value(indicator, row.value) if row.value is not None else words.say("pages.day_dropped"),
        )
        for row in details.days(indicator.details)
    ]


def _sensors(context: PageContext, explained: Any) -> list[dict[str, str]]:
    if explained is None:
        return []
    words, book = context.words, context.source.book
    return [
        {
            "sensor": words.name(sensor.id),
            "model": ", ".join(part for part in (sensor.model or "", _instrument(sensor, words)) if part),
            "mount": words.listing(words.say(f"mounts.{mount}") for mount in sensor.mounts),
            "calibration": _calibrations(context, book, sensor.calibrations),
        }
        for sensor in explained.sensors
    ]


def _instrument(sensor: SensorFact, words: Wording) -> str:
    """Class of an acoustic instrument; sensors of other quantities have none to be known."""
    stated = sensor.instrument_class != InstrumentClass.UNKNOWN
    return words.say(f"instrument_classes.{sensor.instrument_class}") if stated else ""


def _calibrations(context: PageContext, book: Any, names: Sequence[str]) -> str:
    """Dates of the calibrations, or how many there are between the first and the last."""
    words = context.words
    if len(names) <= _MOST_CALIBRATIONS:
        return words.listing(_calibration(context, book, name) for name in names) or "–"
    first, last = (_calibration(context, book, names[place]) for place in (0, -1))
    return words.say("pages.calibrations_between", n=len(names), first=first, last=last)


def _calibration(context: PageContext, book: Any, name: str) -> str:
    found = book.calibration(name)
    return name if found is None else typography.long_date(found.at.date(), language=context.language)


def _origins(context: PageContext, station_id: str, indicator: Indicator) -> list[dict[str, str]]:
    """Sensors posted at the workstation in the period, where no explanation lists the ones used."""
    book, words = context.source.book, context.words
    start_ns, end_ns = context.period.bounds_ns(book.zone)
    found = []
    for sensor in book.site.sensors:
        if sensor.kind.value != indicator.factor.value:
            continue
        postings = [p for p in book.assignments(sensor.id, start_ns, end_ns) if p.workstation == station_id]
        if not postings or postings[0].mount.worn is not indicator.worn:
            continue
        calibration = book.calibration_at(sensor.id, end_ns)
        found.append(
            {
                "sensor": sensor.label or sensor.id,
                "model": sensor.model or "",
                "mount": words.say(f"mounts.{postings[0].mount.value}"),
                "calibration": "–" if calibration is None else _calibration(context, book, calibration.id),
            }
        )
    return found
