"""``columns``: many readings of one sensor in one JSON message."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from sensors.formats.checks import PayloadCode, refusal
from sensors.formats.columns_rows import CHANNELS, CONTROL, assemble, diagnose, time_fields
from sensors.formats.names import Decoded
from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["decode", "encode"]

_Message = msgspec.defstruct(
    "_Message",
    [
        ("t0", float | str | None, None),
        ("dt", float | None, None),
        ("t", list[float | str] | None, None),
        ("unit", str | None, None),
        ("units", dict[str, str] | None, None),
        *((name, list[float | None] | None, None) for name in CHANNELS),
    ],
    forbid_unknown_fields=True,
)
_DECODE = msgspec.json.Decoder(_Message).decode
_ANY = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_CONTROLS = len(CONTROL)


def decode(payload: bytes, arrival_ns: int, kind: Kind | None) -> Decoded:
    """Decode ``{"t0": …, "dt": 0.02, "acc_x": […], …}`` or ``{"t": […], …}``; null is a missing value."""
    try:
        message = _DECODE(payload)
    except msgspec.ValidationError as error:
        raise _explain(payload, kind, str(error)) from None
    except (ValueError, RecursionError) as error:
        raise refusal(PayloadCode.MALFORMED, "payload is not JSON", value=str(error)) from None
    values = msgspec.structs.astuple(message)
    return assemble(values[:_CONTROLS], values[_CONTROLS:], arrival_ns, kind)


def _explain(payload: bytes, kind: Kind | None, detail: str) -> Exception:
    try:
        message = _ANY(payload)
    except (ValueError, RecursionError):
        return refusal(PayloadCode.MALFORMED, "payload is not usable JSON", value=detail)
    return diagnose(message, kind, detail)


def encode(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """Rows as JSON; NaN becomes null."""
    message = time_fields(times_ns)
    for name, column in channels.items():
        values: list[float | None] = column.tolist()
        if np.isnan(column).any():
            values = [None if value != value else value for value in values]  # noqa: PLR0124 - NaN
        message[name] = values
    return _ENCODE(message)
