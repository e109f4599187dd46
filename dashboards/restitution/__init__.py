"""Pages for a collective discussion: one sheet a workstation, findings as open questions."""

from dashboards.restitution.build import Restitution, RestitutionPage, build_restitution
from dashboards.restitution.render import known_restitution_formats, render_restitution

__all__ = [
    "Restitution",
    "RestitutionPage",
    "build_restitution",
    "known_restitution_formats",
    "render_restitution",
]
