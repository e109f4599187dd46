"""A workstation with several shifts: the worst one speaks, and every figure names its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboards.plan import plan_table
from dashboards.report.build import build_view
from dashboards.report.figures import figures
from dashboards.report.sentences import worst_indicator
from dashboards.web.heat_map import _short, heat_map
from dashboards.web.why_page import _counts
from dashboards.wording import Wording
from indicators.model import Audience, Factor, Scope, WeeklyResult, WorkstationResult
from indicators.planning.plan import plan_campaign
from sensors.periods import DatePeriod
from sensors.site_file import load_site
from tests.dashboards.plants import make_result, make_station, noise, posture

NAMES = {"early": "Équipe du matin", "night": "Équipe de nuit"}


@pytest.fixture(scope="module")
def shared() -> WorkstationResult:
    """Noise of two shifts: the quieter one stands first in the result."""
    quiet, loud = noise(87.4, half=1.0), noise(91.2, half=1.0)
    both = replace(
        loud,
        indicators=(
            *(replace(item, shift="early") for item in quiet.indicators),
            *(replace(item, shift="night") for item in loud.indicators),
        ),
    )
    return make_station("four", "Four 1", (both, posture(8.4)), 1)


@pytest.fixture(scope="module")
def result(shared: WorkstationResult) -> WeeklyResult:
    return make_result([shared])


def test_the_first_sentence_speaks_of_the_shift_that_ranks(
    shared: WorkstationResult, result: WeeklyResult
) -> None:
    found = worst_indicator(shared)
    assert found is not None
    assert (found[1].shift, found[1].value, found[1].scope) == ("night", 91.2, Scope.USUAL)
    for language, said in (("fr", "91,2\u00a0dB(A)"), ("en", "91.2\u00a0dB(A)")):
        lead = "".join(run.text for run in build_view(result, language).lead)
        assert said in lead


def test_the_grid_shows_the_worst_shift_and_names_it(result: WeeklyResult, shared: WorkstationResult) -> None:
    analyst = replace(result, audience=Audience.ANALYST)
    period = DatePeriod(result.period.first, result.period.last, "2026-W47")
    for language in ("fr", "en"):
        grid = heat_map(analyst, period, Factor.NOISE, Wording(language, NAMES), by_hour=False)
        assert grid.rows[0].detail.endswith("Équipe de nuit")
    alone = make_result([make_station("presse", "Presse", (noise(91.2),), 1)], audience=Audience.ANALYST)
    grid = heat_map(alone, period, Factor.NOISE, Wording("fr", NAMES), by_hour=False)
    assert grid.rows[0].detail == "Emboutissage"


def test_figures_name_their_shift_only_where_there_are_several(shared: WorkstationResult) -> None:
    words = Wording("fr", NAMES)
    made = figures(shared, Audience.ANALYST, words)
    of_noise = [figure for figure in made if figure.subject == "Bruit"]
    assert of_noise
    assert all(figure.caption.endswith(tuple(NAMES.values())) for figure in of_noise)
    exposure = [figure.caption for figure in of_noise if "LEX,8h" in figure.caption]
    assert exposure
    assert all(caption.endswith("Équipe de nuit") for caption in exposure)
    assert not any("Équipe" in figure.caption for figure in made if figure.subject != "Bruit")


def test_what_was_left_out_is_said_in_whole_words() -> None:
    found = SimpleNamespace(
        windows_used=14, windows_left_out={"window_coverage_low": 2, "window_fixed_beside_worn": 1}
    )
    for language, said in (
        ("fr", "2 écartées\u00a0: trop peu mesuré"),
        ("en", "2 left out: too little measured"),
    ):
        context = cast("Any", SimpleNamespace(words=Wording(language), language=language))
        told = _counts(context, found)
        assert said in told
        assert "{" not in told


def test_the_plan_names_shifts_by_their_labels(tmp_path: Any) -> None:
    (tmp_path / "site.toml").write_text(
        'schema = 1\n[site]\nid = "w"\nlabel = "W"\n'
        '[[shifts]]\nid = "early"\nlabel = "Équipe du matin"\nstart = "05:00"\nend = "13:00"\n'
        '[[shifts]]\nid = "night"\nlabel = "Équipe de nuit"\nstart = "21:00"\nend = "05:00"\n'
        '[[workstations]]\nid = "four"\nlabel = "Four 1"\nshifts = ["early", "night"]\n'
        '[[groups]]\nid = "g"\nworkstations = ["four"]\nworkers = 8\n'
        '[[sensors]]\nid = "mic-1"\nkind = "noise"\n',
        encoding="utf-8",
    )
    plan = plan_campaign(load_site(tmp_path / "site.toml"), start=date(2026, 11, 30))
    stations = {str(row[0]) for row in plan_table(plan, "fr", NAMES).rows}
    assert stations == {"Four 1, Équipe du matin", "Four 1, Équipe de nuit"}


def test_a_cell_keeps_to_its_room_without_rounding_across_a_limit() -> None:
    indicator = noise(84.0).indicators[0]
    words = Wording("fr", NAMES)
    shown = {
        value: _short(indicator, value, [80.0, 85.0], words) for value in (84.4, 84.96, 84.998, 85.0, 85.003)
    }
    assert list(shown.values()) == ["84,4", "84,96", "<\u00a085", "85,0", ">\u00a085"]


def test_rows_of_the_grid_that_show_different_measures_name_theirs() -> None:
    hours = {"by_hour": [{"hour": 8, "share": 12.0}, {"hour": 9, "share": 20.0}]}
    made = posture(16.2)
    ids = ("arm_elevation_ge60_share", "arm_elevation_ge30_share")
    stations = [
        make_station(
            name,
            name,
            (replace(made, indicators=(replace(made.indicators[0], id=identifier, details=hours),)),),
            rank,
        )
        for rank, (name, identifier) in enumerate(zip(("presse", "four"), ids, strict=True), 1)
    ]
    period = DatePeriod(date(2026, 11, 16), date(2026, 11, 22), "2026-W47")
    words = Wording("fr", NAMES)
    grid = heat_map(make_result(stations), period, Factor.POSTURE, words, by_hour=True)
    named = [row.detail.rpartition(" · ")[2].replace("\u00a0", " ") for row in grid.rows]
    assert named == ["bras ≥ 60°", "bras ≥ 30°"]
    assert grid.unit.replace("\u00a0", " ") == "bras ≥ 60°, % · bras ≥ 30°, %"
    alone = heat_map(make_result(stations[:1]), period, Factor.POSTURE, words, by_hour=True)
    assert "bras" not in alone.rows[0].detail
