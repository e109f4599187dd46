"""``senml-cbor``: Sensor Measurement Lists in CBOR (RFC 8428 §6)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import cbor2

from sensors.formats.checks import MAX_ROWS, PayloadCode, refusal
from sensors.formats.names import Decoded
from sensors.formats.senml_records import SenmlRecord, malformed, must_understand, to_records, to_rows
from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["decode", "encode"]

_LABELS: Mapping[int, str] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
_NUMBERS = {label: key for key, label in _LABELS.items()}
_NUMERIC = frozenset({"bver", "bt", "bv", "bs", "v", "s", "t", "ut"})
_TEXT = frozenset({"bn", "bu", "n", "u", "vs"})
_MAX_DEPTH = 8


def _refuse_tag(_decoder: Any) -> NoReturn:
    message = "the tag has no place in a SenML pack"
    raise ValueError(message)


# Tags that build regular expressions, messages, addresses, dates, sets or cycles are not ours to interpret;
# bignums (2, 3) and decimal fractions (4) are numbers, as RFC 8428 §6 says.
_REFUSED_TAGS = dict.fromkeys(
    (0, 1, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000), _refuse_tag
)


def decode(payload: bytes, arrival_ns: int, kind: Kind | None) -> Decoded:
    """Decode a SenML pack in CBOR: integer labels; integers, floats of any width and decimal fractions."""
    try:
        pack = cbor2.loads(payload, semantic_decoders=_REFUSED_TAGS, max_depth=_MAX_DEPTH)
    except Exception as error:  # noqa: BLE001 - a foreign decoder on hostile bytes: whatever it raises is a refusal
        raise malformed(error, "CBOR") from None
    if not isinstance(pack, list):
        raise refusal(
            PayloadCode.WRONG_SHAPE,
            "payload is not a SenML pack",
            value=pack,
            rule="an array of records (RFC 8428)",
        )
    if len(pack) > MAX_ROWS:
        raise refusal(
            PayloadCode.TOO_MANY_ROWS,
            "too many records in one pack",
            value=len(pack),
            rule=f"at most {MAX_ROWS}",
        )
    return to_rows([_record(entry) for entry in pack], arrival_ns, kind)


def _record(entry: Any) -> SenmlRecord:
    if not isinstance(entry, dict):
        raise refusal(PayloadCode.WRONG_SHAPE, "a record is not a map", value=entry)
    fields: dict[str, Any] = {}
    for key, value in entry.items():
        if type(key) is str:
            if key.endswith("_"):
                raise must_understand(key)
            continue
        label = _LABELS.get(key) if type(key) is int else None
        if label is None:
            raise refusal(
                PayloadCode.WRONG_SHAPE, "a record has a label that SenML does not define", value=key
            )
        fields[label] = _field(label, value)
    return SenmlRecord(**fields)


def _field(label: str, value: Any) -> Any:
    if label in _NUMERIC:
        if type(value) not in (int, float, Decimal):
            raise refusal(PayloadCode.NOT_A_NUMBER, f"{label} is not a number", value=value)
        try:
            return float(value)
        except (OverflowError, ValueError):
            raise refusal(PayloadCode.NOT_FINITE, f"{label} is not a usable number") from None
    if label in _TEXT and type(value) is not str:
        raise refusal(PayloadCode.WRONG_SHAPE, f"{label} is not a text", value=value)
    return value


def encode(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """Rows as a SenML pack in CBOR."""
    records = to_records(times_ns, channels)
    return cbor2.dumps([{_NUMBERS[label]: value for label, value in record.items()} for record in records])
