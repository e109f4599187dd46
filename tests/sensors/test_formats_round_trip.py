"""Encoding then decoding gives the same rows back, and no bytes whatsoever raise anything but a refusal."""

from __future__ import annotations

import math
from typing import Any

import cbor2
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.errors import PayloadError
from sensors.formats import Decoded, PayloadCode, WireFormat, decode, encode
from sensors.formats.times import EARLIEST_S, LATEST_S, iso_text, parse_time_ns, wire_time
from sensors.quantities import QUANTITIES, Kind, channels_of

ARRIVAL_NS = 1_795_420_800_123_456_789
CODES = {code.value for code in PayloadCode}
quick = settings(
    max_examples=100,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)

moments = st.integers(EARLIEST_S * 10**9, (LATEST_S - 10**6) * 10**9)


@st.composite
def batches(draw: st.DrawFn, rows: st.SearchStrategy[int], *, wide: bool) -> tuple[Any, ...]:
    """Times, channels and kind that a sensor could really send."""
    kind = draw(st.sampled_from(list(Kind)))
    count = draw(rows)
    first = draw(moments)
    if draw(st.booleans()):
        slowest = 125_000_000 if kind is Kind.NOISE else 1
        step = draw(st.integers(slowest, 90_000_000_000))
        times = first + step * np.arange(count, dtype=np.int64)
    else:
        gaps = draw(st.lists(st.integers(125_000_000, 10**12), min_size=count, max_size=count))
        times = first + np.cumsum(np.array(gaps, np.int64))
    names = draw(st.lists(st.sampled_from(channels_of(kind)), min_size=1, max_size=6, unique=True))
    channels: dict[str, NDArray[np.floating[Any]]] = {}
    for name in names:
        quantity = QUANTITIES[name]
        number = st.floats(quantity.low, quantity.high, width=32 if wide else 64)
        cell = st.one_of(number, st.just(math.nan)) if draw(st.booleans()) else number
        cells = draw(st.lists(cell, min_size=count, max_size=count))
        channels[name] = np.array(cells, np.float32) if wide else np.array(cells, np.float64)
    if all(np.isnan(column).all() for column in channels.values()):
        lowest = [QUANTITIES[names[0]].low] * count
        channels[names[0]] = np.array(lowest, np.float32) if wide else np.array(lowest, np.float64)
    return times, channels, kind


def _assert_same(
    decoded: Decoded,
    times: NDArray[np.int64],
    channels: dict[str, NDArray[np.floating[Any]]],
    rtol: float = 0.0,
) -> None:
    np.testing.assert_array_equal(decoded.times_ns, times)
    assert decoded.flags_all == 0
    for name, column in channels.items():
        # Subnormal numbers lose digits when they are converted.
        np.testing.assert_allclose(decoded.channels[name], column, rtol=rtol, atol=1e-300 if rtol else 0.0)
    assert set(decoded.channels) == set(channels)


@quick
@given(batches(st.integers(1, 30), wide=False))
def test_columns_round_trip_exactly(batch: tuple[Any, ...]) -> None:
    times, channels, kind = batch
    for fmt in (WireFormat.COLUMNS, WireFormat.COLUMNS_MSGPACK):
        _assert_same(decode(fmt, encode(fmt, times, channels), ARRIVAL_NS, kind=kind), times, channels)


@quick
@given(batches(st.integers(1, 30), wide=True))
def test_msgpack_keeps_float32(batch: tuple[Any, ...]) -> None:
    times, channels, kind = batch
    fmt = WireFormat.COLUMNS_MSGPACK
    decoded = decode(fmt, encode(fmt, times, channels), ARRIVAL_NS, kind=kind)
    _assert_same(decoded, times, channels)
    for name, column in channels.items():
        if not np.isnan(column).any():
            assert decoded.channels[name].dtype == np.float32


@quick
@given(batches(st.just(1), wide=False))
def test_json_round_trips_exactly(batch: tuple[Any, ...]) -> None:
    times, channels, kind = batch
    sent = {name: column for name, column in channels.items() if not np.isnan(column).all()}
    payload = encode(WireFormat.JSON, times, channels)
    _assert_same(decode(WireFormat.JSON, payload, ARRIVAL_NS, kind=kind), times, sent)


@quick
@given(batches(st.integers(1, 12), wide=False))
def test_senml_round_trips(batch: tuple[Any, ...]) -> None:
    times, channels, kind = batch
    # A row or channel without any value leaves no trace in SenML, which lists values.
    channels = {name: column for name, column in channels.items() if not np.isnan(column).all()}
    some = ~np.all([np.isnan(column) for column in channels.values()], axis=0)
    times, channels = times[some], {name: column[some] for name, column in channels.items()}
    for fmt in (WireFormat.SENML, WireFormat.SENML_CBOR):
        decoded = decode(fmt, encode(fmt, times, channels), ARRIVAL_NS, kind=kind)
        order = np.argsort(decoded.times_ns)
        ordered = Decoded(
            decoded.times_ns[order], {name: column[order] for name, column in decoded.channels.items()}
        )
        # m/s2 and rad/s on the wire, g and °/s inside: two roundings.
        _assert_same(ordered, times, channels, rtol=1e-15)


@quick
@given(moments)
def test_times_survive_the_wire_to_the_nanosecond(moment_ns: int) -> None:
    assert parse_time_ns(wire_time(moment_ns)) == moment_ns
    assert parse_time_ns(iso_text(moment_ns)) == moment_ns


def _only_refusals(fmt: WireFormat, payload: bytes, kind: Kind | None) -> None:
    refused: PayloadError | None = None
    try:
        decoded = decode(fmt, payload, ARRIVAL_NS, kind=kind)
    except PayloadError as error:
        refused = error
    if refused is not None:
        assert refused.code in CODES
        assert len(str(refused)) < 1000
        return
    rows = decoded.times_ns.shape[0]
    assert rows > 0
    assert decoded.times_ns.min() >= EARLIEST_S * 10**9
    assert decoded.times_ns.max() < LATEST_S * 10**9
    for name, column in decoded.channels.items():
        assert column.shape == (rows,)
        values = column[~np.isnan(column)]
        assert (values >= QUANTITIES[name].low).all()
        assert (values <= QUANTITIES[name].high).all()
        assert kind is None or name in channels_of(kind)


kinds = st.sampled_from([None, *Kind])
formats = st.sampled_from(list(WireFormat))
keys = st.one_of(
    st.sampled_from(
        [
            *QUANTITIES,
            "t",
            "t0",
            "dt",
            "unit",
            "units",
            "bn",
            "bt",
            "bu",
            "bv",
            "bs",
            "bver",
            "n",
            "u",
            "v",
            "vs",
            "s",
        ]
    ),
    st.text(max_size=8),
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(EARLIEST_S, LATEST_S),
    st.floats(),
    st.floats(-10, 40),
    st.sampled_from(["dB", "Cel", "m/s2", "rad/s", "%RH", "g", "2026-11-23T08:00:00Z", "laeq", "x:acc_x"]),
    st.text(max_size=12),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=20,
)
maps = st.dictionaries(keys, st.one_of(leaves, st.lists(leaves, max_size=12), trees), max_size=6)


@quick
@given(formats, st.binary(max_size=200), kinds)
def test_any_bytes_are_rows_or_a_refusal(fmt: WireFormat, payload: bytes, kind: Kind | None) -> None:
    _only_refusals(fmt, payload, kind)


def _json(tree: Any) -> bytes:
    return msgspec.json.encode(tree)


@quick
@given(st.one_of(maps, st.lists(maps, max_size=5), trees), kinds)
def test_any_document_is_rows_or_a_refusal(tree: Any, kind: Kind | None) -> None:
    for fmt in (WireFormat.JSON, WireFormat.COLUMNS, WireFormat.SENML):
        _only_refusals(fmt, _json(tree), kind)
    _only_refusals(WireFormat.COLUMNS_MSGPACK, msgspec.msgpack.encode(_short(tree)), kind)


def _short(tree: Any) -> Any:
    """MessagePack has 64-bit integers only."""
    if isinstance(tree, dict):
        return {key: _short(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_short(value) for value in tree]
    return tree % 2**63 if isinstance(tree, int) and not isinstance(tree, bool) else tree


labels = st.one_of(st.integers(-7, 9), st.text(max_size=4))
cbor_leaves = st.one_of(leaves, st.binary(max_size=6), st.decimals(), st.integers(0, 10**400))


@quick
@given(st.lists(st.dictionaries(labels, st.one_of(cbor_leaves, trees), max_size=6), max_size=5), kinds)
def test_any_cbor_pack_is_rows_or_a_refusal(pack: Any, kind: Kind | None) -> None:
    _only_refusals(WireFormat.SENML_CBOR, cbor2.dumps(pack), kind)


@pytest.mark.parametrize("fmt", list(WireFormat))
def test_no_format_warns_or_fails_on_nothing(fmt: WireFormat) -> None:
    with pytest.raises(PayloadError):
        decode(fmt, b"", ARRIVAL_NS)
