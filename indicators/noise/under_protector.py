"""Exposure at the ear under the workstation's hearing protector, kept apart from the unprotected one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from analysis.levels import energy_sum, level, weighting_db
from indicators.context import AssessmentContext
from indicators.model import Note
from indicators.noise.days import Basis
from indicators.noise.iso9612 import noise_rule
from indicators.noise.protectors import (
    ProtectedLevel,
    assumed_protection_db,
    protected_level_hml,
    protected_level_octave,
    protected_level_snr,
)
from indicators.noise.spectrum import Spectrum, usual_spectrum
from sensors.quantities import OCTAVES_HZ
from sensors.site_model import Protector

__all__ = ["UnderProtector", "under_protector"]


@dataclass(frozen=True, slots=True)
class UnderProtector:
    """Level at the ear.

    Attributes
    ----------
    level_db : float or None
        LEX,8h at the ear [dB(A)]; the unprotected one without a protector or where its effect is unknown.
    known : bool
        Whether the level is really that at the ear.
    method : str
        Standard and method; empty without a protector.
    notes, next_best
        What must be said, and what would make it known.
    details : mapping
        Protector, reduction and derating [dB]; by octave bands the spectrum and what is left of it.
    """

    level_db: float | None
    known: bool
    method: str = ""
    notes: tuple[Note, ...] = ()
    next_best: Note | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reduction:
    """Level at the ear and reduction by one method [dB], without derating, and what must be said about it."""

    level_db: float
    pnr_db: float
    method: str
    notes: tuple[Note, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


def under_protector(basis: Basis, context: AssessmentContext, lex_8h_db: float | None) -> UnderProtector:
    """LEX,8h under the protector: by octave bands where they are declared and measured, else by HML or SNR.

    HML and SNR need the C-weighted level; the mean difference LCeq − LAeq of the valid days gives it, or the
    octave levels where LCeq is not sent.
    """
    identifier = context.workstation.protector
    if identifier is None:
        return UnderProtector(lex_8h_db, known=True, notes=(Note("no_protector"),))
    protector: Protector | None = context.book.site.find("protectors", identifier)
    if lex_8h_db is None or protector is None:
        return UnderProtector(lex_8h_db, known=False)
    spectrum = usual_spectrum(basis)
    apv_db = _assumed_protection_db(protector)
    reduction: _Reduction | UnderProtector
    if apv_db and spectrum.known(OCTAVES_HZ[1:]):
        reduction = _by_octaves(apv_db, spectrum, basis, lex_8h_db)
    else:
        reduction = _by_ratings(protector, spectrum, basis, lex_8h_db)
    if isinstance(reduction, UnderProtector):
        return reduction
    at_ear = reduction.level_db + protector.real_world_db
    counted: dict[str, str | float] = {
        "protector": protector.label,
        "method": reduction.method,
        "reduction_db": round(lex_8h_db - at_ear, 1),
        "real_world_db": protector.real_world_db,
    }
    notes = [Note("protector_counted", counted), *reduction.notes, Note("protector_interval")]
    least = noise_rule("overprotection_db")
    if at_ear < least:
        notes.append(Note("over_protection", {"level_db": round(at_ear, 1), "limit_db": least}))
    return UnderProtector(
        at_ear,
        known=True,
        method=reduction.method,
        notes=tuple(notes),
        details={
            "protector": protector.id,
            **reduction.details,
            "reduction_db": reduction.pnr_db,
            "real_world_db": protector.real_world_db,
            "unprotected_db": lex_8h_db,
        },
    )


def _assumed_protection_db(protector: Protector) -> dict[int, float]:
    """Assumed protection value of each declared octave band [Hz → dB]; empty without octave values."""
    bands = [hz for hz in OCTAVES_HZ if str(hz) in (protector.octave_apv_db or protector.octave_mean_db)]
    if not bands or protector.octave_apv_db:
        return {hz: protector.octave_apv_db[str(hz)] for hz in bands}
    mean, deviation = protector.octave_mean_db, protector.octave_sd_db
    values = assumed_protection_db([mean[str(hz)] for hz in bands], [deviation[str(hz)] for hz in bands])
    return dict(zip(bands, values.tolist(), strict=True))


def _by_octaves(apv_db: Mapping[int, float], spectrum: Spectrum, basis: Basis, la_db: float) -> _Reduction:
    """The spectrum says how much A-weighted energy the protector takes away, LEX,8h what it is taken from."""
    bands = [hz for hz in apv_db if spectrum.known([hz])]
    levels, protection = spectrum.of(bands), np.array([apv_db[hz] for hz in bands])
    result = protected_level_octave(levels, bands, protection)
    notes = [] if len(bands) == len(OCTAVES_HZ) else [Note("octaves_from_125")]
    weighted = levels + weighting_db(bands)
    differs = float(energy_sum(weighted)) - _a_weighted_db(basis)
    if abs(differs) > noise_rule("octave_sum_db"):
        notes.append(Note("octave_sum_differs", {"difference_db": round(differs, 1)}))
    rows = [
        {"hz": hz, "level_db": float(level_db), "apv_db": float(apv), "at_ear_dba": float(at_ear)}
        for hz, level_db, apv, at_ear in zip(bands, levels, protection, weighted - protection, strict=True)
    ]
    pnr_db = float(result.pnr_db)
    return _Reduction(la_db - pnr_db, pnr_db, result.method, tuple(notes), {"octaves": rows})


def _by_ratings(
    protector: Protector, spectrum: Spectrum, basis: Basis, la_db: float
) -> _Reduction | UnderProtector:
    """By HML, else by SNR; why neither can be used, where it is so."""
    notes = _why_no_octaves(protector, spectrum)
    if protector.h_db is None and protector.snr_db is None:
        code = "enter_protector_values" if not notes else "send_octaves"
        notes = notes or [Note("protector_values_missing", {"protector": protector.label})]
        return UnderProtector(la_db, known=False, notes=tuple(notes), next_best=Note(code))
    difference = _c_weighted_db(basis) - _a_weighted_db(basis)
    from_octaves = spectrum.weighted_db("C") - spectrum.weighted_db("A")
    if math.isnan(difference) and math.isnan(from_octaves):
        notes.append(Note("protector_needs_lceq", {"protector": protector.label}))
        return UnderProtector(la_db, known=False, notes=tuple(notes), next_best=Note("send_lceq"))
    if math.isnan(difference):
        notes.append(Note("c_weighted_from_octaves"))
        difference = from_octaves
    result = _rated(protector, la_db, la_db + difference)
    return _Reduction(
        float(result.level_db),
        float(result.pnr_db),
        result.method,
        tuple(notes),
        {"c_minus_a_db": difference},
    )


def _rated(protector: Protector, la_db: float, lc_db: float) -> ProtectedLevel:
    if protector.h_db is not None and protector.m_db is not None and protector.l_db is not None:
        return protected_level_hml(la_db, lc_db, protector.h_db, protector.m_db, protector.l_db)
    assert protector.snr_db is not None
    return protected_level_snr(lc_db, protector.snr_db)


def _why_no_octaves(protector: Protector, spectrum: Spectrum) -> list[Note]:
    """Why the octave-band method gives way, where one half of what it needs is there."""
    declared = bool(protector.octave_mean_db or protector.octave_apv_db)
    if declared and spectrum.heard_share > 0:
        heard = {
            "percent": round(100 * spectrum.heard_share),
            "minimum_percent": round(100 * noise_rule("valid_share")),
        }
        return [Note("octaves_heard_too_little", {"protector": protector.label, **heard})]
    if declared:
        return [Note("octaves_not_sent", {"protector": protector.label})]
    if spectrum.known(OCTAVES_HZ[1:]):
        return [Note("octave_values_not_declared", {"protector": protector.label})]
    return []


def _a_weighted_db(basis: Basis) -> float:
    """LAeq over the measured time of the valid days; NaN without one."""
    seconds = sum(day.laeq_ns for day in basis.valid) * 1e-9
    return float(level(sum(day.laeq_energy for day in basis.valid) / seconds)) if seconds else math.nan


def _c_weighted_db(basis: Basis) -> float:
    """LCeq over the valid days; NaN when it was heard for too little of the time with LAeq."""
    a_ns = sum(day.laeq_ns for day in basis.valid)
    c_ns = sum(day.lceq_ns for day in basis.valid)
    if a_ns == 0 or c_ns < noise_rule("valid_share") * a_ns:
        return math.nan
    return float(level(sum(day.lceq_energy for day in basis.valid) / (c_ns * 1e-9)))
