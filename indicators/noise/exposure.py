"""LEX,8h of a workstation by the strategy that its data allow (ISO 9612:2009), with what would settle it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.levels import energy_mean, level
from indicators.context import AssessmentContext
from indicators.model import Interval, Note
from indicators.noise.days import Basis, day_level_db, hours, normalised_levels
from indicators.noise.iso9612 import (
    SampledLevel,
    TaskBasedLevel,
    full_day,
    job_based,
    minimum_cumulative_hours,
    noise_rule,
    sampling_contribution_db,
    task_based,
)
from indicators.reduction.noise import NoiseDay
from indicators.table_files import toml_table

__all__ = [
    "Exposure",
    "MissingTime",
    "days_to_settle",
    "missing_time",
    "usual_exposure",
    "week_interval",
    "week_level_db",
]

Floats = NDArray[np.float64]

_REFERENCE_DAY_H = 8.0
_HOUR_NS = 3_600_000_000_000
_MINUTE_S = 60.0
_TELLING_MISMATCH = 0.10


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Daily exposure of the usual conditions.

    Attributes
    ----------
    lex_8h_db, laeq_db : float
        LEX,8h, and the equivalent level over the effective day [dB(A)].
    interval : Interval or None
        ``LEX,8h ± U``; ``None`` where the method gives no uncertainty.
    method : str
        Standard and strategy.
    notes : tuple of Note
        Warnings of the method.
    u1_db : float
        Standard deviation of the samples [dB]; NaN for the task-based strategy.
    c1u1_db : float
        What it contributes to the uncertainty (Table C.4) [dB]; NaN there too, and outside the table.
    samples, least_samples : int
        Samples used, and how many the strategy takes before it gives an uncertainty.
    tasks : TaskBasedLevel or None
        Contributions of tasks, when they built the level.
    task_names : tuple of str
        Their names.
    """

    lex_8h_db: float
    laeq_db: float
    interval: Interval | None
    method: str
    notes: tuple[Note, ...]
    u1_db: float
    c1u1_db: float
    samples: int
    least_samples: int
    tasks: TaskBasedLevel | None = None
    task_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _TaskData:
    levels_db: dict[str, list[float]]
    hours: dict[str, list[float]]
    logged_share: float


def usual_exposure(basis: Basis, context: AssessmentContext) -> Exposure | None:
    """LEX,8h by the chosen strategy, else full days from three on, else tasks when the logs cover them.

    ``None`` when no worker-shift is valid (and no tasks can stand in) or the effective day is unknown.
    """
    if basis.te_h is None:
        return None
    wanted = context.workstation.noise_strategy
    data = _task_data(basis.days)
    thin = data.logged_share < noise_rule("task_log_share")
    notes: list[Note] = []
    if wanted == "task_based" or (
        wanted == "auto" and not thin and len(basis.valid) < noise_rule("full_day_samples")
    ):
        built = None if thin else _from_tasks(basis, context, data, notes)
        if built is not None:
            return built
        if thin:
            notes.append(
                Note(
                    "task_log_too_thin",
                    {
                        "percent": round(100 * data.logged_share),
                        "minimum_percent": round(100 * noise_rule("task_log_share")),
                    },
                )
            )
    if not basis.valid:
        return None
    sampled = (job_based if wanted == "job_based" else full_day)(
        normalised_levels(basis), basis.te_h, basis.u2_db, basis.u3_db
    )
    if wanted == "job_based":
        notes += _short_sampling(basis, context)
        return _of_samples(sampled, basis, "job-based", tuple(notes))
    return _of_samples(sampled, basis, "full-day", tuple(notes))


@dataclass(frozen=True, slots=True)
class MissingTime:
    """How far the time that was not measured may move a level, each positive [dB]."""

    down_db: float
    up_db: float


def missing_time(days: tuple[NoiseDay, ...]) -> MissingTime:
    """What missing time leaves open: it may have been silent, or as loud as the loudest measured hour."""
    expected = sum(day.day.expected_ns for day in days)
    present_ns = sum(day.laeq_ns for day in days)
    covered = min(1.0, present_ns / expected) if expected else 0.0
    if covered <= 0.0:
        return MissingTime(math.inf, math.inf)
    mean = sum(day.laeq_energy for day in days) / (present_ns * 1e-9)
    louder = max(1.0, _loudest_hour_energy(days) / mean)
    return MissingTime(-10.0 * math.log10(covered), 10.0 * math.log10(covered + (1.0 - covered) * louder))


def week_interval(value_db: float, missing: MissingTime, basis: Basis) -> Interval:
    """Bounds of a week's own level from the instrument and from missing time alone."""
    reach = noise_rule("coverage_factor") * math.hypot(basis.u2_db, basis.u3_db)
    return Interval(
        value_db - math.hypot(reach, missing.down_db), value_db + math.hypot(reach, missing.up_db)
    )


def days_to_settle(exposure: Exposure, basis: Basis, limit_db: float) -> int | None:
    """Further worker-shifts after which the interval would leave the limit out, if level and scatter stay.

    ``None`` when the instrument and the microphone's place alone keep the limit inside, or the scatter is not
    known yet and the minimum number of samples does not tell.
    """
    short = exposure.least_samples - exposure.samples
    if short > 0 or math.isnan(exposure.u1_db):
        # The scatter of so few samples tells nothing: first the interval that more of them give.
        return short if short > 0 else None
    distance = abs(exposure.lex_8h_db - limit_db)
    factor = noise_rule("coverage_factor")
    most = 30
    for count in range(exposure.samples + 1, most + 1):
        contribution = sampling_contribution_db(count, exposure.u1_db)
        if factor * math.hypot(contribution, basis.u2_db, basis.u3_db) < distance:
            return count - exposure.samples
    return None


def _of_samples(sampled: SampledLevel, basis: Basis, strategy: str, notes: tuple[Note, ...]) -> Exposure:
    known = math.isfinite(sampled.expanded_u_db)
    return Exposure(
        lex_8h_db=sampled.lex_8h_db,
        laeq_db=sampled.laeq_te_db,
        interval=Interval(sampled.lower_db, sampled.upper_db) if known else None,
        method=_method(strategy, worn=basis.worn),
        notes=(*notes, *sampled.warnings),
        u1_db=sampled.u1_db,
        c1u1_db=sampled.c1u1_db,
        samples=len(basis.valid),
        least_samples=int(noise_rule("job_samples" if strategy == "job-based" else "full_day_samples")),
    )


def _short_sampling(basis: Basis, context: AssessmentContext) -> list[Note]:
    """Whether all samples together last as long as the size of the group asks for (Table 1)."""
    named = [row.workers for row in context.book.site.groups if context.workstation.id in row.workstations]
    workers = sum(named) or basis.n_wearers
    if not workers:
        return []
    least, measured = float(minimum_cumulative_hours(workers)), hours(sum(day.laeq_ns for day in basis.valid))
    if measured >= least:
        return []
    return [Note("short_sampling", {"hours": round(measured, 1), "minimum_h": least, "workers": workers})]


def _from_tasks(
    basis: Basis, context: AssessmentContext, data: _TaskData, notes: list[Note]
) -> Exposure | None:
    planned = {
        task.id: task.hours for task in context.book.site.tasks if task.workstation == context.workstation.id
    }
    unmeasured = sorted(set(planned) - set(data.levels_db))
    if unmeasured or not data.levels_db:
        # A planned task without a level would silently count as silence.
        notes.append(Note("tasks_not_measured", {"tasks": ", ".join(unmeasured)}))
        return None
    names = tuple(sorted(data.levels_db))
    durations = [planned.get(name) or float(np.mean(data.hours[name])) for name in names]
    result = task_based(
        [
            {
                "label": name,
                "duration_h": duration,
                "levels_db": data.levels_db[name],
                **({"duration_samples_h": data.hours[name]} if len(data.hours[name]) > 1 else {}),
            }
            for name, duration in zip(names, durations, strict=True)
        ],
        basis.u2_db,
        basis.u3_db,
    )
    total = sum(durations)
    if basis.te_h is not None and abs(total - basis.te_h) > _TELLING_MISMATCH * basis.te_h:
        notes.append(Note("task_hours_differ", {"tasks_h": round(total, 1), "day_h": round(basis.te_h, 1)}))
    return Exposure(
        lex_8h_db=result.lex_8h_db,
        laeq_db=result.lex_8h_db - 10.0 * math.log10(total / _REFERENCE_DAY_H),
        interval=Interval(result.lower_db, result.upper_db),
        method=_method("task-based", worn=basis.worn),
        notes=(*notes, *result.warnings),
        u1_db=float("nan"),
        c1u1_db=float("nan"),
        samples=len(basis.days),
        least_samples=int(noise_rule("task_samples")),
        tasks=result,
        task_names=names,
    )


def _task_data(days: tuple[NoiseDay, ...]) -> _TaskData:
    """Level and duration of each task on each worker-day, from the minutes whose span names a task."""
    levels: dict[str, list[float]] = defaultdict(list)
    durations: dict[str, list[float]] = defaultdict(list)
    named = total = 0
    least_s = noise_rule("task_minimum_minutes") * _MINUTE_S
    for day in days:
        total += day.laeq_ns
        spans: dict[str, list[int]] = defaultdict(list)
        for index, span in enumerate(day.day.spans):
            if span.task is not None:
                spans[span.task].append(index)
        for task, indices in spans.items():
            inside = np.isin(day.minute_span, indices)
            seconds = float(day.minute_laeq_ns[inside].sum()) * 1e-9
            named += int(day.minute_laeq_ns[inside].sum())
            durations[task].append(
                sum(hours(day.day.spans[i].end_ns - day.day.spans[i].start_ns) for i in indices)
            )
            if seconds >= least_s:
                levels[task].append(float(level(day.minute_energy[inside].sum() / seconds)))
    known = {task: values for task, values in levels.items() if values}
    return _TaskData(known, {task: durations[task] for task in known}, named / total if total else 0.0)


def _loudest_hour_energy(days: tuple[NoiseDay, ...]) -> float:
    """Mean energy of the loudest clock hour that holds at least half an hour of data."""
    hour = np.concatenate([day.minutes_ns for day in days]) // _HOUR_NS
    if not hour.size:
        return 0.0
    turns = np.append(True, np.diff(hour) != 0)
    # Where a worker-day begins, so does an hour: another one may have ended within the same.
    firsts = np.cumsum([0, *(day.minutes_ns.size for day in days)])[:-1]
    turns[firsts[firsts < hour.size]] = True
    begins = np.flatnonzero(turns)
    seconds = np.add.reduceat(np.concatenate([day.minute_laeq_ns for day in days]), begins) * 1e-9
    sums = np.add.reduceat(np.concatenate([day.minute_energy for day in days]), begins)
    full = seconds >= 30 * _MINUTE_S
    return float(np.max(sums[full] / seconds[full])) if full.any() else 0.0


def week_level_db(days: tuple[NoiseDay, ...]) -> float:
    """Energy mean of the LAeq of these worker-days [dB(A)]."""
    return float(energy_mean([day_level_db(day) for day in days]))


def _method(strategy: str, *, worn: bool) -> str:
    edition = toml_table("noise")["edition"]
    return f"{edition} {strategy}" if worn else f"{edition} {strategy}, area estimate"
