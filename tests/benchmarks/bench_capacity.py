"""Cost of one sensor-day (8 h) of each modality, from MQTT to the report, and what larger numbers come to.

``python tests/benchmarks/bench_capacity.py [sensor-days]``. Real parts: the embedded broker, the ingest as a
process of its own, the lake, the reduction, the weekly result. Processor time, so that a busy machine spoils
little; bytes as they lie on disk after compaction. The table is the one of ``docs/capacity.md``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from copied_readings import MONDAY, SITE, write_site_file  # type: ignore[import-not-found]

from indicators.reduction.service import reduce_partitions
from indicators.weekly import weekly_result
from ingest.store import Store, open_store
from sensors.formats import WireFormat, encode
from sensors.periods import DatePeriod
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from sensors.topics import build_topic
from simulators.broker import EmbeddedBroker
from simulators.devices import reading_batches
from simulators.messages import Message
from simulators.mqtt_link import parse_url
from simulators.publisher import publish
from simulators.scenario import load_scenario

ROLES = {Kind.NOISE: "noise", Kind.CLIMATE: "climate", Kind.POSTURE: "trunk"}
FORMATS = {
    Kind.NOISE: WireFormat.COLUMNS,
    Kind.CLIMATE: WireFormat.JSON,
    Kind.POSTURE: WireFormat.COLUMNS_MSGPACK,
}
ROWS_A_MESSAGE = {Kind.NOISE: 60, Kind.CLIMATE: 1, Kind.POSTURE: 1500}
FLEETS = (10, 1_000, 100_000)
# Of a hundred sensors: what the demonstration plant has at a workstation, one of each and two for posture.
MIX = {Kind.NOISE: 0.25, Kind.CLIMATE: 0.25, Kind.POSTURE: 0.5}


@dataclass(slots=True)
class Cost:
    """What one sensor-day costs."""

    messages: float
    wire_bytes: float
    raw_bytes: float
    summary_bytes: float
    ingest_s: float
    reduce_s: float
    report_s: float


def shift(kind: Kind) -> list[ReadingBatch]:
    demo = load_scenario("demo")
    scenario = demo.model_copy(update={"days": 1, "workstations": demo.workstations[:1]})
    return [
        batch for batch in reading_batches(scenario, 1, MONDAY) if batch.sensor.endswith(f"-{ROLES[kind]}")
    ]


def messages(kind: Kind, sensors: list[str]) -> list[Message]:
    """The shift as each sensor would send it."""
    found = []
    for batch in shift(kind):
        step = ROWS_A_MESSAGE[kind]
        for start in range(0, len(batch), step):
            part = slice(start, start + step)
            channels = {name: column[part] for name, column in batch.channels.items()}
            times = batch.times_ns[part]
            payload = encode(FORMATS[kind], times, channels)
            found += [
                Message(int(times[-1]), build_topic(SITE, sensor, FORMATS[kind]), payload)
                for sensor in sensors
            ]
    return found


def ingested(folder: Path, sent: list[Message]) -> float:
    """Processor seconds that an ingest process spends on the messages, its start taken off."""
    spent = []
    for load in ([], sent):
        with EmbeddedBroker() as broker:
            command = [sys.executable, "-m", "vigiposte", "ingest", "--mqtt", broker.url]
            command += ["--until-idle", "3", "--reduce-every", "0"]
            environment = os.environ | {"VIGIPOSTE_SITE": str(folder / "site.toml"), "VIGIPOSTE_QUIET": "1"}
            process = subprocess.Popen(command, env=environment, cwd=Path(__file__).resolve().parents[2])
            time.sleep(2.5)
            if load:
                publish(load, parse_url(broker.url))
            _, _, usage = os.wait4(process.pid, 0)
        spent.append(usage.ru_utime + usage.ru_stime)
    return spent[1] - spent[0]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".parquet", ".arrow"))


def measured(kind: Kind, count: int) -> Cost:
    folder = Path(tempfile.mkdtemp(prefix="bench_capacity_"))
    try:
        sensors = [f"{kind.value}-{number}" for number in range(count)]
        book = load_site(write_site_file(folder, [(name, kind) for name in sensors]))
        sent = messages(kind, sensors)
        ingest_s = ingested(folder, sent)
        store: Store = open_store("lake:./lake", base=folder)
        store.compact(SITE)
        cpu = time.process_time()
        report = reduce_partitions(book, store, MONDAY, MONDAY)
        reduce_s = time.process_time() - cpu
        assert report.computed == count, f"{report.computed} of {count} sensor-days arrived"
        cpu = time.process_time()
        weekly_result(book, store, DatePeriod(MONDAY, MONDAY, None), "analyst", reduce=False)
        report_s = time.process_time() - cpu
        store.close()
        return Cost(
            len(sent) / count,
            sum(len(message.payload) for message in sent) / count,
            size_of(folder / "lake" / "raw") / count,
            size_of(folder / "lake" / "summaries" / "minutes") / count,
            max(ingest_s, 0.0) / count,
            reduce_s / count,
            report_s / count,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    for row in (head, ("---",) * len(head), *rows):
        print(f"| {' | '.join(row)} |")
    print()


def main() -> None:
    count = int([*sys.argv[1:], "20"][0])
    costs = {kind: measured(kind, count) for kind in Kind}
    rows = []
    for kind, cost in costs.items():
        sizes = (cost.wire_bytes, cost.raw_bytes, cost.summary_bytes)
        spent = (cost.ingest_s, cost.reduce_s, cost.report_s)
        kilobytes = (f"{size / 1e3:,.0f} kB" for size in sizes)
        milliseconds = (f"{1e3 * seconds:,.0f} ms" for seconds in spent)
        rows.append((kind.value, f"{cost.messages:,.0f}", *kilobytes, *milliseconds))
    table(("8 h of", "messages", "wire", "raw", "minutes", "ingest", "reduction", "report"), rows)
    mean = {
        name: sum(share * getattr(costs[kind], name) for kind, share in MIX.items())
        for name in Cost.__slots__
    }
    shift_s = 8 * 3600
    rows = [
        (
            f"{sensors:,}",
            f"{sensors * mean['messages'] / shift_s:,.1f}",
            f"{sensors * mean['wire_bytes'] * 8 / shift_s / 1e6:,.2f} Mbit/s",
            f"{sensors * mean['raw_bytes'] / 1e9:,.2f} GB",
            f"{sensors * mean['summary_bytes'] / 1e9:,.3f} GB",
            f"{sensors * mean['ingest_s'] / shift_s:,.4f}",
            f"{sensors * mean['reduce_s'] / 3600:,.3f} core-h",
            f"{sensors * mean['report_s']:,.1f} s",
        )
        for sensors in FLEETS
    ]
    head = ("sensors", "messages/s", "wire", "raw a day", "minutes a day", "ingest cores", "reduction a day")
    table((*head, "report"), rows)


if __name__ == "__main__":
    main()
