"""One stretch of evenly sampled acceleration to one row a UTC minute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import BodyFrame
from analysis.signal import DEFAULT_LOWPASS_HZ, UniformSignal, low_pass, usable_cutoff_hz
from indicators.reduction.posture_angles import AngleBins, angle_bins, components, velocity_bins
from indicators.reduction.posture_bins import (
    ANGLE_OFFSET,
    INCLINATION_BINS,
    SIGNED_BINS,
    VELOCITY_BINS,
    Zones,
    summary_plan,
)
from indicators.reduction.posture_events import Runs, event_columns
from indicators.reduction.posture_layout import (
    MARGIN_S,
    SECOND_NS,
    Layout,
    MinuteColumns,
    SparseRows,
    layout_of,
)
from indicators.reduction.posture_motion import motion_columns

__all__ = ["minute_columns"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


def minute_columns(
    signal: UniformSignal,
    *,
    start_ns: int,
    end_ns: int,
    frame: BodyFrame | None,
    flexion_first: bool,
    scale_g: float,
    range_g: float | None,
    up: FloatArray | None = None,
) -> MinuteColumns | None:
    """All summary columns of the minutes in ``[start_ns, end_ns)``, or ``None`` when they hold no sample.

    Parameters
    ----------
    signal : UniformSignal
        Raw acceleration in g, three rows, reaching at least 10 s beyond the window where data exists.
    start_ns, end_ns : int
        Whole minutes.
    frame : BodyFrame or None
        Body axes; without them only velocity and quality can be computed.
    flexion_first : bool
        Whether signed flexion describes the segment.
    scale_g : float
        What the sensor reads for one gravity.
    range_g : float or None
        Full scale of the sensor, to find clipping.
    up : float64 array, shape (3, n), optional
        Direction of gravity of each sample from other sensors too; angles and velocities then rest on it,
        passed through the same low-pass. Quality is always judged from the acceleration.
    """
    if signal.times_ns.shape[0] == 0:
        return None
    rate_hz = 1e9 / signal.period_ns
    cutoff_hz = usable_cutoff_hz(rate_hz, DEFAULT_LOWPASS_HZ)

    def filtered_of(columns: FloatArray) -> FloatArray:
        if cutoff_hz is None:
            return columns
        return low_pass(columns, rate_hz, cutoff_hz, starts=signal.starts)

    filtered = filtered_of(signal.columns)
    margin = MARGIN_S * SECOND_NS
    low, high = np.searchsorted(signal.times_ns, (start_ns - margin, end_ns + margin))
    inner = signal.starts[(signal.starts > low) & (signal.starts < high)] - low
    starts = np.concatenate(([0], inner, [high - low])).astype(np.intp)
    layout = layout_of(signal.times_ns[low:high], starts, signal.period_ns, start_ns, end_ns)
    if layout.minutes_ns.shape[0] == 0:
        return None
    raw, smooth = signal.columns[:, low:high], filtered[:, low:high]

    rows = layout.minutes_ns.shape[0]
    columns: MinuteColumns = {"minute": layout.minutes_ns}
    columns["valid_ns"] = (layout.last - layout.first).astype(np.int64) * layout.period_ns
    columns["period_ns"] = np.full(rows, layout.period_ns, np.int64)
    columns["lowpass_hz"] = np.full(rows, np.nan if cutoff_hz is None else cutoff_hz)
    joined = ~np.isin(layout.first, layout.starts)
    columns["joined"] = joined.astype(np.int64)
    columns["gaps"] = _breaks_within(layout)
    per_second = layout.samples_per_second
    present = 2 * per_second * layout.period_ns >= SECOND_NS
    columns["mask_present"] = layout.masks(present)
    columns.update(motion_columns(raw, smooth, layout, scale_g=scale_g, range_g=range_g))

    parts = components(smooth if up is None else filtered_of(up)[:, low:high], frame)
    velocity = velocity_bins(parts, layout.starts, layout.period_ns)
    columns["velocity"] = _histogram(velocity, layout, VELOCITY_BINS + 1, VELOCITY_BINS)
    if frame is not None:
        angles = angle_bins(parts)
        columns.update(_angle_columns(angles, layout, present, flexion_first=flexion_first))
    return columns


def _breaks_within(layout: Layout) -> IntArray:
    inner = layout.starts[1:-1]
    return (np.searchsorted(inner, layout.last) - np.searchsorted(inner, layout.first, side="right")).astype(
        np.int64
    )


def _histogram(bins: NDArray[np.int16], layout: Layout, width: int, kept: int | None = None) -> SparseRows:
    counts = np.stack(
        [
            np.bincount(bins[a:b], minlength=width)
            for a, b in zip(layout.first.tolist(), layout.last.tolist(), strict=True)
        ]
    )[:, :kept]
    row, index = np.nonzero(counts)
    return SparseRows(
        index.astype(np.uint16),
        counts[row, index].astype(np.uint32),
        np.bincount(row, minlength=counts.shape[0]).astype(np.int64),
    )


def _angle_columns(
    angles: AngleBins, layout: Layout, present: BoolArray, *, flexion_first: bool
) -> MinuteColumns:
    plan = summary_plan()
    per_second = layout.samples_per_second
    columns: MinuteColumns = {"inclination": _histogram(angles.inclination, layout, INCLINATION_BINS)}
    name, described, zones = "inclination", angles.inclination, plan.inclination
    if angles.flexion is not None and angles.lateral is not None:
        columns["flexion"] = _histogram(angles.flexion, layout, SIGNED_BINS)
        columns["lateral"] = _histogram(angles.lateral, layout, SIGNED_BINS)
        if flexion_first:
            name, described, zones = "flexion", angles.flexion, plan.flexion
        aside = angles.lateral >= ANGLE_OFFSET + plan.sideways_deg
        aside |= angles.lateral < ANGLE_OFFSET - plan.sideways_deg
        sideways = _count_per_second(aside, layout)
        columns["mask_sideways"] = layout.masks(present & (2 * sideways >= per_second))
    columns.update(_described_columns(name, described, zones, layout, present))
    mean = _mean_of_seconds(described, layout)
    low = _count_per_second(angles.inclination < plan.rest_below_deg, layout)
    columns["mask_rest"] = layout.masks(present & (2 * low > per_second) & _calm(mean))
    columns["mask_steady"] = layout.masks(present & _steady(mean))
    return columns


def _count_per_second(on: BoolArray, layout: Layout) -> IndexArray:
    return np.diff(np.concatenate(([0], np.cumsum(on)))[layout.seconds])


def _described_columns(
    name: str, bins: NDArray[np.int16], zones: Zones, layout: Layout, present: BoolArray
) -> MinuteColumns:
    """Masks, events and EVA of the angle that describes the segment."""
    zone = zones.of_bin[bins]
    per_second = layout.samples_per_second
    seconds = per_second.shape[0]
    key = np.repeat(np.arange(seconds, dtype=np.int32) * zones.count, per_second)
    key += zone
    fresh = np.empty(key.shape[0], np.bool_)
    fresh[:1] = True
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    fresh[layout.starts[:-1]] = True
    first = np.flatnonzero(fresh)
    length = np.diff(np.append(first, key.shape[0]))
    counts = np.bincount(key[first], weights=length, minlength=seconds * zones.count).reshape(seconds, -1)
    above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    columns: MinuteColumns = {}
    for threshold, from_zone in zones.at_least:
        reached = 2 * above[:, from_zone] >= per_second
        if threshold >= 0:
            columns[f"mask_{name}_ge{threshold}"] = layout.masks(present & reached)
        else:
            columns["mask_backwards"] = layout.masks(present & ~reached)
    run_zone = zone[first].astype(np.intp)
    segment = np.searchsorted(layout.starts, first, side="right")
    minute = np.searchsorted(layout.last, first, side="right")
    # Runs outside the window only give context.
    minute[(first < layout.first[0]) | (first >= layout.last[-1])] = -1
    columns.update(event_columns(name, Runs(first, run_zone, segment, minute), zones, layout))
    columns.update(_variation(zones, Runs(first, run_zone, segment, minute), layout))
    return columns


def _variation(zones: Zones, runs: Runs, layout: Layout) -> MinuteColumns:
    """EVA cells of the runs inside each minute, and the open runs at its two edges."""
    plan = summary_plan()
    inside = runs.minute >= 0
    start, segment, minute = runs.first[inside], runs.segment[inside], runs.minute[inside]
    level = zones.level[runs.zone[inside]]
    fresh = np.ones(start.shape[0], np.bool_)
    fresh[1:] = (level[1:] != level[:-1]) | (segment[1:] != segment[:-1]) | (minute[1:] != minute[:-1])
    start, level, minute = start[fresh], level[fresh], minute[fresh]
    # Runs follow each other without a hole, because a minute's samples end where the next one's begin.
    length = np.diff(np.append(start, layout.last[-1]))
    length_ns = length * np.int64(layout.period_ns)
    rows = layout.first.shape[0]
    head = np.searchsorted(minute, np.arange(rows))
    tail = np.append(head[1:], start.shape[0]) - 1
    inner = np.ones(start.shape[0], np.bool_)
    inner[head] = False
    inner[tail] = False
    width = plan.eva_shape[0] * plan.eva_shape[1]
    cell = level[inner] * plan.eva_shape[1]
    cell += np.searchsorted(plan.eva_durations_ns, length_ns[inner], side="right") - 1
    totals = np.bincount(minute[inner] * width + cell, weights=length[inner], minlength=rows * width)
    row, index = np.nonzero(totals.reshape(rows, width))
    return {
        "eva": SparseRows(
            index.astype(np.uint16),
            totals.reshape(rows, width)[row, index].astype(np.uint32),
            np.bincount(row, minlength=rows).astype(np.int64),
        ),
        "eva_head_level": level[head],
        "eva_head_ns": length_ns[head],
        "eva_tail_level": np.where(tail > head, level[tail], -1),
        "eva_tail_ns": np.where(tail > head, length_ns[tail], 0),
    }


def _mean_of_seconds(bins: NDArray[np.int16], layout: Layout) -> FloatArray:
    """Mean angle of each second, in bins; NaN without data."""
    per_second = layout.samples_per_second
    filled = per_second > 0
    mean = np.full(per_second.shape[0], np.nan)
    mean[filled] = np.add.reduceat(bins, layout.seconds[:-1][filled], dtype=np.int64) / per_second[filled]
    return mean


def _calm(mean: FloatArray) -> BoolArray:
    """Seconds whose angle changes slowly, from the second before and to the next.

    At the sensor's own rate its noise alone would exceed the bound of rest; between seconds it does not.
    """
    fast = np.abs(np.diff(mean)) >= summary_plan().rest_below_deg_s
    calm = np.ones(mean.shape[0], np.bool_)
    calm[1:] &= ~fast
    calm[:-1] &= ~fast
    return calm


def _steady(mean: FloatArray) -> BoolArray:
    """Seconds around which the angle stays within its range for the whole window."""
    plan = summary_plan()
    reach = plan.steady_window_s // 2
    padded = np.pad(mean, reach, constant_values=np.nan)
    highest, lowest = mean.copy(), mean.copy()
    for shift in range(plan.steady_window_s):
        other = padded[shift : shift + mean.shape[0]]
        np.fmax(highest, other, out=highest)
        np.fmin(lowest, other, out=lowest)
    return np.asarray(highest - lowest <= plan.steady_range_deg, np.bool_)
