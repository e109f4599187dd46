"""The indicators document: one weekly result as plain JSON values, the same for every store and machine."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from indicators.explain import Explanation
from indicators.limits import Limit
from indicators.model import (
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Note,
    Period,
    WeeklyResult,
    Withheld,
    WorkstationResult,
)
from indicators.ranking import STABILITY_DRAWS
from indicators.words import Text, circulation_entry, note_words

__all__ = ["SCHEMA", "explanation_document", "to_document"]

SCHEMA = "vigiposte.indicators/1"


def to_document(result: WeeklyResult, text: Text) -> dict[str, Any]:
    """Return the document of a gated result.

    Parameters
    ----------
    result : WeeklyResult
        What `indicators.privacy.gate` let through.
    text : callable(code, **params) -> str
        Catalogue of a language; note codes are looked up in its section ``notes``.

    Returns
    -------
    dict
        Keys in a fixed order; numbers are unrounded, a number that is not finite is ``None``. Every text
        stands beside its stable code, so that programs need not read words.
    """
    return {
        "schema": SCHEMA,
        "site": result.site,
        "audience": result.audience.value,
        **circulation_entry(result.audience, text),
        "period": _period(result.period),
        "software": {"version": result.version, "references": result.references},
        "notes": [_words(note, text) for note in result.notes],
        "workstations": [_station(station, text) for station in result.workstations],
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "week": period.week,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "start": _utc(period.start_ns),
        "end": _utc(period.end_ns),
        "timezone": period.timezone,
    }


def _station(station: WorkstationResult, text: Text) -> dict[str, Any]:
    worst = station.worst
    return {
        "id": station.id,
        "label": station.label,
        "family": station.family,
        "rank": station.rank,
        "worst": None
        if worst is None
        else {
            "factor": worst.factor.value,
            "indicator": worst.indicator,
            "limit": worst.limit,
            "ratio": _number(worst.ratio),
        },
        "factors_over": station.factors_over,
        "rank_stability": None
        if station.stability is None
        else {"top": station.stability.top, "share": station.stability.share, "draws": STABILITY_DRAWS},
        "factors": [_factor(factor, text) for factor in station.factors],
        "withheld": _withheld(station.withheld, text),
    }


def _factor(factor: FactorResult, text: Text) -> dict[str, Any]:
    return {
        "factor": factor.factor.value,
        "verdict": factor.verdict.value,
        "above": factor.above,
        "reason": _words(factor.reason, text),
        "reason_code": _code(factor.reason),
        "next_best": _words(factor.next_best, text),
        "next_best_code": _code(factor.next_best),
        "indicators": [_indicator(item, text) for item in factor.indicators],
    }


def _indicator(item: Indicator, text: Text) -> dict[str, Any]:
    return {
        "id": item.id,
        "value": _number(item.value),
        "unit": item.unit,
        "interval": _interval(item.interval),
        "confidence": item.confidence,
        "scope": item.scope.value,
        "shift": item.shift,
        "coverage": _number(item.coverage),
        "n_days": int(item.n_days),
        "n_wearers": int(item.n_wearers),
        "worn": item.worn,
        "method": item.method,
        "quality": [_words(note, text) for note in item.quality],
        "quality_codes": [note.code for note in item.quality],
        "limits": [_assessment(row, text) for row in item.limits],
        "next_best": _words(item.next_best, text),
        "next_best_code": _code(item.next_best),
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "id": limit.id,
        "value": limit.value,
        "unit": limit.unit,
        "comparison": limit.comparison.value,
        "role": limit.role.value,
        "ranking": limit.ranking,
        "source": limit.source,
        "clause": limit.clause,
        "edition": limit.edition,
        "grade": limit.grade.value,
        "status": limit.status.value,
        "protectors_count": limit.protectors_count,
    }


def _assessment(row: LimitAssessment, text: Text) -> dict[str, Any]:
    return {
        **_limit(row.limit),
        "verdict": row.verdict.value,
        "ratio": _number(row.ratio),
        "ratio_kind": None if row.ratio_kind is None else row.ratio_kind.value,
        "reason": _words(row.reason, text),
        "reason_code": _code(row.reason),
    }


def _withheld(withheld: Withheld | None, text: Text) -> dict[str, Any] | None:
    if withheld is None:
        return None
    return {
        "factors": [factor.value for factor in withheld.factors],
        "reason": _words(withheld.reason, text),
        "reason_code": withheld.reason.code,
        "wearers": withheld.wearers,
        "minimum": withheld.minimum,
    }


def explanation_document(found: Explanation, text: Text) -> dict[str, Any]:
    """Return an explanation as plain JSON values, schema ``vigiposte.explain/1``."""
    return {
        "schema": "vigiposte.explain/1",
        "workstation": found.workstation,
        "label": found.label,
        "indicator": found.indicator,
        "factor": found.factor.value,
        "audience": found.audience.value,
        **circulation_entry(found.audience, text),
        "period": _period(found.period),
        "withheld": _withheld(found.withheld, text),
        "results": [{**_indicator(item, text), "details": dict(item.details)} for item in found.results],
        "reason": _words(found.reason, text),
        "reason_code": _code(found.reason),
        "formula": text(found.formula),
        "limits": [_limit(row) for row in found.limits],
        "windows_used": found.windows_used,
        "windows_left_out": dict(found.windows_left_out),
        "windows": [
            {
                "date": window.day.isoformat(),
                "shift": window.shift,
                "sensor": window.sensor,
                "mount": window.mount.value,
                "wearer": window.wearer,
                "coverage": _number(window.coverage),
                "in_period": window.in_period,
                "used": window.used,
                "reason": _words(window.reason, text),
                "reason_code": _code(window.reason),
                "spans": [
                    {"start": _utc(span.start_ns), "end": _utc(span.end_ns), "task": span.task}
                    for span in window.spans
                ],
                "calibration": window.calibration,
            }
            for window in found.windows
        ],
        "exclusions": [
            {
                "sensor": row.sensor,
                "start": _utc(row.start_ns),
                "end": _utc(row.end_ns),
                "reason": row.reason,
                "who": row.who,
            }
            for row in found.exclusions
        ],
        "sensors": [
            {
                "id": sensor.id,
                "kind": sensor.kind.value,
                "model": sensor.model,
                "instrument_class": sensor.instrument_class,
                "origin": sensor.origin,
                "mounts": list(sensor.mounts),
                "calibrations": list(sensor.calibrations),
            }
            for sensor in found.sensors
        ],
        "versions": dict(found.versions),
        "inputs": found.inputs,
        "command": found.command,
    }


def _interval(interval: Interval | None) -> list[float] | None:
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return None
    return [float(interval.low), float(interval.high)]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _words(note: Note | None, text: Text) -> str | None:
    return None if note is None else note_words(note, text)


def _code(note: Note | None) -> str | None:
    return None if note is None else note.code


def _utc(moment_ns: int) -> str:
    seconds, rest = divmod(moment_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat().replace("+00:00", "Z")
