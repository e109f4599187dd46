"""Gated rollups for Grafana and other readers: the only place where a workstation is a tag."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from indicators.disclosure.publication import is_worn_posting
from indicators.model import Audience, FactorResult, Indicator, Scope, WeeklyResult, WorkstationResult
from indicators.verdicts import SEVERITY
from sensors.errors import GovernanceError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "HEALTH",
    "HEALTH_TAGS",
    "ROLLUP",
    "ROLLUP_TAGS",
    "RollupStore",
    "health_table",
    "publish",
    "refuse_other_circle",
    "rollup_table",
]

ROLLUP = "rollup"
ROLLUP_TAGS = ("indicator", "scope", "shift", "site", "workstation")
HEALTH = "sensor_health"
HEALTH_TAGS = ("kind", "sensor", "site")
_ALL_SHIFTS = "all"
# For whom a row was made; and a field that each row has.
_CIRCLE, _ALWAYS = "audience", "references"
_SECOND_NS = 1_000_000_000

_ROLLUP_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ns", tz="UTC")),
        *((tag, pa.string()) for tag in ROLLUP_TAGS),
        *((name, pa.float64()) for name in ("value", "low", "high", "coverage", "days", "ratio", "severity")),
        ("unit", pa.string()),
        ("verdict", pa.string()),
        ("references", pa.string()),
        (_CIRCLE, pa.string()),
    ]
)
_HEALTH_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ns", tz="UTC")),
        *((tag, pa.string()) for tag in HEALTH_TAGS),
        ("state", pa.string()),
        *((name, pa.float64()) for name in ("rows", "rate_per_s", "rejected", "late", "skew_s", "battery")),
    ]
)


class RollupStore(Protocol):
    """A store that takes small tables beside readings and summaries."""

    @property
    def url(self) -> str:
        """Address without secrets."""

    def write_rollups(self, measurement: str, table: pa.Table, tags: Sequence[str], name: str) -> int:
        """Store the table, replacing what the same period published before; the rows written."""

    def rollup_values(self, measurement: str, field: str, always: str) -> frozenset[str]:
        """Values of a text field in all rows; empty text for rows without it. Every row has `always`."""


def rollup_table(result: WeeklyResult) -> pa.Table:
    """Rows of a gated result: each indicator by shift and scope, and ``verdict_FACTOR`` for each factor.

    The time is the last second of the period. Notes, details and numbers of wearers stay out.

    Raises
    ------
    GovernanceError
        Code ``ungated``: the result was made for the analyst.
    """
    if not result.audience.gated:
        raise GovernanceError(
            "ungated values are never published",
            value=result.audience.value,
            rule="report or wide",
            code="ungated",
        )
    common = {
        "time": result.period.end_ns - _SECOND_NS,
        "site": result.site,
        _ALWAYS: result.references,
        _CIRCLE: result.audience.value,
    }
    rows = []
    for station in result.workstations:
        for factor in station.factors:
            rows.append(common | _verdict_row(station, factor))
            rows += [common | _row(station, item) for item in factor.indicators]
    return pa.Table.from_pylist(rows, schema=_ROLLUP_SCHEMA)


def _verdict_row(station: WorkstationResult, factor: FactorResult) -> dict[str, Any]:
    ratios = [row.ratio for item in factor.indicators for row in item.limits if row.ratio is not None]
    return {
        "workstation": station.id,
        "indicator": f"verdict_{factor.factor.value}",
        "scope": Scope.USUAL.value,
        "shift": _ALL_SHIFTS,
        "ratio": max(ratios, default=None),
        "severity": float(SEVERITY[factor.verdict]),
        "verdict": factor.verdict.value,
    }


def _row(station: WorkstationResult, item: Indicator) -> dict[str, Any]:
    moving = [row for row in item.limits if row.limit.role.moves_verdict]
    worst = max(moving, key=lambda row: SEVERITY[row.verdict], default=None)
    ranking = next((row for row in moving if row.limit.ranking), None)
    return {
        "workstation": station.id,
        "indicator": item.id,
        "scope": item.scope.value,
        "shift": item.shift or _ALL_SHIFTS,
        "value": item.value,
        "low": None if item.interval is None else item.interval.low,
        "high": None if item.interval is None else item.interval.high,
        "coverage": item.coverage,
        "days": float(item.n_days),
        "ratio": None if ranking is None else ranking.ratio,
        "severity": None if worst is None else float(SEVERITY[worst.verdict]),
        "unit": item.unit,
        "verdict": None if worst is None else worst.verdict.value,
    }


def health_table(book: SiteBook, seen: Any) -> pa.Table:
    """Health of the fixed sensors, from an ``Overview``; when a worn one was silent is nobody's business."""
    site = book.site.site.id
    rows = [
        {
            "time": seen.at_ns,
            "site": site,
            "sensor": line.sensor.id,
            "kind": line.sensor.kind.value,
            "state": line.state,
            "rows": float(line.health.rows),
            "rate_per_s": float(line.health.rate_per_s),
            "rejected": float(sum(line.health.rejected.values())),
            "late": float(line.health.late),
            "skew_s": line.health.skew_s,
            "battery": line.health.battery,
        }
        for line in seen.sensors
        if not is_worn_posting(book, line.sensor.id)
    ]
    return pa.Table.from_pylist(rows, schema=_HEALTH_SCHEMA)


def publish(store: RollupStore, book: SiteBook, result: WeeklyResult, seen: Any) -> tuple[int, int]:
    """Write the rollups of a gated result and the health of fixed sensors; rows of each.

    Raises
    ------
    GovernanceError
        Code ``rollups_of_another_circle``: the store has rollups that were made for others, which these would
        replace or stand beside.
    """
    first, last = result.period.first, result.period.last
    table = rollup_table(result)
    refuse_other_circle(store, result.audience)
    rollups = store.write_rollups(ROLLUP, table, ROLLUP_TAGS, _name(result.site, first, last))
    # Somebody else may have begun at the same moment.
    refuse_other_circle(store, result.audience)
    health = health_table(book, seen)
    return rollups, store.write_rollups(HEALTH, health, HEALTH_TAGS, result.site)


def refuse_other_circle(store: RollupStore, audience: Audience) -> None:
    """Let rollups for `audience` be written into `store`, unless it holds those of another circle.

    Raises
    ------
    GovernanceError
        Code ``rollups_of_another_circle``.
    """
    others = store.rollup_values(ROLLUP, _CIRCLE, _ALWAYS) - {audience.value}
    if others:
        named = ", ".join(sorted(name or "unknown (rows of an older version)" for name in others))
        raise GovernanceError(
            f"{store.url} holds rollups for another circle than {audience.value}",
            value=named,
            rule="one circle a database: who may query it reads all of it",
            remedy="publish --store into a database of its own, or clear the rollups there and publish again",
            code="rollups_of_another_circle",
        )


def _name(site: str, first: date, last: date) -> str:
    return f"{site}-{first}-{last}"
