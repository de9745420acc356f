"""Overlay of objects with land layers: ellipsoidal areas by land class and by layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula, ellipsoid_area_m2

UNKNOWN_CLASS = "unknown"
"""Key of ground that no land-use parcel covers."""

Shapes = NDArray[Any]


@dataclass(frozen=True)
class Ground:
    """The recognised layers, all in one projected CRS; None means the layer was not delivered."""

    land_use: gpd.GeoDataFrame
    basic_farmland: gpd.GeoDataFrame | None = None
    planning: gpd.GeoDataFrame | None = None
    approvals: gpd.GeoDataFrame | None = None
    temporary_land: gpd.GeoDataFrame | None = None
    ecological_redline: gpd.GeoDataFrame | None = None
    village_plan: gpd.GeoDataFrame | None = None
    facility_land: gpd.GeoDataFrame | None = None
    mining_rights: gpd.GeoDataFrame | None = None
    planning_permits: gpd.GeoDataFrame | None = None
    rural_permits: gpd.GeoDataFrame | None = None
    emergency_land: gpd.GeoDataFrame | None = None

    def missing(self) -> frozenset[str]:
        """Names of the layers that were not delivered."""
        return frozenset(name for name, layer in vars(self).items() if layer is None)


@dataclass(frozen=True)
class ClassGroup:
    """Land class codes that begin with one of ``codes`` and with none of ``without``."""

    name: str
    codes: tuple[str, ...]
    without: tuple[str, ...] = ()

    def holds(self, code: str) -> bool:
        """Whether a land class code belongs to the group."""
        return code.startswith(self.codes) and not (self.without and code.startswith(self.without))


@dataclass(frozen=True)
class GroundRules:
    """What the rules of a day say about layers: class groups, zones without building, months of temporary land.

    ``farm_road_width_m``: least and most width of a farm road (农村道路); an outline counts as a strip from
    ``strip_elongation`` times as long as wide on. ``solar_words``: words of a project's name that tell of solar panels.
    ``area_formula``: which area on the ellipsoid the rules judge by.
    """

    groups: tuple[ClassGroup, ...]
    zones_without_building: tuple[str, ...] = ()
    temporary_months: int = 24
    temporary_longest_months: int = 48
    temporary_reclaim_months: int = 12
    farm_road_width_m: tuple[float, float] = (2.0, 8.0)
    strip_elongation: float = 5.0
    solar_words: tuple[str, ...] = ()
    area_formula: AreaFormula = "geodesic"

    def group_sum(self, name: str, by_class: dict[str, float]) -> float:
        """Sum of a group's areas; KeyError for an unknown group."""
        group = next((g for g in self.groups if g.name == name), None)
        if group is None:
            raise KeyError(name)
        return float(sum(by_class[code] for code in sorted(by_class) if group.holds(code)))


@dataclass(frozen=True)
class Pieces:
    """Intersections of shapes with polygons: positions of both, and the polygonal part they share."""

    shape: NDArray[np.intp]
    polygon: NDArray[np.intp]
    geometry: Shapes


def polygonal(geometries: Shapes) -> Shapes:
    """Only the polygon parts of geometries (repaired where invalid); empty polygons where there is none."""
    valid = np.array(geometries, dtype=object)
    broken = ~shapely.is_valid(valid)
    valid[broken] = shapely.make_valid(valid[broken], method="structure", keep_collapsed=False)
    kinds = shapely.get_type_id(valid)
    mixed = ~np.isin(kinds, (3, 6))
    if mixed.any():
        valid[mixed] = [_polygon_parts(geometry) for geometry in valid[mixed]]
    return valid


def _polygon_parts(geometry: Any) -> Any:
    if geometry is None or geometry.is_empty:
        return shapely.Polygon()
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def pieces(shapes: Shapes, polygons: Shapes) -> Pieces:
    """All pairs that share area, ordered by shape, then polygon."""
    if len(shapes) == 0 or len(polygons) == 0:
        nothing = np.empty(0, dtype=np.intp)
        return Pieces(nothing, nothing, np.empty(0, dtype=object))
    shape, polygon = shapely.STRtree(polygons).query(shapes, predicate="intersects")
    order = np.lexsort((polygon, shape))
    shape, polygon = shape[order], polygon[order]
    shared = shapes[shape]
    # what lies wholly inside a polygon needs no cutting
    cut = ~shapely.contains_properly(polygons[polygon], shared)
    shared[cut] = polygonal(shapely.intersection(shared[cut], polygons[polygon[cut]]))
    kept = shapely.area(shared) > 0.0
    return Pieces(shape[kept], polygon[kept], shared[kept])


def area_m2(shapes: Iterable[Any], crs: Any, formula: AreaFormula = "geodesic") -> NDArray[np.float64]:
    """Ellipsoidal area of each shape, m2, rounded to square centimetres so that summation order leaves no trace."""
    areas = ellipsoid_area_m2(gpd.GeoSeries(list(shapes), crs=crs), formula)
    return np.asarray(np.round(areas, 4), dtype=np.float64)


def shared_area_m2(shapes: Shapes, layer: gpd.GeoDataFrame, formula: AreaFormula = "geodesic") -> NDArray[np.float64]:
    """Per shape the area under a layer, m2; ground under two polygons of the layer counts once."""
    return joined_area_m2(pieces(shapes, layer.geometry.to_numpy()), len(shapes), layer.crs, formula)


def joined_area_m2(found: Pieces, count: int, crs: Any, formula: AreaFormula = "geodesic") -> NDArray[np.float64]:
    """Per shape (``count`` of them) the area of its pieces, m2; ground under two of them counts once."""
    joined = np.full(count, None, dtype=object)
    for position, start, stop in _runs(found.shape):
        part = found.geometry[start:stop]
        joined[position] = part[0] if len(part) == 1 else shapely.union_all(part)
    hit = shapely.area(joined) > 0.0
    areas = np.zeros(count, dtype=np.float64)
    areas[hit] = area_m2(joined[hit], crs, formula)
    return areas


def class_areas_m2(
    shapes: Shapes, land_use: gpd.GeoDataFrame, formula: AreaFormula = "geodesic"
) -> list[dict[str, float]]:
    """Per shape the area of each land class code, m2; ground outside the layer is :data:`UNKNOWN_CLASS`.

    Keys are sorted. ``shapes``: polygons in the layer's CRS. An empty shape gives an empty dict.
    """
    found = pieces(shapes, land_use.geometry.to_numpy())
    areas = area_m2(found.geometry, land_use.crs, formula)
    codes = land_use["class_code"].to_numpy()[found.polygon]
    totals = area_m2(shapes, land_use.crs, formula)
    sums: list[dict[str, float]] = [{} for _ in range(len(shapes))]
    for position, code, area in zip(found.shape, codes, areas, strict=True):
        own = sums[position]
        own[str(code)] = own.get(str(code), 0.0) + float(area)
    for own, total in zip(sums, totals, strict=True):
        rest = float(total) - sum(own.values())
        if rest > 0.05:
            own[UNKNOWN_CLASS] = rest
    return [{code: round(own[code], 2) for code in sorted(own) if round(own[code], 2) > 0.0} for own in sums]


def largest_parcel_share(shapes: Shapes, land_use: gpd.GeoDataFrame, group: ClassGroup) -> NDArray[np.float64]:
    """Per shape the largest share of any one parcel of a class group that the shape covers, 0..1."""
    codes = land_use["class_code"].astype(str)
    own = land_use.geometry.to_numpy()[np.array([group.holds(code) for code in codes], dtype=bool)]
    found = pieces(shapes, own)
    shares = np.zeros(len(shapes), dtype=np.float64)
    np.maximum.at(shares, found.shape, shapely.area(found.geometry) / shapely.area(own[found.polygon]))
    return np.asarray(np.round(np.minimum(shares, 1.0), 4), dtype=np.float64)


def _runs(positions: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """Position, start and stop of each run of equal values in a sorted array."""
    if len(positions) == 0:
        return []
    starts = np.flatnonzero(np.r_[True, positions[1:] != positions[:-1]])
    stops = np.r_[starts[1:], len(positions)]
    return [(int(positions[a]), int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
