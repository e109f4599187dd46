"""A measured LEX,8h as it would be with other durations or quieter tasks, and its verdicts then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from indicators.limits import Limit
from indicators.model import Indicator, Interval, LimitAssessment, Scope, Verdict, WorkstationResult
from indicators.noise.what_if import WhatIf, what_if
from indicators.verdicts import assess_limit
from sensors.errors import NotEnoughDataError, UnknownNameError

__all__ = ["ChangedDay", "ChangedLimit", "changed_days"]

_REFERENCE_DAY_H = 8.0

WHOLE_DAY = ""
"""Stands for every task at once, and for time without a named task."""


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """A limit and its verdict on the day as measured and as changed."""

    limit: Limit
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class ChangedDay:
    """LEX,8h of one shift before and after a change that nobody has made yet.

    Attributes
    ----------
    change : WhatIf
        Both days built from the mean level and duration of each task.
    before_db, after_db : float
        LEX,8h as reported, and moved by the change [dB(A)].
    before, after : Interval or None
        Their intervals; the same width, because nothing new was measured.
    """

    shift: str
    tasks: tuple[str, ...]
    change: WhatIf
    before_db: float
    after_db: float
    before: Interval | None
    after: Interval | None
    limits: tuple[ChangedLimit, ...]


def changed_days(
    station: WorkstationResult, hours: Mapping[str, float], quieter_db: Mapping[str, float]
) -> tuple[ChangedDay, ...]:
    """Each shift's LEX,8h with these changes.

    Parameters
    ----------
    station : WorkstationResult
        Through the privacy gate; the mix of tasks is the one it shows.
    hours : mapping of str to float
        New hours a day of each task, 0 drops it; under the empty name the length of the whole day, shared
        among the other tasks as before.
    quieter_db : mapping of str to float
        By how much each task becomes quieter [dB], negative is louder; under the empty name all others.

    Raises
    ------
    NotEnoughDataError
        Code ``no_exposure``: the workstation shows no LEX,8h.
    UnknownNameError
        Code ``unknown_task``.
    MethodError
        Those of ``what_if``.
    """
    usual = [item for factor in station.factors for item in factor.indicators if item.scope is Scope.USUAL]
    levels = [item for item in usual if item.id == "lex_8h" and item.value is not None]
    if not levels:
        raise NotEnoughDataError(
            "no daily exposure is shown here",
            value=station.id,
            rule="a LEX,8h of the usual conditions",
            remedy="choose a period with valid worker-days",
            code="no_exposure",
        )
    mixes = {item.shift: item for item in usual if item.id == "laeq_shift"}
    return tuple(_changed(item, _tasks(item, mixes.get(item.shift)), hours, quieter_db) for item in levels)


def _tasks(lex: Indicator, mix: Indicator | None) -> dict[str, dict[str, Any]]:
    """Mean level and hours a day of each task; one for the whole day where no task is named."""
    length: Any = lex.details["te_h"]
    rows: Any = () if mix is None else mix.details.get("by_task", ())
    total = sum(row["measured_h"] for row in rows)
    if not total:
        assert lex.value is not None
        level = lex.value - 10.0 * math.log10(length / _REFERENCE_DAY_H)
        return {WHOLE_DAY: {"duration_h": length, "levels_db": [level], "label": WHOLE_DAY}}
    return {
        row["task"] or WHOLE_DAY: {
            "label": row["task"] or WHOLE_DAY,
            "duration_h": length * row["measured_h"] / total,
            "levels_db": [row["laeq_db"]],
        }
        for row in rows
    }


def _changed(
    lex: Indicator,
    tasks: Mapping[str, dict[str, Any]],
    hours: Mapping[str, float],
    quieter_db: Mapping[str, float],
) -> ChangedDay:
    if unknown := sorted((set(hours) | set(quieter_db)) - set(tasks) - {WHOLE_DAY}):
        known = ", ".join(filter(None, sorted(tasks))) or "–"
        raise UnknownNameError(
            "no such task was measured here",
            value=unknown[0],
            rule=f"one of {known}",
            remedy="leave the task out to change the whole day",
            code="unknown_task",
        )
    free = sum(task["duration_h"] for name, task in tasks.items() if name == WHOLE_DAY or name not in hours)
    stretch = 1.0
    if WHOLE_DAY in hours and free > 0:
        taken = sum(value for name, value in hours.items() if name != WHOLE_DAY)
        stretch = max(hours[WHOLE_DAY] - taken, 0.0) / free
    durations = [
        hours[name] if name in hours and name != WHOLE_DAY else task["duration_h"] * stretch
        for name, task in tasks.items()
    ]
    less = [quieter_db.get(name, quieter_db.get(WHOLE_DAY, 0.0)) for name in tasks]
    change = what_if(list(tasks.values()), durations, less)
    assert lex.value is not None
    after_db = lex.value + change.change_db
    after = None
    if lex.interval is not None:
        after = Interval(lex.interval.low + change.change_db, lex.interval.high + change.change_db)
    limits = tuple(ChangedLimit(row.limit, row.verdict, _verdict(row, after_db, after)) for row in lex.limits)
    return ChangedDay(lex.shift, tuple(tasks), change, lex.value, after_db, lex.interval, after, limits)


def _verdict(row: LimitAssessment, value: float, interval: Interval | None) -> Verdict:
    measured = row.verdict is not Verdict.NOT_MEASURED
    return assess_limit(value, interval, row.limit, measured=measured).verdict
