"""Every public function, every argument: wrong input gives an error with a code or *not measured*, no number.

Each call starts from a worked example that ships, so that only the argument under test is wrong.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from indicators.validation import PUBLIC_FUNCTIONS, Case, shipped_cases
from sensors.errors import VigiposteError

NAN = float("nan")


def good_calls() -> Mapping[str, Case]:
    """One worked example of each public function that gives a result."""
    found: dict[str, Case] = {}
    for case in shipped_cases():
        refused = isinstance(case.expected, Mapping) and "error" in case.expected
        if not refused:
            found.setdefault(case.function, case)
    return found


GOOD = good_calls()


def call(name: str, inputs: Mapping[str, Any]) -> Any:
    module, attribute = PUBLIC_FUNCTIONS[name]
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(**inputs)


def answer(name: str, inputs: Mapping[str, Any]) -> Any:
    """The result of a call, or the error that it raised."""
    try:
        return call(name, inputs)
    except VigiposteError as refused:
        return refused


def numbers(result: Any) -> Iterator[float]:
    """Every number of a result, texts and flags left out."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        for row in dataclasses.fields(result):
            yield from numbers(getattr(result, row.name))
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from numbers(value)
    elif isinstance(result, str | bool | Enum) or result is None:
        return
    elif isinstance(result, tuple | list):
        for value in result:
            yield from numbers(value)
    else:
        yield from np.asarray(result, dtype=np.float64).ravel().tolist()


def numeric_arguments(case: Case) -> list[str]:
    def is_numeric(value: Any) -> bool:
        try:
            return not isinstance(value, str | bool) and np.asarray(value, np.float64).size > 0
        except (TypeError, ValueError):
            return False

    return [name for name, value in case.inputs.items() if is_numeric(value)]


def with_argument(case: Case, name: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(case.inputs))
    changed[name] = value
    return changed


ARGUMENTS = [(name, argument) for name, case in GOOD.items() for argument in numeric_arguments(case)]


def first_replaced(value: Any, by: float) -> Any:
    array = np.array(value, dtype=np.float64)
    array.flat[0] = by
    return array.tolist()


NONSENSE = {
    "text": ["loud"],
    "object": {"a": object()},
    "ragged": [[1.0], [1.0, 2.0]],
    "empty": [],
}
# No row within the window is a coverage of 0, and nothing else.
EMPTY_MEANS_NONE = ("analysis.exposure.coverage", "times_s")
# A gap that nothing exceeds, a ratio to a limit of nothing, an open last band.
INFINITE_MEANS_SOMETHING = {"max_gap_s", "ratios", "edges", "level_edges", "duration_edges_s"}
INFINITE_HOLD = "indicators.posture.static_hold_limit_s"


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_nonsense_is_refused_with_a_code(name: str, argument: str, kind: str) -> None:
    if kind == "empty" and (name, argument) == EMPTY_MEANS_NONE:
        assert call(name, with_argument(GOOD[name], argument, [])) == 0.0
        return
    with pytest.raises(VigiposteError) as refused:
        call(name, with_argument(GOOD[name], argument, NONSENSE[kind]))
    assert refused.value.code


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_an_infinite_value_is_refused_with_a_code(name: str, argument: str) -> None:
    if argument in INFINITE_MEANS_SOMETHING:
        return
    for value in (np.inf, -np.inf):
        with pytest.raises(VigiposteError) as refused:
            call(
                name, with_argument(GOOD[name], argument, first_replaced(GOOD[name].inputs[argument], value))
            )
        assert refused.value.code


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_all_missing_gives_an_error_or_no_number(name: str, argument: str) -> None:
    good = list(numbers(call(name, GOOD[name].inputs)))
    missing = np.full(np.shape(GOOD[name].inputs[argument]), NAN).tolist()
    result = answer(name, with_argument(GOOD[name], argument, missing))
    if isinstance(result, VigiposteError):
        assert result.code
        return
    if name == "indicators.ranking.rank":
        assert (result.worst_factor == -1).all()
        assert not result.count_over.any()
        return
    left = list(numbers(result))
    # Whatever depends on the argument is gone; what does not is as it was.
    assert all(np.isnan(one) or one == other for one, other in zip(left, good, strict=True))


@pytest.mark.parametrize("kind", ["one", "constant", "shape"])
@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_unusual_sizes_give_an_error_or_finite_numbers(name: str, argument: str, kind: str) -> None:
    """One sample, equal samples, and an array of four axes, which broadcasts or is refused."""
    value = GOOD[name].inputs[argument]
    changed = {
        "one": value[:1] if np.ndim(value) else value,
        "constant": np.full(np.shape(value), np.ravel(value)[0]).tolist(),
        "shape": [[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]],
    }[kind]
    result = answer(name, with_argument(GOOD[name], argument, changed))
    if isinstance(result, VigiposteError):
        assert result.code
        return
    infinite = [one for one in numbers(result) if np.isinf(one)]
    assert not infinite or name == INFINITE_HOLD


SERIES = [name for name, case in GOOD.items() if "times_s" in case.inputs and "coverage" not in name]


@pytest.mark.parametrize("name", SERIES)
def test_time_that_runs_backwards_or_stands_still_is_refused(name: str) -> None:
    case = GOOD[name]
    for times in (list(reversed(case.inputs["times_s"])), [0.0] * len(case.inputs["times_s"])):
        with pytest.raises(VigiposteError) as refused:
            call(name, with_argument(case, "times_s", times))
        assert refused.value.code


WORDS = [
    (name, argument)
    for name, case in GOOD.items()
    for argument, value in case.inputs.items()
    if isinstance(value, str)
]


@pytest.mark.parametrize(("name", "argument"), WORDS)
def test_an_unknown_word_is_refused_with_a_code(name: str, argument: str) -> None:
    with pytest.raises(VigiposteError) as refused:
        call(name, with_argument(GOOD[name], argument, "nonsense"))
    assert refused.value.code


@pytest.mark.parametrize("bad", [[], ["loud"], [np.inf], [NAN, NAN], {"a": 1}, [[1.0], [1.0, 2.0]]])
@pytest.mark.parametrize("key", ["levels_db", "duration_h", "duration_range_h"])
def test_a_task_with_bad_input_is_refused_with_a_code(key: str, bad: Any) -> None:
    case = GOOD["indicators.noise.task_based"]
    tasks = copy.deepcopy(case.inputs["tasks"])
    tasks[0][key] = bad
    with pytest.raises(VigiposteError) as refused:
        call(case.function, {**case.inputs, "tasks": tasks})
    assert refused.value.code


def test_no_public_function_is_left_out() -> None:
    reached = {name for name, _ in (*ARGUMENTS, *WORDS)} | {"indicators.noise.task_based"}
    assert reached == set(PUBLIC_FUNCTIONS)
