"""The door of a site's dashboard: the page that asks who enters, and what a role may not see."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from dashboards.catalogue import Text
from dashboards.web.context import page_context
from dashboards.web.login_routes import login_routes
from dashboards.web.render import render_page
from dashboards.web.roles import HOME
from dashboards.web.security import Guard

__all__ = ["refused_page", "router"]


def _form(request: Request, back: str, wrong: str, status: int) -> HTMLResponse:
    guard: Guard = request.app.state.guard
    return render_page(
        page_context(request, "login"),
        "login.html",
        status=status,
        wrong=wrong,
        back=back,
        asks_name=guard.asks_name,
        analyst_door=guard.settings.analyst,
    )


def _say(request: Request) -> Text:
    return page_context(request, "login").words.say


router = login_routes(_form, _say)


def refused_page(request: Request) -> HTMLResponse:
    """Say which role this is, what it may see, and where to go on."""
    context = page_context(request)
    viewer = context.viewer
    guard: Guard = request.app.state.guard
    home = None if viewer is None or guard.settings.analyst else HOME[viewer.role]
    sees = "" if viewer is None else context.words.say(f"account_roles_see.{viewer.role.value}")
    return render_page(context, "refused.html", status=403, sees=sees, home=home)
