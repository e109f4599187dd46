"""A week that was published with somebody who withdrew since is issued again by no page, file or command."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.explain import explain
from indicators.governance.site_logs import WITHDRAWALS, site_chain
from indicators.model import Audience
from sensors.errors import GovernanceError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from tests.two_wearers import CROWD, SHOWN, WEEK, files_below, fill, run
from vigiposte import app, build_services

Serve = Callable[..., AbstractContextManager[httpx.Client]]
REASON = "somebody in it withdrew since"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose week was reported, and then one of the five wearers withdrew."""
    place = tmp_path_factory.mktemp("marked") / "site"
    place.mkdir()
    fill(place)
    out = str(place.parent / "issued")
    assert run(place, "report", *WEEK, "--format", "json,html", "--out", out).code == 0
    issued = " ".join(text for _, text in files_below(place.parent / "issued"))
    assert "lex_8h" in issued
    done = run(place, "withdraw", CROWD[0], "--yes", "--json")
    assert "2026-W47" in json.loads(done.out)["marked_weeks"]
    return place


def source_of(place: Path) -> SiteSource:
    services = build_services()
    book = services.load_site(place / "site.toml")
    return SiteSource(
        load=lambda: services.load_site(book.path),
        store=services.open_store(book),
        weekly=services.weekly_result,
        audience=Audience.REPORT,
        extra={"explain": explain, **services.extra},
    )


@pytest.fixture(scope="module")
def client(folder: Path, serve: Serve) -> Iterator[httpx.Client]:
    with serve(source_of(folder), WebSettings()) as found:
        yield found


def test_a_running_dashboard_sees_the_mark(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "site"
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("withdrawals.jsonl"))
    source = source_of(place)
    week = source.period("2026-W47")
    assert source.result(week).workstations
    site_chain(source.book, WITHDRAWALS).append("withdrawal", {"wearer": "p-1", "marked": ["2026-W47"]})
    source.changed()
    with pytest.raises(GovernanceError) as caught:
        source.result(week)
    assert caught.value.code == "period_marked"
    assert source.known(week) is None
    source.close()


def levels(text: str) -> list[str]:
    """Levels in dB that a page shows."""
    return re.findall(r"\d+[.,]\d\s*dB", re.sub(r"[\u00a0\u202f]", " ", text))


@pytest.mark.parametrize(
    "where",
    [
        "/",
        "/?grid=hours",
        f"/station/{SHOWN}",
        f"/distribution/{SHOWN}",
        f"/contributions/{SHOWN}",
        f"/why/{SHOWN}/lex_8h",
        "/report",
        "/actions",
        "/situations",
        *(f"/report/file.{form}" for form in ("html", "pdf", "csv", "xlsx", "json")),
    ],
)
def test_no_page_issues_a_marked_week_again(client: httpx.Client, where: str) -> None:
    asked = dict(httpx.URL(where).params) | {"lang": "en"}
    answer = client.get(where, params=asked | {"week": "2026-W47"})
    assert answer.status_code == 403
    assert REASON in answer.text
    assert levels(answer.text) == []
    if not where.startswith("/report/file"):
        assert "week=2026-W46" in answer.text, "the page leads on to the other weeks"


def test_what_a_fixed_sensor_measured_stays_to_be_seen(client: httpx.Client) -> None:
    curve = client.get("/curve/press-1", params={"week": "2026-W47", "trace": "air-1.air_temperature"})
    assert curve.status_code == 200
    data = client.get("/data/press-1", params={"week": "2026-W47", "trace": "air-1.air_temperature"})
    assert data.json()["limits"] == []


def test_every_address_with_a_result_was_tried(client: httpx.Client) -> None:
    """Whatever page there will be: it refuses the week, or shows no level of it."""
    # A plan has no week of its own; the others show no result.
    apart = ("/my/", "/events", "/calibrate", "/static", "/favicon", "/plan")
    for address, methods in client.get("/openapi.json").json()["paths"].items():
        if "get" not in methods or address.startswith(apart):
            continue
        where = address.format(identifier=SHOWN, indicator_id="lex_8h", name="csv")
        answer = client.get(where, params={"week": "2026-W47", "lang": "en"})
        assert answer.status_code < 500, where
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert answer.status_code == 403 or levels(answer.text) == [], where


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "--format", "html,pdf,csv,xlsx,json", "--out", "OUT"),
        ("report", "--audience", "wide", "--format", "html", "--out", "OUT"),
        ("report", "--restitution", "--format", "html", "--out", "OUT"),
        ("publish", "--store", "lake:OUT"),
        ("annex", "--format", "csv", "--out", "OUT"),
    ],
    ids=" ".join,
)
def test_no_command_issues_a_marked_week_again(
    folder: Path, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    asked = [word.replace("OUT", str(tmp_path / "out")) for word in arguments]
    refused = run(folder, *asked, *WEEK)
    assert refused.code != 0
    assert REASON in refused.error
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_fleet_leaves_the_week_out_with_its_reason(folder: Path, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        'schema = 1\n[fleet]\nid = "g"\nlabel = "G"\nlanguage = "en"\n'
        f'[[sites]]\nfile = "{folder / "site.toml"}"\n',
        encoding="utf-8",
    )
    answer = CliRunner().invoke(app, ["indicators", *WEEK, "--fleet", str(fleet), "--lang", "en"])
    assert "somebody withdrew" in answer.stdout
    assert levels(answer.stdout) == []


def test_changes_since_a_marked_week_are_not_told(folder: Path, tmp_path: Path) -> None:
    book = build_services().load_site(folder / "site.toml")
    store = build_services().open_store(book)
    monday = book.to_ns(datetime(2026, 11, 23, 8))
    minutes = monday + np.arange(20, dtype=np.int64) * 60 * 10**9
    climate = {"air_temperature": np.full(20, 35.0), "relative_humidity": np.full(20, 50.0)}
    store.write([ReadingBatch("plant", "air-1", Kind.CLIMATE, minutes, climate)])
    store.close()
    answer = run(
        folder, "report", "--week", "2026-W48", "--format", "html", "--out", str(tmp_path), "--lang", "en"
    )
    assert answer.code == 0, answer.all
    ((_, text),) = files_below(tmp_path)
    assert "There is no earlier period to compare with" in text
