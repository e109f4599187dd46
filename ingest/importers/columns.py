"""Which column is what: names and units that loggers use, to quantities of ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from sensors.errors import PayloadError
from sensors.quantities import QUANTITIES, Kind

__all__ = ["ColumnUse", "find_time_columns", "use_columns"]

_SPELLINGS: Mapping[str, str] = {
    "laeq": "laeq",
    "leqdba": "laeq",
    "leqa": "laeq",
    "laeqt": "laeq",
    "laeq1s": "laeq",
    "leq": "laeq",
    "lceq": "lceq",
    "leqdbc": "lceq",
    "leqc": "lceq",
    "lafmax": "laf_max",
    "lcpeak": "lcpeak",
    "lcpk": "lcpeak",
    "lcpic": "lcpeak",
    "lccrete": "lcpeak",
    "cretelc": "lcpeak",
    "lpeakc": "lcpeak",
    "peakdbc": "lcpeak",
    "peakc": "lcpeak",
    "temperature": "air_temperature",
    "temp": "air_temperature",
    "drybulbtemp": "air_temperature",
    "drybulb": "air_temperature",
    "airtemperature": "air_temperature",
    "temperatureair": "air_temperature",
    "relhum": "relative_humidity",
    "humidity": "relative_humidity",
    "rh": "relative_humidity",
    "relativehumidity": "relative_humidity",
    "humidite": "relative_humidity",
    "humiditerelative": "relative_humidity",
    "hr": "relative_humidity",
    "temperaturedelair": "air_temperature",
    "temperatureglobe": "globe_temperature",
    "temperaturedeglobe": "globe_temperature",
    "vitessedelair": "air_speed",
    "batterie": "battery",
    "globetemperature": "globe_temperature",
    "globetemp": "globe_temperature",
    "globe": "globe_temperature",
    "nawetbulbtemp": "natural_wet_bulb_temperature",
    "naturalwetbulb": "natural_wet_bulb_temperature",
    "naturalwetbulbtemperature": "natural_wet_bulb_temperature",
    "windspeed": "air_speed",
    "airspeed": "air_speed",
    "battery": "battery",
    **{f"acc{axis}": f"acc_{axis}" for axis in "xyz"},
    **{f"accel{axis}": f"acc_{axis}" for axis in "xyz"},
    **{axis: f"acc_{axis}" for axis in "xyz"},
}
_TIME_WORDS = ("datetime", "timestamp", "dateheure", "dateandtime", "formatteddatetime", "zeitstempel")
_DATE_WORDS = ("date", "datum", "fecha", "jour")
_CLOCK_WORDS = ("time", "heure", "zeit", "hora")

# Unit as written → (factor, offset) to the project's unit.
_UNITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "°C": {
        "°c": (1.0, 0.0),
        "c": (1.0, 0.0),
        "degc": (1.0, 0.0),
        "°f": (1 / 1.8, -32 / 1.8),
        "f": (1 / 1.8, -32 / 1.8),
    },
    "%": {"%": (1.0, 0.0), "%rh": (1.0, 0.0), "rh%": (1.0, 0.0), "%hr": (1.0, 0.0)},
    "m/s": {"m/s": (1.0, 0.0), "km/h": (1 / 3.6, 0.0), "mph": (0.44704, 0.0)},
    "g": {"g": (1.0, 0.0), "m/s2": (1 / 9.80665, 0.0), "m/s²": (1 / 9.80665, 0.0), "mg": (1e-3, 0.0)},
    "dB(A)": {
        "db": (1.0, 0.0),
        "dba": (1.0, 0.0),
        "db(a)": (1.0, 0.0),
        "db-a": (1.0, 0.0),
        "db a": (1.0, 0.0),
    },
    "dB(C)": {
        "db": (1.0, 0.0),
        "dbc": (1.0, 0.0),
        "db(c)": (1.0, 0.0),
        "db-c": (1.0, 0.0),
        "db c": (1.0, 0.0),
    },
}


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """One column that becomes a channel: ``value · factor + offset`` in our unit."""

    index: int
    name: str
    channel: str
    unit: str
    factor: float
    offset: float


def _plain(name: str) -> str:
    bare = re.sub(r"[\[(][^\])]*[\])]", "", name) or name
    letters = unicodedata.normalize("NFKD", bare.lower())
    return re.sub(r"[^a-z0-9]", "", letters).removeprefix("niveau")


def _conversion(channel: str, unit: str, file: str) -> tuple[float, float]:
    quantity = QUANTITIES[channel]
    known = _UNITS.get(quantity.unit, {})
    plain = unit.strip().lower()
    if not plain or plain == quantity.unit.lower():
        return 1.0, 0.0
    if plain not in known:
        raise PayloadError(
            f"{file}: unit of {channel}",
            value=unit,
            rule=f"one of {', '.join(known)}",
            remedy="name the unit under [[imports]] units = {…}, or export in another unit",
            code="unknown_unit",
        )
    return known[plain]


def use_columns(
    file: str,
    names: tuple[str, ...],
    units: tuple[str, ...],
    kind: Kind,
    chosen: Mapping[str, str],
    given_units: Mapping[str, str],
) -> tuple[ColumnUse, ...]:
    """Columns that become channels of a sensor of `kind`.

    Parameters
    ----------
    chosen : mapping
        Channel → column name, from ``[[imports]] columns``; wins over our own guess.
    given_units : mapping
        Channel → unit, from ``[[imports]] units``.

    Raises
    ------
    PayloadError
        ``unknown_column``, ``unknown_unit``, ``no_columns``.
    """
    stripped = [name.strip() for name in names]
    found: dict[str, int] = {}
    for channel, column in chosen.items():
        if column.strip() not in stripped:
            raise PayloadError(
                f"{file}: column for {channel}",
                value=column,
                rule=f"one of {', '.join(name for name in stripped if name)}",
                remedy="correct [[imports]] columns",
                code="unknown_column",
            )
        found[channel] = stripped.index(column.strip())
    for index, name in enumerate(stripped):
        guess = _SPELLINGS.get(_plain(name))
        if guess is None or guess in found or index in found.values():
            continue
        if QUANTITIES[guess].kind in (kind, None):
            found[guess] = index
    uses = []
    for channel, index in sorted(found.items(), key=lambda item: item[1]):
        unit = given_units.get(channel, units[index] if index < len(units) else "")
        factor, offset = _conversion(channel, unit, file)
        uses.append(
            ColumnUse(index, stripped[index], channel, unit or QUANTITIES[channel].unit, factor, offset)
        )
    if not any(QUANTITIES[use.channel].kind is kind for use in uses):
        raise PayloadError(
            f"{file}: no column holds a quantity of a {kind} sensor",
            value=", ".join(name for name in stripped if name),
            rule="at least one known column",
            remedy='name it under [[imports]] columns = {channel = "column"}',
            code="no_columns",
        )
    return tuple(uses)


def find_time_columns(file: str, names: tuple[str, ...], chosen: str | None) -> tuple[int, int | None]:
    """Index of the date-and-time column, or of a date and a clock column."""
    plain = [_plain(name) for name in names]
    stripped = [name.strip() for name in names]
    if chosen is not None and chosen.strip() in stripped:
        return stripped.index(chosen.strip()), None
    for index, name in enumerate(plain):
        if name in _TIME_WORDS:
            return index, None
    dates = [index for index, name in enumerate(plain) if name.startswith(_DATE_WORDS)]
    clocks = [index for index, name in enumerate(plain) if name.startswith(_CLOCK_WORDS)]
    if dates and clocks and dates[0] != clocks[0]:
        return dates[0], clocks[0]
    if dates or clocks:
        return (dates or clocks)[0], None
    raise PayloadError(
        f"{file}: no column of dates and times",
        value=", ".join(stripped),
        rule="a column named like date, time or timestamp",
        remedy='name it under [[imports]] columns = {time = "column"}',
        code="no_time_column",
    )
