"""Fleets made quickly: one simulated shift of two workstations, linked into as many as wanted.

Each day has a wearer of its own at each workstation, so that five days are enough to be shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from indicators.reduction.kinds import DATASET, analysis_version
from indicators.reduction.service import reduce_partitions
from ingest.store import Partition, open_store
from sensors.quantities import Kind
from sensors.site_file import load_site
from simulators.devices import reading_batches
from simulators.scenario import Scenario, load_scenario
from simulators.site_writer import SiteOptions, write_site

__all__ = ["MONDAY", "Shape", "build_fleet"]

MONDAY = date(2026, 11, 16)
_LOUD, _QUIET = "press-1", "office-6"
_ROLES = {
    "noise": (Kind.NOISE, "shoulder"),
    "climate": (Kind.CLIMATE, "fixed"),
    "trunk": (Kind.POSTURE, "upper_back"),
    "arm": (Kind.POSTURE, "upper_arm_dominant"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a fleet; every tenth site (the first among them) has quiet presses with an enclosure."""

    sites: int
    stations: int
    days: int = 1
    families: int = 5

    def quiet(self, site: int) -> bool:
        """Whether the presses of this site are quiet."""
        return site % 10 == 0


def build_fleet(folder: Path, shape: Shape, scenario: Scenario | None = None) -> Path:
    """Write site files, logs and the linked minute summaries below `folder`; the fleet file's path."""
    shifts = _shifts(folder / "shift", scenario or load_scenario("demo"), shape.days)
    rows = ['schema = 1\n[fleet]\nid = "group"\nlabel = "Group"\nlanguage = "en"\n']
    for number in range(shape.sites):
        name = f"site-{number:03d}"
        _site(folder / name, name, shape, shifts, quiet=shape.quiet(number))
        rows.append(f'[[sites]]\nfile = "{name}/site.toml"\n')
    path = folder / "fleet.toml"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def _shifts(folder: Path, demo: Scenario, days: int) -> Mapping[tuple[str, str, int], Path]:
    """Summary file of each (workstation, role, day): one simulated day, moved on day by day."""
    chosen = tuple(row for row in demo.workstations if row.id in (_LOUD, _QUIET))
    scenario = demo.model_copy(update={"days": 1, "workstations": chosen})
    write_site(scenario, 1, MONDAY, folder, SiteOptions())
    store = open_store("lake:./lake", base=folder)
    for batch in reading_batches(scenario, 1, MONDAY):
        store.write([batch])
    reduce_partitions(load_site(folder / "site.toml"), store, MONDAY, MONDAY)
    found = {}
    for partition in store.summary_partitions(DATASET, scenario.site):
        table = store.read_summary(DATASET, partition)
        assert table is not None
        station, _, role = partition.sensor.rpartition("-")
        for day in range(days):
            moved = Partition(partition.kind, partition.site, partition.sensor, MONDAY + timedelta(days=day))
            if day:
                version = {"version": analysis_version(partition.kind)}
                store.write_summary(DATASET, moved, _later(table, day), version)
            found[station, role, day] = folder / "lake" / _summary(moved)
    store.close()
    return found


def _later(table: pa.Table, days: int) -> pa.Table:
    place = table.schema.get_field_index("minute")
    field = table.schema.field(place)
    moved = table.column("minute").to_numpy().astype("datetime64[ns]") + np.timedelta64(days, "D")
    return table.set_column(place, field, pa.array(moved, type=field.type))


def _summary(partition: Partition) -> str:
    return (
        f"summaries/{DATASET}/kind={partition.kind.value}/site={partition.site}/sensor={partition.sensor}/"
        f"date={partition.day.isoformat()}/table.arrow"
    )


def _site(
    folder: Path, name: str, shape: Shape, shifts: Mapping[tuple[str, str, int], Path], *, quiet: bool
) -> None:
    folder.mkdir(parents=True)
    (folder / "site.toml").write_text(_site_text(name, shape, quiet=quiet), encoding="utf-8")
    logged = ["from,to,sensor,wearer,workstation,task"]
    for number in range(shape.stations):
        press = number % shape.families == 0
        like = _LOUD if press and not quiet else _QUIET
        for role, (kind, _) in _ROLES.items():
            for step in range(shape.days):
                source = shifts.get((like, role, step))
                if source is None:
                    continue
                day = MONDAY + timedelta(days=step)
                target = folder / "lake" / _summary(Partition(kind, name, f"w{number}-{role}", day))
                target.parent.mkdir(parents=True)
                os.link(source, target)
                if kind is not Kind.CLIMATE:
                    worn = f"{day}T08:00,{day}T16:00,w{number}-{role},p{number}-{step},,"
                    logged.append(worn)
    (folder / "assignments.csv").write_text("\n".join(logged) + "\n", encoding="utf-8")
    if quiet:
        actions = (
            "id,workstation,factor,level,what,owner,due,done,reason\na1,w0,noise,source,Enclosed the press,,,"
        )
        (folder / "actions.csv").write_text(actions + "2026-05-04,\n", encoding="utf-8")


def _site_text(name: str, shape: Shape, *, quiet: bool) -> str:
    parts = [
        f'schema = 1\n[site]\nid = "{name}"\nlabel = "{name.title()}"\ntimezone = "Europe/Paris"\n',
        '[store]\nurl = "lake:./lake"\n',
        '[[campaigns]]\nid = "c"\nfrom = 2026-11-16\nto = 2026-11-20\npurpose = "bench"\nsimulation = true\n',
        '[[shifts]]\nid = "day"\nstart = "08:00"\nend = "16:00"\n',
        "" if quiet else '[[protectors]]\nid = "plugs"\nlabel = "Ear plugs"\nsnr_db = 25.0\n',
    ]
    for number in range(shape.stations):
        family = number % shape.families
        named = "press" if family == 0 else f"family {family}"
        worn = "" if quiet or family else 'protector = "plugs"\n'
        parts.append(
            f'[[workstations]]\nid = "w{number}"\nlabel = "W {number}"\nfamily = "{named}"\n'
            f'shifts = ["day"]\n{worn}'
        )
        for role, (kind, mount) in _ROLES.items():
            sensor = f"w{number}-{role}"
            parts.append(
                f'[[sensors]]\nid = "{sensor}"\nkind = "{kind.value}"\norigin = "simulated"\n'
                f'[[placements]]\nsensor = "{sensor}"\nworkstation = "w{number}"\nmount = "{mount}"\n'
                "from = 2026-11-16T00:00:00\n"
            )
    return "\n".join(parts)
