"""Valid messages with bytes changed, cut and repeated: a million in the soak run, else some thousands."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from sensors.errors import PayloadError
from sensors.formats import PayloadCode, WireFormat, decode, encode
from sensors.quantities import QUANTITIES

ARRIVAL_NS = 1_795_420_800_000_000_000
ROUNDS = 200_000 if os.environ.get("VIGIPOSTE_SOAK") == "1" else 4_000
CODES = {code.value for code in PayloadCode}


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


def _changed(seed: bytes, chance: random.Random) -> bytes:
    payload = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(payload) + 1)
        match chance.randrange(5):
            case 0:
                payload[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del payload[place : place + chance.randint(1, 8)]
            case 2:
                payload[place:place] = payload[: chance.randint(1, 12)]
            case 3:
                payload[place:place] = chance.choice(
                    [b"null", b"-", b"e9", b"[", b'"', b"\x00", b"\xff\xff", b"_"]
                )
            case _:
                payload[place : place + 8] = chance.randbytes(8)
        if not payload:
            break
    return bytes(payload)


@pytest.mark.parametrize("fmt", list(WireFormat))
def test_changed_messages_are_rows_or_refusals(fmt: WireFormat) -> None:
    chance = random.Random(f"{fmt}-20261123")
    seeds = _seeds(fmt)
    accepted, refused = 0, set()
    for _ in range(ROUNDS):
        payload = _changed(chance.choice(seeds), chance)
        try:
            decoded = decode(fmt, payload, ARRIVAL_NS)
        except PayloadError as error:
            refused.add(error.code)
            continue
        accepted += 1
        for name, column in decoded.channels.items():
            values = column[~np.isnan(column)]
            assert ((values >= QUANTITIES[name].low) & (values <= QUANTITIES[name].high)).all()
    # Both ways must have been taken, else the seeds or the changes are no good.
    assert accepted > 0
    assert refused
    assert refused <= CODES
