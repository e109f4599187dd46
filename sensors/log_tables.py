"""The logs beside the site file, as typed rows: who wore what, what to leave out, what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = [
    "Action",
    "ActionFactor",
    "Assignment",
    "ControlLevel",
    "Episode",
    "Exclusion",
    "Objection",
    "Pause",
    "SiteLogs",
    "Situation",
    "Vigilance",
    "Wearer",
]


class ActionFactor(StrEnum):
    """Factor of strain an action or a situation is about."""

    NOISE = "noise"
    POSTURE = "posture"
    CLIMATE = "climate"
    WORK_TIME = "work_time"


class ControlLevel(StrEnum):
    """General principles of prevention, best first (Code du travail, art. L. 4121-2)."""

    AVOID = "avoid"
    ASSESS = "assess"
    SOURCE = "source"
    ADAPT = "adapt"
    TECHNICAL = "technical"
    REPLACE = "replace"
    ORGANISE = "organise"
    COLLECTIVE = "collective"
    INDIVIDUAL = "individual"
    INSTRUCTIONS = "instructions"

    @property
    def rank(self) -> int:
        """0 for the best level."""
        return list(ControlLevel).index(self)


class Vigilance(StrEnum):
    """Colour of a heat-wave vigilance."""

    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Row of ``assignments.csv``: overrides the placement in ``[start_ns, end_ns)``; empty = as placed."""

    start_ns: int
    end_ns: int
    sensor: str
    wearer: str | None
    workstation: str | None
    task: str | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Row of ``exclusions.csv``: readings of a sensor that must not count, with the reason."""

    start_ns: int
    end_ns: int
    sensor: str
    reason: str
    who: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Row of ``pauses.csv``: nobody was to be measured; without a sensor it is the whole site."""

    start_ns: int
    end_ns: int
    sensor: str | None
    reason: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """Row of ``actions.csv``: one preventive action.

    Attributes
    ----------
    reason : str or None
        Defends a choice low in the hierarchy.
    control : str or None
        Workstation without the change, to compare with once the action is done.
    """

    id: str
    workstation: str
    factor: ActionFactor
    level: ControlLevel
    what: str
    owner: str | None
    due: date | None
    done: date | None
    reason: str | None
    control: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """Row of ``situations.csv``: what workers report, without identity; Borg CR10 and factor when given."""

    start_ns: int
    end_ns: int
    workstation: str
    text: str
    borg: float | None
    factor: ActionFactor | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """Row of ``episodes.csv``: a heat wave under vigilance."""

    start_ns: int
    end_ns: int
    level: Vigilance
    source: str | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Wearer:
    """Row of ``wearers.csv``: a pseudonym that exists; no name is stored, nor the day somebody joined."""

    wearer: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Objection:
    """Row of ``objections.csv``: a pseudonym whose readings are neither kept nor used, whenever they came."""

    wearer: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class SiteLogs:
    """All logs of a site, in file order; ``wearers`` is ``None`` where the site keeps no list of them."""

    assignments: tuple[Assignment, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    pauses: tuple[Pause, ...] = ()
    actions: tuple[Action, ...] = ()
    situations: tuple[Situation, ...] = ()
    episodes: tuple[Episode, ...] = ()
    wearers: tuple[Wearer, ...] | None = None
    objections: tuple[Objection, ...] = ()
