"""What the seconds of a posture day say: holds, static postures, zones and rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.posture_runs import majority, run_bounds
from indicators.limits import limit
from indicators.posture.rules import static_hold_limit_s
from indicators.reduction.posture_day import PostureDay, unpack
from indicators.table_files import toml_table

__all__ = ["DaySeconds", "RestShares", "ZoneShares"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_HOUR_NS = 3_600_000_000_000
_MEDIAN_S = 5
_REST_MINIMUM_S = 3
_GRADES = {"A": np.int8(0), "C": np.int8(1), "N": np.int8(2)}


@dataclass(frozen=True, slots=True)
class ZoneShares:
    """Shares of the working time in the zones of EN 1005-4 [%]; NaN when not observed."""

    acceptable: float
    conditional: float
    not_acceptable: float


@dataclass(frozen=True, slots=True)
class RestShares:
    """Share of the working time at rest [%] and pauses of rest an hour; NaN when not observed."""

    percent: float
    pauses_per_hour: float


@cache
def _longest_static_s(body_part: str, degrees: int) -> float:
    """Longest static hold at or above so many degrees; from the maximum on, what makes it static at all."""
    least = limit("iso.posture.static_hold_from_s").value
    if degrees >= limit(f"iso.posture.static_{body_part}_maximum_deg").value:
        return least
    return max(float(static_hold_limit_s(body_part, degrees)), least)


@cache
def _zone_rule(body_part: str) -> tuple[int, int, float, float]:
    """Both angles of EN 1005-4 [°], what counts as frequent [1/min] and as static [s]."""
    part = "arm" if body_part == "upper_arm" else body_part
    return (
        round(limit(f"iso.posture.en1005_{part}_conditional_deg").value),
        round(limit(f"iso.posture.en1005_{part}_maximum_deg").value),
        limit("iso.posture.en1005_high_frequency").value,
        limit("iso.posture.en1005_static_from_s").value,
    )


class DaySeconds:
    """Seconds of the working time of one posture day, each derived series computed once.

    Parameters
    ----------
    day : PostureDay
    """

    def __init__(self, day: PostureDay) -> None:
        self.day = day
        self._conditions: dict[str, BoolArray] = {}
        self._once: dict[str, float] = {}
        self._zones: dict[str, ZoneShares] = {}
        self._hours: dict[str, IntArray] = {}

    def once(self, name: str, value_of: Callable[[DaySeconds], float]) -> float:
        """Value of this day under a name: kept with the day, or computed the first time it is asked for."""
        kept = self.day.figures
        if kept is not None and name in kept.values:
            return kept.values[name]
        if name not in self._once:
            self._once[name] = value_of(self)
        return self._once[name]

    @cached_property
    def number(self) -> int:
        """Seconds of the working time with data."""
        return int(np.bitwise_count(self.day.masks["present"]).sum()) if self.day.minutes_ns.size else 0

    @cached_property
    def breaks(self) -> BoolArray:
        """Where a second does not continue the one before it."""
        return self.day.seconds()[1]

    def condition(self, name: str) -> BoolArray:
        """Seconds in which a condition holds; every mask lies within the present seconds but ``moving``."""
        if name not in self._conditions:
            self._conditions[name] = unpack(self.day.masks[name])
        return self._conditions[name]

    @cached_property
    def angle(self) -> str:
        """Angle that describes the segment: signed flexion where it was kept, else inclination."""
        return "flexion" if "flexion_ge20" in self.day.masks else "inclination"

    def _observed(self, *conditions: str) -> bool:
        return bool(self.number) and all(name in self.day.masks for name in conditions)

    def _long_runs(self, on: BoolArray, more_than_s: float) -> BoolArray:
        """Seconds that belong to runs longer than so many seconds."""
        if not on.any():
            return on
        first, last = run_bounds(on, self.breaks)
        return np.repeat(on[first] & (last - first > more_than_s), last - first)

    def by_utc_hour(self, condition: str) -> IntArray:
        """Hours with data: since 1970, seconds in a condition and seconds present, shape (3, hours)."""
        kept = self.day.figures
        if kept is not None and condition in kept.hours:
            return kept.hours[condition]
        if condition not in self._hours:
            stamp = self.day.minutes_ns // _HOUR_NS
            begins = np.flatnonzero(np.append(True, np.diff(stamp) > 0)) if stamp.size else stamp
            masks = [self.day.masks[name] for name in (condition, "present")]
            seconds = [np.bitwise_count(mask).astype(np.int64) for mask in masks]
            parts = [np.add.reduceat(part, begins) if stamp.size else part for part in seconds]
            self._hours[condition] = np.stack([stamp[begins], *parts])
        return self._hours[condition]

    def longest_hold_s(self, condition: str) -> float:
        """Longest stretch in a condition after the 5-s median at 1 Hz [s]; NaN when it was not observed.

        Source: Acti4 ``MaxIncTid``. Breaks and gaps end a stretch.
        """
        if not self._observed(condition):
            return math.nan
        if not self.day.masks[condition].any():
            return 0.0
        held = majority(self.condition(condition), _MEDIAN_S, self.breaks)
        if not held.any():
            return 0.0
        first, last = run_bounds(held, self.breaks)
        return float((last - first)[held[first]].max())

    def static_beyond_percent(self, body_part: str) -> float:
        """Share of the working time in static postures beyond their longest acceptable hold [%].

        A hold at or above an angle with little variation is beyond when it outlasts the limit at that angle,
        for any of the angles kept (20, 30, 40, 45, 50 and 60°); from the second angle of the rule on every
        static posture (more than 4 s) is.

        References
        ----------
        ISO 11226:2000 (rows ``iso.posture.static_…``, recalled). Support of arm or trunk is not seen.
        """
        if not self._observed("steady"):
            return math.nan
        beyond = np.zeros(self.day.minutes_ns.size * 60, np.bool_)
        for name, mask in self.day.masks.items():
            if not name.startswith(f"{self.angle}_ge") or not mask.any():
                continue
            allowed = _longest_static_s(body_part, int(name.removeprefix(f"{self.angle}_ge")))
            if not math.isinf(allowed):
                beyond |= self._long_runs(self.condition(name) & self.condition("steady"), allowed)
        return 100.0 * float(np.count_nonzero(beyond)) / self.number

    def zones(self, body_part: str) -> ZoneShares:
        """Shares of the working time in acceptable, conditional and not acceptable zones [%].

        Each second is judged in its zone as a movement, by how often the segment went beyond 20° within its
        minute, and as a static posture where it belongs to one; bending sideways by 10° or more is judged too
        where it is seen. The worst counts.

        References
        ----------
        EN 1005-4:2005+A1:2008, 4.3 (recalled), rows ``iso.posture.en1005_…`` for its angles.
        """
        if body_part not in self._zones:
            self._zones[body_part] = self._zone_shares(body_part)
        return self._zones[body_part]

    def _zone_shares(self, body_part: str) -> ZoneShares:
        low, high, often_from, least = _zone_rule(body_part)
        raised, bent = f"{self.angle}_ge{low}", f"{self.angle}_ge{high}"
        if not self._observed("steady", raised, bent):
            return ZoneShares(math.nan, math.nan, math.nan)
        present = self.condition("present")
        zones = {
            "0_20": present & ~self.condition(raised),
            "20_60": self.condition(raised) & ~self.condition(bent),
            "ge60": self.condition(bent),
        }
        if self.angle == "flexion":
            zones["backwards"] = self.condition("backwards")
            zones["0_20"] &= ~zones["backwards"]
            zones["sideways_ge10"] = self.condition("sideways")
        counts = self.day.minute_events[f"{self.angle}_{low}"]
        often = np.repeat(counts >= often_from, 60)
        grade = np.zeros(present.shape[0], np.int8)
        for row in toml_table("posture")["zones"][body_part]:
            inside = zones.get(row["key"])
            if inside is None or not inside.any():
                continue
            own = np.where(often, _GRADES[row["high"]], _GRADES[row["low"]])
            static = self._long_runs(inside & self.condition("steady"), least)
            own[static] = np.maximum(own[static], _GRADES[row["static"]])
            np.maximum(grade, own, out=grade, where=inside)
        shares = 100.0 * np.bincount(grade[present], minlength=3) / self.number
        return ZoneShares(*(float(share) for share in shares))

    @cached_property
    def rest(self) -> RestShares:
        """Rest: below 20°, and below 5° of change from second to second, for 3 s or more.

        A definition of this tool after practice in arm studies, not of a standard.
        """
        if not self._observed("rest"):
            return RestShares(math.nan, math.nan)
        on = self.condition("rest")
        if not on.any():
            return RestShares(0.0, 0.0)
        first, last = run_bounds(on, self.breaks)
        kept = on[first] & (last - first >= _REST_MINIMUM_S)
        resting = float((last - first)[kept].sum())
        return RestShares(
            100.0 * resting / self.number, float(np.count_nonzero(kept)) / (self.number / 3600.0)
        )
