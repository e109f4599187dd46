"""The simulated plant as a process of its own: generation and publishing use the second core.

The process is started by ``spawn``: one forked after the embedded broker started would hold the broker alive.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sensors import errors
from sensors.errors import VigiposteError

__all__ = ["FeedTask", "PlantFeed"]


@dataclass(frozen=True, slots=True)
class FeedTask:
    """What to simulate and where to publish it; the truth goes to `truth_path`."""

    scenario: str
    seed: int
    start: date
    mqtt_url: str
    truth_path: Path


@dataclass(frozen=True, slots=True)
class FeedState:
    """Messages of readings published so far, due time of the last [ns], and whether that was all."""

    published: int
    due_ns: int
    done: bool


class PlantFeed:
    """Runs a `FeedTask` in a child process; a context manager that ends the child however it is left."""

    def __init__(self, task: FeedTask) -> None:
        context = multiprocessing.get_context("spawn")
        self._settled = context.Value("q", 0, lock=False)
        self._stop = context.Event()
        self._reports, own_end = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(task, self._settled, self._stop, own_end), name="vigiposte-plant", daemon=True
        )
        self._own_end = own_end

    def __enter__(self) -> Self:
        self._process.start()
        self._own_end.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._reports.close()

    def settle(self, messages: int) -> None:
        """Tell the publisher how many messages the consumer is done with; it never runs far ahead."""
        self._settled.value = messages

    def state(self, timeout_s: float) -> FeedState | None:
        """Return the newest report, or ``None`` when nothing was reported within `timeout_s`.

        Raises
        ------
        VigiposteError
            What ended the child.
        """
        newest: FeedState | None = None
        try:
            while self._reports.poll(0.0 if newest else timeout_s):
                kind, content = self._reports.recv()
                if kind == "error":
                    raise _restored(content)
                newest = FeedState(*content)
        except EOFError:
            if newest is None:
                raise VigiposteError(
                    "the simulated plant ended before it had published everything",
                    value=self._process.exitcode,
                    remedy="run again; look for a lack of memory",
                    code="feed_died",
                ) from None
        return newest


def _run(task: FeedTask, settled: Any, stop: Any, reports: Any) -> None:
    """Body of the child process."""
    # Ctrl+C reaches the whole process group; the parent decides when the plant stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError), reports:
        try:
            _publish(task, settled, stop, reports)
        except VigiposteError as error:
            reports.send(("error", _portable(error)))
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 - the parent process shows it
            reports.send(("error", {"type": "VigiposteError", "what": traceback.format_exc()}))


def _publish(task: FeedTask, settled: Any, stop: Any, reports: Any) -> None:
    import json

    from sensors.command_line import write_atomic
    from simulators.devices import SensorDay
    from simulators.messages import Message, plant_messages, status_messages
    from simulators.mqtt_link import parse_url
    from simulators.publisher import publish
    from simulators.scenario import load_scenario
    from simulators.truth import document, merged_days

    scenario = load_scenario(task.scenario)
    address = parse_url(task.mqtt_url)
    last = 0

    def watched() -> Iterator[Message]:
        nonlocal last
        for message in plant_messages(scenario, task.seed, task.start, seen):
            last = message.due_ns
            yield message

    seen: list[SensorDay] = []
    publish(status_messages(scenario, "online"), address)
    report = publish(
        watched(),
        address,
        stop=stop,
        backlog=lambda sent: sent - settled.value,
        on_progress=lambda sent, due_ns: reports.send(("state", (sent, due_ns, False))),
    )
    publish(status_messages(scenario, "offline"), address)
    truth = document(scenario, task.seed, merged_days(seen), task.start)
    write_atomic(task.truth_path, json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    reports.send(("state", (report.messages, last, True)))


def _portable(error: VigiposteError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "what": error.what,
        "value": error.value,
        "rule": error.rule,
        "remedy": error.remedy,
        "code": error.code,
    }


def _restored(content: dict[str, Any]) -> VigiposteError:
    kind: type[VigiposteError] = getattr(errors, content.pop("type"))
    return kind(content.pop("what"), **content)
