"""Sites beside each other: families across sites, and practice found at one site and missing at another.

Only what each site's own privacy gate let through is put side by side; nobody's data of two sites is ever
pooled, and a group too small at its site stays withheld here.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from indicators.fleet.model import (
    Difference,
    FamilyPlace,
    FamilyRow,
    FleetResult,
    Practice,
    SiteLine,
    SitePart,
)
from indicators.fleet.parts import broken_part, missing_part, site_part
from indicators.limits import table_hash
from indicators.model import Factor, Note, Verdict, WeeklyResult
from indicators.verdicts import SEVERITY
from indicators.weekly import software_version
from sensors.errors import NotEnoughDataError, UnreachableError, VigiposteError

if TYPE_CHECKING:
    from sensors.fleet_file import Fleet, FleetSite
    from sensors.periods import DatePeriod

__all__ = ["compare_sites", "fleet_result"]

_RARELY = 200_000


def fleet_result(
    fleet: Fleet,
    period: DatePeriod,
    weekly: Callable[[FleetSite], WeeklyResult],
    progress: Callable[[int, int], None] | None = None,
    processes: int = 1,
) -> FleetResult:
    """Results of all sites put side by side; those whose file cannot be used are in it as missing.

    Parameters
    ----------
    fleet : Fleet
        The sites.
    period : DatePeriod
        Site dates, both included, in each site's own time zone.
    weekly : callable(FleetSite) -> WeeklyResult
        Gated result of one site; only counts and headlines of it are kept.
    progress : callable(done, total), optional
        Called after each site.
    processes : int
        Processes that work on sites at the same time; with more than one, `weekly` must be picklable. The
        result is the same.
    """
    parts: list[SitePart] = []
    with _mapping(processes) as mapped:
        for part in mapped(partial(_part, weekly), fleet.sites):
            parts.append(part)
            if progress is not None:
                progress(len(parts), len(fleet.sites))
    return compare_sites(fleet, period, [*parts, *map(broken_part, fleet.broken)])


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterable[SitePart]]]:
    if processes < 2:
        yield map
        return
    # A new process inherits no lock, thread or open store. Results are trees without cycles, dropped site by
    # site: looking for cycles as often as by default takes a tenth of the time and finds none.
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=gc.set_threshold, initargs=(_RARELY,)) as pool:
        yield pool.map


def _part(weekly: Callable[[FleetSite], WeeklyResult], site: FleetSite) -> SitePart:
    try:
        return site_part(site, weekly(site))
    except NotEnoughDataError:
        return missing_part(site, Note("fleet_nothing_measured"))
    except UnreachableError:
        return missing_part(site, Note("fleet_unreachable"))
    except VigiposteError as trouble:
        if trouble.code == "fleet_ungated":
            raise
        marked = trouble.code == "period_marked"
        return missing_part(site, Note("fleet_period_marked" if marked else "fleet_failed"))


def compare_sites(fleet: Fleet, period: DatePeriod, parts: Sequence[SitePart]) -> FleetResult:
    """Put the parts of all sites side by side, worst first."""
    names: dict[str, str] = {}
    places: dict[tuple[str, Factor, str], list[FamilyPlace]] = defaultdict(list)
    for part in parts:
        for key, name in part.families.items():
            names.setdefault(key, name)
        for where, place in part.places.items():
            places[where].append(place)
    held = Counter(where for part in parts for where in part.withheld)
    leading: dict[tuple[str, Factor], tuple[float, str]] = {}
    for (key, factor, indicator), found in places.items():
        worst = (max(place.ratio for place in found), indicator)
        leading[key, factor] = max(worst, leading.get((key, factor), worst))
    rows = [
        FamilyRow(
            names[key],
            factor,
            indicator,
            tuple(sorted(found, key=_worst_first)),
            leading[key, factor][1] == indicator,
            held[key, factor],
        )
        for (key, factor, indicator), found in places.items()
    ]
    rows.sort(key=lambda row: (_worst_first(row.places[0])[:2], row.family, row.indicator))
    alone = sorted(set(held) - set(leading))
    rows += [FamilyRow(names[key], factor, "", (), True, held[key, factor]) for key, factor in alone]  # noqa: FBT003 - a field of the row
    practices = _practices(rows)
    return FleetResult(
        fleet=fleet.id,
        label=fleet.label,
        language=fleet.language,
        first=period.first,
        last=period.last,
        week=period.week,
        version=software_version(),
        references=table_hash(),
        sites=tuple(sorted((part.line for part in parts), key=_site_order)),
        families=tuple(rows),
        practices=tuple(practices),
    )


def _site_order(line: SiteLine) -> tuple[bool, float, str]:
    return line.problem is not None, -(line.worst.ratio if line.worst else -1.0), line.label


def _worst_first(place: FamilyPlace) -> tuple[int, float, str]:
    return -SEVERITY[place.verdict], -place.ratio, place.site_label


def _practices(rows: Iterable[FamilyRow]) -> list[Practice]:
    """For each site where a family is above, the best site where all of it is below, by one indicator.

    Of several indicators, the one with the largest ratio.
    """
    found: dict[tuple[str, Factor, str], Practice] = {}
    for row in rows:
        good = [place for place in row.places if place.verdict is Verdict.BELOW and not place.withheld]
        if not good:
            continue
        better = min(good, key=lambda place: (place.ratio, place.site_label))
        for worse in row.places:
            key = row.family, row.factor, worse.site
            known = found.get(key)
            if worse.verdict is Verdict.ABOVE and (known is None or known.worse.ratio < worse.ratio):
                found[key] = Practice(row.family, row.factor, better, worse, _differences(better, worse))
    return sorted(found.values(), key=lambda item: (-item.worse.ratio, item.family, item.worse.site_label))


def _differences(better: FamilyPlace, worse: FamilyPlace) -> tuple[Difference, ...]:
    sides = {
        "protector": (better.protectors, worse.protectors),
        "action": (better.actions, worse.actions),
    }
    return tuple(
        Difference(kind, _without(here, there), _without(there, here))
        for kind, (here, there) in sides.items()
        if set(here) != set(there)
    )


def _without(these: Sequence[str], those: Sequence[str]) -> tuple[str, ...]:
    known = {text.casefold() for text in those}
    return tuple(text for text in these if text.casefold() not in known)
