"""The little TOML that a generated site file needs: tables, arrays of tables, plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

__all__ = ["array_of_tables", "table"]


def table(name: str, values: Mapping[str, Any]) -> str:
    """Return ``[name]`` and its keys; keys without a value are left out."""
    return f"[{name}]\n{_keys(values)}\n"


def array_of_tables(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ``[[name]]`` for every row."""
    return "".join(f"[[{name}]]\n{_keys(row)}\n" for row in rows)


def _keys(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(part) for part in value)}]"
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(type(value).__name__)
