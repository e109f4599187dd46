"""Reads the data tables beside this module: bulky figures of standards, one row each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

__all__ = ["csv_matrix", "toml_table"]


@cache
def toml_table(name: str) -> Mapping[str, Any]:
    """Table ``tables/<name>.toml``; treat it as read-only."""
    text = files("indicators").joinpath("tables", f"{name}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@cache
def csv_matrix(name: str) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    """Header and rows of numbers of ``tables/<name>.csv``; lines that start with ``#`` carry the source."""
    text = files("indicators").joinpath("tables", f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = tuple(tuple(float(cell) for cell in line.split(",")) for line in lines[1:])
    return tuple(lines[0].split(",")), rows
