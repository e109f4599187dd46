"""The colours and strokes of every drawing: one table, as CSS variables on pages and resolved for the PDF.

Verdict colours were chosen by computing contrast and colour-blind distance (Machado 2009): every verdict
reads at 5.6:1 or better on paper; ``above`` and ``unsettled`` stay apart for protan, deutan and tritan eyes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from indicators.model import Verdict

__all__ = ["LIGHT", "VERDICT_CLASS", "plot_css", "standalone_css"]

VERDICT_CLASS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.ABOVE: "above",
        Verdict.NOT_SETTLED: "unsettled",
        Verdict.BELOW: "below",
        Verdict.NOT_MEASURED: "none",
    }
)

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#ffffff",
        "sheet": "#f3f1ea",
        "ink": "#16191d",
        "ink-2": "#454a51",
        "ink-3": "#656a71",
        "rule": "#dcd8cd",
        "rule-2": "#b5b0a3",
        "above": "#96172e",
        "unsettled": "#8c5b00",
        "below": "#1c5d79",
        "none": "#5c6168",
        "above-wash": "#f5dbde",
        "unsettled-wash": "#f5e8cb",
        "below-wash": "#dfebee",
        "h0": "#f1eee5",
        "h1": "#ead9c2",
        "h2": "#dfb48d",
        "h3": "#b2532f",
        "h4": "#76200f",
        "h3-ink": "#ffffff",
        "h4-ink": "#ffffff",
        "wash-3": "#e7c7aa",
        "bar": "#40464d",
    }
)


@cache
def plot_css() -> str:
    """Style of the drawings, in variables that the page's sheet defines for light and dark."""
    return files("dashboards").joinpath("plots", "plots.css").read_text(encoding="utf-8")


@cache
def standalone_css() -> str:
    """The same style with paper colours written out: the PDF's renderer knows no CSS variables."""
    resolved = re.sub(r"var\(--([a-z0-9-]+)\)", lambda match: LIGHT[match[1]], plot_css())
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", resolved, flags=re.DOTALL))
