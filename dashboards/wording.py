"""Results in words: labels, values with their units and limits, verdict marks, in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dashboards import typography
from dashboards.catalogue import Run, Text, catalogue, rich, text
from dashboards.plots.tokens import VERDICT_CLASS
from dashboards.plots.verdicts import glyph
from dashboards.plots.whiskers import LimitMark, Reading
from indicators.headlines import indicator_verdict, ranking_assessment
from indicators.limits import Grade, Limit, Role
from indicators.model import (
    Factor,
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Note,
    Verdict,
    WorkstationResult,
)
from indicators.verdicts import telling_guidance
from indicators.words import cited, listing, method_words, note_words, unit_words

__all__ = ["Mark", "Wording"]

_WHOLE_UNITS = ("h", "night", "times", "min", "count")


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict: its class (shape and colour), its word and its drawing."""

    css: str
    word: str
    glyph: str


@dataclass(frozen=True)
class Wording:
    """Words and figures of one language; `names` are labels of tasks, shifts and sensors by id."""

    language: str
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def say(self) -> Text:
        """Plain text of a catalogue code."""
        return text(self.language)

    def rich(self, code: str, **params: object) -> tuple[Run, ...]:
        """Text of a catalogue code with its bold stretches and subscripts."""
        return rich(self.language, code, **params)

    def note(self, note: Note | None) -> str:
        """Words of a result's note."""
        if note is None:
            return ""
        return note_words(note, self.say, self.names)

    def note_short(self, note: Note) -> str:
        """A note in few words, where there are; for a cell of a table."""
        short = f"notes_short.{note.code}" in catalogue(self.language)
        return note_words(note, self.say, self.names, section="notes_short" if short else "notes")

    def name(self, identifier: str) -> str:
        """Label of a task, shift, sensor or protector, or its id."""
        return self.names.get(identifier, identifier)

    def method(self, method: str) -> str:
        """Name of a method, part by part; standards keep their own names."""
        return method_words(method, self.say)

    def mark(self, verdict: Verdict | None) -> Mark:
        """Class, word and glyph of a verdict; ``None`` for a value that no limit judges."""
        if verdict is None:
            return Mark("info", self.say("report.no_verdict"), glyph(None))
        return Mark(VERDICT_CLASS[verdict], self.say(f"verdicts.{verdict.value}"), glyph(verdict))

    def row_mark(self, row: LimitAssessment) -> Mark:
        """Mark of one row: guidance is reached or not, in no verdict's colour."""
        if row.limit.role is not Role.GUIDANCE or row.verdict is Verdict.NOT_MEASURED:
            return self.mark(row.verdict)
        return Mark("info", self.say(f"marks.{row.verdict.value}"), glyph(None))

    def factor(self, factor: Factor | str) -> str:
        """Name of a factor."""
        return self.say(f"factors.{factor}")

    def _known(self, section: str, identifier: str) -> tuple[str, str]:
        # ``arm_elevation_p50_right`` is the label of ``arm_elevation_p50`` with the segment's name.
        entries = catalogue(self.language)
        stem, tail = identifier, ""
        while stem and f"{section}.{stem}" not in entries:
            stem, _, last = stem.rpartition("_")
            tail = f"{last}_{tail}".rstrip("_")
        return stem, tail

    def indicator(self, identifier: str, *, short: bool = False) -> tuple[Run, ...]:
        """Label of an indicator, with its symbol set in subscript."""
        section = "indicators_short" if short else "indicators"
        stem, tail = self._known(section, identifier)
        if not stem:
            return self.indicator(identifier) if short else (Run(identifier.replace("_", " ")),)
        runs = self.rich(f"{section}.{stem}")
        return (*runs, Run(f", {self.segment(tail)}")) if tail else runs

    def indicator_text(self, identifier: str, *, short: bool = False) -> str:
        """Label of an indicator as plain text."""
        return "".join(run.text for run in self.indicator(identifier, short=short))

    def segment(self, identifier: str) -> str:
        """Name of a body segment or side."""
        code = f"segments.{identifier}"
        return self.say(code) if code in catalogue(self.language) else identifier.replace("_", " ")

    def subject(self, indicator: Indicator) -> str:
        """What an indicator speaks of: its factor, or the body part for posture."""
        if indicator.factor is not Factor.POSTURE:
            return self.factor(indicator.factor)
        _, side = self._known("indicators", indicator.id)
        code = f"body_parts.{indicator.id.removeprefix('upper_').partition('_')[0]}"
        part = self.say(code) if code in catalogue(self.language) else self.factor(indicator.factor)
        return f"{part}, {self.segment(side)}" if side else part

    def unit(self, unit: str) -> str:
        """A unit as this language writes it (``h/year`` → ``h/an``)."""
        return unit_words(unit, self.say)

    def number(self, value: float, decimals: int | None = None) -> str:
        """A plain number."""
        return typography.number(value, decimals, language=self.language)

    def limit_values(self, indicator: Indicator) -> list[float]:
        """Limits in the indicator's own unit."""
        return [row.limit.value for row in indicator.limits]

    def _base(self, unit: str) -> int | None:
        return 0 if unit.startswith(_WHOLE_UNITS) else None

    def value(self, indicator: Indicator, value: float | None = None) -> str:
        """The value (or another in its unit), never rounded across a limit; an en dash when missing."""
        shown = indicator.value if value is None else value
        if shown is None:
            return "–"
        return typography.safe_number(
            shown, self.limit_values(indicator), language=self.language, base=self._base(indicator.unit)
        )

    def interval(self, indicator: Indicator, interval: Interval | None = None) -> str:
        """The 90 % interval, or nothing."""
        shown = interval or indicator.interval
        if shown is None:
            return ""
        return typography.interval(
            shown.low,
            shown.high,
            self.limit_values(indicator),
            language=self.language,
            base=self._base(indicator.unit),
        )

    def quantity(self, indicator: Indicator) -> str:
        """Value and unit."""
        return self.quantity_of(self.value(indicator), indicator.unit)

    def quantity_of(self, figure: str, unit: str) -> str:
        """A written figure and its unit, joined as this language does; without one, what follows a figure."""
        return typography.quantity(figure, self.unit(unit), language=self.language)

    def limit_name(self, limit: Limit) -> str:
        """Name of a limit, or of its role when it has none of its own."""
        code = f"limits.{limit.id}"
        return self.say(code if code in catalogue(self.language) else f"roles.{limit.role.value}")

    def term(self, name: str) -> str:
        """Words for a single number behind a value, or the name it has in the software."""
        code = f"terms.{name}"
        return self.say(code) if code in catalogue(self.language) else name

    def guidance(self, indicator: Indicator) -> tuple[str, ...]:
        """Which guidance marks the value passed, left open or did not reach, with the grade of each."""
        return tuple(
            self.say(f"report.guidance_{row.verdict.value}", mark=self._mark_text(row.limit))
            for row in telling_guidance(indicator)
        )

    def _mark_text(self, limit: Limit) -> str:
        value = self.quantity_of(self.limit_value(limit, sign=True), limit.unit)
        grade = self.grade(limit)
        return f"{value}, {self.limit_name(limit)}" + (f" ({grade})" if grade else "")

    def limit_value(self, limit: Limit, *, sign: bool = False, opposite: bool = False) -> str:
        """Figure of a limit, with the comparison that its text makes (or the opposite one) in front."""
        figure = self.number(limit.value)
        if not sign:
            return figure
        mark = limit.comparison.opposite_sign if opposite else limit.comparison.sign
        return f"{mark}{typography.NBSP}{figure}"

    def limit_summary(self, result: FactorResult, indicator: Indicator) -> str:
        """What a cell says of the limit: ``≥ 85``, ``80 et 85`` (not settled) or ``< 80``."""
        moving = [row for row in indicator.limits if row.limit.role.moves_verdict]
        if not moving:
            return ""
        above = [row for row in moving if row.verdict is Verdict.ABOVE]
        if above:
            named = next((row for row in above if row.limit.id == result.above), above[-1])
            return self.limit_value(named.limit, sign=True)
        open_rows = [row for row in moving if row.verdict is Verdict.NOT_SETTLED]
        if open_rows:
            return self.listing(sorted({self.limit_value(row.limit) for row in open_rows}))
        below = [row for row in moving if row.verdict is Verdict.BELOW]
        if below:
            strictest = min(below, key=lambda row: row.limit.value)
            return self.limit_value(strictest.limit, sign=True, opposite=True)
        return ""

    def source(self, limit: Limit) -> str:
        """Source and clause of a limit, as this language cites them."""
        return cited(limit, self.say)

    def grade(self, limit: Limit) -> str:
        """How well the limit is known, said only when it is not verified."""
        return "" if limit.grade is Grade.VERIFIED else self.say(f"grades.{limit.grade.value}")

    def listing(self, parts: Iterable[str]) -> str:
        """``a, b et c``."""
        return listing(parts, self.say)

    def count_word(self, count: int, *, capital: bool = False) -> str:
        """A small count as a word, a larger one in figures."""
        code = f"numbers.n{count}"
        word = self.say(code) if code in catalogue(self.language) else self.number(count)
        return word[:1].upper() + word[1:] if capital else word

    def days(self, indicator: Indicator) -> str:
        """``4 jours, 6 porteurs``; what rests on the site file alone says so."""
        if indicator.factor is Factor.WORK_TIME:
            return self.say("report.days_planned")
        key = "report.days_wearers" if indicator.worn else "report.days_only"
        return self.say(key, days=indicator.n_days, wearers=indicator.n_wearers)

    def percent(self, share: float, decimals: int = 0) -> str:
        """A share between 0 and 1 in percent."""
        return typography.percent(share, language=self.language, decimals=decimals)

    def percents(self, decimals: int) -> Callable[[float], str]:
        """What writes a figure that is already in per cent."""
        return lambda value: self.percent(value / 100.0, decimals)

    def shift_among(self, indicator: Indicator | None, station: WorkstationResult) -> str:
        """Shift of an indicator, where its workstation has the same for others too."""
        if indicator is None:
            return ""
        shifts = {
            other.shift for part in station.factors for other in part.indicators if other.id == indicator.id
        }
        return self.name(indicator.shift) if len(shifts) > 1 and indicator.shift else ""

    def reading(self, indicator: Indicator, verdict: Verdict | None = None) -> Reading:
        """The indicator as a drawing needs it."""
        anchor = ranking_assessment(indicator)
        interval = indicator.interval
        return Reading(
            value=indicator.value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            verdict=verdict or indicator_verdict(indicator),
            limits=tuple(
                LimitMark(row.limit.value, row.limit.comparison, row.limit.role, row.limit.ranking)
                for row in indicator.limits
            ),
            ratio_kind=anchor.ratio_kind if anchor else None,
        )

    def measured(self, station: WorkstationResult) -> str:
        """``6 porteurs, 4 jours``: the most that any factor of the workstation rests on."""
        shown: Sequence[Indicator] = [i for f in station.factors for i in f.indicators if i.value is not None]
        if not shown:
            return ""
        wearers = max((indicator.n_wearers for indicator in shown if indicator.worn), default=0)
        code = "report.wearers_days" if wearers else "report.days_only"
        return self.say(code, wearers=wearers, days=max(indicator.n_days for indicator in shown))

    def detail(self, station: WorkstationResult) -> str:
        """``emboutissage, 6 porteurs, 4 jours``, and the shift where there is only one to name."""
        shifts = {i.shift for part in station.factors for i in part.indicators if i.shift}
        shift = self.name(shifts.pop()) if len(shifts) == 1 else ""
        return ", ".join(part for part in (station.family or "", self.measured(station), shift) if part)
