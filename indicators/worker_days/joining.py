"""Which worker-days there are: planned shifts crossed with who wore which sensor where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from indicators.model import Span, WorkerDay
from sensors.errors import UsageError
from sensors.quantities import Kind
from sensors.site_model import Sensor

if TYPE_CHECKING:
    from sensors.site_book import Posting, ShiftWindow, SiteBook

__all__ = ["USUAL_WEEKS", "usual_window", "without", "worker_days"]

USUAL_WEEKS = 8

_Stretch = tuple[int, int]


def usual_window(book: SiteBook, first: date, last: date) -> tuple[date, date]:
    """Site dates whose worker-days speak of usual conditions, for a period ``[first, last]``.

    The latest campaign that overlaps the period, from its start; else the last eight weeks. Never beyond the
    period's last day, so that a report made again later gives the same numbers.
    """
    campaigns = [row for row in book.site.campaigns if row.start <= last and first <= row.end]
    if campaigns:
        start = max(row.start for row in campaigns)
    else:
        start = last - timedelta(weeks=USUAL_WEEKS) + timedelta(days=1)
    return min(start, first), last


def worker_days(
    book: SiteBook,
    first: date,
    last: date,
    kind: Kind | None = None,
    workstation: str | None = None,
) -> tuple[WorkerDay, ...]:
    """Worker-days whose shift starts on the site dates `first` to `last`, both included.

    One for each (shift, sensor, wearer, mount) that the placements and assignments name; a fixed sensor has
    no wearer. Pauses and exclusions are cut out of the spans; planned breaks stay in them and are listed
    apart.

    Parameters
    ----------
    book : SiteBook
        Site, placements and logs.
    first, last : date
        Site dates.
    kind, workstation : optional
        Only sensors of this kind; only this workstation.

    Returns
    -------
    tuple of WorkerDay
        By workstation as the site file lists them, then in time order, then by sensor and wearer.

    Raises
    ------
    UsageError
        `last` lies before `first`.
    """
    if last < first:
        raise UsageError(
            "the period ends before it starts", value=f"{first} to {last}", code="dates_reversed"
        )
    stations = [row.id for row in book.site.workstations if workstation in (None, row.id)]
    if workstation is not None:
        book.workstation(workstation)
    sensors = [row for row in book.site.sensors if kind in (None, row.kind)]
    windows = {station: book.shift_windows(station, first, last) for station in stations}
    edges = [(window.start_ns, window.end_ns) for group in windows.values() for window in group]
    if not edges:
        return ()
    start, end = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
    found: list[WorkerDay] = []
    for sensor in sensors:
        by_station: dict[str, list[Posting]] = {}
        for posting in book.assignments(sensor.id, start, end):
            by_station.setdefault(posting.workstation, []).append(posting)
        for station, postings in by_station.items():
            for window, inside in _join(windows.get(station, ()), postings):
                found.extend(_days(book, sensor, window, inside))
    order = {station: index for index, station in enumerate(stations)}
    return tuple(
        sorted(
            found,
            key=lambda item: (
                order[item.workstation],
                item.start_ns,
                item.shift,
                item.sensor,
                item.wearer or "",
                item.mount.value,
            ),
        )
    )


def _join(
    windows: Sequence[ShiftWindow], postings: Sequence[Posting]
) -> Iterator[tuple[ShiftWindow, list[Posting]]]:
    """Each window with the postings that touch it; both come in time order, windows may overlap."""
    begin = 0
    for window in windows:
        while begin < len(postings) and postings[begin].end_ns <= window.start_ns:
            begin += 1
        inside = []
        for posting in postings[begin:]:
            if posting.start_ns >= window.end_ns:
                break
            if posting.end_ns > window.start_ns:
                inside.append(posting)
        if inside:
            yield window, inside


def _days(
    book: SiteBook, sensor: Sensor, window: ShiftWindow, postings: Sequence[Posting]
) -> Iterator[WorkerDay]:
    pauses = book.pauses(sensor.id, window.start_ns, window.end_ns)
    excluded = [
        (row.start_ns, row.end_ns) for row in book.exclusions(sensor.id, window.start_ns, window.end_ns)
    ]
    removed = sorted([*pauses, *excluded])
    shift_ns = window.end_ns - window.start_ns
    expected_ns = shift_ns - sum(end - start for start, end in pauses)
    breaks = tuple(
        Span(max(start, window.start_ns), min(end, window.end_ns))
        for start, end in sorted(window.breaks)
        if start < window.end_ns and end > window.start_ns
    )

    def owner(posting: Posting) -> tuple[str, str]:
        return posting.wearer or "", posting.mount.value

    for _, group in groupby(sorted(postings, key=lambda row: (owner(row), row.start_ns)), key=owner):
        own = list(group)
        spans = [
            Span(start, end, task)
            for task, stretch in _joined(own, window)
            for start, end in without(stretch, removed)
        ]
        yield WorkerDay(
            site=book.site.site.id,
            workstation=window.workstation,
            shift=window.shift,
            day=window.day,
            kind=sensor.kind,
            sensor=sensor.id,
            mount=own[0].mount,
            wearer=own[0].wearer,
            start_ns=window.start_ns,
            end_ns=window.end_ns,
            spans=tuple(spans),
            breaks=breaks,
            expected_ns=max(expected_ns, 0),
        )


def _joined(postings: Iterable[Posting], window: ShiftWindow) -> list[tuple[str | None, _Stretch]]:
    """Postings within the window; neighbours of one task are one stretch, so that no minute falls between."""
    merged: list[tuple[str | None, _Stretch]] = []
    for posting in postings:
        start, end = max(posting.start_ns, window.start_ns), min(posting.end_ns, window.end_ns)
        if merged and merged[-1][0] == posting.task and merged[-1][1][1] == start:
            merged[-1] = (posting.task, (merged[-1][1][0], end))
        else:
            merged.append((posting.task, (start, end)))
    return merged


def without(stretch: _Stretch, removed: Iterable[_Stretch]) -> list[_Stretch]:
    """What is left of ``[start, end)`` when `removed` stretches, sorted by start, are cut out."""
    begin, end = stretch
    left = []
    for cut_start, cut_end in removed:
        if cut_end <= begin:
            continue
        if cut_start >= end:
            break
        if cut_start > begin:
            left.append((begin, cut_start))
        begin = max(begin, cut_end)
    if begin < end:
        left.append((begin, end))
    return left
