"""What instrument, method and place add to the scatter of worker-days, however many days there are."""

from __future__ import annotations

import math

from analysis.thermal import WbgtMethod
from indicators.climate.heat import fixed_reach_c
from indicators.context import AssessmentContext
from indicators.intervals import ONE_SIDED_95
from indicators.model import Factor
from indicators.noise.iso9612 import noise_rule
from indicators.planning.pilot import Components
from indicators.planning.simulation import DayScale, Scatter, instrument_reach
from indicators.table_files import toml_table
from sensors.quantities import Kind
from sensors.site_model import Sensor

__all__ = ["scatter_of"]


def scatter_of(
    components: Components, factor: Factor, context: AssessmentContext, *, worn: bool, least_days: int
) -> Scatter:
    """Scatter of worker-days with what instrument and method add, as the assessment will have it.

    Parameters
    ----------
    components : Components
        Of the pilot, or assumed.
    factor : Factor
    context : AssessmentContext
        Workstation, shift and the sensors placed there.
    worn : bool
        Whether people carry the sensors.
    least_days : int
        Worker-days below which the method gives no interval.
    """
    below = above = 0.0
    if components.scale is DayScale.ENERGY_DB:
        position = toml_table("noise")["position"]["worn" if worn else "fixed"]["u3_db"]
        above = noise_rule("coverage_factor") * math.hypot(_instrument_db(context), position)
        below = above
    elif components.scale is DayScale.PEAK:
        below = above = instrument_reach(_instrument_db(context))
    elif factor is Factor.CLIMATE:
        below, above = fixed_reach_c(_wbgt_method(context), context)
    else:
        degrees = float(toml_table("posture")["uncertainty"]["reference_deg"])
        below = above = ONE_SIDED_95 * components.u_per_degree * degrees
    return Scatter(
        scale=components.scale,
        between_sd=components.between_sd,
        within_sd=components.within_sd,
        below=below,
        above=above,
        least_days=least_days,
    )


def _sensors_at(context: AssessmentContext, kind: Kind) -> list[Sensor]:
    """Sensors of a kind placed at the workstation, else all of the site."""
    placed = {row.sensor for row in context.book.site.placements if row.workstation == context.workstation.id}
    of_kind = [row for row in context.book.site.sensors if row.kind is kind]
    return [row for row in of_kind if row.id in placed] or of_kind


def _instrument_db(context: AssessmentContext) -> float:
    rows = toml_table("noise")["instrument"]
    found = [
        sensor.u2_db or float(rows[sensor.instrument_class.value]["u2_db"])
        for sensor in _sensors_at(context, Kind.NOISE)
    ]
    return max(found, default=float(rows["unknown"]["u2_db"]))


def _wbgt_method(context: AssessmentContext) -> WbgtMethod:
    channels = {name for sensor in _sensors_at(context, Kind.CLIMATE) for name in sensor.channels}
    if "natural_wet_bulb_temperature" in channels and "globe_temperature" in channels:
        return WbgtMethod.MEASURED
    if "globe_temperature" in channels or not channels:
        speed = "air_speed" in channels
        return WbgtMethod.ESTIMATED_WET_BULB if speed else WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED
    return WbgtMethod.SHADE_ESTIMATE
