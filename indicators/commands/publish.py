"""``vigiposte publish``: gated rollups into a store, for Grafana and other readers."""

from __future__ import annotations

from typing import Annotated

import typer

from indicators.commands.options import chosen_circle, chosen_period, progress_line, reduced_on_cluster
from sensors.command_line import (
    CircleOption,
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

__all__ = ["mount"]


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
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the gated results of a period, and the health of fixed sensors, for dashboards of others."""
    from indicators.governance.issue import refuse_issue
    from indicators.publish import publish as write
    from indicators.publish import refuse_other_circle

    services = services_of(context)
    book = services.load_site(site)
    circle = chosen_circle(audience)
    period = chosen_period(book, week, first, last)
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
    if as_json:
        emit_json("publish", {"store": goal.url, "rollups": rollups, "sensor_health": health})
    else:
        typer.echo(say("commands.published", rollups=rollups, health=health, store=goal.url))
