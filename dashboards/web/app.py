"""The dashboard as an application: pages, data, static files, one guard in front of everything."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from dashboards.plots.tokens import plot_css
from dashboards.web import (
    calibration_page,
    compare_page,
    curve_data,
    curve_pages,
    decision_pages,
    door,
    other_pages,
    pages,
    personal,
    why_page,
)
from dashboards.web.description import ANSWERS, describe
from dashboards.web.door import refused_page
from dashboards.web.other_pages import empty_page, problem_page
from dashboards.web.security import Guard, admit
from dashboards.web.series import TraceReader
from dashboards.web.settings import WebSettings
from dashboards.web.source import SiteSource
from indicators.weekly import software_version
from sensors.errors import (
    GovernanceError,
    NotEnoughDataError,
    UnknownNameError,
    UnreachableError,
    UsageError,
    VigiposteError,
)

__all__ = ["create_app"]

_FOLDER = Path(str(files("dashboards")))
_STATUS: tuple[tuple[type[VigiposteError], int], ...] = (
    (UnknownNameError, 404),
    (UsageError, 400),
    (GovernanceError, 403),
    (NotEnoughDataError, 404),
    (UnreachableError, 503),
)


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
    app.include_router(compare_page.router)
    app.include_router(decision_pages.router)
    app.include_router(calibration_page.router)
    app.include_router(why_page.router)
    app.include_router(pages.router)

    @app.exception_handler(VigiposteError)
    def mistake(request: Request, error: VigiposteError) -> Response:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        if request.url.path.startswith(("/data/", "/events")):
            return PlainTextResponse(str(error), status_code=status)
        try:
            if error.code == "role_refused":
                return refused_page(request)
            if isinstance(error, NotEnoughDataError):
                return empty_page(request)
            return problem_page(request, error, status)
        except VigiposteError:
            return PlainTextResponse(str(error), status_code=status)

    @app.exception_handler(404)
    def nowhere(request: Request, _: Exception) -> Response:
        return mistake(request, UnknownNameError("there is no such page", value=request.url.path))

    return app
