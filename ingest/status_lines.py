"""``status`` as lines of a terminal: store, ingest processes, and a table of sensors."""

from __future__ import annotations

from collections.abc import Callable

from ingest.overview import Overview, SensorLine
from ingest.status import IngestHealth
from sensors.fleet_runs import text_table
from sensors.site_book import SiteBook

__all__ = ["ago", "render"]

_SHOWN_TOPICS = 20
_COLUMNS = ("sensor", "kind", "state", "seen", "rate", "rejected", "late", "clock", "battery", "calibrated")
_UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0))


def render(seen: Overview, book: SiteBook, say: Callable[..., str], told: Callable[[str], str]) -> str:
    """Text for a terminal.

    Parameters
    ----------
    say : callable(code, **params) -> str
        The catalogue of the reader's language.
    told : callable(str) -> str
        Turns the sentence of an error into that language.
    """
    moment = f"{book.local(seen.at_ns):%Y-%m-%d %H:%M:%S}"
    lines = [say("terminal.status_site", site=seen.site, moment=moment)]
    problem = say("terminal.fine") if seen.store_problem is None else told(seen.store_problem)
    lines.append(say("terminal.status_store", store=seen.store_url, problem=problem))
    for one in seen.ingests:
        lines += _ingest(one, book, say, told)
    rows = [tuple(say(f"terminal.column_{name}") for name in _COLUMNS)]
    rows += [_sensor(line, seen.at_ns, say) for line in seen.sensors]
    lines += ["", *text_table(rows)]
    if seen.unknown:
        lines += ["", say("terminal.status_unknown")]
        shown = sorted(seen.unknown.items())[:_SHOWN_TOPICS]
        lines += [f"  {say('terminal.counted', what=topic, number=count)}" for topic, count in shown]
    return "\n".join(lines)


def _ingest(
    one: IngestHealth, book: SiteBook, say: Callable[..., str], told: Callable[[str], str]
) -> list[str]:
    if not one.updated_ns:
        return [say("terminal.status_ingest", name=one.journal.name, state=say("pages.ingest_never"))]
    if one.running:
        state = say("pages.ingest_running", broker=say(f"broker_states.{one.broker}"))
    else:
        state = say("pages.ingest_stopped", when=f"{book.local(one.updated_ns):%Y-%m-%d %H:%M}")
    backlog = say("terminal.no_backlog")
    if one.backlog_bytes:
        backlog = say("terminal.backlog", megabytes=one.backlog_bytes / 1e6)
    if one.backlog_age_s:
        backlog += say("terminal.backlog_age", seconds=one.backlog_age_s)
    lines = [say("terminal.status_ingest_backlog", name=one.journal.name, state=state, backlog=backlog)]
    return lines + [f"  ! {told(text)}" for text in (one.store_trouble, one.journal_blocked) if text]


def _sensor(line: SensorLine, now_ns: int, say: Callable[..., str]) -> tuple[str, ...]:
    health = line.health
    rejected = ", ".join(f"{code} {count}" for code, count in sorted(health.rejected.items()))
    return (
        line.sensor.id,
        say(f"terminal.kind_{line.sensor.kind}"),
        say(f"terminal.state_{line.state.replace(' ', '_')}"),
        ago(health.last_seen_ns, now_ns, say),
        say("terminal.rate", value=_telling(health.rate_per_s)) if health.last_seen_ns else "–",
        rejected or "0",
        str(health.late),
        say("terminal.fine") if health.skew_s is None else say("terminal.skew", seconds=health.skew_s),
        "–" if health.battery is None else say("terminal.battery", value=health.battery),
        f"{line.calibrated_at:%Y-%m-%d}" if line.calibrated_at else "–",
    )


def ago(moment_ns: int, now_ns: int, say: Callable[..., str]) -> str:
    """How long ago something was, in the largest unit that tells."""
    if not moment_ns:
        return "–"
    seconds = max(0.0, (now_ns - moment_ns) / 1e9)
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return say(f"terminal.ago_{unit}", number=seconds / size)
    return say("terminal.ago_seconds", number=seconds)


def _telling(rate_per_s: float) -> float:
    """A rate without decimals that tell nothing; a slow sensor keeps them."""
    return rate_per_s if rate_per_s < 10 else round(rate_per_s)
