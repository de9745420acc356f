"""What the imagery bounds on a supplied parcel: works inside and outside its red line, with the outline's tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2
from pipeline.supervise.supply_clock import Ground
from pipeline.values import Stage, TargetState

ABOVE_GROUND = (Stage.STRUCTURE.value, Stage.ROOFED.value)
GROWN = (TargetState.NEW.value, TargetState.GROWING.value)
WORKS = ["first_seen", "last_clear", "grown_after", "grown_by", "stage", "geometry"]
_DIGITS = 4


@dataclass(frozen=True)
class Measured:
    """A parcel's :class:`Ground`, and the works beyond its red line in m2: at least and at most."""

    ground: Ground
    outside_low_m2: float
    outside_high_m2: float


def works_of(targets: gpd.GeoDataFrame, suspected: pd.DataFrame, suppressed: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """All detected works, in the register or suppressed (as what is approved is), with the columns :data:`WORKS`.

    A target's own dates tell when it began; what grew in this period came in this period's interval (``suspected``).
    """
    live = targets[(targets["state"] != TargetState.MERGED.value).to_numpy()]
    interval = suspected.drop_duplicates("candidate_id").set_index("candidate_id")
    grown = live["state"].isin(GROWN).to_numpy()
    dated = {
        name: interval[column].reindex(live["candidate_id"]).where(grown).to_numpy()
        for name, column in (("grown_after", "last_clear"), ("grown_by", "first_seen"))
    }
    parts = [live.assign(**dated)[WORKS]]
    parts.append(suppressed.assign(grown_after=suppressed["last_clear"], grown_by=suppressed["first_seen"])[WORKS])
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def measure(
    shape: Any,
    others: Any,
    to_build_m2: float | None,
    works: gpd.GeoDataFrame,
    earlier: dict[Any, Any],
    *,
    observable: float,
    last_look: date | None,
    tolerance_m: float,
) -> Measured:
    """Bounds of a parcel with the red line ``shape``; ``others``: ground that is supplied or approved otherwise.

    Works are drawn ``tolerance_m`` too wide at most, or too narrow: the least that stands is what remains when their
    outline is moved in by as much, the most is that when it is moved out, and all that could not be seen. ``earlier``:
    the parcel's row of the period before; what was seen then is not lost. ``to_build_m2``: 应动工面积, None: all of it.
    """
    rows = np.sort(works.sindex.query(shape.buffer(tolerance_m), predicate="intersects"))
    mine = works.iloc[rows]
    inside = mine[(mine.intersection(shape).area > 0).to_numpy()] if len(mine) else mine
    area = _area(shape, works.crs)
    base = to_build_m2 if to_build_m2 is not None and to_build_m2 > 0 else area
    least, most = (
        _area(_union(inside, tolerance * tolerance_m).intersection(shape), works.crs) for tolerance in (-1, 1)
    )
    above = inside[inside["stage"].isin(ABOVE_GROUND).to_numpy()]
    built = _area(_union(above, -tolerance_m).intersection(shape), works.crs)
    unseen = (1.0 - observable) * area
    ground = Ground(
        works_low=_share(max(least / base, _known(earlier, "works_low_share"))),
        works_high=_share(max((most + unseen) / base, _known(earlier, "works_low_share"))),
        built_low=_share(max(built / base, _known(earlier, "built_low_share"))),
        observable=round(observable, _DIGITS),
        last_look=last_look if observable > 0 else plain_day(earlier.get("last_look")),
        begun_after=_first([*inside["last_clear"], earlier.get("begun_after")]),
        begun_by=_first([*inside["first_seen"], earlier.get("begun_by")]),
        built_by=_first([*above["first_seen"], earlier.get("built_by")]),
        grown_after=_last([*inside["grown_after"], earlier.get("grown_after")]),
        grown_by=_last([*inside["grown_by"], earlier.get("grown_by")]),
    )
    beyond = [
        _area(_union(mine, step * tolerance_m).difference(shape).difference(others), works.crs) for step in (-1, 1)
    ]
    return Measured(ground, round(beyond[0], 1), round(beyond[1], 1))


def _union(works: gpd.GeoDataFrame, by_m: float) -> Any:
    return (
        shapely.union_all(works.geometry.buffer(by_m, join_style="mitre").to_numpy())
        if len(works)
        else shapely.Polygon()
    )


def _area(shape: Any, crs: Any) -> float:
    return 0.0 if shape.is_empty else float(geodesic_area_m2(gpd.GeoSeries([shape], crs=crs))[0])


def _share(value: float) -> float:
    return round(min(value, 1.0), _DIGITS)


def _known(earlier: dict[Any, Any], name: str) -> float:
    value = earlier.get(name)
    return 0.0 if value is None or pd.isna(value) else float(value)


def plain_day(value: Any) -> date | None:
    """A table's date as a plain day; None when missing."""
    return None if value is None or pd.isna(value) else pd.Timestamp(value).date()


def _first(values: Sequence[Any]) -> date | None:
    days = [day for day in map(plain_day, values) if day is not None]
    return min(days) if days else None


def _last(values: Sequence[Any]) -> date | None:
    days = [day for day in map(plain_day, values) if day is not None]
    return max(days) if days else None
