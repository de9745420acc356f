"""How well objects agree with the true sites they lie on: area, onset and construction stage."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import geodesic_area_m2
from pipeline.learn.accuracy import FOUND_SHARE

LARGE_M2 = 5000.0


def site_accuracy(
    objects: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, stages: gpd.GeoDataFrame | None = None
) -> dict[str, Any]:
    """Area error, onset error and stage confusion of the objects that lie on true sites; JSON-able.

    Both tables in one CRS. ``objects``: geometry, and where known ``area_m2``, ``last_clear``, ``first_seen`` (dates)
    and ``stage``. ``sites``: ``site_id``, ``onset`` and geometry. ``stages``: ``site_id``, ``stage``, ``from`` and the
    ground of a site from that day on; without it a site always has its final ground. An object belongs to the site it
    shares most ground with (ties: the first), if that is at least 30 % of the object. What cannot be judged is None.
    """
    owner = owners(objects, sites)
    on = objects[owner >= 0].assign(site=owner[owner >= 0])
    ids = sites["site_id"].to_numpy()
    days = pd.to_datetime(on["first_seen"]) if "first_seen" in on.columns else pd.Series(pd.NaT, index=on.index)
    truth = [_state(stages, ids[at], day) for at, day in zip(on["site"], days, strict=True)]
    final = _area_m2(sites)
    grounds = [final[at] if state is None else state[1] for at, state in zip(on["site"], truth, strict=True)]
    own = _area_m2(on) if "area_m2" not in on.columns else on["area_m2"].to_numpy(dtype=np.float64)
    return {
        "objects_on_sites": len(on),
        "areas": _areas(on["site"].to_numpy(), own, np.asarray(grounds, dtype=np.float64)),
        "onset": _onsets(on, days, pd.to_datetime(sites["onset"])) if "onset" in sites.columns else None,
        "stages": _confusion(on, truth) if "stage" in on.columns and stages is not None else None,
    }


def owners(objects: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Position of the site each object belongs to, -1 where none has at least 30 % of the object."""
    ground = shapely.make_valid(sites.geometry.to_numpy())
    tree, result = shapely.STRtree(ground), np.full(len(objects), -1, dtype=np.int64)
    for at, outline in enumerate(shapely.make_valid(objects.geometry.to_numpy())):
        near = np.sort(tree.query(outline, predicate="intersects"))
        if not len(near) or outline.area <= 0:
            continue
        shared = shapely.area(shapely.intersection(outline, ground[near]))
        if shared.max() >= FOUND_SHARE * outline.area:
            result[at] = near[int(np.argmax(shared))]
    return result


def _state(stages: gpd.GeoDataFrame | None, site_id: Any, day: Any) -> tuple[str, float] | None:
    """Stage of a site on a day and its ground in m2; None before its first stage or without a day."""
    if stages is None or pd.isna(day):
        return None
    own = stages[(stages["site_id"] == site_id) & (pd.to_datetime(stages["from"]) <= day)]
    if own.empty:
        return None
    last = own.sort_values("from", kind="stable").iloc[[-1]]
    return str(last["stage"].iloc[0]), float(_area_m2(last)[0])


def _area_m2(frame: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Area on the ellipsoid; square units of the plane where there is no CRS."""
    if frame.crs is None:
        return np.asarray(frame.geometry.area, dtype=np.float64)
    return geodesic_area_m2(frame.geometry)


def _areas(site: NDArray[Any], own: NDArray[np.float64], ground: NDArray[np.float64]) -> dict[str, Any]:
    """Relative area errors; the objects of one site are added up and compared with its largest ground among them."""
    table = pd.DataFrame({"site": site, "own": own, "ground": ground})
    table = table[np.isfinite(table["own"]) & (table["ground"] > 0)]
    sums = table.groupby("site", sort=True).agg(own=("own", "sum"), ground=("ground", "max"))
    errors = (sums["own"] / sums["ground"] - 1.0).to_numpy()
    large = (sums["ground"] >= LARGE_M2).to_numpy()
    return {
        "sites": len(errors), "median_error": _median(np.abs(errors)), "median_bias": _median(errors),
        "large_sites": int(large.sum()), "median_error_large": _median(np.abs(errors[large])),
    }  # fmt: skip


def _onsets(on: gpd.GeoDataFrame, seen: pd.Series, onsets: pd.Series) -> dict[str, Any]:
    """Days from the true onset to ``first_seen``, and how often the onset lies in (last_clear, first_seen]."""
    true = onsets.iloc[on["site"].to_numpy()].to_numpy()
    late = (seen.to_numpy() - true) / np.timedelta64(1, "D")
    known = np.isfinite(late)
    clear = (
        pd.to_datetime(on["last_clear"]).to_numpy() if "last_clear" in on.columns else np.full(len(on), "NaT", "M8[ns]")
    )
    # onset is a day; a look of that very day may still show the old ground
    held = (np.isnat(clear) | (clear <= true)) & (late >= 0.0)
    return {
        "objects": int(known.sum()), "median_days_late": _median(late[known]),
        "interval_holds_onset": float(held[known].mean()) if known.any() else None,
    }  # fmt: skip


def _confusion(on: gpd.GeoDataFrame, truth: list[tuple[str, float] | None]) -> dict[str, Any]:
    """Counts of true against said stage; ``named``: objects with any stage said, ``agree``: the share of them right."""
    pairs = [(state[0], str(said)) for state, said in zip(truth, on["stage"], strict=True) if state is not None]
    table = pd.Series(pairs, dtype=object).value_counts().sort_index() if pairs else pd.Series(dtype=int)
    named = [(true, said) for true, said in pairs if said != "unknown"]
    return {
        "objects": len(pairs), "named": len(named),
        "agree": sum(true == said for true, said in named) / len(named) if named else None,
        "confusion": [{"true": true, "said": said, "count": int(count)} for (true, said), count in table.items()],
    }  # fmt: skip


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None
