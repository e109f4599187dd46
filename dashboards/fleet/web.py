"""The fleet in a browser: one page over all sites, and the report of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.catalogue import catalogue
from dashboards.fleet.render import fleet_html
from dashboards.fleet.view import build_fleet_view
from dashboards.report.build import Surroundings, build_view
from dashboards.report.html import render_html
from dashboards.report.surroundings import names_of
from dashboards.typography import Language
from dashboards.web.answers import plain_error
from dashboards.web.security import Guard
from dashboards.web.settings import WebSettings
from indicators.fleet.model import FleetResult
from indicators.model import WeeklyResult
from sensors.errors import ConfigurationError, UnknownNameError, VigiposteError
from sensors.fleet_file import Fleet, FleetSite
from sensors.periods import DatePeriod, week_period

__all__ = ["FleetSource", "create_fleet_app"]

_KEPT_S = 300.0
_KEPT_WEEKS = 8
# Pages carry their own style and fetch nothing.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
}


class FleetSource:
    """Results of a fleet and its sites, each kept for some minutes; safe to use from several threads.

    Parameters
    ----------
    fleet : Fleet
        The sites.
    whole : callable(Fleet, DatePeriod) -> FleetResult
        Computes the fleet.
    single : callable(FleetSite, DatePeriod) -> WeeklyResult
        Computes one site, gated and fit to be issued.
    """

    def __init__(
        self,
        fleet: Fleet,
        whole: Callable[[Fleet, DatePeriod], FleetResult],
        single: Callable[[FleetSite, DatePeriod], WeeklyResult],
    ) -> None:
        self.fleet = fleet
        self._whole = whole
        self._single = single
        self._kept: dict[DatePeriod, tuple[float, FleetResult]] = {}
        self._lock = threading.Lock()

    def period(self, week: str | None) -> DatePeriod:
        """An ISO week, the last complete one by default."""
        return week_period(week, self.fleet.sites[0].book.zone, datetime.now(UTC))

    def result(self, period: DatePeriod) -> FleetResult:
        """The fleet's result of a period."""
        with self._lock:
            known = self._kept.get(period)
            if known is None or time.monotonic() - known[0] > _KEPT_S:
                known = time.monotonic(), self._whole(self.fleet, period)
                self._kept.pop(period, None)
                self._kept[period] = known
                while len(self._kept) > _KEPT_WEEKS:
                    self._kept.pop(next(iter(self._kept)))
            return known[1]

    def site(self, identifier: str) -> FleetSite:
        """One site; ``UnknownNameError`` when the fleet has none of this id."""
        for site in self.fleet.sites:
            if site.id == identifier:
                return site
        raise UnknownNameError(
            "the fleet has no such site",
            value=identifier,
            rule=", ".join(site.id for site in self.fleet.sites),
        )

    def site_result(self, site: FleetSite, period: DatePeriod) -> WeeklyResult:
        """Gated result of one site."""
        return self._single(site, period)


def create_fleet_app(source: FleetSource, settings: WebSettings) -> FastAPI:
    """The application of a fleet, for this machine only.

    Raises
    ------
    ConfigurationError
        ``fleet_network``: other machines could reach the address.
    """
    if settings.open_to_network:
        raise ConfigurationError(
            "the fleet view is served to this machine only",
            value=settings.host,
            rule="roles and accounts belong to single sites",
            remedy="keep --host 127.0.0.1, behind a proxy that asks who comes; or serve one site with --site",
            code="fleet_network",
        )
    app = FastAPI(title="Vigiposte", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.language = lambda: source.fleet.language
    app.middleware("http")(Guard(settings, lambda _event, _details: None))

    @app.get("/", response_class=HTMLResponse)
    def fleet(request: Request) -> HTMLResponse:
        language, period = _asked(source, request)
        view = build_fleet_view(source.result(period), language)
        other = Language.EN if language == Language.FR else Language.FR
        before, after = _beside(source, period)
        links = [
            (f"← {before}", _link("/", language, before)),
            *([(f"{after} →", _link("/", language, after))] if after else []),
            (view.words["other_language"], _link("/", other.value, period.week)),
        ]
        return _page(
            fleet_html(
                view, link=lambda name: _link(f"/site/{quote(name)}", language, period.week), links=links
            ),
            language,
        )

    @app.get("/site/{identifier}", response_class=HTMLResponse)
    def site(request: Request, identifier: str) -> HTMLResponse:
        language, period = _asked(source, request)
        chosen = source.site(identifier)
        result = source.site_result(chosen, period)
        around = Surroundings(names=names_of(chosen.book), group_size=chosen.book.site.privacy.group_size)
        return _page(render_html(build_view(result, language, around)), language)

    @app.exception_handler(VigiposteError)
    def mistake(request: Request, error: VigiposteError) -> Response:
        return plain_error(request, error)

    return app


def _asked(source: FleetSource, request: Request) -> tuple[str, DatePeriod]:
    language = request.query_params.get("lang") or source.fleet.language
    catalogue(language)
    return language, source.period(request.query_params.get("week"))


def _beside(source: FleetSource, period: DatePeriod) -> tuple[str, str | None]:
    """ISO weeks before and after; the one after only when it is complete."""
    from datetime import timedelta

    def week(moment: Any) -> str:
        iso = moment.isocalendar()
        return f"{iso.year}-W{iso.week:02d}"

    later = period.first + timedelta(days=7)
    newest = source.period(None).first
    return week(period.first - timedelta(days=7)), week(later) if later <= newest else None


def _link(path: str, language: str, week: str | None) -> str:
    query = {"lang": language} | ({"week": week} if week else {})
    return f"{path}?{urlencode(query)}"


def _page(html: str, language: str) -> HTMLResponse:
    return HTMLResponse(html, headers={**_POLICY, "Content-Language": language})
