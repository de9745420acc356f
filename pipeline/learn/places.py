"""Which places decide about a model and never teach it, and which are left out in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HOLDOUT_SHARE = 0.2
LEAST_PLACES = 3


def draw(name: str) -> float:
    """A number 0..1 that depends on a place's name alone, so that its part never changes."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:6], "big") / float(1 << 48)


def held_out(places: Sequence[str], *, share: float = HOLDOUT_SHARE) -> tuple[str, ...]:
    """The places that decide: those drawn below ``share``, the lowest draw where none is, never more than a third.

    Places that come later never move one that is already there into training, except through the cap of a third.
    """
    names = sorted(set(places), key=lambda name: (draw(name), name))
    below = [name for name in names if draw(name) < share]
    count = min(max(len(below), 1), max(len(names) // 3, 1))
    return tuple(sorted(names[:count]))
