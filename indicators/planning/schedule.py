"""A plan laid over the calendar: which sensors go where on which day, as many as there are sensors for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from indicators.model import Factor
from indicators.planning.model import FactorPlan, KitNeed, StationPlan, Visit
from sensors.quantities import Kind
from sensors.site_model import Weekday

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["schedule"]

_WEEK = tuple(Weekday)
_LONGEST_DAYS = 366
_KIND = {Factor.NOISE: Kind.NOISE, Factor.POSTURE: Kind.POSTURE, Factor.CLIMATE: Kind.CLIMATE}


def schedule(
    book: SiteBook, stations: Sequence[StationPlan], kits: Sequence[KitNeed], start: date
) -> tuple[Visit, ...]:
    """Worker-days by date.

    A set of sensors serves one workstation a day, whatever the shift: it is charged and checked in between.
    Workstations take turns, so that an early end leaves none without data. A kind of which the site file has
    no complete set is planned with one set to be obtained.

    Parameters
    ----------
    book : SiteBook
    stations : sequence of StationPlan
    kits : sequence of KitNeed
    start : date
        First possible day.

    Returns
    -------
    tuple of Visit
        In time order; at most a year.
    """
    found: list[Visit] = []
    for kit in kits:
        sets = _sets(book, kit)
        pending = deque(
            (station, plan, _wearers(plan))
            for station in stations
            for plan in station.factors
            if _KIND[plan.factor] is kit.kind
        )
        day = start
        while pending and (day - start).days < _LONGEST_DAYS:
            found += _one_day(book, pending, sets, day)
            day += timedelta(days=1)
    return tuple(sorted(found, key=lambda visit: (visit.day, visit.shift, visit.workstation, visit.factor)))


def _sets(book: SiteBook, kit: KitNeed) -> list[tuple[str, ...]]:
    names = [row.id for row in book.site.sensors if row.kind is kit.kind]
    whole = len(names) // kit.each
    return [tuple(names[i * kit.each : (i + 1) * kit.each]) for i in range(whole)] or [()]


def _wearers(plan: FactorPlan) -> deque[int | None]:
    """Each wearer once, then each again: people first."""
    order = [
        number if plan.worn else None
        for _ in range(plan.design.days_each)
        for number in range(1, plan.design.workers + 1)
    ]
    return deque(order)


def _one_day(
    book: SiteBook,
    pending: deque[tuple[StationPlan, FactorPlan, deque[int | None]]],
    sets: Sequence[tuple[str, ...]],
    day: date,
) -> list[Visit]:
    visits: list[Visit] = []
    free = deque(sets)
    for _ in range(len(pending)):
        if not free:
            break
        station, plan, wearers = pending.popleft()
        if _WEEK[day.weekday()] in book.site.find("shifts", station.shift).days:
            # Several people of one shift may wear a set each on the same day.
            for _ in range(len(wearers) if plan.worn and len(free) > len(pending) else 1):
                if not free or not wearers:
                    break
                visits.append(
                    Visit(
                        day,
                        station.shift,
                        station.workstation,
                        plan.factor,
                        wearers.popleft(),
                        free.popleft(),
                    )
                )
        if wearers:
            pending.append((station, plan, wearers))
    return visits
