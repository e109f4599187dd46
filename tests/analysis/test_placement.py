"""Placement of fixed sensors: the reference configuration, ties, refusals, leave-one-out without refits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.placement import choose, leave_one_out, posterior_variance
from sensors.errors import MethodError

# Reference configuration: 200 places on 40 × 20 m, field sd 3 dB, length 6 m, sensor noise 0.5 dB, 6 sensors.
GRID = np.array([(x, y) for x in np.linspace(0, 40, 20) for y in np.linspace(0, 20, 10)])
MODEL: dict[str, Any] = {"length_m": 6.0, "sd": 3.0, "noise_sd": 0.5}


def mean_variance(criterion: str) -> float:
    return choose(GRID, 6, criterion=criterion, **MODEL).mean_variance


def test_mutual_information_on_the_reference_configuration() -> None:
    assert mean_variance("mutual_information") == pytest.approx(4.06, abs=0.02)


def test_a_optimal_on_the_reference_configuration() -> None:
    assert mean_variance("a_optimal") == pytest.approx(4.13, abs=0.02)


def test_random_places_are_worse_by_a_quarter() -> None:
    generator = np.random.default_rng(1)
    means = [
        posterior_variance(GRID, generator.choice(200, 6, replace=False).tolist(), **MODEL).mean()
        for _ in range(200)
    ]
    assert 5.1 <= float(np.mean(means)) <= 5.2


def test_entropy_is_worse_and_hugs_the_border() -> None:
    result = choose(GRID, 6, criterion="entropy", **MODEL)
    assert result.mean_variance >= mean_variance("a_optimal") + 0.9
    on_border = (np.isin(GRID[:, 0], (0, 40)) | np.isin(GRID[:, 1], (0, 20)))[list(result.indices)]
    assert on_border.all()


def direct_posterior(sensors: list[int]) -> NDArray[np.float64]:
    squared = ((GRID[:, None] - GRID[None]) ** 2).sum(-1)
    prior = 9.0 * np.exp(-squared / 72.0)
    noisy = prior[np.ix_(sensors, sensors)] + 0.25 * np.eye(len(sensors))
    reduction = np.einsum("ij,ji->i", prior[:, sensors], np.linalg.solve(noisy, prior[sensors]))
    return np.asarray(np.diag(prior) - reduction, dtype=np.float64)


@given(st.lists(st.integers(0, 199), min_size=1, max_size=12, unique=True))
@settings(max_examples=25, deadline=None)
def test_sequential_updates_equal_one_solve(sensors: list[int]) -> None:
    assert posterior_variance(GRID, sensors, **MODEL) == pytest.approx(direct_posterior(sensors), abs=1e-8)


def test_fixed_places_come_first_and_forbidden_ones_never() -> None:
    result = choose(GRID, 4, fixed=(7, 3), forbidden=tuple(range(50, 200)), **MODEL)
    assert result.indices[:2] == (7, 3)
    assert max(result.indices) < 50
    assert len(set(result.indices)) == 6


def test_ties_go_to_the_lowest_index() -> None:
    corners = [(0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (100.0, 100.0)]
    assert choose(corners, 2, criterion="entropy", **MODEL).indices == (0, 1)


def test_adding_a_sensor_never_adds_variance() -> None:
    previous = np.full(200, np.inf)
    for count in range(7):
        variance = choose(GRID, count, **MODEL).posterior_variance
        assert (variance <= previous + 1e-9).all()
        previous = variance


def test_leave_one_out_equals_refitting_without_each_sensor() -> None:
    generator = np.random.default_rng(3)
    points = generator.uniform(0, 30, (9, 2))
    values = generator.normal(80, 3, 9)
    result = leave_one_out(points, values, **MODEL)
    centred = values - values.mean()
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    covariance = 9.0 * np.exp(-squared / 72.0)
    for index in range(9):
        others = [other for other in range(9) if other != index]
        noisy = covariance[np.ix_(others, others)] + 0.25 * np.eye(8)
        weights = np.linalg.solve(noisy, covariance[others, index])
        assert result.residuals[index] == pytest.approx(centred[index] - weights @ centred[others])
        assert result.variances[index] == pytest.approx(9.25 - weights @ covariance[others, index])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"candidates_xy_m": [1.0, 2.0]}, "bad_shape"),
        ({"candidates_xy_m": [(0.0, float("nan"))]}, "not_finite"),
        ({"sd": 0.0}, "not_positive"),
        ({"length_m": float("inf")}, "not_positive"),
        ({"criterion": "beauty"}, "unknown_criterion"),
        ({"count": 3}, "too_few_places"),
        ({"count": -1}, "too_few_places"),
        ({"fixed": (5,)}, "bad_index"),
    ],
)
def test_refusals(change: dict[str, object], code: str) -> None:
    arguments: dict[str, object] = {"candidates_xy_m": [(0.0, 0.0), (1.0, 1.0)], "count": 1, **MODEL}
    with pytest.raises(MethodError) as caught:
        choose(**{**arguments, **change})  # type: ignore[arg-type]
    assert caught.value.code == code


def test_values_must_match_places() -> None:
    with pytest.raises(MethodError):
        leave_one_out([(0.0, 0.0)], [1.0, 2.0], **MODEL)
