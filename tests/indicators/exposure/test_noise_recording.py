"""A real day of LAeq,1s: directly, and through minute rows."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from analysis.levels import energy_mean, exceeded_level
from indicators.model import Span, WorkerDay
from indicators.noise.shares import distribution
from indicators.reduction import noise
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_model import Mount, Sensor

pytestmark = pytest.mark.recordings


@pytest.fixture(scope="module")
def day_of_levels(recordings: Path) -> tuple[np.ndarray, np.ndarray]:
    with (recordings / "noise" / "noisemonitor_laeq_1s.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.reader(handle))[1:]
    stamps = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in rows]
    times = np.array([round(stamp.timestamp()) * 1_000_000_000 for stamp in stamps], dtype=np.int64)
    return times, np.array([float(row[1]) for row in rows])


def test_eight_hours_of_a_real_recording(day_of_levels: tuple[np.ndarray, np.ndarray]) -> None:
    times, levels = day_of_levels
    hour = (times - times[0]) / 3600e9
    shift = levels[(hour >= 8) & (hour < 16)]
    assert float(energy_mean(shift)) == pytest.approx(48.716, abs=0.01)
    assert exceeded_level(shift, [10, 50, 90]) == pytest.approx([51.286, 46.586, 44.286], abs=0.01)


def test_the_same_hours_through_minute_rows(day_of_levels: tuple[np.ndarray, np.ndarray]) -> None:
    times, levels = day_of_levels
    start, end = int(times[0]) + 8 * 3600 * 10**9, int(times[0]) + 16 * 3600 * 10**9
    rows = noise.reduce_minutes(
        ReadingBatch("street", "mic", Kind.NOISE, times, {"laeq": levels}),
        sensor=Sensor(id="mic", kind=Kind.NOISE),
        mount=Mount.FIXED,
        calibration=None,
        start_ns=start,
        end_ns=end,
    )
    day = noise.merge(
        rows,
        WorkerDay(
            "street",
            "desk",
            "day",
            date(2025, 3, 22),
            Kind.NOISE,
            "mic",
            Mount.FIXED,
            None,
            start,
            end,
            (Span(start, end),),
            (),
            end - start,
        ),
    )
    assert day.coverage == 1.0
    assert 10 * np.log10(day.laeq_energy / (day.laeq_ns * 1e-9)) == pytest.approx(48.716, abs=0.001)
    found = distribution([day], 1.0)
    for name, expected in (("l10_db", 51.286), ("l50_db", 46.586), ("l90_db", 44.286)):
        assert found[name] == pytest.approx(expected, abs=0.1)
    assert found["basis"] == "LAeq,1s, 1 dB"
