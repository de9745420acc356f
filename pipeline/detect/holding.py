"""Objects that wait for a later look: what is in doubt (see :mod:`.doubt`), and what one clear look alone shows.

Where the monitor knows the ground's own years it judges the later looks; else they are held against the two looks that
made the object: it stands while its ground is nearer to the later of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.detect.doubt import WET, Ground, State, is_wet
from pipeline.detect.standing import Standing, confidence_of
from pipeline.schema import HELD, empty
from pipeline.spectra import distance
from pipeline.values import HELD_WAITING, day_of_number

LOOKS = 2
RELEASED, RELEASED_WEAK = 1.0, 2.5
"""Evidence of later months that releases an object that was probable in its month, and one that was not."""
WET_MONTHS, TWICE = 5, 2.0
STANDS_OUT = 2.0
"""Distance (noise units) from the ground around from which on an object is something of its own."""
MOST_LATER, MOST_MONTHS = 3, 6
"""Later views, or months without any, after which an object that has not been released is given up."""
SAME_SHARE = 0.2
SINGLE_LOOK = "只有一次无云观测，待下月复核"
UNLIKELY = "概率不足，待后续观测"
WAITING, RELEASED_NOW, SUPERSEDED, GIVEN_UP = HELD_WAITING, "复核通过", "本月另有候选", "未获后续观测支持"


@dataclass(frozen=True)
class Repeat:
    """A later look at an object's ground: whether it still shows the changed state, and its day."""

    stands: bool
    seen_on: date | None


def repeat_of(
    reason: str, before: Ground, after: Ground, now: State, *, seen_on: date | None, months_held: int
) -> Repeat | None:
    """What a later look, the ``after`` of ``now``, says of an object that changed its ground from ``before`` to ``after``.

    It stands where it is at least twice as near (:func:`~pipeline.spectra.distance`) to ``after`` as to ``before`` and stands
    out from the ground around it, which a harvested field among others does not. It is gone where it is twice as near
    to ``before``. Else nothing is said, nor is it of standing water for :data:`WET_MONTHS`: paddies are drained before,
    what is wet longer is a pond.
    """
    if reason == WET and is_wet(now.after):
        return Repeat(True, seen_on) if months_held >= WET_MONTHS else None
    to_after, to_before = ground_distance(now.after, after), ground_distance(now.after, before)
    if not math.isfinite(to_after):
        return None
    if TWICE * to_before <= to_after:
        return Repeat(False, seen_on)
    distinct = ground_distance(now.after, now.around) >= STANDS_OUT
    return Repeat(True, seen_on) if TWICE * to_after <= to_before and distinct else None


def ground_distance(one: Ground, other: Ground) -> float:
    """Distance of two grounds in noise units over the bands that both have; infinite where they share none."""
    names = sorted(set(one) & set(other))
    if not names:
        return float("inf")
    first, second = (np.array([[ground[name]] for name in names], dtype=np.float32) for ground in (one, other))
    return float(distance(first, second)[0])


def split_fresh(
    candidates: gpd.GeoDataFrame,
    unlikely: gpd.GeoDataFrame,
    *,
    period: str,
    doubts: Sequence[str],
    least_probability: float | None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """A month's own objects as those that go on, those that wait and those that are unlikely, in this order.

    ``candidates``/``unlikely``: ``schema.CANDIDATES``. What is in doubt waits (``doubts``: the reason of every candidate
    in order, empty for none) unless it is confirmed. ``least_probability``: with a monitor, so does what only one clear
    look shows, unless the monitor is sure of the ground already, and what is not probable but has at least this; None
    without. Waiting rows have the further columns of ``schema.HELD`` and an id of their own.
    """
    reasons = np.where(candidates["confidence"] == "confirmed", "", np.array(doubts, dtype=object))
    weak = np.zeros(len(unlikely), dtype=bool)
    if least_probability is not None:
        single = (candidates["clear_looks"] < LOOKS) & (candidates["confidence"] == "early")
        reasons = np.where((reasons == "") & single, SINGLE_LOOK, reasons)
        weak = (unlikely["probability"] >= least_probability).to_numpy(dtype=bool)
    waits = reasons != ""
    parts = [
        part.assign(held_reason=reason)
        for part, reason in ((candidates[waits], reasons[waits]), (unlikely[weak], UNLIKELY))
        if len(part)
    ]
    if not parts:
        return candidates, empty(HELD, candidates.crs), unlikely
    waiting = pd.concat(parts, ignore_index=True).assign(held_since=period, outcome=WAITING)
    tag = period[2:].replace("-", "")
    waiting["candidate_id"] = [
        f"{source}-H{tag}-{name.rsplit('-', 1)[-1]}"
        for source, name in zip(waiting["source"], waiting["candidate_id"], strict=True)
    ]
    return candidates[~waits], gpd.GeoDataFrame(waiting, geometry="geometry", crs=candidates.crs), unlikely[~weak]


def judge_held(
    held: gpd.GeoDataFrame,
    looks: Sequence[Standing | Repeat | None],
    fresh: gpd.GeoDataFrame,
    *,
    months_held: Sequence[int],
) -> gpd.GeoDataFrame:
    """``held`` with ``outcome``: still waiting, released by later looks, superseded by a fresh object, or given up.

    ``looks``: what the monitor or a single later look says of each, None where nothing was seen. ``fresh``: the month's
    own candidates that go on; what waits on their ground has come up again by itself. ``months_held``: months since
    each began to wait. A released object's ``first_seen`` is the look that released it, and its confidence what the
    monitor's later looks make it; a single look leaves it as it was, as the first was in doubt.
    """
    taken, rows = list(fresh.geometry), [dict(row._asdict()) for row in held.itertuples(index=False)]
    for i in sorted(range(len(held)), key=lambda i: (-_evidence(looks[i]), i)):
        found, ground = looks[i], held.geometry.iloc[i]
        if _lies_on(ground, taken):
            rows[i]["outcome"] = SUPERSEDED
        elif found is not None and _released(found, rows[i]["held_reason"]):
            taken.append(ground)
            rows[i] |= {"outcome": RELEASED_NOW, **_seen_again(found)}
        elif months_held[i] >= MOST_MONTHS or (found is not None and _gone(found)):
            rows[i]["outcome"] = GIVEN_UP
    if not rows:
        return held
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=held.crs)


def _evidence(found: Standing | Repeat | None) -> float:
    return found.evidence if isinstance(found, Standing) else 0.0


def _released(found: Standing | Repeat, reason: str) -> bool:
    if isinstance(found, Repeat):
        return found.stands
    return found.later >= 1 and found.evidence >= (RELEASED_WEAK if reason == UNLIKELY else RELEASED)


def _gone(found: Standing | Repeat) -> bool:
    return not found.stands if isinstance(found, Repeat) else found.later >= MOST_LATER


def _seen_again(found: Standing | Repeat) -> dict[str, object]:
    if isinstance(found, Repeat):
        return {"first_seen": found.seen_on}
    return {"first_seen": day_of_number(found.last_day), "confidence": confidence_of(found)}


def _lies_on(ground: Any, others: Sequence[Any]) -> bool:
    """Whether a fifth of the smaller of two outlines is shared with any of ``others``."""
    if not others:
        return False
    shared = shapely.area(shapely.intersection(np.array(others, dtype=object), ground))
    least = np.minimum(shapely.area(np.array(others, dtype=object)), ground.area)
    return bool((shared >= SAME_SHARE * least).any())
