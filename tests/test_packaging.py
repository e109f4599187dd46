"""What is shipped: every room with its data, the composition root, and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = ("sensors", "ingest", "analysis", "indicators", "dashboards", "simulators")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_everything_tracked_in_the_rooms_is_in_the_wheel(wheel: set[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *ROOMS, "vigiposte.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(tracked.stdout.split()) <= wheel


def test_no_test_is_shipped(wheel: set[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {*ROOMS, "vigiposte.py"}


def test_no_file_names_a_package_index_or_a_place_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    words = ("pypi.org", "pythonhosted", "registry.npmjs", "--index-url=", "--extra-index")
    for name in tracked.stdout.split():
        path = REPOSITORY / name
        if name == "tests/test_packaging.py" or not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found = [word for word in words if word in text]
        assert not found, (name, found)


def test_lock_files_pin_every_dependency_with_hashes() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert len(pins) > 30
        assert text.count("--hash=sha256:") >= len(pins)
