from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dashboards.catalogue import text
from indicators.document import to_document
from indicators.model import Interval, WeeklyResult
from indicators.weekly import weekly_result
from sensors.periods import date_period

MONDAY = date(2026, 11, 16)
WEEK = date_period(MONDAY, MONDAY + timedelta(days=6))


@pytest.fixture(scope="module")
def result(week_plant: Any) -> WeeklyResult:
    return weekly_result(week_plant.book, week_plant.store, WEEK, "analyst")


@pytest.fixture(scope="module")
def gated(week_plant: Any, result: WeeklyResult) -> WeeklyResult:
    return weekly_result(week_plant.book, week_plant.store, WEEK, "report", reduce=False)


def test_it_has_the_shape_of_the_contract(result: WeeklyResult) -> None:
    document = to_document(result, text("fr"))
    assert document["schema"] == "vigiposte.indicators/1"
    assert document["audience"] == "analyst"
    assert document["period"] == {
        "week": "2026-W47",
        "from": "2026-11-16",
        "to": "2026-11-22",
        "start": "2026-11-15T23:00:00Z",
        "end": "2026-11-22T23:00:00Z",
        "timezone": "Europe/Paris",
    }
    assert set(document["software"]) == {"version", "references"}
    place = document["workstations"][0]
    assert {"id", "label", "rank", "worst", "factors_over", "factors", "withheld"} <= set(place)
    assert set(place["worst"]) == {"factor", "indicator", "limit", "ratio"}
    noise = place["factors"][0]
    assert {"factor", "verdict", "above", "indicators"} <= set(noise)
    lex = next(row for row in noise["indicators"] if row["id"] == "lex_8h" and row["scope"] == "usual")
    assert {
        "id", "value", "unit", "interval", "confidence", "scope", "shift", "coverage", "n_days", "n_wearers",
        "method", "quality", "limits", "next_best",
    } <= set(lex)  # fmt: skip
    assert lex["unit"] == "dB(A)"
    assert lex["confidence"] == 0.90
    assert [row["id"] for row in lex["limits"]] == ["eu.noise.lower_action", "eu.noise.upper_action"]
    assert {
        "id", "value", "comparison", "role", "ranking", "source", "grade", "verdict", "ratio", "ratio_kind",
    } <= set(lex["limits"][1])  # fmt: skip
    assert lex["limits"][1]["comparison"] == ">="


def test_it_is_strict_json(result: WeeklyResult) -> None:
    packed = json.dumps(to_document(result, text("en")), allow_nan=False)
    assert json.loads(packed)["schema"] == "vigiposte.indicators/1"


def test_it_is_the_same_every_time(result: WeeklyResult) -> None:
    one, other = (json.dumps(to_document(result, text("fr"))) for _ in range(2))
    assert one == other


def test_numbers_are_not_rounded(result: WeeklyResult) -> None:
    document = to_document(result, text("fr"))
    lex = document["workstations"][0]["factors"][0]["indicators"][0]
    station = result.workstations[0]
    assert lex["value"] == station.factors[0].indicators[0].value


def test_every_note_has_words_in_both_languages(result: WeeklyResult, gated: WeeklyResult) -> None:
    for language in ("fr", "en"):
        for shown in (result, gated):
            packed = json.dumps(to_document(shown, text(language)), ensure_ascii=False)
            assert "notes." not in packed, packed[packed.index("notes.") - 80 : packed.index("notes.") + 80]


def test_codes_do_not_depend_on_the_language(result: WeeklyResult) -> None:
    def codes(content: Any) -> list[Any]:
        if isinstance(content, dict):
            own = [value for key, value in content.items() if key.endswith(("_code", "_codes"))]
            return own + [code for value in content.values() for code in codes(value)]
        return [code for value in content for code in codes(value)] if isinstance(content, list) else []

    assert codes(to_document(result, text("fr"))) == codes(to_document(result, text("en")))


def test_what_is_withheld_says_why(gated: WeeklyResult) -> None:
    document = to_document(gated, text("fr"))
    office = next(row for row in document["workstations"] if row["id"] == "office-6")
    assert office["withheld"]["factors"] == ["noise", "posture"]
    assert office["withheld"]["reason_code"] == "group_too_small"
    assert (office["withheld"]["wearers"], office["withheld"]["minimum"]) == (2, 5)
    assert "2 porteurs" in office["withheld"]["reason"]
    others = [row for row in document["workstations"] if row["id"] != "office-6"]
    assert all(row["withheld"] is None for row in others)


def test_numbers_that_are_not_finite_become_null(result: WeeklyResult) -> None:
    first = result.workstations[0]
    factor = first.factors[0]
    broken = replace(factor.indicators[0], value=math.nan, interval=Interval(-math.inf, 3.0))
    station = replace(first, factors=(replace(factor, indicators=(broken,)),))
    document = to_document(replace(result, workstations=(station,)), text("en"))
    shown = document["workstations"][0]["factors"][0]["indicators"][0]
    assert (shown["value"], shown["interval"]) == (None, None)


def test_workstations_come_worst_first(result: WeeklyResult) -> None:
    ranks = [row["rank"] for row in to_document(result, text("en"))["workstations"]]
    assert ranks == [1, 2, 3]
