from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from dashboards.plots import (
    contributions,
    distribution,
    heat,
    projection,
    svg,
    timeline,
    tokens,
    trend,
    whiskers,
)
from dashboards.plots.axes import Axis, ticks
from dashboards.plots.verdicts import glyph, unit_chart
from indicators.limits import Comparison, Role
from indicators.model import RatioKind, Verdict

EVIL = '<script>alert(1)</script>"&'
SVG = "{http://www.w3.org/2000/svg}"


def say(value: float) -> str:
    return f"{value:g}"


def parse(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own drawings


def limit(value: float, **changes: object) -> whiskers.LimitMark:
    fields = {"comparison": Comparison.AT_LEAST, "role": Role.ACTION, "ranking": False} | changes
    return whiskers.LimitMark(value, **fields)  # type: ignore[arg-type]


def drawings() -> dict[str, str]:
    reading = whiskers.Reading(
        91.2, 87.5, 94.9, Verdict.ABOVE, (limit(80.0), limit(85.0, ranking=True)), RatioKind.ENERGY
    )
    empty = whiskers.Reading(None, None, None, Verdict.NOT_MEASURED, (limit(85.0),), RatioKind.ENERGY)
    cold = whiskers.Reading(
        -30.0, -31.0, -29.0, None, (limit(5.0, comparison=Comparison.AT_MOST),), RatioKind.TEMPERATURE_STEP
    )
    nan = math.nan
    return {
        "cell": whiskers.cell(reading),
        "cell_empty": whiskers.cell(empty),
        "cell_cold": whiskers.cell(cold),
        "cell_no_limit": whiskers.cell(whiskers.Reading(3.0, 2.0, 4.0, None)),
        "full": whiskers.full_scale(reading, say),
        "full_empty": whiskers.full_scale(empty, say, narrow=True),
        "full_cold": whiskers.full_scale(cold, say),
        "units": unit_chart(Verdict.BELOW, 60),
        "units_none": unit_chart(Verdict.ABOVE, 0),
        "glyph": glyph(None),
        "apdf": distribution.apdf(
            [0.0, 30.0, 60.0, 90.0],
            [1.0, 50.0, 92.0, 100.0],
            percentiles={"p50": 30.0},
            thresholds=[60.0],
            x_label=EVIL,
            y_label=EVIL,
            say=say,
            say_beyond=lambda share, limit: f"{say(share)} {say(limit)} {EVIL}",
            alt=EVIL,
            thin=[[2.0, 55.0, 90.0, 100.0]],
        ),
        "eva": distribution.eva(
            [[60.0, 20.0], [15.0, 5.0]],
            level_labels=["0–60", EVIL],
            duration_labels=["0–1", EVIL],
            total_label="total",
            corner_label=EVIL,
            say=say,
            alt=EVIL,
            rule_below=1,
        ),
        "bands": distribution.time_in_bands(["0–60°", EVIL], [92.0, 8.0], say_percent=say, alt=EVIL),
        "tasks": contributions.task_bars(
            [contributions.TaskShare(EVIL * 5, 70.0, 20.0, "92")],
            dose=EVIL,
            time="t",
            level="l",
            say_both=lambda dose, time: f"{say(dose)} {say(time)} {EVIL}",
            alt=EVIL,
        ),
        "hours": contributions.hour_bars(
            [contributions.HourShare(5, 40.0), contributions.HourShare(6, 60.0, 0.3)],
            say=say,
            say_hour=str,
            alt=EVIL,
        ),
        "hours_none": contributions.hour_bars([], say=say, say_hour=str, alt="none"),
        "projection": projection.projection(
            [10.0, 20.0],
            [8.0 * m for m in range(1, 13)],
            [14.0 * m for m in range(1, 13)],
            130.0,
            limit=100.0,
            verdict=Verdict.NOT_SETTLED,
            month_names=[EVIL] * 12,
            say=say,
            alt=EVIL,
        ),
        "timeline": timeline.timeline(
            [0.0, 1.0, 2.0, 3.0, 4.0],
            [1.0, 2.0, nan, 2.0, 1.0],
            [3.0, 4.0, nan, 4.0, 3.0],
            [2.0, 3.0, nan, 3.0, 2.0],
            limits=[(3.5, EVIL)],
            shades=[timeline.Shade(1.5, 2.5, "gap", EVIL), timeline.Shade(0, 4, "shift")],
            say=say,
            say_time=say,
            time_ticks=[0.0, 2.0, 4.0],
            alt=EVIL,
        ),
        "timeline_empty": timeline.timeline(
            [], [], [], [], limits=[], shades=[], say=say, say_time=say, time_ticks=[], alt="empty"
        ),
        "trend": trend.trend(
            [(None, None, None, Verdict.NOT_MEASURED), (2.0, 1.0, 3.0, Verdict.BELOW)],
            4.0,
            labels=[EVIL, "W47"],
            say=say,
            say_value=say,
        ),
        "cell_axis": whiskers.cell_axis([reading], say, under=EVIL, limit=EVIL, over=EVIL),
        "cell_axis_none": whiskers.cell_axis([], say, under="u", limit="l", over="o"),
        "before_after": trend.before_after(
            [(EVIL, 2.0, 1.0, 3.0), ("b", 3.0, 2.0, 4.0)], limit=2.5, say=say, alt=EVIL
        ),
        "strip": trend.strip(["received"] * 5 + ["missing"] * 2 + ["idle"], alt=EVIL),
        "coverage": heat.coverage_bar(0.93),
    }


@pytest.mark.parametrize("name", list(drawings()))
def test_drawings_are_well_formed_named_or_hidden_and_escaped(name: str) -> None:
    drawing = drawings()[name]
    root = parse(drawing)
    assert root.tag == f"{SVG}svg"
    assert ("aria-label" in root.attrib) != (root.attrib.get("aria-hidden") == "true")
    assert not list(root.iter(f"{SVG}script"))
    parse(svg.standalone(drawing))


@pytest.mark.parametrize("name", list(drawings()))
def test_drawings_use_no_inline_style_and_known_classes_only(name: str) -> None:
    known = set(tokens.plot_css().replace("{", " ").replace(",", " ").split())
    for element in parse(drawings()[name]).iter():
        assert "style" not in element.attrib
        for css in element.attrib.get("class", "").split():
            assert f".{css}" in known | {".w", ".g", ".unit", ".trend", ".strip", ".cov"}, css


def test_the_paper_style_leaves_no_variable_behind() -> None:
    assert "var(" not in tokens.standalone_css()


def test_the_anchoring_limit_has_one_place_in_every_row() -> None:
    places = set()
    for value in (52.0, 84.96, 91.2):
        reading = whiskers.Reading(
            value, value - 3, value + 3, Verdict.BELOW, (limit(85.0, ranking=True),), RatioKind.ENERGY
        )
        line = next(e for e in parse(whiskers.cell(reading)).iter() if e.attrib.get("class") == "lm")
        places.add(line.attrib["x1"])
    assert len(places) == 1


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in parse(drawing).iter() if element.tag == f"{SVG}text"]


def test_the_head_of_a_column_names_the_limits_that_all_rows_share_and_no_others() -> None:
    both = (limit(80.0), limit(85.0, ranking=True))
    noisy = whiskers.Reading(91.0, 88.0, 94.0, Verdict.ABOVE, both, RatioKind.ENERGY)
    warm = whiskers.Reading(29.0, 27.0, 31.0, Verdict.ABOVE, (limit(23.0, ranking=True),), RatioKind.ENERGY)
    words = {"under": "under", "limit": "limit", "over": "over"}
    assert set(texts(whiskers.cell_axis([noisy, noisy], say, **words))) == {"under", "over", "80", "85"}
    assert set(texts(whiskers.cell_axis([noisy, warm], say, **words))) == {"under", "over", "limit"}


def test_the_cumulative_curve_says_how_much_time_lies_beyond_each_threshold() -> None:
    drawing = distribution.apdf(
        [0.0, 30.0, 60.0],
        [0.0, 50.0, 100.0],
        percentiles={},
        thresholds=[15.0, 45.0],
        x_label="",
        y_label="",
        say=say,
        say_beyond=lambda share, at: f"{share:.0f} beyond {at:.0f}",
        alt="curve",
    )
    assert {"75 beyond 15", "25 beyond 45"} <= set(texts(drawing))


def test_a_missing_value_is_hatched_and_has_no_mark() -> None:
    reading = whiskers.Reading(None, None, None, Verdict.NOT_MEASURED, (limit(85.0),), RatioKind.ENERGY)
    cell = whiskers.cell(reading)
    assert "url(#ha)" in cell
    assert "v-none" not in cell


def test_the_marker_is_left_of_the_limit_exactly_when_the_value_is() -> None:
    for value in (84.6, 84.96, 85.04, 85.4):
        reading = whiskers.Reading(
            value, None, None, Verdict.NOT_SETTLED, (limit(85.0, ranking=True),), RatioKind.ENERGY
        )
        root = parse(whiskers.full_scale(reading, say))
        line = next(e for e in root.iter() if e.attrib.get("class") == "lm")
        mark = next(e for e in root.iter() if "translate" in e.attrib.get("transform", ""))
        x = float(mark.attrib["transform"].split("(")[1].split()[0])
        assert (x - float(line.attrib["x1"])) * (value - 85.0) >= 0


def test_a_gap_in_a_timeline_is_never_bridged() -> None:
    root = parse(drawings()["timeline"])
    curves = [e.attrib["d"] for e in root.iter() if e.attrib.get("class") == "cu"]
    assert len(curves) == 2
    assert "nan" not in drawings()["timeline"]


def test_heat_steps_put_a_value_on_a_limit_beyond_it() -> None:
    bounds = heat.step_bounds([80.0, 85.0], energy=True)
    assert bounds == (75.0, 80.0, 85.0, 88.0)
    assert [heat.step(v, bounds) for v in (70.0, 79.9, 80.0, 84.99, 85.0, 92.0)] == [0, 1, 2, 2, 3, 4]
    assert heat.step_bounds([10.0], energy=False) == (5.0, 8.0, 10.0, 15.0)
    assert heat.step_bounds([], energy=True) == ()


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.0, 100.0, 5) == (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    assert ticks(3.0, 3.0) == (3.0,)
    axis = Axis(0.0, 10.0, 0.0, 100.0)
    assert [axis(v) for v in (-5.0, 2.5, 12.0, math.nan)] == [0.0, 25.0, 100.0, 0.0]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_verdict_colours_read_on_paper_and_the_ramp_is_monotonic() -> None:
    paper = luminance(tokens.LIGHT["paper"])
    for name in ("above", "unsettled", "below", "none", "ink", "ink-2", "ink-3"):
        contrast = (paper + 0.05) / (luminance(tokens.LIGHT[name]) + 0.05)
        assert contrast >= 4.5, name
    ramp = [luminance(tokens.LIGHT[f"h{i}"]) for i in range(5)]
    assert ramp == sorted(ramp, reverse=True)


def test_the_page_defines_every_token_that_drawings_use() -> None:
    sheet = (Path(tokens.__file__).parents[1] / "static" / "style.css").read_text(encoding="utf-8")
    for name in tokens.LIGHT:
        assert f"--{name}:" in sheet
