"""Numbers, dates and intervals as French and English readers write them; no number is rounded across a limit.

French: decimal comma, narrow no-break space (U+202F) between thousands and before ``; ? !``, no-break space
(U+00A0) before ``:`` and units, true minus, « guillemets ». English: decimal point, comma between thousands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

__all__ = [
    "NARROW",
    "NBSP",
    "Language",
    "clock",
    "day_month",
    "day_name",
    "decimals_for",
    "decimals_of",
    "duration",
    "interval",
    "long_date",
    "month_name",
    "number",
    "percent",
    "period_label",
    "quantity",
    "quote",
    "safe_number",
    "short_day",
    "sticks",
    "typeset",
    "week_label",
]

NBSP = "\u00a0"
NARROW = "\u202f"
_MINUS = "−"
_MAXIMUM_DECIMALS = 6


class Language(StrEnum):
    """Languages with a complete catalogue."""

    FR = "fr"
    EN = "en"


_MONTHS = {
    Language.FR: (
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
    Language.EN: (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_DAYS = {
    Language.FR: ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    Language.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


def _round(value: float, decimals: int) -> float:
    # Half away from zero, as people round; 1e-9 repairs binary tails such as 2.675.
    scale = 10.0**decimals
    return math.copysign(math.floor(abs(value) * scale + 0.5 + 1e-9), value) / scale


def number(value: float, decimals: int | None = None, *, language: Language | str, sign: bool = False) -> str:
    """Write a number.

    Parameters
    ----------
    value : float
        NaN is written as an en dash.
    decimals : int, optional
        Fixed number of decimals; by default as few as show the value, at most two.
    sign : bool
        Write a plus sign too.
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return f"{_MINUS if value < 0 else ''}∞"
    if decimals is None:
        decimals = next((d for d in (0, 1, 2) if abs(_round(value, d) - value) < 1e-9), 2)
    rounded = _round(value, decimals)
    digits = f"{abs(rounded):,.{decimals}f}"
    if language == Language.FR:
        whole, _, fraction = digits.partition(".")
        digits = whole.replace(",", NARROW) + (f",{fraction}" if fraction else "")
    mark = _MINUS if rounded < 0 else "+" if sign and rounded > 0 else ""
    return mark + digits


def decimals_of(limit: float) -> int:
    """Number of decimals a limit is written with, e.g. 0 for 85, 1 for 2.5."""
    return next((d for d in range(_MAXIMUM_DECIMALS) if abs(_round(limit, d) - limit) < 1e-9), 2)


def decimals_for(value: float, limits: Sequence[float], base: int | None = None) -> int:
    """Decimals that show `value` on its own side of every limit.

    Starts from `base`, or from one decimal more than the limits are written with, and adds decimals until the
    figures shown compare with each limit as the value does: 84.96 against 85 needs two (85.0 is not below).
    """
    decimals = max((decimals_of(limit) + 1 for limit in limits), default=1) if base is None else base
    while decimals < _MAXIMUM_DECIMALS and any(
        (value < limit) != (_round(value, decimals) < limit)
        or (value > limit) != (_round(value, decimals) > limit)
        for limit in limits
    ):
        decimals += 1
    return decimals


def safe_number(
    value: float, limits: Sequence[float] = (), *, language: Language | str, base: int | None = None
) -> str:
    """Write `value` so that the figures shown stand on the same side of every limit as the value itself."""
    return number(value, decimals_for(value, limits, base), language=language)


def interval(
    low: float,
    high: float,
    limits: Sequence[float] = (),
    *,
    language: Language | str,
    base: int | None = None,
) -> str:
    """Write an interval: ``[87,5 ; 94,9]`` in French, ``[87.5, 94.9]`` in English."""
    first = safe_number(low, limits, language=language, base=base)
    last = safe_number(high, limits, language=language, base=base)
    between = f"{NARROW};{NARROW}" if language == Language.FR else ", "
    return f"[{first}{between}{last}]"


def sticks(unit: str, *, language: Language | str) -> bool:
    """Whether a unit follows its figure without a blank: the degree of angles; per cent in English."""
    return unit == "°" or (unit == "%" and language == Language.EN)


def quantity(text: str, unit: str, *, language: Language | str) -> str:
    """Join a written number and its unit: ``91.2 dB(A)``, ``60°``, ``11.7%``; ``11,7 %`` in French."""
    if not unit:
        return text
    return f"{text}{'' if sticks(unit, language=language) else NBSP}{unit}"


def percent(share: float, *, language: Language | str, decimals: int = 0) -> str:
    """Write a share between 0 and 1 in percent; a share below one is never shown as 100 %."""
    value = share * 100.0
    if share < 1.0 and _round(value, decimals) >= 100.0:
        value = 100.0 - 10.0**-decimals
    if share > 0.0 and _round(value, decimals) <= 0.0:
        text = f"<{NBSP}{number(10.0**-decimals, decimals, language=language)}"
    else:
        text = number(value, decimals, language=language)
    return quantity(text, "%", language=language)


def duration(seconds: float, *, language: Language | str) -> str:
    """Write a duration: ``5 h 02``, ``23 min``, ``45 s``."""
    if seconds < 60:
        return f"{number(_round(seconds, 0), 0, language=language)}{NBSP}s"
    minutes = int(_round(seconds / 60.0, 0))
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    return f"{minutes // 60}{NBSP}h{NBSP}{minutes % 60:02d}"


def clock(moment: datetime, *, language: Language | str, seconds: bool = False) -> str:
    """Write a time of day on a 24-hour clock: ``5 h 02`` in French, ``05:02`` in English."""
    if language == Language.FR:
        tail = f"{NBSP}min{NBSP}{moment.second:02d}{NBSP}s" if seconds else ""
        return f"{moment.hour}{NBSP}h{NBSP}{moment.minute:02d}{tail}"
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def month_name(month: int, *, language: Language | str, short: bool = False) -> str:
    """Name of a month, 1 to 12; ``short`` gives its abbreviation."""
    name = _MONTHS[Language(language)][month - 1]
    if not short:
        return name
    if language == Language.EN:
        return name[:3]
    shortened = {
        1: "janv.",
        2: "févr.",
        4: "avr.",
        7: "juil.",
        9: "sept.",
        10: "oct.",
        11: "nov.",
        12: "déc.",
    }
    return shortened.get(month, name)


def day_name(day: date, *, language: Language | str) -> str:
    """Name of the weekday."""
    return _DAYS[Language(language)][day.weekday()]


def short_day(day: date, *, language: Language | str) -> str:
    """Weekday and day of the month for a column head: ``mar. 17``, ``Tue 17``."""
    name = day_name(day, language=language)[:3]
    return f"{name}.{NBSP}{day.day}" if language == Language.FR else f"{name}{NBSP}{day.day}"


def long_date(day: date, *, language: Language | str, weekday: bool = False) -> str:
    """Write a date: ``17 novembre 2026``, ``1er mars 2026``, ``17 November 2026``."""
    ordinal = "1er" if language == Language.FR and day.day == 1 else str(day.day)
    text = f"{ordinal}{NBSP}{month_name(day.month, language=language)} {day.year}"
    return f"{day_name(day, language=language)} {text}" if weekday else text


def day_month(day: date, *, language: Language | str) -> str:
    """Write a day of any year: ``26 mai``, ``1er mars``, ``26 May``."""
    return long_date(day, language=language).rsplit(" ", 1)[0]


def period_label(first: date, last: date, *, language: Language | str) -> str:
    """Write a span of dates with an en dash: ``16–22 novembre 2026``."""
    if first == last:
        return long_date(first, language=language)
    if (first.year, first.month) == (last.year, last.month):
        opening = "1er" if language == Language.FR and first.day == 1 else str(first.day)
        return f"{opening}–{long_date(last, language=language)}"
    if first.year == last.year:
        opening = long_date(first, language=language).rsplit(" ", 1)[0]
        return f"{opening} – {long_date(last, language=language)}"
    return f"{long_date(first, language=language)} – {long_date(last, language=language)}"


def week_label(week: str, first: date, last: date, *, language: Language | str) -> str:
    """Write an ISO week such as ``2026-W47``: ``semaine 47 (16–22 novembre 2026)``."""
    word = "semaine" if language == Language.FR else "week"
    return f"{word}{NBSP}{int(week.split('-W')[1])} ({period_label(first, last, language=language)})"


def quote(text: str, *, language: Language | str) -> str:
    """Put quotation marks around `text`."""
    return f"«{NBSP}{text}{NBSP}»" if language == Language.FR else f"“{text}”"


_UNITS = r"(?:dB|°C|°/s|%|h\b|min\b|s\b|Hz|m/s|g\b|ms\b|€)"
_BEFORE_UNIT = re.compile(rf"(?<=[}}\d]) (?={_UNITS})")


def typeset(text: str, *, language: Language | str) -> str:
    """Set the no-break spaces and apostrophes that a text file leaves plain."""
    text = _BEFORE_UNIT.sub(NBSP, text).replace("'", "’")
    if language == Language.FR:
        text = re.sub(r" (?=[;?!])", NARROW, text)
        text = re.sub(r" (?=:(?:\s|$))", NBSP, text)
        text = text.replace("« ", f"«{NBSP}").replace(" »", f"{NBSP}»").replace(" %", f"{NBSP}%")
    return text
