"""ISO 9612:2009: the three measurement strategies with the whole uncertainty budget of Annex C."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, number, positive, within
from analysis.levels import energy_mean, energy_sum
from indicators.model import Note
from indicators.table_files import csv_matrix, toml_table
from sensors.errors import MethodError

__all__ = [
    "SampledLevel",
    "TaskBasedLevel",
    "full_day",
    "job_based",
    "minimum_cumulative_hours",
    "noise_rule",
    "sampling_contribution_db",
    "task_based",
]

Floats = NDArray[np.float64]

_REFERENCE_DAY_H = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class TaskBasedLevel:
    """Daily exposure built from tasks (ISO 9612:2009, 9 and Annex C.2).

    Attributes
    ----------
    lex_8h_db : float
        LEX,8h [dB(A)].
    task_levels_db, contributions_db, contributions_percent : float64 array, shape (tasks,)
        Level of each task, its part of LEX,8h as a level, and as a share of the dose [%].
    u1a_db, u1b_h : float64 array, shape (tasks,)
        Standard uncertainty of sampling [dB] and of the task's duration [h].
    u_db, expanded_u_db : float
        Combined standard uncertainty and U = 1.65 u [dB].
    lower_db, upper_db : float
        ``lex_8h_db ∓ expanded_u_db``: each a one-sided 95 % bound.
    warnings : tuple of Note
        What the standard would have done better; nothing was changed because of it.
    """

    lex_8h_db: float
    task_levels_db: Floats
    contributions_db: Floats
    contributions_percent: Floats
    u1a_db: Floats
    u1b_h: Floats
    u_db: float
    expanded_u_db: float
    lower_db: float
    upper_db: float
    warnings: tuple[Note, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SampledLevel:
    """Daily exposure from samples of a job or of full days (ISO 9612:2009, 10, 11 and Annex C.3).

    Attributes
    ----------
    laeq_te_db, lex_8h_db : float
        Energy mean of the samples, and LEX,8h [dB(A)].
    contributions_db : float64 array, shape (samples,)
        Part of each sample in LEX,8h as a level [dB(A)].
    u1_db, c1u1_db : float
        Standard deviation of the samples and its weighted contribution from Table C.4 [dB]; NaN outside it.
    u_db, expanded_u_db, lower_db, upper_db : float
        As in `TaskBasedLevel`; NaN where Table C.4 does not reach.
    warnings : tuple of Note
        What the standard would have done better, and why an uncertainty is missing.
    """

    laeq_te_db: float
    lex_8h_db: float
    contributions_db: Floats
    u1_db: float
    c1u1_db: float
    u_db: float
    expanded_u_db: float
    lower_db: float
    upper_db: float
    warnings: tuple[Note, ...]


def noise_rule(key: str) -> float:
    """Number of a rule of ``tables/noise.toml``."""
    return float(toml_table("noise")["rules"][key]["value"])


def task_based(tasks: Sequence[Mapping[str, Any]], u2_db: float = 1.5, u3_db: float = 1.0) -> TaskBasedLevel:
    """LEX,8h from the tasks of a day.

    Parameters
    ----------
    tasks : sequence of mappings
        Each has ``duration_h`` (mean duration in the day [h]) and ``levels_db`` (LAeq samples of the task
        [dB(A)]; NaN = missing); optional ``label``, and for the uncertainty of the duration either
        ``duration_range_h`` (shortest and longest) or ``duration_samples_h`` (observed durations).
    u2_db, u3_db : float
        Standard uncertainty of the instrument (Table C.5) and of the microphone's position [dB].

    Returns
    -------
    TaskBasedLevel
        Level, contributions and uncertainty.

    Raises
    ------
    MethodError
        ``empty``, ``task_without_level``, ``not_positive``, ``out_of_validity`` (more than 24 h),
        ``wrong_range``, ``missing_key``, ``infinite``.

    Notes
    -----
    ISO 9612:2009 equations (7) to (10), (C.2), (C.3), (C.6), (C.7); ``c1b = 4.34 c1a / Tm``. Samples of one
    task are averaged by energy, their scatter about the arithmetic mean gives ``u1a``.
    """
    if not tasks:
        raise MethodError("there is no task", rule="at least one task", code="empty")
    u2, u3 = _uncertainties(u2_db, u3_db)
    labels = [str(task.get("label", number)) for number, task in enumerate(tasks, 1)]
    durations = np.array([_duration(task, label) for task, label in zip(tasks, labels, strict=True)])
    within(durations.sum(), "the sum of the task durations", 0.0, 24.0)
    samples = [_levels_of(task, label) for task, label in zip(tasks, labels, strict=True)]
    levels = np.array([float(energy_mean(sample)) for sample in samples])
    contributions = levels + 10.0 * np.log10(durations / _REFERENCE_DAY_H)
    lex = float(energy_sum(contributions))
    share = 10.0 ** ((contributions - lex) / 10.0)
    u1a = np.array([_standard_error(sample) for sample in samples])
    u1b = np.array([_duration_uncertainty(task, label) for task, label in zip(tasks, labels, strict=True)])
    c1b = 10.0 / np.log(10.0) * share / durations
    u = float(np.sqrt(np.sum(share**2 * (u1a**2 + u2**2 + u3**2) + (c1b * u1b) ** 2)))
    expanded = noise_rule("coverage_factor") * u
    return TaskBasedLevel(
        lex_8h_db=lex,
        task_levels_db=levels,
        contributions_db=contributions,
        contributions_percent=100.0 * share,
        u1a_db=u1a,
        u1b_h=u1b,
        u_db=u,
        expanded_u_db=expanded,
        lower_db=lex - expanded,
        upper_db=lex + expanded,
        warnings=tuple(
            warning
            for label, sample in zip(labels, samples, strict=True)
            for warning in _task_warnings(label, sample)
        ),
    )


def job_based(
    levels_db: ArrayLike, effective_day_h: float, u2_db: float = 1.5, u3_db: float = 1.0
) -> SampledLevel:
    """LEX,8h from random samples of a job.

    Parameters
    ----------
    levels_db : array-like, shape (n,)
        LAeq of each sample [dB(A)]; NaN = missing, left out. Five or more for an uncertainty.
    effective_day_h : float
        Effective duration of the working day Te [h].
    u2_db, u3_db : float
        Standard uncertainty of the instrument and of the microphone's position [dB].

    Returns
    -------
    SampledLevel
        NaN uncertainty, with a warning, where Table C.4 does not reach: nothing is clamped in silence.

    Raises
    ------
    MethodError
        ``empty`` (no level present), ``wrong_shape``, ``not_positive``, ``out_of_validity``, ``infinite``.

    Notes
    -----
    ISO 9612:2009 equations (11), (12), (C.9), Table C.4.
    """
    return _sampled(levels_db, effective_day_h, u2_db, u3_db, "job_samples")


def full_day(
    levels_db: ArrayLike, effective_day_h: float, u2_db: float = 1.5, u3_db: float = 1.0
) -> SampledLevel:
    """LEX,8h from measurements over whole working days; arguments and errors as in `job_based`.

    Three or more days give an uncertainty; days that spread over 3 dB or more call for two more
    (ISO 9612:2009, 11).
    """
    return _sampled(levels_db, effective_day_h, u2_db, u3_db, "full_day_samples")


def minimum_cumulative_hours(workers: ArrayLike) -> Floats:
    """Minimum cumulative duration of job-based sampling for a homogeneous group.

    Parameters
    ----------
    workers : array-like of int
        Size of the group, 1 or more; above 40 the standard says 17 h or split the group.

    Returns
    -------
    float64 array
        Hours, to be spread over at least five samples.

    Raises
    ------
    MethodError
        ``not_positive``, ``not_whole``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 9612:2009, Table 1.
    """
    count = positive(workers, "workers")
    if (count != np.floor(count)).any():
        raise MethodError("workers are counted in whole persons", value=workers, code="not_whole")
    rows = toml_table("noise")["minimum_cumulative_hours"]
    steps = np.searchsorted([row["up_to"] for row in rows], count)
    base, slope, above = (
        np.array([row[key] for row in rows])[np.minimum(steps, len(rows) - 1)]
        for key in ("hours", "per_worker", "above")
    )
    return np.asarray(base + slope * (count - above))


def sampling_contribution_db(samples: int, u1_db: float) -> float:
    """``c1u1`` of Table C.4 for a number of samples and their standard deviation; NaN outside the table.

    Between rows and columns it is interpolated linearly, which the convex table makes an upper bound; below
    u1 = 0.5 dB the line runs to zero at u1 = 0 for the same reason. More than 30 samples take the row of 30,
    an upper bound since the contribution only falls with their number.
    """
    deviations, counts, cells = _table_c4()
    if np.isnan(u1_db) or samples < counts[0] or u1_db > deviations[-1]:
        return float("nan")
    count = min(samples, counts[-1])
    above = bisect.bisect_left(counts, count)
    right = float(np.interp(u1_db, deviations, cells[above]))
    if counts[above] == count:
        return right
    left = float(np.interp(u1_db, deviations, cells[above - 1]))
    return left + (right - left) * (count - counts[above - 1]) / (counts[above] - counts[above - 1])


class _TableC4(NamedTuple):
    """Standard deviations of the columns [dB], numbers of samples of the rows, and the cells of each row."""

    deviations_db: Floats
    counts: tuple[int, ...]
    cells_db: tuple[Floats, ...]


@cache
def _table_c4() -> _TableC4:
    header, rows = csv_matrix("iso9612_table_c4")
    return _TableC4(
        np.array([0.0, *(float(cell) for cell in header[1:])]),
        tuple(int(row[0]) for row in rows),
        tuple(np.array([0.0, *row[1:]]) for row in rows),
    )


def _sampled(
    levels_db: ArrayLike, effective_day_h: float, u2_db: float, u3_db: float, rule: str
) -> SampledLevel:
    levels = float_array(levels_db, "levels_db")
    if levels.ndim != 1:
        raise MethodError("levels_db must be a list of samples", value=levels.shape, code="wrong_shape")
    levels = levels[~np.isnan(levels)]
    if levels.size == 0:
        raise MethodError("every sample is missing", rule="at least one level", code="empty")
    day_h = number(effective_day_h, "effective_day_h")
    hours = float(within(positive(day_h, "effective_day_h"), "effective_day_h", 0.0, 24.0))
    u2, u3 = _uncertainties(u2_db, u3_db)
    laeq = float(energy_mean(levels))
    lex = laeq + 10.0 * float(np.log10(hours / _REFERENCE_DAY_H))
    # One sample has no standard deviation; an unknown one must not look like a small one.
    u1 = float(np.std(levels, ddof=1)) if levels.size > 1 else float("nan")
    minimum = int(noise_rule(rule))
    c1u1 = sampling_contribution_db(levels.size, u1) if levels.size >= minimum else float("nan")
    u = float(np.sqrt(c1u1**2 + u2**2 + u3**2))
    expanded = noise_rule("coverage_factor") * u
    return SampledLevel(
        laeq_te_db=laeq,
        lex_8h_db=lex,
        contributions_db=levels + 10.0 * np.log10(hours / _REFERENCE_DAY_H / levels.size),
        u1_db=u1,
        c1u1_db=c1u1,
        u_db=u,
        expanded_u_db=expanded,
        lower_db=lex - expanded,
        upper_db=lex + expanded,
        warnings=_sample_warnings(levels, u1, c1u1, minimum, full_days=rule == "full_day_samples"),
    )


def _sample_warnings(
    levels: Floats, u1: float, c1u1: float, minimum: int, *, full_days: bool
) -> tuple[Note, ...]:
    deviations, counts, _ = _table_c4()
    spread = float(np.ptp(levels))
    found: list[Note] = []
    if levels.size < minimum:
        found.append(Note("few_samples", {"n": int(levels.size), "minimum": minimum}))
    elif np.isnan(c1u1):
        found.append(
            Note(
                "outside_table_c4",
                {"n": int(levels.size), "u1_db": round(u1, 1), "u1_max_db": float(deviations[-1])},
            )
        )
    elif c1u1 > noise_rule("revise_above_db"):
        found.append(
            Note("revise_plan", {"c1u1_db": round(c1u1, 1), "limit_db": noise_rule("revise_above_db")})
        )
    if levels.size > counts[-1]:
        found.append(Note("table_c4_last_row", {"n": int(levels.size), "row": counts[-1]}))
    if full_days and levels.size == minimum and spread >= noise_rule("spread_db"):
        found.append(Note("full_day_spread", {"spread_db": round(spread, 1), "more": 2}))
    return tuple(found)


def _task_warnings(label: str, samples: Floats) -> list[Note]:
    minimum = int(noise_rule("task_samples"))
    found: list[Note] = []
    if samples.size < minimum:
        found.append(Note("task_few_samples", {"task": label, "n": int(samples.size), "minimum": minimum}))
    elif np.ptp(samples) >= noise_rule("spread_db"):
        found.append(Note("task_spread", {"task": label, "spread_db": round(float(np.ptp(samples)), 1)}))
    return found


def _duration(task: Mapping[str, Any], label: str) -> float:
    if "duration_h" not in task or "levels_db" not in task:
        raise MethodError(
            f"task {label} is incomplete",
            value=sorted(task),
            rule="duration_h and levels_db",
            code="missing_key",
        )
    hours = positive(task["duration_h"], f"duration_h of task {label}")
    if hours.ndim != 0 or np.isnan(hours):
        raise MethodError(
            f"duration_h of task {label} is not one number", value=task["duration_h"], code="wrong_shape"
        )
    return float(hours)


def _levels_of(task: Mapping[str, Any], label: str) -> Floats:
    levels = np.atleast_1d(float_array(task["levels_db"], f"levels_db of task {label}", allow_empty=True))
    present = levels[~np.isnan(levels)].ravel()
    if present.size == 0:
        raise MethodError(
            f"task {label} has no level",
            rule="at least one sample for each task",
            remedy="measure it, or give its level from elsewhere and say so",
            code="task_without_level",
        )
    return present


def _standard_error(samples: Floats) -> float:
    return float(np.std(samples, ddof=1) / np.sqrt(samples.size)) if samples.size > 1 else 0.0


def _duration_uncertainty(task: Mapping[str, Any], label: str) -> float:
    observed = task.get("duration_samples_h")
    if observed is not None:
        hours = positive(observed, f"duration_samples_h of task {label}", zero=True)
        return _standard_error(hours[~np.isnan(hours)])
    limits = task.get("duration_range_h")
    if limits is None:
        return 0.0
    edges = positive(limits, f"duration_range_h of task {label}", zero=True)
    if edges.shape != (2,) or not edges[0] <= edges[1]:
        raise MethodError(
            f"duration_range_h of task {label} is no range",
            value=limits,
            rule="[shortest, longest]",
            code="wrong_range",
        )
    return float(edges[1] - edges[0]) / 2.0


def _uncertainties(u2_db: float, u3_db: float) -> tuple[float, float]:
    return (
        float(positive(number(u2_db, "u2_db"), "u2_db", zero=True)),
        float(positive(number(u3_db, "u3_db"), "u3_db", zero=True)),
    )
