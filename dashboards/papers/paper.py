"""A paper as headings, sentences, lists and tables, in two forms: an HTML file, or text for a terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.report.html import asset, environment, font_css

__all__ = ["Paper", "Section", "Table", "paper_html", "paper_text"]

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Table:
    """Column heads and rows of text."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what stands under it."""

    head: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A document people read; ``foot`` carries its version, ``one_page`` sets it to print on one sheet.

    ``links`` are addresses with their words, on pages that a browser fetched.
    """

    language: str
    title: str
    lead: str
    sections: tuple[Section, ...]
    foot: str
    one_page: bool = False
    links: tuple[tuple[str, str], ...] = ()


def paper_html(paper: Paper) -> str:
    """`paper` as one self-contained file that prints well."""
    style = "\n".join((font_css(), asset("static", "style.css"), asset("papers", "paper.css")))
    page = environment().from_string(asset("papers", "paper.html"))
    return page.render(paper=paper, style=Markup(style))  # noqa: S704 - shipped style sheets


def paper_text(paper: Paper) -> str:
    """`paper` for a terminal."""
    lines = [paper.title, "=" * len(paper.title), "", *_wrapped(paper.lead)]
    for section in paper.sections:
        lines += ["", section.head, "-" * len(section.head)]
        for paragraph in section.paragraphs:
            lines += _wrapped(paragraph)
        for item in section.items:
            lines += textwrap.wrap(item, _WIDTH, initial_indent="• ", subsequent_indent="  ")
        if section.table is not None:
            lines += [" | ".join(section.table.heads)]
            lines += [" | ".join(row) for row in section.table.rows]
    return "\n".join([*lines, "", paper.foot, ""])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)
