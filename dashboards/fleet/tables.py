"""A fleet as tables of real numbers: sites, differences, and families by factor with units in the headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.fleet.view import VERDICT_ORDER, FleetView, difference_lines
from dashboards.report.tables import Sheet, Value
from dashboards.wording import Wording
from indicators.fleet.model import FamilyPlace, FamilyRow, FleetResult, Practice, SiteLine
from indicators.model import Factor

__all__ = ["fleet_sheets", "places_sheet"]


def fleet_sheets(result: FleetResult, view: FleetView, words: Wording) -> list[Sheet]:
    """Everything of a fleet, nothing left out: one sheet of sites, one of differences, one a factor.

    Where sites are missing, a sheet that names them and says why comes before all others.
    """
    say = view.words
    factors = [factor for factor in Factor if any(row.factor is factor for row in result.families)]
    about = Sheet(
        say["method"],
        (say["method"], ""),
        (
            *((line, "") for line in (view.missing_head, *view.notes) if line),
            *view.versions,
            (view.period, view.fleet),
        ),
    )
    return [
        *([_missing(result, view, words)] if result.missing else []),
        _sites(result, say, words),
        _practices(result.practices, say, words),
        *(_families(result, factor, say, words) for factor in factors),
        about,
    ]


def _missing(result: FleetResult, view: FleetView, words: Wording) -> Sheet:
    head = tuple(view.words[f"column_{name}"] for name in ("site", "site_id", "problem"))
    rows = tuple((line.label, line.id, words.note(line.problem)) for line in result.missing)
    return Sheet(view.words["sheet_missing"], head, ((view.missing_head, None, None), *rows))


def _sites(result: FleetResult, say: Mapping[str, str], words: Wording) -> Sheet:
    factors = [factor for factor in Factor if any(factor in line.verdicts for line in result.sites)]
    counted = [(factor, verdict) for factor in factors for verdict in VERDICT_ORDER]
    head = (
        say["column_site"],
        say["column_site_id"],
        say["column_stations"],
        say["column_stations_withheld"],
        *(f"{words.factor(factor)}, {words.mark(verdict).word}" for factor, verdict in counted),
        say["column_worst"],
        say["column_worst_factor"],
        say["column_worst_ratio"],
        say["column_problem"],
    )

    def row(line: SiteLine) -> tuple[Value, ...]:
        worst = line.worst
        counts = (
            line.verdicts[factor].get(verdict, 0) if factor in line.verdicts else None
            for factor, verdict in counted
        )
        return (
            line.label,
            line.id,
            line.workstations,
            line.withheld,
            *counts,
            line.worst_station,
            None if worst is None else words.factor(worst.factor),
            None if worst is None else worst.ratio,
            words.note(line.problem) or None,
        )

    return Sheet(say["sites"], head, tuple(map(row, result.sites)))


def _practices(practices: Sequence[Practice], say: Mapping[str, str], words: Wording) -> Sheet:
    head = tuple(
        say[f"column_{name}"]
        for name in (
            "family",
            "factor",
            "indicator",
            "unit",
            "better_site",
            "better_value",
            "better_ratio",
            "worse_site",
            "worse_value",
            "worse_ratio",
            "difference",
        )
    )

    def row(item: Practice) -> tuple[Value, ...]:
        sides = (
            value
            for place in (item.better, item.worse)
            for value in (place.site_label, place.indicator.value, place.ratio)
        )
        indicator = item.worse.indicator
        return (
            item.family,
            words.factor(item.factor),
            words.indicator_text(indicator.id),
            words.unit(indicator.unit),
            *sides,
            "; ".join(difference_lines(item, words)),
        )

    return Sheet(say["sheet_practices"], head, tuple(map(row, practices)))


def _families(result: FleetResult, factor: Factor, say: Mapping[str, str], words: Wording) -> Sheet:
    """A line a family and site, the columns of each indicator side by side."""
    rows = [row for row in result.families if row.factor is factor]
    units = {row.indicator: row.places[0].indicator.unit for row in rows if row.places}
    head = [say["column_family"], say["column_site"], say["column_withheld"], say["column_sites_withheld"]]
    for name, unit in units.items():
        shown = f"{words.indicator_text(name)} [{words.unit(unit)}]"
        head += [shown]
        head += [
            f"{words.indicator_text(name, short=True)}, {say[f'column_{column}'].lower()}" + bracket
            for column, bracket in (
                ("low", f" [{words.unit(unit)}]"),
                ("high", f" [{words.unit(unit)}]"),
                ("verdict", ""),
                ("ratio", ""),
                ("station", ""),
            )
        ]
    head += [say["column_protectors"], say["column_actions"]]
    lines: list[tuple[Value, ...]] = []
    for family in dict.fromkeys(row.family for row in rows):
        lines += _family_lines([row for row in rows if row.family == family], tuple(units), words)
    return Sheet(words.factor(factor), tuple(head), tuple(lines))


def _family_lines(
    rows: Sequence[FamilyRow], indicators: Sequence[str], words: Wording
) -> list[tuple[Value, ...]]:
    family, held = rows[0].family, rows[0].withheld
    by_site: dict[str, dict[str, FamilyPlace]] = {}
    for row in rows:
        for place in row.places:
            by_site.setdefault(place.site, {})[row.indicator] = place
    lines: list[tuple[Value, ...]] = []
    for places in by_site.values():
        one = next(iter(places.values()))
        cells: list[Value] = [family, one.site_label, one.withheld, held]
        for name in indicators:
            cells += _cells(places.get(name), words)
        lines.append((*cells, "; ".join(one.protectors) or None, "; ".join(one.actions) or None))
    if not lines:
        lines.append((family, None, None, held, *(None,) * (6 * len(indicators) + 2)))
    return lines


def _cells(place: FamilyPlace | None, words: Wording) -> tuple[Value, ...]:
    if place is None:
        return (None,) * 6
    item = place.indicator
    interval = item.interval
    return (
        item.value,
        interval.low if interval else None,
        interval.high if interval else None,
        words.mark(place.verdict).word,
        place.ratio,
        place.station,
    )


def places_sheet(result: FleetResult, view: FleetView) -> Sheet:
    """Every family at every site in one plain table with stable codes, for scripts.

    Sites that are missing come first, with nothing but their id and the reason.
    """
    names = (
        "family",
        "factor",
        "site",
        "verdict",
        "station",
        "indicator",
        "value",
        "unit",
        "ratio",
        "withheld",
        "problem",
    )
    words = Wording(view.language)
    missing = tuple(
        (None, None, line.id, *(None,) * (len(names) - 4), words.note(line.problem))
        for line in result.missing
    )
    rows = tuple(
        (
            row.family,
            row.factor.value,
            place.site,
            place.verdict.value,
            place.station,
            place.indicator.id,
            place.indicator.value,
            place.indicator.unit,
            place.ratio,
            place.withheld,
            None,
        )
        for row in result.families
        for place in row.places
    )
    return Sheet(view.fleet, tuple(view.words[f"column_{name}"] for name in names), (*missing, *rows))
