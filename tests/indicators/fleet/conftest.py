"""Three small sites as a fleet, made once for all tests of fleets."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest

from indicators.fleet.model import FleetResult
from sensors.fleet_file import load_fleet
from sensors.periods import DatePeriod, week_period
from vigiposte import build_services

BUILDER = Path(__file__).resolve().parents[2] / "benchmarks" / "copied_sites.py"
LOADED = "vigiposte_copied_sites"


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location(LOADED, BUILDER)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[LOADED] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sites with five wearers a workstation: quiet, loud, and one of a larger group size."""
    tools = builder()
    folder: Path = tmp_path_factory.mktemp("fleet")
    tools.build_fleet(folder, tools.Shape(sites=3, stations=4, days=5, families=2))
    shy = folder / "site-002" / "site.toml"
    shy.write_text(
        shy.read_text(encoding="utf-8") + "[privacy]\ngroup_size = 11\nwide_group_size = 11\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    shutil.copytree(template, tmp_path / "fleet")
    return tmp_path / "fleet"


def week_of(path: Path) -> DatePeriod:
    book = load_fleet(path).sites[0].book
    return week_period("2026-W47", book.zone, datetime(2026, 12, 1, tzinfo=book.zone))


def computed(folder: Path) -> FleetResult:
    path = folder / "fleet.toml"
    found: FleetResult = build_services().extra["fleet_result"](load_fleet(path), week_of(path))
    return found


@pytest.fixture(scope="session")
def week(template: Path) -> DatePeriod:
    """The week that was measured."""
    return week_of(template / "fleet.toml")


@pytest.fixture(scope="session")
def compute() -> Callable[[Path], FleetResult]:
    """Gives the result of the fleet in a folder."""
    return computed


@pytest.fixture(scope="session")
def result(template: Path) -> FleetResult:
    return computed(template)
