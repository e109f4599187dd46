"""Answers that are no page: one line of text in the language of the request."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from dashboards.catalogue import text
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import WeeklyResult

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="module")
def client(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> Any:
    with serve(make_source(plant), WebSettings()) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "status", "french", "english"),
    [
        ("/data/presse-1?trace=db-07.laeq", 404, "il n’y a pas", "there is no such trace"),
        ("/data/nobody", 404, "il n’y a pas de poste de ce nom", "there is no such workstation"),
        ("/data/presse-1?trace=sl-01.laeq&from=5&to=4", 400, "règle\u00a0: ", "rule: from < to"),
        ("/data/presse-1/table.csv?from=x", 400, "secondes depuis 1970", "in seconds since 1970"),
        ("/events?factor=luck", 404, "à faire\u00a0: ", "choose one on the page"),
        ("/report/file.docx", 404, "il n’y a pas de fichier", "there is no such file"),
    ],
)
def test_a_mistake_is_told_in_the_language_of_the_address(
    client: httpx.Client, path: str, status: int, french: str, english: str
) -> None:
    for language, said in (("fr", french), ("en", english), (None, french)):
        answer = client.get(
            path, params=dict(httpx.URL(path).params) | ({"lang": language} if language else {})
        )
        assert answer.status_code == status
        assert said in answer.text
        if path.startswith(("/data", "/events")):
            assert answer.headers["content-type"].startswith("text/plain")
            assert answer.headers["content-language"] == (language or "fr")


def test_refusals_of_the_guard_are_told_in_the_language_of_the_address(client: httpx.Client) -> None:
    def ask(code: str, language: str, **asked: Any) -> None:
        request = {"method": "GET", "url": "/data/presse-1", "params": {"lang": language}} | asked
        assert client.request(**request).text == text(language)(f"answers.{code}")

    for language in ("fr", "en"):
        ask("unknown_host", language, headers={"host": "evil.example"})
        ask("cross_site", language, method="POST", headers={"origin": "http://evil.example"})
        ask("too_long", language, method="POST", data={"reason": "x" * 70_000})
        ask("length_missing", language, method="POST", content=iter([b"reason=x"]))
        ask("method", language, method="PUT", content=b"")


def test_who_has_not_logged_in_is_told_so_in_the_language_of_the_address(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve
) -> None:
    with serve(make_source(plant), WebSettings(secret="correct horse battery")) as client:
        for language in ("fr", "en"):
            answer = client.get("/data/presse-1", params={"lang": language})
            assert answer.status_code == 401
            assert answer.text == text(language)("answers.login_required")


def test_an_incomplete_form_is_a_page_that_names_the_fields(client: httpx.Client) -> None:
    answer = client.post("/login?lang=fr", data={"name": "x"})
    # The token is looked for before the fields are.
    assert answer.status_code == 403
    token = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/curve/presse-1").text)
    assert token
    for language, said in (
        ("fr", "des champs du formulaire manquent"),
        ("en", "fields of the form are missing"),
    ):
        answer = client.post(
            f"/exclude/presse-1?lang={language}", data={"token": token[1], "sensor": "sl-01"}
        )
        assert answer.status_code == 400
        assert said in answer.text
        assert "end, reason, start" in answer.text
