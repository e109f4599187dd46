"""What the head of every document says: title, period, language, and the words of its catalogue sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dashboards.catalogue import catalogue

if TYPE_CHECKING:
    from dashboards.wording import Wording
    from indicators.model import Period

__all__ = ["Front", "end_of", "period_title", "section_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What the views of a report and of a fleet have in common.

    Attributes
    ----------
    versions : tuple of (name, version)
        Software first, then the table of limits.
    words : dict
        Texts of the template by their code within a section.
    """

    language: str
    title: str
    period: str
    subtitle: str
    versions: tuple[tuple[str, str], ...]
    words: dict[str, str] = field(default_factory=dict)


def end_of(period: Period) -> datetime:
    """Moment at which a period ends: the only time that a document of it knows."""
    return datetime.fromtimestamp(period.end_ns / 1e9, tz=UTC)


def period_title(week: str | None, words: Wording) -> str:
    """``Week 47``, or the word for a period of other dates."""
    if week is None:
        return words.say("report.period_title")
    return words.say("report.week_title", week=str(int(week.split("-W")[1])))


def section_words(words: Wording, *sections: str) -> dict[str, str]:
    """Texts of sections of the catalogue, without the section's name; a later section wins."""
    found: dict[str, str] = {}
    for section in sections:
        prefix = f"{section}."
        found |= {
            code.removeprefix(prefix): words.say(code)
            for code in catalogue(words.language)
            if code.startswith(prefix)
        }
    return found
