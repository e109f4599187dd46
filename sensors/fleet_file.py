"""The fleet file: several site files under one name."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensors.errors import ConfigurationError, Problem, SiteFileError
from sensors.site_book import SiteBook
from sensors.site_file import FILE_NAME, load_site

__all__ = ["BrokenSite", "Fleet", "FleetSite", "load_fleet"]


_UNREAD = ("site_file_missing", "site_file_unreadable")


class _SiteRow(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(min_length=1)
    label: str | None = None


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    label: str = Field(min_length=1)
    language: Literal["fr", "en"] = "fr"
    accounts_file: str = Field("fleet-accounts.json", min_length=1)
    session_hours: float = Field(8.0, gt=0, le=24)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    number: Literal[1] = Field(alias="schema")
    fleet: _Head
    sites: tuple[_SiteRow, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class FleetSite:
    """One site of a fleet: its label there, and its site file with logs."""

    label: str
    book: SiteBook

    @property
    def id(self) -> str:
        """Id of the site."""
        return self.book.site.site.id


@dataclass(frozen=True, slots=True)
class BrokenSite:
    """A site whose file cannot be used: it is left out, by name and with what is wrong.

    Attributes
    ----------
    file : str
        As the fleet file names it.
    known_id : str or None
        Id of the site, where so much of its file could be read.
    problems : tuple of Problem
        What ``check`` says of it, at least one; files named as seen from the fleet file.
    """

    label: str
    file: str
    known_id: str | None
    problems: tuple[Problem, ...]

    @property
    def id(self) -> str:
        """Id of the site, else its file."""
        return self.known_id or self.file

    @property
    def trouble(self) -> SiteFileError:
        """All that is wrong, as an error."""
        return SiteFileError(self.problems)

    @property
    def unread(self) -> bool:
        """Whether there is no file to be read, as with a share that is away."""
        return any(problem.code in _UNREAD for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Sites that are looked at together, in the order of the file; `broken` ones are left out and named."""

    id: str
    label: str
    language: str
    path: Path
    sites: tuple[FleetSite, ...]
    accounts_file: str = "fleet-accounts.json"
    session_hours: float = 8.0
    broken: tuple[BrokenSite, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with the files of broken sites."""
        return tuple(problem for site in self.broken for problem in site.problems)

    def require_whole(self) -> None:
        """Refuse a fleet of which a site is left out, where that would do half of something.

        Raises
        ------
        SiteFileError
            With the problems of every broken site.
        """
        if self.broken:
            raise SiteFileError(self.problems)


def load_fleet(path: Path, load: Callable[[Path], SiteBook] = load_site) -> Fleet:
    """Read and check a fleet file and all its site files; a site whose file is faulty is left out by name.

    Parameters
    ----------
    path : Path
        TOML file: ``schema = 1``, ``[fleet]`` (id, label, language, accounts_file, session_hours) and
        ``[[sites]]`` (file, label).
    load : callable(Path) -> SiteBook, optional
        Reads one site file.

    Raises
    ------
    ConfigurationError
        ``fleet_file_missing``.
    SiteFileError
        ``problems`` holds everything wrong in the fleet file, or in its site files where none can be used.
    """
    path = path.expanduser().absolute()
    described = _parsed(path)
    read = [_site(path, number, row, load) for number, row in enumerate(described.sites)]
    found = tuple(site for site in read if isinstance(site, FleetSite))
    broken = tuple(site for site in read if isinstance(site, BrokenSite))
    counts = Counter(site.id for site in read)
    problems = [
        Problem(
            path.name,
            "sites",
            name,
            "each site once, with an id of its own",
            "rename one",
            "duplicate_id",
        )
        for name, count in counts.items()
        if count > 1
    ]
    if problems or not found:
        raise SiteFileError([*problems, *(problem for site in broken for problem in site.problems)])
    head = described.fleet
    return Fleet(
        head.id, head.label, head.language, path, found, head.accounts_file, head.session_hours, broken
    )


def _site(path: Path, number: int, row: _SiteRow, load: Callable[[Path], SiteBook]) -> FleetSite | BrokenSite:
    file = path.parent / Path(row.file).expanduser()
    file = file / FILE_NAME if file.is_dir() else file
    problems: list[Problem]
    try:
        if file.is_file():
            book = load(file)
            return FleetSite(row.label or book.site.site.label, book)
        problems = [
            _unread(path, number, row, "a site file, relative to the fleet file", "site_file_missing")
        ]
    except SiteFileError as trouble:
        folder = file.parent.relative_to(path.parent) if file.is_relative_to(path.parent) else file.parent
        problems = [replace(item, file=(folder / item.file).as_posix()) for item in trouble.problems]
    except ConfigurationError as trouble:
        rule = f"{trouble.what}: {trouble.rule}"
        problems = [_unread(path, number, row, rule, "site_file_unreadable")]
    except OSError as trouble:
        rule = f"a file that can be read: {trouble.strerror}"
        problems = [_unread(path, number, row, rule, "site_file_unreadable")]
    known_id, label = _names(file)
    return BrokenSite(row.label or label or row.file, row.file, known_id, tuple(problems))


def _unread(path: Path, number: int, row: _SiteRow, rule: str, code: str) -> Problem:
    remedy = "correct the path, or make the file readable again"
    return Problem(path.name, f"sites[{number}].file", row.file, rule, remedy, code)


def _names(file: Path) -> tuple[str | None, str | None]:
    """Id and label of a site of whose file that much can still be read."""
    try:
        site = tomllib.loads(file.read_bytes().decode("utf-8-sig")).get("site")
    except (OSError, ValueError):
        return None, None
    names = (site.get(key) if isinstance(site, dict) else None for key in ("id", "label"))
    known_id, label = (name if isinstance(name, str) and name.strip() else None for name in names)
    return known_id, label


def _parsed(path: Path) -> _File:
    try:
        with path.open("rb") as source:
            data = tomllib.load(source)
    except OSError as trouble:
        raise ConfigurationError(
            "there is no such fleet file",
            value=str(path),
            rule="--fleet FILE",
            remedy="correct the path; the file lists site files",
            code="fleet_file_missing",
        ) from trouble
    except tomllib.TOMLDecodeError as trouble:
        raise SiteFileError(
            [Problem(path.name, "", None, f"valid TOML: {trouble}", "correct the line", "toml")]
        ) from trouble
    try:
        return _File.model_validate(data)
    except ValidationError as trouble:
        raise SiteFileError(
            [
                Problem(
                    path.name,
                    ".".join(str(part) for part in item["loc"]),
                    item.get("input") if not isinstance(item.get("input"), dict | list) else None,
                    item["msg"],
                    "schema = 1, [fleet] id and label, [[sites]] file",
                    item["type"],
                )
                for item in trouble.errors()
            ]
        ) from None
