"""From posture days to indicators: denominators, intervals, verdicts, reasons and what cannot be seen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboards.catalogue import text
from indicators.c2p.assessment import project_posture
from indicators.c2p.thresholds import projected_hours
from indicators.context import AssessmentContext
from indicators.limits import limit
from indicators.model import Indicator, Scope, Verdict
from indicators.posture.assessment import assess
from indicators.posture.seconds import DaysSeconds
from indicators.reduction.posture import PostureDay
from sensors.site_model import Mount

if TYPE_CHECKING:
    from tests.indicators.posture.conftest import Bench
else:
    Bench = Any

FloatArray = NDArray[np.float64]
HOUR_S = 3600.0
ARM = Mount.UPPER_ARM_DOMINANT


def bent(bench: Bench, minutes: float, degrees: float, base: float = 5.0) -> FloatArray:
    """An hour with one stretch of a posture, gently rocking so that nothing counts as unworn."""
    t = bench.times(HOUR_S)
    rocking = 1.5 * np.sin(2 * np.pi * t / 3.0)
    angle = np.where(t < 60.0 * minutes, degrees, base)
    return bench.acceleration(angle + np.where(np.abs(angle - 30) < 20, 0.0, rocking), 3.0 * np.sin(t))


def indicators(
    days: list[PostureDay], context: AssessmentContext, scope: Scope = Scope.USUAL
) -> dict[str, Indicator]:
    found = [item for item in assess(days, context=context) if item.scope is scope]
    assert len({item.id for item in found}) == len(found)
    return {item.id: item for item in found}


def verdicts(item: Indicator) -> dict[str, Verdict]:
    return {row.limit.id: row.verdict for row in item.limits}


def codes(item: Indicator) -> set[str]:
    return {note.code for note in item.quality}


def crew(bench: Bench, minutes: list[float], degrees: float, **options: Any) -> list[PostureDay]:
    """One hour of six wearers or fewer, a day each."""
    return [
        bench.day(bent(bench, part, degrees), wearer=f"p{number}", day=number % 5, **options)
        for number, part in enumerate(minutes)
    ]


def test_a18_breaks_stay_as_rest_and_dropout_leaves(
    quiet_bench: Bench, press_context: AssessmentContext
) -> None:
    raised = bent(quiet_bench, 6.0, 70.0)
    plain = quiet_bench.day(raised, mount=ARM)
    assert indicators([plain], press_context)["arm_elevation_ge60_share"].value == pytest.approx(
        10.0, abs=0.01
    )
    paused = quiet_bench.day(raised, mount=ARM, breaks=[(3000.0, 3600.0)])
    item = indicators([paused], press_context)["arm_elevation_ge60_share"]
    assert item.value == pytest.approx(10.0, abs=0.01)
    assert "breaks_as_rest" in codes(item)
    # Of the hour only 50 minutes were measured: they are the denominator.
    lost = quiet_bench.day(raised, mount=ARM, spans=[(0.0, 3000.0)])
    item = indicators([lost], press_context)["arm_elevation_ge60_share"]
    assert item.value == pytest.approx(12.0, abs=0.01)
    assert item.coverage == pytest.approx(5 / 6)
    assert "missing_time_alike" in codes(item)


def test_raised_arms_in_a_break_are_rest(quiet_bench: Bench, press_context: AssessmentContext) -> None:
    day = quiet_bench.day(bent(quiet_bench, 20.0, 70.0), mount=ARM, breaks=[(0.0, 1200.0)])
    found = indicators([day], press_context)
    assert found["arm_elevation_ge60_share"].value == pytest.approx(0.0, abs=0.01)
    # Percentiles describe the shift as it was.
    assert found["arm_elevation_p90"].value == pytest.approx(71.0, abs=1.5)


def test_a19_minutes_of_ramp_are_nested(quiet_bench: Bench, press_context: AssessmentContext) -> None:
    t = quiet_bench.times(HOUR_S)
    angle = np.where(t < 300.0, 50.0, np.where(t < 600.0, 30.0, 5.0))
    day = quiet_bench.day(quiet_bench.acceleration(angle, 3.0 * np.sin(t)), shift_s=HOUR_S)
    found = indicators([day], press_context)
    assert found["trunk_flexion_ge45_min"].value == pytest.approx(5.0, abs=0.01)
    assert found["trunk_flexion_ge20_min"].value == pytest.approx(10.0, abs=0.01)


def test_postures_of_the_year_are_a_union_of_time(
    quiet_bench: Bench, press_context: AssessmentContext
) -> None:
    t = quiet_bench.times(HOUR_S)

    def between(first_min: float, last_min: float, degrees: float) -> FloatArray:
        inside = (t >= 60.0 * first_min) & (t < 60.0 * last_min)
        return quiet_bench.acceleration(np.where(inside, degrees, 5.0), 3.0 * np.sin(t))

    trunk, arm = quiet_bench.day(between(0, 20, 70.0)), quiet_bench.day(between(10, 30, 120.0), mount=ARM)
    # The trunk for 20 minutes, the arm for 20 and both of them for 10: half of each of 366 hours of the year.
    (both,) = project_posture([trunk, arm], press_context)
    assert both.value == pytest.approx(183.0, rel=0.002)
    (alone,) = project_posture([trunk], press_context)
    assert alone.value == pytest.approx(122.0, rel=0.002)
    half = quiet_bench.day(between(0, 20, 70.0), shift_s=2 * HOUR_S)
    (none,) = project_posture([half], press_context)
    assert none.value is None
    assert "no_valid_shift" in codes(none)


def test_little_coverage_is_not_measured(bench: Bench, press_context: AssessmentContext) -> None:
    day = bench.day(bent(bench, 30.0, 70.0), spans=[(0.0, 2820.0)])
    item = indicators([day], press_context)["trunk_flexion_ge20_min"]
    assert item.value is None
    assert set(verdicts(item).values()) == {Verdict.NOT_MEASURED}
    assert "no_valid_shift" in codes(item)
    assert item.next_best is not None
    assert item.next_best.code == "cover_the_shift"
    assert item.coverage == pytest.approx(47 / 60)


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [
        ([12.0, 14.0, 13.0, 12.5, 13.5, 12.0], Verdict.ABOVE),
        ([1.0, 1.5, 2.0, 1.2, 1.1, 1.4], Verdict.BELOW),
        ([2.0, 12.0, 5.0, 9.0, 4.0, 6.0], Verdict.NOT_SETTLED),
    ],
)
def test_verdicts_come_from_days_and_wearers(
    bench: Bench, press_context: AssessmentContext, minutes: list[float], verdict: Verdict
) -> None:
    item = indicators(crew(bench, minutes, 75.0, mount=ARM), press_context)["arm_elevation_ge60_share"]
    assert item.value is not None
    assert item.value == pytest.approx(100 * np.mean(minutes) / 60, abs=0.1)
    assert verdicts(item)["lund.posture.arm60"] is verdict
    assert (item.n_days, item.n_wearers) == (6, 6)
    assert item.interval is not None
    assert 0 < item.interval.low < item.value < item.interval.high < 100
    assert (item.next_best is not None) is (verdict is Verdict.NOT_SETTLED)
    assert "unseen_arm" in codes(item)


def test_no_interval_leaves_what_a_shift_can_hold(
    quiet_bench: Bench, press_context: AssessmentContext
) -> None:
    # Two very different wearers leave the mean open to anything; a shift of an hour still has 60 minutes.
    found = indicators(crew(quiet_bench, [0.5, 30.0], 50.0), press_context)
    for identifier, most in (("trunk_flexion_ge20_min", 60.0), ("trunk_flexion_ge60_hold", 3600.0)):
        interval = found[identifier].interval
        assert interval is not None
        assert interval.high <= most, identifier
    assert found["trunk_flexion_ge20_min"].interval.high == pytest.approx(60.0)  # type: ignore[union-attr]


def test_one_day_settles_nothing(bench: Bench, press_context: AssessmentContext) -> None:
    item = indicators([bench.day(bent(bench, 40.0, 75.0), mount=ARM)], press_context)[
        "arm_elevation_ge60_share"
    ]
    assert item.interval is None
    assert verdicts(item)["lund.posture.arm60"] is Verdict.NOT_SETTLED
    assert item.next_best is not None
    assert item.next_best.code == "more_full_days_distinct"


def test_percentiles_are_means_of_daily_percentiles(bench: Bench, press_context: AssessmentContext) -> None:
    days = crew(bench, [0.0, 60.0], 70.0)
    found = indicators(days, press_context)
    # Pooled, the median would jump from one posture to the other.
    assert found["trunk_flexion_p50"].value == pytest.approx((5.0 + 70.0) / 2, abs=1.0)
    assert found["trunk_flexion_p50"].unit == "°"


def test_week_shows_its_own_days_without_verdicts(bench: Bench, press_context: AssessmentContext) -> None:
    days = crew(bench, [6.0, 12.0], 70.0)
    earlier = replace(days[1], day=replace(days[1].day, day=days[1].day.day.replace(day=9)))
    found = indicators([days[0], earlier], press_context, Scope.WEEK)
    item = found["trunk_flexion_ge60_share"]
    assert item.n_days == 1
    assert item.value is not None
    assert item.value == pytest.approx(10.0, abs=0.1)
    assert item.limits == ()
    assert item.interval is not None
    assert item.interval.low <= item.value <= item.interval.high
    angle = found["trunk_flexion_p50"]
    assert angle.interval is not None
    assert angle.value is not None
    assert angle.interval.high - angle.interval.low == pytest.approx(2 * 1.645 * 2.0, abs=0.01)
    assert indicators([days[0], earlier], press_context)["trunk_flexion_ge60_share"].n_days == 2


def test_without_any_reference_only_velocity_is_told(bench: Bench, press_context: AssessmentContext) -> None:
    found = indicators([bench.day(bent(bench, 6.0, 70.0), mount=ARM, bare=True)], press_context)
    for name, item in found.items():
        assert (item.value is None) is (name != "arm_velocity_p50"), name
    share = found["arm_elevation_ge60_share"]
    assert "reference_missing" in codes(share)
    assert verdicts(share)["lund.posture.arm60"] is Verdict.NOT_MEASURED
    assert share.next_best is not None
    assert share.next_best.code == "record_two_postures"


def test_upright_alone_gives_inclination_and_refuses_flexion(
    bench: Bench, press_context: AssessmentContext
) -> None:
    calibration = bench.calibration(kind="upright_only", lean=None)
    found = indicators([bench.day(bent(bench, 15.0, 70.0), calibration=calibration)], press_context)
    assert found["trunk_inclination_ge60_share"].value == pytest.approx(25.0, abs=0.1)
    assert found["trunk_flexion_ge60_share"].value is None
    assert "lean_missing" in codes(found["trunk_flexion_ge60_share"])
    with_lean = indicators([bench.day(bent(bench, 15.0, 70.0))], press_context)
    assert "trunk_inclination_ge60_share" not in with_lean


def test_an_estimated_reference_widens_and_is_named(bench: Bench, press_context: AssessmentContext) -> None:
    t = bench.times(HOUR_S)
    acc = bench.acceleration(40.0 + 15.0 * np.sin(t / 3), 3.0 * np.sin(t))
    parts = []
    for calibration in (bench.calibration(), bench.calibration(kind="estimated", error_deg=6.0)):
        days = [bench.day(acc, calibration=calibration, wearer=f"p{n}", day=n) for n in range(3)]
        parts.append(indicators(days, press_context)["trunk_flexion_ge45_share"])
    exact, estimated = parts
    assert estimated.value == pytest.approx(exact.value)
    assert exact.interval is not None
    assert estimated.interval is not None
    assert estimated.interval.high - estimated.interval.low > 2 * (exact.interval.high - exact.interval.low)
    assert "estimated_reference" in codes(estimated)
    assert "estimated_reference" not in codes(exact)


def test_velocities_of_different_methods_are_refused(bench: Bench, press_context: AssessmentContext) -> None:
    days = crew(bench, [6.0, 6.0], 70.0, mount=ARM)
    assert indicators(days, press_context)["arm_velocity_p50"].value is not None
    mixed = [days[0], replace(days[1], velocity_method="imu/generalized")]
    item = indicators(mixed, press_context)["arm_velocity_p50"]
    assert item.value is None
    assert "velocity_methods_mixed" in codes(item)
    assert indicators(mixed, press_context)["arm_elevation_ge60_share"].value is not None


def test_median_velocity_is_that_of_the_motion(quiet_bench: Bench, press_context: AssessmentContext) -> None:
    t = quiet_bench.times(HOUR_S)
    sawtooth = 45.0 + 40.0 * (2 * np.abs((t / 4.0) % 1 * 2 - 1) - 1)
    item = indicators([quiet_bench.day(quiet_bench.acceleration(sawtooth), mount=ARM)], press_context)
    assert item["arm_velocity_p50"].value == pytest.approx(40.0, rel=0.03)
    assert "accelerometer/generalized" in item["arm_velocity_p50"].method


def test_the_other_arm_carries_its_name_and_its_limits(
    bench: Bench, press_context: AssessmentContext
) -> None:
    acc = bent(bench, 30.0, 75.0)
    days = [bench.day(acc, mount=ARM), bench.day(acc, mount=Mount.UPPER_ARM_OTHER)]
    found = indicators(days, press_context)
    other = found["arm_elevation_ge60_share_upper_arm_other"]
    assert other.value == pytest.approx(found["arm_elevation_ge60_share"].value)
    assert verdicts(other).keys() == verdicts(found["arm_elevation_ge60_share"]).keys()
    backs = [bench.day(acc), bench.day(acc, mount=Mount.LOWER_BACK)]
    assert {"trunk_flexion_p50", "trunk_flexion_p50_lower_back"} <= indicators(backs, press_context).keys()


def test_mounts_without_a_rule_say_nothing(bench: Bench, press_context: AssessmentContext) -> None:
    assert assess([bench.day(bent(bench, 6.0, 70.0), mount=Mount.WRIST)], context=press_context) == ()
    assert assess([], context=press_context) == ()


def test_head_and_thigh(bench: Bench, press_context: AssessmentContext) -> None:
    head = indicators([bench.day(bent(bench, 20.0, 40.0), mount=Mount.HEAD)], press_context)
    assert head["head_inclination_ge30_min"].value == pytest.approx(20.0, abs=0.1)
    assert set(verdicts(head["head_inclination_ge30_min"])) == {
        "ramp.posture.head30_amber",
        "ramp.posture.head30_red",
    }
    t = bench.times(HOUR_S)
    acc = bench.acceleration(np.where(t < 1800.0, 85.0, 5.0), 3.0 * np.sin(t))
    acc[0, t >= 2700.0] += 0.4 * np.sin(2 * np.pi * 1.9 * t[t >= 2700.0])
    thigh = indicators([bench.day(acc, mount=Mount.THIGH)], press_context)
    shares = [thigh[f"{kind}_share"].value for kind in ("sitting", "standing", "walking")]
    assert shares == pytest.approx([50.0, 25.0, 25.0], abs=0.2)


def test_static_postures_beyond_their_limit(quiet_bench: Bench, press_context: AssessmentContext) -> None:
    t = quiet_bench.times(HOUR_S)
    held = np.where(t % 600.0 < 155.0, 40.5, 5.0)
    found = indicators([quiet_bench.day(quiet_bench.acceleration(held, 3.0 * np.sin(t)))], press_context)
    # Six holds of 155 s at 40°, where 150 s are acceptable; the 5-s window takes two seconds at each flank.
    assert found["trunk_static_beyond_share"].value == pytest.approx(100 * 6 * 151 / 3600, abs=0.4)
    shorter = np.where(t % 600.0 < 140.0, 40.5, 5.0)
    item = indicators([quiet_bench.day(quiet_bench.acceleration(shorter, 3.0 * np.sin(t)))], press_context)
    assert item["trunk_static_beyond_share"].value == pytest.approx(0.0)
    moving = held + np.where(t % 600.0 < 155.0, 15.0 * np.sin(t), 0.0)
    item = indicators([quiet_bench.day(quiet_bench.acceleration(moving, 3.0 * np.sin(t)))], press_context)
    assert item["trunk_static_beyond_share"].value == pytest.approx(0.0, abs=0.2)


def test_a12_two_bends_a_minute_are_not_acceptable(
    quiet_bench: Bench, press_context: AssessmentContext
) -> None:
    t = quiet_bench.times(HOUR_S)
    names = [f"trunk_en1005_{name}_share" for name in ("acceptable", "conditional", "not_acceptable")]

    def zones(period_s: float) -> list[float]:
        angle = np.where(t % period_s < period_s / 2, 10.0, 50.0) + 4.0 * np.sin(2 * np.pi * t / 2.0)
        acc = quiet_bench.acceleration(angle, 0.0)
        found = indicators([quiet_bench.day(acc)], press_context)
        values = [found[name].value for name in names]
        assert all(value is not None for value in values)
        return [float(value) for value in values if value is not None]

    often, seldom = zones(30.0), zones(60.0)
    assert sum(often) == sum(seldom) == pytest.approx(100.0)
    # Half of the time beyond 20°: twice a minute not acceptable, once a minute conditional where static.
    assert often[2] == pytest.approx(50.0, abs=2.0)
    assert seldom[2] == pytest.approx(0.0, abs=1.0)
    assert seldom[0] + seldom[1] == pytest.approx(100.0, abs=1.0)


def test_rest_needs_three_quiet_seconds(bench: Bench) -> None:
    t = bench.times(600.0)
    day = bench.day(bench.acceleration(np.where(t % 10 < 5, 5.0, 40.0), 3.0 * np.sin(t / 2)))
    rest = DaysSeconds([day]).rest
    assert rest.percent == pytest.approx(30.0, abs=12.0)
    assert rest.pauses_per_hour == pytest.approx(360.0, abs=12.0)
    short = bench.day(bench.acceleration(np.where(t % 5 < 2.5, 5.0, 40.0), 3.0 * np.sin(t / 2)))
    assert DaysSeconds([short]).rest.percent == pytest.approx(0.0, abs=1.0)


def test_fast_motion_is_remarked(bench: Bench, press_context: AssessmentContext) -> None:
    acc = bent(bench, 6.0, 70.0)
    t = bench.times(HOUR_S)
    acc[2] += np.where(t < 600.0, 0.3, 0.0) * np.sin(2 * np.pi * 1.9 * t)
    assert "dynamic_motion" in codes(indicators([bench.day(acc)], press_context)["trunk_flexion_p50"])
    acc[2] += np.where(t < 2400.0, 0.3, 0.0) * np.sin(2 * np.pi * 1.9 * t)
    assert "dynamic_unreliable" in codes(indicators([bench.day(acc)], press_context)["trunk_flexion_p50"])


def test_a_stuck_sensor_is_no_sample(bench: Bench, press_context: AssessmentContext) -> None:
    acc = bent(bench, 6.0, 70.0)
    acc[:, 36_000:] = acc[:, 36_000:36_001] + np.array([[0.0], [0.02], [0.0]]) * (
        np.arange(54_000) // 12_000 % 2
    )
    day = bench.day(acc)
    assert day.quality.stuck_ns > 0.5 * day.valid_ns
    item = indicators([day], press_context)["trunk_flexion_ge60_share"]
    assert item.value is None


def test_figures_travel_with_the_indicators(bench: Bench, press_context: AssessmentContext) -> None:
    found = indicators(crew(bench, [6.0, 12.0, 9.0], 70.0), press_context)
    share, median = found["trunk_flexion_ge60_share"], found["trunk_flexion_p50"]
    bands: Any = share.details["bands"]
    assert sum(bands["percent"]) == pytest.approx(100.0)
    hours: Any = share.details["by_hour"]
    assert [row["hour"] for row in hours] == [8]
    assert hours[0]["n_wearers"] == 3
    assert hours[0]["value"] == pytest.approx(15.0, abs=0.2)
    days: Any = share.details["days"]
    assert [row["value"] for row in days] == pytest.approx([10.0, 20.0, 15.0], abs=0.2)
    curve: Any = median.details["distribution"]
    assert curve["thresholds"] == [20.0, 45.0, 60.0]
    assert (np.diff(curve["cumulative_percent"]) >= 0).all()
    eva: Any = median.details["eva"]
    assert np.sum(eva["percent"]) == pytest.approx(100.0, abs=1e-6)
    assert len(eva["level_edges"]) == len(eva["percent"]) + 1
    json.dumps([item.details for item in found.values()], allow_nan=False)


def test_a26_nine_hundred_hours_are_reached() -> None:
    result = projected_hours([4.13] * 10, 218.0)
    threshold = limit("fr.posture.painful_postures").value
    assert result.hours == pytest.approx(900.3, abs=0.1)
    assert result.hours >= threshold
    assert projected_hours([4.12] * 10, 218.0).hours < threshold


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_note_has_words_with_its_numbers(
    bench: Bench, press_context: AssessmentContext, language: str
) -> None:
    acc = bent(bench, 6.0, 70.0)
    t = bench.times(HOUR_S)
    acc[2] += 0.3 * np.sin(2 * np.pi * 1.9 * t) * (t < 400.0)
    days = [
        bench.day(acc, breaks=[(1800.0, 2400.0)]),
        bench.day(acc, calibration=bench.calibration(kind="estimated", error_deg=6.0), day=1),
        bench.day(acc, spans=[(0.0, 600.0)], day=2),
        bench.day(acc, mount=ARM, bare=True),
        bench.day(acc, mount=Mount.LOWER_BACK, calibration=bench.calibration(kind="upright_only", lean=None)),
    ]
    say = text(language)
    notes = [note for item in assess(days, context=press_context) for note in item.quality]
    notes += [item.next_best for item in assess(days, context=press_context) if item.next_best is not None]
    assert {
        "breaks_as_rest",
        "days_left_out",
        "estimated_reference",
        "reference_missing",
        "lean_missing",
    } <= {note.code for note in notes}
    for note in notes:
        assert "{" not in say(f"notes.{note.code}", **note.params)
