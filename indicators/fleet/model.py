"""A fleet's result: sites side by side, families of workstations across sites, and what could be learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from indicators.model import Factor, Indicator, Note, Verdict, WorstFactor
from indicators.ranking import Judged
from indicators.verdicts import FailOn

__all__ = ["Difference", "FamilyPlace", "FamilyRow", "FleetResult", "Practice", "SiteLine", "SitePart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """One site of the fleet, from its own gated result.

    Attributes
    ----------
    verdicts : mapping
        Workstations by verdict, for each factor shown.
    withheld : int
        Workstations of which a factor is held back.
    worst, worst_station, worst_judged : WorstFactor, str and Judged, or None
        Largest ratio shown, the workstation it belongs to, and the value and limit behind it.
    exceeds : FailOn or None
        Whether a workstation shown is above a limit, or above an action value only.
    problem : Note or None
        Why the site has no result in the period.
    workstations : int or None
        ``None`` where its file cannot be read.
    """

    id: str
    label: str
    workstations: int | None
    verdicts: Mapping[Factor, Mapping[Verdict, int]]
    withheld: int
    worst: WorstFactor | None = None
    worst_station: str | None = None
    worst_judged: Judged | None = None
    exceeds: FailOn | None = None
    problem: Note | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPlace:
    """One family of workstations at one site, by one indicator: its worst workstation speaks for it.

    Attributes
    ----------
    station : str
        The workstation with the largest ratio.
    verdict : Verdict
        Worst verdict on the ranking limit over the family.
    verdicts : mapping
        Workstations of the family by that verdict.
    withheld : int
        Workstations of the family whose factor is held back.
    indicator : Indicator
        Of that workstation, as its site shows it; without details.
    ratio : float
        Its ratio to the ranking limit.
    protectors, actions : tuple of str
        Hearing protectors in use (for noise), and actions done for this factor, in the site's words.
    """

    site: str
    site_label: str
    station: str
    verdict: Verdict
    verdicts: Mapping[Verdict, int]
    withheld: int
    indicator: Indicator
    ratio: float
    protectors: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SitePart:
    """What one site brings into the fleet: all of it went through the site's own gate.

    Attributes
    ----------
    places : mapping
        By (family, factor, indicator).
    withheld : set
        (family, factor) of which nothing is shown.
    families : mapping
        Names as the site writes them.
    """

    line: SiteLine
    places: Mapping[tuple[str, Factor, str], FamilyPlace]
    withheld: frozenset[tuple[str, Factor]]
    families: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family by one indicator over the sites that have it, worst first.

    Attributes
    ----------
    leading : bool
        Whether this indicator has the largest ratio of its family and factor.
    withheld : int
        Sites that withhold the factor for the whole family.
    """

    family: str
    factor: Factor
    indicator: str
    places: tuple[FamilyPlace, ...]
    leading: bool
    withheld: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What is in place at one site and not at the other; ``kind`` is ``protector`` or ``action``."""

    kind: str
    only_better: tuple[str, ...]
    only_worse: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Practice:
    """A family that is below every limit at one site and above one at another, by the same indicator."""

    family: str
    factor: Factor
    better: FamilyPlace
    worse: FamilyPlace
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetResult:
    """The single input of every rendering of a fleet; always for the audience ``report``."""

    fleet: str
    label: str
    language: str
    first: date
    last: date
    week: str | None
    version: str
    references: str
    sites: tuple[SiteLine, ...]
    families: tuple[FamilyRow, ...]
    practices: tuple[Practice, ...]

    @property
    def missing(self) -> tuple[SiteLine, ...]:
        """Sites that every figure of the fleet leaves out, each with its reason."""
        return tuple(line for line in self.sites if line.problem is not None)

    @property
    def counted(self) -> tuple[SiteLine, ...]:
        """Sites that the figures of the fleet rest on."""
        return tuple(line for line in self.sites if line.problem is None)
