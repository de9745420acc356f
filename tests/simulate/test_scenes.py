from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from pipeline.simulate.city import SyntheticCity, make_city
from pipeline.simulate.frame import SCENE_DAYS, generators
from pipeline.simulate.ground import EDGE_PX, make_ground, parcel_weather, reflectance, smooth_noise
from pipeline.simulate.scenes import MAX_SHIFT_PX, Scene, cloud_field, make_scene, observe


@pytest.fixture(scope="module")
def scenes(city: SyntheticCity) -> list[Scene]:
    rngs = generators(7)
    return [
        make_scene(ground=city.ground, sites=city.sites, index=index, rngs=rngs) for index in range(len(SCENE_DAYS))
    ]


def by_day(scenes: list[Scene], day: str) -> Scene:
    return next(scene for scene in scenes if scene.truth.day.isoformat() == day)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.0, 0.0), (-0.3, 0.85), (1.25, -1.4)])
def test_observed_shift_is_the_one_asked_for(shift: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    fine = (0.2 + 0.05 * smooth_noise(rng, (256, 256), 9.0))[None]
    still = observe(fine, 0.0, 0.0, (100, 100))[0]
    moved = observe(fine, *shift, (100, 100))[0]
    window = np.outer(np.hanning(80), np.hanning(80))
    a, b = (window * (image[10:-10, 10:-10] - image.mean()) for image in (still, moved))
    measured, _, _ = phase_cross_correlation(b, a, upsample_factor=50, normalization=None)
    assert measured == pytest.approx(shift, abs=0.06)


def test_observe_averages_two_by_two_pixels() -> None:
    fine = np.zeros((1, 64, 64), dtype=np.float32)
    row = col = EDGE_PX + 2 * 7
    fine[0, row : row + 2, col : col + 2] = 1.0
    seen = observe(fine, 0.0, 0.0, (16, 16))[0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (7, 7)
    assert seen[6, 7] == pytest.approx(seen[8, 7], abs=1e-5)
    assert seen[7, 6] == pytest.approx(seen[7, 8], abs=1e-5)
    assert observe(np.full((1, 64, 64), 0.3, dtype=np.float32), 0.4, 0.7, (16, 16)) == pytest.approx(0.3, abs=1e-5)


def test_scenes_carry_their_shift(city: SyntheticCity, scenes: list[Scene]) -> None:
    first, second = by_day(scenes, "2026-03-22"), by_day(scenes, "2026-04-11")
    window = np.outer(np.hanning(240), np.hanning(240))

    def edges(scene: Scene) -> np.ndarray:
        image = np.log(scene.bands[2].astype(np.float64))
        image = ndimage.gaussian_gradient_magnitude(image, 0.7)[11:251, 11:251]
        return window * (image - image.mean())

    measured, _, _ = phase_cross_correlation(edges(second), edges(first), upsample_factor=20, normalization=None)
    expected = (second.truth.dy_px - first.truth.dy_px, second.truth.dx_px - first.truth.dx_px)
    assert measured == pytest.approx(expected, abs=0.35)
    assert all(np.hypot(s.truth.dy_px, s.truth.dx_px) <= MAX_SHIFT_PX for s in scenes)
    assert max(np.hypot(s.truth.dy_px, s.truth.dx_px) for s in scenes) > 0.8


def test_gain_is_applied(city: SyntheticCity) -> None:
    scene = make_scene(ground=city.ground, sites=city.sites, index=0, rngs=generators(5))
    rng = generators(5)["scenes"]
    bare = reflectance(city.ground, city.sites, SCENE_DAYS[0][0], parcel_weather(city.ground, rng))
    seen = observe(bare, scene.truth.dy_px, scene.truth.dx_px, city.ground.shape_px)
    for band in (3, 4, 5):  # haze is next to nothing there
        slope, intercept = np.polyfit(seen[band].ravel(), scene.bands[band].ravel() / 10000.0, 1)
        assert slope == pytest.approx(scene.truth.gain[band], abs=0.01)
        assert intercept == pytest.approx(scene.truth.offset[band], abs=0.008)


def test_cloud_shares_and_the_wholly_cloudy_month(scenes: list[Scene]) -> None:
    for scene, (_, share) in zip(scenes, SCENE_DAYS, strict=True):
        assert abs(scene.truth.cloud_share - share) < 0.08
    cloudy = by_day(scenes, "2026-02-10")
    assert (cloudy.classes >= 8).mean() > 0.99
    assert cloudy.bands[0].min() > 3000
    assert {scene.truth.day.strftime("%Y-%m") for scene in scenes} == {
        *(f"2025-{month:02d}" for month in (11, 12)), *(f"2026-{month:02d}" for month in range(1, 11))
    }  # fmt: skip


def test_cloud_field_covers_what_it_should() -> None:
    field = cloud_field((300, 300), 0.3, np.random.default_rng(1))
    assert (field > 0.3).mean() == pytest.approx(0.3, abs=0.15)
    assert cloud_field((20, 20), 0.0, np.random.default_rng(1)).max() == 0.0


def test_classification_is_imperfect_but_useful(scenes: list[Scene]) -> None:
    scene = by_day(scenes, "2026-09-13")
    said = np.repeat(np.repeat(np.isin(scene.classes, (8, 9, 10)), 2, axis=0), 2, axis=1)
    said = said[: scene.cloud.shape[0], : scene.cloud.shape[1]]
    thick, thin = scene.cloud > 0.8, (scene.cloud > 0.05) & (scene.cloud < 0.3)
    assert said[thick].mean() > 0.97
    assert said[thin].mean() < 0.5
    assert (scene.classes == 3).any()


def test_nodata_only_outside_the_swath(scenes: list[Scene]) -> None:
    for index, scene in enumerate(scenes):
        empty = (scene.bands == 0).all(axis=0)
        assert ((scene.bands == 0).any(axis=0) == empty).all()
        assert empty.any() == (index == 1)


def test_fields_go_from_green_to_bare_in_autumn(scenes: list[Scene]) -> None:
    def median_ndvi(day: str) -> float:
        scene = by_day(scenes, day)
        clear = scene.cloud < 0.01
        nir, red = (scene.bands[band][clear].astype(float) for band in (3, 2))
        return float(np.median((nir - red) / (nir + red)))

    assert median_ndvi("2026-08-29") > 0.65
    assert median_ndvi("2026-09-26") < 0.55
    assert median_ndvi("2026-10-23") < 0.35


def test_only_the_site_changes_when_a_site_is_left_out(city: SyntheticCity) -> None:
    day = SCENE_DAYS[-1][0]
    site = city.sites.sites[city.sites.sites["group"] == "october"].iloc[0]
    fewer = replace(city.sites, stages=city.sites.stages[city.sites.stages["site_id"] != site["site_id"]])
    weather = parcel_weather(city.ground, np.random.default_rng(2))
    with_site, without = (reflectance(city.ground, sites, day, weather) for sites in (city.sites, fewer))
    changed = np.abs(with_site - without).max(axis=0) > 0
    state = city.sites.stages[(city.sites.stages["site_id"] == site["site_id"]) & (city.sites.stages["from"] <= day)]
    assert changed.sum() * 25.0 == pytest.approx(state["area_m2"].iloc[-1], rel=0.15)
    assert 0.005 < np.abs(with_site - without)[:, changed].mean() < 0.25


def test_same_seed_same_bytes_and_other_seed_other_bytes(city: SyntheticCity) -> None:
    again = make_ground(frame=city.frame, landscape=city.landscape, rngs=generators(20261001))
    assert (again.roof == city.ground.roof).all()
    assert again.shape_px == city.ground.shape_px
    first, second = (make_scene(ground=city.ground, sites=city.sites, index=3, rngs=generators(9)) for _ in range(2))
    assert first.bands.tobytes() == second.bands.tobytes()
    assert first.classes.tobytes() == second.classes.tobytes()
    other = make_city(size="small", seed=2)
    assert other.sites.sites["onset"].tolist() != city.sites.sites["onset"].tolist()
