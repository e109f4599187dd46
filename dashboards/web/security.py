"""Who may see and change: sessions, roles, forged requests, host names, headers that keep pages private."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from dashboards.web.accounts import Account, AccountFile, Role
from dashboards.web.answers import plain_answer, plain_error
from dashboards.web.roles import Viewer, page_of
from dashboards.web.sessions import Attempts, Sessions
from dashboards.web.settings import WebSettings, is_loopback
from sensors.errors import ConfigurationError, GovernanceError

__all__ = ["HEADERS", "Guard", "admit"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SESSION, _VISITOR = "vigiposte_session", "vigiposte_visitor"
_OPEN_PAGES = frozenset({"login", "my", "static", "static-plots.css", "fonts", "favicon.ico"})
_STATIC = frozenset({"static", "static-plots.css", "fonts", "favicon.ico"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LARGEST_FORM_BYTES = 64 * 1024

Log = Callable[[str, Mapping[str, Any]], None]


class Guard:
    """Decides about every request of one running dashboard; its keys live as long as the process.

    Parameters
    ----------
    settings : WebSettings
        Address, audience, shared password or accounts.
    log : callable(event, details)
        Writes into the access log.
    """

    def __init__(self, settings: WebSettings, log: Log) -> None:
        self.settings = settings
        self.log = log
        self._key = secrets.token_bytes(32)
        self._hasher = PasswordHasher()
        self._hash = None if settings.secret is None else _hash_of(self._hasher, settings.secret)
        self._sessions = Sessions(settings.session_hours * 3600.0)
        self._attempts = Attempts()
        self._with_accounts = False

    async def __call__(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Middleware: refuse foreign hosts and forged changes, ask for the password, add the headers."""
        page = page_of(request.url.path)
        visitor = request.cookies.get(_VISITOR, "")
        request.state.visitor = visitor or secrets.token_urlsafe(18)
        try:
            request.state.viewer = self.viewer(request)
            response = self._refusal(request, page) or await call_next(request)
        except ConfigurationError as error:
            # Accounts that cannot be trusted let nobody in.
            response = plain_error(request, error, 503)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if page not in _STATIC:
            response.headers.setdefault("Cache-Control", "no-store")
            if not visitor and page != "my":
                self._set_cookie(request, response, _VISITOR, request.state.visitor)
        return response

    def _refusal(self, request: Request, page: str) -> Response | None:
        if not self._known_host(request):
            return plain_answer(request, "unknown_host", 421)
        if request.method not in _SAFE and (refused := self._refused_change(request)) is not None:
            return refused
        if page in _OPEN_PAGES or request.state.viewer is not None:
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", status_code=303)
        return plain_answer(request, "login_required", 401)

    def _refused_change(self, request: Request) -> Response | None:
        if not self._same_origin(request):
            return plain_answer(request, "cross_site", 403)
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return plain_answer(request, "length_missing", 411)
        if int(length) > _LARGEST_FORM_BYTES:
            return plain_answer(request, "too_long", 413)
        return None

    def _known_host(self, request: Request) -> bool:
        # On loopback a foreign name means that some page points its own name at this machine (DNS rebinding).
        host = request.url.hostname or ""
        return self.settings.open_to_network or is_loopback(host)

    def _same_origin(self, request: Request) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")

    @property
    def _accounts(self) -> AccountFile | None:
        """The accounts, from the first one on: removing the last does not open the dashboard again."""
        accounts = self.settings.accounts
        if accounts is not None and not self._with_accounts:
            self._with_accounts = bool(accounts.all())
        return accounts if self._with_accounts else None

    @property
    def open_to_all(self) -> bool:
        """Whether nobody has to log in."""
        return self._hash is None and self._accounts is None

    def viewer(self, request: Request) -> Viewer | None:
        """Who asks; ``None`` when nobody has logged in where somebody must."""
        accounts = self._accounts
        if self.open_to_all:
            return Viewer()
        bearer = _bearer(request)
        if accounts is None and bearer:
            return Viewer() if self._shared_password(request, bearer) else None
        session = self._sessions.find(request.cookies.get(_SESSION, ""))
        if session is None:
            return None
        if accounts is None:
            return Viewer()
        account = accounts.all().get(session.name)
        if account is None or account.fingerprint != session.fingerprint:
            return None
        return Viewer(account.name, account.role)

    def _shared_password(self, request: Request, given: str) -> bool:
        if self._hash is None or not self._attempts.admit("", _address(request)):
            return False
        try:
            self._hasher.verify(self._hash, given)
        except VerificationError:
            return False
        self._attempts.forgive("", _address(request))
        return True

    @property
    def asks_name(self) -> bool:
        """Whether the login form asks for the name of an account."""
        return self._accounts is not None

    def needs_token(self, request: Request) -> bool:
        """Whether a request changes something and could have been sent by another site."""
        # No page can make a browser send the password of a program along.
        return request.method not in _SAFE and (self.asks_name or not _bearer(request))

    def log_in(self, request: Request, response: Response, name: str, password: str) -> Viewer | None:
        """Open a session of its own for whoever knows the password; ``None`` when it is wrong.

        Raises
        ------
        GovernanceError
            ``too_many_attempts``.
        """
        account: Account | None = None
        accounts = self._accounts
        if not self._attempts.admit(name, _address(request)):
            raise GovernanceError(
                "too many passwords were tried", rule="five a minute", code="too_many_attempts"
            )
        if accounts is not None:
            account = accounts.check(name, password)
            right = account is not None
        else:
            right = self._hash is not None and self._fits(self._hash, password)
        if not right:
            # An unknown name may be a password typed into the wrong field: it is not written down.
            known = accounts is not None and name in accounts.all()
            self.log("login_failed", {"by": name if known else "unknown"})
            return None
        self._attempts.forgive(name, _address(request))
        viewer = Viewer() if account is None else Viewer(account.name, account.role)
        self.log("login", {"by": viewer.name or "shared password", "role": viewer.role.value})
        # A token from before the login is never the one after it, and the form token changes with it.
        self._sessions.close(request.cookies.get(_SESSION, ""))
        token = self._sessions.open(viewer.name, "" if account is None else account.fingerprint)
        self._set_cookie(request, response, _SESSION, token, int(self._sessions.lifetime_s))
        self._set_cookie(request, response, _VISITOR, secrets.token_urlsafe(18))
        return viewer

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerificationError:
            return False

    def log_out(self, request: Request, response: Response) -> None:
        """End the session on the server, and forget the browser."""
        self._sessions.close(request.cookies.get(_SESSION, ""))
        response.delete_cookie(_SESSION)
        response.delete_cookie(_VISITOR)

    def _set_cookie(
        self, request: Request, response: Response, name: str, value: str, age_s: int | None = None
    ) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(name, value, max_age=age_s, httponly=True, samesite="strict", secure=secure)

    def form_token(self, request: Request) -> str:
        """Token that a form carries, so that no other site can send it for the viewer."""
        message = f"form:{request.state.visitor}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def form_is_ours(self, request: Request, token: str) -> bool:
        """Whether a form's token belongs to the viewer who sends it."""
        return _VISITOR in request.cookies and hmac.compare_digest(
            token.encode(), self.form_token(request).encode()
        )


async def admit(request: Request) -> None:
    """Let a request through to its page, or refuse it; every page of the application depends on this.

    Raises
    ------
    GovernanceError
        ``role_refused``: the role opens no such page; ``form_forged``: a change without the form's token.
    """
    guard: Guard = request.app.state.guard
    page = page_of(request.url.path)
    if guard.needs_token(request):
        form = await request.form()
        token = form.get("token")
        if not isinstance(token, str) or not guard.form_is_ours(request, token):
            raise GovernanceError(
                "the form has expired, or was not sent from this dashboard",
                rule="each change carries the token of the page it was made on",
                remedy="open the page again and send the form from there",
                code="form_forged",
            )
    viewer: Viewer | None = request.state.viewer
    if viewer is None or page in _OPEN_PAGES:
        return
    source = request.app.state.source
    needs_ergonomist = guard.settings.analyst and page not in ("logout", "openapi.json")
    if not viewer.may_open(page) or (needs_ergonomist and viewer.role is not Role.ERGONOMIST):
        source.log_once("page_refused", viewer.name, page or "week")
        raise GovernanceError(
            "this page is not open to this role", value=viewer.role.value, code="role_refused"
        )
    if guard.settings.analyst or (viewer.name and page == "sensors"):
        source.log_once(
            "analyst_access" if guard.settings.analyst else "sensor_health_access",
            viewer.name,
            f"{request.url.path} {request.query_params.get('trace', '')}".strip(),
        )


def _bearer(request: Request) -> str:
    given = request.headers.get("authorization", "")
    return given.removeprefix("Bearer ") if given.startswith("Bearer ") else ""


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _hash_of(hasher: PasswordHasher, secret: str) -> str:
    return secret if secret.startswith("$argon2") else hasher.hash(secret)
