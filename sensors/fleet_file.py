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

__all__ = ["Fleet", "FleetSite", "load_fleet"]


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
class Fleet:
    """Sites that are looked at together, in the order of the file."""

    id: str
    label: str
    language: str
    path: Path
    sites: tuple[FleetSite, ...]
    accounts_file: str = "fleet-accounts.json"
    session_hours: float = 8.0


def load_fleet(path: Path, load: Callable[[Path], SiteBook] = load_site) -> Fleet:
    """Read and check a fleet file and all its site files.

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
        ``problems`` holds everything wrong in the fleet file and in its site files.
    """
    path = path.expanduser().absolute()
    described = _parsed(path)
    problems: list[Problem] = []
    found: list[FleetSite] = []
    for number, row in enumerate(described.sites):
        file = path.parent / Path(row.file).expanduser()
        file = file / FILE_NAME if file.is_dir() else file
        if not file.is_file():
            problems.append(
                Problem(
                    path.name,
                    f"sites[{number}].file",
                    row.file,
                    "a site file, relative to the fleet file",
                    "correct the path",
                    "site_file_missing",
                )
            )
            continue
        try:
            book = load(file)
        except SiteFileError as trouble:
            below = file.parent.relative_to(path.parent) if file.is_relative_to(path.parent) else file.parent
            problems += [replace(item, file=(below / item.file).as_posix()) for item in trouble.problems]
            continue
        found.append(FleetSite(row.label or book.site.site.label, book))
    counts = Counter(site.id for site in found)
    problems += [
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
    if problems:
        raise SiteFileError(problems)
    head = described.fleet
    return Fleet(
        head.id, head.label, head.language, path, tuple(found), head.accounts_file, head.session_hours
    )


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
