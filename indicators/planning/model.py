"""The parts of a measuring plan, as every renderer gets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from indicators.limits import Limit
from indicators.model import Audience, Factor, Note, Period
from indicators.planning.simulation import CampaignDesign
from indicators.table_files import toml_table
from sensors.quantities import Kind
from sensors.site_model import Mount

__all__ = [
    "Basis",
    "CampaignPlan",
    "CurvePoint",
    "FactorPlan",
    "KitNeed",
    "Outcome",
    "Position",
    "RowPlan",
    "StationPlan",
    "Visit",
    "plan_rule",
]


class Outcome(StrEnum):
    """What a plan does for one verdict."""

    SETTLES = "settles"
    MAY_SETTLE = "may_settle"
    CANNOT_SETTLE = "cannot_settle"
    DEPENDS = "depends"


class Basis(StrEnum):
    """Where the scatter of worker-days comes from."""

    PILOT = "pilot"
    ASSUMED = "assumed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Position:
    """A place for a sensor, as the placement table has it.

    Attributes
    ----------
    error_deg : tuple of float or None
        Expected error of an angle there [°], low and high.
    standing_m, seated_m : tuple of float
        Heights of a fixed sensor [m]: above the floor; of a microphone at a seat, above the seat.
    """

    key: str
    kind: Kind
    mount: Mount
    error_deg: tuple[float, float] | None
    standing_m: tuple[float, ...]
    seated_m: tuple[float, ...]
    source: str
    grade: str


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What one design does for a verdict.

    Attributes
    ----------
    probability : float or None
        To settle, where a pilot says on which values worker-days centre.
    settles_below, settles_above : float or None
        Without one: the usual values up to, and from, which the design settles with the wanted
        probability, in the limit's unit; ``None`` where it never does.
    """

    design: CampaignDesign
    probability: float | None
    settles_below: float | None = None
    settles_above: float | None = None


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One limit under the plan.

    Attributes
    ----------
    value : float or None
        The pilot's, in the limit's unit.
    pilot_days : int
        Worker-days behind it.
    curve : tuple of CurvePoint
        Designs from the smallest to the largest.
    chosen : CurvePoint or None
        The plan's own design.
    """

    limit: Limit
    basis: Basis
    outcome: Outcome
    value: float | None = None
    pilot_days: int = 0
    curve: tuple[CurvePoint, ...] = ()
    chosen: CurvePoint | None = None
    reason: Note | None = None


@dataclass(frozen=True, slots=True)
class FactorPlan:
    """One factor at one workstation and shift.

    Attributes
    ----------
    worn : bool
        Whether people carry the sensors; a fixed sensor has one "worker" and its days.
    hours : float
        Time that will be measured [h].
    minimum_hours : float or None
        Minimum cumulative time of the method for the group [h].
    available : int or None
        People who work there; ``None`` when no group says.
    """

    factor: Factor
    worn: bool
    positions: tuple[Position, ...]
    design: CampaignDesign
    hours: float
    minimum_hours: float | None
    available: int | None
    rows: tuple[RowPlan, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class StationPlan:
    """One workstation and shift."""

    workstation: str
    label: str
    shift: str
    shift_hours: float
    factors: tuple[FactorPlan, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One worker-day of the schedule; ``wearer`` counts the people of a workstation, it names nobody."""

    day: date
    shift: str
    workstation: str
    factor: Factor
    wearer: int | None
    sensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KitNeed:
    """Sensors of one kind: how many the site file has, and how many one worker-day takes."""

    kind: Kind
    have: int
    each: int


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """The plan of a site.

    Attributes
    ----------
    wanted : float
        Probability from which a verdict counts as settled by the plan.
    pilot : Period or None
        Dates whose worker-days were used.
    visits : tuple of Visit
        The schedule.
    """

    site: str
    label: str
    audience: Audience
    start: date
    wanted: float
    stations: tuple[StationPlan, ...]
    pilot: Period | None
    kits: tuple[KitNeed, ...] = ()
    visits: tuple[Visit, ...] = ()
    notes: tuple[Note, ...] = ()

    def rows(self, *outcomes: Outcome) -> tuple[tuple[StationPlan, FactorPlan, RowPlan], ...]:
        """Every verdict with one of these outcomes, by workstation."""
        return tuple(
            (station, factor, row)
            for station in self.stations
            for factor in station.factors
            for row in factor.rows
            if row.outcome in outcomes
        )


def plan_rule(name: str) -> float:
    """Figure of the planner's own rules."""
    return float(toml_table("placement")["rules"][name]["value"])
