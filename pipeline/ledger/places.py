"""Places told in words: a village name with direction and distance becomes an area of uncertainty, not a point."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from pipeline.ledger.dates import plain

SPELLING = "地名近似"

_SUFFIX = re.compile(r"(?:村民委员会|居民委员会|村委会|居委会|行政村|自然村|社区|村)$")
_NAME_END = ("村", "社区", "居委会", "组", "屯")
_STEPS = {"东": (1, 0), "南": (0, -1), "西": (-1, 0), "北": (0, 1), "东南": (1, -1), "东北": (1, 1), "西南": (-1, -1),
          "西北": (-1, 1)}  # fmt: skip
_CLUSTER_M = 80.0
_UNITS_M = {"米": 1.0, "M": 1.0, "公里": 1000.0, "KM": 1000.0, "千米": 1000.0, "里": 500.0}
_WAY = re.compile(
    r"^(?:村?民委员会|村?委会|居委会|社区|村)?(?:以|正|的|往|向)?(?P<way>东南|东北|西南|西北|东|南|西|北)"
    r"(?:面|侧|边|方向|方|部|头|约|大约|近|处|,)*(?:(?P<far>\d+(?:\.\d+)?)(?:余|多)?(?P<unit>公里|千米|KM|米|M|里))?"
)
_ROUTE_SEPARATORS = re.compile(r"(?:-|>|→|至|到|、|,|;|/|\.|。|\n|经|沿)+")
_WHOLE = re.compile(r"^全(?:镇|乡|街道|街|区|域|辖区|境)(?:范围)?(?:巡查)?$|^(?:本)?辖区(?:内|范围)?$")


@dataclass(frozen=True)
class PlaceOptions:
    """How sure text places are.

    ``least_m``: smallest uncertainty radius; shares are of the village's radius and of the stated distance.
    """

    least_m: float
    village_share: float
    offset_village_share: float
    offset_distance_share: float


@dataclass(frozen=True)
class Placed:
    """Centre and radius of uncertainty in the city's CRS, metres; the name used and how it was recognised."""

    x: float
    y: float
    uncertainty_m: float
    name: str
    rule: str = ""


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
    """Village names with their polygons, ready to be looked up in text.

    ``places``: :data:`pipeline.schema.PLACES` in the city's CRS; ``settled``: the built-up part by place id, where
    known. ``radius_m`` is that of the circle of equal area, of the built-up part where known; a point counts as a
    village of 300 m radius.
    """

    def __init__(self, places: gpd.GeoDataFrame, settled: Mapping[str, Any]) -> None:
        usable = places[~(places.geometry.isna() | places.geometry.is_empty)].sort_values("place_id", kind="stable")
        self.shapes: NDArray[np.object_] = usable.geometry.to_numpy()
        self.names = [plain(name) for name in usable["name"]]
        self.stems = [_SUFFIX.sub("", name) for name in self.names]
        self.settled = np.array([place_id in settled for place_id in usable["place_id"]], dtype=bool)
        core = [settled.get(key, shape) for key, shape in zip(usable["place_id"], self.shapes, strict=True)]
        self.core: NDArray[np.object_] = np.array(core, dtype=object)
        centres = shapely.centroid(self.core)
        self.x, self.y = shapely.get_x(centres), shapely.get_y(centres)
        area = shapely.area(self.core)
        self.radius_m = np.where(area > 0.0, np.maximum(np.sqrt(area / math.pi), 1.0), 300.0)
        ground = np.sqrt(shapely.area(self.shapes) / math.pi)
        self.ground_radius_m = np.maximum(ground, self.radius_m)

    def find(self, text: str, near: Any) -> tuple[int, int, str] | None:
        """Row of the place named in ``text``, where its name ends, and the rule (empty or :data:`SPELLING`).

        The longest name wins, then the first; among villages of one name the one inside ``near`` (a geometry or
        None). None when nothing or no single place fits. A name with one wrong character counts only when ``near``
        holds exactly one such village.
        """
        hits: list[tuple[int, int, int]] = []
        for row, (name, stem) in enumerate(zip(self.names, self.stems, strict=True)):
            for form, at in ((name, text.find(name)), (stem, _stem_at(text, stem))):
                if form and at >= 0:
                    hits.append((-len(form), at, row))
                    break
        if hits:
            best = min(hits)[:2]
            rows = [row for length, at, row in hits if (length, at) == best]
            single = self._single(rows, near)
            return None if single is None else (single, best[1] - best[0], "")
        return self._misspelt(text, near)

    def _single(self, rows: Sequence[int], near: Any) -> int | None:
        if len(rows) == 1:
            return rows[0]
        inside = [row for row in rows if near is not None and near.intersects(shapely.centroid(self.shapes[row]))]
        return inside[0] if len(inside) == 1 else None

    def _misspelt(self, text: str, near: Any) -> tuple[int, int, str] | None:
        if near is None:
            return None
        found: dict[int, int] = {}
        for row, (name, stem) in enumerate(zip(self.names, self.stems, strict=True)):
            written = name if name != stem else stem + "村"
            if len(written) < 3 or not near.intersects(shapely.centroid(self.shapes[row])):
                continue
            for at in range(len(text) - len(written) + 1):
                piece = text[at : at + len(written)]
                if piece[-1] == written[-1] and Levenshtein.distance(piece, written, score_cutoff=1) == 1:
                    found[row] = at + len(written)
                    break
        if len(found) != 1:
            return None
        row, end = next(iter(found.items()))
        return row, end, SPELLING


def _stem_at(text: str, stem: str) -> int:
    """Where a village's stem stands as a whole name, not inside a longer one; -1 when it does not."""
    if len(stem) < 2:
        return -1
    at = text.find(stem)
    while at >= 0:
        rest = text[at + len(stem) :]
        if not rest or rest.startswith(_NAME_END) or rest[0] in "东南西北,.。;、-(" or rest[0].isdigit():
            return at
        at = text.find(stem, at + 1)
    return -1


def locate(text: str, gazetteer: Gazetteer, near: Any, options: PlaceOptions) -> Placed | None:
    """The area a place text such as ``王庄村东500米路南`` means; None when no village is recognised.

    Without a direction: the village's land and its radius. With one: from the houses' middle, that far beyond half
    their radius, because some count from the middle and some from the last house (without a distance: at their edge).
    Uncertain by a share of the radius and of the way, added in quadrature; by the land's radius where the houses are
    not known.
    """
    folded = plain(text)
    hit = gazetteer.find(folded, near)
    if hit is None:
        return None
    row, end, rule = hit
    radius, ground = float(gazetteer.radius_m[row]), float(gazetteer.ground_radius_m[row])
    x, y = float(gazetteer.x[row]), float(gazetteer.y[row])
    spread = 1.5 if rule else 1.0
    way = _WAY.match(folded[end:].upper())
    if way is None:
        reach = max(options.least_m, options.village_share * ground) * spread
        return Placed(x, y, reach, gazetteer.names[row], rule)
    east, north = _STEPS[way["way"]]
    told = float(way["far"]) * _UNITS_M[way["unit"]] if way["far"] else 0.5 * radius
    distance = told + 0.5 * radius if gazetteer.settled[row] else told
    reach = math.hypot(options.offset_village_share * radius, options.offset_distance_share * distance)
    if not way["far"]:
        reach = max(reach, options.village_share * radius)
    length = math.hypot(east, north)
    x, y = x + distance * east / length, y + distance * north / length
    return Placed(x, y, max(options.least_m, reach) * spread, gazetteer.names[row], rule)


def route_shape(text: str, gazetteer: Gazetteer, territory: Any, unit_name: str) -> Any:
    """The ground a route text covers: the hull of all villages it names, or the whole territory (全镇); None otherwise.

    The unit's own name is where routes start; alone it means its territory. Every other part of the text must be
    recognised, so that a place left out can never make a patrol look shorter.
    """
    parts = [part for part in _ROUTE_SEPARATORS.split(plain(text)) if part]
    stops = [part for part in parts if part != plain(unit_name)]
    if not parts:
        return None
    if all(_WHOLE.match(part) for part in stops):
        return territory
    rows = []
    for part in stops:
        hit = gazetteer.find(part, territory)
        if hit is None:
            return None
        rows.append(hit[0])
    return shapely.union_all(gazetteer.shapes[sorted(set(rows))]).convex_hull
