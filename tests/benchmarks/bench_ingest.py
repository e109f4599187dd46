"""Drain a queued backlog from Mosquitto, durable before acknowledged, and say how that compares.

Run it as a script. The baseline, measured in the same run, is ``paho``: it receives and acknowledges by hand,
and keeps nothing. Nothing is asserted here: the machine may be busy. Figures are messages, rows and values a
second of wall time, CPU time a message, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
_SERVERS = runpy.run_path(str(REPOSITORY / "tests" / "conftest.py"))
_LOAD = runpy.run_path(str(REPOSITORY / "tests" / "ingest" / "conftest.py"))
_SENSORS = 20
_START_S = 1_795_000_000
_SAMPLES = 50

_INGEST = """
import json, resource, sys, threading, time
from pathlib import Path
from ingest.counters import IngestCounters
from ingest.service import run_ingest
from ingest.store import open_store
from sensors.site_file import load_site
options = json.loads(sys.argv[1])
book = load_site(Path(options.pop("site")))
store = open_store(options.pop("store"), base=book.folder, writer=options.get("writer"))
counters, last = IngestCounters(), [0.0]
print("ready", flush=True)
sys.stdin.readline()
began, cpu = time.time(), time.process_time()
def note(_):
    last[0] = time.time()
run_ingest(book, store, counters=counters, on_progress=note, compact_every_s=1e9, **options)
print(json.dumps({"began": began, "ended": last[0], "cpu_s": time.process_time() - cpu,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "stored": counters.stored,
    "rows": counters.rows, "values": counters.values, "received": counters.received}))
"""

_PAHO = """
import json, sys, time
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
port, expected, topic = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="baseline", clean_session=False, manual_ack=True,
                     protocol=MQTTProtocolVersion.MQTTv311)
seen = 0
def on_message(client, _user, message):
    global seen
    client.ack(message.mid, message.qos)
    seen += 1
    if seen >= expected:
        client.disconnect()
client.on_message = on_message
client.on_connect = lambda client, *_: client.subscribe(topic, 1)
if not expected:
    client.on_subscribe = lambda client, *_: client.disconnect()
print("ready", flush=True)
sys.stdin.readline()
client.connect("127.0.0.1", port)
began, cpu = time.time(), time.process_time()
client.loop_forever()
print(json.dumps({"began": began, "ended": time.time(), "cpu_s": time.process_time() - cpu}))
"""


def _site(folder: Path, shared: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = 'schema = 1\n[site]\nid = "bench"\nlabel = "Bench"\n'
    if shared:
        text += '[mqtt]\nshared_group = "bench"\n'
    for number in range(_SENSORS):
        text += f'[[sensors]]\nid = "n-{number}"\nkind = "noise"\norigin = "simulated"\n'
        text += f'[[sensors]]\nid = "p-{number}"\nkind = "posture"\norigin = "simulated"\n'
    path = folder / "site.toml"
    path.write_text(text)
    return path


def _singles(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        second = _START_S + number // _SENSORS
        payload = b'{"t": %d, "laeq": %.1f, "lcpeak": %.1f}' % (
            second,
            60 + number % 300 / 10,
            90 + number % 99 / 10,
        )
        yield f"vigiposte/v1/bench/n-{number % _SENSORS}/json", payload


def _columns(count: int) -> Iterator[tuple[str, bytes]]:
    blocks = [
        ",".join(f"{(37 * k + 11 * n + axis) % 2000 / 1000 - 1:.4f}" for k in range(_SAMPLES))
        for n in range(40)
        for axis in range(3)
    ]
    for number in range(count):
        x, y, z = (blocks[3 * (number % 40) + axis] for axis in range(3))
        start = f'{{"t0": {_START_S + number // _SENSORS}, "dt": 0.02'
        payload = f'{start}, "acc_x": [{x}], "acc_y": [{y}], "acc_z": [{z}]}}'
        yield f"vigiposte/v1/bench/p-{number % _SENSORS}/columns", payload.encode()


class _Child:
    """A Python child that waits for the start signal and prints one JSON line at its end."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        output, _ = self._process.communicate(timeout=600)
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer


class _Bench:
    """One Mosquitto with the settings that ``vigiposte init`` ships, and one folder."""

    def __init__(self, folder: Path) -> None:
        from sensors.init_files import template

        self.folder = folder
        conf = template("mosquitto.conf").replace("listener 1883", "listener {port}", 1)
        if os.geteuid() == 0:
            conf += "\nuser root\n"
        (folder / "broker").mkdir()
        self.server = _SERVERS["MosquittoServer"](folder / "broker", _SERVERS["take_free_port"](), conf)
        self.server.start()
        self._runs = 0

    def publish(self, messages: Iterator[tuple[str, bytes]]) -> int:
        accepted: int = _LOAD["publish_all"](self.server.port, messages)
        return accepted

    def paho(self, messages: Iterator[tuple[str, bytes]]) -> dict[str, Any]:
        topic = "vigiposte/v1/bench/+/+"
        opening = _Child(_PAHO, str(self.server.port), "0", topic)
        opening.go()
        opening.result()
        count = self.publish(messages)
        child = _Child(_PAHO, str(self.server.port), str(count), topic)
        child.go()
        result = child.result()
        # The baseline's session must not go on collecting what the next runs publish.
        subprocess.run(
            [sys.executable, "-c", _FORGET, str(self.server.port)], check=True, cwd=REPOSITORY, timeout=60
        )
        return {**result, "stored": count}

    def ingest(
        self, messages: Iterator[tuple[str, bytes]], store: str = "lake:./lake", workers: int = 1
    ) -> dict[str, Any]:
        self._runs += 1
        site = _site(self.folder / f"run{self._runs}", shared=workers > 1)
        names = [f"w{self._runs}-{number}" for number in range(workers)]
        common = {"site": str(site), "store": store, "mqtt_url": self.server.url}
        openings = [_Child(_INGEST, json.dumps({**common, "writer": n, "until_idle_s": 0.5})) for n in names]
        for one in openings:
            one.go()
        for one in openings:
            one.result()
        count = self.publish(messages)
        end = {"expected_messages": count} if workers == 1 else {"until_idle_s": 2.0}
        children = [_Child(_INGEST, json.dumps({**common, "writer": name, **end})) for name in names]
        for one in children:
            one.go()
        results = [one.result() for one in children]
        merged = {
            key: sum(result[key] for result in results)
            for key in ("stored", "rows", "values", "received", "cpu_s", "peak_mb")
        }
        merged["began"] = min(result["began"] for result in results)
        merged["ended"] = max(result["ended"] for result in results)
        if merged["stored"] < count:
            raise SystemExit(f"only {merged['stored']} of {count} messages were stored")
        # Forget the session: what the next run publishes must not queue up for this one.
        for name in names:
            subprocess.run(
                [sys.executable, "-c", _FORGET, str(self.server.port), f"vigiposte-ingest-bench-{name}"],
                check=True,
                cwd=REPOSITORY,
                timeout=60,
            )
        return merged


_FORGET = """
import sys
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
name = (sys.argv[2:] or ["baseline"])[0]
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
client.on_connect = lambda client, *_: client.disconnect()
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
"""


def _show(name: str, result: dict[str, Any], baseline: float | None = None) -> float:
    seconds = result["ended"] - result["began"]
    rate = float(result["stored"] / seconds)
    parts = [f"{name:<44} {rate:>9,.0f} messages/s"]
    if result.get("rows"):
        parts.append(
            f"{result['rows'] / seconds:>11,.0f} rows/s {result['values'] / seconds:>12,.0f} values/s"
        )
    parts.append(f"{result['cpu_s'] / result['stored'] * 1e6:6.1f} µs CPU/message")
    if "peak_mb" in result:
        parts.append(f"{result['peak_mb']:5.0f} MB peak")
    if baseline is not None:
        parts.append(f"{rate / baseline:5.2f} × paho")
    print("  ".join(parts), flush=True)
    return rate


def _influx(bench: _Bench, columns: int, singles: int, base: float) -> None:
    folder = bench.folder / "influx"
    folder.mkdir()
    server = _SERVERS["InfluxServer"](folder, _SERVERS["take_free_port"]())
    server.start()
    try:
        _show("journal alone into InfluxDB", _journal_alone(bench.folder, server.new_database(), columns))
        result = bench.ingest(_columns(columns), store=server.new_database())
        _show(f"1 ingest into InfluxDB, {_SAMPLES} × 3 axes", result, base)
        result = bench.ingest(_singles(singles), store=server.new_database())
        ours = _show("1 ingest into InfluxDB, singles", result)
        if not shutil.which("telegraf"):
            print("telegraf is not on PATH: not measured")
            return
        database = server.new_database().rpartition("/")[2]
        peer = runpy.run_path(str(Path(__file__).with_name("telegraf_peer.py")))["drain"]
        result = peer(
            folder, bench.server.port, server.http_url, database, lambda: bench.publish(_singles(singles))
        )
        theirs = _show("telegraf mqtt_consumer into InfluxDB, singles", result)
        print(f"  telegraf lost {result['lost']}; ingest / telegraf = {ours / theirs:.2f}")
    finally:
        server.kill()


def _journal_alone(folder: Path, store_url: str, columns: int) -> dict[str, Any]:
    """Feed a journal that is full already, without a broker."""
    from ingest.counters import IngestCounters
    from ingest.journal import Arrival, Cursor, JournalReader, JournalWriter
    from ingest.pipeline import Feeder, Router, SensorHealth
    from ingest.quarantine import Quarantine
    from ingest.store import open_store
    from sensors.site_file import load_site

    book = load_site(_site(folder / "alone", shared=False))
    journal = book.folder / "journal"
    writer = JournalWriter(journal)
    for topic, payload in _columns(columns):
        writer.append([Arrival(topic.encode(), payload, time.time_ns())])
    cursor, counters = Cursor(journal), IngestCounters()
    store = open_store(store_url, base=book.folder)
    feeder = Feeder(
        "bench",
        JournalReader(writer, cursor),
        store,
        Router(book),
        Quarantine(journal / "quarantine", max_age_days=1),
        counters,
        {sensor.id: SensorHealth() for sensor in book.site.sensors},
        threading.Event(),
    )
    began, cpu = time.time(), time.process_time()
    while feeder.feed():
        pass
    result = {
        "began": began,
        "ended": time.time(),
        "cpu_s": time.process_time() - cpu,
        "stored": counters.stored,
        "rows": counters.rows,
        "values": counters.values,
    }
    store.close()
    writer.close()
    cursor.close()
    return result


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--singles", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=60_000)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f} before the start"
        + (" (BUSY: trust ratios only)" if load > 0.7 else "")
    )
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        try:
            base = _show("paho, receive + manual ack, singles", bench.paho(_singles(options.singles)))
            _show("1 ingest into the lake, singles", bench.ingest(_singles(options.singles)), base)
            _show(
                "2 ingests, shared, into the lake, singles",
                bench.ingest(_singles(options.singles), workers=2),
                base,
            )
            base = _show(
                f"paho, receive + manual ack, {_SAMPLES} × 3 axes", bench.paho(_columns(options.columns))
            )
            _show(
                f"1 ingest into the lake, {_SAMPLES} × 3 axes", bench.ingest(_columns(options.columns)), base
            )
            _show(
                f"2 ingests, shared, into the lake, {_SAMPLES} × 3 axes",
                bench.ingest(_columns(options.columns), workers=2),
                base,
            )
            if shutil.which("influxd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"):
                _influx(bench, options.columns // 4, options.singles // 4, base)
            else:
                print("InfluxDB is not installed: not measured")
        finally:
            bench.server.kill()


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s")
