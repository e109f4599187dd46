"""The weekly result as lines for a terminal, in the words of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from indicators.commands.terminal_rows import SYMBOLS, remarks, row_of, table
from indicators.headlines import headline
from indicators.model import Factor, FactorResult, Indicator, Scope, Verdict, WeeklyResult, WorkstationResult
from indicators.ranking import Judged, worst_judged
from indicators.words import Text, note_words, quantity

__all__ = ["result_lines", "worst_words"]


def result_lines(result: WeeklyResult, say: Text, *, every: bool) -> Iterator[str]:
    """The weekly result, worst workstation first.

    Parameters
    ----------
    every : bool
        All indicators instead of the one that speaks for each factor.
    """
    period = result.period
    yield say(
        "commands.title",
        site=result.site_label,
        period=period.week or say("commands.dates"),
        first=period.first,
        last=period.last,
    )
    for note in result.notes:
        yield f"! {note_words(note, say)}"
    for station in result.workstations:
        yield ""
        yield from _station(station, say, every=every)


def _station(station: WorkstationResult, say: Text, *, every: bool) -> Iterator[str]:
    rank = "–" if station.rank is None else f"{station.rank}."
    yield f"{rank:<4}{station.label} ({station.id})  {_worst(station, say)}".rstrip()
    if station.stability is not None:
        top = station.stability.top
        code = "commands.rank_stability_first" if top == 1 else "commands.rank_stability"
        yield f"    {say(code, top=top, share=f'{100.0 * station.stability.share:.0f}')}"
    for factor in station.factors:
        yield from _factor(factor, say, every=every)
    if station.withheld is not None:
        for hidden in station.withheld.factors:
            reason = note_words(station.withheld.reason, say)
            yield f"    · {say('commands.factor', factor=say(f'factors.{hidden.value}'), verdict=reason)}"


def _worst(station: WorkstationResult, say: Text) -> str:
    """The value behind the rank and its limit; a ratio of degrees or decibels would read as a multiple."""
    judged = worst_judged(station)
    return "" if station.worst is None or judged is None else worst_words(station.worst.factor, judged, say)


def worst_words(factor: Factor, judged: Judged, say: Text) -> str:
    """A value and the limit it is held against, in words."""
    return say(
        "commands.worst_value",
        factor=say(f"factors.{factor.value}"),
        value=row_of(judged.indicator, say).value,
        limit=quantity(judged.row.limit.value, judged.row.limit.unit, say),
    )


def _factor(factor: FactorResult, say: Text, *, every: bool) -> Iterator[str]:
    named = "" if factor.above is None else f" {_above(factor, say)}"
    why = "" if factor.reason is None else f" — {note_words(factor.reason, say)}"
    verdict = f"{say(f'verdicts.{factor.verdict.value}')}{named}{why}"
    line = say("commands.factor", factor=say(f"factors.{factor.factor.value}"), verdict=verdict)
    yield f"    {SYMBOLS[factor.verdict]} {line}"
    yield from table((row_of(item, say) for item in _spoken(factor, every=every)), " " * 6)
    if every:
        for remark in remarks(factor.indicators, say, methods=True):
            yield f"        · {remark}"
    if factor.next_best is not None and factor.verdict is not Verdict.BELOW:
        yield f"        → {note_words(factor.next_best, say)}"


def _above(factor: FactorResult, say: Text) -> str:
    for item in factor.indicators:
        for row in item.limits:
            if row.limit.id == factor.above:
                limit = quantity(row.limit.value, row.limit.unit, say)
                return f"({row.limit.comparison.sign} {limit}, {row.limit.id})"
    return str(factor.above)


def _spoken(factor: FactorResult, *, every: bool) -> tuple[Indicator, ...]:
    """All indicators, the usual conditions first; or the one that carries the verdict."""
    if every:
        return tuple(sorted(factor.indicators, key=lambda item: item.scope is not Scope.USUAL))
    speaking = headline(factor)
    return () if speaking is None else (speaking,)
