"""What a report says, already in words and figures of one language: the single input of HTML, PDF and CSV."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.catalogue import Run
from dashboards.report.front import Front
from dashboards.wording import Mark

__all__ = [
    "AccountRow",
    "ActionCardView",
    "ActionRow",
    "Cell",
    "Change",
    "CoverageRow",
    "DifferenceRow",
    "FactorBlock",
    "FactorColumn",
    "Figure",
    "FigureGroup",
    "LimitRow",
    "NextStep",
    "ProjectionCell",
    "ProjectionRow",
    "ProjectionTable",
    "RankRow",
    "ReportView",
    "ScaleRow",
    "Station",
    "Tally",
    "WhyRow",
]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many verdicts there are of one kind."""

    mark: Mark
    count: int
    chart: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorColumn:
    """Head of a factor in the ranking table; `indicator` when one speaks for it in every row."""

    key: str
    label: str
    indicator: tuple[Run, ...] = ()
    axis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One factor of one workstation in the ranking table; `tail` joins the value and names its unit."""

    factor: str
    factor_label: str
    mark: Mark
    indicator: tuple[Run, ...] = ()
    value: str = ""
    tail: str = ""
    interval: str = ""
    limit: str = ""
    whisker: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRow:
    """One workstation in the ranking table; `withheld` replaces the cells."""

    rank: str
    id: str
    label: str
    detail: str
    cells: tuple[Cell, ...]
    next_step: str
    withheld: str = ""
    stability: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRow:
    """One indicator on its own scale; `tail` joins the value and names its unit.

    `lines` say of one that no limit judges how it was found, which guidance marks it passed, or why it is
    missing.
    """

    indicator: str
    label: tuple[Run, ...]
    method: str
    value: str
    tail: str
    interval: str
    scale: str
    scale_narrow: str
    limit: str
    source: str
    grade: str
    coverage: str
    days: str
    mark: Mark
    reason: str
    quality: tuple[str, ...]
    shift: str
    shift_id: str
    week: str
    command: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorBlock:
    """All indicators of one factor: those a limit judges, the others, and remarks on the measurements."""

    factor: str
    label: str
    mark: Mark
    headline: str
    rows: tuple[ScaleRow, ...]
    extra: tuple[ScaleRow, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing with its title, what it speaks of, its sentence and the same numbers as a table."""

    title: str
    subject: str
    caption: str
    drawing: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """Figures of one factor, or of one body part."""

    subject: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """The section of one workstation to watch."""

    id: str
    label: str
    detail: str
    lead: tuple[Run, ...]
    to_measure: tuple[str, ...]
    blocks: tuple[FactorBlock, ...]
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class NextStep:
    """Next best measurement, and the workstations it serves."""

    stations: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What changed since the period before, beyond noise."""

    mark: Mark
    subject: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionCell:
    """One projection to the year against its threshold."""

    mark: Mark
    value: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRow:
    """Projections of one workstation; `shift` only where it has several.

    Attributes
    ----------
    crossed, crossed_of : str
        First day of the year on which a threshold is reached, or nothing; and which one, with its range,
        or why there is none.
    """

    station: str
    shift: str
    cells: tuple[ProjectionCell | None, ...]
    crossed: str = ""
    crossed_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionTable:
    """All projections: name and threshold of each column, then the workstations."""

    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[ProjectionRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How much of the expected time was measured, per factor: share, then days and wearers."""

    station: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit used in the report, with its source and how well it is known."""

    id: str
    name: str
    value: str
    source: str
    edition: str
    grade: str
    role: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyRow:
    """Why a headline number is what it is: formula, terms, basis, sensors, and its command."""

    station: str
    label: tuple[Run, ...]
    value: str
    formula: tuple[Run, ...]
    terms: str
    basis: str
    sensors: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """One indicator before and after a change."""

    label: tuple[Run, ...]
    factor: str
    unit: str
    before: str
    after: str
    difference: str
    interval: str
    drawing: str
    verdict: str
    better: str
    days: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One action of the plan; `flags` say what is wrong with the way it was closed."""

    id: str
    level: str
    principle: str
    what: str
    station: str
    factor: str
    owner: str
    due: str
    state: str
    state_detail: str
    state_code: str
    mark: Mark | None
    reason: str
    reason_line: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCardView:
    """Before and after a closed action."""

    id: str
    title: str
    station: str
    factor: str
    done: str
    before: str
    after: str
    control: str
    rows: tuple[DifferenceRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """What workers reported, and what the sensors have to say of that moment."""

    station: str
    moment: str
    text: str
    borg: str
    factor: str
    state: str
    state_code: str
    missed: bool
    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView(Front):
    """A whole report in one language."""

    site: str
    circulation: str
    lead: tuple[Run, ...]
    tallies: tuple[Tally, ...]
    factors: tuple[FactorColumn, ...]
    ranking: tuple[RankRow, ...]
    next_steps: tuple[NextStep, ...]
    changes: tuple[Change, ...]
    changes_note: str
    stations: tuple[Station, ...]
    others: str
    projections: ProjectionTable
    coverage: tuple[CoverageRow, ...]
    health: tuple[tuple[str, ...], ...]
    exclusions: tuple[tuple[str, ...], ...]
    limits: tuple[LimitRow, ...]
    reasons: tuple[WhyRow, ...]
    notes: tuple[str, ...]
    methods: tuple[str, ...]
    methods_line: str
    footer: tuple[Run, ...]
    glossary: tuple[tuple[str, str], ...]
    governance: tuple[str, ...]
    actions: tuple[ActionRow, ...] = ()
    cards: tuple[ActionCardView, ...] = ()
    accounts: tuple[AccountRow, ...] = ()
