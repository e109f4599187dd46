"""``vigiposte grafana``: provisioning files for a Grafana that reads the published rollups."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sensors.command_line import (
    JsonOption,
    LanguageOption,
    SiteOption,
    emit_json,
    services_of,
    write_atomic,
)

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add ``grafana`` to `app`."""
    app.command()(grafana)


def grafana(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Grafana's provisioning folder.")] = Path("grafana"),
    site: SiteOption = None,
    language: LanguageOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the data source and three dashboards; they read what `vigiposte publish` writes."""
    from dashboards.grafana import provisioning_files

    book = services_of(context).load_site(site)
    today = datetime.now(UTC).astimezone(book.zone).date()
    files = provisioning_files(book.site, language or book.site.site.language, today)
    written = [write_atomic(out / name, content) for name, content in files.items()]
    if as_json:
        emit_json("grafana", {"files": [str(path) for path in written]})
        return
    for path in written:
        typer.echo(path)
