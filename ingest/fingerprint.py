"""What makes two partitions, or two minutes of one, the same: their merged rows, however they are kept."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sensors.readings import ReadingBatch

__all__ = ["MINUTE_MARK_BYTES", "NO_ROWS", "content_fingerprint", "minute_marks"]

NO_ROWS = hashlib.blake2b(digest_size=16).hexdigest()
"""Fingerprint of a partition without a single row."""

MINUTE_MARK_BYTES = 6
"""Short enough for a day of them; two different minutes look alike once in 3·10^14."""

_MINUTE_NS = 60_000_000_000


def content_fingerprint(batch: ReadingBatch) -> str:
    """Hash of the rows as `read_columns` gives them.

    Equal in every store that holds the same readings, whatever the order and number of writes, files or
    compactions, so that summaries stay valid when a site moves between stores.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(batch.times_ns, dtype="<i8").data)
    digest.update(np.ascontiguousarray(batch.flags, dtype="<u2").data)
    for name in sorted(batch.channels):
        digest.update(f"|{name}|".encode())
        digest.update(_canonical(batch.channels[name]).data)
    return digest.hexdigest()


def minute_marks(batch: ReadingBatch) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Short hash of the rows of each UTC minute that has some, as `content_fingerprint` hashes a day.

    Returns
    -------
    tuple
        Starts of the minutes [ns], rising, and `MINUTE_MARK_BYTES` bytes each. Comparable between batches of
        the same channels.
    """
    minutes = batch.times_ns // _MINUTE_NS
    begins = np.flatnonzero(np.diff(minutes, prepend=-1))
    columns = [
        np.ascontiguousarray(batch.times_ns, dtype="<i8").data,
        np.ascontiguousarray(batch.flags, dtype="<u2").data,
        *(_canonical(batch.channels[name]).data for name in sorted(batch.channels)),
    ]
    marks = bytearray()
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(batch)], strict=True):
        digest = hashlib.blake2b(digest_size=MINUTE_MARK_BYTES)
        for column in columns:
            digest.update(column[begin:end])
        marks += digest.digest()
    return minutes[begins] * _MINUTE_NS, np.frombuffer(bytes(marks), f"V{MINUTE_MARK_BYTES}")


def _canonical(values: NDArray[np.floating]) -> NDArray[np.float64]:
    # Adding zero turns -0.0 into 0.0 and leaves one NaN pattern to hash.
    column = np.asarray(values, dtype="<f8") + 0.0
    column[np.isnan(column)] = np.nan
    return column
