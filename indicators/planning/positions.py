"""Places for sensors of a plan, from the placement table, and how many sensors a worker-day takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from indicators.context import AssessmentContext
from indicators.planning.model import KitNeed, Position
from indicators.table_files import toml_table
from sensors.quantities import Kind
from sensors.site_model import Mount

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["all_positions", "kit_needs", "positions_for"]


@cache
def all_positions() -> tuple[Position, ...]:
    """Every place of the table."""
    return tuple(_position(row) for row in toml_table("placement")["positions"])


def _position(row: dict[str, Any]) -> Position:
    error = row.get("error_deg")
    if row["key"] == "microphone_fixed":
        standing, seated = (row["standing_m"],), (row["seated_above_seat_m"],)
    else:
        standing, seated = tuple(row.get("standing_m", ())), tuple(row.get("seated_m", ()))
    return Position(
        key=row["key"],
        kind=Kind(row["kind"]),
        mount=Mount(row["mount"]),
        error_deg=None if error is None else (float(error[0]), float(error[1])),
        standing_m=tuple(float(height) for height in standing),
        seated_m=tuple(float(height) for height in seated),
        source=row["source"],
        grade=row["grade"],
    )


def positions_for(kind: Kind, context: AssessmentContext, *, worn: bool) -> tuple[Position, ...]:
    """Places of one factor: where the site already has a trunk or arm sensor, that place; else the best."""
    placed = {
        row.mount
        for row in context.book.site.placements
        if row.workstation == context.workstation.id and context.book.sensor(row.sensor).kind is kind
    }
    if kind is Kind.NOISE:
        return (_named("shoulder" if worn else "microphone_fixed"),)
    if kind is Kind.CLIMATE:
        return (_named("climate"),)
    trunk = "upper_back" if Mount.UPPER_BACK in placed and Mount.STERNUM not in placed else "sternum"
    return _named(trunk), _named("upper_arm_dominant")


def _named(key: str) -> Position:
    return next(row for row in all_positions() if row.key == key)


def kit_needs(book: SiteBook, kinds: Sequence[Kind]) -> tuple[KitNeed, ...]:
    """Sensors of each kind in the site file, and how many one worker-day takes."""
    return tuple(
        KitNeed(kind, sum(row.kind is kind for row in book.site.sensors), 2 if kind is Kind.POSTURE else 1)
        for kind in kinds
    )
