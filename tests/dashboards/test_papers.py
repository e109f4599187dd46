"""The papers name everything the configuration collects, in both languages, and change when it does."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dashboards.catalogue import catalogue, text
from dashboards.papers import PAPERS, compose, paper_html, paper_text
from indicators.governance.papers import paper_facts
from sensors.errors import UnknownNameError
from sensors.quantities import KINDS, QUANTITIES, Kind, channels_of
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from sensors.site_model import Mount
from vigiposte import app

SITE = """
schema = 1
[site]
id = "plant"
label = "Usine de Lyon"
[privacy]
group_size = 7
raw_days = 31
summary_days = 200
[[campaigns]]
id = "autumn"
from = 2026-01-01
to = 2026-12-31
purpose = "postures at the presses"
cse_reference = "PV 2026-04"
cse_date = 2025-12-01
dpia_version = "1.2"
[[workstations]]
id = "press"
label = "Presse 4"
[[workstations]]
id = "pack"
label = "Emballage"
[[sensors]]
id = "mic"
kind = "noise"
[[sensors]]
id = "dose"
kind = "noise"
channels = ["laeq", "lcpeak"]
[[sensors]]
id = "back"
kind = "posture"
range_g = 8
[[sensors]]
id = "air"
kind = "climate"
[[sensors]]
id = "old"
kind = "posture"
range_g = 8
[[placements]]
sensor = "mic"
workstation = "pack"
mount = "fixed"
from = 2026-01-01T00:00:00
[[placements]]
sensor = "dose"
workstation = "press"
mount = "shoulder"
from = 2026-01-01T00:00:00
[[placements]]
sensor = "back"
workstation = "press"
mount = "upper_back"
from = 2026-01-01T00:00:00
[[placements]]
sensor = "air"
workstation = "pack"
mount = "fixed"
from = 2026-01-01T00:00:00
[[placements]]
sensor = "old"
workstation = "pack"
mount = "thigh"
from = 2026-01-01T00:00:00
to = 2026-02-01T00:00:00
"""
DAY = date(2026, 6, 1)
LANGUAGES = ("fr", "en")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., SiteBook]:
    """``make(*replacements)``: the site with pairs of texts replaced."""

    def write(*replacements: tuple[str, str]) -> SiteBook:
        text_ = SITE
        for old, new in replacements:
            assert old in text_
            text_ = text_.replace(old, new, 1)
        (tmp_path / "site.toml").write_text(text_)
        return load_site(tmp_path / "site.toml")

    return write


def plain(html: str) -> str:
    body = html[html.index("<body>") :]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").split())


def notice(book: SiteBook, language: str, paper: str = "notice") -> str:
    return plain(paper_html(compose(paper_facts(book, DAY), paper, language)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_names_every_active_kind_and_quantity(
    make: Callable[..., SiteBook], language: str
) -> None:
    shown, say = notice(make(), language), text(language)
    for kind in KINDS:
        assert say(f"papers.kind_{kind.value}") in shown.lower()
        for channel in channels_of(kind):
            assert " ".join(say(f"quantities.{channel}").split()) in shown, channel
    for mount in (Mount.SHOULDER, Mount.UPPER_BACK, Mount.FIXED):
        assert " ".join(say(f"mounts.{mount.value}").split()) in shown
    assert say("mounts.thigh") not in shown, "a sensor whose placement has ended is not active"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_names_nothing_that_is_not_collected(
    make: Callable[..., SiteBook], kind: Kind, language: str
) -> None:
    book = make()
    kept = [row for row in book.site.sensors if row.kind is not kind]
    without = book.site.model_copy(
        update={
            "sensors": tuple(kept),
            "placements": tuple(row for row in book.site.placements if row.sensor in {s.id for s in kept}),
        }
    )
    shown = notice(SiteBook(without, book.folder, book.path, book.logs), language)
    for name, row in QUANTITIES.items():
        if row.kind is kind:
            assert " ".join(text(language)(f"quantities.{name}").split()) not in shown, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_says_why_where_how_long_and_who(make: Callable[..., SiteBook], language: str) -> None:
    shown = notice(make(), language)
    for fact in ("postures at the presses", "PV 2026-04", "Presse 4", "Emballage", "31", "200", "7", "1.2"):
        assert fact in shown, fact
    assert "my-data" in shown
    assert "withdraw" in shown


def test_a_declared_channel_list_is_what_the_notice_says(make: Callable[..., SiteBook]) -> None:
    book = make(('id = "mic"\nkind = "noise"', 'id = "mic"\nkind = "noise"\nchannels = ["laeq"]'))
    shown, say = notice(book, "en"), text("en")
    assert say("quantities.lcpeak") in shown
    assert say("quantities.octave_63") not in shown


@pytest.mark.parametrize(
    "change",
    [
        ('id = "mic"\nkind = "noise"', 'id = "mic"\nkind = "noise"\nchannels = ["laeq"]'),
        ("raw_days = 31", "raw_days = 32"),
        ("group_size = 7", "group_size = 6"),
        ('mount = "shoulder"', 'mount = "head"'),
        ("postures at the presses", "something else"),
        ('dpia_version = "1.2"', 'dpia_version = "1.3"'),
    ],
)
def test_the_version_changes_with_what_matters(
    make: Callable[..., SiteBook], change: tuple[str, str]
) -> None:
    before = paper_facts(make(), DAY).version
    assert paper_facts(make(), DAY).version == before
    assert paper_facts(make(change), DAY).version != before
    assert before in notice(make(), "fr")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_has_its_words(make: Callable[..., SiteBook], paper: str, language: str) -> None:
    made = compose(paper_facts(make(), DAY), paper, language)
    shown = paper_text(made) + paper_html(made)
    codes = set(re.findall(r"\b(?:papers|quantities|mounts|indicators)\.[a-z0-9_]+", shown))
    assert codes == set(), "a code without words is shown as itself"
    assert "{" not in plain(paper_html(made))
    assert paper_facts(make(), DAY).version in shown
    assert made.title in paper_text(made)
    assert len(made.sections) >= 8


def test_a_site_without_campaign_says_that_worn_sensors_cannot_start(make: Callable[..., SiteBook]) -> None:
    start, end = SITE.index("[[campaigns]]"), SITE.index("[[workstations]]")
    book = make((SITE[start:end], ""))
    assert text("en")("papers.no_campaign") in notice(book, "en")


def test_what_the_site_file_says_is_not_markup(make: Callable[..., SiteBook]) -> None:
    book = make(("postures at the presses", "<script>alert(1)</script>"), ("Presse 4", "A & B"))
    html = paper_html(compose(paper_facts(book, DAY), "cse", "fr"))
    assert "<script>" not in html
    assert "A &amp; B" in html


def test_every_quantity_and_mount_has_its_words() -> None:
    for language in LANGUAGES:
        known = catalogue(language)
        assert [name for name in QUANTITIES if f"quantities.{name}" not in known] == []
        assert [mount for mount in Mount if f"mounts.{mount.value}" not in known] == []


def run(site: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_prints_or_writes_the_paper(make: Callable[..., SiteBook], tmp_path: Path) -> None:
    site = make().path
    shown = run(site, "notice").stdout
    assert shown.startswith("Capteurs au travail")
    document = json.loads(run(site, "notice", "--paper", "dpia", "--lang", "en", "--json").stdout)
    assert document["schema"] == "vigiposte.notice/1"
    assert document["version"] in document["text"]
    path = run(site, "notice", "--paper", "register", "--out", str(tmp_path / "papers")).stdout.strip()
    assert path == str(tmp_path / "papers" / "plant-register-fr.html")
    assert "Fiche du registre" in Path(path).read_text()
    with pytest.raises(UnknownNameError) as caught:
        run(site, "notice", "--paper", "poem")
    assert caught.value.code == "unknown_paper"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_of_a_usual_site_prints_on_one_page(
    make: Callable[..., SiteBook], language: str, chromium: str, tmp_path: Path
) -> None:
    channels = ('id = "mic"\nkind = "noise"', 'id = "mic"\nkind = "noise"\nchannels = ["laeq", "lcpeak"]')
    page = tmp_path / "notice.html"
    page.write_text(paper_html(compose(paper_facts(make(channels), DAY), "notice", language)))
    pdf = tmp_path / "notice.pdf"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run(
        [chromium, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={pdf}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 1
