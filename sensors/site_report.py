"""What `check` shows of a valid site: effective settings with their origin, and how much of everything."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from sensors.site_book import SiteBook
from sensors.site_file import environment_overrides
from sensors.site_rules import masked_url
from sensors.site_tables import table_models

__all__ = ["SECRET_VARIABLES", "counts", "effective_values"]

SECRET_VARIABLES = ("VIGIPOSTE_MQTT_PASSWORD", "VIGIPOSTE_STORE_TOKEN")


def effective_values(book: SiteBook) -> dict[str, dict[str, dict[str, Any]]]:
    """Settings in force, ``{table: {key: {"value": …, "origin": "site file" | "environment" | "default"}}}``.

    Secrets are shown as ``***``: those in the environment, and user and password inside a URL.
    """
    overrides = environment_overrides(os.environ)
    shown: dict[str, dict[str, dict[str, Any]]] = {}
    for table in ("site", "mqtt", "store", "privacy", "dashboard"):
        settings = getattr(book.site, table)
        values = settings.model_dump(mode="json", by_alias=True)
        given = settings.model_fields_set
        shown[table] = {
            key: {
                "value": masked_url(value) if isinstance(value, str) else value,
                "origin": _origin((table, key) in overrides, key in given),
            }
            for key, value in values.items()
        }
    for variable in SECRET_VARIABLES:
        if os.environ.get(variable):
            table, _, key = variable.removeprefix("VIGIPOSTE_").lower().partition("_")
            shown[table][key] = {"value": "***", "origin": "environment"}
    return shown


def _origin(overridden: bool, given: bool) -> str:
    return "environment" if overridden else "site file" if given else "default"


def counts(book: SiteBook) -> dict[str, int]:
    """Rows of each array of tables and of each log, by name; empty ones left out."""
    found = {
        name: len(getattr(book.site, name)) for name, (_, repeated) in table_models().items() if repeated
    }
    for log in fields(book.logs):
        found[f"{log.name}.csv"] = len(getattr(book.logs, log.name) or ())
    return {name: number for name, number in found.items() if number}
