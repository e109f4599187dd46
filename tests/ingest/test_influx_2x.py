"""A real InfluxDB 2.x as a store, where one is installed: rights, mappings, refusals, deletion."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ingest.counters import IngestCounters
from ingest.service import run_ingest
from ingest.store import ReadingQuery, Store, open_store
from sensors.errors import ConfigurationError, StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from vigiposte import app

pytestmark = pytest.mark.influxdb

MIDNIGHT_NS = 1_794_787_200 * 10**9
ALL = ReadingQuery("plant", "mic-1", Kind.NOISE, -(2**63), 2**63 - 1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str, str | None], Store]]:
    stores: list[Store] = []

    def make(url: str, token: str | None) -> Store:
        stores.append(open_store(url, token=token, summaries_url=f"lake:{tmp_path / 'lake'}"))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def rows(times_ns: Any, sensor: str = "mic-1", **channels: Any) -> ReadingBatch:
    columns = {name: np.asarray(values, np.float64) for name, values in channels.items()}
    return ReadingBatch("plant", sensor, Kind.NOISE, np.asarray(times_ns, np.int64), columns)


def name_of(url: str) -> str:
    return urllib.parse.urlsplit(url).path.strip("/")


def ask(server: Any, database: str, statement: str) -> Any:
    query = urllib.parse.urlencode({"db": database, "q": statement, "epoch": "ns"})
    return server.ask("GET", f"/query?{query}")["results"][0]


def test_tokens_do_what_their_rights_say_and_stay_out_of_messages(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    url, other = influxdb2.new_database(), influxdb2.new_database()
    name = name_of(url)
    batch = [rows([MIDNIGHT_NS], laeq=[60.0])]
    for token in (None, "a-token-of-another-server==", "boss:wrong-password"):
        store = opened(url, token)
        for act in (store.check, lambda s=store: s.write(batch), lambda s=store: s.read_columns(ALL)):
            with pytest.raises(ConfigurationError) as caught:
                act()
            assert caught.value.code == "store_unauthorised"
            assert token is None or token not in str(caught.value)
    owner = opened(url, influxdb2.token_for(("read", name), ("write", name)))
    owner.check()
    assert owner.write(batch).rows == 1
    reader = opened(url, influxdb2.token_for(("read", name)))
    reader.check()
    assert reader.read_columns(ALL).channels["laeq"].tolist() == [60.0]
    with pytest.raises(ConfigurationError) as caught:
        reader.write(batch)
    assert caught.value.code == "store_unauthorised"
    with pytest.raises(ConfigurationError) as caught:
        reader.delete_rows(ALL)
    assert caught.value.code == "store_unauthorised"
    stranger = opened(url, influxdb2.token_for(("read", name_of(other))))
    with pytest.raises(ConfigurationError, match="right to read") as caught:
        stranger.check()
    assert caught.value.code == "store_not_found"
    assert owner.delete_rows(ALL) == 1
    assert len(owner.read_columns(ALL)) == 0


def test_a_bucket_that_is_missing_or_of_another_organisation_is_named(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    for url in (influxdb2.url("nowhere"), influxdb2.url("first").replace("org=works", "org=others")):
        store = opened(url, influxdb2.token)
        with pytest.raises(ConfigurationError) as caught:
            store.write([rows([MIDNIGHT_NS], laeq=[60.0])])
        assert caught.value.code == "store_not_found"
    with pytest.raises(ConfigurationError) as caught:
        opened(influxdb2.url("nowhere"), influxdb2.token).check()
    assert caught.value.code == "store_not_found"


def test_a_name_that_is_mapped_to_another_bucket_is_refused_before_rows_seem_to_vanish(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    url, other = influxdb2.new_database(), influxdb2.new_database()
    store = opened(url, influxdb2.token)
    store.check()
    mapping = {
        "orgID": influxdb2.organisation,
        "bucketID": influxdb2.bucket_id(name_of(other)),
        "database": name_of(url),
        "retention_policy": "other",
        "default": True,
    }
    made = influxdb2.ask("POST", "/api/v2/dbrps", mapping)
    name = name_of(url)
    for token in (influxdb2.token, influxdb2.token_for(("read", name), ("write", name))):
        with pytest.raises(ConfigurationError, match="DBRP") as caught:
            opened(url, token).check()
        assert caught.value.code == "store_mapped_elsewhere"
    influxdb2.ask("DELETE", f"/api/v2/dbrps/{made['id']}?orgID={influxdb2.organisation}")
    store.check()


def test_rows_that_the_server_refuses_are_found_out_of_many_and_the_rest_is_stored(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    url = influxdb2.new_database()
    line = f'noise,site=plant,sensor=other lceq="text" {MIDNIGHT_NS}'.encode()
    influxdb2.post_lines(name_of(url), line)
    count = 3_000
    times = MIDNIGHT_NS + np.arange(count) * 10**9
    lceq = np.full(count, np.nan)
    bad = [0, 17, 1500, count - 1]
    lceq[bad] = 70.0
    store = opened(url, influxdb2.token)
    outcome = store.write([rows(times, laeq=np.arange(count) / 7, lceq=lceq)])
    assert outcome.rows == count - len(bad)
    assert sorted(row.time_ns for row in outcome.rejected) == times[bad].tolist()
    assert all("field type conflict" in row.reason for row in outcome.rejected)
    assert store.read_columns(ALL).times_ns.tolist() == np.delete(times, bad).tolist()


def test_a_line_that_the_server_cannot_parse_does_not_take_the_others_with_it(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    store = opened(influxdb2.new_database(), influxdb2.token)
    times = MIDNIGHT_NS + np.arange(50)
    outcome = store.write([rows(times[:2], "x" * 70_000, laeq=[1.0, 2.0]), rows(times, laeq=np.arange(50.0))])
    assert [row.sensor[:3] for row in outcome.rejected] == ["xxx", "xxx"]
    assert outcome.rows == 50
    assert len(store.read_columns(ALL)) == 50


def test_rows_older_than_the_bucket_keeps_are_rejected(influxdb2: Any, opened: Callable[..., Store]) -> None:
    url = influxdb2.url(influxdb2.new_bucket("brief", keep_s=3600))
    now = time.time_ns()
    outcome = opened(url, influxdb2.token).write(
        [rows([*(10**18 + np.arange(5_000)), now], laeq=np.zeros(5_001))]
    )
    assert outcome.rows == 1
    assert len(outcome.rejected) == 5_000
    assert "retention" in outcome.rejected[0].reason


def test_a_killed_server_keeps_what_it_acknowledged(
    own_influxdb2: Callable[[], Any], opened: Callable[..., Store]
) -> None:
    server = own_influxdb2()
    store = opened(server.url("first"), server.token)
    for number in range(5):
        store.write([rows(MIDNIGHT_NS + number * 1000 + np.arange(1000), laeq=np.full(1000, float(number)))])
    server.kill()
    with pytest.raises(StoreUnreachableError):
        store.write([rows([MIDNIGHT_NS], laeq=[9.0])])
    server.start()
    assert len(store.read_columns(ALL)) == 5000
    assert store.write([rows([MIDNIGHT_NS], laeq=[9.0])]).rows == 1


def test_deletion_takes_the_span_and_leaves_its_neighbours(
    influxdb2: Any, opened: Callable[..., Store]
) -> None:
    store = opened(influxdb2.new_database(), influxdb2.token)
    times = MIDNIGHT_NS + np.arange(10)
    for sensor in ("mic-1", "mic 2,=x"):
        store.write([rows(times, sensor, laeq=np.arange(10.0))])
    span = ReadingQuery("plant", "mic 2,=x", Kind.NOISE, MIDNIGHT_NS + 3, MIDNIGHT_NS + 7)
    assert store.delete_rows(span) == 4
    left = store.read_columns(ReadingQuery("plant", "mic 2,=x", Kind.NOISE, 0, 2**62))
    assert (left.times_ns - MIDNIGHT_NS).tolist() == [0, 1, 2, 7, 8, 9]
    assert len(store.read_columns(ALL)) == 10


def test_the_whole_chain_runs_on_it_with_the_token_from_the_environment(
    influxdb2: Any,
    shared_mosquitto: Any,
    publish: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = influxdb2.new_database()
    monkeypatch.setenv("VIGIPOSTE_STORE_TOKEN", influxdb2.token)
    site = tmp_path / "site.toml"
    site.write_text(f"""
schema = 1
[site]
id = "chain-{name_of(url)}"
label = "Chain"
[mqtt]
url = "{shared_mosquitto.url}"
[store]
url = "{url}"
summaries = "lake:./lake"
[[sensors]]
id = "mic-1"
kind = "noise"
origin = "simulated"
""")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
        assert result.exit_code == 0, result.output
        return result.output

    # The broker keeps what is published from now on.
    store = open_store(url, summaries_url="lake:./lake", base=tmp_path, token=influxdb2.token)
    run_ingest(load_site(site), store, mqtt_url=shared_mosquitto.url, until_idle_s=0.1)
    store.close()
    topic = f"vigiposte/v1/chain-{name_of(url)}/mic-1/json"
    start_s = MIDNIGHT_NS // 10**9
    publish(
        shared_mosquitto.port,
        ((topic, b'{"t": %d, "laeq": %.1f}' % (start_s + n, 60 + n % 20)) for n in range(300)),
    )
    run("ingest", "--once")
    assert ask(influxdb2, name_of(url), "SELECT count(laeq) FROM noise")["series"][0]["values"][0][1] == 300
    status = run("status", "--json")
    assert json.loads(status)["store"]["reachable"] is True
    assert influxdb2.token not in status
    run("copy", "--from", url, "--to", f"lake:{tmp_path / 'copied'}")
    copied = open_store(f"lake:{tmp_path / 'copied'}")
    query = ReadingQuery(f"chain-{name_of(url)}", "mic-1", Kind.NOISE, 0, 2**62)
    assert len(copied.read_columns(query)) == 300
    copied.close()


def test_a_token_that_expires_only_makes_the_journal_grow(
    influxdb2: Any,
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    stored_numbers: Callable[[Store], set[int]],
    opened: Callable[..., Store],
) -> None:
    url = influxdb2.new_database()
    token = influxdb2.token_for(("read", name_of(url)), ("write", name_of(url)))
    (known,) = [
        one
        for one in influxdb2.ask("GET", "/api/v2/authorizations")["authorizations"]
        if one["token"] == token
    ]
    server, store, counters, stop = mosquitto(), opened(url, token), IngestCounters(), threading.Event()
    options = {"mqtt_url": server.url, "stop": stop, "counters": counters, "feed_interval_s": 0.1}
    runner = threading.Thread(target=run_ingest, args=(load_site(load_site_file), store), kwargs=options)
    runner.start()

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, counters
            time.sleep(0.01)

    try:
        wait(lambda: counters.broker == "connected")
        publish(server.port, map(load_message, range(400)))
        wait(lambda: counters.stored == 400)
        influxdb2.ask("PATCH", f"/api/v2/authorizations/{known['id']}", {"status": "inactive"})
        publish(server.port, map(load_message, range(400, 1_000)))
        wait(lambda: counters.journaled == 1_000 and counters.store_trouble is not None)
        assert "token" in str(counters.store_trouble)
        assert token not in str(counters.store_trouble)
        assert counters.stored == 400
        influxdb2.ask("PATCH", f"/api/v2/authorizations/{known['id']}", {"status": "active"})
        wait(lambda: counters.stored == 1_000)
        assert counters.store_trouble is None
    finally:
        stop.set()
        runner.join(15)
    assert stored_numbers(store) == set(range(1_000))
    assert counters.rejected_messages == 0


def test_rollups_are_published_to_a_bucket_and_replace_themselves(
    influxdb2: Any, opened: Callable[..., Any]
) -> None:
    url = influxdb2.new_database()
    store = opened(url, influxdb2.token)
    moment = pa.array([MIDNIGHT_NS], pa.timestamp("ns", "UTC"))
    for value in (80.5, 81.5):
        table = pa.table({"time": moment, "workstation": ["press-1"], "verdict": ['a "b"'], "value": [value]})
        assert store.write_rollups("rollup", table, ["workstation"], "any") == 1
    (series,) = ask(influxdb2, name_of(url), "SELECT * FROM rollup")["series"]
    assert dict(zip(series["columns"], series["values"][0], strict=True)) == {
        "time": MIDNIGHT_NS,
        "value": 81.5,
        "verdict": 'a "b"',
        "workstation": "press-1",
    }
    assert len(series["values"]) == 1
