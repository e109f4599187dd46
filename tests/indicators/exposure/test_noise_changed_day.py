"""The measured day with other hours or quieter tasks, recomputed by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from indicators.limits import limit
from indicators.model import (
    Factor,
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Scope,
    Verdict,
    WorkstationResult,
)
from indicators.noise.changed_day import changed_days
from indicators.verdicts import assess_limit
from sensors.errors import NotEnoughDataError, UnknownNameError, VigiposteError
from vigiposte import app


def shown(
    identifier: str, value: float, details: dict[str, object], limits: Sequence[LimitAssessment] = ()
) -> Indicator:
    return Indicator(
        id=identifier,
        factor=Factor.NOISE,
        value=value,
        unit="dB(A)",
        interval=Interval(value - 3.0, value + 3.0),
        scope=Scope.USUAL,
        shift="day",
        coverage=1.0,
        n_days=5,
        n_wearers=5,
        method="ISO 9612:2009 full-day",
        worn=True,
        limits=tuple(limits),
        details=details,
    )


def result_of(factors: tuple[FactorResult, ...]) -> WorkstationResult:
    return WorkstationResult(
        id="press", label="Press", family=None, rank=None, worst=None, factors_over=0, factors=factors
    )


def station(*, tasks: bool = True) -> WorkstationResult:
    # 2 h at 94 and 6 h at 80 dB(A): 10 lg((2·10^9.4 + 6·10^8) / 8) = 88.47 dB(A).
    level = 10 * np.log10((2 * 10**9.4 + 6 * 10**8) / 8)
    rows = [
        {"task": "grinding", "laeq_db": 94.0, "measured_h": 10.0, "share_percent": 89.3, "n_wearers": 5},
        {"task": None, "laeq_db": 80.0, "measured_h": 30.0, "share_percent": 10.7, "n_wearers": 5},
    ]
    upper = limit("eu.noise.upper_action")
    held = assess_limit(level, Interval(level - 3.0, level + 3.0), upper, measured=True)
    found = (
        shown("lex_8h", float(level), {"te_h": 8.0}, [held]),
        shown("laeq_shift", float(level), {"by_task": rows} if tasks else {}),
    )
    factor = FactorResult(
        factor=Factor.NOISE, verdict=Verdict.ABOVE, above=None, reason=None, indicators=found
    )
    return result_of((factor,))


def test_less_time_at_the_noisy_task_moves_the_day_by_its_energy() -> None:
    (day,) = changed_days(station(), {"grinding": 0.5}, {})
    # The other time stays: 0.5 h at 94 and 6 h at 80 dB(A).
    assert day.after_db == pytest.approx(10 * np.log10((0.5 * 10**9.4 + 6 * 10**8) / 8))
    assert day.before_db == pytest.approx(88.47, abs=0.01)
    assert day.after is not None
    assert day.after.high - day.after.low == pytest.approx(6.0)
    (row,) = day.limits
    assert (row.before, row.after) == (Verdict.ABOVE, Verdict.NOT_SETTLED)


def test_a_whole_day_of_another_length_keeps_its_mix() -> None:
    (day,) = changed_days(station(), {"": 4.0}, {})
    assert day.change.change_db == pytest.approx(10 * np.log10(0.5))
    (same,) = changed_days(station(tasks=False), {"": 4.0}, {})
    assert same.change.change_db == pytest.approx(10 * np.log10(0.5))


def test_another_mix_within_the_same_day() -> None:
    (day,) = changed_days(station(), {"": 8.0, "grinding": 1.0}, {})
    assert day.after_db == pytest.approx(10 * np.log10((10**9.4 + 7 * 10**8) / 8))


def test_a_quieter_machine_and_everything_quieter() -> None:
    (day,) = changed_days(station(), {}, {"grinding": 10.0})
    assert day.after_db == pytest.approx(10 * np.log10((2 * 10**8.4 + 6 * 10**8) / 8))
    (day,) = changed_days(station(), {}, {"": 3.0})
    assert day.change.change_db == pytest.approx(-3.0)


def test_what_was_not_measured_cannot_be_changed() -> None:
    with pytest.raises(UnknownNameError, match="grinding"):
        changed_days(station(), {"welding": 1.0}, {})
    with pytest.raises(VigiposteError):
        changed_days(station(), {"grinding": 0.0, "": 0.0}, {})
    with pytest.raises(VigiposteError):
        changed_days(station(), {"grinding": 30.0}, {})
    empty = result_of(())
    with pytest.raises(NotEnoughDataError):
        changed_days(empty, {}, {"": 3.0})


def test_the_command_moves_value_interval_and_verdicts(reduced_plant: Any) -> None:
    site = str(reduced_plant.folder / "site.toml")
    common = ("--site", site, "--week", "2026-W47", "--audience", "analyst")

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["what-if", "press-1", *arguments, *common])

    document = json.loads(run("--quieter", "6", "--json").stdout)
    assert document["schema"] == "vigiposte.what_if/1"
    (shift,) = document["shifts"]
    assert shift["change_db"] == pytest.approx(-6.0)
    assert shift["after"]["lex_8h_db"] == pytest.approx(shift["before"]["lex_8h_db"] - 6.0)
    text = run("--hours", "0.5", "--lang", "fr").stdout
    assert "LEX,8h" in text
    assert "n’a pas été mesuré" in text
    assert run("--hours", "four").exception.code == "change_format"
    assert run("--hours", "40").exception.code == "day_too_long"
