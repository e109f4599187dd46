"""What `init` writes is valid, shows true defaults, and is accepted by the programs it is for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import ssl
import stat
import subprocess
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from sensors.errors import UsageError
from sensors.formats import MAX_PAYLOAD_BYTES
from sensors.init_files import FILES, site_id_from, template, write_site_folder
from sensors.session_language import LANGUAGES
from sensors.site_file import load_site
from sensors.site_model import Site
from sensors.site_tables import table_models
from vigiposte import app

_KEY = re.compile(r"^(#?)([a-z_0-9]+) = (.*)$")
_TABLE = re.compile(r"^(#?)\[+([a-z_]+)\]+$")
_DEADLINE_S = 10.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_site_folder(tmp_path / "Usine Été", site="usine", label='Usine "Été"')
    return tmp_path / "Usine Été"


@pytest.fixture(params=LANGUAGES)
def told_folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A site's folder in each language."""
    write_site_folder(tmp_path / "Usine", site="usine", label='Usine "Été"', language=request.param)
    return tmp_path / "Usine"


def _sections(language: str = "en") -> list[tuple[str, bool, list[str]]]:
    """Tables of the sample: name, whether the whole table is behind "#", its lines."""
    sections: list[tuple[str, bool, list[str]]] = []
    for line in template("site.toml", language).splitlines():
        found = _TABLE.match(line)
        if found:
            sections.append((found[2], found[1] == "#", []))
        elif sections:
            sections[-1][2].append(line)
    return sections


def test_the_sample_is_a_valid_site(told_folder: Path) -> None:
    book = load_site(told_folder / "site.toml")
    assert (book.site.site.id, book.site.site.label) == ("usine", 'Usine "Été"')
    assert book.site.sensors[0].id == "mic-1"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_commented_key_shows_its_default(language: str) -> None:
    models = table_models()
    shown = 0
    for name, whole, lines in _sections(language):
        if whole:
            continue
        model = models[name][0]
        for line in lines:
            found = _KEY.match(line)
            if found is None or not found[1]:
                continue
            value = tomllib.loads(f"{found[2]} = {found[3]}")[found[2]]
            default = model.model_fields[found[2]].get_default()
            as_toml = json.loads(json.dumps(default))
            assert value == as_toml, f"[{name}] {found[2]}"
            shown += 1
    assert shown > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_of_every_table_stands_in_the_sample(language: str) -> None:
    models = table_models()
    texts = {name: "\n".join(lines) for name, _, lines in _sections(language)}
    assert set(texts) == set(models)
    for name, (model, _) in models.items():
        for field, info in model.model_fields.items():
            key = info.alias or field
            assert re.search(rf"\b{key} = ", texts[name]), f"[{name}] {key} is not in the sample"
    for name, (model, _) in models.items():
        if name in ("campaigns", "rosters", "protectors", "sources", "imports"):
            for key, text in re.findall(
                r"^#([a-z_0-9]+) = (\S+) +# (?:default|valeur par défaut)", texts[name], re.MULTILINE
            ):
                default = model.model_fields[key].get_default()
                assert tomllib.loads(f"x = {text}")["x"] == default, f"[{name}] {key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_explained(language: str) -> None:
    previous = ""
    for line in template("site.toml", language).splitlines():
        found = _KEY.match(line)
        if found and previous.strip() in ("", *[f"[{name}]" for name in table_models()]):
            pytest.fail(f"no sentence above {line!r}")
        previous = line


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_sample_uncommented_is_a_valid_site(tmp_path: Path, language: str) -> None:
    lines = template("site.toml", language).splitlines()
    lines = [line[1:] if line.startswith("#") and not line.startswith("##") else line for line in lines]
    (tmp_path / "site.toml").write_text("\n".join(lines), encoding="utf-8")
    book = load_site(tmp_path / "site.toml")
    assert book.site.floor is not None
    assert all(getattr(book.site, name) for name in Site.model_fields if name != "schema_version")


def _settings(name: str, language: str) -> list[str]:
    """Lines of a template that set something, whether or not they are behind a "#", without comments."""
    told = {
        "site.toml": r"^#?(?:\[|[a-z_0-9]+ = )",
        "mosquitto.conf": r"^#?[a-z_]+ \S",
        "acl": r"^(?:# )?(?:user|topic|pattern) ",
        "compose.yaml": r"^(?! *# )",
        "vigiposte-ingest.service": r"^(?!# )",
    }[name]
    lines = [
        line for line in template(name, language).splitlines() if re.match(told, line) and line.strip("# ")
    ]
    # What people read, and what follows a value as a comment, is in the file's language.
    for said, kept in (
        (r" +# .*$", ""),
        (r":\?[^}]*\}", ":?}"),
        (r"^(#?(?:label|purpose|language) =|Description=).*", r"\1"),
    ):
        lines = [re.sub(said, kept, line) for line in lines]
    return lines


@pytest.mark.parametrize("name", FILES)
def test_both_languages_set_the_same(name: str) -> None:
    french, english = _settings(name, "fr"), _settings(name, "en")
    assert french == english
    assert len(french) >= 10
    # A sentence that both have stands in one of them untranslated.
    sentences = [
        {
            found[1]
            for line in template(name, language).splitlines()
            if (found := re.search(r"(?:^|\s)#+ (.*)", line))
        }
        for language in LANGUAGES
    ]
    shared = sentences[0] & sentences[1]
    assert not {
        one for one in shared if len(one.split()) > 3 and not re.match(r" |topic |pattern |https?:", one)
    }


def test_the_site_speaks_the_language_it_was_written_in(tmp_path: Path) -> None:
    for language in LANGUAGES:
        answer = CliRunner().invoke(app, ["init", str(tmp_path / language), "--lang", language])
        assert answer.exit_code == 0, answer.output
        site = load_site(tmp_path / language / "site.toml").site
        assert site.site.language == language
        assert site.workstations[0].label == {"fr": "Presse 1", "en": "Press 1"}[language]
    assert CliRunner().invoke(app, ["init", str(tmp_path / "de"), "--lang", "de"]).exit_code != 0
    assert not (tmp_path / "de").exists()


def test_nothing_is_overwritten_unasked(folder: Path) -> None:
    (folder / "site.toml").write_text("mine")
    private = (folder / ".env").read_text()
    with pytest.raises(UsageError, match=r"already holds site\.toml"):
        write_site_folder(folder, site="usine", label="x")
    assert (folder / "site.toml").read_text() == "mine"
    write_site_folder(folder, site="usine", label="x", force=True)
    assert load_site(folder / "site.toml").site.site.label == "x"
    # The services of compose.yaml already know these passwords.
    assert (folder / ".env").read_text() == private


def test_a_site_lives_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="name a folder"):
        write_site_folder(tmp_path / "file", site="usine", label="x")


def test_secrets_are_random_and_private(folder: Path, tmp_path: Path) -> None:
    write_site_folder(tmp_path / "other", site="usine", label="x")
    mine, other = ((place / ".env").read_text().splitlines() for place in (folder, tmp_path / "other"))
    assert len(mine) == 3
    assert not set(mine) & set(other)
    if os.name == "posix":
        assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    secrets = [line.partition("=")[2] for line in mine]
    written = "".join((folder / name).read_text(encoding="utf-8") for name in FILES)
    assert not any(secret in written for secret in secrets)


@pytest.mark.parametrize(
    ("text", "identifier"),
    [("Usine Nord", "usine-nord"), ("été", "t"), ("--", "my-site"), ("a" * 80, "a" * 63)],
)
def test_ids_are_made_from_free_text(text: str, identifier: str) -> None:
    assert site_id_from(text) == identifier


def test_no_placeholder_is_left(told_folder: Path) -> None:
    for name in FILES:
        assert not re.search(r"@[A-Z]+@", (told_folder / name).read_text(encoding="utf-8")), name


def test_compose_is_well_formed_and_open_to_this_machine_only(told_folder: Path) -> None:
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load((told_folder / "compose.yaml").read_text(encoding="utf-8"))
    services = document["services"]
    assert set(services) == {"mosquitto", "influxdb", "grafana", "ingest", "ingest-2", "dashboard"}
    for service in services.values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    variables = set(
        re.findall(r"\$\{([A-Z_]+):\?(?:see|voir) \.env\}", (told_folder / "compose.yaml").read_text("utf-8"))
    )
    assert variables == {line.partition("=")[0] for line in (told_folder / ".env").read_text().splitlines()}


def test_services_call_the_commands_as_they_are(folder: Path) -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))["services"]
    calls = [one["command"].split() for one in services.values() if "build" in one]
    unit = (folder / "vigiposte-ingest.service").read_text(encoding="utf-8")
    calls.append(shlex.split(unit.partition("ExecStart=")[2].partition("\n")[0])[1:])
    assert len(calls) == 4
    for call in calls:
        answer = CliRunner().invoke(app, [*call, "--help"])
        assert answer.exit_code == 0, answer.output
    # Workers must not answer on one port, nor share one journal.
    ingests = [call for call in calls[:-1] if call[0] == "ingest"]
    assert len({call[call.index("--metrics") + 1] for call in ingests}) == len(ingests)
    assert [("--writer" in call) for call in ingests] == [False, True]


def test_systemd_accepts_the_unit(told_folder: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = told_folder / "vigiposte-ingest.service"
    # The program may not be installed where the test runs; any will do for the form of the unit.
    unit.write_text(re.sub(r'ExecStart="[^"]*"', 'ExecStart="/bin/true"', unit.read_text()))
    answer = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in answer.stderr.splitlines() if unit.name in line]
    assert complaints == []


@pytest.mark.mosquitto
def test_mosquitto_reads_comments_in_french(tmp_path: Path, mosquitto: Callable[..., Any]) -> None:
    write_site_folder(tmp_path / "Usine", site="usine", label="Usine", language="fr")
    text = (tmp_path / "Usine" / "mosquitto.conf").read_text(encoding="utf-8")
    assert "é" in text
    acl = tmp_path / "Usine" / "acl"
    server = mosquitto(text.replace("listener 1883", "listener {port}") + f"acl_file {acl}\n")
    with _connected(_client("sensor"), server.port):
        pass
    assert "rror" not in (server.folder / "mosquitto.log").read_text(encoding="utf-8")


@pytest.mark.mosquitto
def test_mosquitto_accepts_its_settings_and_keeps_what_waits(
    folder: Path, mosquitto: Callable[..., Any]
) -> None:
    text = (folder / "mosquitto.conf").read_text()
    server = mosquitto(text.replace("listener 1883", "listener {port}"))
    log = (server.folder / "mosquitto.log").read_text()
    assert "rror" not in log
    # More than Mosquitto's own limit of 1,000 messages waits for a session that is away.
    reader = _client("reader", clean=False)
    with _connected(reader, server.port):
        reader.subscribe("vigiposte/v1/usine/#", qos=1)
        _answered(reader.events.subscribed)
    with _connected(_client("sensor"), server.port) as sensor:
        handles = [sensor.publish("vigiposte/v1/usine/mic-1/json", b"{}", qos=1) for _ in range(1500)]
        for handle in handles:
            handle.wait_for_publish(_DEADLINE_S)
    again = _client("reader", clean=False)
    again.events.wanted = 1500
    with _connected(again, server.port):
        _answered(again.events.enough)
    assert again.events.received == 1500
    # The largest payload the ingest takes passes the broker's limit.
    third = _client("reader", clean=False)
    third.events.wanted = 1
    with _connected(third, server.port), _connected(_client("sensor"), server.port) as sensor:
        sensor.publish("vigiposte/v1/usine/mic-1/json", b" " * MAX_PAYLOAD_BYTES, qos=1).wait_for_publish(10)
        _answered(third.events.enough)


@pytest.mark.mosquitto
def test_a_sensor_cannot_write_as_another(folder: Path, mosquitto: Callable[..., Any]) -> None:
    text = (folder / "mosquitto.conf").read_text()
    head, _, tail = text.partition("# Sensors on the network")
    head = head.replace("allow_anonymous true", "").replace("listener 1883", "listener {port}")
    keys = re.compile(r"#(allow_anonymous|password_file|acl_file) ")
    wanted = [line[1:] for line in tail.splitlines() if keys.match(line)]
    assert wanted == ["allow_anonymous false", "password_file passwords", "acl_file acl"]
    passwords = folder / "passwords"
    passwords.touch(mode=0o600)
    for name in ("ingest", "mic-1", "mic-2"):
        subprocess.run(
            ["mosquitto_passwd", "-b", str(passwords), name, "secret"], check=True, capture_output=True
        )
    files = [
        line.replace(" passwords", f" {passwords}").replace(" acl", f" {folder / 'acl'}") for line in wanted
    ]
    server = mosquitto(head + "\n".join(files) + "\n")

    ingest = _client("ingest", user="ingest")
    ingest.events.wanted = 2
    with _connected(ingest, server.port):
        ingest.subscribe("vigiposte/v1/usine/#", qos=1)
        _answered(ingest.events.subscribed)
        for topic in (
            "vigiposte/v1/usine/mic-1/json",
            "vigiposte/v1/usine/mic-2/json",
            "vigiposte/v1/autre/mic-1/json",
            "vigiposte/v1/usine/mic-1/other",
            "vigiposte/v1/usine/mic-1/status",
        ):
            # Depending on its version Mosquitto acknowledges what it drops, or closes the connection.
            with _connected(_client("one", user="mic-1"), server.port) as sensor:
                sensor.publish(topic, b"{}", qos=1)
                _answered(sensor.events.settled)
        _answered(ingest.events.enough)
        assert ingest.events.topics == ["vigiposte/v1/usine/mic-1/json", "vigiposte/v1/usine/mic-1/status"]
    stranger = _client("stranger")
    stranger.connect("127.0.0.1", server.port)
    stranger.loop_start()
    _answered(stranger.events.refused)
    stranger.loop_stop()


@pytest.mark.mosquitto
def test_mosquitto_accepts_the_settings_for_the_network(folder: Path, mosquitto: Callable[..., Any]) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    subprocess.run(
        [
            openssl,
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.crt",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    shutil.copy(folder / "server.crt", folder / "ca.crt")
    (folder / "passwords").touch(mode=0o600)
    subprocess.run(
        ["mosquitto_passwd", "-b", "passwords", "mic-1", "secret"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    head, _, tail = (folder / "mosquitto.conf").read_text().partition("# Sensors on the network")
    head = head.replace("allow_anonymous true\n", "").replace("listener 1883 127.0.0.1\n", "")
    block = "\n".join(line[1:] for line in tail.splitlines() if re.match(r"#[a-z_]+ \S", line))
    for name in ("ca.crt", "server.crt", "server.key", "passwords", "acl"):
        block = re.sub(rf" {re.escape(name)}$", f" {folder / name}", block, flags=re.MULTILINE)
    server = mosquitto(head + block.replace("listener 8883", "listener {port} 127.0.0.1") + "\n")
    client = _client("one", user="mic-1")
    client.tls_set(ca_certs=str(folder / "ca.crt"), cert_reqs=ssl.CERT_REQUIRED)
    with _connected(client, server.port) as sensor:
        sensor.publish("vigiposte/v1/usine/mic-1/json", b"{}", qos=1).wait_for_publish(_DEADLINE_S)


class _Client(mqtt.Client):
    """A client that says what happened to it."""

    events: Any


def _client(name: str, *, user: str | None = None, clean: bool = True) -> _Client:
    client = _Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
    client.max_inflight_messages_set(500)
    client.events = SimpleNamespace(
        connected=threading.Event(),
        settled=threading.Event(),
        refused=threading.Event(),
        subscribed=threading.Event(),
        enough=threading.Event(),
        received=0,
        wanted=0,
        topics=[],
    )
    if user is not None:
        client.username_pw_set(user, "secret")
    events = client.events

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        (events.refused if reason.is_failure else events.connected).set()

    def on_message(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        events.received += 1
        events.topics.append(message.topic)
        if events.received == events.wanted:
            events.enough.set()

    client.on_connect = on_connect
    client.on_message = on_message
    client.on_publish = lambda *_: events.settled.set()
    client.on_disconnect = lambda *_: events.settled.set()
    client.on_subscribe = lambda *_: events.subscribed.set()
    return client


class _connected:  # noqa: N801 - reads as a verb where it is used
    def __init__(self, client: _Client, port: int) -> None:
        self.client, self.port = client, port

    def __enter__(self) -> _Client:
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        _answered(self.client.events.connected)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _answered(event: threading.Event) -> None:
    assert event.wait(_DEADLINE_S), "the broker did not answer in time"
