"""The main job on real input: recordings travel through Mosquitto into both stores and come out as numbers.

The documents from the lake and from InfluxDB must be equal to the last digit, and the values must be those of
a direct computation from the files, done here with plain numpy and scipy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from simulators.recorded_site import write_recorded_site, write_recorded_trace
from simulators.recordings import read_recordings

REPOSITORY = Path(__file__).resolve().parent.parent
MONDAY = date(2026, 11, 16)
WEEK = "2026-W47"
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.mosquitto,
    pytest.mark.influxdb,
    pytest.mark.timeout(300),
]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vigiposte", *arguments]


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VIGIPOSTE_")}
    return {**clean, "PYTHONPATH": str(REPOSITORY), **more}


@dataclass(frozen=True)
class Replayed:
    """What both stores answered."""

    lake: dict[str, Any]
    influx: dict[str, Any]
    ingested: list[dict[str, Any]]

    def value(self, workstation: str, indicator: str, shift: str | None = None) -> float:
        """Value of this week, of one indicator (any segment), at one workstation and shift."""
        stations = {item["id"]: item for item in self.lake["workstations"]}
        found = [
            item["value"]
            for factor in stations[workstation]["factors"]
            for item in factor["indicators"]
            if item["id"] == indicator and item["scope"] == "week" and shift in (None, item["shift"])
        ]
        assert len(found) == 1, (workstation, indicator, shift, found)
        assert found[0] is not None
        return float(found[0])


@pytest.fixture(scope="module")
def replayed(
    recordings: Path, tmp_path_factory: pytest.TempPathFactory, influxdb: Any, shared_mosquitto: Any
) -> Replayed:
    folder = tmp_path_factory.mktemp("recordings")
    sensors = read_recordings(recordings, MONDAY)
    trace = write_recorded_trace(sensors, folder / "recordings.trace")
    url = shared_mosquitto.url
    stores = {"lake": "lake:./lake", "influx": influxdb.new_database()}
    processes = []
    for name, store in stores.items():
        place = folder / name
        place.mkdir()
        write_recorded_site(sensors, place, mqtt_url=url, store_url=store)
        processes.append(
            subprocess.Popen(
                command("ingest", "--until-idle", "6", "--json"),
                cwd=place,
                env=environment(VIGIPOSTE_MQTT_CLIENT_ID=f"ingest-{name}"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    wait_for_subscribers(shared_mosquitto, 2)
    sent = subprocess.run(
        command("replay", str(trace), "--mqtt", url, "--speed", "max", "--json"),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    messages = json.loads(sent.stdout)["messages"]
    reports = []
    for process in processes:
        output, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        reports.append(json.loads(output))
        assert reports[-1]["stored"] == messages, (messages, output, errors)
    documents = {}
    for name in stores:
        done = subprocess.run(
            command("indicators", "--week", WEEK, "--audience", "analyst", "--json"),
            cwd=folder / name,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        documents[name] = json.loads(done.stdout)
    return Replayed(documents["lake"], documents["influx"], reports)


def wait_for_subscribers(server: Any, count: int) -> None:
    """Wait until Mosquitto's log shows that `count` ingests have subscribed."""
    deadline = time.monotonic() + 60
    log = server.folder / "mosquitto.log"
    while time.monotonic() < deadline:
        if log.read_text(errors="replace").count(" as ingest-") >= count:
            time.sleep(1.0)
            return
        time.sleep(0.05)
    pytest.fail("the ingests did not connect")


def test_both_stores_give_the_same_document_to_the_last_digit(replayed: Replayed) -> None:
    assert replayed.lake == replayed.influx


def test_nothing_was_refused(replayed: Replayed) -> None:
    assert all(not report["rejected"] for report in replayed.ingested)


def frame(recordings: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(recordings / "posture" / f"{name}.parquet")


def inclination(
    recordings: Path, subject: str, segment: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angle to the standing reference and the time each value stands for, straight from the file."""
    raw = frame(recordings, f"{subject}_{segment}")
    labels = frame(recordings, f"{subject}_ground_truth")
    times = np.asarray(pd.DatetimeIndex(raw.index).as_unit("ns").asi8)
    standing = np.asarray(
        pd.DatetimeIndex(labels.index[labels["ground_truth"] == "standing"]).as_unit("ns").asi8
    )
    acc = raw[["acc_x", "acc_y", "acc_z"]].to_numpy(np.float64)
    upright = acc[np.isin(times // 10**9, standing // 10**9)].mean(axis=0)
    steps = np.diff(times) / 1e9
    cuts = np.flatnonzero(steps > 1.0) + 1
    sections = butter(2, 5.0, fs=50.0, output="sos")
    smooth = np.concatenate(
        [sosfiltfilt(sections, piece, axis=0) if len(piece) > 20 else piece for piece in np.split(acc, cuts)]
    )
    up = upright / np.linalg.norm(upright)
    angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(smooth, up), axis=1), smooth @ up))
    weights = np.append(np.where(steps > 1.0, 0.02, steps), 0.02)
    return angle, weights


def percentile(values: NDArray[np.float64], weights: NDArray[np.float64], percent: float) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(np.interp(percent / 100, share, values[order]))


@pytest.mark.parametrize("subject", ["S023", "S024"])
def test_trunk_inclination_is_that_of_the_file(replayed: Replayed, recordings: Path, subject: str) -> None:
    angle, weights = inclination(recordings, subject, "trunk")
    shift = subject.lower()
    for percent in (10, 50, 90):
        got = replayed.value("course", f"trunk_inclination_p{percent}", shift)
        assert got == pytest.approx(percentile(angle, weights, percent), abs=0.5)
    for threshold in (30, 60):
        expected = 100 * weights[angle >= threshold].sum() / weights.sum()
        assert replayed.value("course", f"trunk_inclination_ge{threshold}_share", shift) == pytest.approx(
            expected, abs=0.5
        )


def test_noise_of_the_day_is_that_of_the_file(replayed: Replayed, recordings: Path) -> None:
    raw = pd.read_csv(recordings / "noise" / "noisemonitor_laeq_1s.csv", encoding="utf-8-sig")
    levels = raw.iloc[:, 1].to_numpy(np.float64)[:86400]
    expected = 10 * np.log10(np.mean(10 ** (levels / 10)))
    assert replayed.value("street", "laeq_shift") == pytest.approx(expected, abs=1e-6)


def test_office_climate_is_that_of_the_file(replayed: Replayed, recordings: Path) -> None:
    raw = pd.read_csv(recordings / "climate" / "occupancy_office_1min.csv", parse_dates=["date"])
    means = raw.groupby(raw["date"].dt.date)["Temperature"].mean()
    stations = {item["id"]: item for item in replayed.lake["workstations"]}
    found = {
        item["shift"]: item["value"]
        for factor in stations["office"]["factors"]
        for item in factor["indicators"]
        if item["id"] == "air_temperature_mean" and item["scope"] == "week" and item["value"] is not None
    }
    assert found
    for value in found.values():
        assert min(abs(value - mean) for mean in means) < 0.05
