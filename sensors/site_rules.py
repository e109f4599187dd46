"""Rules within one table that types cannot say: shifts, calibrations, settings, the plan."""

from __future__ import annotations

import math
import re
from datetime import time
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sensors.quantities import Kind
from sensors.site_model import Calibration, Shift
from sensors.site_tables import Draft

__all__ = [
    "check_calibrations",
    "check_plan",
    "check_settings",
    "check_shifts",
    "check_timezone",
    "masked_url",
]

_DAY_MIN = 24 * 60
# A sensor at rest reads one standard gravity; a uncalibrated one still within a factor of two.
_REST_G = (0.5, 1.5)
_MQTT_VERSIONS = ("auto", "5", "3.1.1")


def masked_url(url: str) -> str:
    """`url` with user, password and token hidden."""
    hidden = re.sub(r"(://)[^/@]*@", r"\1***@", url)
    return re.sub(r"(?i)([?&](?:token|password|p|u|user|username)=)[^&]*", r"\1***", hidden)


def check_timezone(draft: Draft) -> ZoneInfo:
    """Zone of the site; UTC, with a problem noted, where it is not known."""
    site: Any = draft.single.get("site")
    if site is None:
        return ZoneInfo("UTC")
    zones = available_timezones()
    if site.timezone in zones:
        return ZoneInfo(site.timezone)
    close = get_close_matches(site.timezone, sorted(zones), n=1)
    draft.add(
        "unknown_timezone",
        "site.timezone",
        site.timezone,
        "a zone of the IANA database, written Area/City",
        f"did you mean {close[0]}?" if close else 'for example "Europe/Paris"',
    )
    return ZoneInfo("UTC")


def check_settings(draft: Draft) -> None:
    """URLs of broker and store, and settings that depend on each other."""
    mqtt: Any = draft.single.get("mqtt")
    if mqtt is not None:
        _check_mqtt(draft, mqtt.url)
    store: Any = draft.single.get("store")
    if store is not None:
        _check_store(draft, "store.url", store.url, ("lake", "influxdb", "influxdb+https"))
        if store.summaries is not None:
            _check_store(draft, "store.summaries", store.summaries, ("lake",))
    privacy: Any = draft.single.get("privacy")
    if privacy is not None and privacy.wide_group_size < privacy.group_size:
        draft.add(
            "group_sizes",
            "privacy.wide_group_size",
            privacy.wide_group_size,
            f"wider circulation needs at least group_size = {privacy.group_size}",
            "raise wide_group_size",
        )
    for index, campaign in draft.rows["campaigns"]:
        if campaign.end < campaign.start:
            draft.add(
                "from_after_to",
                f"campaigns[{index}].to",
                campaign.end,
                f"a campaign ends on or after its first day ({campaign.start})",
                "correct from or to",
            )


def _no_secret(draft: Draft, key: str, url: str) -> bool:
    shown = masked_url(url)
    if shown == url:
        return True
    draft.add(
        "secret_in_file",
        key,
        shown,
        "secrets never stand in the site file",
        "use username with password_file, token_file, or the environment "
        "(VIGIPOSTE_MQTT_PASSWORD, VIGIPOSTE_STORE_TOKEN)",
    )
    return False


def _check_mqtt(draft: Draft, url: str) -> None:
    rule = "mqtt://host:port or mqtts://host:port, ?version=auto, 5 or 3.1.1"
    remedy = 'for example url = "mqtt://127.0.0.1:1883"'
    if not _no_secret(draft, "mqtt.url", url):
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        draft.add("bad_url", "mqtt.url", url, rule, remedy)
        return
    options = dict(item.partition("=")[::2] for item in parts.query.split("&") if item)
    if set(options) - {"version"} or options.get("version", "auto") not in _MQTT_VERSIONS:
        draft.add("bad_url", "mqtt.url", url, rule, remedy)


def _check_store(draft: Draft, key: str, url: str, schemes: tuple[str, ...]) -> None:
    if not _no_secret(draft, key, url):
        return
    scheme, colon, rest = url.partition(":")
    examples = {"lake": "lake:./lake", "influxdb": "influxdb://host:8086/DB"}
    wanted = " or ".join(examples[name] for name in examples if name in schemes)
    usable = bool(colon and rest) and scheme in schemes
    if usable and scheme != "lake":
        try:
            parts = urlsplit(url)
            usable = bool(parts.hostname) and bool(parts.path.strip("/")) and parts.port != 0
        except ValueError:
            usable = False
    if not usable:
        draft.add("bad_url", key, url, wanted, f'for example url = "{examples["lake"]}"')


def check_shifts(draft: Draft) -> None:
    """Breaks lie inside their shift, in order; tasks fit into a day."""
    for index, shift in draft.rows["shifts"]:
        if shift.start.tzinfo is not None or shift.end.tzinfo is not None:
            draft.add(
                "time_with_offset",
                f"shifts[{index}].start",
                shift.start,
                "a shift is site time, without offset",
                'write start = "05:00"',
            )
            continue
        _check_breaks(draft, index, shift)
    hours: dict[str, float] = {}
    for index, task in draft.rows["tasks"]:
        hours[task.workstation] = hours.get(task.workstation, 0.0) + task.hours
        if hours[task.workstation] > 24.0:
            draft.add(
                "task_hours",
                f"tasks[{index}].hours",
                task.hours,
                f"the tasks of {task.workstation} add up to {hours[task.workstation]:g} h a shift",
                "hours are those of one shift",
            )


def _check_breaks(draft: Draft, index: int, shift: Shift) -> None:
    length = (_minutes(shift.end) - _minutes(shift.start)) % _DAY_MIN or _DAY_MIN
    reached = 0.0
    for place, (start, end) in enumerate(shift.breaks):
        path = f"shifts[{index}].breaks[{place}]"
        shown = f"{start:%H:%M} to {end:%H:%M}"
        first = (_minutes(start) - _minutes(shift.start)) % _DAY_MIN
        last = first + (_minutes(end) - _minutes(start)) % _DAY_MIN
        if last == first:
            draft.add("empty_break", path, shown, "a break ends after it starts", "correct its end")
        elif last > length:
            draft.add(
                "break_outside_shift",
                path,
                shown,
                f"a break lies inside its shift, {shift.start:%H:%M} to {shift.end:%H:%M}",
                "correct the break or the shift",
            )
        elif first < reached:
            draft.add(
                "breaks_overlap", path, shown, "breaks stand in order and do not overlap", "correct its start"
            )
        else:
            reached = last


def _minutes(clock: time) -> float:
    return clock.hour * 60 + clock.minute + clock.second / 60


def check_calibrations(draft: Draft) -> None:
    """Each calibration has what its kind needs, and belongs to a sensor of the right kind."""
    kinds = {row.id: row.kind for _, row in draft.rows["sensors"]}
    for index, row in draft.rows["calibrations"]:
        path = f"calibrations[{index}]"
        wanted = Kind.NOISE if row.kind == "microphone" else Kind.POSTURE
        if kinds.get(row.sensor, wanted) is not wanted:
            draft.add(
                "calibration_kind",
                f"{path}.kind",
                row.kind,
                f"it is for {wanted} sensors; {row.sensor} is a {kinds[row.sensor]} sensor",
                "correct kind or sensor",
            )
        _check_parts(draft, path, row)
        _check_closing(draft, path, row)


def _check_closing(draft: Draft, path: str, row: Calibration) -> None:
    before = next((other for _, other in draft.rows["calibrations"] if other.id == row.closes), None)
    if before is None:
        return
    naive = (before.at.tzinfo is None) != (row.at.tzinfo is None)
    if before.sensor != row.sensor or (not naive and before.at >= row.at):
        draft.add(
            "calibration_closes",
            f"{path}.closes",
            row.closes,
            "it names the earlier check of the same microphone",
            "name the check before the series, or remove closes",
        )


def _check_parts(draft: Draft, path: str, row: Calibration) -> None:
    needed = {
        "two_postures": ("upright", "lean"),
        "upright_only": ("upright",),
        "estimated": ("upright",),
        "microphone": ("level_before_db",),
    }[row.kind]
    for key in needed:
        if getattr(row, key) is None:
            draft.add(
                "calibration_part",
                f"{path}.{key}",
                None,
                f"a calibration of kind {row.kind} needs {' and '.join(needed)}",
                f"add {key}, or let `vigiposte calibrate` write the record",
            )
    for key in ("upright", "lean"):
        vector = getattr(row, key)
        if vector is not None and not _REST_G[0] <= math.hypot(*vector) <= _REST_G[1]:
            draft.add(
                "calibration_vector",
                f"{path}.{key}",
                list(vector),
                f"a sensor at rest reads about 1 g; this is {math.hypot(*vector):.2f}",
                "give it in g, taken while the wearer stands still",
            )


def check_plan(draft: Draft) -> None:
    """Workstations stand on the floor plan."""
    floor: Any = draft.single.get("floor")
    if floor is None:
        return
    if min(floor.size_m) <= 0.0:
        draft.add(
            "out_of_range", "floor.size_m", list(floor.size_m), "both sides are > 0 m", "correct the size"
        )
        return
    for index, row in draft.rows["workstations"]:
        if row.position_m is not None and not all(
            0.0 <= at <= side for at, side in zip(row.position_m, floor.size_m, strict=True)
        ):
            draft.add(
                "outside_floor",
                f"workstations[{index}].position_m",
                list(row.position_m),
                f"the floor is {floor.size_m[0]:g} m by {floor.size_m[1]:g} m",
                "correct the position or floor.size_m",
            )
