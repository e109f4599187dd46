"""Climate of one workstation and shift: from worker-days to indicators with verdicts and advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indicators.climate.air import AirQuantity, air_indicator, air_of
from indicators.climate.heat import Heat, heat_indicator, heat_of
from indicators.climate.heat_days import HeatDay, heat_day
from indicators.climate.result import ShiftDay, shift_days
from indicators.climate.strain import Strain, strain_indicator, strain_of
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
    shifts = shift_days(days)
    if not shifts:
        return ()
    hours = [found for shift in shifts if (found := heat_day(shift, context)) is not None]
    whole = _seen(shifts, hours, context)
    own = tuple(shift for shift in shifts if context.in_period(shift.date))
    if not own:
        return tuple(_indicators(whole, context, Scope.USUAL))
    recent = whole
    if len(own) < len(shifts):
        recent = _seen(own, [found for found in hours if context.in_period(found.day.date)], context)
    return (*_indicators(whole, context, Scope.USUAL), *_indicators(recent, context, Scope.WEEK))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What some shifts say, in whichever scope it is shown."""

    heat: Heat
    air: tuple[AirQuantity, ...]
    strain: tuple[Strain, ...]


def _seen(shifts: tuple[ShiftDay, ...], hours: Sequence[HeatDay], context: AssessmentContext) -> _Seen:
    return _Seen(heat_of(shifts, hours, context), air_of(shifts, context), strain_of(shifts, context))


def _indicators(seen: _Seen, context: AssessmentContext, scope: Scope) -> list[Indicator]:
    return [
        heat_indicator(seen.heat, context, scope=scope),
        *(air_indicator(quantity, scope=scope) for quantity in seen.air),
        *(strain_indicator(answer, context, scope=scope) for answer in seen.strain),
    ]
