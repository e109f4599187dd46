"""Logging in and out: one set of rules for a site's dashboard and for the view of a fleet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.catalogue import Text
from dashboards.web.roles import HOME, page_of
from dashboards.web.security import Guard
from sensors.errors import GovernanceError

__all__ = ["LoginForm", "local_address", "login_routes"]

LoginForm = Callable[[Request, str, str, int], HTMLResponse]
"""``form(request, back, wrong, status)``: the page that asks, where to go on to, and what was wrong."""


def local_address(target: str | None) -> str:
    """A path on this server, never another site."""
    if target is None or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    # A line break or another control character in an address would end up in a header.
    return target if target.isprintable() else "/"


def login_routes(form: LoginForm, say_of: Callable[[Request], Text]) -> APIRouter:
    """Return the routes ``/login`` and ``/logout``.

    Parameters
    ----------
    form : LoginForm
        Draws the page.
    say_of : callable(Request) -> Text
        Words in the language of the page.
    """
    router = APIRouter()

    @router.get("/login", response_class=HTMLResponse)
    def login_form(request: Request) -> HTMLResponse:
        """Ask for the password, and for the name where there are accounts."""
        return form(request, local_address(request.query_params.get("next")), "", 200)

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
        target = local_address(back)
        answer = RedirectResponse(target, status_code=303)
        try:
            viewer = guard.log_in(request, answer, name.strip().casefold(), password)
        except GovernanceError:
            shown = form(request, target, say_of(request)("pages.login_wait"), 429)
            shown.headers["Retry-After"] = "60"
            return shown
        if viewer is None:
            return form(request, target, say_of(request)("pages.login_wrong"), 401)
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

    return router
