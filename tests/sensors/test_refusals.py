"""Every refusal has a stable code and says what to do; the cases stand in ``refused_messages.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cbor2
import msgspec
import pytest

from sensors.errors import PayloadError
from sensors.formats import MAX_PAYLOAD_BYTES, MAX_ROWS, PayloadCode, WireFormat, decode
from sensors.quantities import Kind

ARRIVAL_NS = 1_795_420_800_123_456_789
T0 = 1_795_420_800
CASES = tomllib.loads((Path(__file__).parent / "refused_messages.toml").read_text(encoding="utf-8"))["case"]

# Messages too long, or too hostile, to be written out.
_LONG: list[tuple[str, WireFormat, bytes, str, str]] = [
    ("deep json", WireFormat.JSON, b"[" * 100_000, "malformed", "not JSON"),
    ("deep msgpack", WireFormat.COLUMNS_MSGPACK, b"\x91" * 100_000, "malformed", "MessagePack"),
    ("deep cbor", WireFormat.SENML_CBOR, b"\x81" * 10_000, "malformed", "CBOR"),
    ("long integer", WireFormat.JSON, b'{"laeq": ' + b"9" * 400 + b"}", "out_of_range", "physical range"),
    ("long integer in a list", WireFormat.JSON, b"[" + b"9" * 4200 + b"]", "wrong_shape", "object"),
    ("endless integer", WireFormat.JSON, b'{"laeq": [' + b"9" * 5000 + b"]}", "malformed", "not JSON"),
    ("long time", WireFormat.JSON, b'{"t": ' + b"9" * 400 + b', "laeq": 1}', "bad_time", "2000 and 2100"),
    (
        "too many rows",
        WireFormat.COLUMNS,
        msgspec.json.encode({"t0": T0, "dt": 1, "acc_x": [1] * (MAX_ROWS + 1)}),
        "too_many_rows",
        "20000",
    ),
    (
        "too many records",
        WireFormat.SENML_CBOR,
        cbor2.dumps([{}] * (MAX_ROWS + 1)),
        "too_many_rows",
        "20000",
    ),
    ("too large", WireFormat.COLUMNS, b" " * (MAX_PAYLOAD_BYTES + 1), "too_large", "send more often"),
    (
        "long senml name",
        WireFormat.SENML,
        msgspec.json.encode([{"bn": "x" * 300, "n": "laeq", "u": "dB", "v": 70}]),
        "bad_name",
        "256",
    ),
    (
        "sound as senml",
        WireFormat.SENML,
        msgspec.json.encode([{"bt": T0, "n": "laeq", "u": "dB", "v": 70, "t": i / 10} for i in range(9)]),
        "audio_like",
        "laeq",
    ),
    (
        "bignum",
        WireFormat.SENML_CBOR,
        cbor2.dumps([{0: "laeq", 1: "dB", 2: 10**5000}]),
        "not_finite",
        "usable",
    ),
]


def _payload(case: dict[str, str]) -> bytes:
    return bytes.fromhex(case["hex"]) if "hex" in case else case["payload"].encode()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_refused_message(case: dict[str, str]) -> None:
    kind = Kind(case["kind"]) if "kind" in case else None
    with pytest.raises(PayloadError) as caught:
        decode(WireFormat(case["format"]), _payload(case), ARRIVAL_NS, kind=kind)
    assert caught.value.code == case["code"]
    assert case["words"] in str(caught.value)


@pytest.mark.parametrize(("name", "fmt", "payload", "code", "words"), _LONG, ids=[row[0] for row in _LONG])
def test_refused_long_message(name: str, fmt: WireFormat, payload: bytes, code: str, words: str) -> None:
    with pytest.raises(PayloadError) as caught:
        decode(fmt, payload, ARRIVAL_NS)
    assert caught.value.code == code
    assert words in str(caught.value)
    # Whatever was sent, what quarantine and logs keep of it stays short.
    assert len(str(caught.value)) < 700


def test_every_code_has_a_case() -> None:
    covered = {case["code"] for case in CASES} | {row[3] for row in _LONG}
    assert covered == {code.value for code in PayloadCode} - {"bad_topic"}
