"""Heat and cold strain of pythermalcomfort (extra ``thermal``): PHS and IREQ; unrounded, edition pinned.

Outside a model's range of validity the result is NaN, value by value, so that one odd hour does not void a
week. The models are slow: feed them hourly or shift aggregates, never raw samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.thermal_comfort import PmvPpdResult, pmv_ppd, utci_c, wind_chill_c
from analysis.thermal_library import choice, inputs_together, library, models, over_rows
from sensors.errors import MethodError

__all__ = [
    "IreqResult",
    "PhsResult",
    "PmvPpdResult",
    "ireq",
    "phs",
    "pmv_ppd",
    "utci_c",
    "wind_chill_c",
]

Floats = NDArray[np.float64]

_PHS_MODELS = {"2004": "7933-2004", "2023": "7933-2023"}
_POSTURES = ("sitting", "standing", "crouching")


@dataclass(frozen=True, slots=True, eq=False)
class PhsResult:
    """Predicted heat strain at the end of the work sequence.

    Attributes
    ----------
    rectal_c, skin_c, core_c : float64 array
        Temperatures at the end [°C].
    limit_rectal_min : float64 array
        Allowed time until the rectal temperature reaches 38 °C [min]; the duration where it does not.
    limit_loss50_min, limit_loss95_min : float64 array
        Allowed time for water loss, for the mean worker and for 95 % of workers [min].
    sweat_loss_g : float64 array
        Water lost over the sequence [g].
    edition, library : str
        Edition of ISO 7933 and version of the library that computed it.
    """

    rectal_c: Floats
    skin_c: Floats
    core_c: Floats
    limit_rectal_min: Floats
    limit_loss50_min: Floats
    limit_loss95_min: Floats
    sweat_loss_g: Floats
    edition: str
    library: str


@dataclass(frozen=True, slots=True, eq=False)
class IreqResult:
    """Required clothing insulation in the cold, and the time allowed in the clothing worn.

    Attributes
    ----------
    ireq_min_clo, ireq_neutral_clo : float64 array
        Required resultant insulation for minimal strain and for thermal neutrality [clo].
    basic_min_clo, basic_neutral_clo : float64 array
        Basic insulation that gives it in this wind and at this walking speed [clo].
    allowed_min_h, allowed_neutral_h : float64 array
        Duration limited exposure [h]; 8 stands for "eight hours or more", where the model stops.
    edition, library : str
        Edition of ISO 11079 and version of the library that computed it.
    """

    ireq_min_clo: Floats
    ireq_neutral_clo: Floats
    basic_min_clo: Floats
    basic_neutral_clo: Floats
    allowed_min_h: Floats
    allowed_neutral_h: Floats
    edition: str
    library: str


def phs(
    air_c: ArrayLike,
    radiant_c: ArrayLike,
    air_speed_m_s: ArrayLike,
    rh_percent: ArrayLike,
    metabolic_rate_met: ArrayLike,
    clothing_clo: ArrayLike,
    posture: str = "standing",
    acclimatised: bool = False,
    edition: str = "2023",
    duration_min: int = 480,
) -> PhsResult:
    """Predicted heat strain (ISO 7933).

    Parameters
    ----------
    air_c, radiant_c : array-like
        Air and mean radiant temperature [°C]; 15 to 50, and 0 to 60 above the air.
    air_speed_m_s : array-like
        Air speed [m/s], 0 to 3.
    rh_percent : array-like
        Relative humidity [%].
    metabolic_rate_met : array-like
        Metabolic rate [met], 1 met = 58.15 W/m²; 100–450 W/m² in edition 2004, 56–250 W/m² in 2023.
    clothing_clo : array-like
        Static clothing insulation [clo], 0.1 to 1.
    posture : {"sitting", "standing", "crouching"}
        Posture.
    acclimatised : bool
        Whether the workers are acclimatised to heat.
    edition : {"2023", "2004"}
        Edition of ISO 7933. Allowed times of the two can differ twofold; never mix them.
    duration_min : int
        Length of the work sequence [min], 1 to 1440.

    Returns
    -------
    PhsResult
        Arrays of the broadcast shape; NaN where an input is missing or outside the edition's range.

    Raises
    ------
    MissingExtraError
        The extra ``thermal`` is not installed.
    MethodError
        ``unknown_edition``, ``unknown_posture``, ``out_of_validity``, ``wrong_shape``, ``empty``,
        ``infinite``.
    """
    model = choice(edition, _PHS_MODELS, "edition of ISO 7933", "unknown_edition")
    if posture not in _POSTURES:
        raise MethodError(
            "no such posture in the model",
            value=posture,
            rule=", ".join(_POSTURES),
            code="unknown_posture",
        )
    if not 1 <= duration_min <= 1440:
        raise MethodError(
            "the work sequence has no such length",
            value=duration_min,
            rule="1 to 1440 min",
            code="out_of_validity",
        )

    def run(air: Floats, radiant: Floats, speed: Floats, humidity: Floats, met: Floats, clo: Floats) -> Any:
        return models().phs(
            tdb=air,
            tr=radiant,
            v=speed,
            rh=humidity,
            met=met,
            clo=clo,
            posture=posture,
            model=model,
            acclimatized=100 if acclimatised else 0,
            duration=duration_min,
            round_output=False,
        )

    names = ("t_re", "t_sk", "t_cr", "d_lim_t_re", "d_lim_loss_50", "d_lim_loss_95", "sweat_loss_g")
    inputs = inputs_together(
        air_c=air_c,
        radiant_c=radiant_c,
        air_speed_m_s=air_speed_m_s,
        rh_percent=rh_percent,
        metabolic_rate_met=metabolic_rate_met,
        clothing_clo=clothing_clo,
    )
    rectal, skin, core, limit_rectal, loss50, loss95, sweat = over_rows(run, names, *inputs)
    return PhsResult(
        rectal_c=rectal,
        skin_c=skin,
        core_c=core,
        limit_rectal_min=limit_rectal,
        limit_loss50_min=loss50,
        limit_loss95_min=loss95,
        sweat_loss_g=sweat,
        edition=f"ISO 7933:{edition}",
        library=library(),
    )


def ireq(
    air_c: ArrayLike,
    radiant_c: ArrayLike,
    relative_air_speed_m_s: ArrayLike,
    rh_percent: ArrayLike,
    metabolic_rate_met: ArrayLike,
    clothing_clo: ArrayLike,
    permeability_l_m2_s: ArrayLike = 8.0,
    walking_speed_m_s: ArrayLike = 1.1,
) -> IreqResult:
    """Required clothing insulation in the cold (ISO 11079:2007).

    Parameters
    ----------
    air_c, radiant_c : array-like
        Air (at most 10) and mean radiant temperature [°C].
    relative_air_speed_m_s : array-like
        Air speed relative to the body [m/s], 0.4 to 18.
    rh_percent : array-like
        Relative humidity [%].
    metabolic_rate_met : array-like
        Metabolic rate [met], 58 to 400 W/m².
    clothing_clo : array-like
        Basic insulation of the clothing worn [clo].
    permeability_l_m2_s : array-like
        Air permeability of the outer layer [l/(m² s)].
    walking_speed_m_s : array-like
        Walking speed [m/s], at least ``0.0052 (M − 58)`` with M in W/m², at most 1.2.

    Returns
    -------
    IreqResult
        NaN where an input is missing or outside the range.

    Raises
    ------
    MissingExtraError
        The extra ``thermal`` is not installed.
    MethodError
        ``out_of_validity`` (physically impossible input), ``wrong_shape``, ``empty``, ``infinite``.
    """

    def run(*rows: Floats) -> Any:
        return models().ireq(*rows, limit_inputs=True, round_output=False)

    inputs = inputs_together(
        air_c=air_c,
        radiant_c=radiant_c,
        relative_air_speed_m_s=relative_air_speed_m_s,
        rh_percent=rh_percent,
        metabolic_rate_met=metabolic_rate_met,
        clothing_clo=clothing_clo,
        permeability_l_m2_s=permeability_l_m2_s,
        walking_speed_m_s=walking_speed_m_s,
    )
    names = ("ireq_min", "ireq_neutral", "icl_min", "icl_neutral", "dle_min", "dle_neutral")
    required_min, required_neutral, basic_min, basic_neutral, allowed_min, allowed_neutral = over_rows(
        run, names, *inputs
    )
    return IreqResult(
        ireq_min_clo=required_min,
        ireq_neutral_clo=required_neutral,
        basic_min_clo=basic_min,
        basic_neutral_clo=basic_neutral,
        allowed_min_h=allowed_min,
        allowed_neutral_h=allowed_neutral,
        edition="ISO 11079:2007",
        library=library(),
    )
