"""The truth of a simulated plant, from the processes themselves: own formulas, none shared with the analysis.

Indicator ids and units are those of the indicators document. Truth is about the work, not about the sensors:
a fault or a sensor error changes the readings and never the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.plant import WorkDay
from simulators.scenario import Scenario, SensorRole
from simulators.signals_climate import ClimateSignal
from simulators.signals_noise import NoiseSignal
from simulators.signals_posture import PostureSignal

__all__ = ["DayTruth", "climate_truth", "document", "merged_days", "noise_truth", "posture_truth"]

_SHARES = {SensorRole.TRUNK: ("trunk_flexion", (20, 45, 60)), SensorRole.ARM: ("arm_elevation", (30, 60, 90))}
_PERCENTS = (10, 50, 90)
_ENERGY = ("laeq_shift", "lex_8h")
_LARGEST = ("lcpeak_max",)
_WORKING_DAYS = 5
# Still indoor air, as the thermal chain assumes where nobody measured it.
_AIR_SPEED_M_S = 0.3
_RADIANT_LOAD_C = 4.0


@dataclass(frozen=True, slots=True)
class DayTruth:
    """True indicators of one worker-day, by indicator id."""

    day: WorkDay
    indicators: Mapping[str, float]


class SensorTruth(Protocol):
    """A sensor-day, as far as its truth goes."""

    @property
    def day(self) -> WorkDay:
        """The worker-day."""

    @property
    def truth(self) -> Mapping[str, float]:
        """True indicators that this sensor can see."""


def noise_truth(day: WorkDay, signal: NoiseSignal) -> dict[str, float]:
    """LAeq over the shift, LEX,8h, and the highest C-weighted peak."""
    mean_energy = float(np.mean(10.0 ** (signal.laeq_db / 10.0)))
    laeq = 10.0 * math.log10(mean_energy)
    hours = day.duration_s / 3600.0
    return {
        "laeq_shift": laeq,
        "lex_8h": laeq + 10.0 * math.log10(hours / 8.0),
        "lcpeak_max": float(signal.lcpeak_db.max()),
    }


def posture_truth(day: WorkDay, role: SensorRole, signal: PostureSignal) -> dict[str, float]:
    """Shares [% of the shift, breaks included] at or beyond each angle, and percentiles [°]."""
    name, angles = _SHARES[role]
    main = signal.main_deg
    truth: dict[str, float] = {
        f"{name}_ge{angle}_share": 100.0 * float(np.count_nonzero(main >= angle)) / main.size
        for angle in angles
    }
    if role is SensorRole.TRUNK:
        for angle in (20, 45):
            truth[f"{name}_ge{angle}_min"] = truth[f"{name}_ge{angle}_share"] / 100.0 * day.duration_s / 60.0
    ranks = [round(percent / 100.0 * (main.size - 1)) for percent in _PERCENTS]
    ordered = np.partition(main, ranks)
    truth |= {f"{name}_p{p}": float(ordered[rank]) for p, rank in zip(_PERCENTS, ranks, strict=True)}
    return truth


def climate_truth(day: WorkDay, signal: ClimateSignal) -> dict[str, float]:
    """Hours at or beyond 5 and 30 °C, mean temperature, and the WBGT of the worst hour."""
    period_h = day.scenario.climate_period_s / 3600.0
    natural = natural_wet_bulb_c(signal.air_c, signal.humidity_percent, signal.globe_c)
    wbgt = 0.7 * natural + 0.3 * signal.globe_c
    window = min(round(1.0 / period_h), wbgt.size)
    sums = np.cumsum(np.concatenate([[0.0], wbgt]))
    return {
        "air_temperature_le5_h": float(np.count_nonzero(signal.air_c <= 5.0)) * period_h,
        "air_temperature_ge30_h": float(np.count_nonzero(signal.air_c >= 30.0)) * period_h,
        "air_temperature_mean": float(signal.air_c.mean()),
        "wbgt_worst_hour": float(np.max(sums[window:] - sums[:-window]) / window),
    }


def wet_bulb_c(air_c: NDArray[np.float64], humidity_percent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Psychrometric wet bulb [°C] at sea level, by bisection of the psychrometer equation.

    Magnus vapour pressure over water and the coefficient of an aspirated psychrometer, 6.62e-4 per kelvin.
    """

    def saturation_hpa(celsius: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(6.112 * np.exp(17.62 * celsius / (243.12 + celsius)))

    vapour = humidity_percent / 100.0 * saturation_hpa(air_c)
    low, high = air_c - 40.0, air_c.copy()
    for _ in range(50):
        middle = (low + high) / 2.0
        too_wet = saturation_hpa(middle) - 6.62e-4 * 1013.25 * (air_c - middle) > vapour
        high = np.where(too_wet, middle, high)
        low = np.where(too_wet, low, middle)
    return np.asarray((low + high) / 2.0)


def natural_wet_bulb_c(
    air_c: NDArray[np.float64], humidity_percent: NDArray[np.float64], globe_c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Natural wet bulb [°C] from psychrometric wet bulb and globe in still indoor air (Bernard 1999)."""
    wet = wet_bulb_c(air_c, humidity_percent)
    calm = air_c - (0.96 + 0.069 * math.log10(_AIR_SPEED_M_S)) * (air_c - wet)
    radiant = wet + 0.25 * (globe_c - air_c) + 0.10 / _AIR_SPEED_M_S**1.1 - 0.2
    return np.asarray(np.where(globe_c - air_c < _RADIANT_LOAD_C, calm, radiant))


def merged_days(parts: Iterable[SensorTruth]) -> Iterator[DayTruth]:
    """Join what the sensors of one worker-day can each see."""
    joined: dict[tuple[str, int], DayTruth] = {}
    for part in parts:
        key = (part.day.workstation.id, part.day.index)
        before = joined[key].indicators if key in joined else {}
        joined[key] = DayTruth(part.day, {**before, **part.truth})
    yield from joined.values()


def document(scenario: Scenario, seed: int, days: Iterable[DayTruth], start: date) -> dict[str, object]:
    """Truth file: per workstation (over its worker-days) and per worker-day, with the faults put in.

    Over worker-days, levels are energy means, the peak is the largest, everything else the mean.
    """
    rows = list(days)
    by_workstation: dict[str, list[DayTruth]] = {place.id: [] for place in scenario.workstations}
    for row in rows:
        by_workstation[row.day.workstation.id].append(row)
    return {
        "schema": "vigiposte.truth/1",
        "scenario": scenario.id,
        "seed": seed,
        "site": scenario.site,
        "from": start.isoformat(),
        "timezone": scenario.timezone,
        "workstations": [
            {
                "id": place,
                "n_days": len(own),
                "n_wearers": len({row.day.wearer for row in own}),
                "indicators": _over_days([row.indicators for row in own]),
            }
            for place, own in by_workstation.items()
        ],
        "days": [
            {
                "workstation": row.day.workstation.id,
                "date": row.day.date.isoformat(),
                "wearer": row.day.wearer,
                "indicators": {key: round(value, 4) for key, value in row.indicators.items()},
            }
            for row in rows
        ],
        "faults": [
            {
                "kind": fault.kind.value,
                "sensor": f"{fault.workstation}-{fault.sensor.value}",
                "day": fault.day,
                "start": fault.start.isoformat("minutes"),
                "minutes": fault.minutes,
                "amount": fault.amount,
            }
            for fault in scenario.faults
        ],
    }


def _over_days(days: Sequence[Mapping[str, float]]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for key in days[0] if days else ():
        values = np.array([day[key] for day in days])
        if key in _ENERGY:
            merged[key] = 10.0 * math.log10(float(np.mean(10.0 ** (values / 10.0))))
        elif key in _LARGEST:
            merged[key] = float(values.max())
        else:
            merged[key] = float(values.mean())
    if "lex_8h" in merged and len(days) == _WORKING_DAYS:
        # The nominal week of five days: with exactly five, the mean day's level.
        merged["lex_weekly"] = merged["lex_8h"]
    return {key: round(value, 4) for key, value in merged.items()}
