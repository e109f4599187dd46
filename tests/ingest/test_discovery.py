"""Discovery on a real broker: what it prints can be pasted, passes the site model, and reads the device."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.codecs import decode_device, matching_source
from ingest.discovery import Heard, guess_source, listen, site_lines
from ingest.session import BrokerSettings
from sensors.errors import BrokerUnreachableError
from sensors.site_model import Site

DEVICES = Path(__file__).parent / "devices"
CASES = [
    case
    for path in sorted(DEVICES.glob("*.json"))
    if "channels" in (case := json.loads(path.read_text(encoding="utf-8")))
    and case["source"]["codec"] != "json"
]


def pasted(lines: str) -> Site:
    return Site.model_validate({"schema": 1, "site": {"id": "s", "label": "S"}, **tomllib.loads(lines)})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["topic"])
def test_guess_reads_what_the_device_sends(case: dict[str, Any]) -> None:
    payload = json.dumps(case["payload"]).encode()
    guess = guess_source(Heard(case["topic"], 1, [payload]))
    if guess is None:
        assert set(case["channels"]) == {"battery"}, "only a message without a measurement may stay unknown"
        return
    site = pasted(site_lines([guess]))
    source = matching_source(site.sources, case["topic"])
    assert source is not None
    reading = decode_device(
        source, case["topic"], payload, 1_794_816_123 * 10**9, lambda name: site.find("sensors", name)
    )
    assert reading is not None
    known = {name for name in case["channels"] if name in guess.channels}
    assert known
    for name in known:
        assert float(reading.decoded.channels[name][0]) == pytest.approx(case["channels"][name])


def test_names_refused_by_principle_are_said() -> None:
    payload = json.dumps({"temperature": 21.0, "heart_rate": 80, "gps": {"lat": 48.1}}).encode()
    guess = guess_source(Heard("node/7", 1, [payload]))
    assert guess is not None
    assert guess.channels == ("air_temperature",)
    assert {"heart_rate", "lat"} <= set(guess.refused)


def test_messages_that_hold_only_what_changed_are_taken_together() -> None:
    payloads = [
        json.dumps({"method": "NotifyStatus", "params": {name: value}}).encode()
        for name, value in (("temperature:0", {"tC": 21.5}), ("humidity:0", {"rh": 40.0}))
    ]
    guess = guess_source(Heard("shelly-1/events/rpc", 2, payloads))
    assert guess is not None
    assert guess.channels == ("air_temperature", "relative_humidity")


def test_a_topic_may_hold_any_character() -> None:
    guess = guess_source(Heard('plant "A"\\x/1', 1, [b'{"LAeq": 70}']))
    assert guess is not None
    assert pasted(site_lines([guess])).sources[0].topic == 'plant "A"\\x/+'


def test_a_sensor_that_speaks_our_form_needs_its_own_lines_only() -> None:
    payload = b'{"t0": 1795000000, "dt": 0.02, "acc_x": [0, 0], "acc_y": [1, 1], "acc_z": [0, 0]}'
    guess = guess_source(Heard("vigiposte/v1/s/back-7/columns", 1, [payload]))
    assert guess is not None
    assert site_lines([guess]) == '[[sensors]]\nid = "back-7"\nkind = "posture"\n'


def test_noise_on_the_bus_is_no_device() -> None:
    assert guess_source(Heard("a/b", 2, [b"\x00\x01", b'{"colour": "red"}'])) is None


@pytest.mark.mosquitto
def test_listening_to_a_real_broker(mosquitto: Callable[..., Any]) -> None:
    server = mosquitto()
    stop = threading.Event()

    def chatter() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", server.port)
        client.loop_start()
        while not stop.wait(0.05):
            client.publish(
                "zigbee2mqtt/oven", json.dumps({"temperature": 31.5, "humidity": 30, "linkquality": 9})
            )
            client.publish("vigiposte/v1/s/n1/json", b'{"laeq": 70}')
            client.publish("vigiposte/v1/s/n1/status", b"online")
        client.disconnect()
        client.loop_stop()

    talker = threading.Thread(target=chatter)
    talker.start()
    try:
        heard = listen(BrokerSettings("127.0.0.1", server.port, "discover"), 1.0)
    finally:
        stop.set()
        talker.join()
    assert [entry.topic for entry in heard] == ["vigiposte/v1/s/n1/json", "zigbee2mqtt/oven"]
    assert heard[1].count > 1
    lines = site_lines(guess for entry in heard if (guess := guess_source(entry)) is not None)
    site = pasted(lines)
    assert [(sensor.id, sensor.kind) for sensor in site.sensors] == [("n1", "noise"), ("oven", "climate")]
    assert len(site.sources) == 1


def test_no_broker_is_a_clear_error(free_port: Callable[[], int]) -> None:
    with pytest.raises(BrokerUnreachableError, match="does not answer"):
        listen(BrokerSettings("127.0.0.1", free_port(), "discover"), 0.2)
