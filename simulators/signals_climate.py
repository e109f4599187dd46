"""Air around a workstation through a shift: what perfect instruments would read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.plant import WorkDay
from simulators.scenario import SensorRole
from simulators.streams import drift

__all__ = ["ClimateSignal", "climate_signal"]

_AIR_MEMORY_S = 1200.0
_GLOBE_MEMORY_S = 1800.0
_DOOR_DECAY_S = 300.0


@dataclass(frozen=True, slots=True)
class ClimateSignal:
    """True air temperature [°C], relative humidity [%] and globe temperature [°C], shape (values,)."""

    air_c: NDArray[np.float64]
    humidity_percent: NDArray[np.float64]
    globe_c: NDArray[np.float64]


def climate_signal(day: WorkDay) -> ClimateSignal:
    """Climate of one shift at the sensor's rate: a hump through the day, fluctuation, doors that open."""
    spec = day.workstation.climate
    rng = day.stream(SensorRole.CLIMATE, "signal")
    period_s = day.scenario.climate_period_s
    count = day.duration_s // period_s
    seconds = np.arange(count, dtype=np.float64) * period_s
    day_offset = rng.normal(0.0, day.scenario.variation.day_air_c)
    hump = np.sin(np.pi * (seconds / day.duration_s) ** 1.4)
    calm = spec.air_c + day_offset + spec.swing_c * (hump - 0.5)
    air = calm + drift(rng, count, 0.12, _AIR_MEMORY_S / period_s)
    air += _doors(rng, seconds, spec.openings_per_hour, spec.opening_rise_c)
    humidity = spec.humidity_percent + rng.normal(0.0, 1.5) - 1.2 * (air - spec.air_c)
    humidity += drift(rng, count, 0.8, _AIR_MEMORY_S / period_s)
    radiation = spec.globe_excess_c * (1.0 + drift(rng, count, 0.08, _GLOBE_MEMORY_S / period_s))
    return ClimateSignal(air, np.clip(humidity, 5.0, 98.0), air + radiation)


def _doors(
    rng: np.random.Generator, seconds: NDArray[np.float64], per_hour: float, rise_c: float
) -> NDArray[np.float64]:
    """Warm air let in at random moments, decaying again."""
    length_s = float(seconds[-1]) if seconds.size else 0.0
    openings = rng.uniform(0.0, length_s, rng.poisson(per_hour * length_s / 3600.0))
    since = seconds[:, None] - openings[None, :]
    return np.asarray(
        np.where(since >= 0, rise_c * np.exp(-np.maximum(since, 0) / _DOOR_DECAY_S), 0.0).sum(axis=1)
    )
