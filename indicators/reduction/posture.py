"""Posture: raw acceleration to one row a UTC minute, and minutes back to one worker-day.

A minute keeps counts only: 1° histograms, a logarithmic velocity histogram, runs, events and sixty seconds
of yes/no conditions. Every count is a number of samples or of whole nanoseconds, and what a run or event
needs to cross an edge is kept beside it, so that any split of a recording merges to the same day.

Samples are worked through in blocks of 30 minutes of UTC with 10 s of context, so that a block gives the same
bytes whatever the partition it is computed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.posture import VelocityMethod
from analysis.posture_calibration import BodyFrame, Reference, body_frame
from analysis.posture_fusion import fused_up, fusion_method
from analysis.signal import time_base, uniform
from indicators.reduction.minutes import usable
from indicators.reduction.posture_bins import summary_plan
from indicators.reduction.posture_block import minute_columns
from indicators.reduction.posture_day import PostureDay
from indicators.reduction.posture_layout import MINUTE_NS, SECOND_NS, MinuteColumns, SparseRows
from indicators.reduction.posture_merge import merge, merge_all
from sensors.errors import MethodError
from sensors.readings import ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

__all__ = [
    "BLOCK_NS",
    "SCHEMA",
    "THREADS",
    "VERSION",
    "PostureDay",
    "frame_of",
    "merge",
    "merge_all",
    "reduce_minutes",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

VERSION = "posture-3"
BLOCK_NS = 30 * MINUTE_NS
"""Length of the blocks of UTC whose minutes are computed together: they share time base and filter."""

THREADS: ContextVar[int] = ContextVar("posture_threads", default=2)
"""Threads that work on the blocks of one sensor; they change no byte."""

_CONTEXT_NS = 10 * SECOND_NS
_AXES = ("acc_x", "acc_y", "acc_z")
_TURNS = ("gyr_x", "gyr_y", "gyr_z")
_SPARSE = ("inclination", "flexion", "lateral", "velocity", "eva")
_FLEXION_FIRST = frozenset({Mount.UPPER_BACK, Mount.LOWER_BACK, Mount.STERNUM, Mount.HEAD})
_GRAVITY_RANGE_G = (0.8, 1.2)


def _schema() -> pa.Schema:
    plan = summary_plan()
    fields = [pa.field("minute", pa.timestamp("ns", tz="UTC"))]
    fields += [pa.field(name, pa.string()) for name in ("reference", "velocity_method")]
    fields += [
        pa.field(name, pa.float64()) for name in ("error_deg", "lowpass_hz", "mean_x", "mean_y", "mean_z")
    ]
    whole = ["valid_ns", "period_ns", "joined", "gaps", "dynamic_ns", "still_ns", "stuck_ns", "clipped_ns"]
    for name, zones in (("inclination", plan.inclination), ("flexion", plan.flexion)):
        for threshold, _ in zones.events:
            whole += [f"{part}_{name}_{threshold}" for part in ("events", "first", "last")]
    whole += [f"eva_{edge}_{part}" for edge in ("head", "tail") for part in ("level", "ns")]
    fields += [pa.field(name, pa.int64()) for name in whole]
    masks = ["present", "moving", "rest", "steady", "sideways", "backwards"]
    masks += [f"inclination_ge{threshold}" for threshold, _ in plan.inclination.at_least]
    masks += [f"flexion_ge{threshold}" for threshold, _ in plan.flexion.at_least if threshold >= 0]
    fields += [pa.field(f"mask_{name}", pa.uint64()) for name in masks]
    for name in _SPARSE:
        fields += [
            pa.field(f"{name}_bins", pa.list_(pa.uint16())),
            pa.field(f"{name}_samples", pa.list_(pa.uint32())),
        ]
    return pa.schema(fields)


SCHEMA = _schema()


def frame_of(calibration: Calibration | None) -> BodyFrame | None:
    """Body axes of a calibration record, or ``None`` when it holds no reference posture."""
    if calibration is None or calibration.upright is None:
        return None
    frame = body_frame(calibration.upright, calibration.lean)
    if calibration.kind == "estimated":
        return BodyFrame(frame.x, frame.y, frame.z, Reference.ESTIMATED, calibration.error_deg)
    return frame


def _gravity_scale_g(calibration: Calibration | None) -> float:
    """What this sensor reads for one gravity, from its upright posture when that is plausible."""
    if calibration is None or calibration.upright is None:
        return 1.0
    length = float(np.linalg.norm(calibration.upright))
    return length if _GRAVITY_RANGE_G[0] <= length <= _GRAVITY_RANGE_G[1] else 1.0


def _ordered(readings: ReadingBatch, axes: Sequence[str]) -> tuple[IntArray, list[NDArray[Any]]]:
    """Rows in time order, one a time (the last of equal ones), without those that ingest found stuck."""
    columns = [np.asarray(readings.channels[axis]) for axis in axes if axis in readings.channels]
    if len(columns) < len(axes):
        return np.zeros(0, np.int64), []
    times = readings.times_ns
    kept = usable(readings)
    if kept is not None:
        times, columns = times[kept], [column[kept] for column in columns]
    if not bool((times[1:] > times[:-1]).all()):
        order = np.argsort(times, kind="stable")
        order = order[np.append(np.diff(times[order]) > 0, True)]
        times, columns = times[order], [column[order] for column in columns]
    return times, columns


def _keep_memory() -> None:
    """Let glibc keep freed blocks: giving them back costs more in page faults than the arithmetic itself."""
    np.empty(32 * 2**20 - 4096, np.uint8)


def reduce_minutes(
    readings: ReadingBatch,
    *,
    sensor: Sensor,
    mount: Mount,
    calibration: Calibration | None,
    start_ns: int,
    end_ns: int,
) -> pa.Table:
    """Summaries of the UTC minutes of ``[start_ns, end_ns)`` that hold data.

    Parameters
    ----------
    readings : ReadingBatch
        Acceleration [g] of one sensor, reaching 10 s beyond the window where data exists; in any order. Rows
        with a missing axis are dropped.
    sensor : Sensor
        Its period, when declared and true, sets the grid; its range finds clipping; with ``fusion`` its
        gyroscope takes part in the angles and velocities.
    mount : Mount
        Whether signed flexion (trunk, head) or inclination (arm, thigh) describes the segment.
    calibration : Calibration or None
        Reference postures. Without them the angles stay empty and only velocity and quality are kept.
    start_ns, end_ns : int
        Whole UTC minutes.

    Returns
    -------
    pyarrow.Table
        Schema `SCHEMA`, in time order.

    Raises
    ------
    MethodError
        ``bad_window`` when the window is not made of whole minutes; the codes of ``body_frame`` for an
        unusable calibration record; ``gyroscope_missing`` when fusion is asked for and acceleration came
        without angular rate.
    MissingExtraError
        Fusion is asked for and its library is not installed.
    """
    if start_ns % MINUTE_NS or end_ns % MINUTE_NS or end_ns < start_ns:
        raise MethodError(
            "summaries are made of whole minutes",
            value=(start_ns, end_ns),
            rule="UTC minutes",
            code="bad_window",
        )
    frame = frame_of(calibration)
    axes = (*_AXES, *_TURNS) if sensor.fusion else _AXES
    method = _method(sensor)
    times, columns = _ordered(readings, axes)
    if not columns:
        _require_gyroscope(readings, sensor)
        return SCHEMA.empty_table()

    def one(block_ns: int) -> MinuteColumns | None:
        low, high = np.searchsorted(times, (block_ns - _CONTEXT_NS, block_ns + BLOCK_NS + _CONTEXT_NS))
        if high - low < 2:
            return None
        rows = np.empty((len(columns), high - low))
        for axis, column in enumerate(columns):
            rows[axis] = column[low:high]
        own = times[low:high]
        if not np.isfinite(rows.sum()):
            complete = np.isfinite(rows).all(axis=0)
            own, rows = own[complete], np.ascontiguousarray(rows[:, complete])
            if own.shape[0] < 2:
                return None
        signal, up = uniform(time_base(own, declared_period_s=sensor.period_s), rows), None
        if sensor.fusion:
            up = fused_up(signal.columns[:3], signal.columns[3:], signal.starts, signal.period_ns / 1e9)
            signal = replace(signal, columns=signal.columns[:3])
        return minute_columns(
            signal,
            start_ns=max(block_ns, start_ns),
            end_ns=min(block_ns + BLOCK_NS, end_ns),
            frame=frame,
            flexion_first=mount in _FLEXION_FIRST,
            scale_g=_gravity_scale_g(calibration),
            range_g=sensor.range_g,
            up=up,
        )

    blocks = range(start_ns // BLOCK_NS * BLOCK_NS, end_ns, BLOCK_NS)
    _keep_memory()
    # Blocks are independent and numpy lets threads run side by side; the order of the results is kept.
    with ThreadPoolExecutor(THREADS.get()) as pool:
        parts = [part for part in pool.map(one, blocks) if part is not None]
    return _table(parts, frame, method)


def _method(sensor: Sensor) -> str:
    """What angles and velocities rest on, and how velocity is defined; days that differ are never pooled."""
    source = fusion_method() if sensor.fusion else "accelerometer"
    return f"{source}/{VelocityMethod.GENERALIZED.value}"


def _require_gyroscope(readings: ReadingBatch, sensor: Sensor) -> None:
    if sensor.fusion and all(axis in readings.channels for axis in _AXES):
        raise MethodError(
            f"{sensor.id} sent no angular rate",
            value=", ".join(sorted(readings.channels)),
            rule="fusion = true needs gyr_x, gyr_y and gyr_z beside the acceleration",
            remedy="send them, or take fusion out of the sensor's table",
            code="gyroscope_missing",
        )


def _table(parts: list[MinuteColumns], frame: BodyFrame | None, method: str) -> pa.Table:
    if not parts:
        return SCHEMA.empty_table()
    rows = sum(np.asarray(part["minute"]).shape[0] for part in parts)
    constants: dict[str, object] = {
        "reference": Reference.NONE.value if frame is None else frame.reference.value,
        "velocity_method": method,
        "error_deg": None if frame is None else frame.error_deg,
    }
    arrays = []
    for column in SCHEMA:
        name = column.name
        base, _, kind = name.rpartition("_")
        if name in constants:
            arrays.append(pa.array([constants[name]] * rows, column.type))
        elif base in _SPARSE and kind in {"bins", "samples"}:
            arrays.append(_lists([part.get(base) for part in parts], kind, column.type, rows))
        elif name in parts[0]:
            joined = np.concatenate([np.asarray(part[name]) for part in parts])
            arrays.append(pa.array(joined, from_pandas=True).cast(column.type))
        else:
            arrays.append(pa.nulls(rows, column.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _lists(parts: list[Any], kind: str, arrow_type: pa.DataType, rows: int) -> pa.Array:
    if not all(isinstance(part, SparseRows) for part in parts):
        return pa.nulls(rows, arrow_type)
    lengths = np.concatenate([part.lengths for part in parts])
    values = np.concatenate([part.bins if kind == "bins" else part.samples for part in parts])
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)).cast(arrow_type)
