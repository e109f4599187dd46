"""The fleet in a browser: one page over all sites, the report of each, the state of their sensors."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from dashboards.catalogue import catalogue
from dashboards.fleet import door
from dashboards.fleet.door import signed_in
from dashboards.fleet.note import note_page
from dashboards.fleet.render import fleet_html
from dashboards.fleet.source import FleetSource
from dashboards.fleet.state import state_html
from dashboards.fleet.view import build_fleet_view
from dashboards.report.build import Surroundings, build_view
from dashboards.report.html import render_html
from dashboards.report.surroundings import names_of
from dashboards.typography import Language
from dashboards.web.answers import plain_error, status_of
from dashboards.web.description import ANSWERS, describe
from dashboards.web.security import Guard, admit
from dashboards.web.settings import WebSettings
from indicators.weekly import software_version
from sensors.errors import UnknownNameError, VigiposteError

if TYPE_CHECKING:
    from sensors.periods import DatePeriod

__all__ = ["FleetSource", "create_fleet_app"]

_FOLDER = Path(str(files("dashboards")))
# Pages carry their own style and fetch nothing.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
}
_router = APIRouter()


def create_fleet_app(source: FleetSource, settings: WebSettings) -> FastAPI:
    """The application of a fleet; doors, roles and headers are those of a site's dashboard."""
    app = FastAPI(
        title="Vigiposte",
        version=software_version(),
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
        responses=ANSWERS,
    )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    accounts = settings.accounts
    if accounts is not None:
        source.permitted = lambda name: accounts.all()[name].sites if name in accounts.all() else ()
    app.state.source = source
    app.state.language = lambda: source.fleet.language
    app.state.guard = Guard(settings, source.log)
    app.middleware("http")(app.state.guard)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static")
    app.mount("/fonts", StaticFiles(directory=_FOLDER / "fonts"), name="fonts")
    app.include_router(door.router)
    app.include_router(_router)

    @app.exception_handler(VigiposteError)
    def mistake(request: Request, error: VigiposteError) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return plain_error(request, error)
        return _page(note_page(request, error), _language(request, checked=False), status_of(error))

    @app.exception_handler(404)
    def nowhere(request: Request, _: Exception) -> Response:
        return mistake(request, UnknownNameError("there is no such page", value=request.url.path))

    return app


@_router.get("/favicon.ico")
def favicon() -> Response:
    """The mark of the project."""
    return FileResponse(_FOLDER / "static" / "favicon.svg", media_type="image/svg+xml")


@_router.get("/", response_class=HTMLResponse)
def whole(request: Request) -> HTMLResponse:
    """All sites that the viewer may see, side by side."""
    source: FleetSource = request.app.state.source
    language, period = _asked(request)
    view = build_fleet_view(source.result(period, request.state.viewer.name), language)
    before, after = _beside(source, period)
    links = [
        (f"← {before}", _link("/", language, before)),
        *([(f"{after} →", _link("/", language, after))] if after else []),
        *_state_link(request, language),
        _other_language(request, language, period.week),
    ]
    html = fleet_html(
        view,
        link=lambda name: _link(f"/site/{quote(name)}", language, period.week),
        links=links,
        who=signed_in(request, language),
    )
    return _page(html, language)


@_router.get("/site/{identifier}", response_class=HTMLResponse)
def one_site(request: Request, identifier: str) -> HTMLResponse:
    """The report of one site, as its own dashboard gives it; the site's access log says who looked."""
    source: FleetSource = request.app.state.source
    language, period = _asked(request)
    name = request.state.viewer.name
    chosen = source.site(identifier, name)
    result = source.site_result(chosen, period)
    if name:
        source.log_once("fleet_report_access", name, f"report {period.first}..{period.last}", chosen)
    around = Surroundings(names=names_of(chosen.book), group_size=chosen.book.site.privacy.group_size)
    return _page(render_html(build_view(result, language, around)), language)


@_router.get("/sensors", response_class=HTMLResponse)
def sensors(request: Request) -> HTMLResponse:
    """A line a site: its sensors, the ingest, the store; an operator is told of fixed sensors only."""
    language = _language(request)
    back = [(_fleet_word(language), _link("/", language, None))] if request.state.viewer.may_open("") else []
    links = [*back, _other_language(request, language, None)]
    return _page(state_html(request, language, links, signed_in(request, language)), language)


def _language(request: Request, *, checked: bool = True) -> str:
    source: FleetSource = request.app.state.source
    language = request.query_params.get("lang") or source.fleet.language
    if checked:
        catalogue(language)
    return language if language in tuple(Language) else source.fleet.language


def _asked(request: Request) -> tuple[str, DatePeriod]:
    source: FleetSource = request.app.state.source
    return _language(request), source.period(request.query_params.get("week"))


def _fleet_word(language: str) -> str:
    return catalogue(language)["fleet.nav_fleet"]


def _state_link(request: Request, language: str) -> list[tuple[str, str]]:
    seen = request.app.state.source.survey is not None and request.state.viewer.may_open("sensors")
    return [(catalogue(language)["fleet.nav_state"], _link("/sensors", language, None))] if seen else []


def _other_language(request: Request, language: str, week: str | None) -> tuple[str, str]:
    other = Language.EN if language == Language.FR else Language.FR
    return catalogue(language)["fleet.other_language"], _link(request.url.path, other.value, week)


def _beside(source: FleetSource, period: DatePeriod) -> tuple[str, str | None]:
    """ISO weeks before and after; the one after only when it is complete."""

    def week(day: date) -> str:
        iso = day.isocalendar()
        return f"{iso.year}-W{iso.week:02d}"

    later = period.first + timedelta(days=7)
    newest = source.period(None).first
    return week(period.first - timedelta(days=7)), week(later) if later <= newest else None


def _link(path: str, language: str, week: str | None) -> str:
    query = {"lang": language} | ({"week": week} if week else {})
    return f"{path}?{urlencode(query)}"


def _page(html: str, language: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status_code=status, headers={**_POLICY, "Content-Language": language})
