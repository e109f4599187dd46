"""The distribution of a stretch: its numbers, who may ask for it, and its place on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from dashboards.web.angle_minutes import MINUTE_COLUMNS, angle_seconds
from dashboards.web.series import LONG_NS, TraceReader, traces_of
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from dashboards.web.stretch import read_stretch, stretch_figures
from dashboards.wording import Wording
from indicators.model import Audience, WeeklyResult
from ingest.store import open_store
from sensors.errors import GovernanceError
from sensors.site_file import load_site

MakeSource = Callable[..., SiteSource]
Serve = Callable[..., AbstractContextManager[httpx.Client]]
MONDAY = 1_794_783_600
WHOLE_NS = (MONDAY * 10**9, (MONDAY + 7 * 86_400) * 10**9)
FIXED, WORN = "sl-01.laeq", "db-07.laeq"


@pytest.fixture(scope="module")
def client(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> Iterator[httpx.Client]:
    with serve(make_source(plant), WebSettings()) as found:
        yield found


@pytest.fixture(scope="module")
def analyst(plant: WeeklyResult, make_source: MakeSource, serve: Serve) -> Iterator[httpx.Client]:
    with serve(make_source(plant, Audience.ANALYST), WebSettings(audience=Audience.ANALYST)) as found:
        yield found


@pytest.fixture(scope="module")
def site(plant_folder: Any) -> Iterator[tuple[Any, TraceReader, Any]]:
    store = open_store("lake:./lake", base=plant_folder)
    yield load_site(plant_folder / "site.toml"), TraceReader(store), store
    store.close()


def trace_called(book: Any, key: str) -> Any:
    return next(t for t in traces_of(book, "presse-1", *WHOLE_NS, Audience.ANALYST) if t.key == key)


def test_times_at_each_level_are_those_of_the_readings(site: Any) -> None:
    book, reader, _ = site
    trace = trace_called(book, FIXED)
    start, end = (MONDAY + 3600) * 10**9, (MONDAY + 3600 + 900) * 10**9
    found = read_stretch(reader, book, trace, start, end, Audience.REPORT)
    _, values = reader.read(book, trace, start, end, Audience.REPORT)
    assert found.measured_s == pytest.approx(900.0)
    assert found.marks == pytest.approx(np.percentile(values, (10, 50, 90)))
    counted, _ = np.histogram(values, found.edges)
    assert found.seconds == pytest.approx(counted)
    curve, bands = stretch_figures(found, trace, [80.0, 85.0], Wording("en"))
    share = float((values >= 85.0).mean())
    assert f"{100 * share:.0f}% ≥\u00a085\u00a0dB(A)" in curve.drawing
    shown = {row[0]: row[1] for row in bands.rows}
    within = float(((values >= 80.0) & (values < 85.0)).mean())
    assert shown["80–85\u00a0dB(A)"] == f"{100 * within:.1f}%"


def test_a_gap_is_no_time_at_any_level(site: Any) -> None:
    book, reader, _ = site
    trace = trace_called(book, FIXED)
    start, end = (MONDAY + 119_000) * 10**9, (MONDAY + 125_000) * 10**9
    assert read_stretch(reader, book, trace, start, end, Audience.REPORT).measured_s == pytest.approx(
        2000, abs=3
    )
    inside = (MONDAY + 121_000) * 10**9, (MONDAY + 123_000) * 10**9
    empty = read_stretch(reader, book, trace, *inside, Audience.REPORT)
    assert empty.measured_s == 0.0
    assert stretch_figures(empty, trace, [], Wording("fr")) == ()


def test_angles_are_parted_as_the_figures_of_their_segment(site: Any) -> None:
    book, reader, _ = site
    trace = trace_called(book, "im-03.inclination")
    start = (MONDAY + 6 * 3600) * 10**9
    found = read_stretch(reader, book, trace, start, start + 1200 * 10**9, Audience.ANALYST)
    _, bands = stretch_figures(found, trace, [], Wording("en"))
    assert [name for name, _ in bands.rows] == ["0–30°", "30–60°", "60–90°", "≥\u00a090°"]
    assert bands.rows[3][1] == "0.0%"
    _, values = reader.read(book, trace, start, start + 1200 * 10**9, Audience.ANALYST)
    assert found.marks == pytest.approx(np.percentile(values, (10, 50, 90)))


def test_minutes_stand_in_for_the_readings_of_long_windows() -> None:
    import pyarrow as pa

    minutes = np.array([0, 60, 120], dtype=np.int64) * 10**9
    table = pa.table(
        {
            "minute": pa.array(minutes, pa.timestamp("ns", tz="UTC")),
            "inclination_bins": pa.array([[3, 4], [], [4, 180]], pa.list_(pa.uint16())),
            "period_ns": [20_000_000] * 3,
            "inclination_samples": pa.array([[1000, 2000], [], [2500, 500]], pa.list_(pa.uint32())),
        }
    ).select(MINUTE_COLUMNS)
    seconds = angle_seconds(table, lambda times: times >= 0)
    held = {int(degree): float(seconds[degree]) for degree in np.flatnonzero(seconds)}
    assert held == pytest.approx({3: 20.0, 4: 90.0, 179: 10.0})
    later = angle_seconds(table, lambda times: times > 0)
    assert float(later.sum()) == pytest.approx(60.0)
    assert LONG_NS > 86_400 * 10**9


def test_stretches_of_worn_sensors_are_for_the_analyst_only(site: Any, client: Any, analyst: Any) -> None:
    book, reader, _ = site
    for wide in (Audience.REPORT, Audience.WIDE):
        with pytest.raises(GovernanceError) as caught:
            read_stretch(reader, book, trace_called(book, WORN), *WHOLE_NS, wide)
        assert caught.value.code == "worn_trace"
    window = {"from": str(MONDAY + 6 * 3600), "to": str(MONDAY + 7 * 3600), "week": "2026-W47"}
    for address in ("/data/presse-1/distribution", "/distribution/presse-1", "/curve/presse-1"):
        assert client.get(address, params=window | {"trace": WORN}).status_code == 404
        assert analyst.get(address, params=window | {"trace": WORN}).status_code == 200
        assert client.get(address, params=window | {"trace": FIXED}).status_code == 200
    page = client.get("/distribution/presse-1?week=2026-W47").text
    assert FIXED in page
    assert WORN not in page
    assert WORN in analyst.get("/distribution/presse-1?week=2026-W47").text


def test_a_sensor_worn_at_any_time_of_the_period_is_a_worn_one(site: Any) -> None:
    book, reader, _ = site
    trace = trace_called(book, WORN)
    mixed = replace(trace, postings=(*trace.postings, replace(trace.postings[0], start_ns=0)))
    assert mixed.worn
    with pytest.raises(GovernanceError):
        reader.read_angle_seconds(book, mixed, *WHOLE_NS, Audience.REPORT)


def test_the_page_takes_moments_in_site_time_and_says_what_it_shows(client: Any) -> None:
    asked = {"trace": FIXED, "from": "2026-11-16T06:00", "to": "2026-11-16T07:30", "week": "2026-W47"}
    page = client.get("/distribution/presse-1", params=asked | {"lang": "fr"}).text
    assert "Du lun.\u00a016, 6\u00a0h\u00a000 au lun.\u00a016, 7\u00a0h\u00a030" in page
    assert "1\u00a0h\u00a030 mesurées" in page
    assert 'value="2026-11-16T06:00"' in page
    same = {
        "trace": FIXED,
        "from": str(MONDAY + 6 * 3600),
        "to": str(MONDAY + 7.5 * 3600),
        "week": "2026-W47",
    }
    part = client.get("/data/presse-1/distribution", params=same | {"lang": "fr"}).text
    told = re.search(r'role="status">([^<]+)<', part)
    assert told
    assert told[1] in page
    assert "<html" not in part
    back = re.search(r'href="(/curve/presse-1[^"]+)"[^>]*>Le voir', page)
    assert back
    curve = client.get(back[1].replace("&amp;", "&")).text
    assert f'data-open="{MONDAY + 6 * 3600}.0 {MONDAY + 7.5 * 3600}"' in curve


@pytest.mark.parametrize("bounds", [("noon", "1"), ("inf", "1"), ("2026-11-16T08:00", "2026-11-16T08:00")])
def test_windows_that_are_none_are_mistakes(client: Any, bounds: tuple[str, str]) -> None:
    asked = {"trace": FIXED, "from": bounds[0], "to": bounds[1], "lang": "en", "week": "2026-W47"}
    for address in ("/data/presse-1/distribution", "/distribution/presse-1", "/curve/presse-1"):
        answer = client.get(address, params=asked)
        assert answer.status_code == 400
        assert "the window is empty or not a number" in answer.text


def test_a_night_across_the_clock_change_is_as_long_as_it_was(site: Any, client: Any) -> None:
    book, _, _ = site
    asked = {
        "trace": FIXED,
        "from": "2026-10-24T20:30",
        "to": "2026-10-25T05:30",
        "week": "2026-W43",
        "lang": "en",
    }
    found = client.get("/data/presse-1", params=asked).json()
    assert found["to"] - found["from"] == 10 * 3600
    told = client.get("/data/presse-1/distribution", params=asked).text
    assert "Sat\u00a024, 20:30 to Sun\u00a025, 05:30" in told
    # What the page offers to send back is the same stretch.
    page = client.get("/distribution/presse-1", params=asked).text
    assert 'value="2026-10-24T20:30"' in page
    assert 'value="2026-10-25T05:30"' in page
    assert book.local(int(found["to"] * 1e9)).hour == 5
