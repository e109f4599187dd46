"""The day as it would be with other durations, another mix of tasks or quieter machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array
from indicators.noise.iso9612 import TaskBasedLevel, task_based
from sensors.errors import MethodError

__all__ = ["WhatIf", "allowed_hours", "what_if"]

Floats = NDArray[np.float64]

_REFERENCE_DAY_H = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A day as measured and as it would be.

    Attributes
    ----------
    before, after : TaskBasedLevel
        Both days with contributions and uncertainty; `after` takes the samples of `before` as they are.
    change_db : float
        ``after − before`` of LEX,8h [dB].
    """

    before: TaskBasedLevel
    after: TaskBasedLevel
    change_db: float


def what_if(
    tasks: Sequence[Mapping[str, Any]],
    durations_h: Sequence[float | None] | None = None,
    reductions_db: Sequence[float] | None = None,
    u2_db: float = 1.5,
    u3_db: float = 1.0,
) -> WhatIf:
    """Compare the day of these tasks with a changed one.

    Parameters
    ----------
    tasks : sequence of mappings
        Tasks as in `task_based`.
    durations_h : sequence of float or None, optional
        New duration of each task [h]; ``None`` keeps it, 0 drops the task. The uncertainty of a changed
        duration is not known and is left out.
    reductions_db : sequence of float, optional
        By how much each task becomes quieter [dB]; negative is louder.
    u2_db, u3_db : float
        As in `task_based`.

    Returns
    -------
    WhatIf
        Both days and the difference; the contributions of `after` list the tasks that remain.

    Raises
    ------
    MethodError
        ``wrong_shape`` (one entry per task), ``empty`` (no task left), and those of `task_based`.
    """
    before = task_based(tasks, u2_db, u3_db)
    durations = [None] * len(tasks) if durations_h is None else list(durations_h)
    reductions = [0.0] * len(tasks) if reductions_db is None else list(reductions_db)
    if len(durations) != len(tasks) or len(reductions) != len(tasks):
        raise MethodError(
            "the change does not fit the tasks",
            value=(len(durations), len(reductions)),
            rule=f"{len(tasks)} entries, one per task",
            code="wrong_shape",
        )
    changed = [
        _changed(task, hours, reduction)
        for task, hours, reduction in zip(tasks, durations, reductions, strict=True)
        if hours != 0
    ]
    after = task_based(changed, u2_db, u3_db)
    # A person asking "what if" has not sampled anything new: the advice on samples belongs to `before` only.
    after = replace(after, warnings=())
    return WhatIf(before=before, after=after, change_db=after.lex_8h_db - before.lex_8h_db)


def allowed_hours(laeq_db: ArrayLike, limit_db: float) -> Floats:
    """Hours a day at a level until LEX,8h reaches `limit_db`; more than 24 means "never within a day".

    Parameters
    ----------
    laeq_db : array-like
        Level [dB(A)].
    limit_db : float
        LEX,8h not to be passed [dB(A)].

    Returns
    -------
    float64 array
        ``8 · 10^((limit − L)/10)`` [h].

    Raises
    ------
    MethodError
        ``empty``, ``infinite``.
    """
    levels = float_array(laeq_db, "laeq_db")
    return np.asarray(_REFERENCE_DAY_H * 10.0 ** ((float_array(limit_db, "limit_db") - levels) / 10.0))


def _changed(task: Mapping[str, Any], hours: float | None, reduction_db: float) -> dict[str, Any]:
    changed = dict(task)
    quieter = np.atleast_1d(float_array(task["levels_db"], "levels_db")) - reduction_db
    changed["levels_db"] = quieter
    if hours is not None:
        changed["duration_h"] = hours
        changed.pop("duration_range_h", None)
        changed.pop("duration_samples_h", None)
    return changed
