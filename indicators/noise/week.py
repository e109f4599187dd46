"""A period's own noise: what was measured in it, with the doubt of instrument and missing time only."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from analysis.levels import energy_mean
from indicators.building import Evidence, indicator_of
from indicators.context import AssessmentContext
from indicators.intervals import instrument_interval
from indicators.model import Indicator, Scope
from indicators.noise.days import Basis
from indicators.noise.exposure import MissingTime, missing_time, week_interval, week_level_db
from indicators.noise.peaks import peak_value_db
from indicators.noise.result import evidence_of
from indicators.noise.shares import HourShares
from indicators.noise.weekly import daily_lex_db, week_lex

__all__ = ["week_indicators"]

_MEAN = "energy mean over worker-days"


def week_indicators(own: Basis, hours: HourShares, context: AssessmentContext) -> list[Indicator]:
    """Indicators of scope ``week``; they carry no verdict.

    Parameters
    ----------
    own : Basis
        The worker-days of the period.
    hours : list of dict
        Their dose hour by hour.
    context : AssessmentContext
    """
    if not own.days:
        return []
    missing = missing_time(own.valid)
    build = partial(indicator_of, scope=Scope.WEEK, quality=own.notes)
    heard = evidence_of(own, context, own.coverage(lambda day: day.laeq_ns))
    found = [_laeq(own, missing, heard, hours)]
    if own.valid and own.te_h is not None:
        value = float(energy_mean(daily_lex_db(own)))
        found.append(
            build(
                "lex_8h",
                value,
                "dB(A)",
                week_interval(value, missing, own),
                heard,
                method=_MEAN,
            )
        )
        weekly = week_lex(own, context)
        if weekly is not None:
            found.append(
                build(
                    "lex_weekly",
                    weekly.level_db,
                    "dB(A)",
                    week_interval(weekly.level_db, missing, own),
                    evidence_of(own, context, weekly.coverage),
                    method="arrêté du 19 juillet 2006, art. 1",
                    details={"planned_days": weekly.planned_days, "measured_days": weekly.measured_days},
                )
            )
    peak = peak_value_db(own.days)
    if not math.isnan(peak):
        found.append(
            build(
                "lcpeak_max",
                peak,
                "dB(C)",
                instrument_interval(peak, own.u2_db),
                evidence_of(own, context, own.coverage(lambda day: day.lcpeak_ns)),
                method="highest C-weighted peak",
            )
        )
    return found


def _laeq(own: Basis, missing: MissingTime, heard: Evidence, hours: HourShares) -> Indicator:
    value = week_level_db(own.valid) if own.valid else None
    # The level of a place, as measured there, has no uncertainty from standing for an ear.
    of_place = own if own.worn else replace(own, u3_db=0.0)
    return indicator_of(
        "laeq_shift",
        value,
        "dB(A)",
        None if value is None else week_interval(value, missing, of_place),
        heard,
        method=_MEAN,
        scope=Scope.WEEK,
        quality=own.notes,
        details={"by_hour": hours},
    )
