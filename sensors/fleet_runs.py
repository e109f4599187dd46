"""One command at each site of a fleet: a site's failure stops no other, and the exit code is the worst."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sensors.command_line import emit_json
from sensors.errors import UsageError, VigiposteError

if TYPE_CHECKING:
    from sensors.command_line import Services
    from sensors.fleet_file import BrokenSite, Fleet, FleetSite
    from sensors.site_book import SiteBook

__all__ = [
    "SiteAnswer",
    "SiteRun",
    "at_each_site",
    "broken_runs",
    "failure_lines",
    "problem_document",
    "refuse_with_fleet",
    "run_sites",
    "text_table",
    "worst_code",
]

# From harmless to grave: what was asked to be told by a code of its own is not hidden by an empty site.
_GRAVITY = (0, 4, 10, 5, 3, 2, 1)
# Beside the first; one mistake in a site file brings many others with it.
_PROBLEMS_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAnswer:
    """What a command has to say of one site.

    Attributes
    ----------
    document : mapping
        As ``--json`` gives it for the site alone.
    cells : tuple of str
        Its line of the table.
    below : tuple of str
        Lines to be read after the table, such as findings with their remedies.
    exit_code : int
        As the command would end for the site alone.
    """

    document: Mapping[str, Any]
    cells: tuple[str, ...]
    below: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class SiteRun:
    """One site and its answer, or what stopped it."""

    site: FleetSite | BrokenSite
    answer: SiteAnswer | None = None
    trouble: VigiposteError | None = None

    @property
    def exit_code(self) -> int:
        """Of the site alone."""
        if self.trouble is not None:
            return self.trouble.exit_code
        return 0 if self.answer is None else self.answer.exit_code

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        trouble = self.trouble
        return {
            "site": self.site.id,
            "label": self.site.label,
            "exit_code": self.exit_code,
            "problem": None if trouble is None else problem_document(trouble),
            "result": None if self.answer is None else dict(self.answer.document),
        }


def problem_document(trouble: VigiposteError) -> dict[str, str | None]:
    """What went wrong, as plain JSON values."""
    return {"code": trouble.code, "what": trouble.what, "rule": trouble.rule, "remedy": trouble.remedy}


def refuse_with_fleet(**options: object) -> None:
    """Refuse options that speak of one site.

    Raises
    ------
    UsageError
        ``fleet_option``.
    """
    for name, value in options.items():
        if value not in (None, False, [], ()):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} speaks of one site",
                value=str(value),
                rule="not together with --fleet",
                remedy=f"leave out --{option}, or name the site with --site",
                code="fleet_option",
            )


def run_sites(
    services: Services, fleet: Fleet, work: Callable[[SiteBook], SiteAnswer]
) -> tuple[SiteRun, ...]:
    """Do `work` at each site in the order of the fleet file; what goes wrong at one is kept for the end.

    Sites whose file cannot be used come last, each with what is wrong with it.
    """
    runs = []
    for site in fleet.sites:
        try:
            runs.append(SiteRun(site, work(site.book)))
        except Exception as error:  # noqa: BLE001 - whatever stops one site must not stop the others
            runs.append(SiteRun(site, trouble=services.extra["as_ours"](error)))
    return (*runs, *broken_runs(fleet))


def broken_runs(fleet: Fleet) -> tuple[SiteRun, ...]:
    """Sites that are left out because their file cannot be used, as runs that were stopped by that."""
    return tuple(SiteRun(site, trouble=site.trouble) for site in fleet.broken)


def worst_code(codes: Iterable[int]) -> int:
    """The gravest of the sites' exit codes."""
    return max(codes, key=_GRAVITY.index, default=0)


def at_each_site(
    services: Services,
    path: Path,
    name: str,
    heads: Sequence[str],
    work: Callable[[SiteBook], SiteAnswer],
    *,
    as_json: bool,
) -> None:
    """Run the command `name` at each site of a fleet, tell it as one table, and end with the worst code.

    Parameters
    ----------
    heads : sequence of str
        Catalogue codes above the cells.

    Raises
    ------
    typer.Exit
        Where a site ended with a code other than 0.
    """
    fleet = services.extra["load_fleet"](path)
    runs = run_sites(services, fleet, work)
    if as_json:
        emit_json(f"fleet-{name}", {"fleet": fleet.id, "sites": [run.document() for run in runs]})
    else:
        for line in _lines(services, fleet, runs, heads):
            typer.echo(line)
    if code := worst_code(run.exit_code for run in runs):
        raise typer.Exit(code)


def _lines(services: Services, fleet: Fleet, runs: Sequence[SiteRun], heads: Sequence[str]) -> list[str]:
    language = services.language(None, fleet.sites[0].book)
    say = services.text(language)
    rows = [(say("terminal.column_site"), *map(say, heads))]
    rows += [
        (run.site.label, *(("×",) * len(heads) if run.answer is None else run.answer.cells)) for run in runs
    ]
    lines = text_table(rows)
    for run in runs:
        if run.answer is not None and run.answer.below:
            lines += ["", run.site.label, *(f"  {line}" for line in run.answer.below)]
    return [*lines, *failure_lines(services, runs, language)]


def failure_lines(
    services: Services, runs: Sequence[SiteRun], language: str, sites: int | None = None
) -> list[str]:
    """Which sites gave no answer, and why; none where all did.

    Parameters
    ----------
    sites : int, optional
        Sites of the fleet, where `runs` are not all of them.
    """
    say, explained = services.text(language), services.extra["explained"]
    failed = [run for run in runs if run.trouble is not None]
    if not failed:
        return []
    lines = ["", say("terminal.fleet_failed", failed=len(failed), sites=sites or len(runs))]
    for run in failed:
        first, *others = explained(run.trouble, language).split("\n")
        lines.append(say("terminal.counted", what=f"× {run.site.label}", number=first))
        lines += [f"    {line}" for line in others[:_PROBLEMS_SHOWN]]
        if left := len(others[_PROBLEMS_SHOWN:]):
            lines.append("    " + say("terminal.fleet_more_problems", n=left))
    return lines


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table for a terminal, columns aligned to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
