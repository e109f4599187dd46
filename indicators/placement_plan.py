"""Fixed sensors on the floor plan: stations first, then spare ones, and what each running sensor is worth.

A floor map is not exposure: people move, and noise near machines is no stationary field. That is why every
workstation of concern has its sensor first and the model chooses for spare sensors only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.placement import Criterion, choose, leave_one_out, posterior_variance
from indicators.model import Factor
from indicators.table_files import toml_table
from sensors.errors import ConfigurationError
from sensors.site_model import Floor

if TYPE_CHECKING:
    from indicators.day_values import DayValue
    from sensors.site_book import SiteBook

__all__ = ["FloorPlace", "FloorPlan", "RunningSensor", "floor_grid", "plan_floor", "running_report"]

Floats = NDArray[np.float64]

_MOST_CELLS = 400
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


@dataclass(frozen=True, slots=True, eq=False)
class FloorPlan:
    """Where fixed sensors of one factor go.

    Attributes
    ----------
    cells_m : float64 array, shape (n, 2)
        Grid of the floor without obstacles [m].
    remaining_sd : float64 array, shape (n,)
        What the plan leaves unknown at each cell.
    spare_m : tuple of points
        Places of spare sensors in order of choice.
    mean_sd, mean_sd_without_spare, running_sd : float
        Root of the mean remaining variance: with the plan, with stations only, with what runs now.
    """

    factor: Factor
    size_m: tuple[float, float]
    step_m: float
    cells_m: Floats
    remaining_sd: Floats
    prior_sd: float
    stations: tuple[FloorPlace, ...]
    spare_m: tuple[tuple[float, float], ...]
    mean_sd: float
    mean_sd_without_spare: float
    running_sd: float | None
    running: tuple[RunningSensor, ...]
    obstacles: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    forbidden: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    unit: str
    source: str
    grade: str


def floor_grid(floor: Floor) -> tuple[Floats, NDArray[np.bool_], float]:
    """Cells of the floor without obstacles, which of them are forbidden, and the step [m].

    Raises
    ------
    ConfigurationError
        Code ``no_free_floor``: obstacles cover everything.
    """
    width, height = floor.size_m
    step = max(float(np.sqrt(width * height / _MOST_CELLS)), 0.5)
    xs = (np.arange(max(int(width / step), 1)) + 0.5) * (width / max(int(width / step), 1))
    ys = (np.arange(max(int(height / step), 1)) + 0.5) * (height / max(int(height / step), 1))
    cells = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    cells = cells[~_inside(cells, floor.obstacles)]
    if not len(cells):
        raise ConfigurationError(
            "obstacles cover the whole floor",
            rule="some free floor",
            remedy="correct [floor] obstacles",
            code="no_free_floor",
        )
    return cells, _inside(cells, floor.forbidden), step


def _inside(
    cells: Floats, zones: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> NDArray[np.bool_]:
    found = np.zeros(len(cells), dtype=np.bool_)
    for first, second in zones:
        low, high = np.minimum(first, second), np.maximum(first, second)
        found |= ((cells >= low) & (cells <= high)).all(axis=1)
    return found


def plan_floor(
    book: SiteBook,
    factor: Factor,
    *,
    spare: int,
    criterion: str = Criterion.MUTUAL_INFORMATION,
    running: Mapping[str, Sequence[DayValue]] | None = None,
) -> FloorPlan:
    """Place sensors of one factor: one at every workstation on the plan, then `spare` ones.

    Parameters
    ----------
    book : SiteBook
        Its site has a ``[floor]`` and workstations with ``position_m``.
    factor : Factor
        Noise or climate.
    spare : int
        Sensors beyond those of the workstations.
    criterion : str
        As `analysis.placement.choose`.
    running : mapping of workstation to day values, optional
        Values of the fixed sensors that run now.

    Raises
    ------
    ConfigurationError
        ``no_floor``, ``no_positions``, ``no_free_floor``.
    MethodError
        ``unknown_criterion``, ``too_few_places``.
    """
    floor = book.site.floor
    if floor is None:
        raise ConfigurationError(
            "the site has no floor plan",
            rule="[floor] with size_m",
            remedy="add [floor] size_m = [40.0, 25.0], and position_m to workstations",
            code="no_floor",
        )
    places = tuple(
        FloorPlace(row.id, row.position_m) for row in book.site.workstations if row.position_m is not None
    )
    if not places:
        raise ConfigurationError(
            "no workstation stands on the floor plan",
            rule="position_m of at least one workstation",
            remedy="add position_m = [x, y] to [[workstations]]",
            code="no_positions",
        )
    model = _model(factor)
    cells, forbidden, step = floor_grid(floor)
    points = np.vstack([np.array([place.at_m for place in places]), cells])
    count = len(places)
    choice = choose(
        points,
        spare,
        model["length_m"],
        model["sd"],
        model["noise_sd"],
        criterion=criterion,
        fixed=range(count),
        forbidden=[count + int(index) for index in np.flatnonzero(forbidden)],
    )
    bare = posterior_variance(points, range(count), model["length_m"], model["sd"], model["noise_sd"])
    reports, running_sd = running_report(places, cells, running or {}, factor)
    return FloorPlan(
        factor=factor,
        size_m=floor.size_m,
        step_m=step,
        cells_m=cells,
        remaining_sd=np.sqrt(choice.posterior_variance[count:]),
        prior_sd=float(model["sd"]),
        stations=places,
        spare_m=tuple((float(points[i, 0]), float(points[i, 1])) for i in choice.indices[count:]),
        mean_sd=float(np.sqrt(choice.posterior_variance[count:].mean())),
        mean_sd_without_spare=float(np.sqrt(bare[count:].mean())),
        running_sd=running_sd,
        running=reports,
        obstacles=floor.obstacles,
        forbidden=floor.forbidden,
        unit=str(model["unit"]),
        source=str(model["source"]),
        grade=str(model["grade"]),
    )


def _model(factor: Factor) -> Mapping[str, Any]:
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
    model = _model(factor)
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
