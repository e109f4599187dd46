"""The gate every output passes: what the tool may say about a workstation, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from indicators.context import least_wearers
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Note,
    Scope,
    WeeklyResult,
    Withheld,
    WorkstationResult,
)
from indicators.ranking import ranked

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["gate"]

# Lists whose rows rest on parts of the worker-days, each with its own number of wearers.
_PARTS = frozenset({"by_hour", "by_task", "tasks"})

# Aggregates over all worker-days; anything else (single days, EVA, windows) is for analysts.
_AGGREGATES = frozenset(
    {
        "bands",
        "by_hour",
        "by_task",
        "c1u1_db",
        "c_minus_a_db",
        "distribution",
        "events",
        "expanded_u_db",
        "exposure_pa2h",
        "measured_days",
        "niosh",
        "octaves",
        "osha",
        "percentiles",
        "planned_days",
        "points",
        "protector",
        "real_world_db",
        "reduction_db",
        "samples",
        "scheme",
        "tasks",
        "te_h",
        "u1_db",
        "u2_db",
        "u3_db",
        "unprotected_db",
    }
)


def gate(result: WeeklyResult, book: SiteBook, audience: Audience | str) -> WeeklyResult:
    """Keep back what would speak of persons instead of a workstation.

    Parameters
    ----------
    result : WeeklyResult
        As computed, nothing held back yet.
    book : SiteBook
        Its privacy settings give the group size.
    audience : Audience
        `report`, `wide`: factors measured by worn sensors on fewer distinct wearers than the group size are
        replaced by the reason, and figures of single days are taken out of what remains. `analyst`:
        everything, marked as not for circulation.

    Returns
    -------
    WeeklyResult
        Ranked again on what it still shows, so that no rank or ratio gives a withheld factor away.
    """
    chosen = Audience(audience)
    if chosen is Audience.ANALYST:
        notes = (*result.notes, Note("analyst_only"))
        return replace(result, audience=chosen, workstations=ranked(result.workstations), notes=notes)
    minimum = least_wearers(book, chosen)
    stations = [_gated(station, minimum) for station in result.workstations]
    return replace(result, audience=chosen, workstations=ranked(stations))


def _gated(station: WorkstationResult, minimum: int) -> WorkstationResult:
    shown: list[FactorResult] = []
    hidden: list[tuple[Factor, int]] = []
    for factor in station.factors:
        wearers = _fewest_wearers(factor)
        if wearers is not None and wearers < minimum:
            hidden.append((factor.factor, wearers))
        else:
            shown.append(_without_small_weeks(factor, minimum))
    if not hidden:
        return replace(station, factors=tuple(shown))
    wearers = min(count for _, count in hidden)
    before = () if station.withheld is None else station.withheld.factors
    withheld = Withheld(
        factors=(*before, *(factor for factor, _ in hidden)),
        reason=Note("group_too_small", {"wearers": wearers, "minimum": minimum}),
        wearers=wearers,
        minimum=minimum,
    )
    return replace(station, factors=tuple(shown), withheld=withheld)


def _fewest_wearers(factor: FactorResult) -> int | None:
    """Distinct wearers behind the smallest shown group of a factor; ``None`` without worn measurements."""
    counts = [
        item.n_wearers
        for item in factor.indicators
        if item.worn and item.scope is Scope.USUAL and item.n_days > 0
    ]
    return min(counts, default=None)


def _without_small_weeks(factor: FactorResult, minimum: int) -> FactorResult:
    kept = tuple(
        _without_details(item, minimum)
        for item in factor.indicators
        if not (item.worn and item.n_days > 0 and item.n_wearers < minimum)
    )
    return replace(factor, indicators=kept)


def _without_details(item: Indicator, minimum: int) -> Indicator:
    """Details of worn sensors may hold single days; only named aggregates over enough wearers stay."""
    if not item.worn or not item.details:
        return item
    kept = {
        key: value
        for key, value in item.details.items()
        if key in _AGGREGATES and (key not in _PARTS or _enough(value, minimum))
    }
    return replace(item, details=kept)


def _enough(rows: object, minimum: int) -> bool:
    """Whether every row rests on enough wearers: one left out could be had from the total by subtraction."""
    return isinstance(rows, list | tuple) and all(
        isinstance(row, Mapping) and int(row.get("n_wearers", 0)) >= minimum for row in rows
    )
