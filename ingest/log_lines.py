"""Log lines of the service: on stderr, one fact a line, readable by people or by machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

__all__ = ["configure_logging"]


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "part": record.name,
                "message": record.getMessage(),
            },
            ensure_ascii=False,
        )


def configure_logging(*, as_json: bool = False, quiet: bool = False) -> None:
    """Send the project's log to stderr.

    Parameters
    ----------
    as_json : bool
        One JSON object a line instead of text.
    quiet : bool
        Errors only.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonLines()
        if as_json
        else logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    )
    logger = logging.getLogger("vigiposte")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    logger.propagate = False
