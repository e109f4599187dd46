"""Every address of the description is called with made-up values: no fault, nothing undocumented."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import httpx
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dashboards.web.accounts import AccountFile, Role
from dashboards.web.roles import page_of
from dashboards.web.security import HEADERS
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]
EXAMPLES = settings(
    max_examples=50 if os.environ.get("VIGIPOSTE_SOAK") else 2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
OPEN = {"login", "static-plots.css", "favicon.ico"}
PASSWORD = "correct horse battery"
# Values that mean something here, so that the scan gets past the first refusal.
KNOWN = {
    "identifier": "presse-1",
    "indicator_id": "lex_8h",
    "week": "2026-W47",
    "factor": "noise",
    "lang": "en",
    "trace": "sl-01.laeq",
    "name": "csv",
}


def scan(client: httpx.Client) -> Counter[int]:
    """Call every operation with examples of its own, as the browser of `client`; how often each status."""
    url, cookies = str(client.base_url).rstrip("/"), dict(client.cookies)
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/curve/presse-1").text)
    known_values = KNOWN | ({"token": found[1]} if found else {})
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", cookies=cookies)
    statuses: Counter[int] = Counter()
    for one in schema.get_all_operations():
        operation = cast("Any", one).ok()
        if operation.path in ("/events", "/logout"):
            # Live updates never end, and leaving ends the session that scans: both are tested elsewhere.
            continue

        @EXAMPLES
        @given(case=operation.as_strategy(), known=st.booleans())
        def call(case: Any, known: bool) -> None:
            body = case.body if isinstance(case.body, dict) else {}
            for place in (case.path_parameters or {}, case.query or {}, body) if known else ():
                place.update({name: known_values[name] for name in place.keys() & known_values.keys()})
            answer = case.call(cookies=cookies, allow_redirects=False, timeout=30)
            # A parameter is text to the description; that it is no week is for the page to say.
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])
            assert {name.lower() for name in HEADERS} <= set(answer.headers), case.path
            statuses[answer.status_code] += 1

        call()
    return statuses


def test_no_address_of_the_ungated_dashboard_fails(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve
) -> None:
    with serve(make_source(plant, Audience.ANALYST), WebSettings(audience=Audience.ANALYST)) as client:
        statuses = scan(client)
    assert statuses[200] > 10
    assert statuses[404] > 5


def test_no_address_fails_for_a_viewer_or_a_stranger(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, tmp_path: Path
) -> None:
    accounts = AccountFile(tmp_path / "accounts.json")
    accounts.add("vera", Role.VIEWER, PASSWORD)
    with serve(make_source(plant), WebSettings(accounts=accounts)) as client:
        page = client.get("/login").text
        token = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert token
        client.post("/login", data={"name": "vera", "password": PASSWORD, "token": token[1]})
        statuses = scan(client)
        assert statuses[200] > 5
        assert statuses[403] > 2
        stranger = httpx.Client(base_url=client.base_url)
        paths = client.get("/openapi.json").json()["paths"]
        for path in paths:
            answer = stranger.get(re.sub(r"\{[^}]*\}", "x", path))
            assert answer.status_code in (401, 403, 405) or page_of(path) in OPEN, path
        stranger.close()
