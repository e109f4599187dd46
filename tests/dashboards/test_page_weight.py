"""What pages cost in points, requests and bytes, on any machine; ``bench_pages.py`` measures the seconds."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult
from tests.dashboards.watched import Watched

pytestmark = pytest.mark.browser
WEEK_SECONDS = 7 * 86_400


def asked_of(watched: Watched) -> Counter[str]:
    """Count the requests of a page from now on by the kind of their address."""
    found: Counter[str] = Counter()

    def seen(request: Any) -> None:
        parts = [part for part in urlsplit(request.url).path.split("/") if part]
        kind = (
            "page"
            if not parts or parts[0] not in ("data", "static", "fonts", "static-plots.css")
            else parts[0]
        )
        found["distribution" if parts[-1:] == ["distribution"] and kind == "data" else kind] += 1

    watched.page.on("request", seen)
    return found


def test_a_week_at_one_hertz_is_thinned_to_the_screen(dashboard: Any, watch: Callable[..., Watched]) -> None:
    watched = watch(dashboard.url)
    asked = asked_of(watched)
    answers: list[bytes] = []
    watched.page.on(
        "response", lambda answer: answers.append(answer.body()) if "/data/presse-1?" in answer.url else None
    )
    page = watched.open("/curve/presse-1?week=2026-W47")
    page.wait_for_selector("#stretch[data-state=drawn]")
    box = page.locator("#curve")
    width = int(box.evaluate("node => node.clientWidth"))
    points = int(box.get_attribute("data-points") or 0)
    # One point a pixel at most, whatever the number of readings behind them; gaps stay open.
    assert width // 2 < points <= width
    assert WEEK_SECONDS / points > 400
    assert int(box.get_attribute("data-nulls") or 0) > 0
    assert (asked["page"], asked["data"], asked["distribution"]) == (1, 1, 1)
    assert sum(asked.values()) <= 16
    document = json.loads(answers[0])
    assert len(document["t"]) == points
    assert len(answers[0]) < 100 * points
    asked.clear()
    with page.expect_response(lambda answer: "/data/presse-1?" in answer.url):
        page.click("[data-move=in]")
    expect(box).to_have_attribute("data-state", "drawn")
    page.wait_for_selector("#stretch[data-state=drawn]")
    # A zoom asks for its own points and their distribution, and for nothing else.
    assert (asked["page"], asked["data"], asked["distribution"]) == (0, 1, 1)
    assert int(box.get_attribute("data-points") or 0) <= width
    assert watched.faults() == []


def test_two_hundred_workstations_are_one_page(
    large_plant: Callable[[int], WeeklyResult],
    make_source: Callable[..., SiteSource],
    serve: Callable[..., AbstractContextManager[httpx.Client]],
    watch: Callable[..., Watched],
) -> None:
    def page_of(count: int) -> tuple[str, Counter[str]]:
        source = make_source(large_plant(count), Audience.ANALYST)
        with serve(source, WebSettings(audience=Audience.ANALYST)) as client:
            watched = watch(str(client.base_url).rstrip("/"))
            asked = asked_of(watched)
            page = watched.open("/?grid=days")
            expect(page.locator(".heat tbody tr")).to_have_count(count)
            assert watched.faults() == []
            return client.get("/?grid=days").text, asked

    small, few = page_of(20)
    large, many = page_of(200)
    assert many == few
    # Each further workstation adds its row of the grid; only the first forty stand in the ranking.
    assert large.count("<tr") - small.count("<tr") == 180 + 20
    row = (len(large) - len(small)) / 180
    assert row < 6_000
    assert len(gzip.compress(large.encode())) < 120_000
