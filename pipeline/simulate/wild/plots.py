"""Households' plots: parcels cut into strips, and what each of them grew season by season over the years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import day_number
from pipeline.simulate.landscape import FARMED, Landscape
from pipeline.simulate.wild.frame import Span
from pipeline.simulate.wild.raster import noise

# crop: sown, harvested (month, day), days of spread; residue left standing, chance of burning it, of ploughing it in
CROPS: dict[str, tuple[tuple[int, int], tuple[int, int], float, float, float, float]] = {
    "wheat": ((10, 16), (6, 3), 3.5, 0.72, 0.05, 0.45),
    "rape": ((10, 5), (5, 24), 4.0, 0.45, 0.06, 0.8),
    "garlic": ((10, 2), (5, 19), 4.0, 0.12, 0.0, 0.9),
    "maize": ((6, 12), (9, 28), 5.5, 0.55, 0.05, 0.85),
    "soy": ((6, 14), (9, 26), 4.5, 0.30, 0.03, 0.85),
    "rice": ((6, 17), (10, 12), 6.0, 0.65, 0.09, 0.4),
    "peanut": ((4, 24), (9, 8), 5.5, 0.15, 0.0, 0.8),
    "cotton": ((4, 26), (11, 2), 6.0, 0.40, 0.04, 0.7),
    "melon": ((4, 12), (7, 20), 7.0, 0.15, 0.0, 0.9),
}
SYSTEMS: dict[str, tuple[str, ...]] = {
    "wheat_maize": ("wheat", "maize"), "wheat_soy": ("wheat", "soy"), "rice_wheat": ("wheat", "rice"),
    "rice_rape": ("rape", "rice"), "rice_only": ("rice",), "peanut_only": ("peanut",), "wheat_peanut": ("wheat", "soy"),
    "garlic_maize": ("garlic", "maize"), "cotton_only": ("cotton",), "melon_only": ("melon",),
    "vegetables": (), "idle": (),
}  # fmt: skip
_OF_LAND = {
    "wheat_maize": (("wheat_maize", 0.86), ("garlic_maize", 0.05), ("cotton_only", 0.04), ("melon_only", 0.05)),
    "wheat_soy": (("wheat_soy", 0.72), ("wheat_maize", 0.2), ("peanut_only", 0.08)),
    "rice": (("rice_wheat", 0.48), ("rice_rape", 0.27), ("rice_only", 0.25)),
    "peanut": (("peanut_only", 0.7), ("wheat_peanut", 0.2), ("cotton_only", 0.1)),
    "garlic": (("garlic_maize", 0.9), ("wheat_maize", 0.1)), "vegetables": (("vegetables", 0.86), ("melon_only", 0.14)),
    "fallow": (("idle", 0.6), ("wheat_maize", 0.25), ("peanut_only", 0.15)),
}  # fmt: skip
_FILMED = {"peanut": 0.75, "melon": 0.95, "garlic": 0.7, "cotton": 0.6, "vegetables": 0.25}
NEVER = 1.0e9


@dataclass(frozen=True)
class Plots:
    """``shapes``: plot (row), parcel, angle, geometry in the city's CRS, with ``soil`` and ``colour`` of the soil.

    ``seasons`` in order of harvest: plot, year, crop, sown, harvested, peak, residue, burnt, ploughed (day numbers,
    :data:`NEVER` where it did not happen), film (0 none, 1 white, 2 black), flooded, irrigated_1..3, seed.
    """

    shapes: gpd.GeoDataFrame
    seasons: pd.DataFrame


def cut_strips(shape: BaseGeometry, angle: float, rng: np.random.Generator) -> list[Polygon]:
    """A parcel shared out among households in strips along ``angle``, 4 to 50 m wide; one in three is kept whole."""
    if shape.area < 1200.0 or rng.random() < 0.33:
        return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    turned = affinity.rotate(shape, -angle, origin=(0.0, 0.0), use_radians=True)
    xmin, ymin, xmax, ymax = turned.bounds
    edges, common = [ymin - 1.0], float(rng.uniform(5.0, 32.0))
    while edges[-1] < ymax:
        edges.append(edges[-1] + max(4.0, common * float(np.exp(rng.normal(0.0, 0.35)))))
    strips: list[Polygon] = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        piece = turned.intersection(box(xmin - 1, low, xmax + 1, high))
        for part in shapely.get_parts(piece):
            if part.geom_type == "Polygon" and part.area > 60.0:
                # turning back can make a sliver cross itself by a rounding
                back = affinity.rotate(part, angle, origin=(0.0, 0.0), use_radians=True).buffer(0.0)
                strips += [one for one in shapely.get_parts(back) if one.area > 60.0]
    return strips or [shape]


def make_plots(
    *, landscape: Landscape, span: Span, rngs: dict[str, np.random.Generator]
) -> tuple[Plots, list[tuple[str, float, float, BaseGeometry]]]:
    """Cut the farmed parcels and grow their crops; returns also the fallow years as (kind, from, to, geometry)."""
    rng = rngs["plots"]
    parcels = landscape.parcels
    farmed = parcels[parcels["land"].isin(sorted(FARMED))]
    rows: list[dict[str, object]] = []
    for parcel in farmed.itertuples():
        for strip in cut_strips(parcel.geometry, float(parcel.angle), rng):
            rows.append({"parcel": parcel.parcel, "land": parcel.land, "angle": parcel.angle, "geometry": strip})
    shapes = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=parcels.crs)
    shapes.insert(0, "plot", np.arange(len(shapes)))
    per_parcel = rng.normal(0.0, 0.10, len(parcels))
    shapes["soil"] = np.exp(per_parcel[shapes["parcel"]] + rng.normal(0.0, 0.08, len(shapes)))
    colours = noise(rng, 900.0)
    shapes["colour"] = colours.at(*_centres(shapes)) + rng.normal(0.0, 0.25, len(shapes))
    seasons, fallow = _grow(shapes, span, rngs["crops"])
    return Plots(shapes, seasons), fallow


def _centres(shapes: gpd.GeoDataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centres = shapes.geometry.centroid
    return centres.x.to_numpy(), centres.y.to_numpy()


def _grow(
    shapes: gpd.GeoDataFrame, span: Span, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, float, float, BaseGeometry]]]:
    """Rotation and farming calendar of every plot; neighbours are early or late together, households differ."""
    years = range(span.first.year, span.last.year + 2)
    local, east_north = noise(rng, 700.0), _centres(shapes)
    custom = local.at(*east_north) * 2.5
    systems = _first_systems(shapes, rng)
    parcel = shapes["parcel"].to_numpy()
    rows: list[tuple[object, ...]] = []
    fallow: list[tuple[str, float, float, BaseGeometry]] = []
    for year in years:
        systems = _rotate(systems, shapes, rng)
        weather_shift = {crop: float(rng.normal(0.0, 3.0)) for crop in CROPS}
        parcel_shift = rng.normal(0.0, 3.0, int(parcel.max()) + 1)
        idle_parcel = rng.random(int(parcel.max()) + 1) < 0.05
        for plot in range(len(shapes)):
            idle = bool(idle_parcel[parcel[plot]] or rng.random() < 0.015)
            shift = float(custom[plot] + parcel_shift[parcel[plot]])
            if idle:
                begins = day_number(date(year - 1, 10, 15))
                fallow.append(("fallow_year", begins, begins + 360.0, shapes.geometry.iloc[plot]))
            elif systems[plot] == "vegetables":
                rows += _vegetables(plot, year, rng)
            else:
                for crop in SYSTEMS[systems[plot]]:
                    rows.append(_season(plot, year, crop, shift + weather_shift[crop], rng))
    columns = ["plot", "year", "crop", "sown", "harvested", "peak", "residue", "burnt", "ploughed", "film", "flooded",
               "irrigated_1", "irrigated_2", "irrigated_3", "seed"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["harvested", "plot"], ignore_index=True), fallow


def _first_systems(shapes: gpd.GeoDataFrame, rng: np.random.Generator) -> list[str]:
    """The parcel's system for most households, their own for some."""
    common: dict[int, str] = {}
    result = []
    for parcel, land in zip(shapes["parcel"], shapes["land"], strict=True):
        if parcel not in common:
            common[parcel] = _draw(land, rng)
        result.append(common[parcel] if rng.random() < 0.78 else _draw(land, rng))
    return result


def _draw(land: str, rng: np.random.Generator) -> str:
    names, shares = zip(*_OF_LAND[land], strict=True)
    return str(rng.choice(names, p=np.array(shares) / sum(shares)))


def _rotate(systems: list[str], shapes: gpd.GeoDataFrame, rng: np.random.Generator) -> list[str]:
    """Crop rotation: one parcel in seven changes its system in a year, and one household in twelve."""
    change: dict[int, bool] = {}
    new: dict[int, str] = {}
    result = []
    for before, parcel, land in zip(systems, shapes["parcel"], shapes["land"], strict=True):
        if parcel not in change:
            change[parcel], new[parcel] = bool(rng.random() < 0.14), _draw(land, rng)
        own = rng.random() < 0.08
        result.append(_draw(land, rng) if own else new[parcel] if change[parcel] else before)
    return result


def _season(plot: int, year: int, crop: str, shift: float, rng: np.random.Generator) -> tuple[object, ...]:
    (sow_month, sow_day), (cut_month, cut_day), spread, residue, burns, ploughs = CROPS[crop]
    winter = sow_month > cut_month
    own = rng.normal(0.0, 1.0, 6)
    sown = day_number(date(year - winter, sow_month, sow_day)) + shift + spread * own[0] * 0.8
    harvested = day_number(date(year, cut_month, cut_day)) + 0.8 * shift + spread * own[1] * 0.8
    chance = rng.random(6)
    burnt = harvested + 1.0 + 9.0 * chance[1] if chance[0] < burns else NEVER
    ploughed = NEVER
    if chance[2] < ploughs:
        slow = crop == "rice" or (crop in ("cotton",))
        ploughed = harvested + (8.0 + 120.0 * chance[3] ** 2 if slow else 2.0 + 11.0 * chance[3])
    film = 0 if chance[4] > _FILMED.get(crop, 0.0) else 1 if chance[5] < 0.8 else 2
    length = harvested - sown
    water = tuple(sown + length * share + 6.0 * one if skip < 0.6 else NEVER
                  for share, one, skip in zip((0.03, 0.62, 0.8), own[3:], rng.random(3), strict=True))  # fmt: skip
    failed = rng.random() < 0.025
    peak = float(np.clip(0.9 + 0.07 * own[2], 0.5, 0.99)) * (float(rng.uniform(0.2, 0.6)) if failed else 1.0)
    leaves = float(np.clip(residue + 0.18 * rng.standard_normal(), 0.03, 0.92))
    return (plot, year, crop, sown, harvested, peak, leaves, burnt, ploughed, film, crop == "rice", *water,
            int(rng.integers(1 << 20)))  # fmt: skip


def _vegetables(plot: int, year: int, rng: np.random.Generator) -> list[tuple[object, ...]]:
    """Three to five short crops a year with days to weeks of bare beds between them."""
    rows: list[tuple[object, ...]] = []
    at, end = day_number(date(year, 1, 20)) + float(rng.uniform(0, 45)), day_number(date(year, 12, 20))
    while at < end:
        length = float(rng.uniform(55, 105))
        film = 0 if rng.random() > _FILMED["vegetables"] else 1 if rng.random() < 0.6 else 2
        gap = float(rng.uniform(3, 38))
        ploughed = at + length + 1.0 + 0.5 * gap * float(rng.random())
        water = tuple(at + length * share for share in (0.02, 0.3, 0.6))
        rows.append((plot, year, "vegetables", at, at + length, float(rng.uniform(0.55, 0.95)), 0.08, NEVER, ploughed,
                     film, False, *water, int(rng.integers(1 << 20))))  # fmt: skip
        at += length + gap
    return rows
