"""Foreign devices as they speak: one fixture a device and firmware variant, with its rows or its refusal."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codecs import decode_device, matching_source, topic_matches
from ingest.codecs.devices import FAMILIES
from sensors.errors import PayloadError
from sensors.readings import Flag
from sensors.site_model import Sensor, Source

DEVICES = Path(__file__).parent / "devices"
ARRIVAL_NS = 1_794_816_123_000_000_000
CASES = sorted(DEVICES.glob("*.json"))


def known_sensor(case: dict[str, Any], identifier: str) -> Sensor | None:
    if identifier != case.get("sensor", identifier) or identifier.startswith("ffff"):
        return None
    row = {"id": identifier, "kind": case.get("kind", "noise"), "period_s": case.get("period_s")}
    return Sensor.model_validate(row)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_device_message(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    source = Source.model_validate(case["source"])
    assert matching_source([source], case["topic"]) is source or case.get("ignored")
    payload = json.dumps(case["payload"]).encode()

    def decode() -> Any:
        return decode_device(
            source, case["topic"], payload, ARRIVAL_NS, lambda name: known_sensor(case, name)
        )

    if "code" in case:
        with pytest.raises(PayloadError) as caught:
            decode()
        assert caught.value.code == case["code"]
        return
    reading = decode()
    if case.get("ignored"):
        assert reading is None
        return
    assert reading.sensor == case["sensor"]
    values = {name: float(column[0]) for name, column in reading.decoded.channels.items()}
    assert values == pytest.approx(case["channels"])
    if case["time"] == "arrival":
        assert reading.decoded.times_ns[0] == ARRIVAL_NS
        assert reading.decoded.flags_all & Flag.ARRIVAL_TIME
    else:
        expected_ns = round(datetime.fromisoformat(case["time"]).timestamp() * 1e6) * 1000
        assert reading.decoded.times_ns[0] == expected_ns
        assert not reading.decoded.flags_all & Flag.ARRIVAL_TIME


def test_every_family_has_a_reading_and_a_message_without_one() -> None:
    shown = [json.loads(path.read_text(encoding="utf-8")) for path in CASES]
    for codec in FAMILIES:
        mine = [case for case in shown if case["source"]["codec"] == codec]
        assert any("channels" in case for case in mine)
        assert any("code" in case or case.get("ignored") for case in mine)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
keys = st.sampled_from(
    ["object", "time", "uplink_message", "decoded_payload", "params", "ts", "method", "temperature", "LAeq"]
)


@given(
    codec=st.sampled_from(sorted(FAMILIES)),
    document=st.dictionaries(keys | st.text(max_size=8), json_values, max_size=8),
    topic=st.sampled_from(["a/event/up", "v3/x/devices/y/up", "tele/a/SENSOR", "s/events/rpc", "z/a", ""]),
)
def test_nothing_but_a_refusal_comes_out(codec: str, document: dict[str, Any], topic: str) -> None:
    source = Source.model_validate({"topic": "#", "codec": codec, "sensor": "payload.time"})
    payload = json.dumps(document).encode()
    with contextlib.suppress(PayloadError):
        decode_device(source, topic, payload, ARRIVAL_NS, lambda name: known_sensor({"sensor": name}, "x1"))


@given(st.binary(max_size=200), st.sampled_from(sorted(FAMILIES)))
def test_bytes_that_are_no_json_are_refused(payload: bytes, codec: str) -> None:
    source = Source.model_validate({"topic": "#", "codec": codec, "sensor": "x1"})
    with contextlib.suppress(PayloadError):
        decode_device(source, "a/event/up", payload, ARRIVAL_NS, lambda _name: None)


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/b", "a", False),
        ("#", "x/y", True),
    ],
)
def test_topic_filters(pattern: str, topic: str, expected: bool) -> None:
    assert topic_matches(pattern, topic) is expected
