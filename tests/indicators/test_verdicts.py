from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.limits import Comparison, Grade, Limit, Role, Status, limit
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Note,
    Period,
    RatioKind,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.verdicts import (
    FailOn,
    assess_limit,
    compare,
    exceeded,
    factor_verdict,
    ratio,
    wrong_side,
)
from sensors.errors import MethodError

ABOVE, OPEN, BELOW, NONE = Verdict.ABOVE, Verdict.NOT_SETTLED, Verdict.BELOW, Verdict.NOT_MEASURED


def row(value: float = 85.0, comparison: Comparison = Comparison.AT_LEAST, **changes: Any) -> Limit:
    base = Limit(
        id="eu.noise.test",
        profile="eu",
        factor="noise",
        indicator="lex_8h",
        value=value,
        unit="dB(A)",
        comparison=comparison,
        role=Role.ACTION,
        source="a text",
        clause="1",
        edition="1",
        grade=Grade.VERIFIED,
        status=Status.LAW,
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("comparison", "at", "over", "under"),
    [
        (Comparison.AT_LEAST, True, True, False),
        (Comparison.MORE_THAN, False, True, False),
        (Comparison.AT_MOST, True, False, True),
        (Comparison.LESS_THAN, False, False, True),
    ],
)
def test_the_limit_itself_belongs_where_the_text_puts_it(
    comparison: Comparison, at: bool, over: bool, under: bool
) -> None:
    chosen = row(comparison=comparison)
    assert wrong_side(85.0, chosen) is at
    assert wrong_side(math.nextafter(85.0, 99.0), chosen) is over
    assert wrong_side(math.nextafter(85.0, 0.0), chosen) is under


TINY = 1e-9
INTERVALS = [
    # low, high, verdict for ≥, >, ≤, <
    (80.0, 84.0, BELOW, BELOW, ABOVE, ABOVE),
    (80.0, 85.0 - TINY, BELOW, BELOW, ABOVE, ABOVE),
    (80.0, 85.0, OPEN, BELOW, ABOVE, OPEN),
    (80.0, 85.0 + TINY, OPEN, OPEN, OPEN, OPEN),
    (85.0 - TINY, 90.0, OPEN, OPEN, OPEN, OPEN),
    (85.0, 90.0, ABOVE, OPEN, OPEN, BELOW),
    (85.0 + TINY, 90.0, ABOVE, ABOVE, BELOW, BELOW),
    (85.0, 85.0, ABOVE, BELOW, ABOVE, BELOW),
    (84.0, 84.0, BELOW, BELOW, ABOVE, ABOVE),
    (86.0, 86.0, ABOVE, ABOVE, BELOW, BELOW),
]


@pytest.mark.parametrize(
    ("low", "high", "comparison", "expected"),
    [
        (low, high, comparison, verdicts[place])
        for low, high, *verdicts in INTERVALS
        for place, comparison in enumerate(
            [Comparison.AT_LEAST, Comparison.MORE_THAN, Comparison.AT_MOST, Comparison.LESS_THAN]
        )
    ],
)
def test_the_whole_interval_decides(
    low: float, high: float, comparison: Comparison, expected: Verdict
) -> None:
    found = assess_limit((low + high) / 2, Interval(low, high), row(comparison=comparison), measured=True)
    assert found.verdict is expected
    assert compare(Interval(low, high), row(comparison=comparison)) is expected


@pytest.mark.parametrize("value", [None, math.nan])
def test_no_value_is_not_measured_and_has_no_ratio(value: float | None) -> None:
    found = assess_limit(value, Interval(1.0, 2.0), row(), measured=True)
    assert (found.verdict, found.ratio, found.ratio_kind) == (NONE, None, None)


def test_too_little_coverage_is_not_measured_whatever_the_value() -> None:
    found = assess_limit(120.0, Interval(119.0, 121.0), row(), measured=False)
    assert found.verdict is NONE
    assert found.reason == Note("not_measured")


@pytest.mark.parametrize("interval", [None, Interval(math.nan, 90.0), Interval(80.0, math.nan)])
@pytest.mark.parametrize("value", [40.0, 85.0, 140.0])
def test_without_an_interval_nothing_is_settled(interval: Interval | None, value: float) -> None:
    found = assess_limit(value, interval, row(), measured=True)
    assert found.verdict is OPEN
    assert found.reason == Note("no_interval")
    assert found.ratio is not None


def test_an_event_that_was_observed_settles_it_without_an_interval() -> None:
    peak = row(137.0, unit="dB(C)")
    assert assess_limit(137.0, None, peak, measured=True, event_observed=True).verdict is ABOVE
    assert assess_limit(136.9, None, peak, measured=True, event_observed=True).verdict is OPEN


def test_an_observed_event_outweighs_an_interval_that_holds_the_limit() -> None:
    peak = row(137.0, unit="dB(C)")
    found = assess_limit(138.0, Interval(135.0, 141.0), peak, measured=True, event_observed=True)
    assert found.verdict is ABOVE


def test_a_suspected_knock_alone_does_not_settle_it() -> None:
    knock = Note("suspected_knock")
    found = assess_limit(141.0, None, row(140.0), measured=True, event_observed=True, reason=knock)
    assert (found.verdict, found.reason) == (OPEN, knock)


def test_an_event_without_coverage_is_not_measured() -> None:
    found = assess_limit(141.0, None, row(140.0), measured=False, event_observed=True)
    assert found.verdict is NONE


def test_an_open_verdict_says_why_with_its_numbers() -> None:
    found = assess_limit(84.0, Interval(82.0, 86.0), row(), measured=True)
    assert found.reason == Note(
        "limit_inside_interval", {"limit": 85.0, "low": 82.0, "high": 86.0, "unit": "dB(A)"}
    )


def test_settled_verdicts_need_no_reason() -> None:
    assert assess_limit(90.0, Interval(88.0, 92.0), row(), measured=True).reason is None
    assert assess_limit(70.0, Interval(68.0, 72.0), row(), measured=True).reason is None


def test_values_are_never_rounded_before_the_verdict() -> None:
    found = assess_limit(84.99, Interval(84.96, 84.999), row(), measured=True)
    assert found.verdict is BELOW


def test_a_criterion_is_never_assessed() -> None:
    with pytest.raises(MethodError) as refused:
        assess_limit(90.0, None, row(role=Role.CRITERION), measured=True)
    assert refused.value.code == "criterion_row"


def test_an_interval_upside_down_is_an_error() -> None:
    with pytest.raises(MethodError) as refused:
        assess_limit(85.0, Interval(90.0, 80.0), row(), measured=True)
    assert refused.value.code == "interval_reversed"


@pytest.mark.parametrize(
    ("value", "chosen", "expected", "kind"),
    [
        (85.0, row(), 1.0, RatioKind.ENERGY),
        (88.0, row(), 10**0.3, RatioKind.ENERGY),
        (75.0, row(), 0.1, RatioKind.ENERGY),
        (20.0, row(10.0, unit="%"), 2.0, RatioKind.TIME_SHARE),
        (450.0, row(900.0, unit="h/year"), 0.5, RatioKind.TIME_SHARE),
        (50.0, row(100.0, unit="nights/year"), 0.5, RatioKind.TIME_SHARE),
        (28.0, row(26.0, unit="°C"), 2.0, RatioKind.TEMPERATURE_STEP),
        (24.0, row(26.0, unit="°C"), 0.5, RatioKind.TEMPERATURE_STEP),
        (3.0, row(5.0, Comparison.AT_MOST, unit="°C"), 2.0, RatioKind.TEMPERATURE_STEP),
        (75.0, row(85.0, Comparison.LESS_THAN), 10.0, RatioKind.ENERGY),
        (5.0, row(10.0, Comparison.AT_MOST, unit="%"), 2.0, RatioKind.TIME_SHARE),
        (0.0, row(10.0, Comparison.AT_MOST, unit="%"), math.inf, RatioKind.TIME_SHARE),
        (0.0, row(10.0, unit="%"), 0.0, RatioKind.TIME_SHARE),
    ],
)
def test_ratios_by_kind(value: float, chosen: Limit, expected: float, kind: RatioKind) -> None:
    size, found = ratio(value, chosen)
    assert size == pytest.approx(expected)
    assert found is kind


def test_the_ratio_of_the_contract() -> None:
    assert ratio(86.7, limit("eu.noise.upper_action"))[0] == pytest.approx(1.48, abs=0.005)


@given(st.floats(0.0, 200.0), st.floats(0.0, 60.0), st.sampled_from(list(Comparison)))
def test_above_and_below_exclude_each_other(centre: float, half: float, comparison: Comparison) -> None:
    chosen = row(comparison=comparison)
    interval = Interval(centre - half, centre + half)
    verdict = assess_limit(centre, interval, chosen, measured=True).verdict
    if verdict is ABOVE:
        assert wrong_side(centre, chosen)
    elif verdict is BELOW:
        assert not wrong_side(centre, chosen)
    else:
        assert interval.low <= chosen.value <= interval.high


@given(st.floats(0.0, 150.0), st.floats(0.0, 40.0), st.floats(0.0, 40.0))
def test_a_wider_interval_never_settles_more(centre: float, half: float, more: float) -> None:
    narrow = assess_limit(centre, Interval(centre - half, centre + half), row(), measured=True).verdict
    wide = assess_limit(
        centre, Interval(centre - half - more, centre + half + more), row(), measured=True
    ).verdict
    assert wide in (narrow, OPEN)


def indicator(*rows: LimitAssessment, name: str = "lex_8h", **changes: Any) -> Indicator:
    defaults: dict[str, Any] = {
        "factor": Factor.NOISE,
        "value": 86.0,
        "unit": "dB(A)",
        "interval": Interval(85.0, 87.0),
        "scope": Scope.USUAL,
        "shift": "day",
        "coverage": 1.0,
        "n_days": 5,
        "n_wearers": 5,
        "method": "a method",
        "worn": True,
    }
    return Indicator(id=name, limits=tuple(rows), **(defaults | changes))


def judged(verdict: Verdict, role: Role = Role.ACTION, **changes: Any) -> LimitAssessment:
    chosen = row(role=role, **changes)
    return LimitAssessment(chosen, verdict, None if verdict is NONE else 1.0, RatioKind.ENERGY)


@pytest.mark.parametrize("verdicts", list(product([ABOVE, OPEN, BELOW, NONE], repeat=3)))
def test_factor_verdict_of_every_combination(verdicts: tuple[Verdict, ...]) -> None:
    found, above, reason = factor_verdict([indicator(*(judged(verdict) for verdict in verdicts))])
    if ABOVE in verdicts:
        assert (found, above, reason) == (ABOVE, "eu.noise.test", None)
    elif OPEN in verdicts:
        assert (found, above) == (OPEN, None)
    elif set(verdicts) == {NONE}:
        assert found is NONE
        assert reason is not None
    elif NONE in verdicts:
        assert found is OPEN
        assert reason == Note("rows_not_measured", {"indicators": "lex_8h"})
    else:
        assert (found, above, reason) == (BELOW, None, None)


@pytest.mark.parametrize("role", [Role.GUIDANCE, Role.CRITERION])
def test_guidance_moves_nothing(role: Role) -> None:
    rows = [judged(BELOW), judged(ABOVE, role)]
    assert factor_verdict([indicator(*rows)])[0] is BELOW


def test_guidance_alone_measures_nothing() -> None:
    assert factor_verdict([indicator(judged(ABOVE, Role.GUIDANCE))])[0] is NONE


@pytest.mark.parametrize("role", [Role.ACTION, Role.LIMIT, Role.PROJECTION])
def test_every_moving_role_counts(role: Role) -> None:
    assert factor_verdict([indicator(judged(ABOVE, role))])[0] is ABOVE


def test_the_week_carries_no_verdict() -> None:
    week = indicator(judged(ABOVE), scope=Scope.WEEK)
    assert factor_verdict([indicator(judged(BELOW)), week])[0] is BELOW


def test_no_indicator_is_not_measured() -> None:
    assert factor_verdict([]) == (NONE, None, Note("not_measured"))


def test_the_reason_of_an_unmeasured_factor_is_its_own() -> None:
    why = Note("no_lcpeak")
    unmeasured = LimitAssessment(row(), NONE, reason=why)
    assert factor_verdict([indicator(unmeasured)])[2] == why


def test_a_row_of_the_profile_without_indicator_keeps_a_factor_open() -> None:
    absent = row(id="fr.noise.c2p_level", indicator="noise_c2p_hours", role=Role.PROJECTION)
    found, _, reason = factor_verdict([indicator(judged(BELOW))], [absent])
    assert found is OPEN
    assert reason == Note("rows_not_measured", {"indicators": "noise_c2p_hours"})


def test_absent_guidance_keeps_nothing_open() -> None:
    absent = row(id="iso.noise.x", role=Role.GUIDANCE)
    assert factor_verdict([indicator(judged(BELOW))], [absent])[0] is BELOW


def test_one_bad_shift_makes_the_factor() -> None:
    morning = indicator(judged(BELOW), shift="morning")
    night = indicator(judged(ABOVE), shift="night")
    assert factor_verdict([morning, night])[0] is ABOVE


def above_row(name: str, value: float, size: float, **changes: Any) -> LimitAssessment:
    return LimitAssessment(row(value, id=name, **changes), ABOVE, size, RatioKind.ENERGY)


def test_above_names_the_highest_row_of_one_indicator() -> None:
    rows = [above_row("eu.noise.lower", 80.0, 5.0), above_row("eu.noise.upper", 85.0, 1.5, ranking=True)]
    assert factor_verdict([indicator(*rows)])[1] == "eu.noise.upper"
    assert factor_verdict([indicator(*reversed(rows))])[1] == "eu.noise.upper"


def test_above_names_the_lower_value_when_the_upper_is_open() -> None:
    rows = [above_row("eu.noise.lower", 80.0, 5.0), judged(OPEN)]
    assert factor_verdict([indicator(*rows)])[1] == "eu.noise.lower"


def test_above_of_a_cold_limit_is_the_lowest() -> None:
    rows = [
        above_row("x.climate.cool", 10.0, 1.0, comparison=Comparison.AT_MOST),
        above_row("x.climate.cold", 5.0, 1.0, comparison=Comparison.AT_MOST),
    ]
    assert factor_verdict([indicator(*rows)])[1] == "x.climate.cold"


def test_a_limit_value_speaks_before_an_action_value_and_that_before_a_projection() -> None:
    action = indicator(above_row("eu.noise.upper", 85.0, 9.0, ranking=True))
    ear = indicator(above_row("eu.noise.limit", 87.0, 1.1, role=Role.LIMIT), name="lex_8h_protected")
    year = indicator(above_row("fr.noise.c2p", 600.0, 99.0, role=Role.PROJECTION), name="noise_c2p_hours")
    assert factor_verdict([action, ear, year])[1] == "eu.noise.limit"
    assert factor_verdict([year, action])[1] == "eu.noise.upper"
    assert factor_verdict([year])[1] == "fr.noise.c2p"


def _result(*rows: LimitAssessment, scope: Scope = Scope.USUAL) -> WeeklyResult:
    factor = FactorResult(
        factor=Factor.NOISE,
        verdict=ABOVE,
        above=None,
        reason=None,
        indicators=(indicator(*rows, scope=scope),),
    )
    station = WorkstationResult(
        id="press", label="Press", family=None, rank=1, worst=None, factors_over=1, factors=(factor,)
    )
    day = date(2026, 11, 16)
    return WeeklyResult(
        site="s",
        site_label="S",
        language="en",
        audience=Audience.REPORT,
        period=Period(day, day, 0, 1, "Europe/Paris"),
        version="1",
        references="0",
        workstations=(station,),
    )


@pytest.mark.parametrize(
    ("role", "verdict", "action", "limit_level"),
    [
        (Role.ACTION, ABOVE, True, False),
        (Role.LIMIT, ABOVE, True, True),
        (Role.PROJECTION, ABOVE, True, False),
        (Role.GUIDANCE, ABOVE, False, False),
        (Role.LIMIT, OPEN, False, False),
        (Role.LIMIT, NONE, False, False),
    ],
)
def test_what_makes_a_command_fail(role: Role, verdict: Verdict, action: bool, limit_level: bool) -> None:
    result = _result(judged(verdict, role))
    assert exceeded(result, FailOn.ACTION) is action
    assert exceeded(result, FailOn.LIMIT) is limit_level


def test_a_loud_week_alone_does_not_make_a_command_fail() -> None:
    assert not exceeded(_result(judged(ABOVE), scope=Scope.WEEK), FailOn.ACTION)
