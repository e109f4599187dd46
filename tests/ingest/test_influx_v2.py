"""What is sent to InfluxDB 2.x and 3.x, which no Debian release has: a stand-in answers as documented.

The stand-in keeps nothing; it shows that requests have the documented form and that documented refusals
become the right errors. Reading and writing themselves are tested against a real 1.x, a real 2.x where one is
installed, and a server of any version named by ``VIGIPOSTE_TEST_INFLUXDB_URL``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from ingest.influx.store import InfluxStore
from ingest.store import ReadingQuery, open_store
from sensors.errors import ConfigurationError, StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

BATCH = ReadingBatch("plant", "mic-1", Kind.NOISE, np.array([5, 6]), {"laeq": np.array([60.0, 61.5])})
EVERYTHING = ReadingQuery("plant", "mic-1", Kind.NOISE, 0, 1_794_787_200_000_000_001)


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    authorization: str | None


@dataclass
class StandIn:
    """Answers by path; everything asked is kept."""

    version: str = "v2.7.11"
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    afterwards: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"influxdb://127.0.0.1:{self.port}/{path}"

    def sent_to(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]


@pytest.fixture
def server() -> Iterator[StandIn]:
    shown = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            shown.calls.append(Call(self.command, parts.path, query, body, self.headers.get("Authorization")))
            status, text = shown.answers.get(parts.path, (204, ""))
            shown.answers.update(shown.afterwards.get(parts.path, {}))
            data = text.encode()
            self.send_response(status)
            self.send_header("X-Influxdb-Version", shown.version)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = _answer  # noqa: N815 - the library's names
        do_POST = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shown.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield shown
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def opened(server: StandIn, tmp_path: Path) -> Iterator[Callable[[str], InfluxStore]]:
    stores: list[InfluxStore] = []

    def make(path: str) -> InfluxStore:
        store = open_store(server.url(path), token="tok3n==", summaries_url=f"lake:{tmp_path}")
        assert isinstance(store, InfluxStore)
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()


def test_rows_go_to_the_v2_api_with_the_token(server: StandIn, opened: Callable[[str], InfluxStore]) -> None:
    assert opened("bucket?org=works").write([BATCH]).rows == 2
    rows, revision = server.sent_to("/api/v2/write")
    assert rows.query == {"bucket": "bucket", "org": "works", "precision": "ns"}
    assert rows.authorization == "Token tok3n=="
    assert (
        rows.body == b"noise,sensor=mic-1,site=plant laeq=60 5\nnoise,sensor=mic-1,site=plant laeq=61.5 6\n"
    )
    assert revision.body.startswith(b"vigiposte_revision,kind=noise,sensor=mic-1,site=plant token=")
    assert not server.sent_to("/write")


def test_a_1x_policy_is_part_of_the_bucket_name(
    server: StandIn, opened: Callable[[str], InfluxStore]
) -> None:
    opened("db/rp").write([BATCH])
    assert server.sent_to("/api/v2/write")[0].query["bucket"] == "db/rp"


@pytest.mark.parametrize(
    ("status", "message", "kind", "code"),
    [
        (401, "unauthorized access", ConfigurationError, "store_unauthorised"),
        (403, "insufficient permissions for write", ConfigurationError, "store_unauthorised"),
        (404, 'bucket "bucket" not found', ConfigurationError, "store_not_found"),
        (429, "org 1 has exceeded limited_write plan limit", StoreUnreachableError, "store_unavailable"),
        (500, "internal error", StoreUnreachableError, "store_unavailable"),
        (503, "service unavailable", StoreUnreachableError, "store_unavailable"),
    ],
)
def test_refusals_of_a_whole_body(
    server: StandIn,
    opened: Callable[[str], InfluxStore],
    status: int,
    message: str,
    kind: type[Exception],
    code: str,
) -> None:
    server.answers["/api/v2/write"] = (status, json.dumps({"code": "x", "message": f"{message} tok3n=="}))
    with pytest.raises(kind) as caught:
        opened("bucket?org=works").write([BATCH])
    assert getattr(caught.value, "code", "") == code
    assert message in str(caught.value)
    assert "tok3n" not in str(caught.value)


def test_a_422_rejects_rows_and_raises_nothing(server: StandIn, opened: Callable[[str], InfluxStore]) -> None:
    message = "failure writing points to database: partial write: field type conflict … dropped=2"
    server.answers["/api/v2/write"] = (422, json.dumps({"code": "unprocessable entity", "message": message}))
    outcome = opened("bucket?org=works").write([BATCH])
    assert outcome.rows == 0
    assert [row.time_ns for row in outcome.rejected] == [5, 6]
    assert "field type conflict" in outcome.rejected[0].reason


def test_preparing_maps_the_bucket_once(server: StandIn, opened: Callable[[str], InfluxStore]) -> None:
    server.answers["/api/v2/buckets"] = (200, json.dumps({"buckets": [{"id": "b1", "name": "bucket"}]}))
    server.answers["/api/v2/dbrps"] = (200, json.dumps({"content": []}))
    opened("bucket?org=works").prepare()
    made = [call for call in server.sent_to("/api/v2/dbrps") if call.method == "POST"]
    assert [json.loads(call.body) for call in made] == [
        {
            "bucketID": "b1",
            "database": "bucket",
            "retention_policy": "autogen",
            "default": True,
            "org": "works",
        }
    ]
    server.answers["/api/v2/dbrps"] = (200, json.dumps({"content": [{"id": "m1"}]}))
    opened("bucket?org=works").prepare()
    assert len([call for call in server.sent_to("/api/v2/dbrps") if call.method == "POST"]) == 1


def test_a_missing_bucket_cannot_be_prepared(server: StandIn, opened: Callable[[str], InfluxStore]) -> None:
    server.answers["/api/v2/buckets"] = (200, json.dumps({"buckets": []}))
    with pytest.raises(ConfigurationError) as caught:
        opened("bucket?org=works").prepare()
    assert caught.value.code == "store_not_found"


_UNMAPPED = (200, json.dumps({"results": [{"statement_id": 0, "error": "database not found: bucket"}]}))


def test_a_bucket_without_mapping_gets_one_when_the_store_is_checked(
    server: StandIn, opened: Callable[[str], InfluxStore]
) -> None:
    server.answers["/query"] = _UNMAPPED
    server.answers["/api/v2/buckets"] = (200, json.dumps({"buckets": [{"id": "b1", "name": "bucket"}]}))
    server.answers["/api/v2/dbrps"] = (200, json.dumps({"content": []}))
    opened("bucket?org=works").check()
    assert [call.method for call in server.sent_to("/api/v2/dbrps")].count("POST") == 1


def test_a_token_that_may_not_map_says_what_the_operator_can_do(
    server: StandIn, opened: Callable[[str], InfluxStore]
) -> None:
    server.answers["/query"] = _UNMAPPED
    server.answers["/api/v2/buckets"] = (200, json.dumps({"buckets": [{"id": "b1", "name": "bucket"}]}))
    server.answers["/api/v2/dbrps"] = (401, json.dumps({"code": "unauthorized", "message": "unauthorized"}))
    with pytest.raises(ConfigurationError) as caught:
        opened("bucket?org=works").check()
    assert caught.value.code == "store_unauthorised"


_END = "\nname,tags,name\nmeasurements,,noise\n"
_CSV = "name,tags,time,laeq\nnoise,,5,60\nnoise,,6,61.5\n"


def test_deletion_names_the_series_and_the_last_nanosecond(
    server: StandIn, opened: Callable[[str], InfluxStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.influx.queries.fields_of", lambda _client, _kind: ["laeq"])
    server.answers["/query"] = (200, _CSV + _END)
    server.afterwards["/api/v2/delete"] = {"/query": (200, _END)}
    assert opened("bucket?org=works").delete_rows(EVERYTHING) == 2
    (call,) = server.sent_to("/api/v2/delete")
    assert call.query == {"bucket": "bucket", "org": "works"}
    assert json.loads(call.body) == {
        "start": "1970-01-01T00:00:00.000000000Z",
        "stop": "2026-11-16T00:00:00.000000000Z",
        "predicate": '_measurement="noise" AND site="plant" AND sensor="mic-1"',
    }


def test_rows_that_a_server_kept_are_noticed(
    server: StandIn, opened: Callable[[str], InfluxStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.influx.queries.fields_of", lambda _client, _kind: ["laeq"])
    server.answers["/query"] = (200, _CSV + _END)
    with pytest.raises(StoreUnreachableError) as caught:
        opened("bucket?org=works").delete_rows(EVERYTHING)
    assert caught.value.code == "store_kept_rows"


def test_a_server_that_cannot_delete_is_named(
    server: StandIn, opened: Callable[[str], InfluxStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.influx.queries.fields_of", lambda _client, _kind: ["laeq"])
    server.version = "3.0.1"
    server.answers["/query"] = (200, _CSV)
    server.answers["/api/v2/delete"] = (404, "404 page not found")
    with pytest.raises(ConfigurationError) as caught:
        opened("bucket?org=works").delete_rows(EVERYTHING)
    assert caught.value.code == "store_cannot_delete"


def test_a_3x_gets_one_statement_at_a_time(server: StandIn, opened: Callable[[str], InfluxStore]) -> None:
    server.version = "3.0.1"
    server.answers["/query"] = (200, json.dumps({"results": [{"statement_id": 0}]}))
    assert opened("bucket?org=works").partitions("plant") == []
    asked = server.sent_to("/query")
    assert len(asked) == 6
    assert not any(";" in call.query["q"] for call in asked)
