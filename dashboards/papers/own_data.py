"""A wearer's own data as one page to read and files to keep."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.catalogue import text
from dashboards.papers.paper import Paper, Section, Table, paper_html
from dashboards.typography import clock, long_date, number, quantity
from sensors.command_line import write_atomic

if TYPE_CHECKING:
    from indicators.governance.own_data import HeldDay, OwnData
    from sensors.readings import ReadingBatch
    from sensors.site_book import SiteBook

__all__ = ["own_data_paper", "values_csv", "write_own_data"]

_DECIMALS = 1


def own_data_paper(
    book: SiteBook, data: OwnData, language: str, *, links: tuple[tuple[str, str], ...] = ()
) -> Paper:
    """What is held of one wearer, where it came from, and what was computed of it; `links` lead on."""
    say = text(language)
    heads = ("day", "hours", "head_kind", "head_place", "station_head", "raw_rows", "minutes")
    held = Table(
        tuple(say(f"papers.{head}") for head in heads), tuple(_held(book, row, language) for row in data.days)
    )
    values = Table(
        tuple(say(f"papers.{head}") for head in ("day", "station_head", "shift", "indicator", "value")),
        tuple(
            (
                long_date(value.day, language=language),
                station,
                _shift(book, value.shift),
                say(f"indicators.{value.indicator}"),
                quantity(number(value.value, _DECIMALS, language=language), value.unit, language=language),
            )
            for station, value in data.values
        ),
    )
    privacy = book.site.privacy
    sections = (
        Section(say("papers.head_held"), (say("papers.held"),), table=held),
        Section(say("papers.head_values"), (say("papers.values"),), table=values),
        Section(
            say("papers.head_how_long"),
            items=(
                say("papers.keep_raw", days=privacy.raw_days),
                say("papers.keep_minutes", days=privacy.summary_days),
            ),
        ),
        Section(
            say("papers.head_rights"),
            items=tuple(say(f"papers.{code}") for code in ("right_pause", "right_withdraw", "right_cnil")),
        ),
    )
    return Paper(
        language,
        say("papers.title_own", wearer=data.wearer),
        say("papers.lead_own", site=book.site.site.label),
        sections,
        say("papers.foot_own"),
        links=links,
    )


def _shift(book: SiteBook, identifier: str) -> str:
    """What people read; the id of a shift that has left the site file since."""
    found = book.site.find("shifts", identifier)
    return identifier if found is None else found.label or identifier


def _held(book: SiteBook, row: HeldDay, language: str) -> tuple[str, ...]:
    say = text(language)
    span = f"{clock(row.start, language=language)} – {clock(row.end, language=language)}"
    return (
        long_date(row.start.date(), language=language),
        span,
        say(f"papers.kind_{row.kind.value}"),
        say(f"mounts.{row.mount.value}"),
        book.workstation(row.workstation).label,
        number(row.rows, 0, language=language),
        number(row.minutes, 0, language=language),
    )


def write_own_data(
    book: SiteBook, data: OwnData, raw: Iterable[ReadingBatch], out: Path, language: str
) -> list[Path]:
    """Write ``my-data.html``, ``values.csv`` and one CSV a sensor and day of raw rows, if any are given."""
    written = [
        write_atomic(out / "my-data.html", paper_html(own_data_paper(book, data, language))),
        write_atomic(out / "values.csv", values_csv(data)),
    ]
    for batch in raw:
        start = book.local(int(batch.times_ns[0]))
        written.append(write_atomic(out / f"raw-{batch.sensor}-{start:%Y%m%dT%H%M}.csv", _raw_csv(batch)))
    return written


def values_csv(data: OwnData) -> str:
    """One line a day, workstation and indicator, at full precision."""
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerow(("day", "workstation", "shift", "indicator", "value", "unit"))
    for station, value in data.values:
        rows.writerow(
            (value.day.isoformat(), station, value.shift, value.indicator, repr(value.value), value.unit)
        )
    return buffer.getvalue()


def _raw_csv(batch: ReadingBatch) -> str:
    import numpy as np

    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerow(("time_utc", *batch.channels))
    times = np.datetime_as_string(batch.times_ns.astype("datetime64[ns]"))
    columns = [column.tolist() for column in batch.channels.values()]
    for moment, *values in zip(times, *columns, strict=True):
        rows.writerow((f"{moment}Z", *("" if math.isnan(value) else value for value in values)))
    return buffer.getvalue()
