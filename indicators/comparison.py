"""Before and after a change at a workstation: a difference with its interval, or the honest "too early".

A plain before/after is open to history, regression to the mean, and a change of instrument (NIOSH 2001-119):
at least three worker-days a side, the same kind of sensor, mount and calibration, a control workstation over
the same dates where there is one, and a warning when the start value was itself extreme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics import Difference, difference_in_differences, expected_regression, nested_mean
from indicators.context import base_indicator, least_wearers, mounts_of
from indicators.disclosure.publication import Refused, refused_groups, usable_days
from indicators.limits import all_limits
from indicators.model import Audience, Factor, Interval, Note, Period
from indicators.weekly import to_period
from indicators.worker_days.values import DayValue, Measured, day_values, measured_days, merged_between
from sensors.errors import UsageError
from sensors.quantities import Kind
from sensors.site_model import Mount

if TYPE_CHECKING:
    from indicators.worker_days.merging import MergedDay
    from ingest.store import Store
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["Change", "ChangeVerdict", "Comparison", "compare", "compare_periods"]

_LEAST_DAYS = 3
_NOTABLE_REGRESSION = 0.5


class ChangeVerdict(StrEnum):
    """What may be said of a change."""

    LOWER = "lower"
    HIGHER = "higher"
    NO_DIFFERENCE_SHOWN = "no_difference_shown"
    TOO_EARLY = "too_early"
    NOT_COMPARABLE = "not_comparable"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Change:
    """One indicator before and after.

    Attributes
    ----------
    before, after : float or None
        Means over worker-days; ``None`` when withheld or missing.
    difference, interval : float and Interval or None
        After minus before, less the control's own change; two-sided 90 %.
    better : bool or None
        Whether the shown difference is an improvement, by the direction of the indicator's limits.
    notes : tuple of Note
        What limits the comparison.
    """

    indicator: str
    factor: Factor
    unit: str
    verdict: ChangeVerdict
    before: float | None
    after: float | None
    difference: float | None
    interval: Interval | None
    better: bool | None
    days: tuple[int, int]
    wearers: tuple[int, int]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes of one workstation between two periods."""

    workstation: str
    control: str | None
    before: Period
    after: Period
    audience: Audience
    changes: tuple[Change, ...]


def compare_periods(
    book: SiteBook,
    store: Store,
    workstation: str,
    before: DatePeriod,
    after: DatePeriod,
    *,
    control: str | None = None,
    audience: Audience | str = Audience.REPORT,
    factor: Factor | None = None,
) -> Comparison:
    """Compare two periods of a workstation, less what a control workstation did meanwhile.

    With `factor`, only its sensors are looked at, and only they are written down as published.

    Raises
    ------
    UnknownNameError
        No such workstation.
    UsageError
        ``periods_overlap``: before must end before after begins; ``control_is_itself``.
    """
    if before.last >= after.first:
        raise UsageError(
            "the periods overlap",
            value=f"{before.last} ≥ {after.first}",
            rule="before ends before after begins",
            code="periods_overlap",
        )
    if control == workstation:
        raise UsageError("a workstation cannot be its own control", value=control, code="control_is_itself")
    chosen = Audience(audience)
    gated = chosen.gated
    windows = [(place, period) for place in (workstation, control) if place for period in (before, after)]
    days = {window: merged_between(book, store, *window) for window in windows}
    if factor is not None:
        days = {
            window: [item for item in items if item.day.kind.value == factor.value]
            for window, items in days.items()
        }
    if gated:
        days = {window: usable_days(book, window[1].last, items) for window, items in days.items()}
    refused = (
        refused_groups(book, {_side(*window): items for window, items in days.items()}, chosen)
        if gated
        else {}
    )
    sides = [_measured(book, *window, items) for window, items in days.items()]
    return compare(
        sides[0],
        sides[1],
        None if control is None else sides[2:],
        group_size=least_wearers(book, chosen),
        audience=chosen,
        family=_family_levels(book, store, workstation, before, gated=gated),
        refused=refused,
    )


def _side(workstation: str, period: DatePeriod) -> str:
    return f"{workstation}/compared/{period.first}..{period.last}"


def _measured(book: SiteBook, workstation: str, period: DatePeriod, days: Sequence[MergedDay]) -> Measured:
    span = to_period(book, period)
    return Measured(workstation, span, day_values(book, book.workstation(workstation), span, days))


def _family_levels(
    book: SiteBook, store: Store, workstation: str, period: DatePeriod, *, gated: bool
) -> dict[str, list[float]]:
    """Means of the other workstations before the change: what a picked extreme falls back towards.

    Those of worn sensors are for the analyst: what is said of the fall-back would give their mean away.
    """
    found: dict[str, list[float]] = {}
    for station in book.site.workstations:
        if station.id == workstation:
            continue
        other = measured_days(book, store, station.id, period, reduce=False)
        for name in {item.indicator for item in other.values}:
            values = other.of(name)
            if not (gated and any(item.worn or item.wearer is not None for item in values)):
                found.setdefault(name, []).append(float(np.mean([item.value for item in values])))
    return found


def compare(
    before: Measured,
    after: Measured,
    controls: Sequence[Measured] | None,
    *,
    group_size: int,
    audience: Audience,
    family: dict[str, list[float]] | None = None,
    refused: Mapping[tuple[Kind, Mount], Refused] | None = None,
) -> Comparison:
    """Compare worker-day values, pure arithmetic.

    `controls` are the control's two sides, `refused` the worn groups that the privacy gate holds back.
    """
    names = dict.fromkeys([item.indicator for item in (*before.values, *after.values)])
    changes = []
    for name in names:
        control = None if controls is None else (controls[0].of(name), controls[1].of(name))
        case = _Case(name, before.of(name), after.of(name), control)
        held = _held_back(case, group_size, audience, refused or {})
        if held is not None:
            changes.append(case.answer(ChangeVerdict.WITHHELD, (held,), show=False))
        else:
            changes.append(_change(case, (family or {}).get(name, [])))
    return Comparison(
        before.workstation,
        None if controls is None else controls[0].workstation,
        before.period,
        after.period,
        audience,
        tuple(changes),
    )


def _wearers(values: Sequence[DayValue]) -> int:
    return len({item.wearer for item in values if item.wearer is not None})


@dataclass(frozen=True, slots=True)
class _Case:
    """One indicator with the values of all sides."""

    name: str
    before: tuple[DayValue, ...]
    after: tuple[DayValue, ...]
    control: tuple[tuple[DayValue, ...], tuple[DayValue, ...]] | None

    @property
    def example(self) -> DayValue:
        return (self.before or self.after)[0]

    @property
    def worn(self) -> bool:
        sides = (self.before, self.after, *(self.control or ()))
        return any(item.worn or item.wearer is not None for side in sides for item in side)

    def answer(
        self,
        verdict: ChangeVerdict,
        notes: Sequence[Note],
        difference: Difference | None = None,
        *,
        show: bool = True,
    ) -> Change:
        means = [
            float(np.mean([item.value for item in side])) if side and show else None
            for side in (self.before, self.after)
        ]
        known = difference is not None and bool(np.isfinite(difference.low))
        estimate = None if difference is None else difference.estimate
        shown = verdict in (ChangeVerdict.LOWER, ChangeVerdict.HIGHER)
        return Change(
            indicator=self.name,
            factor=self.example.factor,
            unit=self.example.unit,
            verdict=verdict,
            before=means[0],
            after=means[1],
            difference=estimate,
            interval=Interval(difference.low, difference.high) if difference is not None and known else None,
            better=_better(self.name, estimate) if shown else None,
            days=(len(self.before), len(self.after)),
            wearers=(_wearers(self.before), _wearers(self.after)),
            notes=tuple(notes),
        )


def _held_back(
    case: _Case, group_size: int, audience: Audience, refused: Mapping[tuple[Kind, Mount], Refused]
) -> Note | None:
    """Why a comparison of worn sensors is not for circulation."""
    if not audience.gated or not case.worn:
        return None
    groups = [side for side in (case.before, case.after, *(case.control or ())) if side]
    fewest = min(_wearers(side) for side in groups)
    if fewest < group_size:
        return Note("group_too_small", {"wearers": fewest, "minimum": group_size})
    mounts = mounts_of(case.name)
    reasons = [
        item.reason
        for (kind, mount), item in refused.items()
        if kind.value == case.example.factor.value and (mounts is None or mount in mounts)
    ]
    return next(iter(reasons), None)


def _change(case: _Case, family: Sequence[float]) -> Change:
    days = (len(case.before), len(case.after))
    if min(days) < _LEAST_DAYS:
        note = Note("too_few_days_a_side", {"before": days[0], "after": days[1], "minimum": _LEAST_DAYS})
        return case.answer(ChangeVerdict.TOO_EARLY, (note,))
    settings = [sorted({item.setting for item in side}) for side in (case.before, case.after)]
    if settings[0] != settings[1]:
        note = Note("setting_changed", {"before": "; ".join(settings[0]), "after": "; ".join(settings[1])})
        return case.answer(ChangeVerdict.NOT_COMPARABLE, (note,))
    return _judged(case, family)


def _judged(case: _Case, family: Sequence[float]) -> Change:
    notes: list[Note] = []
    control = case.control
    if control is None:
        notes.append(Note("no_control"))
    elif min(len(control[0]), len(control[1])) < _LEAST_DAYS:
        notes.append(Note("control_too_short"))
        control = None
    difference = _difference(case, control)
    notes += _regression(case.before, difference, family)
    if not np.isfinite(difference.low):
        return case.answer(ChangeVerdict.TOO_EARLY, (*notes, Note("no_interval")), difference)
    if difference.high < 0:
        return case.answer(ChangeVerdict.LOWER, notes, difference)
    if difference.low > 0:
        return case.answer(ChangeVerdict.HIGHER, notes, difference)
    return case.answer(ChangeVerdict.NO_DIFFERENCE_SHOWN, notes, difference)


def _difference(case: _Case, control: tuple[tuple[DayValue, ...], tuple[DayValue, ...]] | None) -> Difference:
    def values(side: Sequence[DayValue]) -> list[float]:
        return [item.value for item in side]

    def wearers(side: Sequence[DayValue]) -> list[str | None]:
        return [item.wearer for item in side]

    if control is None:
        return difference_in_differences(
            values(case.before),
            values(case.after),
            before_wearers=wearers(case.before),
            after_wearers=wearers(case.after),
        )
    return difference_in_differences(
        values(case.before),
        values(case.after),
        values(control[0]),
        values(control[1]),
        before_wearers=wearers(case.before),
        after_wearers=wearers(case.after),
        control_before_wearers=wearers(control[0]),
        control_after_wearers=wearers(control[1]),
    )


def _regression(before: Sequence[DayValue], difference: Difference, family: Sequence[float]) -> list[Note]:
    """Warn when much of the change is what an extreme start value does by itself."""
    if len(family) < 2:
        return []
    known = nested_mean([item.value for item in before], [item.wearer for item in before])
    if not np.isfinite(known.variance):
        return []
    expected = expected_regression(
        known.mean, float(np.mean(family)), float(np.std(family, ddof=1)), known.variance**0.5
    )
    same_way = expected * difference.estimate > 0
    if same_way and abs(expected) >= _NOTABLE_REGRESSION * abs(difference.estimate):
        return [Note("regression_to_the_mean_likely", {"expected": expected})]
    return []


def _better(name: str, estimate: float | None) -> bool | None:
    if estimate is None or estimate == 0:
        return None
    rows = [row for row in all_limits().values() if row.indicator == base_indicator(name)]
    upward = all(row.comparison.upward for row in rows) if rows else True
    return estimate < 0 if upward else estimate > 0
