"""A site with a week of readings in its lake, and its dashboard served on loopback."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import date, datetime
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
from tests.site_tables import LAKE, head, mounted, row, trial

OCTOBER = datetime(2026, 10, 1)
STATIONS = {
    "presse-1": "Presse 1",
    "assemblage-3": "Assemblage 3",
    "four-2": "Four 2",
    "meulage-4": "Meulage 4",
    "chambre-froide": "Chambre froide",
    "bureau": "Bureau méthodes",
    "maintenance": "Maintenance",
}
SITE = (
    head("saint-aubin", "Usine de Saint-Aubin", timezone="Europe/Paris")
    + LAKE
    + trial("c1", date(2026, 10, 1), date(2026, 12, 31), "Essai")
    + row(
        "shifts",
        id="morning",
        label="Équipe du matin",
        start="05:00",
        end="13:00",
        breaks=[["09:00", "09:20"]],
    )
    + "".join(row("workstations", id=one, label=label, shifts=["morning"]) for one, label in STATIONS.items())
    + mounted(
        "sl-01", "noise", "presse-1", "fixed", since=OCTOBER, label="Sonomètre SL-01 <b>", channels=["laeq"]
    )
    + mounted(
        "db-07",
        "noise",
        "presse-1",
        "shoulder",
        since=OCTOBER,
        label="DB-07",
        channels=["laeq", "lcpeak"],
        wearer="w01",
    )
    + mounted(
        "im-03",
        "posture",
        "presse-1",
        "upper_arm_dominant",
        since=OCTOBER,
        label="IM-03",
        wearer="w01",
        calibration="im-03-a",
    )
    + mounted(
        "th-14", "climate", "four-2", "fixed", since=OCTOBER, label="TH-14", channels=["air_temperature"]
    )
    + row(
        "calibrations",
        id="im-03-a",
        sensor="im-03",
        at=datetime(2026, 11, 1, 6),
        kind="two_postures",
        upright=[1.0, 0.0, 0.0],
        lean=[0.5, 0.0, 0.8660254037844386],
    )
)


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
