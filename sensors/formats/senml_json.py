"""``senml``: Sensor Measurement Lists in JSON (RFC 8428 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sensors.errors import PayloadError
from sensors.formats.checks import PayloadCode, refusal
from sensors.formats.names import Decoded
from sensors.formats.senml_records import SenmlRecord, malformed, must_understand, to_records, to_rows
from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["decode", "encode"]

_DECODE = msgspec.json.Decoder(list[SenmlRecord]).decode
_ANY = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


def decode(payload: bytes, arrival_ns: int, kind: Kind | None) -> Decoded:
    """Decode a SenML pack; relative times count from arrival and are flagged."""
    try:
        records = _DECODE(payload)
        # A label that ends in "_" is rare; only a payload that may hold one is looked at closely.
        if b'_"' in payload:
            _refuse_unknown_must(_ANY(payload))
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise malformed(error, "JSON") from None
    return to_rows(records, arrival_ns, kind)


def _wrong_shape(detail: str) -> PayloadError:
    code = PayloadCode.NOT_A_NUMBER if "].v`" in detail else PayloadCode.WRONG_SHAPE
    return refusal(code, "payload is not a SenML pack", value=detail, rule="an array of records (RFC 8428)")


def _refuse_unknown_must(pack: Any) -> None:
    for record in pack:
        for label in record:
            if label.endswith("_"):
                raise must_understand(label)


def encode(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """Rows as a SenML pack in JSON."""
    return _ENCODE(to_records(times_ns, channels))
