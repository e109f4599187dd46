"""What ``--fleet`` does in the commands that take it: sites side by side."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from indicators.commands.options import chosen_period, on_cluster, progress_line, reduced_with
from indicators.verdicts import FailOn
from sensors.errors import UsageError
from sensors.fleet_runs import refuse_with_fleet, worst_code

if TYPE_CHECKING:
    from indicators.fleet.model import FamilyPlace, FleetResult, SiteLine
    from indicators.reduction.cluster import Cluster
    from indicators.words import Text
    from ingest.store import Store
    from sensors.command_line import Services
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["fleet_code", "fleet_lines", "fleet_of", "missing_lines", "require_whole_sites"]

_EXCEEDED = 10
# As the command ends for the site alone.
_CODES = {"fleet_nothing_measured": 4, "fleet_unreachable": 5}
_OTHER_PROBLEM = 3


def require_whole_sites(audience: str, **others: object) -> None:
    """Refuse options that make no sense for a fleet.

    Raises
    ------
    UsageError
        ``fleet_audience``, ``fleet_option``.
    """
    if audience != "report":
        raise UsageError(
            "a fleet is shown to the audience report only",
            value=audience,
            rule="sites are compared by what their own gate lets through",
            remedy="look at one site with --site and --audience analyst",
            code="fleet_audience",
        )
    refuse_with_fleet(**others)


def fleet_of(
    services: Services,
    path: Path,
    dates: tuple[str | None, str | None, str | None],
    scheduler: str | None = None,
    language: str | None = None,
) -> FleetResult:
    """Result of the fleet at `path` for week, first and last date as the options gave them."""
    fleet = services.extra["load_fleet"](path)
    period = chosen_period(fleet.sites[0].book, *dates)
    say = services.text(language or fleet.language)
    # One cluster works for one site after the other.
    with on_cluster(services, fleet.sites[0].book, scheduler, say) as cluster:
        prepare = None if cluster is None else partial(_prepared, services, cluster, say, period)
        found: FleetResult = services.extra["fleet_result"](
            fleet, period, prepare=prepare, progress=progress_line(say("commands.fleet_sites"))
        )
    return found


def _prepared(
    services: Services, cluster: Cluster, say: Text, period: DatePeriod, book: SiteBook, store: Store
) -> bool:
    progress = progress_line(f"{book.site.site.label}: {say('commands.reducing')}", passing=True)
    reduced_with(services, cluster, book, store, progress, period)
    return True


def fleet_code(result: FleetResult, level: FailOn | None = None) -> int:
    """Exit code of a fleet: the gravest of its sites, 10 where one exceeds what `level` names."""
    codes = [
        0 if line.problem is None else _CODES.get(line.problem.code, _OTHER_PROBLEM) for line in result.sites
    ]
    if level is not None:
        told = {FailOn.LIMIT} if level is FailOn.LIMIT else set(FailOn)
        codes += [_EXCEEDED for line in result.sites if line.exceeds in told]
    return worst_code(codes)


def fleet_lines(result: FleetResult, say: Text) -> Iterator[str]:
    """The fleet for a terminal, worst site first, then what one site could learn from another."""
    yield say(
        "commands.title",
        site=result.label,
        period=result.week or say("commands.dates"),
        first=result.first,
        last=result.last,
    )
    yield ""
    if result.missing:
        yield from missing_lines(result, say)
        yield ""
    for line in result.counted:
        yield _site(line, say)
    yield ""
    for item in result.practices:
        yield say(
            "commands.fleet_practice",
            family=item.family,
            factor=say(f"factors.{item.factor.value}"),
            better=_at(item.better, say),
            worse=_at(item.worse, say),
        )
        for one in item.differences:
            for side, texts in (("better", one.only_better), ("worse", one.only_worse)):
                if texts:
                    yield "    " + say(f"fleet.only_{side}_{one.kind}", what="; ".join(texts))


def missing_lines(result: FleetResult, say: Text) -> Iterator[str]:
    """How many sites are missing, how many the rest speaks of, and why; nothing where none is missing."""
    from indicators.fleet.words import missing_head, missing_site

    if not result.missing:
        return
    yield missing_head(result, say)
    for line in result.missing:
        yield f"  × {missing_site(line, say)}"


def _site(line: SiteLine, say: Text) -> str:
    from indicators.commands.terminal_result import worst_words
    from indicators.commands.terminal_rows import SYMBOLS

    counts = "  ".join(
        f"{say(f'factors.{factor.value}')} "
        + " ".join(f"{SYMBOLS[verdict]}{verdicts[verdict]}" for verdict in SYMBOLS if verdict in verdicts)
        for factor, verdicts in line.verdicts.items()
    )
    worst = ""
    if line.worst is not None and line.worst_judged is not None:
        words = worst_words(line.worst.factor, line.worst_judged, say)
        worst = f"  {say('commands.factor', factor=line.worst_station, verdict=words)}"
    held = f"  {say('commands.fleet_withheld', n=line.withheld)}" if line.withheld else ""
    return f"{line.label} ({line.id})  {counts}{held}{worst}"


def _at(place: FamilyPlace, say: Text) -> str:
    from indicators.commands.terminal_rows import figure
    from indicators.words import quantity

    item = place.indicator
    if item.value is None:
        return place.site_label
    limits = tuple(row.limit.value for row in item.limits)
    return f"{place.site_label} {quantity(figure(item.value, limits, say), item.unit, say)}"
