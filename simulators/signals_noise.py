"""Sound at a worker's ear, second by second: what a perfect dosimeter would read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.plant import WorkDay
from simulators.scenario import SensorRole, TaskSpec
from simulators.streams import drift

__all__ = ["NoiseSignal", "noise_signal"]

_REST_LEVEL_DB = 59.0
_REST_FLUCTUATION_DB = 3.0
_MEMORY_S = 25.0
# An impact's A-weighted sound exposure level lies some 28 dB below its C-weighted peak.
_PEAK_ABOVE_EXPOSURE_DB = 28.0
_CREST_DB = 13.0


@dataclass(frozen=True, slots=True)
class NoiseSignal:
    """True levels of each second of a shift, shape (seconds,): LAeq,1s dB(A), LCeq,1s and LCpeak,1s dB(C)."""

    laeq_db: NDArray[np.float64]
    lceq_db: NDArray[np.float64]
    lcpeak_db: NDArray[np.float64]


def noise_signal(day: WorkDay) -> NoiseSignal:
    """Levels of one worker-day: the task, the wearer's and the day's difference, fluctuation, impulses."""
    rng = day.stream(SensorRole.NOISE, "signal")
    seconds = day.duration_s
    wander = drift(rng, seconds, 1.0, _MEMORY_S)
    crest = rng.normal(_CREST_DB, 1.2, seconds)
    tilt = rng.normal(0.0, 0.4, seconds)
    laeq, lceq, peak = (np.empty(seconds) for _ in range(3))
    for block in day.blocks:
        part = slice(block.start_s, block.end_s)
        size = block.end_s - block.start_s
        if block.task is None:
            level, fluctuation, c_minus_a = _REST_LEVEL_DB, _REST_FLUCTUATION_DB, 3.0
        else:
            level = block.task.laeq_db + day.level_offset_db
            fluctuation, c_minus_a = block.task.fluctuation_db, block.task.c_minus_a_db
        laeq[part] = level + fluctuation * wander[part]
        lceq[part] = laeq[part] + c_minus_a + tilt[part]
        peak[part] = lceq[part] + crest[part]
        if block.task is not None and block.task.impulses_per_hour:
            impulse_peak = _impulses(rng, block.task, size)
            energy = impulse_peak - _PEAK_ABOVE_EXPOSURE_DB
            laeq[part] = _add(laeq[part], energy)
            lceq[part] = _add(lceq[part], energy + 1.0)
            peak[part] = np.maximum(peak[part], impulse_peak)
    return NoiseSignal(laeq, lceq, peak)


def _impulses(rng: np.random.Generator, task: TaskSpec, seconds: int) -> NDArray[np.float64]:
    """Peak level of the loudest impulse of each second; minus infinity where there is none."""
    struck = rng.random(seconds) < 1.0 - np.exp(-task.impulses_per_hour / 3600.0)
    peaks = rng.normal(task.impulse_peak_db, task.impulse_spread_db, seconds)
    return np.where(struck, peaks, -np.inf)


def _add(first_db: NDArray[np.float64], second_db: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10.0 * np.log10(10.0 ** (first_db / 10.0) + 10.0 ** (second_db / 10.0)))
