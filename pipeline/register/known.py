"""Links from targets to cases known before (存量, earlier lists): a link only, never a suppression."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely


def link_known(targets: gpd.GeoDataFrame, known: gpd.GeoDataFrame, *, distance_m: float) -> gpd.GeoDataFrame:
    """Targets with the known cases within ``distance_m`` added to ``links``; nothing else changes.

    ``known``: ``known_id, known_kind, geometry`` (points or polygons) in the targets' CRS. A link is a JSON object
    ``{"kind", "id", "distance_m"}``. Raises ValueError when the CRS differ.
    """
    if known.crs != targets.crs:
        raise ValueError(f"known cases are in {known.crs}, targets in {targets.crs}")
    if len(known) == 0 or len(targets) == 0:
        return targets.copy()
    shapes, cases = targets.geometry.to_numpy(), known.geometry.to_numpy()
    rows, numbers = shapely.STRtree(cases).query(shapes, predicate="dwithin", distance=distance_m)
    added: dict[int, list[dict[str, Any]]] = {}
    for row, number in zip(rows, numbers, strict=True):
        case = known.iloc[int(number)]
        distance = float(np.round(shapely.distance(shapes[row], cases[number]), 1))
        link = {"kind": str(case["known_kind"]), "id": str(case["known_id"]), "distance_m": distance}
        added.setdefault(int(row), []).append(link)
    links = [add_links(given, added.get(row, [])) for row, given in enumerate(targets["links"])]
    return targets.assign(links=pd.Series(links, index=targets.index, dtype="object"))


def add_links(given: Any, more: list[dict[str, Any]]) -> str | None:
    """The JSON list of links with ``more`` added, without doubles, ordered by kind and id; None when there is none."""
    links = {} if pd.isna(given) else {(link["kind"], link["id"]): link for link in json.loads(given)}
    links |= {(link["kind"], link["id"]): link for link in more}
    if not links:
        return None
    return json.dumps([links[key] for key in sorted(links)], ensure_ascii=False, sort_keys=True)
