from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sensors.errors import UsageError, VigiposteError
from sensors.periods import date_period
from simulators.broker import EmbeddedBroker
from simulators.demo import DemoOptions, DemoOutcome, prepare_folder, run_demo
from simulators.demo_command import _run
from simulators.demo_summary import summary_lines
from simulators.feed import FeedTask, PlantFeed
from vigiposte import app, build_services

_SHARES = ("trunk_flexion_ge20_share", "trunk_flexion_ge45_share", "arm_elevation_ge30_share")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> DemoOutcome:
    """The whole demonstration on one simulated hour: real broker, real processes, real store."""
    folder = tmp_path_factory.mktemp("demo")
    scenario = folder / "hour.toml"
    scenario.write_text(
        'extends = "quick"\nid = "hour"\nshift_end = 09:00:00\nbreaks = [[08:30:00, 08:40:00]]\n'
    )
    services = build_services()
    options = DemoOptions(
        out=folder / "out",
        scenario=str(scenario),
        seed=3,
        start=date(2026, 11, 16),
        language="en",
        formats=("html",),
    )
    return run_demo(services, options, date_period("2026-11-16", "2026-11-22"), services.text("en"))


def test_the_demo_leaves_what_it_promises(outcome: DemoOutcome) -> None:
    out = outcome.site_file.parent
    assert {"site.toml", "assignments.csv", "lake", "report", "truth.json"} <= {e.name for e in out.iterdir()}
    assert outcome.messages == 24 * 60 + 24 * 2
    assert outcome.rows == 12 * 3600 * 25 + 6 * 3600 + 6 * 60 + 24 * 2
    assert all(path.is_file() and path.stat().st_size > 5000 for path in outcome.report)
    assert json.loads((out / "truth.json").read_text())["schema"] == "vigiposte.truth/1"
    assert not list((out / "journal").rglob("quarantine*/*.jsonl"))


def test_estimates_of_the_demo_meet_the_truth(outcome: DemoOutcome) -> None:
    assert outcome.analyst_result is not None, "one day has one wearer a workstation: the gate holds it back"
    true = {row["id"]: row["indicators"] for row in outcome.truth["workstations"]}
    compared = 0
    for row in outcome.analyst_result.workstations:
        usual = [item for factor in row.factors for item in factor.indicators if item.scope == "usual"]
        found = {item.id: item.value for item in usual}
        assert found["laeq_shift"] == pytest.approx(true[row.id]["laeq_shift"], abs=0.6)
        for name in _SHARES:
            assert found[name] == pytest.approx(true[row.id][name], abs=1.0)
            compared += 1
        for percent in (10, 50, 90):
            name = f"trunk_flexion_p{percent}"
            assert found[name] == pytest.approx(true[row.id][name], abs=1.0)
        assert found["air_temperature_mean"] == pytest.approx(true[row.id]["air_temperature_mean"], abs=0.1)
        assert found["wbgt_worst_hour"] == pytest.approx(true[row.id]["wbgt_worst_hour"], abs=0.2)
    assert compared == 18


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_summary_says_everything_in_both_languages(outcome: DemoOutcome, language: str) -> None:
    text = "\n".join(summary_lines(outcome, build_services().text(language)))
    assert "demo." not in text, "a text is missing"
    for row in outcome.result.workstations:
        assert row.label in text
    assert str(outcome.report[0].name) in text
    assert "PDF" in text, "how to get one is said where there is none"


@pytest.mark.parametrize("command", ["indicators", "explain", "report"])
def test_what_to_try_next_works_as_printed(
    outcome: DemoOutcome, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line.split() for line in summary_lines(outcome, build_services().text("en"))]
    words = next(words for words in lines if len(words) > 1 and words[1] == command)
    answer = CliRunner().invoke(app, words[1:])
    assert answer.exit_code == 0, (words, answer.output, answer.exception)
    assert answer.stdout.strip()


def test_an_earlier_demo_is_replaced_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "part").write_text("x")
    (tmp_path / "truth.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    prepare_folder(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UsageError, match="--out"):
        prepare_folder(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        prepare_folder(tmp_path / "notes.txt")
    prepare_folder(tmp_path / "new")
    assert (tmp_path / "new").is_dir()


def test_trouble_in_the_plant_process_is_told_in_this_one(tmp_path: Path) -> None:
    task = FeedTask("no_such_plant", 1, date(2026, 11, 16), "mqtt://127.0.0.1:9", tmp_path / "truth.json")
    with PlantFeed(task) as feed, pytest.raises(UsageError, match="no such scenario"):
        feed.state(30.0)


def test_a_plant_process_that_dies_is_noticed(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        scenario = tmp_path / "long.toml"
        scenario.write_text('extends = "demo"\nid = "long"\ndays = 300\nshift_end = 08:30:00\nbreaks = []\n')
        task = FeedTask(str(scenario), 1, date(2026, 11, 16), broker.url, tmp_path / "truth.json")
        with PlantFeed(task) as feed:
            assert feed.state(60.0) is not None
            feed._process.kill()
            with pytest.raises(VigiposteError, match="ended before"):
                _until_done(feed)


def _until_done(feed: PlantFeed) -> None:
    while (state := feed.state(30.0)) is not None and not state.done:
        pass


def test_the_dashboard_is_started_as_the_users_own_command() -> None:
    app = typer.Typer()

    @app.command()
    def demo(context: typer.Context) -> None:
        _run(context, "serve", ["--site", "x.toml"])

    @app.command()
    def serve(context: typer.Context, site: str = "") -> None:
        typer.echo(f"serving {site} {context.obj}")

    result = CliRunner().invoke(app, ["demo"], obj="services")
    assert result.output == "serving x.toml services\n"
