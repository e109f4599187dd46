"""A workstation above a limit is not closed by instructions alone without a written reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from indicators.actions.states import without_reason
from indicators.model import Verdict
from sensors.errors import Problem
from sensors.log_tables import Action

__all__ = ["closing_problems"]


def closing_problems(
    actions: tuple[Action, ...],
    on: date,
    verdicts: Callable[[], Mapping[tuple[str, str], Verdict] | None],
) -> list[Problem]:
    """Closures by instructions only that nobody gave a reason for.

    Parameters
    ----------
    on : date
        Day the plan is judged.
    verdicts : callable
        Verdicts by workstation and factor, ``None`` when there are none to be had; asked only when a closure
        is in doubt, since finding them out takes time.

    Returns
    -------
    list of Problem
        One for each closure at a workstation that is above a limit, or of which nothing is known: what was
        not looked at may not be closed in silence either.
    """
    doubtful = without_reason(actions, on)
    if not doubtful:
        return []
    known = verdicts()
    problems = []
    for action in doubtful:
        verdict = None if known is None else known.get((action.workstation, action.factor.value))
        if verdict not in (None, Verdict.ABOVE):
            continue
        state = "is above a limit" if verdict is Verdict.ABOVE else "has no verdict that could be looked up"
        problems.append(
            Problem(
                "actions.csv",
                f"line {action.line}, reason",
                action.id,
                f"{action.workstation} {state} for {action.factor.value}, and nothing but instructions "
                "closes it: the last of the nine principles needs a written reason "
                "(Code du travail, L. 4121-2)",
                "write the reason, or plan an action higher in the hierarchy",
                "closed_without_reason",
            )
        )
    return problems
