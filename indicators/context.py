"""What an assessment of one (workstation, shift) needs to know beside its worker-days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from indicators.limits import Limit, in_force
from indicators.model import Audience, Period
from sensors.site_model import MetabolicClass, Mount, Workstation

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "AssessmentContext",
    "base_indicator",
    "build_context",
    "least_wearers",
    "mounts_of",
    "rows_for",
]

_BODY_PARTS = {
    "trunk": frozenset({Mount.UPPER_BACK, Mount.LOWER_BACK, Mount.STERNUM}),
    "arm": frozenset({Mount.UPPER_ARM_DOMINANT, Mount.UPPER_ARM_OTHER}),
    "head": frozenset({Mount.HEAD}),
    "wrist": frozenset({Mount.WRIST}),
    "thigh": frozenset({Mount.THIGH}),
}
_SEGMENTS = tuple(sorted((mount.value for mount in Mount), key=len, reverse=True))


def least_wearers(book: SiteBook, audience: Audience | str) -> int:
    """Smallest number of distinct wearers behind what this audience is shown of worn sensors."""
    privacy = book.site.privacy
    return privacy.wide_group_size if Audience(audience) is Audience.WIDE else privacy.group_size


@dataclass(frozen=True)
class AssessmentContext:
    """Site, workstation, shift, period and the limits that apply there.

    Attributes
    ----------
    period : Period
        The week (or dates) asked for; worker-days inside it make the ``week`` scope, all worker-days given
        to an assessment make the ``usual`` scope.
    on : date
        Day on which the limits are looked up: the last day of the period.
    figures : bool
        Whether indicators carry what is drawn of them; a fleet shows values and verdicts only.
    """

    book: SiteBook
    workstation: Workstation
    shift: str
    period: Period
    on: date
    figures: bool = True

    @cached_property
    def _applicable(self) -> _Applicable:
        return _applicable_to(self.book, self.workstation, self.on)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Rows in force on `on` in the site's profiles that apply to this workstation, in table order."""
        return self._applicable.rows

    def limits_for(self, indicator: str) -> tuple[Limit, ...]:
        """Rows held against `indicator`; a segment at its end (``…_upper_arm_other``) is ignored."""
        wanted = base_indicator(indicator)
        if wanted == indicator:
            return self._applicable.by_indicator.get(indicator, ())
        return tuple(row for row in self.limits if row.indicator in (indicator, wanted))

    def minimum_coverage(self, indicator: str, default: float = 0.80) -> float:
        """Share of the expected time below which `indicator` is not measured: the strictest of its rows."""
        return max((row.minimum_coverage for row in self.limits_for(indicator)), default=default)

    def in_period(self, day: date) -> bool:
        """Whether a worker-day of this site date belongs to the ``week`` scope."""
        return self.period.first <= day <= self.period.last


@cache
def base_indicator(identifier: str) -> str:
    """Indicator id without the body segment at its end: limits are written for the quantity.

    Examples
    --------
    >>> base_indicator("arm_elevation_ge60_share_upper_arm_other")
    'arm_elevation_ge60_share'
    """
    for segment in _SEGMENTS:
        if identifier.endswith(f"_{segment}"):
            return identifier.removesuffix(f"_{segment}")
    return identifier


def mounts_of(identifier: str) -> frozenset[Mount] | None:
    """Mounts that an indicator may rest on, by its name; ``None`` when it is not bound to a body part."""
    base = base_indicator(identifier)
    if base != identifier:
        return frozenset({Mount(identifier.removeprefix(f"{base}_"))})
    return _BODY_PARTS.get(base.split("_", maxsplit=1)[0])


@dataclass(frozen=True, slots=True)
class _Applicable:
    """Rows that apply somewhere, in table order, and those of each indicator."""

    rows: tuple[Limit, ...]
    by_indicator: Mapping[str, tuple[Limit, ...]]


def rows_for(book: SiteBook, workstation: Workstation, on: date) -> tuple[Limit, ...]:
    """Rows of the site's profiles that are in force on a day and apply to a workstation, in table order."""
    return _applicable_to(book, workstation, on).rows


def _applicable_to(book: SiteBook, workstation: Workstation, on: date) -> _Applicable:
    profiles = frozenset(book.site.site.limits)
    return _applicable(on, profiles, workstation.metabolic_class, workstation.acclimatised)


@lru_cache(maxsize=256)
def _applicable(
    on: date, profiles: frozenset[str], metabolic_class: MetabolicClass, acclimatised: bool
) -> _Applicable:
    rows = tuple(
        row
        for row in in_force(on, profiles=tuple(profiles))
        if row.applies(metabolic_class, acclimatised=acclimatised)
    )
    by_indicator: dict[str, list[Limit]] = defaultdict(list)
    for row in rows:
        by_indicator[row.indicator].append(row)
    return _Applicable(rows, {indicator: tuple(own) for indicator, own in by_indicator.items()})


def build_context(
    book: SiteBook, workstation: Workstation, shift: str, period: Period, *, figures: bool = True
) -> AssessmentContext:
    """Context of one (workstation, shift), limits chosen by the site's profiles and the period's last day."""
    return AssessmentContext(
        book=book,
        workstation=workstation,
        shift=shift,
        period=period,
        on=period.last,
        figures=figures,
    )
