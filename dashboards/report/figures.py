"""Figures of a workstation, drawn from what its indicators carry in ``details``."""

from __future__ import annotations

from dashboards.report.model import Figure
from dashboards.wording import Wording
from indicators.model import Audience, WorkstationResult

__all__ = ["figures"]


def figures(station: WorkstationResult, audience: Audience, words: Wording) -> tuple[Figure, ...]:
    """Distribution, static or dynamic, contributions and projection, as far as the indicators carry them."""
    del station, audience, words
    return ()
