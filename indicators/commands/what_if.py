"""``vigiposte what-if``: the noise of a workstation with other hours or quieter tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from indicators.commands.options import chosen_audience, chosen_period, log_analyst
from indicators.commands.reading import result_of
from sensors.command_line import (
    AudienceOption,
    FromOption,
    JsonOption,
    LanguageOption,
    SchedulerOption,
    SiteOption,
    ToOption,
    WeekOption,
    emit_json,
    services_of,
)

if TYPE_CHECKING:
    from indicators.model import WorkstationResult
    from indicators.noise.changed_day import ChangedDay
    from indicators.words import Text

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("what-if")(what_if)


def what_if(
    context: typer.Context,
    workstation: Annotated[str, typer.Argument(help="Its id in the site file.")],
    hours: Annotated[
        list[str] | None, typer.Option("--hours", help="TASK=HOURS a day, or HOURS of the whole day.")
    ] = None,
    quieter: Annotated[
        list[str] | None, typer.Option("--quieter", help="TASK=DB, or DB for the whole day.")
    ] = None,
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    language: LanguageOption = None,
    audience: AudienceOption = "report",
    scheduler: SchedulerOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """LEX,8h of a workstation as it would be with other hours or quieter tasks, and its verdicts then."""
    from indicators.words import circulation, circulation_entry

    changes = (_changes(hours, "--hours"), _changes(quieter, "--quieter"))
    services = services_of(context)
    book = services.load_site(site)
    period = chosen_period(book, week, first, last)
    seen_by = chosen_audience(audience)
    log_analyst(services, book, seen_by, f"what-if {workstation}")
    say = services.words(language, book, document=as_json)
    result = result_of(services, book, period, seen_by, scheduler, say, workstation=workstation)
    station = result.workstations[0]
    _refuse_withheld(station, say)
    found = _changed(station, changes)
    if as_json:
        shifts = [_document(day) for day in found]
        emit_json(
            "what_if",
            {
                "workstation": workstation,
                "audience": seen_by.value,
                **circulation_entry(seen_by, say),
                "shifts": shifts,
            },
        )
        return
    if mark := circulation(seen_by, say):
        typer.echo(f"! {mark}")
    for day in found:
        for line in _lines(day, say):
            typer.echo(line)
    typer.echo(say("decisions.what_if_note"))


def _changed(
    station: WorkstationResult, changes: tuple[dict[str, float], dict[str, float]]
) -> tuple[ChangedDay, ...]:
    from indicators.noise.changed_day import changed_days
    from sensors.errors import MethodError, UsageError

    try:
        return changed_days(station, *changes)
    except MethodError as trouble:
        if trouble.code != "out_of_validity":
            raise
        raise UsageError(
            "the tasks together last longer than a day",
            value=f"{trouble.value:.1f} h",
            rule="24 h at most, over all tasks",
            remedy="give --hours smaller numbers",
            code="day_too_long",
        ) from trouble


def _refuse_withheld(station: WorkstationResult, say: Text) -> None:
    """What the privacy gate holds back was measured: more days of the same wearers would not show it."""
    from indicators.model import Factor
    from indicators.words import note_words
    from sensors.errors import NotEnoughDataError

    withheld = station.withheld
    if withheld is not None and Factor.NOISE in withheld.factors:
        raise NotEnoughDataError(
            "the daily exposure of this workstation is withheld",
            value=note_words(withheld.reason, say),
            rule="[privacy] group_size distinct wearers",
            remedy="measure on other wearers; `vigiposte plan` says on how many",
            code="withheld",
        )


def _changes(texts: list[str] | None, option: str) -> dict[str, float]:
    from sensors.errors import UsageError

    found: dict[str, float] = {}
    for text in texts or ():
        task, _, number = text.rpartition("=")
        try:
            value = float(number.replace(",", "."))
        except ValueError as trouble:
            raise UsageError(
                f"{option} is not a change",
                value=text,
                rule="TASK=NUMBER, or a NUMBER for the whole day",
                remedy=f"{option} grinding=1.5",
                code="change_format",
            ) from trouble
        found[task.strip()] = value
    return found


def _lines(day: ChangedDay, say: Any) -> list[str]:
    from indicators.commands.terminal_rows import figure

    limits = tuple(row.limit.value for row in day.limits)
    before_db, after_db = (figure(level, limits, say) for level in (day.before_db, day.after_db))
    change = day.change.change_db
    lines = [say("decisions.what_if_level", shift=day.shift, before=before_db, after=after_db, change=change)]
    if day.before is not None and day.after is not None:
        bounds = (day.before.low, day.before.high, day.after.low, day.after.high)
        low, high, new_low, new_high = bounds
        lines.append(
            "  " + say("decisions.what_if_interval", low=low, high=high, new_low=new_low, new_high=new_high)
        )
    for row in day.limits:
        before, after = (say(f"verdicts.{verdict.value}") for verdict in (row.before, row.after))
        name = say(f"limits.{row.limit.id}")
        lines.append("  " + say("decisions.what_if_limit", limit=name, before=before, after=after))
    return lines


def _document(day: ChangedDay) -> dict[str, Any]:
    def bounds(interval: Any) -> list[float] | None:
        return None if interval is None else [interval.low, interval.high]

    return {
        "shift": day.shift,
        "before": {"lex_8h_db": day.before_db, "interval": bounds(day.before)},
        "after": {"lex_8h_db": day.after_db, "interval": bounds(day.after)},
        "change_db": day.change.change_db,
        "limits": [
            {
                "id": row.limit.id,
                "value": row.limit.value,
                "before": row.before.value,
                "after": row.after.value,
            }
            for row in day.limits
        ],
    }
