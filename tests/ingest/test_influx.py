"""InfluxDB as a store: what travels, what the server refuses, and where secrets must not appear."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.influx.address import parse_address
from ingest.influx.client import InfluxClient, TooLargeError
from ingest.influx.lines import Lines, blocks
from ingest.influx.sending import send
from ingest.rows import collect
from ingest.store import Partition, ReadingQuery, Store, open_store
from sensors.errors import ConfigurationError, StoreUnreachableError, UsageError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

pytestmark = pytest.mark.influxdb

MIDNIGHT_NS = 1_794_787_200 * 10**9
WEEK_NS = 7 * 86_400 * 10**9
ALL = ReadingQuery("plant", "mic-1", Kind.NOISE, -(2**63), 2**63 - 1)


@pytest.fixture
def url(influxdb: Any) -> str:
    return str(influxdb.new_database())


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``opened(url, token=None)``: a store that is closed afterwards."""
    stores: list[Store] = []

    def make(url: str, token: str | None = None) -> Store:
        stores.append(open_store(url, token=token, summaries_url=f"lake:{tmp_path / 'lake'}"))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def rows(times_ns: Any, sensor: str = "mic-1", flags: Any = (), **channels: Any) -> ReadingBatch:
    columns = {name: np.asarray(values) for name, values in channels.items()}
    return ReadingBatch(
        "plant", sensor, Kind.NOISE, np.asarray(times_ns, np.int64), columns, np.array(flags, np.uint16)
    )


def ask(url: str, statement: str, credentials: tuple[str, str] | None = None) -> Any:
    """What the server itself answers to InfluxQL, without our client."""
    parts = urllib.parse.urlsplit(url)
    query = {"db": parts.path.strip("/").partition("/")[0], "q": statement, "epoch": "ns"}
    if credentials:
        query |= {"u": credentials[0], "p": credentials[1]}
    request = urllib.request.Request(
        f"http://{parts.hostname}:{parts.port}/query?{urllib.parse.urlencode(query)}", data=b""
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())["results"][0]


def post(url: str, lines: bytes) -> None:
    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(
        f"http://{parts.hostname}:{parts.port}/write?db={parts.path.strip('/')}", data=lines
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 204


def lines_of(batch: ReadingBatch) -> list[str]:
    merged, _ = collect([batch])
    return [line for key, found in merged.items() for one in blocks(key, found) for line in _text(one)]


def _text(lines: Lines) -> list[str]:
    return [line.decode() for line in lines.split()]


def test_line_protocol_has_floats_only_and_leaves_out_what_is_missing() -> None:
    found = lines_of(
        rows(
            [5, 6, 7],
            flags=[0, 3, 0],
            laeq=[80.0, np.nan, 0.1],
            lcpeak=np.array([np.nan, 0.1, 2], np.float32),
        )
    )
    assert found == [
        "noise,sensor=mic-1,site=plant laeq=80 5\n",
        "noise,sensor=mic-1,site=plant lcpeak=0.10000000149011612,flags=3 6\n",
        "noise,sensor=mic-1,site=plant laeq=0.1,lcpeak=2 7\n",
    ]


def test_line_protocol_escapes_tags() -> None:
    assert lines_of(rows([5], "a b,c=d", laeq=[1.5])) == [
        "noise,sensor=a\\ b\\,c\\=d,site=plant laeq=1.5 5\n"
    ]


@pytest.mark.parametrize("sensor", ["", "a\nb", "a\\b", "a\0b"])
def test_ids_that_no_influxdb_keeps_are_refused(sensor: str) -> None:
    with pytest.raises(UsageError) as caught:
        lines_of(rows([5], sensor, laeq=[1.5]))
    assert caught.value.code == "store_id"


def test_readings_stand_in_the_server_as_documented(url: str, opened: Callable[..., Store]) -> None:
    opened(url).write([rows([MIDNIGHT_NS + 1], flags=[4], laeq=np.array([78.5], np.float32), lcpeak=[101.0])])
    (series,) = ask(url, "SELECT * FROM noise")["series"]
    assert dict(zip(series["columns"], series["values"][0], strict=True)) == {
        "time": MIDNIGHT_NS + 1,
        "laeq": 78.5,
        "lcpeak": 101,
        "flags": 4,
        "sensor": "mic-1",
        "site": "plant",
    }
    (keys,) = ask(url, "SHOW FIELD KEYS FROM noise")["series"]
    assert {kind for _, kind in keys["values"]} == {"float"}


def test_check_creates_a_missing_database(influxdb: Any, opened: Callable[..., Store]) -> None:
    fresh = f"{influxdb.new_database()}_fresh"
    store = opened(fresh)
    with pytest.raises(ConfigurationError) as caught:
        store.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    assert caught.value.code == "store_not_found"
    with pytest.raises(ConfigurationError) as caught:
        store.read_columns(ALL)
    assert caught.value.code == "store_not_found"
    store.check()
    store.check()
    assert store.write([rows([MIDNIGHT_NS], laeq=[60.0])]).rows == 1


def test_a_retention_policy_of_the_url_is_used(url: str, opened: Callable[..., Store]) -> None:
    ask(url, "CREATE RETENTION POLICY other ON " + url.rpartition("/")[2] + " DURATION INF REPLICATION 1")
    store = opened(f"{url}/other")
    store.check()
    store.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    assert store.read_columns(ALL).channels["laeq"].tolist() == [60.0]
    assert len(opened(url).read_columns(ALL)) == 0
    assert "series" in ask(url, "SELECT * FROM other.noise")


def test_an_unknown_retention_policy_is_a_configuration_error(url: str, opened: Callable[..., Store]) -> None:
    store = opened(f"{url}/nowhere")
    for act in (store.check, lambda: store.write([rows([MIDNIGHT_NS], laeq=[60.0])])):
        with pytest.raises(ConfigurationError) as caught:
            act()
        assert caught.value.code == "store_not_found"
        assert caught.value.exit_code == 3


def test_rows_in_conflict_with_a_field_type_are_found_out_of_many(
    url: str, opened: Callable[..., Store]
) -> None:
    post(url, b'noise,site=plant,sensor=other lceq="text" %d' % MIDNIGHT_NS)
    count = 5000
    times = MIDNIGHT_NS + np.arange(count) * 10**9
    lceq = np.full(count, np.nan)
    bad = [0, 17, 2500, 4999]
    lceq[bad] = 70.0
    outcome = opened(url).write([rows(times, laeq=np.arange(count) / 7, lceq=lceq)])
    assert outcome.rows == count - len(bad)
    assert sorted(row.time_ns for row in outcome.rejected) == times[bad].tolist()
    row = min(outcome.rejected, key=lambda one: one.time_ns)
    assert row.sensor == "mic-1"
    assert "field type conflict" in row.reason
    assert row.row == f"noise,sensor=mic-1,site=plant laeq=0,lceq=70 {MIDNIGHT_NS}"
    read = opened(url).read_columns(ALL)
    assert read.times_ns.tolist() == np.delete(times, bad).tolist()


def test_a_conflict_in_one_week_leaves_the_next_week_alone(url: str, opened: Callable[..., Store]) -> None:
    post(url, b"noise,site=plant,sensor=other laeq=5i %d" % MIDNIGHT_NS)
    times = MIDNIGHT_NS + np.arange(300) * 10**9
    outcome = opened(url).write(
        [rows(times, laeq=np.zeros(300)), rows(times + WEEK_NS, laeq=np.ones(300)), rows(times, lcpeak=times)]
    )
    assert len(outcome.rejected) == 300
    assert opened(url).read_columns(ALL).times_ns.tolist() == (times + WEEK_NS).tolist()


def test_a_sensor_whose_id_the_server_refuses_does_not_stop_the_others(
    url: str, opened: Callable[..., Store]
) -> None:
    outcome = opened(url).write(
        [
            rows([MIDNIGHT_NS, MIDNIGHT_NS + 1], "x" * 70_000, laeq=[1.0, 2.0]),
            rows([MIDNIGHT_NS], laeq=[60.0]),
        ]
    )
    assert [row.sensor[:3] for row in outcome.rejected] == ["xxx", "xxx"]
    assert outcome.rows == 1
    assert opened(url).read_columns(ALL).channels["laeq"].tolist() == [60.0]


def test_rows_older_than_the_retention_policy_are_rejected(url: str, opened: Callable[..., Store]) -> None:
    ask(url, "CREATE RETENTION POLICY brief ON " + url.rpartition("/")[2] + " DURATION 1h REPLICATION 1")
    future = 4_102_444_800 * 10**9
    old = 10**18 + np.arange(20_000)
    outcome = opened(f"{url}/brief").write([rows([*old, future], laeq=np.zeros(20_001))])
    assert outcome.rows == 1
    assert {row.time_ns for row in outcome.rejected} == set(old.tolist())
    assert "retention" in outcome.rejected[0].reason


def test_bodies_larger_than_the_server_takes_are_split(url: str) -> None:
    count = 460
    prefix = b"noise,sensor=%s,site=plant laeq=78.19999694824219 " % (b"x" * 60_000)
    body = b"".join(b"%s%d\n" % (prefix, MIDNIGHT_NS + n) for n in range(count))
    assert len(body) > 26_000_000
    client = InfluxClient(parse_address(url))
    with pytest.raises(TooLargeError):
        client.write(body)
    assert send(client, [Lines("mic-1", body, count)]) == []
    client.close()
    assert ask(url, "SELECT count(laeq) FROM noise")["series"][0]["values"][0][1] == count


def test_many_pages_of_rows_come_back_complete(
    url: str, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.influx.queries._PAGE_ROWS", 1000)
    times = MIDNIGHT_NS + np.arange(10_000) * 10**9
    store = opened(url)
    store.write([rows(times, laeq=np.arange(10_000.0))])
    read = store.read_columns(ALL)
    np.testing.assert_array_equal(read.times_ns, times)
    np.testing.assert_array_equal(read.channels["laeq"], np.arange(10_000.0))


def test_rows_that_another_program_wrote_are_read_and_noticed(url: str, opened: Callable[..., Store]) -> None:
    store = opened(url)
    partition = Partition(Kind.NOISE, "plant", "mic-1", date(2026, 11, 16))
    post(url, b"noise,site=plant,sensor=mic-1,host=a laeq=60 %d" % MIDNIGHT_NS)
    first = store.fingerprint(partition)
    assert store.fingerprint(partition) == first
    post(url, b'noise,site=plant,sensor=mic-1,host=b laeq=61,note="x" %d' % (MIDNIGHT_NS + 1))
    assert store.fingerprint(partition) != first
    read = store.read_columns(ALL)
    assert read.channels["laeq"].tolist() == [60.0, 61.0]
    assert list(read.channels) == ["laeq"]
    assert store.partitions("plant") == [partition]
    assert store.delete(partition) == 2


def test_a_known_fingerprint_does_not_read_the_rows_again(
    url: str, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(url)
    partition = Partition(Kind.NOISE, "plant", "mic-1", date(2026, 11, 16))
    store.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    first = store.fingerprint(partition)
    monkeypatch.setattr("ingest.influx.queries._PAGE_ROWS", 0)  # any reading of rows would now find none
    assert opened(url).fingerprint(partition) == first
    store.write([rows([MIDNIGHT_NS], laeq=[61.0])])
    monkeypatch.undo()
    assert opened(url).fingerprint(partition) != first


def test_an_answer_that_the_server_cuts_short_is_noticed(
    own_influxdb: Callable[..., Any], opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CSV answers carry no error: without a look at the end, rows would be missing in silence."""
    monkeypatch.setenv("INFLUXDB_COORDINATOR_QUERY_TIMEOUT", "100ms")
    server = own_influxdb()
    store = opened(server.new_database())
    store.write([rows(MIDNIGHT_NS + np.arange(300_000), laeq=np.zeros(300_000))])
    with pytest.raises(StoreUnreachableError) as caught:
        store.read_columns(ALL)
    assert caught.value.code in ("store_answer_cut", "store_unavailable")


def test_wrong_and_missing_credentials_are_named_without_repeating_them(
    own_influxdb: Callable[..., Any], opened: Callable[..., Store]
) -> None:
    server = own_influxdb(auth=True)
    url = server.new_database()
    name = url.rpartition("/")[2]
    boss = ("boss", "s3cret-boss")
    ask(url, "CREATE USER boss WITH PASSWORD 's3cret-boss' WITH ALL PRIVILEGES")
    ask(url, f"CREATE DATABASE {name}", boss)
    ask(url, "CREATE USER eye WITH PASSWORD 's3cret-eye'", boss)
    ask(url, f"GRANT READ ON {name} TO eye", boss)
    batch = [rows([MIDNIGHT_NS], laeq=[60.0])]
    for token in (None, "boss:wrong-one", "a-token-of-another-server", "ghost:s3cret-boss"):
        store = opened(url, token)
        for act in (store.check, lambda store=store: store.write(batch), lambda store=store: store.read(ALL)):
            with pytest.raises(ConfigurationError) as caught:
                act()
            assert caught.value.code == "store_unauthorised"
            assert token is None or token not in str(caught.value)
            assert "wrong-one" not in str(caught.value)
    owner = opened(url, "boss:s3cret-boss")
    owner.check()
    assert owner.write(batch).rows == 1
    reader = opened(url.replace("://", "://eye:s3cret-eye@"))
    assert "s3cret" not in reader.url
    assert reader.url == url
    assert reader.read_columns(ALL).channels["laeq"].tolist() == [60.0]
    with pytest.raises(ConfigurationError) as caught:
        reader.write(batch)
    assert caught.value.code == "store_unauthorised"
    with pytest.raises(ConfigurationError):
        reader.delete_rows(ALL)
    assert owner.delete_rows(ALL) == 1


def test_a_stopped_server_is_unreachable_and_resumes_without_loss_or_double(
    own_influxdb: Callable[..., Any], opened: Callable[..., Store]
) -> None:
    server = own_influxdb()
    store = opened(f"{server.new_database()}?timeout_s=1")
    store.check()
    times = MIDNIGHT_NS + np.arange(60_000)
    batch = [rows(times, laeq=np.arange(60_000.0))]
    assert store.write([rows(times[:10], laeq=np.arange(10.0))]).rows == 10
    server.pause()
    for act in (lambda: store.write(batch), lambda: store.read_columns(ALL), store.check):
        with pytest.raises(StoreUnreachableError) as caught:
            act()
        assert caught.value.exit_code == 5
        assert caught.value.code == "store_unreachable"
    server.resume()
    patient = opened(store.url.partition("?")[0])
    assert patient.write(batch).rows == 60_000
    read = patient.read_columns(ALL)
    np.testing.assert_array_equal(read.times_ns, times)
    np.testing.assert_array_equal(read.channels["laeq"], np.arange(60_000.0))


def test_a_killed_server_keeps_what_it_acknowledged(
    own_influxdb: Callable[..., Any], opened: Callable[..., Store]
) -> None:
    server = own_influxdb()
    store = opened(server.new_database())
    for number in range(5):
        store.write([rows(MIDNIGHT_NS + number * 1000 + np.arange(1000), laeq=np.full(1000, float(number)))])
    server.kill()
    with pytest.raises(StoreUnreachableError):
        store.write([rows([MIDNIGHT_NS], laeq=[9.0])])
    with pytest.raises(StoreUnreachableError):
        store.last_seen("plant")
    server.start()
    assert len(store.read_columns(ALL)) == 5000
    assert store.write([rows([MIDNIGHT_NS], laeq=[9.0])]).rows == 1


def test_something_that_is_no_influxdb_is_named(
    free_port: Callable[[], int], opened: Callable[..., Store]
) -> None:
    with pytest.raises(StoreUnreachableError) as caught:
        opened(f"influxdb://127.0.0.1:{free_port()}/db").check()
    assert "127.0.0.1" in str(caught.value)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "server", "database", "policy", "org", "shown"),
    [
        ("influxdb://h/db", "http://h:8086", "db", None, None, "influxdb://h:8086/db"),
        ("influxdb://h:1/db/rp", "http://h:1", "db", "rp", None, "influxdb://h:1/db/rp"),
        (
            "influxdb+https://h:2/bucket?org=my%20org&timeout_s=5",
            "https://h:2",
            "bucket",
            None,
            "my org",
            "influxdb+https://h:2/bucket?org=my+org&timeout_s=5",
        ),
        ("influxdb://u:p%40ss@h/db", "http://h:8086", "db", None, None, "influxdb://h:8086/db"),
        ("influxdb://[::1]:8086/db", "http://[::1]:8086", "db", None, None, "influxdb://[::1]:8086/db"),
    ],
)
def test_urls_say_where_and_show_no_secret(
    url: str, server: str, database: str, policy: str | None, org: str | None, shown: str
) -> None:
    address = parse_address(url)
    assert (address.server, address.database, address.policy, address.org) == (server, database, policy, org)
    assert address.url == shown
    assert "p@ss" not in repr(address)
    assert parse_address(address.url).url == shown


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://h",
        "influxdb:///db",
        "influxdb://h:port/db",
        "influxdb://h/db/rp/more",
        "influxdb://h/db/rp?org=x",
        "influxdb://h/db?token=s3cret",
        "influxdb://h/db?timeout_s=soon",
        "influxdb://h/db?timeout_s=-1",
        "influxdb2://u:s3cret@h/db",
    ],
)
def test_malformed_urls_are_refused_without_repeating_secrets(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_address(url)
    assert caught.value.code == "store_url"
    assert "s3cret" not in str(caught.value)


def test_a_given_token_wins_over_the_url_and_is_blotted_out() -> None:
    address = parse_address("influxdb://u:first@h/db", "user:second")
    assert address.secret == "user:second"
    assert address.masked("bad user:second or second") == "bad *** or ***"
