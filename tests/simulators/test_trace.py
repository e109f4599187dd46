from __future__ import annotations

from pathlib import Path

import cbor2
import msgspec
import numpy as np
import pytest

from sensors.errors import ConfigurationError, UsageError
from sensors.formats import WireFormat, decode, encode
from sensors.quantities import Kind
from simulators.messages import Message
from simulators.retime import retimed, shift_payload
from simulators.trace import TraceReader, TraceWriter

_START_NS = 1_794_812_400_000_000_000
_DAY_NS = 86_400_000_000_000
_MAGIC = b"VIGITRACE1\n"


def _messages() -> list[Message]:
    return [
        Message(_START_NS + 5, "vigiposte/v1/s/n/json", b'{"t":1794812400,"laeq":71.25}'),
        Message(_START_NS + 5, "zigbee2mqtt/probe", b"\x00\xff not ours"),
        Message(_START_NS + 9_000_000_001, "vigiposte/v1/s/n/status", b"online", retain=True),
        Message(_START_NS + 7, "vigiposte/v1/s/n/json", b""),
    ]


@pytest.mark.parametrize("name", ["plant.trace", "plant.trace.gz"])
def test_trace_keeps_order_bytes_times_and_flags(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with TraceWriter(path, _START_NS, {"site": "s"}) as writer:
        for message in _messages():
            writer.write(message)
        assert not path.exists(), "an unfinished trace has not got its name"
    reader = TraceReader(path)
    assert reader.header["site"] == "s"
    assert list(reader) == _messages()
    assert list(reader) == _messages(), "a trace can be read again"
    assert reader.complete
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["plant.trace", "plant.trace.gz"])
def test_trace_cut_short_gives_its_whole_messages(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rng = np.random.default_rng(1)
    with TraceWriter(path, _START_NS) as writer:
        for place in range(50):
            writer.write(Message(_START_NS + place, "a/b", rng.bytes(4000)))
    path.write_bytes(path.read_bytes()[:-2500])
    reader = TraceReader(path)
    found = list(reader)
    assert 40 < len(found) < 50
    assert all(len(message.payload) == 4000 for message in found)
    assert not reader.complete


def test_trace_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), TraceWriter(tmp_path / "plant.trace", 0):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", _MAGIC, _MAGIC + b"\x02\x00\x00\x00\x93\x01", _MAGIC + b"\x01\x00\x00\x00\x80"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a trace"):
        TraceReader(path)


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.trace"):
        TraceReader(tmp_path / "absent.trace")


@pytest.mark.parametrize("fmt", list(WireFormat))
@pytest.mark.parametrize("step_ns", [1_000_000_000, 125_000_000])
def test_shifting_moves_times_and_nothing_else(fmt: WireFormat, step_ns: int) -> None:
    rows = 1 if fmt is WireFormat.JSON else 6
    times = _START_NS + step_ns * np.arange(rows, dtype=np.int64)
    channels = {"laeq": np.linspace(60, 70, rows), "lceq": np.linspace(63, 77, rows)}
    payload = encode(fmt, times, channels)
    before = decode(fmt, payload, 0, kind=Kind.NOISE)
    after = decode(fmt, shift_payload(fmt, payload, 3 * _DAY_NS), 0, kind=Kind.NOISE)
    assert (after.times_ns - before.times_ns).tolist() == [3 * _DAY_NS] * rows
    for name, column in before.channels.items():
        assert after.channels[name].tolist() == column.tolist()


def test_shifting_irregular_and_iso_times() -> None:
    payload = msgspec.json.encode({"t": ["2026-11-16T08:00:00+01:00", 1_794_812_407.5], "laeq": [60, 61]})
    moved = decode(WireFormat.COLUMNS, shift_payload("columns", payload, _DAY_NS), 0)
    assert moved.times_ns.tolist() == [_START_NS + _DAY_NS, _START_NS + 7_500_000_000 + _DAY_NS]


def test_shifting_keeps_relative_senml_times() -> None:
    relative = [{"n": "laeq", "u": "dB", "v": 60.0, "t": -5.0}]
    assert shift_payload("senml", msgspec.json.encode(relative), _DAY_NS) == msgspec.json.encode(relative)
    absolute = [{-3: 1_794_812_400.0, 0: "laeq", 1: "dB", 2: 60.0}, {0: "laeq", 1: "dB", 2: 61.0, 6: 1.0}]
    moved = cbor2.loads(shift_payload("senml-cbor", cbor2.dumps(absolute), _DAY_NS))
    assert (moved[0][-3], moved[1][6]) == (1_794_812_400 + 86_400, 1.0)


def test_what_does_not_decode_is_replayed_as_it_is() -> None:
    for fmt in ("json", "columns", "columns-msgpack", "senml", "senml-cbor", "status"):
        for payload in (b"", b"\xff\xff", b"online", b"[1,2", b'{"t": "soon", "laeq": 1}', b'{"t": {}}'):
            assert shift_payload(fmt, payload, _DAY_NS) == payload
    foreign = Message(5, "zigbee2mqtt/probe", b'{"t": 1794812400}')
    assert next(iter(retimed([foreign], 7))) == Message(12, "zigbee2mqtt/probe", b'{"t": 1794812400}')
