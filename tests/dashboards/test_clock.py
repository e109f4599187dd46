"""Site time on the curve: where the clock is set back, the hour that comes twice is told apart, no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.dashboards.watched import Watched

pytestmark = pytest.mark.browser

# What the page writes on its drawing, by the very calls that draw it.
WRITTEN = """
window.written = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
  window.written.push(text);
  return draw.call(this, text, ...where);
};
"""


def second(day: int, hour: int, minute: int = 0) -> float:
    """Of October 2026, in UTC."""
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("language", "hour"), [("fr", "2 h"), ("en", "02:00")])
def test_the_two_hours_of_the_october_night_stand_apart_on_the_axis(
    dashboard: Any, watch: Callable[..., Watched], language: str, hour: str
) -> None:
    watched = watch(dashboard.url)
    watched.page.add_init_script(WRITTEN)
    address = f"/curve/presse-1?week=2026-W43&lang={language}"
    page = watched.open(f"{address}&from={second(24, 22, 30)}&to={second(25, 4, 30)}")
    written = page.evaluate("window.written")
    first = written.index(hour)
    assert written[first : first + 2] == [hour, "UTC+2"]
    again = written.index(hour, first + 1)
    assert written[again : again + 2] == [hour, "UTC+1"]
    assert {text for text in written if text.startswith("UTC")} == {"UTC+2", "UTC+1"}
    # The night before has one hour of each name.
    page = watched.open(f"{address}&from={second(23, 22)}&to={second(24, 6)}")
    assert hour in page.evaluate("window.written")
    assert not [text for text in page.evaluate("window.written") if text.startswith("UTC")]
    assert watched.faults() == []


def test_moments_carry_their_offset_only_where_there_are_two(
    dashboard: Any, watch: Callable[..., Watched]
) -> None:
    page = watch(dashboard.url).open("/curve/presse-1?week=2026-W43&lang=fr")

    def moments(zone: str, *seconds: float) -> list[str]:
        found: list[str] = page.evaluate(
            "([zone, seconds]) => seconds.map(siteClock(zone, 'en').moment)", [zone, list(seconds)]
        )
        return [text.split(", ")[1] for text in found]

    night = [
        second(24, 23, 59),
        second(25, 0),
        second(25, 0, 59),
        second(25, 1),
        second(25, 1, 59),
        second(25, 2),
    ]
    assert moments("Europe/Paris", *night) == [
        "01:59",
        "02:00 (UTC+2)",
        "02:59 (UTC+2)",
        "02:00 (UTC+1)",
        "02:59 (UTC+1)",
        "03:00",
    ]
    # Spring leaves an hour out and shows none twice; half an hour back, and west of Greenwich.
    march = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    assert moments("Europe/Paris", march - 60, march) == ["01:59", "03:00"]
    april = datetime(2026, 4, 4, 15, tzinfo=UTC).timestamp()
    assert moments("Australia/Lord_Howe", april - 1800, april) == ["01:30 (UTC+11)", "01:30 (UTC+10:30)"]
    november = datetime(2026, 11, 1, 5, 30, tzinfo=UTC).timestamp()
    assert moments("America/New_York", november, november + 3600) == ["01:30 (UTC−4)", "01:30 (UTC−5)"]
