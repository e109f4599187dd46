from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from indicators.model import WorkerDay
from indicators.posture.kept import with_figures
from indicators.posture.measures import PostureFacts, measures_of, segment_of
from indicators.reduction.kinds import DATASET
from indicators.reduction.service import reduce_partitions
from indicators.weekly import weekly_result
from indicators.worker_days.cache import WORKER_DAYS, DayCache, forget_days
from indicators.worker_days.codec import decode_day, encode_day
from indicators.worker_days.joining import worker_days
from indicators.worker_days.keeping import keep_worker_days
from indicators.worker_days.merging import MergedDay, merge_days
from ingest.store import Partition
from sensors.errors import ConfigurationError
from sensors.periods import date_period
from sensors.quantities import Kind
from tests.indicators.exact import same

MONDAY = date(2026, 11, 16)
WEEK = date_period(MONDAY, MONDAY + timedelta(days=6))


def merged(plant: Any) -> list[MergedDay]:
    return merge_days(plant.store, worker_days(plant.book, MONDAY, MONDAY))


def places(plant: Any) -> list[Partition]:
    return list(plant.store.summary_partitions(WORKER_DAYS, "demo-plant"))


def test_what_was_kept_is_what_was_merged(reduced_plant: Any) -> None:
    first = merged(reduced_plant)
    assert len(first) == 8
    assert {one.kind for one in places(reduced_plant)} == set(Kind)
    again = merged(reduced_plant)
    for one, other in zip(first, again, strict=True):
        assert same(one.content, other.content), one.day
        assert (one.day, one.minutes) == (other.day, other.minutes)


def test_the_second_time_nothing_is_merged(reduced_plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    merged(reduced_plant)
    from indicators.worker_days import merging as summaries

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(summaries, "_read", refuse)
    assert len(merged(reduced_plant)) == 8


def test_days_of_new_minutes_are_kept_before_anybody_asks(
    reduced_plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_worker_days(reduced_plant.book, reduced_plant.store, [MONDAY])
    assert {one.kind for one in places(reduced_plant)} == set(Kind)
    from indicators.worker_days import merging as summaries

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(summaries, "_read", refuse)
    assert len(merged(reduced_plant)) == 8


def test_a_day_that_cannot_be_merged_is_left_to_its_report(reduced_plant: Any) -> None:
    noise = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    table = reduced_plant.store.read_summary(DATASET, noise)
    reduced_plant.store.write_summary(DATASET, noise, table.drop_columns([table.column_names[-1]]), {})
    keep_worker_days(reduced_plant.book, reduced_plant.store, [MONDAY])
    with pytest.raises(ConfigurationError):
        merged(reduced_plant)


def test_results_do_not_depend_on_what_was_kept(reduced_plant: Any) -> None:
    def written() -> str:
        # The text of every number in full, so that equal means equal to the last bit.
        return repr(weekly_result(reduced_plant.book, reduced_plant.store, WEEK, "analyst", reduce=False))

    fresh = written()
    assert len(places(reduced_plant)) == len(Kind)
    assert written() == fresh


def test_figures_kept_with_a_posture_day_are_those_of_its_seconds(reduced_plant: Any) -> None:
    merged(reduced_plant)
    days = [item.content for item in merged(reduced_plant) if item.day.kind is Kind.POSTURE]
    assert days
    for day in days:
        assert day.figures is not None
        bare = dataclasses.replace(day, figures=None)
        assert same(with_figures([bare])[0].figures, day.figures)
        facts = PostureFacts([bare])
        for measure in measures_of(segment_of(day.day.mount), splits=False):
            assert same(float(measure.of(facts)[0]), day.figures.values[measure.id])
            assert same(float(measure.spread(facts)[0]), day.figures.spreads[measure.id])
            if measure.condition in bare.masks:
                (hours,) = facts.seconds.by_utc_hour(measure.condition)
                assert same(hours, day.figures.hours[measure.condition])


def test_a_new_wearer_is_named_in_what_was_kept(reduced_plant: Any) -> None:
    merged(reduced_plant)
    path = reduced_plant.folder / "assignments.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",w01,", ",w88,"), encoding="utf-8")
    wearers = {item.content.day.wearer for item in merged(reduced_plant)}
    assert "w88" in wearers
    assert "w01" not in wearers


def test_an_exclusion_makes_a_day_anew(reduced_plant: Any) -> None:
    before = {item.day.sensor: item.content for item in merged(reduced_plant)}
    (reduced_plant.folder / "exclusions.csv").write_text(
        "from,to,sensor,reason,who\n2026-11-16T08:00,2026-11-16T08:30,press-1-noise,knocked,\n",
        encoding="utf-8",
    )
    after = {item.day.sensor: item.content for item in merged(reduced_plant)}
    assert after["press-1-noise"].coverage == pytest.approx(before["press-1-noise"].coverage / 2)
    assert same(after["press-1-climate"], before["press-1-climate"])


def test_replaced_minutes_make_a_day_anew(reduced_plant: Any) -> None:
    merged(reduced_plant)
    partition = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    table = reduced_plant.store.read_summary(DATASET, partition)
    metadata = reduced_plant.store.summary_metadata(DATASET, partition)
    reduced_plant.store.write_summary(DATASET, partition, table.slice(0, 30), metadata)
    found = {item.day.sensor: item for item in merged(reduced_plant)}
    assert found["press-1-noise"].minutes == 30


def test_minutes_that_are_gone_leave_nothing_behind(reduced_plant: Any) -> None:
    merged(reduced_plant)
    for sensor in ("press-1-noise", "assembly-2-noise"):
        partition = Partition(Kind.NOISE, "demo-plant", sensor, MONDAY)
        assert reduced_plant.store.delete_summary(DATASET, partition)
    assert not [item for item in merged(reduced_plant) if item.day.kind is Kind.NOISE]


def test_rows_of_gone_minutes_are_dropped_when_a_table_is_written_again(reduced_plant: Any) -> None:
    merged(reduced_plant)
    store = reduced_plant.store
    noise = next(one for one in places(reduced_plant) if one.kind is Kind.NOISE)
    assert store.read_summary(WORKER_DAYS, noise).num_rows == 2
    store.delete_summary(DATASET, Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY))
    other = Partition(Kind.NOISE, "demo-plant", "assembly-2-noise", MONDAY)
    store.write_summary(DATASET, other, store.read_summary(DATASET, other), {})
    merged(reduced_plant)
    assert store.read_summary(WORKER_DAYS, noise).num_rows == 1


def test_kept_days_can_be_forgotten(reduced_plant: Any) -> None:
    merged(reduced_plant)
    assert forget_days(reduced_plant.store, Kind.NOISE, "demo-plant", MONDAY)
    assert Kind.NOISE not in {one.kind for one in places(reduced_plant)}
    assert len(merged(reduced_plant)) == 8


def test_damaged_rows_are_merged_again(reduced_plant: Any) -> None:
    merged(reduced_plant)
    store = reduced_plant.store
    place = next(one for one in places(reduced_plant) if one.kind is Kind.CLIMATE)
    table = store.read_summary(WORKER_DAYS, place)
    metadata = store.summary_metadata(WORKER_DAYS, place)
    broken = table.set_column(3, "content", [[b"\x00" * 40] * table.num_rows])
    store.write_summary(WORKER_DAYS, place, broken.cast(table.schema), metadata)
    assert len(merged(reduced_plant)) == 8


def test_other_code_means_other_worker_days(reduced_plant: Any) -> None:
    merged(reduced_plant)
    store = reduced_plant.store
    for place in places(reduced_plant):
        store.write_summary(WORKER_DAYS, place, store.read_summary(WORKER_DAYS, place), {"code": "older"})
    cache = DayCache(store, store.summary_states(DATASET, "demo-plant"))
    assert all(cache.get(day) is None for day in worker_days(reduced_plant.book, MONDAY, MONDAY))


def test_a_lake_that_cannot_be_written_still_answers(
    reduced_plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reduced_plant.store, "write_summary", full)
    assert len(merged(reduced_plant)) == 8


def test_days_without_data_are_kept_only_when_asked_for(reduced_plant: Any) -> None:
    days = worker_days(reduced_plant.book, MONDAY, MONDAY + timedelta(days=1), kind=Kind.CLIMATE)
    assert len(merge_days(reduced_plant.store, days)) == 2
    every = merge_days(reduced_plant.store, days, lambda _: True)
    assert [item.minutes for item in every] == [60, 0, 60, 0]


def test_only_known_classes_come_out_of_bytes(reduced_plant: Any) -> None:
    day: WorkerDay = worker_days(reduced_plant.book, MONDAY, MONDAY)[0]
    content = merged(reduced_plant)[0].content
    assert type(content).__name__ == "PostureDay"
    record = encode_day(content)
    assert same(decode_day(memoryview(record), day), dataclasses.replace(content, day=day))
    tampered = record.replace(b"PostureDay", b"Popen\0\0\0\0\0")
    assert tampered != record
    with pytest.raises((KeyError, ValueError)):
        decode_day(memoryview(tampered), day)
    with pytest.raises(TypeError):
        encode_day(object())


def test_states_change_only_with_their_table(reduced_plant: Any) -> None:
    store = reduced_plant.store
    before = store.summary_states(DATASET, "demo-plant")
    assert set(before) == set(store.summary_partitions(DATASET, "demo-plant"))
    reduce_partitions(reduced_plant.book, store, MONDAY, MONDAY)
    assert store.summary_states(DATASET, "demo-plant") == before
    one = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    store.write_summary(DATASET, one, store.read_summary(DATASET, one), {})
    after = store.summary_states(DATASET, "demo-plant")
    assert {place for place in before if before[place] != after[place]} == {one}
