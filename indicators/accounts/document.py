"""What workers reported as plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from indicators.accounts.matching import Account, AccountState
from sensors.local_time import OPEN_END_NS

__all__ = ["accounts_document"]


def accounts_document(accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """Accounts in the order given; ``missed`` says that no shown sensor stood out."""
    return [
        {
            "workstation": item.situation.workstation,
            "from": _utc(item.situation.start_ns),
            "to": _utc(item.situation.end_ns),
            "text": item.situation.text,
            "borg": item.situation.borg,
            "factor": None if item.situation.factor is None else item.situation.factor.value,
            "state": item.state.value,
            "missed": item.state in (AccountState.NOT_SEEN, AccountState.NOT_MEASURED),
            "windows": [
                {
                    "sensor": window.sensor,
                    "quantity": window.quantity,
                    "unit": window.unit,
                    "value": window.value,
                    "usual": window.usual,
                    "stands_out": window.stands_out,
                }
                for window in item.windows
            ],
        }
        for item in accounts
    ]


def _utc(moment_ns: int) -> str | None:
    if moment_ns == OPEN_END_NS:
        return None
    return datetime.fromtimestamp(moment_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
