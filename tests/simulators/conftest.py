from __future__ import annotations

from datetime import date, time

import pytest

from simulators.scenario import Scenario, load_scenario

MONDAY = date(2026, 11, 16)


@pytest.fixture(scope="session")
def monday() -> date:
    return MONDAY


@pytest.fixture(scope="session")
def demo() -> Scenario:
    return load_scenario("demo")


@pytest.fixture(scope="session")
def hour(demo: Scenario) -> Scenario:
    """Two workstations, one day, one hour with a break: every path in little time."""
    return demo.model_copy(
        update={
            "days": 1,
            "shift_end": time(9),
            "breaks": ((time(8, 30), time(8, 35)),),
            "workstations": demo.workstations[:2],
        }
    )
