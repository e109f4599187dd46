"""What the seconds of a posture day say: holds, static postures, zones and rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.minute_bits import Timeline, at_least, count, longest_s, median_5s, starts
from indicators.limits import limit
from indicators.posture.rules import static_hold_limit_s
from indicators.reduction.posture_day import PostureDay
from indicators.table_files import toml_table

__all__ = ["DaySeconds", "RestShares", "ZoneShares"]

WordArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_HOUR_NS = 3_600_000_000_000
_REST_MINIMUM_S = 3
_GRADES = ("A", "C", "N")  # acceptable, conditional, not acceptable


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
        self._words: dict[str, WordArray] = {}
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
    def timeline(self) -> Timeline:
        """Where the working minutes lie."""
        return Timeline.of(self.day.minutes_ns)

    def _on(self, name: str) -> WordArray:
        """Seconds in which a condition holds; every mask lies within the present seconds but ``moving``."""
        if name not in self._words:
            self._words[name] = self.timeline.words(self.day.masks[name])[0]
        return self._words[name]

    @cached_property
    def angle(self) -> str:
        """Angle that describes the segment: signed flexion where it was kept, else inclination."""
        return "flexion" if "flexion_ge20" in self.day.masks else "inclination"

    def _observed(self, *conditions: str) -> bool:
        return bool(self.number) and all(name in self.day.masks for name in conditions)

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
        return float(longest_s(median_5s(self._on(condition), self._on("present"))))

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
        allowed_s = {
            name: _longest_static_s(body_part, int(name.removeprefix(f"{self.angle}_ge")))
            for name, mask in self.day.masks.items()
            if name.startswith(f"{self.angle}_ge") and mask.any()
        }
        limited = {name: math.floor(value) + 1 for name, value in allowed_s.items() if not math.isinf(value)}
        if not limited:
            return 0.0
        held = np.stack([self._on(name) for name in limited]) & self._on("steady")
        held = at_least(held, min(limited.values()))
        rows = [at_least(row, seconds) for row, seconds in zip(held, limited.values(), strict=True)]
        return 100.0 * int(count(np.bitwise_or.reduce(rows))) / self.number

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
        low, high, often_from, least_s = _zone_rule(body_part)
        raised, bent = f"{self.angle}_ge{low}", f"{self.angle}_ge{high}"
        if not self._observed("steady", raised, bent):
            return ZoneShares(math.nan, math.nan, math.nan)
        present, often = self._on("present"), self._often(f"{self.angle}_{low}", often_from)
        zones = {
            "0_20": present & ~self._on(raised),
            "20_60": self._on(raised) & ~self._on(bent),
            "ge60": self._on(bent),
        }
        if self.angle == "flexion":
            zones["backwards"] = self._on("backwards")
            zones["0_20"] &= ~zones["backwards"]
            zones["sideways_ge10"] = self._on("sideways")
        rows = [row for row in toml_table("posture")["zones"][body_part] if row["key"] in zones]
        inside = np.stack([zones[row["key"]] for row in rows])
        static = at_least(inside & self._on("steady"), math.floor(least_s) + 1)
        reached = {grade: np.zeros_like(present) for grade in _GRADES}
        for row, zone, held in zip(rows, inside, static, strict=True):
            reached[row["high"]] |= zone & often
            reached[row["low"]] |= zone & ~often
            reached[row["static"]] |= held
        bad = int(count(reached["N"]))
        unsure = int(count(reached["C"] & ~reached["N"]))
        shares = (100.0 * seconds / self.number for seconds in (self.number - bad - unsure, unsure, bad))
        return ZoneShares(*shares)

    def _often(self, event: str, from_per_min: float) -> WordArray:
        """All seconds of the minutes with so many events or more."""
        minutes = self.day.minute_events[event] >= from_per_min
        words: WordArray = self.timeline.words(np.where(minutes, self.day.masks["present"], np.uint64(0)))[0]
        return words

    @cached_property
    def rest(self) -> RestShares:
        """Rest: below 20°, and below 5° of change from second to second, for 3 s or more.

        A definition of this tool after practice in arm studies, not of a standard.
        """
        if not self._observed("rest"):
            return RestShares(math.nan, math.nan)
        resting = at_least(self._on("rest"), _REST_MINIMUM_S)
        return RestShares(
            100.0 * int(count(resting)) / self.number, int(count(starts(resting))) / (self.number / 3600.0)
        )
