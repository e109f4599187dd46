"""Published rules for postures: longest static hold, action levels of time, and the Revised Strain Index."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, number, within
from analysis.posture_holds import Hold, holds
from indicators.limits import Limit, limit
from indicators.table_files import toml_table
from sensors.errors import MethodError

__all__ = [
    "ActionLevel",
    "StaticPosture",
    "StaticVerdict",
    "action_level",
    "revised_strain_index",
    "static_hold_limit_s",
    "static_postures",
]

FloatArray = NDArray[np.float64]

_BODY_PARTS = ("trunk", "upper_arm", "head")


class ActionLevel(StrEnum):
    """Outcome of a scheme: RAMP has three colours, Lund one action level."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    BELOW = "below"
    AT = "at"
    ABOVE = "above"
    NOT_MEASURED = "not_measured"


class StaticVerdict(StrEnum):
    """What ISO 11226 says of one held posture."""

    ACCEPTABLE = "acceptable"
    TOO_LONG = "too_long"
    NOT_RECOMMENDED = "not_recommended"


@dataclass(frozen=True, slots=True)
class StaticPosture:
    """One posture held for more than 4 s with slight or no variation.

    Attributes
    ----------
    start_s, duration_s : float
        When it began and how long it was held [s].
    angle_deg : float
        Time-weighted mean angle.
    limit_s : float
        Longest acceptable hold at that angle; infinite without limit, 0 when not recommended.
    verdict : StaticVerdict
    """

    start_s: float
    duration_s: float
    angle_deg: float
    limit_s: float
    verdict: StaticVerdict


def _require_body_part(body_part: str) -> None:
    if body_part not in _BODY_PARTS:
        raise MethodError(
            "no static rule for this body part",
            value=body_part,
            rule=f"one of {', '.join(_BODY_PARTS)}",
            code="unknown_body_part",
        )


def static_hold_limit_s(body_part: str, angle_deg: ArrayLike) -> FloatArray:
    """Longest acceptable hold of a static posture without support.

    Below the acceptable angle there is no limit; between the two angles the limit falls on a straight line
    (trunk 240 s at 20° to 60 s at 60°); beyond the second angle, and bent backwards, the posture is not
    recommended without full support.

    Parameters
    ----------
    body_part : {"trunk", "upper_arm", "head"}
    angle_deg : array_like
        Inclination of trunk or head (forward positive), or elevation of the upper arm; NaN = missing.

    Returns
    -------
    float64 array, shape of `angle_deg`
        Seconds; infinite without limit, 0 when not recommended.

    Raises
    ------
    MethodError
        ``unknown_body_part``, ``not_numeric``, ``empty``, ``infinite``, ``out_of_validity`` beyond ±180°.

    References
    ----------
    ISO 11226:2000, rows ``iso.posture.static_…`` of the limits table (recalled).
    """
    _require_body_part(body_part)
    angles = within(angle_deg, "angle_deg", -180.0, 180.0)
    low, high = (
        limit(f"iso.posture.static_{body_part}_{part}_deg").value for part in ("acceptable", "maximum")
    )
    longest, shortest = (
        limit(f"iso.posture.static_{body_part}_hold_at_{part}_s").value for part in ("acceptable", "maximum")
    )
    held = longest + (shortest - longest) * (angles - low) / (high - low)
    result = np.where(angles < low, np.inf, np.where(angles > high, 0.0, held))
    result = np.where(angles < 0.0, 0.0, result)
    return np.asarray(np.where(np.isnan(angles), np.nan, result), np.float64)


def static_postures(
    angles_deg: ArrayLike, times_s: ArrayLike, body_part: str, max_gap_s: float = 1.0
) -> tuple[StaticPosture, ...]:
    """Static postures in a recording, each held against ISO 11226.

    A static posture stays within ±5° for more than 4 s. Stretches without limit (near upright) are returned
    too, as acceptable.

    Parameters
    ----------
    angles_deg, times_s : array_like, shape (n,)
        As `static_hold_limit_s`; strictly increasing times; NaN angles are missing.
    body_part : {"trunk", "upper_arm", "head"}
    max_gap_s : float
        A longer step is a gap and ends a posture.

    Raises
    ------
    MethodError
        As `static_hold_limit_s`, and the codes of ``analysis.exposure`` for bad series.
    """
    _require_body_part(body_part)
    least = limit("iso.posture.static_hold_from_s").value
    variation = float(toml_table("posture")["summary"]["steady_range_deg"])
    found = [
        hold for hold in holds(angles_deg, times_s, variation, max_gap_s) if hold.duration_s > least + 1e-9
    ]
    return tuple(_judged(hold, body_part) for hold in found)


def _judged(hold: Hold, body_part: str) -> StaticPosture:
    # A trunk that stands a degree behind its own reference is upright, not bent backwards.
    angle = hold.mean if abs(hold.mean) > 1.0 else abs(hold.mean)
    longest = float(static_hold_limit_s(body_part, round(angle, 9)))
    verdict = StaticVerdict.ACCEPTABLE
    if longest == 0.0:
        verdict = StaticVerdict.NOT_RECOMMENDED
    elif hold.duration_s > longest + 1e-9:
        verdict = StaticVerdict.TOO_LONG
    return StaticPosture(hold.start_s, hold.duration_s, hold.mean, longest, verdict)


def action_level(scheme: str, body_part: str, quantity: str, value: float) -> ActionLevel:
    """Level of a scheme that a daily value reaches.

    Parameters
    ----------
    scheme : {"lund", "ramp"}
        Lund: one action level, exceeded when above it. RAMP II: amber from the first value, red from the
        second.
    body_part : str
        ``upper_arm``, ``trunk``, ``head`` or ``wrist``.
    quantity : str
        Lund: ``ge30_share``, ``ge60_share`` (% of the working day, breaks left in), ``velocity_p50``
        (°/s). RAMP:
        ``ge20_min``, ``ge45_min``, ``ge30_min``, ``extension_min``, ``ge90_min`` (minutes a day).
    value : float
        In the unit of the quantity; NaN = not measured.

    Returns
    -------
    ActionLevel

    Raises
    ------
    MethodError
        ``unknown_action_level``, ``infinite``, ``out_of_validity`` for a negative value.

    References
    ----------
    Arvidsson et al. 2021 (Ann Work Expo Health 65:741); RAMP II 1.03b. Rows ``lund.posture.…`` and
    ``ramp.posture.…`` of the limits table.
    """
    rows: list[dict[str, Any]] = toml_table("posture")["action_levels"]
    bounds = [
        [limit(identifier) for identifier in row["limits"]]
        for row in rows
        if (row["scheme"], row["body_part"], row["quantity"]) == (scheme, body_part, quantity)
    ]
    if not bounds:
        known = sorted(f"{row['scheme']}/{row['body_part']}/{row['quantity']}" for row in rows)
        raise MethodError(
            "no such action level",
            value=f"{scheme}/{body_part}/{quantity}",
            rule=f"one of {', '.join(known)}",
            code="unknown_action_level",
        )
    amount = float(within(number(value, "value"), "value", 0.0, np.finfo(np.float64).max))
    if np.isnan(amount):
        return ActionLevel.NOT_MEASURED
    return _one_level(amount, *bounds[0]) if len(bounds[0]) == 1 else _colour(amount, *bounds[0])


def _one_level(amount: float, bound: Limit) -> ActionLevel:
    if amount == bound.value:
        return ActionLevel.AT
    return ActionLevel.ABOVE if amount > bound.value else ActionLevel.BELOW


def _colour(amount: float, amber: Limit, red: Limit) -> ActionLevel:
    if amount >= red.value:
        return ActionLevel.RED
    return ActionLevel.AMBER if amount >= amber.value else ActionLevel.GREEN


def revised_strain_index(
    intensity: ArrayLike,
    efforts_per_min: ArrayLike,
    duration_s: ArrayLike,
    wrist_deg: ArrayLike,
    hours: ArrayLike,
) -> FloatArray:
    """Revised Strain Index of a repetitive task of the hand: IM · EM · DM · PM · HM; above 10 is hazardous.

    Force cannot be sensed here: `intensity` comes from an observer. Arguments broadcast like numpy.

    Parameters
    ----------
    intensity : array_like
        Force of the effort, 0–1 (Borg CR-10 ÷ 10).
    efforts_per_min : array_like
        1/min.
    duration_s : array_like
        Seconds an effort.
    wrist_deg : array_like
        Wrist posture; extension positive, flexion negative.
    hours : array_like
        Duration of the task a day [h].

    Returns
    -------
    float64 array

    Raises
    ------
    MethodError
        ``out_of_validity``, ``not_numeric``, ``empty``, ``infinite``.

    References
    ----------
    Garg, Moore, Kapellusch 2017, Ergonomics 60:912.
    """
    force = within(intensity, "intensity", 0.0, 1.0)
    efforts = within(efforts_per_min, "efforts_per_min", 0.0, 600.0)
    seconds = within(duration_s, "duration_s", 0.0, 3600.0)
    wrist = float_array(within(wrist_deg, "wrist_deg", -90.0, 90.0), "wrist_deg")
    day = within(hours, "hours", 0.0, 24.0)
    of_force = np.where(
        force <= 0.4,
        30 * force**3 - 15.6 * force**2 + 13 * force + 0.4,
        36 * force**3 - 33.3 * force**2 + 24.77 * force - 1.86,
    )
    of_efforts = np.where(efforts <= 90, 0.10 + 0.25 * efforts, 0.00334 * efforts**1.96)
    of_duration = np.where(
        seconds <= 60, 0.45 + 0.31 * seconds, 19.17 * np.log(np.maximum(seconds, 1.0)) - 59.44
    )
    bent = np.abs(wrist)
    of_posture = np.where(
        wrist < 0,
        1.2 * np.exp(0.009 * bent) - 0.2,
        np.where(bent <= 30, 1.0, 1.0 + 0.00028 * (bent - 30) ** 2),
    )
    of_hours = np.where(day <= 0.05, 0.20, 0.042 * day + 0.090 * np.log(np.maximum(day, 0.05)) + 0.477)
    missing = np.isnan(force) | np.isnan(efforts) | np.isnan(seconds) | np.isnan(wrist) | np.isnan(day)
    index = of_force * of_efforts * of_duration * of_posture * of_hours
    return np.asarray(np.where(missing, np.nan, index), np.float64)
