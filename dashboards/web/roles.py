"""Which role may open which page: a page that stands nowhere here is open to the ergonomist only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.web.accounts import Role

__all__ = ["HOME", "PAGE_ROLES", "Viewer", "page_of", "roles_of"]

_EVERYONE = frozenset(Role)
_RESULTS = frozenset({Role.VIEWER, Role.ERGONOMIST})
_HEALTH = frozenset({Role.ERGONOMIST, Role.OPERATOR})
_ERGONOMIST = frozenset({Role.ERGONOMIST})

# By the first part of the address; "" is the start page.
PAGE_ROLES: Mapping[str, frozenset[Role]] = {
    "": _RESULTS,
    "station": _RESULTS,
    "curve": _RESULTS,
    "data": _RESULTS,
    "distribution": _RESULTS,
    "contributions": _RESULTS,
    "compare": _RESULTS,
    "why": _RESULTS,
    "actions": _RESULTS,
    "situations": _RESULTS,
    "plan": _RESULTS,
    "report": _RESULTS,
    "site": _RESULTS,
    "exclude": _ERGONOMIST,
    "calibrate": _ERGONOMIST,
    "sensors": _HEALTH,
    "events": _HEALTH,
    "login": _EVERYONE,
    "logout": _EVERYONE,
    "my": _EVERYONE,
    "favicon.ico": _EVERYONE,
    "static-plots.css": _EVERYONE,
    "openapi.json": _EVERYONE,
}
HOME: Mapping[Role, str] = {Role.VIEWER: "/", Role.ERGONOMIST: "/", Role.OPERATOR: "/sensors"}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks.

    Attributes
    ----------
    name : str
        Of the account; empty where the dashboard has none.
    role : Role
        Without accounts everyone who gets in has the ergonomist's.
    """

    name: str = ""
    role: Role = Role.ERGONOMIST

    def may_open(self, page: str) -> bool:
        """Whether the role opens `page`, the first part of an address."""
        return self.role in roles_of(page)

    @property
    def sees_worn(self) -> bool:
        """Whether anything of worn sensors is for this role, be it that one was silent."""
        return self.role is not Role.OPERATOR


def page_of(path: str) -> str:
    """First part of an address."""
    return path.strip("/").split("/", 1)[0]


def roles_of(page: str) -> frozenset[Role]:
    """Roles that may open `page`."""
    return PAGE_ROLES.get(page, _ERGONOMIST)
