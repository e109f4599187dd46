"""A fleet on paper and as a workbook: the worst stay, nothing is lost, the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import openpyxl
import pytest
from pypdf import PdfReader

from dashboards.fleet.render import render_fleet
from dashboards.fleet.view import build_fleet_view
from indicators.fleet.model import FleetResult
from sensors.errors import UsageError


def test_a_format_nobody_knows_is_refused(result: FleetResult, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="html, pdf, csv, xlsx, json"):
        render_fleet(result, tmp_path, ("html", "odt"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_fleet_on_paper(result: FleetResult, tmp_path: Path, language: str) -> None:
    first, again = (render_fleet(result, tmp_path / n, ("pdf",), language)[0].read_bytes() for n in "ab")
    assert first == again
    paper = PdfReader(io.BytesIO(first))
    root = cast("Any", paper.trailer["/Root"])
    assert root["/Lang"] == language
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_data()
    said = " ".join(" ".join(page.extract_text().split()) for page in paper.pages)
    assert "Enclosed the press" in said
    assert "{" not in said
    for line in result.sites:
        assert line.label in said


def test_paper_keeps_the_worst_and_says_how_many_more(result: FleetResult) -> None:
    copies = [replace(result.sites[0], id=f"s{n}", label=f"S {n}") for n in range(100)]
    whole = build_fleet_view(replace(result, sites=tuple(copies)), "fr")
    paper = build_fleet_view(replace(result, sites=tuple(copies)), "fr", most=24)
    assert (len(whole.sites), whole.more_sites) == (100, "")
    assert [row.label for row in paper.sites] == [f"S {n}" for n in range(24)]
    assert paper.more_sites.startswith("76 autres sites")


def test_alike_practices_stand_together_and_are_counted(result: FleetResult) -> None:
    practice = result.practices[0]
    many = tuple(
        replace(practice, worse=replace(practice.worse, site=f"s{n}", site_label=f"S {n}")) for n in range(9)
    )
    view = build_fleet_view(replace(result, practices=many), "en")
    (lesson,) = view.lessons
    assert [place.site for place in lesson.worse] == [f"S {n}" for n in range(6)]
    assert lesson.more == "and 3 more sites, less exposed"
    assert "9 differences" in view.lead


def test_the_workbook_has_numbers_with_units_above_them(result: FleetResult, tmp_path: Path) -> None:
    (path,) = render_fleet(result, tmp_path, ("xlsx",), "en")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[:2] == ["Sites", "Differences"]
    head, *rows = book["Noise"].iter_rows(values_only=True)
    level = head.index("Daily exposure, LEX,8h [dB(A)]")
    shown = {
        (row.family, place.site_label): place.indicator.value
        for row in result.families
        if row.indicator == "lex_8h"
        for place in row.places
    }
    assert {(row[0], row[1]): row[level] for row in rows} == pytest.approx(shown)
    names, *lines = book["Sites"].iter_rows(values_only=True)
    above = names.index("Noise, Above")
    assert [line[above] for line in lines] == [2, 0, None]
