"""Turns a template and its values into an answer."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from dashboards.plots.svg import HATCH
from dashboards.report.html import drawing_html, environment
from dashboards.web.context import PageContext

__all__ = ["render_page"]


def render_page(context: PageContext, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Page `template` of ``templates/web`` in the reader's language."""
    page = environment().get_template(f"web/{template}")
    shown = page.render(**context.variables(), hatch=drawing_html(HATCH), **values)
    return HTMLResponse(shown, status_code=status, headers={"Content-Language": context.language})
