"""The report as a workbook: ranking, one sheet per factor with real numbers, limits, versions."""

from __future__ import annotations

from dashboards.report.front import end_of
from dashboards.report.model import ReportView
from dashboards.report.tables import Sheet, factor_sheet
from dashboards.report.workbook import workbook
from dashboards.wording import Wording
from indicators.model import Factor, WeeklyResult

__all__ = ["render_xlsx"]


def _sheets(result: WeeklyResult, view: ReportView, words: Wording) -> list[Sheet]:
    say = view.words
    factors = [column.label for column in view.factors]
    ranking = Sheet(
        say["ranking"],
        (say["column_rank"], say["column_station"], *factors, say["column_next"]),
        tuple(
            (
                int(row.rank) if row.rank else None,
                row.label,
                *(cell.mark.word for cell in row.cells),
                row.withheld or row.next_step,
            )
            for row in view.ranking
        ),
    )
    limits = Sheet(
        say["column_limit"],
        tuple(
            say[f"column_{name}"]
            for name in ("id", "name", "figure", "role", "source_name", "edition", "grade")
        ),
        tuple((r.id, r.name, r.value, r.role, r.source, r.edition, r.grade) for r in view.limits),
    )
    versions = Sheet(
        say["versions"],
        (say["versions"], ""),
        (
            *view.versions,
            *((say["governance"], line) for line in view.governance),
            *(((view.circulation, ""),) if view.circulation else ()),
        ),
    )
    present = [factor for factor in Factor if factor.value in {column.key for column in view.factors}]
    factor_sheets = [factor_sheet(result, factor, words) for factor in present]
    return [ranking, *factor_sheets, *_decisions(view), limits, versions]


def _decisions(view: ReportView) -> list[Sheet]:
    """Action plan and what workers reported, where there is any."""
    say = view.words
    heads = ("action", "station", "factor_name", "level", "owner", "due", "action_state", "now")
    actions = Sheet(
        say["actions"],
        (*(say[f"column_{name}"] for name in (*heads, "reason_given", "remarks")),),
        tuple(
            (
                row.what,
                row.station,
                row.factor,
                f"{row.level} ({row.principle})",
                row.owner,
                row.due,
                ", ".join(part for part in (row.state, row.state_detail) if part),
                "–" if row.mark is None else row.mark.word,
                row.reason,
                " ".join(row.flags),
            )
            for row in view.actions
        ),
    )
    cards = Sheet(
        say["cards"],
        tuple(
            say[name]
            for name in (
                "column_action",
                "column_station",
                "column_indicator",
                "compare_before",
                "compare_after",
                "compare_result",
                "column_interval",
                "column_verdict",
                "column_remarks",
            )
        ),
        tuple(
            (
                card.title,
                card.station,
                "".join(run.text for run in row.label) + f" [{row.unit}]",
                row.before,
                row.after,
                row.difference,
                row.interval,
                row.verdict,
                "; ".join((row.days, *row.notes)),
            )
            for card in view.cards
            for row in card.rows
        ),
    )
    accounts = Sheet(
        say["accounts"],
        tuple(say[f"column_{name}"] for name in ("station", "moment", "words", "sensors_say", "remarks")),
        tuple(
            (
                row.station,
                row.moment,
                row.text,
                row.state,
                "; ".join(part for part in (row.factor, row.borg, *row.windows) if part),
            )
            for row in view.accounts
        ),
    )
    return [sheet for sheet in (actions, cards, accounts) if sheet.rows]


def render_xlsx(result: WeeklyResult, view: ReportView) -> bytes:
    """The workbook as bytes; its dates come from the period, so the same result gives the same file.

    Raises
    ------
    MissingExtraError
        xlsxwriter is not installed.
    """
    sheets = _sheets(result, view, Wording(view.language))
    return workbook(sheets, f"{view.title}, {view.site}", end_of(result.period), view.circulation)
