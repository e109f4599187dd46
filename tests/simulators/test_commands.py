from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sensors.errors import UnknownNameError, UsageError, VigiposteError
from sensors.formats import WireFormat, decode
from sensors.site_file import load_site
from sensors.topics import parse_topic
from simulators.broker import EmbeddedBroker
from simulators.commands import mount
from simulators.messages import Message
from simulators.mqtt_link import connect, parse_url
from simulators.trace import TraceReader
from vigiposte import build_services

REPOSITORY = Path(__file__).resolve().parents[2]
_MOUNT = "import typer; from simulators.commands import mount; app = typer.Typer(); mount(app)"


@pytest.fixture
def run() -> Callable[..., Result]:
    app = typer.Typer()
    mount(app)

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, list(arguments), obj=build_services())
        if isinstance(result.exception, VigiposteError):
            raise result.exception
        return result

    return invoke


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A scenario file of five minutes."""
    path = tmp_path_factory.mktemp("scenario") / "short.toml"
    path.write_text(
        'extends = "quick"\nid = "short"\nshift_end = 08:05:00\nbreaks = [[08:02:00, 08:03:00]]\n'
    )
    return str(path)


def test_simulate_writes_a_trace_its_truth_and_the_site(
    run: Callable[..., Result], tmp_path: Path, short: str
) -> None:
    trace = tmp_path / "plant.trace.gz"
    arguments = ("--scenario", short, "--seed", "4", "--start", "2026-11-16")
    result = run("simulate", *arguments, "--out", str(trace), "--site-dir", str(tmp_path / "site"))
    assert result.exit_code == 0, result.output
    reader = TraceReader(trace)
    messages = list(reader)
    assert len(messages) == 24 * 5 + 24 * 2
    assert reader.header["seed"] == 4
    truth = json.loads((tmp_path / "plant.trace.gz.truth.json").read_text())
    assert truth == json.loads((tmp_path / "site" / "truth.json").read_text())
    assert next(row["id"] for row in truth["workstations"]) == "press-1"
    assert load_site(tmp_path / "site" / "site.toml").site.site.id == "demo-plant"


def test_the_same_command_gives_the_same_trace(
    run: Callable[..., Result], tmp_path: Path, short: str
) -> None:
    for name in ("one", "two"):
        run(
            "simulate", "--scenario", short, "--start", "2026-11-16", "--out", str(tmp_path / f"{name}.trace")
        )
    assert (tmp_path / "one.trace").read_bytes() == (tmp_path / "two.trace").read_bytes()


def test_simulate_and_replay_publish_to_a_broker(
    run: Callable[..., Result], tmp_path: Path, short: str
) -> None:
    trace = tmp_path / "plant.trace"
    run("simulate", "--scenario", short, "--start", "2026-11-16", "--out", str(trace))
    got: list[Message] = []
    ready = threading.Event()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        got.append(Message(0, message.topic, bytes(message.payload)))

    with EmbeddedBroker() as broker:
        client = connect(
            parse_url(broker.url),
            "test",
            on_message=on_message,
            on_connect=lambda own, *_: own.subscribe("vigiposte/v1/#", 1),
            on_subscribe=lambda *_: ready.set(),
        )
        assert ready.wait(10)
        live = run("simulate", "--scenario", short, "--speed", "max", "--mqtt", broker.url)
        kept = run("replay", str(trace), "--speed", "max", "--mqtt", broker.url)
        moved = run(
            "replay",
            str(trace),
            *("--speed", "max", "--mqtt", broker.url, "--start", "2026-12-01T00:00:00Z", "--json"),
        )
        deadline = time.monotonic() + 20
        while len(got) < 48 + 3 * 168:
            assert time.monotonic() < deadline, len(got)
            time.sleep(0.01)
        client.disconnect()
        client.loop_stop()
    assert "168 messages" in live.output
    assert "168 messages" in kept.output
    report = json.loads(moved.output)
    assert (report["schema"], report["messages"]) == ("vigiposte.replay/1", 168)
    original = [(message.topic, message.payload) for message in TraceReader(trace)]
    assert [(m.topic, m.payload) for m in got[216:384]] == original
    first = next(message for message in got[384:] if message.topic.endswith("press-1-noise/columns"))
    rows = decode(WireFormat(parse_topic(first.topic).format), first.payload, 0)
    # The trace starts at the start of the shift, and so does the first noise value.
    assert rows.times_ns[0] == 1_796_083_200 * 10**9


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (["simulate"], UsageError, "--out TRACE"),
        (["simulate", "--out", "x", "--scenario", "none"], UnknownNameError, "noise_free"),
        (["simulate", "--out", "x", "--start", "tomorrow"], UsageError, "YYYY-MM-DD"),
        (["simulate", "--mqtt", "mqtt://h", "--speed", "fast"], UsageError, "positive factor"),
        (["replay", "absent.trace"], VigiposteError, "no such trace"),
        (["broker", "--listen", "192.0.2.1"], UsageError, "open to the network"),
        (["broker", "--user", "plant"], UsageError, "--password-file"),
        (["broker", "--user", "plant", "--password-file", "absent"], UsageError, "no such password file"),
        (["simulate", "--scenario", "quick", "--out", "."], UsageError, "name a file"),
        (["replay", "."], VigiposteError, "no such trace"),
        (["record", "x", "--mqtt", "nonsense"], UsageError, "mqtt://"),
    ],
)
def test_mistakes_are_named(
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[VigiposteError],
    match: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIPOSTE_MQTT_URL", raising=False)
    with pytest.raises(error, match=match):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_replay_refuses_a_time_without_offset(run: Callable[..., Result], tmp_path: Path, short: str) -> None:
    trace = tmp_path / "plant.trace"
    run("simulate", "--scenario", short, "--out", str(trace))
    with pytest.raises(UsageError, match="offset"):
        run("replay", str(trace), "--start", "2026-12-01T00:00:00")


def test_the_commands_load_nothing_heavy_before_they_run() -> None:
    heavy = (
        "{'numpy', 'pandas', 'pyarrow', 'scipy', 'pydantic', 'paho', 'iotcore', 'msgspec', 'multiprocessing'}"
    )
    code = f"{_MOUNT}; import sys; print({heavy} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "set()"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_broker_command_runs_until_it_is_told_to_stop(
    free_port: Callable[[], int], sign: signal.Signals
) -> None:
    port = free_port()
    call = f"app(['broker', '--port', '{port}'], obj=build_services())"
    code = f"from vigiposte import build_services; {_MOUNT}; {call}"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        assert f":{port}" in process.stderr.readline()
        connect(parse_url(f"mqtt://127.0.0.1:{port}"), "test").disconnect()
        # Ctrl+C at a terminal reaches the whole process group, the broker's own process included.
        os.killpg(process.pid, sign) if sign is signal.SIGINT else process.send_signal(sign)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert errors.strip() == "broker: stopped"
    with EmbeddedBroker(port) as again:
        assert again.running


def test_the_week_of_a_future_date_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:

    app = typer.Typer()
    mount(app)
    out = tmp_path / "demo"
    start = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    result = CliRunner().invoke(app, ["demo", "--out", str(out), "--start", start], obj=build_services())
    assert isinstance(result.exception, UsageError)
    assert not out.exists()
