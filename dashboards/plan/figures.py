"""Where sensors go, drawn: the body, the microphone, the climate stand; and what a plan leaves unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.catalogue import Text
from dashboards.plots import svg
from indicators.planning.floor import FloorPlan
from indicators.planning.model import CurvePoint, Position

__all__ = ["curve_figure", "floor_map", "position_figure"]

_BODY_WIDTH, _BODY_HEIGHT = 150.0, 230.0
_CENTRE = 64.0
# Height of a figure of 1.75 m [user units], its ground line, and hence units a metre.
_GROUND = 220.0
_PER_METRE = 112.0
_STEPS = 5


def _y(height_m: float) -> float:
    return _GROUND - height_m * _PER_METRE


# Centre of each worn place on the figure, seen from the front; the back is drawn from behind.
_WORN = {
    "sternum": (_CENTRE, _y(1.30)),
    "upper_back": (_CENTRE, _y(1.38)),
    "upper_arm_dominant": (_CENTRE - 27.0, _y(1.28)),
    "shoulder": (_CENTRE - 20.0, _y(1.47)),
}


# Outlines of an arm and a leg: (metres to the side of the middle line, height); both sides are drawn.
_ARM = ((0.196, 1.43), (0.277, 1.12), (0.295, 0.80), (0.241, 0.80), (0.214, 1.12), (0.179, 1.34))
_LEG = ((0.152, 0.92), (0.125, 0.02), (0.045, 0.02), (0.009, 0.90))
_LINE = "cu-thin sheetfill"


def _limb(outline: Sequence[tuple[float, float]], side: int) -> str:
    xs = [_CENTRE + side * aside * _PER_METRE for aside, _ in outline]
    return svg.path(svg.points(xs, [_y(height) for _, height in outline]) + "Z", _LINE)


def _person() -> list[str]:
    head = svg.circle(_CENTRE, _y(1.63), 13.0, _LINE)
    trunk = svg.path(
        f"M{_CENTRE - 22} {_y(1.44)}Q{_CENTRE} {_y(1.52)} {_CENTRE + 22} {_y(1.44)}"
        f"L{_CENTRE + 17} {_y(0.92)}L{_CENTRE - 17} {_y(0.92)}Z",
        _LINE,
    )
    limbs = [_limb(outline, side) for outline in (_LEG, _ARM) for side in (-1, 1)]
    return [svg.line(20, _GROUND, _BODY_WIDTH - 20, _GROUND, "ax"), *limbs, trunk, head]


def position_figure(position: Position, say: Text) -> str:
    """One place for a sensor, drawn to scale on a figure of 1.75 m."""
    place = say(f"plan.positions.{position.key}")
    if position.key == "climate":
        body = _stand(position, say)
    elif position.key == "microphone_fixed":
        body = _microphone(position, say)
    else:
        x, y = _WORN[position.key]
        body = [*_person(), svg.rect(x - 5, y - 5, 10, 10, "fillink"), svg.circle(x, y, 11, "cu")]
        if position.key == "shoulder":
            # The ear of the same side, and the distance that keeps the head's shadow out.
            ear_x, ear_y = _CENTRE - 13.0, _y(1.63)
            body += [
                svg.line(x, y - 11, ear_x - 4, ear_y + 6, "lm2"),
                svg.label(2, _y(1.60), "≥ 0.1 m".replace(".", say("commands.decimal_mark")), "t-s"),
            ]
        if position.error_deg is not None:
            low, high = position.error_deg
            mark = say("commands.decimal_mark")
            shown = f"± {low:.1f}–{high:.1f}°".replace(".", mark)
            body.append(svg.label(_BODY_WIDTH - 2, _y(1.66), shown, "t-s t-b e"))
    return svg.document(_BODY_WIDTH, _BODY_HEIGHT + 4, body, alt=place, natural=True)


def _heights(heights_m: Sequence[float], x: float, mark: str) -> list[str]:
    parts = []
    for height in heights_m:
        shown = f"{height:g} m".replace(".", mark)
        parts += [
            svg.line(x - 8, _y(height), x + 8, _y(height), "cu"),
            svg.label(x + 13, _y(height) + 4, shown, "t-s t-b"),
        ]
    return parts


def _stand(position: Position, say: Text) -> list[str]:
    """Stands at the heights for standing and for seated work."""
    parts = [svg.line(10, _GROUND, _BODY_WIDTH - 6, _GROUND, "ax")]
    for x, heights in ((30.0, position.standing_m), (100.0, position.seated_m)):
        top = max(heights)
        parts.append(svg.line(x, _GROUND, x, _y(top) - 6, "cu"))
        parts += _heights(heights, x, say("commands.decimal_mark"))
        globe = sorted(heights)[1]
        parts.append(svg.circle(x, _y(globe), 8.0, "fillink"))
    return parts


def _microphone(position: Position, say: Text) -> list[str]:
    mark = say("commands.decimal_mark")
    standing, seated = position.standing_m[0], position.seated_m[0]
    seat = 0.45
    parts = [svg.line(6, _GROUND, _BODY_WIDTH - 6, _GROUND, "ax")]
    parts += [
        svg.line(36, _GROUND, 36, _y(standing), "cu"),
        svg.circle(36, _y(standing), 5, "fillink"),
        svg.label(48, _y(standing) + 4, f"{standing:g} m".replace(".", mark), "t-s t-b"),
    ]
    parts += [
        svg.rect(88, _y(seat), 40, 4, "barfill"),
        svg.line(92, _y(seat), 92, _GROUND, "ax"),
        svg.line(124, _y(seat), 124, _GROUND, "ax"),
        svg.line(108, _y(seat), 108, _y(seat + seated), "lm2"),
        svg.circle(108, _y(seat + seated), 5, "fillink"),
        svg.label(100, _y(seat + seated) + 4, f"{seated:g} m".replace(".", mark), "t-s t-b e"),
    ]
    return parts


def curve_figure(curve: Sequence[CurvePoint], wanted: float, say: Text) -> str:
    """Probability to settle by worker-days, with the wanted one; nothing without a pilot."""
    known = [point for point in curve if point.probability is not None]
    if not known:
        return ""
    width, height, left, bottom = 150.0, 44.0, 26.0, 14.0
    most = max(point.design.worker_days for point in known)

    def x(days: int) -> float:
        return left + (width - left - 6.0) * days / most

    def y(chance: float) -> float:
        return 4.0 + (height - bottom - 4.0) * (1.0 - chance)

    xs = [x(point.design.worker_days) for point in known]
    ys = [y(point.probability or 0.0) for point in known]
    body = [
        svg.line(left, y(0.0), width - 4, y(0.0), "ax"),
        svg.line(left, y(wanted), width - 4, y(wanted), "lm2"),
        svg.label(left - 3, y(wanted) + 4, f"{100 * wanted:.0f}", "t-s e"),
        svg.path(svg.points(xs, ys), "cu"),
        *(svg.circle(one, other, 2.0, "fillink") for one, other in zip(xs, ys, strict=True)),
        svg.label(x(most), height - 2, str(most), "t-s e"),
        svg.label(left, height - 2, say("plan.worker_days_axis"), "t-s"),
    ]
    shown = ", ".join(
        f"{point.design.worker_days}: {say('plan.probability', share=point.probability or 0.0)}"
        for point in known
    )
    return svg.document(width, height, body, alt=f"{say('plan.column_curve')}: {shown}", natural=True)


def floor_map(floor: FloorPlan, say: Text, names: Mapping[str, str] | None = None) -> str:
    """What the plan leaves unknown, darker where more, with stations, spare sensors and closed zones."""
    width_m, depth_m = floor.size_m
    scale = 640.0 / width_m
    width, height = 640.0, depth_m * scale
    side_x = scale * _pitch(floor.cells_m[:, 0].tolist(), floor.step_m)
    side_y = scale * _pitch(floor.cells_m[:, 1].tolist(), floor.step_m)

    def at(point: Sequence[float]) -> tuple[float, float]:
        # On the plan, y grows upwards; in a drawing, downwards.
        return point[0] * scale, height - point[1] * scale

    body = [svg.rect(0, 0, width, height, "paperfill")]
    for cell, sd in zip(floor.cells_m, floor.remaining_sd, strict=True):
        x, y = at((float(cell[0]), float(cell[1])))
        step = min(int(_STEPS * float(sd) / floor.prior_sd), _STEPS - 1)
        body.append(svg.rect(x - side_x / 2, y - side_y / 2, side_x, side_y, f"g{step}"))
    for zones, css_class, hatch in ((floor.obstacles, "fillrule", False), (floor.forbidden, None, True)):
        for first, second in zones:
            (x1, y1), (x2, y2) = at(first), at(second)
            body.append(
                svg.rect(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1), css_class, hatch=hatch)
            )
    body.append(svg.rect(0, 0, width, height, "outline"))
    for place in floor.stations:
        x, y = at(place.at_m)
        body.append(svg.rect(x - 5, y - 5, 10, 10, "fillink"))
        anchor = "e" if x > width - 120 else ""
        name = (names or {}).get(place.id, place.id)
        body.append(svg.label(x - 8 if anchor else x + 8, y - 8, name, f"halo t-b {anchor}".strip()))
    for number, point in enumerate(floor.spare_m, start=1):
        x, y = at(point)
        body += [svg.circle(x, y, 6, "fillink")]
        anchor = "e" if x > width - 40 else ""
        body.append(svg.label(x - 9 if anchor else x + 9, y + 4, f"+{number}", f"halo t-b {anchor}".strip()))
    bounds = [floor.prior_sd * step / _STEPS for step in range(_STEPS + 1)]
    mark = say("commands.decimal_mark")
    for step in range(_STEPS):
        x = 4.0 + 76.0 * step
        body.append(svg.rect(x, height + 8, 14, 12, f"g{step}"))
        shown = f"{bounds[step]:.1f}–{bounds[step + 1]:.1f}".replace(".", mark)
        body.append(svg.label(x + 18, height + 18, shown, "t-s"))
    body.append(svg.label(396, height + 18, say("plan.floor_legend", unit=floor.unit), "t-s"))
    title = say("plan.floor_title", factor=say(f"factors.{floor.factor.value}"))
    return svg.document(width, height + 26, body, alt=f"{title}. {say('plan.floor_caption')}")


def _pitch(values: Sequence[float], fallback: float) -> float:
    distinct = sorted({round(float(value), 6) for value in values})
    return distinct[1] - distinct[0] if len(distinct) > 1 else fallback
