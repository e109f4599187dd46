"""Many small messages of one sensor become one batch of columns, in the order of their arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.pipeline.quality import SensorQuality
from sensors.formats import Decoded
from sensors.readings import FloatColumn, ReadingBatch
from sensors.site_model import Sensor

__all__ = ["Gathered", "to_batch"]


@dataclass(slots=True, eq=False)
class Gathered:
    """Decoded messages of one sensor.

    Attributes
    ----------
    parts : list of Decoded
        Rows in the order of arrival, of one message or of several.
    sequences, counts : list of int
        Sequence and number of rows of each message.
    """

    sensor: Sensor
    parts: list[Decoded] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def _column(name: str, parts: Sequence[Decoded]) -> FloatColumn:
    # Filling with float32 keeps a column float32 where the wire said so; any float64 part widens it.
    return np.concatenate(
        [
            part.channels[name]
            if name in part.channels
            else np.full(part.times_ns.shape[0], np.nan, np.float32)
            for part in parts
        ]
    )


def to_batch(site: str, gathered: Gathered, quality: SensorQuality) -> ReadingBatch:
    """One batch of all rows; a channel that a message did not send is NaN there.

    The batch carries the sequence of its last message: a later batch of this journal wins over it, and within
    it later rows win over earlier ones.
    """
    parts, sensor = gathered.parts, gathered.sensor
    times_ns = np.concatenate([part.times_ns for part in parts])
    arrivals_ns = np.repeat(np.array(gathered.sequences, np.int64), gathered.counts)
    given: NDArray[np.uint16] = np.repeat(
        np.array([part.flags_all for part in parts], np.uint16), [part.times_ns.shape[0] for part in parts]
    )
    names = list(dict.fromkeys(name for part in parts for name in part.channels))
    channels = {name: _column(name, parts) for name in names}
    flags = quality.flags(times_ns, arrivals_ns, channels, given)
    return ReadingBatch(
        site, sensor.id, sensor.kind, times_ns, channels, flags, sequence=gathered.sequences[-1]
    )
