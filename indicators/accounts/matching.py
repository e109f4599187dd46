"""Situations that workers report, each beside what the sensors of the workstation saw at that moment.

The sensors do not judge an account. Where their window does not stand out, or none was running, the account
shows what they missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from indicators.accounts.minutes import SensorMinutes, minutes_at
from indicators.model import Audience, Period
from sensors.local_time import OPEN_END_NS
from sensors.quantities import Kind

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.log_tables import Situation
    from sensors.site_book import SiteBook

__all__ = ["Account", "AccountState", "SensorWindow", "account_results", "judge_window"]

_MINUTE_NS = 60_000_000_000
MARGIN_NS = 5 * _MINUTE_NS
"""People round the time of what they tell; the window reaches so far beyond it on either side."""
_HIGHEST_PART = 90.0
_LEAST_STRETCHES = 10
# Smaller differences than these are within what the instruments do by themselves.
_LEAST_STEP = {"laeq": 3.0, "air_temperature": 1.0, "trunk_ge45": 5.0, "arm_ge60": 5.0}


class AccountState(StrEnum):
    """What the sensors have to say of an account."""

    SEEN = "seen"
    NOT_SEEN = "not_seen"
    NOT_MEASURED = "not_measured"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True)
class SensorWindow:
    """One sensor around the moment of an account.

    Attributes
    ----------
    value : float
        Mean of the window's minutes.
    usual : float
        Median of stretches of the same length at the workstation in the period.
    stands_out : bool or None
        Whether the window lies among the highest tenth of them (of temperatures also the lowest), and by
        more than the instruments err; ``None`` when there is too little to compare with.
    """

    sensor: str
    kind: Kind
    quantity: str
    unit: str
    value: float
    usual: float | None
    stands_out: bool | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account with the windows that may be shown beside it; `worn` sensors ran but are not shown."""

    situation: Situation
    label: str
    state: AccountState
    windows: tuple[SensorWindow, ...] = ()
    worn: bool = False


def judge_window(sensor: SensorMinutes, start_ns: int, end_ns: int) -> SensorWindow | None:
    """The sensor's mean in ``[start, end)`` against its other stretches; ``None`` without a minute in it."""
    inside = sensor.between(start_ns, end_ns)
    if not inside.size:
        return None
    value = float(sensor.mean(inside))
    others = sensor.stretches(max(1, inside.size))
    usual: float | None = None
    stands_out: bool | None = None
    if others.size >= _LEAST_STRETCHES:
        usual = float(np.median(others))
        step = _LEAST_STEP[sensor.quantity]
        stands_out = value >= float(np.percentile(others, _HIGHEST_PART)) and value - usual >= step
        if sensor.kind is Kind.CLIMATE:
            coldest = float(np.percentile(others, 100.0 - _HIGHEST_PART))
            stands_out = stands_out or (value <= coldest and usual - value >= step)
    return SensorWindow(sensor.sensor, sensor.kind, sensor.quantity, sensor.unit, value, usual, stands_out)


def account_results(
    book: SiteBook, store: Store, period: Period, audience: Audience | str
) -> tuple[Account, ...]:
    """Every situation of the period, in time order.

    For audience `report`, only fixed sensors are set beside an account: a worn one's window at a moment is
    one person's.
    """
    gated = Audience(audience).gated
    minutes: dict[str, Sequence[SensorMinutes]] = {}
    found = []
    inside = [row for row in book.logs.situations if period.start_ns <= row.start_ns < period.end_ns]
    for row in sorted(inside, key=lambda item: (item.start_ns, item.line)):
        if row.workstation not in minutes:
            minutes[row.workstation] = minutes_at(book, store, row.workstation, period)
        found.append(_account(book, row, minutes[row.workstation], gated=gated))
    return tuple(found)


def _account(book: SiteBook, row: Situation, sensors: Sequence[SensorMinutes], *, gated: bool) -> Account:
    end_ns = row.start_ns if row.end_ns == OPEN_END_NS else row.end_ns
    start_ns, end_ns = row.start_ns - MARGIN_NS, end_ns + MARGIN_NS
    asked = [item for item in sensors if row.factor is None or item.kind.value == row.factor.value]
    windows = [(item, judge_window(item, start_ns, end_ns)) for item in asked]
    judged = [(item, window) for item, window in windows if window is not None]
    shown = tuple(window for item, window in judged if not (gated and item.worn))
    worn = gated and any(item.worn for item, _ in judged)
    label = book.workstation(row.workstation).label
    if not judged:
        return Account(row, label, AccountState.NOT_MEASURED)
    if not shown:
        return Account(row, label, AccountState.RESERVED, worn=worn)
    seen = any(window.stands_out for window in shown)
    return Account(row, label, AccountState.SEEN if seen else AccountState.NOT_SEEN, shown, worn)
