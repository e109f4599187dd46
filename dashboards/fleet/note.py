"""A mistake or a refusal of the fleet view as a page that says what to do."""

from __future__ import annotations

from fastapi import Request

from dashboards.catalogue import text
from dashboards.fleet.door import signed_in
from dashboards.fleet.render import frame_html
from dashboards.report.front import section_words
from dashboards.sentences import sentences
from dashboards.web.answers import answer_language, status_of
from dashboards.web.roles import HOME
from dashboards.wording import Wording
from sensors.errors import VigiposteError

__all__ = ["note_page"]


def note_page(request: Request, error: VigiposteError) -> str:
    """The page for `error`, in the language of the request, with the way back to what is open."""
    language = answer_language(request)
    say, told = text(language), sentences(language)
    viewer = request.state.viewer
    refused = error.code == "role_refused"
    if refused and viewer is not None:
        role = say(f"account_roles.{viewer.role.value}")
        lines = [
            say("pages.refused_role", role=role) + " " + say(f"account_roles_see.{viewer.role.value}"),
        ]
    else:
        lines = [told(part) for part in (error.what, error.rule or "", error.remedy or "") if part]
    return frame_html(
        "fleet_note.html",
        language,
        say=section_words(Wording(language), "report", "pages", "fleet"),
        fleet=request.app.state.source.fleet.label,
        code=status_of(error),
        heading=say("pages.refused" if refused else f"pages.problem_{status_of(error)}"),
        lines=lines,
        home=None if viewer is None else f"{HOME[viewer.role]}?lang={language}",
        back=say("pages.refused_home"),
        links=(),
        who=signed_in(request, language),
    )
