"""How long pages take in Chromium beside the bars they are held to, and beside an empty page of the same run.

A week at 1 Hz drawn (bar 1 s), zoomed (0.5 s), the distribution beneath it, the heat map of 200 workstations
(1 s) and the report of 50 workstations as PDF (10 s of processor time). Wall times hold on an idle machine
only; points, requests and bytes, the same everywhere, stand in ``tests/dashboards/test_page_weight.py``.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from playwright.sync_api import Page, expect, sync_playwright

from dashboards.report import render_report
from dashboards.web.settings import WebSettings
from indicators.model import Audience

# Some distributions install a package called "tests", which would be found before this folder.
_TESTS = ModuleType("tests")
_TESTS.__path__ = [str(Path(__file__).resolve().parents[1])]
sys.modules["tests"] = _TESTS

from tests.dashboards.plant_site import RunningDashboard, source_of, write_plant  # noqa: E402
from tests.dashboards.plants import large_result, make_result, plant_stations  # noqa: E402

RUNS = 5
EMPTY = "data:text/html,<!doctype html><title>empty</title>"


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Median and shortest wall time of `action`, after one run that is not counted."""
    action()
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), min(taken)


def show(what: str, found: tuple[float, float], bar_s: float | None, empty_s: float) -> None:
    """One line: median, shortest, bar, and the multiple of an empty page."""
    bar = "no bar" if bar_s is None else f"bar {bar_s:g} s"
    median, least = found
    print(f"{what:<42} {median:6.3f} s (shortest {least:.3f}), {bar}, {median / empty_s:.1f} × empty page")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def curve(page: Page, base: str, empty_s: float) -> None:
    """Draw a week, zoom, and follow with the distribution."""

    def draw() -> None:
        page.goto(f"{base}/curve/presse-1?week=2026-W47")
        page.wait_for_selector("#curve[data-state=drawn]")

    def zoom() -> None:
        page.click("[data-move=all]")
        expect(page.locator("#curve")).to_have_attribute("data-state", "drawn")
        page.wait_for_selector("#stretch[data-state=drawn]")

    show("a week at 1 Hz drawn", seconds(draw), 1.0, empty_s)
    shown = page.locator("#curve").get_attribute("data-points")
    taken = []
    for _ in range(RUNS):
        zoom()
        started = time.perf_counter()
        with page.expect_response(lambda answer: "/data/presse-1?" in answer.url):
            page.click("[data-move=in]")
        expect(page.locator("#curve")).to_have_attribute("data-state", "drawn")
        taken.append(time.perf_counter() - started)
    show("and zoomed", (statistics.median(taken), min(taken)), 0.5, empty_s)
    show("all of it again, with its distribution", seconds(zoom), None, empty_s)
    print(f"    {shown} points of 600,799 readings")


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("this benchmark needs Chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_plant(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        empty_s = seconds(lambda: page.goto(EMPTY))[0]
        print(f"{'an empty page':<42} {empty_s:6.3f} s")
        plant = RunningDashboard(
            source_of(make_result(plant_stations()), Audience.REPORT, folder), WebSettings(), free_port()
        )
        curve(page, plant.url, empty_s)
        plant.stop()
        large = RunningDashboard(
            source_of(large_result(200), Audience.ANALYST, folder),
            WebSettings(audience=Audience.ANALYST),
            free_port(),
        )

        def grid() -> None:
            page.goto(f"{large.url}/?grid=days")
            page.wait_for_selector(".heat tbody tr:nth-child(200)")

        show("heat map of 200 workstations", seconds(grid), 1.0, empty_s)
        large.stop()
        browser.close()
        started = time.process_time()
        render_report(large_result(50), folder / "report", ("pdf",), "fr")
        took_s = time.process_time() - started
        print(f"{'report of 50 workstations as PDF':<42} {took_s:6.3f} s of processor, bar 10 s")


if __name__ == "__main__":
    main()
