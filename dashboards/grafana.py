"""Grafana's provisioning files: one data source, three dashboards, made from the tables of limits and kinds.

Dashboards read what ``vigiposte publish`` wrote, by InfluxQL, and nothing else. The same tables give the same
bytes: uids are fixed, keys sorted, panels numbered in their order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dashboards.wording import Wording
from indicators.limits import Comparison, Limit, in_force
from indicators.model import Factor
from indicators.publish import HEALTH, ROLLUP
from indicators.verdicts import SEVERITY
from sensors.quantities import KINDS, QUANTITIES
from sensors.site_model import Site

__all__ = ["DASHBOARD_FOLDER", "DATASOURCE_UID", "limits_by_indicator", "provisioning_files"]

DATASOURCE_UID = "vigiposte-rollups"
DASHBOARD_FOLDER = "dashboards/vigiposte"
_SCHEMA_VERSION = 39
_WIDTH = 24
_COLOURS = ("blue", "yellow", "orange", "red", "dark-red")
_SEVERITY_COLOURS = {"below": "blue", "not_measured": "gray", "not_settled": "yellow", "above": "red"}
_SOURCE = {"type": "influxdb", "uid": DATASOURCE_UID}
# Grafana's names of units it draws itself; any other is written as it is.
_UNITS = {"°C": "celsius", "%": "percent", "h": "h", "min": "m", "°": "degree"}

_DATASOURCE = f"""\
apiVersion: 1
datasources:
  - name: Vigiposte
    uid: {DATASOURCE_UID}
    type: influxdb
    access: proxy
    isDefault: true
    editable: false
    url: ${{VIGIPOSTE_INFLUXDB_URL}}
    user: ${{VIGIPOSTE_INFLUXDB_USER}}
    jsonData:
      dbName: ${{VIGIPOSTE_INFLUXDB_DB}}
      httpMode: GET
      version: InfluxQL
      httpHeaderName1: Authorization
    secureJsonData:
      password: ${{VIGIPOSTE_INFLUXDB_PASSWORD}}
      httpHeaderValue1: Token ${{INFLUXDB_TOKEN}}
"""
_PROVIDER = f"""\
apiVersion: 1
providers:
  - name: vigiposte
    folder: Vigiposte
    type: file
    disableDeletion: true
    allowUiUpdates: false
    options:
      path: /etc/grafana/provisioning/{DASHBOARD_FOLDER}
"""


def provisioning_files(site: Site, language: str, on: date) -> Mapping[str, str]:
    """Every file by its path below Grafana's provisioning folder.

    Parameters
    ----------
    site : Site
        Its profiles and workstations choose the limits that are drawn.
    language : str
        Of titles and names.
    on : date
        Day on which limits are looked up.
    """
    words = Wording(language)
    limits = limits_by_indicator(site, on)
    boards = {
        "overview": _overview(words),
        "workstation": _workstation(words, limits, site.site.id),
        "sensors": _sensors(words),
    }
    files = {
        "datasources/vigiposte.yaml": _DATASOURCE,
        "dashboards/vigiposte.yaml": _PROVIDER,
    }
    for name, panels in boards.items():
        board = _board(name, words, panels, site.site.timezone)
        text = json.dumps(board, ensure_ascii=False, indent=2, sort_keys=True)
        files[f"{DASHBOARD_FOLDER}/{name}.json"] = text + "\n"
    return files


def limits_by_indicator(site: Site, on: date) -> Mapping[str, tuple[Limit, ...]]:
    """Rows that move a verdict at any workstation of the site, by indicator, in the table's order."""
    found: dict[str, tuple[Limit, ...]] = {}
    for row in in_force(on, profiles=site.site.limits):
        if row.role.moves_verdict and any(
            row.applies(station.metabolic_class, acclimatised=station.acclimatised)
            for station in site.workstations
        ):
            found[row.indicator] = (*found.get(row.indicator, ()), row)
    return found


def _board(
    name: str, words: Wording, panels: Sequence[Mapping[str, Any]], timezone: str
) -> Mapping[str, Any]:
    return {
        "uid": f"vigiposte-{name}",
        "title": words.say(f"grafana.{name}"),
        "description": words.say("grafana.description"),
        "tags": ["vigiposte"],
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": timezone,
        "time": {"from": "now-6M" if name != "sensors" else "now-24h", "to": "now"},
        "refresh": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_choice(words)] if name == "workstation" else []},
        "panels": _placed(panels),
    }


def _choice(words: Wording) -> Mapping[str, Any]:
    query = f'SHOW TAG VALUES FROM "{ROLLUP}" WITH KEY = "workstation"'
    return {
        "name": "workstation",
        "label": words.say("grafana.choose"),
        "type": "query",
        "datasource": _SOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
    }


def _placed(panels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Panels left to right, row by row, numbered from 1."""
    placed: list[Mapping[str, Any]] = []
    left = top = height = 0
    for number, panel in enumerate(panels, start=1):
        width, tall = panel["gridPos"]["w"], panel["gridPos"]["h"]
        if left + width > _WIDTH:
            left, top, height = 0, top + height, 0
        placed.append({**panel, "id": number, "gridPos": {"x": left, "y": top, "w": width, "h": tall}})
        left, height = left + width, max(height, tall)
    return placed


def _panel(
    kind: str,
    title: str,
    queries: Sequence[str],
    *,
    size: tuple[int, int],
    defaults: Mapping[str, Any],
    table: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"w": size[0], "h": size[1]},
        "targets": [
            {
                "refId": "ABCDEFGH"[index],
                "datasource": _SOURCE,
                "rawQuery": True,
                "query": query,
                "resultFormat": "table" if table else "time_series",
                "alias": "$tag_workstation $tag_sensor $tag_shift $col",
            }
            for index, query in enumerate(queries)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
    }


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> Mapping[str, Any]:
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def _limit_steps(rows: Sequence[Limit]) -> Mapping[str, Any]:
    """Each limit once, from the smallest; below the first one is the good side unless lower is worse."""
    values = sorted({row.value for row in rows})
    colours = [_COLOURS[min(step, len(_COLOURS) - 1)] for step in range(len(values) + 1)]
    if any(row.comparison in (Comparison.AT_MOST, Comparison.LESS_THAN) for row in rows):
        colours.reverse()
    return _thresholds(list(zip([None, *values], colours, strict=True)))


def _severities(words: Wording) -> Mapping[str, Any]:
    mapping = {
        str(level): {
            "text": words.say(f"verdicts.{verdict.value}"),
            "color": _SEVERITY_COLOURS[verdict.value],
            "index": level,
        }
        for verdict, level in SEVERITY.items()
    }
    return {"mappings": [{"type": "value", "options": mapping}]}


def _select(fields: str, measurement: str, conditions: Sequence[str], tag: str) -> str:
    chosen = " AND ".join((*conditions, "$timeFilter"))
    return " ".join(("SELECT", fields, "FROM", f'"{measurement}"', "WHERE", chosen, "GROUP BY", f'"{tag}"'))


def _verdict_query(fields: str, factor: Factor) -> str:
    conditions = (f"\"indicator\" = 'verdict_{factor.value}'", "\"scope\" = 'usual'")
    return _select(fields, ROLLUP, conditions, "workstation")


def _value_query(indicator: str, site: str) -> str:
    conditions = (
        f"\"site\" = '{site}'",
        "\"workstation\" = '${workstation}'",
        f"\"indicator\" = '{indicator}'",
        "\"scope\" = 'usual'",
    )
    return _select('"value", "low", "high"', ROLLUP, conditions, "shift")


def _health_query(fields: str, *conditions: str) -> str:
    return _select(fields, HEALTH, conditions, "sensor")


def _overview(words: Wording) -> list[Mapping[str, Any]]:
    severities = [_verdict_query(f'last("severity") AS "{factor.value}"', factor) for factor in Factor]
    panels = [
        _panel(
            "table",
            words.say("grafana.verdicts"),
            severities,
            size=(_WIDTH, 9),
            defaults={**_severities(words), "custom": {"cellOptions": {"type": "color-background"}}},
            table=True,
        )
    ]
    return panels + [
        _panel(
            "bargauge",
            words.say("grafana.ratio", factor=words.factor(factor)),
            [_verdict_query('last("ratio")', factor)],
            size=(12, 8),
            # A ratio of one is the limit itself, whatever the limit is.
            defaults={"decimals": 2, "min": 0, "thresholds": _thresholds([(None, "blue"), (1.0, "red")])},
            options={"orientation": "horizontal", "displayMode": "basic"},
        )
        for factor in Factor
    ]


def _workstation(
    words: Wording, limits: Mapping[str, tuple[Limit, ...]], site: str
) -> list[Mapping[str, Any]]:
    return [
        _panel(
            "timeseries",
            words.indicator_text(indicator),
            [_value_query(indicator, site)],
            size=(12, 8),
            defaults={
                "unit": _UNITS.get(rows[0].unit, f"suffix: {words.unit(rows[0].unit)}"),
                "custom": {"thresholdsStyle": {"mode": "line"}, "drawStyle": "line", "showPoints": "always"},
                "thresholds": _limit_steps(rows),
            },
        )
        for indicator, rows in limits.items()
    ]


def _sensors(words: Wording) -> list[Mapping[str, Any]]:
    battery = QUANTITIES["battery"]
    states = _panel(
        "table",
        words.say("grafana.states"),
        [_health_query('last("state") AS "state", last("skew_s") AS "skew_s", last("late") AS "late"')],
        size=(_WIDTH, 9),
        defaults={},
        table=True,
    )
    refused = [
        _panel(
            "timeseries",
            words.say("grafana.rejected", factor=words.factor(kind.value)),
            [_health_query('"rejected"', f"\"kind\" = '{kind.value}'")],
            size=(8, 8),
            defaults={"min": 0},
        )
        for kind in KINDS
    ]
    charge = _panel(
        "timeseries",
        words.say("grafana.battery"),
        [_health_query('"battery"')],
        size=(_WIDTH, 8),
        defaults={"unit": "percent", "min": battery.low, "max": battery.high},
    )
    return [states, *refused, charge]
