"""Logger exports with the habits of their makers: what is understood, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ingest.importers.dialect import parse_moment, parse_number
from ingest.importers.plan import ImportPlan, plan_import
from sensors.errors import PayloadError, UsageError
from sensors.readings import Flag
from sensors.site_model import ImportRule, Sensor
from vigiposte import app

PARIS = ZoneInfo("Europe/Paris")


def to_ns(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
    return round(aware.timestamp() * 1e6) * 1000


def understand(path: Path, kind: str, codec: str, **rule: Any) -> ImportPlan:
    sensor = Sensor.model_validate({"id": "s1", "kind": kind})
    row = ImportRule.model_validate({"file": path.name, "codec": codec, "sensor": "s1", **rule})
    return plan_import(path, row, sensor, "site", to_ns)


def written(tmp_path: Path, content: bytes, name: str = "export.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


DOSIMETER = (
    "Instrument;SV 104;S/N 12345\r\n"
    "Calibrated;15/11/2026\r\n"
    "Date;Time;LEQ dB -A ;LEQ dB -C;Peak dB -C;Motion\r\n"
    "jj/mm/aaaa;hh:mm:ss;dB;dB;dB;µ\r\n"
    "16/11/2026;08:00:00;78,4;80,1;101,3;1\r\n"
    "16/11/2026;08:00:01;79,0;80,9;102,0;1\r\n"
    "16/11/2026;08:00:02;overload;80,9;102,0;1\r\n"
    "16/11/2026;08:00:03;;80,9;102,0;1\r\n"
)


@pytest.mark.parametrize(
    ("header", "kind", "channels"),
    [
        ("Niveau LAeq,1s [dB];Niveau LAFmax;Crête LC", "noise", ["laeq", "laf_max", "lcpeak"]),
        ("Température de l'air;Humidité relative (%);Température globe", "climate", ["air", "rh", "globe"]),
        ("HR;Vitesse de l'air;Batterie", "climate", ["rh", "speed", "battery"]),
    ],
)
def test_columns_may_have_french_names(tmp_path: Path, header: str, kind: str, channels: list[str]) -> None:
    short = {
        "air": "air_temperature",
        "rh": "relative_humidity",
        "globe": "globe_temperature",
        "speed": "air_speed",
    }
    text = f"N°;Date et heure;{header}\r\n1;16/11/2026 08:00:00;21,5;22;23\r\n"
    codec = "dosimeter_csv" if kind == "noise" else "temperature_csv"
    plan = understand(written(tmp_path, text.encode("latin-1")), kind, codec)
    assert [use.channel for use in plan.columns] == [short.get(name, name) for name in channels]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_dosimeter_semicolon_comma_day_first(tmp_path: Path, encoding: str) -> None:
    plan = understand(written(tmp_path, DOSIMETER.encode(encoding)), "noise", "dosimeter_csv")
    assert plan.dialect is not None
    assert (plan.dialect.separator, plan.dialect.decimal, plan.dialect.header_line) == (";", ",", 3)
    assert plan.dialect.unit_row
    assert [use.channel for use in plan.columns] == ["laeq", "lceq", "lcpeak"]
    assert plan.ignored == ("Motion",)
    assert plan.batch.channels["laeq"].tolist()[:2] == [78.4, 79.0]
    assert np.isnan(plan.batch.channels["laeq"][2])
    assert plan.batch.times_ns[0] == to_ns(datetime(2026, 11, 16, 8, 0, 0))
    assert set(plan.batch.flags) == {int(Flag.IMPORTED)}
    assert [(row.line, "overload" in row.reason) for row in plan.refused] == [(7, True)]


KESTREL = (
    "Device Name,KESTREL - 2512345\n"
    "FORMATTED DATE_TIME,Dry Bulb Temp,Rel Hum,Globe Temperature,Na Wet Bulb Temp,Wind Speed,WBGT\n"
    "yyyy-MM-dd hh:mm:ss,°C,%,°C,°C,m/s,°C\n"
    "2026-07-16 02:00:00 PM,31.5,40.2,44.1,24.5,0.4,27.2\n"
    "2026-07-16 02:10:00 PM,31.9,39.8,44.7,24.6,0.3,27.4\n"
)


def test_kestrel_with_units_below_the_names(tmp_path: Path) -> None:
    text = KESTREL.replace("2026-07-16 02:00:00 PM", "16/07/2026 02:00:00 PM").replace(
        "2026-07-16 02:10:00 PM", "16/07/2026 02:10:00 PM"
    )
    plan = understand(written(tmp_path, text.encode()), "climate", "temperature_csv")
    assert plan.batch.times_ns[0] == to_ns(datetime(2026, 7, 16, 14, 0))
    assert {use.channel for use in plan.columns} == {
        "air_temperature",
        "relative_humidity",
        "globe_temperature",
        "natural_wet_bulb_temperature",
        "air_speed",
    }
    assert plan.ignored == ("WBGT",)


def test_tinytag_fahrenheit_tab_and_month_first(tmp_path: Path) -> None:
    text = "Time\tTemperature (°F)\tHumidity (%RH)\n07/16/2026 14:00\t86\t40\n07/16/2026 14:10\t95\t41\n"
    plan = understand(
        written(tmp_path, text.encode("latin-1")), "climate", "temperature_csv", day_first=False
    )
    assert plan.batch.channels["air_temperature"] == pytest.approx([30.0, 35.0])


def test_rows_out_of_order_and_out_of_range(tmp_path: Path) -> None:
    text = "time;temp\n2026-11-16T09:00:00;21,5\n2026-11-16T08:00:00;20,5\n2026-11-16T10:00:00;999\n"
    plan = understand(written(tmp_path, text.encode()), "climate", "temperature_csv")
    assert plan.batch.channels["air_temperature"].tolist() == [20.5, 21.5]
    assert plan.refused[0].line == 4
    assert "outside" in plan.refused[0].reason


def test_chosen_columns_win(tmp_path: Path) -> None:
    text = "when,a,b\n2026-11-16T08:00:00Z,70,71\n"
    columns = {"time": "when", "laeq": "b"}
    with pytest.raises(PayloadError) as caught:
        understand(written(tmp_path, text.encode()), "noise", "dosimeter_csv", columns=columns)
    assert caught.value.code == "no_header"
    named = text.replace("when", "time")
    plan = understand(
        written(tmp_path, named.encode()), "noise", "dosimeter_csv", columns={"time": "time", "laeq": "b"}
    )
    assert plan.batch.channels["laeq"].tolist() == [71.0]


@pytest.mark.parametrize(
    ("content", "rule", "code"),
    [
        (b"", {}, "empty_file"),
        (b"PK\x03\x04\x00\x00", {}, "binary_file"),
        (b"1;2;3\n4;5;6\n", {}, "no_header"),
        (b"time;colour\n2026-11-16T08:00:00;red\n", {}, "no_columns"),
        (b"time;leq\n2026-11-16T08:00:00;70\n", {"columns": {"laeq": "level"}}, "unknown_column"),
        (b"time;leq\n2026-11-16T08:00:00;70\n", {"units": {"laeq": "sone"}}, "unknown_unit"),
    ],
)
def test_files_that_are_not_understood(
    tmp_path: Path, content: bytes, rule: dict[str, Any], code: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        understand(written(tmp_path, content), "noise", "dosimeter_csv", **rule)
    assert caught.value.code == code
    assert "export.csv" in str(caught.value)


def parquet(folder: Path, frame: pd.DataFrame) -> Path:
    frame.to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def csv_named(folder: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def csv_bare(folder: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(folder / "b.csv", index=False, header=False)
    return folder / "b.csv"


@pytest.mark.parametrize("write", [parquet, csv_named, csv_bare])
def test_axivity_across_the_change_to_winter_time(
    tmp_path: Path, write: Callable[[Path, pd.DataFrame], Path]
) -> None:
    wall = pd.to_datetime(["2026-10-25 01:59:59.980", "2026-10-25 03:00:00.000", "2026-10-25 03:00:00.020"])
    frame = pd.DataFrame({"time": wall, "x": [1.0, 0.9, 99.0], "y": [0.0, 0.1, 0.0], "z": [0.0, 0.2, 0.0]})
    plan = understand(write(tmp_path, frame), "posture", "axivity")
    assert plan.batch.times_ns.tolist() == [
        to_ns(datetime(2026, 10, 25, 1, 59, 59, 980_000)),
        to_ns(datetime(2026, 10, 25, 3, 0, 0)),
    ]
    assert plan.batch.channels["acc_x"].tolist() == [1.0, 0.9]
    assert "1 rows" in plan.refused[0].reason


@pytest.mark.recordings
def test_real_recording_is_read_whole(recordings: Path) -> None:
    plan = understand(recordings / "posture" / "S023_trunk.parquet", "posture", "axivity")
    raw = pd.read_parquet(recordings / "posture" / "S023_trunk.parquet")
    assert len(plan.batch) == len(raw)


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("1 234,5", ",", 1234.5),
        ("78.4", ".", 78.4),
        ("", ".", None),
        ("1.234,5", ",", 1234.5),
        ("--", ",", None),
    ],
)
def test_numbers(cell: str, decimal: str, value: float | None) -> None:
    assert parse_number(cell, decimal) == value


@pytest.mark.parametrize(
    ("cell", "day_first", "expected"),
    [
        ("16/11/2026 08:00:00", True, datetime(2026, 11, 16, 8)),
        ("11/16/2026 08:00:00", False, datetime(2026, 11, 16, 8)),
        ("16.11.2026 08:00", True, datetime(2026, 11, 16, 8)),
        ("2026-11-16 08:00:00", True, datetime(2026, 11, 16, 8)),
        ("16/11/2026 02:00:00 PM", True, datetime(2026, 11, 16, 14)),
    ],
)
def test_dates(cell: str, day_first: bool, expected: datetime) -> None:
    assert parse_moment(cell, day_first=day_first) == expected


def test_an_unknown_codec_is_named_with_those_there_are(tmp_path: Path) -> None:
    export = tmp_path / "noise.csv"
    export.write_text("time;LAeq\n16/11/2026 08:00:00;78,2\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["init", str(tmp_path / "plant")]).exit_code == 0
    refused = (
        CliRunner()
        .invoke(
            app,
            [
                "import",
                str(export),
                "--sensor",
                "mic-1",
                "--codec",
                "dosimeter",
                "--site",
                str(tmp_path / "plant"),
            ],
        )
        .exception
    )
    assert isinstance(refused, UsageError)
    assert "dosimeter_csv, temperature_csv, axivity" in str(refused)
