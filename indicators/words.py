"""Labels and notes in the words of a catalogue that the caller hands in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType

from indicators.context import base_indicator
from indicators.limits import Limit
from indicators.model import Audience, Note

__all__ = [
    "Text",
    "catalogue_key",
    "circulation",
    "circulation_entry",
    "cited",
    "label",
    "method_words",
    "note_words",
    "quantity",
    "unit_words",
]

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


def note_words(
    note: Note, say: Text, names: Mapping[str, str] = MappingProxyType({}), *, section: str = "notes"
) -> str:
    """Words of a note; what it names by an id, a code or a date becomes words too.

    Parameters
    ----------
    names : mapping of str to str
        Labels of tasks, shifts, sensors and protectors by id.
    section : str
        ``notes``, or ``notes_short`` for the few words of a table's cell.
    """
    spoken = {key: _spoken(key, item, say, names) for key, item in note.params.items()}
    return say(f"{section}.{note.code}", **spoken)


def _spoken(key: str, item: object, say: Text, names: Mapping[str, str]) -> object:
    if not isinstance(item, str):
        return item
    if key.endswith("_day"):
        return say("commands.day", day=date.fromisoformat(item))
    if key in ("indicator", "indicators"):
        return listing((label(one, say) for one in item.split(", ")), say)
    if key in ("task", "tasks", "shift", "shifts", "sensor", "protector"):
        return listing((names.get(one, one) for one in item.split(", ")), say)
    if key in ("unit", "method"):
        return (unit_words if key == "unit" else method_words)(item, say)
    return _in_words(f"{key}s.{item}", item, say) if key in ("factor", "rule") else item


def _in_words(code: str, otherwise: str, say: Text) -> str:
    found = say(code)
    return otherwise if found == code else found


def listing(parts: Iterable[str], say: Text) -> str:
    """``a, b and c`` in the words of the language."""
    items = [part for part in parts if part]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {say('report.and')} {items[-1]}"


def method_words(method: str, say: Text) -> str:
    """Name of a method, part by part; standards keep their own names."""
    return say("commands.interval_mark").join(_method_part(part, say) for part in method.split("; "))


def _method_part(part: str, say: Text) -> str:
    code = f"methods.{catalogue_key(part)}"
    found = say(code)
    if found != code:
        return found
    if ", " not in part:
        return part
    return ", ".join(_method_part(piece, say) for piece in part.split(", "))


def cited(limit: Limit, say: Text) -> str:
    """Source and clause of a limit; texts of law keep the name they have in the reader's language."""
    parts = (part for part in (limit.source, limit.clause) if part)
    return ", ".join(_in_words(f"sources.{catalogue_key(part)}", part, say) for part in parts)


def catalogue_key(text: str) -> str:
    """Key under which a catalogue has the words for a name that results carry as it is."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def unit_words(unit: str, say: Text) -> str:
    """Return a unit as the language writes it (``h/year`` becomes ``h/an``)."""
    return _in_words(f"units.{unit.replace('/', '_per_').replace(' ', '_')}", unit, say)


def quantity(figure: str | float, unit: str, say: Text) -> str:
    """Join a figure and its unit as the language does: ``11,7 %`` in French, ``11.7%`` in English."""
    return say("commands.quantity", value=figure, unit=unit_words(unit, say))
