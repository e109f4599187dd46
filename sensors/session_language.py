"""Which language a terminal session speaks: asked for, set, the site's, the machine's, else English."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LANGUAGES", "VARIABLE", "chosen_language", "session_language"]

LANGUAGES = ("fr", "en")
VARIABLE = "VIGIPOSTE_LANG"
_SITE_LANGUAGE = re.compile(r"""^\s*language\s*=\s*["'](\w+)["']""", re.MULTILINE)
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def _known(text: str | None) -> str | None:
    """`text` as a language, ``fr_FR.UTF-8`` too, or ``None``."""
    language = (text or "")[:2].lower()
    return language if language in LANGUAGES else None


def _of_machine(environment: Mapping[str, str]) -> str:
    # The first variable that is set decides, as for every program.
    told = next((environment[name] for name in _LOCALE if environment.get(name)), None)
    return _known(told) or "en"


def _option(arguments: Sequence[str], name: str) -> str | None:
    for place, argument in enumerate(arguments):
        if argument == name and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return None


def _of_site(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> str | None:
    """Language of the site file in use, read without checking it, for the file may be broken."""
    named = _option(arguments, "--site") or environment.get("VIGIPOSTE_SITE")
    if named:
        candidates = [Path(named).expanduser(), Path(named).expanduser() / "site.toml"]
    else:
        candidates = [place / "site.toml" for place in (folder, *folder.parents)]
    for path in candidates:
        if path.is_file():
            try:
                found = _SITE_LANGUAGE.search(path.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                return None
            # A site file that does not say so is French, as in its model.
            return _known(found[1]) if found else "fr"
    return None


def session_language(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    """Language of help texts and errors, known before anything is loaded.

    ``--lang``, else ``VIGIPOSTE_LANG``, else the language of the site file in use, else the locale of the
    machine (``LC_ALL``, ``LC_MESSAGES``, ``LANG``), else English.
    """
    environment = os.environ if environment is None else environment
    return (
        _known(_option(arguments, "--lang"))
        or _known(environment.get(VARIABLE))
        or _of_site(arguments, environment, folder or Path.cwd())
        or _of_machine(environment)
    )


def chosen_language(
    asked: str | None,
    site: str | None,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> str:
    """Language of a command's words on the terminal, once its site is loaded.

    What was asked for is returned as it is: the catalogue refuses a language it does not have.
    """
    if asked is not None:
        return asked
    environment = os.environ if environment is None else environment
    return _known(environment.get(VARIABLE)) or _known(site) or session_language(arguments, environment)
