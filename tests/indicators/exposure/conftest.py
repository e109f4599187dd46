"""A small real site, and worker-days made from signals by the project's own reduction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import ArrayLike, NDArray

from indicators.context import AssessmentContext, build_context
from indicators.model import Period, WorkerDay
from indicators.reduction import climate, noise
from indicators.worker_days.joining import worker_days
from sensors.local_time import at_ns
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site

SITE = """
schema = 1
[site]
id = "atelier"
label = "Atelier"
timezone = "Europe/Paris"
{site}

[[shifts]]
id = "morning"
start = "06:00"
end = "14:00"
{shift_days}

[[workstations]]
id = "press"
label = "Presse"
shifts = ["morning"]
{workstation}

{tasks}
{protector}

[[campaigns]]
id = "autumn"
from = 2026-11-02
to = 2026-11-29
purpose = "test"
cse_reference = "2026-10"
cse_date = 2026-10-01

[[sensors]]
id = "dosi"
kind = "noise"
instrument_class = "{instrument_class}"

[[sensors]]
id = "mic"
kind = "noise"
instrument_class = "class_2"

[[sensors]]
id = "air"
kind = "climate"
{climate_sensor}

[[placements]]
sensor = "dosi"
workstation = "press"
mount = "shoulder"
from = 2026-11-01
{worn_placement}

[[placements]]
sensor = "mic"
workstation = "press"
mount = "fixed"
from = 2026-11-01

[[placements]]
sensor = "air"
workstation = "press"
mount = "fixed"
from = 2026-11-01
{more}
"""

_MIDNIGHT = time(0, 0)
WEEK = (date(2026, 11, 16), date(2026, 11, 22))


@dataclass(frozen=True)
class Plant:
    """A site, and the way to fill its worker-days with signals."""

    book: SiteBook

    def context(self, first: date = WEEK[0], last: date = WEEK[1]) -> AssessmentContext:
        zone = self.book.zone
        period = Period(
            first,
            last,
            at_ns(first, _MIDNIGHT, zone),
            at_ns(last, _MIDNIGHT, zone) + 86_400_000_000_000,
            "Europe/Paris",
        )
        return build_context(self.book, self.book.workstation("press"), "morning", period)

    def day(self, on: date, sensor: str) -> WorkerDay:
        kind = self.book.sensor(sensor).kind
        return next(day for day in worker_days(self.book, on, on, kind, "press") if day.sensor == sensor)

    def noise(
        self,
        on: date,
        laeq: ArrayLike,
        *,
        sensor: str = "dosi",
        wearer: str | None = None,
        hours: float = 8.0,
        **channels: ArrayLike,
    ) -> noise.NoiseDay:
        """Worker-day from 1-s levels that start with the shift; one number is a steady level."""
        day = self.day(on, sensor)
        count = round(hours * 3600)
        columns = {"laeq": laeq, **channels}
        batch = self._batch(day, columns, count, 1_000_000_000)
        return noise.merge(self._rows(noise, batch, day), _worn_by(day, wearer))

    def climate(
        self, on: date, *, sensor: str = "air", hours: float = 8.0, **channels: ArrayLike
    ) -> climate.ClimateDay:
        """Worker-day from 60-s climate channels that start with the shift."""
        day = self.day(on, sensor)
        batch = self._batch(day, channels, round(hours * 60), 60_000_000_000)
        return climate.merge(self._rows(climate, batch, day), day)

    def _batch(
        self, day: WorkerDay, columns: Mapping[str, ArrayLike], count: int, step_ns: int
    ) -> ReadingBatch:
        times = day.start_ns + np.arange(count, dtype=np.int64) * step_ns
        filled: dict[str, NDArray[np.float64]] = {
            name: np.array(np.broadcast_to(np.asarray(values, dtype=np.float64), (count,)))
            for name, values in columns.items()
        }
        return ReadingBatch("atelier", day.sensor, day.kind, times, filled)

    def _rows(self, room: object, batch: ReadingBatch, day: WorkerDay) -> pa.Table:
        reduce_minutes: Callable[..., pa.Table] = room.reduce_minutes  # type: ignore[attr-defined]
        return reduce_minutes(
            batch,
            sensor=self.book.sensor(day.sensor),
            mount=day.mount,
            calibration=None,
            start_ns=day.start_ns,
            end_ns=day.end_ns,
        )


def _worn_by(day: WorkerDay, wearer: str | None) -> WorkerDay:
    return replace(day, wearer=wearer) if wearer is not None else day


@pytest.fixture
def plant(tmp_path: Path) -> Callable[..., Plant]:
    """``plant(workstation=…, tasks=…, …)``: pieces of TOML put into the site file."""

    def build(
        *,
        site: str = "",
        workstation: str = "",
        tasks: str = "",
        protector: str = "",
        instrument_class: str = "dosimeter",
        climate_sensor: str = "",
        worn_placement: str = "",
        more: str = "",
        shift_days: str = "",
        logs: Mapping[str, Sequence[str]] | None = None,
    ) -> Plant:
        text = SITE.format(
            site=site,
            workstation=workstation,
            tasks=tasks,
            protector=protector,
            instrument_class=instrument_class,
            climate_sensor=climate_sensor,
            worn_placement=worn_placement,
            more=more,
            shift_days=shift_days,
        )
        path = tmp_path / "site.toml"
        path.write_text(text, encoding="utf-8")
        for name, lines in (logs or {}).items():
            (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return Plant(load_site(path))

    return build
