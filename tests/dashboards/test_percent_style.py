"""One style of per cent in each language, wherever it is read: ``11.7%`` in English, ``11,7 %`` in French."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader

from dashboards.catalogue import catalogue, text
from dashboards.plan import plan_table
from dashboards.report import render_report
from dashboards.report.build import Surroundings
from dashboards.restitution import build_restitution, render_restitution
from dashboards.typography import NBSP, quantity
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.commands.terminal_result import result_lines
from indicators.model import Audience, Note, WeeklyResult
from indicators.planning.document import plan_lines
from indicators.planning.plan import plan_campaign
from indicators.words import note_words
from sensors.site_file import load_site

PAGES = (
    "/",
    "/?grid=days&factor=posture",
    "/station/presse-1",
    "/distribution/presse-1",
    "/contributions/presse-1",
    "/why/presse-1/arm_elevation_ge60_share",
    "/plan",
    "/sensors",
)
LANGUAGES = ("fr", "en")


def wrong(shown: str, language: str) -> list[str]:
    """Per cent signs set as the other language sets them, each with what stands before it."""
    plain = re.sub(
        r"<style\b.*?</style>|(?:href|src|width|height)=\"[^\"]*\"|data:\S+", " ", shown, flags=re.DOTALL
    )
    # A French sign has a no-break space before it: no line may break there.
    pattern = r".{0,30}\d[\s\u00a0\u202f]+%" if language == "en" else r".{0,30}(?:\d|\d[ \u202f\n])%"
    return re.findall(pattern, plain)


def used(shown: str) -> bool:
    return (
        re.search(r"\d[\s\u00a0]?%", re.sub(r"<style\b.*?</style>", " ", shown, flags=re.DOTALL)) is not None
    )


def test_a_figure_and_its_unit_are_joined_as_the_language_does() -> None:
    assert quantity("11.7", "%", language="en") == "11.7%"
    assert quantity("11,7", "%", language="fr") == f"11,7{NBSP}%"
    assert quantity("60", "°", language="en") == quantity("60", "°", language="fr") == "60°"
    assert quantity("21.4", "°C", language="en") == f"21.4{NBSP}°C"
    say = {language: text(language) for language in LANGUAGES}
    note = Note("limit_inside_interval", {"limit": 10.0, "low": 8.4, "high": 12.0, "unit": "%"})
    assert "10% lies" in note_words(note, say["en"])
    assert f"10{NBSP}% est" in note_words(note, say["fr"])
    assert say["en"]("commands.quantity", value=91.2, unit="dB(A)").replace(NBSP, " ") == "91.2 dB(A)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_itself_keeps_the_style(language: str) -> None:
    entries = "\n".join(catalogue(language).values())
    assert wrong(re.sub(r"\{[^}]*\}", "0", entries), language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_reports_keep_the_style(plant: WeeklyResult, language: str, tmp_path: Path) -> None:
    around = Surroundings(health=[("DB-09", "En ligne", "22", "0", "38", "mars 2026")], group_size=5)
    paths = render_report(plant, tmp_path, ("html", "csv", "pdf"), language, around=around)
    sheets = build_restitution(
        replace(plant, audience=Audience.REPORT), [row.id for row in plant.workstations], language
    )
    paths += render_restitution(sheets, plant.period, tmp_path, "s", ["html"])
    for path in paths:
        if path.suffix == ".pdf":
            shown = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages)
            # A line may end between a figure and what follows it in another column; blanks come out alike.
            shown = shown.replace("\n", "¶").replace(" ", NBSP)
        else:
            shown = path.read_text(encoding="utf-8")
        assert wrong(shown, language) == [], path
        assert used(shown) or path.suffix == ".csv", path


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_terminal_keeps_the_style(plant: WeeklyResult, plant_folder: Path, language: str) -> None:
    say = text(language)
    plan = plan_campaign(load_site(plant_folder / "site.toml"), start=date(2026, 11, 30))
    lines = [*result_lines(plant, say, every=True), *plan_lines(plan, say)]
    lines += [str(cell) for row in plan_table(plan, language).rows for cell in row]
    assert wrong("\n".join(lines), language) == []
    assert used("\n".join(lines))
    tight = [line for line in lines if re.search(r"\w: ", line)]
    assert bool(tight) is (language == "en")
    assert not any(">=" in line or "<=" in line for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_keep_the_style(client: httpx.Client, language: str) -> None:
    shown = {
        path: client.get(path, params=dict(httpx.URL(path).params) | {"lang": language}).text
        for path in PAGES
    }
    assert {path: found for path, page in shown.items() if (found := wrong(page, language))} == {}
    assert sum(used(page) for page in shown.values()) >= 5


@pytest.fixture(scope="module")
def client(
    plant: WeeklyResult,
    make_source: Callable[..., SiteSource],
    serve: Callable[..., AbstractContextManager[httpx.Client]],
) -> Iterator[httpx.Client]:
    settings = WebSettings(audience=Audience.ANALYST)
    with serve(make_source(plant, Audience.ANALYST), settings) as found:
        yield found
