"""Minutes of posture joined to worker-days: exact sums, runs and events across the minute edges.

All days are worked through at once: rows of one day follow those of another, and nothing is carried over an
edge between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.posture_calibration import Reference
from analysis.posture_quality import STILL_SHARE, WearState, wear_states
from indicators.model import WorkerDay
from indicators.reduction.day_minutes import DayMinutes, covered, day_minutes, sums_between
from indicators.reduction.minutes import MINUTE_NS
from indicators.reduction.posture_bins import INCLINATION_BINS, SIGNED_BINS, VELOCITY_BINS, summary_plan
from indicators.reduction.posture_day import PostureDay, PostureQuality
from indicators.reduction.posture_events import HIGH, LOW
from indicators.reduction.posture_stretches import Stretches
from sensors.errors import MethodError

__all__ = ["merge", "merge_all"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def merge(rows: pa.Table, day: WorkerDay) -> PostureDay:
    """Posture of one worker-day from its minutes, as `merge_all`."""
    return merge_all([rows], [day])[0]


def merge_all(tables: Sequence[pa.Table], days: Sequence[WorkerDay]) -> list[PostureDay]:
    """Posture of worker-days from their minutes.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Rows of `posture.SCHEMA` of each day's sensor, in any order.
    days : sequence of WorkerDay
        A minute counts when it lies wholly inside a span; minutes that touch a break are left out of the
        working time, and so is time when nobody wore the sensor.

    Raises
    ------
    MethodError
        ``references_mixed`` or ``velocity_methods_mixed`` when the minutes of a day were not computed on one
        basis.
    """
    minutes = day_minutes(tables, days)
    valid = minutes.whole("valid_ns")
    wear = _wear(minutes, valid)
    work = wear.worn & ~_in_breaks(minutes)
    follows = minutes.whole("joined") > 0
    follows[1:] &= minutes.starts_ns[1:] - minutes.starts_ns[:-1] == MINUTE_NS
    # No minute continues one of another day.
    follows[minutes.firsts] = False
    stretches = Stretches.of(minutes, wear.worn, work)
    spent = stretches.histograms(_histogram_sizes())
    sums = {f"{name}_ns": stretches.in_wear(rows) for name, rows in spent.items()}
    sums |= {f"work_{name}_ns": stretches.in_work(spent[name]) for name in ("inclination", "flexion")}
    runs = _crossing_runs(minutes, wear.worn, _kept(follows, wear.worn))
    sums["eva_ns"] = sums["eva_ns"].reshape(runs.shape) + runs
    seconds, counts = _measured(minutes, "mask_"), _measured(minutes, "events_")
    working = np.flatnonzero(work)
    begins = np.searchsorted(working, minutes.bounds)
    masks = {name: minutes.seconds(f"mask_{name}")[working] for name in seconds}
    joined = _kept(follows, work)
    events = {name: row[working] for name, row in _events(minutes, list(counts), joined).items()}
    event_sums = {name: sums_between(row, begins) for name, row in events.items()}
    starts_ns, worked_ns = minutes.starts_ns[working], valid[working]
    worn_ns, work_ns = minutes.total(valid * wear.worn), sums_between(worked_ns, begins)
    references = _bases(minutes, "reference", "references_mixed")
    methods = _bases(minutes, "velocity_method", "velocity_methods_mixed")
    qualities = _qualities(minutes, valid, wear, stretches.slips_deg(spent["inclination"]))
    errors, cutoffs = _firsts(minutes, "error_deg"), _firsts(minutes, "lowpass_hz")
    found = []
    for index, day in enumerate(minutes.days):
        own = slice(begins[index], begins[index + 1])
        found.append(
            PostureDay(
                day=day,
                coverage=covered(int(worn_ns[index]), day.expected_ns),
                valid_ns=int(worn_ns[index]),
                work_ns=int(work_ns[index]),
                break_ns=_planned_breaks_ns(day),
                reference=Reference(references[index] or Reference.NONE),
                error_deg=errors[index],
                lowpass_hz=cutoffs[index],
                velocity_method=methods[index],
                events={name: int(row[index]) for name, row in event_sums.items() if counts[name][index]},
                minutes_ns=starts_ns[own],
                masks={name: row[own] for name, row in masks.items() if seconds[name][index]},
                minute_valid_ns=worked_ns[own],
                minute_events={name: row[own] for name, row in events.items() if counts[name][index]},
                quality=qualities[index],
                **{name: rows[index] for name, rows in sums.items()},
            )
        )
    return found


@cache
def _histogram_sizes() -> dict[str, int]:
    """Number of bins of each histogram of a minute."""
    return {
        "inclination": INCLINATION_BINS,
        "flexion": SIGNED_BINS,
        "lateral": SIGNED_BINS,
        "velocity": VELOCITY_BINS,
        "eva": math.prod(summary_plan().eva_shape),
    }


@dataclass(frozen=True, eq=False)
class _Wear:
    """Minutes in which the sensor was off, left on the bench, or still but kept, as yes/no a row."""

    off: BoolArray
    bench: BoolArray
    still: BoolArray

    @cached_property
    def worn(self) -> BoolArray:
        return np.asarray(~(self.off | self.bench))


def _wear(minutes: DayMinutes, valid: IntArray) -> _Wear:
    share = minutes.whole("still_ns") / np.maximum(valid, 1)
    states = np.full(valid.size, WearState.WORN.value, "<U5")
    mean = np.stack([minutes.numbers(f"mean_{axis}") for axis in "xyz"], axis=1)
    still = minutes.total(share >= STILL_SHARE).tolist()
    for (low, high), still_min in zip(minutes.stretches, still, strict=True):
        if still_min:
            own = slice(low, high)
            states[own] = wear_states(share[own], mean[own], minutes.starts_ns[own])
    return _Wear(*(states == one.value for one in (WearState.OFF, WearState.BENCH, WearState.STILL)))


def _in_breaks(minutes: DayMinutes) -> BoolArray:
    """Minutes that touch a planned break of their day."""
    found = np.zeros(minutes.starts_ns.size, np.bool_)
    for day, (low, high) in zip(minutes.days, minutes.stretches, strict=True):
        starts = minutes.starts_ns[low:high]
        for pause in day.breaks:
            first = np.searchsorted(starts, pause.start_ns - MINUTE_NS, "right")
            last = np.searchsorted(starts, pause.end_ns)
            found[low + first : low + last] = True
    return found


def _planned_breaks_ns(day: WorkerDay) -> int:
    return sum(
        max(0, min(pause.end_ns, span.end_ns) - max(pause.start_ns, span.start_ns))
        for pause in day.breaks
        for span in day.spans
    )


def _bases(minutes: DayMinutes, name: str, code: str) -> list[str]:
    """What a text column says throughout each day; empty for days without minutes.

    Raises
    ------
    MethodError
        With this code, when it says several things of one day.
    """
    texts = pc.dictionary_encode(minutes.column(name))
    known, codes = texts.dictionary.to_pylist(), texts.indices.to_numpy(zero_copy_only=False)
    if len(known) == 1:
        return [str(known[0]) if low < high else "" for low, high in minutes.stretches]
    found = []
    for day, (low, high) in zip(minutes.days, minutes.stretches, strict=True):
        said = np.unique(codes[low:high])
        if said.size > 1:
            raise MethodError(
                f"{name} differs within one worker-day",
                value=f"{day.sensor} on {day.day}: {sorted(str(known[place]) for place in said)}",
                rule="one basis a worker-day",
                remedy="reduce the day again, or correct the placement's calibration",
                code=code,
            )
        found.append(str(known[said[0]]) if said.size else "")
    return found


def _firsts(minutes: DayMinutes, name: str) -> list[float]:
    """Number in the first minute of each day; NaN where there is none."""
    values = minutes.numbers(name).tolist()
    return [float(values[low]) if low < high else float("nan") for low, high in minutes.stretches]


def _kept(follows: BoolArray, chosen: BoolArray) -> BoolArray:
    """Chosen minutes that continue a chosen minute."""
    joined = follows & chosen
    joined[1:] &= chosen[:-1]
    return joined


def _measured(minutes: DayMinutes, prefix: str) -> dict[str, list[bool]]:
    """Whether each day measured a column throughout, by what follows the prefix; left out where none did."""
    found = {}
    for name in minutes.names(prefix):
        column = minutes.column(name)
        if not column.null_count:
            found[name.removeprefix(prefix)] = [True] * len(minutes.days)
            continue
        missing = minutes.total(column.is_null().to_numpy(zero_copy_only=False))
        if not missing.all():
            found[name.removeprefix(prefix)] = (missing == 0).tolist()
    return found


def _events(minutes: DayMinutes, names: Sequence[str], joined: BoolArray) -> dict[str, IntArray]:
    """Events of each minute by threshold, those included that begin exactly where two minutes meet."""
    if not names or not joined.size:
        return {name: np.zeros(joined.size, np.int64) for name in names}
    inside, first, last = (
        np.stack([minutes.whole(f"{part}_{name}") for name in names]) for part in ("events", "first", "last")
    )
    # A minute that decides nothing hands on the state it was given, unless it begins afresh or has a gap.
    decides = (last != 0) | (minutes.whole("gaps") > 0) | ~joined
    source = np.maximum.accumulate(np.where(decides, np.arange(joined.size), 0), axis=1)
    carried = np.take_along_axis(last, source, axis=1)
    inside[:, 1:] += joined[1:] & (carried[:, :-1] == LOW) & (first[:, 1:] == HIGH)
    return dict(zip(names, inside, strict=True))


def _crossing_runs(minutes: DayMinutes, chosen: BoolArray, joined: BoolArray) -> IntArray:
    """EVA of the runs at the edges of minutes, those joined that cross them, shape (d, levels, durations)."""
    plan = summary_plan()
    levels, classes = plan.eva_shape
    shape = len(minutes.days), levels, classes
    known = chosen & minutes.column("eva_head_level").is_valid().to_numpy(zero_copy_only=False)
    head, tail = minutes.whole("eva_head_level"), minutes.whole("eva_tail_level")
    pieces = np.stack([head, tail], axis=1)
    lengths = np.stack([minutes.whole("eva_head_ns"), minutes.whole("eva_tail_ns")], axis=1)
    used = np.stack([known, known & (tail >= 0)], axis=1)
    continues = np.zeros(used.shape, np.bool_)
    continues[:, 0] = joined
    level, length = pieces[used], lengths[used]
    if not level.size:
        return np.zeros(shape, np.int64)
    fresh = ~continues[used]
    fresh[:1] = True
    fresh[1:] |= level[1:] != level[:-1]
    first = np.flatnonzero(fresh)
    run_ns = np.add.reduceat(length, first)
    place = np.searchsorted(plan.eva_durations_ns, run_ns, side="right") - 1
    begun = np.append(0, np.cumsum(used.sum(axis=1)))[minutes.bounds]
    day = np.searchsorted(begun, first, side="right") - 1
    cell = (day * levels + level[first]) * classes + place
    # Durations below 2^53 ns are exact in a double.
    total = np.bincount(cell, weights=run_ns, minlength=math.prod(shape))
    return total.astype(np.int64).reshape(shape)


def _qualities(
    minutes: DayMinutes, valid: IntArray, wear: _Wear, slips_deg: NDArray[np.float64]
) -> list[PostureQuality]:
    columns = [
        *(
            minutes.total(minutes.whole(name) * wear.worn)
            for name in ("dynamic_ns", "still_ns", "stuck_ns", "clipped_ns")
        ),
        *(minutes.total(valid * state) for state in (wear.off, wear.bench, wear.still)),
        minutes.total(minutes.whole("gaps") * wear.worn),
        slips_deg,
    ]
    return [PostureQuality(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
