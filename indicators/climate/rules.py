"""Heat stress by ISO 7243 and NIOSH: reference values, clothing, the worst hour of a shift."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import float_array, positive, within
from indicators.limits import Limit, limit
from indicators.table_files import toml_table
from sensors.errors import MethodError

__all__ = [
    "clothing_adjustment_c",
    "metabolic_band_c",
    "metabolic_row",
    "wbgt_limit_c",
    "wbgt_limit_continuous_c",
    "wbgt_limit_row",
    "worst_hour_c",
    "worst_window",
]

Floats = NDArray[np.float64]


def wbgt_limit_c(metabolic_class: ArrayLike | str, acclimatised: bool) -> Floats:
    """Reference value of WBGT.

    Parameters
    ----------
    metabolic_class : array-like of int, or str
        0 resting, 1 low, 2 moderate, 3 high, 4 very high; or the class's name.
    acclimatised : bool
        Whether the people are acclimatised to heat (some seven days of work in it).

    Returns
    -------
    float64 array
        Limit of the effective WBGT [°C]; NaN where the class is missing.

    Raises
    ------
    MethodError
        ``unknown_class``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 7243:2017, Table A.1. Not identical to `wbgt_limit_continuous_c` for people not acclimatised: verdicts
    use this table.
    """
    table = np.array([wbgt_limit_row(row["key"], acclimatised).value for row in _metabolic_rows()])
    if isinstance(metabolic_class, str):
        return np.array(table[metabolic_row(metabolic_class)["number"]])
    classes = float_array(metabolic_class, "metabolic_class")
    missing = np.isnan(classes)
    if not np.isin(classes[~missing], np.arange(table.size)).all():
        raise _unknown_class(metabolic_class)
    return np.where(missing, np.nan, table[np.where(missing, 0, classes).astype(np.int64)])


def wbgt_limit_continuous_c(metabolic_rate_w: ArrayLike, acclimatised: bool) -> Floats:
    """Recommended limit of WBGT as a continuous function of the metabolic rate.

    Parameters
    ----------
    metabolic_rate_w : array-like
        Metabolic rate in *watts*, 100 to 600 (W/m² times 1.8 for a standard person).
    acclimatised : bool
        Whether the people are acclimatised to heat.

    Returns
    -------
    float64 array
        ``56.7 − 11.5 lg M`` (acclimatised) or ``59.9 − 14.1 lg M`` [°C].

    Raises
    ------
    MethodError
        ``out_of_validity``, ``not_positive``, ``empty``, ``infinite``.

    Notes
    -----
    NIOSH 2016-106, 8.1 (REL and RAL).
    """
    rate = within(positive(metabolic_rate_w, "metabolic_rate_w"), "metabolic_rate_w", 100.0, 600.0)
    row = toml_table("climate")["continuous"]["acclimatised" if acclimatised else "not_acclimatised"]
    return np.asarray(row["constant_c"] - row["slope_c"] * np.log10(rate))


def wbgt_limit_row(metabolic_class: str, acclimatised: bool) -> Limit:
    """Row of the limits table that holds the reference value of a class."""
    state = "acclimatised" if acclimatised else "unacclimatised"
    return limit(f"iso.climate.wbgt_{metabolic_row(metabolic_class)['key']}_{state}")


@cache
def metabolic_band_c(metabolic_class: str, acclimatised: bool) -> tuple[float, float]:
    """How far the limit moves within a class: limit at the class's highest and lowest rate, less its own.

    Returns
    -------
    tuple of float
        Shift [°C] below and above the table's limit, from the continuous function over the class's range of
        metabolic rate; the first is negative.
    """
    row = metabolic_row(metabolic_class)
    low, centre, high = (
        float(value)
        for value in wbgt_limit_continuous_c(
            [row["range_w"][0], row["rate_w"], row["range_w"][1]], acclimatised
        )
    )
    return high - centre, low - centre


def metabolic_row(metabolic_class: str) -> Mapping[str, Any]:
    """Row of a class of metabolic rate by its name: number, rate, range, limits, source, grade."""
    for row in _metabolic_rows():
        if row["key"] == metabolic_class:
            return row
    raise _unknown_class(metabolic_class)


def clothing_adjustment_c(clothing: str) -> float:
    """What clothing adds to the measured WBGT [°C] (ISO 7243:2017, annex F).

    Raises
    ------
    MethodError
        ``unknown_clothing``.
    """
    rows = toml_table("climate")["clothing"]
    if clothing not in rows:
        raise MethodError(
            "no such clothing ensemble", value=clothing, rule=", ".join(rows), code="unknown_clothing"
        )
    return float(rows[clothing]["adjustment_c"])


def worst_hour_c(values_c: ArrayLike, times_s: ArrayLike, max_gap_s: float = 600) -> float:
    """Highest time-weighted mean over any 60 minutes.

    Parameters
    ----------
    values_c : array-like, shape (n,)
        WBGT or another temperature [°C]; NaN = missing.
    times_s : array-like, shape (n,)
        Start of each value's validity [s], strictly rising. A value holds until the next one; where that is
        more than `max_gap_s` away, for the median step, itself at most `max_gap_s`.
    max_gap_s : float
        Longest stretch bridged [s].

    Returns
    -------
    float
        Mean of the worst hour [°C]; NaN when no hour holds data for at least 80 % of it.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``not_rising``, ``not_positive``, ``empty``, ``infinite``.

    Notes
    -----
    ISO 7243:2017: time-weighted average over the most severe hour.
    """
    values = float_array(values_c, "values_c")
    times = float_array(times_s, "times_s")
    gap = float(positive(max_gap_s, "max_gap_s"))
    if values.ndim != 1 or values.shape != times.shape:
        raise MethodError(
            "values and times must be lists of one length",
            value=(values.shape, times.shape),
            code="wrong_shape",
        )
    steps = np.diff(times)
    if np.isnan(times).any() or (steps <= 0).any():
        raise MethodError("times must rise", rule="each time after the one before", code="not_rising")
    if times.size == 1:
        return float("nan")
    regular = min(float(np.median(steps)), gap)
    held = np.append(np.where(steps <= gap, steps, regular), regular)
    present = ~np.isnan(values)
    return worst_window(values[present], times[present], held[present])


def worst_window(values: Floats, starts_s: Floats, held_s: Floats) -> float:
    """Highest mean over one hour of values that hold for `held_s` from `starts_s` (rising, no overlap)."""
    row = toml_table("climate")["worst_hour"]
    window = float(row["window_s"])
    if values.size == 0:
        return float("nan")
    # Time present and its integral are piecewise linear in time, so their quotient over a sliding window is
    # monotone between the points where an end of the window passes the start or end of a value.
    edges = np.column_stack([starts_s, starts_s + held_s]).ravel()
    # Values relative to their mean keep the integral small and the result exact for a constant.
    total_s = held_s.sum()
    offset = float((values * held_s).sum() / total_s) if total_s > 0 else 0.0
    steps, areas = np.zeros((2, edges.size))
    steps[1::2], areas[1::2] = held_s, held_s * (values - offset)
    time_present, area = np.cumsum(steps), np.cumsum(areas)
    # Where one value ends as the next begins, both are the same point.
    distinct = np.append(True, edges[1:] != edges[:-1])
    edges, time_present, area = edges[distinct], time_present[distinct], area[distinct]
    # Hours lie inside the record: one that hangs over its ends would pick the hot part of an hour only.
    begins = np.clip(np.concatenate([edges, edges - window]), edges[0], max(edges[0], edges[-1] - window))
    seconds = np.interp(begins + window, edges, time_present) - np.interp(begins, edges, time_present)
    integral = np.interp(begins + window, edges, area) - np.interp(begins, edges, area)
    enough = seconds >= float(row["minimum_share"]) * window - 1e-6
    if not enough.any():
        return float("nan")
    return float(np.max(integral[enough] / seconds[enough])) + offset


@cache
def _metabolic_rows() -> tuple[Mapping[str, Any], ...]:
    return tuple(toml_table("climate")["metabolic"])


def _unknown_class(value: object) -> MethodError:
    return MethodError(
        "no such class of metabolic rate",
        value=value,
        rule="0 to 4, or " + ", ".join(row["key"] for row in _metabolic_rows()),
        code="unknown_class",
    )
