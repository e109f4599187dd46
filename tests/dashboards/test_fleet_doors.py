"""Who may see what of a fleet in a browser: the doors of a site's dashboard, over several sites."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from typer.testing import CliRunner

from dashboards.fleet.source import FleetSource
from dashboards.fleet.web import create_fleet_app
from dashboards.web.accounts import Role, fleet_accounts
from dashboards.web.security import HEADERS
from dashboards.web.settings import WebSettings
from sensors.errors import ConfigurationError
from sensors.fleet_file import Fleet, load_fleet
from vigiposte import app, build_services

PASSWORD = "correct horse battery"
PEOPLE = {"vera": Role.VIEWER, "ernest": Role.ERGONOMIST, "oscar": Role.OPERATOR}
WEEK = "week=2026-W47"


def site_text(name: str) -> str:
    return (
        f'schema = 1\n[site]\nid = "{name}"\nlabel = "{name.title()}"\ntimezone = "Europe/Paris"\n'
        '[store]\nurl = "lake:./lake"\n[[shifts]]\nid = "day"\nstart = "08:00"\nend = "16:00"\n'
        '[[campaigns]]\nid = "c"\nfrom = 2026-11-16\nto = 2026-11-20\npurpose = "test"\nsimulation = true\n'
        '[[workstations]]\nid = "w0"\nlabel = "W 0"\nshifts = ["day"]\n'
        '[[sensors]]\nid = "mic"\nkind = "noise"\norigin = "simulated"\n'
        '[[placements]]\nsensor = "mic"\nworkstation = "w0"\nmount = "fixed"\nfrom = 2026-11-16T00:00:00\n'
        '[[sensors]]\nid = "dosi"\nkind = "noise"\norigin = "simulated"\n'
        '[[placements]]\nsensor = "dosi"\nworkstation = "w0"\nmount = "shoulder"\n'
        "from = 2026-11-16T00:00:00\n"
    )


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Two sites in which nothing was measured, with an account of each role and one for Lyon only."""
    rows = ['schema = 1\n[fleet]\nid = "group"\nlabel = "Group"\nlanguage = "en"\n']
    for name in ("lyon", "arras"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "site.toml").write_text(site_text(name), encoding="utf-8")
        rows.append(f'[[sites]]\nfile = "{name}/site.toml"\nlabel = "{name.title()}"\n')
    path = tmp_path / "fleet.toml"
    path.write_text("".join(rows), encoding="utf-8")
    found = load_fleet(path)
    accounts = fleet_accounts(found)
    for name, role in PEOPLE.items():
        accounts.add(name, role, PASSWORD)
    accounts.add("lea", Role.VIEWER, PASSWORD, ["lyon"])
    return found


def application(fleet: Fleet, **settings: Any) -> FastAPI:
    services = build_services()
    extra = services.extra
    source = FleetSource(
        fleet,
        extra["fleet_result"],
        extra["fleet_site"],
        lambda book: extra["survey"](book, lambda: services.open_store(book)),
        extra["log_access"],
    )
    return create_fleet_app(source, WebSettings(accounts=fleet_accounts(fleet), **settings))


class Browser:
    """A browser without a network: cookies are kept, redirections are not followed."""

    def __init__(self, made: FastAPI) -> None:
        self._made = made
        self._cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._made, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8050", cookies=self._cookies
            ) as client:
                answer = await client.request(method, path, **options)
                self._cookies = client.cookies
                return answer

        # In a thread of its own: the browser of other tests has a loop of its own in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(once())).result()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers={"accept": "text/html", **headers})

    def token(self, page: str) -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert found, page[:300]
        return found[1]

    def log_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        form = {"name": name, "password": password, "token": self.token(self.get("/login").text)}
        return self.ask("POST", "/login", data=form)


@pytest.fixture
def made(fleet: Fleet) -> FastAPI:
    return application(fleet)


def seated(made: FastAPI, name: str) -> Browser:
    browser = Browser(made)
    assert browser.log_in(name).status_code == 303
    return browser


def logged(fleet: Fleet, number: int) -> list[dict[str, Any]]:
    path = fleet.sites[number].book.folder / "access.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(json.loads(line)["body"]) for line in lines]


def test_a_stranger_gets_to_the_door_only(made: FastAPI) -> None:
    stranger = Browser(made)
    for path in ("/", "/site/lyon", "/sensors"):
        sent = stranger.get(f"{path}?{WEEK}")
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/login?next=")
        assert stranger.get(path, accept="application/json").status_code == 401
    assert stranger.get("/login?lang=fr").status_code == 200


@pytest.mark.parametrize(
    ("name", "open_pages"),
    [("vera", {"/", "/site/lyon"}), ("ernest", {"/", "/site/lyon", "/sensors"}), ("oscar", {"/sensors"})],
)
def test_each_role_opens_its_pages_and_is_told_of_the_others(
    made: FastAPI, fleet: Fleet, name: str, open_pages: set[str]
) -> None:
    browser = seated(made, name)
    for path in ("/", "/site/lyon", "/sensors"):
        answer = browser.get(f"{path}?{WEEK}&lang=en")
        if path not in open_pages:
            assert answer.status_code == 403, path
            assert "not open to your role" in answer.text
        elif path == "/site/lyon":
            assert answer.status_code == 404, "nothing was measured"
        else:
            assert answer.status_code == 200, path
            assert f"{name} ({PEOPLE[name].value})" in answer.text
        assert {header.lower() for header in HEADERS} <= set(answer.headers)
    refused = [row for row in logged(fleet, 0) if row["event"] == "page_refused"]
    assert bool(refused) == (len(open_pages) < 3)


def test_an_operator_is_told_of_fixed_sensors_only(made: FastAPI, fleet: Fleet) -> None:
    def sensors(name: str) -> str:
        page = seated(made, name).get("/sensors").text
        return str(re.findall(r'<th scope="row">Lyon</th><td class="nb">(\d+)</td>', page)[0])

    assert (sensors("oscar"), sensors("ernest")) == ("1", "2")
    assert {row["event"] for row in logged(fleet, 1)} >= {"login", "sensor_health_access"}


def test_an_account_of_one_site_sees_no_other(made: FastAPI, fleet: Fleet) -> None:
    lea = seated(made, "lea")
    page = lea.get(f"/?{WEEK}").text
    assert "Lyon" in page
    assert "Arras" not in page
    for path in ("/site/arras", "/site/nowhere"):
        told = lea.get(f"{path}?{WEEK}")
        assert told.status_code == 404
        assert "arras" not in told.text.replace("/site/arras", "").replace("value", "").split("rule")[-1]
    assert [row["event"] for row in logged(fleet, 0)] == ["login"]
    assert logged(fleet, 1) == []


def test_forged_forms_and_guessing_are_refused(made: FastAPI, fleet: Fleet) -> None:
    browser = seated(made, "vera")
    assert browser.ask("POST", "/logout", data={"token": "0" * 64}).status_code == 403
    foreign = {"origin": "http://evil.example"}
    assert browser.ask("POST", "/logout", data={"token": "x"}, headers=foreign).status_code == 403
    assert browser.get("/", host="evil.example").status_code == 421
    page = browser.get(f"/?{WEEK}").text
    left = browser.ask("POST", "/logout", data={"token": browser.token(page)})
    assert left.headers["location"] == "/login"
    assert browser.get("/").status_code == 303
    guesses = [Browser(made).log_in("oscar", "wrong").status_code for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    assert [row["event"] for row in logged(fleet, 1)].count("login_failed") == 5


def test_every_address_of_the_fleet_answers_whatever_it_is_asked(made: FastAPI) -> None:
    browser = seated(made, "ernest")
    paths = browser.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/", "/site/{identifier}", "/sensors", "/login", "/logout", "/favicon.ico"}
    odd = ("x", "é%00", "..%2f..%2fsite.toml", "2026-W99", "'\"<script>", "9" * 300, "")
    for path in paths:
        for value in odd:
            where = path.replace("{identifier}", value or "-")
            for query in (f"lang={value}", f"week={value}", f"next={value}&lang=fr"):
                answer = browser.get(f"{where}?{query}")
                assert answer.status_code in (200, 303, 400, 403, 404, 405), (where, query, answer.text)
                assert "<script>" not in answer.text
                assert {header.lower() for header in HEADERS} <= set(answer.headers)


def test_the_network_needs_accounts_or_a_password(fleet: Fleet) -> None:
    application(fleet, host="0.0.0.0")  # noqa: S104 - accounts stand in front of it
    fleet_accounts(fleet).path.unlink()
    with pytest.raises(ConfigurationError, match="open to the network"):
        application(fleet, host="0.0.0.0")  # noqa: S104
    shared = Browser(application(fleet, secret=PASSWORD))
    assert shared.get("/sensors").status_code == 303
    assert shared.log_in("", PASSWORD).status_code == 303
    assert shared.get("/sensors").status_code == 200


def test_accounts_of_a_fleet_are_made_on_the_command_line(fleet: Fleet) -> None:
    where = ["--fleet", str(fleet.path)]

    def run(*arguments: str, typed: str = "") -> Any:
        return CliRunner().invoke(app, ["accounts", *arguments, *where], input=typed)

    made = run("add", "paul", "--role", "viewer", "--sites", "arras", typed=f"{PASSWORD}\n")
    assert made.stdout == "paul\tviewer\tarras\n"
    assert fleet_accounts(fleet).get("paul").sites == ("arras",)
    assert [row["event"] for row in logged(fleet, 1)] == ["account_added"]
    assert logged(fleet, 0) == []
    assert "no such site" in str(run("add", "p2", "--role", "viewer", "--sites", "x", typed="y\n").exception)
    assert [row["name"] for row in json.loads(run("list", "--json").stdout)["accounts"]][-1] == "vera"
    assert run("password", "paul", typed="another long password\n").exit_code == 0
    assert fleet_accounts(fleet).get("paul").sites == ("arras",)
    assert run("remove", "paul").exit_code == 0
    assert "paul" not in fleet_accounts(fleet).all()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_of_a_fleet_are_accessible_and_fetch_nothing(
    made: FastAPI, browser: Any, language: str
) -> None:
    ernest, page = seated(made, "ernest"), browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    for path in (f"/?{WEEK}", "/sensors?", "/site/nowhere?"):
        page.set_content(ernest.get(f"{path}&lang={language}").text)
        assert page.get_attribute("html", "lang") == language
        assert [item["id"] for item in Axe().run(page).response["violations"]] == []
    assert [url for url in asked if not url.startswith("data:")] == []
    page.close()


def test_a_site_left_out_is_named_on_both_pages_and_has_none_of_its_own(
    fleet: Fleet, browser: Any, tmp_path: Path
) -> None:
    (tmp_path / "arras" / "site.toml").write_text('schema = 1\n[site]\nid = "arras"\n', encoding="utf-8")
    made = application(load_fleet(fleet.path))
    ernest, page = seated(made, "ernest"), browser.new_page()
    for path in (f"/?{WEEK}", "/sensors?"):
        page.set_content(ernest.get(f"{path}&lang=en").text)
        told = page.inner_text("[role=note]")
        assert "Arras: Left out" in told
        assert "vigiposte check --site arras/site.toml" in told
        assert page.locator("main a[href*='/site/arras']").count() == 0
        assert [item["id"] for item in Axe().run(page).response["violations"]] == []
    page.close()
    assert ernest.get("/site/arras").status_code == 404
    lea = seated(made, "lea")
    assert "Arras" not in lea.get(f"/?{WEEK}&lang=en").text
