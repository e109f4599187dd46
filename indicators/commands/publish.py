"""``vigiposte publish``: gated rollups into a store, for Grafana and other readers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from indicators.commands.options import (
    chosen_circle,
    chosen_period,
    on_one_cluster,
    progress_line,
    reduced_on_cluster,
)
from sensors.command_line import (
    CircleOption,
    FleetOption,
    FromOption,
    JsonOption,
    SchedulerOption,
    SiteOption,
    ToOption,
    WeekOption,
    emit_json,
    note,
    services_of,
)
from sensors.fleet_runs import SiteAnswer, at_each_site

if TYPE_CHECKING:
    from indicators.model import Audience
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_HEADS = ("commands.column_rollups", "commands.column_health", "commands.column_store")


def mount(app: typer.Typer) -> None:
    """Add ``publish`` to `app`."""
    app.command()(publish)


def publish(
    context: typer.Context,
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--store",
            envvar="VIGIPOSTE_ROLLUPS_URL",
            help="Where to: lake:PATH or influxdb://host:port/DB; default: the site's store.",
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    audience: CircleOption = "report",
    fleet: FleetOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the gated results of a period, and the health of fixed sensors, for dashboards of others."""
    services = services_of(context)
    work = partial(_published, services, (week, first, last), target, scheduler, chosen_circle(audience))
    if fleet is not None:
        with on_one_cluster(services, fleet, scheduler):
            at_each_site(services, fleet, "publish", _HEADS, work, as_json=as_json)
        return
    book = services.load_site(site)
    say = services.words(None, book)
    document = work(book).document
    if as_json:
        emit_json("publish", document)
    else:
        rollups, health, url = document["rollups"], document["sensor_health"], document["store"]
        typer.echo(say("commands.published", rollups=rollups, health=health, store=url))


def _published(
    services: Services,
    dates: tuple[str | None, str | None, str | None],
    target: str | None,
    scheduler: str | None,
    circle: Audience,
    book: SiteBook,
) -> SiteAnswer:
    from indicators.governance.issue import refuse_issue
    from indicators.publish import publish as write
    from indicators.publish import refuse_other_circle

    period = chosen_period(book, *dates)
    say = services.words(None, book)
    store = services.open_store(book)
    goal = store if target is None else services.open_store(book, url=target)
    try:
        # Before anything is ruled on: what is refused is not remembered as published.
        refuse_other_circle(goal, circle)
        ready = reduced_on_cluster(services, book, store, scheduler, say, period)
        progress = progress_line(say("commands.reducing"))
        result = services.weekly_result(book, store, period, circle, reduce=not ready, progress=progress)
        refuse_issue(result)
        seen = services.extra["survey"](book, lambda: services.open_store(book))
        rollups, health = write(goal, book, result, seen)
        shared = goal.url == store.url and store.url.startswith("influxdb")
    finally:
        goal.close()
        store.close()
    if shared:
        note(say("commands.publish_shared"))
    return SiteAnswer(
        document={"store": goal.url, "rollups": rollups, "sensor_health": health},
        cells=(str(rollups), str(health), goal.url),
    )
