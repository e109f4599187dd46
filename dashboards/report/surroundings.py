"""What stands around a result, read from the site's folder: sensor health, excluded windows, names."""

from __future__ import annotations

from collections.abc import Callable

from dashboards import typography
from dashboards.health import sensor_states, survey_site
from dashboards.report.build import Surroundings
from dashboards.wording import Wording
from indicators.accounts.matching import Account, account_results
from indicators.actions.plan import ActionResult, action_results
from indicators.context import least_wearers
from indicators.model import Audience, WeeklyResult
from ingest.store import Store
from sensors.site_book import SiteBook

__all__ = ["names_of", "surroundings"]


def surroundings(
    book: SiteBook,
    result: WeeklyResult,
    language: str,
    *,
    previous: WeeklyResult | None = None,
    open_store: Callable[[], Store] | None = None,
) -> Surroundings:
    """What the site's logs add to a result: exclusions, names, group size.

    Where a store can be opened also the health of the sensors, the action plan with its before/after cards,
    and what workers reported beside what the sensors saw.
    """
    words = Wording(language)
    health: tuple[tuple[str, ...], ...] = ()
    actions: tuple[ActionResult, ...] = ()
    accounts: tuple[Account, ...] = ()
    if open_store is not None:
        health = tuple(state.row for state in sensor_states(book, survey_site(book, open_store), words))
        store = open_store()
        try:
            actions = action_results(book, store, result)
            accounts = account_results(book, store, result.period, result.audience)
        finally:
            store.close()
    return Surroundings(
        previous=previous,
        health=health,
        exclusions=_exclusions(book, result, words),
        names=names_of(book),
        origins=_origins(book, result, words),
        group_size=least_wearers(book, result.audience),
        actions=actions,
        accounts=accounts,
    )


def names_of(book: SiteBook) -> dict[str, str]:
    """Labels of shifts, tasks, sensors and protectors by id."""
    tables = (book.site.shifts, book.site.tasks, book.site.sensors, book.site.protectors)
    return {row.id: row.label or row.id for table in tables for row in table}


def _origins(book: SiteBook, result: WeeklyResult, words: Wording) -> dict[tuple[str, str], str]:
    """Sensors posted at each workstation in the period, with mount and last calibration."""
    found: dict[tuple[str, str], list[str]] = {}
    for sensor in book.site.sensors:
        postings = book.assignments(sensor.id, result.period.start_ns, result.period.end_ns)
        for workstation, mount in sorted({(row.workstation, row.mount) for row in postings}):
            calibration = book.calibration_at(sensor.id, result.period.end_ns)
            parts = [sensor.label or sensor.id, words.say(f"mounts.{mount.value}")]
            if calibration is not None:
                day = typography.long_date(calibration.at.date(), language=words.language)
                parts.append(words.say("report.calibrated", day=day))
            found.setdefault((workstation, sensor.kind.value), []).append(", ".join(parts))
    return {key: "; ".join(texts) for key, texts in found.items()}


def _exclusions(book: SiteBook, result: WeeklyResult, words: Wording) -> tuple[tuple[str, ...], ...]:
    rows = []
    start_ns, end_ns = result.period.start_ns, result.period.end_ns
    for sensor in book.site.sensors:
        postings = book.assignments(sensor.id, start_ns, end_ns)
        worn = any(one.mount.worn or one.wearer is not None for one in postings)
        if worn and result.audience is not Audience.ANALYST:
            # When one person's sensor was put down, and why, is nothing for circulation.
            continue
        for item in book.exclusions(sensor.id, start_ns, end_ns):
            moments = [book.local(item.start_ns), book.local(item.end_ns)]
            shown = [
                f"{typography.short_day(moment.date(), language=words.language)} "
                f"{typography.clock(moment, language=words.language)}"
                for moment in moments
            ]
            rows.append((item.start_ns, (*shown, item.sensor, item.reason, item.who or "–")))
    return tuple(row for _, row in sorted(rows))
