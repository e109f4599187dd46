"""The MQTT session against the real Mosquitto, and its byte stream against hostile bytes."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from ingest.counters import IngestCounters
from ingest.journal import Arrival, Cursor, JournalBlockedError, JournalReader, JournalWriter, Message
from ingest.session import BrokerSettings, MqttSession, MqttVersion, broker_settings
from ingest.session.stream import BufferedSocket, Found, MalformedStreamError, Published
from sensors.errors import BrokerUnreachableError, ConfigurationError, VigiposteError
from sensors.site_model import MqttSettings

PREFIX = "vigiposte/v1/plant"


class Bench:
    """A session with its journal, started and stopped at will."""

    def __init__(self, folder: Path, url: str, **more: Any) -> None:
        self.folder = folder
        self.settings = broker_settings(MqttSettings(url=url, **more), folder, "plant")
        self.journal = JournalWriter(folder)
        self.counters = IngestCounters()
        self.statuses: list[tuple[str, bytes]] = []
        group = self.settings.shared_group
        prefix = f"$share/{group}/" if group else ""
        self.session = MqttSession(
            self.settings,
            [f"{prefix}{PREFIX}/+/json"],
            [f"{PREFIX}/+/status"],
            self.journal,
            self.counters,
            lambda topic, payload: self.statuses.append((topic, payload)),
        )

    def wait_journaled(self, count: int, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while self.counters.journaled < count:
            assert time.monotonic() < deadline, self.counters
            assert self.session.failure is None
            time.sleep(0.01)

    def has_status(self, topic: str, payload: bytes) -> bool:
        return self.statuses == [(topic, payload)]

    def messages(self) -> list[Message]:
        cursor = Cursor(self.folder)
        reader = JournalReader(self.journal, cursor)
        found: list[Message] = []
        while (chunk := reader.read(1 << 20)) is not None:
            found += chunk.messages
        cursor.close()
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(url: str, name: str = "journal", **more: Any) -> Bench:
        one = Bench(tmp_path / name, url, **more)
        made.append(one)
        return one

    yield make
    for one in made:
        one.session.stop()
        one.journal.close()


def readings(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{PREFIX}/mic-{n % 4}/json", b'{"laeq": %d}' % n) for n in range(first, first + count)]


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["5", "3.1.1", "auto"])
def test_everything_published_is_journaled_in_order_and_acknowledged(
    mosquitto: Any, bench: Callable[..., Bench], publish: Callable[..., int], version: str
) -> None:
    server = mosquitto()
    one = bench(f"{server.url}?version={version}")
    one.session.start(5)
    assert publish(server.port, readings(3_000)) == 3_000
    one.wait_journaled(3_000)
    one.session.stop()
    assert [(m.topic.decode(), m.payload) for m in one.messages()] == readings(3_000)
    # Nothing is left unacknowledged: a new connection of the same session gets nothing again.
    two = bench(f"{server.url}?version={version}", name="second")
    two.session.start(5)
    publish(server.port, readings(1, first=9_000))
    two.wait_journaled(1)
    time.sleep(0.2)
    assert [m.payload for m in two.messages()] == [b'{"laeq": 9000}']


@pytest.mark.mosquitto
def test_messages_wait_in_the_broker_while_the_ingest_is_away(
    mosquitto: Any, bench: Callable[..., Bench], publish: Callable[..., int]
) -> None:
    server = mosquitto()
    first = bench(server.url)
    first.session.start(5)
    first.session.stop()
    publish(server.port, readings(2_500))
    second = bench(server.url, name="second")
    second.session.start(5)
    second.wait_journaled(2_500)
    assert [m.payload for m in second.messages()] == [payload for _, payload in readings(2_500)]


class ShutJournal(JournalWriter):
    """A journal on a disk that is full until it is told otherwise."""

    full = True

    def append(self, arrivals: Sequence[Arrival]) -> int:
        if self.full:
            raise JournalBlockedError(OSError(errno.ENOSPC, "No space left on device"), self.folder)
        return super().append(arrivals)


@pytest.mark.mosquitto
def test_a_disk_that_stays_full_keeps_memory_bounded_and_the_connection_alive(
    mosquitto: Any, publish: Callable[..., int], tmp_path: Path
) -> None:
    server = mosquitto()
    settings_ = broker_settings(MqttSettings(url=server.url), tmp_path, "plant")
    journal, counters = ShutJournal(tmp_path / "journal"), IngestCounters()
    session = MqttSession(
        replace(settings_, keepalive_s=1), [f"{PREFIX}/+/json"], [], journal, counters, lambda *_: None
    )
    session.start(5)
    publish(server.port, readings(26_000))
    time.sleep(3.0)
    assert counters.connects == 1
    assert counters.received < 25_500
    assert counters.journaled == 0
    journal.full = False
    wait_until(lambda: counters.journaled >= 26_000)
    assert counters.connects == 1
    session.stop()
    journal.close()


@pytest.mark.mosquitto
def test_a_small_window_still_flows_at_speed(
    mosquitto: Any, bench: Callable[..., Bench], publish: Callable[..., int]
) -> None:
    server = mosquitto("max_inflight_messages 20\nmax_queued_messages 0\nallow_anonymous true\n")
    one = bench(f"{server.url}?version=3.1.1")
    one.session.start(5)
    began = time.monotonic()
    publish(server.port, readings(1_500))
    one.wait_journaled(1_500)
    # With a flush only every 20 ms, 20 in flight would take 1.5 s at the very least.
    assert time.monotonic() - began < 1.5


@pytest.mark.mosquitto
def test_a_broker_restart_is_survived_without_loss(
    mosquitto: Any, bench: Callable[..., Bench], publish: Callable[..., int]
) -> None:
    server = mosquitto()
    one = bench(server.url)
    one.session.start(5)
    publish(server.port, readings(500))
    one.wait_journaled(500)
    server.stop()
    wait_until(lambda: one.counters.broker == "away")
    server.start()
    wait_until(lambda: one.counters.broker == "connected")
    publish(server.port, readings(500, first=500))
    one.wait_journaled(1_000)
    assert {m.payload for m in one.messages()} == {payload for _, payload in readings(1_000)}
    assert one.counters.connects == 2


@pytest.mark.mosquitto
def test_status_is_told_and_retained_readings_are_not_taken_for_new(
    mosquitto: Any, bench: Callable[..., Bench]
) -> None:
    server = mosquitto()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    client.publish(f"{PREFIX}/mic-1/status", b"online", qos=1, retain=True).wait_for_publish(5)
    client.publish(f"{PREFIX}/mic-1/json", b'{"laeq": 1}', qos=1, retain=True).wait_for_publish(5)
    for version in ("5", "3.1.1"):
        one = bench(f"{server.url}?version={version}", name=f"v{version}")
        one.session.start(5)
        wait_until(partial(one.has_status, f"{PREFIX}/mic-1/status", b"online"))
        client.publish(f"{PREFIX}/mic-1/json", b'{"laeq": 2}', qos=0).wait_for_publish(5)
        one.wait_journaled(1)
        assert [m.payload for m in one.messages()] == [b'{"laeq": 2}']
        one.session.stop()
    client.disconnect()
    client.loop_stop()


@pytest.mark.mosquitto
def test_two_ingests_with_one_client_id_do_not_race_and_the_reason_is_said(
    mosquitto: Any, bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    server = mosquitto()
    first, second = bench(f"{server.url}?version=5"), bench(f"{server.url}?version=5", name="second")
    first.session.start(5)
    second.session.start(5)
    wait_until(lambda: "another program use the client id vigiposte-ingest-plant" in caplog.text)
    assert first.counters.connects + second.counters.connects < 15
    # Newer brokers say why they close: then the first one ends with the reason.
    first.session._on_disconnect(None, None, None, ReasonCode(PacketTypes.DISCONNECT, identifier=142), None)
    assert first.session.failure is not None
    assert first.session.failure.code == "client_id_in_use"


def refused(one: Bench, timeout_s: float = 1.0) -> VigiposteError:
    with pytest.raises(VigiposteError) as caught:
        one.session.start(timeout_s)
    assert "remedy" in str(caught.value)
    return caught.value


@pytest.mark.mosquitto
def test_a_wrong_password_is_said_and_never_shown(
    mosquitto: Any, bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "ingest", "right"], check=True)
    passwords.chmod(0o644)
    server = mosquitto(f"allow_anonymous false\npassword_file {passwords}\n")
    for version in ("5", "3.1.1", "auto"):
        monkeypatch.setenv("VIGIPOSTE_MQTT_PASSWORD", "s3cret-wrong")
        one = bench(f"{server.url}?version={version}", name=f"wrong{version}", username="ingest")
        error = refused(one)
        assert isinstance(error, BrokerUnreachableError)
        assert error.code == "broker_login"
        assert "s3cret" not in str(error) + repr(one.settings)
    monkeypatch.delenv("VIGIPOSTE_MQTT_PASSWORD")
    assert refused(bench(server.url, name="nobody")).code == "broker_login"
    (tmp_path / "right" / "secret").parent.mkdir()
    (tmp_path / "right" / "secret").write_text("right\n")
    good = bench(server.url, name="right", username="ingest", password_file="secret")
    good.session.start(5)
    assert good.counters.broker == "connected"


@pytest.mark.mosquitto
def test_missing_rights_are_said(mosquitto: Any, bench: Callable[..., Bench], tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("user other\ntopic read #\n")
    acl.chmod(0o644)
    server = mosquitto(f"allow_anonymous true\nacl_file {acl}\n")
    one = bench(f"{server.url}?version=5")
    # Mosquitto 2 grants a subscription it will never serve; a broker that refuses one is told apart.
    one.session._on_subscribe(None, None, 1, [_Refused()], None)
    assert one.session.failure is not None
    assert one.session.failure.code == "broker_subscription"


class _Refused:
    is_failure = True


def test_no_broker_and_a_silent_one_are_told_apart(
    bench: Callable[..., Bench], free_port: Callable[[], int]
) -> None:
    error = refused(bench(f"mqtt://127.0.0.1:{free_port()}"), 0.3)
    assert isinstance(error, BrokerUnreachableError)
    assert error.code == "broker_unreachable"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    peer.recv(1000)
                    peer.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        silent = bench(f"mqtt://127.0.0.1:{listener.getsockname()[1]}", name="silent")
        assert refused(silent, 0.3).code == "broker_silent"


@pytest.mark.mosquitto
def test_tls_with_client_certificate_works_and_a_foreign_authority_is_refused(
    mosquitto: Any, bench: Callable[..., Bench], publish: Callable[..., int], certificates: Path
) -> None:
    server = mosquitto(
        "listener {port} 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n"
        f"cafile {certificates}/ca.crt\ncertfile {certificates}/server.crt\n"
        f"keyfile {certificates}/server.key\n"
    )
    url = f"mqtts://localhost:{server.port}"
    files = {"cert_file": f"{certificates}/client.crt", "key_file": f"{certificates}/client.key"}
    one = bench(url, ca_file=f"{certificates}/ca.crt", **files)
    one.session.start(5)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.tls_set(f"{certificates}/ca.crt", files["cert_file"], files["key_file"])
    client.connect("localhost", server.port)
    client.loop_start()
    payload = b'{"laeq": 70, "x": "' + b"y" * 40_000 + b'"}'
    for _ in range(50):
        client.publish(f"{PREFIX}/mic-1/json", payload, qos=1)
    one.wait_journaled(50)
    client.disconnect()
    client.loop_stop()
    assert {m.payload for m in one.messages()} == {payload}
    foreign = bench(url, name="foreign", ca_file=f"{certificates}/other.crt", **files)
    assert refused(foreign).code == "broker_tls"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:1883",
        "http://host",
        "mqtt://",
        "mqtt://host:99999999",
        "mqtt://host?version=4",
        "mqtt://host?qos=2",
        "mqtt://host/topic",
    ],
)
def test_an_url_that_is_not_understood_is_a_configuration_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        broker_settings(MqttSettings(url=url), tmp_path, "plant")
    assert caught.value.code == "mqtt_url"


def test_settings_come_from_url_file_and_environment_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    mqtt_settings = MqttSettings(url="mqtts://a", username="file-user", password_file="secret")
    plain = broker_settings(mqtt_settings, tmp_path, "plant")
    assert (plain.host, plain.port, plain.tls, plain.version) == ("a", 8883, True, MqttVersion.AUTO)
    assert (plain.username, plain.password, plain.client_id) == (
        "file-user",
        "from-file",
        "vigiposte-ingest-plant",
    )
    monkeypatch.setenv("VIGIPOSTE_MQTT_PASSWORD", "from-environment")
    other = broker_settings(
        mqtt_settings, tmp_path, "plant", url="mqtt://u@b:1?version=3.1.1", writer="east hall"
    )
    assert (other.host, other.port, other.username, other.password) == ("b", 1, "u", "from-environment")
    assert other.client_id == "vigiposte-ingest-plant-east_hall"
    with pytest.raises(ConfigurationError) as caught:
        broker_settings(MqttSettings(url="mqtts://a", ca_file="none.pem"), tmp_path, "plant")
    assert caught.value.code == "mqtt_file"
    assert isinstance(other, BrokerSettings)


# The byte stream.


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def publish_packet(
    topic: bytes, payload: bytes, qos: int, identifier: int, properties: bytes | None
) -> bytes:
    body = struct.pack(">H", len(topic)) + topic
    if qos:
        body += struct.pack(">H", identifier)
    if properties is not None:
        body += varint(len(properties)) + properties
    body += payload
    return bytes([0x30 | qos << 1]) + varint(len(body)) + body


packets = st.lists(
    st.one_of(
        st.tuples(
            st.just("publish"),
            st.binary(min_size=1, max_size=20),
            st.binary(max_size=300),
            st.integers(0, 1),
            st.integers(1, 65_535),
        ),
        st.tuples(st.just("other"), st.sampled_from([b"\xd0\x00", b"\x90\x03\x00\x01\x01"])),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(packets=packets, five=st.booleans(), pieces=st.integers(1, 40), properties=st.binary(max_size=200))
def test_packets_are_found_however_the_bytes_arrive(
    packets: list[Any], five: bool, pieces: int, properties: bytes
) -> None:
    content, expected, others = b"", [], b""
    for packet in packets:
        if packet[0] == "publish":
            _, topic, payload, qos, identifier = packet
            content += publish_packet(topic, payload, qos, identifier, properties if five else None)
            expected.append(Published(topic, payload, identifier if qos else 0, retained=False))
        else:
            content += packet[1]
            others += packet[1]
    near, far = socket.socketpair()
    near.settimeout(0)
    stream = BufferedSocket(near)
    stream.frame(five=five)
    found: list[Published] = []
    seen_others = b""
    step = max(1, len(content) // pieces)
    for start in range(0, len(content), step):
        far.sendall(content[start : start + step])
        while True:
            published, state = stream.take(3)
            found += published
            if state is Found.OTHER:
                # paho reads byte by byte and then the rest, and never beyond this one packet.
                while True:
                    try:
                        seen_others += stream.recv(2)
                    except BlockingIOError:
                        break
            elif state is Found.NOTHING and not stream.fill():
                break
    assert found == expected
    assert seen_others == others
    far.close()
    assert stream.fill()
    assert stream.ended
    assert stream.recv(1) == b""
    stream.close()


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=400), five=st.booleans())
def test_hostile_bytes_give_packets_or_a_malformed_stream_and_nothing_else(
    content: bytes, five: bool
) -> None:
    near, far = socket.socketpair()
    near.settimeout(0)
    stream = BufferedSocket(near)
    stream.frame(five=five)
    far.sendall(content + b" ")
    far.close()
    total = 0
    try:
        while stream.fill() and not stream.ended:
            while True:
                published, state = stream.take(10)
                total += sum(len(one.topic) + len(one.payload) for one in published)
                if state is Found.OTHER:
                    try:
                        while stream.recv(50):
                            pass
                    except BlockingIOError:
                        continue
                if state is Found.NOTHING:
                    break
    except MalformedStreamError:
        pass
    assert total <= len(content) + 1
    stream.close()
