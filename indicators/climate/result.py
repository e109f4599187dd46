"""The worker-days of one shift gathered by date, and what climate indicators rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indicators.building import Evidence
from indicators.context import AssessmentContext
from indicators.model import Factor
from indicators.reduction.climate import ClimateDay

__all__ = ["ShiftDay", "evidence_of", "shift_days"]


@dataclass(frozen=True, slots=True)
class ShiftDay:
    """All sensors of one shift on one site date; a wearer's name only when the sensor was worn."""

    sensors: tuple[ClimateDay, ...]
    wearer: str | None

    @property
    def date(self) -> date:
        """Site date of the shift."""
        return self.sensors[0].day.day

    @property
    def expected_ns(self) -> int:
        """Expected time of the shift [ns]."""
        return self.sensors[0].day.expected_ns


def shift_days(days: Sequence[ClimateDay]) -> tuple[ShiftDay, ...]:
    """Worker-days gathered by shift: worn sensors by wearer, the fixed ones of a place together."""
    ordered = sorted(days, key=lambda item: (item.day.start_ns, item.day.wearer or "", item.day.sensor))
    groups: dict[tuple[int, str | None], list[ClimateDay]] = {}
    for day in ordered:
        groups.setdefault((day.day.start_ns, day.day.wearer), []).append(day)
    return tuple(ShiftDay(tuple(group), wearer) for (_, wearer), group in groups.items())


def evidence_of(days: Sequence[ShiftDay], context: AssessmentContext, coverage: float) -> Evidence:
    """What an indicator of these shift days rests on."""
    return Evidence(
        factor=Factor.CLIMATE,
        shift=context.shift,
        coverage=coverage,
        n_days=len(days),
        n_wearers=len({day.wearer for day in days if day.wearer is not None}),
        worn=any(sensor.day.mount.worn for day in days for sensor in day.sensors),
    )
