"""Journals with bytes changed, cut and repeated: a million in the soak run, else some thousands."""

from __future__ import annotations

import os
import random

from ingest.journal import Arrival
from ingest.journal.records import pack_records, scan

ROUNDS = 1_000_000 if os.environ.get("VIGIPOSTE_SOAK") == "1" else 6_000


def _changed(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged) + 1)
        length = chance.randint(1, 40)
        match chance.randrange(5):
            case 0 if place < len(damaged):
                damaged[place] ^= 1 << chance.randrange(8)
            case 1:
                del damaged[place : place + length]
            case 2:
                damaged[place:place] = chance.randbytes(length)
            case 3:
                damaged[place:place] = damaged[place : place + length]
            case _:
                damaged[place : place + length] = chance.randbytes(length)
    return bytes(damaged)


def test_no_damage_makes_a_message_that_was_never_written() -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    contents = []
    for _ in range(20):
        salt = chance.getrandbits(32)
        arrivals = [
            Arrival(b"t/%d" % n, chance.randbytes(chance.randrange(60)), 10_000 * n)
            for n in range(1, chance.randint(2, 8))
        ]
        content, _ = pack_records(arrivals, 0, salt)
        contents.append(
            (content, salt, {(10_000 * n, a.topic, a.payload) for n, a in enumerate(arrivals, 1)})
        )
    for round_number in range(ROUNDS):
        content, salt, known = contents[round_number % len(contents)]
        damaged = _changed(content, chance)
        complete = bool(round_number & 1)
        found = scan(damaged, 0, salt, complete=complete)
        assert {tuple(message) for message in found.messages} <= known
        assert 0 <= found.end <= len(damaged)
        if complete:
            assert found.end == len(damaged)
        spans = sum(end - start for start, end in found.damaged)
        assert 0 <= spans <= len(damaged)
