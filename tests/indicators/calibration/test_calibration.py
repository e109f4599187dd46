from __future__ import annotations

import json
import math
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from indicators.calibration.checks import (
    Stretch,
    check_microphone,
    check_postures,
    inclination_to,
    microphone_record,
    open_check,
)
from indicators.calibration.live import QuietWindow
from ingest.live import listen_sensor
from ingest.store import open_store
from sensors.calibration_log import append_calibration
from sensors.errors import BrokerUnreachableError, MethodError, SiteFileError, UsageError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from vigiposte import app

START_NS = 1_794_800_000_000_000_000
SITE = """# A comment that must survive.
schema = 1
[site]
id = "works"
label = "Works"
language = "en"
[[shifts]]
id = "day"
start = "07:00"
end = "15:00"
[[workstations]]
id = "press"
label = "Press"
shifts = ["day"]
[[sensors]]
id = "back-1"
kind = "posture"
channels = ["acc_x", "acc_y", "acc_z"]
[[sensors]]
id = "mic-1"
kind = "noise"
channels = ["laeq"]
[[sensors]]
id = "air-1"
kind = "climate"
[[placements]]
sensor = "back-1"
workstation = "press"
mount = "upper_back"
from = 2026-11-02T00:00:00
[[placements]]
sensor = "mic-1"
workstation = "press"
mount = "shoulder"
from = 2026-11-02T00:00:00
"""


def make_site(folder: Path, **changes: str) -> SiteBook:
    content = SITE
    for before, after in changes.items():
        content = content.replace(before, after)
    (folder / "site.toml").write_text(content, encoding="utf-8")
    return load_site(folder / "site.toml")


def direction(degrees: float) -> NDArray[np.float64]:
    angle = math.radians(degrees)
    return np.array([math.cos(angle), 0.1 * math.sin(angle), math.sin(angle)]) / math.hypot(
        math.cos(angle), 0.1 * math.sin(angle), math.sin(angle)
    )


def stretch(degrees: float, seconds: float, *, noise_g: float = 0.01, start_s: float = 0.0) -> Stretch:
    count = int(seconds * 50)
    times = START_NS + (int(start_s * 1e9) + np.arange(count) * 20_000_000).astype(np.int64)
    rng = np.random.default_rng(int(degrees) + count)
    return Stretch(times, direction(degrees) + rng.normal(0.0, noise_g, (count, 3)))


def code_of(action: Callable[[], object]) -> str | None:
    with pytest.raises((MethodError, UsageError)) as caught:
        action()
    return caught.value.code


def test_two_postures_give_means_angle_and_axes() -> None:
    found = check_postures(stretch(0, 10), stretch(45, 5))
    assert found.lean_deg == pytest.approx(45.0, abs=0.5)
    np.testing.assert_allclose(found.upright, [1.0, 0.0, 0.0], atol=0.01)
    assert found.frame.splits
    assert not check_postures(stretch(0, 10)).frame.splits


@pytest.mark.parametrize(
    ("upright", "lean", "code"),
    [
        (stretch(0, 9), stretch(45, 5), "upright_too_short"),
        (stretch(0, 10), stretch(45, 4), "lean_too_short"),
        (stretch(0, 10), stretch(15, 5), "lean_too_small"),
        (stretch(0, 10, noise_g=0.08), stretch(45, 5), "not_still"),
        (stretch(0, 10), stretch(45, 5, noise_g=0.08), "not_still"),
        (Stretch(stretch(0, 10).times_ns, 9.81 * stretch(0, 10).acc), None, "not_one_gravity"),
        (Stretch(np.zeros(0, dtype=np.int64), np.zeros((0, 3))), None, "no_valid_values"),
        (Stretch(stretch(0, 10).times_ns, np.full((500, 3), np.nan)), None, "no_valid_values"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_postures_are_refused_with_their_reason(
    upright: Stretch, lean: Stretch | None, code: str
) -> None:
    assert code_of(lambda: check_postures(upright, lean)) == code


def test_half_a_decibel_is_kept_and_more_is_discarded() -> None:
    assert not check_microphone(94.0, 94.5).discarded
    assert not check_microphone(94.0, 93.5).discarded
    assert not check_microphone(93.6, 94.1).discarded
    assert check_microphone(94.0, 94.6).discarded
    assert check_microphone(94.0, 93.4).drift_db == pytest.approx(-0.6)
    assert code_of(lambda: check_microphone(94.0, 20.0)) == "calibrator_level"
    assert code_of(lambda: check_microphone(math.nan, 94.0)) == "calibrator_level"


def test_a_quiet_window_waits_for_stillness_and_for_the_lean() -> None:
    window = QuietWindow(5.0)
    assert window.still() is None
    moving, still = stretch(0, 4, noise_g=0.2), stretch(0, 6, start_s=4.0)
    window.add(moving.times_ns, moving.acc)
    window.add(still.times_ns[:200], still.acc[:200])
    assert window.still() is None, "four quiet seconds of five"
    window.add(still.times_ns[200:], still.acc[200:])
    found = window.still()
    assert found is not None
    assert found.times_ns[0] >= still.times_ns[0]
    assert len(found.times_ns) == 250
    leaning = QuietWindow(5.0, far_from=(direction(0), 20.0))
    leaning.add(still.times_ns, still.acc)
    assert leaning.still() is None
    assert leaning.near()
    bent = stretch(40, 5, start_s=10.0)
    leaning.add(bent.times_ns, bent.acc)
    assert leaning.still() is not None


def test_a_quiet_window_leaves_out_missing_values_and_sorts_late_ones() -> None:
    window = QuietWindow(5.0)
    still = stretch(0, 6)
    rows = still.acc.copy()
    rows[::7] = np.nan
    window.add(still.times_ns[150:], rows[150:])
    window.add(still.times_ns[:150], rows[:150])
    found = window.still()
    assert found is not None
    assert not np.isnan(found.acc).any()
    assert (np.diff(found.times_ns) > 0).all()


def test_a_quiet_window_takes_devices_whose_clock_jitters_and_refuses_a_hole() -> None:
    jitter = np.random.default_rng(2).integers(-4_000_000, 4_000_000, 600)
    times = START_NS + np.arange(600, dtype=np.int64) * 20_000_000 + jitter
    values = np.tile(direction(0.0), (600, 1))
    window = QuietWindow(10.0)
    window.add(times[:400], values[:400])
    assert window.still() is None
    window.add(times[400:], values[400:])
    found = window.still()
    assert found is not None
    assert 10.0 <= (found.times_ns[-1] - found.times_ns[0]) * 1e-9 + 0.02 < 10.1
    holed = QuietWindow(10.0)
    holed.add(times[:200], values[:200])
    holed.add(times[400:] + 4_000_000_000, values[400:])
    assert holed.still() is None


def test_inclination_is_the_angle_between_directions() -> None:
    assert inclination_to(direction(10), direction(10)) == pytest.approx(0.0, abs=1e-9)
    assert inclination_to(np.array([1.0, 0, 0]), np.array([0, 0, 2.0])) == pytest.approx(90.0)


def test_a_check_after_closes_the_open_one_and_discards_the_series_between(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    morning = datetime(2026, 11, 16, 6, 50, tzinfo=book.zone)
    evening = datetime(2026, 11, 16, 15, 10, tzinfo=book.zone)
    append_calibration(book, microphone_record(book, "mic-1", morning, before_db=94.0, after_db=None))
    book = load_site(book.path)
    waiting = open_check(book, "mic-1", evening)
    assert waiting is not None
    assert open_check(book, "mic-1", morning - timedelta(hours=1)) is None
    assert book.exclusions("mic-1", 0, 2**62) == ()
    append_calibration(book, microphone_record(book, "mic-1", evening, before_db=None, after_db=94.8))
    book = load_site(book.path)
    assert open_check(book, "mic-1", evening) is None
    (row,) = book.exclusions("mic-1", 0, 2**62)
    assert (row.start_ns, row.end_ns) == (book.to_ns(morning), book.to_ns(evening))
    assert "+0.8 dB" in row.reason
    assert code_of(lambda: microphone_record(book, "mic-1", evening, before_db=None, after_db=94.0)) == (
        "no_check_before"
    )


def test_records_of_one_second_get_names_of_their_own(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    at = datetime(2026, 11, 16, 6, 50, tzinfo=book.zone)
    first = microphone_record(book, "mic-1", at, before_db=94.0, after_db=94.1)
    append_calibration(book, first)
    second = microphone_record(load_site(book.path), "mic-1", at, before_db=94.0, after_db=94.1)
    append_calibration(book, second)
    assert first["id"] != second["id"]
    assert len(load_site(book.path).site.calibrations) == 2


@pytest.mark.parametrize(("language", "head"), [("fr", "# Relevés de"), ("en", "# Records of")])
def test_a_new_log_says_what_it_is_in_the_language_of_the_site(
    tmp_path: Path, language: str, head: str
) -> None:
    book = make_site(tmp_path)
    book.path.write_text(
        book.path.read_text(encoding="utf-8").replace('language = "en"', f'language = "{language}"'),
        encoding="utf-8",
    )
    book = load_site(book.path)
    at = datetime(2026, 11, 16, 6, 50, tzinfo=book.zone)
    for hour in range(2):
        when = at + timedelta(hours=hour)
        append_calibration(book, microphone_record(book, "mic-1", when, before_db=94.0, after_db=94.1))
    text = (tmp_path / "calibrations.toml").read_text(encoding="utf-8")
    assert text.startswith(head)
    assert text.count("\n#") == 1, "once, in two lines"
    assert len(load_site(book.path).site.calibrations) == 2


def test_the_log_is_appended_to_and_checked_like_the_site_file(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    log = tmp_path / "calibrations.toml"
    at = datetime(2026, 11, 16, 6, 50, tzinfo=book.zone)
    append_calibration(book, microphone_record(book, "mic-1", at, before_db=94.0, after_db=None))
    first = log.read_bytes()
    log.write_bytes(first.rstrip(b"\n"))
    append_calibration(book, {"id": "x", "sensor": "mic-9", "at": at, "kind": "microphone"})
    assert log.read_bytes().startswith(first)
    assert len(tomllib.loads(log.read_text())["calibrations"]) == 2
    with pytest.raises(SiteFileError) as caught:
        load_site(book.path)
    found = {(item.file, item.key, item.code) for item in caught.value.problems}
    assert ("calibrations.toml", "calibrations[1].sensor", "unknown_reference") in found
    assert ("calibrations.toml", "calibrations[1].level_before_db", "calibration_part") in found
    log.write_text("[site]\n")
    with pytest.raises(SiteFileError, match=r"calibrations\.toml"):
        load_site(book.path)
    log.write_text("[[calibrations]\n")
    with pytest.raises(SiteFileError, match=r"calibrations\.toml"):
        load_site(book.path)


def test_closing_must_name_an_earlier_check_of_the_same_microphone(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    at = datetime(2026, 11, 16, 6, 50, tzinfo=book.zone)
    append_calibration(
        book, {"id": "a", "sensor": "mic-1", "at": at, "kind": "microphone", "level_before_db": 94.0}
    )
    late = {
        "id": "b",
        "sensor": "mic-1",
        "kind": "microphone",
        "level_before_db": 94.0,
        "level_after_db": 94.0,
    }
    append_calibration(book, {**late, "at": at - timedelta(hours=1), "closes": "a"})
    with pytest.raises(SiteFileError) as caught:
        load_site(book.path)
    assert [item.code for item in caught.value.problems] == ["calibration_closes"]


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["calibrate", *arguments])


def write_csv(path: Path, found: Stretch) -> Path:
    lines = ["t,acc_x,acc_y,acc_z"]
    lines += [
        f"{time_ns / 1e9:.3f},{row[0]:.5f},{row[1]:.5f},{row[2]:.5f}"
        for time_ns, row in zip(found.times_ns, found.acc, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_postures_from_files_are_recorded_and_the_site_file_stays_untouched(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    before = book.path.read_bytes()
    upright = write_csv(tmp_path / "u.csv", stretch(0, 11))
    lean = write_csv(tmp_path / "l.csv", stretch(40, 6, start_s=20.0))
    given = ("back-1", "--site", str(book.path), "--upright", str(upright), "--lean", str(lean))
    dry = invoke(*given, "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    assert json.loads(dry.stdout)["recorded"] is False
    assert not (tmp_path / "calibrations.toml").exists()
    answer = invoke(*given, "--json")
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["schema"] == "vigiposte.calibrate/1"
    assert document["lean_deg"] == pytest.approx(40.0, abs=0.5)
    assert book.path.read_bytes() == before
    found = load_site(book.path)
    in_force = found.calibration_at("back-1", START_NS + 60_000_000_000)
    assert in_force is not None
    assert in_force.id == document["record"]["id"]
    assert in_force.kind == "two_postures"
    assert found.calibration_at("back-1", START_NS - 3_600_000_000_000) is None


def test_postures_from_the_store_are_recorded(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    store = open_store("lake:./lake", base=tmp_path)
    for found in (stretch(0, 20), stretch(50, 20, start_s=30.0)):
        channels = {name: found.acc[:, axis] for axis, name in enumerate(("acc_x", "acc_y", "acc_z"))}
        flags = np.zeros(len(found.times_ns), dtype=np.uint16)
        store.write([ReadingBatch("works", "back-1", Kind.POSTURE, found.times_ns, channels, flags)])
    store.close()

    def span(first_s: int, last_s: int) -> str:
        return "..".join(
            book.local(START_NS + s * 10**9).replace(tzinfo=None).isoformat() for s in (first_s, last_s)
        )

    site = ("back-1", "--site", str(book.path))
    answer = invoke(*site, "--upright", span(2, 14), "--lean", span(32, 40))
    assert answer.exit_code == 0, answer.output
    assert "leaning by 50°" in answer.stdout
    for arguments, code in (
        (("--upright", span(2, 8), "--lean", span(32, 40)), "upright_too_short"),
        (("--upright", span(2, 14), "--lean", span(3, 10)), "lean_too_small"),
        (("--upright", span(15, 40)), "not_still"),
        (("--upright", span(100, 120)), "no_readings"),
        (("--upright", "yesterday"), "period_format"),
        (("--lean", span(32, 40)), "upright_required"),
    ):
        refused = invoke(*site, *arguments)
        assert getattr(refused.exception, "code", None) == code, (arguments, refused.output)
    assert len(load_site(book.path).site.calibrations) == 1


def test_files_that_are_no_recordings_are_refused(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    for number, content in enumerate(
        ("", "a,b\n1,2\n", "t,acc_x,acc_y,acc_z\nnoon,1,0,0\n", "t,acc_x,acc_y,acc_z\n")
    ):
        path = tmp_path / f"{number}.csv"
        path.write_text(content)
        answer = invoke("back-1", "--site", str(book.path), "--upright", str(path))
        assert getattr(answer.exception, "code", None) == "file_format", content


def test_microphone_levels_are_recorded_before_and_after(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    site = ("mic-1", "--site", str(book.path))
    refused = invoke(*site, "--after", "94.0")
    assert getattr(refused.exception, "code", None) == "no_check_before"
    first = invoke(*site, "--before", "94.0")
    assert first.exit_code == 0, first.output
    second = invoke(*site, "--after", "94.9", "--json")
    assert json.loads(second.stdout)["discarded"] is True
    third = invoke(*site, "--before", "94.1", "--after", "94.2", "--json")
    assert json.loads(third.stdout)["discarded"] is False
    book = load_site(book.path)
    assert len(book.site.calibrations) == 3
    assert len(book.exclusions("mic-1", 0, 2**62)) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("mic-1", "--upright", "x"), "calibration_kind"),
        (("back-1", "--before", "94"), "calibration_kind"),
        (("air-1",), "calibration_kind"),
        (("mic-1",), "no_level"),
        (("mic-1", "--check", "twice"), "unknown_check"),
        (("nobody",), "unknown_sensor"),
    ],
)
def test_the_wrong_calibration_is_refused(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    book = make_site(tmp_path)
    answer = invoke(*arguments, "--site", str(book.path))
    assert getattr(answer.exception, "code", None) == code


@contextmanager
def sending(url: str, topic: str, payloads: Callable[[float], dict[str, Any] | None]) -> Iterator[None]:
    """A sensor that sends what `payloads` says of each tenth of a second of its own, faster, clock."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.loop_start()
    stop = threading.Event()

    def run() -> None:
        elapsed = 0.0
        while not stop.is_set():
            payload = payloads(elapsed)
            if payload is not None:
                client.publish(topic, json.dumps(payload))
            elapsed += 0.5
            stop.wait(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


def posture_payload(elapsed_s: float, degrees: float, noise_g: float = 0.005) -> dict[str, Any]:
    rng = np.random.default_rng(int(elapsed_s * 10))
    rows = direction(degrees) + rng.normal(0.0, noise_g, (25, 3))
    columns = {
        name: [round(float(x), 5) for x in rows[:, axis]]
        for axis, name in enumerate(("acc_x", "acc_y", "acc_z"))
    }
    return {"t0": START_NS / 1e9 + elapsed_s, "dt": 0.02, **columns}


@pytest.mark.mosquitto
def test_live_postures_are_taken_when_still_and_bent(tmp_path: Path, shared_mosquitto: Any) -> None:
    book = make_site(tmp_path, **{'id = "works"': 'id = "live-postures"'})

    def worker(elapsed_s: float) -> dict[str, Any]:
        if elapsed_s < 5.0:
            return posture_payload(elapsed_s, 0.0, 0.3)
        return posture_payload(elapsed_s, 0.0 if elapsed_s % 60.0 < 30.0 else 48.0)

    with sending(shared_mosquitto.url, "vigiposte/v1/live-postures/back-1/columns", worker):
        answer = invoke(
            "back-1", "--site", str(book.path), "--mqtt", shared_mosquitto.url, "--timeout", "30", "--json"
        )
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["lean_deg"] == pytest.approx(48.0, abs=0.5)
    (row,) = load_site(book.path).site.calibrations
    assert row.kind == "two_postures"


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("worker", "code"),
    [
        (lambda elapsed: posture_payload(elapsed, 0.0, 0.3), "not_still"),
        (lambda elapsed: posture_payload(elapsed, 0.0), "lean_too_small"),
        (lambda _: {"t0": "never", "acc_x": "nothing"}, "no_readings"),
        (lambda _: None, "no_readings"),
    ],
    ids=["restless", "upright", "garbage", "silent"],
)
def test_live_postures_are_refused_with_their_reason(
    tmp_path: Path, shared_mosquitto: Any, worker: Callable[[float], dict[str, Any] | None], code: str
) -> None:
    name = f"live-{code.replace('_', '-')}"
    book = make_site(tmp_path, **{'id = "works"': f'id = "{name}"'})
    with sending(shared_mosquitto.url, f"vigiposte/v1/{name}/back-1/columns", worker):
        answer = invoke("back-1", "--site", str(book.path), "--mqtt", shared_mosquitto.url, "--timeout", "2")
    assert getattr(answer.exception, "code", None) == code, answer.output
    assert not (tmp_path / "calibrations.toml").exists()


@pytest.mark.mosquitto
def test_the_calibrator_is_heard_live(tmp_path: Path, shared_mosquitto: Any) -> None:
    book = make_site(tmp_path, **{'id = "works"': 'id = "live-mic"'})

    def tone(elapsed_s: float) -> dict[str, Any]:
        # Half a second of this clock is a second of the sensor's.
        level = 60.0 + 10.0 * math.sin(elapsed_s) if elapsed_s < 4.0 else 93.8 + 0.05 * math.sin(elapsed_s)
        return {"t": START_NS / 1e9 + 2.0 * elapsed_s, "laeq": level}

    with sending(shared_mosquitto.url, "vigiposte/v1/live-mic/mic-1/json", tone):
        answer = invoke(
            "mic-1", "--site", str(book.path), "--mqtt", shared_mosquitto.url, "--check", "before", "--json"
        )
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["record"]["level_before_db"] == pytest.approx(93.8, abs=0.1)


@pytest.mark.mosquitto
def test_listening_hears_one_sensor_only_and_leaves_nothing_behind(
    tmp_path: Path, shared_mosquitto: Any
) -> None:
    book = make_site(tmp_path, **{'id = "works"': 'id = "live-one"'})
    other = "vigiposte/v1/live-one/mic-1/json"
    with (
        sending(shared_mosquitto.url, other, lambda e: {"t": START_NS / 1e9 + e, "laeq": 80.0}),
        sending(
            shared_mosquitto.url, "vigiposte/v1/live-one/back-1/columns", lambda e: posture_payload(e, 0.0)
        ),
        listen_sensor(book, "back-1", mqtt_url=shared_mosquitto.url) as arrivals,
    ):
        heard = [found for _, found in zip(range(20), arrivals, strict=False) if found is not None]
    assert heard
    assert all(set(found.channels) == {"acc_x", "acc_y", "acc_z"} for found in heard)


def test_an_absent_broker_is_named(tmp_path: Path, free_port: Callable[[], int]) -> None:
    book = make_site(tmp_path)
    with (
        pytest.raises(BrokerUnreachableError) as caught,
        listen_sensor(book, "back-1", mqtt_url=f"mqtt://127.0.0.1:{free_port()}"),
    ):
        pass
    assert caught.value.code == "broker_unreachable"
    assert caught.value.remedy
