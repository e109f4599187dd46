"""The door of the fleet view: who logs in and out; the rules are those of a site's dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse

from dashboards.catalogue import Text, text
from dashboards.report.front import section_words
from dashboards.report.html import environment
from dashboards.web.answers import answer_language
from dashboards.web.login_routes import login_routes
from dashboards.web.security import Guard
from dashboards.wording import Wording

__all__ = ["SignedIn", "router", "signed_in"]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has logged in, and the form that logs them out."""

    name: str
    role: str
    form_token: str
    leave: str


def signed_in(request: Request, language: str) -> SignedIn | None:
    """Who looks; ``None`` where nobody has to log in."""
    guard: Guard = request.app.state.guard
    viewer = request.state.viewer
    if viewer is None or guard.open_to_all:
        return None
    say = text(language)
    role = say(f"account_roles.{viewer.role.value}")
    return SignedIn(viewer.name, role, guard.form_token(request), say("pages.logout"))


def _form(request: Request, back: str, wrong: str, status: int) -> HTMLResponse:
    guard: Guard = request.app.state.guard
    language = answer_language(request)
    html = (
        environment()
        .get_template("web/login.html")
        .render(
            language=language,
            say=section_words(Wording(language), "report", "pages"),
            page={"form_token": guard.form_token(request)},
            wrong=wrong,
            back=back,
            asks_name=guard.asks_name,
            analyst_door=False,
        )
    )
    return HTMLResponse(html, status_code=status, headers={"Content-Language": language})


def _say(request: Request) -> Text:
    return text(answer_language(request))


router = login_routes(_form, _say)
