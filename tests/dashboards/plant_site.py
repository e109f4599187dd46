"""A site with a week of readings in its lake, and its dashboard served on loopback."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import uvicorn

from dashboards.web.app import create_app
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult
from ingest.store import open_store
from sensors.periods import DatePeriod
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from tests.dashboards.plants import ZONE

SITE = """\
schema = 1
[site]
id = "saint-aubin"
label = "Usine de Saint-Aubin"
timezone = "Europe/Paris"
[store]
url = "lake:./lake"
[[campaigns]]
id = "c1"
from = 2026-10-01
to = 2026-12-31
purpose = "Essai"
simulation = true
[[shifts]]
id = "morning"
label = "Équipe du matin"
start = "05:00"
end = "13:00"
breaks = [["09:00", "09:20"]]
[[workstations]]
id = "presse-1"
label = "Presse 1"
shifts = ["morning"]
[[workstations]]
id = "assemblage-3"
label = "Assemblage 3"
shifts = ["morning"]
[[workstations]]
id = "four-2"
label = "Four 2"
shifts = ["morning"]
[[workstations]]
id = "meulage-4"
label = "Meulage 4"
shifts = ["morning"]
[[workstations]]
id = "chambre-froide"
label = "Chambre froide"
shifts = ["morning"]
[[workstations]]
id = "bureau"
label = "Bureau méthodes"
shifts = ["morning"]
[[workstations]]
id = "maintenance"
label = "Maintenance"
shifts = ["morning"]
[[sensors]]
id = "sl-01"
kind = "noise"
label = "Sonomètre SL-01 <b>"
channels = ["laeq"]
origin = "simulated"
[[sensors]]
id = "db-07"
kind = "noise"
label = "DB-07"
channels = ["laeq", "lcpeak"]
origin = "simulated"
[[sensors]]
id = "im-03"
kind = "posture"
label = "IM-03"
origin = "simulated"
[[sensors]]
id = "th-14"
kind = "climate"
label = "TH-14"
channels = ["air_temperature"]
origin = "simulated"
[[placements]]
sensor = "sl-01"
workstation = "presse-1"
mount = "fixed"
from = 2026-10-01T00:00:00
[[placements]]
sensor = "th-14"
workstation = "four-2"
mount = "fixed"
from = 2026-10-01T00:00:00
[[placements]]
sensor = "db-07"
workstation = "presse-1"
mount = "shoulder"
from = 2026-10-01T00:00:00
wearer = "w01"
[[placements]]
sensor = "im-03"
workstation = "presse-1"
mount = "upper_arm_dominant"
from = 2026-10-01T00:00:00
wearer = "w01"
calibration = "im-03-a"
[[calibrations]]
id = "im-03-a"
sensor = "im-03"
at = 2026-11-01T06:00:00
kind = "two_postures"
upright = [1.0, 0.0, 0.0]
lean = [0.5, 0.0, 0.8660254037844386]
"""


def write_plant(folder: Path) -> None:
    """A site file with a lake that holds a week of noise at 1 Hz with a hole, posture and climate."""
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    store = open_store("lake:./lake", base=folder)
    monday = int(datetime(2026, 11, 16, tzinfo=ZONE).timestamp()) * 10**9
    rng = np.random.default_rng(7)
    seconds = np.arange(7 * 86_400, dtype=np.int64)
    seconds = seconds[(seconds < 120_000) | (seconds > 124_000)]
    level = 82.0 + 6.0 * np.sin(seconds / 5_000.0) + rng.normal(0.0, 2.5, seconds.size)
    shift = np.arange(8 * 3_600, dtype=np.int64) + 5 * 3_600
    fast = (np.arange(20 * 60 * 10, dtype=np.int64) * 100_000_000) + 6 * 3_600 * 10**9
    angle = np.deg2rad(35.0 + 30.0 * np.sin(np.arange(fast.size) / 400.0))
    minutes = np.arange(7 * 1_440, dtype=np.int64) * 60
    batches = [
        ReadingBatch("saint-aubin", "sl-01", Kind.NOISE, monday + seconds * 10**9, {"laeq": level}),
        ReadingBatch(
            "saint-aubin",
            "db-07",
            Kind.NOISE,
            monday + shift * 10**9,
            {
                "laeq": 88.0 + rng.normal(0.0, 3.0, shift.size),
                "lcpeak": 110.0 + rng.normal(0.0, 4.0, shift.size),
            },
        ),
        ReadingBatch(
            "saint-aubin",
            "im-03",
            Kind.POSTURE,
            monday + fast,
            {"acc_x": np.cos(angle), "acc_y": np.zeros(fast.size), "acc_z": np.sin(angle)},
        ),
        ReadingBatch(
            "saint-aubin",
            "th-14",
            Kind.CLIMATE,
            monday + minutes * 10**9,
            {"air_temperature": 24.0 + 4.0 * np.sin(minutes / 20_000.0)},
        ),
    ]
    store.write(batches)
    store.close()


def source_of(result: WeeklyResult, audience: Audience, place: Path) -> SiteSource:
    """A source on the site at `place` whose weekly result is given."""

    def weekly(_book: object, _store: object, period: DatePeriod, seen_by: Audience) -> WeeklyResult:
        moved = replace(result.period, first=period.first, last=period.last, week=period.week)
        return replace(result, period=moved, audience=seen_by)

    return SiteSource(
        load=lambda: load_site(place / "site.toml"),
        store=open_store("lake:./lake", base=place),
        weekly=weekly,
        audience=audience,
    )


class RunningDashboard:
    """A dashboard served on loopback by a thread of the test."""

    def __init__(self, source: SiteSource, settings: WebSettings, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            create_app(source, settings),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 20.0
        while not self.server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.server.started

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=20.0)
