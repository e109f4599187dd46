"""Thermal indices over logged climate: wet bulb, WBGT measured and estimated, mean radiant temperature.

The heavier models (PHS, PMV/PPD, UTCI, wind chill, IREQ) come from pythermalcomfort through
``analysis.thermal_models`` and are offered here under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, together, within
from analysis.thermal_globe import globe_150mm_c, mean_radiant_c
from analysis.thermal_models import ireq, phs, pmv_ppd, utci_c, wind_chill_c
from sensors.errors import MethodError

__all__ = [
    "ASSUMED_AIR_SPEED_M_S",
    "WBGT_ERROR_C",
    "WET_BULB_RANGE_C",
    "WbgtMethod",
    "globe_150mm_c",
    "ireq",
    "mean_radiant_c",
    "natural_wet_bulb_estimate_c",
    "phs",
    "pmv_ppd",
    "utci_c",
    "vapour_pressure_hpa",
    "wbgt_c",
    "wbgt_heights_c",
    "wbgt_shade_estimate_c",
    "wbgt_simplified_sun_c",
    "wet_bulb_c",
    "wind_chill_c",
]

Floats = NDArray[np.float64]

ASSUMED_AIR_SPEED_M_S = 0.3
"""Air speed of an indoor place where nobody measured it (convention of this tool)."""

WET_BULB_RANGE_C = (-45.0, 60.0)
"""Air temperatures for which vapour pressure over water, and with it a wet bulb, is given (WMO) [°C]."""

_PSYCHROMETER_PER_K = 6.65e-4
_NEWTON_STEPS = 8


class WbgtMethod(IntEnum):
    """How a WBGT came about, from best to weakest."""

    MEASURED = 1
    ESTIMATED_WET_BULB = 2
    ESTIMATED_WET_BULB_AND_SPEED = 3
    SHADE_ESTIMATE = 4


WBGT_ERROR_C: Mapping[WbgtMethod, tuple[float, float]] = MappingProxyType(
    {
        WbgtMethod.MEASURED: (-0.5, 0.5),
        WbgtMethod.ESTIMATED_WET_BULB: (-1.0, 1.0),
        WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: (-1.8, 0.9),
        WbgtMethod.SHADE_ESTIMATE: (-0.9, 0.7),
    }
)
"""Lower and upper error (true minus reported WBGT) [°C], each taken as a one-sided 95 % bound.

Conventions of this tool, shown with the value. *Measured*: required accuracy of instruments, ISO 7726
(recalled). *Shade estimate*: against Liljegren's model without sun it reads 0.36 °C too low to 0.72 °C too
high (28–40 °C, 20–90 %); joined with 3 % of humidity and 0.5 °C of air temperature (about 0.6 °C). It holds
only where the globe stands at air temperature; beside radiant heat it is a lower bound. *Estimated wet bulb,
speed assumed*: the fit reads 0.26 °C too low to 1.66 °C too high on the same grid, and 0.6 °C too low beside
radiant heat at 0.1 m/s; joined with the same sensors.
"""


def vapour_pressure_hpa(temperature_c: ArrayLike) -> Floats:
    """Saturation vapour pressure over water [hPa] (Magnus, WMO coefficients 6.112, 17.62, 243.12)."""
    values = np.asarray(temperature_c, dtype=np.float64)
    return np.asarray(6.112 * np.exp(17.62 * values / (243.12 + values)))


def wet_bulb_c(air_c: ArrayLike, rh_percent: ArrayLike, pressure_hpa: ArrayLike = 1013.25) -> Floats:
    """Psychrometric (ventilated) wet bulb temperature.

    Parameters
    ----------
    air_c : array-like
        Air temperature [°C], −45 to 60.
    rh_percent : array-like
        Relative humidity [%], 0 to 100.
    pressure_hpa : array-like
        Air pressure [hPa], 500 to 1100.

    Returns
    -------
    float64 array
        Temperature [°C] at which a ventilated wet bulb settles; NaN where an input is missing.

    Raises
    ------
    MethodError
        ``out_of_validity``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    Sprung's psychrometer equation ``e = es(tw) − A p (ta − tw)`` with ``A = 6.65e-4 /K``, over water at all
    temperatures, solved by Newton's method to far below 0.001 °C.
    """
    air, humidity, pressure = together(
        within(air_c, "air_c", *WET_BULB_RANGE_C),
        within(rh_percent, "rh_percent", 0.0, 100.0),
        within(pressure_hpa, "pressure_hpa", 500.0, 1100.0),
    )
    constant = _PSYCHROMETER_PER_K * pressure
    target = humidity / 100.0 * vapour_pressure_hpa(air) + constant * air
    # The left side is convex and rises: Newton's steps from the right stay right of the solution.
    wet = air.copy()
    for _ in range(_NEWTON_STEPS):
        saturated = vapour_pressure_hpa(wet)
        slope = saturated * 17.62 * 243.12 / (243.12 + wet) ** 2 + constant
        wet = wet - (saturated + constant * wet - target) / slope
    return np.asarray(np.minimum(wet, air))


def natural_wet_bulb_estimate_c(
    air_c: ArrayLike,
    rh_percent: ArrayLike,
    globe_c: ArrayLike,
    air_speed_m_s: ArrayLike = ASSUMED_AIR_SPEED_M_S,
) -> Floats:
    """Natural wet bulb temperature where only air temperature, humidity and a globe were measured.

    Parameters
    ----------
    air_c, globe_c : array-like
        Air and 150-mm globe temperature [°C].
    rh_percent : array-like
        Relative humidity [%].
    air_speed_m_s : array-like
        Air speed [m/s]; 0.3 where it was not measured.

    Returns
    -------
    float64 array
        Estimate [°C], never above the globe or air temperature, whichever is higher.

    Raises
    ------
    MethodError
        ``out_of_validity``, ``not_positive``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    Bernard and Pourmoghani 1999 (coefficients recalled, the same in an independent implementation). Globe
    less than 4 °C above air: ``ta − C (ta − tw)`` with C = 0.85 in still air, ``0.96 + 0.069 lg v`` from 0.03
    to 3 m/s, 1 above. Otherwise ``tw + 0.25 (tg − ta) + e`` with e = 1.1 below 0.1 m/s, ``0.10/v^1.1 − 0.2``
    to 1 m/s, −0.1 above.
    """
    air, humidity, globe, speed = together(
        within(air_c, "air_c", *WET_BULB_RANGE_C),
        within(rh_percent, "rh_percent", 0.0, 100.0),
        float_array(globe_c, "globe_c"),
        positive(air_speed_m_s, "air_speed_m_s", zero=True),
    )
    wet = wet_bulb_c(air, humidity)
    moving = np.maximum(speed, 1e-3)
    ventilation = np.where(speed < 0.03, 0.85, np.where(speed > 3.0, 1.0, 0.96 + 0.069 * np.log10(moving)))
    shaded = air - ventilation * (air - wet)
    offset = np.where(speed < 0.1, 1.1, np.where(speed > 1.0, -0.1, 0.10 / moving**1.1 - 0.2))
    radiant = wet + 0.25 * (globe - air) + offset
    estimate = np.where(globe - air < 4.0, shaded, radiant)
    # NaN of the speed passes through every branch above, but not through the comparison of globe and air.
    known = ~(np.isnan(globe) | np.isnan(speed))
    return np.where(known, np.minimum(estimate, np.maximum(air, globe)), np.nan)


def wbgt_c(
    natural_wet_bulb_c: ArrayLike, globe_c: ArrayLike, air_c: ArrayLike | None = None, solar: bool = False
) -> Floats:
    """WBGT from natural wet bulb and globe.

    Parameters
    ----------
    natural_wet_bulb_c, globe_c : array-like
        Natural (not ventilated) wet bulb and 150-mm globe temperature [°C].
    air_c : array-like, optional
        Air temperature [°C]; needed with `solar`.
    solar : bool
        Whether the sun shines on the place.

    Returns
    -------
    float64 array
        ``0.7 tnw + 0.3 tg``, with sun ``0.7 tnw + 0.2 tg + 0.1 ta`` [°C].

    Raises
    ------
    MethodError
        ``air_required``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 7243:2017, 6.
    """
    wet, globe = together(
        float_array(natural_wet_bulb_c, "natural_wet_bulb_c"), float_array(globe_c, "globe_c")
    )
    if not solar:
        return np.asarray(0.7 * wet + 0.3 * globe)
    if air_c is None:
        raise MethodError(
            "WBGT in the sun needs the air temperature", rule="air_c given", code="air_required"
        )
    wet, globe, air = together(wet, globe, float_array(air_c, "air_c"))
    return np.asarray(0.7 * wet + 0.2 * globe + 0.1 * air)


def wbgt_shade_estimate_c(air_c: ArrayLike, rh_percent: ArrayLike) -> Floats:
    """WBGT where only air temperature and humidity were measured, *in the shade, globe at air temperature*.

    Parameters
    ----------
    air_c : array-like
        Air temperature [°C], −45 to 60.
    rh_percent : array-like
        Relative humidity [%].

    Returns
    -------
    float64 array
        ``0.7 tw + 0.3 ta`` [°C]; beside ovens or in the sun a lower bound only (see `WBGT_ERROR_C`).

    Raises
    ------
    MethodError
        Those of `wet_bulb_c`.
    """
    air, humidity = together(float_array(air_c, "air_c"), float_array(rh_percent, "rh_percent"))
    return np.asarray(0.7 * wet_bulb_c(air, humidity) + 0.3 * air)


def wbgt_simplified_sun_c(air_c: ArrayLike, rh_percent: ArrayLike, *, indoors: bool) -> Floats:
    """Simplified WBGT of the Australian Bureau of Meteorology, which takes moderately strong sun for granted.

    Parameters
    ----------
    air_c, rh_percent : array-like
        Air temperature [°C] and relative humidity [%].
    indoors : bool
        Whether the place is indoors, where this formula reads 4.6 to 13.7 °C too high.

    Returns
    -------
    float64 array
        ``0.567 ta + 0.393 e + 3.94`` [°C], e the vapour pressure [hPa].

    Raises
    ------
    MethodError
        ``sun_formula_indoors`` for any indoor place; ``out_of_validity``, ``wrong_shape``, ``empty``,
        ``infinite``.
    """
    if indoors:
        raise MethodError(
            "the simplified sun formula does not hold indoors",
            value="indoors",
            rule="outdoors under moderately strong sun",
            remedy="measure a globe temperature, or use the shade estimate",
            code="sun_formula_indoors",
        )
    air, humidity = together(
        within(air_c, "air_c", *WET_BULB_RANGE_C), within(rh_percent, "rh_percent", 0.0, 100.0)
    )
    # The formula was published with its own vapour pressure equation.
    pressure = humidity / 100.0 * 6.105 * np.exp(17.27 * air / (237.7 + air))
    return np.asarray(0.567 * air + 0.393 * pressure + 3.94)


def wbgt_heights_c(head_c: ArrayLike, abdomen_c: ArrayLike, ankles_c: ArrayLike) -> Floats:
    """WBGT of a place whose climate differs with height: ``(head + 2 abdomen + ankles) / 4``.

    Parameters
    ----------
    head_c, abdomen_c, ankles_c : array-like
        WBGT at 1.7, 1.1 and 0.1 m standing (1.1, 0.6 and 0.1 m seated) [°C].

    Returns
    -------
    float64 array
        Weighted WBGT [°C]; NaN where one height is missing.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 7243:2017, 7.2.
    """
    head, abdomen, ankles = together(
        float_array(head_c, "head_c"),
        float_array(abdomen_c, "abdomen_c"),
        float_array(ankles_c, "ankles_c"),
    )
    return np.asarray((head + 2.0 * abdomen + ankles) / 4.0)
