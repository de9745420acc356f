"""An object's confidence, onset interval and course from the monitor's pixels below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.monitor import Followed
from pipeline.values import GroundCourse, day_of_number

Layers = Mapping[str, NDArray[Any]]
GROWTH_SHARE = 0.2
STANDING = (Followed.PROBABLE, Followed.CONFIRMED, Followed.COVERED)
"""States of ground that is followed: a departure of two months or more that has not ended."""
ENDED = (Followed.REMOVED, Followed.RECULTIVATED)


def confidence(states: NDArray[Any]) -> str | None:
    """``confirmed``, ``probable`` or ``early``: the highest that half of an object's pixels (n,) have reached.

    None where the monitor knows nothing of most of them.
    """
    known = states[np.isfinite(states)]
    if not len(known) or (known == Followed.UNKNOWN).mean() > 0.5:
        return None
    if (known == Followed.CONFIRMED).mean() >= 0.5:
        return "confirmed"
    return "probable" if np.isin(known, (Followed.PROBABLE, Followed.CONFIRMED)).mean() >= 0.5 else "early"


def judged(row: Mapping[str, Any], layers: Layers, *, period_start: int) -> dict[str, Any]:
    """A candidate's row with the monitor's confidence and, where it began before the period, the monitor's onset.

    ``layers``: ``state``, ``since_day``, ``before_day``, ``sure_day`` of the object's pixels (n,), days since
    1970-01-01. ``period_start``: the period's first day. Where the monitor knows nothing the row stays as it is.

    ``first_seen`` of what began before the period is the latest of its pixels' looks that made it probable: a late
    ``first_seen`` can only shorten the window in which somebody may have missed something. ``last_clear`` is the
    earliest look without it.
    """
    found = confidence(layers["state"])
    if found is None:
        return dict(row)
    began = layers["since_day"][(layers["since_day"] > 0) & np.isin(layers["state"], _STANDING)]
    result = {**row, "confidence": found}
    if len(began) * 2 > len(layers["state"]) and np.median(began) < period_start:
        first, last = onset(layers, period_start)
        result |= {"last_clear": first or row["last_clear"], "first_seen": last or row["first_seen"]}
    return result


_STANDING = (Followed.EARLY, Followed.PROBABLE, Followed.CONFIRMED, Followed.COVERED)


def onset(layers: Layers, period_start: int) -> tuple[Any, Any]:
    """``last_clear`` and ``first_seen`` of ground whose departure began before ``period_start``, None where unknown."""
    own = (layers["since_day"] > 0) & (layers["since_day"] < period_start)
    before = layers["before_day"][own & (layers["before_day"] > 0)]
    sure = layers["sure_day"][own & (layers["sure_day"] > 0)]
    first = day_of_number(int(before.min())) if len(before) else None
    return first, day_of_number(int(sure.max())) if len(sure) else None


def course(layers: Layers, *, period_start: int) -> GroundCourse:
    """What happened to followed ground in the period, from ``state`` and ``sure_day`` of its pixels (n,).

    New where most of it became probable in the period, growing where at least a fifth of it did; an ended or covered
    departure is what most of its pixels say.
    """
    states = layers["state"]
    for state, result in (
        (Followed.RECULTIVATED, GroundCourse.RECULTIVATED),
        (Followed.REMOVED, GroundCourse.REMOVED),
        (Followed.COVERED, GroundCourse.COVERED),
    ):
        if (states == state).mean() > 0.5:
            return result
    fresh = float((layers["sure_day"] >= period_start).mean())
    if fresh > 0.5:
        return GroundCourse.NEW
    return GroundCourse.GROWING if fresh >= GROWTH_SHARE else GroundCourse.STABLE


def followed_row(layers: Layers, *, period_start: int) -> dict[str, Any]:
    """A row of ``schema.FOLLOWED`` without id, source, area and outline; dates only of what still stands."""
    how = course(layers, period_start=period_start)
    row: dict[str, Any] = {
        "lifecycle": str(how),
        "confidence": None,
        "evidence": float(np.median(layers["evidence"])),
        "looks": int(np.median(layers["looks"])),
    }
    if how in (GroundCourse.REMOVED, GroundCourse.RECULTIVATED):
        return row
    before, since, sure = (layers[name][layers[name] > 0] for name in ("before_day", "since_day", "sure_day"))
    days = {
        "last_clear": int(before.min()) if len(before) else 0,
        "first_seen": int(np.quantile(since, 0.9, method="higher")) if len(since) else 0,
        "sure_on": int(np.quantile(sure, 0.9, method="higher")) if len(sure) else 0,
    }
    row |= {name: day_of_number(day) for name, day in days.items()}
    row["confidence"] = "early" if how == GroundCourse.COVERED else confidence(layers["state"])
    row["lag_days"] = max(days["sure_on"] - days["first_seen"], 0) if days["sure_on"] and days["first_seen"] else None
    return row
