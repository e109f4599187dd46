"""Calibrating on a page: live inclination, refusals with reasons, a dated record, and only the analyst."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience, WeeklyResult
from sensors.site_file import load_site

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]
START_NS = 1_794_816_000_000_000_000


def messages(*degrees: float, noise_g: float = 0.004) -> list[Any]:
    """Half a second of a trunk sensor for each angle, as the listener hands it over."""
    rng = np.random.default_rng(3)
    found = []
    for index, angle in enumerate(degrees):
        turn = np.deg2rad(angle)
        acc = np.array([np.cos(turn), 0.0, np.sin(turn)]) + rng.normal(0.0, noise_g, (25, 3))
        times = START_NS + index * 500_000_000 + np.arange(25, dtype=np.int64) * 20_000_000
        channels = {name: acc[:, axis] for axis, name in enumerate(("acc_x", "acc_y", "acc_z"))}
        found.append(SimpleNamespace(times_ns=times, channels=channels))
    return found


def listening(heard: Sequence[Any]) -> Callable[..., AbstractContextManager[Iterator[Any]]]:
    @contextmanager
    def listen(_book: object, _sensor: str, **_: object) -> Iterator[Iterator[Any]]:
        yield iter(heard)

    return listen


def told(client: httpx.Client) -> tuple[list[tuple[str, Any]], str]:
    """All events of one run, and the token of the page."""
    page = client.get("/calibrate/im-03?lang=en").text
    token = re.search(r'name="token" value="([0-9a-f]+)"', page)
    assert token
    body = client.get(f"/calibrate/im-03/live?lang=en&token={token[1]}").text
    events = re.findall(r"event: (\w+)\ndata: (.*)\n", body)
    return [(name, json.loads(data)) for name, data in events], token[1]


@pytest.fixture
def analyst(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> Callable[[Sequence[Any]], AbstractContextManager[httpx.Client]]:
    shutil.copytree(plant_folder, tmp_path / "site")

    @contextmanager
    def run(heard: Sequence[Any]) -> Iterator[httpx.Client]:
        source = make_source(plant, Audience.ANALYST, tmp_path / "site")
        source.extra = {**source.extra, "listen_sensor": listening(heard)}
        with serve(source, WebSettings(audience=Audience.ANALYST)) as client:
            yield client

    return run


def test_both_postures_are_shown_live_and_recorded_once(
    analyst: Callable[[Sequence[Any]], AbstractContextManager[httpx.Client]], tmp_path: Path
) -> None:
    before = len(load_site(tmp_path / "site" / "site.toml").site.calibrations)
    with analyst(messages(*[0.0] * 24, *[45.0] * 14)) as client:
        events, token = told(client)
        assert [data["step"] for name, data in events if name == "step"] == ["upright", "lean"]
        assert [name for name, _ in events][-1] == "found"
        assert max(data["degrees"] for name, data in events if name == "angle") == pytest.approx(
            45.0, abs=1.5
        )
        form = {"token": token, "key": events[-1][1]["key"]}
        assert client.post("/calibrate/im-03", data=form | {"token": "0" * 64}).status_code == 403
        done = client.post("/calibrate/im-03?lang=en", data=form)
        assert "The calibration is recorded." in done.text
        assert client.post("/calibrate/im-03", data=form).status_code == 400
    records = load_site(tmp_path / "site" / "site.toml").site.calibrations
    assert len(records) == before + 1
    assert (records[-1].kind, records[-1].sensor) == ("two_postures", "im-03")


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        (messages(*[0.0] * 60), "the trunk is not bent enough"),
        (messages(*[0.0] * 40, noise_g=0.3), "not held still"),
        ([], "the sensor sends nothing"),
    ],
    ids=["upright", "restless", "silent"],
)
def test_a_refusal_says_why_and_records_nothing(
    analyst: Callable[[Sequence[Any]], AbstractContextManager[httpx.Client]],
    tmp_path: Path,
    heard: Sequence[Any],
    reason: str,
) -> None:
    with analyst(heard) as client:
        events, _ = told(client)
    assert events[-1][0] == "refused"
    assert reason in events[-1][1]["text"]
    assert not (tmp_path / "site" / "calibrations.toml").exists()


def test_a_report_dashboard_shows_no_live_trace_of_a_worn_sensor(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve
) -> None:
    source = make_source(plant)
    source.extra = {**source.extra, "listen_sensor": listening(messages(0.0))}
    with serve(source, WebSettings()) as client:
        page = client.get("/calibrate/im-03?lang=en").text
        token = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/situations").text)
        assert token
        asked = client.get(f"/calibrate/im-03/live?token={token[1]}")
    assert "cal-start" not in page
    assert asked.status_code == 403
    assert "event:" not in asked.text


def test_a_microphone_is_checked_on_its_page(
    plant: WeeklyResult, make_source: MakeSource, serve: Serve, plant_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(plant_folder, tmp_path / "site")
    with serve(make_source(plant, folder=tmp_path / "site"), WebSettings()) as client:

        def give(**levels: str) -> httpx.Response:
            page = client.get("/calibrate/sl-01?lang=fr").text
            token = re.search(r'name="token" value="([0-9a-f]+)"', page)
            assert token
            return client.post("/calibrate/sl-01/microphone?lang=fr", data={"token": token[1], **levels})

        assert give(after="94.1").status_code == 400
        assert "le niveau avant la série manque" in give().text
        assert give(before="loud").status_code == 400
        assert give(before="12").status_code >= 400
        assert "Une série est ouverte" in give(before="94,0").text
        closed = give(after="94.8").text
        assert "plus que la tolérance : la série est écartée" in closed.replace("\u00a0", " ")
        assert "Une série est ouverte" not in closed
        kept = give(before="94.0", after="94.2").text
        assert "la série est gardée" in kept
        assert client.post("/calibrate/im-03/microphone", data={"token": "0"}).status_code == 403
        page = client.get("/calibrate/im-03?lang=fr").text
        assert "Vérification au calibreur" not in page
    rows = load_site(tmp_path / "site" / "site.toml").site.calibrations
    mine = [row for row in rows if row.sensor == "sl-01"]
    assert [(row.level_before_db, row.level_after_db) for row in mine] == [
        (94.0, None),
        (94.0, 94.8),
        (94.0, 94.2),
    ]
    assert mine[1].closes == mine[0].id
