from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards.catalogue import text
from indicators.document import to_document
from indicators.reduction import away
from indicators.reduction.away import Assignment, installation, reduce_away
from indicators.reduction.cluster import Cluster, open_cluster
from indicators.reduction.service import ReduceReport, pending_partitions, reduce_partitions
from indicators.weekly import weekly_result
from ingest.place import StorePlace
from ingest.store import open_store
from sensors.errors import ConfigurationError, StoreUnreachableError, UnreachableError, UsageError
from sensors.periods import date_period
from tests.clusters import worker_killed
from vigiposte import app

MONDAY = date(2026, 11, 16)


@pytest.fixture(scope="module")
def workers() -> Iterator[Cluster]:
    with open_cluster("local:2", StorePlace("lake:.", None, Path())) as found:
        yield found


def working_for(cluster: Cluster, place: StorePlace) -> Cluster:
    return Cluster(cluster._client, place)


def place_of(plant: Any) -> StorePlace:
    return StorePlace("lake:./lake", None, plant.folder)


def run(plant: Any, **options: Any) -> ReduceReport:
    return reduce_partitions(plant.book, plant.store, MONDAY, MONDAY, **options)


def summary_files(folder: Path) -> dict[str, bytes]:
    top = folder / "lake" / "summaries" / "minutes"
    found = {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
    assert found
    return found


def document(plant: Any) -> str:
    result = weekly_result(plant.book, plant.store, date_period(MONDAY, MONDAY), "analyst", reduce=False)
    return json.dumps(to_document(result, text("en")))


def test_workers_give_the_bytes_of_one_process(
    hour_plant: Any, reduced_template: Path, workers: Cluster, tmp_path: Path
) -> None:
    shutil.copytree(reduced_template, tmp_path / "single")
    single = replace(
        hour_plant, folder=tmp_path / "single", store=open_store("lake:./lake", base=tmp_path / "single")
    )
    cluster = working_for(workers, place_of(hour_plant))
    report = run(hour_plant, executor=cluster)
    assert (report.computed, report.rows) == (8, 8 * 60)
    assert summary_files(hour_plant.folder) == summary_files(reduced_template)
    assert document(hour_plant) == document(single)
    assert [item.partition for item in report.outcomes] == sorted(item.partition for item in report.outcomes)
    again = run(hour_plant, executor=cluster)
    assert (again.computed, again.current) == (0, 8)


def test_a_command_reduces_on_a_scheduler_named_by_its_address(
    hour_plant: Any, reduced_template: Path, workers: Cluster
) -> None:
    """A client of its own reaches the running scheduler over TCP, as a second machine would."""
    address = workers._client.scheduler.address
    assert address.startswith("tcp://127.0.0.1:")
    site = str(hour_plant.folder / "site.toml")
    dates = ("--from", MONDAY.isoformat(), "--to", MONDAY.isoformat())
    answer = CliRunner().invoke(app, ["reduce", *dates, "--scheduler", address, "--site", site])
    assert answer.exit_code == 0, (answer.output, answer.exception)
    assert summary_files(hour_plant.folder) == summary_files(reduced_template)


def test_each_worker_has_a_bound_and_tells_its_peak(hour_plant: Any, workers: Cluster) -> None:
    cluster = working_for(workers, place_of(hour_plant))
    run(hour_plant, executor=cluster)
    assert len(cluster.bounds) == 2
    assert all(0 < row.peak_bytes < row.bound_bytes for row in cluster.memory)
    assert 1 <= len(cluster.memory) <= 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to stop and kill a process")
def test_a_worker_killed_in_mid_run_costs_time_only(
    hour_plant: Any, reduced_template: Path, workers: Cluster
) -> None:
    with worker_killed(workers) as held:
        report = run(hour_plant, executor=working_for(workers, place_of(hour_plant)))
    assert held[-1] > 0
    assert report.computed == 8
    assert summary_files(hour_plant.folder) == summary_files(reduced_template)


def test_only_minutes_travel(hour_plant: Any, workers: Cluster) -> None:
    todo, _ = pending_partitions(hour_plant.book, hour_plant.store, MONDAY, MONDAY)
    trunk = next(one for one in todo if one.sensor == "press-1-trunk")
    found = workers._client.submit(
        reduce_away,
        hour_plant.book,
        place_of(hour_plant),
        Assignment(trunk, {}, force=True),
        installation(),
        pure=False,
    ).result()
    folder = hour_plant.folder / "lake" / "raw"
    raw = sum(path.stat().st_size for path in folder.rglob("*trunk/**/*.parquet"))
    assert found.worked.outcome.rows == 60
    assert len(pickle.dumps(found)) < raw


def test_a_worker_that_sees_no_rows_says_so(hour_plant: Any, workers: Cluster, tmp_path: Path) -> None:
    elsewhere = replace(place_of(hour_plant), base=tmp_path / "elsewhere")
    with pytest.raises(StoreUnreachableError, match=r"sees no raw rows of .*rule: every worker reads"):
        run(hour_plant, executor=working_for(workers, elsewhere))


def test_a_worker_with_other_versions_is_refused(hour_plant: Any, workers: Cluster) -> None:
    todo, _ = pending_partitions(hour_plant.book, hour_plant.store, MONDAY, MONDAY)
    other = ("vigiposte 0.0.1", *installation()[1:])
    task = workers._client.submit(
        reduce_away, hour_plant.book, place_of(hour_plant), Assignment(todo[0], {}, force=True), other
    )
    with pytest.raises(ConfigurationError, match=r"another installation.*vigiposte 0\.0\.1"):
        task.result()


@pytest.mark.parametrize("name", ["", "local:0", "local:two", "http://host:8786", "host:8786"])
def test_what_is_no_scheduler_is_refused(name: str) -> None:
    with (
        pytest.raises(UsageError, match="this is no scheduler"),
        open_cluster(name, StorePlace("lake:.", None, Path())),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indicators.reduction.cluster._CONNECT_S", 0.3)
    with (
        pytest.raises(UnreachableError, match=r"does not answer.*tcp://127\.0\.0\.1:9"),
        open_cluster("tcp://127.0.0.1:9", StorePlace("lake:.", None, Path())),
    ):
        pass


def test_a_worker_uses_the_cores_of_its_threads_only(workers: Cluster) -> None:
    addresses = workers._client.scheduler_info(n_workers=-1)["workers"]
    asked = [workers._client.submit(away._threads, pure=False, workers=one) for one in addresses]
    assert [one.result() for one in asked] == [1, 1]


def test_a_branch_that_ends_just_after_the_waiting_is_no_lost_cluster(
    hour_plant: Any, workers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wait ends in the moment before its branch: the future times out and is finished by then."""
    from distributed import Future

    real, waited = Future.result, set()

    def late(self: Any, timeout: float | None = None) -> Any:
        if self.key in waited:
            return real(self, timeout)
        waited.add(self.key)
        real(self, None)
        raise TimeoutError(timeout)

    monkeypatch.setattr(Future, "result", late)
    assert run(hour_plant, executor=working_for(workers, place_of(hour_plant))).computed == 8
    assert waited
