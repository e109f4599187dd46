"""One request in its language, week and factor, and the links that keep them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request

from dashboards import typography
from dashboards.catalogue import catalogue
from dashboards.report.front import period_title
from dashboards.report.surroundings import names_of
from dashboards.typography import Language
from dashboards.web.roles import Viewer
from dashboards.web.source import SiteSource
from dashboards.wording import Wording
from indicators.context import least_wearers
from indicators.model import Audience, Factor, WeeklyResult, WorkstationResult
from sensors.errors import UnknownNameError
from sensors.periods import DatePeriod

__all__ = ["PageContext", "page_context"]

_PAGES = ("week", "station", "actions", "situations", "plan", "sensors", "report")
_OWN = frozenset({"lang", "week", "factor"})
_STATION_PAGES = frozenset({"station", "curve", "distribution", "contributions", "compare"})


@dataclass(frozen=True)
class PageContext:
    """What every page needs: who asks for what, in which language."""

    source: SiteSource
    language: str
    week: str | None
    factor: Factor
    path: str
    page: str = ""
    station: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    viewer: Viewer | None = None
    form_token: str = ""
    signed_in: bool = False

    @cached_property
    def words(self) -> Wording:
        """Words of the page's language."""
        return Wording(self.language, names_of(self.source.book))

    @cached_property
    def period(self) -> DatePeriod:
        """The week shown."""
        return self.source.period(self.week)

    @cached_property
    def result(self) -> WeeklyResult:
        """The weekly result shown."""
        return self.source.result(self.period)

    def station_result(self, identifier: str) -> WorkstationResult:
        """One workstation of the result; ``UnknownNameError`` lists the known ones."""
        self.source.book.workstation(identifier)
        for station in self.result.workstations:
            if station.id == identifier:
                return station
        raise UnknownNameError(
            "the workstation has no result in this period", value=identifier, code="no_result"
        )

    def link(self, *parts: str, **changes: str | None) -> str:
        """URL of a page that keeps language, week and factor unless `changes` say otherwise."""
        kept: dict[str, str | None] = {"lang": self.language, "week": self.week}
        if self.factor is not Factor.NOISE:
            kept["factor"] = self.factor.value
        query = {name: value for name, value in (kept | changes).items() if value is not None}
        where = "/" + "/".join(quote(part, safe="") for part in parts if part)
        return f"{where}?{urlencode(query)}" if query else where

    def station_link(self, identifier: str) -> str:
        """URL of a workstation's page."""
        return self.link("station", identifier)

    def here(self, **changes: str | None) -> str:
        """URL of this page with `changes`."""
        return self.link(*self.path.strip("/").split("/"), **(dict(self.query) | changes))

    def _target(self, page: str) -> str:
        if page == "week":
            return self.link()
        if page in _STATION_PAGES:
            return self.link(page, self.station or "")
        return self.link(page)

    @property
    def _chapter(self) -> str:
        """Entry of the main navigation; the pages of a workstation have tabs of their own below it."""
        return "station" if self.page in _STATION_PAGES else self.page

    def variables(self) -> dict[str, Any]:
        """What the page frame shows: names, navigation, language switch, neighbouring weeks."""
        say = self.words.say
        other = Language.EN if self.language == Language.FR else Language.FR
        before, after = self.source.earlier(self.period), self.source.earlier(self.period, -1)
        entries = catalogue(self.language)
        return {
            "page": self,
            "t": say,
            "say": {
                code.split(".", 1)[1]: say(code) for code in entries if code.startswith(("report.", "pages."))
            },
            "language": self.language,
            "site": self.source.book.site.site.label,
            "nav": [
                (say(f"pages.nav_{name}"), self._target(name), name == self._chapter)
                for name in _PAGES
                if self.viewer is not None and self.viewer.may_open("" if name == "week" else name)
            ],
            "viewer": self.viewer,
            "role": "" if self.viewer is None else say(f"account_roles.{self.viewer.role.value}"),
            "other_language": (other.value, say("pages.other_language"), self.here(lang=other.value)),
            "audience": self.source.audience.value,
            "least_wearers": least_wearers(self.source.book, self.source.audience),
            "analyst": self.source.audience is Audience.ANALYST,
            "title": period_title(self.period.week, self.words),
            "dates": typography.period_label(self.period.first, self.period.last, language=self.language),
            "earlier": (period_title(before.week, self.words).lower(), self.here(week=before.week)),
            "later": (
                (period_title(after.week, self.words).lower(), self.here(week=after.week))
                if after.first <= self.source.today
                else None
            ),
            "week": self.period.week,
        }


def page_context(request: Request, page: str = "", station: str | None = None) -> PageContext:
    """Read language, week and factor from the URL; what is not said comes from the site.

    Raises
    ------
    UnknownNameError
        The factor or language does not exist.
    """
    source: SiteSource = request.app.state.source
    query = request.query_params
    language = query.get("lang") or source.book.site.site.language
    catalogue(language)
    named = query.get("factor") or Factor.NOISE.value
    if named not in tuple(Factor):
        raise UnknownNameError(
            "there is no such factor",
            value=named,
            rule=f"one of {', '.join(Factor)}",
            remedy="choose one on the page",
            code="unknown_factor",
        )
    return PageContext(
        source=source,
        language=language,
        week=query.get("week") or None,
        factor=Factor(named),
        path=request.url.path,
        page=page,
        station=station,
        viewer=request.state.viewer,
        form_token=request.app.state.guard.form_token(request),
        signed_in=request.state.viewer is not None and not request.app.state.guard.open_to_all,
        query=tuple((name, value) for name, value in query.items() if name not in _OWN),
    )
