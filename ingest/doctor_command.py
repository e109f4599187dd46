"""``doctor``: what is well and what is not, around one site or each site of a fleet."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, services_of
from sensors.findings import State
from sensors.fleet_runs import SiteAnswer, at_each_site

if TYPE_CHECKING:
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_HEADS = ("terminal.column_faults", "terminal.column_notices")
_MARKS = {State.OK: "✓", State.NOTICE: "!", State.FAULT: "×"}
_FAULTY = 3


def mount(app: typer.Typer) -> None:
    """Add ``doctor`` to the command line."""
    app.command()(doctor)


def doctor(
    context: typer.Context,
    site: SiteOption = None,
    fleet: FleetOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Look at installation, site file, broker, store, disk, permissions, key and clock; say what to mend."""
    services = services_of(context)
    if fleet is not None:
        at_each_site(services, fleet, "doctor", _HEADS, partial(_diagnosed, services), as_json=as_json)
        return
    answer = _diagnosed(services, services.load_site(site), every=True)
    if as_json:
        emit_json("doctor", answer.document)
    else:
        for line in answer.below:
            typer.echo(line)
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _diagnosed(services: Services, book: SiteBook, *, every: bool = False) -> SiteAnswer:
    """Findings of one site; their lines without what is well, unless `every` one is wanted."""
    from ingest.diagnosis import examine

    # The key is governed by another room.
    findings = [
        *examine(book, services.open_store(book), book.folder / "journal"),
        *services.extra["examine_key"](book),
    ]
    say, told = services.words(None, book), services.translated(book)
    lines = []
    for finding in findings:
        if not every and finding.state is State.OK:
            continue
        subject, seen = told(finding.subject), told(finding.seen)
        lines.append(say("terminal.finding", mark=_MARKS[finding.state], subject=subject, seen=seen))
        if finding.remedy:
            lines.append(f"    {told(finding.remedy)}")
    states = [finding.state for finding in findings]
    faults = states.count(State.FAULT)
    return SiteAnswer(
        document={"findings": [asdict(finding) for finding in findings]},
        cells=(str(faults), str(states.count(State.NOTICE))),
        below=tuple(lines),
        exit_code=_FAULTY if faults else 0,
    )
