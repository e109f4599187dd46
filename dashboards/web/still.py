"""A trace as a still drawing: shifts shaded, pauses light, gaps hatched, limits as references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analysis.decimate import Decimated
from dashboards import typography
from dashboards.plots.svg import standalone
from dashboards.plots.timeline import Shade, timeline
from dashboards.wording import Wording

__all__ = ["still_drawing"]

_LONG_S = 2 * 86_400
_MOST_TICKS = 8


def still_drawing(
    shown: Decimated,
    *,
    trace: str,
    words: Wording,
    zone: ZoneInfo,
    shifts: Sequence[Mapping[str, Any]],
    limits: Sequence[Sequence[Any]],
    circulation: str = "",
) -> str:
    """The thinned trace as SVG with its own style, under the mark of what is not for `circulation`."""
    times = (shown.times_ns / 1e9).tolist()
    gaps = [
        (max(start, shift["from"]), min(end, shift["to"]))
        for start, end in (shown.gaps_ns / 1e9).tolist()
        for shift in shifts
        if start < shift["to"] and end > shift["from"]
    ]
    shades = [
        *(Shade(shift["from"], shift["to"], "shift") for shift in shifts),
        *(Shade(start, end, "pause") for shift in shifts for start, end in shift["breaks"]),
        *(Shade(start, end, "gap") for start, end in gaps),
    ]
    ticks = _ticks(times, zone)
    long = bool(times) and times[-1] - times[0] > _LONG_S

    def moment(second: float) -> str:
        local = datetime.fromtimestamp(second, tz=zone)
        if long:
            return typography.short_day(local.date(), language=words.language)
        return typography.clock(local, language=words.language)

    drawing = timeline(
        times,
        shown.low.tolist(),
        shown.high.tolist(),
        shown.middle.tolist(),
        limits=[(float(value), str(name)) for value, name in limits],
        shades=shades,
        say=words.number,
        say_time=moment,
        time_ticks=ticks,
        alt=trace,
    )
    return standalone(drawing, circulation)


def _ticks(times: Sequence[float], zone: ZoneInfo) -> list[float]:
    """Midnights of a long stretch, whole hours of a short one."""
    if not times:
        return []
    first, last = (datetime.fromtimestamp(moment, tz=zone) for moment in (times[0], times[-1]))
    hours = (last - first).total_seconds() / 3600
    step = (
        timedelta(days=1) if hours * 3600 > _LONG_S else timedelta(hours=max(1, round(hours / _MOST_TICKS)))
    )
    moment = first.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while moment <= last:
        if moment >= first:
            found.append(moment.timestamp())
        moment += step
    return found
