"""What earlier worker-days tell a plan: where values centre and how they scatter."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.statistics import nested_mean
from indicators.day_values import DayValue, measured_days
from indicators.model import Audience, Factor, Period
from indicators.planning_simulation import DayScale, to_natural, to_working
from indicators.reduction.service import reduce_partitions
from indicators.table_files import toml_table

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.periods import DatePeriod
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
        Worn by fewer people than the group size, or by one of them more than half of the days: neither
        shown nor used.
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


def read_pilot(book: SiteBook, store: Store, period: DatePeriod, audience: Audience) -> Pilot:
    """Worker-days of the site dates `period` as a pilot; empty when the store holds none."""
    from indicators.weekly import to_period

    reduce_partitions(book, store, period.first, period.last)
    values: list[tuple[str, DayValue]] = []
    for station in book.site.workstations:
        measured = measured_days(book, store, station.id, period, reduce=False)
        values += [(station.id, item) for item in measured.values]
    return pilot_days(values, book.site.privacy.group_size, audience, to_period(book, period))


def pilot_days(
    values: Iterable[tuple[str, DayValue]], group_size: int, audience: Audience, period: Period | None
) -> Pilot:
    """Centre and scatter of each workstation, shift and indicator; small groups are left out of a report."""
    grouped: dict[tuple[str, str, str], list[DayValue]] = defaultdict(list)
    for station, item in values:
        grouped[station, item.shift, item.indicator].append(item)
    fixed: dict[str, list[DayValue]] = defaultdict(list)
    known: dict[tuple[str, str, str], Known] = {}
    withheld: set[tuple[str, str, Factor]] = set()
    for key, days in sorted(grouped.items()):
        fixed[key[0]] += [item for item in days if not item.worn]
        components = assumed(key[2])
        if components is None:
            continue
        people = Counter(item.wearer for item in days if item.worn)
        small = len(people) < group_size or max(people.values(), default=0) > len(days) / 2
        if people and small and audience is Audience.REPORT:
            withheld.add((key[0], key[1], days[0].factor))
            continue
        known[key] = _known(days, components)
    return Pilot(
        known,
        frozenset(withheld),
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
