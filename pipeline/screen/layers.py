"""The land layers under objects: areas by land class, by layer and by parcel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula
from pipeline.screen.outlines import Laid, Outlines, Shared, once_m2, shared_ground
from pipeline.screen.overlap import Floats
from pipeline.screen.scale import Scale, scale_of

UNKNOWN_CLASS = "unknown"
"""Name of ground whose land class no parcel tells, or several tell differently."""


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

    def group(self, name: str) -> ClassGroup:
        """A group of land classes; KeyError for an unknown one."""
        group = next((g for g in self.groups if g.name == name), None)
        if group is None:
            raise KeyError(name)
        return group


@dataclass(frozen=True)
class Surveyed:
    """The layers ready to be laid under many outlines, and the scale of their map."""

    layers: Mapping[str, Laid | None]
    scale: Scale

    def __getitem__(self, name: str) -> Laid | None:
        return self.layers[name]

    @property
    def land_use(self) -> Laid:
        """The layer that is always there."""
        laid = self.layers["land_use"]
        if laid is None:
            raise ValueError("screening needs the land-use layer")
        return laid

    def missing(self) -> frozenset[str]:
        """Names of the layers that were not delivered."""
        return frozenset(name for name, laid in self.layers.items() if laid is None)

    def refuse_other_crs(self, crs: object) -> None:
        """Raise ValueError when objects in ``crs`` and a layer differ in CRS."""
        for name, laid in self.layers.items():
            if laid is not None and laid.frame.crs != crs:
                raise ValueError(f"layer {name} is in {laid.frame.crs}, the objects are in {crs}")


def survey(ground: Ground | Surveyed, formula: AreaFormula) -> Surveyed:
    """Layers ready to be overlaid, their areas by one formula; those that are ready remain what they are."""
    if isinstance(ground, Surveyed):
        if ground.scale.formula != formula:
            raise ValueError(f"the layers are measured by the {ground.scale.formula} formula, not the {formula} one")
        return ground
    laid = {name: None if layer is None else Laid(layer) for name, layer in vars(ground).items()}
    return Surveyed(laid, scale_of(ground.land_use.crs, formula))


@dataclass(frozen=True)
class ClassAreas:
    """Area of each land class under each outline, m2 with two decimals; ``codes`` are sorted."""

    codes: tuple[str, ...]
    m2: Floats

    def within(self, group: ClassGroup) -> Floats:
        """Per outline the sum over the classes of a group, m2."""
        return self._sum([group.holds(code) for code in self.codes])

    def known(self) -> Floats:
        """Per outline the ground whose class is known, m2."""
        return self.all() - self.unknown()

    def all(self) -> Floats:
        """Per outline the sum of all classes, m2."""
        return self._sum([True] * len(self.codes))

    def unknown(self) -> Floats:
        """Per outline the ground whose class is not known, m2."""
        return self.m2[:, self.codes.index(UNKNOWN_CLASS)]

    def _sum(self, wanted: list[bool]) -> Floats:
        # one class after the other: the order of a sum decides its last bit
        total = np.zeros(len(self.m2), dtype=np.float64)
        for column in np.flatnonzero(wanted):
            total = total + self.m2[:, column]
        return total

    def replaced(self, rows: NDArray[np.bool_], other: ClassAreas) -> ClassAreas:
        """These areas with some rows taken from others."""
        codes = tuple(sorted({*self.codes, *other.codes}))
        areas = np.zeros((len(self.m2), len(codes)), dtype=np.float64)
        for column, code in enumerate(self.codes):
            areas[:, codes.index(code)] = np.where(rows, 0.0, self.m2[:, column])
        for column, code in enumerate(other.codes):
            areas[rows, codes.index(code)] = other.m2[:, column]
        return ClassAreas(codes, areas)

    def with_class(self, code: str, m2: Floats) -> ClassAreas:
        """These areas and those of one more class."""
        codes = (*self.codes, code)
        order = sorted(range(len(codes)), key=codes.__getitem__)
        return ClassAreas(tuple(codes[n] for n in order), np.column_stack([self.m2, m2])[:, order])

    def by_code(self) -> list[dict[str, float]]:
        """Per outline the areas of the classes it has."""
        rows: list[dict[str, float]] = [{} for _ in range(len(self.m2))]
        at, column = np.nonzero(self.m2)
        for row, number, area in zip(at.tolist(), column.tolist(), self.m2[at, column].tolist(), strict=True):
            rows[row][self.codes[number]] = area
        return rows


def largest_parcel_share(found: Shared, land_use: Laid, group: ClassGroup, count: int) -> Floats:
    """Per outline (``count``) the largest share of any one parcel of a class group that it covers, 0..1."""
    numbers, names = land_use.classes
    belongs = np.array([group.holds(code) for code in names], dtype=bool)
    kept = found.where(belongs[numbers[found.polygon]])
    shares = np.zeros(count, dtype=np.float64)
    np.maximum.at(shares, kept.row, kept.plain_m2 / shapely.area(land_use.polygons[kept.polygon]))
    return np.asarray(np.round(np.minimum(shares, 1.0), 4), dtype=np.float64)


def shared_m2(own: Outlines, laid: Laid) -> Floats:
    """Per outline the area under a layer, m2; ground under two polygons of the layer counts once."""
    return once_m2(own, laid, shared_ground(own, laid))


def decimals(values: Floats, digits: int) -> Floats:
    """Rounded as Python's ``round`` does it, halves decided by the number's own last bit."""
    near = np.round(values, digits)
    scaled = values * 10.0**digits
    ties = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6
    near[ties] = [round(value, digits) for value in values[ties].tolist()]
    return np.asarray(near, dtype=np.float64)
