"""Every attack of the threat model names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "docs" / "threat-model.md"


def attacks() -> list[tuple[str, list[str]]]:
    """Attempt and the names in its last column, of each row of the table."""
    rows = []
    for line in MODEL.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and not cells[0].startswith(("-", "Adversary")):
            rows.append((f"{cells[0]}: {cells[1]}", re.findall(r"`([^`]+)`", cells[3])))
    return rows


def test_each_attack_names_tests_that_exist() -> None:
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    found = attacks()
    assert len(found) > 18
    for attempt, names in found:
        assert names, f"no test stands against: {attempt}"
        for name in names:
            assert name in known or (ROOT / name).exists(), f"{attempt}: there is no {name}"
