"""What the seconds of posture days say: holds, static postures, zones, rest and activity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.minute_bits import Timeline, at_least, median_5s, starts
from indicators.limits import limit
from indicators.posture.rules import static_hold_limit_s
from indicators.reduction.posture_day import PostureDay
from indicators.table_files import toml_table

__all__ = ["Activity", "DaysSeconds", "RestShares", "ZoneShares"]

FloatArray = NDArray[np.float64]
WordArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_HOUR_NS = 3_600_000_000_000
_REST_MINIMUM_S = 3
_GRADES = ("A", "C", "N")  # acceptable, conditional, not acceptable


@dataclass(frozen=True, slots=True, eq=False)
class ZoneShares:
    """Shares of each day's working time in the zones of EN 1005-4 [%]; NaN when not observed."""

    acceptable: FloatArray
    conditional: FloatArray
    not_acceptable: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RestShares:
    """Share of each day's working time at rest [%] and pauses of rest an hour; NaN when not observed."""

    percent: FloatArray
    pauses_per_hour: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Shares of each day's working time by the thigh sensor [%]; NaN when not observed."""

    sitting: FloatArray
    standing: FloatArray
    walking: FloatArray


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


class DaysSeconds:
    """Seconds of the working time of posture days, one day after another, each derived series computed once.

    Parameters
    ----------
    days : sequence of PostureDay
        At least one; all with the same conditions observed.
    """

    def __init__(self, days: Sequence[PostureDay]) -> None:
        self._days = days
        self._conditions = days[0].masks.keys()
        self._masks: dict[str, WordArray] = {}
        self._words: dict[str, WordArray] = {}
        self._zones: dict[str, ZoneShares] = {}

    @cached_property
    def timeline(self) -> Timeline:
        """Where the working minutes lie."""
        return Timeline.of(*(day.minutes_ns for day in self._days))

    @cached_property
    def number(self) -> IntArray:
        """Seconds of the working time with data of each day, shape (d,)."""
        if "present" not in self._conditions:
            return np.zeros(len(self._days), np.int64)
        return self.timeline.count(self._on("present"))

    @cached_property
    def angle(self) -> str:
        """Angle that describes the segment: signed flexion where it was kept, else inclination."""
        return "flexion" if "flexion_ge20" in self._conditions else "inclination"

    def by_utc_hour(self, condition: str) -> list[IntArray]:
        """Hours with data of each day: since 1970, seconds in a condition and present, shape (3, hours)."""
        rows = np.cumsum([0, *(day.minutes_ns.shape[0] for day in self._days)])
        stamp = np.concatenate([day.minutes_ns for day in self._days]) // _HOUR_NS
        if not stamp.size:
            return [np.zeros((3, 0), np.int64) for _ in self._days]
        fresh = np.append(True, stamp[1:] != stamp[:-1])
        fresh[rows[:-1][rows[:-1] < stamp.size]] = True
        begins = np.flatnonzero(fresh)
        seconds = np.bitwise_count(np.stack([self._mask(condition), self._mask("present")]))
        hours = np.vstack([stamp[begins], np.add.reduceat(seconds.astype(np.int64), begins, axis=1)])
        return np.split(hours, np.searchsorted(begins, rows[1:-1]), axis=1)

    def longest_hold_s(self, condition: str) -> FloatArray:
        """Longest stretch in a condition after the 5-s median at 1 Hz [s]; NaN where it was not observed.

        Source: Acti4 ``MaxIncTid``. Breaks and gaps end a stretch.
        """
        if not self._observed(condition):
            return self._unknown()
        held = median_5s(self._on(condition), self._on("present"))
        return self._known(self.timeline.longest_s(held).astype(np.float64))

    def static_beyond_percent(self, body_part: str) -> FloatArray:
        """Share of the working time in static postures beyond their longest acceptable hold [%].

        A hold at or above an angle with little variation is beyond when it outlasts the limit at that angle,
        for any of the angles kept (20, 30, 40, 45, 50 and 60°); from the second angle of the rule on every
        static posture (more than 4 s) is.

        References
        ----------
        ISO 11226:2000 (rows ``iso.posture.static_…``, recalled). Support of arm or trunk is not seen.
        """
        if not self._observed("steady"):
            return self._unknown()
        allowed_s = {
            name: _longest_static_s(body_part, int(name.removeprefix(f"{self.angle}_ge")))
            for name in self._conditions
            if name.startswith(f"{self.angle}_ge")
        }
        limited = {name: math.floor(value) + 1 for name, value in allowed_s.items() if not math.isinf(value)}
        beyond = np.zeros(self.timeline.size, np.uint64)
        for name, seconds in limited.items():
            beyond |= at_least(self._on(name) & self._on("steady"), seconds)
        return self._percent(self.timeline.count(beyond))

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
            return ZoneShares(self._unknown(), self._unknown(), self._unknown())
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
        bad = self.timeline.count(reached["N"])
        unsure = self.timeline.count(reached["C"] & ~reached["N"])
        return ZoneShares(*(self._percent(part) for part in (self.number - bad - unsure, unsure, bad)))

    @cached_property
    def rest(self) -> RestShares:
        """Rest: below 20°, and below 5° of change from second to second, for 3 s or more.

        A definition of this tool after practice in arm studies, not of a standard.
        """
        if not self._observed("rest"):
            return RestShares(self._unknown(), self._unknown())
        resting = at_least(self._on("rest"), _REST_MINIMUM_S)
        pauses = self.timeline.count(starts(resting))
        hours = np.where(self.number > 0, self.number, 1) / 3600.0
        return RestShares(self._percent(self.timeline.count(resting)), self._known(pauses / hours))

    @cached_property
    def activity(self) -> Activity:
        """Sitting from 45° of the thigh, else walking where it moves and standing where it does not."""
        if not self._observed("inclination_ge45"):
            return Activity(self._unknown(), self._unknown(), self._unknown())
        sitting, present = self._on("inclination_ge45"), self._on("present")
        moving, upright = self._on("moving") & present, present & ~sitting
        parts = (sitting, upright & ~moving, upright & moving)
        return Activity(*(self._percent(self.timeline.count(part)) for part in parts))

    def _mask(self, name: str) -> WordArray:
        if name not in self._masks:
            self._masks[name] = np.concatenate([day.masks[name] for day in self._days])
        return self._masks[name]

    def _on(self, name: str) -> WordArray:
        """Seconds in which a condition holds; every mask lies within the present seconds but ``moving``."""
        if name not in self._words:
            self._words[name] = self.timeline.words(self._mask(name))[0]
        return self._words[name]

    def _often(self, event: str, from_per_min: float) -> WordArray:
        """All seconds of the minutes with so many events or more."""
        events = np.concatenate([day.minute_events[event] for day in self._days])
        minutes = np.where(events >= from_per_min, self._mask("present"), np.uint64(0))
        words: WordArray = self.timeline.words(minutes)[0]
        return words

    def _observed(self, *conditions: str) -> bool:
        return bool(self.number.any()) and all(name in self._conditions for name in conditions)

    def _unknown(self) -> FloatArray:
        return np.full(len(self._days), np.nan)

    def _known(self, values: NDArray[Any]) -> FloatArray:
        """Values of the days with data; NaN for the others."""
        return np.where(self.number > 0, values, np.nan)

    def _percent(self, seconds: IntArray) -> FloatArray:
        """Share of each day's seconds [%]; NaN for days without data."""
        return self._known(100.0 * seconds / np.where(self.number > 0, self.number, 1))
