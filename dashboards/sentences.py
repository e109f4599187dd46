"""The sentences of errors, problems, findings and help texts, in the language of the reader.

Their English stands once, where it is raised: ``str(error)``, logs, ``--json`` and the quarantine are the
same in every language. ``locales/sentences_fr.toml`` gives the French of each, by its English as a template
(``"there is no such {what}"``). A sentence that is already filled in is recognised by its template, and what
filled the placeholders goes into the French one: as it is, or, for a placeholder marked ``!w``, translated in
its turn. So nothing has to be said twice where an error is raised, and no fact can get lost on the way. A
sentence without an entry is shown in English; a test compares the file with the source in both directions.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dashboards import typography
from dashboards.typography import Language
from sensors.errors import Problem, SiteFileError, VigiposteError

__all__ = ["Translate", "explained", "placeholders", "problem_lines", "sentences", "translations"]

Translate = Callable[[str], str]
_WORDS = "w"
_DEEPEST = 6
_TELLING = 10
_JOINT = 1_000
_DECIMAL = re.compile(r"[-+−]?\d+\.\d+")
# A value is what somebody gave; only these forms of it are ours.
_OUR_VALUE = re.compile(r"\S*\d\S* (?:to|of|at) \S*\d.*|\S+ on \d{4}-\d\d-\d\d|no row|no answer within .*")
# What a placeholder of these names holds is written with a point in every language.
_VERBATIM = ("version", "schema", "url", "address", "host", "port", "path")


@dataclass(frozen=True, slots=True)
class _Pattern:
    english: re.Pattern[str]
    fixed: tuple[str, ...]
    french: str


@cache
def translations(language: str) -> Mapping[str, Mapping[str, str]]:
    """Entries of a language's file by section; those of ``same`` stand in a section of that name."""
    source = files("dashboards").joinpath("locales", f"sentences_{language}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(source)
    table["same"] = {entry: entry for entry in table.get("same", ())}
    return table


def _pieces(template: str) -> Iterator[tuple[str, str | None, bool]]:
    for text, name, _, conversion in string.Formatter().parse(template):
        yield text, name, conversion == _WORDS


def placeholders(template: str) -> set[str]:
    """Names that a template takes."""
    return {name for _, name, _ in _pieces(template) if name is not None}


def _compiled(english: str, french: str) -> _Pattern:
    expression, fixed, seen = "", [], set()
    words = {name for _, name, translated in _pieces(french) if translated}
    letters = sum(character.isalpha() for text, _, _ in _pieces(english) for character in text)
    telling = letters >= _TELLING or not english.startswith("{")
    for text, name, _ in _pieces(english):
        expression += re.escape(text)
        fixed.append(text)
        if name is not None:
            # A template of few words, such as "{first} to {last}", is not to be found in every sentence.
            what = ".+?" if telling or name in words else r"\S+?"
            expression += f"(?P={name})" if name in seen else f"(?P<{name}>{what})"
            seen.add(name)
    return _Pattern(re.compile(expression, re.DOTALL), tuple(part for part in fixed if part), french)


def _typeset(entry: str, language: Language) -> str:
    # Commands and keys between backticks are to be copied: their quotes and blanks stay.
    parts = entry.split("`")
    return "`".join(
        part if index % 2 else typography.typeset(part, language=language) for index, part in enumerate(parts)
    )


class _Book:
    """All entries of a language, exact ones and patterns, the most telling pattern first."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.exact: dict[str, str] = {}
        templates: list[tuple[int, str, str]] = []
        for name, section in translations(language).items():
            for english, french in section.items():
                if placeholders(english):
                    weight = sum(len(text) for text, _, _ in _pieces(english))
                    # What joins sentences is taken apart before a sentence is looked for.
                    weight += _JOINT if name == "joints" else 0
                    templates.append((weight, english, _typeset(french, language)))
                else:
                    plain = english.replace("{{", "{").replace("}}", "}")
                    shown = french.replace("{{", "{").replace("}}", "}")
                    self.exact[plain] = _typeset(shown, language)
        templates.sort(reverse=True)
        self._templates = [(english, french) for _, english, french in templates]
        self._patterns: dict[str, _Pattern] = {}

    def say(self, sentence: str, depth: int = 0) -> str:
        found = self.exact.get(sentence)
        if found is not None:
            return found
        for english, french in self._templates if depth <= _DEEPEST else ():
            pattern = self._pattern(english, french)
            if all(text in sentence for text in pattern.fixed):
                match = pattern.english.fullmatch(sentence)
                if match is not None:
                    return self._filled(pattern.french, match.groupdict(), depth)
        if "\n" in sentence:
            return "\n".join(self.say(line, depth + 1) for line in sentence.split("\n"))
        return sentence

    def _pattern(self, english: str, french: str) -> _Pattern:
        known = self._patterns.get(english)
        if known is None:
            known = self._patterns[english] = _compiled(english, french)
        return known

    def _filled(self, template: str, values: Mapping[str, str], depth: int) -> str:
        text = ""
        for fixed, name, words in _pieces(template):
            text += fixed
            if name is not None:
                value = values[name]
                text += self.say(value, depth + 1) if words else self._value(name, value)
        return text

    def _value(self, name: str, value: str) -> str:
        if name == "value" and len(value) > 1 and value[0] == value[-1] == "'":
            return typography.quote(value[1:-1], language=self.language)
        if _DECIMAL.fullmatch(value) and not any(word in name for word in _VERBATIM):
            return value.replace(".", ",")
        return value


@cache
def _book(language: Language) -> _Book:
    return _Book(language)


def sentences(language: str) -> Translate:
    """Return what turns an English sentence of the source into one of `language`."""
    if language == Language.EN:
        return lambda sentence: sentence
    return _book(Language(language)).say


def _shown(value: object, language: str) -> str:
    """A value as somebody gave it: in quotation marks when it is text."""
    if isinstance(value, str):
        said = sentences(language)(value) if _OUR_VALUE.fullmatch(value) else value
        return typography.quote(value, language=language) if said == value else said
    return repr(value)


def explained(error: VigiposteError, language: str) -> str:
    """What went wrong, which value, which rule, and what to do, in one line of `language`.

    A site file's problems take a line each.
    """
    if language == Language.EN:
        return str(error)
    say = sentences(language)
    if isinstance(error, SiteFileError):
        return "\n".join(
            " ".join(line.strip() for line in problem_lines(problem, language)) for problem in error.problems
        )
    parts = [say(error.what)]
    if error.value is not None:
        parts.append(f"reçu{typography.NBSP}: {_shown(error.value, language)}")
    if error.rule:
        parts.append(f"règle{typography.NBSP}: {say(error.rule)}")
    if error.remedy:
        parts.append(f"à faire{typography.NBSP}: {say(error.remedy)}")
    return f"{typography.NARROW}; ".join(parts)


def problem_lines(problem: Problem, language: str) -> tuple[str, str, str]:
    """One problem of a site file as ``check`` lists it: where, which rule, what to do."""
    say = sentences(language)
    value = ""
    if problem.value is not None:
        value = (
            f" = {problem.value!r}" if language == Language.EN else f" = {_shown(problem.value, language)}"
        )
    colon = f"{typography.NBSP}:" if language == Language.FR else ":"
    return (
        f"{problem.file}{colon} {say(problem.key)}{value}",
        f"    {say(problem.rule)}  [{problem.code}]",
        f"    → {say(problem.remedy)}",
    )
