"""Commands of this room; each file beside this one mounts its own."""

from __future__ import annotations

import typer

from indicators.commands import (
    annex,
    calibration,
    decisions,
    governance,
    planning,
    publish,
    results,
    rights,
    summaries,
    validate,
    what_if,
)

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    summaries.mount(app)
    results.mount(app)
    validate.mount(app)
    annex.mount(app)
    decisions.mount(app)
    what_if.mount(app)
    planning.mount(app)
    calibration.mount(app)
    governance.mount(app)
    rights.mount(app)
    publish.mount(app)
