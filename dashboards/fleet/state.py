"""The state of the sites' sensors, ingests and stores as one table; an operator sees fixed sensors only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import Request

from dashboards.catalogue import text
from dashboards.fleet.render import frame_html
from dashboards.report.front import section_words
from dashboards.wording import Wording
from indicators.disclosure.publication import is_worn_posting
from indicators.fleet.parts import broken_note
from indicators.words import note_words
from ingest.status_lines import ago
from sensors.errors import UnknownNameError, VigiposteError

if TYPE_CHECKING:
    from dashboards.fleet.door import SignedIn
    from dashboards.fleet.source import FleetSource
    from dashboards.web.roles import Viewer
    from sensors.fleet_file import FleetSite

__all__ = ["state_html"]

_HEADS = ("sensors", "unwell", "last_seen", "ingests", "backlog", "store")


def state_html(
    request: Request, language: str, links: Sequence[tuple[str, str]], who: SignedIn | None
) -> str:
    """The page.

    Raises
    ------
    UnknownNameError
        Nothing here can look at the sites.
    """
    source: FleetSource = request.app.state.source
    viewer: Viewer = request.state.viewer
    if source.survey is None:
        raise UnknownNameError("there is no such page", value=request.url.path)
    source.look_again()
    say = text(language)
    rows = []
    for site in source.sites_of(viewer.name):
        rows.append((site.label, *_cells(source, site, viewer, say)))
        if viewer.name:
            source.log_once("sensor_health_access", viewer.name, "fleet", site)
    rows += [(site.label, *("×",) * len(_HEADS)) for site in source.broken_of(viewer.name)]
    return frame_html(
        "fleet_state.html",
        language,
        say=section_words(Wording(language), "report", "pages", "fleet"),
        fleet=source.fleet.label,
        heads=(say("fleet.column_site"), *(say(f"terminal.column_{name}").capitalize() for name in _HEADS)),
        rows=rows,
        left_out=[
            say("fleet.missing_site", label=site.label, reason=note_words(broken_note(site), say))
            for site in source.broken_of(viewer.name)
        ],
        fixed_only=not viewer.sees_worn,
        links=links,
        who=who,
    )


def _cells(source: FleetSource, site: FleetSite, viewer: Viewer, say: Any) -> tuple[str, ...]:
    assert source.survey is not None
    try:
        seen = source.survey(site.book)
    except VigiposteError:
        return ("×",) * len(_HEADS)
    shown = [
        line for line in seen.sensors if viewer.sees_worn or not is_worn_posting(site.book, line.sensor.id)
    ]
    backlog = sum(one.backlog_bytes for one in seen.ingests)
    return (
        str(len(shown)),
        str(sum(line.state != "ok" for line in shown)),
        ago(max((line.health.last_seen_ns for line in shown), default=0), seen.at_ns, say),
        str(sum(one.running for one in seen.ingests)),
        say("terminal.megabytes", value=backlog / 1e6) if backlog else "0",
        say("terminal.fine") if seen.store_problem is None else "×",
    )
