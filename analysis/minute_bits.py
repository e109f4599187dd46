"""Yes/no seconds kept as sixty bits a minute: runs, openings and medians without unpacking them.

A shift of eight hours is 480 words instead of 28,800 bytes, so that asking for runs of seconds costs little
more than reading the masks. The seconds of words lie one after another; minutes that do not follow each other
have a free word between them, in which nothing holds, and so have both ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SECONDS",
    "Timeline",
    "at_least",
    "count",
    "earlier",
    "later",
    "longest_s",
    "median_5s",
    "starts",
    "unpack",
]

WordArray = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
IndexArray = NDArray[np.intp]

SECONDS = 60
_ALL = np.uint64(2**SECONDS - 1)
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Words of the minutes of one day, with free words where time is missing.

    Attributes
    ----------
    places : intp array, shape (m,)
        Word of each minute.
    size : int
        Number of words, free ones included.
    """

    places: IndexArray
    size: int

    @classmethod
    def of(cls, minutes_ns: IntArray) -> Timeline:
        """Timeline of minutes that begin at these times [ns], in order."""
        places = np.arange(1, minutes_ns.shape[0] + 1)
        places[1:] += np.cumsum(minutes_ns[1:] - minutes_ns[:-1] != _MINUTE_NS)
        return cls(places, int(places[-1]) + 2 if places.size else 1)

    def words(self, *masks: WordArray) -> WordArray:
        """Masks of the minutes laid into the timeline.

        Parameters
        ----------
        *masks : uint64 array, shape (m,)
            Second s of a minute is bit s of its word.

        Returns
        -------
        uint64 array, shape (len(masks), size)
        """
        laid = np.zeros((len(masks), self.size), np.uint64)
        for row, mask in zip(laid, masks, strict=True):
            row[self.places] = mask
        return laid


def later(words: WordArray, seconds: int) -> WordArray:
    """What holds so many seconds later, moved to now; shape ``(…, size)``."""
    whole, part = divmod(seconds, SECONDS)
    moved = np.zeros_like(words)
    kept = words[..., whole:]
    room = moved[..., : kept.shape[-1]]
    np.right_shift(kept, np.uint64(part), out=room)
    if part:
        room[..., :-1] |= (kept[..., 1:] << np.uint64(SECONDS - part)) & _ALL
    return moved


def earlier(words: WordArray, seconds: int) -> WordArray:
    """What held so many seconds earlier, moved to now; shape ``(…, size)``."""
    whole, part = divmod(seconds, SECONDS)
    moved = np.zeros_like(words)
    kept = words[..., : max(words.shape[-1] - whole, 0)]
    room = moved[..., whole:]
    np.left_shift(kept, np.uint64(part), out=room)
    room &= _ALL
    if part:
        room[..., 1:] |= kept[..., :-1] >> np.uint64(SECONDS - part)
    return moved


def at_least(words: WordArray, seconds: int) -> WordArray:
    """Only the runs that last so many seconds or more; shape ``(…, size)``."""
    # A run of nearly two minutes holds through one of them; most days have none and end here.
    if seconds >= 2 * SECONDS - 1 and not (words == _ALL).any():
        return np.zeros_like(words)
    begins, reach = words, 1
    while reach < seconds:
        step = min(reach, seconds - reach)
        begins = begins & later(begins, step)
        reach += step
        if not begins.any():
            return begins
    runs, reach = begins, 1
    while reach < seconds:
        step = min(reach, seconds - reach)
        runs = runs | earlier(runs, step)
        reach += step
    return runs


def count(words: WordArray) -> IntArray:
    """Number of seconds that hold, over the last axis."""
    return np.asarray(np.bitwise_count(words).sum(axis=-1, dtype=np.int64))


def unpack(words: WordArray) -> BoolArray:
    """The seconds of words one after another; shape ``(60·m,)``."""
    octets = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, count=SECONDS, bitorder="little")
    return bits.ravel().view(np.bool_)


def starts(words: WordArray) -> WordArray:
    """First second of each run."""
    return words & ~earlier(words, 1)


def longest_s(words: WordArray) -> int:
    """Length of the longest run of one series [s], 0 when nothing holds."""
    on = unpack(words)
    # Free words lie at both ends, so edges come in pairs.
    edges = np.flatnonzero(on[1:] != on[:-1])
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def median_5s(words: WordArray, present: WordArray) -> WordArray:
    """Median over five seconds; toward a missing second the window shrinks evenly on both sides.

    Parameters
    ----------
    words, present : uint64 array, shape (size,)
        Seconds in which the condition holds, and seconds with data; the first lie within the second.
    """
    one_on, two_on = later(words, 1), later(words, 2)
    one_back, two_back = earlier(words, 1), earlier(words, 2)
    of_three = _majority(one_back, words, one_on)
    odd = one_back ^ words ^ one_on
    carried = _majority(odd, two_back, two_on)
    odd ^= two_back ^ two_on
    of_five = (of_three & carried) | ((of_three | carried) & odd)
    first = present & ~earlier(present, 1)
    last = present & ~later(present, 1)
    edge = first | last
    beside = present & (earlier(first, 1) | later(last, 1)) & ~edge
    return np.asarray((words & edge) | (of_three & beside) | (of_five & present & ~edge & ~beside))


def _majority(a: WordArray, b: WordArray, c: WordArray) -> WordArray:
    return (a & b) | (c & (a | b))
