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
    "earlier",
    "later",
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
    """Words of the minutes of one or several days, with free words where time is missing and between days.

    Attributes
    ----------
    places : intp array, shape (m,)
        Word of each minute.
    size : int
        Number of words, free ones included.
    bounds : intp array, shape (d + 1,)
        Words of each day, from the free one before its first minute on.
    """

    places: IndexArray
    size: int
    bounds: IndexArray

    @classmethod
    def of(cls, *days_ns: IntArray) -> Timeline:
        """Timeline of the minutes of days that begin at these times [ns], in order within each day."""
        starts_ns = np.concatenate(days_ns)
        rows = np.cumsum([0, *(day.shape[0] for day in days_ns)])
        free = np.ones(starts_ns.shape[0] + 1, np.int64)
        free[1:-1] = starts_ns[1:] - starts_ns[:-1] != _MINUTE_NS
        free[rows] = 1
        places = np.arange(starts_ns.shape[0] + 1) + np.cumsum(free)
        return cls(places[:-1], int(places[-1]), places[rows] - 1)

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

    def count(self, words: WordArray) -> IntArray:
        """Number of seconds that hold in each day, shape ``(…, d)``."""
        total = np.zeros((*words.shape[:-1], self.size + 1), np.int64)
        np.cumsum(np.bitwise_count(words), axis=-1, out=total[..., 1:])
        return np.asarray(total[..., self.bounds[1:]] - total[..., self.bounds[:-1]])

    def longest_s(self, words: WordArray) -> IntArray:
        """Length of the longest run of one series in each day [s], 0 where nothing holds; shape (d,)."""
        on = unpack(words)
        # Free words lie at both ends, so edges come in pairs.
        edges = np.flatnonzero(on[1:] != on[:-1])
        day = np.searchsorted(self.bounds * SECONDS, edges[::2], side="right") - 1
        longest = np.zeros(self.bounds.shape[0] - 1, np.int64)
        np.maximum.at(longest, day, edges[1::2] - edges[::2])
        return longest


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
    """Only the runs that last so many seconds or more; shape ``(…, size)``, free words at both ends."""
    if seconds <= SECONDS:
        return _at_least(words, seconds)
    # A run of more than a minute goes on from one word to the next, which few words do.
    flat = words.ravel()
    goes_on = ((flat[:-1] >> np.uint64(SECONDS - 1)) & flat[1:] & np.uint64(1)) > 0
    found = np.zeros_like(flat)
    if goes_on.any():
        near = np.zeros(flat.size, np.bool_)
        near[:-1] |= goes_on
        near[1:] |= goes_on
        chosen = np.flatnonzero(near)
        places = np.arange(1, chosen.size + 1)
        places[1:] += np.cumsum(chosen[1:] - chosen[:-1] != 1)
        close = np.zeros(places[-1] + 2, np.uint64)
        close[places] = flat[chosen]
        found[chosen] = _at_least(close, seconds)[places]
    return found.reshape(words.shape)


def _at_least(words: WordArray, seconds: int) -> WordArray:
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


def unpack(words: WordArray) -> BoolArray:
    """The seconds of words one after another; shape ``(60·m,)``."""
    octets = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, count=SECONDS, bitorder="little")
    return bits.ravel().view(np.bool_)


def starts(words: WordArray) -> WordArray:
    """First second of each run."""
    return words & ~earlier(words, 1)


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
