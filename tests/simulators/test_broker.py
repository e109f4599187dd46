from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sensors.errors import BrokerUnreachableError, LocalResourceError, UsageError
from simulators.broker import MAX_PAYLOAD_BYTES, EmbeddedBroker
from simulators.messages import Message, plant_messages, status_messages
from simulators.mqtt_link import connect, parse_url
from simulators.publisher import publish
from simulators.recorder import record
from simulators.scenario import Scenario
from simulators.trace import TraceReader, TraceWriter


def _collector(url: str, topic: str = "#") -> tuple[Any, list[Message]]:
    got: list[Message] = []
    ready = threading.Event()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        got.append(Message(0, message.topic, bytes(message.payload), bool(message.retain)))

    def on_connect(client: Any, *_: Any) -> None:
        client.subscribe(topic, 1)

    client = connect(
        parse_url(url),
        "test-collector",
        on_message=on_message,
        on_connect=on_connect,
        on_subscribe=lambda *_: ready.set(),
    )
    assert ready.wait(10)
    return client, got


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _end(client: Any) -> None:
    client.disconnect()
    client.loop_stop()


def test_everything_published_arrives_once_in_order(hour: Scenario, monday: date) -> None:
    sent = list(plant_messages(hour, 1, monday))
    with EmbeddedBroker() as broker:
        assert broker.running
        client, got = _collector(broker.url)
        report = publish(sent, parse_url(broker.url), backlog=lambda count: count - len(got))
        _wait(lambda: len(got) >= len(sent))
        _end(client)
    assert (report.messages, report.payload_bytes) == (len(sent), sum(len(m.payload) for m in sent))
    assert [(m.topic, m.payload) for m in got] == [(m.topic, m.payload) for m in sent]
    assert not broker.running


def test_status_is_kept_for_late_subscribers(hour: Scenario) -> None:
    with EmbeddedBroker() as broker:
        publish(status_messages(hour, "online"), parse_url(broker.url))
        client, got = _collector(broker.url, "vigiposte/v1/demo-plant/+/status")
        _wait(lambda: len(got) == 8)
        _end(client)
    assert {message.payload for message in got} == {b"online"}


def test_the_publisher_waits_for_the_consumer() -> None:
    messages = [Message(place, "a/b", b"x") for place in range(6000)]
    stored = 0
    seen: list[int] = []

    def backlog(sent: int) -> int:
        nonlocal stored
        seen.append(sent - stored)
        if sent - stored > 2000:
            stored += 500
        return sent - stored

    with EmbeddedBroker() as broker:
        assert publish(messages, parse_url(broker.url), backlog=backlog).messages == 6000
    assert 2000 < max(seen) <= 2032


def test_speed_follows_the_due_times() -> None:
    messages = [Message(round(place * 1e9), "a/b", b"x") for place in (100, 101, 102, 104)]
    with EmbeddedBroker() as broker:
        address = parse_url(broker.url)
        quick = publish(messages, address).seconds
        paced = publish(messages, address, speed=8.0).seconds
    assert quick < 0.4
    assert 0.5 <= paced < 2.0


def test_publishing_can_be_stopped() -> None:
    stop = threading.Event()
    messages = (Message(place, "a/b", b"x") for place in range(10**9))

    def progress(sent: int, _due_ns: int) -> None:
        if sent >= 1000:
            stop.set()

    with EmbeddedBroker() as broker:
        report = publish(messages, parse_url(broker.url), stop=stop, on_progress=progress)
    assert report.messages == 1000


def test_beyond_loopback_only_with_credentials() -> None:
    with pytest.raises(UsageError, match="open to the network"):
        EmbeddedBroker(host="192.0.2.1")
    assert EmbeddedBroker(host="0.0.0.0", credentials={"a": "b"}).url.startswith("mqtt://127.0.0.1:")  # noqa: S104 - not bound


def test_credentials_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.mqtt_link._CONNECT_TIMEOUT_S", 1.5)
    with EmbeddedBroker(credentials={"plant": 'pass"word\\1'}) as broker:
        port = broker.port
        with pytest.raises(BrokerUnreachableError, match="password"):
            publish([], parse_url(f"mqtt://plant:wrong@127.0.0.1:{port}"))
        monkeypatch.setenv("VIGIPOSTE_MQTT_USERNAME", "plant")
        monkeypatch.setenv("VIGIPOSTE_MQTT_PASSWORD", 'pass"word\\1')
        assert publish([Message(0, "a", b"x")], parse_url(broker.url)).messages == 1


def test_a_port_in_use_is_said_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LocalResourceError, match="--port"), EmbeddedBroker(taken.getsockname()[1]):
            pass


def test_the_port_is_free_again_after_stop() -> None:
    with EmbeddedBroker() as broker:
        port = broker.port
    with EmbeddedBroker(port) as again:
        assert again.port == port
    broker.stop()


def test_no_broker_is_named_with_a_remedy(free_port: Callable[[], int]) -> None:
    with pytest.raises(BrokerUnreachableError, match="vigiposte broker"):
        publish([], parse_url(f"mqtt://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "mqtt://host:notaport", "mqtt://h?version=4", "h:1883"]
)
def test_bad_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="mqtt"):
        parse_url(url)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse_url("mqtt://user:geheim@host:1883?version=9")
    assert "geheim" not in str(caught.value)
    assert "geheim" not in str(parse_url("mqtt://user:geheim@host:1883"))


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.mosquitto
def test_record_and_replay_keep_order_and_payloads(
    tmp_path: Path, mosquitto: Callable[..., Any], hour: Scenario, monday: date, version: str
) -> None:
    """Through a real Mosquitto: trace, replay, record, and the recording is the trace again."""
    url = f"{mosquitto().url}?version={version}"
    first, second = tmp_path / "first.trace", tmp_path / "second.trace.gz"
    sent = list(plant_messages(hour, 1, monday))
    with TraceWriter(first, sent[0].due_ns) as writer:
        for message in sent:
            writer.write(message)
    ready = threading.Event()
    recorder = threading.Thread(
        target=record, args=(url, second, ("vigiposte/v1/#",), 60.0, len(sent), ready.set)
    )
    recorder.start()
    assert ready.wait(20)
    publish(TraceReader(first), parse_url(url))
    recorder.join(60)
    found = list(TraceReader(second))
    assert [(m.topic, m.payload) for m in found] == [(m.topic, m.payload) for m in sent]
    assert all(len(message.payload) < MAX_PAYLOAD_BYTES for message in found)


def test_recording_stops_after_its_time(tmp_path: Path) -> None:
    path = tmp_path / "empty.trace"
    with EmbeddedBroker() as broker:
        assert record(broker.url, path, ("#",), 0.3, None) == 0
    assert list(TraceReader(path)) == []


def test_recording_without_broker_leaves_no_file(tmp_path: Path, free_port: Callable[[], int]) -> None:
    with pytest.raises(BrokerUnreachableError):
        record(f"mqtt://127.0.0.1:{free_port()}", tmp_path / "x.trace", ("#",), 1.0, None)
    assert list(tmp_path.iterdir()) == []
