"""``vigiposte demo`` and ``vigiposte broker``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import LanguageOption, note, services_of

if TYPE_CHECKING:
    from datetime import date

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add ``demo`` and ``broker`` to `app`."""

    @app.command()
    def demo(
        context: typer.Context,
        out: Annotated[Path, typer.Option(help="Folder for site file, lake, report and truth.")] = Path(
            "vigiposte-demo"
        ),
        *,
        serve: Annotated[bool, typer.Option("--serve", help="Open the dashboard afterwards.")] = False,
        quick: Annotated[bool, typer.Option("--quick", help="One day instead of five.")] = False,
        seed: Annotated[int, typer.Option(min=0, help="Another plant for every seed.")] = 1,
        start: Annotated[
            str | None,
            typer.Option(
                help="A site date of the week to simulate, YYYY-MM-DD; default: last complete week."
            ),
        ] = None,
        language: LanguageOption = None,
    ) -> None:
        """Simulate a plant, stream a week of readings over real MQTT, store them and write the report."""
        from importlib.util import find_spec

        from simulators.demo import DemoOptions, run_demo
        from simulators.demo_summary import summary_lines
        from simulators.scenario import load_scenario

        services = services_of(context)
        chosen = _language(language)
        scenario = "quick" if quick else "demo"
        plant = load_scenario(scenario)
        period = _period(start, plant.timezone)
        formats = ("html", "pdf", "csv") if find_spec("typst") is not None else ("html", "csv")
        say = services.text(chosen)
        options = DemoOptions(
            out=out, scenario=scenario, seed=seed, start=period.first, language=chosen, formats=formats
        )
        note(say("demo.begin", days=plant.days, out=str(out)))
        outcome = run_demo(services, options, period, say)
        for line in summary_lines(outcome, say):
            typer.echo(line)
        if serve:
            _run(context, "serve", ["--site", str(outcome.site_file)])

    @app.command()
    def broker(
        context: typer.Context,
        port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port.")] = 1883,
        listen: Annotated[
            str, typer.Option(help="Address; beyond this machine only with a user.")
        ] = "127.0.0.1",
        user: Annotated[str | None, typer.Option(help="User name that clients must give.")] = None,
        password_file: Annotated[
            Path | None, typer.Option(help="File that holds the user's password.")
        ] = None,
    ) -> None:
        """Run the embedded MQTT broker alone, until Ctrl+C. For trials: it keeps nothing when it stops."""
        import signal
        import threading

        from simulators.broker import EmbeddedBroker

        say = services_of(context).words()
        stop = threading.Event()
        with EmbeddedBroker(port, listen, _credentials(user, password_file)) as running:
            for sign in (signal.SIGINT, signal.SIGTERM):
                signal.signal(sign, lambda *_: stop.set())
            note(say("terminal.broker_runs", url=running.url))
            while running.running and not stop.wait(0.5):
                pass
            if not stop.is_set():
                _broker_died()
        note(say("terminal.broker_stopped"))


def _broker_died() -> None:
    from sensors.errors import LocalResourceError

    raise LocalResourceError(
        "the embedded broker ended by itself", remedy="start it again", code="broker_died"
    )


def _credentials(user: str | None, password_file: Path | None) -> dict[str, str] | None:
    from sensors.errors import UsageError

    if user is None and password_file is None:
        return None
    if user is None or password_file is None:
        raise UsageError(
            "a user needs a password file, and a password file a user",
            remedy="--user NAME --password-file FILE",
            code="broker_credentials",
        )
    if not password_file.is_file():
        raise UsageError(
            "no such password file",
            value=str(password_file),
            remedy="check the path",
            code="broker_credentials",
        )
    return {user: password_file.read_text(encoding="utf-8").strip()}


def _language(asked: str | None) -> Any:
    from sensors.errors import UnknownNameError

    if asked not in (None, "fr", "en"):
        raise UnknownNameError(
            "no texts in this language", value=asked, remedy="fr or en", code="unknown_language"
        )
    return asked or "fr"


def _period(start: str | None, timezone: str) -> Any:
    """Return the ISO week that holds `start`, or the last complete one."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from sensors.periods import week_period

    week = None if start is None else "{}-W{:02d}".format(*_date(start).isocalendar()[:2])
    return week_period(week, ZoneInfo(timezone), datetime.now(UTC))


def _date(text: str) -> date:
    from datetime import date

    from sensors.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("not a date", value=text, rule="YYYY-MM-DD", code="date_format") from None


def _run(context: typer.Context, name: str, arguments: list[str]) -> None:
    """Run another command of the same program, with the same services."""
    root = context.find_root()
    command = root.command.get_command(root, name)  # type: ignore[attr-defined]
    with command.make_context(name, arguments, parent=root) as own:
        command.invoke(own)
