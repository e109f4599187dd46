"""What makes two partitions the same: their merged rows, wherever and however they are kept."""

from __future__ import annotations

import hashlib

import numpy as np

from sensors.readings import ReadingBatch

__all__ = ["NO_ROWS", "content_fingerprint"]

NO_ROWS = hashlib.blake2b(digest_size=16).hexdigest()
"""Fingerprint of a partition without a single row."""


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
        # Adding zero turns -0.0 into 0.0 and leaves one NaN pattern to hash.
        column = np.asarray(batch.channels[name], dtype="<f8") + 0.0
        column[np.isnan(column)] = np.nan
        digest.update(column.data)
    return digest.hexdigest()
