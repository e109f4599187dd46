"""Logs are read from any spreadsheet and appended to without mixing rows."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.errors import SiteFileError, UsageError
from sensors.local_time import OPEN_END_NS, to_ns
from sensors.log_tables import ActionFactor, ControlLevel, Vigilance
from sensors.logs import LOGS, append_log, parse_logs, read_logs

PARIS = ZoneInfo("Europe/Paris")
REPOSITORY = Path(__file__).resolve().parents[2]


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    logs = read_logs(tmp_path, PARIS)
    assert logs.assignments == ()
    assert logs.wearers is None


def test_rows_become_typed(tmp_path: Path) -> None:
    texts = {
        "assignments": "from,to,sensor,wearer,workstation,task\n2026-07-01T05:00,,dos-1,heron-12,,\n",
        "exclusions": 'from,to,sensor,reason,who\n2026-07-01,2026-07-02,dos-1,"tombé, puis remis",AB\n',
        "actions": "id,workstation,factor,level,what,owner,due,done,reason\n"
        "a-1,presse-1,noise,source,Capotage,maintenance,2026-09-01,,\n",
        "situations": 'from,to,workstation,text,borg\n2026-07-01T10:00,,presse-1,Bac trop bas,"6,5"\n',
        "episodes": "from,to,level,source\n2026-07-01,2026-07-04,orange,Météo-France\n",
        "wearers": "wearer\nheron-12\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    logs = read_logs(tmp_path, PARIS)
    (assignment,) = logs.assignments
    assert assignment.start_ns == to_ns(datetime(2026, 7, 1, 3, tzinfo=UTC), PARIS)
    assert (assignment.end_ns, assignment.wearer, assignment.workstation) == (OPEN_END_NS, "heron-12", None)
    assert logs.exclusions[0].reason == "tombé, puis remis"
    assert logs.actions[0].level is ControlLevel.SOURCE
    assert logs.actions[0].factor is ActionFactor.NOISE
    assert (logs.actions[0].due, logs.actions[0].done) == (date(2026, 9, 1), None)
    assert logs.situations[0].borg == 6.5
    assert logs.episodes[0].level is Vigilance.ORANGE
    assert logs.wearers is not None
    assert logs.wearers[0].wearer == "heron-12"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_french_spreadsheets_save_is_read(tmp_path: Path, encoding: str, ending: str) -> None:
    lines = [
        "From;To;Sensor;Reason;Who",
        "# remarque",
        "2026-11-16 05:00;2026-11-16 06:00;dos-1;gêné;",
        ";;;;",
        "",
    ]
    (tmp_path / "exclusions.csv").write_bytes(ending.join(lines).encode(encoding))
    (row,) = read_logs(tmp_path, PARIS).exclusions
    assert (row.reason, row.who, row.line) == ("gêné", None, 3)


def test_an_offset_settles_the_hour_that_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "pauses.csv").write_text(
        "from,to,sensor,reason\n2026-10-25T02:30+02:00,2026-10-25T02:30+01:00,,\n", encoding="utf-8"
    )
    (row,) = read_logs(tmp_path, PARIS).pauses
    assert row.end_ns - row.start_ns == 3_600_000_000_000


def test_good_rows_are_kept_beside_bad_ones(tmp_path: Path) -> None:
    (tmp_path / "pauses.csv").write_text("from,to\n2026-11-16,2026-11-17\nsoon,later\n", encoding="utf-8")
    logs, problems = parse_logs(tmp_path, PARIS)
    assert len(logs.pauses) == 1
    assert [problem.key for problem in problems] == ["line 3, from", "line 3, to"]
    with pytest.raises(SiteFileError):
        read_logs(tmp_path, PARIS)


def test_the_first_row_brings_the_header(tmp_path: Path) -> None:
    row = {"from": "2026-11-16", "to": "2026-11-17", "sensor": "a", "reason": 'a "b", c\nd'}
    path = append_log(tmp_path / "new", "exclusions", row)
    assert path.read_text(encoding="utf-8") == (
        'from,to,sensor,reason,who\n2026-11-16,2026-11-17,a,"a ""b"", c d",\n'
    )
    assert read_logs(path.parent, PARIS).exclusions[0].reason == 'a "b", c d'
    assert [item.name for item in path.parent.iterdir()] == ["exclusions.csv"]


def test_a_row_is_written_as_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "exclusions.csv"
    path.write_bytes("sensor;reason;from;to\ndos-1;gêné;2026-11-16;2026-11-17".encode("cp1252"))
    append_log(
        tmp_path,
        "exclusions",
        {"from": "2026-11-18", "to": "2026-11-19", "sensor": "dos-2", "reason": "tombé"},
    )
    rows = read_logs(tmp_path, PARIS).exclusions
    assert [(row.sensor, row.reason) for row in rows] == [("dos-1", "gêné"), ("dos-2", "tombé")]
    assert path.read_bytes().endswith("dos-2;tombé;2026-11-18;2026-11-19\n".encode("cp1252"))


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("diary", {}, "one of assignments"),
        ("exclusions", {"from": "a", "name": "b"}, "no column name"),
        ("exclusions", {"from": "a", "to": "b", "sensor": "c", "reason": " "}, "needs reason"),
    ],
)
def test_rows_that_cannot_be_appended(tmp_path: Path, name: str, row: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        append_log(tmp_path, name, row)
    assert list(tmp_path.iterdir()) == []


def test_rows_of_several_writers_never_mix(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from sensors.logs import append_log
        for number in range(60):
            append_log(Path(sys.argv[1]), "wearers", {"wearer": f"p{sys.argv[2]}-{number}"})
        """
    )

    def run(writer: int) -> None:
        subprocess.run([sys.executable, "-c", script, str(tmp_path), str(writer)], check=True, cwd=REPOSITORY)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    lines = (tmp_path / "wearers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "wearer"
    assert sorted(lines[1:]) == sorted(f"p{writer}-{number}" for writer in range(3) for number in range(60))


texts = st.text(max_size=30)


@settings(
    max_examples=80, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(sorted(LOGS)), st.lists(st.lists(texts, max_size=6), max_size=5), st.binary(max_size=60)
)
def test_any_file_gives_rows_or_problems(
    tmp_path: Path, name: str, rows: list[list[str]], tail: bytes
) -> None:
    header = ",".join(LOGS[name].header)
    body = "\n".join(",".join(row) for row in rows)
    path = tmp_path / f"{name}.csv"
    path.write_bytes(f"{header}\n{body}".encode(errors="replace") + tail)
    logs, problems = parse_logs(tmp_path, PARIS)
    path.unlink()
    assert logs is not None
    assert all(problem.file == f"{name}.csv" and problem.rule and problem.remedy for problem in problems)
