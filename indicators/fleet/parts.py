"""What one site brings into a fleet: counts and headlines of its gated result, nothing finer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from indicators.fleet.model import FamilyPlace, SiteLine, SitePart
from indicators.model import (
    Audience,
    Factor,
    Indicator,
    LimitAssessment,
    Note,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.ranking import ranking_row, worst_judged
from indicators.verdicts import SEVERITY, FailOn, exceeded
from sensors.errors import GovernanceError

if TYPE_CHECKING:
    from sensors.fleet_file import BrokenSite, FleetSite

__all__ = ["broken_note", "broken_part", "missing_part", "site_part"]

_Judged = tuple[float, WorkstationResult, Indicator, LimitAssessment]


def site_part(site: FleetSite, result: WeeklyResult) -> SitePart:
    """Take out of a gated result what a fleet compares.

    Raises
    ------
    GovernanceError
        ``fleet_ungated``: the result did not pass the gate for the audience ``report``.
    """
    if result.audience is not Audience.REPORT:
        raise GovernanceError(
            "a fleet is made of gated results only",
            value=result.audience.value,
            rule="audience report",
            code="fleet_ungated",
        )
    verdicts: dict[Factor, Counter[Verdict]] = defaultdict(Counter)
    for station in result.workstations:
        for factor in station.factors:
            verdicts[factor.factor][factor.verdict] += 1
    worst = max(
        (station for station in result.workstations if station.worst is not None),
        key=lambda station: 0.0 if station.worst is None else station.worst.ratio,
        default=None,
    )
    line = SiteLine(
        id=result.site,
        label=site.label,
        workstations=len(result.workstations),
        verdicts={factor: dict(verdicts[factor]) for factor in Factor if factor in verdicts},
        withheld=sum(station.withheld is not None for station in result.workstations),
        worst=None if worst is None else worst.worst,
        worst_station=None if worst is None else worst.label,
        worst_judged=None if worst is None else worst_judged(worst),
        exceeds=next((level for level in (FailOn.LIMIT, FailOn.ACTION) if exceeded(result, level)), None),
    )
    return SitePart(line, *_families(site, result))


def missing_part(site: FleetSite, problem: Note) -> SitePart:
    """A site without a result, and why."""
    return _without_result(site, len(site.book.site.workstations), problem)


def broken_part(site: BrokenSite) -> SitePart:
    """A site whose file cannot be used."""
    return _without_result(site, None, broken_note(site))


def broken_note(site: BrokenSite) -> Note:
    """Why a site is left out.

    What is wrong in its file may name people or what they wear: documents count it, ``check`` tells it.
    """
    if site.unread:
        return Note("fleet_site_unread", {"file": site.file})
    return Note("fleet_site_broken", {"file": site.file, "n": len(site.problems)})


def _without_result(site: FleetSite | BrokenSite, stations: int | None, problem: Note) -> SitePart:
    line = SiteLine(
        id=site.id, label=site.label, workstations=stations, verdicts={}, withheld=0, problem=problem
    )
    return SitePart(line, {}, frozenset(), {})


def _families(
    site: FleetSite, result: WeeklyResult
) -> tuple[dict[tuple[str, Factor, str], FamilyPlace], frozenset[tuple[str, Factor]], dict[str, str]]:
    by_family: dict[str, list[WorkstationResult]] = defaultdict(list)
    names: dict[str, str] = {}
    for station in result.workstations:
        if station.family is not None and station.family.strip():
            key = " ".join(station.family.casefold().split())
            names.setdefault(key, station.family.strip())
            by_family[key].append(station)
    places: dict[tuple[str, Factor, str], FamilyPlace] = {}
    withheld: set[tuple[str, Factor]] = set()
    for key, stations in by_family.items():
        for factor in Factor:
            found = _places(site, result, stations, factor)
            places |= {(key, factor, name): place for name, place in found.items()}
            if not found and any(_held(station, factor) for station in stations):
                withheld.add((key, factor))
    return places, frozenset(withheld), names


def _held(station: WorkstationResult, factor: Factor) -> bool:
    return station.withheld is not None and factor in station.withheld.factors


def _places(
    site: FleetSite, result: WeeklyResult, stations: Sequence[WorkstationResult], factor: Factor
) -> dict[str, FamilyPlace]:
    """What a family is judged by at this site, by indicator."""
    judged: dict[str, list[_Judged]] = defaultdict(list)
    for station in stations:
        for item, row, ratio in _rows(station, factor):
            judged[item.id].append((ratio, station, item, row))
    if not judged:
        return {}
    withheld = sum(_held(station, factor) for station in stations)
    protectors = _protectors(site, stations) if factor is Factor.NOISE else ()
    actions = _actions(site, result, stations, factor)
    found = {}
    for name, rows in judged.items():
        ratio, station, item, _ = max(rows, key=lambda row: row[0])
        found[name] = FamilyPlace(
            site=result.site,
            site_label=site.label,
            station=station.label,
            verdict=max((row.verdict for _, _, _, row in rows), key=SEVERITY.__getitem__),
            verdicts=dict(Counter(row.verdict for _, _, _, row in rows)),
            withheld=withheld,
            indicator=replace(item, details={}, quality=()),
            ratio=ratio,
            protectors=protectors,
            actions=actions,
        )
    return found


def _rows(station: WorkstationResult, factor: Factor) -> Iterator[tuple[Indicator, LimitAssessment, float]]:
    """Usual indicators of a factor that have a ratio; of several shifts, the worst."""
    worst: dict[str, tuple[Indicator, LimitAssessment, float]] = {}
    for part in station.factors:
        for item in part.indicators if part.factor is factor else ():
            row = ranking_row(item)
            if item.scope is not Scope.USUAL or row is None or row.ratio is None:
                continue
            if item.id not in worst or row.ratio > worst[item.id][2]:
                worst[item.id] = (item, row, row.ratio)
    yield from worst.values()


def _protectors(site: FleetSite, stations: Sequence[WorkstationResult]) -> tuple[str, ...]:
    labels: Mapping[str, str] = {row.id: row.label for row in site.book.site.protectors}
    ids = {station.id for station in stations}
    used = {row.protector for row in site.book.site.workstations if row.id in ids and row.protector}
    return tuple(sorted(labels.get(one, one) for one in used))


def _actions(
    site: FleetSite, result: WeeklyResult, stations: Sequence[WorkstationResult], factor: Factor
) -> tuple[str, ...]:
    ids = {station.id for station in stations}
    done = {
        row.what.strip()
        for row in site.book.logs.actions
        if row.workstation in ids
        and row.factor.value == factor.value
        and row.done is not None
        and row.done <= result.period.last
    }
    return tuple(sorted(done))
