from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from indicators.validation import (
    PUBLIC_FUNCTIONS,
    Case,
    Status,
    load_cases,
    run_case,
    run_cases,
)
from sensors.errors import UsageError


def case(function: str, inputs: dict[str, Any], expected: Any, tolerance: Any = 0.0) -> Case:
    return Case("T1", function, inputs, expected, tolerance, "a test", "test.json")


def test_every_public_function_exists() -> None:
    from importlib import import_module

    for name, (module, attribute) in PUBLIC_FUNCTIONS.items():
        assert callable(getattr(import_module(module), attribute)), name
    assert len(PUBLIC_FUNCTIONS) == 54


@pytest.mark.parametrize(
    "function",
    ["os.system", "indicators.validation.run_cases", "analysis.levels.np", "analysis.levels.energy", ""],
)
def test_nothing_else_can_be_called(function: str) -> None:
    result = run_case(case(function, {"command": "true"}, 0))
    assert result.status is Status.FAILED
    assert "no public function" in result.message


def test_a_wrong_number_fails_with_both_numbers() -> None:
    result = run_case(case("analysis.levels.energy_mean", {"levels_db": [60, 80]}, 78.0, 0.01))
    assert result.status is Status.FAILED
    assert "77.0329 instead of 78" in result.message


def test_the_tolerance_itself_passes() -> None:
    half = case("analysis.statistics.half_width", HALF_WIDTH, 1.95996398454 + 0.5, 0.5)
    assert run_case(half).status is Status.PASSED


HALF_WIDTH = {"between_sd": 1.0, "within_sd": 0.0, "workers": 1, "days_each": 1}


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([1.0, 2.0], "shape"),
        ({"nothing": 1.0}, "nothing is missing"),
        ({"error": "too_few"}, "no error, expected too_few"),
        ("text", "instead of 'text'"),
        (float("nan"), "instead of nan"),
    ],
)
def test_other_differences_are_named(expected: Any, message: str) -> None:
    result = run_case(case("analysis.statistics.half_width", HALF_WIDTH, expected, 0.1))
    assert result.status is Status.FAILED
    assert message in result.message


def test_an_expected_error_passes_by_its_code() -> None:
    wrong = case("analysis.statistics.upper_tolerance_factor", {"n": 1}, {"error": "too_few"})
    assert run_case(wrong).status is Status.PASSED
    other = case("analysis.statistics.upper_tolerance_factor", {"n": 1}, {"error": "something_else"})
    assert run_case(other).status is Status.FAILED


def test_unknown_arguments_fail_and_do_not_raise() -> None:
    result = run_case(case("analysis.levels.energy_mean", {"volume": 3}, 1.0))
    assert result.status is Status.FAILED
    assert "TypeError" in result.message


def test_null_is_missing_in_inputs_and_in_results(tmp_path: Path) -> None:
    cases = {
        "cases": [
            {
                "id": "R",
                "function": "indicators.ranking.rank",
                "inputs": {"ratios": [[None, 0.5], [1.5, None]]},
                "expected": {"order": [1, 0], "count_over": [0, 1]},
                "tolerance": 0,
                "source": "a test",
            },
            {
                "id": "D",
                "function": "analysis.statistics.difference_in_differences",
                "inputs": {"before": [1.0], "after": [3.0, None]},
                "expected": {"estimate": 2.0, "low": None, "high": None},
                "tolerance": {"estimate": 1e-9},
                "source": "a test",
            },
        ]
    }
    path = tmp_path / "own.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    assert [result.status for result in run_cases(load_cases(path))] == [Status.PASSED] * 2


NEGATIVE_TOLERANCE = json.dumps(
    {"cases": [{"id": "a", "function": "f", "inputs": {}, "source": "s", "expected": 1, "tolerance": -1}]}
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "cases_not_json"),
        ("[]", "case_incomplete"),
        ("{}", "case_incomplete"),
        ('{"cases": [1]}', "case_incomplete"),
        ('{"cases": [{"id": "a"}]}', "case_incomplete"),
        (NEGATIVE_TOLERANCE, "case_incomplete"),
    ],
)
def test_broken_case_files_are_refused(tmp_path: Path, content: str, code: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_cases(path)
    assert refused.value.code == code


def test_two_cases_of_one_id_are_refused(tmp_path: Path) -> None:
    one = {"id": "a", "function": "f", "inputs": {}, "source": "s", "expected": 1}
    path = tmp_path / "twice.json"
    path.write_text(json.dumps({"cases": [one, one]}), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_cases(path)
    assert refused.value.code == "case_duplicate"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load_cases(tmp_path / "nothing.json")
    assert refused.value.code == "cases_unreadable"
