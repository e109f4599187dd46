"""A wearer asks for their data, then withdraws: files, store, groups and reports as their users meet them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from indicators.governance.chain import read_entries
from indicators.governance.link_register import enter_link, open_links
from indicators.governance.personal_link import PersonalLink
from indicators.model import Audience
from indicators.reduction.service import reduce_partitions
from indicators.worker_days.joining import worker_days
from ingest.store import Store
from sensors.errors import GovernanceError, NotEnoughDataError, UnknownNameError
from sensors.periods import week_period
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from vigiposte import app, build_services

HEAD = """
schema = 1
[site]
id = "plant"
label = "Plant"
limits = ["fr", "eu", "iso"]
[store]
url = "{store}"
summaries = "lake:./lake"
[privacy]
key_file = "../safe/plant.key"
group_size = 5
[[campaigns]]
id = "autumn"
from = 2026-01-01
to = 2026-12-31
purpose = "noise at the presses"
cse_reference = "CSE 12"
cse_date = 2025-12-01
dpia_version = "1"
[[shifts]]
id = "day"
label = "Day team"
start = "08:00"
end = "10:00"
days = ["mon", "tue", "wed", "thu", "fri"]
[[workstations]]
id = "press"
label = "Press"
shifts = ["day"]
"""
SENSOR = """
[[sensors]]
id = "dose-{n}"
kind = "noise"
[[placements]]
sensor = "dose-{n}"
workstation = "press"
mount = "shoulder"
from = 2020-01-01T00:00:00
"""
MONDAY = date(2026, 6, 1)
DAYS = tuple(MONDAY + timedelta(days=step) for step in range(3))
WEEK = "2026-W23"


def wearer_of(sensor: int, day: date) -> str:
    """Five people wear one sensor each; on the last day w2 has handed dose-2 over to w6."""
    return "w6" if sensor == 2 and day == DAYS[-1] else f"w{sensor}"


BOTH_STORES = pytest.mark.parametrize("site", ["lake", "influxdb"], indirect=True)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    influx = getattr(request, "param", "lake") == "influxdb"
    url = request.getfixturevalue("influxdb").new_database() if influx else "lake:./lake"
    path = folder / "site.toml"
    path.write_text(
        HEAD.replace("{store}", url) + "".join(SENSOR.replace("{n}", str(n)) for n in range(1, 6))
    )
    rows = [f"{day}T07:00,{day}T11:00,dose-{n},{wearer_of(n, day)},,\n" for day in DAYS for n in range(1, 6)]
    (folder / "assignments.csv").write_text("from,to,sensor,wearer,workstation,task\n" + "".join(rows))
    run(path, "pseudonyms", "create-key")
    return path


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    opened = build_services().open_store(load_site(site))
    book = load_site(site)
    for day in DAYS:
        start = book.to_ns(datetime(day.year, day.month, day.day, 8))
        times = start + np.arange(7200) * 10**9
        opened.write(
            [
                ReadingBatch(
                    "plant",
                    f"dose-{n}",
                    Kind.NOISE,
                    times,
                    {"laeq": 80.0 + n + np.sin(times / 1e12), "lcpeak": np.full(times.shape[0], 110.0)},
                    sequence=1,
                )
                for n in range(1, 6)
            ]
        )
    yield opened
    opened.close()


def run(site: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def held(store: Store, sensor: str) -> list[date]:
    return [one.day for one in store.partitions("plant") if one.sensor == sensor]


def summarised(store: Store, sensor: str) -> list[date]:
    return [one.day for one in store.summary_partitions("minutes", "plant") if one.sensor == sensor]


def publish(site: Path, store: Store, week: str = WEEK) -> Any:
    book = load_site(site)
    period = week_period(week, book.zone, datetime.now(UTC) + timedelta(days=366))
    return build_services().weekly_result(book, store, period, Audience.REPORT)


@BOTH_STORES
def test_my_data_holds_this_wearer_and_nobody_else(site: Path, store: Store, tmp_path: Path) -> None:
    del store
    out = tmp_path / "mine"
    shown = json.loads(
        run(site, "my-data", "w2", "--out", str(out), "--raw", "--lang", "en", "--json").stdout
    )
    assert shown["raw_rows"] == 2 * 7200
    assert shown["minutes"] == 2 * 120
    page = (out / "my-data.html").read_text()
    assert "1\u00a0June 2026" in page
    assert "3\u00a0June 2026" not in page
    assert '<td role="cell" data-l="Shift">Day team</td>' in page
    with (out / "values.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {row["day"] for row in rows} == {"2026-06-01", "2026-06-02"}
    level = next(row for row in rows if row["indicator"] == "laeq_shift")
    assert float(level["value"]) == pytest.approx(82.0, abs=1.0)
    raw = sorted(out.glob("raw-*.csv"))
    assert [path.name for path in raw] == ["raw-dose-2-20260601T0800.csv", "raw-dose-2-20260602T0800.csv"]
    assert len(raw[0].read_text().splitlines()) == 7201
    others = ("dose-1", "dose-3", "dose-4", "dose-5")
    assert not any(other in path.read_text() for path in out.iterdir() for other in others)
    (entry,) = read_entries(site.parent / "access.jsonl")
    assert (entry["event"], entry["pseudonym"]) == ("my_data", "w2")


def test_my_data_of_strangers_and_of_people_without_data(site: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        run(site, "my-data", "w99")
    assert caught.value.code == "unknown_wearer"
    assert "w1" not in str(caught.value)
    with pytest.raises(NotEnoughDataError) as empty:
        run(site, "my-data", "w1")
    assert empty.value.code == "nothing_held"


def test_a_dry_run_shows_the_groups_and_changes_nothing(site: Path, store: Store) -> None:
    reduce_partitions(load_site(site), store, DAYS[0], DAYS[-1])
    shown = json.loads(run(site, "withdraw", "w1", "--dry-run", "--json").stdout)
    assert shown["effects"] == [
        {"workstation": "press", "before": 6, "after": 5, "minimum": 5, "falls_below": False}
    ]
    assert held(store, "dose-1") == list(DAYS)
    assert not (site.parent / "objections.csv").exists()


@BOTH_STORES
def test_withdrawal_erases_one_wearer_and_leaves_the_others(site: Path, store: Store) -> None:
    book = load_site(site)
    reduce_partitions(book, store, DAYS[0], DAYS[-1])
    others = {
        one: store.read_summary("minutes", one)
        for one in store.summary_partitions("minutes", "plant")
        if wearer_of(int(one.sensor[-1]), one.day) != "w2"
    }
    for wearer in ("w1", "w2"):
        enter_link(book, PersonalLink(f"link-{wearer}", wearer, datetime(2030, 1, 1, tzinfo=UTC)))
    done = json.loads(run(site, "withdraw", "w2", "--yes", "--json").stdout)
    assert open_links(book) == {"link-w1": "w1"}, "the links of the one who withdrew are revoked"
    assert done["erased"] == {"rows": 2 * 7200, "summaries": 2}
    assert held(store, "dose-2") == summarised(store, "dose-2") == [DAYS[-1]]
    for partition, table in others.items():
        again = store.read_summary("minutes", partition)
        assert table is not None
        assert table.equals(again), partition
    now = load_site(site)
    assert now.objecting == {"w2"}
    assert {day.wearer for day in worker_days(now, DAYS[0], DAYS[-1])} == {"w1", "w3", "w4", "w5", "w6"}
    with pytest.raises(NotEnoughDataError):
        run(site, "my-data", "w2")


@BOTH_STORES
def test_minutes_go_although_their_raw_rows_were_purged_before(site: Path, store: Store) -> None:
    """The sensor changed hands within the day: only the minutes of one of the two go."""
    log = site.parent / "assignments.csv"
    day = DAYS[0]
    log.write_text(
        log.read_text().replace(
            f"{day}T07:00,{day}T11:00,dose-3,w3,,",
            f"{day}T07:00,{day}T09:00,dose-3,w3,,\n{day}T09:00,{day}T11:00,dose-3,w7,,",
        )
    )
    book = load_site(site)
    reduce_partitions(book, store, DAYS[0], DAYS[-1])
    first = next(one for one in store.summary_partitions("minutes", "plant") if one.sensor == "dose-3")
    table = store.read_summary("minutes", first)
    metadata = store.summary_metadata("minutes", first)
    assert table is not None
    assert metadata is not None
    store.write_summary("minutes", first, table, {**metadata, "raw_purged": "2026-07-20"})
    store.delete(first)
    run(site, "withdraw", "w3", "--yes")
    left = store.read_summary("minutes", first)
    assert left is not None
    assert left.equals(table.slice(60))
    assert "minute_rows" in metadata
    assert "minute_rows" not in (store.summary_metadata("minutes", first) or {})
    assert summarised(store, "dose-3") == [first.day]


def test_a_withdrawal_below_the_group_size_says_so(
    site: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIGIPOSTE_LANG")
    reduce_partitions(load_site(site), store, DAYS[0], DAYS[-1])
    run(site, "withdraw", "w6", "--yes")
    shown = run(site, "withdraw", "w1", "--yes")
    assert "5 porteurs avant, 4 après (minimum 5)" in shown.stdout.replace("\u00a0", " ")
    assert "n’y seront plus montrés" in shown.stdout


def test_published_weeks_are_marked_and_never_issued_again(site: Path, store: Store, tmp_path: Path) -> None:
    first = publish(site, store)
    assert not any(row.code == "period_marked" for row in first.notes)
    services = build_services()
    services.render_report(first, tmp_path / "one", ("json",), "en")
    done = json.loads(run(site, "withdraw", "w1", "--yes", "--json").stdout)
    assert done["marked_weeks"] == [WEEK]
    again = publish(site, store)
    assert any(row.code == "period_marked" for row in again.notes)
    with pytest.raises(GovernanceError) as caught:
        services.render_report(again, tmp_path / "two", ("json",), "en")
    assert caught.value.code == "period_marked"
    assert not (tmp_path / "two").exists()
    rollups = f"lake:{tmp_path / 'rollups'}"
    for command in (
        ("publish", "--store", rollups),
        ("publish", "--store", rollups, "--audience", "wide"),
        ("annex",),
    ):
        refused = CliRunner().invoke(app, [*command, "--week", WEEK, "--site", str(site)]).exception
        assert isinstance(refused, GovernanceError), command
        assert refused.code == "period_marked"
    assert not (tmp_path / "rollups").exists() or not list((tmp_path / "rollups").rglob("*.parquet"))
    log = read_entries(site.parent / "withdrawals.jsonl")
    assert [row["event"] for row in log] == ["withdrawal", "erased"]


def test_what_was_never_published_is_not_marked(site: Path, store: Store, tmp_path: Path) -> None:
    reduce_partitions(load_site(site), store, DAYS[0], DAYS[-1])
    done = json.loads(run(site, "withdraw", "w1", "--yes", "--json").stdout)
    assert done["marked_weeks"] == []
    result = publish(site, store)
    assert build_services().render_report(result, tmp_path, ("json",), "en")


def test_withdrawing_twice_finishes_what_an_interruption_left(
    site: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reduce_partitions(load_site(site), store, DAYS[0], DAYS[-1])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vigiposte._erase_readings", killed)
        CliRunner().invoke(app, ["withdraw", "w1", "--yes", "--site", str(site)])
    assert held(store, "dose-1") == list(DAYS)
    done = json.loads(run(site, "withdraw", "w1", "--yes", "--json").stdout)
    assert done["erased"]["rows"] == 3 * 7200
    assert held(store, "dose-1") == []
    assert (site.parent / "objections.csv").read_text().count("w1") == 1


def test_nothing_happens_without_a_yes(site: Path, store: Store, capsys: Callable[..., Any]) -> None:
    del capsys
    result = CliRunner().invoke(app, ["withdraw", "w1", "--site", str(site)], input="n\n")
    assert result.exit_code == 1
    assert held(store, "dose-1") == list(DAYS)
