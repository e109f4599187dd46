"""The two postures of one running sensor, step by step, for whoever shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indicators.calibration.checks import (
    LEAN_S,
    LEAST_LEAN_DEG,
    UPRIGHT_S,
    PostureCheck,
    Stretch,
    check_postures,
    inclination_to,
)
from indicators.calibration.live import QuietWindow, collect_still

__all__ = ["accelerations", "two_postures"]

_ACC = ("acc_x", "acc_y", "acc_z")


def accelerations(arrivals: Iterable[Any]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]] | None]:
    """Times and accelerations of decoded messages; ``None`` where a message holds none."""
    for decoded in arrivals:
        if decoded is None or not set(_ACC) <= decoded.channels.keys():
            yield None
        else:
            yield decoded.times_ns, np.column_stack([decoded.channels[name] for name in _ACC])


def two_postures(
    arrivals: Iterable[Any],
    *,
    timeout_s: float,
    begin: Callable[[str, float], None],
    show: Callable[[float], None],
    reference: NDArray[np.float64] | None = None,
) -> PostureCheck:
    """Wait for quiet standing, then for the forward lean, and judge both.

    Parameters
    ----------
    arrivals : iterable
        Decoded messages of the sensor, ``None`` for a silence.
    timeout_s : float
        Longest wait for each posture.
    begin : callable(step, seconds)
        Told when ``upright`` or ``lean`` is asked for, and how long it must be held.
    show : callable(degrees)
        Told the inclination: from `reference` (else from the first reading) while standing, from the standing
        posture while leaning.
    reference : float64 array, shape (3,), optional
        Upright direction of an earlier calibration.

    Raises
    ------
    MethodError, NotEnoughDataError
        As `indicators.calibration.live.collect_still` and `check_postures`.
    """
    rows = accelerations(arrivals)
    upright = _posture(rows, "upright", timeout_s, begin, show, reference, lean=False)
    standing = upright.acc.mean(axis=0)
    lean = _posture(rows, "lean", timeout_s, begin, show, standing, lean=True)
    return check_postures(upright, lean)


def _posture(
    rows: Iterator[Any],
    step: str,
    timeout_s: float,
    begin: Callable[[str, float], None],
    show: Callable[[float], None],
    reference: NDArray[np.float64] | None,
    *,
    lean: bool,
) -> Stretch:
    seconds = LEAN_S if lean else UPRIGHT_S
    window = QuietWindow(seconds)
    if lean and reference is not None:
        # Still upright is quiet too: the window waits for a real lean.
        window.far_from = (reference, LEAST_LEAN_DEG)
    begin(step, seconds)
    known = reference
    started = time.monotonic()

    def shown(latest: NDArray[np.float64] | None) -> None:
        nonlocal known
        if latest is None:
            return
        known = latest if known is None else known
        show(inclination_to(known, latest))

    return collect_still(
        rows,
        window,
        what=step,
        elapsed_s=lambda: time.monotonic() - started,
        timeout_s=timeout_s,
        show=shown,
    )
