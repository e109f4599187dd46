"""What the papers say, taken from the configuration itself: a notice that is true because it is generated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from indicators.governance.consultation import campaign_on
from indicators.limits import all_limits
from sensors.quantities import QUANTITIES, Kind, channels_of
from sensors.site_model import Campaign, Mount, Origin, Sensor

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["CampaignFacts", "PaperFacts", "SensorFacts", "paper_facts"]


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """Sensors of one kind at one place of the body or the room.

    Attributes
    ----------
    quantities : tuple of str
        Everything they may send, as the ingest accepts it.
    workstations : tuple of str
        Labels.
    period_s : float
        Shortest time between two readings [s].
    simulated : bool
        Whether none of them measures anybody.
    """

    kind: Kind
    mount: Mount
    count: int
    quantities: tuple[str, ...]
    workstations: tuple[str, ...]
    period_s: float
    simulated: bool

    @property
    def worn(self) -> bool:
        """Whether people carry them."""
        return self.mount.worn


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """Why, when, and on what consultation."""

    id: str
    first: date
    last: date
    purpose: str | None
    cse_reference: str | None
    cse_date: date | None
    dpia_version: str | None
    simulation: bool = False


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """All that notice, impact assessment, works council sheet and register entry are made of."""

    site: str
    label: str
    sensors: tuple[SensorFacts, ...]
    campaign: CampaignFacts | None
    raw_days: int
    summary_days: int
    group_size: int
    wide_group_size: int
    merge_families: bool
    keyed: bool
    store: str
    indicators: tuple[str, ...]
    profiles: tuple[str, ...]

    @property
    def version(self) -> str:
        """Hash of the facts: it stands on each paper and in each report, and changes when they do.

        The store's engine is left out: the same readings give the same document from either.
        """
        facts = asdict(self)
        del facts["store"]
        plain = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(plain.encode()).hexdigest()[:12]

    @property
    def worn(self) -> tuple[SensorFacts, ...]:
        """Those that people carry."""
        return tuple(row for row in self.sensors if row.worn)


def paper_facts(book: SiteBook, day: date) -> PaperFacts:
    """Facts of the site as configured on `day`: sensors placed then or later, the campaign of that day."""
    profiles = book.site.site.limits
    kinds = {sensor.kind.value for sensor in book.site.sensors}
    campaign = campaign_on(book, day) or next(
        (row for row in sorted(book.site.campaigns, key=lambda row: row.start) if row.start > day), None
    )
    privacy = book.site.privacy
    return PaperFacts(
        site=book.site.site.id,
        label=book.site.site.label,
        sensors=_sensors(book, day),
        campaign=None if campaign is None else _campaign(campaign),
        raw_days=privacy.raw_days,
        summary_days=privacy.summary_days,
        group_size=privacy.group_size,
        wide_group_size=privacy.wide_group_size,
        merge_families=privacy.merge_families,
        keyed=privacy.key_file is not None,
        store=book.site.store.url.partition(":")[0],
        indicators=tuple(
            sorted(
                {
                    row.indicator
                    for row in all_limits().values()
                    if row.profile in profiles and row.factor in kinds
                }
            )
        ),
        profiles=tuple(profiles),
    )


def _campaign(row: Campaign) -> CampaignFacts:
    return CampaignFacts(
        row.id,
        row.start,
        row.end,
        row.purpose,
        row.cse_reference,
        row.cse_date,
        row.dpia_version,
        row.simulation,
    )


def _quantities(sensor: Sensor) -> tuple[str, ...]:
    """Everything the sensor may send: its declared channels, or all of its kind; always its own health."""
    health = tuple(name for name, row in QUANTITIES.items() if row.kind is None)
    return (*(sensor.channels or channels_of(sensor.kind)), *health)


def _sensors(book: SiteBook, day: date) -> tuple[SensorFacts, ...]:
    groups: dict[tuple[Kind, Mount], dict[str, set[str]]] = {}
    by_id = {sensor.id: sensor for sensor in book.site.sensors}
    for placement in book.site.placements:
        if placement.end is not None and placement.end.date() < day:
            continue
        sensor = by_id[placement.sensor]
        own = groups.setdefault((sensor.kind, placement.mount), {})
        own.setdefault(sensor.id, set()).add(placement.workstation)
        moved = {
            row.workstation for row in book.logs.assignments if row.sensor == sensor.id and row.workstation
        }
        own[sensor.id] |= moved
    return tuple(
        _group(book, kind, mount, [by_id[name] for name in members], set().union(*members.values()))
        for (kind, mount), members in sorted(groups.items())
    )


def _group(
    book: SiteBook, kind: Kind, mount: Mount, members: list[Sensor], stations: set[str]
) -> SensorFacts:
    quantities = {name for sensor in members for name in _quantities(sensor)}
    ordered = tuple(name for name in QUANTITIES if name in quantities)
    periods = [sensor.period_s or min(QUANTITIES[name].period_s for name in ordered) for sensor in members]
    return SensorFacts(
        kind=kind,
        mount=mount,
        count=len(members),
        quantities=ordered,
        workstations=tuple(row.label for row in book.site.workstations if row.id in stations),
        period_s=min(periods),
        simulated=all(sensor.origin is not Origin.LIVE for sensor in members),
    )
