"""Damaged messages of every wire format: a million and more in the soak run, else some thousands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
import numpy as np
import pytest

from sensors.errors import PayloadError
from sensors.formats import PayloadCode, WireFormat, decode, encode
from sensors.quantities import QUANTITIES

ARRIVAL_NS = 1_795_420_800_000_000_000
ROUNDS = 200_000 if os.environ.get("VIGIPOSTE_SOAK") == "1" else 4_000
CODES = {code.value for code in PayloadCode}
_CODINGS: dict[WireFormat, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    WireFormat.COLUMNS_MSGPACK: (msgspec.msgpack.decode, msgspec.msgpack.encode),
    WireFormat.SENML_CBOR: (cbor2.loads, cbor2.dumps),
}


def _to_json(document: Any) -> bytes:
    return json.dumps(document, default=lambda raw: raw.decode("latin-1")).encode()


def _seeds(fmt: WireFormat) -> list[bytes]:
    one = np.array([ARRIVAL_NS], np.int64)
    many = ARRIVAL_NS + np.arange(5, dtype=np.int64) * 20_000_000
    uneven = many + np.array([0, 3, 5, 7, 11], np.int64)
    posture = {f"acc_{axis}": np.linspace(-1, 1, 5) for axis in "xyz"}
    if fmt is WireFormat.JSON:
        return [encode(fmt, one, {"laeq": np.array([78.2]), "lcpeak": np.array([101.5])})]
    return [
        encode(fmt, many, posture),
        encode(fmt, many, {name: column.astype(np.float32) for name, column in posture.items()}),
        encode(fmt, uneven, {**posture, "battery": np.array([np.nan, 88, 87, np.nan, 1])}),
        encode(fmt, one, {"air_temperature": np.array([21.5]), "relative_humidity": np.array([40.0])}),
    ]


@pytest.mark.parametrize("fmt", list(WireFormat))
def test_changed_messages_are_rows_or_refusals(fmt: WireFormat, damage: Any) -> None:
    loads, dumps = _CODINGS.get(fmt, (json.loads, _to_json))
    seeds = [(payload, loads(payload)) for payload in _seeds(fmt)]
    accepted, refused = 0, set()
    for number in range(ROUNDS):
        payload, document = damage.chance.choice(seeds)
        payload = damage.bytes_of(payload) if number % 2 else dumps(damage.document(document))
        try:
            decoded = decode(fmt, payload, ARRIVAL_NS)
        except PayloadError as error:
            refused.add(error.code)
            continue
        accepted += 1
        for name, column in decoded.channels.items():
            assert len(column) == len(decoded.times_ns)
            values = column[~np.isnan(column)]
            assert ((values >= QUANTITIES[name].low) & (values <= QUANTITIES[name].high)).all()
    # Both ways must have been taken, else the seeds or the changes are no good.
    print(f"{accepted} of {ROUNDS} accepted")
    assert accepted > 0
    assert len(refused) > 2
    assert refused <= CODES
