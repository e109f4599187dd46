"""Exposure at the ear under the workstation's hearing protector, kept apart from the unprotected one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.levels import level
from indicators.context import AssessmentContext
from indicators.model import Note
from indicators.noise.days import Basis
from indicators.noise.iso9612 import noise_rule
from indicators.noise.protectors import ProtectedLevel, protected_level_hml, protected_level_snr
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
        Protector, reduction and derating [dB].
    """

    level_db: float | None
    known: bool
    method: str = ""
    notes: tuple[Note, ...] = ()
    next_best: Note | None = None
    details: Mapping[str, object] = field(default_factory=dict)


def under_protector(basis: Basis, context: AssessmentContext, lex_8h_db: float | None) -> UnderProtector:
    """LEX,8h under the declared protector, by HML where its three values are known, else by SNR.

    Both methods need the C-weighted level; the mean difference LCeq − LAeq of the valid days gives it.
    """
    identifier = context.workstation.protector
    if identifier is None:
        return UnderProtector(lex_8h_db, known=True, notes=(Note("no_protector"),))
    protector: Protector | None = context.book.site.find("protectors", identifier)
    if lex_8h_db is None or protector is None:
        return UnderProtector(lex_8h_db, known=False)
    difference = _c_minus_a_db(basis)
    if math.isnan(difference):
        note = Note("protector_needs_lceq", {"protector": protector.label})
        return UnderProtector(lex_8h_db, known=False, notes=(note,), next_best=Note("send_lceq"))
    result = _reduced(protector, lex_8h_db, lex_8h_db + difference)
    if result is None:
        note = Note("protector_values_missing", {"protector": protector.label})
        return UnderProtector(lex_8h_db, known=False, notes=(note,), next_best=Note("enter_protector_values"))
    at_ear = float(result.level_db)
    notes = [
        Note(
            "protector_counted",
            {
                "protector": protector.label,
                "reduction_db": round(lex_8h_db - at_ear, 1),
                "real_world_db": protector.real_world_db,
            },
        )
    ]
    if at_ear < noise_rule("overprotection_db"):
        notes.append(
            Note(
                "over_protection", {"level_db": round(at_ear, 1), "limit_db": noise_rule("overprotection_db")}
            )
        )
    return UnderProtector(
        at_ear,
        known=True,
        method=result.method,
        notes=tuple(notes),
        details={
            "protector": protector.id,
            "c_minus_a_db": difference,
            "reduction_db": float(result.pnr_db),
            "real_world_db": protector.real_world_db,
            "unprotected_db": lex_8h_db,
        },
    )


def _reduced(protector: Protector, la_db: float, lc_db: float) -> ProtectedLevel | None:
    if protector.h_db is not None and protector.m_db is not None and protector.l_db is not None:
        return protected_level_hml(
            la_db, lc_db, protector.h_db, protector.m_db, protector.l_db, protector.real_world_db
        )
    if protector.snr_db is not None:
        return protected_level_snr(lc_db, protector.snr_db, protector.real_world_db)
    return None


def _c_minus_a_db(basis: Basis) -> float:
    """Difference of the C- and A-weighted levels over the valid days; NaN when C was heard for less."""
    a_ns = sum(day.laeq_ns for day in basis.valid)
    c_ns = sum(day.lceq_ns for day in basis.valid)
    if a_ns == 0 or c_ns < noise_rule("valid_share") * a_ns:
        return float("nan")
    a = sum(day.laeq_energy for day in basis.valid) / a_ns
    c = sum(day.lceq_energy for day in basis.valid) / c_ns
    return float(level(c)) - float(level(a))
