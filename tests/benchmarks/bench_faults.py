"""The same faults for the ingest and for Telegraf's ``mqtt_consumer``: what each stores of what was sent.

One Mosquitto (with the settings of ``vigiposte init``) and one InfluxDB 1.x serve both; each program runs the
same load through the same faults, with a fresh session and a fresh database. *Lost* are messages that the
broker accepted and the database does not have a while after the fault; *bad* are rows that no sensor's good
message carried. Without ``telegraf`` on PATH the ingest runs alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
_SERVERS = runpy.run_path(str(REPOSITORY / "tests" / "conftest.py"))
_LOAD = runpy.run_path(str(REPOSITORY / "tests" / "ingest" / "conftest.py"))
_PEER = runpy.run_path(str(Path(__file__).with_name("telegraf_peer.py")))
_SENSORS: tuple[str, ...] = _LOAD["LOAD_SENSORS"]
_START_S: int = _LOAD["LOAD_START_S"]
_message: Callable[[int], tuple[str, bytes]] = _LOAD["load_message"]
_INGEST = "import sys; from vigiposte import main; sys.exit(main())"
_QUIET_S = 6.0
_LONGEST_S = 60.0


def _poison(number: int) -> tuple[str, bytes]:
    """What broken firmware, a wrong unit, a dead clock and a stranger send, each at a time of its own."""
    later = _START_S + 10_000_000 + number
    payload = (
        b"\x00\xff not json",
        b'{"t": %d, "laeq": 70}' % number,
        b'{"t": %d, "laeq": "loud"}' % later,
        b'{"t": %d, "laeq": 70}' % later,
        b'{"t": %d, "laeq": 1e12}' % later,
        b"[" * 5_000,
    )[number // 2 % 6]
    stranger = number // 2 % 6 == 3
    return "vigiposte/v1/plant/stranger/json" if stranger else _message(number)[0], payload


class _Ingest:
    """``vigiposte ingest`` as a service manager runs it."""

    name = "vigiposte"
    measurement, tag = "noise", "sensor"

    def __init__(self, folder: Path, broker_port: int, influx: Any, database: str) -> None:
        folder.mkdir(parents=True)
        sensors = "".join(
            f'[[sensors]]\nid = "{s}"\nkind = "noise"\norigin = "simulated"\n' for s in _SENSORS
        )
        store = f'[store]\nurl = "influxdb://127.0.0.1:{influx.port}/{database}"\nsummaries = "lake:./lake"\n'
        mqtt = f'[mqtt]\nurl = "mqtt://127.0.0.1:{broker_port}"\n'
        self._site = folder / "site.toml"
        self._site.write_text(f'schema = 1\n[site]\nid = "plant"\nlabel = "Plant"\n{mqtt}{store}{sensors}')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", _INGEST, "ingest", "--site", str(self._site), "--reduce-every", "0"]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=30)

    def kept_apart(self) -> str:
        kept = sum(
            len(path.read_text().splitlines())
            for path in (self._site.parent / "journal" / "quarantine").glob("*.jsonl")
        )
        return f"{kept:,} in quarantine, with reasons"


class _Telegraf:
    """Telegraf as ``telegraf_peer.py`` configures it."""

    name = "telegraf"
    measurement, tag = "mqtt_consumer", "topic"

    def __init__(self, folder: Path, broker_port: int, influx: Any, database: str) -> None:
        topics = "vigiposte/v1/plant/+/json"
        self._peer = _PEER["Telegraf"](folder, broker_port, topics, influx.http_url, database)
        self.start, self.stop, self.kill = self._peer.start, self._peer.stop, self._peer.kill

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        process: subprocess.Popen[bytes] | None = self._peer.process
        return process

    def kept_apart(self) -> str:
        errors = sum("E! " in line for line in self._peer.log.read_text(errors="replace").splitlines())
        return f"{errors:,} error lines in its log"


@dataclass
class _Run:
    """One program in one fault."""

    subject: Any
    broker: Any
    influx: Any
    database: str
    accepted: set[int] = field(default_factory=set)
    peak_mb: float = 0.0

    def publish(self, numbers: Iterable[int], rate: float) -> None:
        """Send messages; those that the broker acknowledged count as sent."""
        numbers = list(numbers)
        publisher = _LOAD["Blaster"](self.broker.port, f"publisher-{numbers[0]}")
        try:
            publisher.publish(map(_message, numbers), rate=rate)
            publisher.finish()
        except OSError:
            publisher.close()
        self.accepted |= set(numbers[: publisher.accepted])

    def beside(self, numbers: Iterable[int], rate: float) -> threading.Thread:
        thread = threading.Thread(target=self.publish, args=(numbers, rate))
        thread.start()
        return thread

    def kill(self) -> None:
        self.note_memory()
        self.subject.kill()

    def note_memory(self) -> None:
        if self.subject.process is not None:
            self.peak_mb = max(self.peak_mb, _PEER["peak_mb"](self.subject.process.pid))

    def stored(self) -> tuple[set[int], int]:
        """Numbers of the load's messages that are in the database, and rows of no such message."""
        tag, measurement = self.subject.tag, self.subject.measurement
        statement = f"SELECT laeq FROM {measurement} GROUP BY {tag}"  # noqa: S608 - names of this file
        query = urllib.parse.urlencode({"db": self.database, "q": statement, "epoch": "s"})
        with urllib.request.urlopen(f"{self.influx.http_url}/query?{query}", timeout=60) as answer:
            results = json.load(answer)["results"]
        numbers: set[int] = set()
        bad = 0
        for series in results[0].get("series", []):
            levels = [part for part in series["tags"][tag].split("/") if part in _SENSORS]
            for moment, level in series["values"]:
                number = (moment - _START_S) * len(_SENSORS) + (_SENSORS.index(levels[0]) if levels else 0)
                if levels and number >= 0 and abs(level - (40 + number % 500 / 10)) < 0.06:
                    numbers.add(number)
                else:
                    bad += 1
        return numbers, bad

    def settle(self) -> tuple[int, int]:
        """Wait until everything is stored or nothing moves any more; lost messages and bad rows."""
        began = changed = time.monotonic()
        before = -1
        while True:
            numbers, bad = self.stored()
            self.note_memory()
            missing = len(self.accepted - numbers)
            now = time.monotonic()
            if len(numbers) + bad != before:
                before, changed = len(numbers) + bad, now
            if (not missing and now - changed > 1.5) or now - changed > _QUIET_S or now - began > _LONGEST_S:
                return missing, bad
            time.sleep(0.3)


def _undisturbed(run: _Run, count: int) -> None:
    run.publish(range(count), rate=2_000)


def _killed(run: _Run, count: int) -> None:
    chance = random.Random(7)
    thread = run.beside(range(count), rate=count / 6)
    for _ in range(4):
        time.sleep(1.0 + chance.uniform(0.0, 0.6))
        run.kill()
        run.subject.start()
    thread.join()


def _store_away(run: _Run, count: int) -> None:
    thread = run.beside(range(count), rate=count / 5)
    time.sleep(1.0)
    run.influx.kill()
    thread.join()
    time.sleep(1.0)
    run.influx.start()


def _store_away_and_killed(run: _Run, count: int) -> None:
    thread = run.beside(range(count), rate=count / 4)
    time.sleep(1.0)
    run.influx.kill()
    thread.join()
    run.kill()
    run.subject.start()
    time.sleep(2.0)
    run.influx.start()


def _poisoned(run: _Run, count: int) -> None:
    def messages() -> Iterator[tuple[str, bytes]]:
        for number in range(count):
            yield _message(number)
            if number % 2:
                yield _poison(number)

    _LOAD["publish_all"](run.broker.port, messages(), rate=2_000)
    run.accepted |= set(range(count))


def _broker_restarted(run: _Run, count: int) -> None:
    for part in range(2):
        thread = run.beside(range(part * count, part * count + count // 2), rate=count / 3)
        time.sleep(0.8)
        run.broker.stop()
        thread.join()
        run.broker.start()
        time.sleep(1.0)
    run.publish(range(3 * count, 3 * count + 500), rate=2_000)


_FAULTS: dict[str, Callable[[_Run, int], None]] = {
    "none": _undisturbed,
    "kill -9, 4 times, under load": _killed,
    "InfluxDB down for seconds, then up": _store_away,
    "InfluxDB down, program killed meanwhile": _store_away_and_killed,
    "poison, 1 message in 3": _poisoned,
    "broker stopped and started, twice": _broker_restarted,
}


def _broker(folder: Path) -> Any:
    from sensors.init_files import template

    conf = template("mosquitto.conf").replace("listener 1883", "listener {port}", 1)
    conf += "\nuser root\n" if os.geteuid() == 0 else ""
    folder.mkdir(parents=True)
    server = _SERVERS["MosquittoServer"](folder, _SERVERS["take_free_port"](), conf)
    server.start()
    return server


def _through(fault: str, kind: Any, folder: Path, influx: Any, count: int) -> tuple[_Run, int, int]:
    broker = _broker(folder / "broker")
    database = influx.new_database().rpartition("/")[2]
    run = _Run(kind(folder / "program", broker.port, influx, database), broker, influx, database)
    try:
        run.subject.start()
        time.sleep(2.5)
        _FAULTS[fault](run, count)
        missing, bad = run.settle()
        run.subject.stop()
    finally:
        if run.subject.process is not None and run.subject.process.poll() is None:
            run.subject.kill()
        broker.kill()
    return run, missing, bad


def main() -> None:
    """Print one line a fault and program, then the totals side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4_000, help="messages a fault")
    parser.add_argument("--only", choices=list(_FAULTS), action="append", help="this fault only")
    options = parser.parse_args()
    if not shutil.which("influxd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"):
        raise SystemExit("InfluxDB is not installed: not measured")
    kinds: list[Any] = [_Ingest]
    if shutil.which("telegraf"):
        kinds.append(_Telegraf)
    else:
        print("telegraf is not on PATH: the ingest alone")
    print(f"{'fault':<42}{'program':<11}{'sent':>7}{'lost':>7}{'bad':>6}{'peak MB':>9}  kept apart")
    lost = dict.fromkeys((kind.name for kind in kinds), 0)
    memory = dict.fromkeys((kind.name for kind in kinds), 0.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "influx").mkdir()
        influx = _SERVERS["InfluxServer"](folder / "influx", _SERVERS["take_free_port"]())
        influx.start()
        try:
            for number, fault in enumerate(options.only or _FAULTS):
                for kind in kinds:
                    place = folder / f"{number}-{kind.name}"
                    run, missing, bad = _through(fault, kind, place, influx, options.messages)
                    lost[kind.name] += missing
                    memory[kind.name] = max(memory[kind.name], run.peak_mb)
                    apart = run.subject.kept_apart() if fault.startswith("poison") else ""
                    print(
                        f"{fault:<42}{kind.name:<11}{len(run.accepted):>7,}{missing:>7,}{bad:>6,}"
                        f"{run.peak_mb:>9.0f}  {apart}",
                        flush=True,
                    )
        finally:
            influx.kill()
    if len(kinds) == 2:
        ours, theirs = (kind.name for kind in kinds)
        print(
            f"lost in all: {ours} {lost[ours]:,}, {theirs} {lost[theirs]:,}; "
            f"memory {ours} / {theirs} = {memory[ours] / memory[theirs]:.2f}"
        )


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s")
