"""The files `init` writes, commented in two languages: a site file, the broker's settings, services."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from sensors.command_line import write_atomic
from sensors.errors import UsageError

__all__ = ["FILES", "SECRETS_FILE", "site_id_from", "template", "write_site_folder"]

FILES = ("site.toml", "mosquitto.conf", "acl", "compose.yaml", "vigiposte-ingest.service")
SECRETS_FILE = ".env"
_LABEL = re.compile(r'^label = ".*"$', re.MULTILINE)
_SECRETS = ("INFLUXDB_TOKEN", "INFLUXDB_PASSWORD", "GRAFANA_PASSWORD")


def template(name: str, language: str = "en") -> str:
    """Text of one shipped template, its placeholders still in it, commented in `language`."""
    return files("sensors").joinpath("templates", language, name).read_text(encoding="utf-8")


def site_id_from(text: str) -> str:
    """Id made from free text, such as a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "my-site"


def _program() -> str:
    beside = Path(sys.executable).with_name("vigiposte")
    return str(beside) if beside.exists() else shutil.which("vigiposte") or "vigiposte"


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("USERNAME") or "vigiposte"


def _filled(name: str, folder: Path, site: str, label: str, language: str) -> str:
    text = template(name, language)
    if name == "site.toml":
        quoted = json.dumps(label, ensure_ascii=False)
        # The site's own label is the first one; its name may hold backslashes.
        return _LABEL.sub(lambda _: f"label = {quoted}", text, count=1).replace("my-site", site)
    for mark, value in (
        ("@SITE@", site),
        # systemd gives "%" a meaning of its own.
        ("@FOLDER@", str(folder).replace("%", "%%")),
        ("@PROGRAM@", _program().replace("%", "%%")),
        ("@USER@", _user()),
    ):
        text = text.replace(mark, value)
    return text


def write_site_folder(
    folder: Path, *, site: str, label: str, language: str = "en", force: bool = False
) -> list[Path]:
    """Write every file of a new site, commented in `language`, which is the site's too; the paths written.

    Random passwords for the services of ``compose.yaml`` go to ``.env``, readable by its owner only; an
    existing ``.env`` is always kept, because the services already know its contents.

    Raises
    ------
    UsageError
        ``already_there``: a file exists and `force` is not given; ``not_a_folder``. Nothing is written then.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "a site lives in a folder",
            value=str(folder),
            rule="this is a file",
            remedy="name a folder",
            code="not_a_folder",
        )
    there = [name for name in FILES if (folder / name).exists()]
    if there and not force:
        raise UsageError(
            f"{folder} already holds {', '.join(there)}",
            rule="files are not overwritten unasked",
            remedy="choose another folder, or give --force",
            code="already_there",
        )
    written = [write_atomic(folder / name, _filled(name, folder, site, label, language)) for name in FILES]
    private = folder / SECRETS_FILE
    if not private.exists():
        lines = "".join(f"{name}={secrets.token_urlsafe(24)}\n" for name in _SECRETS)
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(lines)
        written.append(private)
    return written
