"""The README's library examples run, and what they say is what comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_levels_and_angles_as_printed() -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS[0], scope)  # noqa: S102 - the README's own example
    assert scope["energy_mean"]([80.1, 82.2, 79.6]) == pytest.approx(80.79, abs=0.005)
    assert float(scope["inclination_deg"]([[0.866, 0.0, 0.5]], [[1.0, 0.0, 0.0]])[0]) == pytest.approx(
        30, abs=0.01
    )
    result = scope["full_day"]([88.0, 91.9, 87.6, 90.4, 89.0, 88.4], 9.25)
    assert result.lex_8h_db == pytest.approx(90.1, abs=0.05)
    assert result.expanded_u_db == pytest.approx(3.4, abs=0.05)


def test_store_example_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(BLOCKS[1], scope)  # noqa: S102 - the README's own example
    frame = scope["frame"]
    assert len(frame) == 60
    assert frame["laeq"].max() == 81.5
    assert frame.attrs["units"]["laeq"] == "dB(A)"
    assert str(frame.index.tz) == "UTC"


def test_every_command_named_exists() -> None:
    import typer

    from vigiposte import app

    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^vigiposte ([a-z-]+)", README, flags=re.MULTILINE))
    assert named
    assert named <= known, named - known


def test_pictures_are_there() -> None:
    root = Path(__file__).resolve().parent.parent
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (root / path).is_file(), path
