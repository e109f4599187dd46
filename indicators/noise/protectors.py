"""Level under a hearing protector by the HML, SNR and octave-band methods of ISO 4869-2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, together
from analysis.levels import energy_sum, weighting_db
from sensors.errors import MethodError

__all__ = [
    "ProtectedLevel",
    "assumed_protection_db",
    "protected_level_hml",
    "protected_level_octave",
    "protected_level_snr",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ProtectedLevel:
    """Level at the ear under a protector.

    Attributes
    ----------
    level_db : float64 array
        Effective A-weighted level [dB(A)], derating included.
    pnr_db : float64 array
        Reduction without derating: ``LA − L'A`` (HML, octave) or ``LC − L'A`` (SNR) [dB].
    method : str
        Standard and method.
    """

    level_db: Floats
    pnr_db: Floats
    method: str


def protected_level_hml(
    la_db: ArrayLike,
    lc_db: ArrayLike,
    h_db: ArrayLike,
    m_db: ArrayLike,
    l_db: ArrayLike,
    real_world_db: ArrayLike = 0.0,
) -> ProtectedLevel:
    """HML method.

    Parameters
    ----------
    la_db, lc_db : array-like
        A- and C-weighted level over the same time [dB].
    h_db, m_db, l_db : array-like
        High, medium and low attenuation values of the protector [dB].
    real_world_db : array-like
        Allowance for imperfect fit, added to the level [dB] (the HSE advises 4).

    Returns
    -------
    ProtectedLevel
        NaN where an input is missing.

    Raises
    ------
    MethodError
        ``not_positive`` (negative derating), ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 4869-2:2018, 7: ``PNR = M − (H − M)/4 (LC − LA − 2)`` up to LC − LA = 2, else
    ``M − (M − L)/8 (LC − LA − 2)``.
    """
    la, lc, high, medium, low, allowance = together(
        float_array(la_db, "la_db"),
        float_array(lc_db, "lc_db"),
        float_array(h_db, "h_db"),
        float_array(m_db, "m_db"),
        float_array(l_db, "l_db"),
        positive(real_world_db, "real_world_db", zero=True),
    )
    beyond = lc - la - 2.0
    pnr = medium - np.where(beyond <= 0, (high - medium) / 4.0, (medium - low) / 8.0) * beyond
    return ProtectedLevel(level_db=la - pnr + allowance, pnr_db=pnr, method="ISO 4869-2:2018 HML")


def protected_level_snr(
    lc_db: ArrayLike, snr_db: ArrayLike, real_world_db: ArrayLike = 0.0
) -> ProtectedLevel:
    """SNR method: ``L'A = LC − SNR``; it starts from the C-weighted level.

    Parameters
    ----------
    lc_db : array-like
        C-weighted level [dB].
    snr_db : array-like
        Single number rating of the protector [dB].
    real_world_db : array-like
        Allowance for imperfect fit, added to the level [dB].

    Returns
    -------
    ProtectedLevel
        NaN where an input is missing.

    Raises
    ------
    MethodError
        ``not_positive``, ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 4869-2:2018, 8.
    """
    lc, rating, allowance = together(
        float_array(lc_db, "lc_db"),
        float_array(snr_db, "snr_db"),
        positive(real_world_db, "real_world_db", zero=True),
    )
    return ProtectedLevel(level_db=lc - rating + allowance, pnr_db=rating, method="ISO 4869-2:2018 SNR")


def assumed_protection_db(mean_db: ArrayLike, sd_db: ArrayLike) -> Floats:
    """Assumed protection value APV84: mean attenuation less one standard deviation.

    Parameters
    ----------
    mean_db, sd_db : array-like
        Mean attenuation and its standard deviation in each octave band [dB].

    Returns
    -------
    float64 array
        Attenuation that 84 % of wearers reach [dB], as in the H, M, L and SNR values that makers declare.

    Raises
    ------
    MethodError
        ``not_positive`` (negative deviation), ``wrong_shape``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 4869-2:2018, 5: ``APV = m − α s``, α = 1.00 for a protection performance of 84 %.
    """
    mean, deviation = together(float_array(mean_db, "mean_db"), positive(sd_db, "sd_db", zero=True))
    return np.asarray(mean - deviation)


def protected_level_octave(
    band_levels_db: ArrayLike,
    frequencies_hz: ArrayLike,
    apv_db: ArrayLike,
    real_world_db: ArrayLike = 0.0,
) -> ProtectedLevel:
    """Octave-band method: ``L'A = 10 lg Σ 10^((L + A − APV)/10)``.

    Parameters
    ----------
    band_levels_db : array-like, shape (..., bands)
        Unweighted octave-band levels [dB].
    frequencies_hz : array-like, shape (bands,)
        Midband frequencies [Hz].
    apv_db : array-like, shape (bands,)
        Assumed protection value of the protector in each band [dB] (APV84: mean less one standard deviation).
    real_world_db : array-like
        Allowance for imperfect fit, added to the level [dB].

    Returns
    -------
    ProtectedLevel
        NaN where a band is missing.

    Raises
    ------
    MethodError
        ``not_positive``, ``wrong_shape``, ``out_of_validity`` (frequency), ``empty``, ``infinite``.

    Notes
    -----
    ISO 4869-2:2018, 6.
    """
    bands = float_array(band_levels_db, "band_levels_db")
    protection = float_array(apv_db, "apv_db")
    curve = weighting_db(frequencies_hz)
    if bands.ndim == 0 or curve.ndim != 1 or not bands.shape[-1] == curve.size == protection.shape[-1]:
        raise MethodError(
            "bands, frequencies and protection values differ in number",
            value=(bands.shape, curve.shape, protection.shape),
            rule="one of each per band",
            code="wrong_shape",
        )
    allowance = positive(real_world_db, "real_world_db", zero=True)
    unprotected = energy_sum(bands + curve)
    protected = energy_sum(bands + curve - protection)
    return ProtectedLevel(
        level_db=np.asarray(protected + allowance),
        pnr_db=np.asarray(unprotected - protected),
        method="ISO 4869-2:2018 octave bands",
    )
