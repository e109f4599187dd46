"""Lines from before the key, and an attacker with the log's folder but not the key: nothing passes."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.governance.anchor import read_anchor
from indicators.governance.chain import Chain, read_entries
from sensors.errors import GovernanceError

KEY, SALT = b"k" * 32, b"s" * 32
Lines = list[str]


def made(folder: Path, before: int, after: int, *, salt: bytes | None = None, anchored: bool = True) -> Chain:
    """A log with lines from before the key, their seal, and signed lines."""
    path = folder / "site" / "access.jsonl"
    for number in range(before):
        Chain(path, salt).append("look", {"number": number})
    chain = Chain(path, KEY, salt, folder / "plant.head" if anchored else None)
    assert chain.seal() == before
    for number in range(after):
        chain.append("look", {"number": before + number})
    return chain


def put(chain: Chain, lines: Lines) -> None:
    chain.path.write_text("".join(f"{line}\n" for line in lines))


def unsigned(lines: Lines, first: int, salt: bytes | None = None) -> Lines:
    """`lines` without the signatures from `first` on: hashed anew, as anybody in the log's folder can."""
    kept = lines[:first]
    previous = json.loads(kept[-1])["hash"] if kept else "0" * 64
    for line in lines[first:]:
        body = json.loads(line)["body"]
        message = f"{previous}\n{body}".encode()
        plain = hashlib.sha256(message) if salt is None else hmac.new(salt, message, hashlib.sha256)
        kept.append(json.dumps({"hash": plain.hexdigest(), "previous": previous, "body": body}))
        previous = plain.hexdigest()
    return kept


def edited(lines: Lines, where: int) -> Lines:
    entry = json.loads(lines[where])
    body = json.loads(entry["body"])
    body["number"] = 99
    entry["body"] = json.dumps(body, sort_keys=True)
    return [*lines[:where], json.dumps(entry), *lines[where + 1 :]]


def without(lines: Lines, event: str) -> Lines:
    return [line for line in lines if json.loads(json.loads(line)["body"])["event"] != event]


def swapped(lines: Lines, first: int, second: int) -> Lines:
    lines[first], lines[second] = lines[second], lines[first]
    return lines


Attack = Callable[[Lines, int, int, bytes | None], Lines]
ATTACKS: dict[str, Attack] = {
    "cut off": lambda lines, first, _, __: lines[:first],
    "edit": lambda lines, first, _, __: edited(lines, first),
    "edit and hash anew": lambda lines, first, _, salt: unsigned(edited(lines, first), first, salt),
    "remove": lambda lines, first, _, __: [*lines[:first], *lines[first + 1 :]],
    "remove and hash anew": lambda lines, first, _, salt: unsigned(
        [*lines[:first], *lines[first + 1 :]], first, salt
    ),
    "swap": lambda lines, first, second, _: swapped(lines, first, second),
    "repeat": lambda lines, first, second, _: [*lines[:second], lines[first], *lines[second:]],
    "take the signatures off": lambda lines, first, _, salt: unsigned(lines, first, salt),
    "take signatures and seal off": lambda lines, _, __, salt: unsigned(without(lines, "sealed"), 0, salt),
    "throw away": lambda _lines, _, __, ___: [],
}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_log_shows(data: st.DataObject) -> None:
    before, after = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
    salt = data.draw(st.sampled_from([None, SALT]))
    name = data.draw(st.sampled_from(sorted(ATTACKS)))
    with tempfile.TemporaryDirectory() as place:
        chain = made(Path(place), before, after, salt=salt)
        report = chain.verify()
        assert report.intact
        assert (report.unsigned, report.covered_by) == (before, before + 1 if before else None)
        lines = chain.path.read_text().splitlines()
        first = data.draw(st.integers(0, len(lines) - 1))
        second = data.draw(st.integers(0, len(lines) - 1))
        attacked = ATTACKS[name](list(lines), first, second, salt)
        if attacked == lines:
            return
        put(chain, attacked)
        assert not chain.verify().intact, name
        # What the program writes next, unsuspecting, heals nothing, and no seal can be had for it.
        for _ in range(data.draw(st.integers(0, len(lines) + 1))):
            chain.append("look", {})
        assert not chain.verify().intact, name
        with pytest.raises(GovernanceError):
            chain.seal()
        assert not chain.verify().intact, name


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {"cut off", "throw away", "remove"}))
def test_without_an_anchor_only_a_lost_end_goes_unseen(name: str, tmp_path: Path) -> None:
    chain = made(tmp_path, 3, 3, anchored=False)
    lines = chain.path.read_text().splitlines()
    put(chain, ATTACKS[name](list(lines), 1, 5, None))
    chain.append("look", {})
    assert not chain.verify().intact


def test_a_log_that_was_signed_without_a_seal_finds_one_later(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    for number in range(3):
        Chain(path).append("look", {"number": number})
    chain = Chain(path, KEY, anchor=tmp_path / "keys.head")
    chain.append("look", {})
    report = chain.verify()
    assert (report.intact, report.broken_line, report.uncovered) == (False, 1, True)
    assert chain.trouble(report).code == "log_unsigned"
    assert chain.seal() == 3
    report = chain.verify()
    assert (report.intact, report.unsigned, report.covered_by, report.entries) == (True, 3, 5, 5)
    assert chain.seal() == 0


def test_a_seal_of_one_log_covers_no_other(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a", 2, 1), made(tmp_path / "b", 2, 0, anchored=False)
    seal = next(line for line in first.path.read_text().splitlines() if "sealed" in line)
    put(second, [*second.path.read_text().splitlines()[:2], seal])
    assert not second.verify().intact


def test_what_a_caller_writes_down_is_never_taken_for_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    head = Chain(path).append("look", {})
    chain = Chain(path, KEY)
    chain.append("look", {"event": "sealed", "lines": 1, "head": head})
    assert chain.verify().uncovered


def test_a_log_restored_from_a_backup_goes_on_and_keeps_the_loss(tmp_path: Path) -> None:
    chain = made(tmp_path, 0, 6)
    put(chain, chain.path.read_text().splitlines()[:4])
    chain.append("look", {})
    report = chain.verify()
    assert (report.intact, report.cut_off, report.broken_line) == (False, 6, None)
    assert chain.trouble(report).code == "log_cut_off"
    assert chain.restore("disk failure, backup of Sunday") >= 1
    report = chain.verify()
    assert (report.intact, report.anchored, report.lost) == (True, True, 1)
    assert read_entries(chain.path)[-1]["reason"] == "disk failure, backup of Sunday"
    assert chain.restore("again") == 0
    put(chain, edited(chain.path.read_text().splitlines(), 2))
    with pytest.raises(GovernanceError) as caught:
        chain.restore("no backup helps against a changed line")
    assert caught.value.code == "log_broken"


def test_another_key_begins_its_own_count(tmp_path: Path) -> None:
    chain = made(tmp_path, 0, 3)
    assert chain.anchor is not None
    assert read_anchor(chain.anchor, KEY) is not None
    assert read_anchor(chain.anchor, b"n" * 32) is None
    chain.anchor.write_text("no anchor at all")
    assert chain.verify().intact
    assert not chain.verify().anchored


WRITER = """
import sys
from pathlib import Path
from indicators.governance.chain import Chain

path, anchor = map(Path, sys.argv[1:3])
chain = Chain(path, b"k" * 32, anchor=anchor)
sys.stdin.read()
for number in range(20):
    chain.append("look", {"writer": sys.argv[3], "number": number, "long": "x" * 9000})
    if sys.argv[3] == "0" and number == 5:
        chain.seal()
"""


def test_processes_at_once_lose_nothing_and_are_read_meanwhile(tmp_path: Path) -> None:
    path, anchor = tmp_path / "access.jsonl", tmp_path / "access.head"
    for number in range(4):
        Chain(path).append("look", {"number": number})
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(anchor), str(name)], stdin=subprocess.PIPE
        )
        for name in range(3)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    chain = Chain(path, KEY, anchor=anchor)
    while any(writer.poll() is None for writer in writers):
        report = chain.verify()
        assert report.intact or report.uncovered, report
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    report = chain.verify()
    assert (report.intact, report.entries, report.unsigned, report.anchored) == (True, 65, 4, True)
    entries = [row for row in read_entries(path) if "writer" in row]
    for name in ("0", "1", "2"):
        assert [row["number"] for row in entries if row["writer"] == name] == list(range(20))
