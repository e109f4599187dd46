"""Small simulated plants in a lake, made once and copied for each test that changes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from indicators.reduction.service import reduce_partitions
from ingest.store import Store, open_store
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from simulators.devices import reading_batches
from simulators.scenario import Scenario, load_scenario
from simulators.site_writer import SiteOptions, write_site

MONDAY = date(2026, 11, 16)


@dataclass
class Plant:
    """A site folder with its lake."""

    folder: Path
    store: Store

    @property
    def site_file(self) -> Path:
        return self.folder / "site.toml"

    @property
    def book(self) -> SiteBook:
        """The site as its file and logs stand now."""
        return load_site(self.site_file)

    def edit(self, before: str, after: str, file: str = "site.toml") -> None:
        text = (self.folder / file).read_text(encoding="utf-8")
        assert before in text
        (self.folder / file).write_text(text.replace(before, after), encoding="utf-8")


def make_plant(folder: Path, scenario: Scenario, seed: int = 1) -> Plant:
    folder.mkdir(parents=True, exist_ok=True)
    write_site(scenario, seed, MONDAY, folder, SiteOptions())
    store = open_store("lake:./lake", base=folder)
    for batch in reading_batches(scenario, seed, MONDAY):
        store.write([batch])
    return Plant(folder, store)


def hour_scenario(**changes: Any) -> Scenario:
    """Two workstations, one hour a day with a break: every path in little time."""
    demo = load_scenario("demo")
    defaults: dict[str, Any] = {
        "days": 1,
        "shift_end": time(9),
        "breaks": ((time(8, 30), time(8, 35)),),
        "workstations": demo.workstations[:2],
    }
    return demo.model_copy(update=defaults | changes)


@pytest.fixture(scope="session")
def monday() -> date:
    return MONDAY


@pytest.fixture(scope="session")
def hour_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plant = make_plant(tmp_path_factory.mktemp("hour") / "plant", hour_scenario())
    plant.store.close()
    return plant.folder


@pytest.fixture
def hour_plant(hour_template: Path, tmp_path: Path) -> Iterator[Plant]:
    """One hour of two workstations, raw only, free to be changed."""
    folder = tmp_path / "plant"
    shutil.copytree(hour_template, folder)
    store = open_store("lake:./lake", base=folder)
    yield Plant(folder, store)
    store.close()


@pytest.fixture(scope="session")
def reduced_template(hour_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reduced") / "plant"
    shutil.copytree(hour_template, folder)
    plant = Plant(folder, open_store("lake:./lake", base=folder))
    reduce_partitions(plant.book, plant.store, MONDAY, MONDAY)
    plant.store.close()
    return folder


@pytest.fixture
def reduced_plant(reduced_template: Path, tmp_path: Path) -> Iterator[Plant]:
    """As `hour_plant`, its minute summaries made."""
    folder = tmp_path / "plant"
    shutil.copytree(reduced_template, folder)
    store = open_store("lake:./lake", base=folder)
    yield Plant(folder, store)
    store.close()


@pytest.fixture(scope="session")
def week_plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """One-hour shifts of a week at three workstations: five wearers, two in the office; not to be changed."""
    demo = load_scenario("demo")
    chosen = tuple(row for row in demo.workstations if row.id in {"press-1", "cold-5", "office-6"})
    plant = make_plant(tmp_path_factory.mktemp("week") / "plant", hour_scenario(days=5, workstations=chosen))
    yield plant
    plant.store.close()


@pytest.fixture
def plant_factory(tmp_path: Path) -> Callable[..., Plant]:
    """``plant_factory(**changes)``: a plant of its own."""

    def build(seed: int = 1, **changes: Any) -> Plant:
        return make_plant(tmp_path / f"plant-{seed}", hour_scenario(**changes), seed)

    return build
