"""Where to put fixed sensors: greedy choice over a Gaussian-process model, and what each sensor is worth.

The field is modelled as a stationary Gaussian process with covariance ``sd² · exp(−d² / 2ℓ²)``, observed with
independent noise. Noise near machines is not stationary: stations of concern get their sensor first
(``fixed``), and the criterion chooses for the spare ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import any_floats, number
from sensors.errors import MethodError

__all__ = ["Criterion", "LeaveOneOut", "PlacementChoice", "choose", "leave_one_out", "posterior_variance"]

_TIE = 1e-12
_FloatArray = NDArray[np.float64]


class Criterion(StrEnum):
    """What the next place must be best at."""

    MUTUAL_INFORMATION = "mutual_information"
    A_OPTIMAL = "a_optimal"
    ENTROPY = "entropy"


@dataclass(frozen=True, slots=True)
class PlacementChoice:
    """Chosen places and the uncertainty they leave.

    Attributes
    ----------
    indices : tuple of int
        Fixed places first, then chosen ones in order of choice.
    posterior_variance : float64 array, shape (n,)
        Remaining variance at every candidate [unit²].
    """

    indices: tuple[int, ...]
    posterior_variance: _FloatArray

    @property
    def mean_variance(self) -> float:
        """Mean remaining variance over all candidates [unit²]."""
        return float(self.posterior_variance.mean())


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Prediction of each sensor from all others.

    Attributes
    ----------
    residuals : float64 array, shape (n,)
        Value minus its prediction without the sensor [unit].
    variances : float64 array, shape (n,)
        Variance of that prediction [unit²].
    """

    residuals: _FloatArray
    variances: _FloatArray

    @property
    def standardised(self) -> _FloatArray:
        """Residuals over their standard deviations; about 1 in size when the model fits."""
        return self.residuals / np.sqrt(self.variances)


def _positive(**parameters: float) -> None:
    for name, value in parameters.items():
        if not 0 < number(value, name) < np.inf:
            raise MethodError(
                f"{name} of the placement model",
                value=value,
                rule="a finite number above 0",
                remedy="estimate it from pilot data or give a plausible one",
                code="not_positive",
            )


def _points(xy_m: ArrayLike, name: str) -> _FloatArray:
    points = any_floats(xy_m, name)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise MethodError(
            f"{name} are not points", value=points.shape, rule="shape (n, 2), n ≥ 1", code="bad_shape"
        )
    if not np.isfinite(points).all():
        raise MethodError(f"{name} hold a value that is not finite", rule="finite metres", code="not_finite")
    return points


def _covariance(points: _FloatArray, length_m: float, sd: float) -> _FloatArray:
    squared = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=-1)
    return np.asarray(sd**2 * np.exp(-squared / (2.0 * length_m**2)), dtype=np.float64)


def _observe(covariance: _FloatArray, index: int, noise_variance: float) -> _FloatArray:
    column = covariance[:, index]
    return np.asarray(
        covariance - np.outer(column, column) / (covariance[index, index] + noise_variance), dtype=np.float64
    )


def _drop(precision: _FloatArray, index: int) -> _FloatArray:
    column = precision[:, index]
    return np.asarray(precision - np.outer(column, column) / precision[index, index], dtype=np.float64)


def choose(
    candidates_xy_m: ArrayLike,
    count: int,
    length_m: float,
    sd: float,
    noise_sd: float,
    criterion: str = "mutual_information",
    fixed: Sequence[int] = (),
    forbidden: Sequence[int] = (),
) -> PlacementChoice:
    """Choose `count` places greedily, beside those already `fixed`.

    Parameters
    ----------
    candidates_xy_m : array_like, shape (n, 2)
        Places that are possible or of interest [m].
    count : int
        How many to choose beside the fixed ones.
    length_m, sd, noise_sd : float
        Correlation length [m], standard deviation of the field and of one sensor [unit].
    criterion : {"mutual_information", "a_optimal", "entropy"}
        Mutual information with the unsensed places, least mean remaining variance, or largest own
        variance. Entropy pushes sensors to the borders; it is offered for comparison.
    fixed, forbidden : sequence of int
        Places that already have a sensor, and places that may not get one.

    Returns
    -------
    PlacementChoice
        Ties within 1e-12 go to the lowest index.

    Raises
    ------
    MethodError
        ``bad_shape``, ``not_finite``, ``not_positive``, ``unknown_criterion``, ``bad_index``,
        ``too_few_places``.

    References
    ----------
    Krause, Singh, Guestrin, "Near-optimal sensor placements in Gaussian processes", JMLR 9 (2008) 235–284,
    eq. 8 (greedy mutual information).
    """
    points = _points(candidates_xy_m, "candidates")
    _positive(length_m=length_m, sd=sd, noise_sd=noise_sd)
    try:
        rule = Criterion(criterion)
    except ValueError:
        known = ", ".join(Criterion)
        raise MethodError(
            "criterion", value=criterion, rule=f"one of {known}", code="unknown_criterion"
        ) from None
    size = len(points)
    if any(not 0 <= index < size for index in (*fixed, *forbidden)):
        raise MethodError("fixed or forbidden place", rule=f"an index from 0 to {size - 1}", code="bad_index")
    closed = set(forbidden) | set(fixed)
    wanted = number(count, "count")
    if not (0 <= wanted <= size - len(closed) and wanted.is_integer()):
        raise MethodError(
            "number of places to choose",
            value=count,
            rule=f"a whole number from 0 to {size - len(closed)}, the places that are free",
            code="too_few_places",
        )
    noise_variance = noise_sd**2
    prior = _covariance(points, length_m, sd)
    posterior = prior
    precision = np.asarray(np.linalg.inv(prior + noise_variance * np.eye(size)), dtype=np.float64)
    chosen: list[int] = []
    for index in fixed:
        posterior, precision = _observe(posterior, index, noise_variance), _drop(precision, index)
        chosen.append(int(index))
    for _ in range(int(wanted)):
        variance = np.diag(posterior)
        if rule is Criterion.ENTROPY:
            score = variance.copy()
        elif rule is Criterion.A_OPTIMAL:
            score = (posterior**2).sum(axis=0) / (variance + noise_variance)
        else:
            score = (variance + noise_variance) * np.abs(np.diag(precision))
        score[list(closed)] = -np.inf
        best = int(np.flatnonzero(score >= score.max() - _TIE)[0])
        posterior, precision = _observe(posterior, best, noise_variance), _drop(precision, best)
        chosen.append(best)
        closed.add(best)
    return PlacementChoice(tuple(chosen), np.maximum(np.diag(posterior), 0.0))


def posterior_variance(
    candidates_xy_m: ArrayLike, sensors: Sequence[int], length_m: float, sd: float, noise_sd: float
) -> _FloatArray:
    """Remaining variance at every candidate when the places `sensors` are observed [unit²], shape (n,)."""
    return choose(candidates_xy_m, 0, length_m, sd, noise_sd, fixed=sensors).posterior_variance


def leave_one_out(
    xy_m: ArrayLike, values: ArrayLike, length_m: float, sd: float, noise_sd: float
) -> LeaveOneOut:
    """Predict each sensor from all others: what we would lose without it.

    Parameters
    ----------
    xy_m : array_like, shape (n, 2)
        Places of the running sensors [m].
    values : array_like, shape (n,)
        Their values, e.g. shift levels [unit]; the mean is removed first.
    length_m, sd, noise_sd : float
        As in `choose`.

    Returns
    -------
    LeaveOneOut
        ``residual_i = [K⁻¹y]_i / [K⁻¹]_ii``, ``variance_i = 1 / [K⁻¹]_ii``.

    References
    ----------
    Rasmussen, Williams, *Gaussian Processes for Machine Learning* (2006), eq. 5.12.
    """
    points = _points(xy_m, "sensor places")
    _positive(length_m=length_m, sd=sd, noise_sd=noise_sd)
    observed = any_floats(values, "values")
    if observed.shape != (len(points),):
        raise MethodError(
            "values do not match the places", value=observed.shape, rule=f"({len(points)},)", code="bad_shape"
        )
    if not np.isfinite(observed).all():
        raise MethodError("a value is not finite", rule="finite numbers", code="not_finite")
    precision = np.linalg.inv(_covariance(points, length_m, sd) + noise_sd**2 * np.eye(len(points)))
    diagonal = np.diag(precision)
    residuals = precision @ (observed - observed.mean()) / diagonal
    return LeaveOneOut(np.asarray(residuals, dtype=np.float64), np.asarray(1.0 / diagonal, dtype=np.float64))
