"""Requests to an InfluxDB server, its answers, and its refusals as our exceptions."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from ingest.influx.address import InfluxAddress
from sensors.errors import ConfigurationError, StoreUnreachableError

__all__ = ["InfluxClient", "LinesRefusedError", "TooLargeError"]

_CONNECT_S = 5.0
_CHUNK_ROWS = "100000"
_END_OF_ANSWER = b"name,tags,name\n"
_NOT_FOUND = re.compile(
    r"(?<!shard )not found|does not exist|could not find|retention policy not set", re.IGNORECASE
)
_RETRYABLE = (408, 429, 502, 503, 504)


class LinesRefusedError(Exception):
    """The server refused lines of one body (400 or 422); the rest of them may be stored."""


class TooLargeError(Exception):
    """The body is larger than the server takes (413)."""


class InfluxClient:
    """One server and one database or bucket; safe to share between threads."""

    def __init__(self, address: InfluxAddress) -> None:
        self._address = address
        # The secret goes into a header of each request: the client knows tokens only, not passwords of 1.x.
        self._client: Any = InfluxDBClient(url=address.server, token="", org=address.org or "-")
        self._has_v2_write: bool | None = None
        self._version: str | None = None
        secret = address.secret
        if secret is None:
            self._authorization: str | None = None
        elif ":" in secret:
            self._authorization = "Basic " + base64.b64encode(secret.encode()).decode()
        else:
            self._authorization = f"Token {secret}"

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @property
    def major(self) -> int:
        """Major version of the server; a server that does not say is taken for the one the URL names."""
        if self._version is None:
            answer = self._call("GET", "/ping")
            self._version = str(answer.headers.get("X-Influxdb-Version", ""))
        found = re.match(r"v?(\d+)\.", self._version)
        if found:
            return int(found[1])
        return 1 if self._address.org is None else 2

    def write(self, body: bytes) -> None:
        """Store line protocol with nanosecond times.

        Raises
        ------
        LinesRefusedError, TooLargeError
            See there.
        ConfigurationError, StoreUnreachableError
            Trying again needs a change first, or only time.
        """
        address = self._address
        if self._has_v2_write is not False:
            bucket = address.database if address.policy is None else f"{address.database}/{address.policy}"
            parameters = [("bucket", bucket), ("org", address.org or ""), ("precision", "ns")]
            try:
                self._call("POST", "/api/v2/write", parameters, body=body)
            except _PageNotFoundError:
                self._has_v2_write = False
            else:
                self._has_v2_write = True
                return
        self._call("POST", "/write", [*self._database(), ("precision", "ns")], body=body)

    def query(self, *statements: str, change: bool = False) -> list[list[Mapping[str, Any]]]:
        """Series of each InfluxQL statement, read as JSON; for small answers.

        Raises
        ------
        ConfigurationError
            The database, policy or right is missing, or the server does not understand the statement.
        """
        groups = [statements] if self.major < 3 else [(one,) for one in statements]
        series: list[list[Mapping[str, Any]]] = []
        for group in groups:
            parameters = [*self._database(), ("q", ";".join(group)), ("epoch", "ns")]
            answer = self._call("POST" if change else "GET", "/query", parameters, accept="application/json")
            results = json.loads(answer.data)["results"]
            for result in results:
                if "error" in result:
                    self._refused(200, str(result["error"]))
                series.append(result.get("series", []))
        return series

    def select(self, statement: str) -> bytes:
        """CSV of one InfluxQL SELECT, headed by ``name,tags,time,…``; empty when there are no rows.

        In CSV a server drops errors: a query that it stops half-way ends like a whole answer, with status
        200. A second statement is therefore sent along; a server answers it only when the first succeeded.
        """
        guarded = self.major < 3
        statements = f"{statement};SHOW MEASUREMENTS LIMIT 1" if guarded else statement
        parameters = [
            *self._database(),
            ("q", statements),
            ("epoch", "ns"),
            ("chunked", "true"),
            ("chunk_size", _CHUNK_ROWS),
        ]
        data = bytes(self._call("GET", "/query", parameters, accept="application/csv").data)
        if not guarded:
            return data
        end = data.rfind(_END_OF_ANSWER)
        if end < 0:
            raise StoreUnreachableError(
                "InfluxDB stopped in the middle of an answer",
                value=self._address.url,
                remedy="look for query-timeout and select limits in the server's settings",
                code="store_answer_cut",
            )
        return data[:end]

    def post_json(
        self, path: str, document: Mapping[str, Any], parameters: Sequence[tuple[str, str]] = ()
    ) -> Any:
        """POST a JSON document to the 2.x API; the decoded answer, if any."""
        answer = self._call("POST", path, parameters, body=document)
        return json.loads(answer.data) if answer.data else None

    def get_json(self, path: str, parameters: Sequence[tuple[str, str]]) -> Any:
        """GET a JSON document from the 2.x API."""
        return json.loads(self._call("GET", path, parameters, accept="application/json").data)

    def _database(self) -> list[tuple[str, str]]:
        found = [("db", self._address.database)]
        return found if self._address.policy is None else [*found, ("rp", self._address.policy)]

    def _call(
        self,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        body: bytes | Mapping[str, Any] = b"",
        accept: str = "application/json",
    ) -> Any:
        content = "text/plain; charset=utf-8" if isinstance(body, bytes) else "application/json"
        headers = {"Accept": accept, "Content-Type": content}
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        timeout_ms = (
            int(min(_CONNECT_S, self._address.timeout_s) * 1000),
            int(self._address.timeout_s * 1000),
        )
        api = self._client.api_client
        try:
            answer = api.rest_client.request(
                method,
                self._address.server + path,
                query_params=list(parameters),
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=timeout_ms,
            )
            answer.data  # noqa: B018 - reads the body, so that the connection goes back to the pool
        except ApiException as refused:
            self._refused(int(refused.status or 0), _message(refused), path)
        except HTTPError as trouble:
            raise StoreUnreachableError(
                f"InfluxDB does not answer: {self._address.masked(_plain(trouble))}",
                value=self._address.url,
                remedy="start the server or correct [store] url; what was received waits in the journal",
                code="store_unreachable",
            ) from trouble
        return answer

    def _refused(self, status: int, message: str, path: str = "/query") -> NoReturn:
        """Turn a refusal into the exception that says what would cure it."""
        message = self._address.masked(message)
        writing = path.endswith("/write")
        if status == 404 and "page not found" in message:
            raise _PageNotFoundError(message)
        if status in (401, 403) or (status == 200 and "authoriz" in message):
            raise ConfigurationError(
                f"InfluxDB refuses the token or password: {message}",
                value=self._address.url,
                remedy="set VIGIPOSTE_STORE_TOKEN or [store] token_file (a token, or user:password)",
                code="store_unauthorised",
            )
        if status == 413:
            raise TooLargeError(message)
        if writing and status in (400, 422):
            raise LinesRefusedError(message)
        if _NOT_FOUND.search(message) or status == 404:
            raise ConfigurationError(
                f"InfluxDB has no such database, bucket or retention policy: {message}",
                value=self._address.url,
                remedy=(
                    "create it, or correct [store] url"
                    if self._address.org is None
                    else "create the bucket, or give the token the right to read it; correct [store] url"
                ),
                code="store_not_found",
            )
        if status in _RETRYABLE or status >= 500 or (status == 200 and "parsing" not in message):
            raise StoreUnreachableError(
                f"InfluxDB cannot answer now: {message}", value=self._address.url, code="store_unavailable"
            )
        raise ConfigurationError(
            f"InfluxDB refuses the request: {message}",
            value=self._address.url,
            rule=f"status {status}",
            remedy="check that [store] url names an InfluxDB server",
            code="store_refused",
        )


class _PageNotFoundError(ConfigurationError):
    """The server does not know the path: an older version, or no InfluxDB at all."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"the server does not know InfluxDB's paths: {message}",
            remedy="check that [store] url names an InfluxDB server",
            code="store_not_influxdb",
        )


def _message(refused: ApiException) -> str:
    """What the server says, whatever form it says it in."""
    raw = getattr(getattr(refused, "response", None), "data", None) or refused.body or refused.reason or ""
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    try:
        document = json.loads(text)
    except ValueError:
        return text.strip()
    if isinstance(document, dict):
        return str(document.get("error") or document.get("message") or document.get("code") or text)
    return text


def _plain(trouble: HTTPError) -> str:
    """First line of a connection error without object addresses."""
    return re.sub(r"<[^>]*>:?\s*", "", str(trouble)).splitlines()[0]
