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


class _Minutes:
    """Columns of a worker-day's minutes by name."""

    def __init__(self, rows: pa.Table) -> None:
        self.number = rows.num_rows
        batches = rows.combine_chunks().to_batches()
        columns = batches[0].columns if batches else [column.combine_chunks() for column in rows.columns]
        self._columns: dict[str, pa.Array] = dict(zip(rows.column_names, columns, strict=True))

    def __getitem__(self, name: str) -> pa.Array:
        return self._columns[name]

    def whole(self, name: str) -> IntArray:
        """Whole numbers of a column; 0 where it was not measured."""
        column = self._columns[name]
        filled = pc.fill_null(column, 0) if column.null_count else column
        return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)

    def first(self, name: str) -> float:
        """Number in the first minute; NaN where there is none."""
        value = self._columns[name][0].as_py() if self.number else None
        return float("nan") if value is None else float(value)

    def measured(self, prefix: str) -> dict[str, pa.Array]:
        """Columns that begin so and were measured throughout, by what follows."""
        return {
            name.removeprefix(prefix): column
            for name, column in self._columns.items()
            if name.startswith(prefix) and not column.null_count
        }


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


def _sparse(rows: _Minutes, name: str, bins: int) -> _Sparse:
    index, samples = rows[f"{name}_bins"], rows[f"{name}_samples"]
    return _Sparse(
        index.values.to_numpy(zero_copy_only=False),
        samples.values.to_numpy(zero_copy_only=False),
        index.offsets.to_numpy(),
        bins,
    )


def _single(rows: _Minutes, name: str, day: WorkerDay, code: str) -> str:
    found = pc.unique(rows[name]).to_pylist()
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
    inside, starts, _ = minutes_inside(rows, day)
    minutes = _Minutes(inside)
    valid, period_ns, gaps = (minutes.whole(name) for name in ("valid_ns", "period_ns", "gaps"))
    states = _states(minutes, starts, valid)
    worn = ~np.isin(states, (WearState.OFF.value, WearState.BENCH.value))
    resting = np.zeros(starts.shape[0], np.bool_)
    for pause in day.breaks:
        resting |= (starts < pause.end_ns) & (starts + MINUTE_NS > pause.start_ns)
    work = worn & ~resting
    working = np.flatnonzero(work)
    follows = minutes.whole("joined") > 0
    follows[1:] &= starts[1:] - starts[:-1] == MINUTE_NS
    follows[:1] = False
    if minutes.number:
        reference = Reference(_single(minutes, "reference", day, "references_mixed"))
        method = _single(minutes, "velocity_method", day, "velocity_methods_mixed")
    else:
        reference, method = Reference.NONE, ""
    inclination = _sparse(minutes, "inclination", INCLINATION_BINS)
    flexion = _sparse(minutes, "flexion", SIGNED_BINS)
    in_wear, at_rest = _stretches(worn, period_ns), _stretches(worn & ~work, period_ns)
    inclination_ns, flexion_ns = inclination.total(in_wear), flexion.total(in_wear)
    counts = _events(minutes, _kept(follows, work), gaps)
    minute_events = {name: row[working] for name, row in counts.items()}
    return PostureDay(
        day=day,
        coverage=min(int(valid[worn].sum()) / day.expected_ns, 1.0) if day.expected_ns > 0 else 0.0,
        valid_ns=int(valid[worn].sum()),
        work_ns=int(valid[working].sum()),
        break_ns=_planned_breaks_ns(day),
        reference=reference,
        error_deg=minutes.first("error_deg"),
        lowpass_hz=minutes.first("lowpass_hz"),
        velocity_method=method,
        inclination_ns=inclination_ns,
        flexion_ns=flexion_ns,
        lateral_ns=_sparse(minutes, "lateral", SIGNED_BINS).total(in_wear),
        velocity_ns=_sparse(minutes, "velocity", VELOCITY_BINS).total(in_wear),
        work_inclination_ns=inclination_ns - inclination.total(at_rest),
        work_flexion_ns=flexion_ns - flexion.total(at_rest),
        eva_ns=_variation(minutes, worn, _kept(follows, worn), in_wear),
        events={name: int(row.sum()) for name, row in minute_events.items()},
        minutes_ns=starts[working],
        masks={name: column.to_numpy()[working] for name, column in minutes.measured("mask_").items()},
        minute_valid_ns=valid[working],
        minute_events=minute_events,
        quality=_quality(minutes, valid, states, worn, _slip(inclination, worn, period_ns)),
    )


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


def _states(rows: _Minutes, starts: IntArray, valid: IntArray) -> NDArray[np.str_]:
    if not rows.number:
        return np.zeros(0, "<U8")
    share = rows.whole("still_ns") / np.maximum(valid, 1)
    mean = np.stack([rows[f"mean_{axis}"].to_numpy(zero_copy_only=False) for axis in "xyz"], axis=1)
    return wear_states(share, mean, starts)


def _events(rows: _Minutes, joined: BoolArray, gaps: IntArray) -> dict[str, IntArray]:
    """Events of each minute by threshold, those included that begin exactly where two minutes meet."""
    names = list(rows.measured("events_"))
    if not names or not rows.number:
        return {name: np.zeros(rows.number, np.int64) for name in names}
    inside, first, last = (
        np.stack([rows.whole(f"{part}_{name}") for name in names]) for part in ("events", "first", "last")
    )
    # A minute that decides nothing hands on the state it was given, unless it begins afresh or has a gap.
    decides = (last != 0) | (gaps > 0) | ~joined
    source = np.maximum.accumulate(np.where(decides, np.arange(rows.number), 0), axis=1)
    carried = np.take_along_axis(last, source, axis=1)
    inside[:, 1:] += joined[1:] & (carried[:, :-1] == LOW) & (first[:, 1:] == HIGH)
    return dict(zip(names, inside, strict=True))


def _variation(
    rows: _Minutes, chosen: BoolArray, joined: BoolArray, stretches: Sequence[_Stretch]
) -> IntArray:
    """EVA of the day: the cells of the minutes, and the runs that cross minute edges."""
    plan = summary_plan()
    levels, classes = plan.eva_shape
    total = _sparse(rows, "eva", levels * classes).total(stretches)
    known = chosen & rows["eva_head_level"].is_valid().to_numpy(zero_copy_only=False)
    head, tail = rows.whole("eva_head_level"), rows.whole("eva_tail_level")
    pieces = np.stack([head, tail], axis=1)
    lengths = np.stack([rows.whole("eva_head_ns"), rows.whole("eva_tail_ns")], axis=1)
    used = np.stack([known, known & (tail >= 0)], axis=1)
    continues = np.zeros(used.shape, np.bool_)
    continues[:, 0] = joined
    level, length = pieces[used], lengths[used]
    if level.shape[0]:
        fresh = ~continues[used]
        fresh[:1] = True
        fresh[1:] |= level[1:] != level[:-1]
        first = np.flatnonzero(fresh)
        run_ns = np.add.reduceat(length, first)
        place = np.searchsorted(plan.eva_durations_ns, run_ns, side="right") - 1
        total += np.bincount(
            level[first] * classes + place, weights=run_ns, minlength=levels * classes
        ).astype(np.int64)
    return total.reshape(levels, classes)


def _quality(
    rows: _Minutes, valid: IntArray, states: NDArray[np.str_], worn: BoolArray, slip_deg: float
) -> PostureQuality:
    return PostureQuality(
        dynamic_ns=int(rows.whole("dynamic_ns")[worn].sum()),
        still_ns=int(rows.whole("still_ns")[worn].sum()),
        stuck_ns=int(rows.whole("stuck_ns")[worn].sum()),
        clipped_ns=int(rows.whole("clipped_ns")[worn].sum()),
        off_ns=int(valid[states == WearState.OFF.value].sum()),
        bench_ns=int(valid[states == WearState.BENCH.value].sum()),
        quiet_ns=int(valid[states == WearState.STILL.value].sum()),
        gaps=int(rows.whole("gaps")[worn].sum()),
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
