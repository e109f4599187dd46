from __future__ import annotations

import re
import string
import tomllib
from datetime import date
from pathlib import Path

import pytest

from dashboards.catalogue import Run, catalogue, plain, rich, text
from dashboards.wording import Wording
from indicators.limits import Role, all_limits
from indicators.model import Factor, Verdict
from sensors.errors import UnknownNameError

ROOT = Path(__file__).resolve().parents[2]
CALLS = re.compile(
    r"""\b(?:say|words\.say|self\.say|words\.rich|self\.rich)\(\s*f?["']([a-z_]+\.[a-z0-9_.]+)["']"""
)
NOTES = re.compile(r"""\bNote\(\s*["']([a-z0-9_]+)["']""")


def parameters(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_catalogues_have_the_same_codes() -> None:
    assert set(catalogue("fr")) == set(catalogue("en"))


def test_texts_of_a_code_take_the_same_parameters() -> None:
    french, english = catalogue("fr"), catalogue("en")
    differing = [c for c in french if parameters(french[c]) ^ parameters(english[c])]
    assert differing == []


def test_no_text_is_empty_or_left_untranslated() -> None:
    for language in ("fr", "en"):
        for code, entry in catalogue(language).items():
            assert entry.strip(), (language, code)
    same = {
        code
        for code, entry in catalogue("fr").items()
        if entry == catalogue("en")[code] and len(re.sub(r"\{[^}]*\}", "", entry)) > 20
    }
    assert same == set()


def test_every_code_used_in_the_code_is_in_the_catalogue() -> None:
    used = set()
    for folder in ("dashboards", "indicators", "ingest", "sensors", "simulators"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            used |= set(CALLS.findall(source))
            used |= {f"notes.{code}" for code in NOTES.findall(source)}
    used |= {
        f"{name}.{code}"
        for path in (ROOT / "dashboards" / "templates").rglob("*.html")
        for name, code in re.findall(r"\b(report|pages)\.([a-z0-9_]+)", path.read_text(encoding="utf-8"))
    }
    assert sorted(code for code in used if code not in catalogue("fr")) == []


def test_every_verdict_factor_limit_and_role_has_its_words() -> None:
    known = catalogue("en")
    wanted = (
        [f"verdicts.{v}" for v in Verdict] + [f"factors.{f}" for f in Factor] + [f"roles.{r}" for r in Role]
    )
    wanted += [f"limits.{row.id}" for row in all_limits().values()]
    wanted += [
        f"indicators.{row.indicator}"
        for row in all_limits().values()
        if row.role in (Role.ACTION, Role.LIMIT, Role.PROJECTION)
    ]
    assert [code for code in wanted if code not in known] == []


def test_templates_name_known_codes_only() -> None:
    for path in (ROOT / "dashboards" / "templates").rglob("*"):
        if path.is_dir():
            continue
        sections = ("report.", "fleet.") if "fleet" in path.name else ("report.", "pages.")
        known = {code.split(".", 1)[1] for code in catalogue("fr") if code.startswith(sections)}
        source = path.read_text(encoding="utf-8")
        assert set(re.findall(r"""\bt\(["']([a-z_.]+)["']""", source)) <= set(catalogue("fr")), path.name
        # In Typst a call such as array.map follows the name; those are not codes.
        used = set(re.findall(r"\bsay\.([a-z0-9_-]+)", source))
        assert used <= known, path.name


def test_numbers_and_plurals_follow_the_language() -> None:
    assert text("fr")("report.days_wearers", days=1, wearers=6) == "1 jour, 6 porteurs"
    assert text("en")("report.days_wearers", days=1, wearers=0) == "1 day, 0 wearers"
    assert text("fr")("report.days_wearers", days=4, wearers=0) == "4 jours, 0 porteur"
    assert text("fr")("report.coverage_low", coverage="93\u00a0%") == "couverture 93\u00a0%"


def test_unknown_codes_are_shown_not_raised() -> None:
    assert text("fr")("notes.from_the_future", days=2) == "notes.from_the_future (days=2)"


def test_markup_comes_from_the_catalogue_only() -> None:
    runs = rich("fr", "report.lead_urgent_plain", station="**L_EX** <b>{other}</b>")
    assert runs == (Run("**L_EX** <b>{other}</b> est le plus urgent.", bold=True),)
    assert rich("fr", "indicators.lex_8h")[-1] == Run("EX,8h", sub=True)
    assert plain("**L_EX,8h** et L’_EX,8h") == "LEX,8h et L’EX,8h"


def test_a_template_never_reaches_into_an_object() -> None:
    assert "__class__" in text("fr")("report.lead_urgent_plain", station="{station.__class__}")


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="fr, en") as caught:
        catalogue("de")
    assert caught.value.code == "unknown_language"


def test_locale_files_hold_sections_only() -> None:
    for language in ("fr", "en"):
        path = ROOT / "dashboards" / "locales" / f"{language}.toml"
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        assert all(isinstance(section, dict) for section in table.values())


ENGLISH = {"and", "former", "table", "trunk", "head", "neck", "arm", "upper", "read", "of", "heat"}


def test_sources_of_limits_are_cited_in_french_in_a_french_report() -> None:
    words = Wording("fr")
    cited = {words.source(row) for row in all_limits().values()}
    assert [line for line in sorted(cited) if ENGLISH & set(re.findall(r"\b[a-z]+\b", line))] == []
    assert "Directive 2003/10/CE ; Code du travail, art. 3 et 5 ; R4431-2" in {
        line.replace("\u202f", " ").replace("\u00a0", " ") for line in cited
    }


def test_sources_of_positions_say_in_english_what_the_table_says() -> None:
    table = tomllib.loads((ROOT / "indicators" / "tables" / "placement.toml").read_text(encoding="utf-8"))
    shown = {row["key"]: catalogue("en")[f"plan.position_sources.{row['key']}"] for row in table["positions"]}
    assert shown == {row["key"]: row["source"] for row in table["positions"]}


def test_dates_are_written_out_in_the_language() -> None:
    plan = {
        language: text(language)("plan.title", site="X", start=date(2026, 12, 1)) for language in ("fr", "en")
    }
    assert "1er\u00a0décembre 2026" in plan["fr"]
    assert "1\u00a0December 2026" in plan["en"]


def test_few_words_say_the_same_as_the_sentence() -> None:
    for language in ("fr", "en"):
        entries = catalogue(language)
        for code, short in entries.items():
            if code.startswith("notes_short."):
                full = entries[code.replace("notes_short.", "notes.")]
                assert parameters(short) <= parameters(full), code
                assert len(short) < len(full), code
