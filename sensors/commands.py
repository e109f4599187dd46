"""Commands of this room: a new site folder, the check of a site file, pseudonyms of wearers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, note, services_of
from sensors.errors import ConfigurationError, Problem, SiteFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sensors.command_line import Services
    from sensors.fleet_file import Fleet
    from sensors.site_book import SiteBook

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    app.command()(init)
    app.command()(check)
    app.command()(wearers)


def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the new site.")] = Path(),
    *,
    site_id: Annotated[
        str | None, typer.Option("--id", help="Id of the site; default: the folder's name.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Name that people read; default: the id.")
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang", help="Language of the comments and of the site: fr or en; default: this terminal's."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are already there.")] = False,
) -> None:
    """Write a commented site.toml, the broker's settings and access rights, compose.yaml, a systemd unit."""
    from sensors.init_files import site_id_from, write_site_folder

    services = services_of(context)
    language = services.language(lang)
    say = services.text(language)
    folder = directory.expanduser().absolute()
    identifier = site_id_from(site_id or folder.name)
    for path in write_site_folder(
        folder, site=identifier, label=label or identifier, language=language, force=force
    ):
        typer.echo(path)
    note(say("terminal.init_next"))


def check(
    context: typer.Context,
    site: SiteOption = None,
    fleet: FleetOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Validate the site file and its logs; say what is wrong and where, or which settings are in force."""
    services = services_of(context)
    try:
        if fleet is not None:
            found = services.extra["load_fleet"](fleet)
            if problems := [*found.problems, *_closings(services, found)]:
                _refuse(services, problems, as_json=as_json)
                raise typer.Exit(SiteFileError.exit_code)
            _approve_fleet(services, found, as_json=as_json)
            return
        book = services.load_site(site)
    except SiteFileError as error:
        _refuse(services, error.problems, as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    except ConfigurationError as error:
        if not as_json:
            raise
        problem = Problem(
            str(error.value or "site.toml"),
            "file",
            None,
            error.what,
            error.remedy or "",
            error.code or "invalid",
        )
        _refuse(services, [problem], as_json=True)
        raise typer.Exit(error.exit_code) from None
    # Closures of the action plan are judged by verdicts, which other rooms know.
    judge = services.extra.get("closing_problems")
    problems = [] if judge is None else judge(book)
    if problems:
        _refuse(services, problems, as_json=as_json)
        raise typer.Exit(SiteFileError.exit_code)
    _approve(services, book, as_json=as_json)


def _closings(services: Services, fleet: Fleet) -> list[Problem]:
    """Closures of the action plans that a verdict speaks against, each with the folder of its site."""
    judge = services.extra.get("closing_problems")
    return [
        replace(problem, file=f"{one.book.folder.name}/{problem.file}")
        for one in fleet.sites
        for problem in (judge(one.book) if judge is not None else ())
    ]


def _as_dict(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "key": problem.key,
        "value": problem.value,
        "rule": problem.rule,
        "remedy": problem.remedy,
        "code": problem.code,
    }


def _refuse(services: Services, problems: list[Problem] | tuple[Problem, ...], *, as_json: bool) -> None:
    if as_json:
        emit_json("check", {"valid": False, "problems": [_as_dict(problem) for problem in problems]})
        return
    for problem in problems:
        where, rule, remedy = services.extra["problem_lines"](problem, services.language())
        typer.echo(f"× {where}")
        typer.echo(rule)
        typer.echo(remedy)
    sys.stderr.write(services.words()("terminal.check_problems", number=len(problems)) + "\n")


def _approve_fleet(services: Services, fleet: Fleet, *, as_json: bool) -> None:
    from sensors.site_report import counts

    rows = [
        {"id": one.id, "label": one.label, "path": str(one.book.path), "counts": counts(one.book)}
        for one in fleet.sites
    ]
    if as_json:
        document = {"valid": True, "fleet": fleet.id, "path": str(fleet.path), "problems": [], "sites": rows}
        emit_json("check", document)
        return
    typer.echo(services.text(fleet.language)("terminal.check_valid", path=str(fleet.path)))
    for one in fleet.sites:
        typer.echo(f"  {one.label} ({one.id})  {_told(counts(one.book))}")


def _told(rows: Mapping[str, int]) -> str:
    """Rows of each table and log, under the names they have in the files."""
    return ", ".join(
        f"{name if name.endswith('.csv') else f'[[{name}]]'} {number}" for name, number in rows.items()
    )


def _approve(services: Services, book: SiteBook, *, as_json: bool) -> None:
    from sensors.site_report import counts, effective_values

    notices = book.notices()
    if as_json:
        emit_json(
            "check",
            {
                "valid": True,
                "site": book.site.site.id,
                "path": str(book.path),
                "problems": [],
                "notices": [_as_dict(problem) for problem in notices],
                "counts": counts(book),
                "effective": effective_values(book),
            },
        )
        return
    say, told = services.words(None, book), services.translated(book)
    typer.echo(say("terminal.check_valid", path=str(book.path)))
    typer.echo(f"  {_told(counts(book))}")
    for table, values in effective_values(book).items():
        typer.echo(f"[{table}]")
        for key, entry in values.items():
            if entry["value"] is not None:
                origin = say(f"terminal.origin_{entry['origin'].replace(' ', '_')}")
                typer.echo(f"  {key} = {_toml_like(entry['value'])}  ({origin})")
    for problem in notices:
        typer.echo(
            say("terminal.check_notice", key=problem.key, value=problem.value, rule=told(problem.rule))
        )
        typer.echo(f"    → {told(problem.remedy)}")


def _toml_like(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def wearers(
    context: typer.Context,
    site: SiteOption = None,
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=500, help="How many to add.")] = 1,
    listing: Annotated[bool, typer.Option("--list", help="Add none; list those of the site.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a random pseudonym to wearers.csv and print it; no name is stored here or anywhere else."""
    from sensors.pseudonyms import add_pseudonyms, known_pseudonyms

    services = services_of(context)
    book = services.load_site(site)
    added = () if listing else add_pseudonyms(book, count)
    known = tuple(sorted({*known_pseudonyms(book), *added}))
    if as_json:
        emit_json("wearers", {"site": book.site.site.id, "added": list(added), "wearers": list(known)})
        return
    for pseudonym in known if listing else added:
        typer.echo(pseudonym)
    if added:
        note(services.words(None, book)("terminal.wearers_added", path=str(book.folder / "wearers.csv")))
