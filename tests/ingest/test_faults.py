"""What must not lose or double a reading: kills, restarts, outages, poison, a full disk; with real parts."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import resource
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.counters import IngestCounters
from ingest.journal import backlog_of
from ingest.quarantine import read_quarantine
from ingest.service import run_ingest
from ingest.store import Store, open_store
from sensors.site_file import load_site

pytestmark = [pytest.mark.mosquitto]

SOAK = bool(os.environ.get("VIGIPOSTE_SOAK"))
KILLS = 50 if SOAK else 10
Message = Callable[[int], tuple[str, bytes]]


class Stream:
    """Publishes the load until told to stop; knows which messages the broker accepted."""

    def __init__(self, blaster: Any, port: int, message: Message, rate: float, first: int = 0) -> None:
        self._stop = threading.Event()
        self._publisher = blaster(port, f"stream-{first}")
        self.failure: OSError | None = None
        numbers = itertools.takewhile(lambda _: not self._stop.is_set(), itertools.count(first))
        self._thread = threading.Thread(target=self._run, args=(map(message, numbers), rate), daemon=True)
        self._thread.start()

    def _run(self, messages: Iterator[tuple[str, bytes]], rate: float) -> None:
        try:
            self._publisher.publish(messages, rate=rate)
            self._publisher.finish()
        except OSError as error:
            self.failure = error
            self._publisher.close()

    def finish(self) -> int:
        """Stop; how many messages, from the first on, the broker accepted."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        accepted: int = self._publisher.accepted
        return accepted


class Running:
    """An ingest on a thread of this process, to look into."""

    def __init__(self, site: Path, mqtt_url: str, store: Store, **options: Any) -> None:
        self.counters = IngestCounters()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(site, mqtt_url, store, options))
        self._thread.start()
        self.wait(lambda counters: counters.broker == "connected")

    def _run(self, site: Path, mqtt_url: str, store: Store, options: dict[str, Any]) -> None:
        try:
            run_ingest(
                load_site(site), store, mqtt_url=mqtt_url, stop=self._stop, counters=self.counters, **options
            )
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self._failure = error

    def wait(self, condition: Callable[[IngestCounters], bool], timeout_s: float = 40.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition(self.counters):
            assert self._failure is None, self._failure
            assert time.monotonic() < deadline, self.counters
            time.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)
        assert not self._thread.is_alive()
        assert self._failure is None, self._failure


@pytest.fixture
def lake(load_site_file: Path) -> Store:
    return open_store("lake:./lake", base=load_site_file.parent)


@pytest.fixture
def run(load_site_file: Path) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(mqtt_url: str, store: Store, **options: Any) -> Running:
        one = Running(load_site_file, mqtt_url, store, **options)
        made.append(one)
        return one

    yield start
    for one in made:
        one.stop()


def tell(sent: int, stored: set[int]) -> None:
    """One line for the operator guide's table; `stored` holds each number once."""
    print(f"sent {sent:,}, stored {len(stored):,}, double 0")


def open_session(site: Path, mqtt_url: str, store: Store) -> None:
    """Let the broker know the session, so that it keeps what is published from now on."""
    run_ingest(load_site(site), store, mqtt_url=mqtt_url, until_idle_s=0.1)


def drain(site: Path, mqtt_url: str, store: Store, idle_s: float = 1.0) -> None:
    run_ingest(load_site(site), store, mqtt_url=mqtt_url, until_idle_s=idle_s)


def test_killing_the_ingest_again_and_again_loses_and_doubles_nothing(
    mosquitto: Any,
    blaster: Any,
    shipped_mosquitto_conf: str,
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto(shipped_mosquitto_conf)
    open_session(load_site_file, server.url, lake)
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    stream = Stream(blaster, server.port, load_message, rate=800)
    for _ in range(KILLS):
        process = ingest_process(load_site_file, mqtt_url=server.url, feed_interval_s=0.2)
        process.wait_connected()
        time.sleep(chance.uniform(0.0, 0.8))
        process.kill()
    accepted = stream.finish()
    assert stream.failure is None
    last = ingest_process(load_site_file, mqtt_url=server.url, until_idle_s=1.5)
    counts = last.finish()
    assert counts["reason"] == "idle"
    stored = stored_numbers(lake)
    assert stored == set(range(accepted))
    assert not list(read_quarantine(load_site_file.parent / "journal" / "quarantine"))
    tell(accepted, stored)
    assert accepted > 1_000


def test_an_orderly_broker_restart_under_load_loses_nothing_it_accepted(
    mosquitto: Any,
    blaster: Any,
    shipped_mosquitto_conf: str,
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    run: Callable[..., Running],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto(shipped_mosquitto_conf)
    running = run(server.url, lake)
    sent: list[tuple[int, int]] = []
    for restart in range(3):
        stream = Stream(blaster, server.port, load_message, rate=2_000, first=restart * 1_000_000)
        time.sleep(0.6)
        server.stop()
        sent.append((restart * 1_000_000, stream.finish()))
        server.start()
        running.wait(lambda counters: counters.broker == "connected")
    must = {first + n for first, accepted in sent for n in range(accepted)}
    running.wait(lambda counters: counters.settled >= len(must))
    running.stop()
    drain(load_site_file, server.url, lake)
    # What was on its way when the broker stopped may have arrived although its acknowledgement did not.
    stored = stored_numbers(lake)
    assert must <= stored
    assert len(stored) - len(must) <= 3 * 1_100
    tell(len(must), stored & must)


def test_what_a_killed_broker_lost_is_its_own_and_the_ingest_goes_on(
    mosquitto: Any,
    blaster: Any,
    publish: Callable[..., int],
    shipped_mosquitto_conf: str,
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    run: Callable[..., Running],
    stored_numbers: Callable[[Store], set[int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = mosquitto(shipped_mosquitto_conf)
    running = run(server.url, lake)
    stream = Stream(blaster, server.port, load_message, rate=1_000)
    time.sleep(0.8)
    server.kill()
    accepted = stream.finish()
    received = running.counters.journaled
    server.start()
    running.wait(lambda counters: counters.broker == "connected" and counters.connects == 2)
    publish(server.port, map(load_message, range(1_000_000, 1_000_500)))
    running.wait(lambda counters: counters.settled >= received + 500)
    stored = stored_numbers(lake)
    assert set(range(1_000_000, 1_000_500)) <= stored
    # Everything that reached the ingest is there; the rest, the broker acknowledged and lost.
    lost = set(range(accepted)) - stored
    print(f"Mosquitto lost {len(lost)} of {accepted} acknowledged messages when killed")
    assert accepted - len(lost) >= received - 1_100
    assert "the broker has forgotten this session" in caplog.text


def test_poison_in_every_third_message_neither_stops_nor_slows_the_rest(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    run: Callable[..., Running],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto()
    poison = [
        (load_message(0)[0], b"\x00\xff not json"),
        (load_message(1)[0], b'{"t": 1, "laeq": 70}'),
        (load_message(2)[0], b'{"laeq": "loud"}'),
        ("vigiposte/v1/plant/stranger/json", b'{"laeq": 70}'),
        ("vigiposte/v1/plant/s-0/columns", b'{"t0": 1795000000, "dt": 0.01, "laeq": [1,2,3,4,5,6,7,8,9]}'),
        ("vigiposte/v1/plant/s-1/senml", b"[" * 5_000),
    ]

    def messages() -> Iterator[tuple[str, bytes]]:
        for number in range(4_000):
            yield load_message(number)
            if number % 2:
                yield poison[number % len(poison)]

    running = run(server.url, lake)
    publish(server.port, messages())
    running.wait(lambda counters: counters.settled >= 6_000)
    running.stop()
    stored = stored_numbers(lake)
    assert stored == set(range(4_000))
    assert running.counters.stored == 4_000
    assert running.counters.rejected_messages == 2_000
    kept = list(read_quarantine(load_site_file.parent / "journal" / "quarantine"))
    assert len(kept) == 2_000
    tell(4_000, stored)
    assert all(entry["code"] and entry["reason"] and entry["topic"] for entry in kept)


@pytest.mark.influxdb
def test_a_store_that_is_down_only_makes_the_journal_grow(
    mosquitto: Any,
    own_influxdb: Callable[..., Any],
    blaster: Any,
    load_site_file: Path,
    load_message: Message,
    run: Callable[..., Running],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server, influx = mosquitto(), own_influxdb()
    store = open_store(influx.new_database(), summaries_url="lake:./lake", base=load_site_file.parent)
    running = run(server.url, store, feed_interval_s=0.2)
    stream = Stream(blaster, server.port, load_message, rate=2_000)
    running.wait(lambda counters: counters.stored > 200)
    influx.kill()
    running.wait(lambda counters: counters.store_trouble is not None)
    time.sleep(1.0)
    stuck_at, received = running.counters.stored, running.counters.journaled
    running.wait(lambda counters: counters.journaled > received + 1_000)
    assert running.counters.stored == stuck_at
    assert backlog_of(load_site_file.parent / "journal").bytes > 50_000
    influx.start()
    accepted = stream.finish()
    running.wait(lambda counters: counters.stored >= accepted)
    assert running.counters.store_trouble is None
    running.stop()
    stored = stored_numbers(store)
    assert stored == set(range(accepted))
    tell(accepted, stored)
    assert backlog_of(load_site_file.parent / "journal").bytes == 0
    store.close()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, timeout=20)
    except OSError:
        pytest.skip("mount is not installed")
    if done.returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_a_full_disk_stops_acknowledging_and_recovers_by_itself(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    run: Callable[..., Running],
    stored_numbers: Callable[[Store], set[int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    server = mosquitto()
    journal = load_site_file.parent / "small"
    with small_disk(journal, 2):
        open_session(load_site_file, server.url, lake)
        ballast = journal / "ballast"
        running = run(server.url, lake, journal=journal)
        publish(server.port, map(load_message, range(500)))
        running.wait(lambda counters: counters.settled >= 500)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as handle:
            while True:
                handle.write(bytes(4096))
        publish(server.port, map(load_message, range(500, 8_000)))
        running.wait(lambda counters: counters.journal_blocked == "journal_full")
        journaled = running.counters.journaled
        time.sleep(0.5)
        assert running.counters.journaled <= journaled + 1_000
        assert caplog.text.count("messages are no longer acknowledged") == 1
        ballast.unlink()
        running.wait(lambda counters: counters.settled >= 8_000)
        assert running.counters.journal_blocked is None
        assert "the journal is writable again" in caplog.text
        running.stop()
    stored = stored_numbers(lake)
    assert stored == set(range(8_000))
    tell(8_000, stored)


def test_a_process_that_may_not_write_holds_back_until_it_may(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    """The file size limit of the running process is set to nothing: each write fails with EFBIG."""
    server = mosquitto()
    process = ingest_process(load_site_file, mqtt_url=server.url)
    process.wait_connected()
    publish(server.port, map(load_message, range(300)))
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, hard))
    publish(server.port, map(load_message, range(300, 3_000)))
    time.sleep(1.5)
    assert len(stored_numbers(lake)) <= 300
    assert process.running
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    deadline = time.monotonic() + 30
    while len(stored_numbers(lake)) < 3_000:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.terminate()
    stored = stored_numbers(lake)
    assert stored == set(range(3_000))
    tell(3_000, stored)


def stored_by_metrics(port: int) -> float:
    """What the ingest behind a metrics port says it stored."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    (line,) = (one for one in text.splitlines() if one.startswith("vigiposte_ingest_accepted_total "))
    return float(line.split()[1])


@pytest.mark.parametrize("others", [1, 3])
def test_workers_share_one_subscription_and_one_may_be_killed(
    others: int,
    mosquitto: Any,
    blaster: Any,
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
    free_port: Callable[[], int],
) -> None:
    server = mosquitto()
    with load_site_file.open("a") as handle:
        handle.write('[mqtt]\nshared_group = "workers"\n')

    def worker(name: str, **options: Any) -> Any:
        return ingest_process(
            load_site_file, mqtt_url=server.url, writer=name, feed_interval_s=0.2, **options
        )

    ports = [free_port() for _ in range(others)]
    victim = worker("victim")
    survivors = [worker(f"worker-{number}", metrics_port=port) for number, port in enumerate(ports)]
    for one in (victim, *survivors):
        one.wait_connected()
    stream = Stream(blaster, server.port, load_message, rate=1_000)
    time.sleep(0.8)
    victim.kill()
    time.sleep(0.7)
    accepted = stream.finish()
    share = accepted / (4 * (others + 1))
    deadline = time.monotonic() + 20.0
    while min(served := [stored_by_metrics(port) for port in ports]) < share:
        assert time.monotonic() < deadline, served
        time.sleep(0.05)
    # Nothing was compacted yet: whoever wrote a file stands in its name.
    names = [path.name for path in (load_site_file.parent / "lake" / "raw").rglob("part-*.parquet")]
    wrote = {name.removeprefix("part-").rpartition("-")[0].rpartition("_")[0] for name in names}
    assert wrote - {"victim"} == {f"worker_{number}" for number in range(others)}
    assert len(set(names)) == len(names)
    # What the killed one had not acknowledged waits for it; the others took the rest.
    worker("victim", until_idle_s=1.0).finish()
    time.sleep(0.3)
    counts = [one.terminate()[1] for one in survivors]
    last = [worker(f"worker-{number}", until_idle_s=0.5) for number in range(others)]
    for one in last:
        one.finish()
    stored = stored_numbers(lake)
    assert stored == set(range(accepted))
    tell(accepted, stored)
    # Each tells of itself alone, and took its share, to a journal of its own.
    for told, count in zip(served, counts, strict=True):
        assert share <= told <= count["stored"]
    assert sum(served) <= accepted
    assert all(count["stored"] > accepted / (3 * (others + 1)) for count in counts)
    assert (load_site_file.parent / "journal-victim").is_dir()


def test_a_termination_under_load_takes_less_than_five_seconds_and_leaves_nothing_behind(
    mosquitto: Any,
    blaster: Any,
    load_site_file: Path,
    load_message: Message,
    lake: Store,
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto()
    open_session(load_site_file, server.url, lake)
    stream = Stream(blaster, server.port, load_message, rate=2_000)
    process = ingest_process(load_site_file, mqtt_url=server.url)
    process.wait_connected()
    time.sleep(0.5)
    seconds, counts = process.terminate()
    assert seconds < 5.0
    assert counts["reason"] == "stopped"
    # Each message it received was journaled and acknowledged: the next one starts where it ended.
    assert counts["journaled"] == counts["received"]
    accepted = stream.finish()
    rest = ingest_process(load_site_file, mqtt_url=server.url, until_idle_s=1.0).finish()
    assert stored_numbers(lake) == set(range(accepted))
    assert counts["received"] + rest["received"] == accepted


@pytest.mark.influxdb
def test_a_termination_while_the_store_hangs_takes_less_than_five_seconds_too(
    mosquitto: Any,
    own_influxdb: Callable[..., Any],
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Message,
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server, influx = mosquitto(), own_influxdb()
    url = influx.new_database()
    process = ingest_process(load_site_file, store=url, mqtt_url=server.url)
    process.wait_connected()
    influx.pause()
    publish(server.port, map(load_message, range(2_000)))
    time.sleep(1.0)
    seconds, counts = process.terminate()
    assert seconds < 5.0
    assert counts["stored"] == 0
    influx.resume()
    ingest_process(load_site_file, store=url, mqtt_url=server.url, until_idle_s=0.5).finish()
    store = open_store(url, summaries_url="lake:./lake", base=load_site_file.parent)
    assert stored_numbers(store) == set(range(2_000))
    store.close()
