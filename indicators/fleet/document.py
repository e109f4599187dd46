"""The fleet document: ``vigiposte.fleet/1`` as plain JSON values."""

from __future__ import annotations

import math
from typing import Any

from indicators.fleet.model import FamilyPlace, FleetResult, Practice, SiteLine
from indicators.words import Text, note_words

__all__ = ["SCHEMA", "fleet_document", "missing_document"]

SCHEMA = "vigiposte.fleet/1"


def fleet_document(result: FleetResult, text: Text) -> dict[str, Any]:
    """Return the document of a fleet; keys in a fixed order, numbers unrounded."""
    return {
        "schema": SCHEMA,
        "fleet": result.fleet,
        "label": result.label,
        "audience": "report",
        "period": {"week": result.week, "from": result.first.isoformat(), "to": result.last.isoformat()},
        "software": {"version": result.version, "references": result.references},
        "counted_sites": len(result.counted),
        "missing_sites": missing_document(result, text),
        "sites": [_site(line, text) for line in result.sites],
        "families": [
            {
                "family": row.family,
                "factor": row.factor.value,
                "indicator": row.indicator or None,
                "withheld_sites": row.withheld,
                "sites": [_place(place) for place in row.places],
            }
            for row in result.families
        ],
        "practices": [_practice(item) for item in result.practices],
    }


def missing_document(result: FleetResult, text: Text) -> list[dict[str, Any]]:
    """Sites that no figure of the fleet rests on, and why."""
    return [{"id": line.id, "label": line.label, **_problem(line, text)} for line in result.missing]


def _problem(line: SiteLine, text: Text) -> dict[str, str | None]:
    return {
        "problem": None if line.problem is None else note_words(line.problem, text),
        "problem_code": None if line.problem is None else line.problem.code,
    }


def _site(line: SiteLine, text: Text) -> dict[str, Any]:
    worst, judged = line.worst, line.worst_judged
    return {
        "id": line.id,
        "label": line.label,
        "workstations": line.workstations,
        "verdicts": {
            factor.value: {verdict.value: count for verdict, count in counts.items()}
            for factor, counts in line.verdicts.items()
        },
        "withheld": line.withheld,
        "worst": None
        if worst is None
        else {
            "workstation": line.worst_station,
            "factor": worst.factor.value,
            "indicator": worst.indicator,
            "limit": worst.limit,
            "value": None if judged is None else _number(judged.indicator.value),
            "unit": None if judged is None else judged.indicator.unit,
            "limit_value": None if judged is None else judged.row.limit.value,
            "ratio": _number(worst.ratio),
        },
        **_problem(line, text),
    }


def _place(place: FamilyPlace) -> dict[str, Any]:
    item = place.indicator
    return {
        "site": place.site,
        "verdict": place.verdict.value,
        "verdicts": {verdict.value: count for verdict, count in place.verdicts.items()},
        "withheld": place.withheld,
        "workstation": place.station,
        "indicator": item.id,
        "value": _number(item.value),
        "unit": item.unit,
        "interval": None
        if item.interval is None
        else [_number(item.interval.low), _number(item.interval.high)],
        "ratio": _number(place.ratio),
        "protectors": list(place.protectors),
        "actions": list(place.actions),
    }


def _practice(item: Practice) -> dict[str, Any]:
    return {
        "family": item.family,
        "factor": item.factor.value,
        "better": _place(item.better),
        "worse": _place(item.worse),
        "differences": [
            {"kind": one.kind, "only_better": list(one.only_better), "only_worse": list(one.only_worse)}
            for one in item.differences
        ],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
