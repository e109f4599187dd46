"""Lines taken out of the logs beside the site file grant nothing: links, withdrawals, consultation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from indicators.disclosure.ledger import SALT, PublishedLedger
from indicators.disclosure.rules import Cell, Outcome
from indicators.governance.access import log_access
from indicators.governance.audit import sign_logs, verify_logs
from indicators.governance.chain import read_entries
from indicators.governance.consultation import check_campaign, require_campaign
from indicators.governance.link_register import enter_link, open_links, revoke_links
from indicators.governance.personal_link import PersonalLink
from indicators.governance.site_logs import (
    ACCESS_LOG,
    CAMPAIGN_LOG,
    LEDGER,
    LINKS,
    SUMMARIES,
    WITHDRAWALS,
    site_chain,
)
from indicators.governance.withdrawal import is_marked
from indicators.model import Period
from sensors.errors import GovernanceError
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from vigiposte import app

DAY = date(2026, 11, 18)
PERIOD = Period(date(2026, 11, 9), date(2026, 11, 15), 0, 1, "Europe/Paris")
KEY = '[privacy]\nkey_file = "../safe/plant.key"\n'
SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[[campaigns]]
id = "autumn"
from = 2026-11-01
to = 2026-12-18
purpose = "Lighten the presses"
cse_reference = "PV 2026-09"
cse_date = 2026-09-30
dpia_version = "1.0"
[[workstations]]
id = "press-1"
label = "Press 1"
[[sensors]]
id = "s1"
kind = "posture"
[[placements]]
sensor = "s1"
workstation = "press-1"
mount = "upper_back"
from = 2026-11-16T00:00:00
"""


def run(site: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    path = tmp_path / "site" / "site.toml"
    path.write_text(SITE)
    return path


def with_key(site: Path) -> SiteBook:
    site.write_text(SITE + KEY)
    run(site, "pseudonyms", "create-key")
    return load_site(site)


def cut(site: Path, name: str, lines: int = 1) -> None:
    path = site.with_name(name)
    kept = path.read_text().splitlines(keepends=True)[:-lines]
    path.write_text("".join(kept))


def codes(book: SiteBook) -> set[str]:
    return {problem.code for problem in check_campaign(book, DAY)}


def link(name: str) -> PersonalLink:
    return PersonalLink(name, f"p-{name}", datetime.now(UTC) + timedelta(days=3))


def test_lines_from_before_the_key_are_covered_when_it_is_made(site: Path) -> None:
    log_access(load_site(site), "analyst_access", {"what": "plan"})
    log_access(load_site(site), "analyst_access", {"what": "export"})
    book = with_key(site)
    log_access(book, "analyst_access", {"what": "report"})
    said = run(site, "audit", "verify").stdout
    assert "✓ 4 entries, intact" in said
    assert "2 lines from before the key, covered by line 3" in said
    assert "end written down beside the key" in said
    document = json.loads(run(site, "audit", "verify", "--json").stdout)
    assert (document["unsigned"], document["covered_by"], document["intact"]) == (2, 3, True)
    assert run(site, "audit", "sign").stdout.strip() == "nothing to cover"
    for anchor in (site.parent.parent / "safe").glob("*.head"):
        anchor.unlink()
    unknown = run(site, "audit", "verify")
    assert unknown.exit_code == 0
    assert "end not written down beside the key" in unknown.stdout


def test_a_key_made_by_hand_leaves_the_covering_to_a_command(site: Path) -> None:
    log_access(load_site(site), "analyst_access", {"what": "plan"})
    site.write_text(SITE + KEY)
    key = site.parent.parent / "safe" / "plant.key"
    key.parent.mkdir()
    key.write_text("ab" * 32)
    key.chmod(0o600)
    log_access(load_site(site), "analyst_access", {"what": "report"})
    told = run(site, "audit", "verify")
    assert told.exit_code == 1
    assert "× 1 line from before the key" in told.stdout
    assert "1 line from before the key covered" in run(site, "audit", "sign").stdout
    assert run(site, "audit", "verify").exit_code == 0


def test_no_link_opens_again_by_cutting_off_its_revocation(site: Path) -> None:
    book = with_key(site)
    enter_link(book, link("a"))
    enter_link(book, link("b"))
    revoke_links(book, "a")
    assert open_links(book) == {"b": "p-b"}
    whole = site.with_name(LINKS).read_text()
    cut(site, LINKS)
    assert open_links(book) == {}
    told = run(site, "audit", "verify")
    assert told.exit_code == 1
    assert "the end is missing: 3 lines were written down beside the key, 2 are left" in told.stdout
    enter_link(book, link("c"))
    assert open_links(book) == {}, "a new line heals nothing"
    site.with_name(LINKS).unlink()
    assert open_links(book) == {}
    # Said to be lost, the revocation could have been among it: links made before stay closed.
    site.with_name(LINKS).write_text("".join(whole.splitlines(keepends=True)[:2]))
    assert "1 line is written in it as lost" in run(site, "audit", "sign", "--reason", "backup").stdout
    assert open_links(book) == {}
    enter_link(book, link("d"))
    assert open_links(book) == {"d": "p-d"}


def test_a_withdrawal_cut_off_frees_no_period(site: Path) -> None:
    book = with_key(site)
    assert not is_marked(book, PERIOD)
    for wearer, week in (("p-1", "2026-W40"), ("p-2", "2026-W46")):
        site_chain(book, WITHDRAWALS).append("withdrawal", {"wearer": wearer, "marked": [week]})
    assert is_marked(book, PERIOD)
    cut(site, WITHDRAWALS)
    with pytest.raises(GovernanceError) as caught:
        is_marked(book, PERIOD)
    assert caught.value.code == "log_cut_off"
    assert codes(book) == {"log_cut_off"}
    run(site, "audit", "sign", "--reason", "backup")
    assert is_marked(book, PERIOD), "whatever was published before the loss is not issued again"


def test_summaries_cut_off_stay_missing(site: Path) -> None:
    book = with_key(site)
    for period in ("2026-W40", "2026-W46"):
        site_chain(book, SUMMARIES).append("summary_issued", {"summaries": [], "period": period})
    cut(site, SUMMARIES)
    told = run(site, "audit", "verify")
    assert told.exit_code == 1
    assert "(summaries.jsonl)" in told.stdout
    # What was issued cannot be guessed: a reason does not make up for it.
    with pytest.raises(GovernanceError, match="the end of summaries"):
        sign_logs(book, "backup")
    assert run(site, "audit", "verify").exit_code == 1


def test_who_withdrew_is_not_forgotten_with_a_line_of_the_objections(site: Path) -> None:
    book = with_key(site)
    site_chain(book, WITHDRAWALS).append("withdrawal", {"wearer": "p-1", "marked": []})
    assert codes(book) == {"objection_missing"}
    with pytest.raises(GovernanceError, match=r"objections\.csv"):
        require_campaign(book, DAY)
    told = run(site, "audit", "verify")
    assert told.exit_code == 1
    assert "p-1 withdrew and is missing in objections.csv" in told.stdout
    site.with_name("objections.csv").write_text("wearer\np-1\n")
    assert codes(load_site(site)) == set()
    assert run(site, "audit", "verify").exit_code == 0


def test_a_consultation_cut_off_covers_no_other_sensors(site: Path) -> None:
    book = with_key(site)
    require_campaign(book, DAY)
    site.write_text((SITE + KEY).replace("upper_back", "upper_arm_dominant"))
    assert codes(load_site(site)) == {"consultation_reopened"}
    cut(site, CAMPAIGN_LOG)
    assert codes(load_site(site)) == {"log_cut_off"}
    run(site, "audit", "sign", "--reason", "backup")
    assert codes(load_site(site)) == {"consultation_reopened"}


def test_a_missing_key_is_a_problem_with_a_remedy(site: Path) -> None:
    site.write_text(SITE + KEY)
    (problem, _) = check_campaign(load_site(site), DAY)
    assert problem.code == "key_missing"
    assert "create-key" in problem.remedy


def shown(book: SiteBook, wearers: Sequence[int], key: str) -> Outcome:
    ledger = PublishedLedger(book)
    atoms = frozenset(ledger.atom(f"p{who}", ("day",), 8.0) for who in wearers)
    return ledger.decide([Cell(key, atoms)])[key].outcome


def test_a_ledger_from_before_the_key_keeps_what_was_published(site: Path) -> None:
    first = shown(load_site(site), range(6), "one")
    assert first is not Outcome.WITHHELD
    site.write_text(SITE + KEY)
    key = site.parent.parent / "safe" / "plant.key"
    key.parent.mkdir()
    key.write_text("ab" * 32)
    key.chmod(0o600)
    with pytest.raises(GovernanceError) as caught:
        shown(load_site(site), range(6), "two")
    assert caught.value.code == "log_unsigned"
    run(site, "audit", "sign")
    book = load_site(site)
    assert shown(book, range(6), "two") is first, "the same group is known under the same hashes"
    assert shown(book, range(7), "three") is Outcome.REPEATED, "one wearer more would stand out"
    assert shown(book, range(6, 12), "four") is not Outcome.WITHHELD
    report = verify_logs(book)[LEDGER]
    assert (report.intact, report.unsigned, report.covered_by, report.entries) == (True, 1, 2, 3)
    (site.parent / SALT).unlink()
    with pytest.raises(GovernanceError) as caught:
        shown(book, range(6), "five")
    assert caught.value.code == "ledger_broken"


def test_a_planted_salt_hides_no_group(site: Path) -> None:
    book = with_key(site)
    shown(book, range(6), "one")
    (site.parent / SALT).write_text("cd" * 32)
    assert shown(book, range(7), "two") is Outcome.REPEATED


def test_a_ledger_that_lost_its_end_shows_nothing_more(site: Path) -> None:
    book = with_key(site)
    shown(book, range(6), "one")
    shown(book, range(6, 12), "two")
    cut(site, LEDGER)
    for refused in (
        lambda: shown(book, range(7), "three"),
        lambda: run(site, "audit", "sign", "--reason", "backup"),
    ):
        with pytest.raises(GovernanceError) as caught:
            refused()
        assert caught.value.code == "log_cut_off"
    assert not any(row["event"] == "restored" for row in read_entries(site.with_name(LEDGER)))
    assert verify_logs(book)[ACCESS_LOG].intact
