"""From a protector in the site file to the level at the ear: octave bands, HML or SNR, and why which one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from analysis.levels import weighted_level
from indicators.model import Indicator, Scope
from indicators.noise.assessment import assess
from indicators.reduction.noise import NoiseDay
from sensors.quantities import OCTAVES_HZ

Build = Callable[..., Any]
MONDAY = date(2026, 11, 16)

# The worked example of NoiseMeters: 107.7 dB(A) without, 86.9 dB(A) with this protector.
SPECTRUM_DB = (69.6, 74.0, 75.9, 77.3, 100.1, 105.8, 77.9, 57.1)
AT_EAR_DB = 86.9
MEAN = "{ 63 = 13.6, 125 = 16.2, 250 = 18.9, 500 = 20.8, 1000 = 21.4, 2000 = 27.9, 4000 = 29.6, 8000 = 28.7 }"
DEVIATION = "{ 63 = 5, 125 = 4, 250 = 5, 500 = 5, 1000 = 5, 2000 = 5, 4000 = 5, 8000 = 6 }"
OCTAVES = f"octave_mean_db = {MEAN}\noctave_sd_db = {DEVIATION}\n"
HML = "h_db = 25\nm_db = 19\nl_db = 13\n"
LAEQ_DB = float(weighted_level(SPECTRUM_DB, OCTAVES_HZ))
LCEQ_DB = float(weighted_level(SPECTRUM_DB, OCTAVES_HZ, "C"))


def protected(
    plant: Build, values: str, *, heard: float = 1.0, bands: tuple[int, ...] = OCTAVES_HZ, **channels: float
) -> Indicator:
    """LEX,8h under the protector after three days of this spectrum, heard in a part of the time."""
    site = plant(
        workstation='protector = "muff"', protector=f'[[protectors]]\nid = "muff"\nlabel = "Muff"\n{values}'
    )

    def day(number: int) -> NoiseDay:
        seconds = np.arange(28_800)
        octaves = {
            f"octave_{hz}": np.where(seconds < heard * seconds.size, level, np.nan)
            for hz, level in zip(OCTAVES_HZ, SPECTRUM_DB, strict=True)
            if hz in bands
        }
        sent = {"laeq": LAEQ_DB, **channels, **octaves}
        made: NoiseDay = site.noise(MONDAY + timedelta(days=number), wearer=f"w{number}", **sent)
        return made

    found = assess([day(number) for number in range(3)], context=site.context())
    return next(item for item in found if item.id == "lex_8h_protected" and item.scope is Scope.USUAL)


def codes(item: Indicator) -> set[str]:
    return {note.code for note in item.quality}


def test_octave_bands_are_used_where_they_are_declared_and_measured(plant: Build) -> None:
    found = protected(plant, OCTAVES + HML, lceq=LCEQ_DB)
    assert found.method == "ISO 4869-2:2018 octave bands"
    assert found.value == pytest.approx(AT_EAR_DB + 4.0, abs=0.05)
    counted = next(note for note in found.quality if note.code == "protector_counted")
    assert counted.params["method"] == found.method
    rows: Any = found.details["octaves"]
    assert [row["hz"] for row in rows] == list(OCTAVES_HZ)
    assert [row["at_ear_dba"] for row in rows] == pytest.approx(
        [34.8, 45.7, 53.4, 58.3, 83.7, 84.1, 54.3, 33.3], abs=0.1
    )
    assert not codes(found) & {"octaves_from_125", "octave_sum_differs"}


def test_the_declared_protection_value_does_as_well_and_63_hz_may_be_left_out(plant: Build) -> None:
    apv = "125 = 12.2, 250 = 13.9, 500 = 15.8, 1000 = 16.4, 2000 = 22.9, 4000 = 24.6, 8000 = 22.7"
    found = protected(plant, f"octave_apv_db = {{ {apv} }}\nreal_world_db = 0\n")
    assert found.value == pytest.approx(AT_EAR_DB, abs=0.05)
    assert "octaves_from_125" in codes(found)


@pytest.mark.parametrize(
    ("values", "situation", "method", "said"),
    [
        (OCTAVES + HML, {"heard": 0.0, "lceq": LCEQ_DB}, "HML", "octaves_not_sent"),
        (OCTAVES + HML, {"heard": 0.5, "lceq": LCEQ_DB}, "HML", "octaves_heard_too_little"),
        (OCTAVES + HML, {"bands": (250, 1000), "lceq": LCEQ_DB}, "HML", "octaves_not_sent"),
        (OCTAVES + "snr_db = 22\n", {"heard": 0.0, "lceq": LCEQ_DB}, "SNR", "octaves_not_sent"),
        (HML, {"lceq": LCEQ_DB}, "HML", "octave_values_not_declared"),
        (HML, {}, "HML", "c_weighted_from_octaves"),
    ],
)
def test_a_coarser_method_says_why_it_was_taken(
    plant: Build, values: str, situation: dict[str, Any], method: str, said: str
) -> None:
    found = protected(plant, values, **situation)
    assert found.method == f"ISO 4869-2:2018 {method}"
    assert said in codes(found)
    pnr = 19.0 - 6.0 / 4.0 * (LCEQ_DB - LAEQ_DB - 2.0)
    at_ear = LAEQ_DB - pnr if method == "HML" else LCEQ_DB - 22.0
    assert found.value == pytest.approx(at_ear + 4.0, abs=1e-6)


def test_octave_values_alone_need_octave_levels(plant: Build) -> None:
    found = protected(plant, OCTAVES, heard=0.0, lceq=LCEQ_DB)
    assert "octaves_not_sent" in codes(found)
    assert found.value == pytest.approx(LAEQ_DB)
    assert found.next_best is not None
    assert found.next_best.code == "send_octaves"


def test_octave_levels_that_do_not_add_up_to_laeq_are_pointed_out(plant: Build) -> None:
    found = protected(plant, OCTAVES, laeq=LAEQ_DB + 4.0)
    differs = next(note for note in found.quality if note.code == "octave_sum_differs")
    assert differs.params["difference_db"] == -4.0
