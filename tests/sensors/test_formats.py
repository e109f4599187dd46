"""The wire formats, by examples: what the contract shows, what RFC 8428 publishes, what must be refused."""

from __future__ import annotations

import math
from typing import Any

import cbor2
import msgspec
import numpy as np
import pytest

from sensors.errors import PayloadError, UsageError
from sensors.formats import PayloadCode, WireFormat, decode, encode, senml_json
from sensors.formats.senml_records import resolve
from sensors.quantities import Kind
from sensors.readings import Flag

ARRIVAL_NS = 1_795_420_800_123_456_789
T0 = 1_795_420_800
T0_NS = T0 * 1_000_000_000

JSON, COLUMNS, MSGPACK = WireFormat.JSON, WireFormat.COLUMNS, WireFormat.COLUMNS_MSGPACK
SENML, CBOR = WireFormat.SENML, WireFormat.SENML_CBOR

# RFC 8428 §6, the CBOR form of the example in §5.1.2.
RFC_CBOR = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c"
    "7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302"
    "fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a300676375"
    "7272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
)
RFC_MULTIPLE = b"""[
 {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,
  "n":"voltage","u":"V","v":120.1},
 {"n":"current","t":-5,"v":1.2}, {"n":"current","t":-4,"v":1.3}, {"n":"current","t":-3,"v":1.4},
 {"n":"current","t":-2,"v":1.5}, {"n":"current","t":-1,"v":1.6}, {"n":"current","v":1.7}]"""


def test_json_gives_one_row_at_its_time() -> None:
    decoded = decode(
        JSON, b'{"t": 1795420800.25, "laeq": 78.2, "lcpeak": 101.3}', ARRIVAL_NS, kind=Kind.NOISE
    )
    assert decoded.times_ns.tolist() == [round(1795420800.25 * 1e9)]
    assert {name: column.tolist() for name, column in decoded.channels.items()} == {
        "laeq": [78.2],
        "lcpeak": [101.3],
    }
    assert decoded.flags_all == 0


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("2026-11-23T08:00:00Z", T0_NS),
        ("2026-11-23T09:00:00+01:00", T0_NS),
        ("2026-11-23T08:00:00.5Z", T0_NS + 500_000_000),
        ("2026-11-23T08:00:00.000000001Z", T0_NS + 1),
        ("2026-11-23T08:00:00,123456789+00:00", T0_NS + 123_456_789),
    ],
)
def test_json_reads_iso_times_to_the_nanosecond(text: str, expected_ns: int) -> None:
    decoded = decode(JSON, msgspec.json.encode({"t": text, "air_temperature": 21}), ARRIVAL_NS)
    assert decoded.times_ns.tolist() == [expected_ns]


def test_a_missing_time_is_arrival_and_flagged() -> None:
    decoded = decode(JSON, b'{"laeq": 70}', ARRIVAL_NS)
    assert decoded.times_ns.tolist() == [ARRIVAL_NS]
    assert decoded.flags_all == Flag.ARRIVAL_TIME


def test_json_null_is_left_out() -> None:
    assert list(decode(JSON, b'{"laeq": 70, "lceq": null}', ARRIVAL_NS).channels) == ["laeq"]


@pytest.mark.parametrize("spelling", ['"unit": "m/s2"', '"units": {"acc_x": "m/s²", "acc_y": "m/s2"}'])
@pytest.mark.parametrize("fmt", [JSON, COLUMNS])
def test_acceleration_in_metres_per_second_squared(fmt: WireFormat, spelling: str) -> None:
    texts = {
        JSON: f'{{"t": {T0}, "acc_x": 9.80665, "acc_y": 0.0, "battery": 50, {spelling}}}',
        COLUMNS: f'{{"t0": {T0}, "acc_x": [9.80665], "acc_y": [0.0], "battery": [50], {spelling}}}',
    }
    decoded = decode(fmt, texts[fmt].encode(), ARRIVAL_NS, kind=Kind.POSTURE)
    assert decoded.channels["acc_x"].tolist() == [1.0]
    # The common unit is that of the measurement, not of the battery.
    assert decoded.channels["battery"].tolist() == [50.0]


def test_columns_follow_the_time_rule() -> None:
    decoded = decode(
        COLUMNS,
        b'{"t0": 1795420800.02, "dt": 0.02, "acc_x": [0.1, null, 0.3]}',
        ARRIVAL_NS,
        kind=Kind.POSTURE,
    )
    first = round(1795420800.02 * 1e9)
    assert decoded.times_ns.tolist() == [first, first + 20_000_000, first + 40_000_000]
    assert decoded.times_ns.dtype == np.int64
    np.testing.assert_array_equal(decoded.channels["acc_x"], [0.1, np.nan, 0.3])


def test_columns_with_irregular_times() -> None:
    decoded = decode(
        COLUMNS, b'{"t": [1795420800, 1795420800.5, "2026-11-23T08:00:07Z"], "gyr_x": [1, 2, 3]}', 0
    )
    assert decoded.times_ns.tolist() == [T0_NS, T0_NS + 500_000_000, T0_NS + 7_000_000_000]


def test_columns_without_start_end_at_arrival() -> None:
    decoded = decode(COLUMNS, b'{"dt": 1, "laeq": [70, 71]}', ARRIVAL_NS)
    assert decoded.times_ns.tolist() == [ARRIVAL_NS - 2_000_000_000, ARRIVAL_NS - 1_000_000_000]
    assert decoded.flags_all == Flag.ARRIVAL_TIME


def test_msgpack_binary_columns_stay_float32_little_endian() -> None:
    values = np.array([0.125, -1.5, 0.3], "<f4")
    payload = msgspec.msgpack.encode(
        {"t0": T0, "dt": 0.04, "acc_x": values.tobytes(), "acc_y": values.tobytes()}
    )
    decoded = decode(MSGPACK, payload, ARRIVAL_NS, kind=Kind.POSTURE)
    assert decoded.channels["acc_x"].dtype == np.float32
    np.testing.assert_array_equal(decoded.channels["acc_y"], values)


def test_msgpack_mixes_binary_columns_and_arrays() -> None:
    payload = msgspec.msgpack.encode(
        {"t0": T0, "dt": 0.04, "acc_x": np.array([0.5, 0.25], "<f4").tobytes(), "battery": [88, None]}
    )
    decoded = decode(MSGPACK, payload, ARRIVAL_NS, kind=Kind.POSTURE)
    assert decoded.channels["acc_x"].dtype == np.float32
    assert decoded.channels["battery"].dtype == np.float64
    assert math.isnan(decoded.channels["battery"][1])


def test_msgpack_converts_binary_columns_in_float32() -> None:
    payload = msgspec.msgpack.encode(
        {"t0": T0, "dt": 0.04, "acc_x": np.array([9.80665, 0.0], "<f4").tobytes(), "unit": "m/s2"}
    )
    column = decode(MSGPACK, payload, ARRIVAL_NS).channels["acc_x"]
    assert column.dtype == np.float32
    np.testing.assert_allclose(column, [1.0, 0.0], atol=1e-7)


def test_rfc8428_example_resolves_as_published() -> None:
    # RFC 8428 §5.1.3 and its resolved form in §5.1.4.
    pack = b"""[
      {"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},
      {"u":"lon","v":24.30621}, {"u":"lat","v":60.07965},
      {"t":60,"v":20.3}, {"u":"lon","t":60,"v":24.30622}, {"u":"lat","t":60,"v":60.07965},
      {"t":120,"v":20.7}, {"u":"lon","t":120,"v":24.30623}, {"u":"lat","t":120,"v":60.07966},
      {"u":"%EL","t":150,"v":98},
      {"t":180,"v":21.2}, {"u":"lon","t":180,"v":24.30628}, {"u":"lat","t":180,"v":60.07967}]"""
    expected = [
        ("%RH", 1.320067464e09, 20.0),
        ("lon", 1.320067464e09, 24.30621),
        ("lat", 1.320067464e09, 60.07965),
        ("%RH", 1.320067524e09, 20.3),
        ("lon", 1.320067524e09, 24.30622),
        ("lat", 1.320067524e09, 60.07965),
        ("%RH", 1.320067584e09, 20.7),
        ("lon", 1.320067584e09, 24.30623),
        ("lat", 1.320067584e09, 60.07966),
        ("%EL", 1.320067614e09, 98.0),
        ("%RH", 1.320067644e09, 21.2),
        ("lon", 1.320067644e09, 24.30628),
        ("lat", 1.320067644e09, 60.07967),
    ]
    resolved = resolve(senml_json._DECODE(pack))
    assert [(entry.unit, entry.time_s, entry.value) for entry in resolved] == expected
    assert {entry.name for entry in resolved} == {"urn:dev:ow:10e2073a01080063"}


def test_rfc8428_multiple_datapoints_resolve_as_published() -> None:
    resolved = resolve(senml_json._DECODE(RFC_MULTIPLE))
    assert [entry.value for entry in resolved] == [120.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    assert [entry.unit for entry in resolved] == ["V", *["A"] * 6]
    assert resolved[1].time_s == 1.276020071001e09
    assert resolved[1].name == "urn:dev:ow:10e2073a0108006:current"


def test_rfc8428_cbor_example_is_the_json_example() -> None:
    from sensors.formats.senml_cbor import _record

    from_cbor = resolve(_record(entry) for entry in cbor2.loads(RFC_CBOR))
    from_json = resolve(senml_json._DECODE(RFC_MULTIPLE))
    # The published bytes carry the base time as 1276020076.001 in binary64; both forms agree.
    assert from_cbor == from_json


@pytest.mark.parametrize("fmt", [SENML, CBOR])
def test_rfc8428_examples_measure_nothing_of_ours(fmt: WireFormat) -> None:
    with pytest.raises(PayloadError) as caught:
        decode(fmt, RFC_MULTIPLE if fmt is SENML else RFC_CBOR, ARRIVAL_NS)
    assert caught.value.code == PayloadCode.UNKNOWN_QUANTITY


def test_senml_units_names_and_relative_times() -> None:
    pack: list[dict[str, Any]] = [
        {"bn": "urn:dev:mac:0024befffe804ff1:", "n": "air_temperature", "u": "Cel", "v": 23.1},
        {"n": "relative_humidity", "u": "%RH", "v": 40, "t": -60},
        {"n": "air_speed", "u": "m/s", "v": 0.3},
        {"n": "battery", "u": "%EL", "v": 88},
    ]
    decoded = decode(SENML, msgspec.json.encode(pack), ARRIVAL_NS, kind=Kind.CLIMATE)
    assert decoded.times_ns.tolist() == [ARRIVAL_NS, ARRIVAL_NS - 60_000_000_000]
    assert decoded.flags_all == Flag.ARRIVAL_TIME
    np.testing.assert_array_equal(decoded.channels["air_temperature"], [23.1, np.nan])
    np.testing.assert_array_equal(decoded.channels["relative_humidity"], [np.nan, 40.0])


@pytest.mark.parametrize("fmt", [SENML, CBOR])
def test_senml_base_value_time_and_posture_units(fmt: WireFormat) -> None:
    records: list[dict[str, Any]] = [
        {"bn": "band/7/", "bt": float(T0), "bu": "m/s2", "bv": 1.0, "bver": 10},
        {"n": "acc_x", "v": 8.80665},
        {"n": "acc_y", "v": -1.0, "t": 0.02},
        {"n": "gyr_z", "u": "rad/s", "v": math.pi - 1.0, "t": 0.02},
    ]
    if fmt is CBOR:
        labels = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "n": 0, "u": 1, "v": 2, "t": 6}
        payload = cbor2.dumps([{labels[key]: value for key, value in row.items()} for row in records])
    else:
        payload = msgspec.json.encode(records)
    decoded = decode(fmt, payload, ARRIVAL_NS, kind=Kind.POSTURE)
    assert decoded.times_ns.tolist() == [T0_NS, T0_NS + 20_000_000]
    assert decoded.flags_all == 0
    assert decoded.channels["acc_x"][0] == pytest.approx(1.0)
    assert decoded.channels["acc_y"][1] == 0.0
    assert decoded.channels["gyr_z"][1] == pytest.approx(180.0)


def test_senml_cbor_takes_decimal_fractions_half_floats_and_integers() -> None:
    # 273.15 as decimal fraction is RFC 8949 §3.4.4's own example; here as humidity 27.315.
    payload = b"\x83" + b"".join(
        [
            bytes.fromhex("a4")
            + b"\x00\x71relative_humidity"
            + b"\x01\x63%RH"
            + b"\x02"
            + bytes.fromhex("c48222196ab3")
            + b"\x06\x00",
            bytes.fromhex("a3") + b"\x00\x6fair_temperature" + b"\x01\x63Cel" + b"\x02\xf9\x4d\x00",
            bytes.fromhex("a3") + b"\x00\x69air_speed" + b"\x01\x63m/s" + b"\x02\x02",
        ]
    )
    decoded = decode(CBOR, payload, ARRIVAL_NS)
    assert decoded.channels["relative_humidity"].tolist() == [27.315]
    assert decoded.channels["air_temperature"].tolist() == [20.0]
    assert decoded.channels["air_speed"].tolist() == [2.0]


def test_senml_later_record_wins() -> None:
    pack = [{"bt": T0, "n": "laeq", "u": "dB", "v": 70}, {"n": "laeq", "u": "dB", "v": 71}]
    assert decode(SENML, msgspec.json.encode(pack), ARRIVAL_NS).channels["laeq"].tolist() == [71.0]


def test_eight_levels_a_second_are_accepted() -> None:
    decoded = decode(COLUMNS, b'{"t0": 1795420800, "dt": 0.125, "laeq": [1,2,3,4,5,6,7,8,9]}', ARRIVAL_NS)
    assert len(decoded.times_ns) == 9
    irregular = msgspec.json.encode({"t": [T0 + i / 8 for i in range(40)], "laeq": [70.0] * 40})
    assert len(decode(COLUMNS, irregular, ARRIVAL_NS).times_ns) == 40


def test_full_scale_survives_conversion() -> None:
    pack = [{"bt": T0, "n": "gyr_x", "u": "rad/s", "v": 4000.0 * (math.pi / 180.0) * (1 + 1e-15)}]
    assert decode(SENML, msgspec.json.encode(pack), ARRIVAL_NS).channels["gyr_x"].tolist() == [4000.0]
    columns = msgspec.json.encode({"t0": T0, "acc_x": [-313.8128000001], "unit": "m/s2"})
    assert decode(COLUMNS, columns, ARRIVAL_NS).channels["acc_x"].tolist() == [-32.0]


def test_a_fast_posture_message_with_battery_passes() -> None:
    decoded = decode(
        COLUMNS, b'{"t0": 1795420800, "dt": 0.01, "acc_x": [1, 1], "battery": [null, 99]}', ARRIVAL_NS
    )
    assert decoded.channels["battery"][1] == 99.0


@pytest.mark.parametrize("fmt", list(WireFormat))
def test_encoding_refuses_what_could_not_be_read_back(fmt: WireFormat) -> None:
    times = np.array([T0_NS], np.int64)
    with pytest.raises(UsageError, match="no row"):
        encode(fmt, times[:0], {"laeq": np.empty(0)})
    with pytest.raises(UsageError, match="unknown quantity"):
        encode(fmt, times, {"heart_rate": np.array([1.0])})
    with pytest.raises(UsageError, match="differs in length"):
        encode(fmt, times, {"laeq": np.array([1.0, 2.0])})


def test_json_takes_one_row() -> None:
    with pytest.raises(UsageError, match="one reading a message"):
        encode(JSON, np.array([T0_NS, T0_NS + 1], np.int64), {"laeq": np.array([1.0, 2.0])})
