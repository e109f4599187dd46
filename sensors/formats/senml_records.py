"""What the JSON and CBOR forms of SenML share: base fields, names, units, times (RFC 8428 §4)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from sensors.errors import PayloadError, UsageError
from sensors.formats.checks import (
    MAX_ROWS,
    STANDARD_GRAVITY_M_S2,
    PayloadCode,
    allowed_quantities,
    check_noise_rate,
    check_value,
    in_our_unit,
    name_refusal,
    refusal,
)
from sensors.formats.names import Decoded
from sensors.formats.times import check_span
from sensors.quantities import QUANTITIES, REFUSED, Kind, Quantity
from sensors.readings import Flag, FloatColumn, TimeColumn

__all__ = ["Resolved", "SenmlRecord", "malformed", "must_understand", "resolve", "to_records", "to_rows"]

VERSION = 10
# RFC 8428 §4.5.3: a time below 2**28 s is relative to the moment of receipt.
RELATIVE_BELOW_S = 2.0**28
_MAX_NAME = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
_SEPARATORS = re.compile(r"[\-:./_]")

# SenML unit of each of our units, and what divides a value in it (RFC 8428 §12.1).
_UNIT_OF: Mapping[str, tuple[str, float]] = {
    "dB(A)": ("dB", 1.0),
    "dB(C)": ("dB", 1.0),
    "dB": ("dB", 1.0),
    "°C": ("Cel", 1.0),
    "m/s": ("m/s", 1.0),
    "g": ("m/s2", STANDARD_GRAVITY_M_S2),
    "°/s": ("rad/s", math.pi / 180.0),
}
_UNIT_OF_CHANNEL = {"relative_humidity": ("%RH", 1.0), "battery": ("%EL", 1.0)}
_ACCEPTED = "dB, Cel, %RH, m/s, m/s2, rad/s, %EL"


class SenmlRecord(msgspec.Struct, kw_only=True):
    """One record as it stands in a pack; ``None`` where a field is absent."""

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: float | None = None
    n: str | None = None
    u: str | None = None
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: Any = None
    s: float | None = None
    t: float | None = None
    ut: float | None = None


class Resolved(NamedTuple):
    """One measurement with all base fields applied (RFC 8428 §4.6).

    Attributes
    ----------
    value : float or None
        Number, or ``None`` when the record carries text, a truth value, data or a sum only.
    time_s : float
        Base time plus time; below 2**28 it is relative to receipt.
    time_ns : int
        The same, each part rounded to nanoseconds by itself: keeps what a sum of floats cannot.
    """

    name: str
    unit: str | None
    value: float | None
    time_s: float
    time_ns: int


def _finite(value: float, label: str) -> float:
    if not abs(value) < 1e15:
        raise refusal(PayloadCode.NOT_FINITE, f"{label} is not a usable number", value=value)
    return value


class _Base(NamedTuple):
    """Base fields in force (RFC 8428 §4.1): they hold until another record replaces them."""

    name: str = ""
    time_s: float = 0.0
    time_ns: int = 0
    unit: str | None = None
    value: float = 0.0

    def after(
        self,
        name: str | None,
        time_s: float | None,
        unit: str | None,
        value: float | None,
        version: float | None,
    ) -> _Base:
        """Return the base after a record with these base fields."""
        if version is not None and not 0 < version <= VERSION:
            raise refusal(
                PayloadCode.UNSUPPORTED_VERSION,
                "SenML version",
                value=version,
                rule=f"bver at most {VERSION}",
            )
        seconds = self.time_s if time_s is None else _finite(time_s, "bt")
        return _Base(
            self.name if name is None else name,
            seconds,
            round(seconds * 1e9),
            self.unit if unit is None else unit,
            self.value if value is None else _finite(value, "bv"),
        )


@lru_cache(maxsize=4096)
def _full_name(base: str, name: str) -> str:
    if len(base) + len(name) > _MAX_NAME:
        raise refusal(PayloadCode.BAD_NAME, "name is too long", rule=f"at most {_MAX_NAME} characters")
    if not _NAME.fullmatch(base + name):
        raise refusal(
            PayloadCode.BAD_NAME,
            "name is not a SenML name",
            value=base + name,
            rule="letters, digits and - : . / _, starting with a letter or digit",
        )
    return base + name


def resolve(records: Iterable[SenmlRecord]) -> list[Resolved]:
    """Apply base fields; records that carry base fields only give nothing.

    Raises
    ------
    PayloadError
        ``bad_name``, ``unsupported_version``, ``not_finite``.
    """
    base = _Base()
    resolved = []
    for record in records:
        bn, bt, bu, bv, _, bver, n, u, v, vs, vb, vd, total, t, _ = msgspec.structs.astuple(record)
        if not (bn is bt is bu is bv is bver is None):
            base = base.after(bn, bt, bu, bv, bver)
        if v is n is vs is vb is vd is total is None:
            continue
        offset = 0.0 if t is None else _finite(t, "t")
        resolved.append(
            Resolved(
                _full_name(base.name, n or ""),
                base.unit if u is None else u,
                None if v is None else v + base.value,
                base.time_s + offset,
                base.time_ns + round(offset * 1e9),
            )
        )
    return resolved


@lru_cache(maxsize=4096)
def _channel(name: str, kind: Kind | None) -> Quantity:
    """Quantity that `name` ends in."""
    starts = [0, *(found.end() for found in _SEPARATORS.finditer(name))]
    allowed = allowed_quantities(kind)
    for start in starts:
        ending = name[start:]
        if ending in allowed:
            return allowed[ending]
        if ending in QUANTITIES or ending.lower() in REFUSED:
            raise name_refusal(ending, kind)
    raise name_refusal(re.split(r"[:/]", name)[-1] or name, kind)


@lru_cache(maxsize=1024)
def _divisor(quantity: Quantity, unit: str | None) -> float:
    expected = _UNIT_OF_CHANNEL.get(quantity.key) or _UNIT_OF.get(quantity.unit)
    if unit is None:
        # Without a unit an acceleration could be in g or in m/s2; the others have one customary unit.
        if quantity.kind is Kind.POSTURE:
            raise refusal(
                PayloadCode.UNIT_MISSING,
                f"{quantity.key} has no unit",
                rule=f'"u": "{expected[0] if expected else quantity.unit}"',
            )
        return 1.0
    if expected is None or unit != expected[0]:
        raise refusal(
            PayloadCode.UNKNOWN_UNIT,
            f"unit of {quantity.key}",
            value=unit,
            rule=f"{expected[0] if expected else 'none'}; accepted in SenML: {_ACCEPTED}",
            remedy="convert on the device",
        )
    return expected[1]


def to_rows(records: Sequence[SenmlRecord], arrival_ns: int, kind: Kind | None) -> Decoded:
    """Rows of a pack: one per time, channels side by side; a later record wins over an earlier one.

    Raises
    ------
    PayloadError
        Any code of `PayloadCode`.
    """
    if len(records) > MAX_ROWS:
        raise refusal(
            PayloadCode.TOO_MANY_ROWS,
            "too many records in one pack",
            value=len(records),
            rule=f"at most {MAX_ROWS}",
        )
    rows: dict[int, int] = {}
    cells: dict[str, tuple[Quantity, list[int], list[float]]] = {}
    flags = 0
    for entry in resolve(records):
        quantity = _channel(entry.name, kind)
        if entry.value is None:
            raise refusal(
                PayloadCode.NOT_A_NUMBER,
                f"{quantity.key} carries no number",
                rule='"v"; texts, data and sums are refused',
            )
        divisor = _divisor(quantity, entry.unit)
        value = check_value(quantity, in_our_unit(quantity, entry.value, divisor))
        moment = entry.time_ns
        if entry.time_s < RELATIVE_BELOW_S:
            moment += arrival_ns
            flags = int(Flag.ARRIVAL_TIME)
        row = rows.setdefault(moment, len(rows))
        if quantity.key not in cells:
            cells[quantity.key] = (quantity, [], [])
        cells[quantity.key][1].append(row)
        cells[quantity.key][2].append(value)
    if not rows:
        raise refusal(PayloadCode.NO_VALUES, "the pack holds no value", rule="at least one record with v")
    check_span(min(rows), max(rows))
    times_ns = np.fromiter(rows, np.int64, len(rows))
    channels: dict[str, FloatColumn] = {}
    for key, (quantity, indices, values) in cells.items():
        if quantity.kind is Kind.NOISE:
            check_noise_rate((quantity,), times_ns[np.unique(indices)])
        column = np.full(len(rows), np.nan)
        column[indices] = values
        channels[key] = column
    return Decoded(times_ns, channels, flags)


def to_records(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> list[dict[str, Any]]:
    """Records of rows, by their labels: one base time, relative times after it; NaN is left out.

    Raises
    ------
    UsageError
        There is no value to send.
    """
    records: list[dict[str, Any]] = []
    base_s = int(times_ns[0]) // 1_000_000_000
    for key, column in channels.items():
        quantity = QUANTITIES[key]
        expected = _UNIT_OF_CHANNEL.get(key) or _UNIT_OF.get(quantity.unit)
        for moment, value in zip(times_ns.tolist(), column.tolist(), strict=True):
            if value != value:  # noqa: PLR0124 - true for NaN only
                continue
            record: dict[str, Any] = {"n": key, "v": value}
            if expected is not None:
                record["u"] = expected[0]
                record["v"] = value * expected[1]
            offset_ns = moment - base_s * 1_000_000_000
            if offset_ns:
                record["t"] = offset_ns / 1e9
            records.append(record)
    if not records:
        raise UsageError("there is no value to encode", rule="at least one value that is not NaN")
    records[0] = {"bt": base_s, **records[0]}
    return records


def malformed(detail: object, encoding: str) -> PayloadError:
    """Error for bytes that are not a pack in `encoding` at all."""
    return refusal(PayloadCode.MALFORMED, f"payload is not {encoding}", value=str(detail))


def must_understand(label: str) -> PayloadError:
    """Error for an unknown label that ends in ``_`` (RFC 8428 §4.4: such a pack must be rejected)."""
    return refusal(PayloadCode.MUST_UNDERSTAND, "the pack uses an extension that is not known", value=label)
