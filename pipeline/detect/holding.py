"""Objects that wait for a second look: one clear look alone may be an unmasked cloud, haze, wet or snow-patched ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.detect.standing import Standing, confidence_of
from pipeline.schema import HELD, empty
from pipeline.values import day_of_number

LOOKS = 2
RELEASED, RELEASED_WEAK = 1.0, 2.5
"""Evidence of later months that releases an object that was probable in its month, and one that was not."""
MOST_LATER, MOST_MONTHS = 3, 6
"""Later views, or months without any, after which an object that has not been released is given up."""
SAME_SHARE = 0.2
SINGLE_LOOK = "只有一次无云观测，待下月复核"
UNLIKELY = "概率不足，待后续观测"
WAITING, RELEASED_NOW, SUPERSEDED, GIVEN_UP = "待复核", "复核通过", "本月另有候选", "未获后续观测支持"


def split_fresh(
    candidates: gpd.GeoDataFrame, unlikely: gpd.GeoDataFrame, *, period: str, least_probability: float
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """A month's own objects as those that go on, those that wait and those that are unlikely, in this order.

    ``candidates``/``unlikely``: ``schema.CANDIDATES``. What only one clear look shows waits, unless the monitor is sure
    of the ground already, and so does what is not probable but has at least ``least_probability``. Waiting rows have
    the further columns of ``schema.HELD`` and an id of their own.
    """
    single = ((candidates["clear_looks"] < LOOKS) & (candidates["confidence"] == "early")).to_numpy(dtype=bool)
    weak = (unlikely["probability"] >= least_probability).to_numpy(dtype=bool)
    parts = [
        part.assign(held_reason=reason)
        for part, reason in ((candidates[single], SINGLE_LOOK), (unlikely[weak], UNLIKELY))
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
    return candidates[~single], gpd.GeoDataFrame(waiting, geometry="geometry", crs=candidates.crs), unlikely[~weak]


def judge_held(
    held: gpd.GeoDataFrame, standings: Sequence[Standing | None], fresh: gpd.GeoDataFrame, *, months_held: Sequence[int]
) -> gpd.GeoDataFrame:
    """``held`` with ``outcome``: still waiting, released by later looks, superseded by a fresh object, or given up.

    ``fresh``: the month's own candidates that go on; what waits on their ground has come up again by itself.
    ``months_held``: months since each began to wait. A released object's ``first_seen`` is the look that released it,
    and its confidence what the later looks make it.
    """
    taken, rows = list(fresh.geometry), [dict(row._asdict()) for row in held.itertuples(index=False)]
    for i in sorted(range(len(held)), key=lambda i: (-_evidence(standings[i]), i)):
        found, ground = standings[i], held.geometry.iloc[i]
        least = RELEASED if rows[i]["held_reason"] == SINGLE_LOOK else RELEASED_WEAK
        if _lies_on(ground, taken):
            rows[i]["outcome"] = SUPERSEDED
        elif found is not None and found.later >= 1 and found.evidence >= least:
            taken.append(ground)
            seen = {"first_seen": day_of_number(found.last_day), "confidence": confidence_of(found)}
            rows[i] |= {"outcome": RELEASED_NOW, **seen}
        elif months_held[i] >= MOST_MONTHS or (found is not None and found.later >= MOST_LATER):
            rows[i]["outcome"] = GIVEN_UP
    if not rows:
        return held
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=held.crs)


def _evidence(found: Standing | None) -> float:
    return found.evidence if found is not None else 0.0


def _lies_on(ground: Any, others: Sequence[Any]) -> bool:
    """Whether a fifth of the smaller of two outlines is shared with any of ``others``."""
    if not others:
        return False
    shared = shapely.area(shapely.intersection(np.array(others, dtype=object), ground))
    least = np.minimum(shapely.area(np.array(others, dtype=object)), ground.area)
    return bool((shared >= SAME_SHARE * least).any())
