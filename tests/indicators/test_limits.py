from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import combinations

import pytest

from indicators.limits import (
    Comparison,
    Grade,
    Limit,
    Role,
    Status,
    all_limits,
    in_force,
    limit,
    table_hash,
)
from sensors.errors import UnknownNameError
from sensors.site_model import MetabolicClass

TODAY = date(2026, 11, 22)
PROFILES = ("fr", "eu", "iso", "lund", "ramp")
ROWS = tuple(all_limits().values())

LEGAL = [
    ("eu.noise.lower_action", 80.0, ">", Role.ACTION),
    ("eu.noise.upper_action", 85.0, ">=", Role.ACTION),
    ("eu.noise.limit", 87.0, ">", Role.LIMIT),
    ("eu.noise.peak_lower_action", 135.0, ">", Role.ACTION),
    ("eu.noise.peak_upper_action", 137.0, ">=", Role.ACTION),
    ("eu.noise.peak_limit", 140.0, ">", Role.LIMIT),
    ("fr.noise.c2p_level", 600.0, ">=", Role.PROJECTION),
    ("fr.noise.c2p_level_criterion", 81.0, ">=", Role.CRITERION),
    ("fr.noise.c2p_peaks", 120.0, ">=", Role.PROJECTION),
    ("fr.noise.c2p_peak_criterion", 135.0, ">=", Role.CRITERION),
    ("fr.climate.c2p_temperature", 900.0, ">=", Role.PROJECTION),
    ("fr.climate.c2p_cold_criterion", 5.0, "<=", Role.CRITERION),
    ("fr.climate.c2p_heat_criterion", 30.0, ">=", Role.CRITERION),
    ("fr.work_time.night_work", 100.0, ">=", Role.PROJECTION),
    ("fr.work_time.alternating_shifts", 30.0, ">=", Role.PROJECTION),
    ("fr.work_time.night_hour", 1.0, ">=", Role.CRITERION),
    ("fr.work_time.repetitive_work", 900.0, ">=", Role.PROJECTION),
    ("fr.work_time.short_cycle_criterion", 30.0, "<=", Role.CRITERION),
    ("fr.work_time.short_cycle_actions_criterion", 15.0, ">=", Role.CRITERION),
    ("fr.work_time.long_cycle_actions_criterion", 30.0, ">=", Role.CRITERION),
    ("lund.posture.arm30", 50.0, ">", Role.ACTION),
    ("lund.posture.arm60", 10.0, ">", Role.ACTION),
    ("lund.posture.arm_velocity", 60.0, ">", Role.GUIDANCE),
    ("lund.posture.wrist_velocity", 20.0, ">", Role.GUIDANCE),
    ("ramp.posture.trunk20_amber", 60.0, ">=", Role.ACTION),
    ("ramp.posture.trunk20_red", 120.0, ">=", Role.ACTION),
    ("ramp.posture.trunk45_amber", 30.0, ">=", Role.ACTION),
    ("ramp.posture.trunk45_red", 60.0, ">=", Role.ACTION),
    ("fr.climate.inrs_physical", 28.0, ">=", Role.GUIDANCE),
    ("fr.climate.inrs_sedentary", 30.0, ">=", Role.GUIDANCE),
    ("fr.climate.inrs_dangerous", 33.0, ">=", Role.GUIDANCE),
]


@pytest.mark.parametrize(("identifier", "value", "comparison", "role"), LEGAL)
def test_values_are_those_of_the_texts(identifier: str, value: float, comparison: str, role: Role) -> None:
    row = limit(identifier, TODAY)
    assert (row.value, row.comparison.value, row.role) == (value, comparison, role)


@pytest.mark.parametrize(
    ("name", "acclimatised", "unacclimatised"),
    [("rest", 33, 32), ("low", 30, 29), ("moderate", 28, 26), ("high", 26, 23), ("very_high", 25, 20)],
)
def test_wbgt_reference_values_by_class(name: str, acclimatised: int, unacclimatised: int) -> None:
    rows = {
        row.acclimatised: row
        for row in ROWS
        if row.indicator == "wbgt_worst_hour" and row.metabolic_class is MetabolicClass(name)
    }
    assert (rows[True].value, rows[False].value) == (acclimatised, unacclimatised)
    assert all(row.grade is Grade.RECALLED and row.status is Status.STANDARD for row in rows.values())


@pytest.mark.parametrize(
    ("day", "nights", "alternating"),
    [
        (date(2022, 12, 31), 120, 50),
        (date(2023, 1, 1), 113, 43),
        (date(2023, 8, 31), 113, 43),
        (date(2023, 12, 31), 113, 43),
        (date(2024, 1, 1), 100, 30),
    ],
)
def test_2023_is_prorated(day: date, nights: int, alternating: int) -> None:
    assert limit("fr.work_time.night_work", day).value == nights
    assert limit("fr.work_time.alternating_shifts", day).value == alternating


def test_painful_postures_left_the_account_on_the_first_of_october_2017() -> None:
    last_day = date(2017, 9, 30)
    before = limit("fr.posture.painful_postures", last_day)
    after = limit("fr.posture.painful_postures", last_day + timedelta(days=1))
    assert (before.value, before.role) == (900, Role.PROJECTION)
    assert (after.value, after.role) == (900, Role.GUIDANCE)
    assert after.status is Status.RETIRED


def test_every_row_says_where_it_comes_from() -> None:
    for row in ROWS:
        assert row.source, row.id
        assert row.clause, row.id
        assert row.edition, row.id
        assert row.unit, row.id
        assert row.id.startswith(f"{row.profile}.{row.factor}."), row.id
        assert 0 < row.minimum_coverage <= 1, row.id


def test_what_the_standards_behind_a_paywall_say_is_never_graded_verified() -> None:
    from_memory = [row for row in ROWS if row.source.startswith(("ISO ", "EN ", "RAMP"))]
    assert from_memory
    assert {row.grade for row in from_memory} <= {Grade.RECALLED, Grade.SECOND_HAND}


def test_rows_of_one_id_never_overlap_in_time() -> None:
    for one, other in combinations(ROWS, 2):
        if one.id != other.id:
            continue
        first, second = sorted((one, other), key=lambda row: row.valid_from or date.min)
        assert first.valid_to is not None
        assert second.valid_from is not None
        assert first.valid_to < second.valid_from, one.id


def test_one_ranking_row_an_indicator_and_kind_of_workstation() -> None:
    counts = Counter(
        (row.indicator, metabolic, acclimatised)
        for row in in_force(TODAY, profiles=PROFILES)
        for metabolic in MetabolicClass
        for acclimatised in (True, False)
        if row.ranking
        and row.role.moves_verdict
        and row.metabolic_class in (None, metabolic)
        and row.acclimatised in (None, acclimatised)
    )
    assert set(counts.values()) == {1}


def test_only_three_roles_move_a_verdict() -> None:
    assert {role for role in Role if role.moves_verdict} == {Role.ACTION, Role.LIMIT, Role.PROJECTION}


def test_a_french_profile_alone_has_the_european_noise_values() -> None:
    ids = {row.id for row in in_force(TODAY, profiles=("fr",))}
    assert {"eu.noise.lower_action", "eu.noise.upper_action", "eu.noise.limit"} <= ids
    assert not any(row.startswith(("iso.", "lund.", "ramp.")) for row in ids)


def test_criteria_are_never_held_against_a_value() -> None:
    assert not [row for row in in_force(TODAY, profiles=PROFILES) if row.role is Role.CRITERION]


def test_rows_of_one_indicator() -> None:
    found = in_force(TODAY, profiles=("eu",), indicator="lex_8h")
    assert [row.id for row in found] == ["eu.noise.lower_action", "eu.noise.upper_action"]


def test_both_ends_of_validity_count() -> None:
    row = limit("fr.work_time.night_work", date(2023, 6, 1))
    assert row.valid_on(date(2023, 1, 1))
    assert row.valid_on(date(2023, 12, 31))
    assert not row.valid_on(date(2022, 12, 31))
    assert not row.valid_on(date(2024, 1, 1))


def test_action_values_are_judged_without_protectors_and_the_limit_with() -> None:
    assert not limit("eu.noise.upper_action").protectors_count
    assert limit("eu.noise.limit").protectors_count
    assert limit("fr.noise.c2p_level").protectors_count


def test_an_unknown_limit_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"eu\.noise\.limit") as refused:
        limit("eu.noise.nothing")
    assert refused.value.code == "unknown_limit"


def test_a_limit_that_was_not_in_force_is_refused() -> None:
    with pytest.raises(UnknownNameError) as refused:
        limit("fr.noise.c2p_level", date(2010, 1, 1))
    assert refused.value.code == "not_in_force"


@pytest.mark.parametrize(
    ("comparison", "upward", "inclusive"),
    [
        (Comparison.AT_LEAST, True, True),
        (Comparison.MORE_THAN, True, False),
        (Comparison.AT_MOST, False, True),
        (Comparison.LESS_THAN, False, False),
    ],
)
def test_comparisons_know_their_direction(comparison: Comparison, upward: bool, inclusive: bool) -> None:
    assert (comparison.upward, comparison.inclusive) == (upward, inclusive)


def test_results_refer_to_the_table_by_its_hash() -> None:
    assert len(table_hash()) == 12
    assert int(table_hash(), 16) >= 0


def test_rows_are_frozen() -> None:
    row: Limit = limit("eu.noise.limit")
    with pytest.raises(AttributeError):
        row.value = 90.0  # type: ignore[misc]
