"""The one table of limits: every value of law, standard or guidance as a row with its source.

Code refers to limits by id; no limit value stands anywhere else. The rows live in ``limits.toml`` beside this
module. Only ``action``, ``limit`` and ``projection`` rows move a verdict; ``guidance`` is reported; a
``criterion`` is a bound inside the definition of another row and is never assessed by itself.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType

from sensors.errors import UnknownNameError
from sensors.site_model import MetabolicClass

__all__ = ["Comparison", "Grade", "Limit", "Role", "Status", "all_limits", "in_force", "limit", "table_hash"]


class Comparison(StrEnum):
    """How the text compares: the value that satisfies it is on the wrong side of the limit."""

    AT_LEAST = ">="
    MORE_THAN = ">"
    AT_MOST = "<="
    LESS_THAN = "<"

    @property
    def upward(self) -> bool:
        """Whether larger values are the worse ones."""
        return self in (Comparison.AT_LEAST, Comparison.MORE_THAN)

    @property
    def inclusive(self) -> bool:
        """Whether the limit's own value is already on the wrong side."""
        return self in (Comparison.AT_LEAST, Comparison.AT_MOST)

    @property
    def sign(self) -> str:
        """The comparison as people write it."""
        return {">=": "≥", "<=": "≤"}.get(self.value, self.value)

    @property
    def opposite_sign(self) -> str:
        """The comparison that holds on the right side of the limit."""
        return {">=": "<", ">": "≤", "<=": ">", "<": "≥"}[self.value]


class Role(StrEnum):
    """What a limit does to a verdict."""

    ACTION = "action"
    LIMIT = "limit"
    PROJECTION = "projection"
    GUIDANCE = "guidance"
    CRITERION = "criterion"

    @property
    def moves_verdict(self) -> bool:
        """Whether a row of this role takes part in the verdict of its factor."""
        return self in _MOVING


# Made once: looking members up by name costs more than the test itself, which every ranking asks for.
_MOVING = (Role.ACTION, Role.LIMIT, Role.PROJECTION)


class Grade(StrEnum):
    """How well the value is known to us; anything but ``verified`` is shown with the value."""

    VERIFIED = "verified"
    RECALLED = "recalled"
    SECOND_HAND = "second_hand"
    CONVENTION = "convention"


class Status(StrEnum):
    """Standing of the text behind a limit."""

    LAW = "law"
    RETIRED = "retired"
    STANDARD = "standard"
    PROPOSAL = "proposal"
    GUIDANCE = "guidance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One row of the limits table.

    Attributes
    ----------
    id : str
        ``profile.factor.name``, e.g. ``eu.noise.upper_action``.
    indicator : str
        Id of the indicator the limit applies to.
    protectors_count : bool
        Whether the text judges exposure with personal protectors worn.
    ranking : bool
        Whether this row gives the indicator's ratio.
    minimum_coverage : float
        Below this share of expected time the indicator is not measured.
    also_in : tuple of str
        Other profiles in which the same row applies.
    metabolic_class, acclimatised
        The row applies only to workstations described so; ``None`` = to all.
    """

    id: str
    profile: str
    factor: str
    indicator: str
    value: float
    unit: str
    comparison: Comparison
    role: Role
    source: str
    clause: str
    edition: str
    grade: Grade
    status: Status
    protectors_count: bool = False
    ranking: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    minimum_coverage: float = 0.80
    note: str = ""
    also_in: tuple[str, ...] = ()
    metabolic_class: MetabolicClass | None = None
    acclimatised: bool | None = None

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile the row belongs to, its own first."""
        return (self.profile, *self.also_in)

    def valid_on(self, day: date) -> bool:
        """Whether the row is in force on `day`; both ends of the validity count."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )

    def applies(self, metabolic_class: MetabolicClass, *, acclimatised: bool) -> bool:
        """Whether the row is for workstations described so."""
        return self.metabolic_class in (None, metabolic_class) and self.acclimatised in (None, acclimatised)


def _source() -> bytes:
    return files("indicators").joinpath("limits.toml").read_bytes()


@cache
def all_limits() -> Mapping[str, Limit]:
    """Every row by id, in file order; a duplicated id keeps its validity dates apart with ``#n``."""
    table: dict[str, Limit] = {}
    for row in tomllib.loads(_source().decode())["limits"]:
        fields = dict(row)
        fields["comparison"] = Comparison(fields["comparison"])
        fields["role"] = Role(fields["role"])
        fields["grade"] = Grade(fields["grade"])
        fields["status"] = Status(fields["status"])
        fields["also_in"] = tuple(fields.get("also_in", ()))
        if "metabolic_class" in fields:
            fields["metabolic_class"] = MetabolicClass(fields["metabolic_class"])
        fields.setdefault("profile", fields["id"].split(".")[0])
        fields.setdefault("factor", fields["id"].split(".")[1])
        entry = Limit(**fields)
        key, again = entry.id, 1
        while key in table:
            again += 1
            key = f"{entry.id}#{again}"
        table[key] = entry
    return MappingProxyType(table)


def in_force(on: date, *, profiles: Sequence[str], indicator: str | None = None) -> tuple[Limit, ...]:
    """Rows of `profiles` that are valid on `on`, criteria left out, optionally for one indicator."""
    return _in_force(on, frozenset(profiles), indicator)


@lru_cache(maxsize=256)
def _in_force(on: date, profiles: frozenset[str], indicator: str | None) -> tuple[Limit, ...]:
    return tuple(
        row
        for row in all_limits().values()
        if row.role is not Role.CRITERION
        and profiles.intersection(row.profiles)
        and (indicator is None or row.indicator == indicator)
        and row.valid_on(on)
    )


def limit(identifier: str, on: date | None = None) -> Limit:
    """Row with this id, the one in force on `on` when several editions stand side by side."""
    rows = [row for row in all_limits().values() if row.id == identifier]
    if not rows:
        raise UnknownNameError(
            "no such limit",
            value=identifier,
            rule="ids of the limits table",
            remedy=f"known: {', '.join(sorted({row.id for row in all_limits().values()}))}",
            code="unknown_limit",
        )
    if on is None:
        return rows[-1]
    for row in rows:
        if row.valid_on(on):
            return row
    raise UnknownNameError("the limit was not in force", value=f"{identifier} on {on}", code="not_in_force")


@cache
def table_hash() -> str:
    """First 12 hex digits of the SHA-256 of the limits table: the version results refer to."""
    return hashlib.sha256(_source()).hexdigest()[:12]
