"""What the demonstration says at its end: worst workstations first, truth beside estimate, what to try."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulators.demo import DemoOutcome

__all__ = ["summary_lines"]

Say = Callable[..., str]
_FACTORS = ("noise", "posture", "climate")
# One indicator of each kind; those whose truth is zero say nothing and are left out.
_COMPARED = (
    "lex_8h",
    "trunk_flexion_ge45_share",
    "trunk_flexion_p50",
    "arm_elevation_ge60_share",
    "wbgt_worst_hour",
    "air_temperature_le5_h",
    "air_temperature_ge30_h",
)


def summary_lines(outcome: DemoOutcome, say: Say) -> Iterator[str]:
    """Return the lines to print."""
    result = outcome.result
    total_s = sum(outcome.seconds.values())
    yield say(
        "demo.done",
        week=result.period.week or result.period.first.isoformat(),
        messages=outcome.messages,
        millions=outcome.rows / 1e6,
        seconds=round(total_s),
    )
    yield ""
    for path in outcome.report:
        yield f"{say('demo.report')} {_shown(path)}"
    if all(path.suffix != ".pdf" for path in outcome.report):
        yield say("demo.no_pdf")
    yield ""
    yield say("demo.worst_first")
    yield from _table(_ranking(result, say))
    yield ""
    yield say("demo.truth_title" if outcome.analyst_result is None else "demo.truth_title_analyst")
    yield from _table(_comparison(outcome.analyst_result or result, outcome.truth, say))
    yield ""
    yield say("demo.next_title")
    site = _shown(outcome.site_file)
    week = f" --week {result.period.week}" if result.period.week else ""
    explained = [
        f"explain {row.id} {row.worst.indicator} --site {site}{week}"
        for row in result.workstations
        if row.worst is not None
    ]
    for command in (
        f"indicators --site {site}{week}",
        *explained[:1],
        f"report --site {site}{week} --lang {'en' if result.language == 'fr' else 'fr'}",
        f"serve --site {site}",
    ):
        yield f"  {_program()} {command}"


def _program() -> str:
    """The command as it can be typed here: by name, or by path where its environment is not active."""
    return "vigiposte" if shutil.which("vigiposte") else _shown(Path(sys.argv[0]))


def _ranking(result: Any, say: Say) -> Iterator[Sequence[str]]:
    yield [say(f"demo.head_{name}") for name in ("rank", "workstation", "noise", "posture", "climate")]
    for row in result.workstations:
        cells = [str(row.rank) if row.rank is not None else "–", row.label]
        if row.withheld is not None and not row.factors:
            yield [*cells, say("demo.withheld", minimum=row.withheld.minimum), "", ""]
            continue
        held = {str(name) for name in row.withheld.factors} if row.withheld is not None else set()
        verdicts = {str(factor.factor): say(f"verdicts.{factor.verdict}") for factor in row.factors}
        shown = [say("demo.held") if name in held else verdicts.get(name, "–") for name in _FACTORS]
        yield [*cells, *shown]


def _comparison(result: Any, truth: Mapping[str, Any], say: Say) -> Iterator[Sequence[str]]:
    yield [say(f"demo.head_{name}") for name in ("workstation", "indicator", "truth", "estimate", "interval")]
    true = {row["id"]: row["indicators"] for row in truth["workstations"]}
    for row in result.workstations:
        estimates = {
            indicator.id: indicator
            for factor in row.factors
            for indicator in factor.indicators
            if str(indicator.scope) == "usual" and indicator.value is not None
        }
        for name in _COMPARED:
            value = true[row.id].get(name)
            estimate = estimates.get(name)
            if estimate is None or value is None or (value == 0 and estimate.value == 0):
                continue
            interval = estimate.interval
            yield [
                row.label,
                say(f"indicators.{name}"),
                say("commands.quantity", value=_number(value, say), unit=estimate.unit),
                _number(estimate.value, say),
                f"{_number(interval.low, say)} … {_number(interval.high, say)}" if interval else "–",
            ]


def _number(value: float, say: Say) -> str:
    return say("demo.number", value=float(value))


def _table(rows: Iterator[Sequence[str]]) -> Iterator[str]:
    listed = [list(row) for row in rows]
    columns = max(len(row) for row in listed)
    widths = [max((_width(row[i]) for row in listed if i < len(row)), default=0) for i in range(columns)]
    for row in listed:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        yield f"  {'  '.join(cells)}".rstrip()


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(char) else 1 for char in text)


def _shown(path: Path) -> str:
    """Path as short as it can be written from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)
