"""The application's description (OpenAPI): what each address takes, and what it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dashboards.web.pages import MEDIA
from dashboards.web.roles import page_of, roles_of

__all__ = ["ANSWERS", "describe"]

_TEXT: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
_PAGE: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}, **_TEXT}

ANSWERS: dict[int | str, dict[str, Any]] = {
    303: {"description": "Go on elsewhere, for instance to the login."},
    400: {"description": "The request is not valid; the page says what to do.", "content": _PAGE},
    401: {"description": "Nobody has logged in, or the password is wrong.", "content": _PAGE},
    403: {"description": "Not for this role or audience, or a forged form.", "content": _PAGE},
    404: {"description": "There is no such thing, or nothing was measured.", "content": _PAGE},
    411: {"description": "The length of the request is missing.", "content": _TEXT},
    413: {"description": "The request is too long.", "content": _TEXT},
    421: {"description": "The dashboard does not answer to this name.", "content": _TEXT},
    429: {"description": "Too many passwords were tried.", "content": _PAGE},
    503: {"description": "The store does not answer, or the accounts cannot be read.", "content": _PAGE},
}

_COMMON: Mapping[str, str] = {
    "lang": "fr or en; the site's language by default",
    "week": "ISO week such as 2026-W47; the last complete one by default",
    "factor": "noise, posture, climate or work_time",
}
_STRETCH = {
    "trace": "sensor and channel, such as mic-1.laeq",
    "from": "start, in seconds since 1970 or as site time",
    "to": "end, in seconds since 1970 or as site time",
    "px": "most points of the thinned trace",
}
_OF_PAGE: Mapping[str, Mapping[str, str]] = {
    "": {"grid": "days or hours", "all": "1 shows every workstation"},
    "curve": {name: _STRETCH[name] for name in ("trace", "from", "to")},
    "distribution": {name: _STRETCH[name] for name in ("trace", "from", "to")},
    "data": _STRETCH,
    "why": {"shift": "id of a shift"},
    "compare": {
        "before_from": "site date",
        "before_to": "site date",
        "after_from": "site date",
        "after_to": "site date",
        "control": "workstation without the change",
    },
    "login": {"next": "address to go on to"},
}
# What comes back where it is no page.
_CONTENT: Mapping[str, tuple[str, ...]] = {
    "/static-plots.css": ("text/css",),
    "/favicon.ico": ("image/svg+xml",),
    "/events": ("text/event-stream",),
    "/data/{identifier}": ("application/json",),
    "/data/{identifier}/drawing.svg": ("image/svg+xml",),
    "/data/{identifier}/table.csv": ("text/csv",),
    "/data/{identifier}/distribution": ("text/html",),
    "/my/{token}/values.csv": ("text/csv",),
    "/report/file.{name}": tuple(media.partition(";")[0] for media in MEDIA.values()),
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of `app`, with the parameters that pages read from their address."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path, methods in made["paths"].items():
            page = page_of(path)
            roles = ", ".join(sorted(roles_of(page)))
            for operation in methods.values():
                if path in _CONTENT:
                    operation["responses"]["200"]["content"] = {media: {} for media in _CONTENT[path]}
                named = {**_COMMON, **_OF_PAGE.get(page, {})}
                operation.setdefault("parameters", []).extend(map(_parameter, named.items()))
                operation["description"] = f"{operation.get('description', '')}\n\nRoles: {roles}."
        app.openapi_schema = made
    return app.openapi_schema


def _parameter(row: tuple[str, str]) -> dict[str, Any]:
    name, description = row
    schema = {"type": "string"}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
