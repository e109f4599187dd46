"""A token a partition that changes with each write, so that an unchanged partition need not be read again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ingest.days import day_bounds_ns
from ingest.influx.client import InfluxClient
from ingest.influx.lines import Lines, series_key
from ingest.influx.queries import quoted, select, where
from ingest.influx.sending import send
from ingest.store_protocol import Partition

__all__ = ["MEASUREMENT", "Revisions"]

MEASUREMENT = "vigiposte_revision"
_TOKEN_BITS = 52  # a float holds it exactly


class Revisions:
    """One point a partition in a measurement of its own, at the end of its day, overwritten at each write.

    The end of the day lies within any retention policy that still takes rows of the day.
    It is written after the rows, so whoever reads the token first and the rows then can at worst remember
    newer rows under an older token, which the next look corrects.
    """

    def __init__(self, client: InfluxClient) -> None:
        self._client = client

    def advance(self, partitions: Sequence[Partition]) -> None:
        """Give each partition a new token."""
        lines = []
        for one in partitions:
            series = series_key(f"{MEASUREMENT},kind={one.kind.value}", one.site, one.sensor)
            line = f"{series} token={secrets.randbits(_TOKEN_BITS)} {_at(one)}\n"
            lines.append(Lines(one.sensor, line.encode(), 1))
        # A server that refuses a token has refused the rows too.
        send(self._client, lines)

    def of(self, partition: Partition) -> str:
        """Token of the partition.

        Rows that another program wrote have none: the number and sum of each field stand in for it, which
        costs the server a pass over the day.
        """
        start, end = day_bounds_ns(partition.day)
        kind = f'"kind" = {quoted(partition.kind.value)}'
        at = _at(partition)
        condition = f"{kind} AND {where(partition.site, partition.sensor, at, at + 1)}"
        (series,) = self._client.query(select("token", MEASUREMENT, condition))
        if series:
            return f"token {series[0]['values'][0][1]:.0f}"
        condition = where(partition.site, partition.sensor, start, end)
        (series,) = self._client.query(select("count(*), sum(*)", partition.kind.value, condition))
        return f"sums {series[0]['values'] if series else None}"


def _at(partition: Partition) -> int:
    return day_bounds_ns(partition.day)[1] - 1
