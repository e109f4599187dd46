from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards.web.settings import WebSettings, is_loopback
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult
from sensors.errors import ConfigurationError
from sensors.logs import append_log

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]
ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "/",
    "/?grid=hours",
    "/?grid=days&factor=climate",
    "/station/presse-1",
    "/curve/presse-1",
    "/distribution/presse-1",
    "/contributions/presse-1",
    "/compare/presse-1",
    "/why/presse-1/lex_8h",
    "/plan",
    "/sensors",
    "/report",
)
ANYWHERE = "0.0.0.0"  # noqa: S104 - the address whose rules are tested
MONDAY = 1_794_783_600


def form_token(client: httpx.Client, page: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(page).text)
    assert found, page
    return found[1]


def log_in(client: httpx.Client, **fields: str) -> httpx.Response:
    form = {"token": form_token(client, "/login"), **fields}
    return client.post("/login", data=form, follow_redirects=False)


@pytest.fixture(scope="module")
def client(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> Any:
    with serve(make_source(plant), WebSettings()) as found:
        yield found


@pytest.fixture(scope="module")
def analyst(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> Any:
    settings = WebSettings(audience=Audience.ANALYST)
    with serve(make_source(plant, Audience.ANALYST), settings) as found:
        yield found


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_in_both_languages(client: httpx.Client, path: str, language: str) -> None:
    answer = client.get(path, params={"lang": language} | dict(httpx.URL(path).params))
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_mistake_is_explained_in_the_language_of_the_page(client: httpx.Client) -> None:
    answer = client.get("/station/presse-99", params={"lang": "fr"})
    assert answer.status_code == 404
    assert "il n’y a pas de poste de ce nom" in answer.text
    assert "there is no such workstation" in client.get("/station/presse-99", params={"lang": "en"}).text


@pytest.mark.parametrize("path", PAGES)
def test_pages_keep_to_the_policy(client: httpx.Client, path: str) -> None:
    text = client.get(path).text
    assert not re.search(r"<[^>]+\sstyle=", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<[^>]+\son[a-z]+=", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert len(re.findall(r"<h1[ >]", text)) == 1


@pytest.mark.parametrize("path", PAGES)
def test_headings_do_not_jump(client: httpx.Client, path: str) -> None:
    levels = [int(found) for found in re.findall(r"<h([1-6])[ >]", client.get(path).text)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_links_keep_language_week_and_factor(client: httpx.Client) -> None:
    text = client.get("/?lang=en&week=2026-W46&factor=climate").text
    targets = re.findall(r'href="(/station/[^"]+)"', text)
    assert targets
    assert all("lang=en" in t and "week=2026-W46" in t and "factor=climate" in t for t in targets)


def test_switching_language_or_week_stays_on_the_same_view(client: httpx.Client) -> None:
    text = client.get("/curve/presse-1?trace=sl-01.laeq&week=2026-W47&lang=fr").text
    other = re.search(r'href="([^"]+)" hreflang="en"', text)
    assert other
    assert "trace=sl-01.laeq" in other[1]
    assert "week=2026-W47" in other[1]


def test_worn_sensors_show_days_curves_and_stays_to_the_analyst_only(
    client: httpx.Client, analyst: httpx.Client
) -> None:
    viewer_grid = client.get("/?grid=days").text
    assert "90,6" not in viewer_grid
    assert "qu’à l’analyste" in viewer_grid
    assert "90,6" in analyst.get("/?grid=days").text
    assert "DB-07" not in client.get("/curve/presse-1").text
    assert "DB-07" in analyst.get("/curve/presse-1").text
    assert "EVA" not in client.get("/distribution/presse-1").text
    assert "EVA" in analyst.get("/distribution/presse-1").text
    assert "90,6" not in client.get("/why/presse-1/lex_8h").text
    assert "90,6" in analyst.get("/why/presse-1/lex_8h").text
    for path in ("/data/presse-1?trace=db-07.laeq", "/data/presse-1/table.csv?trace=im-03.inclination"):
        assert client.get(path).status_code == 404
        assert analyst.get(path).status_code == 200


def test_the_analyst_downloads_working_files_only(analyst: httpx.Client, client: httpx.Client) -> None:
    assert "file.pdf" in client.get("/report").text
    page = analyst.get("/report").text
    for form in ("pdf", "xlsx"):
        assert f"file.{form}" not in page
        assert analyst.get(f"/report/file.{form}").status_code == 403
    for form in ("html", "csv"):
        assert f"file.{form}" in page
        found = analyst.get(f"/report/file.{form}")
        assert found.status_code == 200
        assert "ne pas diffuser" in found.text
    window = {"trace": "db-07.laeq"}
    lines = analyst.get("/data/presse-1/table.csv", params=window).text.splitlines()
    assert lines
    assert all("ne pas diffuser" in line for line in lines)


def test_the_analyst_edition_says_so_on_every_page(analyst: httpx.Client, client: httpx.Client) -> None:
    for path in PAGES:
        assert "ne pas diffuser" in analyst.get(path).text
        assert "ne pas diffuser" not in client.get(path).text
    # Small groups are shown there: the promise of the other edition would be untrue.
    assert "jamais affichés" in client.get("/").text
    assert "jamais affichés" not in analyst.get("/").text


def test_every_address_of_the_analyst_carries_the_mark(analyst: httpx.Client) -> None:
    paths = analyst.get("/openapi.json").json()["paths"]
    marked = 0
    for address, methods in paths.items():
        # A personal link shows its wearer their own data, under the seal of that link.
        if "get" not in methods or address.startswith("/my/"):
            continue
        kinds = set(methods["get"]["responses"].get("200", {}).get("content", {}))
        if kinds <= {"text/css", "text/event-stream"} or address in (
            "/favicon.ico",
            "/calibrate/{identifier}/live",
        ):
            continue
        identifier = "im-03" if address.startswith("/calibrate") else "presse-1"
        for name in ("html", "csv", "json") if "{name}" in address else ("",):
            where = address.format(identifier=identifier, indicator_id="lex_8h", name=name)
            answer = analyst.get(where, params={"trace": "db-07.laeq"} if "/data/" in where else {})
            assert answer.status_code in (200, 404), (where, answer.status_code)
            assert "ne pas diffuser" in answer.text, where
            marked += 1
    assert marked > 20
    assert "ne pas diffuser" in analyst.get("/station/nowhere").text


def test_a_trace_is_thinned_with_its_gap_open(client: httpx.Client) -> None:
    found = client.get("/data/presse-1", params={"trace": "sl-01.laeq", "px": "1000"}).json()
    assert found["schema"] == "vigiposte.trace/1"
    assert len(found["t"]) <= 1000
    assert found["gaps"] == [[MONDAY + 120_002, MONDAY + 124_001]]
    missing = [t for t, mean in zip(found["t"], found["mean"], strict=True) if mean is None]
    assert missing
    assert all(MONDAY + 119_000 < t < MONDAY + 125_000 for t in missing)
    assert found["shifts"][0]["name"] == "Équipe du matin"
    assert [85.0, "85 valeur d’action supérieure"] in found["limits"]


def test_a_trace_can_be_had_as_a_still_drawing(client: httpx.Client) -> None:
    answer = client.get("/data/presse-1/drawing.svg?trace=sl-01.laeq&week=2026-W47")
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(answer.text)  # noqa: S314 - our own drawing
    words = {element.text for element in root.iter() if element.text}
    assert "mar.\u00a017" in words
    assert "85 valeur d’action supérieure" in words
    assert 'fill="url(#ha)"' in answer.text
    assert "drawing.svg" in client.get("/curve/presse-1").text


def test_zooming_asks_for_the_stretch_and_shows_every_reading(client: httpx.Client) -> None:
    window = {"from": str(MONDAY + 7200), "to": str(MONDAY + 7500), "trace": "sl-01.laeq"}
    found = client.get("/data/presse-1", params=window).json()
    assert len(found["t"]) == 300
    assert found["low"] == found["high"] == found["mean"]
    rows = list(csv.reader(io.StringIO(client.get("/data/presse-1/table.csv", params=window).text)))
    assert rows[0] == ["time", "laeq [dB(A)]"]
    assert rows[1][0] == "2026-11-16T02:00:00+01:00"
    assert len(rows) == 301
    assert round(float(rows[1][1]), 3) == found["mean"][0]


def test_a_zoom_has_its_own_mean_and_percentiles(client: httpx.Client) -> None:
    whole = client.get("/data/presse-1?trace=sl-01.laeq&week=2026-W47").json()
    stretch = client.get(
        f"/data/presse-1?trace=sl-01.laeq&week=2026-W47&from={whole['t'][0]}&to={whole['t'][0] + 600}"
    ).json()
    for summary in (whole["summary"], stretch["summary"]):
        assert summary["P10"] < summary["P50"] < summary["P90"]
        # Levels are averaged by energy, which lies above their middle.
        assert summary["mean"] > summary["P50"]
    assert whole["summary"] != stretch["summary"]
    gap, end = max(whole["gaps"], key=lambda pair: pair[1] - pair[0])
    empty = client.get(f"/data/presse-1?trace=sl-01.laeq&week=2026-W47&from={gap + 1}&to={end - 1}").json()
    assert empty["summary"] == {}


def test_a_week_with_a_clock_change_has_its_extra_hour(client: httpx.Client) -> None:
    found = client.get("/data/presse-1?trace=sl-01.laeq&week=2026-W43").json()
    assert found["to"] - found["from"] == 169 * 3600
    starts = [shift["from"] for shift in found["shifts"]]
    assert [later - earlier for earlier, later in pairwise(starts)] == [86_400] * 4
    assert found["gaps"] == [[found["from"], found["to"]]]
    page = client.get("/?week=2026-W43&grid=days").text
    assert all(f"{name}.\u00a0{day}" in page for name, day in (("sam", 24), ("dim", 25)))


def test_posture_is_drawn_as_inclination_from_the_calibration(analyst: httpx.Client) -> None:
    window = {
        "trace": "im-03.inclination",
        "px": "2000",
        "from": str(MONDAY + 6 * 3600),
        "to": str(MONDAY + 6 * 3600 + 1200),
    }
    found = analyst.get("/data/presse-1", params=window).json()
    values = [value for value in found["mean"] if value is not None]
    assert len(values) == 1200
    assert 4.5 < min(values) < 6.0
    assert 64.0 < max(values) < 65.5


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/station/nobody", 404),
        ("/why/presse-1/nothing", 404),
        ("/nowhere", 404),
        ("/?factor=luck", 404),
        ("/?week=2026-W99", 400),
        ("/?week=2199-W01", 400),
        ("/data/presse-1?trace=sl-01.laeq&from=x", 400),
        ("/data/presse-1?trace=sl-01.laeq&from=5&to=4", 400),
        ("/report/file.docx", 404),
    ],
)
def test_mistakes_are_pages_that_say_what_to_do(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    if path.startswith("/?week="):
        assert "<h1>400</h1>" in answer.text


def test_an_unknown_language_is_a_mistake_without_a_page(client: httpx.Client) -> None:
    answer = client.get("/?lang=de")
    assert answer.status_code == 404
    assert "fr, en" in answer.text


def test_docs_of_the_framework_are_off(client: httpx.Client) -> None:
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("name", "start"),
    [("html", b"<!doctype html>"), ("csv", b"\xef\xbb\xbfworkstation"), ("xlsx", b"PK"), ("pdf", b"%PDF")],
)
def test_the_report_can_be_taken_away(client: httpx.Client, name: str, start: bytes) -> None:
    answer = client.get(f"/report/file.{name}?week=2026-W47")
    assert answer.status_code == 200
    assert answer.content.lstrip()[: len(start)].lower() == start.lower()
    assert f"saint-aubin-2026-W47-fr.{name}" in answer.headers["content-disposition"]


def test_foreign_hosts_and_cross_site_changes_are_refused(client: httpx.Client) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        assert client.post("/exclude/presse-1", data={}, headers=headers).status_code == 403


def test_a_stretch_is_excluded_by_the_analyst_with_a_reason(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(plant_folder, tmp_path / "site")
    source = make_source(plant, Audience.ANALYST, tmp_path / "site")
    with serve(source, WebSettings(audience=Audience.ANALYST)) as client:
        page = client.get("/curve/presse-1?trace=db-07.laeq&week=2026-W47").text
        token = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert token
        form = {
            "token": token[1],
            "sensor": "db-07",
            "start": "2026-11-16T09:10",
            "end": "2026-11-16T09:33",
            "reason": " capteur  posé <script>",
            "who": "ergo",
        }
        assert client.post("/exclude/presse-1", data=form | {"token": "0" * 64}).status_code == 403
        assert client.post("/exclude/presse-1", data=form | {"reason": "  "}).status_code == 400
        assert client.post("/exclude/presse-1", data=form | {"end": form["start"]}).status_code == 400
        assert client.post("/exclude/presse-1", data=form | {"sensor": "nobody"}).status_code == 404
        done = client.post("/exclude/presse-1?week=2026-W47", data=form, follow_redirects=False)
        assert done.status_code == 303
        shown = client.get("/curve/presse-1?trace=db-07.laeq&week=2026-W47").text
    log = (tmp_path / "site" / "exclusions.csv").read_text(encoding="utf-8")
    assert "2026-11-16T09:10,2026-11-16T09:33,db-07,capteur posé <script>,ergo" in log.replace('"', "")
    assert "capteur posé &lt;script&gt;" in shown


def test_stretches_of_worn_sensors_are_excluded_by_the_analyst_only(client: httpx.Client) -> None:
    form = {
        "token": form_token(client, "/curve/presse-1"),
        "sensor": "db-07",
        "start": "2026-11-16T09:10",
        "end": "2026-11-16T09:33",
        "reason": "r",
    }
    assert client.post("/exclude/presse-1", data=form).status_code == 403


def test_an_open_address_needs_a_long_password() -> None:
    assert [
        is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", ANYWHERE, "192.168.1.4", "plant.example")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(ConfigurationError) as caught:
        WebSettings(host=ANYWHERE)
    assert caught.value.code == "password_required"
    with pytest.raises(ConfigurationError) as caught:
        WebSettings(host=ANYWHERE, secret="short")
    assert caught.value.code == "password_short"
    assert WebSettings(host=ANYWHERE, secret="long enough for a test").open_to_network


def test_a_password_opens_a_session_and_guessing_is_slowed(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve
) -> None:
    settings = WebSettings(host=ANYWHERE, secret="correct horse battery")
    with serve(make_source(plant), settings) as client:
        assert client.get("/data/presse-1").status_code == 401
        page = client.get("/station/presse-1", headers={"accept": "text/html"}, follow_redirects=False)
        assert page.headers["location"].startswith("/login?next=/station/presse-1")
        assert client.get("/login").status_code == 200
        bearer = {"authorization": "Bearer correct horse battery"}
        assert client.get("/sensors", headers=bearer).status_code == 200
        assert log_in(client, password="no").status_code == 401
        door = log_in(client, password="correct horse battery", back="//evil.example")
        assert door.headers["location"] == "/"
        assert client.get("/station/presse-1").status_code == 200
        assert client.post("/logout", data={"token": form_token(client, "/")}).url.path == "/login"
        client.cookies.set("vigiposte_session", f"{int(time.time()) + 100}.{'0' * 64}")
        assert client.get("/sensors").status_code == 401
        client.cookies.clear()
        statuses = [log_in(client, password="guess").status_code for _ in range(6)]
        assert statuses[-1] == 429
        assert log_in(client, password="correct horse battery").status_code == 429


def test_labels_cannot_break_out_of_any_page(
    hostile_plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> None:
    evil = hostile_plant.workstations[0].label
    site = (plant_folder / "site.toml").read_text(encoding="utf-8")
    quoted = json.dumps(evil)
    for label in ("Usine de Saint-Aubin", "Presse 1", "Équipe du matin", "Sonomètre SL-01 <b>", "DB-07"):
        site = site.replace(f'"{label}"', quoted)
    folder = tmp_path / "site"
    shutil.copytree(plant_folder, folder)
    (folder / "site.toml").write_text(site, encoding="utf-8")
    append_log(
        folder,
        "situations",
        {
            "from": "2026-11-16T09:00",
            "to": "2026-11-16T09:30",
            "workstation": "presse-1",
            "text": evil,
            "borg": "3",
        },
    )
    stations = (replace(hostile_plant.workstations[0], id="presse-1"), *hostile_plant.workstations[1:])
    source = make_source(replace(hostile_plant, workstations=stations), Audience.ANALYST, folder)
    with serve(source, WebSettings(audience=Audience.ANALYST)) as client:
        for path in PAGES:
            text = client.get(path).text
            assert "<script>alert" not in text, path
            assert "<img src=x" not in text, path
            assert ">49<" not in text, path
        assert "&lt;script&gt;alert" in client.get("/station/presse-1").text
        assert "&lt;script&gt;alert" in client.get("/curve/presse-1?week=2026-W47").text
        strange = '/curve/presse-1?trace="><script>alert(1)</script>&week="><script>'
        assert "<script>alert" not in client.get(strange).text


def test_an_empty_result_has_pages_too(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> None:
    source = make_source(replace(plant, workstations=()))
    with serve(source, WebSettings()) as client:
        assert "Aucun poste" in client.get("/").text
        assert client.get("/station/", follow_redirects=False).headers["location"].startswith("/?")
        assert client.get("/station/presse-1").status_code == 404
        assert client.get("/report/file.pdf").status_code == 200


def test_vendored_files_are_what_their_makers_published() -> None:
    folder = ROOT / "dashboards" / "static" / "vendor"
    listed = re.findall(
        r"^\| (\S+) \| .* \| ([0-9a-f]{64}) \|$",
        (folder / "VENDORED.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(listed) == 7
    for name, digest in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    known = {name for name, _ in listed} | {"VENDORED.md"}
    assert {path.name for path in folder.iterdir()} <= known


def test_results_are_computed_once_until_something_changes(
    plant: WeeklyResult, plant_folder: Path, tmp_path: Path
) -> None:
    from ingest.store import open_store
    from sensors.site_file import load_site

    shutil.copytree(plant_folder, tmp_path / "site")
    folder = tmp_path / "site"
    calls: list[str | None] = []

    def weekly(_book: object, _store: object, period: Any, _audience: object) -> WeeklyResult:
        calls.append(period.week)
        return plant

    source = SiteSource(
        load=lambda: load_site(folder / "site.toml"),
        store=open_store("lake:./lake", base=folder),
        weekly=weekly,
        audience=Audience.REPORT,
    )
    period = source.period("2026-W47")
    assert source.result(period) is source.result(period)
    assert source.known(period) is plant
    assert calls == ["2026-W47"]
    append_log(
        folder,
        "exclusions",
        {"from": "2026-11-16T09:10", "to": "2026-11-16T09:20", "sensor": "db-07", "reason": "r", "who": ""},
    )
    source.changed()
    source.result(period)
    assert calls == ["2026-W47", "2026-W47"]
    assert source.earlier(source.period("2026-W01")).week == "2025-W52"
    source.close()


def account_form(client: httpx.Client) -> dict[str, str]:
    token = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/situations?week=2026-W47").text)
    assert token
    return {
        "token": token[1],
        "workstation": "presse-1",
        "day": "2026-11-17",
        "start": "09:10",
        "text": "=1+1 <script>alert('x')</script>,\nbruit & poussière",
        "borg": "6",
        "factor": "noise",
    }


def test_a_worker_reports_a_situation_without_identity(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(plant_folder, tmp_path / "site")
    with serve(make_source(plant, folder=tmp_path / "site"), WebSettings()) as client:
        form = account_form(client)
        done = client.post("/situations", data=form)
        assert done.status_code == 200
        assert str(done.url).endswith("week=2026-W47&said=1")
        shown = client.get("/situations?week=2026-W47&lang=en").text
    assert "&lt;script&gt;alert" in shown
    assert "<script>alert" not in shown
    log = (tmp_path / "site" / "situations.csv").read_text(encoding="utf-8").splitlines()
    assert log == [
        "from,to,workstation,text,borg,factor",
        "2026-11-17T09:10,,presse-1,\"'=1+1 <script>alert('x')</script>, bruit & poussière\",6,noise",
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "0" * 64}, 403),
        ({"text": "  "}, 400),
        ({"text": "x" * 1001}, 400),
        ({"borg": "11"}, 400),
        ({"factor": "boss"}, 400),
        ({"day": "2999-01-01"}, 400),
        ({"start": "noon"}, 400),
        ({"workstation": "nowhere"}, 404),
    ],
)
def test_what_is_no_account_is_refused(client: httpx.Client, change: dict[str, str], status: int) -> None:
    assert client.post("/situations", data=account_form(client) | change).status_code == status


def test_the_action_plan_is_a_page(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(plant_folder, tmp_path / "site")
    (tmp_path / "site" / "actions.csv").write_text(
        "id,workstation,factor,level,what,owner,due,done,reason\n"
        "b,presse-1,noise,instructions,Afficher <i>la</i> consigne,HSE,2026-11-16,2026-11-17,\n"
        "a,presse-1,posture,source,Relever la table,,2026-11-20,,\n",
        encoding="utf-8",
    )
    with serve(make_source(plant, folder=tmp_path / "site"), WebSettings()) as client:
        page = client.get("/actions?week=2026-W47&lang=en").text
    assert page.index("Relever la table") < page.index("Afficher &lt;i&gt;la&lt;/i&gt; consigne")
    assert "2 days late" in page
    assert "without a written reason" in page
