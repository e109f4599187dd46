"""What ``doctor`` and ``discover`` see of a broker that wants certificates, passwords and rights."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker_diagnosis import examine_broker
from ingest.discovery import listen
from ingest.session import BrokerSettings
from sensors.errors import BrokerUnreachableError, ConfigurationError
from sensors.findings import Finding, State
from sensors.init_files import template
from simulators.mqtt_link import connect, parse_url

pytestmark = [
    pytest.mark.mosquitto,
    # paho leaves the socket of a failed handshake to the collector, which comes round in any test.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
    ),
]

PASSWORD = "hunter2-of-the-ingest"


@pytest.fixture
def acl(tmp_path: Path) -> Path:
    path = tmp_path / "acl"
    path.write_text(template("acl").replace("@SITE@", "plant"))
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(
    mosquitto: Any, shipped_mosquitto_conf: str, certificates: Path, acl: Path, tmp_path: Path
) -> BrokerSettings:
    """A broker with the settings of ``init``, TLS, client certificates, passwords and the access list."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "ingest", PASSWORD], check=True)
    conf = shipped_mosquitto_conf.replace("allow_anonymous true", "")
    server = mosquitto(
        f"{conf}\ncafile {certificates}/ca.crt\ncertfile {certificates}/server.crt\n"
        f"keyfile {certificates}/server.key\nrequire_certificate true\n"
        f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"
    )
    return BrokerSettings(
        host="localhost",
        port=server.port,
        client_id="doctor",
        tls=True,
        username="ingest",
        password=PASSWORD,
        ca_file=certificates / "ca.crt",
        cert_file=certificates / "client.crt",
        key_file=certificates / "client.key",
    )


def by_subject(findings: Iterator[Finding]) -> dict[str, Finding]:
    found = {one.subject: one for one in findings}
    assert PASSWORD not in str(found)
    return found


def test_the_shipped_settings_pass_with_certificates_passwords_and_the_access_list(
    guarded: BrokerSettings,
) -> None:
    found = by_subject(examine_broker(guarded, "plant"))
    assert found["broker queue"].state is State.OK
    assert found["broker window"].state is State.OK
    assert found["broker"].seen.startswith(f"mqtts://localhost:{guarded.port}: mosquitto")


def test_a_wrong_password_and_a_foreign_authority_are_faults_that_show_no_secret(
    guarded: BrokerSettings, certificates: Path
) -> None:
    wrong = replace(guarded, password="not-it")
    found = by_subject(examine_broker(wrong, "plant"))
    assert found["broker"].state is State.FAULT
    assert "not-it" not in str(found)
    foreign = replace(guarded, ca_file=certificates / "other.crt")
    assert by_subject(examine_broker(foreign, "plant"))["broker"].state is State.FAULT
    with pytest.raises(BrokerUnreachableError) as refused:
        listen(foreign, 0.2)
    assert refused.value.code == "broker_tls"
    with pytest.raises(BrokerUnreachableError):
        listen(wrong, 1.0)
    with pytest.raises(ConfigurationError) as mixed:
        listen(replace(guarded, key_file=certificates / "other.key"), 0.2)
    assert mixed.value.code == "broker_certificate"


def test_a_user_without_the_right_to_probe_is_no_broker_that_keeps_nothing(
    mosquitto: Callable[..., Any], tmp_path: Path
) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read vigiposte/v1/plant/+/json\n")
    rights.chmod(0o600)
    server = mosquitto(f"listener {{port}} 127.0.0.1\nallow_anonymous true\nacl_file {rights}\n")
    found = by_subject(examine_broker(BrokerSettings("127.0.0.1", server.port, "doctor"), "plant"))
    assert found["broker queue"].state is State.NOTICE
    assert "read and write vigiposte/v1/plant/doctor-probe" in found["broker queue"].remedy


def test_discover_listens_through_tls(guarded: BrokerSettings, certificates: Path) -> None:
    ca, certificate, key = (str(certificates / name) for name in ("ca.crt", "client.crt", "client.key"))
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.tls_set(ca, certificate, key)
    client.username_pw_set("ingest", PASSWORD)
    client.connect("localhost", guarded.port)
    client.publish("vigiposte/v1/plant/doctor-probe/json-doctor", b"{}", qos=1, retain=True)
    client.loop_start()
    heard = listen(guarded, 0.6)
    client.disconnect()
    client.loop_stop()
    assert [entry.topic for entry in heard] == ["vigiposte/v1/plant/doctor-probe/json-doctor"]


def test_recording_and_replaying_use_the_certificates_of_the_environment(
    guarded: BrokerSettings, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIPOSTE_MQTT_PASSWORD", PASSWORD)
    address = parse_url(f"mqtts://ingest@localhost:{guarded.port}")
    with pytest.raises(BrokerUnreachableError):
        connect(address, "without")
    for name, file in (("CA", "ca.crt"), ("CERT", "client.crt"), ("KEY", "client.key")):
        monkeypatch.setenv(f"VIGIPOSTE_MQTT_{name}_FILE", str(certificates / file))
    client = connect(address, "with")
    client.disconnect()
    client.loop_stop()
