"""The door: who logs in, logs out, and is told that a page is not open to their role."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.web.context import page_context
from dashboards.web.render import render_page
from dashboards.web.roles import HOME, page_of
from dashboards.web.security import Guard
from sensors.errors import GovernanceError

__all__ = ["local_address", "refused_page", "router"]

router = APIRouter()


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
    context = page_context(request, "login")
    guard: Guard = request.app.state.guard
    target = local_address(back)
    answer = RedirectResponse(target, status_code=303)
    try:
        viewer = guard.log_in(request, answer, name.strip().casefold(), password)
    except GovernanceError:
        shown = _form(request, back, context.words.say("pages.login_wait"), 429)
        shown.headers["Retry-After"] = "60"
        return shown
    if viewer is None:
        return _form(request, back, context.words.say("pages.login_wrong"), 401)
    if not viewer.may_open(page_of(target.partition("?")[0])):
        answer.headers["Location"] = HOME[viewer.role]
    return answer


def _form(request: Request, back: str | None, wrong: str = "", status: int = 200) -> HTMLResponse:
    guard: Guard = request.app.state.guard
    return render_page(
        page_context(request, "login"),
        "login.html",
        status=status,
        wrong=wrong,
        back=local_address(back),
        asks_name=guard.asks_name,
        analyst_door=guard.settings.analyst,
    )


def local_address(target: str | None) -> str:
    """A path on this server, never another site."""
    if target is None or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    # A line break or another control character in an address would end up in a header.
    return target if target.isprintable() else "/"


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


def refused_page(request: Request) -> HTMLResponse:
    """Say which role this is, what it may see, and where to go on."""
    context = page_context(request)
    viewer = context.viewer
    guard: Guard = request.app.state.guard
    home = None if viewer is None or guard.settings.analyst else HOME[viewer.role]
    sees = "" if viewer is None else context.words.say(f"account_roles_see.{viewer.role.value}")
    return render_page(context, "refused.html", status=403, sees=sees, home=home)
