"""Append-only logs whose every line carries the hash of the one before: removed or changed lines show.

With a key the lines are signed, so that nobody without it can write them anew. Lines from before the key are
covered by a signed line of its own, a seal, which only `Chain.seal` writes: lines whose signatures somebody
took off find none. Length and head are kept beside the key, away from the log: a cut-off end shows too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indicators.governance.anchor import Anchor, read_anchor, write_anchor
from indicators.governance.log_lock import locked
from sensors.errors import GovernanceError

__all__ = ["RESTORED", "Chain", "ChainReport", "read_entries"]

_START = "0" * 64
_SEAL = "sealed"
RESTORED = "restored"
"""Event of a log that lost its end: whoever reads it takes the worst for what was lost."""
# A line that is just being written is looked at again.
_LOOKS, _BETWEEN_LOOKS_S = 5, 0.02


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Whether a log is whole.

    Attributes
    ----------
    intact : bool
        Every line's hash fits its content and the line before, lines from before the key are covered, and
        nothing that was written down beside the key is missing.
    entries : int
        Lines that fit.
    broken_line : int or None
        First line, from 1, that does not fit.
    head : str
        Hash of the last line that fits.
    unsigned : int
        Lines from before the key.
    covered_by : int or None
        Line of the seal that covers them.
    cut_off : int or None
        Lines that the log had when it was last written to, where it has lost some of them.
    lost : int
        Lines, at least, that somebody with the key declared lost, as after a restore from a backup.
    anchored : bool
        Length and head of the end stand beside the key.
    """

    intact: bool
    entries: int
    broken_line: int | None
    head: str
    unsigned: int = 0
    covered_by: int | None = None
    cut_off: int | None = None
    lost: int = 0
    anchored: bool = False

    @property
    def uncovered(self) -> bool:
        """Whether nothing is wrong but that lines from before the key await their seal."""
        alone = self.cut_off is None and self.broken_line == 1
        return alone and self.unsigned > 0 and self.covered_by is None


def _digest(previous: str, body: str, key: bytes | None) -> str:
    message = f"{previous}\n{body}".encode()
    if key is None:
        return hashlib.sha256(message).hexdigest()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Chain:
    """One log.

    Attributes
    ----------
    path : Path
        The file; made when missing.
    key : bytes, optional
        Signs the lines (HMAC).
    earlier_key : bytes, optional
        What lines from before the key were signed with; without one they are hashed only.
    anchor : Path, optional
        File beside the key for length and head. Where it cannot be written, the log goes on without.
    """

    path: Path
    key: bytes | None = None
    earlier_key: bytes | None = None
    anchor: Path | None = None

    def append(self, event: str, details: Mapping[str, Any]) -> str:
        """Add one event and flush it to disk; returns the line's hash.

        Parameters
        ----------
        event : str
            What happened, in snake case.
        details : mapping
            JSON values; never a name, a value of a person, or a secret.
        """
        with locked(self.path):
            return self._write(event, details)

    def append_after_reading(self, event: str, make: Callable[[], Mapping[str, Any] | None]) -> str | None:
        """Add what `make` returns, nobody else writing between its look at the log and the new line.

        `make` reads the log itself; when it returns ``None``, nothing is written.
        """
        with locked(self.path):
            details = make()
            return None if details is None else self._write(event, details)

    @contextmanager
    def writing(self) -> Iterator[Callable[[str, Mapping[str, Any]], str]]:
        """Keep every other writer out; gives what adds an event, as `append` does."""
        with locked(self.path):
            yield self._write

    def seal(self) -> int:
        """Cover the lines from before the key by a signed line; how many, 0 when nothing was left to cover.

        Raises
        ------
        GovernanceError
            ``log_broken``: lines were changed, or were signed once and are not any more; ``log_cut_off``.
        """
        with locked(self.path):
            report = self.verify()
            if report.intact or self.key is None:
                return 0
            if not report.uncovered:
                raise self.trouble(report)
            self._write(_SEAL, self._covered(report.unsigned))
            return report.unsigned

    def restore(self, reason: str) -> int:
        """Go on with a log that lost its end, as after a restore from a backup; the lines declared lost.

        The loss stands in the log for ever.

        Raises
        ------
        GovernanceError
            ``log_broken``: more is wrong than a lost end.
        """
        with locked(self.path):
            report = self.verify()
            if report.intact:
                return 0
            if report.cut_off is None or report.broken_line is not None:
                raise self.trouble(report)
            missing = max(1, report.cut_off - report.entries)
            self._write(RESTORED, {"lost": missing, "reason": reason}, renew=True)
            return missing

    def verify(self) -> ChainReport:
        """Check every line; a missing file is an intact, empty log, save where its length is known."""
        for _ in range(_LOOKS):
            # First the anchor, then the log: whoever writes meanwhile makes the log longer than its anchor.
            anchor, data = self._anchor(), _content(self.path)
            report = self._checked(anchor, data)
            if report.intact or data.endswith(b"\n"):
                break
            time.sleep(_BETWEEN_LOOKS_S)
        return report

    def _checked(self, anchor: Anchor | None, data: bytes) -> ChainReport:
        previous, count, lost = _START, 0, 0
        unsigned, prefix_head, covered_by = 0, _START, None
        met = anchor is None
        broken = None
        for number, raw in enumerate(_lines(data), start=1):
            try:
                entry = json.loads(raw)
                fits = entry["previous"] == previous
                signed = fits and _same(entry["hash"], _digest(previous, entry["body"], self.key))
                early = not signed and fits and self.key is not None and unsigned == count
                if early and _same(entry["hash"], _digest(previous, entry["body"], self.earlier_key)):
                    unsigned, prefix_head = number, entry["hash"]
                elif not signed:
                    broken = number
                    break
                body = dict(json.loads(entry["body"])) if signed else {}
            except (ValueError, KeyError, TypeError):
                broken = number
                break
            sealed = (body.get("event"), body.get("lines"), body.get("head"))
            if unsigned and sealed == (_SEAL, unsigned, prefix_head):
                covered_by = number
            elif body.get("event") == RESTORED:
                lost += int(body["lost"])
            previous, count = entry["hash"], number
            met = met or (anchor is not None and (count, previous) == (anchor.lines, anchor.head))
        cut_off = None if anchor is None or met or broken is not None else anchor.lines
        if broken is None and unsigned and covered_by is None:
            broken = 1
        return ChainReport(
            intact=broken is None and cut_off is None,
            entries=count,
            broken_line=broken,
            head=previous,
            unsigned=unsigned,
            covered_by=covered_by,
            cut_off=cut_off,
            lost=lost,
            anchored=anchor is not None and (count, previous) == (anchor.lines, anchor.head),
        )

    def trouble(self, report: ChainReport) -> GovernanceError:
        """What to say of a log that is not intact."""
        if report.uncovered:
            return GovernanceError(
                f"{self.path.name} has lines from before the key, and none that covers them",
                value=report.unsigned,
                rule="with a key, lines are signed or covered by a signed one",
                remedy="`vigiposte audit sign` covers them, if you know that they are the site's own",
                code="log_unsigned",
            )
        if report.broken_line is None:
            return GovernanceError(
                f"the end of {self.path.name} is missing",
                value=report.entries,
                rule=f"{report.cut_off} lines were written down beside the key",
                remedy="restore it from the backup, then `vigiposte audit sign --reason` says what is lost",
                code="log_cut_off",
            )
        return GovernanceError(
            f"line {report.broken_line} of {self.path.name} does not fit",
            value=str(self.path),
            rule="a line is never changed or removed",
            remedy="restore it from the backup, with its key",
            code="log_broken",
        )

    def _anchor(self) -> Anchor | None:
        return None if self.key is None or self.anchor is None else read_anchor(self.anchor, self.key)

    def _covered(self, lines: int) -> Mapping[str, Any]:
        for number, raw in enumerate(_lines(_content(self.path)), start=1):
            if number == lines:
                return {"lines": lines, "head": json.loads(raw)["hash"]}
        return {"lines": 0, "head": _START}

    def _write(self, event: str, details: Mapping[str, Any], *, renew: bool = False) -> str:
        known = self._anchor()
        count, previous, met = 0, _START, known is None or renew
        data = _content(self.path)
        for number, raw in enumerate(_lines(data), start=1):
            count, previous = number, _hash_of(raw) if raw.strip() else previous
            met = met or (known is not None and (count, previous) == (known.lines, known.head))
        body = json.dumps(
            {**details, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event},
            ensure_ascii=False,
            sort_keys=True,
        )
        digest = _digest(previous, body, self.key)
        line = json.dumps({"hash": digest, "previous": previous, "body": body}, ensure_ascii=False)
        # A torn line keeps to itself.
        joiner = "" if not data or data.endswith(b"\n") else "\n"
        with self.path.open("ab") as handle:
            handle.write(f"{joiner}{line}\n".encode())
            handle.flush()
            os.fsync(handle.fileno())
        # A new line never heals a log that was cut or written anew: what stands beside the key stays.
        if met and self.key is not None and self.anchor is not None:
            write_anchor(self.anchor, self.key, Anchor(count + 1, digest))
        return digest


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _lines(data: bytes) -> list[bytes]:
    found = data.split(b"\n")
    return found if found[-1] else found[:-1]


def _same(found: object, wanted: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), wanted.encode())


def _hash_of(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["hash"])
    except (ValueError, KeyError, TypeError):
        # A torn last line stays visible as broken; the chain goes on from its bytes.
        return hashlib.sha256(raw).hexdigest()


def read_entries(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Events of the log in order, whatever its hashes say; unreadable lines are left out."""
    entries = []
    for line in _lines(_content(path)):
        try:
            entries.append(json.loads(json.loads(line)["body"]))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(entries)
