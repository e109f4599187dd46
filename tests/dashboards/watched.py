"""A page in Chromium whose console and requests are kept."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

DEADLINE_MS = 15_000


class Watched:
    """A page whose console and requests are kept."""

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.base = base
        self.context = browser.new_context(**({"viewport": {"width": 1360, "height": 900}} | options))
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.page.set_default_timeout(DEADLINE_MS)
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("request", self._seen)

    def _seen(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and not request.url.startswith(self.base):
            self.foreign.append(request.url)

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        if path.startswith("/curve"):
            self.page.wait_for_selector("#curve[data-state=drawn]")
        return self.page

    def faults(self, *, allow_404: bool = False) -> list[str]:
        kept = [line for line in self.console if line.startswith(("error", "warning"))]
        if allow_404:
            kept = [line for line in kept if "404" not in line]
        return kept + self.foreign

    def close(self) -> None:
        self.context.close()
