"""``my-data``, ``withdraw`` and ``notice``: what wearers may ask for, and what they are told beforehand."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import (
    JsonOption,
    LanguageOption,
    SiteOption,
    emit_json,
    note,
    services_of,
    write_atomic,
)

if TYPE_CHECKING:
    from indicators.governance.withdrawal import GroupEffect, Withdrawal

__all__ = ["mount"]

WearerArgument = Annotated[str, typer.Argument(metavar="PSEUDONYM", help="Pseudonym of the wearer.")]
StoreOption = Annotated[str | None, typer.Option("--store", help="This store instead of the site's.")]


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("my-data")(my_data)
    app.command()(withdraw)
    app.command()(notice)


def my_data(
    context: typer.Context,
    wearer: WearerArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("my-data"),
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Raw readings too, one CSV a sensor and day.")] = False,
    language: LanguageOption = None,
    store: StoreOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what is held of one pseudonym as a page to read and as CSV, for that person; it is logged."""
    from indicators.governance.own_data import own_data, raw_rows

    services = services_of(context)
    book = services.load_site(site)
    opened = services.open_store(book, url=store)
    try:
        data = own_data(book, opened, wearer)
        services.extra["log_access"](book, "my_data", {"pseudonym": wearer, "raw": raw})
        rows = raw_rows(book, opened, wearer) if raw else ()
        spoken = language or book.site.site.language
        files = services.extra["write_own_data"](book, data, rows, out, spoken)
    finally:
        opened.close()
    if as_json:
        emit_json(
            "my-data",
            {
                "wearer": wearer,
                "files": [str(path) for path in files],
                "raw_rows": sum(day.rows for day in data.days),
                "minutes": sum(day.minutes for day in data.days),
                "values": len(data.values),
            },
        )
        return
    for path in files:
        typer.echo(path)


def withdraw(
    context: typer.Context,
    wearer: WearerArgument,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the effect on the groups; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    store: StoreOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase one wearer's readings and summaries for ever and refuse later ones; say what it means for groups.

    Periods that were published with them are marked and never issued again.
    """
    from indicators.governance.own_data import check_wearer
    from indicators.governance.withdrawal import group_effects
    from indicators.governance.withdrawal import withdraw as carry_out

    services = services_of(context)
    book = services.load_site(site)
    check_wearer(book, wearer)
    say = services.words(None, book)
    today = datetime.now(book.zone).date()
    opened = services.open_store(book, url=store)
    try:
        effects = group_effects(book, opened, wearer, today)
        if not as_json:
            _say_effects(say, wearer, effects)
        done = None
        if not dry_run:
            if not yes:
                note(say("rights.held_first", wearer=wearer))
                typer.confirm(say("rights.question"), abort=True, err=True)
            done = carry_out(
                book,
                opened,
                wearer,
                today=today,
                reload=partial(services.load_site, book.path),
                erase=services.extra["erase_readings"],
            )
    finally:
        opened.close()
    if as_json:
        emit_json("withdraw", _document(wearer, effects, done))
    elif done is not None:
        typer.echo(say("rights.done", rows=done.rows, summaries=done.summaries))
        weeks = ", ".join(done.marked)
        typer.echo(say("rights.marked", weeks=weeks) if weeks else say("rights.nothing_marked"))
        for folder in done.waiting:
            note(say("rights.waiting", folder=folder))


def _say_effects(say: Any, wearer: str, effects: tuple[GroupEffect, ...]) -> None:
    if not effects:
        typer.echo(say("rights.no_effect", wearer=wearer))
    for row in effects:
        code = "rights.effect_falls" if row.falls_below else "rights.effect"
        typer.echo(say(code, station=row.label, before=row.before, after=row.after, minimum=row.minimum))


def _document(wearer: str, effects: tuple[GroupEffect, ...], done: Withdrawal | None) -> dict[str, Any]:
    return {
        "wearer": wearer,
        "dry_run": done is None,
        "effects": [
            {
                "workstation": row.workstation,
                "before": row.before,
                "after": row.after,
                "minimum": row.minimum,
                "falls_below": row.falls_below,
            }
            for row in effects
        ],
        "erased": None if done is None else {"rows": done.rows, "summaries": done.summaries},
        "marked_weeks": [] if done is None else list(done.marked),
        "journals_in_use": [] if done is None else list(done.waiting),
    }


def notice(
    context: typer.Context,
    paper: Annotated[
        str,
        typer.Option("--paper", help="notice, dpia (impact assessment), cse (works council) or register."),
    ] = "notice",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write it as HTML: a file, or a folder for SITE-PAPER-LANG.html."),
    ] = None,
    language: LanguageOption = None,
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what is collected, where, why, how long and who sees what, from the actual configuration."""
    from indicators.governance.papers import paper_facts

    services = services_of(context)
    book = services.load_site(site)
    spoken = language or book.site.site.language
    facts = paper_facts(book, datetime.now(book.zone).date())
    html, text = services.extra["render_paper"](facts, paper, spoken)
    path = None
    if out is not None:
        folder = out.suffix.lower() != ".html"
        path = write_atomic(out / f"{facts.site}-{paper}-{spoken}.html" if folder else out, html)
    if as_json:
        emit_json(
            "notice",
            {
                "paper": paper,
                "language": spoken,
                "version": facts.version,
                "file": None if path is None else str(path),
                "text": text,
            },
        )
    else:
        typer.echo(text if path is None else path)
