"""The globe thermometer: mean radiant temperature, and what a globe of the standard size would read."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, together, within

__all__ = ["globe_150mm_c", "mean_radiant_c"]

Floats = NDArray[np.float64]

_KELVIN = 273.15
_STEFAN_BOLTZMANN = 5.67e-8
_BISECTIONS = 30


def mean_radiant_c(
    globe_c: ArrayLike,
    air_c: ArrayLike,
    air_speed_m_s: ArrayLike,
    diameter_m: ArrayLike = 0.15,
    emissivity: ArrayLike = 0.95,
) -> Floats:
    """Mean radiant temperature from a globe.

    Parameters
    ----------
    globe_c, air_c : array-like
        Globe and air temperature [°C].
    air_speed_m_s : array-like
        Air speed [m/s], zero or more.
    diameter_m : array-like
        Globe diameter [m]; small globes read closer to air temperature.
    emissivity : array-like
        Emissivity of the globe, above 0 up to 1.

    Returns
    -------
    float64 array
        Temperature [°C]; NaN where an input is missing or the globe lies below what any radiation explains.

    Raises
    ------
    MethodError
        ``not_positive``, ``out_of_validity``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 7726:1998 Annex B: the larger of free (``1.4 (|tg − ta|/D)^0.25``) and forced (``6.3 v^0.6 / D^0.4``)
    convection.
    """
    globe, air, speed, diameter, grey = together(
        float_array(globe_c, "globe_c"),
        float_array(air_c, "air_c"),
        positive(air_speed_m_s, "air_speed_m_s", zero=True),
        positive(diameter_m, "diameter_m"),
        within(positive(emissivity, "emissivity"), "emissivity", 0.0, 1.0),
    )
    free = 1.4 * (np.abs(globe - air) / diameter) ** 0.25
    forced = 6.3 * speed**0.6 / diameter**0.4
    fourth = (globe + _KELVIN) ** 4 + np.maximum(free, forced) * (globe - air) / (grey * _STEFAN_BOLTZMANN)
    return np.where(fourth > 0, fourth, np.nan) ** 0.25 - _KELVIN


def globe_150mm_c(
    globe_c: ArrayLike,
    air_c: ArrayLike,
    air_speed_m_s: ArrayLike,
    diameter_m: ArrayLike,
    emissivity: ArrayLike = 0.95,
) -> Floats:
    """What a 150-mm globe would read where a globe of another size was used; WBGT is defined with 150 mm.

    Parameters
    ----------
    globe_c, air_c, air_speed_m_s, diameter_m, emissivity : array-like
        As in `mean_radiant_c`.

    Returns
    -------
    float64 array
        Temperature [°C] of the globe in balance with the same radiation, by bisection to 1e-6 °C.

    Raises
    ------
    MethodError
        Those of `mean_radiant_c`.

    Notes
    -----
    ISO 7726:1998 Annex B solved for the globe.
    """
    radiant = mean_radiant_c(globe_c, air_c, air_speed_m_s, diameter_m, emissivity)
    radiant, air, speed, grey = together(
        radiant,
        np.asarray(air_c, dtype=np.float64),
        np.asarray(air_speed_m_s, dtype=np.float64),
        np.asarray(emissivity, dtype=np.float64),
    )
    # A globe settles between the air and the radiation around it.
    low, high = np.minimum(air, radiant), np.maximum(air, radiant)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        too_warm = mean_radiant_c(middle, air, speed, 0.15, grey) > radiant
        low, high = np.where(too_warm, low, middle), np.where(too_warm, middle, high)
    return np.asarray((low + high) / 2.0)
