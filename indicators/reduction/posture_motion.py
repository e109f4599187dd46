"""Signs of trouble in each minute: fast motion, stillness, stuck values, clipping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.posture_quality import (
    CLIPPED_SHARE_OF_RANGE,
    DYNAMIC_G,
    MOVING_SD_G,
    STILL_SD_G,
    dynamic_samples,
)
from indicators.reduction.posture_layout import MARGIN_S, Layout

__all__ = ["motion_columns"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DYNAMIC_RATE_HZ = 10.0


def motion_columns(
    raw: FloatArray, smooth: FloatArray, layout: Layout, *, scale_g: float, range_g: float | None
) -> dict[str, IntArray | FloatArray | NDArray[np.uint64]]:
    """Quality counters [ns] and mean acceleration [g] of each minute, and the mask of moving seconds.

    Parameters
    ----------
    raw, smooth : float64 array, shape (3, n)
        Acceleration before and after the low-pass [g].
    layout : Layout
        Minutes and seconds of the samples.
    scale_g : float
        What the sensor reads for one gravity.
    range_g : float or None
        Full scale of the sensor.
    """
    samples = layout.last - layout.first
    columns: dict[str, IntArray | FloatArray | NDArray[np.uint64]] = {}
    columns["dynamic_ns"] = _dynamic_ns(smooth, layout, scale_g)

    # Windows of two seconds, as Acti4 uses them.
    edges = layout.seconds[::2]
    counts = np.diff(edges)
    filled = counts > 0
    begin, number = edges[:-1][filled], counts[filled]
    spread = np.zeros((3, number.shape[0]))
    for axis, row in enumerate(raw):
        mean = np.add.reduceat(row, begin) / number
        spread[axis] = np.sqrt(np.maximum(np.add.reduceat(row * row, begin) / number - mean * mean, 0.0))
    still = np.zeros(counts.shape[0], np.bool_)
    moving = np.zeros(counts.shape[0], np.bool_)
    still[filled] = spread.mean(axis=0) < STILL_SD_G * scale_g
    moving[filled] = spread.max(axis=0) > MOVING_SD_G * scale_g
    columns["still_ns"] = _window_ns(still, counts, layout)
    columns["mask_moving"] = layout.masks(np.repeat(moving, 2))

    repeated = np.zeros(raw.shape[1], np.bool_)
    repeated[1:] = (raw[0, 1:] == raw[0, :-1]) & (raw[1, 1:] == raw[1, :-1]) & (raw[2, 1:] == raw[2, :-1])
    stuck = np.zeros(counts.shape[0], np.bool_)
    stuck[filled] = np.add.reduceat(repeated, begin, dtype=np.int64) == number
    columns["stuck_ns"] = _window_ns(stuck, counts, layout)

    clipped = np.zeros(samples.shape[0], np.int64)
    if range_g is not None and max(float(raw.max()), -float(raw.min())) >= CLIPPED_SHARE_OF_RANGE * range_g:
        at_end = (np.abs(raw) >= CLIPPED_SHARE_OF_RANGE * range_g).any(axis=0)
        clipped = np.diff(np.concatenate(([0], np.cumsum(at_end)))[[layout.first, layout.last]], axis=0)[0]
    columns["clipped_ns"] = clipped.astype(np.int64) * layout.period_ns
    for axis, name in enumerate("xyz"):
        columns[f"mean_{name}"] = np.add.reduceat(raw[axis, : layout.last[-1]], layout.first) / samples
    return columns


def _window_ns(on: NDArray[np.bool_], counts: NDArray[np.intp], layout: Layout) -> IntArray:
    inner = (on * counts)[MARGIN_S // 2 : -(MARGIN_S // 2)].reshape(-1, 30).sum(axis=1)
    window_ns: IntArray = inner[layout.row_of_minute >= 0].astype(np.int64) * layout.period_ns
    return window_ns


def _dynamic_ns(smooth: FloatArray, layout: Layout, scale_g: float) -> IntArray:
    """Time in fast motion, looked at ten times a second: the low-pass leaves nothing faster than that."""
    stride = max(1, round(1e9 / layout.period_ns / _DYNAMIC_RATE_HZ))
    thin = np.ascontiguousarray(smooth[:, ::stride])
    starts = -(-layout.starts // stride)
    fast = dynamic_samples(
        thin, np.unique(starts), 1e9 / (layout.period_ns * stride), scale_g=scale_g, limit_g=DYNAMIC_G
    )
    total = np.concatenate(([0], np.cumsum(fast)))
    first, last = -(-layout.first // stride), -(-layout.last // stride)
    share = (total[last] - total[first]) / np.maximum(last - first, 1)
    fast_ns: IntArray = np.round(share * (layout.last - layout.first) * layout.period_ns).astype(np.int64)
    return fast_ns
