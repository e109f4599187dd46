"""Labels and notes in the words of a catalogue that the caller hands in."""

from __future__ import annotations

from collections.abc import Callable

from indicators.context import base_indicator
from indicators.model import Audience, Note

__all__ = ["Text", "circulation", "circulation_entry", "label", "note_words", "quantity", "unit_words"]

Text = Callable[..., str]
"""``say(code, **params)`` of a catalogue; an unknown code is answered by itself."""


def circulation(audience: Audience, say: Text) -> str:
    """Mark of every page and file with ungated values; empty where the group-size rules hold."""
    return "" if audience.gated else say("report.not_for_circulation")


def circulation_entry(audience: Audience, say: Text) -> dict[str, str]:
    """The mark as the entry ``circulation`` of a document; no entry where the group-size rules hold."""
    mark = circulation(audience, say)
    return {"circulation": mark} if mark else {}


def label(identifier: str, say: Text) -> str:
    """Name of an indicator, with its body segment when its id ends in one."""
    base = base_indicator(identifier)
    for candidate in (identifier, base):
        code = f"indicators.{candidate}"
        text = say(code)
        if text == code:
            continue
        segment = identifier.removeprefix(candidate).lstrip("_")
        return f"{text}, {say(f'segments.{segment}')}" if segment else text
    return identifier


def note_words(note: Note, say: Text) -> str:
    """Words of a note; indicator ids among its parameters become labels."""
    parameters = dict(note.params)
    named = parameters.get("indicators")
    if isinstance(named, str):
        parameters["indicators"] = ", ".join(label(one, say) for one in named.split(", "))
    if isinstance(parameters.get("unit"), str):
        parameters["unit"] = unit_words(str(parameters["unit"]), say)
    return say(f"notes.{note.code}", **parameters)


def unit_words(unit: str, say: Text) -> str:
    """Return a unit as the language writes it (``h/year`` becomes ``h/an``)."""
    code = f"units.{unit.replace('/', '_per_').replace(' ', '_')}"
    found = say(code)
    return unit if found == code else found


def quantity(figure: str | float, unit: str, say: Text) -> str:
    """Join a figure and its unit as the language does: ``11,7 %`` in French, ``11.7%`` in English."""
    return say("commands.quantity", value=figure, unit=unit_words(unit, say))
