from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import CITY_CRS, SCENE_CRS
from pipeline.simulate.wild.city import WildCity, scene_stream
from pipeline.simulate.wild.phases import Phase, active
from pipeline.simulate.wild.raster import Raster, noise
from pipeline.simulate.wild.render import Scenery, make_scenery, shadow, surface

EPOCH = pd.Timestamp("2025-10-01")


class Views:
    """Surfaces of days, each rendered once."""

    def __init__(self, city: WildCity, scenery: Scenery) -> None:
        self.city, self.scenery = city, scenery
        self.known: dict[int, NDArray[np.float32]] = {}

    def __call__(self, number: float) -> NDArray[np.float32]:
        day = round(number)
        if day not in self.known:
            self.known[day] = surface(self.city.world, self.scenery, float(day), 0, scene_stream(self.city, day))[0]
        return self.known[day]

    def mask(self, shape: BaseGeometry) -> NDArray[np.bool_]:
        inner = gpd.GeoSeries([shape], crs=CITY_CRS).to_crs(SCENE_CRS).buffer(-2.0)
        if inner.is_empty.all():
            return np.zeros(self.scenery.raster.shape, dtype=bool)
        raster = self.scenery.raster
        return rasterize(inner, out_shape=raster.shape, transform=raster.transform, dtype="uint8").astype(bool)

    def mean(self, shape: BaseGeometry, number: float) -> NDArray[np.float64]:
        return self(number)[:, self.mask(shape)].mean(axis=1)


@pytest.fixture(scope="module")
def views(city: WildCity, scenery: Scenery) -> Views:
    return Views(city, scenery)


def largest(city: WildCity, kind: str, views: Views, *, inside: bool = True) -> pd.DataFrame:
    """Rows of a kind that begin within the history, the largest first, with day numbers."""
    rows = city.distractors[city.distractors["kind"] == kind].copy()
    rows["start"] = (rows["from"] - EPOCH).dt.days
    rows["end"] = (rows["to"] - EPOCH).dt.days
    if inside:
        rows = rows[rows["start"] > city.span.first_number + 5]
    rows["seen"] = [int(views.mask(shape).sum()) for shape in rows.geometry] if len(rows) < 60 else rows.geometry.area
    return rows.sort_values("seen", ascending=False)


def no_snow(city: WildCity, number: float) -> bool:
    return not any(0 <= number - fall.day <= 2 * fall.lasts_days for fall in city.world.weather.snow)


@pytest.mark.parametrize("kind", ["greenhouse", "dust_net", "roof_renewal", "material_yard", "crop_storage"])
def test_laid_distractors_show_on_their_days(kind: str, city: WildCity, views: Views) -> None:
    rows = largest(city, kind, views).head(2)
    moved = []
    for row in rows.itertuples():
        end = row.end if np.isfinite(row.end) else row.start + 60
        before, after = views.mean(row.geometry, row.start - 3), views.mean(row.geometry, min(row.start + 33, end - 1))
        moved.append(float(np.abs(after - before).max()))
    assert max(moved) > 0.03


def test_paddies_are_wet_when_they_are_flooded(city: WildCity, views: Views) -> None:
    row = next(largest(city, "flooded_paddy", views).itertuples())
    dry, wet = views.mean(row.geometry, row.start - 4), views.mean(row.geometry, row.start + 10)
    assert wet[4] < 0.11 and wet[4] < 0.6 * dry[4]
    assert wet[1] > 0.5 * wet[4]


def test_burnt_straw_is_black_then_grey_then_green(city: WildCity, views: Views) -> None:
    rows = largest(city, "straw_burning", views)
    row = next(row for row in rows.itertuples() if no_snow(city, row.start) and no_snow(city, row.start + 20))
    before, black = views.mean(row.geometry, row.start - 1), views.mean(row.geometry, row.start + 1)
    assert black[3] < 0.65 * before[3]
    assert black[:3].mean() < before[:3].mean()


def test_mulch_brightens_the_field(city: WildCity, views: Views) -> None:
    seasons = city.world.plots.seasons
    white = seasons[
        (seasons["film"] == 1) & (seasons["sown"] > city.span.first_number + 40) & seasons["crop"].eq("peanut")
    ]
    shapes = city.world.plots.shapes.geometry
    row = max(white.itertuples(), key=lambda one: shapes.iloc[one.plot].area)
    shape = shapes.iloc[row.plot]
    before, under_film = views.mean(shape, row.sown - 2), views.mean(shape, row.sown + 8)
    assert under_film[0] > before[0] + 0.03


def test_snow_is_bright_and_dark_in_the_swir(city: WildCity, views: Views) -> None:
    falls = [fall for fall in city.world.weather.snow if city.span.first_number < fall.day < city.span.last_number]
    fall = max(falls, key=lambda one: one.depth * one.lasts_days)
    image = views(fall.day)
    assert np.median(image[1]) > 0.35
    snowy = image[1] > 0.5
    assert snowy.mean() > 0.2 and image[4][snowy].mean() < 0.2


def test_the_reservoir_falls_dry_by_summer(city: WildCity, views: Views) -> None:
    full, low = views(-15), views(255)
    shore = (views.scenery.water == 3) & (views.scenery.bank_m < 25.0)
    assert shore.sum() > 50
    assert low[3][shore].mean() > full[3][shore].mean() + 0.05


def test_fields_green_in_spring_and_wood_in_summer_only(city: WildCity, views: Views) -> None:
    def ndvi(number: float, where: NDArray[np.bool_]) -> float:
        image = views(number)[:, where].mean(axis=1)
        return float((image[3] - image[2]) / (image[3] + image[2]))

    kinds = city.world.patches.shapes["kind"].to_numpy()[views.scenery.patch]
    april, july, october, january = 195.0, 300.0, 20.0, 110.0
    assert ndvi(april, kinds == "plot") > ndvi(october, kinds == "plot") + 0.1
    assert ndvi(july, kinds == "poplar") > ndvi(january, kinds == "poplar") + 0.25
    assert abs(ndvi(july, kinds == "building") - ndvi(october, kinds == "building")) < 0.12


def test_sites_look_otherwise_from_the_day_told(city: WildCity, views: Views) -> None:
    stages = city.stages.copy()
    stages["start"] = (stages["from"] - EPOCH).dt.days
    firsts = stages.groupby("site_id").first()
    firsts = firsts[firsts["start"] > city.span.first_number + 3]
    assert len(firsts) >= 3
    moved = []
    for row in firsts.itertuples():
        if row.stage == "enclosure" or not views.mask(row.geometry).any():
            continue
        before, after = views.mean(row.geometry, row.start - 1), views.mean(row.geometry, row.start + 1)
        moved.append(float(np.abs(after - before).max()))
    assert np.median(moved) > 0.03 and np.mean(np.array(moved) > 0.012) > 0.8


def test_a_later_stage_differs_from_the_stage_before(city: WildCity, views: Views) -> None:
    stages = city.stages.copy()
    stages["start"] = (stages["from"] - EPOCH).dt.days
    roofed = stages[
        stages["stage"].isin(["roofed", "hardened", "structure"]) & (stages["start"] < city.span.last_number - 15)
    ]
    assert len(roofed) >= 2
    moved = [float(np.abs(views.mean(row.geometry, row.start + 11) - views.mean(row.geometry, row.start - 1)).max())
             for row in roofed.itertuples() if views.mask(row.geometry).any()]  # fmt: skip
    assert max(moved) > 0.03


def test_truth_is_the_same_at_any_resolution(city: WildCity, views: Views) -> None:
    coarse = make_scenery(city.world, Raster(views.scenery.raster.left, views.scenery.raster.top, 5.0,
                                             tuple(size * 2 // 3 for size in views.scenery.raster.shape)))  # fmt: skip
    other = Views(city, coarse)
    shape = city.sites.geometry.iloc[int(np.argmax(city.sites.geometry.area))]
    assert other.mean(shape, 380) == pytest.approx(views.mean(shape, 380), abs=0.03)


def test_of_two_covers_the_higher_shows() -> None:
    colour = np.full(6, 0.2, dtype=np.float32)
    low, high = (Phase(Point(), 0.0, 10.0, colour, colour, order=order) for order in (1, 5))
    assert active([high, low], 3.0) == [low, high]
    assert active([high, low], 10.0) == []


def test_shadow_falls_away_from_the_sun() -> None:
    height = np.zeros((40, 40), dtype=np.float32)
    height[20, 20] = 10.0
    dark = shadow(height, 2.0, np.deg2rad(45.0), np.pi)  # the sun stands in the south
    rows, cols = np.nonzero(dark)
    assert set(cols) == {20} and rows.max() < 20 and 3 <= len(rows) <= 6


def test_noise_lies_still_on_the_ground() -> None:
    surface_ = noise(np.random.default_rng(1), 30.0)
    fine, wide = Raster(0.0, 300.0, 2.0, (150, 150)), Raster(0.0, 300.0, 10.0, (30, 30))
    assert surface_.on(fine)[2::5, 2::5] == pytest.approx(surface_.on(wide), abs=1e-4)
    assert surface_.on(fine).std() == pytest.approx(1.0, abs=0.35)
    assert surface_.at(wide.east[:5], wide.north[:5]) == pytest.approx(np.diag(surface_.on(wide))[:5], abs=1e-5)
