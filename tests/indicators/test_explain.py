from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards.catalogue import text
from indicators.commands.terminal_explanation import explanation_lines
from indicators.document import explanation_document
from indicators.explain import Explanation, explain, formula_code
from indicators.model import Factor, Scope
from indicators.reduction.service import reduce_partitions
from indicators.weekly import weekly_result
from ingest.store import open_store
from sensors.errors import UnknownNameError
from sensors.periods import date_period
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

MONDAY = date(2026, 11, 16)
WEEK = date_period(MONDAY, MONDAY + timedelta(days=6))


@pytest.fixture(scope="module")
def reduced(week_plant: Any) -> Any:
    reduce_partitions(week_plant.book, week_plant.store, WEEK.first, WEEK.last)
    return week_plant


@pytest.fixture
def week_copy(reduced: Any, tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / "plant"
    shutil.copytree(reduced.folder, folder)
    store = open_store("lake:./lake", base=folder)
    yield replace(reduced, folder=folder, store=store)
    store.close()


def ask(plant: Any, workstation: str, indicator: str, audience: str = "report") -> Explanation:
    return explain(plant.book, plant.store, WEEK, workstation, indicator, audience, reduce=False)


def test_a_fixed_sensor_is_explained_down_to_its_windows(reduced: Any) -> None:
    found = ask(reduced, "press-1", "wbgt_worst_hour")
    assert found.factor is Factor.CLIMATE
    assert {item.scope for item in found.results} == {Scope.USUAL, Scope.WEEK}
    assert [row.id for row in found.limits] == ["iso.climate.wbgt_moderate_unacclimatised"]
    assert [window.day for window in found.windows] == [MONDAY + timedelta(days=step) for step in range(5)]
    assert all(window.used and window.coverage == 1.0 for window in found.windows)
    assert (found.windows_used, found.windows_left_out) == (5, {})
    assert [sensor.id for sensor in found.sensors] == ["press-1-climate"]
    assert found.sensors[0].mounts == ("fixed",)
    assert found.versions["analysis"].startswith("climate-")
    assert found.versions["references"]


def test_windows_of_worn_sensors_are_for_analysts_only(reduced: Any) -> None:
    shown = ask(reduced, "press-1", "lex_8h")
    assert shown.windows == ()
    assert shown.windows_used is None
    full = ask(reduced, "press-1", "lex_8h", "analyst")
    assert {window.wearer for window in full.windows} == {"w01", "w02", "w03", "w04", "w05"}
    assert "w0" not in json.dumps(explanation_document(shown, text("en")))


def test_a_withheld_factor_is_not_explained_to_readers_of_the_report(reduced: Any) -> None:
    found = ask(reduced, "office-6", "lex_8h")
    assert found.withheld is not None
    assert found.results == ()
    assert found.windows == ()
    assert found.windows_used is None
    assert found.inputs == ""
    lines = list(explanation_lines(found, text("en"), str))
    assert len(lines) == 2
    assert "group too small" in lines[1]
    assert ask(reduced, "office-6", "wbgt_worst_hour").withheld is None


def test_posture_windows_are_those_of_the_segment(reduced: Any) -> None:
    trunk = ask(reduced, "press-1", "trunk_flexion_ge45_share", "analyst")
    arm = ask(reduced, "press-1", "arm_elevation_ge60_share", "analyst")
    assert {window.sensor for window in trunk.windows} == {"press-1-trunk"}
    assert {window.sensor for window in arm.windows} == {"press-1-arm"}
    assert {window.calibration is not None for window in trunk.windows} == {True}
    assert trunk.formula == arm.formula == "formulas.time_share"


def test_exclusions_are_named_with_their_reason(week_copy: Any) -> None:
    (week_copy.folder / "exclusions.csv").write_text(
        "from,to,sensor,reason,who\n"
        "2026-11-17T00:00,2026-11-18T00:00,press-1-climate,door open,hygienist\n"
        "2026-11-18T08:00,2026-11-18T08:30,press-1-climate,calibrating,\n",
        encoding="utf-8",
    )
    found = ask(week_copy, "press-1", "air_temperature_mean")
    assert found.windows_left_out == {"window_coverage_low": 1, "window_excluded": 1}
    assert [(row.reason, row.who) for row in found.exclusions] == [
        ("door open", "hygienist"),
        ("calibrating", None),
    ]
    unused = [window for window in found.windows if not window.used]
    assert [window.reason.code for window in unused if window.reason] == [
        "window_excluded",
        "window_coverage_low",
    ]


def test_an_indicator_without_a_sensor_says_so(reduced: Any) -> None:
    found = ask(reduced, "press-1", "wrist_velocity_p50", "analyst")
    assert found.results == ()
    assert [row.id for row in found.limits] == ["lund.posture.wrist_velocity"]


def test_an_unknown_indicator_lists_those_of_the_workstation(reduced: Any) -> None:
    with pytest.raises(UnknownNameError, match="lex_8h") as refused:
        ask(reduced, "press-1", "lex_9h")
    assert refused.value.code == "unknown_indicator"


def test_an_unknown_workstation_is_refused(reduced: Any) -> None:
    with pytest.raises(UnknownNameError):
        ask(reduced, "press-9", "lex_8h")


def test_equal_inputs_have_equal_hashes_and_new_readings_another(week_copy: Any) -> None:
    before = ask(week_copy, "press-1", "air_temperature_mean").inputs
    assert before == ask(week_copy, "press-1", "wbgt_worst_hour").inputs
    moment = week_copy.book.to_ns(
        week_copy.book.local(0).replace(year=2026, month=11, day=16, hour=8, minute=30)
    )
    week_copy.store.write(
        [
            ReadingBatch(
                "demo-plant",
                "press-1-climate",
                Kind.CLIMATE,
                np.array([moment + 1]),
                {"air_temperature": np.array([21.0])},
                sequence=9,
            )
        ]
    )
    reduce_partitions(week_copy.book, week_copy.store, WEEK.first, WEEK.last)
    assert ask(week_copy, "press-1", "air_temperature_mean").inputs != before


def test_the_command_makes_the_number_again(reduced: Any) -> None:
    found = ask(reduced, "press-1", "lex_8h", "analyst")
    assert found.command == (
        f"vigiposte indicators --site {reduced.book.path} --week 2026-W47 "
        "--workstation press-1 --json --audience analyst"
    )


def test_every_explained_indicator_has_a_formula_in_both_languages(reduced: Any) -> None:
    result = weekly_result(reduced.book, reduced.store, WEEK, "analyst", reduce=False)
    identifiers = {
        item.id for place in result.workstations for row in place.factors for item in row.indicators
    }
    for language in ("fr", "en"):
        say = text(language)
        missing = {one for one in identifiers if say(formula_code(one)) == formula_code(one)}
        assert missing == set(), language


def test_the_document_is_strict_json(reduced: Any) -> None:
    packed = json.dumps(
        explanation_document(ask(reduced, "press-1", "air_temperature_mean"), text("fr")), allow_nan=False
    )
    document = json.loads(packed)
    assert document["schema"] == "vigiposte.explain/1"
    assert len(document["windows"]) == 5
    assert "notes." not in packed


def test_the_terminal_names_formula_source_and_windows(reduced: Any) -> None:
    found = ask(reduced, "press-1", "wbgt_worst_hour")
    shown = "\n".join(explanation_lines(found, text("en"), lambda ns: reduced.book.local(ns).isoformat(" ")))
    for part in ("WBGT = 0.7", "ISO 7243", "quoted from memory", "2026-11-18", "press-1-climate", "climate-"):
        assert part in shown, part
