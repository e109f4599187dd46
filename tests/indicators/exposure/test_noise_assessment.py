"""From worker-days to noise indicators: strategy, verdicts, reasons and the next best measurement."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from indicators import noise as methods
from indicators.model import Indicator, Scope, Span, Verdict
from indicators.noise.assessment import assess
from indicators.noise.iso9612 import sampling_contribution_db
from indicators.reduction.noise import NoiseDay

Build = Callable[..., Any]
MONDAY = date(2026, 11, 16)
SHIFT_S = 28_800


def varied(level: float, seed: int = 0, seconds: int = SHIFT_S) -> np.ndarray:
    """Levels of a shift that fluctuate about `level` with exactly that energy mean."""
    noise = 3 * np.random.default_rng(seed).standard_normal(seconds)
    return np.asarray(level + noise - 10 * np.log10(np.mean(10 ** (noise / 10))))


def worn_days(plant: Any, levels: Sequence[float], **channels: Any) -> list[NoiseDay]:
    """One worker-day after another, each on another wearer, in the campaign up to the week's Friday."""
    first = MONDAY + timedelta(days=5 - len(levels)) if len(levels) <= 5 else MONDAY - timedelta(days=7)
    days: list[NoiseDay] = []
    on = first
    for number, level in enumerate(levels):
        while on.weekday() > 4:
            on += timedelta(days=1)
        laeq = varied(level, number)
        more = {name: make(laeq) for name, make in channels.items()}
        days.append(plant.noise(on, laeq, wearer=f"w{number}", **more))
        on += timedelta(days=1)
    return days


def by_id(found: Sequence[Indicator], scope: Scope = Scope.USUAL) -> dict[str, Indicator]:
    return {item.id: item for item in found if item.scope is scope}


def verdicts(item: Indicator) -> dict[str, Verdict]:
    return {row.limit.id: row.verdict for row in item.limits}


def codes(item: Indicator) -> set[str]:
    return {note.code for note in item.quality}


def with_peaks(laeq: np.ndarray) -> np.ndarray:
    return laeq + 18


def test_five_quiet_days_are_below_everything(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [70.0, 70.5, 71.0, 69.5, 70.2], lcpeak=with_peaks, lceq=lambda laeq: laeq + 1)
    found = by_id(assess(days, context=site.context()))
    for name in ("lex_8h", "lex_8h_protected", "lcpeak_max"):
        assert set(verdicts(found[name]).values()) == {Verdict.BELOW}, name
        assert found[name].next_best is None
    assert found["lex_8h"].method == "ISO 9612:2009 full-day"
    assert (found["lex_8h"].n_days, found["lex_8h"].n_wearers, found["lex_8h"].worn) == (5, 5, True)


def test_the_interval_is_that_of_the_standard(plant: Build) -> None:
    site = plant()
    levels = [88.0, 91.9, 87.6, 90.4, 89.0, 88.4]
    found = by_id(assess(worn_days(site, levels), context=site.context()))["lex_8h"]
    expected = methods.full_day(levels, 8.0)
    assert found.value == pytest.approx(expected.lex_8h_db, abs=1e-6)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(expected.lower_db, abs=1e-6)
    assert found.interval.high == pytest.approx(expected.upper_db, abs=1e-6)
    assert verdicts(found) == {
        "eu.noise.lower_action": Verdict.ABOVE,
        "eu.noise.upper_action": Verdict.ABOVE,
    }


def test_a_limit_inside_the_interval_stays_open_and_says_what_would_help(plant: Build) -> None:
    site = plant(instrument_class="class_1")
    found = by_id(assess(worn_days(site, [84.0, 81.0, 83.0]), context=site.context()))["lex_8h"]
    assert verdicts(found)["eu.noise.upper_action"] is Verdict.NOT_SETTLED
    assert found.next_best is not None
    assert found.next_best.code == "settle_by_days_distinct"
    assert found.next_best.params["limit"] == 85.0
    more = int(found.next_best.params["days"])
    # With so many further days of the same scatter, the advice is true and not one day too many.
    u1 = float(np.std([84.0, 81.0, 83.0], ddof=1))
    assert found.value is not None
    distance = 85.0 - found.value
    reach = [
        1.65 * np.hypot(sampling_contribution_db(3 + extra, u1), np.hypot(0.7, 1.0))
        for extra in (more - 1, more)
    ]
    assert reach[0] >= distance > reach[1]


def test_a_limit_within_the_instrument_asks_for_no_more_days(plant: Build) -> None:
    site = plant()
    found = by_id(assess(worn_days(site, [85.0, 85.1, 84.9, 85.0, 85.0]), context=site.context()))["lex_8h"]
    assert found.next_best is not None
    assert found.next_best.code == "limit_within_instrument"


def test_two_days_have_a_value_and_no_interval(plant: Build) -> None:
    site = plant()
    found = by_id(assess(worn_days(site, [95.0, 95.0]), context=site.context()))["lex_8h"]
    assert found.value == pytest.approx(95.0)
    assert found.interval is None
    assert set(verdicts(found).values()) == {Verdict.NOT_SETTLED}
    reasons = {row.reason.code for row in found.limits if row.reason is not None}
    assert reasons == {"few_samples"}
    assert found.next_best is not None
    assert found.next_best.params["days"] == 1


def test_scatter_beyond_the_table_is_not_clamped(plant: Build) -> None:
    site = plant()
    found = by_id(assess(worn_days(site, [70.0, 85.0, 99.0]), context=site.context()))["lex_8h"]
    assert found.interval is None
    assert "outside_table_c4" in codes(found)


def test_a_shift_heard_for_less_than_three_quarters_is_no_sample(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [86.0, 86.0, 86.0])
    days.append(site.noise(MONDAY + timedelta(days=1), varied(70.0)[:18_000], wearer="w9", hours=5.0))
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.n_days == 3
    assert found.value == pytest.approx(86.0, abs=1e-6)
    assert "days_left_out" in codes(found)


def test_only_short_shifts_are_not_measured(plant: Build) -> None:
    site = plant()
    day = site.noise(MONDAY, varied(90.0)[:14_400], wearer="w1", hours=4.0)
    found = by_id(assess([day], context=site.context()))
    assert found["lex_8h"].value is None
    assert set(verdicts(found["lex_8h"]).values()) == {Verdict.NOT_MEASURED}
    assert found["lex_8h"].coverage == pytest.approx(0.5)
    assert found["lex_8h"].next_best is not None
    assert found["lex_8h"].next_best.code == "cover_the_shift"


def test_a_missing_tenth_is_taken_to_be_like_the_rest_and_said_so(plant: Build) -> None:
    site = plant()
    days = [
        site.noise(MONDAY + timedelta(days=step), varied(86.0, step)[:25_920], wearer=f"w{step}", hours=7.2)
        for step in range(3)
    ]
    found = assess(days, context=site.context())
    usual, week = by_id(found)["lex_8h"], by_id(found, Scope.WEEK)["lex_8h"]
    assert usual.coverage == pytest.approx(0.9)
    assert "missing_time_alike" in codes(usual)
    assert usual.value == pytest.approx(86.0, abs=0.05)
    assert week.interval is not None
    assert week.value is not None
    # Silence in the missing time could only lower the level by 10 lg 0.9.
    instrument = 1.65 * np.hypot(1.5, 1.0)
    assert week.interval.low == pytest.approx(week.value - np.hypot(instrument, 10 * np.log10(0.9)), abs=1e-6)
    assert week.limits == ()


def test_a_worn_dosimeter_beats_the_fixed_microphone(plant: Build) -> None:
    site = plant(workstation="occupancy_hours = 8")
    days = worn_days(site, [86.0, 86.0, 86.0])
    days += [site.noise(MONDAY + timedelta(days=s), varied(70.0, s), sensor="mic") for s in range(4)]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.worn
    assert found.value == pytest.approx(86.0, abs=1e-6)
    assert "fixed_left_out" in codes(found)


def test_a_fixed_microphone_gives_an_estimate_only_with_occupancy(plant: Build) -> None:
    site = plant()
    days = [site.noise(MONDAY + timedelta(days=s), varied(88.0, s), sensor="mic") for s in range(3)]
    found = by_id(assess(days, context=site.context()))
    assert found["laeq_shift"].value == pytest.approx(88.0, abs=1e-6)
    assert found["laeq_shift"].interval is not None
    assert found["lex_8h"].value is None
    assert found["lex_8h"].next_best is not None
    assert found["lex_8h"].next_best.code == "state_occupancy"
    reasons = {row.reason.code for row in found["lex_8h"].limits if row.reason is not None}
    assert reasons == {"occupancy_needed"}


def test_occupancy_hours_make_the_estimate_and_widen_its_interval(plant: Build) -> None:
    site = plant(workstation="occupancy_hours = 4")
    days = [site.noise(MONDAY + timedelta(days=s), varied(88.0, s), sensor="mic") for s in range(3)]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.value == pytest.approx(84.9897, abs=1e-3)
    assert found.interval is not None
    assert found.value is not None
    assert found.interval.high - found.value == pytest.approx(1.65 * np.hypot(1.5, 3.0), abs=1e-3)
    assert "area_estimate" in codes(found)
    assert found.method.endswith("area estimate")
    assert not found.worn
    assert found.n_wearers == 0


def test_two_microphones_of_a_place_are_one_sample_a_shift(plant: Build) -> None:
    second = """
[[sensors]]
id = "mic2"
kind = "noise"
[[placements]]
sensor = "mic2"
workstation = "press"
mount = "fixed"
from = 2026-11-01
"""
    site = plant(workstation="occupancy_hours = 8", more=second)
    days = [
        site.noise(MONDAY + timedelta(days=s), varied(level, s), sensor=name)
        for s in range(3)
        for name, level in (("mic", 80.0), ("mic2", 84.0))
    ]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.n_days == 3
    assert found.value == pytest.approx(84.0, abs=1e-6)


def test_an_unknown_instrument_is_flagged_and_its_uncertainty_can_be_stated(plant: Build) -> None:
    site = plant(instrument_class="unknown")
    assert "instrument_unknown" in codes(
        by_id(assess(worn_days(site, [80.0] * 3), context=site.context()))["lex_8h"]
    )
    stated = plant(instrument_class='unknown"\nu2_db = 3.0\nlabel = "phone')
    found = by_id(assess(worn_days(stated, [80.0] * 3), context=stated.context()))["lex_8h"]
    assert found.details["u2_db"] == 3.0


def test_days_of_different_length_count_by_their_energy(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [86.0, 86.0, 86.0])
    short = replace(days[0].day, expected_ns=days[0].day.expected_ns // 2)
    days[0] = replace(days[0], day=short)
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    energies = [10 ** (86.0 / 10) * hours / 8 for hours in (4, 8, 8)]
    assert found.value == pytest.approx(10 * np.log10(np.mean(energies)), abs=1e-6)


TASKS = """
[[tasks]]
id = "punch"
workstation = "press"
label = "Punching"
hours = 4
[[tasks]]
id = "sort"
workstation = "press"
label = "Sorting"
hours = 4
"""


def tasked_day(site: Any, on: date, punch: float, sort: float, wearer: str, logged: float = 1.0) -> NoiseDay:
    half = SHIFT_S // 2
    levels = np.concatenate([varied(punch, 1, half), varied(sort, 2, half)])
    day: NoiseDay = site.noise(on, levels, wearer=wearer)
    middle = day.day.start_ns + half * 10**9
    cut = day.day.start_ns + round(half * logged) * 10**9
    spans = [Span(day.day.start_ns, cut, "punch")]
    if cut < middle:
        spans.append(Span(cut, middle))
    spans.append(Span(middle, day.day.end_ns, "sort"))
    index = np.searchsorted([span.end_ns for span in spans], day.minutes_ns, "right")
    return replace(day, day=replace(day.day, spans=tuple(spans)), minute_span=index.astype(np.int64))


def test_task_logs_build_the_day_when_there_are_too_few_of_them(plant: Build) -> None:
    site = plant(tasks=TASKS)
    days = [
        tasked_day(site, MONDAY, 90.0, 70.0, "w1"),
        tasked_day(site, MONDAY + timedelta(days=1), 88.0, 70.0, "w2"),
    ]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.method == "ISO 9612:2009 task-based"
    expected = methods.task_based(
        [
            {"duration_h": 4.0, "levels_db": [90.0, 88.0]},
            {"duration_h": 4.0, "levels_db": [70.0, 70.0]},
        ]
    )
    assert found.value == pytest.approx(expected.lex_8h_db, abs=1e-6)
    assert found.interval is not None
    rows = found.details["tasks"]
    assert isinstance(rows, list)
    assert [row["task"] for row in rows] == ["punch", "sort"]
    assert rows[0]["share_percent"] > 95


def test_three_days_are_full_days_even_with_task_logs(plant: Build) -> None:
    site = plant(tasks=TASKS)
    days = [tasked_day(site, MONDAY + timedelta(days=s), 88.0, 70.0, f"w{s}") for s in range(3)]
    found = by_id(assess(days, context=site.context()))
    assert found["lex_8h"].method == "ISO 9612:2009 full-day"
    tasks = found["laeq_shift"].details["by_task"]
    assert isinstance(tasks, list)
    assert [row["task"] for row in tasks] == ["punch", "sort"]
    assert sum(row["share_percent"] for row in tasks) == pytest.approx(100.0)


def test_thin_task_logs_fall_back_and_say_so(plant: Build) -> None:
    site = plant(tasks=TASKS, workstation='noise_strategy = "task_based"')
    days = [tasked_day(site, MONDAY + timedelta(days=s), 88.0, 70.0, f"w{s}", logged=0.5) for s in range(3)]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.method == "ISO 9612:2009 full-day"
    assert "task_log_too_thin" in codes(found)


def test_a_planned_task_nobody_measured_is_not_silence(plant: Build) -> None:
    third = TASKS + '[[tasks]]\nid = "grind"\nworkstation = "press"\nlabel = "Grinding"\nhours = 1\n'
    site = plant(tasks=third, workstation='noise_strategy = "task_based"')
    days = [tasked_day(site, MONDAY + timedelta(days=s), 88.0, 70.0, f"w{s}") for s in range(3)]
    found = by_id(assess(days, context=site.context()))["lex_8h"]
    assert found.method == "ISO 9612:2009 full-day"
    assert "tasks_not_measured" in codes(found)


def test_the_job_based_strategy_wants_five_samples(plant: Build) -> None:
    site = plant(workstation='noise_strategy = "job_based"')
    four = by_id(assess(worn_days(site, [86.0, 87.0, 85.0, 86.5]), context=site.context()))["lex_8h"]
    assert (four.interval, four.method) == (None, "ISO 9612:2009 job-based")
    five = by_id(assess(worn_days(site, [86.0, 87.0, 85.0, 86.5, 86.0]), context=site.context()))["lex_8h"]
    assert five.interval is not None


def test_job_based_samples_must_last_as_long_as_the_group_is_large(plant: Build) -> None:
    group = '[[groups]]\nid = "g"\nworkstations = ["press"]\nworkers = 40'
    site = plant(workstation='noise_strategy = "job_based"', more=group)
    # Table 1: 10 h + 0.25 h for each of 25 workers above 15.
    short = by_id(assess(worn_days(site, [86.0, 87.0]), context=site.context()))["lex_8h"]
    note = next(note for note in short.quality if note.code == "short_sampling")
    assert note.params == {"hours": 16.0, "minimum_h": 16.25, "workers": 40}
    enough = by_id(assess(worn_days(site, [86.0, 87.0, 85.0]), context=site.context()))["lex_8h"]
    assert "short_sampling" not in {note.code for note in enough.quality}


def test_six_days_tell_what_single_days_stay_below(plant: Build) -> None:
    site = plant()
    six = by_id(assess(worn_days(site, [86.0, 87.0, 85.0, 86.5, 86.0, 85.5]), context=site.context()))[
        "lex_8h"
    ]
    note = next(note for note in six.quality if note.code == "upper_tolerance_limit")
    assert note.params["n"] == 6
    assert float(note.params["value"]) > 87.0


def spike(second: int, level: float) -> Callable[[np.ndarray], np.ndarray]:
    def peaks(laeq: np.ndarray) -> np.ndarray:
        found = laeq + 18
        found[second] = level
        return found

    return peaks


def test_an_observed_peak_settles_its_limit_on_the_first_day(plant: Build) -> None:
    site = plant()
    laeq = varied(80.0)
    laeq[5000] = 110.0
    day = site.noise(MONDAY, laeq, wearer="w1", lcpeak=spike(5000, 138.0)(laeq))
    found = by_id(assess([day], context=site.context()))["lcpeak_max"]
    assert found.value == 138.0
    assert verdicts(found) == {
        "eu.noise.peak_lower_action": Verdict.ABOVE,
        "eu.noise.peak_upper_action": Verdict.ABOVE,
        "eu.noise.peak_limit": Verdict.NOT_SETTLED,
    }
    assert found.interval is None


def test_a_peak_on_the_limit_is_read_as_the_text_says(plant: Build) -> None:
    site = plant()
    laeq = varied(80.0)
    laeq[5000] = 110.0
    day = site.noise(MONDAY, laeq, wearer="w1", lcpeak=spike(5000, 135.0)(laeq))
    found = by_id(assess([day], context=site.context()))["lcpeak_max"]
    # "Above 135" for the lower action value: 135 itself is not above it.
    assert verdicts(found)["eu.noise.peak_lower_action"] is Verdict.NOT_SETTLED


def test_a_knock_alone_leaves_the_peak_open(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [80.0] * 5, lcpeak=with_peaks)
    laeq = varied(80.0, 9)
    days[2] = site.noise(MONDAY + timedelta(days=2), laeq, wearer="w2", lcpeak=spike(9000, 139.0)(laeq))
    found = by_id(assess(days, context=site.context()))["lcpeak_max"]
    assert verdicts(found)["eu.noise.peak_upper_action"] is Verdict.NOT_SETTLED
    assert {row.reason.code for row in found.limits if row.reason} >= {"suspected_knock"}
    assert found.next_best is not None
    assert found.next_best.code == "check_knock"
    events = found.details["events"]
    assert isinstance(events, dict)
    assert events["eu.noise.peak_upper_action"] == {"events": 1, "suspected_knocks": 1}


def test_without_peaks_the_peak_is_not_measured(plant: Build) -> None:
    site = plant()
    found = by_id(assess(worn_days(site, [80.0] * 3), context=site.context()))["lcpeak_max"]
    assert found.value is None
    assert set(verdicts(found).values()) == {Verdict.NOT_MEASURED}
    assert found.next_best is not None
    assert found.next_best.code == "send_lcpeak"


def test_peaks_heard_half_the_time_settle_only_what_was_heard(plant: Build) -> None:
    site = plant()
    half = np.where(np.arange(SHIFT_S) < SHIFT_S // 2, 100.0, np.nan)
    days = [
        site.noise(MONDAY + timedelta(days=s), varied(80.0, s), wearer=f"w{s}", lcpeak=half) for s in range(3)
    ]
    quiet = by_id(assess(days, context=site.context()))["lcpeak_max"]
    assert quiet.value is None
    assert set(verdicts(quiet).values()) == {Verdict.NOT_MEASURED}
    laeq = varied(80.0)
    laeq[100] = 112.0
    loud = half.copy()
    loud[100] = 141.0
    days[0] = site.noise(MONDAY, laeq, wearer="w0", lcpeak=loud)
    heard = by_id(assess(days, context=site.context()))["lcpeak_max"]
    assert heard.value == 141.0
    assert set(verdicts(heard).values()) == {Verdict.ABOVE}


def test_the_interval_of_the_peak_holds_the_highest_one_of_a_short_day_too(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [80.0] * 4, lcpeak=with_peaks)
    laeq = varied(80.0, 9)[:3600]
    laeq[1800] = 100.0
    peaks = laeq + 18
    peaks[1800] = 129.0
    days.append(site.noise(MONDAY - timedelta(days=3), laeq, wearer="w9", hours=1.0, lcpeak=peaks))
    found = by_id(assess(days, context=site.context()))["lcpeak_max"]
    assert found.value == 129.0
    assert found.interval is not None
    assert found.interval.low < 129.0 < found.interval.high
    # Two-sided 90 %: the instrument alone reaches 1.645 · 1.5 dB to either side.
    assert found.interval.low == pytest.approx(129.0 - 1.6449 * 1.5, abs=1e-3)


PROTECTOR = """
[[protectors]]
id = "plugs"
label = "Plugs"
h_db = 30
m_db = 24
l_db = 22
real_world_db = 4
"""


def test_levels_at_the_ear_are_kept_apart_from_the_unprotected(plant: Build) -> None:
    site = plant(workstation='protector = "plugs"', protector=PROTECTOR)
    days = worn_days(site, [96.0] * 5, lceq=lambda laeq: laeq + 3.0)
    found = by_id(assess(days, context=site.context()))
    at_ear = found["lex_8h_protected"]
    assert at_ear.value == pytest.approx(76.25, abs=1e-3)
    assert at_ear.method == "ISO 4869-2:2018 HML"
    assert at_ear.details["unprotected_db"] == pytest.approx(96.0)
    assert verdicts(at_ear) == {"eu.noise.limit": Verdict.BELOW}
    assert all(row.limit.protectors_count for row in at_ear.limits)
    assert set(verdicts(found["lex_8h"]).values()) == {Verdict.ABOVE}
    assert not any(row.limit.protectors_count for row in found["lex_8h"].limits)


def test_job_based_samples_that_are_too_few_ask_for_the_rest_of_five(plant: Build) -> None:
    site = plant(workstation='noise_strategy = "job_based"')
    found = by_id(assess(worn_days(site, [82.0, 84.0, 83.0]), context=site.context()))["lex_8h"]
    assert found.interval is None
    assert found.next_best is not None
    assert (found.next_best.code, found.next_best.params["days"]) == ("settle_by_days_distinct", 2)


def test_without_the_c_weighted_level_the_protector_proves_nothing_above(plant: Build) -> None:
    site = plant(workstation='protector = "plugs"', protector=PROTECTOR)
    found = by_id(assess(worn_days(site, [96.0] * 5), context=site.context()))["lex_8h_protected"]
    assert verdicts(found) == {"eu.noise.limit": Verdict.NOT_SETTLED}
    assert "protector_needs_lceq" in codes(found)
    assert found.next_best is not None
    assert found.next_best.code == "send_lceq"
    quiet = by_id(assess(worn_days(site, [70.0] * 5), context=site.context()))["lex_8h_protected"]
    assert verdicts(quiet) == {"eu.noise.limit": Verdict.BELOW}


def test_a_protector_that_isolates_is_pointed_out(plant: Build) -> None:
    site = plant(workstation='protector = "plugs"', protector=PROTECTOR)
    days = worn_days(site, [85.0] * 3, lceq=lambda laeq: laeq)
    found = by_id(assess(days, context=site.context()))["lex_8h_protected"]
    assert "over_protection" in codes(found)


def test_the_weekly_level_takes_the_days_of_the_shift(plant: Build) -> None:
    three = plant(shift_days='days = ["mon", "tue", "wed"]')
    days = [three.noise(MONDAY + timedelta(days=s), varied(90.0, s), wearer=f"w{s}") for s in range(3)]
    found = assess(days, context=three.context())
    for scope in Scope:
        assert by_id(found, scope)["lex_weekly"].value == pytest.approx(90.0 + 10 * np.log10(3 / 5), abs=1e-6)


def test_a_week_with_too_few_measured_days_has_no_weekly_level_of_its_own(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [86.0, 86.0])
    assert "lex_weekly" not in by_id(assess(days, context=site.context()), Scope.WEEK)


def test_days_before_the_week_speak_for_the_usual_only(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [80.0] * 5 + [90.0] * 5)
    found = assess(days, context=site.context())
    assert by_id(found)["lex_8h"].n_days == 10
    assert by_id(found, Scope.WEEK)["lex_8h"].n_days == 5
    assert by_id(found, Scope.WEEK)["lex_8h"].value == pytest.approx(90.0, abs=1e-6)
    assert by_id(found)["lex_8h"].value == pytest.approx(10 * np.log10((10**8 + 10**9) / 2), abs=1e-6)


def test_hours_share_out_the_dose_in_site_time(plant: Build) -> None:
    site = plant()
    laeq = np.where(np.arange(SHIFT_S) < 3600, 95.0, 75.0) + 0.01 * (np.arange(SHIFT_S) % 7)
    day = site.noise(MONDAY, laeq, wearer="w1")
    found = by_id(assess([day], context=site.context()))["laeq_shift"]
    rows = found.details["by_hour"]
    assert isinstance(rows, list)
    assert [row["hour"] for row in rows] == list(range(6, 14))
    assert rows[0]["share_percent"] == pytest.approx(100 * 10**9.5 / (10**9.5 + 7 * 10**7.5), abs=0.01)
    assert sum(row["share_percent"] for row in rows) == pytest.approx(100.0)
    assert {row["n_wearers"] for row in rows} == {1}


def test_doses_of_other_countries_stand_beside_by_name(plant: Build) -> None:
    site = plant()
    found = by_id(assess(worn_days(site, [88.0103] * 3), context=site.context()))["dose_eu"]
    assert found.value == pytest.approx(200.0, rel=1e-4)
    assert (found.unit, found.limits) == ("%", ())
    niosh, osha = found.details["niosh"], found.details["osha"]
    assert isinstance(niosh, dict)
    assert isinstance(osha, dict)
    assert niosh["percent"] == pytest.approx(200.0, rel=0.02)
    assert osha["percent"] < niosh["percent"]
    assert (osha["criterion_db"], osha["exchange_db"], osha["threshold_db"]) == (90.0, 5.0, 90.0)


def test_a_dosimeter_left_on_one_value_is_pointed_out(plant: Build) -> None:
    site = plant()
    days = worn_days(site, [80.0] * 3)
    flat = np.where(np.arange(SHIFT_S) < 20_000, 48.0, varied(80.0))
    days[0] = site.noise(days[0].day.day, flat, wearer="w0")
    assert "constant_levels" in codes(by_id(assess(days, context=site.context()))["lex_8h"])


def test_a_period_declared_too_short_is_suspected(plant: Build) -> None:
    site = plant()
    sparse = np.where(np.arange(SHIFT_S) % 60 == 0, varied(80.0), np.nan)
    day = site.noise(MONDAY, sparse, wearer="w1")
    found = by_id(assess([day], context=site.context()))["lex_8h"]
    assert found.value is None
    assert "period_in_doubt" in codes(found)


def test_details_can_be_written_as_strict_json(plant: Build) -> None:
    site = plant(tasks=TASKS, workstation='protector = "plugs"', protector=PROTECTOR)
    days = [tasked_day(site, MONDAY + timedelta(days=s), 88.0, 70.0, f"w{s}") for s in range(2)]
    days += worn_days(site, [96.0, 95.0], lceq=lambda laeq: laeq + 3.0, lcpeak=with_peaks)
    for item in assess(days, context=site.context()):
        json.dumps({**item.details}, allow_nan=False)
        for note in (*item.quality, *(row.reason for row in item.limits if row.reason)):
            json.dumps(dict(note.params), allow_nan=False)


def test_nothing_measured_gives_no_indicator(plant: Build) -> None:
    assert assess([], context=plant().context()) == ()
