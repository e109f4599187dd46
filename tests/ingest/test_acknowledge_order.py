"""Some brokers close a connection whose acknowledgements are out of order: status must wait its turn."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path

from ingest.counters import IngestCounters
from ingest.service import run_ingest
from ingest.store import open_store
from sensors.site_file import load_site
from simulators.broker import EmbeddedBroker
from simulators.messages import plant_messages, status_messages
from simulators.mqtt_link import parse_url
from simulators.publisher import publish
from simulators.scenario import load_scenario
from simulators.site_writer import write_site


def test_status_between_readings_keeps_the_connection(tmp_path: Path) -> None:
    scenario = load_scenario("quick")
    monday = date(2026, 11, 16)
    book = load_site(write_site(scenario, 1, monday, tmp_path))
    store = open_store("lake:./lake", base=tmp_path)
    short = scenario.model_copy(update={"workstations": scenario.workstations[:1]})
    readings = list(plant_messages(short, 1, monday))[:600]
    counters, stop = IngestCounters(), threading.Event()
    with EmbeddedBroker() as broker:
        ingest = threading.Thread(
            target=run_ingest,
            args=(book, store),
            kwargs={
                "mqtt_url": broker.url,
                "journal": tmp_path / "journal",
                "counters": counters,
                "stop": stop,
                "feed_interval_s": 0.1,
            },
        )
        ingest.start()
        try:
            deadline = time.monotonic() + 30
            while counters.broker != "connected":
                assert time.monotonic() < deadline
                time.sleep(0.01)
            statuses = list(status_messages(short, "online"))
            mixed = [
                message
                for place in range(0, len(readings), 10)
                for message in (*readings[place : place + 10], *statuses)
            ]
            publish(mixed, parse_url(broker.url))
            while counters.settled < len(readings):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            stop.set()
            ingest.join(20)
    store.close()
    assert counters.connects == 1
    assert (counters.received, counters.settled) == (len(readings), len(readings))
