from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.catalogue import text
from indicators.commands.decisions import _change_lines
from indicators.comparison import Change, ChangeVerdict
from indicators.model import Factor, Interval, Note

EARLY = Change(
    "lex_8h",
    Factor.NOISE,
    "dB(A)",
    ChangeVerdict.TOO_EARLY,
    None,
    None,
    None,
    None,
    None,
    (2, 3),
    (2, 3),
    (Note("too_few_days_a_side", {"before": 2, "after": 3, "minimum": 3}),),
)
LOWER = replace(
    EARLY,
    indicator="wbgt_worst_hour",
    verdict=ChangeVerdict.LOWER,
    before=30.0,
    after=27.5,
    difference=-2.5,
    interval=Interval(-3.0, -2.0),
    notes=(Note("no_control"),),
)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_answer_and_its_reasons_are_said_once(language: str) -> None:
    changes = [EARLY, LOWER, replace(EARLY, indicator="lcpeak_max"), replace(LOWER, indicator="laeq_shift")]
    lines = list(_change_lines(changes, text(language)))
    assert len(lines) == len(set(lines)) + 1, "only the empty line stands twice"
    assert sum(line.startswith("  ") and not line.startswith("    ") for line in lines) == 2
    shown = "\n".join(lines)
    assert {"fr": "−2,5", "en": "−2.5"}[language] in shown
    for change in changes:
        assert change.difference is None or shown.count(text(language)(f"indicators.{change.indicator}")) == 1


def test_the_same_answer_for_another_reason_stands_by_itself() -> None:
    other = replace(EARLY, notes=(Note("no_control"),))
    lines = list(_change_lines([EARLY, other], text("en")))
    answer = text("en")("decisions.change.too_early")
    assert lines.count(answer) == 2
