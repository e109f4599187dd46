"""Weekly results made by hand: every verdict, withheld rows, missing sensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from indicators.limits import Comparison, Grade, Limit, Role, Status
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Interval,
    LimitAssessment,
    Note,
    Period,
    RatioKind,
    Scope,
    Verdict,
    WeeklyResult,
    Withheld,
    WorkstationResult,
    WorstFactor,
)

ZONE = ZoneInfo("Europe/Paris")


def make_limit(identifier: str, indicator: str, value: float, unit: str, **changes: Any) -> Limit:
    defaults: dict[str, Any] = {
        "profile": identifier.split(".", maxsplit=1)[0],
        "factor": identifier.split(".")[1],
        "comparison": Comparison.AT_LEAST,
        "role": Role.ACTION,
        "source": "Directive 2003/10/CE",
        "clause": "art. 3",
        "edition": "2003",
        "grade": Grade.VERIFIED,
        "status": Status.LAW,
    }
    return Limit(id=identifier, indicator=indicator, value=value, unit=unit, **(defaults | changes))


LEX_LOWER = make_limit("eu.noise.lower_action", "lex_8h", 80.0, "dB(A)")
LEX_UPPER = make_limit("eu.noise.upper_action", "lex_8h", 85.0, "dB(A)", ranking=True)
PEAK = make_limit("eu.noise.peak_upper_action", "lcpeak_max", 137.0, "dB(C)", comparison=Comparison.MORE_THAN)
NOISE_HOURS = make_limit(
    "fr.noise.c2p_level",
    "noise_c2p_hours",
    600.0,
    "h/year",
    role=Role.PROJECTION,
    source="Code du travail",
    clause="D4163-2 1° c",
    ranking=True,
)
ARM = make_limit(
    "lund.posture.arm60",
    "arm_elevation_ge60_share",
    10.0,
    "%",
    comparison=Comparison.MORE_THAN,
    ranking=True,
    source="Arvidsson et al. 2021",
    clause="Table 3",
    grade=Grade.RECALLED,
    status=Status.PROPOSAL,
)
WBGT = make_limit(
    "iso.climate.wbgt_moderate_acclimatised",
    "wbgt_worst_hour",
    28.0,
    "°C",
    comparison=Comparison.MORE_THAN,
    ranking=True,
    role=Role.LIMIT,
    source="ISO 7243:2017",
    clause="Annex A",
    status=Status.STANDARD,
)


NOISE_DETAILS: dict[str, object] = {
    "tasks": [
        {"label": "Emboutissage, série A", "dose_percent": 69.0, "time_percent": 57.0, "level_db": 92.4},
        {"label": "Soufflette", "dose_percent": 27.0, "time_percent": 6.0, "level_db": 98.2},
        {"label": "Réglage outil", "dose_percent": 4.0, "time_percent": 37.0, "level_db": 84.0},
    ],
    "hours": [
        {"hour": hour, "dose_percent": share, "coverage": 0.4 if hour == 11 else 0.97}
        for hour, share in zip(range(5, 13), (11.0, 14.0, 20.0, 16.0, 7.0, 12.0, 4.0, 16.0), strict=True)
    ],
    "days": [
        {"date": f"2026-11-{day}", "value": value, "coverage": share}
        for day, value, share in (
            (16, 90.6, 0.96),
            (17, 91.7, 0.92),
            (18, 91.4, 0.94),
            (19, 90.9, 0.9),
            (20, None, 0.41),
        )
    ],
}
PROJECTION: dict[str, object] = {
    "months": [{"month": m, "hours": 74.8} for m in range(1, 11)],
    "low": [47.0 * m for m in range(1, 13)],
    "high": [99.0 * m for m in range(1, 13)],
}
ANGLES = [float(angle) for angle in range(0, 121, 5)]
POSTURE_DETAILS: dict[str, object] = {
    "distribution": {
        "x": ANGLES,
        "cumulative_percent": [100.0 / (1.0 + math.exp(-(angle - 28.0) / 12.0)) for angle in ANGLES],
        "thresholds": [60.0],
    },
    "percentiles": {"p10": 2.0, "p50": 28.0, "p90": 54.0},
    "eva": {
        "level_edges": [0.0, 15.0, 30.0, 60.0, 90.0, 180.0],
        "duration_edges_s": [0.0, 1.0, 3.0, 7.0, 15.0, 31.0],
        "percent": [
            [0.9, 1.4, 2.3, 3.3, 3.7, 3.6],
            [1.8, 3.5, 7.6, 13.1, 11.9, 3.1],
            [1.6, 3.0, 6.6, 11.4, 10.7, 2.0],
            [0.8, 1.5, 2.4, 1.7, 0.4, 0.0],
            [0.2, 0.3, 0.4, 0.4, 0.4, 0.0],
        ],
    },
    "bands": {"edges": [0.0, 20.0, 60.0, 90.0, 180.0], "percent": [33.0, 58.6, 6.8, 1.6]},
}


def assess(value: float | None, interval: Interval | None, limit: Limit, kind: RatioKind) -> LimitAssessment:
    if value is None:
        return LimitAssessment(limit, Verdict.NOT_MEASURED)
    strict = limit.comparison is Comparison.MORE_THAN
    low, high = (interval.low, interval.high) if interval else (value - 99, value + 99)
    if low > limit.value or (low == limit.value and not strict):
        verdict = Verdict.ABOVE
    elif high < limit.value or (high == limit.value and strict):
        verdict = Verdict.BELOW
    else:
        verdict = Verdict.NOT_SETTLED
    ratio = {
        RatioKind.ENERGY: lambda: 10 ** ((value - limit.value) / 10),
        RatioKind.TIME_SHARE: lambda: value / limit.value,
        RatioKind.TEMPERATURE_STEP: lambda: 2 ** ((value - limit.value) / 2),
    }[kind]()
    return LimitAssessment(limit, verdict, ratio, kind)


def make_indicator(
    identifier: str,
    factor: Factor,
    value: float | None,
    interval: tuple[float, float] | None,
    limits: Sequence[Limit],
    kind: RatioKind,
    unit: str = "dB(A)",
    **changes: Any,
) -> Indicator:
    shown = None if interval is None else Interval(*interval)
    defaults: dict[str, Any] = {
        "scope": Scope.USUAL,
        "shift": "morning",
        "coverage": 0.93 if value is not None else 0.41,
        "n_days": 4,
        "n_wearers": 6,
        "method": "ISO 9612:2009 full-day",
        "worn": True,
        "limits": tuple(assess(value, shown, limit, kind) for limit in limits),
    }
    return Indicator(
        id=identifier, factor=factor, value=value, unit=unit, interval=shown, **(defaults | changes)
    )


def make_factor(factor: Factor, indicators: Sequence[Indicator], **changes: Any) -> FactorResult:
    verdicts = [row for i in indicators for row in i.limits]
    above = [row.limit.id for row in verdicts if row.verdict is Verdict.ABOVE]
    kinds = {row.verdict for row in verdicts}
    if above:
        verdict = Verdict.ABOVE
    elif Verdict.NOT_SETTLED in kinds:
        verdict = Verdict.NOT_SETTLED
    elif kinds == {Verdict.NOT_MEASURED} or not kinds:
        verdict = Verdict.NOT_MEASURED
    elif Verdict.NOT_MEASURED in kinds:
        verdict = Verdict.NOT_SETTLED
    else:
        verdict = Verdict.BELOW
    return FactorResult(
        factor=factor,
        verdict=verdict,
        above=above[-1] if above else None,
        reason=changes.get("reason"),
        indicators=tuple(indicators),
        next_best=changes.get("next_best"),
    )


def noise(value: float | None, half: float = 3.7, **changes: Any) -> FactorResult:
    interval = None if value is None else (value - half, value + half)
    lex = make_indicator(
        "lex_8h",
        Factor.NOISE,
        value,
        interval,
        (LEX_LOWER, LEX_UPPER),
        RatioKind.ENERGY,
        details=NOISE_DETAILS,
        **changes,
    )
    peak = make_indicator(
        "lcpeak_max",
        Factor.NOISE,
        None if value is None else 118.0 + value / 10,
        None if value is None else (115.0, 130.0),
        (PEAK,),
        RatioKind.ENERGY,
        "dB(C)",
        method="maximum, suspected knocks apart",
    )
    hours = make_indicator(
        "noise_c2p_hours",
        Factor.NOISE,
        None if value is None else 898.0,
        None if value is None else (563.0, 1192.0),
        (NOISE_HOURS,),
        RatioKind.TIME_SHARE,
        "h/year",
        method="C2P projection",
        details={"projection": PROJECTION},
    )
    loud = value is not None and value > 82
    return make_factor(
        Factor.NOISE,
        (lex, peak, hours) if loud else (lex, peak),
        next_best=Note("more_full_days", {"days": 2, "wearers": 2}) if loud else None,
        reason=None if value is not None else Note("coverage_low", {"coverage": 0.41, "minimum": 0.8}),
    )


def posture(value: float | None, half: float = 3.0) -> FactorResult:
    interval = None if value is None else (max(value - half, 0.0), value + half)
    arm = make_indicator(
        "arm_elevation_ge60_share",
        Factor.POSTURE,
        value,
        interval,
        (ARM,),
        RatioKind.TIME_SHARE,
        "%",
        method="inclination, two-posture calibration",
        details=POSTURE_DETAILS if value is not None else {},
    )
    angle = make_indicator(
        "arm_elevation_p90",
        Factor.POSTURE,
        None if value is None else 57.0,
        None if value is None else (51.0, 62.0),
        (),
        RatioKind.TIME_SHARE,
        "°",
        method="weighted percentile",
    )
    return make_factor(Factor.POSTURE, (arm, angle), next_best=Note("arm_days", {"days": 2}))


def climate(value: float | None, half: float = 0.8) -> FactorResult:
    interval = None if value is None else (value - half, value + half)
    wbgt = make_indicator(
        "wbgt_worst_hour",
        Factor.CLIMATE,
        value,
        interval,
        (WBGT,),
        RatioKind.TEMPERATURE_STEP,
        "°C",
        worn=False,
        method="ISO 7243:2017",
        coverage=0.99,
        n_days=5,
        n_wearers=0,
    )
    return make_factor(Factor.CLIMATE, (wbgt,))


def make_station(
    identifier: str, label: str, factors: Sequence[FactorResult], rank: int | None = None, **changes: Any
) -> WorkstationResult:
    best: WorstFactor | None = None
    for factor in factors:
        for indicator in factor.indicators:
            for row in indicator.limits:
                if row.limit.ranking and row.ratio is not None and (best is None or row.ratio > best.ratio):
                    best = WorstFactor(factor.factor, indicator.id, row.limit.id, row.ratio)
    return WorkstationResult(
        id=identifier,
        label=label,
        family=changes.pop("family", "Emboutissage"),
        rank=rank,
        worst=best,
        factors_over=sum(factor.verdict is Verdict.ABOVE for factor in factors),
        factors=tuple(factors),
        **changes,
    )


def make_result(stations: Sequence[WorkstationResult], **changes: Any) -> WeeklyResult:
    first, last = changes.pop("first", date(2026, 11, 16)), changes.pop("last", date(2026, 11, 22))
    period = Period(
        first,
        last,
        int(datetime(first.year, first.month, first.day, tzinfo=ZONE).timestamp()) * 10**9,
        int(datetime(last.year, last.month, last.day, tzinfo=ZONE).timestamp() + 86400) * 10**9,
        "Europe/Paris",
        changes.pop("week", "2026-W47"),
    )
    defaults: dict[str, Any] = {
        "site": "saint-aubin",
        "site_label": "Usine de Saint-Aubin",
        "language": "fr",
        "audience": Audience.REPORT,
        "version": "0.1.0",
        "references": "8c41f2a09b31",
    }
    return WeeklyResult(period=period, workstations=tuple(stations), **(defaults | changes))


def plant_stations() -> list[WorkstationResult]:
    held = Withheld(
        (Factor.NOISE, Factor.POSTURE), Note("group_too_small", {"wearers": 3, "minimum": 5}), 3, 5
    )
    return [
        make_station("presse-1", "Presse 1", (noise(91.2), posture(8.4), climate(21.4)), 1),
        make_station(
            "assemblage-3", "Assemblage 3", (noise(78.9), posture(16.2), climate(20.1)), 2, family="Montage"
        ),
        make_station("four-2", "Four 2", (noise(82.6), posture(5.2), climate(29.3)), 3, family="Fonderie"),
        make_station(
            "meulage-4", "Meulage 4", (noise(84.96), posture(11.8), climate(22.6)), 4, family="Finition"
        ),
        make_station("chambre-froide", "Chambre froide", (noise(71.8), posture(None), climate(9.9)), 5),
        make_station(
            "bureau", "Bureau méthodes", (noise(52.4), posture(1.4, 0.9), climate(17.9)), 6, family=None
        ),
        make_station("maintenance", "Maintenance", (climate(18.4),), 7, family="Utilités", withheld=held),
    ]


def large_result(count: int) -> WeeklyResult:
    """A plant with `count` workstations."""
    stations = []
    for index in range(count):
        values = (70 + (index * 7) % 25, (index * 3) % 17, 18 + (index * 5) % 13)
        stations.append(
            make_station(
                f"poste-{index}",
                f"Poste {index}",
                (noise(values[0]), posture(values[1]), climate(values[2])),
                index + 1,
            )
        )
    return make_result(stations)
