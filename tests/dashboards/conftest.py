"""A plant made by hand: every verdict, withheld rows, missing sensors and long names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, Note, WeeklyResult
from tests.dashboards.plant_site import RunningDashboard, source_of, write_plant
from tests.dashboards.plants import (
    climate,
    large_result,
    make_result,
    make_station,
    noise,
    plant_stations,
    posture,
)
from tests.dashboards.watched import Watched


@pytest.fixture(scope="session")
def plant() -> WeeklyResult:
    """Seven workstations with every verdict and a withheld group."""
    return make_result(plant_stations())


@pytest.fixture(scope="session")
def plant_before(plant: WeeklyResult) -> WeeklyResult:
    """The week before: Four 2 was still open for climate."""
    stations = [
        make_station("four-2", "Four 2", (noise(82.6), posture(5.2), climate(28.1)), 1)
        if station.id == "four-2"
        else station
        for station in plant.workstations
    ]
    return make_result(stations, first=date(2026, 11, 9), last=date(2026, 11, 15), week="2026-W46")


@pytest.fixture(scope="session")
def large_plant() -> Callable[[int], WeeklyResult]:
    """Factory: a plant with `n` workstations."""
    return large_result


@pytest.fixture(scope="session")
def hostile_plant() -> WeeklyResult:
    """Every label tries to break out of HTML, SVG, Typst and spreadsheets; names are very long too."""
    evil = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>${7*7}{{7*7}}#eval("1")]=cmd|calc'
    long = "Atelier de reconditionnement des sous-ensembles hydrauliques de forte puissance, ligne n° 12 bis"
    stations = [
        make_station("evil", evil, (noise(91.2), posture(8.4)), 1, family=evil),
        make_station("long", long * 2, (noise(88.2), posture(12.4)), 2, family=long),
        make_station("formula", '=HYPERLINK("http://x")', (noise(86.0),), 3, family="+1+1"),
    ]
    marked = replace(
        stations[0],
        factors=tuple(replace(factor, reason=Note("free", {"text": evil})) for factor in stations[0].factors),
    )
    return make_result([marked, *stations[1:]], site_label=evil)


@pytest.fixture(scope="session")
def plant_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site file with a lake that holds a week of noise at 1 Hz with a hole, posture and climate."""
    folder = tmp_path_factory.mktemp("site")
    write_plant(folder)
    return folder


@pytest.fixture(scope="session")
def make_source(plant_folder: Path) -> Callable[..., SiteSource]:
    """Factory: a source on the site's folder whose weekly result is given."""

    def build(
        result: WeeklyResult, audience: Audience = Audience.REPORT, folder: Path | None = None
    ) -> SiteSource:
        return source_of(result, audience, folder or plant_folder)

    return build


@pytest.fixture(scope="session")
def serve(free_port: Callable[[], int]) -> Callable[..., AbstractContextManager[httpx.Client]]:
    """Context manager: ``with serve(source, settings) as client``; the address of `settings` is not bound."""

    @contextmanager
    def run(source: SiteSource, settings: WebSettings) -> Iterator[httpx.Client]:
        running = RunningDashboard(source, settings, free_port())
        with httpx.Client(base_url=running.url, follow_redirects=True, timeout=60.0) as client:
            yield client
        running.stop()

    return run


@pytest.fixture(scope="session")
def dashboard(
    plant: WeeklyResult, make_source: Callable[..., SiteSource], free_port: Callable[[], int]
) -> Iterator[RunningDashboard]:
    """Dashboard for viewers."""
    running = RunningDashboard(make_source(plant), WebSettings(), free_port())
    yield running
    running.stop()


@pytest.fixture(scope="session")
def analyst_dashboard(
    plant: WeeklyResult, make_source: Callable[..., SiteSource], free_port: Callable[[], int]
) -> Iterator[RunningDashboard]:
    """Dashboard for the analyst."""
    settings = WebSettings(audience=Audience.ANALYST)
    running = RunningDashboard(make_source(plant, Audience.ANALYST), settings, free_port())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Callable[..., Watched]]:
    opened: list[Watched] = []

    def make(base: str, **options: Any) -> Watched:
        opened.append(Watched(browser, base, **options))
        return opened[-1]

    yield make
    for item in opened:
        item.close()
