"""Noise exposure by the published methods: levels, doses, ISO 9612, hearing protectors, what-if."""

from __future__ import annotations

from indicators.noise.iso9612 import (
    SampledLevel,
    TaskBasedLevel,
    full_day,
    job_based,
    minimum_cumulative_hours,
    task_based,
)
from indicators.noise.measures import (
    DoseScheme,
    dose_percent,
    dose_scheme,
    exposure_points,
    lex_8h,
    lex_weekly,
)
from indicators.noise.protectors import (
    ProtectedLevel,
    assumed_protection_db,
    protected_level_hml,
    protected_level_octave,
    protected_level_snr,
)
from indicators.noise.what_if import (
    WhatIf,
    allowed_hours,
    what_if,
)

__all__ = [
    "DoseScheme",
    "ProtectedLevel",
    "SampledLevel",
    "TaskBasedLevel",
    "WhatIf",
    "allowed_hours",
    "assumed_protection_db",
    "dose_percent",
    "dose_scheme",
    "exposure_points",
    "full_day",
    "job_based",
    "lex_8h",
    "lex_weekly",
    "minimum_cumulative_hours",
    "protected_level_hml",
    "protected_level_octave",
    "protected_level_snr",
    "task_based",
    "what_if",
]
