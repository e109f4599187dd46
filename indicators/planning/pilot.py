"""What earlier worker-days tell a plan: where values centre and how they scatter."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.statistics import nested_mean
from indicators.disclosure.publication import permits
from indicators.factor_assessment import MEASURED
from indicators.model import Audience, Factor, Period
from indicators.planning.simulation import DayScale, to_natural, to_working
from indicators.reduction.service import reduce_partitions
from indicators.table_files import toml_table
from indicators.weekly import to_period
from indicators.worker_days.joining import usual_window, worker_days
from indicators.worker_days.merging import MergedDay, merge_days
from indicators.worker_days.values import DayValue, day_values
from sensors.errors import UsageError
from sensors.periods import DatePeriod

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["Components", "Known", "Pilot", "assumed", "pilot_days", "read_pilot", "shrunk"]


@dataclass(frozen=True, slots=True)
class Components:
    """Scatter of worker-days on their working scale, and where the figures come from."""

    scale: DayScale
    between_sd: float
    within_sd: float
    u_per_degree: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the pilot says of one indicator.

    Attributes
    ----------
    centre : float
        Mean of worker-days on the working scale.
    value : float
        The same in the indicator's unit.
    components : Components
        Scatter, the pilot's own drawn towards the assumed one while it is small.
    days, wearers : int
    """

    centre: float
    value: float
    components: Components
    days: int
    wearers: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """Earlier worker-days that may be used for this audience.

    Attributes
    ----------
    known : mapping of (workstation, shift, indicator) to Known
    withheld : frozenset of (workstation, shift, Factor)
        Worn groups that the privacy gate ruled out: neither shown nor used.
    fixed : mapping of workstation to tuple of DayValue
        Days of sensors that nobody wears.
    """

    known: Mapping[tuple[str, str, str], Known] = field(default_factory=dict)
    withheld: frozenset[tuple[str, str, Factor]] = frozenset()
    period: Period | None = None
    fixed: Mapping[str, tuple[DayValue, ...]] = field(default_factory=dict)


def assumed(indicator: str) -> Components | None:
    """Scatter that the tables assume for an indicator; ``None`` when no plan can be made for it."""
    row: Mapping[str, Any] | None = next(
        (row for row in toml_table("placement_variance")["components"] if row["indicator"] == indicator), None
    )
    if row is None:
        return None
    return Components(
        DayScale(row["scale"]),
        float(row["between_sd"]),
        float(row["within_sd"]),
        float(row.get("u_per_degree", 0.0)),
        str(row["source"]),
    )


def read_pilot(
    book: SiteBook, store: Store, period: DatePeriod, audience: Audience, *, exactly: bool = False
) -> Pilot:
    """Worker-days up to the end of `period` as a pilot; empty when the store holds none.

    Parameters
    ----------
    book : SiteBook
    store : Store
    period : DatePeriod
        A week: its usual window is read. For the report audience the worker-days are those that the weekly
        report of this week rests on, so that a plan never shows more than that report does.
    audience : Audience
    exactly : bool
        The dates of `period` and no others; for analysts.

    Raises
    ------
    UsageError
        Code ``pilot_for_analysts``: free dates for the report audience. Windows chosen freely and compared
        with each other would give single worker-days away.
    """
    if exactly and audience.gated:
        raise UsageError(
            "a pilot period of one's own choice is for analysts",
            value=f"{period.first}..{period.last}",
            rule="a week, or --audience analyst",
            remedy="--pilot 2026-W47, or add --audience analyst",
            code="pilot_for_analysts",
        )
    span = to_period(book, period)
    first, last = (period.first, period.last) if exactly else usual_window(book, period.first, period.last)
    reduce_partitions(book, store, first, last)
    merged: dict[str, list[MergedDay]] = defaultdict(list)
    for item in merge_days(store, worker_days(book, first, last)):
        merged[item.day.workstation].append(item)
    allowed = permits(book, span, merged, audience) if audience.gated else None
    values: list[tuple[str, str, DayValue]] = []
    withheld: set[tuple[str, str, Factor]] = set()
    for station in book.site.workstations:
        for shift in station.shifts:
            for factor, kind in MEASURED.items():
                days = [
                    item for item in merged[station.id] if (item.day.shift, item.day.kind) == (shift, kind)
                ]
                if allowed is not None:
                    view = allowed.view(station.id, shift, kind, days, span)
                    days = list(view.usual)
                    withheld |= {(station.id, shift, factor)} if view.refused else set()
                values += [(station.id, shift, item) for item in day_values(book, station, span, days)]
    used = Period(first, last, *DatePeriod(first, last).bounds_ns(book.zone), book.site.site.timezone)
    return pilot_days(values, used, frozenset(withheld))


def pilot_days(
    values: Iterable[tuple[str, str, DayValue]],
    period: Period | None = None,
    withheld: frozenset[tuple[str, str, Factor]] = frozenset(),
) -> Pilot:
    """Centre and scatter of each workstation, shift and indicator.

    Parameters
    ----------
    values : iterable of (workstation, shift, DayValue)
        Ruled in already. Worn and fixed sensors are never mixed: where there are worn days, they count.
    period : Period, optional
        Where they come from.
    withheld : frozenset
        What was ruled out.
    """
    grouped: dict[tuple[str, str, str], list[DayValue]] = defaultdict(list)
    for station, shift, item in values:
        grouped[station, shift, item.indicator].append(item)
    fixed: dict[str, list[DayValue]] = defaultdict(list)
    known: dict[tuple[str, str, str], Known] = {}
    for key, days in sorted(grouped.items()):
        fixed[key[0]] += [item for item in days if not item.worn]
        components = assumed(key[2])
        if components is not None:
            known[key] = _known([item for item in days if item.worn] or days, components)
    return Pilot(
        known,
        withheld,
        period if grouped else None,
        {station: tuple(days) for station, days in fixed.items()},
    )


def _known(days: list[DayValue], components: Components) -> Known:
    working = to_working(np.array([item.value for item in days]), components.scale)
    wearers = [item.wearer for item in days]
    found = nested_mean(working, wearers)
    if components.scale is DayScale.ENERGY_DB:
        value = 10.0 * math.log10(float(np.mean(10.0 ** (working / 10.0))))
    else:
        value = float(np.mean(to_natural(working, components.scale)))
    spread = float(working.std(ddof=1)) if working.size > 1 else math.nan
    return Known(
        centre=found.mean,
        value=value,
        components=shrunk(components, found.between_sd, found.within_sd, spread, found.days, found.wearers),
        days=found.days,
        wearers=found.wearers,
    )


def shrunk(
    prior: Components, between_sd: float, within_sd: float, spread: float, days: int, wearers: int
) -> Components:
    """Pilot scatter drawn towards the assumed one: variances weighted by degrees of freedom.

    Parameters
    ----------
    prior : Components
        Assumed scatter; it counts for the table's weight.
    between_sd, within_sd : float
        Of the pilot, NaN where its design cannot tell them apart.
    spread : float
        Standard deviation of all worker-days, NaN with one day.
    days, wearers : int
        Of the pilot.
    """
    weight = float(toml_table("placement_variance")["weight"])

    def mixed(own: float, freedom: float, expected: float) -> float:
        return math.sqrt((freedom * own**2 + weight * expected**2) / (freedom + weight))

    if math.isfinite(between_sd) and math.isfinite(within_sd):
        between = mixed(between_sd, wearers - 1, prior.between_sd)
        within = mixed(within_sd, days - wearers, prior.within_sd)
    elif math.isfinite(spread):
        # Days cannot be told from wearers: both parts grow or shrink together.
        total = math.hypot(prior.between_sd, prior.within_sd)
        ratio = mixed(spread, days - 1, total) / total
        between, within = prior.between_sd * ratio, prior.within_sd * ratio
    else:
        between, within = prior.between_sd, prior.within_sd
    return Components(prior.scale, between, within, prior.u_per_degree, prior.source)
