"""``json``: one reading a message, simple enough for ``mosquitto_pub``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from sensors.errors import UsageError
from sensors.formats.checks import (
    PayloadCode,
    allowed_quantities,
    check_value,
    in_our_unit,
    name_refusal,
    refusal,
    unit_divisor,
)
from sensors.formats.names import Decoded
from sensors.formats.times import check_span, parse_time_ns, wire_time
from sensors.quantities import Kind
from sensors.readings import Flag, FloatColumn, TimeColumn

__all__ = ["decode", "encode"]

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


def decode(payload: bytes, arrival_ns: int, kind: Kind | None) -> Decoded:
    """Decode ``{"t": ISO or epoch s, "laeq": 78.2, …}``; without ``t`` arrival is used and flagged."""
    try:
        message = _DECODE(payload)
    except (ValueError, RecursionError) as error:
        raise refusal(PayloadCode.MALFORMED, "payload is not JSON", value=str(error)) from None
    if type(message) is not dict:
        raise refusal(
            PayloadCode.WRONG_SHAPE,
            "payload is not a JSON object",
            value=message,
            rule='{"t": …, "laeq": 78.2}',
        )
    if "unit" in message or "units" in message:
        message = _in_our_units(message, kind)
    sent = message.pop("t", None)
    flags = 0
    if sent is None:
        time_ns = arrival_ns
        flags = int(Flag.ARRIVAL_TIME)
        check_span(arrival_ns, arrival_ns)
    else:
        time_ns = parse_time_ns(sent)
    allowed = allowed_quantities(kind)
    channels: dict[str, FloatColumn] = {}
    for name, value in message.items():
        quantity = allowed.get(name)
        if quantity is None:
            raise name_refusal(name, kind)
        if value is not None:
            channels[name] = np.array((check_value(quantity, value),))
    if not channels:
        raise refusal(PayloadCode.NO_VALUES, "payload holds no value", rule="at least one quantity")
    return Decoded(np.array((time_ns,), np.int64), channels, flags)


def _in_our_units(message: dict[str, Any], kind: Kind | None) -> dict[str, Any]:
    common = message.pop("unit", None)
    single = message.pop("units", None)
    if not isinstance(common, str | None) or not isinstance(single, dict | None):
        raise refusal(
            PayloadCode.WRONG_SHAPE,
            "unit or units is not usable",
            rule='"unit": "m/s2", or "units": {"acc_x": "m/s2"}',
        )
    allowed = allowed_quantities(kind)
    converted = dict(message)
    for name, value in message.items():
        quantity = allowed.get(name)
        unit = (single or {}).get(
            name, common if quantity is not None and quantity.kind is not None else None
        )
        if quantity is None or unit is None or type(value) not in (int, float):
            continue
        if not isinstance(unit, str):
            raise refusal(PayloadCode.WRONG_SHAPE, f"unit of {name} is not a text", value=unit)
        divisor = unit_divisor(quantity, unit)
        # A number too long for a float stays as it is and is refused by its range.
        if abs(value) < 1e300:
            converted[name] = in_our_unit(quantity, value, divisor)
    return converted


def encode(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """One row as JSON; NaN is left out.

    Raises
    ------
    UsageError
        More or fewer rows than one.
    """
    if times_ns.shape[0] != 1:
        raise UsageError(
            "the format json carries one reading a message",
            value=times_ns.shape[0],
            remedy="encode row by row, or use columns",
        )
    message: dict[str, Any] = {"t": wire_time(int(times_ns[0]))}
    for name, column in channels.items():
        value = float(column[0])
        if value == value:  # noqa: PLR0124 - false for NaN only
            message[name] = value
    return _ENCODE(message)
