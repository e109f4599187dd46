"""Worst first: by the largest ratio, then by the next largest; never a mean, and unknown is never zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import any_floats
from indicators.model import (
    FactorResult,
    Indicator,
    LimitAssessment,
    Scope,
    Stability,
    Verdict,
    WorkstationResult,
    WorstFactor,
)
from sensors.errors import MethodError

__all__ = [
    "STABILITY_DRAWS",
    "Judged",
    "RankStability",
    "Ranking",
    "rank",
    "rank_stability",
    "ranked",
    "ranking_row",
    "with_worst",
    "worst_judged",
]

NO_FACTOR = -1
STABILITY_DRAWS = 1000
_MOST_TOP = 3
_SEED = 20230901  # any fixed number: the same result always gives the same shares


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Order of workstations.

    Attributes
    ----------
    order : int64 array, shape (workstations,)
        Rows of the input, worst first.
    worst_factor : int64 array, shape (workstations,)
        Column of the largest ratio of each row; −1 when nothing was measured.
    count_over : int64 array, shape (workstations,)
        Ratios of 1 or more of each row.
    """

    order: NDArray[np.int64]
    worst_factor: NDArray[np.int64]
    count_over: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RankStability:
    """How an order holds when factors weigh differently.

    Attributes
    ----------
    top : int
        Number of first places looked at.
    share : float64 array, shape (workstations,)
        Share of random weightings that put a row among the first `top`; NaN for a row without any ratio.
    """

    top: int
    share: NDArray[np.float64]


def rank(ratios: ArrayLike) -> Ranking:
    """Rank workstations by their ratios to the limits.

    Parameters
    ----------
    ratios : array_like, shape (workstations, factors)
        1 = at the limit, larger is worse; NaN = not measured, which counts neither for nor against. Infinite
        is allowed.

    Returns
    -------
    Ranking
        Largest ratio first, ties by the next largest and so on (leximax), then by the number of factors over,
        then in the order of the input. Rows without any ratio come last.

    Raises
    ------
    MethodError
        Codes ``bad_shape`` and ``negative_ratio``.
    """
    table = any_floats(ratios, "ratios")
    if table.ndim != 2:
        raise MethodError(
            "ratios to rank", value=table.shape, rule="shape (workstations, factors)", code="bad_shape"
        )
    if (table < 0).any():
        raise MethodError(
            "a ratio is negative", value=float(np.nanmin(table)), rule="0 or more", code="negative_ratio"
        )
    known = np.where(np.isnan(table), -1.0, table)
    order, count_over = _order(known)
    worst = np.full(table.shape[0], NO_FACTOR, np.int64)
    measured = (known >= 0).any(axis=1)
    if measured.any():
        worst[measured] = known[measured].argmax(axis=1)
    return Ranking(order, worst, count_over)


def _order(known: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows worst first and their factors over, of one table (rows, factors) or a stack of them; -1 = none."""
    count_over = np.count_nonzero(known >= 1.0, axis=-1).astype(np.int64)
    ascending = np.sort(-known, axis=-1)
    # lexsort looks at its last key first.
    keys = [-count_over, *(ascending[..., column] for column in reversed(range(known.shape[-1])))]
    order = np.lexsort(keys, axis=-1) if known.shape[-2] else np.zeros(count_over.shape, np.int64)
    return order.astype(np.int64), count_over


def rank_stability(ratios: ArrayLike, draws: int = STABILITY_DRAWS) -> RankStability:
    """How often each workstation stays among the first when every factor gets a random weight.

    Weights are uniform over all that sum to the number of factors (a flat Dirichlet draw); each ratio is
    multiplied by its factor's weight, then ranked as by `rank`. Nothing is averaged.

    Parameters
    ----------
    ratios : array_like, shape (workstations, factors)
        As for `rank`.
    draws : int
        Number of weightings; always the same ones.

    Returns
    -------
    RankStability
        For the first three places; for fewer than six workstations with a ratio, for the first half of them,
        since nearly everybody is among three of four.
    """
    table = np.asarray(ratios, dtype=np.float64)
    measured = ~np.isnan(table).all(axis=1) if table.size else np.zeros(table.shape[0], bool)
    top = max(1, min(_MOST_TOP, int(measured.sum()) // 2))
    weights = np.random.default_rng(_SEED).dirichlet(np.ones(table.shape[1]), draws) * table.shape[1]
    weighted = table * weights[:, None, :]
    order, _ = _order(np.where(np.isnan(weighted), -1.0, weighted))
    counts = np.bincount(order[:, :top].ravel(), minlength=table.shape[0])
    return RankStability(top, np.where(measured, counts / draws, np.nan))


def ranking_row(indicator: Indicator) -> LimitAssessment | None:
    """The one assessment of an indicator that gives its ratio: a ranking row that moves a verdict."""
    return next(
        (
            row
            for row in indicator.limits
            if row.limit.ranking and row.limit.role.moves_verdict and row.ratio is not None
        ),
        None,
    )


def _worst(factor: FactorResult) -> WorstFactor | None:
    found = [
        WorstFactor(factor.factor, item.id, row.limit.id, row.ratio)
        for item in factor.indicators
        if item.scope is Scope.USUAL and (row := ranking_row(item)) is not None and row.ratio is not None
    ]
    return max(found, key=lambda item: item.ratio, default=None)


@dataclass(frozen=True, slots=True)
class Judged:
    """An indicator and the limit that it is held against."""

    indicator: Indicator
    row: LimitAssessment


def worst_judged(station: WorkstationResult) -> Judged | None:
    """What the rank of a workstation rests on: a ratio of degrees or decibels says little without it."""
    worst = station.worst
    if worst is None:
        return None
    # Where there are several shifts, the rank is that of the worst.
    return next(
        (
            Judged(item, row)
            for factor in station.factors
            for item in factor.indicators
            for row in item.limits
            if (item.id, row.limit.id, row.ratio) == (worst.indicator, worst.limit, worst.ratio)
        ),
        None,
    )


def with_worst(station: WorkstationResult) -> WorkstationResult:
    """`station` with its worst factor and the number of factors above a limit, from the factors it shows."""
    found = [worst for factor in station.factors if (worst := _worst(factor)) is not None]
    over = sum(factor.verdict is Verdict.ABOVE for factor in station.factors)
    return replace(station, worst=max(found, key=lambda item: item.ratio, default=None), factors_over=over)


def ranked(stations: Sequence[WorkstationResult]) -> tuple[WorkstationResult, ...]:
    """Workstations worst first with their ranks; one without any ratio has no rank and comes last."""
    ready = [with_worst(station) for station in stations]
    columns = sorted({factor.factor for station in ready for factor in station.factors})
    table = np.full((len(ready), max(len(columns), 1)), np.nan)
    for row, station in enumerate(ready):
        for factor in station.factors:
            worst = _worst(factor)
            if worst is not None:
                table[row, columns.index(factor.factor)] = worst.ratio
    place, stability = rank(table), rank_stability(table)
    # A workstation alone is first whatever the weights.
    several = int(np.count_nonzero(~np.isnan(table).all(axis=1))) > 1
    placed = []
    for number, row in enumerate(place.order, start=1):
        measured = place.worst_factor[row] != NO_FACTOR
        held = Stability(stability.top, float(stability.share[row])) if measured and several else None
        placed.append(replace(ready[row], rank=number if measured else None, stability=held))
    return tuple(placed)
