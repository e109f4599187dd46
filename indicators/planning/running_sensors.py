"""What each running fixed sensor is worth: predicted from the others, or repeated by one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.placement import leave_one_out, posterior_variance
from indicators.model import Factor
from indicators.table_files import toml_table
from sensors.errors import ConfigurationError

if TYPE_CHECKING:
    from indicators.worker_days.values import DayValue

__all__ = ["FloorPlace", "RunningSensor", "floor_model", "running_report"]

Floats = NDArray[np.float64]

_LEAST_DAYS = 3
_ALIKE = 0.9


@dataclass(frozen=True, slots=True)
class FloorPlace:
    """A workstation on the floor."""

    id: str
    at_m: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RunningSensor:
    """What a running fixed sensor is worth.

    Attributes
    ----------
    value, predicted, sd : float
        Mean of its days, the prediction from all others, and the standard deviation of that prediction.
    standardised : float
        Residual over `sd`: about 1 in size where the model fits.
    mean_sd_without : float
        Mean remaining standard deviation over the floor without it.
    most_alike, correlation : str or None, float or None
        The station whose days follow it most once the pattern common to all is removed.
    redundant : bool
        Others predict it within the noise of one sensor, or nearly repeat it.
    """

    station: str
    days: int
    value: float
    predicted: float
    sd: float
    standardised: float
    mean_sd_without: float
    most_alike: str | None
    correlation: float | None
    redundant: bool


def floor_model(factor: Factor) -> Mapping[str, Any]:
    """Gaussian-process model of a factor over the floor; ``ConfigurationError`` ``no_floor_model``."""
    models: Mapping[str, Mapping[str, Any]] = toml_table("placement")["floor"]
    if factor.value not in models:
        raise ConfigurationError(
            "there is no floor model of this factor",
            value=factor.value,
            rule=f"one of {', '.join(models)}",
            code="no_floor_model",
        )
    return models[factor.value]


def running_report(
    places: Sequence[FloorPlace],
    cells: Floats,
    running: Mapping[str, Sequence[DayValue]],
    factor: Factor,
) -> tuple[tuple[RunningSensor, ...], float | None]:
    """Leave each running sensor out in turn: what would be lost, and which other one repeats it.

    Only fixed sensors count; two or more with at least three days each are needed.

    Returns
    -------
    reports : tuple of RunningSensor
    mean_sd : float or None
        Root of the mean remaining variance over the floor with all of them.
    """
    model = floor_model(factor)
    days = {
        place.id: {
            item.day: item.value
            for item in running.get(place.id, ())
            if not item.worn and item.indicator == model["indicator"]
        }
        for place in places
    }
    kept = [place for place in places if len(days[place.id]) >= _LEAST_DAYS]
    if len(kept) < 2:
        return (), None
    xy = np.array([place.at_m for place in kept])
    values = np.array([float(np.mean(list(days[place.id].values()))) for place in kept])
    settings = (model["length_m"], model["sd"], model["noise_sd"])
    found = leave_one_out(xy, values, *settings)
    points = np.vstack([xy, cells])
    everyone = range(len(kept))

    def mean_sd(sensors: Sequence[int]) -> float:
        return float(np.sqrt(posterior_variance(points, sensors, *settings)[len(kept) :].mean()))

    alike = _partial_correlations([days[place.id] for place in kept])
    reports = []
    for index, place in enumerate(kept):
        others = [other for other in everyone if other != index]
        near = max(others, key=lambda other: alike[index, other])
        correlation = float(alike[index, near])
        sd = float(np.sqrt(found.variances[index]))
        reports.append(
            RunningSensor(
                station=place.id,
                days=len(days[place.id]),
                value=float(values[index]),
                predicted=float(values[index] - found.residuals[index]),
                sd=sd,
                standardised=float(found.standardised[index]),
                mean_sd_without=mean_sd(others),
                most_alike=kept[near].id if np.isfinite(correlation) and correlation > -1.0 else None,
                correlation=correlation if np.isfinite(correlation) and correlation > -1.0 else None,
                redundant=sd <= 2.0 * float(model["noise_sd"]) or correlation >= _ALIKE,
            )
        )
    return tuple(reports), mean_sd(everyone)


def _partial_correlations(days: Sequence[Mapping[date, float]]) -> Floats:
    """Correlation of daily values once the pattern common to all is removed; −1 where days are too few.

    Raw correlation is high between any two sensors, because everything stops at the same hours.
    """
    size = len(days)
    found = np.full((size, size), -1.0)
    if size < 3:
        # With two sensors, what is left after the common pattern is the mirror image of the other.
        return found
    shared = sorted(set.intersection(*(set(one) for one in days)))
    if len(shared) <= _LEAST_DAYS:
        return found
    table = np.array([[one[day] for day in shared] for one in days])
    for first in range(size):
        for second in range(first):
            others = [index for index in range(size) if index not in (first, second)]
            common = table[others].mean(axis=0)
            left, right = _without(table[first], common), _without(table[second], common)
            scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
            if scale > 0.0:
                found[first, second] = found[second, first] = float((left * right).sum()) / scale
    return found


def _without(series: Floats, common: Floats) -> Floats:
    centred, pattern = series - series.mean(), common - common.mean()
    power = float((pattern**2).sum())
    return np.asarray(
        centred - (centred @ pattern) / power * pattern if power > 0.0 else centred, dtype=np.float64
    )
