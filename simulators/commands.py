"""Commands of this room: demo, simulate, record, replay, broker."""

from __future__ import annotations

import typer

from simulators import demo_command, trace_commands

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    demo_command.mount(app)
    trace_commands.mount(app)
