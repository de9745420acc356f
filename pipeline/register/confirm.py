"""What the monitor's later months add to known ground: they confirm a target, and never make it larger by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.register.matching import overlaps
from pipeline.values import Confidence, TargetState

ORDER = tuple(level.value for level in Confidence)
COVERED_SHARE = 0.5


def only_confirming(
    suspected: gpd.GeoDataFrame,
    earlier: gpd.GeoDataFrame | None,
    *,
    period_start: pd.Timestamp,
    min_overlap_share: float,
) -> gpd.GeoDataFrame:
    """``suspected`` with objects that began before the period cut to the open targets they lie on.

    Such an object was not seen growing in the period: its evidence has only become sure. On known ground it is that
    ground seen again; where it lies on none it stays whole and becomes a target of its own. No row is dropped.
    """
    if earlier is None or suspected.empty:
        return suspected
    grounds = earlier.geometry[earlier["state"] != TargetState.MERGED.value].to_numpy()
    late = (suspected["first_seen"] < period_start).to_numpy()
    shapes = suspected.geometry.to_numpy().copy()
    for i, hit in overlaps(shapes, grounds, min_overlap_share).items():
        if late[i]:
            shared = shapely.get_parts(shapely.intersection(shapes[i], shapely.union_all(grounds[hit])))
            shapes[i] = shapely.union_all(shared[shapely.area(shared) > 0.0])
    return suspected.set_geometry(gpd.GeoSeries(shapes, index=suspected.index, crs=suspected.crs))


def with_confidence(targets: gpd.GeoDataFrame, followed: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``targets`` with the confidence of the followed ground that covers at least half of them, where it is higher."""
    standing = followed[followed["confidence"].isin(ORDER)]
    if targets.empty or standing.empty:
        return targets
    shapes, confidence = targets.geometry.to_numpy(), targets["confidence"].to_numpy(dtype=object).copy()
    open_ones = (targets["state"] != TargetState.MERGED.value).to_numpy()
    tree = shapely.STRtree(standing.geometry.to_numpy())
    levels = standing["confidence"].to_numpy(dtype=object)
    for i in np.flatnonzero(open_ones):
        near = np.sort(tree.query(shapes[i], predicate="intersects"))
        for level in reversed(ORDER):
            own = near[np.array([ORDER.index(levels[j]) >= ORDER.index(level) for j in near], dtype=bool)]
            ground = shapely.union_all(standing.geometry.to_numpy()[own])
            if shapely.area(shapely.intersection(shapes[i], ground)) >= COVERED_SHARE * shapely.area(shapes[i]):
                confidence[i] = higher(confidence[i], level)
                break
    return targets.assign(confidence=confidence)


def with_standing(targets: gpd.GeoDataFrame, levels: Sequence[str | None]) -> gpd.GeoDataFrame:
    """``targets`` with the confidence that the later looks at their ground give (in order), where it is higher."""
    if targets.empty:
        return targets
    own = [higher(known, found) for known, found in zip(targets["confidence"], levels, strict=True)]
    return targets.assign(confidence=pd.Series(own, index=targets.index, dtype=object))


def higher(known: object, found: object) -> object:
    """The higher of two confidences; a word that is no level gives way to any level."""
    if found not in ORDER or (known in ORDER and ORDER.index(str(known)) >= ORDER.index(str(found))):
        return known
    return found
