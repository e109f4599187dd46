"""A site of two presses, the first withheld for its two wearers, and what commands say and write of it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from html import unescape
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from pypdf import PdfReader
from typer.testing import CliRunner

from ingest.store import open_store
from sensors.errors import VigiposteError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from tests.site_tables import head, mounted, row, trial
from vigiposte import app

__all__ = [
    "CROWD",
    "HELD",
    "SHOWN",
    "SITE",
    "WEARERS",
    "WEEK",
    "Answer",
    "files_below",
    "fill",
    "run",
    "spoken",
]

ZONE = ZoneInfo("Europe/Paris")
WEEK = ("--week", "2026-W47")
WEARERS = ("p-zq7alderwood", "p-zq8birchbark")
CROWD = tuple(f"p-crowd{index}" for index in range(5))
HELD, SHOWN = "press-1", "press-2"
SECOND = 10**9
LEVELS = ("laeq", "lcpeak")
AXES = ("acc_x", "acc_y", "acc_z")
SITE = (
    head("plant", "Plant", language="en")
    + trial("c", date(2026, 11, 1), date(2026, 12, 31), "Trial")
    + row("shifts", id="day", label="Day", start="08:00", end="08:20")
    + row("groups", id="g", workstations=["press-1"], workers=2)
    + row("workstations", id="press-1", label="Press 1", shifts=["day"], hours_per_year=1200)
    + row("workstations", id="press-2", label="Press 2", shifts=["day"], hours_per_year=1200)
    + row("tasks", id="stamp", workstation="press-1", label="Stamping", hours=0.3)
    + mounted("dosi-1", "noise", "press-1", "shoulder", channels=LEVELS)
    + mounted("trunk-1", "posture", "press-1", "upper_back", channels=AXES, calibration="trunk-1-a")
    + mounted("dosi-2", "noise", "press-2", "shoulder", channels=LEVELS)
    + mounted("air-1", "climate", "press-1", "fixed", channels=["air_temperature", "relative_humidity"])
    + row(
        "calibrations",
        id="trunk-1-a",
        sensor="trunk-1",
        at=datetime(2026, 11, 16, 7),
        kind="two_postures",
        upright=[1.0, 0.0, 0.0],
        lean=[0.766, 0.0, 0.643],
    )
)


def fill(folder: Path, *, louder_db: float = 0.0, deeper_deg: float = 0.0) -> None:
    """Two weeks of 20-minute shifts: two wearers at the first press, five at the second.

    A twin plant differs in nothing but what the two wearers were exposed to.
    """
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    lines = ["from,to,sensor,wearer,workstation,task"]
    batches = []
    rng = np.random.default_rng(47)
    for step in [*range(5), *range(7, 12)]:
        start = datetime(2026, 11, 9 + step, 8, tzinfo=ZONE)
        day = start.date().isoformat()
        start_ns = int(start.timestamp()) * SECOND
        held, shown = WEARERS[step % 2], CROWD[step % 7 % 5]
        lines += [f"{day}T07:00,{day}T17:00,{name},{held},press-1,stamp" for name in ("dosi-1", "trunk-1")]
        lines.append(f"{day}T07:00,{day}T17:00,dosi-2,{shown},press-2,")
        seconds = start_ns + np.arange(1200, dtype=np.int64) * SECOND
        loud = 96.37 + louder_db + step * 0.41 + rng.normal(0.0, 1.0, 1200)
        quiet = 71.0 + rng.normal(0.0, 1.0, 1200)
        for name, level in (("dosi-1", loud), ("dosi-2", quiet)):
            channels = {"laeq": level, "lcpeak": level + 21.13}
            batches.append(ReadingBatch("plant", name, Kind.NOISE, seconds, channels))
        times = start_ns + np.arange(1200 * 25, dtype=np.int64) * (SECOND // 25)
        angle = np.radians(27.3 + deeper_deg + step + 21.0 * np.sin(np.arange(times.size) / 60.0))
        posture = {"acc_x": np.cos(angle), "acc_y": np.zeros(times.size), "acc_z": np.sin(angle)}
        batches.append(ReadingBatch("plant", "trunk-1", Kind.POSTURE, times, posture))
        minutes = start_ns + np.arange(20, dtype=np.int64) * 60 * SECOND
        climate = {"air_temperature": np.full(20, 21.0), "relative_humidity": np.full(20, 50.0)}
        batches.append(ReadingBatch("plant", "air-1", Kind.CLIMATE, minutes, climate))
    (folder / "assignments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "exclusions.csv").write_text(
        "from,to,sensor,reason,who\n"
        "2026-11-20T08:00,2026-11-20T08:01,dosi-1,zqmicrophone knocked,hygienist\n",
        encoding="utf-8",
    )
    store = open_store("lake:./lake", base=folder)
    store.write(batches)
    store.close()


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    error: str

    @property
    def all(self) -> str:
        return self.out + self.error


def run(folder: Path, *arguments: str) -> Answer:
    """One command as a user would call it; a mistake's message is part of the answer."""
    result = CliRunner().invoke(app, [*arguments, "--site", str(folder / "site.toml")])
    problem = (
        "" if isinstance(result.exception, SystemExit) or result.exception is None else str(result.exception)
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit | VigiposteError):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr + problem)


def spoken(page: str) -> str:
    """Words and attributes of a page, without the coordinates of its drawings."""
    text = re.sub(r"(?s)<style.*?</style>", " ", page)
    text = re.sub(
        r'\s(?:d|x|y|x1|x2|y1|y2|cx|cy|r|rx|width|height|points|transform|viewBox)="[^"]*"', " ", text
    )
    return unescape(re.sub(r"[\u00a0\u202f]", " ", text))


def files_below(place: Path) -> Iterator[tuple[str, str]]:
    """Text of every file that a command wrote."""
    for path in sorted(place.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".pdf":
            pages = PdfReader(BytesIO(data)).pages
            yield path.name, "\n".join(page.extract_text() for page in pages)
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(BytesIO(data)) as book:
                yield (
                    path.name,
                    "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist()),
                )
        elif path.suffix == ".parquet":
            import pyarrow.parquet as pq

            yield path.name, json.dumps(pq.read_table(path).to_pylist(), default=str)
        else:
            text = data.decode("utf-8", "replace")
            yield path.name, spoken(text) if path.suffix in (".html", ".svg") else text
