"""Where an entry may have been: every reading of its place as a weighted point, and the density about a site."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import DATUMS, to_wgs84

Floats = NDArray[np.float64]

NOT_LOCATED, ALIKE = "none", "alike"
MEASURED = "coordinates"
UNKNOWN_DATUM = "unknown"
MEASURED_TAIL, TEXT_TAIL, TAIL_SPREAD = 0.03, 0.08, 2.5
# a phone's 90 % radius under the right datum, and how much of an entry its stated coordinates fail to carry
READING_M, STRAY_SHARE = 30.0, 0.03
# a mention of one matter lends its better place to the others with this weight
BORROWED_SHARE, CLEARLY_BETTER = 0.9, 0.5
COMPATIBLE_SIGMAS = 3.0
# The stated radius holds the place in 90 of 100 cases: of a round Gaussian sqrt(2 ln 10) standard deviations, of a
# text place's Gaussian with its tail 2.42 of the core's.
_RADIUS_TO_SIGMA = 1.0 / math.sqrt(2.0 * math.log(10.0))
_TEXT_RADIUS_TO_SIGMA = 1.0 / 2.42
STATED, READ, BORROWED = "stated", "read", "borrowed"
_COLUMNS = ["entry", "x", "y", "sigma_m", "tail", "weight", "kind"]


def position_sigma_m(
    uncertainty_m: Floats,
    *,
    standing_m: float,
    unknown_m: float = 50.0,
    measured: NDArray[np.bool_] | bool = True,
) -> Floats:
    """Standard deviation of an entry's place about its site from the 90 % radius the ledger room states.

    Where a place is not ``measured`` but told in words, that of the core without its tail.
    """
    stated = np.where(np.isfinite(uncertainty_m), uncertainty_m, unknown_m)
    return np.hypot(stated * np.where(measured, _RADIUS_TO_SIGMA, _TEXT_RADIUS_TO_SIGMA), standing_m)


def space_density(
    distance_m: Floats, area_m2: Floats, perimeter_m: Floats, sigma_m: Floats, tail_share: Floats | float = 0.0
) -> Floats:
    """Probability density per m2 of an entry's place, given that it is about a site.

    A half-normal in the distance to the polygon (0 inside), normalised over the plane with Steiner's formula, which
    is exact for convex polygons: ``A + P sigma sqrt(pi/2) + 2 pi sigma^2``. A share ``tail_share`` has 2.5 times
    the spread: people confuse villages and directions, or write down where they stood.
    """

    def half_normal(spread_m: Floats) -> Floats:
        total = area_m2 + perimeter_m * spread_m * math.sqrt(math.pi / 2.0) + 2.0 * math.pi * spread_m**2
        return np.exp(-0.5 * (distance_m / spread_m) ** 2) / total

    return (1.0 - tail_share) * half_normal(sigma_m) + tail_share * half_normal(TAIL_SPREAD * sigma_m)


def stated_points(found: gpd.GeoDataFrame, *, standing_m: float) -> pd.DataFrame:
    """Weighted points of every located entry: ``entry`` (row number), ``x``, ``y``, ``sigma_m``, ``tail``, ``weight``.

    ``found``: ENTRIES with row numbers 0..n-1, in a projected metre CRS. Coordinates whose datum cannot be told are
    read in each datum; each reading weighs as much as the entry's area (recorded point and radius) allows, so that a
    precise reading is not lost in a wide area. Weights of an entry add up to one.
    """
    points = found.geometry.to_numpy()
    usable = ~(shapely.is_missing(points) | shapely.is_empty(points)) & (found["position_source"] != NOT_LOCATED)
    rows = np.flatnonzero(usable.to_numpy())
    stated = found["uncertainty_m"].to_numpy("float64")
    measured = (found["position_source"] == MEASURED).to_numpy(bool)
    sigma = position_sigma_m(stated, standing_m=standing_m, measured=measured)
    x, y = shapely.get_x(points), shapely.get_y(points)
    plain = pd.DataFrame(
        {"entry": rows, "x": x[rows], "y": y[rows], "sigma_m": sigma[rows],
         "tail": np.where(measured, MEASURED_TAIL, TEXT_TAIL)[rows], "weight": 1.0, "kind": STATED}
    )  # fmt: skip
    doubtful = rows[(found["datum"].to_numpy("object")[rows] == UNKNOWN_DATUM)]
    readings = [plain.iloc[:0]]
    for east, north in _in_every_datum(found, doubtful):
        inside = np.isfinite(east) & np.isfinite(north)
        off = np.hypot(east - x[doubtful], north - y[doubtful])
        reach = np.where(np.isfinite(stated[doubtful]), stated[doubtful], READING_M)
        beyond = np.maximum(off - reach, 0.0) / np.maximum(0.3 * reach, READING_M)
        weight = np.exp(-0.5 * beyond**2) + STRAY_SHARE
        near = position_sigma_m(np.full(len(doubtful), READING_M), standing_m=standing_m)
        table = pd.DataFrame(
            {"entry": doubtful, "x": east, "y": north, "sigma_m": near, "tail": MEASURED_TAIL, "weight": weight,
             "kind": READ}
        )  # fmt: skip
        readings.append(table[inside])
    read = pd.concat(readings, ignore_index=True)
    read["weight"] *= (1.0 - STRAY_SHARE) / read.groupby("entry")["weight"].transform("sum")
    plain.loc[plain["entry"].isin(read["entry"]), "weight"] = STRAY_SHARE
    both = pd.concat([plain, read], ignore_index=True)
    return both.sort_values(["entry", "x", "y"], kind="stable").reset_index(drop=True)[_COLUMNS]


def _in_every_datum(found: gpd.GeoDataFrame, rows: NDArray[np.intp]) -> list[tuple[Floats, Floats]]:
    """City metres of the stated degrees of these rows, read in each datum; not finite where they are no degrees."""
    first = found["stated_x"].to_numpy("float64")[rows]
    second = found["stated_y"].to_numpy("float64")[rows]
    lon, lat = np.maximum(first, second), np.minimum(first, second)
    # China's longitudes (73 to 136) exceed its latitudes (3 to 54), so swapped axes are told by size
    degrees = (lon > 70.0) & (lon < 140.0) & (lat > 0.0) & (lat < 60.0)
    lon, lat = np.where(degrees, lon, 110.0), np.where(degrees, lat, 35.0)
    if not len(rows) or found.crs is None:
        return []
    to_city = pyproj.Transformer.from_crs(found.crs.geodetic_crs, found.crs, always_xy=True)
    result = []
    for datum in DATUMS:
        east, north = to_city.transform(*to_wgs84(lon, lat, datum))
        result.append((np.where(degrees, east, np.nan), np.where(degrees, north, np.nan)))
    return result


def spread_m(points: pd.DataFrame, count: int) -> Floats:
    """How widely each of ``count`` entries may be placed: the weighted root mean square radius; inf without a place."""
    if points.empty:
        return np.full(count, np.inf)
    weight = points["weight"]
    moments = pd.DataFrame(
        {"entry": points["entry"], "x": weight * points["x"], "y": weight * points["y"],
         "square": weight * (points["x"] ** 2 + points["y"] ** 2 + 2.0 * points["sigma_m"] ** 2)}
    )  # fmt: skip
    total = moments.groupby("entry").sum()
    radius = np.sqrt(np.maximum(total["square"] - total["x"] ** 2 - total["y"] ** 2, 0.0))
    return radius.reindex(range(count)).fillna(np.inf).to_numpy("float64")


def with_borrowed(points: pd.DataFrame, lender: dict[int, int]) -> pd.DataFrame:
    """Points of entries that borrow: nine tenths of their weight lie on the points of their ``lender`` (row numbers)."""
    if not lender:
        return points
    own = points.assign(weight=points["weight"] * np.where(points["entry"].isin(lender), 1.0 - BORROWED_SHARE, 1.0))
    pairs = pd.DataFrame({"entry": list(lender.values()), "borrower": list(lender)})
    lent = points.merge(pairs, on="entry")
    lent = lent.assign(entry=lent["borrower"], weight=lent["weight"] * BORROWED_SHARE, kind=BORROWED)[_COLUMNS]
    both = pd.concat([own, lent], ignore_index=True)
    return both.sort_values(["entry", "x", "y"], kind="stable").reset_index(drop=True)
