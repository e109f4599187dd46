"""Results, from one worker-day's exposure to the weekly document: frozen dataclasses and enums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from indicators.limits import Limit
from sensors.quantities import Kind
from sensors.site_model import Mount

__all__ = [
    "Audience",
    "Factor",
    "FactorResult",
    "Indicator",
    "Interval",
    "LimitAssessment",
    "Note",
    "Period",
    "RatioKind",
    "Scope",
    "Span",
    "Stability",
    "Verdict",
    "WeeklyResult",
    "Withheld",
    "WorkerDay",
    "WorkstationResult",
    "WorstFactor",
]


class Verdict(StrEnum):
    """The four words."""

    ABOVE = "above"
    NOT_SETTLED = "not_settled"
    BELOW = "below"
    NOT_MEASURED = "not_measured"


class Factor(StrEnum):
    """Factors of strain that stand side by side, never added up."""

    NOISE = "noise"
    POSTURE = "posture"
    CLIMATE = "climate"
    WORK_TIME = "work_time"


class Scope(StrEnum):
    """``usual`` infers usual conditions and carries the verdict; ``week`` describes this week only."""

    USUAL = "usual"
    WEEK = "week"


class RatioKind(StrEnum):
    """How a value is compared with its ranking limit."""

    ENERGY = "energy"
    TIME_SHARE = "time_share"
    TEMPERATURE_STEP = "temperature_step"


class Audience(StrEnum):
    """Who will see a result.

    ``report`` is the site itself and ``wide`` anybody beyond it: both are gated, the latter with larger
    groups. ``analyst`` is not, and only on explicit, logged request.
    """

    REPORT = "report"
    WIDE = "wide"
    ANALYST = "analyst"

    @property
    def gated(self) -> bool:
        """Whether the group-size rules apply."""
        return self is not Audience.ANALYST


@dataclass(frozen=True, slots=True)
class Note:
    """A reason, remark or advice as a code and its parameters; the catalogues give it words."""

    code: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided 90 % interval: each bound is one-sided 95 %."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open stretch ``[start_ns, end_ns)`` UTC, with the task worked when known."""

    start_ns: int
    end_ns: int
    task: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerDay:
    """One wearer's (or one fixed sensor's) shift at one workstation: the unit of exposure.

    Attributes
    ----------
    spans : tuple of Span
        When the sensor observed this workstation, pauses and exclusions removed.
    breaks : tuple of Span
        Planned breaks inside the shift (assumed rest where a method says so).
    expected_ns : int
        Shift minus pauses [ns], the denominator of coverage.
    """

    site: str
    workstation: str
    shift: str
    day: date
    kind: Kind
    sensor: str
    mount: Mount
    wearer: str | None
    start_ns: int
    end_ns: int
    spans: tuple[Span, ...]
    breaks: tuple[Span, ...]
    expected_ns: int


@dataclass(frozen=True, slots=True)
class LimitAssessment:
    """An indicator held against one limit."""

    limit: Limit
    verdict: Verdict
    ratio: float | None = None
    ratio_kind: RatioKind | None = None
    reason: Note | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One number with everything needed to defend it; ``value`` is ``None`` when not measured."""

    id: str
    factor: Factor
    value: float | None
    unit: str
    interval: Interval | None
    scope: Scope
    shift: str
    coverage: float
    n_days: int
    n_wearers: int
    method: str
    worn: bool
    confidence: float = 0.90
    quality: tuple[Note, ...] = ()
    limits: tuple[LimitAssessment, ...] = ()
    next_best: Note | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorResult:
    """One factor at one workstation: verdict of its worst shift and all indicators."""

    factor: Factor
    verdict: Verdict
    above: str | None
    reason: Note | None
    indicators: tuple[Indicator, ...]
    next_best: Note | None = None


@dataclass(frozen=True, slots=True)
class WorstFactor:
    """Largest ratio of a workstation, by its name."""

    factor: Factor
    indicator: str
    limit: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Stability:
    """Share of random weightings of the factors that put a workstation among the first `top`."""

    top: int
    share: float


@dataclass(frozen=True, slots=True)
class Withheld:
    """Factors that the privacy gate holds back, and why."""

    factors: tuple[Factor, ...]
    reason: Note
    wearers: int | None
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkstationResult:
    """All factors of one workstation side by side."""

    id: str
    label: str
    family: str | None
    rank: int | None
    worst: WorstFactor | None
    factors_over: int
    factors: tuple[FactorResult, ...]
    withheld: Withheld | None = None
    stability: Stability | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Site dates, both included; ``week`` is the ISO week when the period is one."""

    first: date
    last: date
    start_ns: int
    end_ns: int
    timezone: str
    week: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyResult:
    """The single input of every renderer."""

    site: str
    site_label: str
    language: str
    audience: Audience
    period: Period
    version: str
    references: str
    workstations: tuple[WorkstationResult, ...]
    notes: tuple[Note, ...] = ()
