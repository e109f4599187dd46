"""What a number is made of, for who recomputes it by hand: terms, percentiles, doses, shares, bands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from indicators.commands.terminal_rows import figure
from indicators.model import Indicator
from indicators.words import Text, quantity

__all__ = ["term_lines"]

_SCHEMES = {"niosh": "NIOSH", "osha": "OSHA"}


def term_lines(item: Indicator, say: Text) -> Iterator[str]:
    """Everything of an indicator's details that has words, a line each."""
    for name, value in item.details.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{_term(name, say)} = {figure(value, (), say, 0 if isinstance(value, int) else 2)}"
    levels = item.details.get("distribution")
    if isinstance(levels, Mapping) and "l10_db" in levels:
        marks = {key: figure(levels[key], (), say) for key in ("l10_db", "l50_db", "l90_db")}
        yield say("commands.explain_levels", basis=levels["basis"], **marks)
    for key, scheme in _SCHEMES.items():
        row = item.details.get(key)
        if isinstance(row, Mapping):
            percent = quantity(figure(row["percent"], (), say), "%", say)
            yield say(
                "commands.explain_dose",
                scheme=scheme,
                percent=percent,
                criterion_db=row["criterion_db"],
                exchange_db=row["exchange_db"],
            )
    for row in _rows(item, "by_task"):
        yield say(
            "commands.explain_share",
            task=row["task"] or say("commands.explain_no_task"),
            share=quantity(figure(row["share_percent"], (), say), "%", say),
            level_db=figure(row["laeq_db"], (), say),
            hours=figure(row["measured_h"], (), say),
        )
    bands = _rows(item, "octaves")
    if bands:
        yield say("commands.explain_octaves")
    for row in bands:
        level, apv, at_ear = (figure(row[key], (), say) for key in ("level_db", "apv_db", "at_ear_dba"))
        yield f"{row['hz']:>6} Hz {level:>7} dB {apv:>6} dB {at_ear:>7} dB(A)"


def _term(name: str, say: Text) -> str:
    code = f"terms.{name}"
    found = say(code)
    return name if found == code else found


def _rows(item: Indicator, name: str) -> Sequence[Mapping[str, Any]]:
    rows = item.details.get(name)
    return rows if isinstance(rows, list) else ()
