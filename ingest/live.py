"""One sensor's readings as they arrive, beside the ingest: for a person who calibrates it."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ingest.pipeline.routing import Router
from ingest.session.plain_client import connect_client, leave_client, new_client
from ingest.session.settings import BrokerSettings, MqttVersion, broker_settings
from sensors.errors import BrokerUnreachableError, PayloadError
from sensors.formats import Decoded
from sensors.topics import ROOT

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["listen_sensor"]

_ANSWER_S = 8.0
_MOST_WAITING = 10_000


@contextmanager
def listen_sensor(
    book: SiteBook, sensor: str, *, mqtt_url: str | None = None, poll_s: float = 0.1
) -> Iterator[Iterator[Decoded | None]]:
    """Subscribe to one sensor for as long as the context lasts.

    A client of its own with a clean session: the ingest and what the broker keeps for it are not touched.
    Messages that are refused are passed over; the ingest puts them into quarantine.

    Parameters
    ----------
    book : SiteBook
    sensor : str
        Id of the site file.
    mqtt_url : str, optional
        Replaces the broker's URL of the site file.
    poll_s : float
        Longest silence before the iterator yields ``None``.

    Yields
    ------
    iterator of Decoded or None
        Rows as they arrive; ``None`` while nothing comes, and for messages that are not of this sensor.

    Raises
    ------
    BrokerUnreachableError
        The broker refuses or does not answer.
    UnknownNameError
        No such sensor.
    """
    book.sensor(sensor)
    settings = broker_settings(book.site.mqtt, book.folder, book.site.site.id, url=mqtt_url)
    router = Router(book)
    waiting: queue.Queue[tuple[bytes, bytes]] = queue.Queue(_MOST_WAITING)
    topics = [f"{ROOT}/{book.site.site.id}/{sensor}/+", *(source.topic for source in book.site.sources)]
    client = _connected(settings, topics, waiting)
    try:
        yield _rows(router, sensor, waiting, poll_s)
    finally:
        leave_client(client)


def _rows(
    router: Router, sensor: str, waiting: queue.Queue[tuple[bytes, bytes]], poll_s: float
) -> Iterator[Decoded | None]:
    while True:
        try:
            topic, payload = waiting.get(timeout=poll_s)
        except queue.Empty:
            yield None
            continue
        try:
            found = router.read(topic, payload, time.time_ns())
        except PayloadError:
            found = None
        # Whoever waits must get the word whatever arrives: refused messages would hold them for ever.
        yield found.decoded if found is not None and found.sensor.id == sensor else None


def _client(settings: BrokerSettings) -> Any:
    import paho.mqtt.client as mqtt

    five = settings.version is MqttVersion.V5
    return new_client(
        settings,
        client_id=f"{settings.client_id}-live-{secrets.token_hex(4)}",
        protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
    )


def _connected(settings: BrokerSettings, topics: list[str], waiting: queue.Queue[tuple[bytes, bytes]]) -> Any:
    subscribed: queue.Queue[str] = queue.Queue()

    def on_connect(client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            subscribed.put(str(reason))
        else:
            client.subscribe([(topic, 0) for topic in topics])

    def on_subscribe(_client: Any, _user: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        subscribed.put(refused[0] if len(refused) == len(reasons) else "")

    def on_message(_client: Any, _user: Any, message: Any) -> None:
        # Whoever reads too slowly loses the oldest: only the present counts here.
        while True:
            try:
                waiting.put_nowait((message.topic.encode(), message.payload))
            except queue.Full:
                waiting.get_nowait()
            else:
                return

    client = _client(settings)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    connect_client(client, settings)
    client.loop_start()
    try:
        problem = subscribed.get(timeout=_ANSWER_S)
    except queue.Empty:
        problem = f"no answer within {_ANSWER_S:g} s"
    if problem:
        leave_client(client)
        raise BrokerUnreachableError(
            f"broker {settings.url} refuses",
            value=problem,
            remedy="check user, password and access rights",
            code="broker_refused",
        )
    return client
