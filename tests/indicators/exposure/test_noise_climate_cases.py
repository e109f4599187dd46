"""Worked examples of noise and climate: the published ones and our own, as `validate` replays them."""

from __future__ import annotations

import pytest

from indicators.validation import Case, Status, run_case, shipped_cases

OURS = ("analysis.levels.", "analysis.thermal.", "indicators.noise.measures.", "indicators.climate.rules.")
CASES = [case for case in shipped_cases() if case.function.startswith(OURS)]


def test_there_are_published_cases_and_more_of_our_own() -> None:
    files = {case.file for case in CASES}
    assert {"published.json", "noise_climate.json"} <= files
    assert sum(case.file == "noise_climate.json" for case in CASES) >= 25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_worked_example(case: Case) -> None:
    result = run_case(case)
    assert result.status is Status.PASSED, result.message
