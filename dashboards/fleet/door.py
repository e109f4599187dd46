"""The door of the fleet view: who logs in and out; the rules are those of a site's dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.catalogue import text
from dashboards.report.front import section_words
from dashboards.report.html import environment
from dashboards.web.answers import answer_language
from dashboards.web.door import local_address
from dashboards.web.roles import HOME, page_of
from dashboards.web.security import Guard
from dashboards.wording import Wording
from sensors.errors import GovernanceError

__all__ = ["SignedIn", "router", "signed_in"]

router = APIRouter()


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


@router.get("/login", response_class=HTMLResponse)
def login_form(request: Request) -> HTMLResponse:
    """Ask for the password, and for the name where there are accounts."""
    return _form(request, request.query_params.get("next"))


@router.post("/login", response_class=HTMLResponse)
def login(
    request: Request,
    password: Annotated[str, Form()],
    token: Annotated[str, Form()],  # noqa: ARG001 - checked before the page is reached; here for the description
    name: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Open a session, or say that the password is wrong or must wait."""
    guard: Guard = request.app.state.guard
    say = text(answer_language(request))
    target = local_address(back)
    answer = RedirectResponse(target, status_code=303)
    try:
        viewer = guard.log_in(request, answer, name.strip().casefold(), password)
    except GovernanceError:
        shown = _form(request, back, say("pages.login_wait"), 429)
        shown.headers["Retry-After"] = "60"
        return shown
    if viewer is None:
        return _form(request, back, say("pages.login_wrong"), 401)
    if not viewer.may_open(page_of(target.partition("?")[0])):
        answer.headers["Location"] = HOME[viewer.role]
    return answer


@router.post("/logout", response_class=HTMLResponse)
def logout(
    request: Request,
    token: Annotated[str, Form()],  # noqa: ARG001 - checked before the page is reached; here for the description
) -> Response:
    """Close the session."""
    answer = RedirectResponse("/login", status_code=303)
    guard: Guard = request.app.state.guard
    guard.log_out(request, answer)
    return answer


def _form(request: Request, back: str | None, wrong: str = "", status: int = 200) -> HTMLResponse:
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
            back=local_address(back),
            asks_name=guard.asks_name,
            analyst_door=False,
        )
    )
    return HTMLResponse(html, status_code=status, headers={"Content-Language": language})
