"""What a patrol can see from its way, what it saw, and what it decided to report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point

from pipeline.simulate.frame import CITY_CRS
from pipeline.simulate.patrols import Outing
from pipeline.simulate.sites import LAWFUL_CASES, Sites

REACH_M = 1000.0
COULD_SEE = 0.7
"""Probability of seeing from which a careful person would be expected to have seen the site."""
CROP_CUT = date(2026, 9, 25)
_RANGE_M = {"earthworks": 90.0, "pit": 75.0, "structure": 170.0, "roofed": 210.0}
_SMALL = ("新建坟墓", "搭建看护房", "挖土坑", "堆放建筑垃圾", "彩钢棚")


@dataclass(frozen=True)
class Findings:
    """What all outings saw, and what they found besides.

    ``sightings``: visit_id, site_id, visited_on, distance_m, seen_probability, could_see, seen, reported, repeat;
    ``small``: find_id, visit_id, what, area_m2, began_on, geometry: true things too small for the satellite.
    """

    sightings: pd.DataFrame
    small: gpd.GeoDataFrame


def seen_probability(*, distance_m: float, stage: str, area_m2: float, day: date) -> float:
    """Chance that a passer-by notices a site from ``distance_m``: Gaussian in distance, farther for tall and large.

    Standing maize and other tall crops until :data:`CROP_CUT` hide low stages more than tall ones.
    """
    reach = _RANGE_M[stage] * (area_m2 / 3000.0) ** 0.3
    if day < CROP_CUT:
        reach *= 0.6 if stage in ("earthworks", "pit") else 0.85
    return float(0.97 * np.exp(-((distance_m / reach) ** 2)))


def make_findings(
    *, outings: list[Outing], sites: Sites, silent: frozenset[tuple[str, str]], rngs: dict[str, np.random.Generator]
) -> Findings:
    """Walk all outings in order of time and note what each saw and reported.

    ``silent``: (unit_id, month ``2026-10``) whose ledger never arrived: seen, but nothing reported. Every site and
    outing takes its own draw, whether it is needed or not.
    """
    rng = rngs["sightings"]
    care = {unit: float(rng.uniform(0.55, 0.9)) for unit in sorted({outing.unit_id for outing in outings})}
    known: set[tuple[str, str]] = set()
    rows: list[dict[str, object]] = []
    small: list[dict[str, object]] = []
    for outing in (o for o in outings if o.really_went):
        way = LineString(outing.path)
        now = sites.stages[sites.stages["from"] <= outing.visited_on].groupby("site_id").last()
        heard = (outing.unit_id, f"{outing.visited_on:%Y-%m}") not in silent
        for site in sites.sites.itertuples():
            luck, zeal = rng.random(2)
            if site.site_id not in now.index:
                continue
            state = now.loc[site.site_id]
            distance = float(shapely.distance(way, state["geometry"]))
            if distance > REACH_M:
                continue
            chance = seen_probability(
                distance_m=distance, stage=str(state["stage"]), area_m2=float(state["area_m2"]), day=outing.visited_on
            )
            seen = bool(luck < chance)
            again = (outing.unit_id, site.site_id) in known
            limit = 0.1 if again else 0.12 if site.case in LAWFUL_CASES else care[outing.unit_id]
            reported = seen and heard and bool(zeal < limit)
            if reported:
                known.add((outing.unit_id, site.site_id))
            rows.append(
                {"visit_id": outing.visit_id, "site_id": site.site_id, "visited_on": outing.visited_on,
                 "distance_m": round(distance, 2), "seen_probability": round(chance, 4),
                 "could_see": chance >= COULD_SEE, "seen": seen, "reported": reported, "repeat": reported and again}
            )  # fmt: skip
        if rng.random() < 0.16 and heard:
            small.append(_small_find(outing, len(small) + 1, rng))
    columns = ["visit_id", "site_id", "visited_on", "distance_m", "seen_probability", "could_see", "seen", "reported",
               "repeat"]  # fmt: skip
    finds = gpd.GeoDataFrame(
        pd.DataFrame(small, columns=["find_id", "visit_id", "what", "area_m2", "began_on", "geometry"]),
        geometry="geometry", crs=CITY_CRS,
    )  # fmt: skip
    # an empty table has no types of its own
    answers = dict.fromkeys(("could_see", "seen", "reported", "repeat"), "bool")
    return Findings(pd.DataFrame(rows, columns=columns).astype(answers), finds)


def _small_find(outing: Outing, number: int, rng: np.random.Generator) -> dict[str, object]:
    """A grave, a hut or a pit of 6 to 120 m2 close to the way."""
    spot = outing.path[int(rng.integers(len(outing.path)))] + rng.normal(0.0, 25.0, 2)
    size = float(rng.uniform(6.0, 120.0))
    return {
        "find_id": f"F{number:03d}", "visit_id": outing.visit_id, "what": str(rng.choice(_SMALL)),
        "area_m2": round(size, 1), "began_on": outing.visited_on,
        "geometry": Point(float(spot[0]), float(spot[1])).buffer(float(np.sqrt(size / np.pi))),
    }  # fmt: skip
