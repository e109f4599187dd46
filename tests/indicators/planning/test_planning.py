from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from indicators.intervals import ONE_SIDED_95, Scale, usual
from indicators.limits import Comparison, limit
from indicators.model import Audience, Factor
from indicators.noise.iso9612 import full_day
from indicators.planning.model import Basis, CampaignPlan, FactorPlan, Outcome, RowPlan
from indicators.planning.pilot import Pilot, assumed, pilot_days, read_pilot, shrunk
from indicators.planning.plan import plan_campaign, plan_from_store
from indicators.planning.simulation import (
    CampaignDesign,
    DayScale,
    Scatter,
    expected_value,
    instrument_reach,
    settled_share,
    to_natural,
)
from indicators.weekly import weekly_result
from indicators.worker_days.values import DayValue
from sensors.errors import ConfigurationError, UnknownNameError, UsageError
from sensors.periods import DatePeriod
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from vigiposte import app

MONDAY = date(2026, 11, 30)
HEAD = """schema = 1
[site]
id = "works"
label = "Works"
language = "en"
[[shifts]]
id = "day"
start = "07:00"
end = "15:00"
"""
SENSORS = """
[[sensors]]
id = "mic-1"
kind = "noise"
instrument_class = "class_2"
[[sensors]]
id = "mic-2"
kind = "noise"
instrument_class = "class_2"
[[sensors]]
id = "back-1"
kind = "posture"
[[sensors]]
id = "arm-1"
kind = "posture"
[[sensors]]
id = "air-1"
kind = "climate"
"""


def make_site(folder: Path, stations: int = 1, workers: int | None = 12, extra: str = "") -> SiteBook:
    names = [f"post-{number}" for number in range(1, stations + 1)]
    text = HEAD + SENSORS
    for name in names:
        text += f'[[workstations]]\nid = "{name}"\nlabel = "{name}"\nshifts = ["day"]\n'
    if workers is not None:
        text += f'[[groups]]\nid = "crew"\nworkstations = {json.dumps(names)}\nworkers = {workers}\n'
    (folder / "site.toml").write_text(text + extra, encoding="utf-8")
    return load_site(folder / "site.toml")


def factor_of(plan: CampaignPlan, factor: Factor) -> FactorPlan:
    return next(item for item in plan.stations[0].factors if item.factor is factor)


def row_of(plan: CampaignPlan, identifier: str) -> RowPlan:
    return next(row for item in plan.stations[0].factors for row in item.rows if row.limit.id == identifier)


def values_of(
    indicator: str, factor: Factor, unit: str, days: Sequence[tuple[str | None, float]]
) -> list[tuple[str, str, DayValue]]:
    return [
        (
            "post-1",
            "day",
            DayValue(
                indicator,
                factor,
                unit,
                MONDAY - timedelta(days=9 + place),
                "day",
                wearer,
                value,
                wearer is not None,
                "",
            ),
        )
        for place, (wearer, value) in enumerate(days)
    ]


# The real verdict procedure, one campaign at a time, on draws of its own: what a promise is held against.


def settles(low: float, high: float, value: float, comparison: Comparison) -> bool:
    if math.isnan(low) or math.isnan(high):
        return False
    if comparison is Comparison.AT_LEAST:
        return (low >= value) == (high >= value)
    return (low > value) == (high > value)


def real_share(
    centre: float,
    scatter: Scatter,
    design: CampaignDesign,
    value: float,
    comparison: Comparison,
    campaigns: int,
) -> float:
    rng = np.random.default_rng(97)
    wearers = [f"w{number}" for number in range(design.workers) for _ in range(design.days_each)]
    hits = 0
    for _ in range(campaigns):
        people = np.repeat(rng.normal(0.0, 1.0, design.workers), design.days_each)
        working = (
            centre
            + scatter.between_sd * people
            + scatter.within_sd * rng.normal(0.0, 1.0, design.worker_days)
        )
        hits += _verdict(working, wearers, scatter, value, comparison)
    return hits / campaigns


def _verdict(
    working: Any, wearers: list[str], scatter: Scatter, value: float, comparison: Comparison
) -> bool:
    days = to_natural(working, scatter.scale)
    if scatter.scale is DayScale.ENERGY_DB:
        level = full_day(days, 8.0, 1.5, 1.0)
        return settles(level.lower_db, level.upper_db, value, comparison)
    scale = {
        DayScale.PERCENT: Scale.PERCENT,
        DayScale.NON_NEGATIVE: Scale.NON_NEGATIVE,
        DayScale.IDENTITY: Scale.IDENTITY,
    }[scatter.scale]
    mean = float(days.mean())
    slope = {
        DayScale.PERCENT: mean * (100.0 - mean) / 100.0,
        DayScale.NON_NEGATIVE: mean,
        DayScale.IDENTITY: 1.0,
    }[scatter.scale]
    found = usual(days, wearers, scale=scale, systematic_u=scatter.above / ONE_SIDED_95 * slope)
    assert found.interval is not None
    return settles(found.interval.low, found.interval.high, value, comparison)


CASES = [
    (DayScale.ENERGY_DB, 88.0, 1.5, 2.0, 1.65 * math.hypot(1.5, 1.0), (5, 1), 85.0),
    (DayScale.ENERGY_DB, 88.0, 1.5, 2.0, 1.65 * math.hypot(1.5, 1.0), (5, 2), 85.0),
    (DayScale.ENERGY_DB, 83.0, 0.5, 1.0, 1.65 * math.hypot(1.5, 1.0), (3, 1), 80.0),
    (DayScale.PERCENT, -1.3, 0.3, 0.55, 0.16, (5, 1), 10.0),
    (DayScale.PERCENT, -1.6, 0.5, 0.4, 0.16, (4, 3), 10.0),
    (DayScale.PERCENT, -3.2, 0.3, 0.55, 0.16, (8, 1), 10.0),
    (DayScale.NON_NEGATIVE, math.log(40.0), 0.25, 0.45, 0.16, (6, 2), 60.0),
    (DayScale.NON_NEGATIVE, math.log(95.0), 0.25, 0.45, 0.16, (3, 1), 60.0),
    (DayScale.IDENTITY, 27.3, 0.0, 1.2, 0.6, (6, 1), 26.0),
]


@pytest.mark.parametrize(("scale", "centre", "between", "within", "reach", "size", "value"), CASES)
def test_promised_probability_is_that_of_real_campaigns(
    scale: DayScale,
    centre: float,
    between: float,
    within: float,
    reach: float,
    size: tuple[int, int],
    value: float,
) -> None:
    scatter = Scatter(scale, between, within, reach, reach, 3 if scale is DayScale.ENERGY_DB else 2)
    design = CampaignDesign(*size)
    (promised,) = settled_share(centre, scatter, design, ((value, Comparison.AT_LEAST),))
    real = real_share(centre, scatter, design, value, Comparison.AT_LEAST, 900)
    assert 0.02 < real < 0.999, "the case must be able to fail"
    assert promised == pytest.approx(real, abs=0.05)


def test_peaks_are_settled_when_seen_or_when_days_stay_far_below() -> None:
    reach = instrument_reach(1.5)
    scatter = Scatter(DayScale.PEAK, 0.0, 3.0, reach, reach, 3)
    design = CampaignDesign(5, 1)
    row = ((135.0, Comparison.MORE_THAN),)
    rng = np.random.default_rng(5)
    for centre in (115.0, 128.0, 133.0, 137.0):
        hits = 0
        for daily in rng.normal(centre, 3.0, (2000, 5)):
            spread = float(np.std(daily, ddof=1)) * math.sqrt(1.2)
            bound = float(daily.mean()) + 2.1318467863 * spread  # t(0.95, 4)
            hits += bool(daily.max() > 135.0 or max(bound, float(daily.max())) + reach <= 135.0)
        (promised,) = settled_share(centre, scatter, design, row)
        assert promised == pytest.approx(hits / 2000, abs=0.05), centre


def test_too_few_days_settle_nothing() -> None:
    scatter = Scatter(DayScale.ENERGY_DB, 0.0, 0.1, least_days=3)
    assert settled_share(120.0, scatter, CampaignDesign(2, 1), ((85.0, Comparison.AT_LEAST),)) == (0.0,)
    assert settled_share(120.0, scatter, CampaignDesign(3, 1), ((85.0, Comparison.AT_LEAST),)) == (1.0,)


def test_expected_value_is_the_mean_of_days_in_their_unit() -> None:
    assert expected_value(80.0, Scatter(DayScale.ENERGY_DB, 1.5, 2.0)) == pytest.approx(
        80.0 + math.log(10.0) / 20.0 * 6.25, abs=0.02
    )
    assert expected_value(math.log(60.0), Scatter(DayScale.NON_NEGATIVE, 0.3, 0.4)) == pytest.approx(
        60.0 * math.exp(0.125), rel=0.005
    )


def test_a_plan_with_a_pilot_promises_what_its_campaign_then_does(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    rng = np.random.default_rng(3)
    days = [(f"w{n % 6}", float(x)) for n, x in enumerate(rng.normal(88.5, 2.5, 12))]
    pilot = pilot_days(values_of("lex_8h", Factor.NOISE, "dB(A)", days))
    plan = plan_campaign(book, start=MONDAY, pilot=pilot, factors=[Factor.NOISE])
    row = row_of(plan, "eu.noise.upper_action")
    assert row.basis is Basis.PILOT
    assert row.pilot_days == 12
    assert row.value == pytest.approx(10 * np.log10(np.mean([10 ** (x / 10) for _, x in days])))
    known = pilot.known["post-1", "day", "lex_8h"]
    scatter = Scatter(
        DayScale.ENERGY_DB, known.components.between_sd, known.components.within_sd, least_days=3
    )
    tried = [point for point in row.curve if 0.05 < (point.probability or 0.0) < 0.97]
    assert tried
    for point in tried:
        real = real_share(known.centre, scatter, point.design, 85.0, Comparison.AT_LEAST, 900)
        assert point.probability == pytest.approx(real, abs=0.05)
    assert row.chosen is not None
    assert row.outcome is Outcome.SETTLES
    assert (row.chosen.probability or 0.0) >= plan.wanted


def test_verdicts_within_the_instrument_cannot_be_settled_and_do_not_drive_the_plan(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    days = [(f"w{n}", 85.2 + 0.1 * n) for n in range(6)]
    pilot = pilot_days(values_of("lex_8h", Factor.NOISE, "dB(A)", days))
    plan = plan_campaign(book, start=MONDAY, pilot=pilot, factors=[Factor.NOISE])
    near = row_of(plan, "eu.noise.upper_action")
    assert near.outcome is Outcome.CANNOT_SETTLE
    assert near.reason is not None
    assert near.reason.code == "plan_within_instrument"
    assert row_of(plan, "eu.noise.lower_action").outcome is Outcome.SETTLES
    assert factor_of(plan, Factor.NOISE).design.worker_days <= 12


def test_the_days_said_to_be_needed_are_needed(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    days = [
        (f"w{n % 6}", x)
        for n, x in enumerate((8.0, 12.5, 9.5, 15.0, 16.0, 11.0, 13.5, 10.0, 17.5, 14.0, 12.0, 16.5))
    ]
    pilot = pilot_days(values_of("arm_elevation_ge60_share", Factor.POSTURE, "%", days))
    plan = plan_campaign(book, start=MONDAY, pilot=pilot, factors=[Factor.POSTURE], most_days_each=1)
    row = row_of(plan, "lund.posture.arm60")
    assert row.reason is not None
    assert row.reason.code == "plan_needs_more"
    needed = int(row.reason.params["days"])
    known = pilot.known["post-1", "day", "arm_elevation_ge60_share"]
    scatter = Scatter(
        DayScale.PERCENT,
        known.components.between_sd,
        known.components.within_sd,
        ONE_SIDED_95 * 0.1,
        ONE_SIDED_95 * 0.1,
    )
    limits = ((10.0, Comparison.MORE_THAN),)
    assert settled_share(known.centre, scatter, CampaignDesign(needed, 1), limits)[0] >= plan.wanted
    fewer = CampaignDesign(int(needed * 0.6), 1)
    assert settled_share(known.centre, scatter, fewer, limits)[0] < plan.wanted


def test_values_that_an_assumed_plan_settles_are_settled_by_real_campaigns(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path), start=MONDAY)
    row = row_of(plan, "lund.posture.arm60")
    assert row.basis is Basis.ASSUMED
    assert row.outcome is Outcome.DEPENDS
    assert row.chosen is not None
    below, above = row.chosen.settles_below, row.chosen.settles_above
    assert below is not None
    assert above is not None
    assert below < 10.0 < above
    components = assumed("arm_elevation_ge60_share")
    assert components is not None
    scatter = Scatter(
        DayScale.PERCENT,
        components.between_sd,
        components.within_sd,
        ONE_SIDED_95 * components.u_per_degree * 2.0,
        ONE_SIDED_95 * components.u_per_degree * 2.0,
    )
    # The centre whose expected value is the printed one.
    centres = np.linspace(-5.0, 2.0, 700)
    means = [expected_value(float(centre), scatter) for centre in centres]
    for printed in (below, above):
        centre = float(np.interp(printed, means, centres))
        real = real_share(centre, scatter, row.chosen.design, 10.0, Comparison.MORE_THAN, 700)
        assert real == pytest.approx(plan.wanted, abs=0.05)


def test_more_days_settle_closer_values(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path), start=MONDAY, factors=[Factor.POSTURE])
    for row in factor_of(plan, Factor.POSTURE).rows:
        reach = [
            (point.settles_above or math.inf) - row.limit.value
            for point in row.curve
            if point.design.workers >= 5
        ]
        assert reach == sorted(reach, reverse=True)


def test_no_value_is_promised_that_a_shift_cannot_hold(tmp_path: Path) -> None:
    # Two people settle hardly anything: an unbounded scale of minutes then ended beyond any working day.
    plan = plan_campaign(make_site(tmp_path, workers=2), start=MONDAY, factors=[Factor.POSTURE])
    (station,) = plan.stations
    minutes = [row for row in factor_of(plan, Factor.POSTURE).rows if row.limit.unit == "min"]
    assert minutes
    for row in minutes:
        for point in row.curve:
            assert (point.settles_above or 0.0) <= 60.0 * station.shift_hours


def test_people_come_before_days(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path, workers=12), start=MONDAY)
    for factor in (Factor.NOISE, Factor.POSTURE):
        item = factor_of(plan, factor)
        assert item.worn
        assert item.design.days_each == 1
        assert item.design.workers >= 5
        repeated = [point.design for point in item.rows[0].curve if point.design.days_each > 1]
        assert all(design.workers == max(one.workers for one in repeated) for design in repeated)


def test_a_small_crew_repeats_days_and_is_told_that_nothing_will_be_shown(tmp_path: Path) -> None:
    item = factor_of(plan_campaign(make_site(tmp_path, workers=2), start=MONDAY), Factor.NOISE)
    assert item.design.workers == 2
    assert item.design.days_each >= 2
    assert item.available == 2
    assert "plan_group_too_small" in [note.code for note in item.notes]
    alone = factor_of(plan_campaign(make_site(tmp_path, workers=1), start=MONDAY), Factor.POSTURE)
    assert alone.design == CampaignDesign(1, 3)


def test_an_unknown_headcount_is_said(tmp_path: Path) -> None:
    item = factor_of(plan_campaign(make_site(tmp_path, workers=None), start=MONDAY), Factor.NOISE)
    assert item.available is None
    assert "plan_headcount_unknown" in [note.code for note in item.notes]


@pytest.mark.parametrize(("workers", "hours"), [(5, 5.0), (12, 8.5), (20, 11.25), (45, 17.0)])
def test_measured_time_reaches_the_minimum_of_the_standard(
    tmp_path: Path, workers: int, hours: float
) -> None:
    item = factor_of(plan_campaign(make_site(tmp_path, workers=workers), start=MONDAY), Factor.NOISE)
    assert item.minimum_hours == hours
    assert item.hours >= hours
    assert item.hours == 8.0 * item.design.worker_days


def test_positions_come_with_error_height_and_source(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path), start=MONDAY)
    trunk, arm = factor_of(plan, Factor.POSTURE).positions
    assert trunk.key == "sternum"
    assert arm.error_deg == (7.2, 12.1)
    (ear,) = factor_of(plan, Factor.NOISE).positions
    assert ear.key == "shoulder"
    (stand,) = factor_of(plan, Factor.CLIMATE).positions
    assert stand.standing_m == (0.1, 1.1, 1.7)
    assert stand.seated_m == (0.1, 0.6, 1.1)
    assert all(place.source and place.grade for place in (trunk, arm, ear, stand))


def test_a_fixed_microphone_with_occupancy_is_planned_by_days(tmp_path: Path) -> None:
    placed = (
        '[[placements]]\nsensor = "mic-1"\nworkstation = "post-1"\nmount = "fixed"\n'
        "from = 2026-11-02T00:00:00\n"
    )
    make_site(tmp_path, extra=placed)
    path = tmp_path / "site.toml"
    path.write_text(
        path.read_text().replace('shifts = ["day"]\n', 'shifts = ["day"]\noccupancy_hours = 6\n', 1)
    )
    item = factor_of(plan_campaign(load_site(path), start=MONDAY), Factor.NOISE)
    assert not item.worn
    assert item.design == CampaignDesign(1, 5)
    assert [place.key for place in item.positions] == ["microphone_fixed"]


def test_withheld_groups_are_named_and_worn_days_are_not_mixed_with_fixed_ones(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    held = Pilot(withheld=frozenset({("post-1", "day", Factor.NOISE)}))
    plan = plan_campaign(book, start=MONDAY, pilot=held)
    assert row_of(plan, "eu.noise.upper_action").basis is Basis.ASSUMED
    assert "plan_pilot_withheld" in [note.code for note in factor_of(plan, Factor.NOISE).notes]
    days: list[tuple[str | None, float]] = [(f"w{n}", 88.0) for n in range(5)] + [(None, 70.0)] * 5
    pilot = pilot_days(values_of("lex_8h", Factor.NOISE, "dB(A)", days))
    assert pilot.known["post-1", "day", "lex_8h"].value == pytest.approx(88.0)
    assert [item.value for item in pilot.fixed["post-1"]] == [70.0] * 5


def test_a_growing_pilot_replaces_the_assumed_scatter() -> None:
    prior = assumed("lex_8h")
    assert prior is not None
    unknown = shrunk(prior, math.nan, math.nan, math.nan, 1, 1)
    assert (unknown.between_sd, unknown.within_sd) == (prior.between_sd, prior.within_sd)
    small = shrunk(prior, 0.5, 0.5, 0.7, 6, 3)
    large = shrunk(prior, 0.5, 0.5, 0.7, 600, 300)
    assert prior.within_sd > small.within_sd > large.within_sd > 0.5
    assert large.between_sd == pytest.approx(0.5, abs=0.05)
    together = shrunk(prior, math.nan, math.nan, 5.0, 40, 40)
    assert math.hypot(together.between_sd, together.within_sd) == pytest.approx(
        math.sqrt((39 * 25.0 + 4 * 6.25) / 43)
    )


def test_the_schedule_holds_every_worker_day_once_and_no_sensor_twice_a_day(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path, stations=3), start=date(2026, 11, 28))
    planned = {
        (station.workstation, item.factor): item.design.worker_days
        for station in plan.stations
        for item in station.factors
    }
    assert Counter((visit.workstation, visit.factor) for visit in plan.visits) == planned
    assert all(visit.day.weekday() < 5 for visit in plan.visits)
    used = Counter((visit.day, name) for visit in plan.visits for name in visit.sensors)
    assert max(used.values()) == 1
    noise = [
        visit.wearer
        for visit in plan.visits
        if visit.factor is Factor.NOISE and visit.workstation == "post-1"
    ]
    assert set(noise) == set(range(1, len(noise) + 1))
    posture = next(visit for visit in plan.visits if visit.factor is Factor.POSTURE)
    assert posture.sensors == ("back-1", "arm-1")


def test_a_missing_kind_of_sensor_is_to_be_obtained(tmp_path: Path) -> None:
    make_site(tmp_path)
    path = tmp_path / "site.toml"
    path.write_text(path.read_text().replace('[[sensors]]\nid = "arm-1"\nkind = "posture"\n', ""))
    plan = plan_campaign(load_site(path), start=MONDAY)
    assert "plan_no_sensor_posture" in [note.code for note in plan.notes]
    assert {visit.sensors for visit in plan.visits if visit.factor is Factor.POSTURE} == {()}


def test_temperature_hours_wait_for_their_months(tmp_path: Path) -> None:
    make_site(tmp_path)
    plan = plan_campaign(load_site(tmp_path / "site.toml"), start=MONDAY)
    assert all(row.limit.id != "fr.climate.c2p_temperature" for row in factor_of(plan, Factor.CLIMATE).rows)
    path = tmp_path / "site.toml"
    path.write_text(
        path.read_text().replace('shifts = ["day"]\n', 'shifts = ["day"]\nindoor_process = true\n', 1)
    )
    row = row_of(plan_campaign(load_site(path), start=MONDAY), "fr.climate.c2p_temperature")
    assert row.outcome is Outcome.CANNOT_SETTLE
    assert row.reason is not None
    assert row.reason.code == "plan_months_unmeasured"


def test_two_hundred_workstations_with_a_pilot_take_less_than_five_seconds(tmp_path: Path) -> None:
    book = make_site(tmp_path, stations=200)
    rng = np.random.default_rng(8)
    values: list[tuple[str, str, DayValue]] = []
    rows = [("lex_8h", Factor.NOISE, 84.0, 4.0), ("arm_elevation_ge30_share", Factor.POSTURE, 45.0, 10.0)]
    rows += [("arm_elevation_ge60_share", Factor.POSTURE, 12.0, 4.0)]
    rows += [(f"trunk_flexion_ge{k}_min", Factor.POSTURE, 70.0, 20.0) for k in (20, 45)]
    for number in range(1, 201):
        for indicator, factor, centre, spread in rows:
            level = abs(rng.normal(centre, spread))
            for day, value in enumerate(rng.normal(level, 2.0, 6)):
                item = DayValue(
                    indicator,
                    factor,
                    "",
                    MONDAY,
                    "day",
                    f"w{day}",
                    float(max(value, 0.5)),
                    worn=True,
                    setting="",
                )
                values.append((f"post-{number}", "day", item))
    started = time.process_time()
    pilot = pilot_days(values)
    plan = plan_campaign(book, start=MONDAY, pilot=pilot)
    assert time.process_time() - started < 5.0
    assert len(plan.stations) == 200
    outcomes = Counter(
        row.outcome for station in plan.stations for item in station.factors for row in item.rows
    )
    assert min(outcomes[outcome] for outcome in Outcome) > 0


def test_plans_without_shifts_or_with_unknown_names_are_refused(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    with pytest.raises(UnknownNameError, match="post-1"):
        plan_campaign(book, start=MONDAY, workstations=["post-9"])
    path = tmp_path / "site.toml"
    path.write_text(path.read_text().replace('shifts = ["day"]\n', ""))
    with pytest.raises(ConfigurationError) as caught:
        plan_campaign(load_site(path), start=MONDAY)
    assert caught.value.code == "nothing_to_plan"


def test_limits_in_force_on_the_first_day_are_planned_for(tmp_path: Path) -> None:
    plan = plan_campaign(make_site(tmp_path), start=MONDAY, pilot=Pilot())
    assert row_of(plan, "eu.noise.lower_action").limit == limit("eu.noise.lower_action", MONDAY)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_one_document(tmp_path: Path) -> None:
    make_site(tmp_path)
    answer = invoke("plan", "--site", str(tmp_path / "site.toml"), "--start", "2026-11-30", "--json")
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["schema"] == "vigiposte.plan/1"
    assert document["start"] == "2026-11-30"
    noise = document["workstations"][0]["factors"][0]
    assert noise["factor"] == "noise"
    assert noise["minimum_cumulative_hours"] == 8.5
    named = [
        row["limit"] for key in ("settles", "may_settle", "cannot_settle", "depends") for row in document[key]
    ]
    assert sorted(named) == sorted(
        row["id"] for f in document["workstations"][0]["factors"] for row in f["limits"]
    )
    assert document["schedule"][0]["date"] == "2026-11-30"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_command_writes_a_sheet_to_print_maps_and_the_plan(tmp_path: Path, language: str) -> None:
    make_site(tmp_path, extra="[floor]\nsize_m = [20.0, 10.0]\n")
    path = tmp_path / "site.toml"
    path.write_text(
        path.read_text().replace('shifts = ["day"]\n', 'shifts = ["day"]\nposition_m = [5.0, 5.0]\n', 1)
    )
    out = tmp_path / "out"
    answer = invoke(
        "plan", "--site", str(path), "--no-pilot", "--spare", "2", "--out", str(out), "--lang", language
    )
    assert answer.exit_code == 0, answer.output
    written = [Path(line).name for line in answer.stdout.splitlines()]
    assert written == ["checklist.html", "plan.html", "plan.json", "floor-noise.svg", "floor-climate.svg"]
    sheet = (out / "checklist.html").read_text(encoding="utf-8")
    assert sheet.count("<svg") == 4
    assert "@page { size: A4" in sheet
    assert "plan." not in sheet.split("</style>")[1], "every text has its words"
    page = (out / "plan.html").read_text(encoding="utf-8")
    assert "plan_" not in page.split("</style>")[1]
    assert (out / "floor-noise.svg").read_text(encoding="utf-8").startswith("<svg")
    assert json.loads((out / "plan.json").read_text(encoding="utf-8"))["floors"][0]["spare"]


def test_mistakes_of_the_command_are_answered_with_their_remedy(tmp_path: Path) -> None:
    site = str(make_site(tmp_path).path)
    for arguments, code in (
        (("--factor", "fatigue"), "unknown_factor"),
        (("--start", "soon"), "date_format"),
        (("--pilot", "2026-10-05..2026-10-16"), "pilot_for_analysts"),
        (("--pilot", "lately"), "week_format"),
        (("--spare", "2", "--no-pilot"), "no_floor"),
    ):
        answer = invoke("plan", "--site", site, *arguments)
        assert getattr(answer.exception, "code", None) == code, (arguments, answer.output)
        assert getattr(answer.exception, "remedy", None) or code == "unknown_factor"


def test_a_plan_learns_from_the_store_within_what_its_audience_may_see(week_plant: Any, monday: date) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    book, store = week_plant.book, week_plant.store
    shown = plan_from_store(book, store, Audience.REPORT, now=now)
    assert shown.start == date(2026, 11, 30)
    assert shown.pilot is not None
    assert shown.pilot.first <= monday
    assert shown.pilot.last == date(2026, 11, 22)
    office = [station for station in shown.stations if station.workstation == "office-6"]
    worn = [row for station in office for item in station.factors if item.worn for row in item.rows]
    assert worn
    assert {row.basis for row in worn} <= {Basis.ASSUMED, Basis.NONE}
    press = next(station for station in shown.stations if station.workstation == "press-1")
    learnt = {row.limit.id for item in press.factors for row in item.rows if row.basis is Basis.PILOT}
    assert {"eu.noise.upper_action", "lund.posture.arm60", "ramp.posture.trunk45_red"} <= learnt
    everything = plan_from_store(book, store, Audience.ANALYST, now=now)
    assert len(everything.rows(*Outcome)) == len(shown.rows(*Outcome))
    office_rows = [row for station, _, row in everything.rows(*Outcome) if station.workstation == "office-6"]
    assert Basis.PILOT in {row.basis for row in office_rows}


def test_planning_never_takes_the_week_s_report_away(week_plant: Any) -> None:
    book, store = week_plant.book, week_plant.store
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    week = DatePeriod(date(2026, 11, 16), date(2026, 11, 22), "2026-W47")
    plan_from_store(book, store, Audience.REPORT, now=now)
    plan_from_store(book, store, Audience.REPORT, now=now)
    result = weekly_result(book, store, week, Audience.REPORT)
    press = next(station for station in result.workstations if station.id == "press-1")
    shown = {item.id: item.value for factor in press.factors for item in factor.indicators}
    assert shown["lex_8h"] is not None
    assert shown["arm_elevation_ge60_share"] is not None
    with pytest.raises(UsageError) as caught:
        read_pilot(book, store, DatePeriod(week.first, week.first), Audience.REPORT, exactly=True)
    assert caught.value.code == "pilot_for_analysts"
    single = read_pilot(book, store, DatePeriod(week.first, week.first), Audience.ANALYST, exactly=True)
    assert single.period is not None
    assert single.period.last == week.first
