"""Real recordings: HARTH (low back and thigh, labelled) and BROAD (against an optical reference)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.io import loadmat

from analysis.exposure import percentiles, time_in_bands
from analysis.posture import angular_velocity_deg_s, inclination_deg
from analysis.posture_activity import thigh_activity
from analysis.posture_fusion import fused_direction
from analysis.posture_quality import QualityFlag, assess_recording
from analysis.signal import low_pass, time_base, uniform

pytestmark = pytest.mark.recordings

FloatArray = NDArray[np.float64]
_LABELS = {
    "standing": "standing",
    "shuffling": "standing",
    "walking": "walking",
    "running": "walking",
    "stairs (ascending)": "walking",
    "stairs (descending)": "walking",
    "sitting": "sitting",
    "lying": "sitting",
}


def harth(folder: Path, subject: str, part: str) -> tuple[FloatArray, NDArray[np.int64]]:
    frame = pd.read_parquet(folder / "posture" / f"{subject}_{part}.parquet")
    times = np.asarray(frame.index.to_numpy("datetime64[ns]")).astype(np.int64)
    return frame.to_numpy(np.float64), times


def labels_at(folder: Path, subject: str, times_ns: NDArray[np.int64]) -> NDArray[Any]:
    truth = pd.read_parquet(folder / "posture" / f"{subject}_ground_truth.parquet")["ground_truth"]
    return np.asarray(truth.astype(str).reindex(pd.DatetimeIndex(times_ns).floor("s")).to_numpy())


@pytest.mark.parametrize(
    ("subject", "ranks", "above", "medians"),
    [
        ("S023", (5.3, 16.3, 91.2, 122.0), (29.8, 16.7), (3.1, 13.4, 54.5, 91.5)),
        ("S024", (4.7, 17.7, 103.0, 108.7), (34.3, 22.4), (3.5, 13.6, 50.4, 103.0)),
    ],
)
def test_a23_low_back_of_harth(
    recordings: Path,
    subject: str,
    ranks: tuple[float, ...],
    above: tuple[float, ...],
    medians: tuple[float, ...],
) -> None:
    acc, times = harth(recordings, subject, "trunk")
    base = time_base(times)
    assert base.gaps > 0
    signal = uniform(base, np.ascontiguousarray(acc[base.index].T))
    smooth = low_pass(signal.columns, base.rate_hz, starts=signal.starts)
    labels = labels_at(recordings, subject, signal.times_ns)
    theta = inclination_deg(smooth.T, smooth[:, labels == "standing"].mean(axis=1))
    seconds = (signal.times_ns - signal.times_ns[0]) / 1e9
    assert percentiles(theta, seconds, [10, 50, 90, 99], 1.0) == pytest.approx(ranks, abs=0.3)
    for threshold, share in zip((30, 60), above, strict=True):
        parts = time_in_bands(theta, seconds, [0, threshold, 180], 1.0)
        assert 100 * parts[1] / parts.sum() == pytest.approx(share, abs=0.5)
    for label, median in zip(("standing", "walking", "sitting", "lying"), medians, strict=True):
        assert np.median(theta[labels == label]) == pytest.approx(median, abs=0.3)


@pytest.mark.parametrize("subject", ["S023", "S024"])
def test_thigh_activity_agrees_with_the_video_labels(recordings: Path, subject: str) -> None:
    acc, times = harth(recordings, subject, "thigh")
    standing = labels_at(recordings, subject, times) == "standing"
    seconds = (times - times[0]) / 1e9
    shares, starts, kinds = thigh_activity(acc, seconds, acc[standing].mean(axis=0))
    when = times[0] + np.round(starts * 1e9).astype(np.int64)
    truth = np.array([_LABELS.get(label, "") for label in labels_at(recordings, subject, when)])
    agreement = np.mean(truth == np.array([kind.value for kind in kinds]))
    assert agreement > 0.95
    assert shares.sitting == pytest.approx(np.mean(truth == "sitting"), abs=0.01)


def broad(folder: Path, trial: str) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_], float]:
    data = loadmat(next((folder / "posture").glob(f"{trial}_*.mat")))
    w, x, y, z = data["opt_quat"].T
    up = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1)
    moving = data["movement"].ravel().astype(bool) & np.isfinite(up).all(axis=1)
    return data["imu_acc"], data["imu_gyr"], up, moving, float(data["sampling_rate"][0, 0])


def tilt_rmse(found: FloatArray, true: FloatArray) -> float:
    across = np.linalg.norm(np.cross(found, true), axis=1)
    error = np.degrees(np.arctan2(across, np.einsum("ij,ij->i", found, true)))
    return float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize(
    ("trial", "errors", "speeds", "reliable"),
    [
        ("01", (1.99, 1.80, 3.35), (65.5, 78.6), True),
        ("21", (64.8, 52.3, 50.2), (341.7, 221.2), False),
    ],
)
def test_a22_tilt_against_the_optical_reference(
    recordings: Path,
    trial: str,
    errors: tuple[float, ...],
    speeds: tuple[float, float],
    reliable: bool,
) -> None:
    acc, _, up, moving, rate = broad(recordings, trial)
    for cutoff, expected in zip((1.0, 2.0, 5.0), errors, strict=True):
        smooth = low_pass(np.ascontiguousarray(acc.T), rate, cutoff).T
        assert tilt_rmse(smooth[moving], up[moving]) == pytest.approx(expected, abs=0.1)
    seconds = np.arange(acc.shape[0]) / rate
    optical = angular_velocity_deg_s(np.where(np.isfinite(up), up, np.nan), seconds)
    assert np.nanmedian(optical[moving[1:]]) == pytest.approx(speeds[0], abs=0.1)
    # The source leaves open how the first interval of each movement counts: 1.1 °/s at most.
    assert np.median(angular_velocity_deg_s(smooth, seconds)[moving[1:]]) == pytest.approx(speeds[1], abs=1.1)

    quality = assess_recording(acc, seconds)
    assert quality.reliable is reliable
    assert (QualityFlag.DYNAMIC_MOTION in quality.flags) is not reliable


@pytest.mark.parametrize(("trial", "error"), [("01", 0.37), ("21", 0.95)])
def test_fusion_with_the_gyroscope_is_good_to_a_degree(recordings: Path, trial: str, error: float) -> None:
    pytest.importorskip("vqf")
    acc, gyr, up, moving, rate = broad(recordings, trial)
    seconds = np.arange(acc.shape[0]) / rate
    fused = fused_direction(acc, np.degrees(gyr), seconds)
    true = np.stack([np.interp(fused.times_s, seconds, column) for column in up.T], axis=1)
    counted = np.interp(fused.times_s, seconds, moving) > 0.99
    assert tilt_rmse(fused.up[counted], true[counted]) == pytest.approx(error, abs=0.1)
