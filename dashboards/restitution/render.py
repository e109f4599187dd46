"""Writes the sheets of a restitution as one HTML file and one PDF, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from dashboards.report.front import end_of
from dashboards.report.html import asset, environment, font_css
from dashboards.report.pdf import compile_pdf, paper_json
from dashboards.restitution.build import Restitution
from indicators.model import Period
from sensors.command_line import write_atomic
from sensors.errors import UsageError

__all__ = ["known_restitution_formats", "render_restitution"]


def _html(sheets: Restitution, period: Period) -> bytes:
    del period
    style = "\n".join((font_css(), asset("static", "style.css"), asset("restitution", "restitution.css")))
    page = environment().from_string(asset("restitution", "restitution.html"))
    return page.render(view=sheets, say=sheets.words, style=Markup(style)).encode()  # noqa: S704 - shipped


def _pdf(sheets: Restitution, period: Period) -> bytes:
    return compile_pdf("restitution/restitution.typ", paper_json(sheets, period.last), end_of(period))


_FORMATS: Mapping[str, Callable[[Restitution, Period], bytes]] = MappingProxyType(
    {"html": _html, "pdf": _pdf}
)


def known_restitution_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Return `formats` when every one of them can be written.

    Raises
    ------
    UsageError
        A restitution is made to be printed and read: html or pdf.
    """
    names = tuple(formats)
    if unknown := [name for name in names if name not in _FORMATS]:
        raise UsageError(
            "a restitution is read on paper or on a screen",
            value=", ".join(unknown),
            rule="html or pdf",
            remedy="--format html,pdf",
            code="unknown_format",
        )
    return names


def render_restitution(
    sheets: Restitution, period: Period, out: Path, stem: str, formats: Sequence[str]
) -> list[Path]:
    """Write the sheets into the folder `out`; the paths written."""
    contents = {name: _FORMATS[name](sheets, period) for name in known_restitution_formats(formats)}
    return [
        write_atomic(out / f"{stem}-restitution-{sheets.language}.{name}", content)
        for name, content in contents.items()
    ]
