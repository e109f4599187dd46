"""The ingest's fixtures serve the long runs too; and what damages messages."""

from __future__ import annotations

import copy
import os
import random
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_INGEST = runpy.run_path(str(Path(__file__).resolve().parents[1] / "ingest" / "conftest.py"))

blaster = _INGEST["blaster"]
publish = _INGEST["publish"]
nursery = _INGEST["nursery"]
ingest_process = _INGEST["ingest_process"]
load_message_fixture = _INGEST["load_message_fixture"]
load_site_file = _INGEST["load_site_file"]
stored_numbers = _INGEST["stored_numbers"]
shipped_mosquitto_conf = _INGEST["shipped_mosquitto_conf"]

SOAK = os.environ.get("VIGIPOSTE_SOAK") == "1"
_PIECES = (
    *(b"null", b"-", b"e9", b"1e999", b"NaN", b"[", b"]", b"{", b"}", b'"', b",", b":", b"_", b"\x00"),
    *(b"\xff\xff", b"true", b"-0", b"99999999999999999999", b'"2026-13-45T99:99:99Z"', b"\\ud800"),
)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -0.0, -1, 1e-320, 1e308, -1e308, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 1e18),
    *(
        "",
        "0",
        "1e5",
        "NaN",
        "Infinity",
        "2026-11-16T08:00:00Z",
        "2026-02-30T25:61:61",
        "\x00",
        "é" * 40,
        [],
        {},
    ),
    *(
        [None],
        [[]],
        [0.0] * 3,
        {"": 0},
        {"v": 1},
        float("nan"),
        float("inf"),
        b"\x00\x00\x80\x3f",
        b"\x01" * 7,
    ),
)


@dataclass(frozen=True)
class Damage:
    """Makes messages that no honest device sends; the same seed makes the same ones."""

    chance: random.Random

    def bytes_of(self, payload: bytes) -> bytes:
        """`payload` with a few bytes changed, cut, repeated or replaced."""
        chance = self.chance
        damaged = bytearray(payload)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged) + 1)
            match chance.randrange(5):
                case 0:
                    damaged[place : place + 1] = bytes([chance.randrange(256)])
                case 1:
                    del damaged[place : place + chance.randint(1, 12)]
                case 2:
                    damaged[place:place] = damaged[place : place + chance.randint(1, 30)]
                case 3:
                    damaged[place : place + chance.randrange(8)] = chance.choice(_PIECES)
                case _:
                    damaged[place : place + 8] = chance.randbytes(8)
        return bytes(damaged)

    def document(self, document: Any) -> Any:
        """`document` with one or two of its values replaced, dropped, doubled or moved."""
        changed = copy.deepcopy(document)
        for _ in range(self.chance.randint(1, 2)):
            self._change(changed)
        return changed

    def _change(self, document: Any) -> None:
        chance = self.chance
        inner, place = document, None
        while True:
            places = list(inner) if isinstance(inner, dict) else range(len(inner))
            if not places:
                break
            place = chance.choice(places)
            if not isinstance(inner[place], dict | list) or chance.random() < 0.3:
                break
            inner = inner[place]
        odd = chance.choice(_ODD)
        if place is None or not len(inner):
            return
        match chance.randrange(4):
            case 0 if isinstance(inner, dict):
                inner[f"{place}{chance.choice(('', '_', '2', 'é'))}"] = inner.pop(place)
            case 1:
                del inner[place]
            case 2 if isinstance(inner, list):
                inner[place:place] = [copy.deepcopy(odd) for _ in range(chance.randint(1, 3))]
            case _:
                inner[place] = copy.deepcopy(odd)


@pytest.fixture
def damage() -> Damage:
    """New damage in each soak run, with its seed printed; the same in every test run."""
    seed = random.SystemRandom().randrange(10**9) if SOAK else 20261128
    print(f"seed {seed}")
    return Damage(random.Random(seed))
