"""Fixed sensors on the floor plan: stations first, then spare ones, and what each running sensor is worth.

A floor map is not exposure: people move, and noise near machines is no stationary field. That is why every
workstation of concern has its sensor first and the model chooses for spare sensors only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.placement import Criterion, choose, posterior_variance
from indicators.model import Factor
from indicators.planning.running_sensors import FloorPlace, RunningSensor, floor_model, running_report
from sensors.errors import ConfigurationError
from sensors.site_model import Floor

if TYPE_CHECKING:
    from indicators.worker_days.values import DayValue
    from sensors.site_book import SiteBook

__all__ = ["FloorPlan", "floor_grid", "plan_floor"]

Floats = NDArray[np.float64]

_MOST_CELLS = 400


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
    model = floor_model(factor)
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
