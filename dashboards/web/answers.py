"""Answers without a page: refusals and mistakes as one line of text, in the language of the request."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import PlainTextResponse

from dashboards.catalogue import text
from dashboards.sentences import explained
from dashboards.typography import Language
from sensors.errors import (
    GovernanceError,
    NotEnoughDataError,
    UnknownNameError,
    UnreachableError,
    UsageError,
    VigiposteError,
)

__all__ = ["answer_language", "plain_answer", "plain_error", "status_of"]

_STATUS: tuple[tuple[type[VigiposteError], int], ...] = (
    (UnknownNameError, 404),
    (NotEnoughDataError, 404),
    (UsageError, 400),
    (GovernanceError, 403),
    (UnreachableError, 503),
)


def answer_language(request: Request) -> str:
    """The language the address asks for, else that of the site or fleet the application shows."""
    asked = request.query_params.get("lang", "")
    language: str = request.app.state.language()
    return asked if asked in tuple(Language) else language


def plain_answer(request: Request, code: str, status: int) -> PlainTextResponse:
    """A line of the catalogue's section ``answers``."""
    language = answer_language(request)
    return _line(text(language)(f"answers.{code}"), language, status)


def plain_error(request: Request, error: VigiposteError, status: int | None = None) -> PlainTextResponse:
    """What went wrong, which value, which rule and what to do, in one line."""
    language = answer_language(request)
    return _line(explained(error, language), language, status_of(error) if status is None else status)


def status_of(error: VigiposteError) -> int:
    """HTTP status of a mistake: 400, 403, 404, 503, or 500 for what nobody asked for wrongly."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 500)


def _line(said: str, language: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(said, status_code=status, headers={"Content-Language": language})
