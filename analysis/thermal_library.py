"""The border to pythermalcomfort: import on demand, NaN in and out, nothing rounded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, together
from sensors.errors import MethodError, MissingExtraError

__all__ = ["IREQ_LONGEST_H", "choice", "inputs_together", "library", "models", "over_rows"]

Floats = NDArray[np.float64]

IREQ_LONGEST_H = 8.0
"""Allowed time at which the model of the cold stops counting [h]: it stands for this or more."""


def models() -> Any:
    """Models of the library, or ``MissingExtraError``."""
    try:
        from pythermalcomfort import models
    except ImportError as error:
        raise MissingExtraError("this thermal model", "thermal") from error
    return models


def library() -> str:
    """Name and version of the library, stored with each result."""
    return f"pythermalcomfort {version('pythermalcomfort')}"


def choice(value: str, known: Mapping[str, str], what: str, code: str) -> str:
    """The library's name of an edition."""
    if value not in known:
        raise MethodError(f"no such {what}", value=value, rule=" or ".join(known), code=code)
    return known[value]


def inputs_together(**arguments: ArrayLike) -> tuple[Floats, ...]:
    """Arguments as arrays of one shape."""
    arrays = [float_array(values, name) for name, values in arguments.items()]
    return tuple(np.array(array) for array in together(*arrays))


def over_rows(run: Callable[..., Any], names: tuple[str, ...], *inputs: Floats) -> tuple[Floats, ...]:
    """Run a model over the rows in which nothing is missing; NaN elsewhere."""
    shape = inputs[0].shape
    flat = [np.atleast_1d(array).ravel() for array in inputs]
    present = ~np.isnan(np.stack(flat)).any(axis=0)
    results = [np.full(present.shape, np.nan) for _ in names]
    models()
    if present.any():
        with warnings.catch_warnings():
            # The library warns about each value it turns into NaN; here NaN is the documented answer.
            warnings.simplefilter("ignore")
            try:
                outcome = run(*(column[present] for column in flat))
            except ValueError as error:
                raise MethodError(
                    "the model refuses an input", value=str(error), code="out_of_validity"
                ) from error
        for result, name in zip(results, names, strict=True):
            result[present] = _numbers(getattr(outcome, name))
    return tuple(result.reshape(shape) for result in results)


def _numbers(values: object) -> Floats:
    column = np.asarray(values, dtype=object).ravel()
    return np.array([IREQ_LONGEST_H if isinstance(value, str) else float(value) for value in column])
