"""The commonest heavy message, decoded in bulk: ``columns`` of three or six axes at a regular rate.

Reading such a message by itself costs three times what its JSON does, mostly in calls that do a handful of
values each. Here only the JSON is read message by message; numbers, times and checks are done for all
messages of a sensor together. Whatever is not exactly of this shape is left to ``sensors.formats``, which
says what is wrong with it; the results are the same either way.
"""

from __future__ import annotations

import msgspec
import numpy as np

from sensors.errors import PayloadError
from sensors.formats import MAX_PAYLOAD_BYTES, MAX_ROWS, Decoded
from sensors.formats.times import check_span, parse_time_ns
from sensors.quantities import QUANTITIES
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["AXES", "ColumnsRun"]

_ACC = ("acc_x", "acc_y", "acc_z")
_GYR = ("gyr_x", "gyr_y", "gyr_z")
AXES = frozenset(_ACC + _GYR)
_LONGEST_STEP_S = 86_400.0


class _Axes(msgspec.Struct, forbid_unknown_fields=True):
    t0: float
    dt: float
    acc_x: list[float]
    acc_y: list[float]
    acc_z: list[float]
    gyr_x: list[float] | None = None
    gyr_y: list[float] | None = None
    gyr_z: list[float] | None = None


_DECODE = msgspec.json.Decoder(_Axes).decode


class ColumnsRun:
    """Messages of one sensor that followed each other and have the same axes."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self._firsts_ns: list[int] = []
        self._steps_ns: list[int] = []
        self.counts: list[int] = []

    def take(self, payload: bytes) -> bool:
        """Add a message; ``False`` when it is not of the shape, or not of that of the others."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            return False
        try:
            message = _DECODE(payload)
            first_ns = parse_time_ns(message.t0)
            step_ns = round(message.dt * 1e9)
            rows = len(message.acc_x)
            check_span(first_ns, first_ns + (rows - 1) * step_ns)
        except (ValueError, OverflowError, RecursionError, PayloadError):
            return False
        columns = [message.acc_x, message.acc_y, message.acc_z]
        turning = (message.gyr_x, message.gyr_y, message.gyr_z)
        columns += [column for column in turning if column is not None]
        if not self.counts:
            self._values = {name: [] for name in (_ACC, None, None, _ACC + _GYR)[len(columns) - 3] or ()}
        if (
            len(columns) != len(self._values)
            or not 0 < rows <= MAX_ROWS
            or not 0.0 < message.dt <= _LONGEST_STEP_S
            or any(len(column) != rows for column in columns)
        ):
            return False
        for values, column in zip(self._values.values(), columns, strict=True):
            values.extend(column)
        self._firsts_ns.append(first_ns)
        self._steps_ns.append(step_ns)
        self.counts.append(rows)
        return True

    def finish(self) -> Decoded | None:
        """All rows together; ``None`` when a value is outside its range: look at the messages one by one."""
        channels: dict[str, FloatColumn] = {}
        for name, values in self._values.items():
            column = np.array(values, np.float64)
            quantity = QUANTITIES[name]
            if not (column.min() >= quantity.low and column.max() <= quantity.high):
                return None
            channels[name] = column
        return Decoded(self._times(), channels, 0)

    def _times(self) -> TimeColumn:
        counts = np.array(self.counts, np.int64)
        firsts = np.array(self._firsts_ns, np.int64)
        steps = np.array(self._steps_ns, np.int64)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        within = np.arange(int(counts.sum()), dtype=np.int64) - starts
        return np.repeat(firsts, counts) + within * np.repeat(steps, counts)
