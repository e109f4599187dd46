"""Prometheus metrics and a health answer, on the loopback interface."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ingest.counters import IngestCounters
from ingest.pipeline.health import SensorHealth
from sensors.errors import LocalResourceError

__all__ = ["MetricsServer", "health_problems"]

_HOST = "127.0.0.1"


def health_problems(counters: IngestCounters) -> list[str]:
    """What hinders the ingest now; nothing when it is well."""
    problems = []
    if counters.broker != "connected":
        problems.append(f"broker: {counters.broker}")
    if counters.journal_blocked:
        problems.append(f"journal: {counters.journal_blocked}")
    if counters.store_trouble:
        problems.append(f"store: {counters.store_trouble}")
    return problems


class _Collector:
    def __init__(self, counters: IngestCounters, sensors: Mapping[str, SensorHealth]) -> None:
        self._counters = counters
        self._sensors = sensors

    def collect(self) -> Iterator[Any]:
        counters = self._counters
        for name, text, value in (
            ("received", "Messages received from the broker", counters.received),
            ("received_bytes", "Payload bytes received from the broker", counters.received_bytes),
            ("journaled", "Messages durable in the journal", counters.journaled),
            ("accepted", "Messages whose readings are durable in the store", counters.stored),
            ("rows", "Rows stored", counters.rows),
            ("values", "Values stored", counters.values),
            ("rejected_rows", "Rows that the store refused for good", counters.rejected_rows),
            ("late_rows", "Rows more than 15 min behind their sensor's newest", counters.late),
            ("skewed_rows", "Rows of sensors whose clock is wrong", counters.skewed),
            ("journal_damage", "Damaged spans of the journal that were skipped", counters.damaged),
            ("broker_connects", "Connections made to the broker", counters.connects),
            ("store_retries", "Times the store had to be tried again", counters.store_waits),
            ("store_writes", "Writes to the store", counters.store_writes),
            ("store_seconds", "Time spent in writes to the store", counters.store_seconds),
        ):
            yield CounterMetricFamily(f"vigiposte_ingest_{name}", text, value=value)
        rejected = CounterMetricFamily(
            "vigiposte_ingest_rejected", "Messages in quarantine", labels=["reason"]
        )
        for reason, count in list(counters.rejected.items()):
            rejected.add_metric([reason], count)
        yield rejected
        waiting = counters.oldest_waiting_ns
        age_s = max(0.0, time.time() - waiting / 1e9) if waiting else 0.0
        for name, text, value in (
            ("journal_bytes", "Journaled bytes not yet in the store", counters.backlog_bytes),
            ("journal_age_seconds", "Age of the oldest message not yet in the store", age_s),
            ("broker_connected", "1 while connected to the broker", float(counters.broker == "connected")),
            (
                "journal_blocked",
                "1 while the disk refuses the journal",
                float(bool(counters.journal_blocked)),
            ),
            (
                "store_blocked",
                "1 while the store does not take readings",
                float(bool(counters.store_trouble)),
            ),
        ):
            yield GaugeMetricFamily(f"vigiposte_ingest_{name}", text, value=value)
        seen = GaugeMetricFamily(
            "vigiposte_sensor_last_seen_seconds",
            "Arrival of the sensor's last message (seconds since 1970)",
            labels=["sensor"],
        )
        rows = CounterMetricFamily("vigiposte_sensor_rows", "Rows of the sensor", labels=["sensor"])
        battery = GaugeMetricFamily(
            "vigiposte_sensor_battery_percent", "Battery of the sensor", labels=["sensor"]
        )
        for name, state in list(self._sensors.items()):
            if state.last_seen_ns:
                seen.add_metric([name], state.last_seen_ns / 1e9)
                rows.add_metric([name], state.rows)
            if state.battery is not None:
                battery.add_metric([name], state.battery)
        yield from (seen, rows, battery)


class MetricsServer:
    """A thread that answers ``GET /metrics`` and ``GET /health`` (503 while something hinders the ingest).

    Raises
    ------
    LocalResourceError
        ``port_in_use``.
    """

    def __init__(self, port: int, counters: IngestCounters, sensors: Mapping[str, SensorHealth]) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(counters, sensors))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path == "/health":
                    problems = health_problems(counters)
                    body = json.dumps(
                        {"schema": "vigiposte.health/1", "ok": not problems, "problems": problems}
                    )
                    self._answer(503 if problems else 200, "application/json", body.encode())
                else:
                    self._answer(404, "text/plain", b"try /metrics or /health\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not worth a line."""

        try:
            self._server = ThreadingHTTPServer((_HOST, port), Handler)
        except OSError as error:
            raise LocalResourceError(
                f"the metrics port cannot be opened: {error.strerror}",
                value=port,
                rule="a free port of this machine",
                remedy="choose another one with --metrics",
                code="port_in_use",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Port that is listened on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)
