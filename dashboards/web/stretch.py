"""The distribution of one stretch of a trace: how long its values lasted, between any two moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.exposure import percentiles, time_in_bands
from dashboards import details
from dashboards.report.distributions import band_figure, cumulative_figure
from dashboards.report.model import Figure
from dashboards.web.series import LONG_NS, Trace, TraceReader
from dashboards.wording import Wording
from indicators.model import Audience
from indicators.posture.figures import band_edges_deg
from indicators.posture.measures import segment_of
from sensors.quantities import Kind
from sensors.site_book import SiteBook

__all__ = ["Stretch", "read_stretch", "stretch_figures"]

Numbers = NDArray[np.float64]

_PERCENTS = (10.0, 50.0, 90.0)
_FINE_STEP = {"°": 1.0, "°C": 0.1, "%": 0.5}
_FINE_LEVEL_DB = 0.5
# Levels keep the bands of the weekly figures; other quantities take the narrowest that stay few.
_BAND_WIDTHS = (0.5, 1.0, 2.0, 5.0, 10.0)
_LEVEL_BAND_DB = 5.0
_MOST_BANDS = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time at each value of a trace between two moments.

    Attributes
    ----------
    edges : float array, shape (n + 1,)
        Bounds of fine classes, in the trace's unit.
    seconds : float array, shape (n,)
        Time in each; empty when nothing was measured.
    marks : tuple of float
        P10, P50, P90; empty when nothing was measured.
    """

    edges: Numbers
    seconds: Numbers
    marks: tuple[float, ...]

    @property
    def measured_s(self) -> float:
        """Measured time [s]."""
        return float(self.seconds.sum())


_NOTHING = Stretch(np.zeros(1), np.zeros(0), ())


def read_stretch(
    reader: TraceReader, book: SiteBook, trace: Trace, start_ns: int, end_ns: int, audience: Audience
) -> Stretch:
    """Time at each value within ``[start_ns, end_ns)``.

    Raises
    ------
    GovernanceError
        A worn sensor is asked for outside the analyst audience: stretches chosen at will, subtracted from one
        another, would give single moments of one person away.
    """
    if trace.channel == "inclination" and end_ns - start_ns > LONG_NS:
        seconds = reader.read_angle_seconds(book, trace, start_ns, end_ns, audience)
        if seconds is not None:
            return _of_degrees(seconds)
    times, values = reader.read(book, trace, start_ns, end_ns, audience)
    known = np.isfinite(values)
    times_s, values = (times[known] - start_ns) / 1e9, values[known]
    if values.size < 2:
        return _NOTHING
    step = _FINE_STEP.get(trace.unit, _FINE_LEVEL_DB)
    first, last = math.floor(values.min() / step + 1e-9), math.floor(values.max() / step + 1e-9) + 1
    edges = np.arange(first, last + 1) * step
    longest_s = trace.longest_step_s
    return Stretch(
        edges,
        time_in_bands(values, times_s, edges, longest_s),
        tuple(percentiles(values, times_s, _PERCENTS, longest_s).tolist()),
    )


def _of_degrees(seconds: Numbers) -> Stretch:
    filled = np.flatnonzero(seconds)
    if filled.size == 0:
        return _NOTHING
    kept = slice(int(filled[0]), int(filled[-1]) + 1)
    edges = np.arange(kept.start, kept.stop + 1, dtype=np.float64)
    below = np.concatenate(([0.0], np.cumsum(seconds[kept])))
    marks = np.interp(np.array(_PERCENTS) / 100.0 * below[-1], below, edges)
    return Stretch(edges, seconds[kept], tuple(marks.tolist()))


def stretch_figures(
    found: Stretch, trace: Trace, limits: Sequence[float], words: Wording
) -> tuple[Figure, ...]:
    """Cumulative curve and time in band of a stretch; nothing when nothing was measured."""
    total = found.measured_s
    if not total:
        return ()
    names = [f"P{percent:.0f}" for percent in _PERCENTS]
    marks = dict(zip(names, found.marks, strict=True))
    cumulative = np.concatenate(([0.0], 100.0 * np.cumsum(found.seconds) / total))
    unit = words.unit(trace.unit)
    label = words.say(f"channels.{trace.channel}")
    label = label[:1].upper() + label[1:]
    subject = words.factor(trace.kind.value)
    curve = details.Curve(
        tuple(found.edges.tolist()), tuple(cumulative.tolist()), marks, tuple(sorted(limits)), unit
    )
    bounds = _band_edges(found, trace)
    middles = (found.edges[:-1] + found.edges[1:]) / 2.0
    shares = 100.0 * np.histogram(middles, bounds, weights=found.seconds)[0] / total
    bands = [
        details.Band(low, high, float(share))
        for (low, high), share in zip(pairwise(bounds), shares, strict=True)
    ]
    return (
        cumulative_figure(curve, label, subject, words, decimals=1),
        band_figure(bands, {}, trace.unit, label, subject, words),
    )


def _band_edges(found: Stretch, trace: Trace) -> list[float]:
    low, high = float(found.edges[0]), float(found.edges[-1])
    if trace.kind is Kind.POSTURE:
        segments = {segment_of(posting.mount) for posting in trace.postings}
        segment = segments.pop() if len(segments) == 1 else None
        edges = () if segment is None else band_edges_deg(segment)
        if edges:
            # The inclination has no sign: the part below zero of a flexion's bands is empty.
            return [edge for edge in edges if edge >= 0.0]
    width = _LEVEL_BAND_DB
    if trace.kind is not Kind.NOISE:
        width = next((w for w in _BAND_WIDTHS if (high - low) / w <= _MOST_BANDS), _BAND_WIDTHS[-1])
    first, last = math.floor(low / width + 1e-9), math.ceil(high / width - 1e-9)
    return [index * width for index in range(first, max(last, first + 1) + 1)]
