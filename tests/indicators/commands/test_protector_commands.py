"""A protector's octave bands from the site file and a lake to what commands say."""

from __future__ import annotations

import json
from datetime import date, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis.levels import weighted_level
from ingest.store import open_store
from sensors.local_time import at_ns
from sensors.quantities import OCTAVES_HZ, Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from vigiposte import app

SITE = """
schema = 1
[site]
id = "atelier"
label = "Atelier"
[[shifts]]
id = "morning"
start = "06:00"
end = "07:00"
[[workstations]]
id = "saw"
label = "Scie"
shifts = ["morning"]
protector = "muff"
occupancy_hours = 8
[[protectors]]
id = "muff"
label = "Casque M"
snr_db = 22
[protectors.octave_apv_db]
63 = 8.6
125 = 12.2
250 = 13.9
500 = 15.8
1000 = 16.4
2000 = 22.9
4000 = 24.6
8000 = 22.7
[[sensors]]
id = "mic"
kind = "noise"
instrument_class = "class_1"
[[placements]]
sensor = "mic"
workstation = "saw"
mount = "fixed"
from = 2026-11-01
"""
SPECTRUM_DB = (69.6, 74.0, 75.9, 77.3, 100.1, 105.8, 77.9, 57.1)
WEEK = ("--week", "2026-W47")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three days of the spectrum of NoiseMeters' worked example: 86.9 dB(A) at the ear, 90.9 in real use."""
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    book = load_site(path)
    with_octaves = {f"octave_{hz}": level for hz, level in zip(OCTAVES_HZ, SPECTRUM_DB, strict=True)}
    levels = {"laeq": float(weighted_level(SPECTRUM_DB, OCTAVES_HZ)), **with_octaves}
    store = open_store("lake:./lake", base=tmp_path)
    for number in range(3):
        start = at_ns(date(2026, 11, 16) + timedelta(days=number), time(6), book.zone)
        times = start + np.arange(3600) * 1_000_000_000
        channels = {name: np.full(times.size, level) for name, level in levels.items()}
        store.write([ReadingBatch("atelier", "mic", Kind.NOISE, times, channels)])
    store.close()
    return path


def said(site: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site), *WEEK])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_octave_method_reaches_documents_and_explanations(site: Path) -> None:
    document = json.loads(said(site, "indicators", "--json"))
    noise = document["workstations"][0]["factors"][0]
    assert noise["factor"] == "noise"
    found = next(
        item for item in noise["indicators"] if (item["id"], item["scope"]) == ("lex_8h_protected", "usual")
    )
    assert found["value"] == pytest.approx(90.9, abs=0.05)
    assert found["method"] == "ISO 4869-2:2018 octave bands"
    french = said(site, "explain", "saw", "lex_8h_protected", "--lang", "fr")
    for words in ("ISO 4869-2:2018, bandes d’octave", "2000 Hz   105,8 dB   22,9 dB    84,1 dB(A)"):
        assert words in french
    assert "protector Casque M counted (ISO 4869-2:2018, octave bands)" in said(
        site, "indicators", "--workstation", "saw", "--lang", "en"
    )


def test_an_explanation_holds_what_recomputing_it_by_hand_takes(site: Path) -> None:
    found = json.loads(said(site, "explain", "saw", "lex_8h", "--json"))["results"][0]
    terms = found["details"]
    assert terms["te_h"] == 8.0
    u = (terms["c1u1_db"] ** 2 + terms["u2_db"] ** 2 + terms["u3_db"] ** 2) ** 0.5
    assert terms["expanded_u_db"] == pytest.approx(1.65 * u)
    assert found["interval"][1] - found["value"] == pytest.approx(1.65 * u)
    # 87 dB(A) over 8 h are 1.6 Pa²h.
    assert terms["exposure_pa2h"] == pytest.approx(1.604 * 10 ** ((found["value"] - 87.0) / 10.0), rel=1e-3)
    shown = said(site, "explain", "saw", "laeq_shift", "--lang", "en")
    assert "exceeded during 10, 50, 90% of the time:" in shown
    assert "dose by OSHA:" in said(site, "explain", "saw", "dose_eu", "--lang", "en")
