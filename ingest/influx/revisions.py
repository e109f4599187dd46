"""A token a partition that changes with each write, so that an unchanged partition need not be read again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ingest.days import day_bounds_ns
from ingest.influx.client import InfluxClient
from ingest.influx.lines import series_key
from ingest.influx.queries import quoted, select, where
from ingest.store import Partition

__all__ = ["MEASUREMENT", "Revisions"]

MEASUREMENT = "vigiposte_revision"
_TOKEN_BITS = 52  # a float holds it exactly
_LINES_AT_ONCE = 5_000


class Revisions:
    """One point a partition in a measurement of its own, at the start of its day, overwritten at each write.

    It is written after the rows, so whoever reads the token first and the rows then can at worst remember
    newer rows under an older token, which the next look corrects.
    """

    def __init__(self, client: InfluxClient) -> None:
        self._client = client

    def advance(self, partitions: Sequence[Partition]) -> None:
        """Give each partition a new token."""
        for start in range(0, len(partitions), _LINES_AT_ONCE):
            lines = [
                f"{series_key(f'{MEASUREMENT},kind={one.kind.value}', one.site, one.sensor)} "
                f"token={secrets.randbits(_TOKEN_BITS)} {day_bounds_ns(one.day)[0]}\n"
                for one in partitions[start : start + _LINES_AT_ONCE]
            ]
            self._client.write("".join(lines).encode())

    def of(self, partition: Partition) -> str:
        """Token of the partition.

        Rows that another program wrote have none: the number and sum of each field stand in for it, which
        costs the server a pass over the day.
        """
        start, end = day_bounds_ns(partition.day)
        kind = f'"kind" = {quoted(partition.kind.value)}'
        condition = f"{kind} AND {where(partition.site, partition.sensor, start, start + 1)}"
        (series,) = self._client.query(select("token", MEASUREMENT, condition))
        if series:
            return f"token {series[0]['values'][0][1]:.0f}"
        condition = where(partition.site, partition.sensor, start, end)
        (series,) = self._client.query(select("count(*), sum(*)", partition.kind.value, condition))
        return f"sums {series[0]['values'] if series else None}"
