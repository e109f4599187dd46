"""Merged worker-days kept beside the minutes they come from, so that weeks are not merged again and again.

One table a (kind, UTC day) of the whole site, derived and disposable. A row counts only while everything it
came from is unchanged: the summary tables of its sensor, the spans of the worker-day, and the code and tables
that merge them.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from indicators.model import WorkerDay
from indicators.reduction.kinds import analysis_version, utc_days
from indicators.worker_days.codec import decode_day, encode_day
from ingest.store import Partition
from sensors.errors import ConfigurationError, LocalResourceError
from sensors.quantities import Kind

if TYPE_CHECKING:
    from ingest.store import Store

__all__ = ["WORKER_DAYS", "DayCache", "forget_days"]

WORKER_DAYS = "worker_days"
"""Name of the summary dataset that holds merged worker-days."""

_WHOLE_SITE = "_site"
_SCHEMA = pa.schema(
    [("key", pa.string()), ("state", pa.string()), ("minutes", pa.int64()), ("content", pa.large_binary())]
)


@dataclass(slots=True)
class _Row:
    state: str
    minutes: int
    content: Any


class DayCache:
    """Reads and renews the kept worker-days of one store.

    Parameters
    ----------
    store : Store
        Where they lie.
    states : mapping of Partition to str
        State of each minute table, from ``store.summary_states``.
    """

    def __init__(self, store: Store, states: Mapping[Partition, str]) -> None:
        self._store = store
        self._states = states
        self._tables: dict[Partition, dict[str, _Row]] = {}
        self._changed: set[Partition] = set()

    def get(self, day: WorkerDay) -> tuple[Any, int] | None:
        """Content of a worker-day and the minutes its sensor had, or ``None`` when it must be merged."""
        rows = self._rows(_place(day))
        row = rows.get(_key(day)) if rows else None
        if row is None or row.state != self._state(day):
            return None
        try:
            return decode_day(memoryview(row.content), day), row.minutes
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, day: WorkerDay, content: Any, minutes: int) -> None:
        """Keep what was merged."""
        place = _place(day)
        self._rows(place)[_key(day)] = _Row(self._state(day), minutes, encode_day(content))
        self._changed.add(place)

    def save(self, pool: Executor) -> list[Future[None]]:
        """Write the tables that changed, in a thread of `pool`; quietly not, where nothing can be written."""
        present = {"-", *self._states.values()}
        writing = []
        for place in sorted(self._changed):
            known = self._rows(place)
            # What came from minutes that are gone or replaced goes too.
            rows = {key: row for key, row in known.items() if present.issuperset(row.state.split(" "))}
            writing.append(pool.submit(self._write, place, rows))
        self._changed.clear()
        return writing

    def _write(self, place: Partition, rows: Mapping[str, _Row]) -> None:
        table = pa.Table.from_arrays(
            [
                pa.array(list(rows), pa.string()),
                pa.array([row.state for row in rows.values()], pa.string()),
                pa.array([row.minutes for row in rows.values()], pa.int64()),
                pa.array([bytes(row.content) for row in rows.values()], pa.large_binary()),
            ],
            schema=_SCHEMA,
        )
        with contextlib.suppress(LocalResourceError, ConfigurationError, OSError):
            self._store.write_summary(WORKER_DAYS, place, table, {"code": _code_hash()})

    def _state(self, day: WorkerDay) -> str:
        sources = (
            self._states.get(Partition(day.kind, day.site, day.sensor, moment), "-")
            for moment in utc_days(day.start_ns, day.end_ns)
        )
        return " ".join(sources)

    def _rows(self, place: Partition) -> dict[str, _Row]:
        if place not in self._tables:
            self._tables[place] = self._load(place)
        return self._tables[place]

    def _load(self, place: Partition) -> dict[str, _Row]:
        metadata = self._store.summary_metadata(WORKER_DAYS, place)
        if metadata is None or metadata.get("code") != _code_hash():
            return {}
        table = self._store.read_summary(WORKER_DAYS, place)
        if table is None:
            return {}
        columns = [table.column(name) for name in ("key", "state", "minutes")]
        content = table.column("content")
        return {
            key: _Row(state, minutes, content[index].as_buffer())
            for index, (key, state, minutes) in enumerate(
                zip(*(column.to_pylist() for column in columns), strict=True)
            )
        }


def forget_days(store: Store, kind: Kind, site: str, day: date) -> bool:
    """Remove the kept worker-days of a UTC day; they are merged again when asked for."""
    return store.delete_summary(WORKER_DAYS, Partition(kind, site, _WHOLE_SITE, day))


def _place(day: WorkerDay) -> Partition:
    return Partition(day.kind, day.site, _WHOLE_SITE, utc_days(day.start_ns, day.end_ns)[0])


def _key(day: WorkerDay) -> str:
    """What of a worker-day shapes its merged content; wearer, shift and workstation only name it."""
    shape = (
        day.sensor,
        day.mount.value,
        day.start_ns,
        day.end_ns,
        day.expected_ns,
        [(span.start_ns, span.end_ns, span.task) for span in day.spans],
        [(span.start_ns, span.end_ns) for span in day.breaks],
    )
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:32]


@cache
def _code_hash() -> str:
    """Hash over the code and tables that take part in merging: other code, other worker-days."""
    digest = hashlib.sha256()
    tables = files("indicators").joinpath("tables")
    packages = [files(name) for name in ("indicators.reduction", "indicators.posture", "analysis")]
    for folder in (*packages, tables):
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.name.endswith((".py", ".toml", ".csv")):
                digest.update(entry.name.encode())
                digest.update(entry.read_bytes())
    for name in ("limits.toml", "limits.py", "table_files.py"):
        digest.update(files("indicators").joinpath(name).read_bytes())
    for name in ("codec.py", "merging.py"):
        digest.update(files("indicators.worker_days").joinpath(name).read_bytes())
    for kind in Kind:
        digest.update(analysis_version(kind).encode())
    return digest.hexdigest()[:16]
