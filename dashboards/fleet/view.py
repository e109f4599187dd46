"""What a fleet page says, already in words and figures of one language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboards import typography
from dashboards.report.front import Front, period_title, section_words
from dashboards.report.model import Tally
from dashboards.wording import Mark, Wording
from indicators.fleet.model import FamilyPlace, FamilyRow, FleetResult, Practice, SiteLine
from indicators.fleet.words import missing_head, missing_site
from indicators.model import Factor, Verdict
from indicators.ranking import ranking_row

__all__ = ["VERDICT_ORDER", "FleetView", "build_fleet_view", "difference_lines"]

VERDICT_ORDER = (Verdict.ABOVE, Verdict.NOT_SETTLED, Verdict.BELOW, Verdict.NOT_MEASURED)
_PLACES_SHOWN = 6
_PRACTICES_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site: verdicts by factor, and its worst workstation."""

    id: str
    label: str
    detail: str
    factors: tuple[tuple[Tally, ...], ...]
    worst: str
    worst_detail: str
    problem: str
    has_page: bool


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
    counts: tuple[Tally, ...]
    withheld: str
    places: tuple[Place, ...]
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A practice found at one site and missing at others, alike in what differs; the worst of them first."""

    family: str
    factor: str
    indicator: str
    better: Place
    worse: tuple[Place, ...]
    more: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView(Front):
    """A whole fleet page in one language; what a table leaves out is counted beside it.

    Attributes
    ----------
    missing_head, missing : str and tuple of str
        Which sites no figure rests on, and why; both empty where none is missing.
    """

    fleet: str
    missing_head: str
    missing: tuple[str, ...]
    lead: str
    factors: tuple[str, ...]
    sites: tuple[SiteRow, ...]
    more_sites: str
    families: tuple[Family, ...]
    more_families: str
    lessons: tuple[Lesson, ...]
    more_lessons: str
    notes: tuple[str, ...]
    key: tuple[Mark, ...]


def build_fleet_view(
    result: FleetResult, language: str | None = None, *, most: int | None = None
) -> FleetView:
    """Everything a fleet page says about `result`, in `language` (the fleet's own by default).

    `most` bounds the rows of each table, for paper: the worst stay, and a line tells how many more there are.
    """
    words = Wording(language or result.language)
    say = words.say
    factors = tuple(f for f in Factor if any(f in line.verdicts for line in result.sites))
    sites = len(result.counted)
    above = sum(_has(line, Verdict.ABOVE) for line in result.counted)
    stations = sum(line.workstations or 0 for line in result.counted)
    counted = "fleet.subtitle_part" if result.missing else "fleet.subtitle"
    leading = [row for row in result.families if row.leading]
    alike = _alike(result.practices)
    lessons = _PRACTICES_SHOWN if most is None else min(most, _PRACTICES_SHOWN)
    return FleetView(
        language=words.language,
        fleet=result.label,
        title=period_title(result.week, words),
        period=typography.period_label(result.first, result.last, language=words.language),
        subtitle=say(counted, n=sites, total=len(result.sites), stations=stations),
        missing_head=missing_head(result, say),
        missing=tuple(missing_site(line, say) for line in result.missing),
        lead=say("fleet.lead", above=above, n=sites, practices=len(result.practices)),
        factors=tuple(words.factor(factor) for factor in factors),
        sites=tuple(_site(line, factors, words) for line in result.sites[:most]),
        more_sites=_more("sites", len(result.sites), most, words),
        families=tuple(_family(row, words) for row in leading[:most]),
        more_families=_more("families", len(leading), most, words),
        lessons=tuple(_lesson(items, words) for items in alike[:lessons]),
        more_lessons=_more("practices", len(alike), lessons, words),
        notes=tuple(say(f"fleet.note_{name}") for name in ("gate", "family", "practice", "cause")),
        key=tuple(map(words.mark, VERDICT_ORDER)),
        versions=(
            (say("report.version_software"), f"Vigiposte {result.version}"),
            (say("report.version_limits"), result.references),
        ),
        words=section_words(words, "report", "fleet"),
    )


def _more(what: str, total: int, shown: int | None, words: Wording) -> str:
    """How many rows a table leaves out; empty where it holds them all."""
    left = 0 if shown is None else total - shown
    return words.say(f"fleet.more_{what}", n=left) if left > 0 else ""


def _has(line: SiteLine, verdict: Verdict) -> bool:
    return any(verdict in counts for counts in line.verdicts.values())


def _counts(counts: Mapping[Verdict, int], words: Wording) -> tuple[Tally, ...]:
    return tuple(
        Tally(words.mark(verdict), counts[verdict]) for verdict in VERDICT_ORDER if counts.get(verdict)
    )


def _site(line: SiteLine, factors: tuple[Factor, ...], words: Wording) -> SiteRow:
    detail = "" if line.workstations is None else words.say("fleet.stations", n=line.workstations)
    if line.withheld:
        detail += ", " + words.say("fleet.withheld", n=line.withheld)
    worst, judged = line.worst, line.worst_judged
    return SiteRow(
        id=line.id,
        label=line.label,
        detail=detail,
        factors=tuple(_counts(line.verdicts.get(factor, {}), words) for factor in factors),
        worst=line.worst_station or "",
        worst_detail=""
        if worst is None or judged is None
        else words.say(
            "commands.worst_value",
            factor=words.factor(worst.factor),
            value=words.quantity(judged.indicator),
            limit=words.quantity_of(words.limit_value(judged.row.limit), judged.row.limit.unit),
        ),
        problem=words.note(line.problem),
        has_page=line.workstations is not None,
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
        withheld=words.say("fleet.withheld_sites", n=row.withheld) if row.withheld else "",
        places=tuple(_place(place, words) for place in shown),
        more=_more("places", len(row.places), len(shown), words),
    )


def _indicator(place: FamilyPlace, words: Wording) -> str:
    """What is compared, and the limit it is held against."""
    limit = ranking_row(place.indicator)
    named = words.indicator_text(place.indicator.id)
    return named if limit is None else f"{named} ({words.limit_value(limit.limit, sign=True)})"


def _alike(practices: Iterable[Practice]) -> list[list[Practice]]:
    """Practices that say the same of several sites together, in the order of the first."""
    found: dict[tuple[object, ...], list[Practice]] = {}
    for item in practices:
        key = (item.family, item.factor, item.worse.indicator.id, item.better.site, item.differences)
        found.setdefault(key, []).append(item)
    return list(found.values())


def _lesson(alike: Sequence[Practice], words: Wording) -> Lesson:
    item, shown = alike[0], alike[:_PLACES_SHOWN]
    return Lesson(
        family=item.family,
        factor=words.factor(item.factor),
        indicator=_indicator(item.worse, words),
        better=_place(item.better, words),
        worse=tuple(_place(one.worse, words) for one in shown),
        more=_more("worse", len(alike), len(shown), words),
        differences=difference_lines(item, words),
    )


def difference_lines(item: Practice, words: Wording) -> tuple[str, ...]:
    """What is in place at one site and not at the other; where nothing is known, a line that says so."""
    lines = [
        words.say(f"fleet.only_{side}_{one.kind}", what=words.listing(texts))
        for one in item.differences
        for side, texts in (("better", one.only_better), ("worse", one.only_worse))
        if texts
    ]
    return tuple(lines) or (words.say("fleet.no_difference"),)
