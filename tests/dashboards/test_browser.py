from __future__ import annotations

import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, expect
from pypdf import PdfReader

from dashboards.report.build import build_view
from dashboards.report.html import render_html
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult
from ingest.counters import IngestCounters
from ingest.status import SensorHealth, write_health
from tests.dashboards.watched import DEADLINE_MS, Watched

CONTROLS = 'a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]'
pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/?grid=hours&factor=posture",
    "/station/presse-1",
    "/curve/presse-1",
    "/distribution/presse-1",
    "/contributions/presse-1",
    "/compare/presse-1",
    "/why/presse-1/lex_8h",
    "/plan",
    "/sensors",
    "/report",
    "/nowhere",
)


def axe_findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {[node['target'] for node in item['nodes']][:4]}" for item in found]


def broken_names(page: Page) -> list[str]:
    """First cells of tables that are too narrow for whole words on a phone."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.plain tbody th')]"
        ".filter(e => e.offsetWidth && e.offsetWidth < 90).map(e => e.textContent)"
    )
    return found


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_quiet_local_and_accessible_in_both_languages(
    analyst_dashboard: Any, watch: Callable[..., Watched], path: str
) -> None:
    for language in ("fr", "en"):
        watched = watch(analyst_dashboard.url, locale=language)
        page = watched.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
        # Both languages share their structure: one is audited on every run, the other on a long one.
        if language == "fr" or os.environ.get("VIGIPOSTE_SOAK") == "1":
            assert axe_findings(page) == []
        assert watched.faults(allow_404=path == "/nowhere") == []
        assert page.get_attribute("html", "lang") == language
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "a phone would scroll sideways"
    assert broken_names(page) == []


@pytest.mark.parametrize("path", ["/", "/station/presse-1"])
def test_dark_pages_keep_their_contrast(dashboard: Any, watch: Callable[..., Watched], path: str) -> None:
    watched = watch(dashboard.url, color_scheme="dark")
    page = watched.open(path)
    assert axe_findings(page) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"


def test_the_report_file_is_accessible_and_asks_for_nothing(
    plant: WeeklyResult, watch: Callable[..., Watched], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(build_view(plant, "fr")), encoding="utf-8")
    watched = watch(path.as_uri())
    page = watched.open("")
    assert axe_findings(page) == []
    assert watched.faults() == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert broken_names(page) == []
    assert page.evaluate("document.fonts.check('12px \"Source Sans 3\"')")


def printed_pages(page: Page) -> list[str]:
    """Text of each sheet of paper, as the browser would print it."""
    data = page.pdf(prefer_css_page_size=True)
    texts = [sheet.extract_text() for sheet in PdfReader(BytesIO(data)).pages]
    # A PDF may hold the ligature of two letters.
    return [" ".join(unicodedata.normalize("NFKC", text).split()) for text in texts]


def test_each_printed_sheet_of_the_analyst_carries_the_mark(
    plant: WeeklyResult, analyst_dashboard: Any, dashboard: Any, watch: Callable[..., Watched], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(
        render_html(build_view(replace(plant, audience=Audience.ANALYST), "fr")), encoding="utf-8"
    )
    watched = watch(analyst_dashboard.url)
    several = 0
    for where in (f"{analyst_dashboard.url}/", f"{analyst_dashboard.url}/station/presse-1", path.as_uri()):
        watched.page.goto(where)
        sheets = printed_pages(watched.page)
        several += len(sheets) > 1
        assert all("ne pas diffuser" in sheet for sheet in sheets), where
    assert several, "nothing here is longer than a sheet: the mark was not put to the test"
    watched.page.goto(f"{dashboard.url}/station/presse-1")
    assert not any("ne pas diffuser" in sheet for sheet in printed_pages(watched.page))


@pytest.mark.parametrize("path", ["/", "/station/presse-1", "/curve/presse-1", "/sensors", "/report"])
def test_every_control_is_reached_by_the_keyboard(
    analyst_dashboard: Any, watch: Callable[..., Watched], path: str
) -> None:
    page = watch(analyst_dashboard.url).open(path)
    wanted = page.evaluate(
        """controls => [...document.querySelectorAll(controls)]
            .filter((node) => node.checkVisibility() || node.classList.contains('skip')).length""",
        CONTROLS,
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached: set[int] = set()
    hidden_outline = 0
    for _ in range(wanted * 6):
        state = page.evaluate(
            """controls => { const node = document.activeElement;
                if (node === document.body) return null;
                const all = [...document.querySelectorAll(controls)];
                return [all.indexOf(node), getComputedStyle(node).outlineStyle]; }""",
            CONTROLS,
        )
        if state is None:
            break
        reached.add(state[0])
        hidden_outline += state[1] == "none"
        page.keyboard.press("Tab")
    assert len(reached) >= wanted
    assert hidden_outline == 0


def test_the_skip_link_leads_to_the_content(dashboard: Any, watch: Callable[..., Watched]) -> None:
    page = watch(dashboard.url).open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#content")


def test_dragging_asks_the_server_again_and_double_click_shows_all(
    dashboard: Any, watch: Callable[..., Watched]
) -> None:
    watched = watch(dashboard.url)
    page = watched.open("/curve/presse-1?week=2026-W47")
    whole = page.inner_text("#curve-window")
    over = page.locator("#curve .u-over").bounding_box()
    assert over is not None
    with page.expect_response(lambda answer: "/data/presse-1" in answer.url):
        page.mouse.move(over["x"] + 100, over["y"] + 50)
        page.mouse.down()
        page.mouse.move(over["x"] + 300, over["y"] + 60, steps=5)
        page.mouse.up()
    expect(page.locator("#curve-window")).not_to_have_text(whole)
    with page.expect_response(lambda answer: "/data/presse-1" in answer.url):
        page.mouse.dblclick(over["x"] + 200, over["y"] + 50)
    expect(page.locator("#curve-window")).to_have_text(whole)
    assert watched.faults() == []


def test_the_distribution_follows_the_stretch_on_the_curve(
    dashboard: Any, watch: Callable[..., Watched]
) -> None:
    watched = watch(dashboard.url)
    page = watched.open("/curve/presse-1?week=2026-W47&lang=en")
    part, told = page.locator("#stretch"), page.locator("#stretch-part [role=status]")
    expect(part).to_have_attribute("data-state", "drawn")
    whole = told.inner_text()
    over = page.locator("#curve .u-over").bounding_box()
    assert over is not None
    page.mouse.move(over["x"] + 100, over["y"] + 50)
    page.mouse.down()
    page.mouse.move(over["x"] + 300, over["y"] + 60, steps=5)
    page.mouse.up()
    expect(told).not_to_have_text(whole)
    assert page.locator("#stretch-part svg").count() == 2
    # The same by the keyboard alone: a day's button, then closer.
    day = page.locator("[data-day]").first
    day.focus()
    page.keyboard.press("Enter")
    expect(told).to_contain_text("Mon 16, 04:30 to Mon 16, 13:30")
    page.locator("[data-move=in]").focus()
    page.keyboard.press("Space")
    expect(told).to_contain_text("Mon 16, 06:45 to Mon 16, 11:15")
    assert axe_findings(page) == []
    stretch = page.inner_text("#stretch-part [role=status]")
    # The address keeps the stretch, and the page of distributions shows the same.
    page.reload()
    expect(told).to_have_text(stretch)
    page.click("#stretch-page")
    expect(page.locator("#stretch [role=status]")).to_have_text(stretch)
    page.locator("#st-from").fill("2026-11-17T05:00")
    page.locator("#st-to").fill("2026-11-17T06:00")
    page.keyboard.press("Enter")
    expect(page.locator("#stretch [role=status]")).to_contain_text("Tue 17, 05:00 to Tue 17, 06:00")
    assert axe_findings(page) == []
    assert watched.faults() == []


def test_zooming_fills_the_form_that_excludes(analyst_dashboard: Any, watch: Callable[..., Watched]) -> None:
    page = watch(analyst_dashboard.url).open("/curve/presse-1?trace=db-07.laeq&week=2026-W47")
    page.click("[data-move=in]")
    expect(page.locator("#ex-from")).to_have_value(re.compile("^2026-11-1"))
    # The field itself follows the browser's language, which need not be the page's.
    expect(page.locator("label[for=ex-from]")).to_have_text(re.compile(r"De\s*\S+ \d+ nov. 2026, \d+ h \d\d"))


def test_theme_language_and_workstation_can_be_switched(
    dashboard: Any, watch: Callable[..., Watched]
) -> None:
    watched = watch(dashboard.url, color_scheme="light")
    page = watched.open("/station/presse-1?lang=fr")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("text=English")
    assert page.get_attribute("html", "lang") == "en"
    page.select_option("#pick-station", label="Four 2")
    page.wait_for_url("**/station/four-2**")
    assert "lang=en" in page.url
    page.click("nav.tabs >> text=Contributions")
    page.wait_for_url("**/contributions/four-2**")
    assert watched.faults() == []


def test_paper_shows_no_controls(dashboard: Any, watch: Callable[..., Watched]) -> None:
    page = watch(dashboard.url).open("/station/presse-1")
    page.emulate_media(media="print")
    for control in (".bar", ".tabs", ".pick", ".skip"):
        assert page.locator(control).first.is_hidden(), control
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light"
    page = watch(dashboard.url).open("/curve/presse-1")
    page.wait_for_selector("#stretch[data-state=drawn]")
    page.emulate_media(media="print")
    assert page.locator("#stretch-part svg").first.is_visible()
    for control in ("#stretch-page", ".curve figcaption", ".curve-keys"):
        assert page.locator(control).first.is_hidden(), control


def test_sensor_rows_follow_the_ingest_while_the_page_is_open(
    plant: WeeklyResult,
    make_source: Callable[..., SiteSource],
    serve: Callable[..., Any],
    plant_folder: Path,
    watch: Callable[..., Watched],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(plant_folder, folder)
    (folder / "journal").mkdir()
    with serve(make_source(plant, folder=folder), WebSettings()) as client:
        watched = watch(str(client.base_url).rstrip("/"))
        page = watched.open("/sensors")
        expect(page.locator("#live")).to_contain_text("arrêtée", timeout=DEADLINE_MS)
        health = SensorHealth()
        health.saw(time.time_ns(), 10, 600)
        counters = IngestCounters()
        counters.broker = "connected"
        write_health(folder / "journal", counters, {"db-07": health}, {})
        expect(page.locator("#live")).to_contain_text("en marche", timeout=DEADLINE_MS)
        assert page.inner_text("tr[data-sensor=db-07] [data-state]") == "En ligne"
        assert watched.faults() == []


def test_hostile_labels_stay_text(
    hostile_plant: WeeklyResult,
    make_source: Callable[..., SiteSource],
    serve: Callable[..., Any],
    watch: Callable[..., Watched],
) -> None:
    with serve(
        make_source(hostile_plant, Audience.ANALYST), WebSettings(audience=Audience.ANALYST)
    ) as client:
        watched = watch(str(client.base_url).rstrip("/"))
        dialogs: list[str] = []

        def dismiss(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        watched.page.on("dialog", dismiss)
        page = watched.open("/")
        page.wait_for_load_state("networkidle")
        assert dialogs == []
        assert watched.faults() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1360
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
