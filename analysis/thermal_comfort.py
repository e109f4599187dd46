"""Comfort and outdoor indices of pythermalcomfort: PMV/PPD, UTCI, wind chill; unrounded, edition pinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.thermal_library import choice, inputs_together, library, models, over_rows

__all__ = ["PmvPpdResult", "pmv_ppd", "utci_c", "wind_chill_c"]

Floats = NDArray[np.float64]

_PMV_MODELS = {"2005": "7730-2005", "2025": "7730-2025"}


@dataclass(frozen=True, slots=True, eq=False)
class PmvPpdResult:
    """Predicted mean vote (−3 cold … +3 hot) and predicted percentage dissatisfied."""

    pmv: Floats
    ppd_percent: Floats
    edition: str
    library: str


def pmv_ppd(
    air_c: ArrayLike,
    radiant_c: ArrayLike,
    relative_air_speed_m_s: ArrayLike,
    rh_percent: ArrayLike,
    metabolic_rate_met: ArrayLike,
    clothing_clo: ArrayLike,
    edition: str = "2025",
) -> PmvPpdResult:
    """Comfort in moderate climates (ISO 7730).

    Parameters
    ----------
    air_c, radiant_c : array-like
        Air (10–30) and mean radiant temperature (10–40) [°C].
    relative_air_speed_m_s : array-like
        Air speed relative to the body [m/s], below 1.
    rh_percent : array-like
        Relative humidity [%].
    metabolic_rate_met : array-like
        Metabolic rate [met], 0.8 to 4.
    clothing_clo : array-like
        Clothing insulation [clo], up to 2.
    edition : {"2025", "2005"}
        Edition of ISO 7730.

    Returns
    -------
    PmvPpdResult
        NaN where an input is missing or outside the range, or the vote is beyond ±2.

    Raises
    ------
    MissingExtraError
        The extra ``thermal`` is not installed.
    MethodError
        ``unknown_edition``, ``wrong_shape``, ``empty``, ``infinite``.
    """
    model = choice(edition, _PMV_MODELS, "edition of ISO 7730", "unknown_edition")

    def run(air: Floats, radiant: Floats, speed: Floats, humidity: Floats, met: Floats, clo: Floats) -> Any:
        return models().pmv_ppd_iso(
            tdb=air,
            tr=radiant,
            vr=speed,
            rh=humidity,
            met=met,
            clo=clo,
            model=model,
            limit_inputs=True,
            round_output=False,
        )

    inputs = inputs_together(
        air_c=air_c,
        radiant_c=radiant_c,
        relative_air_speed_m_s=relative_air_speed_m_s,
        rh_percent=rh_percent,
        metabolic_rate_met=metabolic_rate_met,
        clothing_clo=clothing_clo,
    )
    pmv, ppd = over_rows(run, ("pmv", "ppd"), *inputs)
    return PmvPpdResult(pmv=pmv, ppd_percent=ppd, edition=f"ISO 7730:{edition}", library=library())


def utci_c(air_c: ArrayLike, radiant_c: ArrayLike, air_speed_m_s: ArrayLike, rh_percent: ArrayLike) -> Floats:
    """Universal thermal climate index, for the outdoors.

    Parameters
    ----------
    air_c, radiant_c : array-like
        Air (−50 to 50) and mean radiant temperature (30 below to 70 above the air) [°C].
    air_speed_m_s : array-like
        Wind at 10 m height [m/s], 0.5 to 17: still indoor air lies outside.
    rh_percent : array-like
        Relative humidity [%].

    Returns
    -------
    float64 array
        UTCI [°C], polynomial of Bröde et al. 2012; NaN where an input is missing or outside the range.

    Raises
    ------
    MissingExtraError
        The extra ``thermal`` is not installed.
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``.
    """

    def run(air: Floats, radiant: Floats, speed: Floats, humidity: Floats) -> Any:
        return models().utci(tdb=air, tr=radiant, v=speed, rh=humidity, limit_inputs=True, round_output=False)

    inputs = inputs_together(
        air_c=air_c, radiant_c=radiant_c, air_speed_m_s=air_speed_m_s, rh_percent=rh_percent
    )
    return over_rows(run, ("utci",), *inputs)[0]


def wind_chill_c(air_c: ArrayLike, wind_speed_m_s: ArrayLike) -> Floats:
    """Wind chill temperature (ISO 11079:2007 Annex D).

    Parameters
    ----------
    air_c : array-like
        Air temperature [°C], at most 10.
    wind_speed_m_s : array-like
        Wind at 10 m height [m/s], at least 1.3.

    Returns
    -------
    float64 array
        Temperature [°C]; NaN where an input is missing or outside the range.

    Raises
    ------
    MissingExtraError
        The extra ``thermal`` is not installed.
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``.
    """

    def run(air: Floats, wind: Floats) -> Any:
        # This model alone takes km/h.
        return models().wind_chill_temperature(tdb=air, v=wind * 3.6, round_output=False)

    air, wind = inputs_together(air_c=air_c, wind_speed_m_s=wind_speed_m_s)
    inside = (air <= 10.0) & (wind >= 1.3)
    return np.where(inside, over_rows(run, ("wct",), air, np.where(inside, wind, np.nan))[0], np.nan)
