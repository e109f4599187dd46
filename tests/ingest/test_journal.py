"""The journal: order, durability, recovery, and what damage can and cannot do."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.journal import (
    Arrival,
    Cursor,
    FolderLock,
    JournalBlockedError,
    JournalReader,
    JournalWriter,
    Message,
    Position,
    backlog_of,
)
from ingest.journal import writer as writer_module
from ingest.journal.segments import list_segments, sync_data
from sensors.errors import LocalResourceError

FUZZ = int(os.environ.get("VIGIPOSTE_FUZZ_EXAMPLES", "0")) or (
    20_000 if os.environ.get("VIGIPOSTE_SOAK") else 150
)


def arrivals(count: int, *, size: int = 20, start: int = 1_000) -> list[Arrival]:
    return [Arrival(b"t/%d" % (n % 3), b"%0*d" % (size, n), start + n) for n in range(count)]


def drain(folder: Path, max_bytes: int = 1 << 20) -> tuple[list[Message], int]:
    """Messages after the cursor and the number of damaged spans, read by a fresh opening."""
    cursor = Cursor(folder)
    writer = JournalWriter(folder, after=cursor.position.sequence)
    reader = JournalReader(writer, cursor)
    messages: list[Message] = []
    damage = 0
    while (chunk := reader.read(max_bytes)) is not None:
        messages += chunk.messages
        damage += len(chunk.damage)
    writer.close()
    cursor.close()
    return messages, damage


def test_messages_come_back_in_order_with_increasing_sequences(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=500)
    sent = arrivals(60)
    for start in range(0, 60, 7):
        writer.append(sent[start : start + 7])
    writer.close()
    assert len(list_segments(tmp_path)) > 3
    for max_bytes in (1, 64, 1 << 20):
        messages, damage = drain(tmp_path, max_bytes)
        assert [(m.topic, m.payload) for m in messages] == [(a.topic, a.payload) for a in sent]
        assert damage == 0
    assert [m.sequence for m in messages] == [a.arrival_ns for a in sent]


def test_sequences_stay_strictly_increasing_when_the_clock_goes_back(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append([Arrival(b"t", b"a", 5_000), Arrival(b"t", b"b", 5_000), Arrival(b"t", b"c", 10)])
    writer.close()
    again = JournalWriter(tmp_path)
    again.append([Arrival(b"t", b"d", 20)])
    again.close()
    assert [m.sequence for m in drain(tmp_path)[0]] == [5_000, 5_001, 5_002, 5_003]


def test_an_emptied_journal_continues_above_the_cursor(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    cursor = Cursor(tmp_path)
    reader = JournalReader(writer, cursor)
    last = writer.append(arrivals(10, start=9_000))
    chunk = reader.read(1 << 20)
    assert chunk is not None
    writer.rotate()
    reader.commit(chunk.end)
    assert list_segments(tmp_path) == []
    writer.close()
    cursor.close()
    second_cursor = Cursor(tmp_path)
    second = JournalWriter(tmp_path, after=second_cursor.position.sequence)
    assert second.append([Arrival(b"t", b"x", 1)]) == last + 1
    new = JournalReader(second, second_cursor).read(1 << 20)
    assert new is not None
    assert [m.payload for m in new.messages] == [b"x"]


def test_consumed_segments_are_deleted_and_uncommitted_messages_are_read_again(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=300)
    cursor = Cursor(tmp_path)
    reader = JournalReader(writer, cursor)
    for arrival in arrivals(30):
        writer.append([arrival])
    before = len(list_segments(tmp_path))
    committed: list[Message] = []
    for _ in range(before // 2):
        chunk = reader.read(1 << 20)
        assert chunk is not None
        committed += chunk.messages
        reader.commit(chunk.end)
    assert len(list_segments(tmp_path)) == before - before // 2
    uncommitted = reader.read(1 << 20)
    assert uncommitted is not None
    reader.rewind()
    repeated = reader.read(1 << 20)
    assert repeated is not None
    assert repeated.messages == uncommitted.messages
    writer.close()
    cursor.close()
    rest, _ = drain(tmp_path)
    assert [m.payload for m in committed + rest] == [a.payload for a in arrivals(30)]


def test_backlog_counts_what_is_not_consumed(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    cursor = Cursor(tmp_path)
    reader = JournalReader(writer, cursor)
    assert backlog_of(tmp_path).bytes == 0
    writer.append(arrivals(10))
    assert backlog_of(tmp_path).bytes > 200
    chunk = reader.read(1 << 20)
    assert chunk is not None
    reader.commit(chunk.end)
    assert backlog_of(tmp_path).bytes == 0
    assert backlog_of(tmp_path).after_sequence == chunk.end.sequence


def test_a_torn_cursor_write_leaves_the_previous_position(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path)
    for n in range(1, 6):
        cursor.move(Position(n, n, n))
    cursor.close()
    path = tmp_path / "cursor"
    content = bytearray(path.read_bytes())
    newest = (5 % 2) * 512
    content[newest + 10] ^= 0xFF
    path.write_bytes(content)
    assert Cursor.peek(tmp_path) == Position(4, 4, 4)
    path.write_bytes(content[:100])
    reopened = Cursor(tmp_path)
    reopened.move(Position(7, 7, 7))
    reopened.close()
    assert Cursor.peek(tmp_path) == Position(7, 7, 7)


def test_two_processes_cannot_share_a_journal_folder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    code = (
        "import sys; from pathlib import Path; from ingest.journal import FolderLock\n"
        f"FolderLock(Path({str(tmp_path)!r}))"
    )
    held = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30
    )
    assert "journal folder is in use by another ingest" in held.stderr
    lock.release()
    free = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=30)
    assert free.returncode == 0


def test_a_folder_that_cannot_be_made_is_a_local_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LocalResourceError) as caught:
        FolderLock(tmp_path / "file" / "journal")
    assert caught.value.code == "journal_read_only"


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 90), min_size=1, max_size=12),
    cut=st.integers(0, 10_000),
    group=st.integers(1, 5),
)
def test_a_segment_cut_anywhere_gives_every_whole_record_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cut: int, group: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    sent = [Arrival(b"t/%d" % n, bytes([n]) * size, 100 + n) for n, size in enumerate(sizes)]
    writer = JournalWriter(folder)
    ends = []
    for start in range(0, len(sent), group):
        for arrival in sent[start : start + group]:
            writer.append([arrival])
            ends.append(list_segments(folder)[0].size())
    writer.close()
    segment = list_segments(folder)[0]
    content = segment.path.read_bytes()
    keep = cut % (len(content) + 1)
    segment.path.write_bytes(content[:keep])
    whole = sum(1 for end in ends if end <= keep)
    messages, damage = drain(folder)
    assert [m.payload for m in messages] == [a.payload for a in sent[:whole]]
    assert damage == 0
    after = JournalWriter(folder)
    after.append([Arrival(b"t/new", b"new", 1)])
    after.close()
    assert [m.payload for m in drain(folder)[0]] == [a.payload for a in sent[:whole]] + [b"new"]


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 60), min_size=2, max_size=10),
    place=st.integers(0, 10_000),
    mask=st.integers(1, 255),
    max_bytes=st.sampled_from([1, 50, 1 << 20]),
)
def test_a_flipped_byte_costs_at_most_its_own_record(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], place: int, mask: int, max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    sent = [Arrival(b"t/%d" % n, bytes([n]) * size, 100 + n) for n, size in enumerate(sizes)]
    writer = JournalWriter(folder)
    starts: list[int] = []
    for arrival in sent:
        starts.append(list_segments(folder)[0].size() if starts else 20)
        writer.append([arrival])
    writer.close()
    segment = list_segments(folder)[0]
    content = bytearray(segment.path.read_bytes())
    where = 20 + place % (len(content) - 20)
    content[where] ^= mask
    segment.path.write_bytes(content)
    hit = max(n for n, start in enumerate(starts) if start <= where)
    messages, damage = drain(folder, max_bytes)
    expected = [Message(a.arrival_ns, a.topic, a.payload) for n, a in enumerate(sent) if n != hit]
    assert messages == expected
    # Damage at the very end cannot be told from an unfinished write, and is cut off.
    assert damage == (0 if hit == len(sent) - 1 else 1)


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=400), copies=st.booleans())
def test_foreign_bytes_in_a_segment_never_become_a_message(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, copies: bool
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(folder)
    writer.append([Arrival(b"t", b"first", 1)])
    writer.close()
    segment = list_segments(folder)[0]
    if copies:
        # Records of another segment carry another salt: a payload that imitates a record stays a payload.
        other = tmp_path_factory.mktemp("other")
        foreign = JournalWriter(other)
        foreign.append([Arrival(b"t", b"forged", 2)])
        foreign.close()
        junk += list_segments(other)[0].path.read_bytes()
    with segment.path.open("ab") as handle:
        handle.write(junk)
    assert [m.payload for m in drain(folder)[0]] == [b"first"]


def test_a_full_disk_leaves_the_journal_as_it_was_and_a_later_append_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(arrivals(5))
    real_write = os.write
    state = {"full": True}

    def write(descriptor: int, content: bytes) -> int:
        if state["full"] and len(content) > 30:
            return real_write(descriptor, bytes(content)[:30])
        if state["full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(descriptor, content)

    monkeypatch.setattr(os, "write", write)
    for _ in range(3):
        with pytest.raises(JournalBlockedError) as caught:
            writer.append(arrivals(5, start=2_000))
        assert caught.value.code == "journal_full"
        assert "remedy" in str(caught.value)
    state["full"] = False
    writer.append(arrivals(5, start=3_000))
    writer.close()
    messages, damage = drain(tmp_path)
    assert [m.sequence for m in messages] == [*range(1_000, 1_005), *range(3_000, 3_005)]
    assert damage == 0


def test_a_file_size_limit_is_met_by_a_new_segment(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel refuse with EFBIG in the middle of a write."""
    code = f"""
import resource
from pathlib import Path
from ingest.journal import Arrival, JournalBlockedError, JournalWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
writer = JournalWriter(Path({str(tmp_path)!r}))
blocked = 0
for n in range(200):
    while True:
        try:
            writer.append([Arrival(b"t", b"%0100d" % n, n + 1)])
            break
        except JournalBlockedError as error:
            assert error.code == "journal_full", error.code
            blocked += 1
print(blocked)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert int(done.stdout) >= 4
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096
    messages, damage = drain(tmp_path)
    assert [int(m.payload) for m in messages] == list(range(200))
    assert damage == 0


def test_a_failed_flush_is_never_believed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(arrivals(2))
    failing = {"left": 1}
    real = sync_data

    def sync(descriptor: int) -> None:
        if failing["left"]:
            failing["left"] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(writer_module, "sync_data", sync)
    with pytest.raises(JournalBlockedError) as caught:
        writer.append(arrivals(2, start=5_000))
    assert caught.value.code == "journal_failed"
    writer.append(arrivals(2, start=5_000))
    assert len(list_segments(tmp_path)) == 2
    writer.close()
    assert [m.sequence for m in drain(tmp_path)[0]] == [1_000, 1_001, 5_000, 5_001]


def test_waiting_ends_with_an_append_and_not_with_what_was_there_before(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(arrivals(1))
    writer.close()
    cursor = Cursor(tmp_path)
    again = JournalWriter(tmp_path, after=cursor.position.sequence)
    reader = JournalReader(again, cursor)
    chunk = reader.read(1 << 20)
    assert chunk is not None
    began = time.monotonic()
    assert not again.wait(reader.position, 0.05)
    assert time.monotonic() - began >= 0.04
    again.append(arrivals(1, start=9_000))
    assert again.wait(reader.position, 5.0)


def test_killed_in_the_middle_of_writing_every_reported_message_is_there(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from ingest.journal import Arrival, JournalWriter
writer = JournalWriter(Path({str(tmp_path)!r}), segment_bytes=200_000)
n = 0
while True:
    writer.append([Arrival(b"t", b"%06d" % (n + k), 1) for k in range(50)])
    n += 50
    print(n, flush=True)
"""
    told = 0
    for _ in range(3):
        (tmp_path / "cursor").unlink(missing_ok=True)
        for segment in list_segments(tmp_path):
            segment.path.unlink()
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            told = int(line)
            if told >= 2_000:
                process.kill()
                break
        told = max([told, *(int(line) for line in process.stdout.read().split())])
        process.wait(timeout=20)
        process.stdout.close()
        messages, damage = drain(tmp_path)
        assert damage == 0
        assert [int(m.payload) for m in messages] == list(range(len(messages)))
        assert len(messages) >= told
