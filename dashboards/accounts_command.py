"""``vigiposte accounts``: who may open the dashboard, in which role, and personal links for wearers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, note, services_of

if TYPE_CHECKING:
    from dashboards.web.accounts import AccountFile
    from sensors.site_book import SiteBook

__all__ = ["mount"]

NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]
_DAYS = 7


def mount(app: typer.Typer) -> None:
    """Add ``accounts`` to `app`."""
    accounts = typer.Typer(
        help="Accounts of the dashboard, each with a role, and personal links for wearers.",
        no_args_is_help=True,
    )
    accounts.command("add")(add)
    accounts.command("list")(list_accounts)
    accounts.command("password")(password)
    accounts.command("remove")(remove)
    accounts.command("link")(link)
    accounts.command("unlink")(unlink)
    app.add_typer(accounts, name="accounts")


@dataclass(frozen=True, slots=True)
class _Door:
    """Accounts of one dashboard, and the sites whose access logs tell what is done with them."""

    accounts: AccountFile
    books: tuple[SiteBook, ...]
    fleet: str | None = None

    def permitted(self, sites: str | None) -> tuple[str, ...]:
        """Ids of sites from the option, each of them known."""
        from sensors.errors import UnknownNameError, UsageError

        if sites is None:
            return ()
        if self.fleet is None:
            raise UsageError(
                "--sites speaks of a fleet",
                value=sites,
                rule="together with --fleet",
                remedy="leave out --sites, or name the fleet file with --fleet",
                code="sites_option",
            )
        wanted = tuple(name.strip() for name in sites.split(",") if name.strip())
        known = [book.site.site.id for book in self.books]
        for name in wanted:
            if name not in known:
                raise UnknownNameError("the fleet has no such site", value=name, rule=", ".join(known))
        return wanted


def _opened(context: typer.Context, site: Path | None, fleet: Path | None) -> _Door:
    try:
        import argon2  # noqa: F401 - asked for by its presence only
    except ImportError as error:
        from sensors.errors import MissingExtraError

        raise MissingExtraError("accounts", "web") from error
    from dashboards.web.accounts import accounts_of, fleet_accounts

    services = services_of(context)
    if fleet is not None:
        found = services.extra["load_fleet"](fleet)
        # What is done with an account is written into the access log of each site that it opens.
        found.require_whole()
        return _Door(fleet_accounts(found), tuple(one.book for one in found.sites), found.id)
    book = services.load_site(site)
    return _Door(accounts_of(book), (book,))


def _asked_password(context: typer.Context, book: SiteBook) -> str:
    """Ask for a password where a person watches, else take the first line of stdin; never an argument."""
    if sys.stdin.isatty():
        say = services_of(context).words(None, book)
        again = say("commands.ask_password_again")
        asked = say("commands.ask_password")
        return str(typer.prompt(asked, hide_input=True, confirmation_prompt=again, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _log(context: typer.Context, book: SiteBook, event: str, details: Mapping[str, Any]) -> None:
    services_of(context).extra["log_access"](book, event, details)


def _tell(context: typer.Context, door: _Door, event: str, details: Mapping[str, Any]) -> None:
    """Write what was done with an account into the access log of each site that it opens."""
    own = details.get("sites") or [book.site.site.id for book in door.books]
    for book in door.books:
        if book.site.site.id in own:
            _log(context, book, event, details if door.fleet is None else {**details, "fleet": door.fleet})


def _role(name: str) -> Any:
    from dashboards.web.accounts import Role
    from sensors.errors import UsageError

    if name not in tuple(Role):
        raise UsageError(
            "there is no such role",
            value=name,
            rule="viewer, ergonomist or operator",
            remedy="see the README for what each may see",
            code="unknown_role",
        )
    return Role(name)


def add(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="viewer (gated results), ergonomist (also sensors, exclusions) or operator (no worn data).",
        ),
    ],
    site: SiteOption = None,
    fleet: FleetOption = None,
    sites: Annotated[
        str | None,
        typer.Option("--sites", help="Of a fleet: ids of the sites to be seen, with commas; default all."),
    ] = None,
) -> None:
    """Make an account; the password is asked for, or read from the first line of stdin."""
    door = _opened(context, site, fleet)
    wanted, own = _role(role), door.permitted(sites)
    account = door.accounts.add(name, wanted, _asked_password(context, door.books[0]), own)
    told = {"account": account.name, "role": account.role.value} | ({"sites": list(own)} if own else {})
    _tell(context, door, "account_added", told)
    typer.echo("\t".join((account.name, account.role.value, *([",".join(own)] if own else []))))


def list_accounts(
    context: typer.Context, site: SiteOption = None, fleet: FleetOption = None, *, as_json: JsonOption = False
) -> None:
    """List the accounts and their roles."""
    door = _opened(context, site, fleet)
    accounts = door.accounts
    rows: list[dict[str, Any]] = [
        {"name": row.name, "role": row.role.value, "since": row.since}
        | ({"sites": list(row.sites)} if row.sites else {})
        for _, row in sorted(accounts.all().items())
    ]
    if as_json:
        emit_json("accounts", {"file": str(accounts.path), "accounts": rows})
        return
    if not rows:
        say = services_of(context).words(None, door.books[0])
        note(say("terminal.accounts_none"))
    for row in rows:
        own = [",".join(row["sites"])] if "sites" in row else []
        typer.echo("\t".join((row["name"], row["role"], row["since"], *own)))


def password(
    context: typer.Context, name: NameArgument, site: SiteOption = None, fleet: FleetOption = None
) -> None:
    """Give an account another password; whoever is logged in with the old one is logged out."""
    door = _opened(context, site, fleet)
    own = door.accounts.get(name).sites
    door.accounts.change_password(name, _asked_password(context, door.books[0]))
    _tell(
        context, door, "account_password_changed", {"account": name} | ({"sites": list(own)} if own else {})
    )
    typer.echo(name)


def remove(
    context: typer.Context, name: NameArgument, site: SiteOption = None, fleet: FleetOption = None
) -> None:
    """Remove an account; whoever is logged in with it is logged out."""
    door = _opened(context, site, fleet)
    own = door.accounts.get(name).sites
    door.accounts.remove(name)
    _tell(context, door, "account_removed", {"account": name} | ({"sites": list(own)} if own else {}))
    typer.echo(name)


def link(
    context: typer.Context,
    wearer: Annotated[str, typer.Argument(metavar="PSEUDONYM", help="Pseudonym of the wearer.")],
    days: Annotated[int, typer.Option("--days", min=1, max=31, help="Days that the link is valid.")] = _DAYS,
    url: Annotated[
        str, typer.Option("--url", help="Address of the dashboard, as the wearer reaches it.")
    ] = "http://127.0.0.1:8050",
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a personal link: its holder sees the data of this pseudonym on the dashboard, and nothing else.

    The link is signed with the key of the pseudonyms and expires. Hand it over in person.
    """
    from indicators.governance.link_register import enter_link
    from indicators.governance.own_data import check_wearer
    from indicators.governance.personal_link import make_link
    from indicators.governance.site_logs import site_key
    from sensors.errors import GovernanceError

    book = services_of(context).load_site(site)
    key = site_key(book)
    if key is None:
        raise GovernanceError(
            "the site names no pseudonym key",
            rule="personal links are signed with it: [privacy] key_file, outside the folder of the site file",
            remedy="set it, then run `vigiposte pseudonyms create-key`",
            code="key_not_named",
        )
    check_wearer(book, wearer)
    made, token = make_link(key, wearer, datetime.now(UTC) + timedelta(days=days))
    _log(
        context,
        book,
        "personal_link_made",
        {"link": made.id, "pseudonym": wearer, "expires": made.expires.isoformat()},
    )
    enter_link(book, made)
    address = f"{url.rstrip('/')}/my/{token}"
    if as_json:
        emit_json("link", {"url": address, "link": made.id, "expires": made.expires.isoformat()})
        return
    typer.echo(address)
    say = services_of(context).words(None, book)
    note(
        say("commands.link_made", until=f"{book.local(int(made.expires.timestamp()) * 10**9):%Y-%m-%d %H:%M}")
    )


def unlink(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="PSEUDONYM|ID", help="Whose links, or the id of one.")],
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Revoke personal links, at once: every link of a pseudonym, or the one with this id."""
    from indicators.governance.link_register import revoke_links
    from sensors.errors import UnknownNameError

    book = services_of(context).load_site(site)
    gone = revoke_links(book, wanted)
    if not gone:
        raise UnknownNameError(
            "no link of this pseudonym or id is open",
            value=wanted,
            remedy="ids stand in access.jsonl, personal_link_made",
            code="no_open_link",
        )
    _log(context, book, "personal_links_revoked", {"links": list(gone)})
    if as_json:
        emit_json("unlink", {"links": list(gone)})
        return
    for name in gone:
        typer.echo(name)
