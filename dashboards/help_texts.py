"""Help texts and refused calls of the command line in the reader's language.

The commands keep their English help, which costs nothing until somebody asks. For another language the tree
of commands is walked once before it runs: help texts are exchanged, and a formatter sets the headings that
the command line library writes by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dashboards import typography
from dashboards.sentences import Translate, sentences
from dashboards.typography import Language

__all__ = ["commands_below", "refused_call", "translate_help"]

_EXTRA = re.compile(r"^(?P<body>.*?)(?:  )?\[(?P<extra>[^\[\]]*(?:\[[^\]]*\][^\[\]]*)*)\]$", re.DOTALL)
_METAVAR = re.compile(
    r"\b(?:COMMAND|ARGS|DIR|SENSOR/DAY|PSEUDONYM)\b"
    r"|(?<=<)(?:list\[)?(?:str|int|float|[Pp]ath)\]?(?: range)?(?=>)"
)


def commands_below(command: Any) -> Iterator[Any]:
    """`command` and all its sub-commands."""
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from commands_below(inner)


def translate_help(command: Any, language: str) -> None:
    """Let `command` and everything below it explain itself in `language`."""
    if language == Language.EN:
        return
    say = sentences(language)
    for one in commands_below(command):
        for owner in (one, *one.params):
            if getattr(owner, "help", None):
                owner.help = say(owner.help)
        context = one.context_class
        formatter = _speaking(context.formatter_class, say)
        one.context_class = type(context.__name__, (context,), {"formatter_class": formatter})


def _extra(text: str, say: Translate) -> str:
    """What the library appends to a help text: ``[default: 1; required]``."""
    found = _EXTRA.match(text)
    if found is None:
        return _once(text, say)
    extra = f"{typography.NARROW}; ".join(say(part) for part in found["extra"].split("; "))
    body = _once(found["body"], say)
    return f"{body}  [{extra}]" if body else f"[{extra}]"


def _once(text: str, say: Translate) -> str:
    """Help of a command was translated with it, as its no-break spaces tell; the library's own was not."""
    return text if typography.NBSP in text or typography.NARROW in text else say(text)


def _metavars(text: str, say: Translate) -> str:
    return _METAVAR.sub(lambda found: say(found[0]), text)


def _speaking(base: Any, say: Translate) -> Any:
    class Formatter(base):  # type: ignore[misc]
        """The library's formatter, with its own words translated."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            """Write the usage line."""
            super().write_usage(prog, _metavars(args, say), say(prefix or "Usage: "))

        def write_heading(self, heading: str) -> None:
            """Write a heading such as Options."""
            self.write(f"{'':>{self.current_indent}}{say(heading)}{typography.NBSP}:\n")

        def write_dl(self, rows: Iterable[tuple[str, str]], *arguments: Any, **named: Any) -> None:
            """Write options or commands with their help."""
            said = [(_metavars(first, say), _extra(second, say)) for first, second in rows]
            super().write_dl(said, *arguments, **named)

    return Formatter


def refused_call(error: Any, language: str) -> str:
    """What to print when the command line library does not understand a call (`error` is its exception)."""
    say = sentences(language)
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None:
        return say(f"Error: {message}")
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(message)
    lines = [context.get_usage()]
    if context.command.get_help_option(context) is not None:
        lines.append(say(f"Try '{context.command_path} {context.help_option_names[0]}' for help."))
    return "\n".join([*lines, "", say(f"Error: {message}")])
