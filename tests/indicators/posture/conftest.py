"""Posture recordings from angles, and worker-days made of them by the project's own reduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from indicators.context import AssessmentContext, build_context
from indicators.model import Period, Span, WorkerDay
from indicators.reduction.posture import PostureDay, merge, reduce_minutes
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from sensors.site_model import Calibration, Mount, Sensor

FloatArray = NDArray[np.float64]

MINUTE_NS = 60_000_000_000
MONDAY = date(2026, 11, 16)
# 08:00 in Paris on that Monday.
START_NS = 1_794_985_200_000_000_000 // MINUTE_NS * MINUTE_NS

SITE = """
schema = 1
[site]
id = "atelier"
label = "Atelier"
[[campaigns]]
id = "autumn"
from = 2026-11-02
to = 2026-11-29
purpose = "test"
cse_reference = "2026-10"
cse_date = 2026-10-01
[[shifts]]
id = "day"
start = "08:00"
end = "09:00"
[[workstations]]
id = "press"
label = "Presse"
shifts = ["day"]
hours_per_year = 900
"""


@dataclass
class Bench:
    """Makes readings, minutes and worker-days from angles."""

    rate_hz: float = 25.0
    noise_g: float = 0.002
    sensor: Sensor = field(default_factory=lambda: Sensor(id="imu", kind=Kind.POSTURE, range_g=8.0))
    start_ns: int = START_NS

    def calibration(self, **changes: Any) -> Calibration:
        fields: dict[str, Any] = {
            "id": "c",
            "sensor": "imu",
            "at": "2026-11-16T07:00:00",
            "kind": "two_postures",
            "upright": (1.0, 0.0, 0.0),
            "lean": (0.766, 0.0, 0.643),
        }
        return Calibration(**fields | changes)

    def times(self, seconds: float) -> FloatArray:
        return np.arange(round(seconds * self.rate_hz)) / self.rate_hz

    def acceleration(
        self, flexion_deg: FloatArray, lateral_deg: FloatArray | float = 0.0, seed: int = 1
    ) -> FloatArray:
        forward, aside = np.radians(flexion_deg), np.radians(lateral_deg) + 0.0 * flexion_deg
        up = np.stack([np.cos(forward) * np.cos(aside), np.sin(aside), np.sin(forward) * np.cos(aside)])
        return up + np.random.default_rng(seed).normal(0.0, self.noise_g, up.shape)

    def readings(self, acceleration: FloatArray, times_ns: NDArray[np.int64] | None = None) -> ReadingBatch:
        step = round(1e9 / self.rate_hz)
        times = self.start_ns + np.arange(acceleration.shape[1]) * step if times_ns is None else times_ns
        columns = {f"acc_{axis}": acceleration[row] for row, axis in enumerate("xyz")}
        return ReadingBatch("atelier", "imu", Kind.POSTURE, times.astype(np.int64), columns)

    def minutes(
        self,
        readings: ReadingBatch,
        seconds: float,
        *,
        mount: Mount = Mount.UPPER_BACK,
        calibration: Calibration | None = None,
        bare: bool = False,
        first_s: float = 0.0,
    ) -> pa.Table:
        known = None if bare else (calibration or self.calibration())
        return reduce_minutes(
            readings,
            sensor=self.sensor,
            mount=mount,
            calibration=known,
            start_ns=self.start_ns + round(first_s * 1e9),
            end_ns=self.start_ns + round((first_s + seconds) * 1e9),
        )

    def worker_day(
        self,
        seconds: float,
        *,
        mount: Mount = Mount.UPPER_BACK,
        wearer: str = "p1",
        day: int = 0,
        breaks: Sequence[tuple[float, float]] = (),
        spans: Sequence[tuple[float, float]] | None = None,
        expected_s: float | None = None,
    ) -> WorkerDay:
        def span(pair: tuple[float, float]) -> Span:
            return Span(self.start_ns + round(pair[0] * 1e9), self.start_ns + round(pair[1] * 1e9))

        return WorkerDay(
            site="atelier",
            workstation="press",
            shift="day",
            day=MONDAY + timedelta(days=day),
            kind=Kind.POSTURE,
            sensor="imu",
            mount=mount,
            wearer=wearer,
            start_ns=self.start_ns,
            end_ns=self.start_ns + round(seconds * 1e9),
            spans=tuple(span(pair) for pair in (spans or [(0.0, seconds)])),
            breaks=tuple(span(pair) for pair in breaks),
            expected_ns=round((expected_s or seconds) * 1e9),
        )

    def day(
        self,
        acceleration: FloatArray,
        *,
        calibration: Calibration | None = None,
        bare: bool = False,
        **options: Any,
    ) -> PostureDay:
        seconds = acceleration.shape[1] / self.rate_hz
        mount = options.get("mount", Mount.UPPER_BACK)
        table = self.minutes(
            self.readings(acceleration), seconds, mount=mount, calibration=calibration, bare=bare
        )
        return merge(table, self.worker_day(options.pop("shift_s", seconds), **options))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def quiet_bench() -> Bench:
    return Bench(noise_g=0.0)


@pytest.fixture(scope="session")
def press_context(tmp_path_factory: pytest.TempPathFactory) -> AssessmentContext:
    """One workstation, week 47, every profile of limits."""
    path: Path = tmp_path_factory.mktemp("atelier") / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    book = load_site(path)
    period = Period(
        MONDAY,
        MONDAY + timedelta(days=6),
        START_NS - 8 * 60 * MINUTE_NS,
        START_NS + 160 * 60 * MINUTE_NS,
        "Europe/Paris",
        "2026-W47",
    )
    return build_context(book, book.workstation("press"), "day", period)
