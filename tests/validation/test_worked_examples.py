"""The worked examples that ship, in ``indicators/validation_cases``: each is replayed."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from indicators.validation import PUBLIC_FUNCTIONS, Case, Status, run_case, shipped_cases

SHIPPED = shipped_cases()
PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "validation" / "published.json"


@pytest.mark.parametrize("shipped", SHIPPED, ids=[f"{row.file}:{row.id}" for row in SHIPPED])
def test_the_installed_functions_give_what_was_printed(shipped: Case) -> None:
    result = run_case(shipped)
    assert result.status is Status.PASSED, result.message


def test_published_and_own_cases_ship() -> None:
    assert sum(row.file == "published.json" for row in SHIPPED) == 46
    assert sum(row.file != "published.json" for row in SHIPPED) >= 60


def test_every_case_names_its_source() -> None:
    assert all(row.source.strip() for row in SHIPPED)


def test_every_public_function_has_a_case() -> None:
    assert {row.function for row in SHIPPED} == set(PUBLIC_FUNCTIONS)


@pytest.mark.recordings
def test_the_published_cases_are_shipped_unchanged() -> None:
    if not PUBLISHED.exists():
        pytest.skip("shared/validation/published.json is not beside the project")
    shipped = files("indicators").joinpath("validation_cases", "published.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == json.loads(PUBLISHED.read_text(encoding="utf-8"))
