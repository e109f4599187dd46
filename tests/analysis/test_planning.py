"""The promised probability to settle is the simulated one; effort is spread over people first."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.planning import least_design, probability_to_settle
from analysis.statistics import nested_mean
from sensors.errors import MethodError


@pytest.mark.parametrize(
    ("distance", "between", "within", "workers", "days"),
    [
        (2.0, 1.5, 2.0, 5, 1),
        (-3.0, 2.0, 3.0, 4, 3),
        (1.0, 1.0, 1.0, 8, 2),
        (0.0, 2.0, 2.0, 6, 1),
        (4.0, 0.0, 3.0, 1, 5),
    ],
)
def test_promise_equals_an_independent_simulation(
    distance: float, between: float, within: float, workers: int, days: int
) -> None:
    generator = np.random.default_rng(11)
    wearers = [f"w{index}" for index in range(workers) for _ in range(days)]
    settled, trials = 0, 1500
    for _ in range(trials):
        person = np.repeat(generator.normal(0, between, workers), days)
        values = distance + person + generator.normal(0, within, workers * days)
        mean = nested_mean(values, wearers)
        settled += abs(mean.mean) > mean.half_width(0.90)
    promised = float(probability_to_settle(distance, between, within, workers, days))
    assert promised == pytest.approx(settled / trials, abs=0.05)


def test_on_the_limit_only_error_settles() -> None:
    assert float(probability_to_settle(0.0, 2.0, 2.0, 6, 2)) == pytest.approx(0.10, abs=1e-6)


def test_far_from_the_limit_is_certain_and_one_unit_never_is() -> None:
    assert float(probability_to_settle(50.0, 1.0, 1.0, 5, 1)) == pytest.approx(1.0, abs=1e-6)
    assert float(probability_to_settle(50.0, 1.0, 1.0, 1, 1)) == 0.0


def test_more_people_never_hurt() -> None:
    chances = probability_to_settle(2.0, 2.0, 2.0, np.arange(2, 20), 2)
    assert (np.diff(chances) > 0).all()


def test_people_before_days() -> None:
    design = least_design(3.0, 2.0, 2.0, available_workers=20, most_days_each=10)
    assert design.probability >= 0.8
    assert design.days_each == 1


def test_few_people_are_asked_for_more_days() -> None:
    design = least_design(3.0, 0.5, 3.0, available_workers=4, most_days_each=10)
    assert design.workers <= 4
    assert design.days_each > 1


def test_a_plan_may_be_unable_to_settle() -> None:
    assert least_design(0.1, 3.0, 3.0, available_workers=5, most_days_each=5).probability < 0.2


@pytest.mark.parametrize("arguments", [(1.0, -1.0, 1.0, 2, 1), (1.0, 1.0, 1.0, 0, 1)])
def test_refusals(arguments: tuple[float, ...]) -> None:
    with pytest.raises(MethodError):
        probability_to_settle(*arguments)
