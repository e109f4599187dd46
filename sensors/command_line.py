"""What all commands share: the services object in Typer's context, output rules, common options."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "AudienceOption",
    "CircleOption",
    "FleetOption",
    "FromOption",
    "JsonOption",
    "LanguageOption",
    "SchedulerOption",
    "Services",
    "SiteOption",
    "ToOption",
    "WeekOption",
    "emit_json",
    "note",
    "services_of",
    "write_atomic",
]

SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site", envvar="VIGIPOSTE_SITE", help="Site file; default: site.toml here or in a parent folder."
    ),
]
FleetOption = Annotated[
    Path | None,
    typer.Option("--fleet", help="Fleet file (TOML): several sites side by side."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
WeekOption = Annotated[
    str | None, typer.Option("--week", help="ISO week such as 2026-W47; default: the last complete one.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="First site date, YYYY-MM-DD, included.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last site date, YYYY-MM-DD, included.")]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        envvar="VIGIPOSTE_SCHEDULER",
        help="Make minute summaries on Dask workers: local, local:N or tcp://host:8786.",
    ),
]
LanguageOption = Annotated[str | None, typer.Option("--lang", help="fr or en; default: the site's language.")]
AudienceOption = Annotated[
    str,
    typer.Option(
        "--audience",
        help="report (default; group-size rules apply), wide (beyond the site: larger groups) or analyst "
        "(not for circulation; each use is logged).",
    ),
]
CircleOption = Annotated[
    str,
    typer.Option(
        "--audience", help="report (default, for the site itself) or wide (beyond it: larger groups)."
    ),
]


def _asked_or_english(asked: str | None = None, book: Any = None) -> str:
    del book
    return asked or "en"


def _unchanged(_language: str) -> Callable[[str], str]:
    return lambda sentence: sentence


@dataclass(frozen=True, slots=True)
class Services:
    """What the composition root offers to commands; every field is a callable so that nothing loads early.

    Attributes
    ----------
    load_site : callable(path or None) -> SiteBook
        Finds and validates the site file (flag > ``VIGIPOSTE_SITE`` > ``./site.toml`` and parents).
    open_store : callable(SiteBook, url=None, writer=None) -> Store
        Store of the site, or of `url`.
    run_ingest : callable(SiteBook, store, **options) -> IngestReport
        Runs the ingest until a stop event or condition.
    reduce : callable(SiteBook, store, first, last, **options) -> ReduceReport
        Raw readings to minute summaries.
    weekly_result : callable(SiteBook, store, period, audience, **options) -> WeeklyResult
        Summaries to indicators, verdicts and ranking, through the privacy gate.
    render_report : callable(WeeklyResult, out, formats, language, **options) -> list[Path]
        Writes the report files.
    text : callable(language) -> callable(code, **params) -> str
        The catalogue of a language.
    language : callable(asked=None, book=None) -> str
        Language of the terminal session.
    sentences : callable(language) -> callable(str) -> str
        Turns an English sentence of the source into a language.
    """

    load_site: Callable[..., Any]
    open_store: Callable[..., Any]
    run_ingest: Callable[..., Any]
    reduce: Callable[..., Any]
    weekly_result: Callable[..., Any]
    render_report: Callable[..., Any]
    text: Callable[[str], Callable[..., str]]
    extra: Mapping[str, Callable[..., Any]]
    language: Callable[..., str] = _asked_or_english
    sentences: Callable[[str], Callable[[str], str]] = _unchanged

    def words(
        self, asked: str | None = None, book: Any = None, *, document: bool = False
    ) -> Callable[..., str]:
        """Return the catalogue in the language of this terminal; see `sensors.session_language`.

        What stands in a document (``--json``) follows ``--lang`` and the site only, not the terminal.
        """
        if document and book is not None:
            return self.text(asked or book.site.site.language)
        return self.text(self.language(asked, book))

    def translated(self, book: Any = None) -> Callable[[str], str]:
        """Return what turns a sentence of an error or a finding into the language of this terminal."""
        return self.sentences(self.language(None, book))


def services_of(context: Any) -> Services:
    """Return the `Services` that the composition root put into Typer's context."""
    services = context.obj
    if not isinstance(services, Services):
        message = "the command line was started without its composition root"
        raise TypeError(message)
    return services


def emit_json(name: str, document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, its schema ``vigiposte.<name>/1`` first."""
    payload = {"schema": f"vigiposte.{name}/1", **{k: v for k, v in document.items() if k != "schema"}}
    sys.stdout.write(json.dumps(payload, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def note(message: str) -> None:
    """Say something to the person at the terminal, on stderr, unless ``--quiet``."""
    if not os.environ.get("VIGIPOSTE_QUIET"):
        sys.stderr.write(message + "\n")


def write_atomic(path: Path, content: bytes | str) -> Path:
    """Write `content` under a temporary name, flush it to disk, then rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    with temporary.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    return path
