"""``vigiposte validate``: worked examples replayed against the installed functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import JsonOption, emit_json, services_of

if TYPE_CHECKING:
    from indicators.validation import CaseResult

__all__ = ["mount"]

_SIGNS = {"passed": "✓", "failed": "×", "not_run": "·"}


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(validate)


def validate(
    context: typer.Context,
    cases: Annotated[
        list[Path] | None, typer.Argument(help="Case files; without one, the published examples that ship.")
    ] = None,
    *,
    as_json: JsonOption = False,
    failures: Annotated[bool, typer.Option("--failures", help="List only what did not pass.")] = False,
) -> None:
    """Replay worked examples of standards and papers; exit code 1 when one fails."""
    from indicators.validation import Status, load_cases, run_cases, shipped_cases

    chosen = [case for path in cases for case in load_cases(path)] if cases else list(shipped_cases())
    results = run_cases(chosen)
    if as_json:
        emit_json("validate", _document(results))
    else:
        services = services_of(context)
        say, told = services.words(), services.translated()
        head = (say("terminal.case"), say("terminal.function"), say("terminal.source"))
        shown = [one for one in results if not failures or one.status is not Status.PASSED]
        for line in _table(shown, head, told):
            typer.echo(line)
        counts = {name: sum(one.status.value == name for one in results) for name in _SIGNS}
        typer.echo(say("terminal.validated", **counts))
    if any(result.status is Status.FAILED for result in results):
        raise typer.Exit(1)


def _table(
    results: Sequence[CaseResult], head: tuple[str, str, str], told: Callable[[str], str]
) -> list[str]:
    """One line a case in columns as wide as they need, why it did not pass on a line of its own."""
    if not results:
        return []
    rows = [head, *((one.case.id, one.case.function, one.case.source) for one in results)]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"  {one:<{first}}  {two:<{second}}  {three}" for one, two, three in rows]
    found = [lines[0]]
    for line, result in zip(lines[1:], results, strict=True):
        found.append(_SIGNS[result.status.value] + line[1:])
        if result.message:
            found.append(f"    {told(result.message)}")
    return found


def _document(results: Sequence[CaseResult]) -> dict[str, Any]:
    return {
        "passed": sum(result.status.value == "passed" for result in results),
        "failed": sum(result.status.value == "failed" for result in results),
        "not_run": sum(result.status.value == "not_run" for result in results),
        "cases": [
            {
                "id": result.case.id,
                "file": result.case.file,
                "function": result.case.function,
                "source": result.case.source,
                "status": result.status.value,
                "message": result.message or None,
            }
            for result in results
        ],
    }
