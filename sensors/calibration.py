"""What a calibration record says about the readings that rest on it."""

from __future__ import annotations

from sensors.site_model import Calibration

__all__ = ["MICROPHONE_DRIFT_LIMIT_DB", "microphone_drift_db"]

# ISO 9612:2009, 12.2: a series whose check before and after differs by more is discarded.
MICROPHONE_DRIFT_LIMIT_DB = 0.5


def microphone_drift_db(calibration: Calibration) -> float | None:
    """Level after minus level before [dB]; ``None`` when one of the two was not taken."""
    if calibration.level_before_db is None or calibration.level_after_db is None:
        return None
    return calibration.level_after_db - calibration.level_before_db
