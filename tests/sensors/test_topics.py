from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.errors import PayloadError, UsageError
from sensors.formats import WireFormat
from sensors.topics import ROOT, STATUS, Topic, build_topic, parse_topic, reading_filters, status_filter

identifiers = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@settings(max_examples=60, deadline=None, database=None)
@given(identifiers, identifiers, st.sampled_from([*WireFormat, STATUS]))
def test_topics_round_trip(site: str, sensor: str, fmt: WireFormat) -> None:
    assert parse_topic(build_topic(site, sensor, fmt)) == Topic(site, sensor, fmt)


def test_a_topic_is_as_the_contract_says() -> None:
    assert (
        build_topic("usine", "mic-1", WireFormat.COLUMNS_MSGPACK)
        == "vigiposte/v1/usine/mic-1/columns-msgpack"
    )
    assert parse_topic("vigiposte/v1/usine/mic-1/status").format == STATUS


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vigiposte",
        "vigiposte/v2/usine/mic-1/json",
        "vigiposte/v1/usine/mic-1",
        "vigiposte/v1/usine/mic-1/json/more",
        "vigiposte/v1/usine/mic-1/xml",
        "vigiposte/v1/usine/Mic/json",
        "vigiposte/v1/../mic-1/json",
        "vigiposte/v1/usine/mic-1\n/json",
        "vigiposte/v1/usine/+/json",
        "vigiposte/v1//mic-1/json",
        "vigiposte/v1/usine/" + "a" * 64 + "/json",
    ],
)
def test_foreign_topics_are_refused(topic: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_topic(topic)
    assert caught.value.code == "bad_topic"


@settings(max_examples=100, deadline=None, database=None)
@given(st.text(max_size=60))
def test_any_topic_is_parsed_or_refused(topic: str) -> None:
    refused = False
    try:
        parse_topic(f"{ROOT}/{topic}")
    except PayloadError:
        refused = True
    assert refused or topic.count("/") == 2


def test_a_topic_cannot_be_built_from_free_text() -> None:
    with pytest.raises(UsageError, match="not an id"):
        build_topic("usine", "mic/1", WireFormat.JSON)


def test_filters_share_readings_but_never_status() -> None:
    assert reading_filters("usine")[0] == "vigiposte/v1/usine/+/senml"
    shared = reading_filters("usine", "vigiposte")
    assert shared == tuple(f"$share/vigiposte/vigiposte/v1/usine/+/{fmt}" for fmt in WireFormat)
    assert not any(entry.endswith((STATUS, "#")) for entry in shared)
    assert status_filter("usine") == "vigiposte/v1/usine/+/status"
