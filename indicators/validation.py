"""Replay of worked examples against the installed functions: what was printed is what is computed."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from sensors.errors import MissingExtraError, UsageError, VigiposteError

__all__ = [
    "PUBLIC_FUNCTIONS",
    "Case",
    "CaseResult",
    "Status",
    "load_cases",
    "run_case",
    "run_cases",
    "shipped_cases",
]

_BY_MODULE: Mapping[str, tuple[str, ...]] = {
    "analysis.levels": (
        "energy_mean",
        "energy_sum",
        "exceeded_level",
        "weighting_db",
        "weighted_level",
        "sound_exposure_level",
        "sound_exposure_pa2h",
        "peak_level",
    ),
    "analysis.posture": ("inclination_deg", "flexion_deg", "lateral_deg", "angular_velocity_deg_s"),
    "analysis.exposure": (
        "time_in_bands",
        "percentiles",
        "exposure_variation",
        "longest_hold_s",
        "events_per_minute",
        "coverage",
    ),
    "analysis.thermal": (
        "wet_bulb_c",
        "wbgt_c",
        "wbgt_shade_estimate_c",
        "wbgt_heights_c",
        "mean_radiant_c",
        "phs",
        "pmv_ppd",
        "utci_c",
        "wind_chill_c",
        "ireq",
    ),
    "analysis.statistics": ("upper_tolerance_factor", "half_width", "difference_in_differences"),
    "analysis.placement": ("choose", "leave_one_out"),
    "indicators.noise": (
        "lex_8h",
        "lex_weekly",
        "dose_percent",
        "exposure_points",
        "task_based",
        "job_based",
        "full_day",
        "minimum_cumulative_hours",
        "assumed_protection_db",
        "protected_level_hml",
        "protected_level_snr",
        "protected_level_octave",
    ),
    "indicators.climate": ("wbgt_limit_c", "wbgt_limit_continuous_c", "worst_hour_c"),
    "indicators.posture": ("static_hold_limit_s", "action_level", "revised_strain_index"),
    "indicators.c2p": ("projected_hours", "threshold"),
    "indicators.ranking": ("rank",),
}

PUBLIC_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    f"{module}.{name}": (module, name) for module, names in _BY_MODULE.items() for name in names
}
"""The only functions a case file can call, by their public names."""


class Status(StrEnum):
    """Outcome of one case."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Case:
    """One worked example.

    Attributes
    ----------
    inputs : mapping
        Keyword arguments; ``null`` of the file is NaN here.
    expected : number, list, mapping of fields, or ``{"error": code}``
    tolerance : float, or mapping of field to float
        Absolute, in the unit of the result; 0 = equal.
    file : str
        Where it stands.
    """

    id: str
    function: str
    inputs: Mapping[str, Any]
    expected: Any
    tolerance: float | Mapping[str, float]
    source: str
    file: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case gave; `message` says where it differs, or why it was not run."""

    case: Case
    status: Status
    message: str = ""
    actual: Any = None


def shipped_cases() -> tuple[Case, ...]:
    """The cases that are installed with the tool."""
    folder = files("indicators").joinpath("validation_cases")
    found: list[Case] = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".json"):
            found += _parse(entry.read_text(encoding="utf-8"), entry.name)
    return tuple(found)


def load_cases(path: Path) -> tuple[Case, ...]:
    """Cases of a file of the published form.

    Raises
    ------
    UsageError
        ``cases_unreadable``, ``cases_not_json``, ``case_incomplete``, ``case_duplicate``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(
            "the case file cannot be read",
            value=f"{path}: {getattr(trouble, 'strerror', None) or trouble}",
            rule="a JSON file in UTF-8",
            remedy="check the path, or leave it out to replay the cases that ship",
            code="cases_unreadable",
        ) from trouble
    return tuple(_parse(text, path.name))


def _parse(text: str, name: str) -> list[Case]:
    try:
        content = json.loads(text)
    except ValueError as trouble:
        raise UsageError(f"{name} is not JSON: {trouble}", code="cases_not_json") from trouble
    rows = content.get("cases") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise UsageError(f"{name} holds no list of cases", rule='{"cases": […]}', code="case_incomplete")
    seen: set[str] = set()
    cases = []
    for place, row in enumerate(rows):
        case = _case(row, place, name)
        if case.id in seen:
            raise UsageError(f"{name}: two cases share an id", value=case.id, code="case_duplicate")
        seen.add(case.id)
        cases.append(case)
    return cases


def _case(row: Any, place: int, name: str) -> Case:
    needed = {"id": str, "function": str, "inputs": dict, "source": str}
    fields = row if isinstance(row, dict) else {}
    wrong = [key for key, kind in needed.items() if not isinstance(fields.get(key), kind)]
    wrong += [] if "expected" in fields else ["expected"]
    tolerance = 0.0 if fields.get("tolerance") is None else fields["tolerance"]
    values = tolerance.values() if isinstance(tolerance, dict) else [tolerance]
    if not all(isinstance(value, int | float) and value >= 0 for value in values):
        wrong.append("tolerance")
    if wrong:
        raise UsageError(
            f"{name}: case {fields.get('id', f'number {place + 1}')} is incomplete",
            value=f"missing or of a wrong type: {', '.join(wrong)}",
            rule="id, function, inputs, expected, source; tolerance 0 or more",
            code="case_incomplete",
        )
    return Case(
        id=fields["id"],
        function=fields["function"],
        inputs={key: _numbers(value) for key, value in fields["inputs"].items()},
        expected=_numbers(fields["expected"]),
        tolerance=tolerance,
        source=fields["source"],
        file=name,
    )


def _numbers(value: Any) -> Any:
    """`value` with NaN where the file says ``null``."""
    if value is None:
        return math.nan
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    return value


def run_cases(cases: Iterable[Case]) -> tuple[CaseResult, ...]:
    """Run every case."""
    return tuple(run_case(case) for case in cases)


def run_case(case: Case) -> CaseResult:
    """Call the installed function with the inputs of a case and compare.

    A function outside the public list is refused, whatever it is; one whose optional dependency is missing is
    not run.
    """
    if case.function not in PUBLIC_FUNCTIONS:
        return CaseResult(case, Status.FAILED, f"{case.function} is no public function")
    module, name = PUBLIC_FUNCTIONS[case.function]
    try:
        function: Callable[..., Any] = getattr(import_module(module), name)
        actual = function(**case.inputs)
    except MissingExtraError as missing:
        return CaseResult(case, Status.NOT_RUN, str(missing))
    except VigiposteError as error:
        return _failed_call(case, error)
    except (TypeError, ValueError, AttributeError, KeyError, ImportError) as error:
        return CaseResult(case, Status.FAILED, f"{type(error).__name__}: {error}")
    wanted_error = _wanted_error(case)
    if wanted_error is not None:
        return CaseResult(case, Status.FAILED, f"no error, expected {wanted_error}", actual)
    problem = _difference(actual, case.expected, case.tolerance)
    return CaseResult(case, Status.FAILED if problem else Status.PASSED, problem, actual)


def _wanted_error(case: Case) -> str | None:
    return case.expected.get("error") if isinstance(case.expected, Mapping) else None


def _failed_call(case: Case, error: VigiposteError) -> CaseResult:
    if error.code is not None and error.code == _wanted_error(case):
        return CaseResult(case, Status.PASSED, actual={"error": error.code})
    return CaseResult(case, Status.FAILED, f"error {error.code}: {error}")


def _difference(actual: Any, expected: Any, tolerance: float | Mapping[str, float]) -> str:
    """Where `actual` differs from `expected`; empty when it does not."""
    if not isinstance(expected, Mapping):
        limit = tolerance if not isinstance(tolerance, Mapping) else 0.0
        return _unequal(actual, expected, limit)
    found = []
    for name, value in expected.items():
        part = _field(actual, name)
        if part is _MISSING:
            found.append(f"{name} is missing")
            continue
        limit = tolerance.get(name, 0.0) if isinstance(tolerance, Mapping) else tolerance
        problem = _unequal(part, value, limit)
        if problem:
            found.append(f"{name}: {problem}")
    return "; ".join(found)


_MISSING = object()


def _field(result: Any, name: str) -> Any:
    if isinstance(result, Mapping):
        return result.get(name, _MISSING)
    if dataclasses.is_dataclass(result):
        return getattr(result, name, _MISSING)
    return _MISSING


def _unequal(actual: Any, expected: Any, tolerance: float) -> str:
    if isinstance(expected, str | bool) or (isinstance(expected, Sequence) and _texts(expected)):
        same = list(actual) == list(expected) if isinstance(expected, list) else actual == expected
        return "" if same else f"{actual!r} instead of {expected!r}"
    try:
        got, want = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    except (TypeError, ValueError):
        return f"{actual!r} is no number"
    if got.shape != want.shape:
        return f"shape {got.shape} instead of {want.shape}"
    both_missing = np.isnan(got) & np.isnan(want)
    # A rounding error of the last digit must not fail a value that lies on the tolerance.
    slack = tolerance + 1e-9 * np.maximum(1.0, np.abs(want))
    with np.errstate(invalid="ignore"):
        close = both_missing | (got == want) | (np.abs(got - want) <= slack)
    if close.all():
        return ""
    place = tuple(int(index) for index in np.argwhere(~close)[0])
    where = f" at {list(place)}" if place else ""
    return f"{got[place]:.6g} instead of {want[place]:.6g}{where} (tolerance {tolerance:g})"


def _texts(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)
