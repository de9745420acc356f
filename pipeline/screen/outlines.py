"""Outlines of objects laid over the polygons of a layer: what they share, in ellipsoidal square metres."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.overlap import Edges, Floats, Places, edges_of, shared, whole
from pipeline.screen.scale import Scale

Shapes = NDArray[Any]

HEAVY = 256
"""From so many vertices on a polygon is first asked whether it holds an outline whole, or not at all."""

TRACE_M2 = 1e-4
"""Ground below a square centimetre is rounding."""

SEAM_M2 = 1.0
"""Parcels that share less than this were drawn as neighbours: on another map their straight edges part by millimetres."""


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


@dataclass(frozen=True, eq=False)
class Laid:
    """A layer ready to be laid under outlines; ``frame`` is the delivered table, its rows are the polygons."""

    frame: gpd.GeoDataFrame
    _named: dict[tuple[str, ...], NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    @cached_property
    def polygons(self) -> Shapes:
        """The polygons, in the order of the rows."""
        return np.asarray(self.frame.geometry.to_numpy(), dtype=object)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the polygons' bounds."""
        return shapely.STRtree(self.polygons)

    @cached_property
    def classes(self) -> tuple[NDArray[np.intp], list[str]]:
        """Land class of each polygon as a position in the sorted codes, and the codes."""
        numbers, codes = pd.factorize(self.frame["class_code"].astype("str"), sort=True, use_na_sentinel=False)
        return np.asarray(numbers, dtype=np.intp), [str(code) for code in codes]

    @cached_property
    def surveyed_until(self) -> NDArray[np.datetime64]:
        """Day whose state each parcel shows: the last of its survey year (数据年份); NaT where the year is not known."""
        years = self.frame["survey_year"].to_numpy(dtype="float64", na_value=np.nan)
        known = np.isfinite(years)
        ends = np.where(known, years - 1970 + 1, 0).astype("datetime64[Y]").astype("datetime64[D]") - 1
        ends[~known] = np.datetime64("NaT")
        return np.asarray(ends)

    @cached_property
    def protected(self) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """First and last day of protection of each polygon, NaT where there is none."""
        since, until = (self.frame[name].to_numpy(dtype="datetime64[ms]") for name in ("valid_from", "valid_to"))
        return since, until

    def named(self, words: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which polygons' projects have any of some words in their names."""
        if words not in self._named:
            projects = self.frame["project"].fillna("").tolist()
            self._named[words] = np.array([any(word in name for word in words) for name in projects], dtype=bool)
        return self._named[words]

    @cached_property
    def vertices(self) -> NDArray[np.intp]:
        """Number of vertices of each polygon."""
        return np.asarray(shapely.get_num_coordinates(self.polygons), dtype=np.intp)


@dataclass(frozen=True)
class Outlines:
    """Outlines (polygons in the layers' CRS) with their ellipsoidal areas ``total_m2`` and edges, row for row."""

    shapes: Shapes
    scale: Scale
    total_m2: Floats
    edges: Edges
    boxes: Floats
    places: Floats
    bends: Floats
    weights: Floats
    """Map area, and area weighed by the change of scale, of the whole outline."""

    def __len__(self) -> int:
        return len(self.shapes)

    def m2(self, row: Places, weight: Floats) -> Floats:
        """Ellipsoidal square metres of weighed parts of the outlines ``row``: their share of the outline's own area.

        So the area of the whole decides, by the formula that the rules name, and parts without gaps add up to it.
        """
        own = self.weights[row, 1]
        part = np.divide(weight, own, out=np.zeros_like(weight), where=own > 0.0)
        return np.asarray(np.round(part * self.total_m2[row], 4), dtype=np.float64)


def outlines(shapes: Shapes, scale: Scale) -> Outlines:
    """Outlines of valid polygons, measured by the scale's formula."""
    boxes = np.nan_to_num(shapely.bounds(shapes)).reshape(-1, 4)
    places = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    edges, bends = edges_of(shapes), scale.bends(places)
    return Outlines(shapes, scale, scale.area_m2(shapes), edges, boxes, places, bends, whole(edges, places, bends))


@dataclass(frozen=True)
class Shared:
    """Pairs of an outline and a polygon that share ground, ordered by outline, then polygon.

    ``plain_m2``: map area; ``m2``: ellipsoidal area, rounded to square centimetres.
    """

    row: Places
    polygon: Places
    plain_m2: Floats
    m2: Floats

    def where(self, kept: NDArray[np.bool_]) -> Shared:
        """Some of the pairs."""
        return Shared(self.row[kept], self.polygon[kept], self.plain_m2[kept], self.m2[kept])


def shared_ground(own: Outlines, laid: Laid) -> Shared:
    """What outlines share with the polygons of a layer, pair by pair."""
    row, polygon = laid.tree.query(own.shapes)
    order = np.lexsort((polygon, row))
    row, polygon = row[order].astype(np.intp), polygon[order].astype(np.intp)
    heavy = laid.vertices[polygon] >= HEAVY
    inside, beside = _heavy(own.shapes[row[heavy]], laid.polygons[polygon[heavy]])
    held, apart = np.zeros(len(row), dtype=bool), np.zeros(len(row), dtype=bool)
    held[heavy], apart[heavy] = inside, beside
    found, other = np.unique(polygon[~held & ~apart], return_inverse=True)
    areas = np.zeros((len(row), 2), dtype=np.float64)
    areas[held] = own.weights[row[held]]
    cut = ~held & ~apart
    areas[cut] = shared(own.edges, edges_of(laid.polygons[found]), row[cut], other.reshape(-1).astype(np.intp),
                        own.boxes, own.places, own.bends)  # fmt: skip
    m2 = own.m2(row, areas[:, 1])
    return Shared(row, polygon, areas[:, 0], m2).where(m2 > 0.0)


def _heavy(shapes: Shapes, polygons: Shapes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which polygons of many vertices hold their outline whole, and which do not meet it."""
    shapely.prepare(polygons)
    return shapely.contains_properly(polygons, shapes), ~shapely.intersects(polygons, shapes)


def common_m2(own: Outlines, others: Shapes) -> Floats:
    """Ellipsoidal area each outline shares with the other geometry of its row, m2."""
    areas = np.zeros(len(own), dtype=np.float64)
    hit = np.flatnonzero(~shapely.is_empty(others)) if len(others) else np.empty(0, dtype=np.intp)
    found = shared(own.edges, edges_of(others[hit]), hit, np.arange(len(hit)), own.boxes, own.places, own.bends)
    areas[hit] = own.m2(hit, found[:, 1])
    return areas


def once_m2(own: Outlines, laid: Laid, found: Shared) -> Floats:
    """Per outline its ground in pairs with a layer's polygons, m2; ground under two of them counts once."""
    areas = np.bincount(found.row, weights=found.m2, minlength=len(own)).astype(np.float64)
    twice = doubled(own, laid, found)
    for row in np.unique(found.row[twice]):
        polygons = laid.polygons[found.polygon[found.row == row]]
        areas[row] = piece_m2(own, row, covered(own.shapes[row], polygons))
    return np.round(areas, 4)


def covered(shape: Any, polygons: Shapes) -> Any:
    """What of a shape lies under any of some polygons, as one geometry."""
    return shapely.union_all(polygonal(shapely.intersection(shape, polygons)))


def piece_m2(own: Outlines, row: int, piece: Any) -> float:
    """Ellipsoidal area of a piece of one outline, m2."""
    polygons = polygonal(np.array([piece], dtype=object))
    weight = whole(edges_of(polygons), own.places[row : row + 1], own.bends[row : row + 1])[:, 1]
    return float(own.m2(np.array([row], dtype=np.intp), weight)[0])


def doubled(own: Outlines, laid: Laid, found: Shared, least_m2: float = TRACE_M2) -> NDArray[np.bool_]:
    """Which pairs share more than ``least_m2`` of their ground with an earlier polygon of the same outline."""
    again = np.zeros(len(found.row), dtype=bool)
    longest = int(np.bincount(found.row).max()) if len(found.row) else 0
    runs = [np.flatnonzero(found.row[back:] == found.row[:-back]) + back for back in range(1, longest)]
    later = np.concatenate([np.empty(0, dtype=np.intp), *runs])
    earlier = later - np.repeat(np.arange(1, len(runs) + 1), [len(run) for run in runs])
    polygons, position = np.unique(np.r_[found.polygon[later], found.polygon[earlier]], return_inverse=True)
    boxes = shapely.bounds(laid.polygons[polygons]).reshape(-1, 4)
    first, other = position.reshape(2, -1).astype(np.intp)
    low = np.maximum(np.maximum(boxes[first, :2], boxes[other, :2]), own.boxes[found.row[later], :2])
    high = np.minimum(np.minimum(boxes[first, 2:], boxes[other, 2:]), own.boxes[found.row[later], 2:])
    near = (low < high).all(axis=1)
    heavy = laid.vertices[polygons] >= HEAVY
    again[later[near & (heavy[first] | heavy[other])]] = True
    ask = near & ~heavy[first] & ~heavy[other]
    # each pair of neighbours once, under however many outlines they lie
    pairs, which = np.unique(first[ask] * len(polygons) + other[ask], return_inverse=True)
    lone, own_pair = np.unique(np.divmod(pairs, max(len(polygons), 1)), return_inverse=True)
    edges, flat = edges_of(laid.polygons[polygons[lone]]), np.zeros((len(lone), 5), dtype=np.float64)
    one, two = own_pair.reshape(2, -1).astype(np.intp)
    common = shared(edges, edges, one, two, boxes[lone], boxes[lone, :2], flat)[:, 0]
    again[later[ask]] |= common[which] > least_m2
    return again
