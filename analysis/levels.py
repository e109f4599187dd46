"""Decibel arithmetic over logged levels: energy means, exceedance levels, weightings, exposure.

Levels are never averaged arithmetically. A missing level (NaN) is left out of a mean, whose weight then rests
on what was present; in a sum it makes the result missing, because an unknown part leaves the whole unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, together, within
from sensors.errors import MethodError

__all__ = [
    "REFERENCE_PRESSURE_PA",
    "energy",
    "energy_mean",
    "energy_sum",
    "exceeded_level",
    "level",
    "peak_level",
    "sound_exposure_level",
    "sound_exposure_pa2h",
    "weighted_level",
    "weighting_db",
]

Floats = NDArray[np.float64]

REFERENCE_PRESSURE_PA = 20e-6
_LN10_OVER_10 = np.log(10.0) / 10.0

# IEC 61672-1:2013 Annex E: pole frequencies [Hz] of the A and C curves.
_F1, _F2, _F3, _F4 = 20.598997, 107.65265, 737.86223, 12194.217
# Nominal one-third-octave midbands (IEC 61260-1) per decade; the exact ones are powers of 10^0.1.
_NOMINAL = np.array([1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0])
_EXACT = 10.0 ** (np.arange(10) / 10.0)


def energy(levels_db: ArrayLike) -> Floats:
    """Relative energy ``10^(L/10)`` of levels [dB]; no checks, NaN stays NaN."""
    exponent = np.multiply(levels_db, _LN10_OVER_10, dtype=np.float64)
    return np.asarray(np.exp(exponent))


def level(relative_energy: ArrayLike) -> Floats:
    """Level ``10 lg(e)`` [dB] of relative energies; NaN for zero or less, where there is no level."""
    values = np.asarray(relative_energy, dtype=np.float64)
    return 10.0 * np.log10(np.where(values > 0, values, np.nan))


def energy_mean(levels_db: ArrayLike, weights: ArrayLike | None = None, axis: int = -1) -> Floats:
    """Energy-equivalent level of levels that lasted in proportion to `weights`.

    Parameters
    ----------
    levels_db : array-like, any shape
        Levels [dB]; NaN = missing, left out together with its weight.
    weights : array-like, optional
        Durations or other non-negative weights, broadcast against `levels_db`.
    axis : int
        Axis to average over.

    Returns
    -------
    float64 array
        Level [dB]; NaN where nothing was present.

    Raises
    ------
    MethodError
        ``empty``, ``infinite``, ``not_positive`` (negative weight), ``wrong_shape``.

    Notes
    -----
    ISO 9612:2009 equation (7); arrêté du 19 juillet 2006, article 1.
    """
    levels = _with_axis(float_array(levels_db, "levels_db"), axis)
    if weights is None:
        if not np.isnan(levels).any():
            return _equal_mean(levels, axis)
        share = np.ones_like(levels)
    else:
        given = positive(weights, "weights", zero=True)
        try:
            share = np.broadcast_to(given, levels.shape)
        except ValueError as error:
            raise _shape_error("weights", np.shape(weights), levels.shape) from error
    present = ~np.isnan(levels) & (np.nan_to_num(share) > 0)
    total = np.where(present, share, 0.0).sum(axis=axis)
    # The reference keeps very high and very low levels within the range of a double.
    top = np.max(np.where(present, levels, -np.inf), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    relative = np.where(present, energy(np.where(present, levels, 0.0) - top) * share, 0.0).sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = level(relative / np.where(total > 0, total, np.nan))
    return np.asarray(mean + np.squeeze(top, axis=axis))


def _equal_mean(levels: Floats, axis: int) -> Floats:
    """Energy mean of levels that are all present and lasted equally long."""
    top = levels.max(axis=axis, keepdims=True)
    mean = level(energy(levels - top).sum(axis=axis) / levels.shape[axis])
    return np.asarray(mean + np.squeeze(top, axis=axis))


def energy_sum(levels_db: ArrayLike, axis: int = -1) -> Floats:
    """Level of several sources or bands together.

    Parameters
    ----------
    levels_db : array-like, any shape
        Levels [dB]; one missing level makes the sum missing.
    axis : int
        Axis to add over.

    Returns
    -------
    float64 array
        Level [dB].

    Raises
    ------
    MethodError
        ``empty``, ``infinite``, ``wrong_shape``.
    """
    levels = _with_axis(float_array(levels_db, "levels_db"), axis)
    top = np.max(np.where(np.isnan(levels), -np.inf, levels), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(level(energy(levels - top).sum(axis=axis)) + np.squeeze(top, axis=axis))


def exceeded_level(levels_db: ArrayLike, percent: ArrayLike) -> Floats:
    """L_N, the level exceeded during `percent` of the time, of levels that lasted equally long.

    Parameters
    ----------
    levels_db : array-like, shape (..., n)
        Levels [dB] of equal duration; NaN = missing, left out. The result has their basis (LAeq,1s, LAF …),
        which must be stored with it.
    percent : float or array-like
        N between 0 and 100: 10 gives L10, 90 gives L90.

    Returns
    -------
    float64 array, shape ``percent.shape + (...)``
        (100 − N)th percentile, linear between order statistics; NaN where nothing was present.

    Raises
    ------
    MethodError
        ``empty``, ``infinite``, ``out_of_validity`` (percent outside 0–100), ``wrong_shape`` (of percent).
    """
    levels = _with_axis(float_array(levels_db, "levels_db"), -1)
    share = within(percent, "percent", 0.0, 100.0)
    present = ~np.isnan(levels)
    if share.ndim > 1:
        raise MethodError("percent must be one number or a list", value=share.shape, code="wrong_shape")
    if np.isnan(share).any():
        raise MethodError("percent is missing", rule="0 to 100", code="out_of_validity")
    if present.all():
        return np.asarray(np.percentile(levels, 100.0 - share, axis=-1))
    shape = share.shape + levels.shape[:-1]
    if not present.any():
        return np.full(shape, np.nan)
    # All-missing rows get a stand-in, so that one quiet call serves, and lose it again below.
    empty: NDArray[np.bool_] = np.asarray(~present.any(axis=-1))
    filled = np.where(empty[..., None], 0.0, levels)
    found = np.asarray(np.nanpercentile(filled, 100.0 - share, axis=-1))
    return np.where(np.broadcast_to(empty, shape), np.nan, found)


def weighting_db(frequencies_hz: ArrayLike, curve: str = "A") -> Floats:
    """Frequency weighting of sound level meters.

    Parameters
    ----------
    frequencies_hz : array-like
        Frequencies [Hz], 10 to 20 000. A nominal one-third-octave midband (31.5, 63, 1250 …) stands for its
        exact frequency, so that the printed table is met after rounding.
    curve : {"A", "C", "Z"}
        Weighting.

    Returns
    -------
    float64 array
        Weighting [dB], zero at 1 kHz.

    Raises
    ------
    MethodError
        ``unknown_curve``, ``out_of_validity``, ``empty``, ``infinite``.

    Notes
    -----
    IEC 61672-1:2013, Annex E (analytic curves) and Table 3 (values at the midbands).
    """
    nominal = within(frequencies_hz, "frequencies_hz", 10.0, 20000.0)
    if curve == "Z":
        return np.zeros_like(nominal)
    response = {"A": _a_curve, "C": _c_curve}.get(curve)
    if response is None:
        raise MethodError("no such weighting", value=curve, rule="A, C or Z", code="unknown_curve")
    return np.asarray(response(_exact_midband(nominal)) - response(np.array(1000.0)))


def weighted_level(band_levels_db: ArrayLike, frequencies_hz: ArrayLike, curve: str = "A") -> Floats:
    """Weighted level from unweighted band levels.

    Parameters
    ----------
    band_levels_db : array-like, shape (..., bands)
        Unweighted band levels [dB]; one missing band makes the result missing.
    frequencies_hz : array-like, shape (bands,)
        Midband frequencies [Hz].
    curve : {"A", "C", "Z"}
        Weighting.

    Returns
    -------
    float64 array, shape (...)
        Level [dB(A)], [dB(C)] or [dB].

    Raises
    ------
    MethodError
        ``wrong_shape`` and those of `weighting_db`.
    """
    bands = float_array(band_levels_db, "band_levels_db")
    correction = weighting_db(frequencies_hz, curve)
    if correction.ndim != 1 or bands.ndim == 0 or bands.shape[-1] != correction.shape[0]:
        raise _shape_error("band_levels_db", bands.shape, (..., *correction.shape))
    return energy_sum(bands + correction, axis=-1)


def sound_exposure_level(laeq_db: ArrayLike, duration_s: ArrayLike) -> Floats:
    """LAE, the level that holds the same energy in one second (IEC 61672-1:2013, 3.12).

    Parameters
    ----------
    laeq_db : array-like
        LAeq [dB(A)].
    duration_s : array-like
        Duration [s], above zero; broadcast against `laeq_db`.

    Returns
    -------
    float64 array
        LAE [dB(A)].

    Raises
    ------
    MethodError
        ``not_positive``, ``wrong_shape``, ``empty``, ``infinite``.
    """
    levels, seconds = together(float_array(laeq_db, "laeq_db"), positive(duration_s, "duration_s"))
    return np.asarray(levels + 10.0 * np.log10(seconds))


def sound_exposure_pa2h(laeq_db: ArrayLike, duration_h: ArrayLike) -> Floats:
    """Sound exposure E (IEC 61252): 3.2 Pa²h is 90 dB(A) over 8 h.

    Parameters
    ----------
    laeq_db : array-like
        LAeq [dB(A)].
    duration_h : array-like
        Duration [h], zero or more; broadcast against `laeq_db`.

    Returns
    -------
    float64 array
        A-weighted sound exposure [Pa²h]; additive over tasks and days.

    Raises
    ------
    MethodError
        ``not_positive``, ``wrong_shape``, ``empty``, ``infinite``.
    """
    levels, hours = together(float_array(laeq_db, "laeq_db"), positive(duration_h, "duration_h", zero=True))
    return np.asarray(REFERENCE_PRESSURE_PA**2 * hours * energy(levels))


def peak_level(pressure_pa: ArrayLike) -> Floats:
    """Level of a peak sound pressure; with C-weighted pressure, LCpeak.

    Parameters
    ----------
    pressure_pa : array-like
        Instantaneous peak pressure [Pa]; the sign is of no account.

    Returns
    -------
    float64 array
        ``20 lg(|p| / 20 µPa)`` [dB].

    Raises
    ------
    MethodError
        ``not_positive`` (no pressure, no level), ``empty``, ``infinite``.

    Notes
    -----
    Directive 2003/10/EC article 3 gives its peak values in pascal.
    """
    pressure = positive(np.abs(float_array(pressure_pa, "pressure_pa")), "pressure_pa")
    return np.asarray(20.0 * np.log10(pressure / REFERENCE_PRESSURE_PA))


def _exact_midband(frequencies: Floats) -> Floats:
    decade = np.floor(np.log10(frequencies) + 1e-9)
    mantissa = frequencies / 10.0**decade
    nearest = np.abs(mantissa[..., None] - _NOMINAL).argmin(axis=-1)
    is_nominal = np.isclose(mantissa, _NOMINAL[nearest], rtol=1e-6)
    return np.where(is_nominal, _EXACT[nearest] * 10.0**decade, frequencies)


def _c_curve(frequencies: Floats) -> Floats:
    square = frequencies**2
    return np.asarray(20.0 * np.log10(_F4**2 * square / ((square + _F1**2) * (square + _F4**2))))


def _a_curve(frequencies: Floats) -> Floats:
    square = frequencies**2
    tail = square / np.sqrt((square + _F2**2) * (square + _F3**2))
    return np.asarray(_c_curve(frequencies) + 20.0 * np.log10(tail))


def _with_axis(levels: Floats, axis: int) -> Floats:
    levels = np.atleast_1d(levels)
    if not -levels.ndim <= axis < levels.ndim:
        raise MethodError(
            "levels_db has no such axis", value=axis, rule=f"{levels.ndim} axes", code="wrong_shape"
        )
    return levels


def _shape_error(name: str, shape: object, expected: object) -> MethodError:
    return MethodError(
        f"{name} does not fit the levels",
        value=shape,
        rule=f"shape {expected}, or broadcastable to it",
        code="wrong_shape",
    )
