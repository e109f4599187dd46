"""What the JSON and MessagePack forms of ``columns`` share: time base, units, checks, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any, cast

import numpy as np

from sensors.errors import PayloadError
from sensors.formats.checks import (
    MAX_ROWS,
    PayloadCode,
    allowed_quantities,
    check_column,
    check_noise_rate,
    check_noise_step,
    column_in_our_unit,
    name_refusal,
    refusal,
    unit_divisor,
)
from sensors.formats.names import Decoded
from sensors.formats.times import check_span, epoch_column_ns, parse_time_ns, wire_time
from sensors.quantities import QUANTITIES, Kind, Quantity
from sensors.readings import Flag, FloatColumn, TimeColumn

__all__ = ["CHANNELS", "CONTROL", "assemble", "diagnose", "time_fields"]

CHANNELS = tuple(QUANTITIES)
CONTROL = ("t0", "dt", "t", "unit", "units")
_LONGEST_STEP_S = 86_400.0
_FLOAT32 = np.dtype("<f4")

Column = list[float | None] | bytes


def diagnose(message: Any, kind: Kind | None, detail: str) -> PayloadError:
    """Say in the project's words why `message` does not have the shape of columns."""
    if not isinstance(message, dict):
        return refusal(
            PayloadCode.WRONG_SHAPE,
            "payload is not a map",
            value=message,
            rule='{"t0": …, "dt": …, "laeq": […]}',
        )
    for name in message:
        if name in CONTROL:
            continue
        if not isinstance(name, str):
            return refusal(PayloadCode.WRONG_SHAPE, "a key is not a text", value=name)
        if name not in allowed_quantities(kind):
            return name_refusal(name, kind)
    code = PayloadCode.BAD_TIME if "`$.t" in detail or "`$.dt" in detail else PayloadCode.NOT_A_NUMBER
    return refusal(
        code, "a column or field has the wrong type", value=detail, rule="arrays of numbers or null"
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for every message with these channels: looked up, not computed."""

    quantities: tuple[Quantity, ...]
    low: float
    high: float
    noise: bool


@lru_cache(maxsize=1024)
def _plan(names: tuple[str, ...], kind: Kind | None) -> _Plan:
    allowed = allowed_quantities(kind)
    for name in names:
        if name not in allowed:
            raise name_refusal(name, kind)
    quantities = tuple(allowed[name] for name in names)
    return _Plan(
        quantities,
        max(row.low for row in quantities),
        min(row.high for row in quantities),
        any(row.kind is Kind.NOISE for row in quantities),
    )


def assemble(
    fields: Sequence[Any], values: Sequence[Column | None], arrival_ns: int, kind: Kind | None
) -> Decoded:
    """Check everything and give rows.

    Parameters
    ----------
    fields : sequence
        ``t0, dt, t, unit, units`` as sent; ``None`` where absent.
    values : sequence
        One entry for each of `CHANNELS`: its list, its float32 little-endian bytes, or ``None`` (or nothing
        in it) where absent.
    """
    first, step, irregular, unit, units = fields
    names = tuple(compress(CHANNELS, values))
    if not names:
        raise refusal(PayloadCode.NO_VALUES, "payload holds no value", rule="at least one quantity")
    columns = [column for column in values if column]
    plan = _plan(names, kind)
    binary = _all_binary(columns)
    rows = _row_count(names, columns)
    block: FloatColumn | None = None
    if binary is None:
        blocks = [_single(column) for column in columns]
    else:
        block = (
            np.frombuffer(b"".join(cast("Sequence[bytes]", columns)), _FLOAT32).reshape(-1, rows)
            if binary
            else np.array(columns, np.float64)
        )
        blocks = list(block)
    if unit is not None or units is not None:
        block = None
        blocks = [
            _converted(quantity, column, unit, units)
            for quantity, column in zip(plan.quantities, blocks, strict=True)
        ]
    # One look at all columns together settles the usual case; anything else is looked at column by column.
    if block is None or not (
        np.minimum.reduce(block, axis=None) >= plan.low and np.maximum.reduce(block, axis=None) <= plan.high
    ):
        _check_each(plan.quantities, columns, blocks)
    if irregular is None:
        times_ns, flags = _regular(first, step, rows, arrival_ns, plan)
    else:
        if first is not None or step is not None:
            raise refusal(PayloadCode.BAD_TIME, "t stands beside t0 or dt", rule="either t, or t0 with dt")
        times_ns, flags = _irregular(irregular, rows), 0
        if plan.noise:
            check_noise_rate(plan.quantities, times_ns)
    return Decoded(times_ns, dict(zip(names, blocks, strict=True)), flags)


def _all_binary(columns: Sequence[Column]) -> bool | None:
    kinds = set(map(type, columns))
    return None if len(kinds) > 1 else kinds == {bytes}


def _single(column: Column) -> FloatColumn:
    return np.frombuffer(column, _FLOAT32) if isinstance(column, bytes) else np.array(column, np.float64)


def _row_count(names: Sequence[str], columns: Sequence[Column]) -> int:
    lengths = [len(column) / 4 if type(column) is bytes else len(column) for column in columns]
    rows = lengths[0]
    if lengths.count(rows) != len(lengths) or rows != int(rows):
        sent = ", ".join(f"{name}: {length:g}" for name, length in zip(names, lengths, strict=True))
        raise refusal(
            PayloadCode.LENGTH_MISMATCH,
            "columns differ in length",
            value=sent,
            rule="as many values in every column; binary columns are float32, 4 bytes a value",
        )
    if rows > MAX_ROWS:
        raise refusal(
            PayloadCode.TOO_MANY_ROWS, "too many rows in one message", value=rows, rule=f"at most {MAX_ROWS}"
        )
    return int(rows)


def _converted(
    quantity: Quantity, column: FloatColumn, unit: str | None, units: Mapping[str, str] | None
) -> FloatColumn:
    # The common unit is meant for what the sensor measures, not for its battery or radio.
    own = unit if quantity.kind is not None else None
    named = (units or {}).get(quantity.key, own)
    if named is None:
        return column
    divisor = unit_divisor(quantity, named)
    return column if divisor == 1.0 else column_in_our_unit(quantity, column, divisor)


def _check_each(
    quantities: Sequence[Quantity], columns: Sequence[Column], blocks: Sequence[FloatColumn]
) -> None:
    sent = False
    for quantity, column, values in zip(quantities, columns, blocks, strict=True):
        missing = 0 if isinstance(column, bytes) else column.count(None)
        check_column(quantity, values, missing)
        sent = sent or missing < len(values)
    if not sent:
        raise refusal(PayloadCode.NO_VALUES, "all values are null", rule="at least one value")


def _regular(first: Any, step: Any, rows: int, arrival_ns: int, plan: _Plan) -> tuple[TimeColumn, int]:
    if step is None:
        if rows > 1:
            raise refusal(
                PayloadCode.TIME_MISSING,
                "several rows without a time step",
                rule='"dt" in seconds beside "t0", or "t" as an array',
            )
        step_ns = 0
    else:
        if not 0.0 < step <= _LONGEST_STEP_S:
            raise refusal(PayloadCode.BAD_TIME, "dt is not usable", value=step, rule="0 < dt <= 86400 s")
        step_ns = round(step * 1e9)
        if plan.noise and rows > 1:
            check_noise_step(plan.quantities, step_ns)
    if first is None:
        # The last value's period ends when the message arrives.
        first_ns, flags = arrival_ns - rows * step_ns, int(Flag.ARRIVAL_TIME)
    else:
        first_ns, flags = parse_time_ns(first), 0
    check_span(first_ns, first_ns + (rows - 1) * step_ns)
    return _offsets(rows, step_ns) + first_ns, flags


@lru_cache(maxsize=64)
def _offsets(rows: int, step_ns: int) -> TimeColumn:
    return np.arange(rows, dtype=np.int64) * step_ns


def _irregular(values: list[float | str], rows: int) -> TimeColumn:
    if len(values) != rows:
        raise refusal(
            PayloadCode.LENGTH_MISMATCH,
            "t differs in length from the columns",
            value=len(values),
            rule=f"{rows}",
        )
    if any(type(value) is str for value in values):
        return np.array([parse_time_ns(value) for value in values], np.int64)
    return epoch_column_ns(np.array(values, np.float64))


def time_fields(times_ns: TimeColumn) -> dict[str, Any]:
    """``t0`` and ``dt`` when the times are regular and both survive the wire exactly, else ``t``."""
    rows = times_ns.shape[0]
    first = int(times_ns[0])
    if rows == 1:
        return {"t0": wire_time(first)}
    step_ns = int(times_ns[1]) - first
    regular = 0 < step_ns <= _LONGEST_STEP_S * 1e9 and round(step_ns / 1e9 * 1e9) == step_ns
    if regular and bool((np.diff(times_ns) == step_ns).all()):
        return {"t0": wire_time(first), "dt": step_ns / 1e9}
    return {"t": [wire_time(int(moment)) for moment in times_ns]}
