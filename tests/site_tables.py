"""Tables of a site file for tests: a row is a line, a sensor stands with its placement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from simulators.toml_text import array_of_tables, table

__all__ = ["LAKE", "head", "mounted", "row", "trial"]

LAKE = table("store", {"url": "lake:./lake"})
_NOVEMBER = datetime(2026, 11, 1)


def head(identifier: str, label: str, **keys: Any) -> str:
    """``schema`` and ``[site]``."""
    return "schema = 1\n" + table("site", {"id": identifier, "label": label, **keys})


def row(name: str, **keys: Any) -> str:
    """One ``[[name]]``; a key that Python keeps for itself ends in an underscore."""
    return array_of_tables(name, [{key.rstrip("_"): value for key, value in keys.items()}])


def trial(identifier: str, first: date, last: date, purpose: str = "test") -> str:
    """A campaign that is called a simulation: it needs no consultation."""
    return row("campaigns", id=identifier, from_=first, to=last, purpose=purpose, simulation=True)


def mounted(
    sensor: str,
    kind: str,
    workstation: str,
    mount: str,
    *,
    since: datetime = _NOVEMBER,
    channels: Sequence[str] | None = None,
    label: str | None = None,
    origin: str | None = "simulated",
    **placement: Any,
) -> str:
    """A sensor and where it sits; `placement` adds keys such as ``wearer`` and ``calibration``."""
    return row("sensors", id=sensor, kind=kind, label=label, channels=channels, origin=origin) + row(
        "placements", sensor=sensor, workstation=workstation, mount=mount, from_=since, **placement
    )
