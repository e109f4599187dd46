"""Many sensor-days of raw readings made quickly: one simulated shift under as many names as wanted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from ingest.store import Store, open_store
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from simulators.devices import reading_batches
from simulators.scenario import load_scenario

__all__ = ["MONDAY", "MOUNTS", "SITE", "last_day", "write_days", "write_site_file"]

MONDAY = date(2026, 11, 16)
SITE = "copies"
MOUNTS = {Kind.NOISE: "shoulder", Kind.CLIMATE: "fixed", Kind.POSTURE: "upper_back"}
_ROLES = {Kind.NOISE: "noise", Kind.CLIMATE: "climate", Kind.POSTURE: "trunk"}
_DAY_NS = 86_400 * 10**9
_SHIFT_NS = _DAY_NS // 3


def write_site_file(folder: Path, sensors: Iterable[tuple[str, Kind]]) -> Path:
    """A site file with these sensors, all at one workstation; posture with its two postures."""
    parts = [
        f'schema = 1\n[site]\nid = "{SITE}"\nlabel = "Copies"\ntimezone = "Europe/Paris"\n',
        '[store]\nurl = "lake:./lake"\n',
        '[[campaigns]]\nid = "c"\nfrom = 2026-11-01\nto = 2026-12-31\npurpose = "bench"\nsimulation = true\n',
        '[[shifts]]\nid = "day"\nstart = "08:00"\nend = "16:00"\n',
        '[[workstations]]\nid = "w"\nlabel = "W"\nshifts = ["day"]\n',
    ]
    for name, kind in sensors:
        parts.append(
            f'[[sensors]]\nid = "{name}"\nkind = "{kind.value}"\norigin = "simulated"\n'
            f'[[placements]]\nsensor = "{name}"\nworkstation = "w"\nmount = "{MOUNTS[kind]}"\n'
            "from = 2026-11-01T00:00:00\n"
        )
        if kind is Kind.POSTURE:
            parts[-1] += f'calibration = "{name}-c"\n'
            parts.append(
                f'[[calibrations]]\nid = "{name}-c"\nsensor = "{name}"\nat = 2026-11-01T06:00:00\n'
                'kind = "two_postures"\nupright = [1.0, 0.0, 0.0]\nlean = [0.866, 0.0, 0.5]\n'
            )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "site.toml"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


@cache
def _shift(kind: Kind) -> tuple[ReadingBatch, ...]:
    demo = load_scenario("demo")
    scenario = demo.model_copy(update={"days": 1, "workstations": demo.workstations[:1]})
    wanted = f"-{_ROLES[kind]}"
    return tuple(batch for batch in reading_batches(scenario, 1, MONDAY) if batch.sensor.endswith(wanted))


def write_days(
    folder: Path, sensors: Iterable[tuple[str, Kind]], days: Iterable[int], shifts: int = 1
) -> Store:
    """Write `shifts` of 8 h, from midnight UTC, for each sensor and day into a lake; the open store."""
    store = open_store("lake:./lake", base=folder)
    for name, kind in sensors:
        for day in days:
            for number in range(shifts):
                first = _shift(kind)[0].times_ns[0] // _DAY_NS * _DAY_NS
                moved = first + day * _DAY_NS + number * _SHIFT_NS - _shift(kind)[0].times_ns[0]
                store.write(
                    [
                        ReadingBatch(SITE, name, kind, batch.times_ns + moved, dict(batch.channels))
                        for batch in _shift(kind)
                    ]
                )
    return store


def last_day(days: int) -> date:
    """The last of so many days."""
    return MONDAY + timedelta(days=days - 1)
