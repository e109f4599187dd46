"""Results as lines for a terminal, in the words of a catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from indicators.explain import Explanation, Window
from indicators.limits import Grade, Limit
from indicators.model import (
    FactorResult,
    Indicator,
    Interval,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.verdicts import SEVERITY
from indicators.words import Text, circulation, label, method_words, note_words, quantity

__all__ = ["SYMBOLS", "explanation_lines", "figure", "result_lines"]

SYMBOLS = {
    Verdict.ABOVE: "▲",
    Verdict.NOT_SETTLED: "◈",
    Verdict.BELOW: "○",
    Verdict.NOT_MEASURED: "⬚",
}
_NUMBER_WIDTH = 26
_MOST_DECIMALS = 6


def figure(value: float, limits: tuple[float, ...], say: Text, decimals: int = 1) -> str:
    """A number with as many decimals as keep it on its own side of every limit."""
    places = decimals
    while places < _MOST_DECIMALS and any(
        (round(value, places) >= limit) != (value >= limit) for limit in limits
    ):
        places += 1
    whole, _, fraction = f"{value:,.{places}f}".replace("-", "−").partition(".")
    whole = whole.replace(",", say("commands.one_thousand")[1:-3])
    return f"{whole}{say('commands.decimal_mark')}{fraction}" if fraction else whole


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
        first=period.first.isoformat(),
        last=period.last.isoformat(),
    )
    for note in result.notes:
        yield f"! {note_words(note, say)}"
    for station in result.workstations:
        yield ""
        yield from _station(station, say, every=every)


def _station(station: WorkstationResult, say: Text, *, every: bool) -> Iterator[str]:
    rank = "–" if station.rank is None else f"{station.rank}."
    worst = station.worst
    ratio = ""
    if worst is not None and math.isfinite(worst.ratio):
        ratio = say(
            "commands.worst",
            ratio=figure(worst.ratio, (1.0,), say, 2),
            factor=say(f"factors.{worst.factor.value}"),
        )
    yield f"{rank:<4}{station.label} ({station.id})  {ratio}".rstrip()
    if station.stability is not None:
        share = f"{100.0 * station.stability.share:.0f}"
        yield f"    {say('commands.rank_stability', top=station.stability.top, share=share)}"
    for factor in station.factors:
        yield from _factor(factor, say, every=every)
    if station.withheld is not None:
        for hidden in station.withheld.factors:
            yield f"    · {say(f'factors.{hidden.value}')}: {note_words(station.withheld.reason, say)}"


def _factor(factor: FactorResult, say: Text, *, every: bool) -> Iterator[str]:
    verdict = say(f"verdicts.{factor.verdict.value}")
    named = "" if factor.above is None else f" {_above(factor, say)}"
    why = "" if factor.reason is None else f" — {note_words(factor.reason, say)}"
    yield f"    {SYMBOLS[factor.verdict]} {say(f'factors.{factor.factor.value}')}: {verdict}{named}{why}"
    spoken = factor.indicators if every else _headline(factor)
    for item in spoken:
        yield _row(item, say)
        if every:
            # The week repeats the remarks of the usual conditions.
            for note in item.quality if item.scope is Scope.USUAL else ():
                yield f"          {note_words(note, say)}"
    if factor.next_best is not None and factor.verdict is not Verdict.BELOW:
        yield f"        → {note_words(factor.next_best, say)}"


def _above(factor: FactorResult, say: Text) -> str:
    for item in factor.indicators:
        for row in item.limits:
            if row.limit.id == factor.above:
                limit = quantity(row.limit.value, row.limit.unit, say)
                return f"{row.limit.comparison.value} {limit} ({row.limit.id})"
    return str(factor.above)


def _headline(factor: FactorResult) -> tuple[Indicator, ...]:
    """Indicator that carries the verdict of its factor, the largest ratio first."""

    def weight(item: Indicator) -> tuple[bool, bool, float]:
        rows = [row for row in item.limits if row.limit.role.moves_verdict]
        return (
            any(row.limit.id == factor.above and row.verdict is Verdict.ABOVE for row in rows),
            any(row.verdict is factor.verdict for row in rows),
            max((row.ratio or 0.0 for row in rows), default=-1.0),
        )

    usual = [item for item in factor.indicators if item.scope is Scope.USUAL]
    chosen = max(usual, key=weight, default=None)
    return () if chosen is None else (chosen,)


def _row(item: Indicator, say: Text) -> str:
    limits = tuple(row.limit.value for row in item.limits)
    moving = [row for row in item.limits if row.limit.role.moves_verdict]
    worst = max(moving, key=lambda row: SEVERITY[row.verdict], default=None)
    symbol = " " if worst is None else SYMBOLS[worst.verdict]
    value = "–" if item.value is None else quantity(figure(item.value, limits, say), item.unit, say)
    interval = "" if item.interval is None else f" {_interval(item.interval, limits, say)}"
    shift = "" if not item.shift else f", {item.shift}"
    scope = say(f"commands.scope_{item.scope.value}")
    basis = say(
        "commands.basis_worn" if item.worn else "commands.basis_fixed",
        days=item.n_days,
        wearers=item.n_wearers,
        coverage=item.coverage,
    )
    shown = f"{value}{interval}"
    name = f"{label(item.id, say)} ({scope}{shift})"
    return f"      {symbol} {name}: {shown:<{_NUMBER_WIDTH}} {basis}".rstrip()


def _interval(interval: Interval, limits: tuple[float, ...], say: Text) -> str:
    mark = say("commands.interval_mark")
    return f"[{figure(interval.low, limits, say)}{mark}{figure(interval.high, limits, say)}]"


def explanation_lines(found: Explanation, say: Text, local: Callable[[int], str]) -> Iterator[str]:
    """An explanation, from the number down to its windows.

    Parameters
    ----------
    local : callable(ns) -> str
        Site time of a moment.
    """
    if not found.audience.gated:
        yield f"! {circulation(found.audience, say)}"
    yield say("commands.explain_title", label=found.label, indicator=label(found.indicator, say))
    if found.withheld is not None:
        yield note_words(found.withheld.reason, say)
        return
    for item in found.results:
        yield _row(item, say)
        yield f"          {say('commands.explain_method', method=method_words(item.method, say))}"
        yield from _octave_lines(item, say)
        for note in item.quality if item.scope is Scope.USUAL else ():
            yield f"          {note_words(note, say)}"
    if found.reason is not None:
        yield note_words(found.reason, say)
    yield ""
    yield say("commands.explain_formula", formula=say(found.formula))
    yield from _limit_lines(found, say)
    yield ""
    if found.windows_used is None:
        yield say("commands.explain_windows_hidden")
    else:
        left = sum(found.windows_left_out.values())
        yield say("commands.explain_windows", used=found.windows_used, left=left)
    for window in found.windows:
        yield _window_line(window, say, local)
    if not found.windows:
        for code, count in found.windows_left_out.items():
            yield f"    {count} × {say(f'commands.left_out_{code}')}"
    for row in found.exclusions:
        yield say(
            "commands.explain_exclusion",
            sensor=row.sensor,
            start=local(row.start_ns),
            end=local(row.end_ns),
            reason=row.reason,
        )
    yield ""
    for sensor in found.sensors:
        yield say(
            "commands.explain_sensor",
            sensor=sensor.id,
            model=sensor.model or "–",
            instrument=sensor.instrument_class,
            origin=sensor.origin,
            mounts=", ".join(sensor.mounts),
            calibrations=", ".join(sensor.calibrations) or "–",
        )
    yield say("commands.explain_versions", inputs=found.inputs or "–", **found.versions)
    yield say("commands.explain_command", command=found.command)


def _octave_lines(item: Indicator, say: Text) -> Iterator[str]:
    """Spectrum, attenuation and what is left, where a protector was counted by octave bands."""
    rows = item.details.get("octaves")
    if not isinstance(rows, list):
        return
    yield f"          {say('commands.explain_octaves')}"
    for row in rows:
        level, apv, at_ear = (figure(row[key], (), say) for key in ("level_db", "apv_db", "at_ear_dba"))
        yield f"          {row['hz']:>6} Hz {level:>7} dB {apv:>6} dB {at_ear:>7} dB(A)"


def _limit_lines(found: Explanation, say: Text) -> Iterator[str]:
    verdicts = {row.limit.id: row.verdict for item in found.results for row in item.limits}
    for row in found.limits:
        verdict = verdicts.get(row.id)
        symbol = " " if verdict is None else SYMBOLS[verdict]
        yield (
            f"  {symbol} {row.comparison.value} {quantity(row.value, row.unit, say)}  {row.id} "
            f"[{say(f'roles.{row.role.value}')}] {_source(row, say)}"
        )


def _source(row: Limit, say: Text) -> str:
    parts = [row.source, row.clause, row.edition]
    grade = "" if row.grade is Grade.VERIFIED else f" ({say(f'grades.{row.grade.value}')})"
    return ", ".join(part for part in parts if part) + grade


def _window_line(window: Window, say: Text, local: Callable[[int], str]) -> str:
    spans = " ".join(f"{local(span.start_ns)}–{local(span.end_ns)[-5:]}" for span in window.spans)
    wearer = "" if window.wearer is None else f" {window.wearer}"
    mark = "✓" if window.used else "×"
    why = "" if window.reason is None else f" — {note_words(window.reason, say)}"
    return (
        f"  {mark} {window.day} {window.shift} {window.sensor} ({window.mount.value}{wearer}) "
        f"{say('commands.explain_coverage', coverage=window.coverage)} {spans}{why}"
    )
