from __future__ import annotations

import ast
import os
import re
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import vigiposte
from dashboards.catalogue import catalogue
from dashboards.help_texts import commands_below, translate_help
from dashboards.sentences import explained, placeholders, problem_lines, sentences, translations
from dashboards.typography import NARROW, NBSP
from sensors.errors import Problem, SiteFileError, UnknownNameError
from sensors.session_language import chosen_language, session_language
from tests.dashboards.source_sentences import ROOMS, ROOT, source_sentences


def is_machine(template: str) -> bool:
    """Whether a template says nothing in words: numbers, options, keys and addresses."""
    fixed = "".join(text for text, _, _, _ in string.Formatter().parse(template))
    if not re.search(r"[a-z]{2,}", fixed):
        return True
    return " " not in fixed.strip() and re.search(r"[._/:=\[(|]|^--", fixed) is not None


def help_texts() -> dict[str, str]:
    """English help of every command, argument and option, with where it stands."""
    found: dict[str, str] = {}
    for command in commands_below(typer.main.get_command(vigiposte.app)):
        for owner in (command, *command.params):
            if getattr(owner, "help", None):
                found.setdefault(owner.help, f"{command.name} {owner.name}")
    return found


def known(*sections: str) -> dict[str, str]:
    return {en: fr for name in sections for en, fr in translations("fr")[name].items()}


def test_every_sentence_of_an_error_problem_or_finding_has_its_french() -> None:
    entries = known("same", "errors", "words")
    missing = [
        f"{sentence.where}: {sentence.template!r}"
        for sentence in source_sentences()
        if sentence.template and not is_machine(sentence.template) and sentence.template not in entries
    ]
    assert missing == [], "add their French to dashboards/locales/sentences_fr.toml, section [errors]"


def test_every_command_and_option_has_its_french_help() -> None:
    entries = known("same", "help")
    missing = [
        f"{where}: {text!r}"
        for text, where in help_texts().items()
        if not is_machine(text) and text not in entries
    ]
    assert missing == [], "add their French to dashboards/locales/sentences_fr.toml, section [help]"


def test_no_french_is_left_of_a_sentence_that_nobody_says() -> None:
    said = {sentence.template for sentence in source_sentences()}
    assert sorted(set(known("errors")) - said) == []
    assert sorted(set(known("help")) - set(help_texts())) == []
    assert sorted(set(known("same")) - said - set(help_texts())) == []


def test_both_languages_tell_the_same_facts() -> None:
    differing = [
        english
        for section, entries in translations("fr").items()
        if section != "same"
        for english, french in entries.items()
        # The number of a system error is no fact for the reader.
        if placeholders(english) - {"number"} != placeholders(french) - {"number"}
    ]
    assert differing == []


def test_a_filled_sentence_finds_its_own_template() -> None:
    say = sentences("fr")
    lost = []
    for english, french in known("errors").items():
        values = {name: f"q{index}z" for index, name in enumerate(sorted(placeholders(english)))}
        told = say(string.Formatter().vformat(english, (), values))
        plain = re.sub(r"\{(\w+)!w\}", r"{\1}", french)
        wanted = string.Formatter().vformat(plain, (), values)
        if re.sub(r"[\s’']", "", told) != re.sub(r"[\s’']", "", wanted):
            lost.append((english, told))
    # So templates of one shape, such as "one of {known}" and "one of {names}", have the same French.
    assert lost == []


def _says(node: ast.expr) -> bool:
    """Whether an expression holds words of its own, outside a call that looks them up."""
    if isinstance(node, ast.Constant):
        # Columns may be padded and marks drawn; words have at least two letters.
        return isinstance(node.value, str) and re.search(r"[A-Za-zé]{2,}", _plain(node.value)) is not None
    if isinstance(node, ast.JoinedStr):
        return any(_says(part) for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.IfExp):
        return _says(node.body) or _says(node.orelse)
    if isinstance(node, ast.BinOp):
        return _says(node.left) or _says(node.right)
    return False


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[\S*?[A-Za-z]|vigiposte", "", text)


def test_no_command_prints_words_that_no_catalogue_knows() -> None:
    found = []
    for path in [*(p for room in ROOMS for p in (ROOT / room).rglob("*.py")), ROOT / "vigiposte.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = ast.unparse(node.func)
            prints = called in ("typer.echo", "note", "print", "sys.stderr.write", "sys.stdout.write")
            if (prints or called in ("typer.confirm", "typer.prompt")) and _says(node.args[0]):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == [], "words belong to dashboards/locales, section [terminal]"


def test_every_terminal_text_is_said_somewhere() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in [*(p for room in ROOMS for p in (ROOT / room).rglob("*.py")), ROOT / "vigiposte.py"]
    )
    # A code that ends in a value is looked up by its beginning: f"terminal.state_{…}".
    begun = tuple(re.findall(r"terminal\.([a-z_]+_)\b(?=\{|'|\")", source))
    unused = [
        code
        for code in (
            name.removeprefix("terminal.") for name in catalogue("fr") if name.startswith("terminal.")
        )
        if f"terminal.{code}" not in source and not code.startswith(begun)
    ]
    assert unused == []


def test_an_error_is_explained_in_both_languages() -> None:
    error = UnknownNameError(
        "there is no such workstation",
        value="press-9",
        rule="one of press-1, press-2",
        remedy="choose one, or add [[workstations]] to site.toml",
    )
    assert explained(error, "en") == str(error)
    assert explained(error, "fr") == (
        f"il n’y a pas de poste de ce nom{NARROW}; reçu{NBSP}: «{NBSP}press-9{NBSP}»{NARROW}; "
        f"règle{NBSP}: parmi press-1, press-2{NARROW}; "
        f"à faire{NBSP}: en choisir un, ou ajouter `[[workstations]]` à site.toml"
    )


def test_what_the_system_says_inside_a_sentence_is_translated_too() -> None:
    say = sentences("fr")
    assert say("InfluxDB does not answer: [Errno 111] Connection refused") == (
        f"InfluxDB ne répond pas{NBSP}: connexion refusée"
    )
    assert say("it must be a valid integer") == f"attendu{NBSP}: un nombre entier"


def test_a_whole_line_of_an_error_is_taken_apart_first() -> None:
    line = (
        "InfluxDB does not answer: HTTPConnection(host='h', port=1): Failed to establish a new connection: "
        "[Errno 111] Connection refused; got 'influxdb://h:1/x'; remedy: check the path"
    )
    assert sentences("fr")(line) == (
        f"InfluxDB ne répond pas{NBSP}: connexion refusée ('h', port 1){NARROW}; "
        f"reçu{NBSP}: «{NBSP}influxdb://h:1/x{NBSP}»{NARROW}; "
        f"à faire{NBSP}: vérifier le chemin"
    )


def test_what_somebody_wrote_is_not_rewritten() -> None:
    error = UnknownNameError("there is no such sensor", value="line 3: the clocks, one of two; got none")
    assert "line 3: the clocks, one of two; got none" in explained(error, "fr")


def test_an_id_that_looks_like_a_word_of_ours_stays_an_id() -> None:
    error = UnknownNameError("there is no such sensor", value="store", rule="one of clock, broker")
    assert "«\u00a0store\u00a0»" in explained(error, "fr")
    assert "parmi clock, broker" in explained(error, "fr")


def test_commands_inside_a_sentence_can_be_copied() -> None:
    shown = sentences("fr")("pip install 'vigiposte[pdf]' if it is wanted")
    assert "`pip install 'vigiposte[pdf]'`" in shown


def test_an_unknown_sentence_stays_english() -> None:
    assert sentences("fr")("the moon of Mars is made of cheese") == "the moon of Mars is made of cheese"


def test_problems_of_a_site_file_are_listed_in_both_languages() -> None:
    problem = Problem(
        "pauses.csv",
        "line 3, from",
        "x",
        "a time is year-month-dayThour:minute",
        "check its rights",
        "bad_time",
    )
    assert problem_lines(problem, "en")[0] == "pauses.csv: line 3, from = 'x'"
    where, rule, remedy = problem_lines(problem, "fr")
    assert where == f"pauses.csv{NBSP}: ligne 3, from = «{NBSP}x{NBSP}»"
    assert rule.strip() == "un instant s’écrit année-mois-jourTheure:minute  [bad_time]"
    assert remedy.strip() == "→ vérifier ses droits"
    assert explained(SiteFileError([problem]), "fr").count("\n") == 0


SITE = '[site]\nid = "plant"\nlanguage = "{}"\n'


@pytest.mark.parametrize(
    ("arguments", "environment", "site", "expected"),
    [
        (["check", "--lang", "en"], {"VIGIPOSTE_LANG": "fr"}, "fr", "en"),
        (["check", "--lang=fr"], {}, "en", "fr"),
        (["check"], {"VIGIPOSTE_LANG": "en", "LANG": "fr_FR.UTF-8"}, "fr", "en"),
        (["check"], {"LANG": "fr_FR.UTF-8"}, "en", "en"),
        (["check"], {"LANG": "fr_FR.UTF-8"}, None, "fr"),
        (["check"], {"LC_ALL": "C.UTF-8", "LANG": "fr_FR.UTF-8"}, None, "en"),
        (["check", "--lang", "de"], {}, None, "en"),
        ([], {}, None, "en"),
    ],
)
def test_the_language_of_a_terminal(
    arguments: list[str], environment: dict[str, str], site: str | None, expected: str, tmp_path: Path
) -> None:
    if site is not None:
        (tmp_path / "site.toml").write_text(SITE.format(site), encoding="utf-8")
    assert session_language(arguments, environment, tmp_path) == expected


def test_the_site_named_in_a_call_gives_the_language(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[site]\nid = "plant"\n', encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # Without a word about it a site is French, as in its model.
    assert session_language(["check", "--site", str(tmp_path)], {}, elsewhere) == "fr"
    assert chosen_language(None, "fr", [], {"LANG": "en_GB"}) == "fr"
    assert chosen_language("de", "fr", [], {}) == "de"


def _ran(*arguments: str, folder: Path, **environment: str) -> Any:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "VIGIPOSTE"))
    }
    return subprocess.run(
        [sys.executable, "-m", "vigiposte", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_and_refused_calls_speak_french(tmp_path: Path) -> None:
    shown = _ran("simulate", "--help", folder=tmp_path, VIGIPOSTE_LANG="fr")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Utilisation{NBSP}: ")
    assert "par défaut" in shown.stdout
    assert "Show this message" not in shown.stdout
    refused = _ran("simulate", "--seed", "x", folder=tmp_path, VIGIPOSTE_LANG="fr")
    assert refused.returncode == 2
    assert "un nombre entier" in refused.stderr
    missing = _ran("check", "--site", "nowhere", folder=tmp_path, LANG="fr_FR.UTF-8")
    assert missing.returncode == 3
    assert missing.stderr.startswith(f"vigiposte{NBSP}: ce fichier de site n’existe pas{NARROW};")


def test_every_command_explains_itself_in_french_without_an_english_rest() -> None:
    command = typer.main.get_command(vigiposte.app)
    translate_help(command, "fr")
    english = re.compile(r"\b(?:the|default:|required|Show|Options:|Usage|which|with)\b")
    for one in commands_below(command):
        with one.make_context("vigiposte", [], resilient_parsing=True) as context:
            shown = one.get_help(context)
        assert english.findall(shown) == [], one.name
