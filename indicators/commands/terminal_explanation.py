"""An explanation as lines for a terminal: from the number down to its windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from indicators.commands.terminal_rows import SYMBOLS, remarks, row_of, table
from indicators.commands.terminal_terms import term_lines
from indicators.explain import Explanation, Window
from indicators.limits import Grade, Limit
from indicators.model import Scope
from indicators.words import Text, circulation, cited, label, method_words, note_words, quantity

__all__ = ["explanation_lines"]


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
    yield from _result_lines(found, say)
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
            instrument=say(f"instrument_classes.{sensor.instrument_class}"),
            origin=say(f"origins.{sensor.origin}"),
            mounts=", ".join(say(f"mounts.{mount}") for mount in sensor.mounts),
            calibrations=", ".join(sensor.calibrations) or "–",
        )
    yield say("commands.explain_versions", inputs=found.inputs or "–", **found.versions)
    yield say("commands.explain_command", command=found.command)


def _result_lines(found: Explanation, say: Text) -> Iterator[str]:
    yield from table((row_of(item, say) for item in found.results), "  ")
    for method in dict.fromkeys(method_words(item.method, say) for item in found.results if item.method):
        yield f"    {say('commands.explain_method', method=method)}"
    for item in found.results:
        # The week is a part of what the usual conditions rest on.
        if item.scope is Scope.USUAL:
            yield from (f"    {line}" for line in term_lines(item, say))
    for remark in remarks(found.results, say):
        yield f"    · {remark}"


def _limit_lines(found: Explanation, say: Text) -> Iterator[str]:
    verdicts = {row.limit.id: row.verdict for item in found.results for row in item.limits}
    for row in found.limits:
        verdict = verdicts.get(row.id)
        symbol = " " if verdict is None else SYMBOLS[verdict]
        yield (
            f"  {symbol} {row.comparison.sign} {quantity(row.value, row.unit, say)}  {row.id} "
            f"[{say(f'roles.{row.role.value}')}] {_source(row, say)}"
        )


def _source(row: Limit, say: Text) -> str:
    grade = "" if row.grade is Grade.VERIFIED else f" ({say(f'grades.{row.grade.value}')})"
    return ", ".join(part for part in (cited(row, say), row.edition) if part) + grade


def _window_line(window: Window, say: Text, local: Callable[[int], str]) -> str:
    spans = " ".join(f"{local(span.start_ns)}–{local(span.end_ns)[-5:]}" for span in window.spans)
    wearer = "" if window.wearer is None else f" {window.wearer}"
    mark, mount = "✓" if window.used else "×", say(f"mounts.{window.mount.value}")
    why = "" if window.reason is None else f" — {note_words(window.reason, say)}"
    return (
        f"  {mark} {window.day} {window.shift} {window.sensor} ({mount}{wearer}) "
        f"{say('commands.explain_coverage', coverage=window.coverage)} {spans}{why}"
    )
