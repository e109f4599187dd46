"""Damaged messages of real devices: rows within their ranges, nothing, or a refusal by name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ingest.codecs import decode_device
from ingest.codecs.devices import FAMILIES
from sensors.errors import PayloadError
from sensors.formats import PayloadCode
from sensors.quantities import QUANTITIES
from sensors.site_model import Sensor, Source

DEVICES = Path(__file__).resolve().parents[1] / "ingest" / "devices"
ARRIVAL_NS = 1_795_420_800_000_000_000
ROUNDS = 100_000 if os.environ.get("VIGIPOSTE_SOAK") == "1" else 500
CODES = {code.value for code in PayloadCode}


def _sensor(case: dict[str, Any]) -> Sensor:
    return Sensor.model_validate({"id": case.get("sensor", "x-1"), "kind": case.get("kind", "noise")})


@pytest.mark.parametrize("codec", sorted(FAMILIES))
def test_changed_device_messages_are_rows_nothing_or_refusals(codec: str, damage: Any) -> None:
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DEVICES.glob(f"{codec}_*.json"))]
    cases = [case for case in cases if isinstance(case["payload"], dict)]
    seeds = [(case, Source.model_validate(case["source"]), _sensor(case)) for case in cases]
    accepted, refused = 0, set()
    for number in range(ROUNDS):
        case, source, sensor = damage.chance.choice(seeds)
        if number % 2:
            payload = damage.bytes_of(json.dumps(case["payload"]).encode())
        else:
            document = damage.document(case["payload"])
            payload = json.dumps(document, default=lambda raw: raw.decode("latin-1")).encode()

        def found(name: str, sensor: Sensor = sensor) -> Sensor | None:
            return sensor if name == sensor.id else None

        try:
            reading = decode_device(source, case["topic"], payload, ARRIVAL_NS, found)
        except PayloadError as error:
            refused.add(error.code)
            continue
        if reading is None:
            continue
        accepted += 1
        assert reading.decoded.times_ns.shape == (1,)
        for name, column in reading.decoded.channels.items():
            assert QUANTITIES[name].low <= column[0] <= QUANTITIES[name].high
    # Both ways must have been taken, else the seeds or the changes are no good.
    print(f"{accepted} of {ROUNDS} accepted")
    assert accepted > 0
    assert refused
    assert refused <= CODES
