"""The reading batch: columns of one sensor, the unit that travels from the wire to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import UsageError
from sensors.quantities import Kind

__all__ = ["Flag", "FloatColumn", "ReadingBatch", "TimeColumn"]

TimeColumn = NDArray[np.int64]
FloatColumn = NDArray[np.floating[Any]]


class Flag(IntFlag):
    """Quality of one row; flags never change a value."""

    NONE = 0
    LATE = 1
    SKEW = 2
    ARRIVAL_TIME = 4
    OUT_OF_RANGE = 8
    STUCK = 16
    CLIPPED = 32
    LOW_BATTERY = 64
    IMPORTED = 128


@dataclass(frozen=True, slots=True, eq=False)
class ReadingBatch:
    """Rows of one sensor.

    Attributes
    ----------
    site, sensor : str
        Ids of the site file.
    kind : Kind
        Kind of the sensor, hence the dataset.
    times_ns : int64 array, shape (n,)
        Start of each row's period, UTC nanoseconds since 1970 (a row covers ``[t, t + period)``).
    channels : mapping of str to float array, shape (n,)
        One column a channel, in the unit of the quantities table; NaN = not sent.
    flags : uint16 array, shape (n,)
        `Flag` bits of each row.
    sequence : int
        Journal sequence (strictly increasing arrival time, UTC ns) of the message: when two rows claim
        one (sensor, channel, time), the later sequence wins. Zero for data that has no journal.
    """

    site: str
    sensor: str
    kind: Kind
    times_ns: TimeColumn
    channels: Mapping[str, FloatColumn]
    flags: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    sequence: int = 0

    def __post_init__(self) -> None:
        rows = self.times_ns.shape[0]
        if self.flags.shape[0] != rows:
            if self.flags.shape[0]:
                raise UsageError(
                    "flags and times differ in length", value=self.flags.shape, rule=f"({rows},)"
                )
            object.__setattr__(self, "flags", np.zeros(rows, np.uint16))
        for name, column in self.channels.items():
            if column.shape != (rows,):
                raise UsageError(
                    f"channel {name} of {self.sensor} differs in length from its times",
                    value=column.shape,
                    rule=f"({rows},)",
                )

    def __len__(self) -> int:
        return int(self.times_ns.shape[0])

    def slice(self, low: int, high: int) -> ReadingBatch:
        """Rows `low` to `high`, the last not included; views, not copies."""
        return ReadingBatch(
            self.site,
            self.sensor,
            self.kind,
            self.times_ns[low:high],
            {name: column[low:high] for name, column in self.channels.items()},
            self.flags[low:high],
            self.sequence,
        )
