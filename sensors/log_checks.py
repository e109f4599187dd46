"""Rules of the logs: against the site file, and against each other."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from sensors.errors import Problem
from sensors.local_time import OPEN_END_NS, to_ns
from sensors.logs import SiteLogs
from sensors.site_checks import PSEUDONYM, PSEUDONYM_WORDS, Span, overlaps, unknown_words
from sensors.site_tables import Draft

__all__ = ["check_logs"]


def check_logs(draft: Draft, logs: SiteLogs, zone: ZoneInfo) -> list[Problem]:
    """Rows of the logs against the site file and against each other."""
    problems: list[Problem] = []

    def add(file: str, line: int, column: str, code: str, value: object, rule: str, remedy: str) -> None:
        where = f"line {line}, {column}" if column else f"line {line}"
        problems.append(Problem(f"{file}.csv", where, value, rule, remedy, code))

    wearers = None if logs.wearers is None else {row.wearer for row in logs.wearers}
    references = (
        ("sensor", "sensors"),
        ("workstation", "workstations"),
        ("control", "workstations"),
        ("task", "tasks"),
    )
    for name in ("assignments", "exclusions", "pauses", "actions", "situations"):
        for row in getattr(logs, name):
            for column, table in references:
                value = getattr(row, column, None)
                if value is not None and value not in draft.claimed[table]:
                    add(
                        name,
                        row.line,
                        column,
                        "unknown_reference",
                        value,
                        *unknown_words(value, draft.claimed[table], table),
                    )
    _check_pseudonyms(logs, add)
    spans = _placement_spans(draft, zone)
    for row in logs.assignments:
        if row.wearer is not None and not PSEUDONYM.fullmatch(row.wearer):
            add("assignments", row.line, "wearer", "wearer_form", row.wearer, *PSEUDONYM_WORDS)
        elif row.wearer is not None and wearers is not None and row.wearer not in wearers:
            close = get_close_matches(row.wearer, sorted(wearers), n=1)
            add(
                "assignments",
                row.line,
                "wearer",
                "unknown_wearer",
                row.wearer,
                "wearers.csv does not list this pseudonym",
                f"did you mean {close[0]}?" if close else "add it to wearers.csv, or correct the cell",
            )
        if row.sensor in draft.claimed["sensors"] and not _covered(row, spans.get(row.sensor, [])):
            add(
                "assignments",
                row.line,
                "sensor",
                "assignment_without_placement",
                row.sensor,
                "no placement says how this sensor is mounted during the whole of this interval",
                "add or extend its row under [[placements]]",
            )
        _check_task(draft, row, add)
    _check_overlaps(logs, add)
    _check_actions(logs, add)
    return problems


def _check_pseudonyms(logs: SiteLogs, add: Any) -> None:
    for name, listed in (("wearers", logs.wearers or ()), ("objections", logs.objections)):
        for row in listed:
            if not PSEUDONYM.fullmatch(row.wearer):
                add(name, row.line, "wearer", "wearer_form", row.wearer, *PSEUDONYM_WORDS)


def _placement_spans(draft: Draft, zone: ZoneInfo) -> dict[str, list[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for _, row in draft.rows["placements"]:
        end = OPEN_END_NS if row.end is None else to_ns(row.end, zone)
        spans.setdefault(row.sensor, []).append((to_ns(row.start, zone), end))
    return {sensor: sorted(items) for sensor, items in spans.items()}


def _covered(row: Any, spans: list[tuple[int, int]]) -> bool:
    reached = row.start_ns
    # An open assignment lasts as long as the sensor is placed.
    needed = row.start_ns + 1 if row.end_ns == OPEN_END_NS else row.end_ns
    for start, end in spans:
        if start <= reached < end:
            reached = end
    return bool(reached >= needed)


def _check_task(draft: Draft, row: Any, add: Any) -> None:
    if row.task is None or row.workstation is None:
        return
    task = next((item for _, item in draft.rows["tasks"] if item.id == row.task), None)
    if task is not None and task.workstation != row.workstation:
        add(
            "assignments",
            row.line,
            "task",
            "task_of_other_workstation",
            row.task,
            f"the task belongs to {task.workstation}",
            f"name a task of {row.workstation}, or leave the cell empty",
        )


def _check_overlaps(logs: SiteLogs, add: Any) -> None:
    spans = [Span(row.start_ns, row.end_ns, row.sensor, str(row.line)) for row in logs.assignments]
    for first, second in overlaps(spans):
        add(
            "assignments",
            int(second.path),
            "",
            "overlap",
            second.sensor,
            f"a sensor is worn once at a time; this overlaps line {first.path}",
            "end the earlier row where the later one begins",
        )
    worn = [row for row in logs.assignments if row.wearer and row.workstation]
    places = {row.line: row.workstation for row in worn}
    people = [Span(row.start_ns, row.end_ns, str(row.wearer), str(row.line)) for row in worn]
    for first, second in overlaps(people):
        if places[int(first.path)] != places[int(second.path)]:
            add(
                "assignments",
                int(second.path),
                "",
                "wearer_in_two_places",
                second.sensor,
                f"a wearer is at one workstation at a time; this overlaps line {first.path}",
                "correct times or workstation",
            )


def _check_actions(logs: SiteLogs, add: Any) -> None:
    seen: dict[str, int] = {}
    for row in logs.actions:
        if row.id in seen:
            add(
                "actions",
                row.line,
                "id",
                "duplicate_id",
                row.id,
                f"an id stands once; line {seen[row.id]} has it already",
                "choose another id",
            )
        seen.setdefault(row.id, row.line)
        if row.control is not None and row.control == row.workstation:
            add(
                "actions",
                row.line,
                "control",
                "control_is_itself",
                row.control,
                "a control workstation is one without the change",
                "name another workstation, or leave the cell empty",
            )
