"""Who may see and change: sessions, forged requests, host names, and headers that keep pages private."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from dashboards.web.settings import WebSettings, is_loopback

__all__ = ["HEADERS", "Guard"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SESSION, _VISITOR = "vigiposte_session", "vigiposte_visitor"
_LIFETIME_S = 12 * 3600
_ATTEMPTS, _ATTEMPT_WINDOW_S = 5, 60.0
_OPEN_PATHS = ("/login", "/static/", "/static-plots.css", "/fonts/", "/favicon.ico")


class Guard:
    """Decides about every request of one running dashboard; its keys live as long as the process."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self._key = secrets.token_bytes(32)
        self._hasher = PasswordHasher()
        self._hash = None if settings.secret is None else _hash_of(self._hasher, settings.secret)
        self._failures: deque[float] = deque()
        self._lock = threading.Lock()

    def _sign(self, purpose: str, message: str) -> str:
        return hmac.new(self._key, f"{purpose}:{message}".encode(), hashlib.sha256).hexdigest()

    async def __call__(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Middleware: refuse foreign hosts and forged changes, ask for the password, add the headers."""
        response = self._refusal(request) or await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.url.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refusal(self, request: Request) -> Response | None:
        if not self._known_host(request):
            return PlainTextResponse("unknown host", status_code=421)
        if request.method not in ("GET", "HEAD") and not self._same_origin(request):
            return PlainTextResponse("cross-site request refused", status_code=403)
        if self._hash is None or request.url.path.startswith(_OPEN_PATHS) or self._has_session(request):
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={request.url.path}", status_code=303)
        return PlainTextResponse("password required", status_code=401)

    def _known_host(self, request: Request) -> bool:
        # On loopback a foreign name means that some page points its own name at this machine (DNS rebinding).
        host = request.url.hostname or ""
        return self.settings.open_to_network or is_loopback(host)

    def _same_origin(self, request: Request) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")

    def _has_session(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "")
        if bearer.startswith("Bearer "):
            return self.password_matches(bearer.removeprefix("Bearer "))
        expiry, _, signature = request.cookies.get(_SESSION, "").partition(".")
        if not expiry.isdigit() or int(expiry) < time.time():
            return False
        return hmac.compare_digest(signature, self._sign("session", expiry))

    def password_matches(self, given: str) -> bool:
        """Whether `given` is the password; always ``False`` while too many attempts failed."""
        if self._hash is None or self.locked:
            return False
        try:
            return self._hasher.verify(self._hash, given)
        except VerificationError:
            with self._lock:
                self._failures.append(time.monotonic())
            return False

    @property
    def locked(self) -> bool:
        """Whether too many passwords failed within the last minute."""
        with self._lock:
            while self._failures and self._failures[0] < time.monotonic() - _ATTEMPT_WINDOW_S:
                self._failures.popleft()
            return len(self._failures) >= _ATTEMPTS

    def open_session(self, request: Request, response: Response) -> None:
        """Give the viewer a signed cookie for half a day."""
        expiry = str(int(time.time()) + _LIFETIME_S)
        response.set_cookie(
            _SESSION,
            f"{expiry}.{self._sign('session', expiry)}",
            max_age=_LIFETIME_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )

    def close_session(self, response: Response) -> None:
        """Forget the viewer."""
        response.delete_cookie(_SESSION)

    def visitor(self, request: Request) -> str:
        """Name of the viewer's browser, made up when it has none yet."""
        return request.cookies.get(_VISITOR) or secrets.token_urlsafe(18)

    def form_token(self, visitor: str) -> str:
        """Token that a form carries, so that no other site can send it for the viewer."""
        return self._sign("form", visitor)

    def remember(self, visitor: str, request: Request, response: Response) -> None:
        """Keep the viewer's name in a cookie that no other site sends along."""
        secure = request.url.scheme == "https"
        response.set_cookie(_VISITOR, visitor, httponly=True, samesite="strict", secure=secure)

    def form_is_ours(self, request: Request, token: str) -> bool:
        """Whether a form's token belongs to the viewer who sends it."""
        visitor = request.cookies.get(_VISITOR)
        return bool(visitor) and hmac.compare_digest(token, self._sign("form", visitor or ""))


def _hash_of(hasher: PasswordHasher, secret: str) -> str:
    return secret if secret.startswith("$argon2") else hasher.hash(secret)
