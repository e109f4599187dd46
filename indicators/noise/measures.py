"""Daily and weekly exposure levels, doses and exposure points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, together, within
from analysis.levels import energy_sum
from indicators.table_files import toml_table
from sensors.errors import MethodError, UnknownNameError

__all__ = [
    "DoseScheme",
    "dose_percent",
    "dose_scheme",
    "exposure_points",
    "lex_8h",
    "lex_weekly",
]

Floats = NDArray[np.float64]

_REFERENCE_DAY_H = 8.0
_REFERENCE_WEEK_DAYS = 5.0
_DAYS_OF_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class DoseScheme:
    """A named way to count dose: 100 % is `criterion_db` over 8 h, time halves every `exchange_db`."""

    key: str
    criterion_db: float
    exchange_db: float
    threshold_db: float | None
    source: str


def lex_8h(laeq_db: ArrayLike, duration_h: ArrayLike) -> Floats:
    """Daily noise exposure level ``LAeq,Te + 10 lg(Te / 8 h)``.

    Parameters
    ----------
    laeq_db : array-like
        LAeq at the ear over the effective duration of the day [dB(A)].
    duration_h : array-like
        Effective duration Te [h], above 0 up to 24; broadcast against `laeq_db`.

    Returns
    -------
    float64 array
        LEX,8h [dB(A)]; NaN where an input is missing.

    Raises
    ------
    MethodError
        ``not_positive``, ``out_of_validity``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    Arrêté du 19 juillet 2006, article 1; ISO 9612:2009 equation (3).
    """
    levels = float_array(laeq_db, "laeq_db")
    hours = within(positive(duration_h, "duration_h"), "duration_h", 0.0, 24.0)
    levels, hours = together(levels, hours)
    return np.asarray(levels + 10.0 * np.log10(hours / _REFERENCE_DAY_H))


def lex_weekly(lex_8h_db: ArrayLike, axis: int = -1) -> Floats:
    """Weekly noise exposure level; the divisor is always 5, however many days were worked.

    Parameters
    ----------
    lex_8h_db : array-like, shape (..., days)
        LEX,8h of each day worked in the week [dB(A)], at most 7. A day not worked is left out of the list;
        a day worked but not measured (NaN) leaves the week unknown.
    axis : int
        Axis of the days.

    Returns
    -------
    float64 array, shape (...)
        LEX,40h [dB(A)].

    Raises
    ------
    MethodError
        ``too_many_days``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    Arrêté du 19 juillet 2006, article 1.
    """
    levels = np.atleast_1d(float_array(lex_8h_db, "lex_8h_db"))
    if -levels.ndim <= axis < levels.ndim and levels.shape[axis] > _DAYS_OF_A_WEEK:
        raise MethodError(
            "a week has at most seven days", value=levels.shape[axis], rule="1 to 7", code="too_many_days"
        )
    return np.asarray(energy_sum(levels, axis=axis) - 10.0 * np.log10(_REFERENCE_WEEK_DAYS))


def dose_percent(
    laeq_db: ArrayLike,
    duration_h: ArrayLike,
    criterion_db: float = 85,
    exchange_db: float = 3,
    threshold_db: float | None = None,
) -> Floats:
    """Noise dose of a stay at a level; doses add up over stays.

    Parameters
    ----------
    laeq_db : array-like
        Level of the stay [dB(A)].
    duration_h : array-like
        Its duration [h]; broadcast against `laeq_db`.
    criterion_db : float
        Level that gives 100 % over 8 h [dB(A)].
    exchange_db : float
        Rise that halves the allowed time [dB]: 3 is equal energy, 5 is OSHA's. Above zero.
    threshold_db : float, optional
        Levels below it count zero [dB(A)].

    Returns
    -------
    float64 array
        Dose of each stay [%]; name the scheme beside it, since "dose" alone has no legal meaning in Europe.

    Raises
    ------
    MethodError
        ``not_positive``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    NIOSH 98-126, 1.1: ``T = 8 / 2^((L − Lc)/q)``.
    """
    levels = float_array(laeq_db, "laeq_db")
    hours = positive(duration_h, "duration_h", zero=True)
    criterion = float_array(criterion_db, "criterion_db")
    exchange = positive(exchange_db, "exchange_db")
    levels, hours, criterion, exchange = together(levels, hours, criterion, exchange)
    dose = 100.0 * hours / _REFERENCE_DAY_H * 2.0 ** ((levels - criterion) / exchange)
    if threshold_db is None:
        return np.asarray(dose)
    return np.where(levels < float_array(threshold_db, "threshold_db"), 0.0 * hours, dose)


def exposure_points(lex_8h_db: ArrayLike) -> Floats:
    """Exposure points of the HSE ready-reckoner: 100 points are 85 dB(A) over 8 h, and points add up.

    Parameters
    ----------
    lex_8h_db : array-like
        LEX,8h of a day or a task's contribution to it [dB(A)].

    Returns
    -------
    float64 array
        Points, not rounded.

    Raises
    ------
    MethodError
        ``empty``, ``infinite``.
    """
    criterion_db = dose_scheme("eu").criterion_db
    return np.asarray(100.0 * 10.0 ** ((float_array(lex_8h_db, "lex_8h_db") - criterion_db) / 10.0))


@cache
def dose_scheme(key: str) -> DoseScheme:
    """A named dose scheme: ``eu``, ``niosh`` or ``osha``."""
    rows = toml_table("noise")["dose"]
    if key not in rows:
        raise UnknownNameError(
            "no such dose scheme", value=key, remedy=f"known: {', '.join(rows)}", code="unknown_scheme"
        )
    row = rows[key]
    return DoseScheme(key, row["criterion_db"], row["exchange_db"], row.get("threshold_db"), row["source"])
