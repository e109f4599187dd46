"""Finding and reading the site file; every problem of it and its logs is reported together."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensors.calibration_log import CALIBRATION_FILE
from sensors.errors import ConfigurationError, Problem, SiteFileError
from sensors.log_checks import check_logs
from sensors.logs import parse_logs
from sensors.protector_rules import check_protectors
from sensors.site_book import SiteBook
from sensors.site_checks import check_references, check_sensors
from sensors.site_rules import (
    check_calibrations,
    check_plan,
    check_settings,
    check_shifts,
    check_timezone,
)
from sensors.site_tables import Draft, parse_tables, table_models

__all__ = ["FILE_NAME", "environment_overrides", "find_site_file", "load_site"]

FILE_NAME = "site.toml"
_VARIABLE = "VIGIPOSTE_SITE"
_CALIBRATION = re.compile(r"calibrations\[(\d+)\](.*)")
_OVERRIDABLE = ("mqtt", "store")
_WHERE = re.compile(r"^(.*?)\s*\(at (?:line (\d+), column (\d+)|(end of document))\)$", re.DOTALL)


def find_site_file(flag: Path | None = None) -> Path:
    """Site file to use: the flag, else ``VIGIPOSTE_SITE``, else ``site.toml`` here or in a parent folder.

    Raises
    ------
    ConfigurationError
        There is none.
    """
    named = flag or (Path(os.environ[_VARIABLE]) if os.environ.get(_VARIABLE) else None)
    if named is not None:
        path = named.expanduser()
        path = path / FILE_NAME if path.is_dir() else path
        if path.is_file():
            return path.absolute()
        raise ConfigurationError(
            "there is no such site file",
            value=str(path),
            rule="--site, VIGIPOSTE_SITE, or site.toml here or in a parent folder",
            remedy="correct the path, or write one with `vigiposte init`",
            code="site_file_missing",
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigurationError(
        f"no {FILE_NAME} in {here} or a parent folder",
        rule="--site, VIGIPOSTE_SITE, or site.toml here or in a parent folder",
        remedy="write one with `vigiposte init`, or try `vigiposte demo`, which needs none",
        code="site_file_missing",
    )


def load_site(path: Path) -> SiteBook:
    """Read and check the site file at `path` and the logs beside it.

    Raises
    ------
    SiteFileError
        ``problems`` holds everything wrong, each with file, key, value, rule, remedy and code.
    """
    path = path.absolute()
    data = _toml(path)
    overrides = environment_overrides(os.environ)
    for (table, key), value in overrides.items():
        if isinstance(data.setdefault(table, {}), dict):
            data[table][key] = value
    own = data.get("calibrations", [])
    logged = _logged_calibrations(path.parent)
    if logged and isinstance(own, list):
        data["calibrations"] = [*own, *logged]
    draft = parse_tables(data, path.name)
    zone = check_timezone(draft)
    check_references(draft)
    check_sensors(draft, zone)
    check_shifts(draft)
    check_protectors(draft)
    check_calibrations(draft)
    check_settings(draft)
    check_plan(draft)
    logs, log_problems = parse_logs(path.parent, zone)
    problems = _attributed(draft, overrides, len(own)) + log_problems + check_logs(draft, logs, zone)
    if problems:
        raise SiteFileError(problems)
    return SiteBook(site=draft.site(), folder=path.parent, path=path, logs=logs)


def environment_overrides(environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Settings of ``[mqtt]`` and ``[store]`` that ``VIGIPOSTE_MQTT_…`` and ``VIGIPOSTE_STORE_…`` replace."""
    models = table_models()
    found = {}
    for table in _OVERRIDABLE:
        for key in models[table][0].model_fields:
            value = environment.get(f"VIGIPOSTE_{table}_{key}".upper())
            if value:
                found[table, key] = value
    return found


def _logged_calibrations(folder: Path) -> list[Any]:
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return []
    data = _toml(path)
    rows = data.pop("calibrations", [])
    if data or not isinstance(rows, list):
        problem = Problem(
            path.name,
            next(iter(data), "calibrations"),
            None,
            "this file holds [[calibrations]] only",
            "move other tables to the site file",
            "unknown_key",
        )
        raise SiteFileError([problem])
    return rows


def _attributed(
    draft: Draft, overrides: Mapping[tuple[str, str], str], own_calibrations: int
) -> list[Problem]:
    """Problems; those that come from the environment or the calibration log named so."""
    names = {f"{table}.{key}": f"VIGIPOSTE_{table}_{key}".upper() for table, key in overrides}
    found = []
    for item in draft.problems:
        place = _CALIBRATION.match(item.key)
        if item.key in names:
            found.append(
                Problem("environment", names[item.key], item.value, item.rule, item.remedy, item.code)
            )
        elif place is not None and int(place[1]) >= own_calibrations:
            key = f"calibrations[{int(place[1]) - own_calibrations}]{place[2]}"
            found.append(Problem(CALIBRATION_FILE, key, item.value, item.rule, item.remedy, item.code))
        else:
            found.append(item)
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigurationError(
            "the site file cannot be read",
            value=str(path),
            rule=error.strerror,
            remedy="check path and rights, or write one with `vigiposte init`",
            code="site_file_unreadable",
        ) from None
    except UnicodeDecodeError as error:
        problem = Problem(
            path.name,
            f"byte {error.start}",
            None,
            "a site file is text in UTF-8",
            "save it as UTF-8",
            "not_utf8",
        )
        raise SiteFileError([problem]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SiteFileError([_syntax(path, str(error))]) from None


def _syntax(path: Path, message: str) -> Problem:
    found = _WHERE.match(message)
    if found is None:
        where, what = "line 1", message
    else:
        what = found[1]
        where = "end of the file" if found[4] else f"line {found[2]}, column {found[3]}"
    return Problem(
        path.name,
        where,
        None,
        f"this is not TOML: {what[:120]}",
        "check quotes, brackets and commas around there; texts and clock times stand between double quotes",
        "toml_syntax",
    )
