"""The DUERP annex: inclusive verdicts, people counted once, what is hidden or open never counted as fine."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import openpyxl
import pytest

from dashboards.catalogue import text
from indicators.c2p.annex import Annex, build_annex, to_csv, to_document, write_workbook
from indicators.limits import limit
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Interval,
    Note,
    Period,
    Scope,
    Verdict,
    WeeklyResult,
    Withheld,
    WorkstationResult,
)
from indicators.verdicts import assess_limit
from sensors.log_tables import SiteLogs
from sensors.site_book import SiteBook
from sensors.site_model import Site

DAY = date(2026, 11, 22)


def noise(value: float | None, low: float = 0.0, high: float = 0.0) -> FactorResult:
    interval = None if value is None else Interval(low, high)
    row = assess_limit(value, interval, limit("fr.noise.c2p_level", DAY), measured=value is not None)
    item = Indicator(
        id="noise_c2p_hours",
        factor=Factor.NOISE,
        value=value,
        unit="h/year",
        interval=interval,
        scope=Scope.USUAL,
        shift="",
        coverage=1.0,
        n_days=5,
        n_wearers=5,
        method="m",
        worn=True,
        limits=(row,),
    )
    return FactorResult(factor=Factor.NOISE, verdict=row.verdict, above=None, reason=None, indicators=(item,))


def station(
    name: str, *factors: FactorResult, label: str = "", withheld: Withheld | None = None
) -> WorkstationResult:
    return WorkstationResult(
        id=name,
        label=label or name,
        family=None,
        rank=None,
        worst=None,
        factors_over=0,
        factors=factors,
        withheld=withheld,
    )


def book(groups: list[tuple[str, list[str], int]]) -> SiteBook:
    places = sorted({place for _, where, _ in groups for place in where})
    site = Site.model_validate(
        {
            "schema": 1,
            "site": {"id": "s", "label": "S"},
            "shifts": [{"id": "day", "start": time(8), "end": time(16)}],
            "workstations": [{"id": place, "label": place, "shifts": ["day"]} for place in places],
            "groups": [{"id": name, "workstations": where, "workers": size} for name, where, size in groups],
        }
    )
    return SiteBook(site, Path(), Path("site.toml"), SiteLogs())


def annex(stations: list[WorkstationResult], groups: list[tuple[str, list[str], int]]) -> Annex:
    result = WeeklyResult(
        site="s",
        site_label="S",
        language="fr",
        audience=Audience.REPORT,
        period=Period(date(2026, 11, 16), DAY, 0, 1, "Europe/Paris", "2026-W47"),
        version="0",
        references="abc",
        workstations=tuple(stations),
    )
    return build_annex(result, book(groups))


HIDDEN = Withheld((Factor.NOISE,), Note("group_too_small"), 2, 5)


def test_shares_keep_the_open_apart() -> None:
    found = annex(
        [
            station("a", noise(700, 650, 750)),
            station("b", noise(100, 50, 150)),
            station("c", noise(600, 500, 700)),
            station("d", withheld=HIDDEN),
        ],
        [("ga", ["a"], 4), ("gb", ["b"], 6), ("gc", ["c"], 5), ("gd", ["d"], 2)],
    )
    share = found.shares[0]
    assert (share.workers, share.above, share.below, share.not_settled, share.not_measured) == (
        17,
        4,
        6,
        5,
        2,
    )
    assert share.share_above == pytest.approx(4 / 17)
    assert share.share_at_most == pytest.approx(11 / 17)


def test_exactly_the_threshold_is_above() -> None:
    found = annex([station("a", noise(600, 600, 600))], [("g", ["a"], 3)])
    assert found.rows[0].verdict is Verdict.ABOVE


def test_a_group_of_several_posts_counts_once_by_its_worst() -> None:
    found = annex(
        [station("a", noise(700, 650, 750)), station("b", noise(10, 5, 15))], [("g", ["a", "b"], 8)]
    )
    assert found.shares[0].workers == 8
    assert found.shares[0].above == 8


def test_a_withheld_group_shows_no_number_anywhere() -> None:
    found = annex([station("d", withheld=HIDDEN)], [("g", ["d"], 2)])
    row = next(row for row in found.rows if row.factor == "noise")
    assert row.withheld
    assert row.projected_per_year is None
    assert row.low is None
    assert to_document(found)["shares"][0]["share_above"] is None


def test_without_any_verdict_no_share_is_claimed() -> None:
    found = annex([station("a", noise(None))], [("g", ["a"], 3)])
    assert found.shares[0].share_above is None


def test_files_say_the_same_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    found = annex([station("a", noise(700, 650, 750), label="=HYPERLINK(1)")], [("g", ["a"], 3)])
    rows = list(csv.DictReader(io.StringIO(to_csv(found)), delimiter=";"))
    assert rows[0]["label"] == "'=HYPERLINK(1)"
    assert float(rows[0]["projected_per_year"]) == 700
    sheet = openpyxl.load_workbook(write_workbook(found, tmp_path / "annex.xlsx"))["annex"]
    header = [cell.value for cell in sheet[1]]
    assert sheet[2][header.index("projected_per_year")].value == 700
    assert sheet[2][header.index("label")].value == "'=HYPERLINK(1)"
    assert "declaration" in to_document(found)["wording"]


def test_retired_posture_threshold_is_marked_as_retired() -> None:
    item = replace(
        noise(950, 900, 1000).indicators[0],
        id="posture_hours",
        factor=Factor.POSTURE,
        limits=(
            assess_limit(950, Interval(900, 1000), limit("fr.posture.painful_postures", DAY), measured=True),
        ),
    )
    factor = FactorResult(
        factor=Factor.POSTURE, verdict=Verdict.BELOW, above=None, reason=None, indicators=(item,)
    )
    found = annex([station("a", factor)], [("g", ["a"], 3)])
    assert found.rows[0].status == "retired"


@pytest.mark.parametrize(("language", "separator"), [("fr", ";"), ("en", ",")])
def test_the_files_speak_the_readers_language(language: str, separator: str, tmp_path: Path) -> None:
    say = text(language)
    found = annex([station("a", noise(640.25, 620.0, 660.0))], [("g", ["a"], 4)])
    rows = list(csv.reader(io.StringIO(to_csv(found, separator=separator, say=say)), delimiter=separator))
    assert rows[0][0] == say("decisions.column.factor")
    assert rows[1][0] == say("decisions.c2p.noise")
    assert rows[1][4] == ("640,2" if language == "fr" else "640.2")
    assert say("verdicts.above") in rows[1]
    assert rows[-1] == [say("decisions.annex_wording")]
    sheets = openpyxl.load_workbook(write_workbook(found, tmp_path / "annex.xlsx", say))
    assert sheets["shares"]["G2"].value == 1.0
    wording = say("decisions.annex_wording")
    assert wording in [cell.value for row in sheets["shares"].iter_rows() for cell in row]
