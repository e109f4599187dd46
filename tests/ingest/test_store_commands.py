"""``export`` and ``copy`` as their users meet them, on a site with a fixed and a worn sensor."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from dashboards.catalogue import text
from ingest import store_commands
from ingest.copying import copy_site
from ingest.store import Partition, ReadingQuery, Store, WriteOutcome, open_store
from sensors.command_line import Services
from sensors.errors import (
    ConfigurationError,
    GovernanceError,
    NotEnoughDataError,
    StoreRejectedError,
    UnknownNameError,
    UsageError,
)
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[store]
url = "lake:./lake"
[[shifts]]
id = "day"
start = "08:00"
end = "16:00"
[[workstations]]
id = "press-1"
label = "Press 1"
shifts = ["day"]
[[sensors]]
id = "mic-1"
kind = "noise"
[[sensors]]
id = "belt-1"
kind = "posture"
[[sensors]]
id = "spare-1"
kind = "climate"
[[placements]]
sensor = "mic-1"
workstation = "press-1"
mount = "fixed"
from = 2026-01-01T00:00:00
[[placements]]
sensor = "belt-1"
workstation = "press-1"
mount = "upper_back"
from = 2026-01-01T00:00:00
wearer = "w1"
[[campaigns]]
id = "autumn"
from = 2026-01-01
to = 2026-12-31
purpose = "posture at the presses"
cse_reference = "CSE 12"
cse_date = 2025-12-01
dpia_version = "1"
"""
# Monday 2026-11-16 08:00 in Paris.
START_NS = 1_794_787_200 * 10**9 + 7 * 3600 * 10**9
DAY_NS = 86_400 * 10**9
WEEK = ("--from", "2026-11-16", "--to", "2026-11-22")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    opened = open_store("lake:./lake", base=site.parent)
    seconds = np.arange(3600) * 10**9
    for day in range(3):
        start = START_NS + day * DAY_NS
        levels = {"laeq": np.linspace(60, 90, 3600), "lcpeak": np.full(3600, 101.5)}
        if day == 2:
            levels["lceq"] = np.full(3600, 77.0)
        opened.write(
            [
                ReadingBatch("plant", "mic-1", Kind.NOISE, start + seconds, levels),
                ReadingBatch(
                    "plant",
                    "belt-1",
                    Kind.POSTURE,
                    start + np.arange(5000) * 20_000_000,
                    {f"acc_{axis}": np.full(5000, 0.1, np.float32) for axis in "xyz"},
                ),
            ]
        )
    yield opened
    opened.close()


@pytest.fixture
def run(site: Path) -> Callable[..., str]:
    """``run("export", …)``: standard output; errors are raised as they are."""
    app = typer.Typer()
    store_commands.mount(app)
    accesses: list[Any] = []

    def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError

    services = Services(
        load_site=lambda path=None: load_site(path or site),
        open_store=lambda book, url=None, writer=None: open_store(
            url or book.site.store.url, summaries_url="lake:./lake", base=book.folder, writer=writer
        ),
        run_ingest=unused,
        reduce=unused,
        weekly_result=unused,
        render_report=unused,
        text=text,
        extra={
            "log_access": lambda book, event, details: accesses.append((book.site.site.id, event, details))
        },
    )

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, obj=services)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    call.accesses = accesses  # type: ignore[attr-defined]
    return call


def test_raw_noise_goes_to_parquet_with_units(store: Store, run: Callable[..., str], tmp_path: Path) -> None:
    (path,) = map(Path, run("export", *WEEK, "--sensor", "mic-1", "--out", str(tmp_path / "out")).split())
    assert path.name == "plant-mic-1-raw-2026-11-16-2026-11-22.parquet"
    table = pq.read_table(path)
    assert table.column_names == ["time", "laeq", "lcpeak", "lceq", "flags"]
    assert table.num_rows == 3 * 3600
    assert table.schema.field("laeq").metadata == {b"unit": b"dB(A)"}
    assert table.schema.metadata[b"sensor"] == b"mic-1"
    assert table["lceq"].null_count == 2 * 3600
    read = store.read_columns(ReadingQuery("plant", "mic-1", Kind.NOISE, 0, 2**62))
    np.testing.assert_array_equal(table["laeq"].to_numpy(), read.channels["laeq"])
    np.testing.assert_array_equal(table["time"].cast(pa.int64()).to_numpy(), read.times_ns)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_raw_noise_goes_to_csv_with_units_in_the_header(
    store: Store, run: Callable[..., str], tmp_path: Path
) -> None:
    arguments = ("--channel", "laeq", "--format", "csv", "--out", str(tmp_path / "out"), "--json")
    answer = json.loads(run("export", "--from", "2026-11-17", "--to", "2026-11-17", *arguments))
    assert answer["schema"] == "vigiposte.export/1"
    assert answer["held_back"] == ["belt-1", "spare-1"]
    (file,) = answer["files"]
    assert (file["sensor"], file["rows"]) == ("mic-1", 3600)
    with Path(file["path"]).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["time", "laeq [dB(A)]", "flags"]
    assert rows[1] == ["2026-11-17T07:00:00.000000000Z", "60", "0"]
    assert float(rows[-1][1]) == 90.0
    assert len(rows) == 3601


def test_dates_are_site_dates(store: Store, run: Callable[..., str], tmp_path: Path) -> None:
    """23:30 UTC on the 16th is already the 17th in Paris."""
    late = START_NS + 16 * 3600 * 10**9 + 30 * 60 * 10**9
    store.write([ReadingBatch("plant", "mic-1", Kind.NOISE, np.array([late]), {"laeq": np.array([55.5])})])
    out = ("--out", str(tmp_path / "out"), "--channel", "laeq")
    first = pq.read_table(run("export", "--from", "2026-11-16", "--to", "2026-11-16", *out).strip())
    second = pq.read_table(run("export", "--from", "2026-11-17", "--to", "2026-11-17", *out).strip())
    assert (first.num_rows, second.num_rows) == (3600, 3601)
    assert second["laeq"][0].as_py() == 55.5


def test_worn_sensors_are_for_the_analyst_and_each_look_is_logged(
    store: Store, run: Callable[..., str], tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "out"))
    with pytest.raises(GovernanceError) as caught:
        run("export", *WEEK, "--sensor", "belt-1", *out)
    assert caught.value.code == "worn_raw"
    with pytest.raises(GovernanceError):
        run("export", *WEEK, "--sensor", "belt-1", "--data", "minutes", *out)
    assert not (tmp_path / "out").exists()
    assert "belt" not in run("export", *WEEK, *out)
    assert not list((tmp_path / "out").glob("*belt*"))
    assert run.accesses == []  # type: ignore[attr-defined]
    (path,) = run("export", *WEEK, "--sensor", "belt-1", "--audience", "analyst", *out).split()
    assert pq.read_table(path).num_rows == 15_000
    assert pq.read_schema(path).metadata[b"audience"] == b"analyst"
    ((where, event, details),) = run.accesses  # type: ignore[attr-defined]
    assert (where, event, details["sensors"]) == ("plant", "export", ["belt-1"])


def test_a_fixed_sensor_that_somebody_once_wore_is_held_back(
    store: Store, site: Path, run: Callable[..., str], tmp_path: Path
) -> None:
    (site.parent / "assignments.csv").write_text(
        "from,to,sensor,wearer,workstation,task\n2026-03-02T08:00,2026-03-02T16:00,mic-1,w2,press-1,\n"
    )
    with pytest.raises(GovernanceError):
        run("export", *WEEK, "--sensor", "mic-1", "--out", str(tmp_path / "out"))


def test_pauses_are_left_out(store: Store, site: Path, run: Callable[..., str], tmp_path: Path) -> None:
    (site.parent / "pauses.csv").write_text(
        "from,to,sensor\n2026-11-16T08:10,2026-11-16T08:20,mic-1\n2026-11-17T08:00,2026-11-17T09:00,\n"
    )
    path = run("export", *WEEK, "--sensor", "mic-1", "--out", str(tmp_path / "out")).strip()
    assert pq.read_table(path).num_rows == 3 * 3600 - 600 - 3600


def test_minutes_are_exported_as_they_are(store: Store, run: Callable[..., str], tmp_path: Path) -> None:
    minute = START_NS + np.arange(3) * 60 * 10**9
    table = pa.table(
        [
            pa.array(minute).cast(pa.timestamp("ns", tz="UTC")),
            pa.array([60 * 10**9] * 3),
            pa.array([[70, 71], [70], []], pa.list_(pa.uint16())),
            pa.array([b"\x01\xff", None, b""]),
        ],
        schema=pa.schema(
            [
                pa.field("minute", pa.timestamp("ns", tz="UTC")),
                pa.field("laeq_ns", pa.int64()),
                pa.field("laeq_bins", pa.list_(pa.uint16()), metadata={"unit": "dB(A)"}),
                pa.field("mask", pa.binary()),
            ]
        ),
    )
    store.write_summary("minutes", Partition(Kind.NOISE, "plant", "mic-1", date(2026, 11, 16)), table, {})
    out = ("--data", "minutes", "--out", str(tmp_path / "out"))
    assert pq.read_table(run("export", *WEEK, *out).strip()).replace_schema_metadata().equals(table)
    text = Path(run("export", *WEEK, "--format", "csv", *out).strip()).read_text(encoding="utf-8")
    with Path(tmp_path / "out" / "plant-mic-1-minutes-2026-11-16-2026-11-22.csv").open(
        encoding="utf-8"
    ) as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["minute", "laeq_ns [ns]", "laeq_bins [dB(A)]", "mask"]
    assert rows[1] == ["2026-11-16T07:00:00.000000000Z", "60000000000", "[70, 71]", "01ff"]
    assert text.count("\n") == 4


def test_what_cannot_be_exported_is_said(store: Store, run: Callable[..., str], tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    with pytest.raises(NotEnoughDataError, match="vigiposte reduce"):
        run("export", *WEEK, "--data", "minutes", *out)
    with pytest.raises(NotEnoughDataError):
        run("export", "--from", "2026-01-01", "--to", "2026-01-02", *out)
    with pytest.raises(UnknownNameError, match="mic-1"):
        run("export", *WEEK, "--sensor", "mic-9", *out)
    for wrong in (
        ("--data", "seconds"),
        ("--format", "xlsx"),
        ("--audience", "public"),
        ("--week", "2026-W47"),
    ):
        with pytest.raises(UsageError):
            run("export", *WEEK, *wrong, *out)
    with pytest.raises(UsageError):
        run("export", "--from", "2026-11-16", *out)


@pytest.mark.influxdb
def test_a_site_moves_to_influxdb_and_back_to_the_last_bit(
    store: Store, run: Callable[..., str], influxdb: Any, tmp_path: Path
) -> None:
    partition = Partition(Kind.NOISE, "plant", "mic-1", date(2026, 11, 16))
    store.write_summary(
        "minutes", partition, pa.table({"n": [1]}), {"fingerprint": store.fingerprint(partition)}
    )
    url = influxdb.new_database()
    there = ("--to", url, "--to-summaries", f"lake:{tmp_path / 'companion'}")
    answer = json.loads(run("copy", *there, "--json"))
    assert answer["schema"] == "vigiposte.copy/1"
    counts = ("partitions", "copied", "unchanged", "rows", "summaries")
    assert [answer[name] for name in counts] == [6, 6, 0, 3 * 3600 + 15_000, 1]
    again = json.loads(run("copy", *there, "--json"))
    assert [again[name] for name in counts] == [6, 0, 6, 0, 0]
    back = ("--from", url, "--from-summaries", f"lake:{tmp_path / 'companion'}", "--to", "lake:./second")
    assert "6 copied" in run("copy", *back)
    second = open_store("lake:./second", base=tmp_path)
    for one in store.partitions("plant"):
        assert second.fingerprint(one) == store.fingerprint(one)
    # What came over the wire in single precision is kept so again.
    (path,) = (tmp_path / "second").glob("raw/kind=posture/**/date=2026-11-16/*.parquet")
    assert pq.read_schema(path).field("acc_x").type == pa.float32()
    assert second.summary_metadata("minutes", partition) == {"fingerprint": store.fingerprint(partition)}
    second.close()


def test_days_can_be_chosen(store: Store, run: Callable[..., str]) -> None:
    out = run("copy", "--to", "lake:./second", "--first", "2026-11-17", "--last", "2026-11-17")
    assert out.startswith("2 sensor-days: 2 copied")


class _Failing:
    """A store that goes away, or loses rows, after some writes."""

    def __init__(self, inner: Store, good_writes: int, fault: str) -> None:
        self._inner = inner
        self._left = good_writes
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        self._left -= 1
        if self._left >= 0:
            return self._inner.write(batches)
        if self._fault == "away":
            raise ConnectionError(self._fault)
        if self._fault == "changed":
            column = {"laeq": np.array([1.0])}
            self._inner.write(batches)
            only = batches[0]
            return self._inner.write(
                [ReadingBatch(only.site, only.sensor, only.kind, only.times_ns[:1], column, sequence=9)]
            )
        kept = [
            ReadingBatch(
                one.site,
                one.sensor,
                one.kind,
                one.times_ns[:-1],
                {name: column[:-1] for name, column in one.channels.items()},
            )
            for one in batches
        ]
        return self._inner.write(kept)


def test_an_interrupted_copy_goes_on_where_it_stopped(store: Store, tmp_path: Path) -> None:
    target = open_store("lake:./second", base=tmp_path)
    failing: Any = _Failing(target, 4, "away")
    with pytest.raises(ConnectionError):
        copy_site(store, failing, "plant")
    seen: list[tuple[int, int]] = []
    report = copy_site(store, target, "plant", progress=lambda done, total, _: seen.append((done, total)))
    assert (report.partitions, report.copied, report.unchanged) == (6, 2, 4)
    assert seen == [(number, 6) for number in range(1, 7)]
    target.close()


@pytest.mark.parametrize("fault", ["lost", "changed"])
def test_a_copy_that_lost_or_changed_rows_is_not_called_done(
    store: Store, tmp_path: Path, fault: str
) -> None:
    target = open_store("lake:./second", base=tmp_path)
    failing: Any = _Failing(target, 1, fault)
    with pytest.raises(StoreRejectedError, match="does not give back") as caught:
        copy_site(store, failing, "plant")
    assert len(caught.value.rows) == 1
    target.close()


def test_rows_that_the_target_had_before_stay(store: Store, tmp_path: Path) -> None:
    target = open_store("lake:./second", base=tmp_path)
    own = ReadingBatch("plant", "mic-1", Kind.NOISE, np.array([START_NS - 1]), {"laeq": np.array([33.0])})
    target.write([own])
    copy_site(store, target, "plant")
    read = target.read_columns(ReadingQuery("plant", "mic-1", Kind.NOISE, 0, 2**62))
    assert read.channels["laeq"][0] == 33.0
    assert len(read) == 3 * 3600 + 1
    target.close()


def test_copies_that_make_no_sense_are_refused(
    store: Store, run: Callable[..., str], site: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        run("copy", "--to", "lake:./lake")
    assert caught.value.code == "same_store"
    with pytest.raises(NotEnoughDataError):
        run("copy", "--from", "lake:./nothing", "--to", "lake:./second")
    with pytest.raises(UsageError):
        run("copy", "--to", "lake:./second", "--first", "yesterday")
    with pytest.raises(ConfigurationError) as missing:
        run("copy", "--to", "lake:./second", "--to-token-file", str(tmp_path / "none"))
    assert missing.value.code == "token_file"
