from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sensors.errors import NotEnoughDataError, UnknownNameError, UsageError
from vigiposte import app

RUNNER = CliRunner()


def run(*arguments: object) -> Result:
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> BaseException:
    result = run(*arguments)
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit), result.output
    return result.exception


WEEK = ("--week", "2026-W47")


def test_reduce_says_what_it_did(hour_plant: Any) -> None:
    first = run("reduce", "--site", hour_plant.site_file, "--json")
    assert first.exit_code == 0, first.output
    document = json.loads(first.stdout)
    assert document["schema"] == "vigiposte.reduce/1"
    assert {row["outcome"] for row in document["partitions"]} == {"computed"}
    assert {row["minutes"] for row in document["partitions"]} == {60}
    again = json.loads(run("reduce", "--site", hour_plant.site_file, "--json", *WEEK).stdout)
    assert {row["outcome"] for row in again["partitions"]} == {"current"}
    forced = json.loads(run("reduce", "--site", hour_plant.site_file, "--json", "--force").stdout)
    assert {row["outcome"] for row in forced["partitions"]} == {"computed"}


def test_reduce_in_words(reduced_plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIPOSTE_LANG")
    result = run("reduce", "--site", reduced_plant.site_file)
    assert result.exit_code == 0
    assert "8 à jour" in result.stdout


def test_reduce_of_an_empty_store_is_not_enough_data(hour_plant: Any) -> None:
    hour_plant.edit('url = "lake:./lake"', 'url = "lake:./nothing"')
    error = refused("reduce", "--site", hour_plant.site_file)
    assert isinstance(error, NotEnoughDataError)
    assert error.exit_code == 4


def test_indicators_as_a_document(reduced_plant: Any) -> None:
    result = run("indicators", "--site", reduced_plant.site_file, *WEEK, "--json", "--audience", "analyst")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "vigiposte.indicators/1"
    assert [row["rank"] for row in document["workstations"]] == [1, 2]


def test_indicators_in_a_terminal_are_gated_by_default(reduced_plant: Any) -> None:
    result = run("indicators", "--site", reduced_plant.site_file, *WEEK, "--lang", "en")
    assert result.exit_code == 0, result.output
    assert "group too small: 1 wearer, 5 at least" in result.stdout
    assert "Noise:" in result.stdout
    assert "LEX,8h" not in result.stdout


def test_indicators_of_one_workstation_list_everything(reduced_plant: Any) -> None:
    result = run(
        "indicators", "--site", reduced_plant.site_file, *WEEK, "--workstation", "press-1",
        "--audience", "analyst", "--lang", "en",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for part in ("LEX,8h", "WBGT", "Trunk bent 45°", "analyst only"):
        assert part in result.stdout, part
    assert "assembly-2" not in result.stdout
    # The value behind the rank beside its limit, never "n times the limit": degrees have no such multiple.
    ranked = next(line for line in result.stdout.splitlines() if line.startswith("1."))
    assert re.search(r"Noise: \d\d\.\d\sdB\(A\) against a limit of 85\sdB\(A\)$", ranked), ranked
    assert "Usual conditions: from the site file" in result.stdout
    assert "0 days" not in result.stdout
    lines = result.stdout.splitlines()
    remarks = [line for line in lines if line.lstrip().startswith("· ")]
    assert len(remarks) == len(set(remarks)) > 3
    # Values end in one column: a reader compares them down the page.
    begin = next(index for index, line in enumerate(lines) if "Trunk bent 20°" in line)
    ends = {len(line) for line in lines[begin : begin + 3]}
    assert len(ends) == 1


def test_dates_instead_of_a_week(reduced_plant: Any) -> None:
    result = run(
        "indicators",
        "--site",
        reduced_plant.site_file,
        "--from",
        "2026-11-16",
        "--to",
        "2026-11-16",
        "--json",
    )
    period = json.loads(result.stdout)["period"]
    assert (period["week"], period["from"], period["to"]) == (None, "2026-11-16", "2026-11-16")


def test_fail_on_ends_with_ten_only_when_something_is_exceeded(reduced_plant: Any) -> None:
    common = ("indicators", "--site", reduced_plant.site_file, *WEEK, "--json")
    document = json.loads(run(*common).stdout)
    above = {
        row["role"]
        for place in document["workstations"]
        for factor in place["factors"]
        for item in factor["indicators"]
        if item["scope"] == "usual"
        for row in item["limits"]
        if row["verdict"] == "above"
    }
    assert run(*common, "--fail-on", "limit").exit_code == (10 if "limit" in above else 0)
    assert run(*common, "--fail-on", "action").exit_code == (10 if above - {"guidance"} else 0)


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        (("indicators", "--week", "2026-W40"), NotEnoughDataError, "nothing_measured"),
        (("indicators", "--week", "2026-W60"), UsageError, "week_unknown"),
        (("indicators", "--week", "2126-W10"), UsageError, "week_future"),
        (("indicators", "--from", "2026-11-16"), UsageError, "period_mixed"),
        (("indicators", "--week", "2026-W47", "--from", "2026-11-16"), UsageError, "period_mixed"),
        (("indicators", *WEEK, "--workstation", "nothing"), UnknownNameError, "unknown_workstation"),
        (("indicators", *WEEK, "--audience", "press"), UsageError, "unknown_audience"),
        (("indicators", *WEEK, "--fail-on", "everything"), UsageError, "fail_on"),
        (("indicators", *WEEK, "--lang", "xx"), UnknownNameError, "unknown_language"),
        (
            ("explain", "press-1", "nothing", *WEEK, "--audience", "analyst"),
            UnknownNameError,
            "unknown_indicator",
        ),
        (("explain", "nothing", "lex_8h", *WEEK), UnknownNameError, "unknown_workstation"),
    ],
)
def test_mistakes_are_named(
    reduced_plant: Any, arguments: tuple[str, ...], error: type[Exception], code: str
) -> None:
    found = refused(*arguments, "--site", reduced_plant.site_file)
    assert isinstance(found, error)
    assert found.code == code  # type: ignore[attr-defined]


def test_explain_in_words_and_as_a_document(reduced_plant: Any) -> None:
    site = ("--site", reduced_plant.site_file, *WEEK)
    words = run("explain", "press-1", "wbgt_worst_hour", *site, "--lang", "en")
    assert words.exit_code == 0, words.output
    assert "Formula: WBGT" in words.stdout
    document = json.loads(run("explain", "press-1", "wbgt_worst_hour", *site, "--json").stdout)
    assert document["schema"] == "vigiposte.explain/1"
    assert document["windows_used"] == 1


def test_exclude_adds_a_line_that_counts(reduced_plant: Any) -> None:
    site = ("--site", reduced_plant.site_file)
    result = run(
        "exclude", "press-1-climate", "--from", "2026-11-16T08:00", "--to", "2026-11-16T09:00",
        "--reason", "door left open, cold", "--who", "hygienist", *site,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert Path(result.stdout.strip()) == reduced_plant.folder / "exclusions.csv"
    row = reduced_plant.book.logs.exclusions[0]
    assert (row.sensor, row.reason, row.who) == ("press-1-climate", "door left open, cold", "hygienist")
    document = json.loads(run("explain", "press-1", "air_temperature_mean", *site, *WEEK, "--json").stdout)
    assert document["windows_left_out"] == {"window_excluded": 1, "window_without_data": 4}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sensor": "nothing"}, "unknown_sensor"),
        ({"--from": "yesterday"}, "time_format"),
        ({"--to": "2026-11-16T07:00"}, "from_after_to"),
        ({"--from": "2026-10-25T02:30"}, "ambiguous_time"),
        ({"--reason": "  "}, "reason_missing"),
    ],
)
def test_exclude_refuses_before_it_writes(hour_plant: Any, changes: dict[str, str], code: str) -> None:
    values = {
        "sensor": "press-1-climate",
        "--from": "2026-11-16T08:00",
        "--to": "2026-11-16T09:00",
        "--reason": "a reason",
    } | changes
    sensor = values.pop("sensor")
    options = [part for pair in values.items() for part in pair]
    found = refused("exclude", sensor, *options, "--site", hour_plant.site_file)
    assert found.code == code  # type: ignore[attr-defined]
    assert not (hour_plant.folder / "exclusions.csv").exists()


def test_validate_passes_with_what_ships() -> None:
    result = run("validate", "--failures")
    assert result.exit_code == 0, result.output
    assert "0 failed" in result.stdout


def test_validate_ends_with_one_when_a_case_fails(tmp_path: Path) -> None:
    wrong = {
        "id": "W",
        "function": "analysis.levels.energy_mean",
        "inputs": {"levels_db": [60, 80]},
        "expected": 70,
        "tolerance": 0.1,
        "source": "a wrong number",
    }
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"cases": [wrong]}), encoding="utf-8")
    result = run("validate", path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "  case  function                     source",
        "× W     analysis.levels.energy_mean  a wrong number",
        "    77.0329 instead of 70 (tolerance 0.1)",
        "0 passed, 1 failed, 0 not run",
    ]
    document = json.loads(run("validate", path, "--json").stdout)
    assert document["schema"] == "vigiposte.validate/1"
    assert (document["passed"], document["failed"]) == (0, 1)
