from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensors.errors import ConfigurationError
from sensors.formats import WireFormat, decode
from sensors.quantities import Kind
from sensors.site_file import load_site
from sensors.site_model import Origin
from sensors.topics import parse_topic
from simulators.plant import plant_sensors, work_days
from simulators.recorded_site import recorded_messages, write_recorded_site, write_recorded_trace
from simulators.recordings import RecordedSensor, read_recordings
from simulators.scenario import Scenario, SensorRole
from simulators.signals_posture import mounting
from simulators.site_writer import SiteOptions, write_site
from simulators.trace import TraceReader

_MINUTE_NS = 60_000_000_000


def test_the_plants_site_is_valid_and_says_who_wore_what(
    tmp_path: Path, demo: Scenario, monday: date
) -> None:
    book = load_site(write_site(demo, 1, monday, tmp_path))
    assert book.site.campaigns[0].simulation
    assert {sensor.origin for sensor in book.site.sensors} == {Origin.SIMULATED}
    for day in work_days(demo, 1, monday):
        (window,) = book.shift_windows(day.workstation.id, day.date, day.date)
        assert (window.start_ns, window.end_ns) == (day.start_ns, day.end_ns)
        assert [(a - day.start_ns) // 10**9 for a, _ in window.breaks] == [7200, 16200]
        for sensor in plant_sensors(demo, day.workstation.id):
            postings = book.assignments(sensor.id, day.start_ns, day.end_ns)
            assert postings[0].start_ns == day.start_ns
            assert postings[-1].end_ns == day.end_ns
            expected = day.wearer if sensor.mount.worn else None
            assert {posting.wearer for posting in postings} == {expected}
            assert {posting.mount for posting in postings} == {sensor.mount}


def test_each_morning_has_its_own_calibration(tmp_path: Path, demo: Scenario, monday: date) -> None:
    book = load_site(write_site(demo, 1, monday, tmp_path))
    for day in list(work_days(demo, 1, monday))[::7]:
        for role in (SensorRole.TRUNK, SensorRole.ARM):
            worn = mounting(day, role)
            found = book.calibration_at(f"{day.workstation.id}-{role.value}", day.start_ns)
            assert found is not None
            assert (found.upright, found.lean) == (worn.upright_g, worn.lean_g)


def test_the_task_log_gives_every_minute_its_task(tmp_path: Path, demo: Scenario, monday: date) -> None:
    book = load_site(write_site(demo, 1, monday, tmp_path))
    day = next(work_days(demo, 1, monday))
    postings = book.assignments(f"{day.workstation.id}-noise", day.start_ns, day.end_ns)
    planned = [f"{day.workstation.id}-{block.task.id}" if block.task else None for block in day.blocks]
    assert [posting.task for posting in postings] == planned
    assert {task.id for task in book.site.tasks if task.workstation == "press-1"} == set(planned) - {None}
    assert all((posting.start_ns - day.start_ns) % _MINUTE_NS == 0 for posting in postings)


def test_labels_follow_the_language(tmp_path: Path, demo: Scenario, monday: date) -> None:
    french = load_site(write_site(demo, 1, monday, tmp_path / "fr"))
    english = load_site(write_site(demo, 1, monday, tmp_path / "en", SiteOptions(language="en")))
    assert french.site.site.language == "fr"
    assert english.workstation("cold-5").label == "Cold store"
    assert french.workstation("cold-5").label == "Chambre froide"


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> tuple[RecordedSensor, ...]:
    return read_recordings(recordings, date(2026, 11, 16))


@pytest.mark.recordings
def test_recordings_land_on_one_week_by_whole_days(
    recorded: tuple[RecordedSensor, ...], recordings: Path
) -> None:
    trunk = next(sensor for sensor in recorded if sensor.id == "s024-trunk")
    frame = pd.read_parquet(recordings / "posture" / "S024_trunk.parquet")
    expected = pd.DatetimeIndex(frame.index) + pd.Timedelta(days=trunk.shifted_days)
    assert trunk.times_ns.tolist() == expected.as_unit("ns").asi8.tolist()
    assert np.array_equal(trunk.channels["acc_z"], frame["acc_z"].to_numpy())
    for sensor in recorded:
        days = pd.to_datetime([sensor.times_ns[0], sensor.times_ns[-1]]).isocalendar()
        assert set(zip(days["year"], days["week"], strict=True)) == {(2026, 47)}
    assert sum(len(sensor.times_ns) for sensor in recorded) == 2 * (137_646 + 170_534) + 86_400 + 2_665


@pytest.mark.recordings
def test_recorded_site_is_valid_and_its_shifts_cover_the_recordings(
    recorded: tuple[RecordedSensor, ...], tmp_path: Path
) -> None:
    book = load_site(write_recorded_site(recorded, tmp_path))
    assert {sensor.origin for sensor in book.site.sensors} == {Origin.REPLAY}
    assert {posting.wearer for posting in book.assignments("s023-trunk", 0, 2**62)} - {None} == {"s023"}
    for sensor in recorded:
        windows = book.shift_windows(sensor.workstation, date(2026, 11, 16), date(2026, 11, 22))
        inside = np.zeros(sensor.times_ns.size, bool)
        for window in windows:
            assert window.start_ns % _MINUTE_NS == 0
            assert window.end_ns % _MINUTE_NS == 0
            inside |= (sensor.times_ns >= window.start_ns) & (sensor.times_ns < window.end_ns)
        assert inside.all()
    upright = book.calibration_at("s023-trunk", int(recorded[0].times_ns[0]))
    assert upright is not None
    assert upright.upright == pytest.approx((0.98, 0.0084, -0.0531), abs=1e-3)


@pytest.mark.recordings
def test_recorded_messages_carry_every_value_exactly(
    recorded: tuple[RecordedSensor, ...], tmp_path: Path
) -> None:
    path = write_recorded_trace(recorded, tmp_path / "recordings.trace.gz")
    kinds = {sensor.id: sensor.kind for sensor in recorded}
    times: dict[str, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = {sensor: [] for sensor in kinds}
    values: dict[str, list[np.ndarray[tuple[int], np.dtype[np.floating]]]] = {sensor: [] for sensor in kinds}
    dues = []
    for message in TraceReader(path):
        assert len(message.payload) < 20_000
        dues.append(message.due_ns)
        topic = parse_topic(message.topic)
        rows = decode(WireFormat(topic.format), message.payload, 0, kind=kinds[topic.sensor])
        times[topic.sensor].append(rows.times_ns)
        values[topic.sensor].append(next(iter(rows.channels.values())))
    assert dues == sorted(dues)
    assert dues == sorted(message.due_ns for message in recorded_messages(recorded))
    for sensor in recorded:
        assert np.array_equal(np.concatenate(times[sensor.id]), sensor.times_ns)
        first = next(iter(sensor.channels.values()))
        assert np.concatenate(values[sensor.id]).tolist() == first.tolist()
    assert {sensor.kind for sensor in recorded} == set(Kind)


def test_missing_recordings_and_other_weekdays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="S023_ground_truth"):
        read_recordings(tmp_path, date(2026, 11, 16))
    with pytest.raises(ConfigurationError, match="Monday"):
        read_recordings(tmp_path, date(2026, 11, 17))
