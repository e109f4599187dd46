"""From journal to store: flags, quarantine, patience with the store, and no row lost or doubled."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.counters import IngestCounters
from ingest.journal import (
    Arrival,
    Chunk,
    Cursor,
    JournalReader,
    JournalWriter,
    Message,
    Position,
    backlog_of,
)
from ingest.journal.segments import list_segments
from ingest.pipeline import Feeder, FeederSettings, Router, SensorHealth
from ingest.pipeline.limits import RateLimit
from ingest.pipeline.unpacking import Unpacked, Unpacker
from ingest.quarantine import Quarantine, Refused, read_quarantine
from ingest.store import ReadingQuery, Store, WriteOutcome
from sensors.errors import StoreRejectedError, StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import Flag, ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_model import Sensor

S = 10**9
NOW_S = 1_795_500_000
NOW = NOW_S * S


class Line:
    """A journal, and a feeder from it into a lake, that can be closed and opened again."""

    def __init__(self, book: SiteBook, store: Any, **settings: Any) -> None:
        self.folder = book.folder / "journal"
        self.folder.mkdir(exist_ok=True)
        self.store = store
        self.counters = IngestCounters()
        self.stop = threading.Event()
        self.cursor = Cursor(self.folder)
        self.writer = JournalWriter(self.folder, after=self.cursor.position.sequence)
        self.reader = JournalReader(self.writer, self.cursor)
        self.health = {sensor.id: SensorHealth() for sensor in book.site.sensors}
        self.feeder = Feeder(
            "plant",
            self.reader,
            store,
            Router(book),
            Quarantine(self.folder / "quarantine", max_age_days=45),
            self.counters,
            self.health,
            self.stop,
            FeederSettings(**settings),
        )

    def arrive(self, sensor: str, message: Any, arrival_ns: int = NOW, fmt: str = "json") -> None:
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.writer.append([Arrival(f"vigiposte/v1/plant/{sensor}/{fmt}".encode(), payload, arrival_ns)])

    def feed_all(self) -> None:
        while self.feeder.feed():
            pass

    def rows(self, sensor: str, kind: Kind = Kind.NOISE) -> ReadingBatch:
        query = ReadingQuery("plant", sensor, kind, 0, 2**62)
        answer: ReadingBatch = self.store.read_columns(query)
        return answer

    def quarantined(self) -> list[dict[str, Any]]:
        return [dict(line) for line in read_quarantine(self.folder / "quarantine")]

    def close(self) -> None:
        self.writer.close()
        self.cursor.close()


@pytest.fixture
def line(make_site: Callable[..., SiteBook], make_lake: Callable[..., Store]) -> Line:
    return Line(make_site(), make_lake())


def test_messages_of_one_sensor_become_rows_in_time_order(line: Line) -> None:
    for second in (3, 1, 2):
        line.arrive("mic-1", {"t": NOW_S + second, "laeq": 70.0 + second})
    line.arrive("mic-1", {"t": NOW_S + 4, "laeq": 74.0, "battery": 88})
    line.feed_all()
    rows = line.rows("mic-1")
    assert rows.times_ns.tolist() == [NOW + n * S for n in (1, 2, 3, 4)]
    assert rows.channels["laeq"].tolist() == [71.0, 72.0, 73.0, 74.0]
    assert np.isnan(rows.channels["battery"][:3]).all()
    assert rows.channels["battery"][3] == 88
    assert line.counters.stored == 4
    assert line.health["mic-1"].battery == 88
    assert backlog_of(line.folder).bytes == 0


def test_a_later_message_wins_over_an_earlier_one_for_the_same_time(line: Line) -> None:
    line.arrive("mic-1", {"t": NOW_S, "laeq": 60.0})
    line.arrive("mic-1", {"t": NOW_S, "laeq": 61.0})
    line.feed_all()
    line.arrive("mic-1", {"t": NOW_S, "lcpeak": 99.0})
    line.arrive("mic-1", {"t": NOW_S, "laeq": 62.0})
    line.feed_all()
    rows = line.rows("mic-1")
    assert rows.channels["laeq"].tolist() == [62.0]
    assert rows.channels["lcpeak"].tolist() == [99.0]


def test_float32_stays_float32_on_its_way_to_the_store(line: Line) -> None:
    values = np.array([0.1, 0.2, 0.3], "<f4")
    message = {"t0": float(NOW_S), "dt": 0.04, "acc_x": values.tobytes()}
    line.arrive("back-1", msgspec.msgpack.encode(message), fmt="columns-msgpack")
    line.feed_all()
    assert line.rows("back-1", Kind.POSTURE).channels["acc_x"].tolist() == values.astype(float).tolist()


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("vigiposte/v1/plant/nobody/json", b'{"laeq": 70}', "unknown_sensor"),
        ("vigiposte/v1/other/mic-1/json", b'{"laeq": 70}', "wrong_site"),
        ("vigiposte/v1/plant/mic-1/xml", b"<a/>", "bad_topic"),
        ("something/else", b"{}", "bad_topic"),
        ("vigiposte/v1/plant/mic-1/json", b"{", "malformed"),
        ("vigiposte/v1/plant/mic-1/json", b'{"laeq": 700}', "out_of_range"),
        ("vigiposte/v1/plant/mic-1/json", b'{"heart_rate": 70}', "refused_quantity"),
        ("vigiposte/v1/plant/mic-1/json", b'{"acc_x": 1}', "wrong_kind"),
        ("vigiposte/v1/plant/mic-2/json", b'{"lcpeak": 90}', "undeclared_channel"),
        ("vigiposte/v1/plant/mic-1/json", b'{"laeq": 70, "t": ' + b"1" * 300_000 + b"}", "too_large"),
        ("vigiposte/v1/plant/mic-1/json", b"\xff\xfe", "malformed"),
    ],
)
def test_a_bad_message_is_kept_with_its_reason_and_stops_nobody(
    line: Line, topic: str, payload: bytes, code: str
) -> None:
    line.arrive("mic-1", {"t": NOW_S, "laeq": 70.0}, NOW)
    line.writer.append([Arrival(topic.encode(), payload, NOW + 5)])
    line.arrive("mic-1", {"t": NOW_S + 1, "laeq": 71.0}, NOW + 9)
    line.feed_all()
    assert line.rows("mic-1").channels["laeq"].tolist() == [70.0, 71.0]
    (entry,) = line.quarantined()
    assert entry["code"] == code
    assert entry["topic"] == topic
    assert entry["sequence"] == NOW + 5
    assert entry["reason"]
    if code == "refused_quantity":
        assert entry["payload"] is None
    else:
        assert base64.b64decode(entry["payload"]) == payload[:65_536]
    assert entry["payload_bytes"] == len(payload)
    assert line.counters.rejected == {code: 1}
    assert line.counters.stored == 2
    assert line.counters.settled == 3


def test_a_topic_that_is_not_utf8_is_quarantined(line: Line) -> None:
    line.writer.append([Arrival(b"\xff\xff", b"{}", NOW)])
    line.feed_all()
    assert line.quarantined()[0]["code"] == "bad_topic"


def test_late_rows_are_flagged_for_live_sensors_only(line: Line) -> None:
    for sensor in ("mic-1", "sim-1"):
        line.arrive(sensor, {"t": NOW_S, "laeq": 70.0})
        line.arrive(sensor, {"t": NOW_S - 15 * 60, "laeq": 70.1})
        line.arrive(sensor, {"t": NOW_S - 15 * 60 - 1, "laeq": 70.2})
    line.feed_all()
    line.arrive("mic-1", {"t": NOW_S - 3600, "laeq": 70.3})
    line.feed_all()
    assert (line.rows("mic-1").flags & Flag.LATE).astype(bool).tolist() == [True, True, False, False]
    assert not (line.rows("sim-1").flags & Flag.LATE).any()
    assert line.counters.late == 2
    assert line.health["mic-1"].late == 2


def test_a_clock_ahead_is_flagged_and_does_not_make_good_rows_late(line: Line) -> None:
    line.arrive("mic-1", {"t": NOW_S + 7200, "laeq": 70.0}, NOW)
    line.arrive("mic-1", {"t": NOW_S + 1, "laeq": 71.0}, NOW + 1 * S)
    line.arrive("sim-1", {"t": NOW_S + 7200, "laeq": 70.0}, NOW)
    line.feed_all()
    rows = line.rows("mic-1")
    assert rows.times_ns.tolist() == [NOW + S, NOW + 7200 * S]
    assert (rows.flags & Flag.SKEW).astype(bool).tolist() == [False, True]
    assert not (rows.flags & Flag.LATE).any()
    assert not line.rows("sim-1").flags.any()
    assert line.counters.skewed == 1


def test_a_clock_behind_is_told_from_a_sensor_that_catches_up(line: Line) -> None:
    for second in range(0, 300, 10):
        arrival = NOW + second * S
        line.arrive("mic-1", {"t": NOW_S + second - 600, "laeq": 70.0 + second / 100}, arrival)
        line.arrive("mic-2", {"t": NOW_S + 3 * second - 900, "laeq": 70.0 + second / 100}, arrival + 1)
        line.feed_all()
    assert (line.rows("mic-1").flags & Flag.SKEW).any()
    assert line.health["mic-1"].skew_s == pytest.approx(-600)
    assert not (line.rows("mic-2").flags & Flag.SKEW).any()
    assert line.health["mic-2"].skew_s is None


def test_a_time_of_arrival_is_used_and_flagged(line: Line) -> None:
    line.arrive("mic-1", {"laeq": 70.0}, NOW + 123)
    line.feed_all()
    rows = line.rows("mic-1")
    assert rows.times_ns.tolist() == [NOW + 123]
    assert rows.flags.tolist() == [Flag.ARRIVAL_TIME]


def test_a_stuck_sensor_is_flagged_across_batches_and_freed_by_a_change(line: Line) -> None:
    def send(first: int, count: int, level: float) -> None:
        line.arrive("mic-1", {"t0": NOW_S + first, "dt": 1, "laeq": [level] * count}, fmt="columns")
        line.feed_all()

    send(0, 100, 70.0)
    send(100, 100, 70.0)
    line.arrive("mic-1", {"t0": NOW_S + 200, "dt": 1, "laeq": [71.0, 70.0, 70.0]}, fmt="columns")
    line.feed_all()
    stuck = (line.rows("mic-1").flags & Flag.STUCK).astype(bool)
    assert not stuck[:120].any()
    assert stuck[120:200].all()
    assert not stuck[200:].any()


def test_a_changing_signal_is_never_called_stuck(line: Line) -> None:
    levels = [70.0 + 0.1 * (n % 2) for n in range(400)]
    line.arrive("mic-1", {"t0": NOW_S, "dt": 1, "laeq": levels}, fmt="columns")
    line.feed_all()
    assert not (line.rows("mic-1").flags & Flag.STUCK).any()


def test_clipping_and_low_battery_are_flagged(line: Line) -> None:
    line.arrive("back-1", {"t0": NOW_S, "dt": 0.02, "acc_x": [0.1, -8.0, 7.5]}, fmt="columns")
    line.arrive("air-1", {"t": NOW_S, "air_temperature": 20.0, "battery": 50})
    line.arrive("air-1", {"t": NOW_S + 60, "air_temperature": 20.0, "battery": 9})
    line.feed_all()
    line.arrive("air-1", {"t": NOW_S + 120, "air_temperature": 20.0})
    line.feed_all()
    assert (line.rows("back-1", Kind.POSTURE).flags & Flag.CLIPPED).astype(bool).tolist() == [
        False,
        True,
        False,
    ]
    assert (line.rows("air-1", Kind.CLIMATE).flags & Flag.LOW_BATTERY).astype(bool).tolist()[-1]


finite = st.floats(-40, 40, width=32)
axis_columns = st.lists(finite, min_size=0, max_size=4)
column_messages = st.one_of(
    st.fixed_dictionaries(
        {
            "t0": st.one_of(st.integers(NOW_S, NOW_S + 90), st.sampled_from([1, "x", None, 1e300])),
            "dt": st.sampled_from([0.02, 1, 0.1, 0.02, 0, -1, 1e9]),
            "acc_x": axis_columns,
            "acc_y": axis_columns,
            "acc_z": axis_columns,
        },
        optional={
            "gyr_x": axis_columns,
            "gyr_y": axis_columns,
            "gyr_z": axis_columns,
            "battery": axis_columns,
            "unit": st.sampled_from(["m/s2", "g", "furlong"]),
            "heart_rate": axis_columns,
        },
    ),
    st.builds(
        lambda second, rows: {
            "t0": NOW_S + second,
            "dt": 0.02,
            **{f"acc_{axis}": [0.25 * n for n in range(rows)] for axis in "xyz"},
        },
        st.integers(0, 90),
        st.integers(1, 5),
    ),
    st.just({"t0": NOW_S, "dt": 1, "acc_x": [1.0, None], "acc_y": [1.0, 2.0], "acc_z": [1.0, 2.0]}),
)


class OneByOne(Router):
    """Lets nothing be decoded in bulk."""

    def bulk_sensor(self, topic: bytes) -> Sensor | None:  # noqa: ARG002 - the overridden signature
        return None


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.tuples(column_messages, st.booleans()), min_size=1, max_size=12))
def test_decoding_in_bulk_gives_exactly_what_decoding_one_by_one_gives(
    make_site: Callable[..., SiteBook], messages: list[tuple[Any, bool]]
) -> None:
    book = make_site()

    def unpack(*, bulk: bool) -> Unpacked:
        router = Router(book) if bulk else OneByOne(book)
        health = {sensor.id: SensorHealth() for sensor in book.site.sensors}
        unpacker = Unpacker("plant", router, health, RateLimit(None))
        journaled = [
            Message(NOW + n, f"vigiposte/v1/plant/{'back-1' if own else 'mic-1'}/columns".encode(), payload)
            for n, (own, payload) in enumerate((own, json.dumps(m).encode()) for m, own in messages)
        ]
        return unpacker.unpack(Chunk(journaled, Position()))

    one, other = unpack(bulk=True), unpack(bulk=False)
    assert sorted((r.sequence, r.code, r.reason) for r in one.refused) == sorted(
        (r.sequence, r.code, r.reason) for r in other.refused
    )
    assert [batch.sensor for batch in one.batches] == [batch.sensor for batch in other.batches]
    for mine, theirs in zip(one.batches, other.batches, strict=True):
        assert mine.times_ns.tolist() == theirs.times_ns.tolist()
        assert mine.flags.tolist() == theirs.flags.tolist()
        assert mine.sequence == theirs.sequence
        assert mine.channels.keys() == theirs.channels.keys()
        for name, column in mine.channels.items():
            assert column.dtype == theirs.channels[name].dtype
            np.testing.assert_array_equal(column, theirs.channels[name])
    assert {k: g.sequences for k, g in one.gathered.items()} == {
        k: g.sequences for k, g in other.gathered.items()
    }


def test_a_restart_before_the_position_was_saved_changes_nothing_in_the_store(
    make_site: Callable[..., SiteBook], make_lake: Callable[..., Store]
) -> None:
    book, store = make_site(), make_lake()
    first = Line(book, store)
    for second in range(50):
        first.arrive("mic-1", {"t": NOW_S + second, "laeq": 70.0 + second % 3})
    before = (first.folder / "cursor").read_bytes()
    first.feed_all()
    first.close()
    (first.folder / "cursor").write_bytes(before)
    second_line = Line(book, store, chunk_bytes=500)
    second_line.feed_all()
    rows = second_line.rows("mic-1")
    assert rows.times_ns.tolist() == [NOW + n * S for n in range(50)]
    assert rows.channels["laeq"].tolist() == [70.0 + n % 3 for n in range(50)]


class Moody:
    """The real lake, that fails in the ways a store can fail as often as it is told to."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.errors: list[Exception] = []
        self.bad_sensor = ""
        self.calls = 0

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        if any(batch.sensor == self.bad_sensor for batch in batches):
            raise RuntimeError("a fault nobody foresaw")
        return self.inner.write(batches)

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        return self.inner.read_columns(query)


@pytest.fixture
def moody(make_lake: Callable[..., Store]) -> Moody:
    return Moody(make_lake())


def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost(
    make_site: Callable[..., SiteBook], moody: Moody
) -> None:
    line = Line(make_site(), moody)
    moody.errors = [
        StoreUnreachableError("the store does not answer"),
        OSError(28, "No space left on device"),
    ]
    line.arrive("mic-1", {"t": NOW_S, "laeq": 70.0})
    line.feed_all()
    assert moody.calls == 3
    assert line.counters.store_waits == 2
    assert line.counters.store_trouble is None
    assert line.rows("mic-1").channels["laeq"].tolist() == [70.0]


def test_a_prepared_chunk_is_never_finished_before_the_one_ahead_of_it(
    make_site: Callable[..., SiteBook], moody: Moody
) -> None:
    line = Line(make_site(), moody, chunk_bytes=100)
    for second in range(3):
        line.arrive("mic-1", {"t": NOW_S + second, "laeq": 70.0})
    first, second_chunk = line.feeder.prepare(), line.feeder.prepare()
    assert first is not None
    assert second_chunk is not None
    moody.errors = [StoreUnreachableError("the store does not answer")]
    line.stop.set()
    assert line.feeder.finish(first) == 0
    line.stop.clear()
    # The store works again, but what stands before it in the journal was not stored.
    assert line.feeder.finish(second_chunk) == 0
    line.feeder.rewind()
    line.feed_all()
    assert line.rows("mic-1").times_ns.tolist() == [NOW + n * S for n in range(3)]
    assert backlog_of(line.folder).bytes == 0


def test_stopping_while_the_store_is_away_keeps_the_readings_in_the_journal(
    make_site: Callable[..., SiteBook], moody: Moody
) -> None:
    book = make_site()
    line = Line(book, moody)
    moody.errors = [StoreUnreachableError("the store does not answer")]
    line.arrive("mic-1", {"t": NOW_S, "laeq": 70.0})
    line.stop.set()
    assert line.feeder.feed() == 0
    line.close()
    again = Line(book, moody)
    again.feed_all()
    assert again.rows("mic-1").channels["laeq"].tolist() == [70.0]


def test_rows_that_the_store_refuses_for_good_go_to_quarantine(
    make_site: Callable[..., SiteBook], moody: Moody
) -> None:
    line = Line(make_site(), moody)
    moody.errors = [StoreRejectedError("field type conflict", rows=[b"noise laeq=1 1"], rule="floats")]
    line.arrive("mic-1", {"t": NOW_S, "laeq": 70.0})
    line.arrive("mic-1", {"t": NOW_S + 1, "laeq": 70.0})
    line.feed_all()
    (entry,) = line.quarantined()
    assert entry["code"] == "store_rejected"
    assert base64.b64decode(entry["payload"]) == b"noise laeq=1 1"
    assert line.counters.rejected_rows == 1
    assert line.counters.settled == 2


def test_a_fault_with_one_sensors_rows_does_not_hold_up_the_others(
    make_site: Callable[..., SiteBook], moody: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line(make_site(), moody)
    moody.bad_sensor = "mic-2"
    for sensor in ("mic-1", "mic-2", "sim-1"):
        line.arrive(sensor, {"t": NOW_S, "laeq": 70.0})
    line.feed_all()
    assert len(line.rows("mic-1")) == len(line.rows("sim-1")) == 1
    assert [(entry["sensor"], entry["code"]) for entry in line.quarantined()] == [("mic-2", "store_fault")]
    assert line.counters.stored == 2
    assert line.counters.settled == 3
    assert "a fault nobody foresaw" in caplog.text


def test_damage_in_the_journal_is_skipped_kept_and_counted(line: Line) -> None:
    for second in range(5):
        line.arrive("mic-1", {"t": NOW_S + second, "laeq": 70.0})
    line.writer.rotate()
    segment = list_segments(line.folder)[0].path
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    line.feed_all()
    assert len(line.rows("mic-1")) == 4
    assert line.counters.damaged == 1
    assert line.counters.rejected == {}
    (entry,) = line.quarantined()
    assert entry["code"] == "journal_damage"


def test_a_sensor_that_floods_is_cut_off_after_a_days_worth(
    make_site: Callable[..., SiteBook], make_lake: Callable[..., Store]
) -> None:
    line = Line(make_site(), make_lake(), max_messages_per_s=0.001)
    for second in range(1_010):
        line.arrive("mic-1", {"t": NOW_S + second, "laeq": 70.0}, NOW + second)
    line.arrive("sim-1", {"t": NOW_S, "laeq": 70.0})
    line.feed_all()
    assert line.counters.rejected == {"rate_limited": 10}
    assert len(line.rows("sim-1")) == 1


def test_endless_invented_topics_do_not_fill_the_memory(line: Line) -> None:
    router = line.feeder._unpacker._router
    for first in range(0, 25_000, 5_000):
        line.writer.append(
            [
                Arrival(b"vigiposte/v1/plant/x%d/json" % number, b"{}", NOW + number)
                for number in range(first, first + 5_000)
            ]
        )
        line.feed_all()
    assert line.counters.rejected["unknown_sensor"] == 25_000
    assert len(router._readers) <= 10_001
    assert len(router._bulk) <= 1
    assert len(line.feeder.unknown) <= 200


def test_a_foreign_device_is_read_through_its_source_and_its_join_is_no_error(
    make_site: Callable[..., SiteBook], make_lake: Callable[..., Store]
) -> None:
    source = """
[[sources]]
topic = "zigbee2mqtt/+"
codec = "zigbee2mqtt"
sensor = "air-1"
"""
    line = Line(make_site(source), make_lake())
    payload = json.dumps({"temperature": 21.5, "humidity": 40, "battery": 90}).encode()
    line.writer.append([Arrival(b"zigbee2mqtt/kitchen", payload, NOW)])
    line.writer.append([Arrival(b"zigbee2mqtt/kitchen", b"not json", NOW + 1)])
    line.feed_all()
    rows = line.rows("air-1", Kind.CLIMATE)
    assert rows.channels["air_temperature"].tolist() == [21.5]
    assert rows.flags.tolist() == [Flag.ARRIVAL_TIME]
    assert line.counters.rejected.total() == 1


@pytest.mark.parametrize(
    ("code", "payload", "kept"),
    [
        ("refused_quantity", b'{"laeq": 70, "heart_rate": 80}', False),
        ("audio_like", b'{"t0": 0, "dt": 0.0000625, "laeq": [60, 61]}', False),
        ("wrong_type", b'{"laeq": "loud", "Heart_Rate": 80}', False),
        ("wrong_type", b'{"laeq": "loud"}', True),
    ],
)
def test_what_tells_of_a_person_is_not_kept_in_quarantine_either(
    tmp_path: Path, code: str, payload: bytes, kept: bool
) -> None:
    Quarantine(tmp_path, max_age_days=45).add([Refused(code, "no", "t", payload, 1)])
    (line,) = read_quarantine(tmp_path)
    assert (line["payload"] is not None) == kept
    assert line["payload_bytes"] == len(payload)
    (text,) = (path.read_bytes() for path in tmp_path.glob("quarantine-*.jsonl"))
    assert b"heart_rate" not in text.lower()


def test_the_quarantine_keeps_within_its_bounds(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, max_age_days=45, file_bytes=5_000, total_bytes=20_000)
    for number in range(300):
        quarantine.add([Refused("malformed", "no", "t", b"x" * 100, number + 1)])
    files = sorted(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in files) <= 26_000
    kept = [line["sequence"] for line in read_quarantine(tmp_path)]
    assert kept == list(range(301 - len(kept), 301))
    os.utime(files[0], (1, 1))
    quarantine.tidy()
    assert not files[0].exists()


def test_a_half_written_quarantine_line_is_left_out_when_read(tmp_path: Path) -> None:
    Quarantine(tmp_path, max_age_days=1).add([Refused("malformed", "no", "t", b"x", 1)])
    path = next(tmp_path.iterdir())
    with path.open("a") as handle:
        handle.write('{"time": "2026-')
    assert [line["sequence"] for line in read_quarantine(tmp_path)] == [1]
