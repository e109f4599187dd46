"""Hours of a shift as the models of heat and cold strain take them: means, and what was assumed for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.thermal import ASSUMED_AIR_SPEED_M_S, mean_radiant_c
from indicators.climate.result import ShiftDay
from indicators.climate.rules import metabolic_row
from indicators.context import AssessmentContext
from indicators.table_files import toml_table

__all__ = ["Hours", "Work", "hours_of", "work_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Work:
    """Work and clothing of a workstation.

    Attributes
    ----------
    clothing_clo : float or None
        Static basic insulation [clo]; ``None`` for clothing that sweat does not pass through.
    """

    rate_met: float
    clothing_clo: float | None
    acclimatised: bool

    @property
    def known_clo(self) -> float:
        """Insulation [clo], NaN where it is not known."""
        return float("nan") if self.clothing_clo is None else self.clothing_clo

    @property
    def walking_m_s(self) -> float:
        """Walking speed that goes with the metabolic rate (ISO 11079)."""
        row = toml_table("climate")["models"]
        rate = self.rate_met * row["met_w_m2"]
        speed = row["walking_slope"] * (rate - row["walking_from_w_m2"])
        return float(np.clip(speed, 0.0, row["walking_maximum_m_s"]))


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """Hours with enough air temperature, of every sensor of some shifts; arrays of shape (hours,).

    Attributes
    ----------
    shift : int64 array
        Index of the shift an hour belongs to.
    air_c, radiant_c, humidity_percent, air_speed_m_s : float64 array
        Means; NaN where the channel is missing. Without a measured air speed the assumed one.
    speed_measured : bool array
        Whether the air speed was measured.
    """

    shift: NDArray[np.int64]
    air_c: Floats
    radiant_c: Floats
    humidity_percent: Floats
    air_speed_m_s: Floats
    speed_measured: NDArray[np.bool_]


def work_of(context: AssessmentContext) -> Work:
    """Metabolic rate of the class of the workstation, and its clothing as declared."""
    station = context.workstation
    table = toml_table("climate")
    row = table["models"]
    rate_met = (
        metabolic_row(station.metabolic_class.value)["rate_w"] / row["body_surface_m2"] / row["met_w_m2"]
    )
    of_ensemble = table["clothing"][station.clothing.value].get("insulation_clo")
    return Work(rate_met, station.clothing_clo or of_ensemble, station.acclimatised)


def hours_of(days: Sequence[ShiftDay], context: AssessmentContext) -> Hours:
    """Hourly means of all sensors; an hour counts for a channel from the same share as the worst hour's."""
    row = toml_table("climate")["worst_hour"]
    enough_ns = row["minimum_share"] * row["window_s"] * 1e9
    shifts, diameters = [], []
    columns: dict[str, list[Floats]] = {name: [] for name in ("air", "humidity", "globe", "air_speed")}
    for index, sensor in ((index, sensor) for index, day in enumerate(days) for sensor in day.sensors):
        count = sensor.hours_ns.size
        shifts.append(np.full(count, index))
        diameters.append(np.full(count, context.book.sensor(sensor.day.sensor).globe_diameter_m))
        for name, parts in columns.items():
            held = sensor.hour_ns[name]
            means = sensor.hour_sums[name] / (np.maximum(held, 1) * 1e-9)
            parts.append(np.where(held >= enough_ns, means, np.nan))
    air, humidity, globe, speed = (np.concatenate(parts) for parts in columns.values())
    kept = ~np.isnan(air)
    air, humidity, globe, speed = air[kept], humidity[kept], globe[kept], speed[kept]
    measured = ~np.isnan(speed)
    speed = np.where(measured, speed, ASSUMED_AIR_SPEED_M_S)
    diameter = np.concatenate(diameters)[kept]
    radiant = mean_radiant_c(globe, air, speed, diameter) if air.size else air
    return Hours(np.concatenate(shifts)[kept], air, radiant, humidity, speed, measured)
