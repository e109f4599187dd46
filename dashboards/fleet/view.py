"""What a fleet page says, already in words and figures of one language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards import typography
from dashboards.catalogue import catalogue
from dashboards.wording import Mark, Wording
from indicators.fleet.model import FamilyPlace, FamilyRow, FleetResult, Practice, SiteLine
from indicators.model import Factor, Verdict
from indicators.ranking import ranking_row

__all__ = ["FleetView", "build_fleet_view"]

_ORDER = (Verdict.ABOVE, Verdict.NOT_SETTLED, Verdict.BELOW, Verdict.NOT_MEASURED)
_PLACES_SHOWN = 6
_PRACTICES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are of one verdict."""

    mark: Mark
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site: verdicts by factor, and its worst workstation."""

    id: str
    label: str
    detail: str
    factors: tuple[tuple[Count, ...], ...]
    worst: str
    worst_detail: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A family at one site: verdict, value and what its worst workstation is called."""

    site: str
    site_id: str
    mark: Mark
    value: str
    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family and factor over the sites."""

    name: str
    factor: str
    indicator: str
    counts: tuple[Count, ...]
    withheld: int
    places: tuple[Place, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A practice found at one site and missing at another."""

    family: str
    factor: str
    indicator: str
    better: Place
    worse: Place
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """A whole fleet page in one language."""

    language: str
    fleet: str
    title: str
    period: str
    subtitle: str
    lead: str
    factors: tuple[str, ...]
    sites: tuple[SiteRow, ...]
    families: tuple[Family, ...]
    lessons: tuple[Lesson, ...]
    more_lessons: int
    notes: tuple[str, ...]
    versions: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)


def build_fleet_view(result: FleetResult, language: str | None = None) -> FleetView:
    """Everything a fleet page says about `result`, in `language` (the fleet's own by default)."""
    words = Wording(language or result.language)
    say = words.say
    factors = tuple(f for f in Factor if any(f in line.verdicts for line in result.sites))
    above = sum(_has(line, Verdict.ABOVE) for line in result.sites)
    stations = sum(line.workstations for line in result.sites)
    return FleetView(
        language=words.language,
        fleet=result.label,
        title=_title(result, words),
        period=typography.period_label(result.first, result.last, language=words.language),
        subtitle=say("fleet.subtitle", n=len(result.sites), stations=stations),
        lead=say("fleet.lead", above=above, n=len(result.sites), practices=len(result.practices)),
        factors=tuple(words.factor(factor) for factor in factors),
        sites=tuple(_site(line, factors, words) for line in result.sites),
        families=tuple(_family(row, words) for row in result.families if row.leading),
        lessons=tuple(_lesson(item, words) for item in result.practices[:_PRACTICES_SHOWN]),
        more_lessons=max(0, len(result.practices) - _PRACTICES_SHOWN),
        notes=tuple(say(f"fleet.note_{name}") for name in ("gate", "family", "practice", "cause")),
        versions=(f"Vigiposte {result.version}", result.references),
        words=_words(words),
    )


def _words(words: Wording) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in ("report.", "fleet."):
        found |= {
            code.removeprefix(section): words.say(code)
            for code in catalogue(words.language)
            if code.startswith(section)
        }
    return found


def _title(result: FleetResult, words: Wording) -> str:
    if result.week:
        return words.say("report.week_title", week=str(int(result.week.split("-W")[1])))
    return words.say("report.period_title")


def _has(line: SiteLine, verdict: Verdict) -> bool:
    return any(verdict in counts for counts in line.verdicts.values())


def _counts(counts: Mapping[Verdict, int], words: Wording) -> tuple[Count, ...]:
    return tuple(Count(words.mark(verdict), counts[verdict]) for verdict in _ORDER if counts.get(verdict))


def _site(line: SiteLine, factors: tuple[Factor, ...], words: Wording) -> SiteRow:
    detail = words.say("fleet.stations", n=line.workstations)
    if line.withheld:
        detail += ", " + words.say("fleet.withheld", n=line.withheld)
    worst = line.worst
    return SiteRow(
        id=line.id,
        label=line.label,
        detail=detail,
        factors=tuple(_counts(line.verdicts.get(factor, {}), words) for factor in factors),
        worst=line.worst_station or "",
        worst_detail=""
        if worst is None
        else f"{words.factor(worst.factor)}, "
        + words.say("fleet.times", ratio=typography.safe_number(worst.ratio, [1.0], language=words.language)),
        problem=words.note(line.problem),
    )


def _place(place: FamilyPlace, words: Wording) -> Place:
    return Place(
        site=place.site_label,
        site_id=place.site,
        mark=words.mark(place.verdict),
        value="" if place.indicator.value is None else words.quantity(place.indicator),
        station=place.station,
    )


def _family(row: FamilyRow, words: Wording) -> Family:
    counts = Counter(place.verdict for place in row.places)
    # The worst sites, and always the best one: the distance between them is what the line is about.
    shown = row.places
    if len(shown) > _PLACES_SHOWN:
        shown = (*shown[: _PLACES_SHOWN - 1], shown[-1])
    return Family(
        name=row.family,
        factor=words.factor(row.factor),
        indicator=_indicator(row.places[0], words) if row.places else "",
        counts=_counts(counts, words),
        withheld=row.withheld,
        places=tuple(_place(place, words) for place in shown),
        more=len(row.places) - len(shown),
    )


def _indicator(place: FamilyPlace, words: Wording) -> str:
    """What is compared, and the limit it is held against."""
    limit = ranking_row(place.indicator)
    named = words.indicator_text(place.indicator.id)
    return named if limit is None else f"{named} ({words.limit_value(limit.limit, sign=True)})"


def _lesson(item: Practice, words: Wording) -> Lesson:
    differences = [
        words.say(f"fleet.only_{side}_{one.kind}", what=words.listing(texts))
        for one in item.differences
        for side, texts in (("better", one.only_better), ("worse", one.only_worse))
        if texts
    ]
    return Lesson(
        family=item.family,
        factor=words.factor(item.factor),
        indicator=_indicator(item.worse, words),
        better=_place(item.better, words),
        worse=_place(item.worse, words),
        differences=tuple(differences) or (words.say("fleet.no_difference"),),
    )
