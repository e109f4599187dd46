"""Commands of this room; each file beside this one mounts its own."""

from __future__ import annotations

import typer

from indicators import (
    calibration_command,
    decision_commands,
    governance_commands,
    planning_commands,
    publish_command,
    result_commands,
    rights_commands,
    summary_commands,
    validate_command,
)

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    summary_commands.mount(app)
    result_commands.mount(app)
    validate_command.mount(app)
    decision_commands.mount(app)
    planning_commands.mount(app)
    calibration_command.mount(app)
    governance_commands.mount(app)
    rights_commands.mount(app)
    publish_command.mount(app)
