"""Which worker-days of worn sensors a public result may rest on, decided before anything is assessed.

For every workstation, shift, kind of sensor and mount there are two cells of worker-days: usual conditions
and the period itself. `indicators.disclosure.rules` rules on them together with all that was ever published,
which the ledger beside the site file remembers; the assessments then see only the worker-days ruled in. Fixed
sensors speak of a place and pass untouched.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from indicators.context import least_wearers
from indicators.coverage_notes import days_left_out
from indicators.disclosure.ledger import PublishedLedger
from indicators.disclosure.rules import Atom, Cell, CellDecision, Outcome, Refusal
from indicators.limits import in_force
from indicators.model import Audience, Note, Period, WorkerDay
from indicators.noise.iso9612 import noise_rule
from indicators.worker_days.merging import MergedDay
from sensors.local_time import OPEN_END_NS
from sensors.quantities import Kind
from sensors.site_model import Mount, Origin

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "Permits",
    "Refused",
    "ShiftView",
    "is_worn",
    "is_worn_posting",
    "permits",
    "refused_groups",
    "usable_days",
]

_USUAL_COVERAGE = 0.80
_HOUR_NS = 3_600_000_000_000
_FROM_EVER = -(2**62)


@dataclass(frozen=True, slots=True)
class _Group:
    """Worker-days that are summed up together: one mount of one kind, in one shift of one workstation."""

    workstation: str
    shift: str
    kind: Kind
    mount: Mount

    def __str__(self) -> str:
        return f"{self.workstation}/{self.shift}/{self.kind.value}/{self.mount.value}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why worn measurements of a group are not shown, and how many wearers it has."""

    reason: Note
    wearers: int


@dataclass(frozen=True, slots=True)
class ShiftView:
    """What may be assessed of one (workstation, shift, kind).

    Attributes
    ----------
    usual, week : tuple of MergedDay
        Worker-days for each scope: fixed ones as they are, worn ones as far as they were ruled in.
    notes : tuple of Note
        What must be said with the worn indicators.
    refused : tuple of Refused
        Worn groups that are not shown.
    """

    usual: tuple[MergedDay, ...]
    week: tuple[MergedDay, ...]
    notes: tuple[Note, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class _Permit:
    usual: tuple[MergedDay, ...] = ()
    week: tuple[MergedDay, ...] = ()
    notes: tuple[Note, ...] = ()
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Permits:
    """Rulings on all worn groups of an output, and the smallest number of wearers they ask for."""

    by_group: Mapping[_Group, _Permit] = field(default_factory=dict)
    minimum: int = 0

    def view(
        self, workstation: str, shift: str, kind: Kind, days: Sequence[MergedDay], period: Period
    ) -> ShiftView:
        """Worker-days of one (workstation, shift, kind) as far as they may be shown."""
        fixed = [item for item in days if not is_worn(item.day)]
        worn = [item for item in days if is_worn(item.day)]
        if not any(item.minutes for item in worn):
            # Planned and missing: nothing was measured that could give anybody away.
            return ShiftView(tuple(days), tuple(item for item in days if _inside(item.day, period)))
        own = [
            permit
            for group, permit in self.by_group.items()
            if (group.workstation, group.shift, group.kind) == (workstation, shift, kind)
        ]
        usual = [item for permit in own for item in permit.usual]
        week = [item for permit in own for item in permit.week]
        # A worn week that is held back is not replaced by what a fixed sensor heard beside worn usual days.
        beside = [item for item in fixed if _inside(item.day, period)] if week or not usual else []
        return ShiftView(
            usual=(*fixed, *usual),
            week=(*beside, *week),
            notes=_once(note for permit in own for note in permit.notes),
            refused=tuple(permit.refused for permit in own if permit.refused is not None),
        )


def _once(notes: Iterable[Note]) -> tuple[Note, ...]:
    kept: list[Note] = []
    for note in notes:
        if note not in kept:
            kept.append(note)
    return tuple(kept)


def is_worn(day: WorkerDay) -> bool:
    """Whether a worker-day speaks of a person."""
    return day.mount.worn or day.wearer is not None


def _inside(day: WorkerDay, period: Period) -> bool:
    return period.first <= day.day <= period.last


def permits(
    book: SiteBook,
    period: Period,
    merged: Mapping[str, Sequence[MergedDay]],
    audience: Audience = Audience.REPORT,
) -> Permits:
    """Rule on every worn group of `merged`, and write down what will be shown.

    Parameters
    ----------
    merged : mapping
        Worker-days of the usual window by workstation; of a family, all its workstations.
    audience : Audience
        The site itself, or a wider circle with its larger groups.

    Raises
    ------
    GovernanceError, LocalResourceError
        The ledger is damaged or cannot be written; see `indicators.disclosure.ledger`.
    """
    groups = _groups(book, period.last, [item for days in merged.values() for item in days])
    minimum = least_wearers(book, audience)
    if not groups:
        return Permits(minimum=minimum)
    ledger = PublishedLedger(book, audience)
    families = {row.id: row.family for row in book.site.workstations}
    cells: list[Cell] = []
    day_of: dict[Atom, MergedDay] = {}
    keys: dict[_Group, tuple[str, str]] = {}
    for group, usable in groups.items():
        atoms = {_atom(ledger, item): item for item in usable.days}
        day_of |= atoms
        week = frozenset(atom for atom, item in atoms.items() if _inside(item.day, period))
        keys[group] = (f"{group}/usual/{period.last}", f"{group}/{period.first}..{period.last}")
        family = families.get(group.workstation)
        within = f"{family}/{group.shift}/{group.kind.value}/{group.mount.value}"
        if atoms:
            cells.append(Cell(keys[group][0], frozenset(atoms), None if family is None else within))
        if week and week != frozenset(atoms):
            cells.append(Cell(keys[group][1], week))
        elif week:
            keys[group] = (keys[group][0], keys[group][0])
    decisions = ledger.decide(cells)
    return Permits(
        {
            group: _permit(usable, decisions, keys[group], day_of, period, minimum)
            for group, usable in groups.items()
        },
        minimum,
    )


@dataclass(slots=True)
class _Usable:
    """Worker-days of a group with enough valid time, and how many had too little."""

    days: list[MergedDay] = field(default_factory=list)
    short: int = 0
    minimum: float = _USUAL_COVERAGE

    @property
    def wearers(self) -> int:
        return len({item.day.wearer for item in self.days})


def _groups(book: SiteBook, on: date, days: Iterable[MergedDay]) -> dict[_Group, _Usable]:
    now_ns = time.time_ns()
    least: dict[Kind, float] = {}
    found: dict[_Group, _Usable] = defaultdict(_Usable)
    for item in days:
        day = item.day
        if not is_worn(day) or not item.minutes:
            continue
        minimum = least.setdefault(day.kind, _least_coverage(book, day.kind, on))
        usable = found[_Group(day.workstation, day.shift, day.kind, day.mount)]
        usable.minimum = minimum
        live = book.sensor(day.sensor).origin is Origin.LIVE
        # A shift that still runs would show, look by look, what each wearer adds to it.
        if item.content.coverage >= minimum and not (live and day.end_ns > now_ns):
            usable.days.append(item)
        else:
            usable.short += 1
    return dict(found)


def _least_coverage(book: SiteBook, kind: Kind, on: date) -> float:
    """Smallest part of the expected time with which any indicator of this kind takes a worker-day in."""
    rows = [row for row in in_force(on, profiles=book.site.site.limits) if row.factor == kind.value]
    own = noise_rule("valid_share") if kind is Kind.NOISE else _USUAL_COVERAGE
    return min([own, *(row.minimum_coverage for row in rows)])


def _atom(ledger: PublishedLedger, item: MergedDay) -> Atom:
    day = item.day
    parts = (
        day.workstation,
        day.shift,
        day.day.isoformat(),
        day.kind.value,
        day.mount.value,
        day.sensor,
    )
    return ledger.atom(day.wearer or "", parts, item.content.coverage * day.expected_ns / _HOUR_NS)


def _permit(
    usable: _Usable,
    decisions: Mapping[str, CellDecision],
    keys: tuple[str, str],
    day_of: Mapping[Atom, MergedDay],
    period: Period,
    minimum: int,
) -> _Permit:
    usual = decisions.get(keys[0])
    if usual is None:
        reason = Note("worn_days_short", {"n": usable.short, "minimum_percent": round(100 * usable.minimum)})
        return _Permit(refused=Refused(reason, usable.wearers))
    allowed = [day_of[atom] for atom in usual.atoms if atom in day_of]
    if usual.outcome is Outcome.WITHHELD or len(allowed) != len(usual.atoms):
        return _Permit(refused=Refused(_refusal_note(usual.refusal, usable.wearers, minimum), usable.wearers))
    week = decisions.get(keys[1])
    shown = week is not None and week.outcome is Outcome.PUBLISHED
    inside = [item for item in usable.days if _inside(item.day, period)] if shown else []
    return _Permit(
        usual=tuple(sorted(allowed, key=_order)),
        week=tuple(sorted(inside, key=_order)),
        notes=_notes(usual, usable),
    )


def _order(item: MergedDay) -> tuple[str, int, str, str]:
    return (item.day.workstation, item.day.start_ns, item.day.sensor, item.day.wearer or "")


def _notes(usual: CellDecision, usable: _Usable) -> tuple[Note, ...]:
    notes = []
    if usual.outcome is Outcome.MERGED:
        others = sorted({key.split("/", 1)[0] for key in usual.merged_with})
        notes.append(Note("merged_group", {"workstations": ", ".join(others)}))
    if usual.outcome is Outcome.REPEATED:
        notes.append(Note("repeated_group"))
    if usable.short and usual.outcome is Outcome.PUBLISHED:
        total = usable.short + len(usable.days)
        notes.append(days_left_out(usable.short, total, usable.minimum))
    return tuple(notes)


def _refusal_note(refusal: Refusal | None, wearers: int, minimum: int) -> Note:
    """A refusal in words that say nothing of the values."""
    if refusal is Refusal.TOO_FEW_WEARERS:
        return Note("group_too_small", {"wearers": wearers, "minimum": minimum})
    if refusal is Refusal.ONE_WEARER_DOMINATES:
        return Note("one_wearer_dominates")
    if refusal is Refusal.ONE_WEARER_ISOLATED:
        return Note("one_wearer_isolated")
    return Note("difference_too_small", {"minimum": minimum})


def refused_groups(
    book: SiteBook, sides: Mapping[str, Sequence[MergedDay]], audience: Audience = Audience.REPORT
) -> Mapping[tuple[Kind, Mount], Refused]:
    """Rule on the cells of a comparison, all of which are shown side by side or not at all.

    Parameters
    ----------
    sides : mapping of str to sequence of MergedDay
        Worker-days by the name of their side; those with too little valid time are not counted.
    audience : Audience
        As of `permits`.

    Returns
    -------
    mapping
        The kinds and mounts that may not be compared, with the reason; empty when everything may.
    """
    minimum = least_wearers(book, audience)
    gathered: dict[str, list[MergedDay]] = defaultdict(list)
    names: dict[str, tuple[Kind, Mount]] = {}
    for side, days in sides.items():
        for item in days:
            if is_worn(item.day) and item.minutes:
                key = f"{side}/{item.day.kind.value}/{item.day.mount.value}"
                gathered[key].append(item)
                names[key] = (item.day.kind, item.day.mount)
    wearers = {key: len({item.day.wearer for item in items}) for key, items in gathered.items()}
    # What one small side holds back anyway is not written down as published for the others.
    refused = {
        names[key]: Refused(_refusal_note(Refusal.TOO_FEW_WEARERS, count, minimum), count)
        for key, count in wearers.items()
        if count < minimum
    }
    asked = [key for key in gathered if names[key] not in refused]
    if not asked:
        return refused
    ledger = PublishedLedger(book, audience)
    cells = [Cell(key, frozenset(_atom(ledger, item) for item in gathered[key])) for key in asked]
    for key, decision in ledger.decide(cells).items():
        if decision.outcome is not Outcome.PUBLISHED:
            reason = _refusal_note(decision.refusal, wearers[key], minimum)
            refused.setdefault(names[key], Refused(reason, wearers[key]))
    return refused


def usable_days(book: SiteBook, on: date, days: Sequence[MergedDay]) -> list[MergedDay]:
    """`days` without worn ones that have too little valid time or whose shift still runs."""
    kept = {id(item) for group in _groups(book, on, days).values() for item in group.days}
    return [item for item in days if not is_worn(item.day) or id(item) in kept]


def is_worn_posting(book: SiteBook, sensor: str) -> bool:
    """Whether a sensor was ever on a body, or never placed at all: nobody said then that it is fixed."""
    postings = book.assignments(sensor, _FROM_EVER, OPEN_END_NS)
    return not postings or any(one.mount.worn or one.wearer is not None for one in postings)
