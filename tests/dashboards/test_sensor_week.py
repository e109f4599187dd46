"""A sensor's week hour by hour, from a real lake: what came, what should have come, and who may see it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards.catalogue import text
from dashboards.web.sensor_week import hour_states, sensor_strips
from indicators.model import Audience
from ingest.store import open_store
from sensors.log_append import append_log
from sensors.periods import DatePeriod, week_period
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from vigiposte import build_services

SITE = """schema = 1
[site]
id = "works"
label = "Works"
timezone = "Europe/Paris"
[[campaigns]]
id = "c"
from = 2026-11-16
to = 2026-11-20
purpose = "test"
simulation = true
[[shifts]]
id = "day"
start = "07:00"
end = "15:00"
breaks = [["10:00", "11:00"]]
days = ["mon"]
[[workstations]]
id = "press"
label = "Press"
shifts = ["day"]
[[sensors]]
id = "mic-1"
kind = "noise"
origin = "simulated"
[[sensors]]
id = "dose-1"
kind = "noise"
origin = "simulated"
[[placements]]
sensor = "mic-1"
workstation = "press"
mount = "fixed"
from = 2026-11-16T00:00:00
[[placements]]
sensor = "dose-1"
workstation = "press"
mount = "shoulder"
from = 2026-11-16T00:00:00
"""


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> tuple[SiteBook, Any, DatePeriod]:
    """Two hours of Monday's shift were measured."""
    folder = tmp_path_factory.mktemp("works")
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    book = load_site(folder / "site.toml")
    store = open_store("lake:./lake", base=folder)
    start = int(datetime(2026, 11, 16, 6, tzinfo=UTC).timestamp()) * 10**9
    times = start + np.arange(7200) * 10**9
    store.write([ReadingBatch("works", "mic-1", Kind.NOISE, times, {"laeq": np.full(7200, 80.0)})])
    period = week_period("2026-W47", book.zone, datetime(2026, 11, 25, tzinfo=UTC))
    build_services().reduce(book, store, period)
    return book, store, period


def test_hours_are_received_missing_or_not_expected(works: tuple[SiteBook, Any, DatePeriod]) -> None:
    book, store, period = works
    states = hour_states(book, store, book.sensor("mic-1"), *period.bounds_ns(book.zone))
    assert len(states) == 7 * 24
    named = {name: [hour for hour, state in enumerate(states) if state == name] for name in set(states)}
    assert named["received"] == [7, 8]
    assert named["missing"] == [9, 11, 12, 13, 14]
    assert states[10] == "idle", "nothing is expected in a break"


def test_when_a_worn_sensor_was_worn_is_for_the_analyst(works: tuple[SiteBook, Any, DatePeriod]) -> None:
    book, store, period = works
    say = text("en")
    assert set(sensor_strips(book, store, period, Audience.REPORT, say)) == {"mic-1"}
    drawn = sensor_strips(book, store, period, Audience.ANALYST, say)
    assert set(drawn) == {"mic-1", "dose-1"}
    assert "received 2 h, expected and missing 5 h" in drawn["mic-1"].replace("\u00a0", " ")


def test_a_pause_is_not_missing(plant_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(plant_folder, folder, ignore=shutil.ignore_patterns("lake"))
    book = load_site(folder / "site.toml")
    store = open_store("lake:./lake", base=folder)
    start_ns = book.to_ns(datetime(2026, 11, 18))
    end_ns = start_ns + 24 * 3600 * 10**9
    sensor = book.sensor("sl-01")
    before = hour_states(book, store, sensor, start_ns, end_ns)
    assert before[8:11] == ["missing"] * 3, "nothing was ever read here"
    append_log(folder, "pauses", {"from": "2026-11-18T08:00", "to": "2026-11-18T10:00", "sensor": ""})
    after = hour_states(load_site(folder / "site.toml"), store, sensor, start_ns, end_ns)
    store.close()
    assert after[8:10] == ["idle"] * 2
    assert after[10] == "missing"
    assert after[:8] == before[:8]
