"""The dashboard as an application: pages, data, static files, one guard in front of everything."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from dashboards.plots.tokens import plot_css
from dashboards.web import (
    calibration_page,
    compare_page,
    curve_data,
    curve_pages,
    decision_pages,
    distribution_pages,
    door,
    microphone_check,
    other_pages,
    pages,
    personal,
    why_page,
)
from dashboards.web.answers import plain_answer, plain_error, status_of
from dashboards.web.description import ANSWERS, describe
from dashboards.web.door import refused_page
from dashboards.web.other_pages import empty_page, problem_page
from dashboards.web.roles import page_of
from dashboards.web.security import Guard, admit
from dashboards.web.series import TraceReader
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.weekly import software_version
from sensors.errors import NotEnoughDataError, UnknownNameError, UsageError, VigiposteError

__all__ = ["create_app"]

_FOLDER = Path(str(files("dashboards")))
# Scripts ask for these: they show a line, not a page.
_FOR_DATA = frozenset({"data", "events"})


def create_app(source: SiteSource, settings: WebSettings) -> FastAPI:
    """The application of one site; it closes `source` when it stops."""
    stopping = threading.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # The first viewer finds the libraries loaded and the week computed.
        source.known(source.period(None))
        yield
        stopping.set()
        source.close()

    # Pages that show the description would fetch scripts from other sites; the description itself is enough.
    app = FastAPI(
        title="Vigiposte",
        version=software_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(admit)],
        responses=ANSWERS,
    )
    # One description for all, made when it is first asked for.
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.state.source = source
    app.state.language = lambda: source.language
    app.state.traces = TraceReader(source.store)
    app.state.guard = Guard(settings, source.log)
    app.state.stopping = stopping
    app.state.calibrations = {}
    app.middleware("http")(app.state.guard)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static")
    app.mount("/fonts", StaticFiles(directory=_FOLDER / "fonts"), name="fonts")

    @app.get("/static-plots.css")
    def plots() -> Response:
        return Response(plot_css(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return FileResponse(_FOLDER / "static" / "favicon.svg", media_type="image/svg+xml")

    app.include_router(door.router)
    app.include_router(personal.router)
    app.include_router(other_pages.router)
    app.include_router(curve_pages.router)
    app.include_router(curve_data.router)
    app.include_router(distribution_pages.router)
    app.include_router(compare_page.router)
    app.include_router(decision_pages.router)
    app.include_router(calibration_page.router)
    app.include_router(microphone_check.router)
    app.include_router(why_page.router)
    app.include_router(pages.router)

    @app.exception_handler(VigiposteError)
    def mistake(request: Request, error: VigiposteError) -> Response:
        if page_of(request.url.path) in _FOR_DATA:
            return plain_error(request, error)
        try:
            if error.code == "role_refused":
                return refused_page(request)
            if isinstance(error, NotEnoughDataError):
                return empty_page(request)
            return problem_page(request, error, status_of(error))
        except VigiposteError:
            return plain_error(request, error)

    @app.exception_handler(404)
    def nowhere(request: Request, _: Exception) -> Response:
        return mistake(request, UnknownNameError("there is no such page", value=request.url.path))

    @app.exception_handler(405)
    def no_such_way(request: Request, error: HTTPException) -> Response:
        answer = plain_answer(request, "method", 405)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    def incomplete(request: Request, error: RequestValidationError) -> Response:
        fields = ", ".join(sorted({str(one["loc"][-1]) for one in error.errors()}))
        return mistake(
            request,
            UsageError(
                "fields of the form are missing or malformed",
                value=fields,
                rule="each field the form marks as required is sent, once",
                remedy="open the page again and send the form from there",
                code="form_incomplete",
            ),
        )

    return app
