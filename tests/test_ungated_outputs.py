"""Every way out of the program is searched for the true values of two wearers, and for their pseudonyms."""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pypdf import PdfReader
from typer.testing import CliRunner

from dashboards.web.accounts import AccountFile, Role
from dashboards.web.app import create_app
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.comparison import compare_periods
from indicators.explain import explain
from indicators.model import Audience
from ingest.store import open_store
from tests.two_wearers import CROWD, HELD, SHOWN, SITE, WEARERS, WEEK, files_below, fill, run, spoken
from vigiposte import app, build_services

DATES = "before_from=2026-11-09&before_to=2026-11-15&after_from=2026-11-16&after_to=2026-11-22"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ungated") / "site"
    place.mkdir()
    fill(place)
    assert run(place, "reduce").code == 0
    return place


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same plant, but the two wearers have 4 dB more and bend 9° deeper."""
    place = tmp_path_factory.mktemp("ungated-twin") / "site"
    place.mkdir()
    fill(place, louder_db=4.0, deeper_deg=9.0)
    assert run(place, "reduce").code == 0
    return place


def numbers_in(document: Any) -> Iterator[float]:
    if isinstance(document, Mapping):
        for value in document.values():
            yield from numbers_in(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from numbers_in(value)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield float(document)


def spellings(value: float) -> set[str]:
    """How a number may be written, from one decimal to all it has, in both languages."""
    found = {f"{value:.{places}f}" for places in range(1, 8)} | {repr(value)}
    return found | {text.replace(".", ",") for text in found}


@pytest.fixture(scope="module")
def secrets(folder: Path, twin: Path, tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """True values of the withheld workstation, as the analyst sees them, that nothing else explains."""
    copy = folder.with_name("analyst")
    shutil.copytree(folder, copy)
    store = open_store("lake:./lake", base=copy)
    services = build_services()
    book = services.load_site(copy / "site.toml")
    from sensors.periods import date_period

    true: set[float] = set()
    plain: set[float] = set()
    for period in (date_period("2026-11-16", "2026-11-22"), date_period("2026-11-09", "2026-11-15")):
        result = services.weekly_result(book, store, period, "analyst")
        for station in result.workstations:
            for factor in station.factors:
                for item in factor.indicators:
                    bounds = () if item.interval is None else (item.interval.low, item.interval.high)
                    ratios = [row.ratio for row in item.limits if row.ratio is not None]
                    found = {item.value, *bounds, *ratios, *numbers_in(item.details)} - {None}
                    (true if station.id == HELD and item.worn else plain).update(map(float, found))
                    plain.update(row.limit.value for row in item.limits)
    store.close()
    known = {text for value in plain for text in spellings(value)}
    # Round figures (shares of 0 and 100 %, whole minutes) stand in any document.
    telling = {
        value
        for value in true
        if math.isfinite(value) and abs(value) > 2 and not float(round(value, 1)).is_integer()
    }
    texts = {text for value in telling for text in spellings(value)} - known
    # Numbers that a plan writes for the twin too are its own arithmetic.
    out = tmp_path_factory.mktemp("plan")
    assert run(twin, "plan", "--out", str(out)).code == 0
    texts -= numbers_written("\n".join(text for _, text in files_below(out)))
    texts -= numbers_written(run(twin, "plan").out + run(twin, "plan", "--lang", "fr").out)
    assert len(texts) > 200
    return frozenset(texts)


_NUMBERS = (re.compile(r"(?<![\w.])\d+\.\d+(?!\d)"), re.compile(r"(?<![\w,])\d+,\d+(?!\d)"))


def numbers_written(text: str) -> set[str]:
    return {number for pattern in _NUMBERS for number in pattern.findall(text)}


def leaks(content: str | bytes, secrets: frozenset[str]) -> list[str]:
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    found = [word for word in (*WEARERS, *CROWD, "zqmicrophone") if word in text]
    return found + sorted(numbers_written(text) & secrets)


def same_words(text: str, place: Path) -> str:
    """`text` without the folder and without moments of the clock, which two runs cannot share."""
    text = text.replace(str(place), "FOLDER")
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(?:\+00:00|Z)?", "MOMENT", text)


def test_the_search_finds_what_the_analyst_sees(
    folder: Path, secrets: frozenset[str], tmp_path: Path
) -> None:
    copy = tmp_path / "site"
    shutil.copytree(folder, copy)
    analyst = run(copy, "indicators", *WEEK, "--audience", "analyst", "--json")
    assert len(leaks(analyst.out, secrets)) > 20
    assert leaks(run(copy, "indicators", *WEEK, "--audience", "analyst").out, secrets)
    said = run(copy, "explain", HELD, "lex_8h", *WEEK, "--audience", "analyst", "--json")
    assert set(WEARERS) <= set(leaks(said.out, secrets))
    out = tmp_path / "out"
    for form in ("pdf", "xlsx"):
        refused = run(
            copy, "report", *WEEK, "--audience", "analyst", "--format", f"html,{form}", "--out", str(out)
        )
        assert "not for circulation" in refused.error
        assert not out.exists()
    forms = "html,csv,json"
    assert run(copy, "report", *WEEK, "--audience", "analyst", "--format", forms, "--out", str(out)).code == 0
    for name, text in files_below(out):
        assert leaks(text, secrets), name
        assert "not for circulation" in text, name
    events = [json.loads(line) for line in (copy / "access.jsonl").read_text().splitlines()]
    assert sum('"analyst_access"' in event["body"] for event in events) >= 4
    assert not (copy / "published.jsonl").exists()


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("indicators", *WEEK),
    ("indicators", *WEEK, "--json"),
    ("indicators", *WEEK, "--workstation", HELD),
    ("indicators", *WEEK, "--workstation", HELD, "--json", "--lang", "fr"),
    ("indicators", "--from", "2026-11-17", "--to", "2026-11-17", "--json"),
    ("indicators", "--from", "2026-11-09", "--to", "2026-11-22", "--json"),
    ("indicators", *WEEK, "--audience", "wide", "--json"),
    ("explain", HELD, "lex_8h", *WEEK),
    ("explain", SHOWN, "lex_8h", *WEEK, "--audience", "wide", "--json"),
    ("explain", HELD, "lex_8h", *WEEK, "--json"),
    ("explain", HELD, "trunk_flexion_ge20_share", *WEEK, "--json"),
    ("explain", SHOWN, "lex_8h", *WEEK, "--json"),
    ("explain", HELD, "no_such_indicator", *WEEK),
    ("what-if", HELD, *WEEK, "--hours", "4"),
    ("what-if", HELD, *WEEK, "--hours", "4", "--json"),
    (
        "compare",
        "--workstation",
        HELD,
        "--before",
        "2026-11-09..2026-11-15",
        "--after",
        "2026-11-16..2026-11-22",
    ),
    (
        *("compare", "--workstation", SHOWN, "--control", HELD, "--before", "2026-11-09..2026-11-15"),
        *("--after", "2026-11-16..2026-11-22", "--json"),
    ),
    ("what-if", HELD, "--quieter", "3", *WEEK),
    ("what-if", SHOWN, "--quieter", "3", *WEEK, "--json"),
    ("annex", *WEEK),
    ("annex", *WEEK, "--json"),
    ("status",),
    ("status", "--json"),
    ("check",),
    ("plan", "--json"),
    ("plan", "--workstation", HELD),
    *(("notice", "--paper", paper) for paper in ("notice", "dpia", "cse", "register")),
    ("notice", "--lang", "fr", "--json"),
    ("my-data", "p-nobody9x"),
    ("withdraw", "p-nobody9x", "--dry-run"),
    ("purge", "--dry-run"),
    ("purge", "--dry-run", "--include-simulated", "--json"),
    ("accounts", "list", "--json"),
    ("accounts", "link", WEARERS[0]),
    ("pseudonyms", "identify", "c", WEARERS[0], "--reason", "r"),
    ("doctor",),
    ("indicators", *WEEK, "--audience", "everybody"),
    ("export", "--sensor", "trunk-1", *WEEK),
    ("export", "--sensor", "dosi-1", *WEEK, "--data", "minutes"),
    ("export", "--sensor", "no-such-sensor", *WEEK),
    ("indicators", "--week", "2026-W20"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_tells(
    folder: Path, twin: Path, arguments: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = {place: run(place, *arguments).all for place in (folder, twin)}
    assert answers[folder].strip()
    assert same_words(answers[folder], folder) == same_words(answers[twin], twin)
    assert leaks(answers[folder] + caplog.text, frozenset()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", *WEEK, "--format", "html,pdf,csv,xlsx,json", "--lang", "en"),
        ("report", *WEEK, "--format", "html", "--lang", "fr"),
        ("report", *WEEK, "--format", "html,csv", "--audience", "wide"),
        ("report", *WEEK, "--format", "html,pdf", "--restitution"),
        ("annex", *WEEK, "--format", "csv,xlsx,json"),
        ("annex", *WEEK, "--format", "csv", "--audience", "wide"),
        ("export", *WEEK, "--format", "csv"),
        ("export", *WEEK, "--data", "minutes"),
        ("plan",),
        ("grafana",),
    ],
    ids=" ".join,
)
def test_no_file_tells(
    folder: Path, twin: Path, secrets: frozenset[str], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    written = []
    for place, name in ((folder, "a"), (twin, "b")):
        answer = run(place, *arguments, "--out", str(tmp_path / name))
        assert answer.code == 0, answer.all
        written.append({path: same_words(text, place) for path, text in files_below(tmp_path / name)})
    assert written[0]
    for name, text in written[0].items():
        assert text == written[1][name], name
        assert leaks(text, secrets) == [], name


def test_a_fleet_tells_nothing(folder: Path, twin: Path, secrets: frozenset[str], tmp_path: Path) -> None:
    made: list[dict[str, str]] = []
    for place in (folder, twin):
        fleet, out = tmp_path / f"{len(made)}.toml", tmp_path / f"out-{len(made)}"
        fleet.write_text(
            'schema = 1\n[fleet]\nid = "group"\nlabel = "Group"\nlanguage = "en"\n'
            f'[[sites]]\nfile = "{place / "site.toml"}"\n',
            encoding="utf-8",
        )
        said = {}
        for arguments in (
            ("indicators",),
            ("indicators", "--json"),
            ("report", "--format", "html,pdf,csv,xlsx,json", "--out", str(out)),
            ("annex", "--format", "csv,json", "--out", str(out)),
            ("annex", "--json"),
            ("annex", "--audience", "wide"),
        ):
            answer = CliRunner().invoke(app, [*arguments, *WEEK, "--fleet", str(fleet)])
            assert answer.exit_code == 0, answer.stderr
            said[" ".join(arguments[:2])] = answer.stdout.replace(str(out), "OUT")
        made.append({name: same_words(text, place) for name, text in (said | dict(files_below(out))).items()})
    assert len(made[0]) > 3
    assert set(made[0]) == set(made[1])
    for name, text in made[0].items():
        assert text == made[1][name], name
        assert leaks(text, secrets) == [], name


def test_five_wearers_are_enough_for_the_site_and_too_few_beyond_it(folder: Path, tmp_path: Path) -> None:
    def shown(*arguments: str) -> Any:
        stations = json.loads(run(folder, "indicators", *WEEK, "--json", *arguments).out)["workstations"]
        return next(row for row in stations if row["id"] == SHOWN)

    assert any(part["factor"] == "noise" for part in shown()["factors"])
    wide = shown("--audience", "wide")
    assert wide["withheld"]["minimum"] == 10
    assert not any(part["factor"] == "noise" for part in wide["factors"])
    out = tmp_path / "wide"
    assert run(folder, "report", *WEEK, "--audience", "wide", "--format", "html", "--out", str(out)).code == 0
    (name, text), *_ = files_below(out)
    assert name == "plant-2026-W47-wide-en.html"
    assert "at least 10 wearers" in text
    for command in ("publish", "annex"):
        assert "always gated" in run(folder, command, *WEEK, "--audience", "analyst").error


def test_what_if_tells_the_analyst_only(folder: Path, secrets: frozenset[str], tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(folder, copy)
    changes = (("--hours", "0.2"), ("--quieter", "3"))
    for change in changes:
        told = run(copy, "what-if", HELD, *WEEK, *change, "--audience", "analyst", "--json")
        assert leaks(told.out, secrets), "the analyst does see the level of the two"
        assert "group too small" in run(copy, "what-if", HELD, *WEEK, *change, "--lang", "en").all
        for circle in ("report", "wide"):
            for form in ((), ("--json",), ("--lang", "fr")):
                held = run(copy, "what-if", HELD, *WEEK, *change, "--audience", circle, *form)
                assert held.code != 0 or "lex" not in held.out.lower()
                assert leaks(held.all, secrets) == []
        shown = run(copy, "what-if", SHOWN, *WEEK, *change, "--json")
        assert json.loads(shown.out)["shifts"][0]["before"]["lex_8h_db"] == pytest.approx(57, abs=3)
        assert leaks(shown.all, secrets) == []
        assert run(copy, "what-if", SHOWN, *WEEK, *change, "--audience", "wide").code != 0


def test_published_rollups_tell_nothing(folder: Path, secrets: frozenset[str], tmp_path: Path) -> None:
    answer = run(folder, "publish", *WEEK, "--store", f"lake:{tmp_path / 'lake'}", "--json")
    assert answer.code == 0, answer.all
    texts = dict(files_below(tmp_path / "lake"))
    assert any(SHOWN in text for text in texts.values())
    assert not any("dosi-1" in text or "trunk-1" in text for text in texts.values())
    for name, text in texts.items():
        assert leaks(text, secrets) == [], name


@pytest.mark.influxdb
def test_queries_on_published_rollups_tell_nothing(
    folder: Path, secrets: frozenset[str], influxdb: Any
) -> None:
    url = influxdb.new_database()
    assert run(folder, "publish", *WEEK, "--store", url).code == 0
    server, _, database = url.replace("influxdb://", "http://").rpartition("/")
    for statement in ("SHOW MEASUREMENTS", "SHOW SERIES", "SELECT * FROM /.*/"):
        answer = httpx.get(f"{server}/query", params={"db": database, "q": statement}).text
        assert leaks(answer, secrets) == [], statement
        assert "dosi-1" not in answer
    assert SHOWN in httpx.get(f"{server}/query", params={"db": database, "q": "SHOW SERIES"}).text


def test_what_the_program_remembers_tells_nothing(folder: Path, secrets: frozenset[str]) -> None:
    run(folder, "indicators", *WEEK)
    kept = [path for path in folder.iterdir() if path.suffix in (".jsonl", ".salt", ".json", ".log")]
    assert any(path.name == "published.jsonl" for path in kept), "the five of the second press are shown"
    for path in kept:
        assert leaks(path.read_text(encoding="utf-8"), secrets) == [], path.name
    for arguments in (("audit", "verify"), ("audit", "verify", "--json")):
        answer = run(folder, *arguments)
        assert answer.code == 0
        assert "published.jsonl" in answer.out
        assert leaks(answer.all, secrets) == []


@contextmanager
def serving(folder: Path, port: int, settings: WebSettings) -> Iterator[httpx.Client]:
    """A dashboard on the site of `folder`, as ``vigiposte serve`` puts it together."""
    services = build_services()
    book = services.load_site(folder / "site.toml")
    source = SiteSource(
        load=lambda: services.load_site(book.path),
        store=services.open_store(book),
        weekly=services.weekly_result,
        audience=Audience.REPORT,
        extra={"explain": explain, "compare": compare_periods, **services.extra},
    )
    config = uvicorn.Config(
        create_app(source, settings), host="127.0.0.1", port=port, log_level="warning",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20.0
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=120.0) as found:
        yield found
    server.should_exit = True
    thread.join(timeout=20.0)


@pytest.fixture(scope="module")
def client(folder: Path, free_port: Callable[[], int]) -> Iterator[httpx.Client]:
    with serving(folder, free_port(), WebSettings()) as found:
        yield found


def _body(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "")
    if "pdf" in kind:
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    if "spreadsheet" in kind:
        with zipfile.ZipFile(BytesIO(answer.content)) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return spoken(answer.text) if "html" in kind or "svg" in kind else answer.text


def test_no_page_reached_by_links_tells(client: httpx.Client, secrets: frozenset[str]) -> None:
    waiting = ["/?week=2026-W47", "/?week=2026-W47&grid=days", "/?week=2026-W47&lang=fr"]
    waiting += [
        f"/{page}/{HELD}?week=2026-W47" for page in ("station", "curve", "distribution", "contributions")
    ]
    seen: set[str] = set()
    shown = 0
    while waiting and len(seen) < 90:
        where = waiting.pop(0)
        if where in seen:
            continue
        seen.add(where)
        answer = client.get(where)
        assert answer.status_code in (200, 404), (where, answer.text[:300])
        assert leaks(_body(answer), secrets) == [], where
        shown += "Press 2" in answer.text
        if "html" in answer.headers.get("content-type", ""):
            links = [unescape(link) for link in re.findall(r'href="(/[^"#]*)"', answer.text)]
            waiting += [
                link
                for link in links
                if "2026-W47" in link and link not in seen and not link.startswith(("/static", "/fonts"))
            ]
    assert len(seen) > 25
    # Every page that the frame offers was walked through.
    frame = re.search(r"<nav.*?</nav>", client.get("/?week=2026-W47").text, re.DOTALL)
    assert frame
    offered = {link.partition("?")[0] for link in re.findall(r'href="(/[^"#]*)"', unescape(frame[0]))}
    assert offered <= {where.partition("?")[0] for where in seen}
    assert shown > 5


@pytest.mark.parametrize(
    "where",
    [
        f"/data/{HELD}?trace=dosi-1.laeq",
        f"/data/{HELD}?trace=trunk-1.inclination",
        f"/data/{HELD}/table.csv?trace=dosi-1.laeq",
        f"/data/{HELD}/table.csv?trace=trunk-1.inclination",
        f"/data/{SHOWN}?trace=dosi-2.laeq",
        f"/curve/{HELD}?trace=trunk-1.inclination",
        f"/why/{HELD}/lex_8h?audience=analyst",
        f"/why/{HELD}/trunk_flexion_ge20_share",
        f"/why/{SHOWN}/lex_8h",
        f"/station/{HELD}?audience=analyst",
        f"/compare/{HELD}?{DATES}",
        f"/compare/{SHOWN}?control={HELD}&{DATES}",
        "/plan?lang=en",
        "/sensors?lang=en",
        *(f"/report/file.{form}?lang=en" for form in ("html", "pdf", "csv", "xlsx", "json")),
    ],
)
def test_no_address_made_up_by_hand_tells(client: httpx.Client, secrets: frozenset[str], where: str) -> None:
    answer = client.get(where, params={**dict(httpx.URL(where).params), "week": "2026-W47"})
    assert answer.status_code < 500
    assert leaks(_body(answer), secrets) == []
    if where.startswith("/data/"):
        assert answer.status_code in (403, 404)


def test_live_updates_tell_nothing(client: httpx.Client, secrets: frozenset[str]) -> None:
    with client.stream("GET", "/events") as stream:
        first = ""
        for line in stream.iter_lines():
            first += line + "\n"
            if "data:" in first and first.endswith("\n\n"):
                break
    assert "data:" in first
    assert leaks(first, secrets) == []


@pytest.fixture(scope="module")
def guarded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same site with a key, accounts of each role, and a ledger begun with that key."""
    place = tmp_path_factory.mktemp("ungated-guarded") / "site"
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("*.jsonl", "*.salt"))
    site = place / "site.toml"
    site.write_text(SITE + '[privacy]\nkey_file = "../keys/plant.key"\n', encoding="utf-8")
    assert run(place, "pseudonyms", "create-key").code == 0
    return place


def test_a_personal_link_shows_one_wearer_only(guarded: Path, free_port: Callable[[], int]) -> None:
    made = json.loads(run(guarded, "accounts", "link", WEARERS[0], "--days", "2", "--json").out)
    accounts = AccountFile(guarded / "accounts.json")
    accounts.add("olga", Role.OPERATOR, "correct horse battery")
    with serving(guarded, free_port(), WebSettings(accounts=accounts)) as browser:
        where = "/my/" + made["url"].rpartition("/")[2]
        page = browser.get(where)
        assert page.status_code == 200
        assert WEARERS[0] in page.text
        own = numbers_written(browser.get(where + "/values.csv").text)
        assert len(own) > 5
        for other in (WEARERS[1], *CROWD, "dosi-2"):
            assert other not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "vigiposte_session" not in page.headers.get("set-cookie", "")
        for elsewhere in ("/", "/sensors", f"/station/{HELD}", f"/data/{HELD}?trace=dosi-1.laeq"):
            assert browser.get(elsewhere, follow_redirects=False).status_code == 401
        forged = run(guarded, "accounts", "link", WEARERS[1], "--json").out
        body = json.loads(forged)["url"].rpartition("/")[2].partition(".")[0]
        mixed = f"/my/{body}.{where.rpartition('.')[2]}"
        for wrong in (mixed, mixed + "/values.csv", "/my/x", f"/my/{WEARERS[0]}"):
            answer = browser.get(wrong)
            assert answer.status_code == 403
            assert leaks(answer.text.replace(wrong, ""), frozenset(own)) == []
        second = json.loads(run(guarded, "accounts", "link", WEARERS[0], "--json").out)
        other = "/my/" + second["url"].rpartition("/")[2]
        assert browser.get(other).status_code == 200
        assert run(guarded, "accounts", "unlink", second["link"]).out.split() == [second["link"]]
        assert "revoked" in browser.get(other).text
        assert browser.get(other + "/values.csv").status_code == 403
        assert browser.get(where).status_code == 200, "the first link is another"
        register = guarded / "links.jsonl"
        kept = register.read_text(encoding="utf-8")
        register.write_text(kept.replace("link_revoked", "link_remade"), encoding="utf-8")
        assert browser.get(other).status_code == 403
        register.unlink()
        assert browser.get(where).status_code == 403, "no register opens nothing"
        register.write_text(kept, encoding="utf-8")
        assert browser.get(where).status_code == 200
        assert run(guarded, "accounts", "unlink", WEARERS[0]).code == 0
        assert browser.get(where).status_code == 403
        assert "no link" in run(guarded, "accounts", "unlink", WEARERS[0]).error
        assert json.loads(run(guarded, "accounts", "link", WEARERS[0], "--json").out)["link"]
    log = (guarded / "access.jsonl").read_text(encoding="utf-8")
    assert "personal_link_made" in log
    assert log.count("personal_links_revoked") == 2
    assert log.count("personal_link_used") == 2
    assert run(guarded, "audit", "verify").code == 0


def test_operators_and_refusals_tell_nothing(
    guarded: Path, secrets: frozenset[str], free_port: Callable[[], int]
) -> None:
    accounts = AccountFile(guarded / "operators.json")
    accounts.add("olga", Role.OPERATOR, "correct horse battery")
    with serving(guarded, free_port(), WebSettings(accounts=accounts)) as browser:
        found = re.search(r'name="token" value="([0-9a-f]+)"', browser.get("/login").text)
        assert found
        form = {"token": found[1], "name": "olga", "password": "correct horse battery", "back": "/sensors"}
        page = browser.post("/login", data=form)
        assert page.url.path == "/sensors"
        assert "air-1" in page.text
        answers = [page]
        for path in browser.get("/openapi.json").json()["paths"]:
            if path not in ("/events", "/static-plots.css"):
                where = path.replace("{identifier}", HELD).replace("{indicator_id}", "lex_8h")
                answers.append(browser.get(where.replace("{name}", "json"), params={"week": "2026-W47"}))
        assert len(answers) > 15
        for answer in answers:
            text = _body(answer)
            assert leaks(text, secrets) == [], answer.url
            assert not any(sensor in text for sensor in ("dosi-1", "trunk-1", "dosi-2")), answer.url


def test_every_form_of_a_report_carries_the_version_of_the_notice(folder: Path, tmp_path: Path) -> None:
    version = json.loads(run(folder, "notice", "--json").out)["version"]
    forms = "html,pdf,csv,xlsx,json"
    assert run(folder, "report", *WEEK, "--format", forms, "--out", str(tmp_path)).code == 0
    texts = dict(files_below(tmp_path))
    assert len(texts) == 5
    for name, text in texts.items():
        assert version in text, name
