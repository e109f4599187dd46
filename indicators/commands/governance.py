"""``vigiposte audit verify`` and ``vigiposte pseudonyms``: what keeps worn sensors governed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, note, services_of
from sensors.fleet_runs import SiteAnswer, at_each_site

if TYPE_CHECKING:
    from indicators.governance.chain import ChainReport
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_BROKEN = 1


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    audit = typer.Typer(help="The access log: who looked at ungated values.", no_args_is_help=True)
    audit.command("verify")(audit_verify)
    audit.command("sign")(audit_sign)
    app.add_typer(audit, name="audit")
    pseudonyms = typer.Typer(
        help="Keyed pseudonyms and campaign aliases; the key never lies with the data.", no_args_is_help=True
    )
    pseudonyms.command("create-key")(create_key)
    pseudonyms.command("aliases")(aliases)
    pseudonyms.command("of")(pseudonym_of)
    pseudonyms.command("identify")(identify)
    app.add_typer(pseudonyms, name="pseudonyms")


def audit_verify(
    context: typer.Context, site: SiteOption = None, fleet: FleetOption = None, *, as_json: JsonOption = False
) -> None:
    """Check that no line of the access log, or of the logs beside it, was changed; exit code 1 when one was.

    Beside it stand withdrawals, campaigns and what was published of worn sensors, each a chain of its own.
    """
    services = services_of(context)
    if fleet is not None:
        heads = ("commands.column_logs", "commands.column_entries", "commands.column_broken")
        work = partial(_verified, services, every=False)
        at_each_site(services, fleet, "audit", heads, work, as_json=as_json)
        return
    answer = _verified(services, services.load_site(site))
    if as_json:
        emit_json("audit", answer.document)
    else:
        for line in answer.below:
            typer.echo(line)
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _verified(services: Services, book: SiteBook, *, every: bool = True) -> SiteAnswer:
    """What became of the logs of one site; their lines without the intact ones, unless `every` is wanted."""
    from dataclasses import asdict

    from indicators.governance.audit import verify_logs
    from indicators.governance.site_logs import ACCESS_LOG, WITHDRAWALS
    from indicators.governance.withdrawal import withdrawn

    reports = verify_logs(book)
    forgotten = withdrawn(book) - book.objecting if reports[WITHDRAWALS].intact else frozenset()
    report = reports[ACCESS_LOG]
    say = services.words(None, book)
    keyed = book.site.privacy.key_file is not None
    told = [
        f"{_report_words(one, say, keyed=keyed)}  ({name})"
        for name, one in reports.items()
        if not one.intact or (every and (one.entries or name == ACCESS_LOG))
    ]
    told += [say("terminal.audit_forgotten", wearer=wearer) for wearer in sorted(forgotten)]
    broken = sum(not one.intact for one in reports.values())
    return SiteAnswer(
        document=asdict(report)
        | {
            "logs": {name: asdict(one) for name, one in reports.items()},
            "objections_missing": sorted(forgotten),
        },
        cells=(str(len(reports)), str(sum(one.entries for one in reports.values())), str(broken)),
        below=tuple(told),
        exit_code=_BROKEN if forgotten or broken else 0,
    )


def _report_words(report: ChainReport, say: Callable[..., str], *, keyed: bool) -> str:
    if report.uncovered:
        code = "terminal.audit_uncovered"
    elif report.broken_line is not None:
        code = "terminal.audit_broken"
    else:
        code = "terminal.audit_intact" if report.cut_off is None else "terminal.audit_cut_off"
    parts = [
        say(
            code,
            entries=report.entries,
            head=report.head[:16],
            line=report.broken_line,
            unsigned=report.unsigned,
            known=report.cut_off,
        )
    ]
    if report.covered_by is not None:
        parts.append(say("terminal.audit_covered", unsigned=report.unsigned, line=report.covered_by))
    if report.lost:
        parts.append(say("terminal.audit_lost", lost=report.lost))
    if report.intact and report.entries and keyed:
        parts.append(say("terminal.audit_anchored" if report.anchored else "terminal.audit_unanchored"))
    return ", ".join(parts)


def audit_sign(
    context: typer.Context,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", help="Why a log lost its end; it goes on, and the loss stays written in it."
        ),
    ] = None,
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Cover lines from before the key by a signed line, in the access log and the logs beside it.

    `vigiposte pseudonyms create-key` does it by itself. With --reason: go on with logs that were restored
    from a backup, and say in them what is lost.
    """
    from indicators.governance.audit import sign_logs

    services = services_of(context)
    book = services.load_site(site)
    _key(book)
    done = sign_logs(book, None if reason is None else reason.strip() or None)
    say = services.words(None, book)
    if as_json:
        emit_json("audit-sign", {"covered" if reason is None else "lost": dict(done)})
        return
    code = "terminal.audit_signed" if reason is None else "terminal.audit_restored"
    for name, lines in done.items():
        typer.echo(f"{say(code, lines=lines)}  ({name})")
    if not done:
        typer.echo(say("terminal.audit_nothing"))


def _key(book: Any) -> tuple[Path, bytes]:
    from indicators.governance.pseudonyms import load_key
    from sensors.errors import GovernanceError

    name = book.site.privacy.key_file
    if name is None:
        raise GovernanceError(
            "the site names no pseudonym key",
            rule="[privacy] key_file, outside the folder of the site file",
            remedy="set it, then run `vigiposte pseudonyms create-key`",
            code="key_not_named",
        )
    path = book.folder / Path(name).expanduser()
    return path, load_key(path, book.folder)


def _campaign(book: Any, identifier: str) -> str:
    from sensors.errors import UnknownNameError

    known = [row.id for row in book.site.campaigns]
    if identifier not in known:
        raise UnknownNameError(
            "there is no such campaign",
            value=identifier,
            rule=f"one of {', '.join(known)}" if known else "the site file has no campaign yet",
            remedy="choose one, or add [[campaigns]]",
            code="unknown_campaign",
        )
    return identifier


def create_key(context: typer.Context, site: SiteOption = None) -> None:
    """Make the random key that [privacy] key_file names; it is never overwritten."""
    from indicators.governance.audit import sign_logs
    from indicators.governance.pseudonyms import create_key as make
    from sensors.errors import GovernanceError

    services = services_of(context)
    book = services.load_site(site)
    name = book.site.privacy.key_file
    if name is None:
        raise GovernanceError(
            "the site names no pseudonym key",
            rule="[privacy] key_file, outside the folder of the site file",
            remedy='for instance key_file = "../keys/plant.key"',
            code="key_not_named",
        )
    path = book.folder / Path(name).expanduser()
    make(path, book.folder)
    typer.echo(str(path))
    say = services.words(None, book)
    # Now, while nothing can be signed with it yet: later, lines that lost their signatures look the same.
    for log, lines in sign_logs(book).items():
        note(f"{say('terminal.audit_signed', lines=lines)}  ({log})")
    note(say("terminal.keep_key"))


def aliases(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="Id of the campaign.")],
    devices: Annotated[list[str], typer.Argument(help="Names of the devices, as written on them.")],
    site: SiteOption = None,
) -> None:
    """Make the ids under which worn devices publish during one campaign; their list lies with the key."""
    from indicators.governance.pseudonyms import save_aliases

    book = services_of(context).load_site(site)
    path, key = _key(book)
    made = save_aliases(path, key, _campaign(book, campaign), devices)
    for alias in sorted(made.device_of, key=lambda name: made.device_of[name]):
        typer.echo(f"{alias}\t{made.device_of[alias]}")


def pseudonym_of(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="Id of the campaign.")],
    person: Annotated[str, typer.Argument(help="How you tell people apart; it is not stored.")],
    site: SiteOption = None,
) -> None:
    """Print the pseudonym of a person in one campaign."""
    from indicators.governance.pseudonyms import pseudonym

    book = services_of(context).load_site(site)
    typer.echo(pseudonym(_key(book)[1], _campaign(book, campaign), person))


def identify(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="Id of the campaign.")],
    wanted: Annotated[str, typer.Argument(metavar="PSEUDONYM", help="Pseudonym or sensor alias.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is logged.")],
    people: Annotated[
        Path | None, typer.Option("--people", help="Your own list, one person a line; it is not kept.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Find the person or device behind a pseudonym, with the key and your list; the access is logged."""
    from indicators.governance.access import log_access
    from indicators.governance.pseudonyms import load_aliases, pseudonym
    from sensors.errors import GovernanceError, UnknownNameError

    if not reason.strip():
        raise GovernanceError(
            "re-identification needs a reason", rule="--reason says why", code="reason_missing"
        )
    book = services_of(context).load_site(site)
    path, key = _key(book)
    name = _campaign(book, campaign)
    log_access(book, "re_identification", {"campaign": name, "pseudonym": wanted, "reason": reason.strip()})
    found: str | None = None
    if wanted.startswith("s-"):
        found = load_aliases(path, name).device_of.get(wanted)
    elif people is not None:
        listed = [line.strip() for line in people.read_text(encoding="utf-8").splitlines() if line.strip()]
        found = next((person for person in listed if pseudonym(key, name, person) == wanted), None)
    if found is None:
        raise UnknownNameError(
            "nobody of the list has this pseudonym in this campaign",
            value=wanted,
            remedy="check campaign and list (--people)",
            code="not_identified",
        )
    typer.echo(found)
