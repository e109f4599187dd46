"""The command as its users meet it: fast help, one clear line for every mistake, never a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "pyarrow",
    "pydantic",
    "paho",
    "jinja2",
    "fastapi",
    "uvicorn",
    "typst",
    "msgspec",
)

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[mqtt]
url = "mqtt://127.0.0.1:{broker}"
[store]
url = "{store}"
[[shifts]]
id = "day"
start = "08:00"
end = "16:00"
[[workstations]]
id = "press-1"
label = "Press 1"
shifts = ["day"]
[[sensors]]
id = "n1"
kind = "noise"
[[placements]]
sensor = "n1"
workstation = "press-1"
mount = "fixed"
from = 2026-01-01T00:00:00
"""


def vigiposte(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VIGIPOSTE_")}
    clean["VIGIPOSTE_LANG"] = "en"
    return subprocess.run(
        [sys.executable, "-m", "vigiposte", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def site(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    (tmp_path / "site.toml").write_text(SITE.format(broker=free_port(), store="lake:./lake"))
    return tmp_path


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['vigiposte', '--help']\n"
        "import vigiposte\n"
        "try: vigiposte.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert "demo" in done.stdout


def test_all_six_packages_come_from_one_place() -> None:
    import analysis
    import dashboards
    import indicators
    import ingest
    import sensors
    import simulators

    rooms = (analysis, dashboards, indicators, ingest, sensors, simulators)
    assert {Path(str(room.__file__)).parent.parent for room in rooms} == {REPOSITORY}


def refused(done: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, shown
    assert "internal fault" not in shown, shown
    assert done.returncode == exit_code, shown
    for word in words:
        assert word in shown, shown


def test_no_site_file(tmp_path: Path) -> None:
    refused(
        vigiposte("check", "--site", "nowhere/site.toml", folder=tmp_path), 3, "site.toml", "vigiposte init"
    )


def test_broken_toml_names_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('schema = 1\n[site]\nid = "plant\n')
    refused(vigiposte("check", folder=tmp_path), 3, "site.toml", "line 3")


def test_unknown_key_suggests_the_known_one(site: Path) -> None:
    path = site / "site.toml"
    path.write_text(path.read_text().replace('label = "Press 1"', 'lable = "Press 1"'))
    refused(vigiposte("check", folder=site), 3, "lable", "label")


@pytest.mark.parametrize("command", ["indicators", "report"])
def test_an_empty_week_is_said(site: Path, command: str) -> None:
    done = vigiposte(command, "--week", "2026-W40", folder=site)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 4), done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("indicators", "--week", "2099-W01"), 2, ("2099-W01",)),
        (("indicators", "--week", "W47"), 2, ("W47",)),
        (("indicators", "--workstation", "press-9"), 2, ("press-9", "press-1")),
        (("explain", "press-9", "lex_8h"), 2, ("press-9",)),
        (("explain", "press-1", "happiness"), 4, ("nothing was measured",)),
        (("report", "--format", "docx"), 2, ("docx",)),
        (("report", "--lang", "de"), 2, ("de",)),
        (("indicators", "--audience", "everyone"), 2, ("everyone",)),
        (
            ("exclude", "n9", "--from", "2026-11-16T08:00", "--to", "2026-11-16T09:00", "--reason", "x"),
            2,
            ("n9",),
        ),
        (("replay", "missing.trace"), 2, ("missing.trace",)),
        (("simulate", "--scenario", "moonbase", "--out", "x.trace"), 2, ("moonbase",)),
        (("validate", "missing.json"), 2, ("missing.json",)),
        (("frobnicate",), 2, ("frobnicate",)),
    ],
)
def test_wrong_calls(site: Path, arguments: tuple[str, ...], exit_code: int, words: tuple[str, ...]) -> None:
    refused(vigiposte(*arguments, folder=site), exit_code, *words)


def test_broker_down(site: Path) -> None:
    refused(vigiposte("ingest", folder=site), 5, "127.0.0.1")


def test_store_down(tmp_path: Path, free_port: Callable[[], int]) -> None:
    text = SITE.format(broker=free_port(), store=f"influxdb://127.0.0.1:{free_port()}/db")
    (tmp_path / "site.toml").write_text(text)
    refused(vigiposte("indicators", "--week", "2026-W40", folder=tmp_path), 5, "127.0.0.1")


@pytest.mark.influxdb
def test_wrong_token_is_not_shown(
    tmp_path: Path, own_influxdb: Callable[..., object], free_port: Callable[[], int]
) -> None:
    server = own_influxdb(auth=True)
    store = server.new_database()  # type: ignore[attr-defined]
    (tmp_path / "site.toml").write_text(SITE.format(broker=free_port(), store=store))
    done = vigiposte(
        "indicators", "--week", "2026-W40", folder=tmp_path, VIGIPOSTE_STORE_TOKEN="nobody:secret-word"
    )
    assert done.returncode in (3, 5), done.stderr
    assert "secret-word" not in done.stdout + done.stderr
    refused(done, done.returncode, "VIGIPOSTE_STORE_TOKEN")


def test_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(vigiposte("broker", "--port", str(port), folder=tmp_path), 1, str(port))


def test_output_folder_that_cannot_be_written(site: Path) -> None:
    (site / "out").write_text("a file stands where a folder should")
    done = vigiposte("report", "--week", "2026-W40", "--out", "out", folder=site)
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2, 3, 4), done.stderr


def test_json_is_one_document_on_stdout(site: Path) -> None:
    done = vigiposte("check", "--json", folder=site)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == "vigiposte.check/1"


def test_doctor_names_what_is_wrong(site: Path) -> None:
    done = vigiposte("doctor", folder=site)
    refused(done, 3, "broker", "all six")


@pytest.mark.mosquitto
def test_doctor_sees_a_broker_that_keeps_too_little(tmp_path: Path, mosquitto: Callable[..., object]) -> None:
    poor = mosquitto("allow_anonymous true\nlistener {port} 127.0.0.1\nmax_queued_messages 100\n")
    (tmp_path / "site.toml").write_text(SITE.format(broker=poor.port, store="lake:./lake"))  # type: ignore[attr-defined]
    refused(vigiposte("doctor", folder=tmp_path), 3, "broker queue", "max_queued_messages")


@pytest.mark.mosquitto
def test_doctor_accepts_the_settings_of_init(tmp_path: Path, mosquitto: Callable[..., object]) -> None:
    good = mosquitto()
    (tmp_path / "site.toml").write_text(SITE.format(broker=good.port, store="lake:./lake"))  # type: ignore[attr-defined]
    done = vigiposte("doctor", "--json", folder=tmp_path)
    findings = {item["subject"]: item["state"] for item in json.loads(done.stdout)["findings"]}
    assert findings["broker queue"] == "ok"
    assert findings["broker window"] == "ok"
    assert done.returncode == 0


def test_version() -> None:
    started = time.monotonic()
    done = vigiposte("--version", folder=REPOSITORY)
    assert done.stdout.startswith("vigiposte ")
    assert time.monotonic() - started < 30
