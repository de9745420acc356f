"""How likely the patrols saw the ground itself: points over every cell, their risk, and the chance of having been seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.reconcile.nearness import PointGrid
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import SightOptions, has_track, known_steps, seen_probability, speed_factor
from pipeline.values import Stage

Floats = NDArray[np.float64]
SIGHT_BOUNDS: tuple[Stage, Stage] = (Stage.EARTHWORKS, Stage.STRUCTURE)
"""What the chance is stated for: fresh earthworks, hard to see, and a structure, easy to see."""
REFERENCE_M2 = 1000.0
_STEP_M = 2.0
FARTHEST_SIGHTS = 3.0
"""Beyond so many sight distances a structure is as good as invisible (chance 0.01)."""
_LONGEST_STEP_SIGHTS = 4.0
_HECTARE_M2 = 10_000.0
_POLYGONS_AT_ONCE = 5000


@dataclass(frozen=True)
class RiskWeights:
    """Risk in hectares of ordinary ground: what a hectare of farmland and basic farmland, a target, a case add to it."""

    farmland: float
    basic_farmland: float
    target_ha: float
    case_ha: float


@dataclass(frozen=True)
class Ground:
    """Points standing for ground: ``xy`` (points, 2) metres, ``cell`` their cell's row, ``area_ha``, ``risk`` (points,)."""

    xy: Floats
    cell: NDArray[np.intp]
    area_ha: Floats
    risk: Floats


FIND_ERROR_M = 300.0


def ground_points(
    cells: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    cases: gpd.GeoDataFrame,
    farmland: Iterable[Any],
    basic_farmland: Iterable[Any],
    *,
    step_m: float,
    weights: RiskWeights,
) -> Ground:
    """A lattice ``step_m`` apart over all cells, anchored at the CRS origin so that no cell moves another's points.

    ``targets`` and ``cases`` (earlier ones) add points of their own, without area, with their risk; ``farmland`` and
    ``basic_farmland`` are polygons in the cells' projected metre CRS. A cell's points share its area equally, one too
    small for the lattice is its representative point. Each point belongs to the first cell, in row order, that holds it.
    """
    shapes = cells.geometry.to_numpy()
    xy, cell = _lattice(shapes, step_m)
    counts = np.bincount(cell, minlength=len(shapes)).astype(np.float64)
    area = shapely.area(shapes)[cell] / counts[cell] / _HECTARE_M2 if len(cell) else np.zeros(0)
    grid = PointGrid(xy)
    factor = 1.0 + weights.farmland * _inside(grid, farmland) + weights.basic_farmland * _inside(grid, basic_farmland)
    parts = [(xy, cell, area, area * factor)]
    for places, worth in ((targets, weights.target_ha), (cases, weights.case_ha)):
        spots = shapely.get_coordinates(shapely.point_on_surface(places.geometry.to_numpy()))
        home = _cell_of(spots, shapes)
        inside = home >= 0
        parts.append((spots[inside], home[inside], np.zeros(inside.sum()), np.full(inside.sum(), worth)))
    return Ground(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def risk_ground(
    cells: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    land_use: gpd.GeoDataFrame,
    basic_farmland: gpd.GeoDataFrame | None,
    *,
    period: str,
    is_farmland: Callable[[str], bool],
    step_m: float,
    weights: RiskWeights,
    finds: gpd.GeoSeries | None = None,
) -> Ground:
    """:func:`ground_points` with this period's targets, those of earlier ones as cases, and the farmland of the layers.

    ``finds``: places of what only patrols can see (:func:`unseen_finds`), counted as cases.
    """
    new = targets["first_period"] == period
    cases = targets.loc[~new, ["geometry"]]
    if finds is not None and len(finds):
        cases = gpd.GeoDataFrame(geometry=[*cases.geometry, *finds], crs=cells.crs)
    arable = land_use[[is_farmland(code) for code in land_use["class_code"]]]
    protected = () if basic_farmland is None else basic_farmland.geometry
    return ground_points(cells, targets[new], cases, arable.geometry, protected, step_m=step_m, weights=weights)


def unseen_finds(entries: gpd.GeoDataFrame, words: Sequence[str]) -> gpd.GeoSeries:
    """Places of ledger findings that name by ``words`` what the imagery cannot show, such as graves.

    Only findings placed within :data:`FIND_ERROR_M` count: a village's name says nothing of the cell.
    """
    told = entries["status"].fillna("") + entries["project"].fillna("")
    named = told.map(lambda text: any(word in text for word in words)).to_numpy(dtype=bool)
    placed = ~(entries.geometry.isna() | entries.geometry.is_empty) & (entries["uncertainty_m"] <= FIND_ERROR_M)
    return entries.geometry[named & entries["finding"].to_numpy(dtype=bool) & placed.to_numpy(dtype=bool)]


def chance_unseen(
    ground: Ground, visits: gpd.GeoDataFrame, cells_of_visit: Mapping[int, Sequence[int]], *, sight: SightOptions
) -> Floats:
    """The chance (points, 2) that no visit saw a point: earthworks and structure of 1000 m2, in that order.

    ``cells_of_visit``: visit row to the rows of the cells it counts for. Distance is to the track's known way, the
    curve :func:`pipeline.reconcile.sight.seen_probability` with the month and the speed of the visit; visits are taken
    as independent. Visits without a track see nothing here.
    """
    unseen = np.ones((len(ground.xy), len(SIGHT_BOUNDS)))
    if not len(ground.xy):
        return unseen
    grid = PointGrid(ground.xy)
    farthest_m = FARTHEST_SIGHTS * sight.sight_m
    curves: dict[tuple[int, float], Floats] = {}
    facts = as_rows(visits, ["visited_on", "length_m", "minutes"])
    lines, tracked = visits.geometry.to_numpy(), has_track(visits)
    for row in sorted(cells_of_visit):
        if not tracked[row]:
            continue
        near, metres = grid.near_steps(*known_steps(lines[row], _LONGEST_STEP_SIGHTS * sight.sight_m), farthest_m)
        own = np.isin(ground.cell[near], cells_of_visit[row])
        near, metres = near[own], metres[own]
        visit = facts[row]
        speed = speed_factor(visit["length_m"], visit["minutes"], fast_kmh=sight.fast_kmh)
        key = (visit["visited_on"].month, speed)
        if key not in curves:
            curves[key] = _curve(farthest_m, *key, sight)
        at = metres / _STEP_M
        for bound in range(len(SIGHT_BOUNDS)):
            unseen[near, bound] *= 1.0 - np.interp(at, np.arange(curves[key].shape[1]), curves[key][bound])
    return unseen


def seen_by_cell(ground: Ground, unseen: Floats, *, cells: int) -> pd.DataFrame:
    """Per cell row: ``area_ha``, ``risk`` and what of both was seen, for earthworks (``early``) and structures (``built``).

    Columns ``seen_early_ha seen_built_ha risk_seen_early risk_seen_built``; sums, so that units and people add up.
    """
    data = {
        "area_ha": _sum(ground.cell, ground.area_ha, cells),
        "risk": _sum(ground.cell, ground.risk, cells),
    }
    for bound, name in enumerate(("early", "built")):
        data[f"seen_{name}_ha"] = _sum(ground.cell, ground.area_ha * (1.0 - unseen[:, bound]), cells)
        data[f"risk_seen_{name}"] = _sum(ground.cell, ground.risk * (1.0 - unseen[:, bound]), cells)
    return pd.DataFrame(data)


def _sum(cell: NDArray[np.intp], values: Floats, cells: int) -> Floats:
    return np.asarray(np.bincount(cell, weights=values, minlength=cells), dtype=np.float64)


def _curve(farthest_m: float, month: int, speed: float, sight: SightOptions) -> Floats:
    """The chance of being seen at every second metre, (2, distances)."""
    distances = np.arange(0.0, farthest_m + _STEP_M, _STEP_M)
    return np.array(
        [
            [seen_probability(far, REFERENCE_M2, stage, month, speed, sight) for far in distances]
            for stage in SIGHT_BOUNDS
        ]
    )


def _lattice(shapes: NDArray[np.object_], step_m: float) -> tuple[Floats, NDArray[np.intp]]:
    if not len(shapes):
        return np.zeros((0, 2)), np.zeros(0, dtype=np.intp)
    parts = []
    for shape in shapes:
        west, south, east, north = shapely.bounds(shape)
        x, y = (
            np.arange(np.floor(low / step_m), np.ceil(high / step_m)) for low, high in ((west, east), (south, north))
        )
        grid = np.stack(np.meshgrid((x + 0.5) * step_m, (y + 0.5) * step_m), axis=-1).reshape(-1, 2)
        inside = grid[shapely.contains_xy(shape, grid)]
        parts.append(inside if len(inside) else shapely.get_coordinates(shapely.point_on_surface(shape)))
    xy, cell = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    _, first = np.unique(xy[:, 0] + 1j * xy[:, 1], return_index=True)
    kept = np.sort(first)
    return xy[kept], cell[kept].astype(np.intp)


def _inside(grid: PointGrid, polygons: Iterable[Any]) -> Floats:
    """1 for the grid's points (in their own order) that lie in any of the polygons or on their edges, else 0."""
    covered = np.zeros(len(grid.order))
    every = np.asarray(list(polygons), dtype=object)
    for start in range(0, len(every) if len(covered) else 0, _POLYGONS_AT_ONCE):
        shapes = every[start : start + _POLYGONS_AT_ONCE]
        polygon, at = grid.in_boxes(*shapely.bounds(shapes).T)
        inside = shapely.intersects_xy(shapes[polygon], grid.x[at], grid.y[at])
        covered[grid.order[at[inside]]] = 1.0
    return covered


def _cell_of(xy: Floats, shapes: NDArray[np.object_]) -> NDArray[np.intp]:
    """Row of the first cell that holds each point, -1 outside all."""
    home = np.full(len(xy), -1, dtype=np.intp)
    if len(xy) and len(shapes):
        point, cell = shapely.STRtree(shapes).query(shapely.points(xy), predicate="intersects")
        for at, number in sorted(zip(point.tolist(), cell.tolist(), strict=True), reverse=True):
            home[at] = number
    return home
