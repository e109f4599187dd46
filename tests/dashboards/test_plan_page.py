from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dashboards.plan import plan_table
from dashboards.plan.rows import schedule_rows
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.model import Audience
from indicators.planning.plan import plan_campaign
from ingest.store import open_store
from sensors.site_file import load_site
from vigiposte import build_services

SITE = """schema = 1
[site]
id = "works"
label = "Works"
[[shifts]]
id = "day"
start = "07:00"
end = "15:00"
[[workstations]]
id = "press"
label = "Presse <1>"
shifts = ["day"]
[[groups]]
id = "crew"
workstations = ["press"]
workers = 8
[[sensors]]
id = "mic-1"
kind = "noise"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    return path


@pytest.mark.parametrize("language", ["fr", "en"])
def test_open_verdicts_stand_first_and_every_row_is_complete(site: Path, language: str) -> None:
    plan = plan_campaign(load_site(site), start=date(2026, 11, 30))
    table = plan_table(plan, language)
    assert len(table.rows) == sum(len(item.rows) for station in plan.stations for item in station.factors)
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert not any("plan." in str(cell) or "plan_" in str(cell) for row in table.rows for cell in row)
    assert [group.settled for group in table.groups] == sorted(group.settled for group in table.groups)
    visits = schedule_rows(plan.visits, language)
    assert len(visits) == len(plan.visits)


def test_the_page_of_the_dashboard_shows_the_plan(site: Path, serve: Any) -> None:
    services = build_services()
    source = SiteSource(
        load=lambda: load_site(site),
        store=open_store("lake:./lake", base=site.parent),
        weekly=services.weekly_result,
        audience=Audience.REPORT,
        extra=services.extra,
    )
    with serve(source, WebSettings()) as client:
        answer = client.get("/plan?lang=en")
        assert answer.status_code == 200
        assert "settled if the usual value is at most" in answer.text
        assert "Presse &lt;1&gt;" in answer.text
        assert "<1>" not in answer.text
        assert "depending on the level found" in answer.text
        french = client.get("/plan?lang=fr")
        assert "tranché si la valeur habituelle" in french.text
