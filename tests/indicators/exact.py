"""Whether two results are equal to the last bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np


def same(one: Any, other: Any) -> bool:
    """Whether two contents are equal to the last bit, NaN included."""
    one, other = (value.item() if isinstance(value, np.generic) else value for value in (one, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        equal = one.dtype == other.dtype and one.shape == other.shape
        return bool(equal and one.tobytes() == other.tobytes())
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        return all(same(getattr(one, row.name), getattr(other, row.name)) for row in dataclasses.fields(one))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Enum):
        return one is other
    return repr(one) == repr(other)
