"""Whatever the analyst is told or writes to a file says that it is not for circulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from indicators.fleet.compare import fleet_result
from sensors.errors import GovernanceError, UsageError
from sensors.fleet_file import load_fleet
from sensors.periods import date_period
from tests.two_wearers import HELD, SHOWN, WEEK, files_below, fill, run
from vigiposte import app, build_services

MARK = "not for circulation"
ANALYST = ("--audience", "analyst")
_SIDES = ("--before", "2026-11-09..2026-11-15", "--after", "2026-11-16..2026-11-22")
OUTPUTS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "indicators": (WEEK, (*WEEK, "--json"), (*WEEK, "--workstation", HELD)),
        "explain": ((HELD, "lex_8h", *WEEK), (HELD, "lex_8h", *WEEK, "--json")),
        "what-if": ((HELD, *WEEK, "--quieter", "3"), (HELD, *WEEK, "--quieter", "3", "--json")),
        "compare": (
            ("--workstation", HELD, *_SIDES),
            ("--workstation", HELD, "--control", SHOWN, *_SIDES, "--json"),
        ),
        "plan": ((), ("--json",), ("--out", "OUT")),
        "report": ((*WEEK, "--format", "html,csv,json", "--out", "OUT"),),
        "export": (
            (*WEEK, "--out", "OUT"),
            (*WEEK, "--out", "OUT", "--sensor", "dosi-1", "--format", "csv", "--json"),
            (*WEEK, "--out", "OUT", "--data", "minutes"),
        ),
        # Its pages: every address of the analyst's dashboard is opened in tests/dashboards/test_web.py.
        "serve": (),
    }
)
"""Every form of every command that the analyst may ask for ungated values."""


def commands(root: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command of the command line, by its words."""
    below = getattr(root, "commands", {})
    for name, one in below.items():
        yield from commands(one, f"{path} {name}".strip())
    if not below:
        yield path, root


def audiences() -> Mapping[str, str]:
    """Help of ``--audience`` of each command that has it."""
    return {
        path: getattr(option, "help", "") or ""
        for path, command in commands(typer.main.get_command(app))
        for option in command.params
        if "--audience" in option.opts
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("circulation") / "site"
    place.mkdir()
    fill(place)
    assert run(place, "reduce").code == 0
    return place


def test_no_command_with_ungated_values_is_forgotten_here() -> None:
    found = audiences()
    assert {name for name, help_text in found.items() if "analyst" in help_text} == set(OUTPUTS)
    assert {name for name, help_text in found.items() if "analyst" not in help_text} == {"annex", "publish"}


@pytest.mark.parametrize(
    ("command", "arguments"), [(name, form) for name, forms in OUTPUTS.items() for form in forms]
)
def test_every_output_of_the_analyst_carries_the_mark(
    folder: Path, command: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    asked = [str(tmp_path / "out") if word == "OUT" else word for word in arguments]
    answer = run(folder, command, *asked, *ANALYST)
    assert answer.code == 0, answer.all
    # A command that only names the files it wrote speaks of the mark on stderr.
    assert MARK in answer.all.lower() or (command == "plan" and "--out" in arguments)
    if "OUT" not in arguments or "--json" in arguments:
        assert MARK in answer.out.lower()
    written = dict(files_below(tmp_path / "out"))
    assert bool(written) == ("OUT" in arguments)
    for name, text in written.items():
        assert MARK in text.lower(), name
    for path in (tmp_path / "out").glob("*.parquet"):
        assert set(pq.read_table(path)["circulation"].to_pylist()) == {f"Analyst only: {MARK}"}
    for path in (tmp_path / "out").glob("*.csv"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        assert len(lines) > 1
        assert "circulation" in lines[0]
        assert all(MARK in line for line in lines[1:]), path.name


@pytest.mark.parametrize("command", ["annex", "publish"])
def test_what_is_made_to_be_read_by_others_is_refused_to_the_analyst(folder: Path, command: str) -> None:
    refused = run(folder, command, *WEEK, *ANALYST)
    assert refused.code != 0
    assert "always gated" in refused.error


@pytest.mark.parametrize(
    "form", [("--restitution", "--format", "html"), ("--format", "pdf"), ("--format", "xlsx")]
)
def test_no_document_to_hand_round_is_made_for_the_analyst(
    folder: Path, form: tuple[str, ...], tmp_path: Path
) -> None:
    refused = run(folder, "report", *WEEK, *ANALYST, *form, "--out", str(tmp_path / "out"))
    assert refused.code != 0
    assert not (tmp_path / "out").exists()


def options(command: Any) -> set[str]:
    return {name for option in command.params for name in option.opts}


FLEET = [
    path
    for path, command in commands(typer.main.get_command(app))
    if {"--fleet", "--audience"} <= options(command)
]
"""Commands that speak of several sites to a chosen audience."""


@pytest.mark.parametrize("command", FLEET)
def test_a_fleet_is_never_shown_ungated(folder: Path, command: str, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        f'schema = 1\n[fleet]\nid = "g"\nlabel = "G"\n[[sites]]\nfile = "{folder / "site.toml"}"\n',
        encoding="utf-8",
    )
    asked = CliRunner().invoke(app, [command, "--fleet", str(fleet), "--audience", "analyst"])
    assert isinstance(asked.exception, UsageError | GovernanceError)
    assert asked.exception.code in ("fleet_audience", "always_gated")
    assert asked.stdout == ""
    if command not in ("annex", "publish"):
        wide = CliRunner().invoke(app, [command, "--fleet", str(fleet), "--audience", "wide"])
        assert isinstance(wide.exception, UsageError)
        assert wide.exception.code == "fleet_audience"
    # Whatever a caller hands in, the comparison itself takes gated results only.
    services = build_services()
    book = services.load_site(folder / "site.toml")
    period = date_period("2026-11-16", "2026-11-22")
    with closing(services.open_store(book)) as store:
        ungated = services.weekly_result(book, store, period, "analyst", reduce=False)
    with pytest.raises(GovernanceError, match="gated results only"):
        fleet_result(load_fleet(fleet), period, lambda _site: ungated)


def test_grafana_knows_no_analyst(folder: Path, tmp_path: Path) -> None:
    asked = run(folder, "grafana", "--out", str(tmp_path / "grafana"), *ANALYST)
    assert asked.code == 2
    assert not (tmp_path / "grafana").exists()
    lake = tmp_path / "rollups"
    refused = run(folder, "publish", *WEEK, *ANALYST, "--store", f"lake:{lake}")
    assert "always gated" in refused.error
    assert not list(lake.rglob("*.parquet"))


def test_what_passed_the_gate_carries_no_mark(folder: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for asked in (("indicators", *WEEK), ("plan", "--out", out), ("export", *WEEK, "--out", out)):
        assert MARK not in run(folder, *asked).all.lower()
    for name, text in files_below(tmp_path / "out"):
        assert MARK not in text.lower(), name
