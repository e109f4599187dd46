"""What every page of a workstation shows above its content."""

from __future__ import annotations

from typing import Any

from dashboards.report.sentences import station_lead
from dashboards.web.context import PageContext
from dashboards.wording import Mark
from indicators.model import Indicator, Scope, WorkstationResult
from sensors.errors import GovernanceError, NotEnoughDataError

__all__ = ["station_frame", "usual", "verdict_strip"]


def verdict_strip(context: PageContext, identifier: str) -> tuple[tuple[str, Mark], ...]:
    """Factors of a workstation with their verdicts; empty when the period has no result."""
    try:
        stations = context.result.workstations
    except (NotEnoughDataError, GovernanceError):
        return ()
    found = next((station for station in stations if station.id == identifier), None)
    if found is None:
        return ()
    return tuple(
        (context.words.factor(part.factor), context.words.mark(part.verdict)) for part in found.factors
    )


def station_frame(context: PageContext, station: WorkstationResult) -> dict[str, Any]:
    """Name, verdicts, lead sentence and the other workstations to choose from."""
    words = context.words
    return {
        "station": station,
        "detail": words.detail(station),
        "choices": [(item.id, item.label) for item in context.result.workstations],
        "strip": verdict_strip(context, station.id),
        "lead": station_lead(station, words),
        "withheld": "" if station.withheld is None else words.note(station.withheld.reason),
    }


def usual(station: WorkstationResult) -> list[Indicator]:
    """Indicators of usual conditions that have a value, in the order of the result."""
    return [
        indicator
        for part in station.factors
        for indicator in part.indicators
        if indicator.scope is Scope.USUAL and indicator.value is not None
    ]
