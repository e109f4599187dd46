"""The week of a sensor by hours: what was paused is not expected, and never missing."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from dashboards.web.sensor_week import hour_states
from ingest.store import open_store
from sensors.log_append import append_log
from sensors.site_file import load_site


def test_a_pause_is_not_missing(plant_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(plant_folder, folder)
    book = load_site(folder / "site.toml")
    store = open_store("lake:./lake", base=folder)
    start_ns = book.to_ns(datetime(2026, 11, 18))
    end_ns = start_ns + 24 * 3600 * 10**9
    sensor = book.sensor("sl-01")
    before = hour_states(book, store, sensor, start_ns, end_ns)
    assert before[8:11] == ["missing"] * 3, "nothing was read on that day"
    append_log(folder, "pauses", {"from": "2026-11-18T08:00", "to": "2026-11-18T10:00", "sensor": ""})
    after = hour_states(load_site(folder / "site.toml"), store, sensor, start_ns, end_ns)
    store.close()
    assert after[8:10] == ["idle"] * 2
    assert after[10] == "missing"
    assert after[:8] == before[:8]
