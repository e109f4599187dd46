"""Hours of the day by the clock of a site, for figures hour by hour."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["site_hour"]


@lru_cache(maxsize=4096)
def site_hour(utc_s: int, zone: ZoneInfo) -> int:
    """Hour of the day, site time, of a moment given in seconds since 1970 UTC."""
    return datetime.fromtimestamp(utc_s, UTC).astimezone(zone).hour
