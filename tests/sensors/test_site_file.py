"""Every mistake in a site file or a log is named with file, key, value, rule, remedy and a stable code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sensors.errors import ConfigurationError, SiteFileError, VigiposteError
from sensors.site_file import find_site_file, load_site

HERE = Path(__file__).parent
VALID = (HERE / "valid_site.toml").read_text(encoding="utf-8")
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "broken_sites.toml").read_text(encoding="utf-8"))["case"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIGIPOSTE_SITE", "VIGIPOSTE_MQTT_URL", "VIGIPOSTE_STORE_URL", "VIGIPOSTE_STORE_SUMMARIES"):
        monkeypatch.delenv(name, raising=False)


def _write(folder: Path, case: dict[str, Any]) -> Path:
    text = case.get("whole", VALID)
    for old, new in case.get("replace", []):
        assert old in text, f"the case replaces a text that is not there: {old!r}"
        text = text.replace(old, new)
    path = folder / "site.toml"
    path.write_text(text + "\n" + case.get("append", ""), encoding="utf-8")
    for name, rows in case.get("logs", {}).items():
        (folder / f"{name}.csv").write_text(rows.lstrip("\n"), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_broken_site(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SiteFileError) as caught:
        load_site(_write(tmp_path, case))
    problems = caught.value.problems
    found = [(item.file, item.key, item.code) for item in problems]
    assert found == [tuple(expected[:3]) for expected in case["problems"]]
    for item, expected in zip(problems, case["problems"], strict=True):
        assert expected[3] in f"{item.rule}. {item.remedy}"
        assert item.rule
        assert item.remedy
        # One line, short enough to read.
        assert "\n" not in str(item)
        assert len(str(item)) < 500
    if "never" in case:
        assert case["never"] not in str(caught.value)
    assert caught.value.exit_code == 3


def test_the_table_is_as_long_as_promised() -> None:
    assert len(CASES) >= 30
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_the_valid_site_is_valid(tmp_path: Path) -> None:
    book = load_site(_write(tmp_path, {}))
    assert book.site.site.label == "Usine de démonstration"
    assert book.folder == tmp_path
    assert [sensor.id for sensor in book.site.sensors] == ["dos-1", "micro-1", "climat-1"]
    assert book.notices() == ()


def test_a_file_saved_by_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    assert load_site(path).site.site.id == "usine"


def test_a_file_in_another_encoding_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(VALID.encode("cp1252"))
    with pytest.raises(SiteFileError) as caught:
        load_site(path)
    assert caught.value.problems[0].code == "not_utf8"


def test_a_missing_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="vigiposte init"):
        find_site_file()
    with pytest.raises(ConfigurationError, match="no such site file"):
        find_site_file(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_site(tmp_path / "nowhere.toml")


def test_flag_beats_environment_beats_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {}
    for name in ("flag", "environment", "here"):
        (tmp_path / name).mkdir()
        places[name] = tmp_path / name / "site.toml"
        places[name].write_text(VALID)
    deep = tmp_path / "here" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_site_file() == places["here"]
    monkeypatch.setenv("VIGIPOSTE_SITE", str(places["environment"]))
    assert find_site_file() == places["environment"]
    assert find_site_file(tmp_path / "flag") == places["flag"]


def test_the_environment_beats_the_file_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, {})
    monkeypatch.setenv("VIGIPOSTE_STORE_URL", "influxdb://db:8086/usine")
    monkeypatch.setenv("VIGIPOSTE_MQTT_USERNAME", "ingest")
    book = load_site(path)
    assert book.site.store.url == "influxdb://db:8086/usine"
    assert book.site.mqtt.username == "ingest"
    monkeypatch.setenv("VIGIPOSTE_MQTT_RECEIVE_MAXIMUM", "many")
    monkeypatch.setenv("VIGIPOSTE_MQTT_URL", "mqtt://a:hunter2@b")
    with pytest.raises(SiteFileError) as caught:
        load_site(path)
    problem = caught.value.problems[0]
    assert (problem.file, problem.key) == ("environment", "VIGIPOSTE_MQTT_RECEIVE_MAXIMUM")
    assert "hunter2" not in str(caught.value)


def test_a_worn_live_sensor_without_campaign_is_pointed_out(tmp_path: Path) -> None:
    without = re.sub(r"\[\[campaigns\]\].*?(?=\[\[shifts\]\])", "", VALID, count=1, flags=re.DOTALL)
    book = load_site(_write(tmp_path, {"whole": without}))
    assert [notice.code for notice in book.notices()] == ["campaign_missing"]


_LINES = VALID.splitlines()
_VALUES = [
    "1",
    "-1",
    "1e400",
    "nan",
    "true",
    '"x"',
    '""',
    "[]",
    "{}",
    "[[1]]",
    "2026-11-16",
    "05:00:00",
    '"' + "é" * 90 + '"',
]


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_change_gives_a_site_or_problems(tmp_path: Path, data: st.DataObject) -> None:
    lines = list(_LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[place].partition(" = ")
        if equals and data.draw(st.booleans()):
            lines[place] = f"{key} = {data.draw(st.sampled_from(_VALUES))}"
        elif data.draw(st.booleans()):
            del lines[place]
        else:
            lines[place] = data.draw(st.text(max_size=12)).replace("\r", "")
    path = tmp_path / "site.toml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    problem = None
    try:
        load_site(path)
    except VigiposteError as error:
        problem = error
    assert problem is None or isinstance(problem, SiteFileError)
