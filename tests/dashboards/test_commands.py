from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import vigiposte as root

ROOT = Path(__file__).resolve().parents[2]
WEEK = ("--week", "2026-W47")


@pytest.fixture(scope="module")
def site(plant_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands") / "site"
    shutil.copytree(plant_folder, folder)
    return folder / "site.toml"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def vigiposte(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run the whole command line, with its mapping of errors to exit codes, in this process."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["vigiposte", *arguments])
        capsys.readouterr()
        try:
            root.main()
            code = 0
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        return Done(code, *capsys.readouterr())

    return run


def test_the_report_command_writes_files_and_prints_their_paths(
    vigiposte: Callable[..., Done], site: Path, tmp_path: Path
) -> None:
    done = vigiposte(
        "report",
        "--site",
        str(site),
        *WEEK,
        "--format",
        "html,pdf,csv,xlsx,json",
        "--out",
        str(tmp_path),
        "--lang",
        "en",
    )
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [path.suffix for path in written] == [".html", ".pdf", ".csv", ".xlsx", ".json"]
    assert all(path.is_file() for path in written)
    assert "Presse 1" in written[0].read_text(encoding="utf-8")
    document = json.loads(written[4].read_text(encoding="utf-8"))
    assert document["schema"] == "vigiposte.indicators/1"
    assert {station["id"] for station in document["workstations"]} >= {"presse-1", "four-2"}


def test_the_report_says_in_json_what_it_wrote(
    vigiposte: Callable[..., Done], site: Path, tmp_path: Path
) -> None:
    done = vigiposte(
        "report", "--site", str(site), *WEEK, "--format", "csv", "--out", str(tmp_path), "--json"
    )
    answer = json.loads(done.stdout)
    assert answer["schema"] == "vigiposte.report/1"
    assert answer["period"] == "2026-W47"
    assert [Path(name).suffix for name in answer["files"]] == [".csv"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "docx"), 2, "html, pdf, csv, xlsx, json"),
        (("--lang", "de"), 2, "fr, en"),
        (("--audience", "boss"), 2, "report, wide or analyst"),
        (("--from", "2026-11-16"), 2, "--from"),
        (("--week", "2026-W10"), 4, "nothing was measured"),
        (("--fail-on", "maybe"), 2, "maybe"),
    ],
)
def test_mistakes_end_with_a_remedy_and_the_right_code(
    vigiposte: Callable[..., Done],
    site: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    week = () if arguments[0] in ("--week", "--from") else WEEK
    done = vigiposte("report", "--site", str(site), *week, "--out", str(tmp_path), *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_exceeded_limits_end_with_ten_only_on_request(
    vigiposte: Callable[..., Done], site: Path, tmp_path: Path
) -> None:
    plain = vigiposte("report", "--site", str(site), *WEEK, "--format", "json", "--out", str(tmp_path))
    assert plain.returncode == 0
    document = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    above = {
        (row["role"], row["verdict"])
        for station in document["workstations"]
        for factor in station["factors"]
        for indicator in factor["indicators"]
        for row in indicator["limits"]
        if row["verdict"] == "above"
    }
    for level, roles in (("action", {"action", "limit", "projection"}), ("limit", {"limit"})):
        done = vigiposte(
            "report",
            "--site",
            str(site),
            *WEEK,
            "--format",
            "csv",
            "--out",
            str(tmp_path),
            "--fail-on",
            level,
        )
        assert done.returncode == (10 if any(role in roles for role, _ in above) else 0)


def test_help_loads_none_of_the_heavy_libraries() -> None:
    script = (
        "import sys, typer\n"
        "import dashboards.commands\n"
        "app = typer.Typer()\n"
        "dashboards.commands.mount(app)\n"
        "typer.main.get_command(app)\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'jinja2', 'fastapi', 'typst', 'uvicorn', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.terminate()
        process.wait(timeout=20)


def test_serve_answers_on_loopback_and_stops_on_request(
    site: Path, free_port: Callable[[], int], started: list[subprocess.Popen[str]]
) -> None:
    port = free_port()
    started.append(
        subprocess.Popen(
            [sys.executable, str(ROOT / "vigiposte.py"), "serve", "--site", str(site), "--port", str(port)],
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/?week=2026-W47&lang=en", timeout=60)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            assert started[0].poll() is None
            time.sleep(0.1)
    assert answer.status_code == 200
    assert "Presse 1" in answer.text
    why = httpx.get(f"http://127.0.0.1:{port}/why/four-2/wbgt_worst_hour?week=2026-W47", timeout=60)
    assert why.status_code in (200, 404)
    empty = httpx.get(f"http://127.0.0.1:{port}/?week=2026-W30&lang=en", timeout=60)
    assert empty.status_code == 200
    assert "Nothing was measured this week." in empty.text
    assert "22 November 2026" in empty.text.replace("\u00a0", " ")
    sse = httpx.stream("GET", f"http://127.0.0.1:{port}/events", timeout=30)
    with sse as events:
        assert next(line for line in events.iter_lines() if line.startswith("event")) == "event: sensors"
    started[0].terminate()
    assert started[0].wait(timeout=20) in (0, -15)


def test_serve_refuses_to_be_open_without_a_password(
    vigiposte: Callable[..., Done], site: Path, free_port: Callable[[], int]
) -> None:
    done = vigiposte("serve", "--site", str(site), "--host", "0.0.0.0", "--port", str(free_port()))  # noqa: S104
    assert done.returncode == 3
    assert "VIGIPOSTE_WEB_PASSWORD" in done.stderr


def test_serve_says_that_a_port_is_taken(
    vigiposte: Callable[..., Done], site: Path, free_port: Callable[[], int]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        done = vigiposte("serve", "--site", str(site), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "--port" in done.stderr
