"""What every payload must satisfy, whatever its format: names, units, ranges, sizes, rates."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import numpy as np

from sensors.errors import PayloadError
from sensors.quantities import QUANTITIES, REFUSED, Kind, Quantity
from sensors.readings import FloatColumn, TimeColumn

__all__ = [
    "MAX_NOISE_VALUES_PER_S",
    "MAX_PAYLOAD_BYTES",
    "MAX_ROWS",
    "PayloadCode",
    "allowed_quantities",
    "check_column",
    "check_noise_rate",
    "check_noise_step",
    "check_value",
    "column_in_our_unit",
    "in_our_unit",
    "name_refusal",
    "refusal",
    "unit_divisor",
]

MAX_PAYLOAD_BYTES = 262_144
MAX_ROWS = 20_000
MAX_NOISE_VALUES_PER_S = 8

STANDARD_GRAVITY_M_S2 = 9.80665
# Clocks jitter: eight values a second may come a millisecond early.
_RATE_TOLERANCE_NS = 1_000_000
_SECOND_NS = 1_000_000_000
# Converting full scale to another unit and back, in float32, may end this much above it.
_ROUNDING = 1.0 + 1e-6
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60
_LONGEST_SHOWN = 120


class PayloadCode(StrEnum):
    """Why a payload is refused: the reason kept in quarantine and counted by ``status``."""

    BAD_TOPIC = "bad_topic"
    TOO_LARGE = "too_large"
    TOO_MANY_ROWS = "too_many_rows"
    MALFORMED = "malformed"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_QUANTITY = "unknown_quantity"
    REFUSED_QUANTITY = "refused_quantity"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_UNIT = "unknown_unit"
    UNIT_MISSING = "unit_missing"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    NO_VALUES = "no_values"
    LENGTH_MISMATCH = "length_mismatch"
    BAD_TIME = "bad_time"
    TIME_MISSING = "time_missing"
    TIME_WITHOUT_OFFSET = "time_without_offset"
    AUDIO_LIKE = "audio_like"
    BAD_NAME = "bad_name"
    UNSUPPORTED_VERSION = "unsupported_version"
    MUST_UNDERSTAND = "must_understand"


_BY_KIND: Mapping[Kind | None, Mapping[str, Quantity]] = {
    None: dict(QUANTITIES),
    **{kind: {key: row for key, row in QUANTITIES.items() if row.kind in (kind, None)} for kind in Kind},
}

# Spellings of units in hand-made messages, and what divides a value in them to give the project's unit.
_DIVISORS: Mapping[str, Mapping[str, float]] = {
    "dB(A)": {"dB(A)": 1.0, "dBA": 1.0, "dB": 1.0},
    "dB(C)": {"dB(C)": 1.0, "dBC": 1.0, "dB": 1.0},
    "dB": {"dB": 1.0},
    "°C": {"°C": 1.0, "Cel": 1.0},
    "%": {"%": 1.0, "%RH": 1.0, "%EL": 1.0},
    "m/s": {"m/s": 1.0},
    "g": {"g": 1.0, **dict.fromkeys(("m/s2", "m/s²", "m/s^2"), STANDARD_GRAVITY_M_S2)},
    "°/s": {"°/s": 1.0, "deg/s": 1.0, "rad/s": math.pi / 180.0},
    "dBm": {"dBm": 1.0},
}


def refusal(
    code: PayloadCode, what: str, *, value: Any = None, rule: str | None = None, remedy: str | None = None
) -> PayloadError:
    """Error for one payload; the offending value is shortened, for it may be hostile and huge."""
    return PayloadError(what, value=_shown(value), rule=rule, remedy=remedy, code=code.value)


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return value[:_LONGEST_SHOWN]
    try:
        return _SHOWN.repr(value)[:_LONGEST_SHOWN]
    except ValueError:
        # Python refuses to write out integers of thousands of digits.
        return f"a {type(value).__name__} that is too long to show"


def allowed_quantities(kind: Kind | None) -> Mapping[str, Quantity]:
    """Quantities that a sensor of `kind` may send; all of them when the kind is not known."""
    return _BY_KIND[kind]


def name_refusal(name: str, kind: Kind | None) -> PayloadError:
    """Error that says why the channel `name` is not accepted from a sensor of `kind`."""
    plain = name.strip().lower()
    if plain in REFUSED:
        return refusal(
            PayloadCode.REFUSED_QUANTITY,
            f"{name[:60]} is refused by name",
            rule=REFUSED[plain],
            remedy="configure the device not to send it",
        )
    if name in QUANTITIES:
        return refusal(
            PayloadCode.WRONG_KIND,
            f"{name} does not belong to a sensor of kind {kind}",
            rule=f"accepted: {', '.join(_BY_KIND[kind])}",
            remedy="correct the sensor's kind in the site file, or what the device sends",
        )
    close = get_close_matches(plain[:60], QUANTITIES, n=1)
    return refusal(
        PayloadCode.UNKNOWN_QUANTITY,
        "unknown quantity",
        value=name,
        rule=f"accepted: {', '.join(_BY_KIND[kind])}",
        remedy=f"did you mean {close[0]}?" if close else "use a name of the list",
    )


def unit_divisor(quantity: Quantity, unit: str) -> float:
    """What divides a value given in `unit` so that it is in the project's unit.

    Raises
    ------
    PayloadError
        ``unknown_unit``, with the accepted ones.
    """
    known = _DIVISORS[quantity.unit]
    divisor = known.get(unit)
    if divisor is None:
        raise refusal(
            PayloadCode.UNKNOWN_UNIT,
            f"unit of {quantity.key}",
            value=unit,
            rule=f"accepted: {', '.join(known)}",
            remedy="convert on the device, or name the unit as listed",
        )
    return divisor


def in_our_unit(quantity: Quantity, value: float, divisor: float) -> float:
    """`value` divided into the project's unit; full scale stays full scale in spite of rounding."""
    ours = value / divisor
    if quantity.high < ours <= quantity.high * _ROUNDING:
        return quantity.high
    if quantity.low > ours >= quantity.low * _ROUNDING:
        return quantity.low
    return ours


def _inside(quantity: Quantity, column: FloatColumn) -> bool:
    """Whether all values are numbers within the range; NaN makes both comparisons false."""
    return bool(np.minimum.reduce(column) >= quantity.low and np.maximum.reduce(column) <= quantity.high)


def column_in_our_unit(quantity: Quantity, column: FloatColumn, divisor: float) -> FloatColumn:
    """As `in_our_unit`, for a column; its precision is kept."""
    ours: FloatColumn = column / column.dtype.type(divisor)
    if _inside(quantity, ours):
        return ours
    for bound, beyond in ((quantity.high, ours > quantity.high), (quantity.low, ours < quantity.low)):
        if beyond.any():
            ours[beyond & (np.abs(ours) <= abs(bound) * _ROUNDING)] = bound
    return ours


def _out_of_range(quantity: Quantity, value: float) -> PayloadError:
    return refusal(
        PayloadCode.OUT_OF_RANGE,
        f"{quantity.key} is outside its physical range",
        value=value,
        rule=f"{quantity.low:g} to {quantity.high:g} {quantity.unit}",
        remedy="check unit and sensor",
    )


def check_value(quantity: Quantity, value: Any) -> float:
    """`value` as a float, once it is a finite number within the physical range of `quantity`."""
    kind_of_value = type(value)
    if kind_of_value is not float and kind_of_value is not int:
        raise refusal(
            PayloadCode.NOT_A_NUMBER,
            f"{quantity.key} is not one number",
            value=value,
            rule=f"a number in {quantity.unit}",
            remedy="send numbers without quotes; for arrays use the format columns",
        )
    # Comparing first also refuses integers too long for a float, NaN and infinity.
    if quantity.low <= value <= quantity.high:
        return float(value)
    if kind_of_value is float and not math.isfinite(value):
        raise refusal(
            PayloadCode.NOT_FINITE,
            f"{quantity.key} is not finite",
            value=value,
            rule="finite numbers; null where nothing was measured",
        )
    raise _out_of_range(quantity, value)


def check_column(quantity: Quantity, column: FloatColumn, missing: int = 0) -> None:
    """Refuse NaN beyond the `missing` values that were sent as null, infinity, and values out of range."""
    if _inside(quantity, column):
        return
    bad = ~((column >= quantity.low) & (column <= quantity.high))
    holes = np.isnan(column)
    if int(holes.sum()) > missing or bool(np.isinf(column).any()):
        raise refusal(
            PayloadCode.NOT_FINITE,
            f"{quantity.key} holds a value that is not finite",
            rule="finite numbers; null where nothing was measured",
            remedy="send null, or leave the row out",
        )
    bad &= ~holes
    if bad.any():
        raise _out_of_range(quantity, float(column[bad][0]))


def _audio_like(channel: str) -> PayloadError:
    return refusal(
        PayloadCode.AUDIO_LIKE,
        f"{channel} comes faster than a level may",
        rule=f"at most {MAX_NOISE_VALUES_PER_S} values a second on a noise channel: "
        "only levels are accepted, so that nothing said can be reconstructed",
        remedy="send levels of 1 s (125 ms at the shortest)",
    )


def check_noise_step(quantities: Iterable[Quantity], step_ns: int) -> None:
    """Refuse a regular noise channel with more than eight values a second."""
    if step_ns * MAX_NOISE_VALUES_PER_S < _SECOND_NS - _RATE_TOLERANCE_NS * MAX_NOISE_VALUES_PER_S:
        for quantity in quantities:
            if quantity.kind is Kind.NOISE:
                raise _audio_like(quantity.key)


def check_noise_rate(quantities: Iterable[Quantity], times_ns: TimeColumn) -> None:
    """Refuse an irregular noise channel with more than eight values within any second."""
    if times_ns.shape[0] <= MAX_NOISE_VALUES_PER_S:
        return
    noise = next((row for row in quantities if row.kind is Kind.NOISE), None)
    if noise is None:
        return
    ordered = np.sort(times_ns)
    windows = ordered[MAX_NOISE_VALUES_PER_S:] - ordered[:-MAX_NOISE_VALUES_PER_S]
    if bool((windows < _SECOND_NS - _RATE_TOLERANCE_NS).any()):
        raise _audio_like(noise.key)
