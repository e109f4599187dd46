"""Sheets for a collective discussion: questions, doubt and room, one page a workstation, nobody ranked."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from dashboards.report.build import Surroundings, build_view
from dashboards.restitution import (
    Restitution,
    build_restitution,
    known_restitution_formats,
    render_restitution,
)
from indicators.accounts.matching import Account, AccountState
from indicators.actions.plan import ActionResult
from indicators.actions.states import ActionState, ActionStatus
from indicators.model import Audience, Note, WeeklyResult
from sensors.errors import GovernanceError, UsageError
from sensors.log_tables import Action, ActionFactor, ControlLevel, Situation
from tests.dashboards.plants import ZONE

JARGON = ("dB(A)", "LEX", "WBGT", "C2P", "Lund", "RAMP", "interval", "intervalle", "percentile", "SEG")


def full_surroundings(plant: WeeklyResult) -> Surroundings:
    """Every workstation with more accounts and actions than a sheet takes, all of them long."""
    moment = int(datetime(2026, 11, 18, 9, 10, tzinfo=ZONE).timestamp()) * 10**9
    accounts, actions = [], []
    for station in plant.workstations:
        for _ in range(7):
            told = Situation(moment, moment, station.id, "<b>bruit</b> & poussière " * 30, 7.0)
            accounts.append(Account(told, station.label, AccountState.NOT_SEEN))
            row = Action(
                "a",
                station.id,
                ActionFactor.NOISE,
                ControlLevel.SOURCE,
                "Capoter la machine et déplacer la soufflette de l'autre côté du convoyeur",
                "HSE",
                date(2026, 11, 1),
                None,
                None,
            )
            actions.append(ActionResult(ActionStatus(row, ActionState.OPEN), station.label, None))
    return Surroundings(actions=actions, accounts=accounts)


def sheets_of(plant: WeeklyResult, language: str, around: Surroundings | None = None) -> Restitution:
    gated = replace(plant, audience=Audience.REPORT)
    return build_restitution(gated, [row.id for row in plant.workstations], language, around)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_workstation_fits_one_page_even_when_much_was_said(
    plant: WeeklyResult, language: str, tmp_path: Path
) -> None:
    from pypdf import PdfReader

    sheets = sheets_of(plant, language, full_surroundings(plant))
    pdf = render_restitution(sheets, plant.period, tmp_path, "s", ["pdf"])[0].read_bytes()
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) == len(plant.workstations)
    for page, station in zip(pages, sheets.pages, strict=True):
        text = " ".join(page.extract_text().split())
        assert station.label in text
        assert sheets.words["your_words"] in text
        assert sheets.words["your_proposals"] in text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_findings_are_questions_without_jargon(plant: WeeklyResult, language: str, tmp_path: Path) -> None:
    sheets = sheets_of(plant, language)
    for page in sheets.pages:
        assert page.findings
        for finding in page.findings:
            assert finding.question.endswith("?")
            assert not [word for word in JARGON if word in finding.question + finding.figure]
    html = render_restitution(sheets, plant.period, tmp_path, "s", ["html"])[0].read_text(encoding="utf-8")
    assert html.count('class="sheet"') == len(plant.workstations)
    assert html.count('class="lines"') == 2 * len(plant.workstations)


def test_sheets_follow_the_site_file_and_not_the_ranking(plant: WeeklyResult) -> None:
    order = sorted(row.id for row in plant.workstations)
    assert [page.id for page in build_restitution(plant, order, "fr").pages] == order


def test_accounts_keep_their_words_and_lose_the_hour(plant: WeeklyResult, tmp_path: Path) -> None:
    sheets = sheets_of(plant, "fr", full_surroundings(plant))
    told = sheets.pages[0].told
    assert len(told) == 4
    assert told[0].day == "mercredi"
    html = render_restitution(sheets, plant.period, tmp_path, "s", ["html"])[0].read_text(encoding="utf-8")
    assert "&lt;b&gt;bruit&lt;/b&gt; &amp; poussière" in html
    assert "9 h 10" not in html.replace("\u00a0", " ")


def test_the_analyst_gets_no_sheets_to_hand_round(plant: WeeklyResult) -> None:
    with pytest.raises(GovernanceError) as caught:
        build_restitution(replace(plant, audience=Audience.ANALYST), [], "fr")
    assert caught.value.code == "restitution_audience"


def test_only_what_can_be_read_is_written() -> None:
    with pytest.raises(UsageError) as caught:
        known_restitution_formats(["pdf", "xlsx"])
    assert caught.value.code == "unknown_format"


@pytest.mark.parametrize(
    ("language", "lead", "finding"),
    [
        ("en", "too little of each shift was measured", "long enough"),
        ("fr", "trop peu de chaque", "assez longtemps"),
    ],
)
def test_days_too_short_to_count_are_not_told_as_too_few_wearers(
    plant: WeeklyResult, language: str, lead: str, finding: str
) -> None:
    reason = Note("worn_days_short", {"n": 10, "minimum_percent": 75})
    stations = [
        row if row.withheld is None else replace(row, withheld=replace(row.withheld, reason=reason))
        for row in plant.workstations
    ]
    result = replace(plant, workstations=tuple(stations))
    said = "".join(run.text for run in build_view(result, language).lead)
    assert lead in said
    assert not any(wrong in said for wrong in ("too few wearers", "trop peu de porteurs"))
    held = {row.id for row in stations if row.withheld is not None}
    assert held
    for page in sheets_of(result, language).pages:
        if page.id in held:
            assert any(finding in item.question for item in page.findings)
