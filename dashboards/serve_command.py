"""``vigiposte serve``: the dashboard in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sensors.command_line import AudienceOption, FleetOption, SiteOption, note, services_of
from sensors.fleet_runs import broken_runs, failure_lines

__all__ = ["mount"]

_DEFAULT_PORT = 8050


def _secret(file: Path | None) -> str | None:
    if file is not None:
        return file.expanduser().read_text(encoding="utf-8").strip()
    return os.environ.get("VIGIPOSTE_WEB_PASSWORD") or None


def _require_web() -> None:
    try:
        import argon2  # noqa: F401 - asked for by its presence only
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        from sensors.errors import MissingExtraError

        raise MissingExtraError("the dashboard", "web") from error


def _require_free(host: str, port: int) -> None:
    """Fail before anything is opened, with a remedy, when the port is taken."""
    import socket

    from sensors.errors import LocalResourceError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise LocalResourceError(
                "the dashboard cannot listen on this address",
                value=f"{host}:{port}",
                rule=error.strerror or str(error),
                remedy="choose another with --port or --host, or stop the other program",
                code="address_unavailable",
            ) from error


def serve_site(
    services: Any, site: Path | None, host: str, port: int, audience: str, secret: str | None
) -> None:
    """Serve until interrupted; also used by the demonstration."""
    import uvicorn

    from dashboards.web.accounts import accounts_of
    from dashboards.web.app import create_app
    from dashboards.web.settings import WebSettings
    from dashboards.web.source import SiteSource
    from indicators.commands.options import chosen_audience, log_analyst
    from indicators.comparison import compare_periods
    from indicators.explain import explain

    book = services.load_site(site)
    accounts = accounts_of(book)
    settings = WebSettings(
        host=host,
        port=port,
        audience=chosen_audience(audience),
        secret=secret,
        accounts=accounts,
        session_hours=book.site.dashboard.session_hours,
    )
    log_analyst(services, book, settings.audience, f"dashboard on {host}:{port}")
    say = services.words(None, book)
    if accounts.all() and secret is not None:
        note(say("commands.serve_accounts", file=accounts.path.name))
    _require_free(host, port)
    source = SiteSource(
        load=lambda: services.load_site(book.path),
        store=services.open_store(book),
        weekly=services.weekly_result,
        audience=settings.audience,
        extra={"explain": explain, "compare": compare_periods, **services.extra},
    )
    if settings.open_to_network:
        note(say("commands.serve_no_tls", host=host))
    shown = f"[{host}]" if ":" in host else host
    note(say("commands.serve_at", url=f"http://{shown}:{port}/"))
    uvicorn.run(
        create_app(source, settings),
        host=host.strip("[]"),
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )


def serve_fleet(services: Any, path: Path, host: str, port: int, secret: str | None = None) -> None:
    """Serve the view of a fleet until interrupted."""
    import uvicorn

    from dashboards.fleet.source import FleetSource
    from dashboards.fleet.web import create_fleet_app
    from dashboards.web.accounts import fleet_accounts
    from dashboards.web.settings import WebSettings

    fleet = services.extra["load_fleet"](path)
    sites = len(fleet.sites) + len(fleet.broken)
    for line in failure_lines(services, broken_runs(fleet), fleet.language, sites):
        typer.echo(line, err=True)
    accounts = fleet_accounts(fleet)
    settings = WebSettings(
        host=host, port=port, secret=secret, accounts=accounts, session_hours=fleet.session_hours
    )
    say = services.text(fleet.language)
    if accounts.all() and secret is not None:
        note(say("commands.serve_accounts", file=accounts.path.name))
    source = FleetSource(
        fleet,
        services.extra["fleet_result"],
        services.extra["fleet_site"],
        lambda book: services.extra["survey"](book, lambda: services.open_store(book)),
        services.extra["log_access"],
        lambda: services.extra["load_fleet"](path),
    )
    app = create_fleet_app(source, settings)
    _require_free(host, port)
    if settings.open_to_network:
        note(say("commands.serve_no_tls", host=host))
    shown = f"[{host}]" if ":" in host else host
    note(say("commands.serve_at", url=f"http://{shown}:{port}/"))
    uvicorn.run(
        app,
        host=host.strip("[]"),
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )


def mount(app: typer.Typer) -> None:
    """Add ``serve`` to `app`."""

    @app.command()
    def serve(
        context: typer.Context,
        site: SiteOption = None,
        fleet: FleetOption = None,
        host: Annotated[
            str,
            typer.Option(
                "--host", help="Address; one that other machines reach needs accounts or a password."
            ),
        ] = "127.0.0.1",
        port: Annotated[int, typer.Option("--port", min=1, max=65535, help="TCP port.")] = _DEFAULT_PORT,
        audience: AudienceOption = "report",
        password_file: Annotated[
            Path | None,
            typer.Option("--password-file", help="File with the password; or VIGIPOSTE_WEB_PASSWORD."),
        ] = None,
    ) -> None:
        """Show the dashboard in a browser: on this machine only, unless there are accounts or a password.

        Accounts (see `vigiposte accounts`) give each person a role; from the first one on, they alone enter.
        With --audience analyst nothing is held back: only ergonomists enter, and each look is logged.
        """
        from indicators.commands.fleet import require_whole_sites

        _require_web()
        if fleet is not None:
            require_whole_sites(audience)
            serve_fleet(services_of(context), fleet, host, port, _secret(password_file))
            return
        serve_site(services_of(context), site, host, port, audience, _secret(password_file))
