"""Where villages, hamlets and roads lie: the gazetteer text places and routes are looked up in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.ledger.placenames import Hit, Missing, NameIndex, PlaceWords, fold, stem_of

SAME_NAME = "同名地名取本单位辖区内的"
VILLAGE, HAMLET = "village", "hamlet"

_CLUSTER_M = 80.0
_HAMLET_RADIUS_M, _LANDMARK_RADIUS_M = 150.0, 60.0
# patrols do not leave their ground; a name known only farther away is somebody else's village
_FAR_M = 2000.0
# villages looked at for the nearest houses; ways in which the reach of the houses is measured
_NEAREST, _REACH_WAYS = 5, 72
_ROUTE_SEPARATORS = re.compile(r"(?:-|>|→|至|到|、|,|;|/|\.|。|\n|经|沿)+")
_WHOLE = re.compile(r"^全(?:镇|乡|街道|街|区|域|辖区|境)(?:范围)?(?:巡查)?$|^(?:本)?辖区(?:内|范围)?$")


def territories(
    units: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, responsibility: Any, delegations: Any
) -> dict[str, Any]:
    """Ground of each unit by unit id: its polygon, the cells it has ever answered for, and the same of its delegators.

    ``units``, ``cells``, ``responsibility``, ``delegations``: schema tables in one CRS; a unit without any ground is
    left out. Dates are ignored: this only says where a unit's patrols may have been.
    """
    shapes = dict(zip(cells["cell_id"], cells.geometry, strict=True))
    own: dict[str, list[Any]] = {}
    for unit_id, polygon in zip(units["unit_id"], units.geometry, strict=True):
        own[unit_id] = [] if polygon is None or polygon.is_empty else [polygon]
    for unit_id, cell_id in zip(responsibility["unit_id"], responsibility["cell_id"], strict=True):
        own.setdefault(unit_id, []).extend([shapes[cell_id]] if cell_id in shapes else [])
    ground = {unit_id: list(parts) for unit_id, parts in own.items()}
    for unit_id, delegate in zip(delegations["unit_id"], delegations["delegate_unit_id"], strict=True):
        ground.setdefault(delegate, []).extend(own.get(unit_id, []))
    return {unit_id: shapely.union_all(parts) for unit_id, parts in sorted(ground.items()) if parts}


def settlements(places: gpd.GeoDataFrame, land_use: gpd.GeoDataFrame, *, codes: Sequence[str]) -> dict[str, Any]:
    """The built-up village of each place by place id: the largest cluster of its residential parcels.

    ``places``: PLACES, ``land_use``: LAND_USE, one metre CRS; ``codes``: how residential class codes begin. Parcels
    closer than 80 m are one cluster; places without such a parcel are left out. People count from the houses, not from
    the middle of the village's land.
    """
    homes = land_use[land_use["class_code"].str.startswith(tuple(codes))].geometry.to_numpy()
    homes = homes[~(shapely.is_missing(homes) | shapely.is_empty(homes))]
    tree = shapely.STRtree(shapely.point_on_surface(homes))
    found: dict[str, Any] = {}
    for place_id, shape in zip(places["place_id"], places.geometry, strict=True):
        inside = homes[np.sort(tree.query(shape, predicate="intersects"))] if shape is not None else homes[:0]
        if len(inside):
            clusters = shapely.get_parts(shapely.union_all(shapely.buffer(inside, _CLUSTER_M / 2)))
            largest = clusters[int(np.argmax(shapely.area(clusters)))]
            found[str(place_id)] = shapely.union_all(inside[shapely.intersects(inside, largest)])
    return found


class Gazetteer:
    """Village names with their polygons, and any hamlets, landmarks and roads, ready to be looked up in text.

    ``places``: :data:`pipeline.schema.PLACES` in the city's CRS; ``settled``: the built-up part by place id, where
    known; ``named``: :data:`pipeline.schema.NAMED_GROUND` in the same CRS (kinds hamlet, landmark, road), None: none.
    ``radius_m`` is that of the circle of equal area, of the built-up part where known; a village drawn as a point
    counts 300 m, a hamlet 150 m, a landmark 60 m. ``lands``: the ground that belongs to a name, the village's for all
    that lies in it.
    """

    def __init__(
        self,
        places: gpd.GeoDataFrame,
        settled: Mapping[str, Any],
        *,
        named: Any = None,
        words: PlaceWords | None = None,
    ) -> None:
        self.words = words or PlaceWords()
        usable = _drawn(places).sort_values("place_id", kind="stable")
        rows = [
            (fold(name, self.words), VILLAGE, shape, settled.get(key))
            for key, name, shape in zip(usable["place_id"], usable["name"], usable.geometry, strict=True)
        ]
        roads: dict[str, list[Any]] = {}
        if named is not None:
            sorted_rows = _drawn(named).sort_values(["kind", "named_id"], kind="stable")
            for name, kind, shape in zip(sorted_rows["name"], sorted_rows["kind"], sorted_rows.geometry, strict=True):
                if kind == "road":
                    roads.setdefault(fold(name, self.words), []).append(shape)
                else:
                    rows.append((fold(name, self.words), str(kind), shape, None))
        self.roads = {name: shapely.line_merge(shapely.union_all(parts)) for name, parts in sorted(roads.items())}
        self.names = [row[0] for row in rows]
        self.kinds = [row[1] for row in rows]
        self.shapes: NDArray[np.object_] = np.array([row[2] for row in rows], dtype=object)
        self.settled = np.array([row[3] is not None for row in rows], dtype=bool)
        self.core: NDArray[np.object_] = np.array([row[2] if row[3] is None else row[3] for row in rows], dtype=object)
        centres = shapely.centroid(self.core)
        self.x, self.y = shapely.get_x(centres), shapely.get_y(centres)
        area = shapely.area(self.core)
        least = {VILLAGE: 300.0, HAMLET: _HAMLET_RADIUS_M}
        points_m = np.array([least.get(kind, _LANDMARK_RADIUS_M) for kind in self.kinds], dtype=np.float64)
        self.radius_m = np.where(area > 0.0, np.maximum(np.sqrt(area / math.pi), 1.0), points_m)
        self.lands: NDArray[np.object_] = self._lands()
        self._index = NameIndex(self.names, self.words)
        self._villages = np.array([row for row, kind in enumerate(self.kinds) if kind == VILLAGE], dtype=np.int64)
        self._centres = cKDTree(np.column_stack([self.x, self.y])[self._villages].reshape(-1, 2))
        self._reach: dict[int, NDArray[np.float64]] = {}
        self._around: dict[bytes, list[int]] = {}
        self._near: dict[bytes, NDArray[np.bool_]] = {}

    def _lands(self) -> NDArray[np.object_]:
        villages = [row for row, kind in enumerate(self.kinds) if kind == VILLAGE]
        lands = self.shapes.copy()
        for row, kind in enumerate(self.kinds):
            if kind != VILLAGE:
                centre = shapely.centroid(self.shapes[row])
                home = next((v for v in villages if self.shapes[v].intersects(centre)), None)
                lands[row] = self.shapes[home] if home is not None else shapely.buffer(self.shapes[row], 300.0)
        return lands

    def find(self, text: str, near: Any, begin: int = 0) -> Hit | Missing:
        """The place named in a folded ``text`` from ``begin`` on.

        The longest name wins, then the first; among places of one name the only one inside ``near`` (a geometry or
        None). A name that only exists more than 2 km outside ``near`` is not taken. A name with one wrong character,
        or other characters of the same sound, counts only when exactly one place in and around ``near`` fits, inside.
        :class:`Missing` when no single place is meant.
        """
        hits = self._index.exact(text, begin)
        if not hits:
            if near is None or begin:
                return Missing()
            hit = self._index.alike(text, self._rows_around(near))
            if isinstance(hit, Missing) or self._inside(near)[hit.row]:
                return hit
            return Missing(f"与辖区外的{self.names[hit.row]}相近，不能定位；请核对地名")
        if len(hits) == 1:
            row = hits[0].row
            name = self.names[row]
            far = near is not None and near.distance(self.core[row]) > _FAR_M
            return Missing(f"“{name}”在辖区两公里以外，不能定位；请写明乡镇") if far else hits[0]
        own = [hit for hit in hits if near is not None and self._inside(near)[hit.row]]
        if len(own) == 1:
            return Hit(own[0].row, own[0].start, own[0].end, SAME_NAME)
        return Missing(f"有{len(hits)}处名为“{self.names[hits[0].row]}”，不能定位；请写明乡镇或行政村")

    def find_exact(self, text: str, begin: int) -> Hit | None:
        """The only place whose exact name stands in ``text`` from ``begin`` on."""
        hits = self._index.exact(text, begin)
        return hits[0] if len(hits) == 1 else None

    def part_of(self, tail: str, village: int) -> tuple[int, int] | None:
        """A landmark called after a village, where ``tail`` goes on with its word (王庄村, 小学: 王庄小学), and its length."""
        word = next((word for word in self.words.landmarks if tail.startswith(word)), None)
        rows = [] if word is None else self._index.rows_named(stem_of(self.names[village]) + word)
        return (rows[0], len(word)) if word is not None and len(rows) == 1 else None

    def off_houses_m(self, points: NDArray[np.float64], row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metres from points (n, 2) to the houses of ``row`` and to the nearest houses of any village.

        Houses count as circles of ``radius_m``: only which village is nearer matters.
        """
        own = np.hypot(points[:, 0] - self.x[row], points[:, 1] - self.y[row]) - self.radius_m[row]
        near, which = self._centres.query(points, k=min(_NEAREST, self._centres.n))
        radius = self.radius_m[self._villages][which]
        off = (near - radius).reshape(len(points), -1).min(axis=1)
        return np.maximum(own, 0.0), np.maximum(np.minimum(off, own), 0.0)

    def last_house_m(self, row: int, angles: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the houses reach from their middle in each way (radians from north); the radius without an outline."""
        if row not in self._reach:
            self._reach[row] = self._reach_of(row)
        turns = np.linspace(0.0, 2 * math.pi, len(self._reach[row]))
        return np.interp(np.mod(angles, 2 * math.pi), turns, self._reach[row])

    def _reach_of(self, row: int) -> NDArray[np.float64]:
        turns = np.linspace(0.0, 2 * math.pi, _REACH_WAYS + 1)
        core = self.core[row]
        if core.area == 0.0:
            return np.full(len(turns), float(self.radius_m[row]))
        xmin, ymin, xmax, ymax = core.bounds
        centre = np.array([self.x[row], self.y[row]])
        ends = centre + np.column_stack([np.sin(turns), np.cos(turns)]) * (math.hypot(xmax - xmin, ymax - ymin) + 1.0)
        rays = shapely.linestrings(np.stack([np.broadcast_to(centre, ends.shape), ends], axis=1))
        reached, way = shapely.get_coordinates(shapely.intersection(core, rays), return_index=True)
        last = np.zeros(len(turns))
        np.maximum.at(last, way, np.hypot(*(reached - centre).T))
        return last

    def _rows_around(self, near: Any) -> list[int]:
        key = shapely.to_wkb(near)
        if key not in self._around:
            self._around[key] = np.flatnonzero(shapely.dwithin(self.core, near, _FAR_M)).tolist()
        return self._around[key]

    def _inside(self, near: Any) -> NDArray[np.bool_]:
        key = shapely.to_wkb(near)
        if key not in self._near:
            self._near[key] = shapely.intersects(near, shapely.centroid(self.shapes))
        return self._near[key]


def _drawn(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[~(frame.geometry.isna() | frame.geometry.is_empty)]


def route_shape(text: str, gazetteer: Gazetteer, territory: Any, unit_name: str) -> Any:
    """The ground a route text covers: the hull of all villages it names, or the whole territory (全镇); None otherwise.

    The unit's own name is where routes start; alone it means its territory. Every other part of the text must be
    recognised, so that a place left out can never make a patrol look shorter.
    """
    stops = _stops(text, gazetteer, unit_name)
    if stops is None:
        return None
    if all(_WHOLE.match(part) for part in stops):
        return territory
    rows = []
    for part in stops:
        hit = gazetteer.find(part, territory)
        if isinstance(hit, Missing):
            return None
        rows.append(hit.row)
    return shapely.union_all(gazetteer.lands[sorted(set(rows))]).convex_hull


def route_lands(text: str, gazetteer: Gazetteer, territory: Any, unit_name: str) -> list[Any]:
    """The land of each village that a route text names, each once; what is not recognised is left out."""
    hits = (gazetteer.find(part, territory) for part in _stops(text, gazetteer, unit_name) or ())
    rows = {hit.row for hit in hits if not isinstance(hit, Missing)}
    return [gazetteer.lands[row] for row in sorted(rows)]


def _stops(text: str, gazetteer: Gazetteer, unit_name: str) -> list[str] | None:
    """The parts of a route text but for the unit's own name; None where it says nothing."""
    parts = [part for part in _ROUTE_SEPARATORS.split(fold(text, gazetteer.words)) if part]
    return [part for part in parts if part != fold(unit_name, gazetteer.words)] if parts else None
