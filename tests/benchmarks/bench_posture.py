"""Posture of one sensor-shift, raw to every indicator, against the plain scipy floor and, on request, peers.

``python tests/benchmarks/bench_posture.py [hours] [--peers PYTHON]``. The floor is what nobody can leave out:
low-pass, angle and percentiles of the same signal with plain scipy and numpy. PYTHON is the interpreter of an
environment of its own that has ``acti-motus`` and ``scikit-digital-health``, made by::

    python -m venv peers && peers/bin/pip install acti-motus scikit-digital-health

A peer that is missing there is named. Peers do other work (no zones, percentiles, holds or velocities), so
their ratio says how fast, not how much. Trust the ratios.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from indicators.model import Span, WorkerDay
from indicators.posture.measures import PostureFacts, Segment, measures_of
from indicators.reduction.posture import merge, reduce_minutes
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

RATE_HZ = 100
START_NS = 1_794_985_200_000_000_000
REPEATS = 5
SENSOR = Sensor(id="imu", kind=Kind.POSTURE, range_g=8.0)
CALIBRATION = Calibration.model_validate(
    {
        "id": "c",
        "sensor": "imu",
        "at": "2026-11-16T07:00:00",
        "kind": "two_postures",
        "upright": (1.0, 0.0, 0.0),
        "lean": (0.766, 0.0, 0.643),
    }
)

PEERS = """
import json, sys, time
import numpy as np, pandas as pd
raw = np.load(sys.argv[1])
index = pd.to_datetime(raw["times"])
frame = pd.DataFrame(raw["acc"].T, index=index, columns=["acc_x", "acc_y", "acc_z"])
found = {}
def best(name, act):
    wall, processor = [], []
    for _ in range(3):
        began, used = time.perf_counter(), time.process_time()
        act()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    found[name] = [min(wall), min(processor)]
seconds = raw["times"] / 1e9
acc = np.ascontiguousarray(raw["acc"].T)
def motus():
    from actimotus import Features
    return lambda: Features(calibrate=False).compute(frame.copy())
def wear():
    from skdh.preprocessing import AccelThresholdWearDetection
    return lambda: AccelThresholdWearDetection().predict(time=seconds, accel=acc, fs=100.0)
for name, peer in (("acti-motus Features (one sensor)", motus), ("skdh wear detection", wear)):
    try:
        best(name, peer())
    except Exception as trouble:
        found[name] = f"{type(trouble).__name__}: {trouble}"
print(json.dumps(found))
"""


def signal(hours: float) -> NDArray[np.float64]:
    """Bending, leaning aside, walking and noise; shape (3, n)."""
    t = np.arange(round(hours * 3600 * RATE_HZ)) / RATE_HZ
    forward = np.radians(15 + 25 * np.sin(2 * np.pi * t / 37) + 15 * np.sin(2 * np.pi * t / 7.3))
    aside = np.radians(5 * np.sin(2 * np.pi * t / 11))
    acc = np.stack([np.cos(forward) * np.cos(aside), np.sin(aside), np.sin(forward) * np.cos(aside)])
    acc[2] += 0.25 * np.sin(2 * np.pi * 1.9 * t) * (np.sin(2 * np.pi * t / 300) > 0.5)
    acc += np.random.default_rng(1).normal(0.0, 0.005, acc.shape)
    return acc


def readings(acc: NDArray[np.float64]) -> ReadingBatch:
    times = START_NS + np.arange(acc.shape[1], dtype=np.int64) * (1_000_000_000 // RATE_HZ)
    columns = {f"acc_{axis}": acc[row] for row, axis in enumerate("xyz")}
    return ReadingBatch("plant", "imu", Kind.POSTURE, times, columns)


def everything(batch: ReadingBatch, hours: float) -> dict[str, float]:
    """Raw readings to every value of a trunk sensor's worker-day."""
    end_ns = START_NS + round(hours * 3600e9)
    table = reduce_minutes(
        batch,
        sensor=SENSOR,
        mount=Mount.UPPER_BACK,
        calibration=CALIBRATION,
        start_ns=START_NS,
        end_ns=end_ns,
    )
    day = WorkerDay(
        site="plant",
        workstation="press",
        shift="day",
        day=date(2026, 11, 16),
        kind=Kind.POSTURE,
        sensor="imu",
        mount=Mount.UPPER_BACK,
        wearer="p1",
        start_ns=START_NS,
        end_ns=end_ns,
        spans=(Span(START_NS, end_ns),),
        breaks=(),
        expected_ns=end_ns - START_NS,
    )
    facts = PostureFacts([merge(table, day)])
    return {item.id: float(item.of(facts)[0]) for item in measures_of(Segment.TRUNK)}


def floor(acc: NDArray[np.float64]) -> NDArray[np.float64]:
    """Low-pass, angle to the upright, seven percentiles: plain scipy and numpy."""
    smooth = sosfiltfilt(butter(2, 5.0, fs=RATE_HZ, output="sos"), acc, axis=1)
    theta = np.degrees(np.arctan2(np.hypot(smooth[1], smooth[2]), smooth[0]))
    return np.asarray(np.percentile(theta, [1, 5, 10, 50, 90, 95, 99]), np.float64)


def best(act: Callable[[], object]) -> tuple[float, float]:
    """Shortest wall time and shortest processor time of some repetitions [s]."""
    wall, processor = [], []
    for _ in range(REPEATS):
        began, used = time.perf_counter(), time.process_time()
        act()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return min(wall), min(processor)


def show(
    name: str, samples: int, spent: tuple[float, float], baseline: tuple[float, float] | None = None
) -> None:
    wall, processor = spent
    ratio = "" if baseline is None else f"   {wall / baseline[0]:5.2f} x the floor's time"
    speed = f"{samples / wall / 1e6:6.2f} M samples/s"
    print(f"{name:44s} {wall:7.3f} s ({processor:.3f} s of processor)   {speed}{ratio}")


def peak_mib(hours: float) -> float:
    """Peak resident memory of a fresh process that does it once [MiB], its imports and input included."""
    script = f"import bench_posture as b; b.report_peak({hours})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    return float(done.stdout)


def report_peak(hours: float) -> None:
    """Do it once from a file of raw readings and print the peak [MiB]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.npy"
        made = subprocess.run(
            [sys.executable, "-c", f"import bench_posture as b; b.np.save({str(path)!r}, b.signal({hours}))"],
            check=True,
            cwd=Path(__file__).parent,
        )
        assert made.returncode == 0
        everything(readings(np.load(path)), hours)
    # What getrusage says of a child starts from its parent's peak; the kernel's own mark does not.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def bench_peers(python: str, acc: NDArray[np.float64], baseline: tuple[float, float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.npz"
        np.savez(path, acc=acc, times=readings(acc).times_ns)
        done = subprocess.run([python, "-c", PEERS, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"peers did not run: {done.stderr.strip().splitlines()[-1]}")
        return
    for name, spent in json.loads(done.stdout.splitlines()[-1]).items():
        if isinstance(spent, str):
            print(f"{name:44s} did not run: {spent}")
        else:
            show(name, acc.shape[1], tuple(spent), baseline)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hours", type=float, nargs="?", default=8.0)
    parser.add_argument("--peers", help="interpreter with acti-motus and scikit-digital-health")
    options = parser.parse_args()
    acc = signal(options.hours)
    batch = readings(acc)
    number = acc.shape[1]
    print(f"{options.hours:g} h at {RATE_HZ} Hz, three axes: {number / 1e6:.2f} M samples")
    baseline = best(lambda: floor(acc))
    show("floor: low-pass, angle, percentiles (scipy)", number, baseline)
    show(
        "vigiposte: raw to every trunk indicator",
        number,
        best(lambda: everything(batch, options.hours)),
        baseline,
    )
    rng = np.random.default_rng(2)
    kept = np.sort(rng.permutation(number)[: round(0.99 * number)])
    uneven = ReadingBatch(
        "plant",
        "imu",
        Kind.POSTURE,
        batch.times_ns[kept] + rng.integers(-100_000, 100_000, kept.size),
        {name: column[kept] for name, column in batch.channels.items()},
    )
    show("the same, 1 % lost and jittered", number, best(lambda: everything(uneven, options.hours)), baseline)
    if options.peers:
        bench_peers(options.peers, acc, baseline)
    print(f"peak memory of one process: {peak_mib(options.hours):.0f} MiB, imports and raw input included")


if __name__ == "__main__":
    main()
