"""What workers reported, in their own words, beside the sensor windows of that moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboards import typography
from dashboards.report.model import AccountRow
from dashboards.wording import Wording
from indicators.accounts.matching import Account, AccountState, SensorWindow
from sensors.local_time import OPEN_END_NS
from sensors.log_tables import Situation

__all__ = ["account_rows"]

_DECIMALS = {"laeq": 1, "air_temperature": 1}


def account_rows(accounts: Sequence[Account], zone: ZoneInfo, words: Wording) -> tuple[AccountRow, ...]:
    """One row an account, what the sensors saw first, then what they missed."""
    order = list(AccountState)
    rows = sorted(accounts, key=lambda item: order.index(item.state))
    return tuple(_row(item, zone, words) for item in rows)


def _row(item: Account, zone: ZoneInfo, words: Wording) -> AccountRow:
    row = item.situation
    say = words.say
    windows = [_window(window, words) for window in item.windows]
    if item.worn and item.state is not AccountState.RESERVED:
        windows.append(say("accounts.worn_beside"))
    return AccountRow(
        station=item.label,
        moment=_moment(row, zone, words),
        text=row.text,
        borg="" if row.borg is None else say("accounts.borg", value=words.number(row.borg)),
        factor="" if row.factor is None else words.factor(row.factor.value),
        state=say(f"accounts.{item.state.value}"),
        state_code=item.state.value,
        missed=item.state in (AccountState.NOT_SEEN, AccountState.NOT_MEASURED),
        windows=tuple(windows),
    )


def _moment(row: Situation, zone: ZoneInfo, words: Wording) -> str:
    start, end = (
        datetime.fromtimestamp(moment / 1e9, zone) if moment != OPEN_END_NS else None
        for moment in (row.start_ns, row.end_ns)
    )
    assert start is not None
    day = typography.long_date(start.date(), language=words.language, weekday=True)
    clock = typography.clock(start, language=words.language)
    if end is not None and end != start:
        clock = f"{clock} – {typography.clock(end, language=words.language)}"
    return f"{day}, {clock}"


def _window(window: SensorWindow, words: Wording) -> str:
    decimals = _DECIMALS.get(window.quantity, 0)

    def shown(value: float) -> str:
        return words.quantity_of(words.number(value, decimals), window.unit)

    name = words.say(f"accounts.quantity.{window.quantity}")
    if window.usual is None:
        return words.say("accounts.window_alone", name=name, value=shown(window.value))
    code = "accounts.window_high" if window.stands_out else "accounts.window_usual"
    return words.say(code, name=name, value=shown(window.value), usual=shown(window.usual))
