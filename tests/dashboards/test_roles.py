"""Accounts, roles, sessions and personal links, on a dashboard that runs."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from dashboards.web.accounts import AccountFile, Role
from dashboards.web.roles import HOME, PAGE_ROLES, page_of, roles_of
from dashboards.web.sessions import Attempts, Sessions
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.governance.personal_link import make_link, read_link
from indicators.model import Audience, WeeklyResult
from sensors.errors import ConfigurationError, GovernanceError, UsageError
from vigiposte import app as command_line

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]
PASSWORD = "correct horse battery"
NAMES = {"vera": Role.VIEWER, "ernest": Role.ERGONOMIST, "oscar": Role.OPERATOR}
# A page of each kind, and who may open it.
PAGES = {
    "/": {"vera", "ernest"},
    "/station/presse-1": {"vera", "ernest"},
    "/why/presse-1/lex_8h": {"vera", "ernest"},
    "/curve/presse-1": {"vera", "ernest"},
    "/data/presse-1?trace=sl-01.laeq": {"vera", "ernest"},
    "/report/file.csv": {"vera", "ernest"},
    "/plan": {"vera", "ernest"},
    "/sensors": {"ernest", "oscar"},
}
WRITTEN: list[tuple[str, Mapping[str, Any]]] = []


def form_token(client: httpx.Client, page: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(page).text)
    assert found, page
    return found[1]


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, back: str = "/") -> httpx.Response:
    form = {"token": form_token(client, "/login"), "name": name, "password": password, "back": back}
    return client.post("/login", data=form, follow_redirects=False)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> AccountFile:
    made = AccountFile(tmp_path_factory.mktemp("accounts") / "accounts.json")
    for name, role in NAMES.items():
        made.add(name, role, PASSWORD)
    return made


def logged(source: SiteSource) -> SiteSource:
    source.extra = {"log_access": lambda _book, event, details: WRITTEN.append((event, details))}
    return source


@pytest.fixture(scope="module")
def client(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, accounts: AccountFile
) -> Iterator[httpx.Client]:
    with serve(logged(make_source(plant)), WebSettings(accounts=accounts)) as found:
        yield found


@pytest.fixture(scope="module")
def seats(client: httpx.Client) -> Iterator[Mapping[str, httpx.Client]]:
    """One browser for each account, logged in."""
    opened = {name: httpx.Client(base_url=client.base_url, timeout=60.0) for name in NAMES}
    for name, browser in opened.items():
        assert log_in(browser, name).status_code == 303
    yield opened
    for browser in opened.values():
        browser.close()


@pytest.fixture
def another(client: httpx.Client) -> Iterator[Callable[..., httpx.Client]]:
    """Factory: another browser on the same dashboard."""
    opened: list[httpx.Client] = []

    def open_one(**cookies: str) -> httpx.Client:
        opened.append(httpx.Client(base_url=client.base_url, cookies=cookies, timeout=60.0))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.close()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", NAMES)
def test_each_role_opens_its_own_pages_only(seats: Mapping[str, httpx.Client], name: str, page: str) -> None:
    answer = seats[name].get(page)
    if name in PAGES[page]:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 403
        assert "rôle" in answer.text or page.startswith("/data")
        assert "Presse 1" not in answer.text


def test_nobody_is_in_without_logging_in(another: Callable[..., httpx.Client]) -> None:
    stranger = another()
    for page in PAGES:
        assert stranger.get(page).status_code == 401
        shown = stranger.get(page, headers={"accept": "text/html"})
        assert shown.headers["location"].startswith("/login?next=")
    assert stranger.get("/", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 401
    assert stranger.get("/openapi.json").status_code == 401


def test_operators_see_nothing_of_worn_sensors(seats: Mapping[str, httpx.Client]) -> None:
    shown = seats["oscar"].get("/sensors").text
    assert "SL-01" in shown
    assert "DB-07" not in shown
    assert "db-07" not in shown
    assert "portés ne sont pas montrés" in shown
    with seats["oscar"].stream("GET", "/events") as stream:
        event = next(line for line in stream.iter_lines() if line.startswith("data:"))
    assert set(json.loads(event[5:])["sensors"]) == {"sl-01", "th-14"}
    assert "DB-07" in seats["ernest"].get("/sensors").text


def test_navigation_offers_what_the_role_opens(seats: Mapping[str, httpx.Client]) -> None:
    def offered(name: str, page: str) -> set[str]:
        nav = re.search(r"<nav.*?</nav>", seats[name].get(page).text, re.DOTALL)
        assert nav
        return {page_of(link.partition("?")[0]) for link in re.findall(r'href="([^"]+)"', nav[0])}

    assert offered("oscar", "/sensors") == {"sensors"}
    assert "sensors" not in offered("vera", "/")
    assert {"", "sensors", "report"} <= offered("ernest", "/")


# Written down a second time on purpose: who may do what at each kind of address, by method.
MATRIX: Mapping[str, Mapping[str, set[str]]] = {
    **{
        page: {"get": {"vera", "ernest"}}
        for page in ("", "station", "curve", "data", "distribution", "contributions", "compare", "why")
    },
    **{page: {"get": {"vera", "ernest"}} for page in ("actions", "plan", "report")},
    "situations": {"get": {"vera", "ernest"}, "post": {"vera", "ernest"}},
    "exclude": {"post": {"ernest"}},
    "calibrate": {"get": {"ernest"}, "post": {"ernest"}},
    "sensors": {"get": {"ernest", "oscar"}},
    "events": {"get": {"ernest", "oscar"}},
}
# Needed before anybody is in, or guarded by a secret of their own; each has tests of its own.
OPEN = {"login", "logout", "my", "favicon.ico", "static-plots.css"}


def test_every_address_of_the_application_asks_for_a_role(
    seats: Mapping[str, httpx.Client], another: Callable[..., httpx.Client]
) -> None:
    addresses = seats["oscar"].get("/openapi.json").json()["paths"]
    assert len(addresses) > 18
    stranger = another()
    tokens = {name: form_token(browser, HOME[NAMES[name]]) for name, browser in seats.items()}
    asked = 0
    for address, methods in addresses.items():
        page = page_of(address)
        assert page in PAGE_ROLES, f"{address} has no roles yet"
        if page in OPEN:
            continue
        where = re.sub(r"\{name\}", "csv", re.sub(r"\{identifier\}|\{indicator_id\}", "presse-1", address))
        for method in methods:
            allowed = MATRIX[page][method]
            assert stranger.request(method, where).status_code == 401, (method, where)
            for name, browser in seats.items():
                if page == "events" and name in allowed:
                    continue
                form = {"token": tokens[name]} if method == "post" else None
                status = browser.request(method, where, data=form).status_code
                assert (status == 403) == (name not in allowed), (name, method, where, status)
                asked += 1
    assert asked > 60
    assert {page_of(address) for address in addresses} - OPEN == set(MATRIX)
    assert roles_of("a page of tomorrow") == {Role.ERGONOMIST}


def test_a_viewer_cannot_change_anything(seats: Mapping[str, httpx.Client]) -> None:
    form = {
        "token": form_token(seats["vera"], "/"),
        "sensor": "sl-01",
        "start": "2026-11-16T09:10",
        "end": "2026-11-16T09:33",
        "reason": "r",
    }
    assert seats["vera"].post("/exclude/presse-1", data=form).status_code == 403


@pytest.mark.parametrize("path", ["/login", "/logout", "/exclude/presse-1"])
def test_a_change_needs_the_token_of_a_form(seats: Mapping[str, httpx.Client], path: str) -> None:
    form = {"name": "ernest", "password": PASSWORD, "sensor": "sl-01", "reason": "r"}
    for token in ({}, {"token": "0" * 64}, {"token": "é"}, {"token": form_token(seats["vera"], "/")}):
        assert seats["ernest"].post(path, data=form | token).status_code == 403
    elsewhere = {"origin": "https://evil.example"}
    good = {"token": form_token(seats["ernest"], "/")}
    assert seats["ernest"].post(path, data=form | good, headers=elsewhere).status_code == 403
    assert seats["ernest"].post(path, data=form | good | {"who": "x" * 70_000}).status_code == 413
    assert seats["ernest"].post(path, content=iter([b"token=1"])).status_code == 411


def test_the_session_is_new_at_login_and_over_at_logout(another: Callable[..., httpx.Client]) -> None:
    first = log_in(another(vigiposte_session="chosen-by-an-attacker"), "vera")
    cookies = first.headers.get_list("set-cookie")
    session = next(line for line in cookies if line.startswith("vigiposte_session="))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    assert "Max-Age=28800" in session
    token = session.split("=", 1)[1].split(";")[0]
    assert len(token) >= 43
    assert another(vigiposte_session="chosen-by-an-attacker").get("/").status_code == 401
    browser = another()
    log_in(browser, "vera")
    old, before = browser.cookies["vigiposte_session"], form_token(browser, "/")
    assert log_in(browser, "vera").status_code == 303
    assert form_token(browser, "/") != before
    assert another(vigiposte_session=old).get("/").status_code == 401, "a new login ends the old session"
    kept = browser.cookies["vigiposte_session"]
    assert browser.post("/logout", data={"token": form_token(browser, "/")}).status_code == 303
    assert another(vigiposte_session=kept).get("/").status_code == 401


def test_logging_in_leads_to_a_page_of_the_role(another: Callable[..., httpx.Client]) -> None:
    browser = another()
    assert log_in(browser, "oscar", back="/station/presse-1").headers["location"] == "/sensors"
    assert (
        log_in(browser, "vera", back="/report?week=2026-W46").headers["location"] == "/report?week=2026-W46"
    )
    assert log_in(browser, "vera", back="/\r\nSet-Cookie: x=1").headers["location"] == "/"


def test_guessing_one_account_does_not_shut_out_another(another: Callable[..., httpx.Client]) -> None:
    browser = another()
    statuses = [log_in(browser, "nobody", "guess").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert log_in(browser, "vera").status_code == 303


def test_a_removed_account_and_a_new_password_end_the_sessions(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, tmp_path: Path
) -> None:
    own = AccountFile(tmp_path / "accounts.json")
    own.add("vera", Role.VIEWER, PASSWORD)
    with serve(make_source(plant), WebSettings(accounts=AccountFile(own.path))) as browser:
        log_in(browser, "vera")
        assert browser.get("/").status_code == 200
        own.change_password("vera", "another long password")
        assert browser.get("/").status_code == 401
        log_in(browser, "vera", "another long password")
        assert browser.get("/").status_code == 200
        own.remove("vera")
        assert browser.get("/").status_code == 401, "the last account gone: still shut"
        own.path.chmod(0o644)
        assert browser.get("/").status_code == 503


def test_the_ungated_dashboard_admits_ergonomists_and_logs_each_look(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, accounts: AccountFile
) -> None:
    source = logged(make_source(plant, Audience.ANALYST))
    del WRITTEN[:]
    with serve(source, WebSettings(audience=Audience.ANALYST, accounts=accounts)) as browser:
        assert log_in(browser, "vera").status_code == 303
        assert browser.get("/").status_code == 403
        log_in(browser, "ernest")
        for _ in range(2):
            assert "ne pas diffuser" in browser.get("/station/presse-1").text
        browser.get("/data/presse-1?trace=db-07.laeq")
    assert ("page_refused", {"by": "vera", "what": "week"}) in WRITTEN
    looks = [details for event, details in WRITTEN if event == "analyst_access"]
    assert looks.count({"by": "ernest", "what": "/station/presse-1"}) == 1
    assert {"by": "ernest", "what": "/data/presse-1 db-07.laeq"} in looks
    assert ("login", {"by": "ernest", "role": "ergonomist"}) in WRITTEN


def test_accounts_are_kept_hashed_and_private(accounts: AccountFile, tmp_path: Path) -> None:
    assert stat.S_IMODE(accounts.path.stat().st_mode) == 0o600
    text = accounts.path.read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert text.count("$argon2id$") == 3
    assert accounts.check("vera", PASSWORD) == accounts.get("vera")
    assert accounts.check("vera", "wrong") is None
    copy = AccountFile(tmp_path / "copy.json")
    copy.path.write_text(text, encoding="utf-8")
    copy.path.chmod(0o640)
    with pytest.raises(ConfigurationError) as caught:
        copy.all()
    assert caught.value.code == "accounts_readable_by_others"
    copy.path.chmod(0o600)
    copy.path.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        copy.all()
    assert caught.value.code == "accounts_damaged"


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("Vera", Role.VIEWER, PASSWORD, "account_name"),
        ("vera", Role.VIEWER, PASSWORD, "account_exists"),
        ("new", Role.VIEWER, "short", "password_short"),
        ("newcomer", Role.VIEWER, "newcomer2026", "password_is_name"),
        ("new", Role.WORKER, PASSWORD, "worker_account"),
    ],
)
def test_accounts_are_refused_with_the_reason(
    accounts: AccountFile, name: str, role: Role, password: str, code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        accounts.add(name, role, password)
    assert caught.value.code == code


def test_sessions_and_attempts_keep_their_time() -> None:
    now = [0.0]
    sessions = Sessions(3600.0, clock=lambda: now[0])
    token = sessions.open("vera", "f")
    now[0] = 3599.0
    assert sessions.find(token)
    now[0] = 3600.0
    assert sessions.find(token) is None
    attempts = Attempts(by_name=2, by_address=3, clock=lambda: now[0])
    assert [attempts.admit("a", "here") for _ in range(3)] == [True, True, False]
    assert [attempts.admit(name, "here") for name in "bc"] == [True, False]
    now[0] += 61.0
    assert attempts.admit("a", "here")
    attempts.forgive("a", "here")
    assert [attempts.admit("a", "here") for _ in range(2)] == [True, True]


KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_a_link_opens_for_its_wearer_until_it_expires() -> None:
    link, token = make_link(KEY, "p-one2", NOW + timedelta(days=7))
    assert read_link(KEY, token, NOW) == link
    assert link.wearer == "p-one2"
    with pytest.raises(GovernanceError) as caught:
        read_link(KEY, token, NOW + timedelta(days=7))
    assert caught.value.code == "link_expired"
    _, other = make_link(KEY, "p-two2", NOW + timedelta(days=7))
    body, signature = token.split(".")
    forged = [
        f"{other.split('.')[0]}.{signature}",
        f"{body}.",
        body,
        "",
        "é.é",
        f"{body}.{signature}=",
        token + "A",
    ]
    for wrong in forged:
        with pytest.raises(GovernanceError) as caught:
            read_link(KEY, wrong, NOW)
        assert caught.value.code == "link_invalid"
    with pytest.raises(GovernanceError):
        read_link(OTHER, token, NOW)


def run(folder: Path, *arguments: str, typed: str = "") -> Any:
    return CliRunner().invoke(command_line, [*arguments, "--site", str(folder / "site.toml")], input=typed)


def test_commands_manage_accounts_and_write_them_down(plant_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(plant_folder, folder)
    none = run(folder, "accounts", "list")
    assert (none.stdout, none.exit_code) == ("", 0)
    assert "vigiposte accounts add" in none.stderr
    made = run(folder, "accounts", "add", "vera", "--role", "viewer", typed=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.stderr
    assert made.stdout == "vera\tviewer\n"
    assert stat.S_IMODE((folder / "accounts.json").stat().st_mode) == 0o600
    listed = json.loads(run(folder, "accounts", "list", "--json").stdout)
    assert [(row["name"], row["role"]) for row in listed["accounts"]] == [("vera", "viewer")]
    assert run(folder, "accounts", "password", "vera", typed="another long password\n").exit_code == 0
    assert AccountFile(folder / "accounts.json").check("vera", "another long password")
    assert isinstance(run(folder, "accounts", "add", "x", "--role", "boss").exception, UsageError)
    assert run(folder, "accounts", "remove", "vera").exit_code == 0
    log = (folder / "access.jsonl").read_text(encoding="utf-8")
    for event in ("account_added", "account_password_changed", "account_removed"):
        assert event in log
    assert "another long password" not in log
    assert isinstance(run(folder, "accounts", "link", "p-nobody1").exception, GovernanceError)
