"""Pause commands over MQTT: a wearer, or the site, says that nobody is to be measured now.

``vigiposte/v1/SITE/SENSOR/pause`` (``all`` for the whole site) with ``{"pause": true}`` or
``{"pause": false}``, and ``"t"`` (seconds since 1970) when the button was pressed before the message could be
sent. A finished pause becomes a row of ``pauses.csv``; one that still lasts stands in a small file with the
journal, so that a restart does not end it. Who paused and for how long is shown nowhere: the rows only
take the time out of what was to be measured.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensors.command_line import write_atomic
from sensors.local_time import OPEN_END_NS
from sensors.logs import append_log
from sensors.site_book import SiteBook
from sensors.topics import WHOLE_SITE

__all__ = ["COMMANDED", "Pauses"]

COMMANDED = "pause command"
"""Reason of the rows that pause commands leave in ``pauses.csv``; planned breaks stand with the shifts."""

_LOG = logging.getLogger("vigiposte.ingest")
_FILE = "pauses.json"
_SECOND_NS = 10**9
_OLDEST_PRESS_NS = 86_400 * _SECOND_NS


class Pauses:
    """Pauses that last now; safe to use from several threads.

    Parameters
    ----------
    book : SiteBook
        Sensors, time zone and the folder of ``pauses.csv``.
    journal : Path
        Folder for the file of open pauses.
    """

    def __init__(self, book: SiteBook, journal: Path) -> None:
        self._book = book
        self._path = journal / _FILE
        self._lock = threading.Lock()
        self._known = {sensor.id for sensor in book.site.sensors}
        self._open = self._load()

    def _load(self) -> dict[str, int]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(sensor): int(start) for sensor, start in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError):
            _LOG.warning("%s cannot be read; pauses that lasted are over", self._path)
            return {}

    def command(self, sensor: str, payload: bytes, now_ns: int) -> None:
        """Begin or end a pause; what is not understood changes nothing and is logged without its content."""
        if sensor != WHOLE_SITE and sensor not in self._known:
            _LOG.warning("a pause command names a sensor that the site does not have")
            return
        found = _understood(payload, now_ns)
        if found is None:
            _LOG.warning("a pause command of %s is not understood; it is %s", sensor, '{"pause": true|false}')
            return
        begin, at_ns = found
        with self._lock:
            if begin:
                # Said twice, a pause lasts since the first time.
                self._open.setdefault(sensor, at_ns)
            elif sensor in self._open:
                # The row stands before the open pause goes: a crash between the two leaves it paused.
                self._record(sensor, self._open[sensor], at_ns)
                del self._open[sensor]
            self._save()

    def lasting(self, sensor: str) -> tuple[tuple[int, int], ...]:
        """Windows [ns UTC] of pauses of `sensor`, or of the site, that have not ended."""
        with self._lock:
            starts = [self._open[key] for key in (sensor, WHOLE_SITE) if key in self._open]
        return tuple((start, OPEN_END_NS) for start in starts)

    def checkpoint(self, now_ns: int, *, ending: bool = False) -> None:
        """Write the past part of pauses that lasted into another site day, or of all when `ending`."""
        today = self._book.local(now_ns).date()
        with self._lock:
            due = [
                (sensor, start)
                for sensor, start in self._open.items()
                if ending or self._book.local(start).date() < today
            ]
            for sensor, start in due:
                self._record(sensor, start, now_ns)
                self._open[sensor] = now_ns
            if due:
                self._save()

    def _record(self, sensor: str, start_ns: int, end_ns: int) -> None:
        if end_ns - start_ns < _SECOND_NS:
            return
        local = self._book.local
        row = {
            "from": local(start_ns).isoformat(timespec="milliseconds"),
            "to": local(end_ns).isoformat(timespec="milliseconds"),
            "sensor": "" if sensor == WHOLE_SITE else sensor,
            "reason": COMMANDED,
        }
        append_log(self._book.folder, "pauses", row)

    def _save(self) -> None:
        write_atomic(self._path, json.dumps(self._open))


def _understood(payload: bytes, now_ns: int) -> tuple[bool, int] | None:
    try:
        content: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, Mapping) or not isinstance(content.get("pause"), bool):
        return None
    pressed = content.get("t", now_ns / _SECOND_NS)
    if isinstance(pressed, bool) or not isinstance(pressed, int | float) or not abs(pressed) < 1e11:
        return None
    at_ns = round(pressed * _SECOND_NS) if "t" in content else now_ns
    # A button's clock may be wrong: neither the future nor the distant past is believed.
    return content["pause"], at_ns if now_ns - _OLDEST_PRESS_NS <= at_ns <= now_ns else now_ns
