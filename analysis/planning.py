"""What a measuring plan can settle, before anyone measures: probabilities from variance components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sensors.errors import MethodError

__all__ = ["Design", "least_design", "probability_to_settle"]


@dataclass(frozen=True, slots=True)
class Design:
    """How many wearers, how many worker-days each, and the probability that this settles the verdict."""

    workers: int
    days_each: int
    probability: float

    @property
    def worker_days(self) -> int:
        """Worker-days in all."""
        return self.workers * self.days_each


def probability_to_settle(
    distance: ArrayLike,
    between_sd: ArrayLike,
    within_sd: ArrayLike,
    workers: ArrayLike,
    days_each: ArrayLike,
    confidence: float = 0.90,
) -> NDArray[np.float64]:
    """Probability that the whole interval will lie on one side of the limit.

    Parameters
    ----------
    distance : array_like
        True mean minus limit, on the scale on which worker-days are about normal.
    between_sd, within_sd : array_like
        Standard deviations between wearers and between days of one wearer, same scale.
    workers, days_each : array_like
        Wearers and worker-days of each; with one worker the days themselves are the units.
    confidence : float
        Of the two-sided interval.

    Returns
    -------
    float64 array
        Broadcast shape; 0 where fewer than two units make an interval impossible.

    Raises
    ------
    MethodError
        ``out_of_range``: a negative standard deviation or fewer than one worker or day.

    Notes
    -----
    The mean over k wearers of n days has variance σ_b²/k + σ_w²/(k·n); its t statistic with k − 1 degrees of
    freedom is noncentral, so the probability is exact for equal days a wearer.
    """
    gap, between, within, k, n = np.broadcast_arrays(
        *(
            np.asarray(value, dtype=np.float64)
            for value in (distance, between_sd, within_sd, workers, days_each)
        )
    )
    if (between < 0).any() or (within < 0).any() or (k < 1).any() or (n < 1).any():
        raise MethodError(
            "measuring plan", rule="standard deviations ≥ 0, at least one worker and day", code="out_of_range"
        )
    alone = k == 1
    units = np.where(alone, n, k)
    error = np.sqrt(np.where(alone, within**2 / n, between**2 / k + within**2 / (k * n)))
    possible = units >= 2
    freedom = np.where(possible, units - 1, 1)
    quantile = stats.t.ppf(0.5 + confidence / 2.0, freedom)
    certain = error == 0
    noncentral = np.clip(gap / np.where(certain, 1.0, error), -200.0, 200.0)
    # The distribution is symmetric under a change of sign of both: only the upper tail is computed stably.
    probability = stats.nct.sf(quantile, freedom, np.abs(noncentral)) + stats.nct.cdf(
        -quantile, freedom, np.abs(noncentral)
    )
    probability = np.where(np.abs(noncentral) > 35.0, 1.0, probability)
    probability = np.where(certain, np.where(gap == 0, 0.0, 1.0), probability)
    return np.asarray(np.where(possible, np.clip(probability, 0.0, 1.0), 0.0), dtype=np.float64)


def least_design(
    distance: float,
    between_sd: float,
    within_sd: float,
    *,
    available_workers: int,
    most_days_each: int,
    wanted: float = 0.80,
    confidence: float = 0.90,
) -> Design:
    """Least effort that settles with the wanted probability, spread over people first.

    Among designs that reach `wanted` the one with fewest worker-days wins, then the one with most workers:
    days of one person resemble each other, and more people protect each of them. When none reaches it, the
    design with the highest probability is returned.
    """
    if available_workers < 1 or most_days_each < 1:
        raise MethodError(
            "nobody to measure",
            value=(available_workers, most_days_each),
            rule="at least one worker and one day",
            code="out_of_range",
        )
    # Days of one wearer speak of that wearer only: a single one is planned where there is no other.
    fewest = min(2, available_workers)
    workers, days = np.meshgrid(np.arange(fewest, available_workers + 1), np.arange(1, most_days_each + 1))
    chances = probability_to_settle(distance, between_sd, within_sd, workers, days, confidence)
    designs = [
        Design(int(k), int(n), float(p))
        for k, n, p in zip(workers.ravel(), days.ravel(), chances.ravel(), strict=True)
    ]
    enough = [design for design in designs if design.probability >= wanted]
    if enough:
        return min(enough, key=lambda design: (design.worker_days, -design.workers))
    return max(designs, key=lambda design: (design.probability, -design.worker_days))
