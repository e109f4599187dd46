"""Every word people read, from one TOML file per language beside this module.

A code is ``section.key`` (``verdicts.above``, ``notes.too_few_days``). Texts name their parameters in braces:

``{name}``
    the value; numbers are written in the typography of the language;
``{name:.1}``
    a number with one decimal;
``{name:%}``
    a share between 0 and 1 in percent;
``{name:day}``
    a date in words;
``{value} {unit}``
    a figure and its unit, closed up where the language does: ``60°``, ``11.7%``;
``{name:#jour|jours}``
    singular or plural word, by the number (French: below 2 is singular; English: exactly 1).
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from dashboards import typography
from dashboards.typography import Language
from sensors.errors import UnknownNameError

__all__ = ["Run", "Text", "catalogue", "plain", "rich", "symbol_runs", "text"]

Text = Callable[..., str]
_SYMBOL = re.compile(r"\b(L’?|t)_([A-Za-z0-9,]*[A-Za-z0-9])")
_BEFORE_UNIT = re.compile(r"(?<=\})[ \u00a0](?=\{unit\})")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style."""

    text: str
    bold: bool = False
    sub: bool = False


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language by code ``section.key``.

    Raises
    ------
    UnknownNameError
        There is no catalogue in this language.
    """
    if language not in tuple(Language):
        raise UnknownNameError(
            "this language is not spoken here",
            value=language,
            rule="a language of the reports and pages",
            remedy=f"known: {', '.join(Language)}",
            code="unknown_language",
        )
    source = files("dashboards").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            code: typography.typeset(entry, language=language)
            for code, entry in _flatten(tomllib.loads(source))
        }
    )


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        code = f"{prefix}{key}"
        found += _flatten(value, f"{code}.") if isinstance(value, Mapping) else [(code, str(value))]
    return found


class _Formatter(string.Formatter):
    def __init__(self, language: Language) -> None:
        super().__init__()
        self.language = language

    def vformat(self, format_string: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        if "unit" in kwargs:
            joint = "" if typography.sticks(str(kwargs["unit"]), language=self.language) else typography.NBSP
            format_string = _BEFORE_UNIT.sub(joint, format_string)
        return super().vformat(format_string, args, kwargs)

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        del args
        # Plain names only: a template never reaches into an object.
        return kwargs.get(field_name, f"{{{field_name}}}"), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("#"):
            one, _, many = format_spec[1:].partition("|")
            count = abs(float(value)) if isinstance(value, int | float) else 2.0
            single = count < 2 if self.language is Language.FR else count == 1
            return one if single else many
        if format_spec == "day":
            return typography.long_date(value, language=self.language)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        if format_spec == "%":
            return typography.percent(value, language=self.language)
        decimals = int(format_spec[1:]) if format_spec.startswith(".") else None
        return typography.number(value, decimals, language=self.language)


@cache
def text(language: str) -> Text:
    """The catalogue of a language as a function ``say(code, **params)``.

    A code that no catalogue knows is shown as itself with its parameters, so that a report is still
    written; a test keeps the catalogues complete.
    """
    entries = {code: plain(entry) for code, entry in catalogue(language).items()}
    formatter = _Formatter(Language(language))

    def say(code: str, /, **params: Any) -> str:
        template = entries.get(code)
        if template is None:
            shown = ", ".join(f"{key}={value}" for key, value in params.items())
            return f"{code} ({shown})" if shown else code
        return formatter.vformat(template, (), params)

    return say


def plain(entry: str) -> str:
    """A catalogue text without its markup."""
    return _SYMBOL.sub(r"\1\2", entry.replace("**", ""))


def symbol_runs(entry: str, *, bold: bool = False) -> tuple[Run, ...]:
    """Split ``L_EX,8h`` into its letter and its subscript."""
    runs: list[Run] = []
    position = 0
    for match in _SYMBOL.finditer(entry):
        runs.append(Run(entry[position : match.start()] + match[1], bold=bold))
        runs.append(Run(match[2], bold=bold, sub=True))
        position = match.end()
    runs.append(Run(entry[position:], bold=bold))
    return tuple(run for run in runs if run.text)


def rich(language: str, code: str, /, **params: Any) -> tuple[Run, ...]:
    """A catalogue text with its bold stretches and subscripts."""
    template = catalogue(language).get(code)
    if template is None:
        return (Run(text(language)(code, **params)),)
    formatter = _Formatter(Language(language))
    runs: list[Run] = []
    for index, part in enumerate(template.split("**")):
        for run in symbol_runs(part, bold=index % 2 == 1):
            filled = formatter.vformat(run.text, (), params)
            if filled:
                runs.append(Run(filled, bold=run.bold, sub=run.sub))
    return tuple(runs)
