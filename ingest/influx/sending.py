"""Bodies to the server, and the few lines that it refuses out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ingest.influx.client import InfluxClient, LinesRefusedError, TooLargeError
from ingest.influx.lines import Lines
from ingest.store_protocol import RejectedRow

__all__ = ["send"]

_BODY_BYTES = 4_000_000
_SENDERS = 2
_DROPPED = re.compile(r"dropped=(\d+)")
_UNPARSABLE = "unable to parse"


def send(client: InfluxClient, lines: Iterable[Lines]) -> list[RejectedRow]:
    """Store all `lines`; the rows that the server refuses for good.

    The next bodies are built while two are under way. When the server goes away the first error is raised
    after the bodies under way have ended; sending everything again is harmless.
    """
    bodies = _bodies(lines)
    first = next(bodies, None)
    second = next(bodies, None)
    if first is None:
        return []
    if second is None:
        return _send_body(client, first)
    rejected: list[RejectedRow] = []
    with ThreadPoolExecutor(_SENDERS, thread_name_prefix="influx") as pool:
        running: set[Future[list[RejectedRow]]] = {
            pool.submit(_send_body, client, first),
            pool.submit(_send_body, client, second),
        }
        for body in bodies:
            if len(running) > _SENDERS:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    rejected.extend(future.result())
            running.add(pool.submit(_send_body, client, body))
        for future in running:
            rejected.extend(future.result())
    return rejected


def _bodies(lines: Iterable[Lines]) -> Iterator[list[Lines]]:
    gathered: list[Lines] = []
    size = 0
    for one in lines:
        if gathered and size + len(one.body) > _BODY_BYTES:
            yield gathered
            gathered, size = [], 0
        gathered.append(one)
        size += len(one.body)
    if gathered:
        yield gathered


def _send_body(client: InfluxClient, body: Sequence[Lines]) -> list[RejectedRow]:
    try:
        client.write(b"".join(one.body for one in body))
    except (LinesRefusedError, TooLargeError) as refused:
        single = [(one.sensor, line) for one in body for line in one.split()]
        return _narrow(client, single, refused)
    return []


def _narrow(
    client: InfluxClient, lines: Sequence[tuple[str, bytes]], refused: LinesRefusedError | TooLargeError
) -> list[RejectedRow]:
    """Find the offending lines by halves; the good ones are only stored again, which changes nothing."""
    if len(lines) == 1 or _all_refused(str(refused), refused, len(lines)):
        return [_rejected(sensor, line, str(refused)) for sensor, line in lines]
    middle = len(lines) // 2
    found: list[RejectedRow] = []
    for half in (lines[:middle], lines[middle:]):
        try:
            client.write(b"".join(line for _, line in half))
        except (LinesRefusedError, TooLargeError) as again:
            found.extend(_narrow(client, half, again))
    return found


def _all_refused(message: str, refused: Exception, count: int) -> bool:
    """Whether the server says that it kept none of `count` lines because of each of them.

    Its count of dropped points is right for type conflicts and retention; for lines that it cannot parse it
    says 0, and names each. (A 1.x stores the others; a 2.x refuses the whole body for the sake of one.)
    """
    if isinstance(refused, TooLargeError):
        return False
    dropped = _DROPPED.search(message)
    if dropped is not None and int(dropped[1]) > 0:
        return int(dropped[1]) >= count
    return message.count(_UNPARSABLE) >= count


def _rejected(sensor: str, line: bytes, reason: str) -> RejectedRow:
    text = line.decode().rstrip("\n")
    return RejectedRow(sensor=sensor, time_ns=int(text.rpartition(" ")[2]), reason=reason, row=text)
