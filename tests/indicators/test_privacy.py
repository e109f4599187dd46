from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from indicators.limits import limit
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Period,
    RatioKind,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.privacy import gate

DAY = date(2026, 11, 16)


def indicator(wearers: int, worn: bool = True, ratio: float = 2.0, **changes: Any) -> Indicator:
    row = LimitAssessment(limit("eu.noise.upper_action"), Verdict.ABOVE, ratio, RatioKind.ENERGY)
    defaults: dict[str, Any] = {
        "id": "lex_8h",
        "factor": Factor.NOISE,
        "value": 88.0,
        "unit": "dB(A)",
        "interval": Interval(86.0, 90.0),
        "scope": Scope.USUAL,
        "shift": "day",
        "coverage": 1.0,
        "n_days": 5,
        "n_wearers": wearers,
        "method": "a method",
        "worn": worn,
        "limits": (row,),
    }
    return Indicator(**(defaults | changes))


def factor(*indicators: Indicator, which: Factor = Factor.NOISE) -> FactorResult:
    return FactorResult(
        factor=which,
        verdict=Verdict.ABOVE,
        above="eu.noise.upper_action",
        reason=None,
        indicators=tuple(replace(item, factor=which) for item in indicators),
    )


def result(*factors: FactorResult, name: str = "press") -> WeeklyResult:
    station = WorkstationResult(
        id=name, label=name, family=None, rank=None, worst=None, factors_over=0, factors=factors
    )
    return WeeklyResult(
        site="s",
        site_label="S",
        language="en",
        audience=Audience.REPORT,
        period=Period(DAY, DAY, 0, 1, "Europe/Paris"),
        version="1",
        references="0",
        workstations=(station,),
    )


@pytest.fixture
def book(hour_plant: Any) -> Any:
    return hour_plant.book


@pytest.mark.parametrize(("wearers", "shown"), [(1, False), (2, False), (4, False), (5, True), (9, True)])
def test_worn_factors_need_the_group_size(book: Any, wearers: int, shown: bool) -> None:
    station = gate(result(factor(indicator(wearers))), book, Audience.REPORT).workstations[0]
    assert bool(station.factors) is shown
    assert (station.withheld is None) is shown
    if not shown:
        assert station.withheld is not None
        assert (station.withheld.wearers, station.withheld.minimum) == (wearers, 5)
        assert station.worst is None
        assert station.rank is None
        assert station.factors_over == 0


def test_a_fixed_sensor_is_not_restricted(book: Any) -> None:
    station = gate(result(factor(indicator(0, worn=False))), book, "report").workstations[0]
    assert station.withheld is None
    assert station.rank == 1


def test_other_factors_of_the_workstation_stay(book: Any) -> None:
    shown = factor(indicator(0, worn=False, ratio=1.5), which=Factor.CLIMATE)
    station = gate(result(factor(indicator(2)), shown), book, "report").workstations[0]
    assert [item.factor for item in station.factors] == [Factor.CLIMATE]
    assert station.worst is not None
    assert station.worst.factor is Factor.CLIMATE
    assert station.withheld is not None
    assert station.withheld.factors == (Factor.NOISE,)


def test_one_small_shift_holds_the_factor_back(book: Any) -> None:
    both = factor(indicator(8), indicator(3, shift="night"))
    assert gate(result(both), book, "report").workstations[0].factors == ()


def test_a_small_week_beside_a_large_campaign_is_left_out(book: Any) -> None:
    both = factor(indicator(8), indicator(3, scope=Scope.WEEK, limits=()))
    station = gate(result(both), book, "report").workstations[0]
    assert [item.scope for item in station.factors[0].indicators] == [Scope.USUAL]


def test_what_was_not_measured_hides_nothing(book: Any) -> None:
    empty = indicator(0, n_days=0, value=None, interval=None)
    station = gate(result(factor(empty)), book, "report").workstations[0]
    assert station.withheld is None


def test_single_days_of_worn_sensors_leave_the_report(book: Any) -> None:
    details = {"days": [{"date": "2026-11-16", "value": 88.0}], "eva": {}, "distribution": {"l50_db": 80.0}}
    station = gate(result(factor(indicator(8, details=details))), book, "report").workstations[0]
    assert set(station.factors[0].indicators[0].details) == {"distribution"}


def test_single_days_of_fixed_sensors_stay(book: Any) -> None:
    details = {"days": [1, 2]}
    found = gate(result(factor(indicator(0, worn=False, details=details))), book, "report")
    assert found.workstations[0].factors[0].indicators[0].details == details


def test_analysts_see_everything_and_are_told_so(book: Any) -> None:
    original = result(factor(indicator(1, details={"days": [1]})))
    found = gate(original, book, "analyst")
    assert found.workstations[0].factors == original.workstations[0].factors
    assert found.audience is Audience.ANALYST
    assert [note.code for note in found.notes] == ["analyst_only"]


def test_the_group_size_is_the_sites(hour_plant: Any) -> None:
    text = hour_plant.site_file.read_text(encoding="utf-8")
    assert "[privacy]" not in text
    hour_plant.site_file.write_text(text + "\n[privacy]\ngroup_size = 8\n", encoding="utf-8")
    station = gate(result(factor(indicator(7))), hour_plant.book, "report").workstations[0]
    assert station.withheld is not None
    assert station.withheld.minimum == 8


def test_an_unknown_audience_is_refused(book: Any) -> None:
    with pytest.raises(ValueError, match="everybody"):
        gate(result(factor(indicator(9))), book, "everybody")
