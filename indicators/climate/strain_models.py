"""Models of heat strain, comfort and cold over hours of shifts: one batch a model, kept within a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.thermal import ireq, phs, pmv_ppd, utci_c, wind_chill_c
from analysis.thermal_library import library
from indicators.climate.hours import Hours, Work
from indicators.table_files import toml_table

__all__ = ["MODELS", "Model", "Outcome"]

Floats = NDArray[np.float64]
_Column = tuple[float, ...]
_Air = tuple[_Column, _Column, _Column, _Column]
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """Values by hour of each indicator of a model, NaN outside its range; and its method with edition."""

    values: Mapping[str, Floats]
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """When a model is asked, what it needs, and what answers.

    Attributes
    ----------
    worst : mapping of str to {"max", "min", "abs"}
        Indicators of the model and which hour of a shift is the hardest.
    applies : callable(Hours) -> bool array
        Hours in whose conditions the model is asked.
    needs_radiation, needs_measured_speed, needs_clothing : bool
        Inputs it does not do without.
    run : callable(Hours, bool array, Work, int) -> Outcome
        Values of the chosen hours; the last argument is the length of the shift [min].
    """

    worst: Mapping[str, str]
    applies: Callable[[Hours], NDArray[np.bool_]]
    needs_radiation: bool
    needs_measured_speed: bool
    needs_clothing: bool
    run: Callable[[Hours, NDArray[np.bool_], Work, int], Outcome]

    def has_inputs(self, hours: Hours) -> NDArray[np.bool_]:
        """Hours that hold what the model needs."""
        found = np.ones(hours.air_c.shape, np.bool_)
        if self.needs_radiation:
            found &= ~np.isnan(hours.radiant_c) & ~np.isnan(hours.humidity_percent)
        return found & hours.speed_measured if self.needs_measured_speed else found


def _hot(hours: Hours) -> NDArray[np.bool_]:
    radiant = np.where(np.isnan(hours.radiant_c), hours.air_c, hours.radiant_c)
    return np.asarray((hours.air_c + radiant) / 2.0 >= toml_table("climate")["models"]["heat_from_c"])


def _cold(hours: Hours) -> NDArray[np.bool_]:
    return np.asarray(hours.air_c <= toml_table("climate")["models"]["cold_up_to_c"])


def _moderate(hours: Hours) -> NDArray[np.bool_]:
    return ~_hot(hours) & ~_cold(hours)


def _air(hours: Hours, chosen: NDArray[np.bool_], speed: Floats) -> _Air:
    columns = (hours.air_c, hours.radiant_c, speed, hours.humidity_percent)
    air, radiant, moved, humidity = (tuple(column[chosen].tolist()) for column in columns)
    return air, radiant, moved, humidity


def _heat_strain(hours: Hours, chosen: NDArray[np.bool_], work: Work, minutes: int) -> Outcome:
    return _phs(_air(hours, chosen, hours.air_speed_m_s), work, minutes)


@lru_cache(maxsize=_KEPT)
def _phs(air: _Air, work: Work, minutes: int) -> Outcome:
    found = phs(*air, work.rate_met, work.known_clo, acclimatised=work.acclimatised, duration_min=minutes)
    allowed = np.minimum(found.limit_rectal_min, np.minimum(found.limit_loss50_min, found.limit_loss95_min))
    values = {"phs_rectal_temperature": found.rectal_c, "phs_allowed_time": allowed}
    return Outcome(values, f"{found.edition}; {found.library}")


def _comfort(hours: Hours, chosen: NDArray[np.bool_], work: Work, minutes: int) -> Outcome:
    del minutes
    slope = toml_table("climate")["models"]["activity_air_speed_m_s_per_met"]
    relative = hours.air_speed_m_s + slope * max(work.rate_met - 1.0, 0.0)
    return _pmv(_air(hours, chosen, relative), work)


@lru_cache(maxsize=_KEPT)
def _pmv(air: _Air, work: Work) -> Outcome:
    found = pmv_ppd(*air, work.rate_met, work.known_clo)
    return Outcome({"pmv": found.pmv, "ppd": found.ppd_percent}, f"{found.edition}; {found.library}")


def _outdoor(hours: Hours, chosen: NDArray[np.bool_], work: Work, minutes: int) -> Outcome:
    del work, minutes
    return _utci(_air(hours, chosen, _wind_10m(hours)))


@lru_cache(maxsize=_KEPT)
def _utci(air: _Air) -> Outcome:
    return Outcome({"utci": utci_c(*air)}, f"UTCI (Bröde 2012); {library()}")


def _chill(hours: Hours, chosen: NDArray[np.bool_], work: Work, minutes: int) -> Outcome:
    del work, minutes
    values = wind_chill_c(hours.air_c[chosen], _wind_10m(hours)[chosen])
    return Outcome({"wind_chill": values}, f"ISO 11079:2007, annex D; {library()}")


def _insulation(hours: Hours, chosen: NDArray[np.bool_], work: Work, minutes: int) -> Outcome:
    del minutes
    relative = hours.air_speed_m_s + work.walking_m_s
    least = toml_table("climate")["models"]["cold_air_speed_minimum_m_s"]
    return _ireq(_air(hours, chosen, np.maximum(relative, least)), work)


@lru_cache(maxsize=_KEPT)
def _ireq(air: _Air, work: Work) -> Outcome:
    permeability = toml_table("climate")["models"]["permeability_l_m2_s"]
    found = ireq(*air, work.rate_met, work.known_clo, permeability, work.walking_m_s)
    values = {
        "ireq_minimum": found.ireq_min_clo,
        "ireq_clothing": found.basic_min_clo,
        "ireq_allowed_time": found.allowed_min_h,
    }
    return Outcome(values, f"{found.edition}; {found.library}")


def _wind_10m(hours: Hours) -> Floats:
    return np.asarray(hours.air_speed_m_s * toml_table("climate")["models"]["wind_10m_factor"])


MODELS = (
    Model(
        worst={"phs_rectal_temperature": "max", "phs_allowed_time": "min"},
        applies=_hot,
        needs_radiation=True,
        needs_measured_speed=False,
        needs_clothing=True,
        run=_heat_strain,
    ),
    Model(
        worst={"pmv": "abs", "ppd": "max"},
        applies=_moderate,
        needs_radiation=True,
        needs_measured_speed=False,
        needs_clothing=True,
        run=_comfort,
    ),
    Model(
        worst={"utci": "min"},
        applies=_cold,
        needs_radiation=True,
        needs_measured_speed=True,
        needs_clothing=False,
        run=_outdoor,
    ),
    Model(
        worst={"wind_chill": "min"},
        applies=_cold,
        needs_radiation=False,
        needs_measured_speed=True,
        needs_clothing=False,
        run=_chill,
    ),
    Model(
        worst={"ireq_minimum": "max", "ireq_clothing": "max", "ireq_allowed_time": "min"},
        applies=_cold,
        needs_radiation=True,
        needs_measured_speed=False,
        needs_clothing=True,
        run=_insulation,
    ),
)
