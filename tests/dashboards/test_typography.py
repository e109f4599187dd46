from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import typography as t


@pytest.mark.parametrize(
    ("value", "decimals", "french", "english"),
    [
        (91.2, 1, "91,2", "91.2"),
        (1040.0, 0, "1\u202f040", "1,040"),
        (-1234.5, 1, "−1\u202f234,5", "−1,234.5"),
        (2.675, 2, "2,68", "2.68"),
        (0.0, None, "0", "0"),
        (-0.04, 1, "0,0", "0.0"),
        (0.5, None, "0,5", "0.5"),
        (float("nan"), 1, "–", "–"),
        (float("-inf"), None, "−∞", "−∞"),
    ],
)
def test_numbers_follow_the_language(value: float, decimals: int | None, french: str, english: str) -> None:
    assert t.number(value, decimals, language="fr") == french
    assert t.number(value, decimals, language="en") == english


def test_a_positive_sign_is_written_on_request() -> None:
    assert t.number(4.8, 1, language="fr", sign=True) == "+4,8"
    assert t.number(0.0, 1, language="fr", sign=True) == "0,0"


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (84.96, 85.0, "84,96"),
        (84.6, 85.0, "84,6"),
        (84.9999, 85.0, "84,9999"),
        (85.0, 85.0, "85,0"),
        (85.04, 85.0, "85,04"),
        (85.2, 85.0, "85,2"),
        (2.46, 2.5, "2,46"),
        (899.6, 900.0, "899,6"),
    ],
)
def test_no_number_is_rounded_across_its_limit(value: float, limit: float, shown: str) -> None:
    assert t.safe_number(value, [limit], language="fr") == shown


@given(
    value=st.floats(-200, 2000, allow_nan=False).map(lambda x: round(x, 5)),
    limits=st.lists(st.sampled_from([2.5, 10.0, 28.0, 80.0, 85.0, 600.0, 900.0]), min_size=1, max_size=3),
    base=st.sampled_from([None, 0, 1]),
)
def test_shown_figures_compare_with_limits_as_values_do(
    value: float, limits: list[float], base: int | None
) -> None:
    shown = float(t.safe_number(value, limits, language="en", base=base).replace("−", "-").replace(",", ""))
    for limit in limits:
        assert (shown < limit) == (value < limit)
        assert (shown > limit) == (value > limit)


def test_whole_units_start_without_decimals_and_stay_safe() -> None:
    assert t.safe_number(898.2, [600.0], language="fr", base=0) == "898"
    assert t.safe_number(599.7, [600.0], language="fr", base=0) == "599,7"


def test_intervals_use_the_mark_of_the_language() -> None:
    assert t.interval(87.5, 94.9, [85.0], language="fr") == "[87,5\u202f;\u202f94,9]"
    assert t.interval(87.5, 94.9, [85.0], language="en") == "[87.5, 94.9]"


def test_weeks_and_periods_are_written_out() -> None:
    first, last = date(2026, 11, 16), date(2026, 11, 22)
    assert (
        t.week_label("2026-W47", first, last, language="fr") == "semaine\u00a047 (16–22\u00a0novembre 2026)"
    )
    assert t.week_label("2026-W47", first, last, language="en") == "week\u00a047 (16–22\u00a0November 2026)"
    assert t.period_label(date(2026, 3, 1), date(2026, 3, 7), language="fr") == "1er–7\u00a0mars 2026"
    assert (
        t.period_label(date(2026, 3, 30), date(2026, 4, 5), language="fr")
        == "30\u00a0mars – 5\u00a0avril 2026"
    )
    assert (
        t.period_label(date(2026, 12, 28), date(2027, 1, 3), language="en")
        == "28\u00a0December 2026 – 3\u00a0January 2027"
    )
    assert t.period_label(first, first, language="en") == "16\u00a0November 2026"


def test_days_times_and_durations() -> None:
    assert t.short_day(date(2026, 11, 17), language="fr") == "mar.\u00a017"
    assert t.short_day(date(2026, 11, 17), language="en") == "Tue\u00a017"
    assert t.clock(datetime(2026, 11, 17, 5, 2), language="fr") == "5\u00a0h\u00a002"
    assert t.clock(datetime(2026, 11, 17, 5, 2), language="en") == "05:02"
    assert t.duration(18_120, language="fr") == "5\u00a0h\u00a002"
    assert t.duration(1380, language="fr") == "23\u00a0min"
    assert t.duration(45, language="en") == "45\u00a0s"


def test_percentages_never_claim_all_or_nothing() -> None:
    assert t.percent(0.93, language="fr") == "93\u00a0%"
    assert t.percent(0.93, language="en") == "93%"
    assert t.percent(0.9999, language="fr") == "99\u00a0%"
    assert t.percent(1.0, language="fr") == "100\u00a0%"
    assert t.percent(0.001, language="fr") == "<\u00a01\u00a0%"
    assert t.percent(0.0, language="fr") == "0\u00a0%"


def test_plain_texts_get_their_spaces() -> None:
    assert t.typeset("L'écart : 85 dB ; vu ?", language="fr") == "L’écart\u00a0: 85\u00a0dB\u202f; vu\u202f?"
    assert t.typeset("« non »", language="fr") == "«\u00a0non\u00a0»"
    assert t.typeset("{n} % of 8 h", language="en") == "{n}\u00a0% of 8\u00a0h"
    assert t.quote("non", language="fr") == "«\u00a0non\u00a0»"
