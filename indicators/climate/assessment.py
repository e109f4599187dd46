"""Climate of one workstation and shift: from worker-days to indicators with verdicts and advice."""

from __future__ import annotations

from collections.abc import Sequence

from indicators.climate.air import air_indicators
from indicators.climate.heat import heat_indicator
from indicators.climate.result import shift_days
from indicators.climate.strain import strain_indicators
from indicators.context import AssessmentContext
from indicators.model import Indicator, Scope
from indicators.reduction.climate import ClimateDay

__all__ = ["assess"]


def assess(days: Sequence[ClimateDay], *, context: AssessmentContext) -> tuple[Indicator, ...]:
    """Climate indicators of one (workstation, shift).

    Parameters
    ----------
    days : sequence of ClimateDay
        All worker-days of the campaign (or the last eight weeks); those inside ``context.period`` make the
        ``week`` scope.
    context : AssessmentContext
        Site, workstation, shift, period and limits.

    Returns
    -------
    tuple of Indicator
        ``wbgt_worst_hour``, ``air_temperature_mean``, ``air_temperature_le5_h`` and
        ``air_temperature_ge30_h``, the models of heat and cold strain where the site
        asks for them, of scope ``usual``, then of the ``week``. Empty without any worker-day.
    """
    gathered = shift_days(days)
    found: list[Indicator] = []
    for scope in (Scope.USUAL, Scope.WEEK):
        chosen = [
            day for day in gathered if scope is Scope.USUAL or context.in_period(day.sensors[0].day.day)
        ]
        if chosen:
            found.append(heat_indicator(chosen, context, scope=scope))
            found.extend(air_indicators(chosen, context, scope=scope))
            found.extend(strain_indicators(chosen, context, scope=scope))
    return tuple(found)
