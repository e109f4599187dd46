"""From the raw tables of a site file to validated rows, collecting every problem instead of the first."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from sensors.errors import Problem
from sensors.site_model import Site

__all__ = ["Draft", "parse_tables", "table_models"]

_SECRET = re.compile(r"pas+w|pwd|token|secret|api_?key", re.IGNORECASE)
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 80

_EXAMPLES: Mapping[str, str] = {
    "id": 'id = "press-1" (a–z, 0–9, _ and -)',
    "label": 'label = "Press 1"',
    "start": 'start = "05:00"',
    "end": 'end = "13:00"',
    "breaks": 'breaks = [["09:00", "09:20"]]',
    "from": "from = 2026-11-16T05:00:00",
    "to": "to = 2026-11-20T13:00:00",
    "at": "at = 2026-11-16T05:00:00",
    "cse_date": "cse_date = 2026-10-01",
    "sensors.kind": 'kind = "noise" (or "climate", "posture")',
    "calibrations.kind": 'kind = "two_postures" (or "upright_only", "estimated", "microphone")',
    "mount": 'mount = "upper_back" (or "fixed", …)',
    "position_m": "position_m = [12.0, 4.5]",
    "upright": "upright = [0.02, 0.99, 0.05] (g, sensor axes)",
    "schema": "schema = 1",
    "size_m": "size_m = [40.0, 25.0]",
}
# Pydantic's error types by what the user has to do about them.
_CODES: Mapping[str, str] = {
    "missing": "missing_key",
    "extra_forbidden": "unknown_key",
    "enum": "not_one_of",
    "literal_error": "not_one_of",
    "string_pattern_mismatch": "bad_id",
    "finite_number": "out_of_range",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "too_short": "wrong_length",
    "too_long": "wrong_length",
    "not_a_clock_time": "wrong_type",
    "implausible_year": "bad_time",
}
_BOUNDS = {"greater_than": ("gt", ">"), "greater_than_equal": ("ge", ">="), "less_than": ("lt", "<")}


@dataclass(slots=True)
class Draft:
    """What could be read of a site file.

    Attributes
    ----------
    single : dict
        Validated ``[table]`` by name.
    rows : dict
        Validated rows of each ``[[table]]`` with their place in the file.
    claimed : dict
        Ids of each table, those of rows with problems included, so that one mistake is reported once.
    problems : list of Problem
        Everything wrong so far.
    """

    file: str
    single: dict[str, BaseModel] = field(default_factory=dict)
    rows: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    claimed: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, key: str, value: object, rule: str, remedy: str) -> None:
        """Note one problem of the site file."""
        self.problems.append(Problem(self.file, key, shortened(value), rule, remedy, code))

    def site(self) -> Site:
        """Return the site, once there is no problem left."""
        return Site.model_validate(
            {
                "schema": 1,
                **self.single,
                **{name: tuple(row for _, row in rows) for name, rows in self.rows.items()},
            }
        )


def shortened(value: object) -> object:
    """`value`, or a short text of it when it is long."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # JSON has no word for these.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) <= 80 else value[:80] + "…"
    return _SHOWN.repr(value) if isinstance(value, list | dict | tuple) else str(value)


def table_models() -> dict[str, tuple[type[BaseModel], bool]]:
    """Model of each table of the site file, and whether it is an array of tables."""
    models: dict[str, tuple[type[BaseModel], bool]] = {}
    for name, info in Site.model_fields.items():
        annotation = info.annotation
        repeated = get_origin(annotation) is tuple
        candidates = get_args(annotation) if repeated or get_args(annotation) else (annotation,)
        model = next(
            (item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None
        )
        if model is not None:
            models[name] = (model, repeated)
    return models


def parse_tables(data: Mapping[str, Any], file: str) -> Draft:
    """Validate every table and row by itself.

    Parameters
    ----------
    data : mapping
        What the TOML parser gave.
    file : str
        Name of the file, for the problems.
    """
    draft = Draft(file)
    models = table_models()
    for name in data:
        if name not in models and name != "schema":
            _unknown(draft, name, name, data[name], [*models, "schema"], "the site file has no such table")
    if data.get("schema") != 1 or isinstance(data.get("schema"), bool):
        draft.add(
            "missing_key" if "schema" not in data else "schema_version",
            "schema",
            data.get("schema"),
            "the first line says which version of the site file this is",
            "write schema = 1",
        )
    for name, (model, repeated) in models.items():
        draft.claimed[name] = set()
        if repeated:
            draft.rows[name] = []
            _parse_rows(draft, name, model, data.get(name, []))
        elif name in data:
            _parse_single(draft, name, model, data[name])
        elif name == "site":
            draft.add(
                "missing_table",
                "site",
                None,
                "a site file names its site",
                '[site] with id = "…" and label = "…"',
            )
    return draft


def _parse_single(draft: Draft, name: str, model: type[BaseModel], raw: Any) -> None:
    if not isinstance(raw, Mapping):
        draft.add("not_a_table", name, raw, f"{name} is one table", f"write [{name}], with single brackets")
        return
    try:
        draft.single[name] = model.model_validate(raw)
    except ValidationError as error:
        _collect(draft, error, name, model)


def _parse_rows(draft: Draft, name: str, model: type[BaseModel], raw: Any) -> None:
    if (
        not isinstance(raw, Sequence)
        or isinstance(raw, str)
        or not all(isinstance(row, Mapping) for row in raw)
    ):
        draft.add(
            "not_an_array",
            name,
            raw,
            f"{name} is an array of tables",
            f"write [[{name}]] before each row, with double brackets",
        )
        if isinstance(raw, Mapping) and isinstance(raw.get("id"), str):
            draft.claimed[name].add(raw["id"])
        return
    for index, row in enumerate(raw):
        if isinstance(row.get("id"), str):
            draft.claimed[name].add(row["id"])
        try:
            draft.rows[name].append((index, model.model_validate(row)))
        except ValidationError as error:
            _collect(draft, error, f"{name}[{index}]", model)


def _collect(draft: Draft, error: ValidationError, prefix: str, model: type[BaseModel]) -> None:
    table = prefix.partition("[")[0]
    keys = [info.alias or name for name, info in model.model_fields.items()]
    for item in error.errors(include_url=False):
        path = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"])
        last = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            _unknown(
                draft,
                path,
                last,
                item["input"],
                keys,
                f"[{table}] has no such key",
            )
            continue
        code = _CODES.get(item["type"], "wrong_type")
        if code == "missing_key" and isinstance(item["loc"][-1], int):
            code = "wrong_length"
        value = None if code == "missing_key" else item["input"]
        example = _EXAMPLES.get(f"{table}.{last}", _EXAMPLES.get(last, ""))
        rule, remedy = _words(item, code, last, _field(model, last), example)
        draft.add(code, path, value, rule, remedy)


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((info for name, info in model.model_fields.items() if key in (name, info.alias)), None)


def _words(item: Any, code: str, key: str, info: FieldInfo | None, example: str) -> tuple[str, str]:
    context = item.get("ctx", {})
    if code == "missing_key":
        return f"{key} must be given", f"add {example or key + ' = …'}"
    if code == "not_one_of":
        choices = re.findall(r"'([^']+)'", str(context.get("expected", "")))
        close = get_close_matches(str(item["input"]), choices, n=1)
        return f"one of {', '.join(choices)}", f"did you mean {close[0]!r}?" if close else "use one of them"
    if code == "bad_id":
        return (
            "an id is a–z, 0–9, _ and -, starts with a letter or digit, and has at most 63 characters",
            f"for example {_suggested_id(str(item['input']))!r}",
        )
    if code == "out_of_range":
        return _range_rule(item["type"], context), "correct the number" + (
            f", as {example}" if example else ""
        )
    if code == "wrong_length":
        return "the list has not the right number of items", f"write {example}" if example else "correct it"
    message = str(item["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    default = info.default if info is not None and not info.is_required() else None
    hint = example or (f"for example {key} = {default!r}" if default not in (None, ()) else "")
    return f"it must be {message}", f"write {hint}" if hint else "correct the value"


def _range_rule(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "finite_number":
        return "a finite number"
    name, sign = _BOUNDS.get(kind, ("le", "<="))
    return f"the value must be {sign} {context.get(name)}"


def _suggested_id(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:63] or "press-1"


def _unknown(draft: Draft, path: str, key: str, value: object, known: Sequence[str], rule: str) -> None:
    if _SECRET.search(key):
        draft.add(
            "secret_in_file",
            path,
            "***",
            "secrets never stand in the site file",
            "use password_file or token_file, or the environment "
            "(VIGIPOSTE_MQTT_PASSWORD, VIGIPOSTE_STORE_TOKEN)",
        )
        return
    close = get_close_matches(key, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    draft.add("unknown_key" if "." in path else "unknown_table", path, value, rule, remedy)
