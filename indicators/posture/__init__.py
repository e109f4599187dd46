"""Posture by published methods: holds (ISO 11226), action levels (RAMP, Lund), the Revised Strain Index."""

from __future__ import annotations

from indicators.posture.rules import (
    ActionLevel,
    StaticPosture,
    StaticVerdict,
    action_level,
    revised_strain_index,
    static_hold_limit_s,
    static_postures,
)

__all__ = [
    "ActionLevel",
    "StaticPosture",
    "StaticVerdict",
    "action_level",
    "revised_strain_index",
    "static_hold_limit_s",
    "static_postures",
]
