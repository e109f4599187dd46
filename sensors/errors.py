"""The exception tree of the whole project.

::

    VigiposteError                 exit 1   base: what, which value, which rule, what to do
    ├── UsageError                 exit 2   the command was called wrongly
    │   └── UnknownNameError                a workstation, sensor, indicator or scenario that does not exist
    ├── ConfigurationError         exit 3   the site file, its logs or the installation
    │   ├── SiteFileError                   one or more problems of the site file and its logs
    │   ├── MissingExtraError               an optional dependency is not installed
    │   └── GovernanceError                 purpose, consultation or privacy rule not met
    ├── NotEnoughDataError         exit 4   nothing, or too little, was measured
    ├── UnreachableError           exit 5   something outside does not answer
    │   ├── BrokerUnreachableError
    │   └── StoreUnreachableError
    ├── LocalResourceError         exit 1   disk full, read-only folder, port in use
    ├── PayloadError               –        one message or one file row is refused (quarantined, never fatal)
    ├── StoreRejectedError         –        the store refuses some rows for good (quarantined)
    └── MethodError                exit 1   a published method does not apply here (``code`` says why)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BrokerUnreachableError",
    "ConfigurationError",
    "GovernanceError",
    "LocalResourceError",
    "MethodError",
    "MissingExtraError",
    "NotEnoughDataError",
    "PayloadError",
    "Problem",
    "SiteFileError",
    "StoreRejectedError",
    "StoreUnreachableError",
    "UnknownNameError",
    "UnreachableError",
    "UsageError",
    "VigiposteError",
]


class VigiposteError(Exception):
    """Base of every error the project raises on purpose.

    Parameters
    ----------
    what : str
        What went wrong, naming the file, key, topic or argument.
    value : object, optional
        The offending value.
    rule : str, optional
        The rule it breaks.
    remedy : str, optional
        What the user can do about it.
    code : str, optional
        Stable machine name of the situation, in snake case.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        value: object = None,
        rule: str | None = None,
        remedy: str | None = None,
        code: str | None = None,
    ) -> None:
        self.what = what
        self.value = value
        self.rule = rule
        self.remedy = remedy
        self.code = code
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [self.what]
        if self.value is not None:
            parts.append(f"got {self.value!r}")
        if self.rule:
            parts.append(f"rule: {self.rule}")
        if self.remedy:
            parts.append(f"remedy: {self.remedy}")
        return "; ".join(parts)


class UsageError(VigiposteError):
    """The command or function was called in a way it does not support."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that the site file, store or tables do not know; the remedy lists the known ones."""


class ConfigurationError(VigiposteError):
    """The site file, its logs or the installation must be changed first."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a site file or a log beside it."""

    file: str
    key: str
    value: object
    rule: str
    remedy: str
    code: str = "invalid"

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value!r}"
        return f"{self.file}: {self.key}{shown}: {self.rule}. {self.remedy}"


class SiteFileError(ConfigurationError):
    """The site file or a log beside it is not usable; ``problems`` lists everything found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), code="site_file")


class MissingExtraError(ConfigurationError):
    """An optional dependency is needed and not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional part that is not installed",
            value=extra,
            rule=f"extra '{extra}' of the distribution vigiposte",
            remedy=f"pip install 'vigiposte[{extra}]'",
            code="missing_extra",
        )


class GovernanceError(ConfigurationError):
    """Purpose, consultation, consent or group size forbid what was asked."""


class NotEnoughDataError(VigiposteError):
    """The period, workstation or sensor holds too little data for an answer."""

    exit_code = 4


class UnreachableError(VigiposteError):
    """A broker or a store does not answer."""

    exit_code = 5


class BrokerUnreachableError(UnreachableError):
    """The MQTT broker refuses or does not answer."""


class StoreUnreachableError(UnreachableError):
    """The store refuses or does not answer; the readings wait in the journal."""


class LocalResourceError(VigiposteError):
    """Disk full, read-only folder, port in use: something of this machine."""


class PayloadError(VigiposteError):
    """One message or one imported row that is refused; it goes to quarantine with ``code`` as reason."""


class StoreRejectedError(VigiposteError):
    """Rows that a store refuses for good; ``rows`` are the offending lines."""

    def __init__(self, what: str, *, rows: Sequence[bytes], rule: str) -> None:
        self.rows = tuple(rows)
        super().__init__(
            what, value=len(rows), rule=rule, remedy="see the quarantine file", code="store_rejected"
        )


class MethodError(VigiposteError, ValueError):
    """A published method does not apply to these inputs; ``code`` is stable and tested."""
