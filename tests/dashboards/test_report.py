from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from dashboards.report import Surroundings, render_report
from dashboards.report.build import build_view
from dashboards.report.changes import changes
from dashboards.report.html import render_html
from dashboards.report.model import Change
from dashboards.report.pdf import render_pdf
from dashboards.report.tables import csv_text, guarded, plain_sheet
from dashboards.wording import Wording
from indicators.model import Audience, Indicator, Interval, Note, Scope, WeeklyResult
from sensors.errors import GovernanceError, UsageError

NBSP = "\u00a0"


def text_of(html: str) -> str:
    body = re.sub(r"<(style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", body)).replace("\u202f", " ").replace(NBSP, " ")


def pdf_text(data: bytes) -> str:
    pages = PdfReader(io.BytesIO(data)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.fixture(scope="module")
def html_fr(plant: WeeklyResult, plant_before: WeeklyResult) -> str:
    around = Surroundings(
        previous=plant_before,
        health=[("DB-09", "En ligne", "22 novembre", "0", "38 %", "mars 2026")],
        exclusions=[("mar. 17 9 h 10", "mar. 17 9 h 33", "DB-07", "capteur posé", "ergo")],
        names={"morning": "Équipe du matin"},
        group_size=5,
    )
    return render_html(build_view(plant, "fr", around))


def test_the_first_sentence_names_the_most_urgent_with_value_margin_and_limit(html_fr: str) -> None:
    shown = text_of(html_fr)
    assert "Presse 1 est le plus urgent : 91,2 dB(A), au moins 2,5 dB au-dessus de 85." in shown
    assert "Quatre postes dépassent une limite." in shown
    assert "Quatre verdicts restent à trancher et un n’a pas été mesuré." in shown


def test_sections_come_in_the_order_a_reader_needs_them(html_fr: str) -> None:
    heads = re.findall(r"<h[12][^>]*>(.*?)</h[12]>", html_fr)
    wanted = [
        "Semaine 47",
        "Du pire au mieux",
        "À mesurer ensuite",
        "Ce qui a changé",
        "Presse 1",
        "Assemblage 3",
        "Four 2",
        "Meulage 4",
        "Projection annuelle (C2P)",
        "Couverture",
        "Capteurs",
        "Fenêtres écartées",
        "Méthode, limites et sources",
        "Données et confidentialité",
        "Glossaire",
        "Versions",
    ]
    positions = [heads.index(head) for head in wanted]
    assert positions == sorted(positions)


def test_every_verdict_is_a_word_beside_its_mark(html_fr: str) -> None:
    for word in ("Au-dessus", "Non tranché", "Sous le seuil", "Non mesuré"):
        assert word in html_fr
    assert html_fr.count("v-above") >= 4


def test_values_intervals_limits_sources_and_grades_are_shown(html_fr: str) -> None:
    shown = text_of(html_fr)
    assert "84,96 dB(A)" in shown
    assert "[87,5 ; 94,9]" in shown
    assert "Arvidsson et al. 2021, Table 3" in shown
    assert "citée de mémoire" in shown
    assert "8c41f2a09b31" in shown
    assert "vigiposte explain POSTE INDICATEUR" in shown


def test_what_is_withheld_keeps_its_row_and_says_why(html_fr: str) -> None:
    row = next(part for part in html_fr.split("<tr") if "Maintenance" in part and "18,4" in part)
    assert "Non affiché" in row
    assert "v-withheld" in row


def test_changes_name_the_verdict_that_moved(html_fr: str) -> None:
    assert "passe de Non tranché à Au-dessus" in text_of(html_fr)
    assert "28,1 → 29,3 °C" in text_of(html_fr)


def test_only_values_that_a_limit_judges_are_news(plant: WeeklyResult) -> None:
    station = plant.workstations[0]
    noise = station.factors[0]
    judged = next(i for i in noise.indicators if i.scope is Scope.USUAL and i.limits)
    plain = replace(judged, id="laeq_shift", limits=())

    def week(like: Indicator, value: float) -> Indicator:
        shown = Interval(value - 0.5, value + 0.5)
        return replace(like, scope=Scope.WEEK, value=value, interval=shown, limits=())

    def news(first: Indicator, second: Indicator) -> tuple[Change, ...]:
        def result(extra: Indicator) -> WeeklyResult:
            changed = replace(noise, indicators=(judged, plain, extra))
            return replace(plant, workstations=(replace(station, factors=(changed,)),))

        return changes(result(second), result(first), Wording("fr"))

    assert len(news(week(judged, 80.0), week(judged, 90.0))) == 1
    assert news(week(plain, 80.0), week(plain, 90.0)) == ()
    assert news(week(judged, 80.0), week(judged, 80.5)) == ()


def test_health_exclusions_and_shift_names_come_from_the_site(html_fr: str) -> None:
    shown = text_of(html_fr)
    assert "DB-09" in shown
    assert "capteur posé" in shown
    assert "Équipe du matin" in shown


def test_english_is_as_complete(plant: WeeklyResult) -> None:
    shown = text_of(render_html(build_view(plant, "en", Surroundings(group_size=5))))
    assert "Presse 1 is the most urgent: 91.2 dB(A), at least 2.5 dB above 85." in shown
    assert "16–22 November 2026" in shown
    assert "A group of fewer than 5 wearers is never shown." in shown
    for french in ("Au-dessus", "Poste ", "Couverture", "dépasse"):
        assert french not in shown


def test_the_html_file_needs_no_network_and_has_no_script(html_fr: str) -> None:
    assert "<script" not in html_fr
    assert not re.search(r'(?:src|href)="(?!#|data:)[^"]*"', html_fr)
    assert not re.search(r"url\((?!#|data:)", html_fr)
    assert "default-src 'none'" in html_fr


def test_the_analyst_edition_says_that_it_must_not_circulate(plant: WeeklyResult, tmp_path: Path) -> None:
    analyst = replace(plant, audience=Audience.ANALYST)
    assert "ne pas diffuser" in render_html(build_view(analyst, "fr"))
    assert "ne pas diffuser" not in render_html(build_view(plant, "fr"))
    table, document = render_report(analyst, tmp_path, ("csv", "json"), "fr")
    assert table.name == "saint-aubin-2026-W47-analyst-fr.csv"
    head, *lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert head.endswith(";circulation")
    assert lines
    assert all("ne pas diffuser" in line for line in lines)
    assert json.loads(document.read_text(encoding="utf-8"))["audience"] == "analyst"
    (plain,) = render_report(plant, tmp_path, ("csv",), "fr")
    assert "circulation" not in plain.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["pdf", "xlsx"])
def test_the_analyst_edition_is_no_document_to_send_on(
    plant: WeeklyResult, tmp_path: Path, form: str
) -> None:
    analyst = replace(plant, audience=Audience.ANALYST)
    with pytest.raises(GovernanceError) as caught:
        render_report(analyst, tmp_path, ("html", form), "fr")
    assert caught.value.code == "analyst_circulation"
    assert "not for circulation" in str(caught.value)
    assert "dashboard" in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing is written beside what is refused"


def test_stays_of_worn_sensors_are_for_the_analyst(plant: WeeklyResult) -> None:
    titles = {f.title for s in build_view(plant, "fr").stations for f in s.figures}
    assert "Distribution" in titles
    assert "Statique ou dynamique" not in titles
    alone = replace(plant.workstations[0], factors=plant.workstations[0].factors[1:2])
    analyst = replace(plant, audience=Audience.ANALYST, workstations=(alone,))
    assert "Statique ou dynamique" in {f.title for s in build_view(analyst, "fr").stations for f in s.figures}


def test_labels_cannot_break_out_of_html(hostile_plant: WeeklyResult) -> None:
    html = render_html(build_view(hostile_plant, "fr", Surroundings(previous=hostile_plant)))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{7*7}}" in html
    assert "<b>49</b>" not in html


def test_labels_cannot_break_out_of_the_pdf(hostile_plant: WeeklyResult) -> None:
    shown = pdf_text(render_pdf(build_view(hostile_plant, "en"), hostile_plant.period))
    assert "<script>alert(1)</script>" in shown.replace(" ", "")
    assert '#eval("1")' in shown.replace("“", '"').replace(" ", "")


def test_labels_cannot_become_formulas(hostile_plant: WeeklyResult, tmp_path: Path) -> None:
    for start in ("=", "+", "-", "@", "\t"):
        assert guarded(f"{start}1").startswith("'")
    table = csv_text(plain_sheet(hostile_plant), "en")
    assert "\n=HYPERLINK" not in table
    assert ",=" not in table
    path = render_report(hostile_plant, tmp_path, ("xlsx",), "fr")[0]
    for sheet in load_workbook(path).worksheets:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
            assert all(cell.hyperlink is None for cell in row)


def test_csv_holds_unrounded_numbers_with_units_in_headers(plant: WeeklyResult) -> None:
    english = list(csv.DictReader(io.StringIO(csv_text(plain_sheet(plant), "en"))))
    row = next(r for r in english if r["workstation"] == "meulage-4" and r["lex_8h [dB(A)]"])
    assert float(row["lex_8h [dB(A)]"]) == 84.96
    assert row["lex_8h verdict"] == "above"
    assert float(row["lex_8h coverage [%]"]) == 93.0
    french = list(csv.DictReader(io.StringIO(csv_text(plain_sheet(plant), "fr")), delimiter=";"))
    assert next(r for r in french if r["workstation"] == "meulage-4")["lex_8h [dB(A)]"] == "84,96"
    assert (
        next(r for r in french if r["workstation"] == "chambre-froide")["arm_elevation_ge60_share [%]"] == ""
    )


def test_the_workbook_has_a_sheet_per_factor_with_real_numbers(plant: WeeklyResult, tmp_path: Path) -> None:
    path = render_report(plant, tmp_path, ("xlsx",), "fr")[0]
    book = load_workbook(path)
    assert book.sheetnames == ["Du pire au mieux", "Bruit", "Posture", "Climat", "Limite", "Versions"]
    head = [cell.value for cell in book["Bruit"][1]]
    column = head.index("Exposition quotidienne, LEX,8h [dB(A)]")
    values = {row[0].value: row[column].value for row in book["Bruit"].iter_rows(min_row=2)}
    assert values["Meulage 4"] == 84.96
    assert values["Presse 1"] == 91.2


def test_the_same_result_gives_the_same_bytes(plant: WeeklyResult, tmp_path: Path) -> None:
    first = render_report(plant, tmp_path / "a", ("pdf", "html", "csv", "xlsx"), "fr")
    second = render_report(plant, tmp_path / "b", ("pdf", "html", "csv", "xlsx"), "fr")
    for one, other in zip(first, second, strict=True):
        if one.suffix != ".xlsx":
            assert one.read_bytes() == other.read_bytes(), one.suffix
            continue
        with zipfile.ZipFile(one) as a, zipfile.ZipFile(other) as b:
            assert {n: a.read(n) for n in a.namelist()} == {n: b.read(n) for n in b.namelist()}


def fonts_of(page: Any) -> dict[str, Any]:
    """Font resources of a PDF page; pypdf's objects are untyped."""
    fonts: dict[str, Any] = page["/Resources"]["/Font"]
    return fonts


def test_the_pdf_is_tagged_dated_and_searchable(plant: WeeklyResult) -> None:
    data = render_pdf(build_view(plant, "fr"), plant.period)
    document = PdfReader(io.BytesIO(data))
    assert document.metadata is not None
    assert document.metadata.title == f"Semaine 47, 16–22{NBSP}novembre 2026, Usine de Saint-Aubin"
    root: Any = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "fr"
    assert b"pdfuaid" in root["/Metadata"].get_data()
    shown = pdf_text(data)
    for wanted in ("Presse 1", "91,2", "84,96", "Non tranché", "Glossaire", "8c41f2a09b31"):
        assert wanted in shown
    fonts = {
        str(font["/BaseFont"])
        for page in document.pages
        for font in (ref.get_object() for ref in fonts_of(page).values())
    }
    assert all("SourceSans3" in name or "DejaVuSansMono" in name for name in fonts)


def test_long_names_stay_on_the_page(hostile_plant: WeeklyResult) -> None:
    data = render_pdf(build_view(hostile_plant, "fr"), hostile_plant.period)
    assert len(PdfReader(io.BytesIO(data)).pages) < 12


def test_an_empty_site_an_empty_week_and_nothing_measured_say_so(
    plant: WeeklyResult, large_plant: Callable[[int], WeeklyResult]
) -> None:
    empty = replace(plant, workstations=())
    assert "Aucun poste n’est décrit" in text_of(render_html(build_view(empty, "fr")))
    render_pdf(build_view(empty, "fr"), empty.period)
    cold = next(s for s in plant.workstations if s.id == "chambre-froide")
    bare = replace(cold, factors=(cold.factors[1],), rank=None, worst=None)
    nothing = replace(plant, workstations=(bare,))
    shown = text_of(render_html(build_view(nothing, "fr")))
    assert "Aucune mesure dans cette période." in shown
    assert "couverture 41 %" in shown
    render_pdf(build_view(nothing, "en"), nothing.period)
    no_indicator = replace(bare, factors=(replace(bare.factors[0], indicators=()),))
    assert "aucun capteur" in text_of(
        render_html(build_view(replace(plant, workstations=(no_indicator,)), "fr"))
    )


def test_fifty_workstations_make_one_pdf(large_plant: Callable[[int], WeeklyResult]) -> None:
    result = large_plant(50)
    data = render_pdf(build_view(result, "fr"), result.period)
    assert len(PdfReader(io.BytesIO(data)).pages) > 30


def test_two_hundred_workstations_are_all_listed(large_plant: Callable[[int], WeeklyResult]) -> None:
    html = render_html(build_view(large_plant(200), "en"))
    for index in (0, 57, 199):
        assert f">Poste {index}<" in html


def test_an_unknown_format_is_refused_with_the_list(plant: WeeklyResult, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="html, pdf, csv, xlsx, json"):
        render_report(plant, tmp_path, ("docx",), "fr")
    assert list(tmp_path.iterdir()) == []


def test_the_projection_table_says_when_the_first_threshold_is_reached(plant: WeeklyResult) -> None:
    crossed = Note(
        "threshold_crossed", {"on_day": "2026-05-26", "from_day": "2026-05-01", "to_day": "2026-07-14"}
    )

    def noted(station: Any, *notes: Note) -> Any:
        factors = tuple(
            replace(
                factor,
                indicators=tuple(
                    replace(item, quality=notes) if item.id == "noise_c2p_hours" else item
                    for item in factor.indicators
                ),
            )
            for factor in station.factors
        )
        return replace(station, factors=factors)

    first, other = (station for station in plant.workstations if station.id in ("presse-1", "four-2"))
    result = replace(plant, workstations=(noted(first, crossed), other))
    for language, day, between, never in (
        ("fr", "26 mai", "entre le 1er mai et le 14 juillet", "pas dans l’année"),
        ("en", "26 May", "between 1 May and 14 July", "not within the year"),
    ):
        view = build_view(result, language)
        rows = {row.station: row for row in view.projections.rows}
        assert rows["Presse 1"].crossed.replace(NBSP, " ") == day
        assert between in rows["Presse 1"].crossed_of.replace(NBSP, " ")
        assert (rows["Four 2"].crossed, rows["Four 2"].crossed_of) == ("", never)
        assert day in text_of(render_html(view))
        assert day in pdf_text(render_pdf(view, result.period)).replace(NBSP, " ")


def test_the_analyst_edition_promises_no_group_size(plant: WeeklyResult) -> None:
    around = Surroundings(group_size=5)
    promise = "A group of fewer than 5 wearers is never shown."
    assert promise in build_view(plant, "en", around).governance
    assert promise not in build_view(replace(plant, audience=Audience.ANALYST), "en", around).governance
