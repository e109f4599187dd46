"""Models of heat and cold from readings in a lake to what commands and reports say of them."""

from __future__ import annotations

import csv
import html
import json
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ingest.store import open_store
from sensors.local_time import at_ns
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from vigiposte import app

HEAD = """
schema = 1
[site]
id = "atelier"
label = "Atelier"
thermal_models = true
[[shifts]]
id = "morning"
start = "06:00"
end = "08:00"
"""
STATION = """
[[workstations]]
id = "{id}"
label = "{id}"
shifts = ["morning"]
indoor_process = true
{more}
[[sensors]]
id = "air-{id}"
kind = "climate"
[[placements]]
sensor = "air-{id}"
workstation = "{id}"
mount = "fixed"
from = 2026-11-01
"""
PLACES = {
    "forge": ("acclimatised = true", {"air": 36.0, "globe": 47.0, "humidity": 40.0, "speed": 0.4}),
    "store": ("clothing_clo = 2.2", {"air": -22.0, "globe": -22.0, "humidity": 70.0, "speed": 1.2}),
    "dock": ('clothing = "work_clothes"', {"air": 4.0, "humidity": 75.0}),
}
CHANNELS = {
    "air": "air_temperature",
    "globe": "globe_temperature",
    "humidity": "relative_humidity",
    "speed": "air_speed",
}
WEEK = ("--week", "2026-W47")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two mornings beside a forge, in a deep-freeze store, and on a dock without globe and anemometer."""
    folder = tmp_path_factory.mktemp("thermal")
    path = folder / "site.toml"
    path.write_text(
        HEAD + "".join(STATION.format(id=name, more=more) for name, (more, _) in PLACES.items()),
        encoding="utf-8",
    )
    book = load_site(path)
    store = open_store("lake:./lake", base=folder)
    for number in range(2):
        start = at_ns(date(2026, 11, 16) + timedelta(days=number), time(6), book.zone)
        times = start + np.arange(120) * 60_000_000_000
        for name, (_, values) in PLACES.items():
            channels = {
                CHANNELS[key]: np.full(times.size, value + (0.5 * number if key == "air" else 0.0))
                for key, value in values.items()
            }
            store.write([ReadingBatch("atelier", f"air-{name}", Kind.CLIMATE, times, channels)])
    store.close()
    return path


def said(site: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site), *WEEK])
    assert result.exit_code == 0, result.output
    return plain(result.stdout)


def plain(text: str) -> str:
    """Text with ordinary spaces."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def test_documents_hold_the_models_with_edition_marks_and_what_is_missing(site: Path) -> None:
    document = json.loads(said(site, "indicators", "--json", "--lang", "en"))
    found: dict[tuple[str, str], Any] = {
        (station["id"], item["id"]): item
        for station in document["workstations"]
        for factor in station["factors"]
        for item in factor["indicators"]
        if item["scope"] == "usual"
    }
    rectal = found["forge", "phs_rectal_temperature"]
    assert rectal["unit"] == "°C"
    assert rectal["method"].startswith("ISO 7933:2023; pythermalcomfort ")
    assert [row["role"] for row in rectal["limits"]] == ["guidance"]
    verdicts = {row["id"]: row["verdict"] for row in found["store", "utci"]["limits"]}
    assert verdicts["iso.climate.utci_strong_cold"] == "above"
    assert verdicts["iso.climate.utci_extreme_cold"] == "below"
    assert found["store", "wind_chill"]["value"] < -25.0
    needed, worn = found["store", "ireq_clothing"]["value"], 2.2
    assert needed > worn
    assert found["store", "ireq_allowed_time"]["value"] < 8.0
    # Air at −22 °C is no heat: a WBGT is given and lies below.
    assert {row["verdict"] for row in found["store", "wbgt_worst_hour"]["limits"]} == {"below"}
    chill = found["dock", "wind_chill"]
    assert chill["value"] is None
    assert chill["quality"] == ["air speed is not measured, and wind cannot be assumed"]
    assert chill["next_best"] == "measure the air speed too"
    assert found["dock", "ireq_minimum"]["quality"] == [
        "globe temperature is not measured: the radiation around the worker is unknown"
    ]


def test_people_read_value_edition_marks_and_reasons(site: Path, tmp_path: Path) -> None:
    french = said(site, "indicators", "--workstation", "store", "--lang", "fr")
    for words in (
        "méthode : ISO 11079:2007, annexe D",
        "repère atteint : < −13 °C, contrainte de froid forte (UTCI) (de seconde main)",
        "Vêtements qui le donnent, vent et marche compris (Icl)",
    ):
        assert words in french, words
    english = said(site, "explain", "dock", "wind_chill", "--lang", "en")
    assert "air speed is not measured, and wind cannot be assumed" in english
    said(site, "report", "--format", "html,csv", "--lang", "en", "--out", str(tmp_path))
    page = plain(html.unescape(next(tmp_path.glob("*.html")).read_text(encoding="utf-8")))
    assert "mark not settled: < −27 °C, very strong cold stress (UTCI) (second-hand)" in page
    with next(tmp_path.glob("*.csv")).open(encoding="utf-8-sig", newline="") as lines:
        row = next(row for row in csv.DictReader(lines) if row["workstation"] == "store" and row["shift"])
    assert row["ireq_allowed_time marks"] == "iso.climate.ireq_allowed_time above"
    assert row["ireq_allowed_time method"].startswith("ISO 11079:2007; pythermalcomfort ")
