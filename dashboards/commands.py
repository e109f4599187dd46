"""Commands of this room: the weekly report, the web pages and Grafana's provisioning files."""

from __future__ import annotations

import typer

from dashboards import accounts_command, grafana_command, report_command, serve_command

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    report_command.mount(app)
    serve_command.mount(app)
    grafana_command.mount(app)
    accounts_command.mount(app)
