"""Random streams by name: the same seed and key give the same numbers, whatever else was generated before."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["drift", "generator"]


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator of `key`, for example ``(workstation, day, sensor, "signal")``.

    Streams of different keys are independent, so any sensor-day can be generated alone.
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *words])))


def drift(rng: np.random.Generator, count: int, sd: float, time_constant: float) -> NDArray[np.float64]:
    """Slow Gaussian fluctuation: a stationary first-order autoregression, shape (count,).

    Parameters
    ----------
    sd : float
        Standard deviation of the values.
    time_constant : float
        Steps after which the correlation has fallen to 1/e.
    """
    from scipy.signal import lfilter

    kept = float(np.exp(-1.0 / time_constant))
    shocks = rng.standard_normal(count) * (sd * np.sqrt(1.0 - kept * kept))
    if count:
        shocks[0] = rng.standard_normal() * sd
    return np.asarray(lfilter([1.0], [1.0, -kept], shocks), dtype=np.float64)
