"""A fleet on Dask workers: one cluster for all sites, and the numbers of one process."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from indicators.commands.options import progress_line
from vigiposte import app

DATES = ("--from", "2026-11-16", "--to", "2026-11-16")
FLEET = """
schema = 1
[fleet]
id = "group"
label = "Group"
language = "en"
[[sites]]
file = "first/site.toml"
label = "First"
[[sites]]
file = "second/site.toml"
label = "Second"
"""


@pytest.fixture
def raw_fleet(hour_template: Path, tmp_path: Path) -> Path:
    """Two sites with raw readings and no summaries."""
    for name in ("first", "second"):
        folder = tmp_path / name
        shutil.copytree(hour_template, folder)
        for one in sorted(folder.glob("lake/raw/kind=*/site=demo-plant")):
            one.rename(one.with_name(f"site={name}"))
        site = folder / "site.toml"
        text = site.read_text(encoding="utf-8")
        assert 'id = "demo-plant"' in text
        site.write_text(text.replace('id = "demo-plant"', f'id = "{name}"', 1), encoding="utf-8")
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET, encoding="utf-8")
    return path


def summary_files(fleet: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(fleet.parent).as_posix(): path.read_bytes()
        for path in fleet.parent.rglob("summaries/minutes/**/*")
        if path.is_file()
    }
    assert len(found) == 16
    return found


def forget_summaries(fleet: Path) -> None:
    for name in ("first", "second"):
        shutil.rmtree(fleet.parent / name / "lake" / "summaries")


def test_one_cluster_works_for_all_sites_and_tells_its_memory_once(raw_fleet: Path) -> None:
    run = CliRunner()
    command = ["indicators", "--fleet", str(raw_fleet), *DATES, "--json"]
    spread = run.invoke(app, [*command, "--scheduler", "local:2"])
    assert spread.exit_code == 0, (spread.stderr, spread.exception)
    kept = summary_files(raw_fleet)
    assert spread.stderr.count("2 Dask workers, at most") == 1
    peaks = [line.split(":")[0] for line in spread.stderr.splitlines() if line.endswith("at its peak")]
    assert peaks
    assert sorted(set(peaks)) == sorted(peaks)
    forget_summaries(raw_fleet)
    alone = run.invoke(app, command)
    assert json.loads(alone.stdout) == json.loads(spread.stdout)
    assert summary_files(raw_fleet) == kept
    # Commands that do one site after the other share the workers too.
    forget_summaries(raw_fleet)
    reduced = run.invoke(app, ["reduce", "--fleet", str(raw_fleet), *DATES, "--scheduler", "local:1"])
    assert reduced.exit_code == 0, (reduced.stderr, reduced.exception)
    assert reduced.stderr.count("1 Dask worker, at most") == 1
    assert summary_files(raw_fleet) == kept


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_passing_line_is_wiped_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIPOSTE_QUIET", raising=False)
    screen = _Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    draw = progress_line("Lyon: minutes", passing=True)
    assert draw is not None
    draw(1, 2)
    assert screen.getvalue() == "\rLyon: minutes 1/2"
    draw(2, 2)
    assert screen.getvalue().endswith(f"\r{' ' * len('Lyon: minutes 2/2')}\r")
