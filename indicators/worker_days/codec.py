"""Merged worker-days as bytes and back: exact, readable without running any code, no pickle.

A record is the length of a MessagePack header (8 bytes, little-endian), the header, and the bytes of the
arrays it names. Only the result classes listed here can come out.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from indicators.model import WorkerDay

__all__ = ["decode_day", "encode_day"]

_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 8
_Piece = bytes | memoryview
_AS_THEY_ARE = (float, int, str, bool, type(None))


@cache
def _classes() -> Mapping[str, type[Any]]:
    from analysis.posture_calibration import Reference
    from analysis.thermal import WbgtMethod
    from indicators.reduction import climate_day, noise_day, octaves, posture_day

    known = (
        noise_day.NoiseDay,
        noise_day.Peaks,
        octaves.OctaveSums,
        climate_day.ClimateDay,
        posture_day.PostureDay,
        posture_day.PostureFigures,
        posture_day.PostureQuality,
        Reference,
        WbgtMethod,
    )
    return {one.__name__: one for one in known}


def encode_day(content: Any) -> bytes:
    """Bytes of a ``NoiseDay``, ``ClimateDay`` or ``PostureDay``, its `WorkerDay` left out.

    Raises
    ------
    TypeError
        Something in it has no exact form here.
    """
    pieces: list[_Piece] = []
    header = msgspec.msgpack.encode(_packed(content, pieces))
    return b"".join([_LENGTH.pack(len(header)), header, bytes(-len(header) % _ALIGNMENT), *pieces])


def _packed(value: Any, pieces: list[_Piece]) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is np.ndarray:
        return {"array": _placed([value], value.shape, pieces)}
    if isinstance(value, Enum):
        return {"enum": [kind.__name__, value.value]}
    if isinstance(value, np.generic):
        return value.item()
    return _packed_container(value, pieces)


def _packed_container(value: Any, pieces: list[_Piece]) -> Any:
    if isinstance(value, WorkerDay):
        return {"day": 1}
    if isinstance(value, Mapping):
        return _packed_mapping(value, pieces)
    name = type(value).__name__
    if name in _classes():
        fields = {field: _packed(getattr(value, field), pieces) for field in _field_names(name)}
        return {"of": name, "fields": fields}
    message = f"a worker-day holds a {name}, which has no exact form"
    raise TypeError(message)


@cache
def _field_names(class_name: str) -> tuple[str, ...]:
    found = _classes()[class_name]
    return tuple(field.name for field in dataclasses.fields(found)) if dataclasses.is_dataclass(found) else ()


def _packed_mapping(value: Mapping[Any, Any], pieces: list[_Piece]) -> Any:
    """Numbers under names as they are, equal arrays under names in one piece, anything else item by item."""
    items, kinds = list(value.values()), set(map(type, value.values()))
    if set(map(type, value)) <= {str}:
        if kinds <= {int, float}:
            return {"plain": dict(value)}
        if kinds == {np.ndarray} and len({(item.dtype, item.shape) for item in items}) == 1:
            return {"stack": [list(value), _placed(items, (len(items), *items[0].shape), pieces)]}
    return {"map": [[_packed(key, pieces), _packed(item, pieces)] for key, item in value.items()]}


def _placed(arrays: Sequence[NDArray[Any]], shape: tuple[int, ...], pieces: list[_Piece]) -> list[Any]:
    """Type and shape of arrays whose bytes follow each other, filled up to where the next may begin."""
    pieces += [np.ascontiguousarray(array).data for array in arrays]
    pieces.append(bytes(-sum(array.nbytes for array in arrays) % _ALIGNMENT))
    return [arrays[0].dtype.str, list(shape)]


def decode_day(record: memoryview, day: WorkerDay) -> Any:
    """Content of a record, belonging to `day`; its arrays are views that cannot be written.

    Raises
    ------
    ValueError, KeyError
        The record is damaged or of another version.
    """
    (length,) = _LENGTH.unpack_from(record)
    end = _LENGTH.size + length
    header = msgspec.msgpack.decode(record[_LENGTH.size : end])
    return _Reader(record, end + -length % _ALIGNMENT, day).value(header)


class _Reader:
    """Walks a header in the order in which its arrays were written."""

    def __init__(self, record: memoryview, position: int, day: WorkerDay) -> None:
        self._record = record
        self._position = position
        self._day = day

    def value(self, packed: Any) -> Any:
        return self._container(packed) if isinstance(packed, dict) else packed

    def _container(self, packed: dict[str, Any]) -> Any:
        if "of" in packed:
            made = _classes()[packed["of"]]
            return made(**{name: self.value(part) for name, part in packed["fields"].items()})
        if "array" in packed:
            return self._array(*packed["array"])
        if "enum" in packed:
            name, value = packed["enum"]
            return _classes()[name](value)
        return self._day if "day" in packed else self._mapping(packed)

    def _mapping(self, packed: dict[str, Any]) -> Any:
        if "plain" in packed:
            return packed["plain"]
        if "stack" in packed:
            names, piece = packed["stack"]
            return dict(zip(names, self._array(*piece), strict=True))
        return {self.value(key): self.value(item) for key, item in packed["map"]}

    def _array(self, dtype: str, shape: list[int]) -> Any:
        kind = np.dtype(dtype)
        count = math.prod(shape)
        found = np.frombuffer(self._record, kind, count, self._position)
        if len(shape) != 1:
            found = found.reshape(shape)
        size = count * kind.itemsize
        self._position += size + -size % _ALIGNMENT
        return found
