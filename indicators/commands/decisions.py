"""``vigiposte compare``: before and after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from indicators.commands.options import (
    chosen_audience,
    log_analyst,
)
from indicators.commands.reading import opened_store
from sensors.command_line import (
    AudienceOption,
    JsonOption,
    LanguageOption,
    SchedulerOption,
    SiteOption,
    emit_json,
    services_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from indicators.comparison import Change
    from sensors.periods import DatePeriod

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add ``compare`` to `app`."""
    app.command()(compare)


def _dates(text: str, option: str) -> DatePeriod:
    from sensors.errors import UsageError
    from sensors.periods import date_period

    first, separator, last = text.partition("..")
    if not separator:
        raise UsageError(
            f"{option} is not a period",
            value=text,
            rule="FROM..TO, two dates, both included",
            remedy=f"{option} 2026-10-05..2026-10-16",
            code="period_format",
        )
    return date_period(first, last)


def compare(
    context: typer.Context,
    workstation: Annotated[str, typer.Option("--workstation", help="Where the change was made.")],
    before: Annotated[str, typer.Option("--before", help="FROM..TO, site dates, both included.")],
    after: Annotated[str, typer.Option("--after", help="FROM..TO, site dates, both included.")],
    control: Annotated[
        str | None, typer.Option("--control", help="Workstation without the change, over the same dates.")
    ] = None,
    site: SiteOption = None,
    language: LanguageOption = None,
    audience: AudienceOption = "report",
    scheduler: SchedulerOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Compare before and after a change: difference, interval, verdict; "too early" is one."""
    from indicators.words import circulation

    services = services_of(context)
    book = services.load_site(site)
    periods = (_dates(before, "--before"), _dates(after, "--after"))
    seen_by = chosen_audience(audience)
    log_analyst(services, book, seen_by, f"compare {workstation}")
    say = services.words(language, book, document=as_json)
    with opened_store(services, book, scheduler, say, *periods) as opened:
        found = services.extra["compare"](
            book, opened.store, workstation, *periods, control=control, audience=seen_by
        )
    if as_json:
        emit_json("compare", _document(found, say))
        return
    if mark := circulation(seen_by, say):
        typer.echo(f"! {mark}")
    code = "decisions.compare_title" if control is None else "decisions.compare_title_control"
    labels = {one: book.workstation(one).label for one in (workstation, control) if one is not None}
    typer.echo(say(code, workstation=labels[workstation], control=labels.get(control or "")))
    for line in _change_lines(found.changes, say):
        typer.echo(line)


def _change_lines(changes: Iterable[Change], say: Any) -> Iterator[str]:
    """Changes by what may be said of them: an answer and its reasons once, then its indicators."""
    from textwrap import wrap

    from indicators.words import label, note_words

    groups: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        answer = say(f"decisions.change.{change.verdict.value}")
        key = (answer, *(note_words(remark, say) for remark in change.notes))
        groups.setdefault(key, []).append(change)
    for (answer, *reasons), members in groups.items():
        yield ""
        yield answer
        yield from (f"  {reason}" for reason in reasons)
        yield from (
            f"    {label(change.indicator, say)} · {_values(change, say)}"
            for change in members
            if change.difference is not None
        )
        bare = [label(change.indicator, say) for change in members if change.difference is None]
        joined = " · ".join(bare)
        yield from wrap(joined, 110, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _values(change: Change, say: Any) -> str:
    values = {"before": change.before, "after": change.after, "difference": change.difference}
    if change.interval is None:
        return str(say("decisions.change_values", unit=change.unit, **values))
    bounds = {"low": change.interval.low, "high": change.interval.high}
    return str(say("decisions.change_interval", unit=change.unit, **values, **bounds))


def _document(found: Any, say: Any) -> dict[str, Any]:
    from indicators.words import circulation_entry

    return {
        "workstation": found.workstation,
        "control": found.control,
        "audience": found.audience.value,
        **circulation_entry(found.audience, say),
        "before": [found.before.first.isoformat(), found.before.last.isoformat()],
        "after": [found.after.first.isoformat(), found.after.last.isoformat()],
        "confidence": 0.90,
        "changes": [
            {
                "indicator": change.indicator,
                "factor": change.factor.value,
                "unit": change.unit,
                "verdict": change.verdict.value,
                "before": change.before,
                "after": change.after,
                "difference": change.difference,
                "interval": None if change.interval is None else [change.interval.low, change.interval.high],
                "better": change.better,
                "days": list(change.days),
                "wearers": list(change.wearers) if found.audience.value == "analyst" else None,
                "notes": [
                    {"code": note.code, "text": say(f"notes.{note.code}", **note.params)}
                    for note in change.notes
                ],
            }
            for change in found.changes
        ],
    }
