"""Rules of ``[[protectors]]``: attenuation values that are whole and possible."""

from __future__ import annotations

from collections.abc import Mapping

from sensors.quantities import OCTAVES_HZ
from sensors.site_model import Protector
from sensors.site_tables import Draft

__all__ = ["check_protectors"]

_BANDS = tuple(str(hz) for hz in OCTAVES_HZ)
# Makers need not test at 63 Hz: ISO 4869-2 then sums from 125 Hz on.
_NEEDED = _BANDS[1:]
_POSSIBLE_DB = {"octave_mean_db": (-5.0, 60.0), "octave_sd_db": (0.0, 20.0), "octave_apv_db": (-15.0, 60.0)}


def check_protectors(draft: Draft) -> None:
    """H, M and L stand together; octave bands are known, complete, possible, and declared once."""
    for index, row in draft.rows["protectors"]:
        path = f"protectors[{index}]"
        _check_hml(draft, path, row)
        for key in _POSSIBLE_DB:
            _check_bands(draft, f"{path}.{key}", key, getattr(row, key))
        _check_pair(draft, path, row)


def _check_hml(draft: Draft, path: str, row: Protector) -> None:
    values = {"h_db": row.h_db, "m_db": row.m_db, "l_db": row.l_db}
    missing = [key for key, value in values.items() if value is None]
    if missing and len(missing) < len(values):
        draft.add(
            "protector_part",
            f"{path}.{missing[0]}",
            None,
            "the HML method needs h_db, m_db and l_db together",
            f"add {' and '.join(missing)}, or remove the others",
        )


def _check_bands(draft: Draft, path: str, key: str, values: Mapping[str, float]) -> None:
    low, high = _POSSIBLE_DB[key]
    for band, value in values.items():
        if band not in _BANDS:
            draft.add(
                "unknown_band",
                f"{path}.{band}",
                band,
                f"an octave band is one of {', '.join(_BANDS)} (Hz)",
                "use the names of octave bands",
            )
        elif not low <= value <= high:
            draft.add(
                "out_of_range",
                f"{path}.{band}",
                value,
                f"an attenuation in dB, {low:g} to {high:g}",
                "take it from the maker's table",
            )
    missing = [band for band in _NEEDED if band not in values]
    if values and missing:
        draft.add(
            "bands_missing",
            path,
            ", ".join(values),
            f"the octave-band method needs {_NEEDED[0]} to {_NEEDED[-1]} Hz; missing: {', '.join(missing)}",
            "add them from the maker's table (63 Hz may be left out)",
        )


def _check_pair(draft: Draft, path: str, row: Protector) -> None:
    mean, deviation = set(row.octave_mean_db), set(row.octave_sd_db)
    if row.octave_apv_db and (mean or deviation):
        draft.add(
            "attenuation_twice",
            f"{path}.octave_apv_db",
            ", ".join(row.octave_apv_db),
            "the assumed protection value follows from mean and standard deviation",
            "keep octave_mean_db and octave_sd_db, or octave_apv_db alone",
        )
    elif mean != deviation:
        key = "octave_sd_db" if mean - deviation else "octave_mean_db"
        lacking = [band for band in _BANDS if band in mean ^ deviation]
        draft.add(
            "protector_part",
            f"{path}.{key}",
            None,
            f"mean and standard deviation stand for the same bands; one is missing at: {', '.join(lacking)}",
            "add it from the maker's table, or give octave_apv_db alone",
        )
