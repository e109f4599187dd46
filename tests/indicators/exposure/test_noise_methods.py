"""ISO 9612, protectors, doses and what-if beyond the worked examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import noise
from indicators.noise.iso9612 import sampling_contribution_db
from indicators.table_files import csv_matrix, toml_table
from sensors.errors import MethodError, UnknownNameError

LEVEL = st.floats(50.0, 110.0)


def test_table_c4_falls_with_samples_and_rises_with_scatter() -> None:
    header, rows = csv_matrix("iso9612_table_c4")
    cells = np.array([row[1:] for row in rows])
    assert len(header) == 13
    assert cells.shape == (15, 12)
    assert (np.diff(cells, axis=0) <= 0).all()
    assert (np.diff(cells, axis=1) > 0).all()


def test_table_c4_is_read_at_its_nodes_and_never_clamped_beyond_them() -> None:
    assert sampling_contribution_db(3, 6.0) == 46.5
    assert sampling_contribution_db(5, 0.5) == 0.3
    assert np.isnan(sampling_contribution_db(2, 1.0))
    assert np.isnan(sampling_contribution_db(10, 6.01))
    assert np.isnan(sampling_contribution_db(10, float("nan")))
    assert sampling_contribution_db(5, 0.25) == pytest.approx(0.15)
    assert sampling_contribution_db(31, 2.0) == sampling_contribution_db(30, 2.0)


@given(st.integers(3, 40), st.floats(0.0, 6.0))
def test_more_samples_never_widen_the_contribution(samples: int, u1: float) -> None:
    assert sampling_contribution_db(samples + 1, u1) <= sampling_contribution_db(samples, u1) + 1e-9


def test_more_samples_than_the_table_are_said_so() -> None:
    warnings = noise.full_day([85.0] * 40, 8.0).warnings
    assert [note.code for note in warnings] == ["table_c4_last_row"]


def test_the_advice_of_three_and_three_and_a_half_db_is_given() -> None:
    spread = noise.full_day([84.0, 85.0, 87.5], 8.0)
    assert {note.code for note in spread.warnings} >= {"full_day_spread"}
    wild = noise.job_based([78.0, 84.0, 88.0, 92.0, 79.0], 8.0)
    assert "revise_plan" in {note.code for note in wild.warnings}
    tasks = noise.task_based([{"label": "saw", "duration_h": 8, "levels_db": [84.0, 88.0, 86.0]}])
    assert [(note.code, note.params["task"]) for note in tasks.warnings] == [("task_spread", "saw")]
    few = noise.task_based([{"duration_h": 8, "levels_db": [84.0]}])
    assert [note.code for note in few.warnings] == ["task_few_samples"]


@given(st.lists(st.tuples(st.floats(0.1, 3.0), LEVEL), min_size=1, max_size=6))
def test_contributions_of_tasks_add_up_to_the_day(tasks: list[tuple[float, float]]) -> None:
    result = noise.task_based([{"duration_h": hours, "levels_db": [level]} for hours, level in tasks])
    assert float(result.contributions_percent.sum()) == pytest.approx(100.0)
    day = 10 * np.log10(np.sum(10 ** (result.contributions_db / 10)))
    assert result.lex_8h_db == pytest.approx(day)
    assert result.lower_db < result.lex_8h_db < result.upper_db


@given(LEVEL, st.floats(0.5, 12.0))
def test_one_task_is_the_day_of_its_level(level: float, hours: float) -> None:
    one = noise.task_based([{"duration_h": hours, "levels_db": [level]}]).lex_8h_db
    assert one == pytest.approx(float(noise.lex_8h(level, hours)))
    assert noise.full_day([level] * 3, hours).lex_8h_db == pytest.approx(one)


@given(st.lists(LEVEL, min_size=3, max_size=12), st.randoms())
def test_the_order_of_samples_does_not_matter(levels: list[float], random: Any) -> None:
    shuffled = list(levels)
    random.shuffle(shuffled)
    one, other = noise.full_day(levels, 8.0), noise.full_day(shuffled, 8.0)
    assert one.lex_8h_db == pytest.approx(other.lex_8h_db)
    assert one.u_db == pytest.approx(other.u_db, nan_ok=True)


@given(st.lists(LEVEL, min_size=1, max_size=7))
def test_doses_add_up_to_the_weekly_level(days: list[float]) -> None:
    points = float(np.sum(noise.exposure_points(days)))
    assert float(noise.exposure_points(noise.lex_weekly(days))) == pytest.approx(points / 5)


def test_observed_durations_give_the_uncertainty_of_a_duration() -> None:
    task = {"duration_h": 4.0, "levels_db": [85.0, 85.0, 85.0], "duration_samples_h": [3.0, 4.0, 5.0]}
    assert noise.task_based([task]).u1b_h == pytest.approx([1.0 / np.sqrt(3)])


def test_what_if_moves_the_day_and_keeps_the_samples() -> None:
    tasks = [
        {"label": "press", "duration_h": 4.0, "levels_db": [88.0, 89.0, 90.0]},
        {"label": "store", "duration_h": 4.0, "levels_db": [70.0, 70.0, 70.0]},
    ]
    halved = noise.what_if(tasks, durations_h=[2.0, 6.0])
    assert halved.change_db == pytest.approx(-3.0, abs=0.1)
    quieter = noise.what_if(tasks, reductions_db=[6.0, 0.0])
    assert quieter.change_db == pytest.approx(-5.8, abs=0.2)
    dropped = noise.what_if(tasks, durations_h=[0, None])
    assert dropped.after.lex_8h_db == pytest.approx(float(noise.lex_8h(70.0, 4.0)))
    with pytest.raises(MethodError) as caught:
        noise.what_if(tasks, durations_h=[1.0])
    assert caught.value.code == "wrong_shape"


def test_allowed_hours_halve_with_every_three_db() -> None:
    hours = noise.allowed_hours([85.0, 88.0103], 85.0)
    assert hours == pytest.approx([8.0, 4.0], rel=1e-4)


def test_protectors_need_both_levels_and_never_help_by_derating() -> None:
    plain = noise.protected_level_snr(103.0, 21.0)
    derated = noise.protected_level_snr(103.0, 21.0, real_world_db=4.0)
    assert float(derated.level_db) == pytest.approx(float(plain.level_db) + 4.0)
    assert np.isnan(noise.protected_level_hml(96.0, np.nan, 30, 24, 22).level_db)
    at_bend = noise.protected_level_hml(96.0, 98.0, 30, 24, 22)
    assert float(at_bend.pnr_db) == 24.0


def test_dose_schemes_are_named_rows_with_a_source() -> None:
    assert noise.dose_scheme("osha").exchange_db == 5.0
    with pytest.raises(UnknownNameError):
        noise.dose_scheme("dose")
    for name, rows in toml_table("noise").items():
        if name == "edition":
            continue
        for row in rows.values() if isinstance(rows, dict) else rows:
            assert row["source"]
            assert row.get("grade", "second_hand") in {"verified", "second_hand", "recalled", "convention"}


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (noise.task_based, {"tasks": []}, "empty"),
    (noise.task_based, {"tasks": [{"duration_h": 4.0}]}, "missing_key"),
    (noise.task_based, {"tasks": [{"duration_h": [4.0, 5.0], "levels_db": [80.0]}]}, "wrong_shape"),
    (
        noise.task_based,
        {"tasks": [{"duration_h": 4.0, "levels_db": [80.0], "duration_range_h": [5.0, 3.0]}]},
        "wrong_range",
    ),
    (noise.task_based, {"tasks": [{"duration_h": 4.0, "levels_db": [80.0]}], "u2_db": -1}, "not_positive"),
    (noise.full_day, {"levels_db": [[80.0, 81.0]], "effective_day_h": 8.0}, "wrong_shape"),
    (noise.full_day, {"levels_db": [np.nan, np.nan], "effective_day_h": 8.0}, "empty"),
    (noise.job_based, {"levels_db": [80.0], "effective_day_h": 0.0}, "not_positive"),
    (noise.job_based, {"levels_db": [80.0, np.inf], "effective_day_h": 8.0}, "infinite"),
    (noise.dose_percent, {"laeq_db": 80.0, "duration_h": -1.0}, "not_positive"),
    (noise.dose_percent, {"laeq_db": 80.0, "duration_h": 1.0, "exchange_db": 0}, "not_positive"),
    (noise.lex_8h, {"laeq_db": [80.0, 81.0], "duration_h": [8.0, 8.0, 8.0]}, "wrong_shape"),
    (
        noise.protected_level_octave,
        {"band_levels_db": [80.0, 81.0], "frequencies_hz": [500, 1000], "apv_db": [20.0]},
        "wrong_shape",
    ),
]


@pytest.mark.parametrize(("function", "arguments", "code"), BAD)
def test_bad_input_gets_a_code(function: Any, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        function(**arguments)
    assert caught.value.code == code


def test_one_sample_has_a_value_and_no_uncertainty() -> None:
    one = noise.full_day([85.0], 8.0)
    assert one.lex_8h_db == pytest.approx(85.0)
    assert np.isnan(one.expanded_u_db)
    assert [note.code for note in one.warnings] == ["few_samples"]
