"""A wearer's own data by a personal link: one page to read, the same values as CSV, and nothing else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.catalogue import catalogue, text
from dashboards.papers.own_data import own_data_paper, values_csv
from dashboards.papers.paper import Paper, paper_html
from dashboards.web.source import SiteSource
from indicators.governance.link_register import require_open
from indicators.governance.own_data import OwnData, own_data
from indicators.governance.personal_link import PersonalLink, read_link
from indicators.governance.site_logs import site_key
from sensors.errors import GovernanceError, NotEnoughDataError, UnknownNameError

__all__ = ["router"]

router = APIRouter()
# The address is the key to the page: it is told to nobody, and kept by no browser or cache on the way.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
# One at a time: each collects everything held of a person.
_collecting = threading.Lock()


@router.get("/my/{token}", response_class=HTMLResponse)
def own_page(request: Request, token: str) -> HTMLResponse:
    """Everything held of the wearer of the link."""
    source: SiteSource = request.app.state.source
    language = _language(request, source)
    try:
        link = _link(source, token)
    except GovernanceError as error:
        return _page(_refusal(language, error), 403)
    try:
        data = _data(source, link)
    except (NotEnoughDataError, UnknownNameError):
        return _page(_nothing(source, language, link), 200)
    other = "en" if language == "fr" else "fr"
    links = (
        (f"/my/{token}/values.csv", text(language)("papers.own_csv")),
        (f"/my/{token}?lang={other}", text(language)("pages.other_language")),
    )
    return _page(own_data_paper(source.book, data, language, links=links), 200)


@router.get("/my/{token}/values.csv")
def own_values(request: Request, token: str) -> Response:
    """The values of the page for a spreadsheet."""
    source: SiteSource = request.app.state.source
    link = _link(source, token)
    content = values_csv(_data(source, link))
    headers = _HEADERS | {"Content-Disposition": 'attachment; filename="values.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _link(source: SiteSource, token: str) -> PersonalLink:
    key = site_key(source.book)
    if key is None:
        raise GovernanceError(
            "this personal link is not valid",
            rule="the site names no key that could have signed it",
            remedy="ask for a new link",
            code="link_invalid",
        )
    link = read_link(key, token, datetime.now(UTC))
    require_open(source.book, link)
    source.log_once("personal_link_used", f"link {link.id}", "own data")
    return link


def _data(source: SiteSource, link: PersonalLink) -> OwnData:
    with _collecting:
        return own_data(source.book, source.store, link.wearer)


def _language(request: Request, source: SiteSource) -> str:
    asked = request.query_params.get("lang") or source.book.site.site.language
    catalogue(asked)
    return asked


def _refusal(language: str, error: GovernanceError) -> Paper:
    say = text(language)
    code = error.code if error.code in ("link_expired", "link_revoked") else "link_invalid"
    return Paper(language, say("papers.title_link"), say(f"papers.{code}"), (), say("papers.foot_link"))


def _nothing(source: SiteSource, language: str, link: PersonalLink) -> Paper:
    say = text(language)
    title = say("papers.title_own", wearer=link.wearer)
    return Paper(
        language,
        title,
        say("papers.nothing_held", site=source.book.site.site.label),
        (),
        say("papers.foot_link"),
    )


def _page(paper: Paper, status: int) -> HTMLResponse:
    headers = _HEADERS | {"Content-Language": paper.language}
    return HTMLResponse(paper_html(paper), status_code=status, headers=headers)
