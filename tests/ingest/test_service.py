"""The service and its commands from outside: counts, status, metrics, errors that a person can act on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ingest.counters import IngestCounters
from ingest.journal import FolderLock
from ingest.metrics import MetricsServer, health_problems
from ingest.pipeline import SensorHealth
from ingest.service import EndReason, run_ingest
from ingest.status import journal_folders, read_health, write_health
from ingest.store import Store, open_store
from sensors.errors import ConfigurationError, LocalResourceError, StoreUnreachableError
from sensors.site_book import SiteBook
from sensors.site_file import load_site

REPOSITORY = Path(__file__).resolve().parents[2]


def vigiposte(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigiposte", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


@pytest.fixture
def lake(load_site_file: Path) -> Store:
    return open_store("lake:./lake", base=load_site_file.parent)


@pytest.mark.mosquitto
def test_the_expected_number_of_messages_ends_the_run_and_is_all_stored(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    lake: Store,
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto()
    book = load_site(load_site_file)
    run_ingest(book, lake, mqtt_url=server.url, until_idle_s=0.1)
    publish(server.port, map(load_message, range(2_000)))
    seen: list[int] = []
    counters = IngestCounters()
    report = run_ingest(
        book,
        lake,
        mqtt_url=server.url,
        expected_messages=2_000,
        counters=counters,
        on_progress=lambda now: seen.append(now.stored),
    )
    assert report.reason is EndReason.EXPECTED
    assert report.counters is counters
    assert counters.stored == counters.settled == 2_000
    assert counters.rows == 2_000
    assert seen[-1] == 2_000
    assert stored_numbers(lake) == set(range(2_000))
    # What is in the store is no longer in the journal, whose folder holds raw data only as long as needed.
    assert not list((load_site_file.parent / "journal").glob("*.journal"))


@pytest.mark.mosquitto
def test_summaries_are_computed_on_schedule_and_their_failure_is_only_said(
    mosquitto: Any, load_site_file: Path, lake: Store, caplog: pytest.LogCaptureFixture
) -> None:
    server = mosquitto()
    calls = []

    def reduce() -> None:
        calls.append(time.monotonic())
        raise ConfigurationError("no such thing")

    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    report = run_ingest(
        load_site(load_site_file),
        lake,
        mqtt_url=server.url,
        stop=stop,
        reduce=reduce,
        reduce_every_s=0.2,
        compact_every_s=0.2,
    )
    timer.join()
    assert report.reason is EndReason.STOPPED
    assert len(calls) >= 2
    assert "minute summaries could not be computed now: no such thing" in caplog.text


def test_a_journal_in_use_and_a_store_that_is_down_are_said_before_anything_starts(
    load_site_file: Path, lake: Store, free_port: Callable[[], int]
) -> None:
    book = load_site(load_site_file)
    lock = FolderLock(load_site_file.parent / "journal")
    with pytest.raises(LocalResourceError) as in_use:
        run_ingest(book, lake, until_idle_s=0.1)
    assert in_use.value.code == "journal_in_use"
    lock.release()
    away = open_store(f"influxdb://127.0.0.1:{free_port()}/db", base=load_site_file.parent)
    with pytest.raises(StoreUnreachableError):
        run_ingest(book, away, until_idle_s=0.1)
    away.close()


def test_the_metrics_answer_with_every_count_and_the_health_with_every_problem() -> None:
    counters = IngestCounters(
        received=12, stored=9, rejected=Counter({"malformed": 2, "unknown_sensor": 1}), broker="connected"
    )
    health = {"mic-1": SensorHealth(last_seen_ns=1_795_000_000 * 10**9, rows=9, battery=55.0)}
    server = MetricsServer(0, counters, health)
    try:
        url = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        for line in (
            "vigiposte_ingest_received_total 12.0",
            "vigiposte_ingest_accepted_total 9.0",
            'vigiposte_ingest_rejected_total{reason="malformed"} 2.0',
            'vigiposte_sensor_last_seen_seconds{sensor="mic-1"} 1.795e+09',
            'vigiposte_sensor_battery_percent{sensor="mic-1"} 55.0',
            "vigiposte_ingest_journal_bytes 0.0",
            "vigiposte_ingest_broker_connected 1.0",
        ):
            assert line in text
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            assert json.load(answer)["ok"] is True
        counters.broker, counters.journal_blocked, counters.store_trouble = (
            "away",
            "journal_full",
            "store: no",
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{url}/health", timeout=5)
        assert caught.value.code == 503
        document = json.load(caught.value)
        assert (
            document["problems"]
            == health_problems(counters)
            == [
                "broker: away",
                "journal: journal_full",
                "store: store: no",
            ]
        )
        caught.value.close()
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"{url}/other", timeout=5)
        assert missing.value.code == 404
        missing.value.close()
        with pytest.raises(LocalResourceError) as taken:
            MetricsServer(server.port, counters, health)
        assert taken.value.code == "port_in_use"
    finally:
        server.close()


def test_health_survives_a_restart_and_a_broken_file_is_no_health(tmp_path: Path) -> None:
    counters = IngestCounters(received=5, broker="connected")
    sensors = {
        "a": SensorHealth(
            last_seen_ns=7, newest_ns=6, rows=5, battery=3.5, rejected=Counter({"malformed": 2})
        ),
        "never": SensorHealth(),
    }
    write_health(tmp_path, counters, sensors, {"t": 4})
    seen = read_health(tmp_path)
    assert seen.running
    assert set(seen.sensors) == {"a"}
    assert seen.sensors["a"].to_dict() == sensors["a"].to_dict()
    assert seen.unknown == {"t": 4}
    assert seen.counters["received"] == 5
    write_health(tmp_path, counters, sensors, {}, stopped=True)
    assert not read_health(tmp_path).running
    (tmp_path / "health.json").write_text("{half")
    assert read_health(tmp_path).updated_ns == 0


def test_each_named_writer_has_a_journal_of_its_own(make_site: Callable[..., SiteBook]) -> None:
    book = make_site()
    assert journal_folders(book) == [book.folder / "journal"]
    for name in ("journal-east", "journal-west"):
        (book.folder / name).mkdir()
    assert [path.name for path in journal_folders(book)] == ["journal-east", "journal-west"]


# The commands.


@pytest.mark.mosquitto
def test_ingest_once_drains_the_queue_and_status_shows_what_came(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    lake: Store,
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    server = mosquitto()
    site = str(load_site_file)
    run_ingest(load_site(load_site_file), lake, mqtt_url=server.url, until_idle_s=0.1)
    publish(server.port, map(load_message, range(1_000)))
    publish(server.port, [("vigiposte/v1/plant/s-0/json", b"{"), ("vigiposte/v1/plant/stranger/json", b"{}")])
    done = vigiposte("ingest", "--site", site, "--mqtt", server.url, "--until-idle", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["schema"] == "vigiposte.ingest/1"
    assert (counts["reason"], counts["stored"]) == ("idle", 1_000)
    assert counts["rejected"] == {"malformed": 1, "unknown_sensor": 1}
    assert stored_numbers(lake) == set(range(1_000))

    shown = vigiposte("status", "--site", site, "--json")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert document["schema"] == "vigiposte.status/1"
    assert document["store"]["reachable"] is True
    (one,) = document["ingests"]
    assert (one["running"], one["backlog_bytes"]) == (False, 0)
    sensors = {entry["id"]: entry for entry in document["sensors"]}
    assert sensors["s-0"]["rejected"] == {"malformed": 1}
    assert sensors["s-1"]["messages"] == 250
    assert sensors["s-1"]["last_seen"]
    assert document["unknown"] == {"vigiposte/v1/plant/stranger/json": 1}
    text = vigiposte("status", "--site", site).stdout
    assert "s-0" in text
    assert "malformed 1" in text
    assert "vigiposte/v1/plant/stranger/json: 1" in text


@pytest.mark.mosquitto
def test_the_service_serves_metrics_and_ends_in_time_on_sigterm(
    mosquitto: Any,
    publish: Callable[..., int],
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    free_port: Callable[[], int],
) -> None:
    server, port = mosquitto(), free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vigiposte", "ingest", "--site", str(load_site_file)),
            *("--mqtt", server.url, "--metrics", str(port), "--log-json"),
        ],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                    assert json.load(answer)["ok"] is True
                    break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
        publish(server.port, map(load_message, range(100)))
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                if "vigiposte_ingest_accepted_total 100.0" in answer.read().decode():
                    break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        began = time.monotonic()
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - began < 5.0
        assert process.returncode == 0
        for line in errors.splitlines()[:-1]:
            assert {"time", "level", "message"} <= json.loads(line).keys()
        assert "stopped (stopped): 100 messages received, 100 stored" in errors
    finally:
        process.kill()
        process.wait()


def test_mistakes_are_answered_with_a_remedy_an_exit_code_and_no_traceback(
    load_site_file: Path, free_port: Callable[[], int], tmp_path: Path
) -> None:
    site = str(load_site_file)
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    lock = FolderLock(load_site_file.parent / "locked")
    cases = [
        (5, "the broker does not answer", ["--mqtt", nobody, "--until-idle", "1"]),
        (3, "broker's URL is not understood", ["--mqtt", "tcp://x"]),
        (3, "store", ["--store", "sqlite:x"]),
        (
            5,
            "store",
            # The cases run side by side: a journal of its own keeps this one from meeting another's lock.
            [
                "--store",
                f"influxdb://127.0.0.1:{free_port()}/db",
                "--once",
                "--journal",
                str(tmp_path / "own"),
            ],
        ),
        (1, "journal folder cannot be used", ["--journal", str(in_the_way / "journal")]),
        (1, "in use by another ingest", ["--journal", str(load_site_file.parent / "locked")]),
    ]

    def call(case: tuple[int, str, list[str]]) -> subprocess.CompletedProcess[str]:
        return vigiposte("ingest", "--site", site, *case[2], VIGIPOSTE_MQTT_PASSWORD="s3cret")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(call, cases))
    for (code, text, arguments), done in zip(cases, answers, strict=True):
        assert done.returncode == code, (arguments, done.stderr)
        assert text in done.stderr
        assert "Traceback" not in done.stderr
        assert "s3cret" not in done.stderr
    lock.release()
    shown = vigiposte("status", "--site", site, "--store", f"influxdb://127.0.0.1:{free_port()}/db", "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["store"]["reachable"] is False
