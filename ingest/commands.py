"""The commands of this room: the service, its status, the doctor, and what moves data in, out and away."""

from __future__ import annotations

import typer

from ingest import device_commands, doctor_command, retention_commands, service_commands, store_commands

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add the room's commands to the command line."""
    service_commands.mount(app)
    doctor_command.mount(app)
    device_commands.mount(app)
    store_commands.mount(app)
    retention_commands.mount(app)
