from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.reduction.kinds import DATASET
from indicators.weekly import assess_workstation, merged_days, to_period, weekly_result
from ingest.store import Partition, open_store
from sensors.errors import NotEnoughDataError, UnknownNameError
from sensors.periods import date_period
from sensors.quantities import Kind
from sensors.site_file import load_site

MONDAY = date(2026, 11, 16)
WEEK = date_period(MONDAY, MONDAY + timedelta(days=6))


@pytest.fixture(scope="module")
def analyst(week_plant: Any) -> WeeklyResult:
    return weekly_result(week_plant.book, week_plant.store, WEEK, Audience.ANALYST)


@pytest.fixture(scope="module")
def report(week_plant: Any, analyst: WeeklyResult) -> WeeklyResult:
    return weekly_result(week_plant.book, week_plant.store, WEEK, "report", reduce=False)


@pytest.fixture
def week_copy(week_plant: Any, analyst: WeeklyResult, tmp_path: Path) -> Iterator[Any]:
    """The reduced week, free to be changed."""
    folder = tmp_path / "plant"
    shutil.copytree(week_plant.folder, folder)
    store = open_store("lake:./lake", base=folder)
    yield replace(week_plant, folder=folder, store=store)
    store.close()


def station(result: WeeklyResult, name: str) -> WorkstationResult:
    return next(row for row in result.workstations if row.id == name)


def factor(result: WeeklyResult, name: str, which: Factor) -> FactorResult:
    return next(row for row in station(result, name).factors if row.factor is which)


def indicator(found: FactorResult, name: str, scope: Scope = Scope.USUAL) -> Indicator:
    return next(row for row in found.indicators if row.id == name and row.scope is scope)


def test_every_factor_stands_beside_the_others(analyst: WeeklyResult) -> None:
    for row in analyst.workstations:
        assert [item.factor for item in row.factors] == [
            Factor.NOISE,
            Factor.POSTURE,
            Factor.CLIMATE,
            Factor.WORK_TIME,
        ]


def test_worst_comes_first_by_its_largest_ratio(analyst: WeeklyResult) -> None:
    ratios = [row.worst.ratio for row in analyst.workstations if row.worst is not None]
    assert ratios == sorted(ratios, reverse=True)
    assert [row.rank for row in analyst.workstations] == [1, 2, 3]


def test_usual_conditions_carry_the_verdict_and_the_week_stands_beside(analyst: WeeklyResult) -> None:
    noise = factor(analyst, "press-1", Factor.NOISE)
    usual, week = indicator(noise, "lex_8h"), indicator(noise, "lex_8h", Scope.WEEK)
    assert (usual.n_days, usual.n_wearers, usual.shift) == (5, 5, "day")
    assert usual.interval is not None
    assert week.interval is not None
    assert not week.limits
    assert week.value == pytest.approx(usual.value)


def test_a_week_inside_a_longer_period_uses_all_days_for_usual_conditions(
    week_plant: Any, analyst: WeeklyResult
) -> None:
    tuesday = date_period(MONDAY + timedelta(days=1), MONDAY + timedelta(days=1))
    result = weekly_result(week_plant.book, week_plant.store, tuesday, "analyst", reduce=False)
    climate = factor(result, "press-1", Factor.CLIMATE)
    assert indicator(climate, "air_temperature_mean").n_days == 2
    assert indicator(climate, "air_temperature_mean", Scope.WEEK).n_days == 1


def test_number_of_factors_over_counts_verdicts(analyst: WeeklyResult) -> None:
    for row in analyst.workstations:
        assert row.factors_over == sum(item.verdict is Verdict.ABOVE for item in row.factors)


def test_two_wearers_are_withheld_from_the_report(report: WeeklyResult, analyst: WeeklyResult) -> None:
    office = station(report, "office-6")
    assert office.withheld is not None
    assert set(office.withheld.factors) == {Factor.NOISE, Factor.POSTURE}
    assert (office.withheld.wearers, office.withheld.minimum) == (2, 5)
    assert {item.factor for item in office.factors} == {Factor.CLIMATE, Factor.WORK_TIME}
    assert station(analyst, "office-6").withheld is None


def test_rank_and_ratio_of_a_withheld_station_rest_on_what_is_shown(report: WeeklyResult) -> None:
    office = station(report, "office-6")
    assert office.worst is not None
    assert office.worst.factor in {Factor.CLIMATE, Factor.WORK_TIME}


def test_simulated_data_is_said_to_be_simulated(report: WeeklyResult) -> None:
    assert "data_simulated" in {note.code for note in report.notes}


def test_analyst_editions_are_marked(analyst: WeeklyResult) -> None:
    assert "analyst_only" in {note.code for note in analyst.notes}
    assert analyst.audience is Audience.ANALYST


def test_the_same_store_gives_the_same_result(week_plant: Any, analyst: WeeklyResult) -> None:
    again = weekly_result(week_plant.book, week_plant.store, WEEK, Audience.ANALYST)
    assert again == analyst


def test_one_workstation_alone(week_plant: Any, analyst: WeeklyResult) -> None:
    result = weekly_result(week_plant.book, week_plant.store, WEEK, "analyst", workstation="cold-5")
    assert [row.id for row in result.workstations] == ["cold-5"]
    assert result.workstations[0].factors == station(analyst, "cold-5").factors


def test_an_unknown_workstation_is_refused(week_plant: Any) -> None:
    with pytest.raises(UnknownNameError):
        weekly_result(week_plant.book, week_plant.store, WEEK, workstation="nothing")


def test_an_empty_week_is_not_enough_data_and_names_the_last_readings(week_plant: Any) -> None:
    earlier = date_period(date(2026, 9, 7), date(2026, 9, 13))
    with pytest.raises(NotEnoughDataError, match="2026-11-20") as refused:
        weekly_result(week_plant.book, week_plant.store, earlier)
    assert refused.value.code == "nothing_measured"


def test_an_excluded_day_is_gone_from_the_estimate(week_copy: Any, analyst: WeeklyResult) -> None:
    (week_copy.folder / "exclusions.csv").write_text(
        "from,to,sensor,reason,who\n2026-11-17T00:00,2026-11-18T00:00,press-1-noise,knocked,\n",
        encoding="utf-8",
    )
    result = weekly_result(week_copy.book, week_copy.store, WEEK, "analyst", reduce=False)
    lex = indicator(factor(result, "press-1", Factor.NOISE), "lex_8h")
    before = indicator(factor(analyst, "press-1", Factor.NOISE), "lex_8h")
    assert lex.n_days == 4
    assert lex.value != before.value


def test_correcting_who_wore_it_changes_the_wearers_and_no_reading(week_copy: Any) -> None:
    path = week_copy.folder / "assignments.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [line.replace(",w05,", ",w77,") if "press-1-noise" in line else line for line in lines]
    path.write_text("\n".join(changed) + "\n", encoding="utf-8")
    result = weekly_result(week_copy.book, week_copy.store, WEEK, "analyst")
    assert indicator(factor(result, "press-1", Factor.NOISE), "lex_8h").n_wearers == 5


def test_a_day_without_data_of_a_fixed_sensor_counts_as_missing(week_copy: Any) -> None:
    gone = Partition(Kind.CLIMATE, "demo-plant", "press-1-climate", MONDAY + timedelta(days=2))
    week_copy.store.delete(gone)
    week_copy.store.delete_summary(DATASET, gone)
    days = merged_days(week_copy.book, week_copy.store, to_period(week_copy.book, WEEK), "press-1")["press-1"]
    climate = [item for item in days if item.day.kind is Kind.CLIMATE]
    assert [item.minutes for item in climate] == [60, 60, 0, 60, 60]
    result = weekly_result(week_copy.book, week_copy.store, WEEK, "analyst", reduce=False)
    mean = indicator(factor(result, "press-1", Factor.CLIMATE), "air_temperature_mean", Scope.WEEK)
    assert mean.n_days == 4


def test_a_workstation_without_sensors_is_not_measured(week_copy: Any) -> None:
    text = week_copy.site_file.read_text(encoding="utf-8")
    added = '\n[[workstations]]\nid = "empty"\nlabel = "Empty"\nshifts = ["day"]\n'
    week_copy.site_file.write_text(text + added, encoding="utf-8")
    result = weekly_result(week_copy.book, week_copy.store, WEEK, reduce=False)
    empty = station(result, "empty")
    assert empty.rank is None
    assert result.workstations[-1].id == "empty"
    for item in empty.factors[:3]:
        assert item.verdict is Verdict.NOT_MEASURED
        assert item.reason is not None
        assert item.reason.code == "no_sensor"


def test_a_shift_that_nobody_measured_keeps_a_factor_from_being_below(week_copy: Any) -> None:
    before = weekly_result(week_copy.book, week_copy.store, WEEK, reduce=False)
    assert factor(before, "office-6", Factor.CLIMATE).verdict is Verdict.BELOW
    text = week_copy.site_file.read_text(encoding="utf-8")
    begin = text.index('id = "office-6"\nlabel')
    shifts = text.index('shifts = ["day"]', begin)
    text = text[:shifts] + 'shifts = ["day", "evening"]' + text[shifts + len('shifts = ["day"]') :]
    text += '\n[[shifts]]\nid = "evening"\nstart = "16:00"\nend = "22:00"\ndays = ["sat"]\n'
    week_copy.site_file.write_text(text, encoding="utf-8")
    result = weekly_result(week_copy.book, week_copy.store, WEEK, reduce=False)
    found = factor(result, "office-6", Factor.CLIMATE)
    assert found.verdict is Verdict.NOT_SETTLED
    assert found.reason is not None


def test_profiles_choose_the_limits(week_copy: Any) -> None:
    text = week_copy.site_file.read_text(encoding="utf-8")
    week_copy.site_file.write_text(
        text.replace('language = "fr"\n', 'language = "fr"\nlimits = ["eu"]\n', 1), encoding="utf-8"
    )
    result = weekly_result(week_copy.book, week_copy.store, WEEK, "analyst", reduce=False)
    profiles = {
        row.limit.profile
        for place in result.workstations
        for item in place.factors
        for one in item.indicators
        for row in one.limits
    }
    assert profiles == {"eu"}
    posture = factor(result, "press-1", Factor.POSTURE)
    assert posture.verdict is Verdict.NOT_MEASURED
    assert indicator(posture, "trunk_flexion_ge45_share").value is not None


def test_limits_depend_on_the_workstation(week_plant: Any, analyst: WeeklyResult) -> None:
    wbgt = indicator(factor(analyst, "press-1", Factor.CLIMATE), "wbgt_worst_hour")
    assert [row.limit.id for row in wbgt.limits] == ["iso.climate.wbgt_moderate_unacclimatised"]


def test_a_workstation_can_be_assessed_without_any_day(week_plant: Any) -> None:
    book = week_plant.book
    result = assess_workstation(book, book.workstation("press-1"), to_period(book, WEEK), ())
    assert {item.verdict for item in result.factors[:3]} == {Verdict.NOT_MEASURED}
    reasons = {item.reason.code for item in result.factors[:3] if item.reason is not None}
    assert reasons == {"no_data"}


def test_the_site_is_read_again_without_the_summaries_being_touched(week_plant: Any) -> None:
    book = load_site(week_plant.site_file)
    result = weekly_result(book, week_plant.store, WEEK, reduce=False)
    assert result.references == weekly_result(book, week_plant.store, WEEK, reduce=False).references
