"""Minutes of posture joined to one worker-day: exact sums, runs and events across the minute edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.posture_calibration import Reference
from analysis.posture_quality import WearState, wear_states
from indicators.model import WorkerDay
from indicators.reduction.minutes import MINUTE_NS, minutes_inside
from indicators.reduction.posture_bins import INCLINATION_BINS, SIGNED_BINS, VELOCITY_BINS, summary_plan
from indicators.reduction.posture_day import PostureDay, PostureQuality
from indicators.reduction.posture_events import HIGH, LOW
from sensors.errors import MethodError

__all__ = ["merge"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_Stretch = tuple[int, int, int]


def _whole(rows: pa.Table, name: str) -> IntArray:
    column = rows.column(name)
    filled = pc.fill_null(column, 0) if column.null_count else column
    return np.asarray(filled.to_numpy(), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Sparse:
    """Sparse histograms of the minutes: bin and samples of each entry, and where each minute begins."""

    index: NDArray[np.integer[Any]]
    samples: NDArray[np.integer[Any]]
    begin: NDArray[np.integer[Any]]
    bins: int

    def total(self, stretches: Sequence[_Stretch]) -> IntArray:
        """Time in each bin over stretches of minutes [ns]."""
        total = np.zeros(self.bins, np.int64)
        for first, last, period_ns in stretches:
            part = slice(self.begin[first], self.begin[last])
            counts = np.bincount(self.index[part], weights=self.samples[part], minlength=self.bins)
            total += counts.astype(np.int64) * period_ns
        return total


def _stretches(kept: BoolArray, period_ns: IntArray) -> list[_Stretch]:
    """Stretches of kept minutes of one sampling period: first row, past-the-end row, period [ns]."""
    rows = np.flatnonzero(kept)
    if not rows.size:
        return []
    periods = period_ns[rows]
    fresh = np.flatnonzero((rows[1:] - rows[:-1] > 1) | (periods[1:] != periods[:-1])) + 1
    begins = np.append(0, fresh)
    ends = np.append(fresh, rows.size) - 1
    return [*zip(rows[begins].tolist(), (rows[ends] + 1).tolist(), periods[begins].tolist(), strict=True)]


def _sparse(rows: pa.Table, name: str, bins: int) -> _Sparse:
    index, samples = (_one_list(rows, f"{name}_{part}") for part in ("bins", "samples"))
    return _Sparse(
        index.values.to_numpy(zero_copy_only=False),
        samples.values.to_numpy(zero_copy_only=False),
        index.offsets.to_numpy(),
        bins,
    )


def _one_list(rows: pa.Table, name: str) -> pa.ListArray:
    column = rows.column(name)
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    )


def _single(rows: pa.Table, name: str, day: WorkerDay, code: str) -> str:
    found = pc.unique(rows.column(name)).to_pylist()
    if len(found) > 1:
        raise MethodError(
            f"{name} differs within one worker-day",
            value=f"{day.sensor} on {day.day}: {sorted(map(str, found))}",
            rule="one basis a worker-day",
            remedy="reduce the day again, or correct the placement's calibration",
            code=code,
        )
    return str(found[0])


def merge(rows: pa.Table, day: WorkerDay) -> PostureDay:
    """Posture of one worker-day from its minutes.

    Parameters
    ----------
    rows : pyarrow.Table
        Rows of `posture.SCHEMA` of the day's sensor, in any order.
    day : WorkerDay
        A minute counts when it lies wholly inside a span; minutes that touch a break are left out of the
        working time, and so is time when nobody wore the sensor.

    Raises
    ------
    MethodError
        ``references_mixed`` or ``velocity_methods_mixed`` when the minutes were not computed on one basis.
    """
    rows, starts, _ = minutes_inside(rows, day)
    valid = _whole(rows, "valid_ns")
    states = _states(rows, starts, valid)
    worn = ~np.isin(states, (WearState.OFF.value, WearState.BENCH.value))
    resting = np.zeros(starts.shape[0], np.bool_)
    for pause in day.breaks:
        resting |= (starts < pause.end_ns) & (starts + MINUTE_NS > pause.start_ns)
    work = worn & ~resting
    follows = _whole(rows, "joined") > 0
    follows[1:] &= np.diff(starts) == MINUTE_NS
    follows[:1] = False
    if rows.num_rows:
        reference = Reference(_single(rows, "reference", day, "references_mixed"))
        method = _single(rows, "velocity_method", day, "velocity_methods_mixed")
    else:
        reference, method = Reference.NONE, ""
    inclination = _sparse(rows, "inclination", INCLINATION_BINS)
    flexion = _sparse(rows, "flexion", SIGNED_BINS)
    period_ns = _whole(rows, "period_ns")
    in_wear, at_rest = _stretches(worn, period_ns), _stretches(worn & ~work, period_ns)
    inclination_ns, flexion_ns = inclination.total(in_wear), flexion.total(in_wear)
    gaps, working = _whole(rows, "gaps"), _kept(follows, work)
    minute_events = {
        name.removeprefix("events_"): _events(rows, name.removeprefix("events_"), working, gaps)[work]
        for name in rows.column_names
        if name.startswith("events_") and not rows.column(name).null_count
    }
    return PostureDay(
        day=day,
        coverage=min(int(valid[worn].sum()) / day.expected_ns, 1.0) if day.expected_ns > 0 else 0.0,
        valid_ns=int(valid[worn].sum()),
        work_ns=int(valid[work].sum()),
        break_ns=_planned_breaks_ns(day),
        reference=reference,
        error_deg=_first(rows, "error_deg"),
        lowpass_hz=_first(rows, "lowpass_hz"),
        velocity_method=method,
        inclination_ns=inclination_ns,
        flexion_ns=flexion_ns,
        lateral_ns=_sparse(rows, "lateral", SIGNED_BINS).total(in_wear),
        velocity_ns=_sparse(rows, "velocity", VELOCITY_BINS).total(in_wear),
        work_inclination_ns=inclination_ns - inclination.total(at_rest),
        work_flexion_ns=flexion_ns - flexion.total(at_rest),
        eva_ns=_variation(rows, worn, _kept(follows, worn)),
        events={name: int(counts.sum()) for name, counts in minute_events.items()},
        minutes_ns=starts[work],
        masks={
            name.removeprefix("mask_"): rows.column(name).to_numpy()[work]
            for name in rows.column_names
            if name.startswith("mask_") and not rows.column(name).null_count
        },
        minute_valid_ns=valid[work],
        minute_events=minute_events,
        quality=_quality(rows, valid, states, worn, _slip(inclination, worn, period_ns)),
    )


def _first(rows: pa.Table, name: str) -> float:
    value = rows.column(name)[0].as_py() if rows.num_rows else None
    return float("nan") if value is None else float(value)


def _planned_breaks_ns(day: WorkerDay) -> int:
    return sum(
        max(0, min(pause.end_ns, span.end_ns) - max(pause.start_ns, span.start_ns))
        for pause in day.breaks
        for span in day.spans
    )


def _kept(follows: BoolArray, chosen: BoolArray) -> BoolArray:
    """Chosen minutes that continue a chosen minute."""
    joined = follows & chosen
    joined[1:] &= chosen[:-1]
    return joined


def _states(rows: pa.Table, starts: IntArray, valid: IntArray) -> NDArray[np.str_]:
    if not rows.num_rows:
        return np.zeros(0, "<U8")
    share = _whole(rows, "still_ns") / np.maximum(valid, 1)
    mean = np.stack([rows.column(f"mean_{axis}").to_numpy() for axis in "xyz"], axis=1)
    return wear_states(share, mean, starts)


def _events(rows: pa.Table, name: str, joined: BoolArray, gaps: IntArray) -> IntArray:
    """Events of each minute, those included that begin exactly where two minutes meet."""
    inside = _whole(rows, f"events_{name}")
    first, last = _whole(rows, f"first_{name}"), _whole(rows, f"last_{name}")
    if not inside.shape[0]:
        return inside
    # A minute that decides nothing hands on the state it was given, unless it begins afresh or has a gap.
    decides = (last != 0) | (gaps > 0) | ~joined
    source = np.maximum.accumulate(np.where(decides, np.arange(last.shape[0]), 0))
    carried = np.append(0, last[source][:-1])
    return np.asarray(inside + (joined & (carried == LOW) & (first == HIGH)), np.int64)


def _variation(rows: pa.Table, chosen: BoolArray, joined: BoolArray) -> IntArray:
    """EVA of the day: the cells of the minutes, and the runs that cross minute edges."""
    plan = summary_plan()
    levels, classes = plan.eva_shape
    total = _sparse(rows, "eva", levels * classes).total(_stretches(chosen, _whole(rows, "period_ns")))
    known = chosen & rows.column("eva_head_level").is_valid().to_numpy() if rows.num_rows else chosen
    head, tail = _whole(rows, "eva_head_level"), _whole(rows, "eva_tail_level")
    pieces = np.stack([head, tail], axis=1)
    lengths = np.stack([_whole(rows, "eva_head_ns"), _whole(rows, "eva_tail_ns")], axis=1)
    used = np.stack([known, known & (tail >= 0)], axis=1)
    continues = np.zeros(used.shape, np.bool_)
    continues[:, 0] = joined
    level, length = pieces[used], lengths[used]
    if level.shape[0]:
        same = continues[used] & (np.append(-1, level[:-1]) == level)
        run = np.cumsum(~same) - 1
        first = np.flatnonzero(~same)
        run_ns = np.bincount(run, weights=length).astype(np.int64)
        place = np.searchsorted(plan.eva_durations_ns, run_ns, side="right") - 1
        total += np.bincount(
            level[first] * classes + place, weights=run_ns, minlength=levels * classes
        ).astype(np.int64)
    return total.reshape(levels, classes)


def _quality(
    rows: pa.Table, valid: IntArray, states: NDArray[np.str_], worn: BoolArray, slip_deg: float
) -> PostureQuality:
    return PostureQuality(
        dynamic_ns=int(_whole(rows, "dynamic_ns")[worn].sum()),
        still_ns=int(_whole(rows, "still_ns")[worn].sum()),
        stuck_ns=int(_whole(rows, "stuck_ns")[worn].sum()),
        clipped_ns=int(_whole(rows, "clipped_ns")[worn].sum()),
        off_ns=int(valid[states == WearState.OFF.value].sum()),
        bench_ns=int(valid[states == WearState.BENCH.value].sum()),
        quiet_ns=int(valid[states == WearState.STILL.value].sum()),
        gaps=int(_whole(rows, "gaps")[worn].sum()),
        slip_deg=slip_deg,
    )


def _slip(inclination: _Sparse, worn: BoolArray, period_ns: IntArray) -> float:
    """Rise of the 10th percentile of inclination from the first to the last third of the worn minutes."""
    place = np.flatnonzero(worn)
    third = place.shape[0] // 3
    if third < 20:
        return float("nan")
    lowest = []
    for part in (place[:third], place[-third:]):
        chosen = np.zeros(worn.shape[0], np.bool_)
        chosen[part] = True
        spread = np.cumsum(inclination.total(_stretches(chosen, period_ns)))
        lowest.append(float(np.searchsorted(spread, spread[-1] / 10)) if spread[-1] else float("nan"))
    return float(np.maximum(lowest[1] - lowest[0], 0.0))
