"""What every rendering of a fleet says before anything else: which sites its figures do not rest on."""

from __future__ import annotations

from indicators.fleet.model import FleetResult, SiteLine
from indicators.words import Text, note_words

__all__ = ["missing_head", "missing_site"]


def missing_head(result: FleetResult, say: Text) -> str:
    """How many sites are missing, and how many the figures rest on; empty where none is missing."""
    if not result.missing:
        return ""
    counted = len(result.counted)
    code = "fleet.missing_head" if counted else "fleet.missing_all"
    return say(code, n=len(result.missing), total=len(result.sites), counted=counted)


def missing_site(line: SiteLine, say: Text) -> str:
    """One of them, and why."""
    reason = "" if line.problem is None else note_words(line.problem, say)
    return say("fleet.missing_site", label=line.label, reason=reason)
