"""Pages that show the weekly result: week, workstation, distribution, contributions, why, report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.report import FORMATS, render_report
from dashboards.report.build import Surroundings, build_view
from dashboards.report.figures import (
    contribution_figures,
    figures,
    grouped,
    projection_figure,
    shift_named,
)
from dashboards.report.model import ReportView
from dashboards.report.scales import factor_block
from dashboards.report.surroundings import names_of, surroundings
from dashboards.web.context import PageContext, page_context
from dashboards.web.frame import station_frame, usual
from dashboards.web.heat_map import heat_map
from dashboards.web.render import render_page
from dashboards.web.trends import factor_trend
from indicators.context import least_wearers
from indicators.governance.issue import refuse_circulation, sent_on
from indicators.model import Audience, Scope
from sensors.errors import UnknownNameError

__all__ = ["MEDIA", "router"]

router = APIRouter()
_RANKED_FIRST = 40
MEDIA = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


def _around(context: PageContext) -> Surroundings:
    source, book = context.source, context.source.book
    before = source.earlier(context.period)
    previous = source.wait_known(before, 0.2)
    return Surroundings(
        previous=previous,
        computing=previous is None and not source.hopeless(before),
        names=names_of(book),
        group_size=least_wearers(book, context.source.audience),
    )


def _summary(context: PageContext) -> ReportView:
    around = _around(context)
    return context.source.remembered(
        context.period,
        ("summary", context.language, around.previous is None, around.computing),
        lambda: build_view(context.result, context.language, around, summary=True),
    )


@router.get("/", response_class=HTMLResponse)
def week(request: Request) -> HTMLResponse:
    """The site's week: lead sentence, ranking, grid, next measurements, changes."""
    context = page_context(request, "week")
    view = _summary(context)
    by_hour = request.query_params.get("grid") == "hours" or (
        request.query_params.get("grid") is None and context.source.audience is not Audience.ANALYST
    )
    grid = context.source.remembered(
        context.period,
        ("grid", context.language, context.factor, by_hour),
        lambda: heat_map(context.result, context.period, context.factor, context.words, by_hour=by_hour),
    )
    everything = request.query_params.get("all") == "1"
    return render_page(
        context,
        "week.html",
        hidden_rows=0 if everything else max(0, len(view.ranking) - _RANKED_FIRST),
        first_rows=len(view.ranking) if everything else _RANKED_FIRST,
        view=view,
        grid=grid,
        by_hour=by_hour,
        factor=context.factor.value,
    )


@router.get("/station/", response_class=HTMLResponse)
@router.get("/curve/", response_class=HTMLResponse)
@router.get("/distribution/", response_class=HTMLResponse)
@router.get("/contributions/", response_class=HTMLResponse)
@router.get("/compare/", response_class=HTMLResponse)
def first_station(request: Request) -> Response:
    """A page without its workstation goes to the most urgent one."""
    page = request.url.path.strip("/")
    context = page_context(request, page)
    stations = context.result.workstations
    where = context.link(page, stations[0].id) if stations else context.link()
    return RedirectResponse(where, status_code=303)


@router.get("/station/{identifier}", response_class=HTMLResponse)
def station(request: Request, identifier: str) -> HTMLResponse:
    """All factors of one workstation side by side."""
    context = page_context(request, "station", identifier)
    found = context.station_result(identifier)
    blocks = [factor_block(identifier, part, context.result, context.words) for part in found.factors]
    projections = [
        figure
        for part in found.factors
        for indicator in part.indicators
        if indicator.scope is Scope.USUAL
        and (figure := projection_figure(indicator, context.words)) is not None
    ]
    made = figures(found, context.source.audience, context.words)
    return render_page(
        context,
        "station.html",
        blocks=blocks,
        projections=projections,
        telling=[figure for figure in made if figure not in projections],
        trends=[factor_trend(context, identifier, part) for part in found.factors],
        to_measure=list(
            dict.fromkeys(context.words.note(p.next_best) for p in found.factors if p.next_best is not None)
        ),
        why=lambda row: context.link("why", identifier, row.indicator, shift=row.shift_id or None),
        **station_frame(context, found),
    )


@router.get("/contributions/{identifier}", response_class=HTMLResponse)
def contributions(request: Request, identifier: str) -> HTMLResponse:
    """Which hours and tasks make the dose."""
    context = page_context(request, "contributions", identifier)
    found = context.station_result(identifier)
    drawn = [
        shift_named(figure, context.words.shift_among(indicator, found))
        for indicator in usual(found)
        for figure in contribution_figures(indicator, context.words)
    ]
    return render_page(
        context,
        "figures.html",
        groups=grouped(drawn),
        heading=context.words.say("pages.contributions_title"),
        note=context.words.say("pages.contributions_note"),
        **station_frame(context, found),
    )


@router.get("/report", response_class=HTMLResponse)
def report(request: Request) -> HTMLResponse:
    """What the weekly report says first, and its files."""
    context = page_context(request, "report")
    view = _summary(context)
    files = [
        (name, context.link("report", f"file.{name}"))
        for name in FORMATS
        if context.source.audience.gated or not sent_on(name)
    ]
    return render_page(context, "report.html", view=view, files=files)


@router.get("/report/file.{name}")
def report_file(request: Request, name: str) -> Response:
    """One file of the report."""
    context = page_context(request, "report")
    if name not in FORMATS:
        raise UnknownNameError(
            "there is no such file", value=name, rule=", ".join(FORMATS), code="unknown_format"
        )
    source = context.source
    refuse_circulation(source.audience, (name,))
    previous = source.wait_known(source.earlier(context.period), 20.0)
    around = surroundings(
        source.book, context.result, context.language, previous=previous, open_store=source.shared_store
    )
    with tempfile.TemporaryDirectory() as folder:
        path = render_report(context.result, Path(folder), (name,), context.language, around=around)[0]
        headers = {"Content-Disposition": f'attachment; filename="{path.name}"'}
        return Response(path.read_bytes(), media_type=MEDIA[name], headers=headers)
