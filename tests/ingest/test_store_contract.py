"""The contract of every store, run against the lake, real InfluxDB servers and any server named outside."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.store import Partition, ReadingQuery, Store, open_store
from sensors.quantities import Kind
from sensors.readings import Flag, ReadingBatch

DAY = date(2026, 11, 16)
MIDNIGHT_NS = 1_794_787_200 * 10**9
DAY_NS = 86_400 * 10**9
ALL_TIME = (-(2**63), 2**63 - 1)
_EXTERNAL = os.environ.get("VIGIPOSTE_TEST_INFLUXDB_URL")
_RUNS = count()


@pytest.fixture(params=["lake", "influxdb", "influxdb2", *(["external"] if _EXTERNAL else [])])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    token: str | None = None
    match request.param:
        case "lake":
            url = f"lake:{tmp_path / 'lake'}"
        case "influxdb":
            url = request.getfixturevalue("influxdb").new_database()
        case "influxdb2":
            server = request.getfixturevalue("influxdb2")
            url, token = server.url("first"), server.token
        case _:
            assert _EXTERNAL is not None
            url, token = _EXTERNAL, os.environ.get("VIGIPOSTE_TEST_INFLUXDB_TOKEN")
    opened = open_store(url, summaries_url=f"lake:{tmp_path / 'lake'}", token=token, writer="contract")
    opened.check()
    yield opened
    opened.close()


@pytest.fixture
def site() -> str:
    """A site of its own for each test, so that a shared server can be used."""
    return f"site-{os.getpid()}-{next(_RUNS)}"


def batch(
    site: str,
    times_ns: Sequence[int] | np.ndarray[Any, Any],
    sensor: str = "mic-1",
    kind: Kind = Kind.NOISE,
    sequence: int = 0,
    flags: Sequence[int] | None = None,
    **channels: Any,
) -> ReadingBatch:
    columns: Mapping[str, Any] = {
        name: values if isinstance(values, np.ndarray) else np.array(values, np.float64)
        for name, values in channels.items()
    }
    return ReadingBatch(
        site=site,
        sensor=sensor,
        kind=kind,
        times_ns=np.asarray(times_ns, np.int64),
        channels=columns,
        flags=np.zeros(0, np.uint16) if flags is None else np.array(flags, np.uint16),
        sequence=sequence,
    )


def asked(
    site: str,
    start_ns: int = ALL_TIME[0],
    end_ns: int = ALL_TIME[1],
    channels: tuple[str, ...] | None = None,
    sensor: str = "mic-1",
    kind: Kind = Kind.NOISE,
) -> ReadingQuery:
    return ReadingQuery(site, sensor, kind, start_ns, end_ns, channels)


def same(left: ReadingBatch, right: ReadingBatch) -> None:
    """Equal to the last bit, missing values included."""
    assert list(left.channels) == list(right.channels)
    np.testing.assert_array_equal(left.times_ns, right.times_ns)
    np.testing.assert_array_equal(left.flags, right.flags)
    for name in left.channels:
        assert left.channels[name].dtype == np.float64
        assert left.channels[name].tobytes() == right.channels[name].tobytes(), name


def summary(store: Store, partition: Partition, columns: Sequence[str] | None = None) -> pa.Table:
    table = store.read_summary("minutes", partition, columns)
    assert table is not None
    return table


def test_rows_come_back_in_time_order_with_every_bit(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.array([3, 1, 2]) * 10**9 + 7
    outcome = store.write([batch(site, times, laeq=[80.1, 0.1 + 0.2, 1e-7], lcpeak=[120.0, 1 / 3, 99.5])])
    assert outcome.rows == 3
    assert outcome.rejected == ()
    rows = store.read_columns(asked(site))
    assert rows.times_ns.tolist() == [MIDNIGHT_NS + n * 10**9 + 7 for n in (1, 2, 3)]
    assert rows.channels["laeq"].tolist() == [0.1 + 0.2, 1e-7, 80.1]
    assert rows.channels["lcpeak"].tolist() == [1 / 3, 99.5, 120.0]
    assert rows.times_ns.dtype == np.int64
    assert rows.flags.dtype == np.uint16
    assert (rows.site, rows.sensor, rows.kind) == (site, "mic-1", Kind.NOISE)


def test_writing_the_same_rows_again_changes_nothing(store: Store, site: str) -> None:
    rows = batch(site, MIDNIGHT_NS + np.arange(50) * 10**9, laeq=np.linspace(60, 90, 50), sequence=9)
    store.write([rows])
    before = store.read_columns(asked(site))
    mark = store.fingerprint(Partition(Kind.NOISE, site, "mic-1", DAY))
    assert store.write([rows, rows]).rows == 100
    same(before, store.read_columns(asked(site)))
    assert store.fingerprint(Partition(Kind.NOISE, site, "mic-1", DAY)) == mark


def test_the_later_sequence_wins_within_one_write(store: Store, site: str) -> None:
    old = batch(site, [MIDNIGHT_NS, MIDNIGHT_NS + 1], laeq=[60.0, 61.0], sequence=5)
    new = batch(site, [MIDNIGHT_NS], laeq=[70.0], sequence=6)
    store.write([new, old])
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [70.0, 61.0]


def test_the_later_sequence_wins_between_writes(store: Store, site: str) -> None:
    store.write([batch(site, [MIDNIGHT_NS], laeq=[60.0], sequence=5)])
    store.write([batch(site, [MIDNIGHT_NS], laeq=[70.0], sequence=6)])
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [70.0]


def test_the_last_write_wins_where_there_is_no_journal(store: Store, site: str) -> None:
    for value in (60.0, 50.0, 70.0, 65.0):
        store.write([batch(site, [MIDNIGHT_NS], laeq=[value])])
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [65.0]
    store.compact(site)
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [65.0]


def test_channels_of_one_time_are_coalesced(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(4) * 10**9
    store.write(
        [batch(site, times, laeq=[1.0, 2.0, 3.0, 4.0], sequence=1), batch(site, times[1:], lcpeak=[7.0] * 3)]
    )
    store.write([batch(site, times[:2], lceq=[9.0, 9.5], sequence=2)])
    rows = store.read_columns(asked(site))
    assert rows.times_ns.tolist() == times.tolist()
    assert list(rows.channels) == ["laeq", "lceq", "lcpeak"]
    np.testing.assert_array_equal(rows.channels["laeq"], [1, 2, 3, 4])
    np.testing.assert_array_equal(rows.channels["lceq"], [9, 9.5, np.nan, np.nan])
    np.testing.assert_array_equal(rows.channels["lcpeak"], [np.nan, 7, 7, 7])


def test_a_missing_value_never_overrides_a_value(store: Store, site: str) -> None:
    times = [MIDNIGHT_NS, MIDNIGHT_NS + 1]
    store.write([batch(site, times, laeq=[60.0, 61.0], lcpeak=[90.0, 91.0], sequence=1)])
    store.write([batch(site, times, laeq=[np.nan, 71.0], lcpeak=[np.nan, np.nan], sequence=2)])
    rows = store.read_columns(asked(site))
    assert rows.channels["laeq"].tolist() == [60.0, 71.0]
    assert rows.channels["lcpeak"].tolist() == [90.0, 91.0]


def test_rows_without_any_value_are_not_kept(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(3)
    outcome = store.write([batch(site, times, laeq=[np.nan, 61.0, np.nan], flags=[int(Flag.LATE)] * 3)])
    assert outcome.rejected == ()
    assert store.read_columns(asked(site)).times_ns.tolist() == [MIDNIGHT_NS + 1]
    store.write([batch(site, times + DAY_NS, laeq=[np.nan] * 3)])
    assert store.partitions(site) == [Partition(Kind.NOISE, site, "mic-1", DAY)]


def test_infinite_values_are_refused_by_row_while_the_rest_goes_in(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(4)
    outcome = store.write([batch(site, times, laeq=[60.0, np.inf, 62.0, -np.inf], lcpeak=[90.0, 91, 92, 93])])
    assert outcome.rows == 2
    assert [row.time_ns for row in outcome.rejected] == [MIDNIGHT_NS + 1, MIDNIGHT_NS + 3]
    assert {row.sensor for row in outcome.rejected} == {"mic-1"}
    assert "infinite" in outcome.rejected[0].reason
    assert "laeq=inf" in outcome.rejected[0].row
    assert store.read_columns(asked(site)).channels["lcpeak"].tolist() == [90.0, 92.0]


def test_times_that_no_store_can_hold_are_refused(store: Store, site: str) -> None:
    outcome = store.write([batch(site, [-(2**63), 2**63 - 1, MIDNIGHT_NS], laeq=[1.0, 2.0, 3.0])])
    assert outcome.rows == 1
    assert len(outcome.rejected) == 2
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [3.0]


def test_times_before_1970_are_kept(store: Store, site: str) -> None:
    store.write([batch(site, [-5, 3 * DAY_NS], laeq=[60.0, 61.0])])
    assert store.read_columns(asked(site)).times_ns.tolist() == [-5, 3 * DAY_NS]
    assert [one.day for one in store.partitions(site)] == [date(1969, 12, 31), date(1970, 1, 4)]
    assert store.read_columns(asked(site, -5, -4)).channels["laeq"].tolist() == [60.0]


def test_single_precision_values_are_widened_exactly(store: Store, site: str) -> None:
    values = np.array([78.2, 1 / 3, np.float32(1e-30), -0.1, 16_777_217.0], np.float32)
    times = MIDNIGHT_NS + np.arange(values.size)
    store.write([batch(site, times, "belt-1", Kind.POSTURE, acc_x=values)])
    rows = store.read_columns(asked(site, sensor="belt-1", kind=Kind.POSTURE))
    assert rows.channels["acc_x"].tobytes() == values.astype(np.float64).tobytes()


def test_single_and_double_precision_of_one_channel_mix(store: Store, site: str) -> None:
    store.write([batch(site, [MIDNIGHT_NS], "belt-1", Kind.POSTURE, acc_x=np.array([0.1], np.float32))])
    store.write([batch(site, [MIDNIGHT_NS + 1], "belt-1", Kind.POSTURE, acc_x=[0.1])])
    rows = store.read_columns(asked(site, sensor="belt-1", kind=Kind.POSTURE))
    assert rows.channels["acc_x"].tolist() == [float(np.float32(0.1)), 0.1]


def test_extreme_but_finite_numbers_survive(store: Store, site: str) -> None:
    values = [5e-324, 1.7976931348623157e308, -0.0, 1e16, 123_456_789.125, -2.2250738585072014e-308]
    store.write([batch(site, MIDNIGHT_NS + np.arange(len(values)), laeq=values)])
    assert store.read_columns(asked(site)).channels["laeq"].tobytes() == np.array(values).tobytes()


def test_ranges_are_half_open(store: Store, site: str) -> None:
    store.write([batch(site, MIDNIGHT_NS + np.arange(10), laeq=np.arange(10.0))])
    rows = store.read_columns(asked(site, MIDNIGHT_NS + 3, MIDNIGHT_NS + 7))
    assert rows.channels["laeq"].tolist() == [3.0, 4.0, 5.0, 6.0]
    assert len(store.read_columns(asked(site, MIDNIGHT_NS + 3, MIDNIGHT_NS + 3))) == 0


def test_rows_on_both_sides_of_midnight_stay_one_series(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + DAY_NS + np.arange(-3, 3)
    store.write([batch(site, times, laeq=np.arange(6.0))])
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [0, 1, 2, 3, 4, 5]
    assert [one.day for one in store.partitions(site)] == [DAY, date(2026, 11, 17)]
    assert store.read_columns(asked(site, MIDNIGHT_NS + DAY_NS)).channels["laeq"].tolist() == [3, 4, 5]


def test_nothing_is_found_where_nothing_was_written(store: Store, site: str) -> None:
    nothing = store.read_columns(asked(site))
    assert len(nothing) == 0
    assert nothing.channels == {}
    named = store.read_columns(asked(site, channels=("laeq",)))
    assert named.channels["laeq"].shape == (0,)
    assert store.partitions(site) == []
    assert store.last_seen(site) == {}
    assert store.delete(Partition(Kind.NOISE, site, "mic-1", DAY)) == 0
    assert store.delete_rows(asked(site)) == 0
    assert store.compact(site) == 0
    assert store.write([]).rows == 0
    assert store.write([batch(site, [], laeq=[])]).rows == 0


def test_only_the_channels_asked_for_come_in_the_order_asked(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(3)
    store.write(
        [batch(site, times, laeq=[1.0, np.nan, 3.0], lceq=[4.0, 5.0, 6.0], lcpeak=[np.nan, 8.0, np.nan])]
    )
    rows = store.read_columns(asked(site, channels=("lcpeak", "laeq")))
    assert list(rows.channels) == ["lcpeak", "laeq"]
    assert len(rows) == 3
    only = store.read_columns(asked(site, channels=("lcpeak",)))
    assert only.times_ns.tolist() == [MIDNIGHT_NS + 1]
    absent = store.read_columns(asked(site, channels=("laeq", "octave_63")))
    np.testing.assert_array_equal(absent.channels["octave_63"], [np.nan, np.nan])


def test_flags_follow_the_rule_of_values(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(4)
    store.write([batch(site, times, laeq=[1.0, 2.0, 3.0, 4.0], flags=[0, 1, 2, 0], sequence=1)])
    store.write([batch(site, times[1:], laeq=[2.0, 3.0, 4.0], flags=[0, int(Flag.STUCK), 8], sequence=2)])
    assert store.read_columns(asked(site)).flags.tolist() == [0, 1, 16, 8]


def test_sensors_sites_and_kinds_are_kept_apart(store: Store, site: str) -> None:
    store.write(
        [
            batch(site, [MIDNIGHT_NS], "mic-1", laeq=[1.0]),
            batch(site, [MIDNIGHT_NS], "mic-2", laeq=[2.0]),
            batch(f"{site}-b", [MIDNIGHT_NS], "mic-1", laeq=[3.0]),
            batch(site, [MIDNIGHT_NS], "hygro-1", Kind.CLIMATE, air_temperature=[4.0]),
        ]
    )
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [1.0]
    assert store.read_columns(asked(f"{site}-b")).channels["laeq"].tolist() == [3.0]
    assert store.partitions(site) == sorted(
        [
            Partition(Kind.CLIMATE, site, "hygro-1", DAY),
            Partition(Kind.NOISE, site, "mic-1", DAY),
            Partition(Kind.NOISE, site, "mic-2", DAY),
        ]
    )
    assert store.partitions(site, kind=Kind.CLIMATE) == [Partition(Kind.CLIMATE, site, "hygro-1", DAY)]


def test_partitions_are_bounded_by_days_both_included(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.array([0, 1, 2, 40]) * DAY_NS
    store.write([batch(site, times, laeq=[1.0, 2.0, 3.0, 4.0])])
    days = [one.day for one in store.partitions(site)]
    assert days == [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18), date(2026, 12, 26)]
    assert [one.day for one in store.partitions(site, days[1], days[2])] == days[1:3]
    assert store.partitions(site, date(2027, 1, 1), date(2027, 2, 1)) == []


def test_last_seen_is_the_newest_time_of_each_sensor(store: Store, site: str) -> None:
    store.write([batch(site, MIDNIGHT_NS + np.array([5, 9, 7]), laeq=[1.0, 2.0, 3.0])])
    store.write([batch(site, [MIDNIGHT_NS + DAY_NS + 3], "mic-2", laeq=[1.0])])
    store.write([batch(site, [MIDNIGHT_NS + 2], "mic-2", laeq=[1.0])])
    assert store.last_seen(site) == {"mic-1": MIDNIGHT_NS + 9, "mic-2": MIDNIGHT_NS + DAY_NS + 3}


@pytest.mark.parametrize("name", ["poste n°4, côté presse", "a=b c", "日本-1", "o'brien", 'quo"te'])
def test_names_may_hold_any_printable_character(store: Store, site: str, name: str) -> None:
    store.write([batch(f"{site} {name}", [MIDNIGHT_NS], name, laeq=[1.5])])
    assert store.read_columns(asked(f"{site} {name}", sensor=name)).channels["laeq"].tolist() == [1.5]
    assert store.partitions(f"{site} {name}") == [Partition(Kind.NOISE, f"{site} {name}", name, DAY)]
    assert store.last_seen(f"{site} {name}") == {name: MIDNIGHT_NS}
    assert store.delete(Partition(Kind.NOISE, f"{site} {name}", name, DAY)) == 1


def test_a_frame_has_a_utc_index_and_units(store: Store, site: str) -> None:
    store.write([batch(site, [MIDNIGHT_NS, MIDNIGHT_NS + 1], laeq=[60.0, 61.0], flags=[0, 4])])
    frame = store.read(asked(site))
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert frame.index.name == "time"
    assert frame.index[0] == pd.Timestamp("2026-11-16T00:00:00Z")
    assert frame.index[1].value == MIDNIGHT_NS + 1
    assert frame.attrs["units"] == {"laeq": "dB(A)"}
    assert frame.attrs["sensor"] == "mic-1"
    assert frame["flags"].tolist() == [0, 4]
    assert store.read(asked(site, 0, 1)).empty


def test_deleting_a_partition_removes_it_for_good(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.array([0, 1, DAY_NS, DAY_NS + 1])
    store.write([batch(site, times, laeq=[1.0, 2.0, 3.0, 4.0])])
    store.write([batch(site, times[:2], lcpeak=[1.0, 2.0])])
    assert store.delete(Partition(Kind.NOISE, site, "mic-1", DAY)) == 2
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [3.0, 4.0]
    assert [one.day for one in store.partitions(site)] == [date(2026, 11, 17)]
    store.compact(site)
    assert len(store.read_columns(asked(site))) == 2
    store.write([batch(site, times[:1], laeq=[9.0])])
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [9.0, 3.0, 4.0]


def test_deleting_rows_leaves_their_neighbours_bit_for_bit(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + np.arange(10)
    store.write([batch(site, times, laeq=np.arange(10.0) / 3, sequence=4)])
    store.write(
        [batch(site, times[4:6], laeq=[50.0, 51.0], sequence=5), batch(site, times, "mic-2", laeq=times)]
    )
    mark = store.fingerprint(Partition(Kind.NOISE, site, "mic-1", DAY))
    assert store.delete_rows(asked(site, MIDNIGHT_NS + 2, MIDNIGHT_NS + 5)) == 3
    rows = store.read_columns(asked(site))
    assert rows.channels["laeq"].tolist() == [0.0, 1 / 3, 51.0, 6 / 3, 7 / 3, 8 / 3, 9 / 3]
    assert len(store.read_columns(asked(site, sensor="mic-2"))) == 10
    assert store.fingerprint(Partition(Kind.NOISE, site, "mic-1", DAY)) != mark


def test_rows_can_be_deleted_across_days(store: Store, site: str) -> None:
    times = MIDNIGHT_NS + DAY_NS // 2 * np.arange(8)
    store.write([batch(site, times, laeq=np.arange(8.0))])
    assert store.delete_rows(asked(site, int(times[1]), int(times[6]))) == 5
    assert store.read_columns(asked(site)).channels["laeq"].tolist() == [0.0, 6.0, 7.0]


def test_the_fingerprint_changes_exactly_when_the_rows_do(store: Store, site: str) -> None:
    partition = Partition(Kind.NOISE, site, "mic-1", DAY)
    times = MIDNIGHT_NS + np.arange(20) * 10**9
    seen = [store.fingerprint(partition)]

    def changed() -> None:
        seen.append(store.fingerprint(partition))
        assert seen[-1] not in seen[:-1]

    def unchanged() -> None:
        assert store.fingerprint(partition) == seen[-1]

    rows = batch(site, times, laeq=np.arange(20.0), sequence=1)
    store.write([rows])
    changed()
    unchanged()
    store.write([rows])
    unchanged()
    store.compact(site)
    unchanged()
    store.write([batch(site, times[3:4], laeq=[99.0], sequence=2)])
    changed()
    store.write([batch(site, times[:1], lcpeak=[99.0], sequence=3)])
    changed()
    store.write([batch(site, times[:1], laeq=[0.0], flags=[int(Flag.LATE)], sequence=4)])
    changed()
    store.write([batch(site, times + DAY_NS, laeq=np.arange(20.0), sequence=5)])
    unchanged()
    store.compact(site)
    unchanged()
    store.delete_rows(asked(site, int(times[7]), int(times[8])))
    changed()
    swapped = np.arange(20.0)
    swapped[[1, 2]] = swapped[[2, 1]]
    store.write([batch(site, times[1:3], laeq=swapped[1:3], sequence=6)])
    changed()


def test_compaction_changes_no_row(store: Store, site: str) -> None:
    random = np.random.default_rng(3)
    times = MIDNIGHT_NS + np.arange(200) * 10**9
    for sequence in range(12):
        chosen = random.choice(times, 60)
        name = ("laeq", "lcpeak")[sequence % 2]
        values: Any = {name: random.normal(size=60)}
        store.write([batch(site, chosen, sequence=sequence, **values)])
    before = store.read_columns(asked(site))
    store.compact(site)
    same(before, store.read_columns(asked(site)))
    store.write([batch(site, times[:100], laeq=random.normal(size=100), sequence=99)])
    again = store.read_columns(asked(site))
    store.compact(site)
    same(again, store.read_columns(asked(site)))


def test_summaries_go_round_with_types_and_metadata(store: Store, site: str) -> None:
    partition = Partition(Kind.POSTURE, site, "belt-1", DAY)
    table = pa.table(
        {
            "minute": pa.array([MIDNIGHT_NS], pa.timestamp("ns", tz="UTC")),
            "valid_ns": pa.array([60 * 10**9], pa.int64()),
            "bins": pa.array([[1, 2, 65_535]], pa.list_(pa.uint16())),
            "bin_ns": pa.array([[1, 2, 3]], pa.list_(pa.int64())),
            "mask": pa.array([b"\x00\xff"], pa.binary()),
        }
    )
    assert store.read_summary("minutes", partition) is None
    assert store.summary_metadata("minutes", partition) is None
    store.write_summary("minutes", partition, table, {"version": "1", "calibration": "é"})
    assert summary(store, partition).equals(table, check_metadata=True)
    assert store.summary_metadata("minutes", partition) == {"version": "1", "calibration": "é"}
    assert summary(store, partition, ["bin_ns", "minute"]).column_names == ["bin_ns", "minute"]
    other = table.slice(0, 0)
    store.write_summary("minutes", partition, other, {"version": "2"})
    assert summary(store, partition).num_rows == 0
    assert store.summary_metadata("minutes", partition) == {"version": "2"}


def test_summaries_are_listed_and_removed_by_dataset(store: Store, site: str) -> None:
    table = pa.table({"n": [1]})
    days = [DAY, date(2026, 11, 17), date(2026, 11, 20)]
    for day in days:
        store.write_summary("minutes", Partition(Kind.NOISE, site, "mic-1", day), table, {})
    store.write_summary("weeks", Partition(Kind.CLIMATE, site, "hygro-1", DAY), table, {})
    assert [one.day for one in store.summary_partitions("minutes", site)] == days
    assert [one.day for one in store.summary_partitions("minutes", site, days[1], days[1])] == [days[1]]
    assert store.summary_partitions("minutes", site, kind=Kind.CLIMATE) == []
    assert len(store.summary_partitions("weeks", site)) == 1
    assert store.delete_summary("minutes", Partition(Kind.NOISE, site, "mic-1", DAY))
    assert not store.delete_summary("minutes", Partition(Kind.NOISE, site, "mic-1", DAY))
    assert len(store.summary_partitions("minutes", site)) == 2
    assert store.partitions(site) == []


def test_a_reader_sees_whole_writes_while_another_store_object_writes(store: Store, site: str) -> None:
    writes, per_write = 25, 400
    faults: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(writes):
                start = MIDNIGHT_NS + number * per_write
                store.write(
                    [batch(site, start + np.arange(per_write), laeq=np.full(per_write, float(number)))]
                )
                if number % 6 == 5:
                    store.compact(site)
        except BaseException as fault:  # noqa: BLE001 - handed to the test
            faults.append(fault)

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while writer.is_alive():
        rows = store.read_columns(asked(site))
        assert len(rows) >= seen
        seen = len(rows)
        expected = (rows.times_ns - MIDNIGHT_NS) // per_write
        np.testing.assert_array_equal(rows.channels.get("laeq", np.zeros(0)), expected)
    writer.join()
    assert faults == []
    assert len(store.read_columns(asked(site))) == writes * per_write


_ROW = st.tuples(
    st.integers(0, 9), st.sampled_from(["laeq", "lcpeak"]), st.floats(-10, 160, width=32), st.integers(0, 3)
)
_EXAMPLES = 300 if os.environ.get("VIGIPOSTE_SOAK") else 15


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(_ROW, min_size=1, max_size=25),
    shuffled=st.randoms(use_true_random=False),
    cut=st.integers(1, 9),
)
def test_order_and_duplicates_do_not_matter(
    store: Store, site: str, rows: Any, shuffled: Any, cut: int
) -> None:
    """Any order of messages within a write, and any repetition, gives what a plain dictionary gives."""
    run = f"mic-{next(_RUNS)}"
    messages = []
    for sequence, (at, name, value, flag) in enumerate(rows, 1):
        column: Any = {name: [value]}
        messages.append(batch(site, [MIDNIGHT_NS + at], run, sequence=sequence, flags=[flag], **column))
    values: dict[str, dict[int, float]] = {"laeq": {}, "lcpeak": {}}
    flags: dict[int, int] = {}
    for at, name, value, flag in rows:
        values[name][MIDNIGHT_NS + at] = value
        if flag:
            flags[MIDNIGHT_NS + at] = flag
    # Journal order between writes, any order and repetition within one; an earlier write may be replayed.
    parts = [messages[start : start + cut] for start in range(0, len(messages), cut)]
    for number, part in enumerate(parts):
        repeated = part * 2
        shuffled.shuffle(repeated)
        store.write(repeated)
        if number == len(parts) // 2:
            store.compact(site)
    store.write(messages[len(messages) // 2 :])
    read = store.read_columns(asked(site, sensor=run))
    times = sorted(set(values["laeq"]) | set(values["lcpeak"]))
    assert read.times_ns.tolist() == times
    assert read.flags.tolist() == [flags.get(time, 0) for time in times]
    assert set(read.channels) == {name for name, column in values.items() if column}
    for name, column in read.channels.items():
        np.testing.assert_array_equal(column, [values[name].get(time, np.nan) for time in times])
