"""The closed list of quantities: one name, one unit, one physical range, one aggregation rule each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["KINDS", "OCTAVES_HZ", "QUANTITIES", "REFUSED", "Aggregation", "Kind", "Quantity", "channels_of"]


class Kind(StrEnum):
    """What a sensor observes; also the measurement or dataset its readings live in."""

    NOISE = "noise"
    CLIMATE = "climate"
    POSTURE = "posture"


KINDS = tuple(Kind)


class Aggregation(StrEnum):
    """How values of a quantity are combined over time."""

    ENERGY = "energy"
    ARITHMETIC = "arithmetic"
    MAXIMUM = "maximum"
    HISTOGRAM = "histogram"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One measurable quantity.

    Attributes
    ----------
    key : str
        Channel name on the wire, in the store and in the site file.
    kind : Kind or None
        Kind of sensor that publishes it; ``None`` when any sensor may (its own health).
    unit : str
        The only unit inside the project.
    low, high : float
        Physical range, both ends included; a value outside is refused and quarantined.
    period_s : float
        Nominal time between two values [s].
    aggregation : Aggregation
        How values are combined over time.
    """

    key: str
    kind: Kind | None
    unit: str
    low: float
    high: float
    period_s: float
    aggregation: Aggregation


def _noise(key: str, unit: str, aggregation: Aggregation, high: float = 160.0) -> Quantity:
    return Quantity(
        key=key, kind=Kind.NOISE, unit=unit, low=-10.0, high=high, period_s=1.0, aggregation=aggregation
    )


def _climate(key: str, unit: str, low: float, high: float) -> Quantity:
    return Quantity(
        key=key,
        kind=Kind.CLIMATE,
        unit=unit,
        low=low,
        high=high,
        period_s=60.0,
        aggregation=Aggregation.ARITHMETIC,
    )


def _posture(key: str, unit: str, limit: float) -> Quantity:
    return Quantity(
        key=key,
        kind=Kind.POSTURE,
        unit=unit,
        low=-limit,
        high=limit,
        period_s=0.04,
        aggregation=Aggregation.HISTOGRAM,
    )


def _health(key: str, unit: str, low: float, high: float) -> Quantity:
    return Quantity(
        key=key, kind=None, unit=unit, low=low, high=high, period_s=3600.0, aggregation=Aggregation.LAST
    )


OCTAVES_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)
"""Octave bands of the channels ``octave_63`` to ``octave_8000``: nominal midband frequencies [Hz]."""

_ROWS = (
    _noise("laeq", "dB(A)", Aggregation.ENERGY),
    _noise("lceq", "dB(C)", Aggregation.ENERGY),
    _noise("laf_max", "dB(A)", Aggregation.MAXIMUM),
    _noise("lcpeak", "dB(C)", Aggregation.MAXIMUM, high=180.0),
    *(_noise(f"octave_{hz}", "dB", Aggregation.ENERGY) for hz in OCTAVES_HZ),
    _climate("air_temperature", "°C", -60.0, 120.0),
    _climate("relative_humidity", "%", 0.0, 100.0),
    _climate("globe_temperature", "°C", -60.0, 200.0),
    _climate("natural_wet_bulb_temperature", "°C", -60.0, 100.0),
    _climate("air_speed", "m/s", 0.0, 60.0),
    *(_posture(f"acc_{axis}", "g", 32.0) for axis in "xyz"),
    *(_posture(f"gyr_{axis}", "°/s", 4000.0) for axis in "xyz"),
    _health("battery", "%", 0.0, 100.0),
    _health("rssi", "dBm", -200.0, 20.0),
)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType({row.key: row for row in _ROWS})

_PHYSIOLOGY = "it describes the person and not the work; employers may not process health data of wearables"
_TRACKING = "it follows the person and not the workstation"
_AUDIO = "only levels are accepted, so that nothing said can be reconstructed"
_OUTPUT = "strain measurement must not become productivity control"

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "heart_rate": _PHYSIOLOGY,
        "hr": _PHYSIOLOGY,
        "bpm": _PHYSIOLOGY,
        "hrv": _PHYSIOLOGY,
        "ecg": _PHYSIOLOGY,
        "spo2": _PHYSIOLOGY,
        "skin_temperature": _PHYSIOLOGY,
        "core_temperature": _PHYSIOLOGY,
        "fatigue": _PHYSIOLOGY,
        "stress": _PHYSIOLOGY,
        "sleep": _PHYSIOLOGY,
        "location": _TRACKING,
        "latitude": _TRACKING,
        "longitude": _TRACKING,
        "lat": _TRACKING,
        "lon": _TRACKING,
        "gps": _TRACKING,
        "audio": _AUDIO,
        "pcm": _AUDIO,
        "waveform": _AUDIO,
        "samples": _AUDIO,
        "spectrum": _AUDIO,
        "steps": _OUTPUT,
        "cycle_time": _OUTPUT,
        "idle_time": _OUTPUT,
        "productivity": _OUTPUT,
        "pieces": _OUTPUT,
    }
)


def channels_of(kind: Kind) -> tuple[str, ...]:
    """Channels a sensor of `kind` may publish, in table order, its own health included."""
    return tuple(key for key, row in QUANTITIES.items() if row.kind in (kind, None))
