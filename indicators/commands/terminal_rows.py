"""Indicators as aligned rows of a terminal: mark, name, value, interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from indicators.headlines import indicator_verdict
from indicators.limits import Grade
from indicators.model import Factor, Indicator, Interval, Scope, Verdict
from indicators.verdicts import telling_guidance
from indicators.words import Text, label, method_words, note_words, quantity

__all__ = ["SYMBOLS", "Row", "basis", "figure", "remarks", "row_of", "table"]

SYMBOLS = {
    Verdict.ABOVE: "▲",
    Verdict.NOT_SETTLED: "◈",
    Verdict.BELOW: "○",
    Verdict.NOT_MEASURED: "⬚",
}
_MOST_DECIMALS = 6
_NAMED = 3  # a remark that holds for more indicators than this counts them instead


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator in words.

    Attributes
    ----------
    symbol, name, value, interval : str
    heading : str
        What several rows share: scope, shift, days, wearers and coverage.
    """

    symbol: str
    name: str
    value: str
    interval: str
    heading: str


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


def row_of(item: Indicator, say: Text) -> Row:
    """One indicator in the words of a catalogue."""
    limits = tuple(row.limit.value for row in item.limits)
    verdict = indicator_verdict(item)
    return Row(
        symbol=" " if verdict is None else SYMBOLS[verdict],
        name=label(item.id, say),
        value="–" if item.value is None else quantity(figure(item.value, limits, say), item.unit, say),
        interval="" if item.interval is None else _interval(item.interval, limits, say),
        heading=_heading(item, say),
    )


def basis(item: Indicator, say: Text) -> str:
    """Days, wearers and coverage behind an indicator; of planned shifts nothing was measured."""
    if item.factor is Factor.WORK_TIME:
        return say("report.days_planned")
    return say(
        "commands.basis_worn" if item.worn else "commands.basis_fixed",
        days=item.n_days,
        wearers=item.n_wearers,
        coverage=item.coverage,
    )


def table(rows: Iterable[Row], margin: str) -> Iterator[str]:
    """Rows in columns, under a line for what neighbours share."""
    rows = list(rows)
    name, value = (max((len(getattr(row, part)) for row in rows), default=0) for part in ("name", "value"))
    shown = ""
    for row in rows:
        if row.heading != shown:
            shown = row.heading
            yield f"{margin}{shown}"
        yield f"{margin}{row.symbol} {row.name:<{name}}  {row.value:>{value}}  {row.interval}".rstrip()


def remarks(items: Iterable[Indicator], say: Text, *, methods: bool = False) -> Iterator[str]:
    """What is to be known of the numbers, each remark once, with the indicators it is about.

    The week repeats the remarks of the usual conditions, so only those count.

    Parameters
    ----------
    methods : bool
        Say the method of each indicator too.
    """
    usual = [item for item in items if item.scope is Scope.USUAL]
    found: dict[str, list[str]] = {}
    for item in usual:
        spoken = [say("commands.explain_method", method=method_words(item.method, say))]
        texts = [*(spoken if methods and item.method else ()), *_marks(item, say)]
        for text in (*texts, *(note_words(note, say) for note in item.quality)):
            named = found.setdefault(text, [])
            if (name := label(item.id, say)) not in named:
                named.append(name)
    every = len({item.id for item in usual})
    for text, names in found.items():
        if len(names) == every:
            yield text
        elif len(names) > _NAMED:
            yield say("commands.remark_of_several", number=len(names), text=text)
        else:
            yield say("commands.remark_of", indicators=" / ".join(names), text=text)


def _marks(item: Indicator, say: Text) -> Iterator[str]:
    """Guidance marks that the value passed, left open or did not reach."""
    for row in telling_guidance(item):
        limit = row.limit
        value = figure(limit.value, (), say).removesuffix(f"{say('commands.decimal_mark')}0")
        grade = "" if limit.grade is Grade.VERIFIED else f" ({say(f'grades.{limit.grade.value}')})"
        mark = (
            f"{limit.comparison.sign} {quantity(value, limit.unit, say)}, {say(f'limits.{limit.id}')}{grade}"
        )
        yield say(f"report.guidance_{row.verdict.value}", mark=mark)


def _heading(item: Indicator, say: Text) -> str:
    scope = say(f"commands.scope_{item.scope.value}")
    code = "commands.row_heading_shift" if item.shift else "commands.row_heading"
    return say(code, scope=scope, shift=item.shift, basis=basis(item, say))


def _interval(interval: Interval, limits: tuple[float, ...], say: Text) -> str:
    mark = say("commands.interval_mark")
    return f"[{figure(interval.low, limits, say)}{mark}{figure(interval.high, limits, say)}]"
