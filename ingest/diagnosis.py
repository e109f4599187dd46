"""What ``doctor`` looks at around a site: installation, site file, clock, folders, store, broker, extras."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ingest.broker_diagnosis import examine_broker
from ingest.session.settings import broker_settings
from ingest.store import Store
from sensors.errors import VigiposteError
from sensors.findings import Finding, State
from sensors.site_book import SiteBook

__all__ = ["examine", "examine_extras", "examine_folder"]

_PACKAGES = ("sensors", "ingest", "analysis", "indicators", "dashboards", "simulators")
_LOW_DISK_BYTES = 1_000_000_000
_NO_DISK_BYTES = 100_000_000
_FIRST_PLAUSIBLE_YEAR = 2025
_EXTRAS = {
    "web": "fastapi",
    "pdf": "typst",
    "xlsx": "xlsxwriter",
    "thermal": "pythermalcomfort",
    "fusion": "vqf",
    "cluster": "distributed",
}


def examine_packages() -> Iterator[Finding]:
    """Whether all six rooms come from one place; their generic names can collide with other distributions."""
    specs = [find_spec(package) for package in _PACKAGES]
    origins = {
        None if spec is None or spec.origin is None else Path(spec.origin).parents[1] for spec in specs
    }
    together, places = len(origins) == 1, ", ".join(sorted(map(str, origins)))
    yield Finding(
        "packages",
        State.OK if together else State.FAULT,
        f"all six from {places}" if together else f"from several places: {places}",
        "" if together else "install vigiposte in an environment of its own",
    )


def examine_extras() -> Iterator[Finding]:
    """Optional parts and whether they are installed."""
    for extra, module in _EXTRAS.items():
        there = find_spec(module) is not None
        yield Finding(
            f"extra {extra}",
            State.OK if there else State.NOTICE,
            "installed" if there else "not installed",
            "" if there else f"pip install 'vigiposte[{extra}]' if it is wanted",
        )


def examine_clock(now: datetime | None = None) -> Iterator[Finding]:
    """Whether the clock can be believed."""
    seen = now or datetime.now(UTC)
    if seen.year < _FIRST_PLAUSIBLE_YEAR:
        yield Finding(
            "clock", State.FAULT, f"{seen:%Y-%m-%d %H:%M} UTC", "set the clock: readings would be refused"
        )
        return
    synchronised = Path("/run/systemd/timesync/synchronized").exists()
    yield Finding(
        "clock",
        State.OK,
        f"{seen:%Y-%m-%d %H:%M} UTC" + (", synchronised" if synchronised else ", synchronisation unknown"),
    )


def examine_folder(name: str, folder: Path) -> Iterator[Finding]:
    """Whether `folder` can be written and has room."""
    parent = folder
    while not parent.exists():
        parent = parent.parent
    try:
        with tempfile.TemporaryFile(dir=parent) as probe:
            probe.write(b"vigiposte")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        yield Finding(
            f"{name} folder",
            State.FAULT,
            f"{folder}: {error.strerror}",
            "choose a folder that can be written",
        )
        return
    free = shutil.disk_usage(parent).free
    state = State.FAULT if free < _NO_DISK_BYTES else State.NOTICE if free < _LOW_DISK_BYTES else State.OK
    remedy = "" if state is State.OK else "free space: ingest stops acknowledging when the disk is full"
    yield Finding(f"{name} folder", state, f"{folder}: writable, {free / 1e9:.1f} GB free", remedy)


def examine_store(store: Store) -> Iterator[Finding]:
    """Whether the store answers and accepts us."""
    try:
        store.check()
    except VigiposteError as error:
        yield Finding("store", State.FAULT, error.what, error.remedy or "")
    else:
        yield Finding("store", State.OK, f"{store.url} answers")


def examine(book: SiteBook, store: Store, journal: Path) -> Iterator[Finding]:
    """Everything around one site, in the order a person would look."""
    yield from examine_packages()
    yield Finding("site file", State.OK, f"{book.path} is valid")
    yield Finding("python", State.OK, f"{sys.version.split()[0]} on {sys.platform}")
    yield from examine_clock()
    yield from examine_folder("journal", journal)
    yield from examine_store(store)
    try:
        settings = broker_settings(book.site.mqtt, book.folder, book.site.site.id)
    except VigiposteError as error:
        yield Finding("broker", State.FAULT, error.what, error.remedy or "")
    else:
        yield from examine_broker(settings, book.site.site.id)
    yield from examine_extras()
