"""Hours in minutes: memory that stays flat, and a store that is away for long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.store import Store, open_store

pytestmark = [pytest.mark.mosquitto]

SOAK = os.environ.get("VIGIPOSTE_SOAK") == "1"
RUN_S = float(os.environ.get("VIGIPOSTE_SOAK_SECONDS", "600"))
RATE = 2_000


@pytest.fixture(autouse=True)
def _only_in_the_soak_run() -> None:
    if not SOAK:
        pytest.skip("VIGIPOSTE_SOAK=1 runs it")


def _publish_for(
    seconds: float, blaster: Any, port: int, message: Callable[[int], tuple[str, bytes]]
) -> tuple[threading.Thread, Any]:
    publisher = blaster(port, "long-run")
    thread = threading.Thread(
        target=publisher.publish,
        args=((message(n) for n in range(int(seconds * RATE))),),
        kwargs={"rate": RATE},
    )
    thread.start()
    return thread, publisher


def test_memory_stays_flat(
    mosquitto: Any,
    blaster: Any,
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto()
    process = ingest_process(load_site_file, mqtt_url=server.url, compact_every_s=30.0)
    process.wait_connected()
    thread, publisher = _publish_for(RUN_S, blaster, server.port, load_message)
    statm, page_mb = Path(f"/proc/{process.pid}/statm"), os.sysconf("SC_PAGESIZE") / 1e6
    memory: list[float] = []
    while thread.is_alive():
        memory.append(int(statm.read_text().split()[1]) * page_mb)
        thread.join(RUN_S / 200)
    accepted = publisher.finish()
    lake = open_store("lake:./lake", base=load_site_file.parent)
    time.sleep(8.0)
    assert process.terminate()[0] < 5.0
    warm, last = memory[len(memory) // 4 : len(memory) // 2], memory[-len(memory) // 4 :]
    half = memory[len(memory) // 2 :]
    slope = np.polyfit(np.linspace(RUN_S / 120, RUN_S / 60, len(half)), half, 1)[0]
    print(
        f"memory: warm {max(warm):.0f} MB, at the end {max(last):.0f} MB, "
        f"{slope:+.2f} MB a minute over the second half; {accepted} messages"
    )
    assert max(last) < 1.2 * max(warm)
    assert stored_numbers(lake) == set(range(accepted))


@pytest.mark.influxdb
def test_a_store_away_for_a_long_time_is_caught_up_with_in_order(
    mosquitto: Any,
    own_influxdb: Callable[..., Any],
    blaster: Any,
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server, influx = mosquitto(), own_influxdb()
    url = influx.new_database()
    process = ingest_process(load_site_file, store=url, mqtt_url=server.url)
    process.wait_connected()
    thread, publisher = _publish_for(RUN_S / 2, blaster, server.port, load_message)
    time.sleep(1.0)
    influx.kill()
    thread.join()
    accepted = publisher.finish()
    began = time.monotonic()
    influx.start()
    store = open_store(url, summaries_url="lake:./lake", base=load_site_file.parent)
    while len(stored_numbers(store)) < accepted:
        assert time.monotonic() - began < RUN_S
        time.sleep(1.0)
    print(f"{accepted} messages were caught up with in {time.monotonic() - began:.0f} s")
    process.terminate()
    assert stored_numbers(store) == set(range(accepted))
    store.close()
