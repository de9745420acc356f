from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.simulate.frame import day_number
from pipeline.simulate.wild.city import WildCity, render
from pipeline.simulate.wild.mosaic import mosaic_grid, mosaics
from pipeline.simulate.wild.raster import Raster
from pipeline.simulate.wild.render import Scenery, leaning
from pipeline.simulate.wild.sentinel import cloud_cover, sample
from pipeline.simulate.wild.sky_events import all_distractors, sky_events, view_table
from pipeline.simulate.wild.weather import Pass


def test_scenes_are_the_same_in_any_order(city: WildCity, scenery: Scenery) -> None:
    first, second = city.passes[3], city.passes[9]
    one, two = render(city, first, scenery), render(city, second, scenery)
    again = render(city, first, scenery)
    assert np.array_equal(one.bands, again.bands) and np.array_equal(one.classes, again.classes)
    assert one.view == again.view and one.view != two.view


def test_a_scene_is_reflectance_with_classes_at_twenty_metres(city: WildCity, scenery: Scenery) -> None:
    clear = next(one for one in city.passes if one.cloud_share == 0.0 and one.orbit == 0)
    scene = render(city, clear, scenery)
    assert scene.bands.dtype == np.uint16 and scene.bands.shape == (6, *city.grid.shape)
    assert scene.bands.min() >= 1 and np.median(scene.bands[2]) < 6500
    assert scene.classes.shape == tuple(-(-size // 2) for size in city.grid.shape)
    assert set(np.unique(scene.classes)) <= {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}


def test_only_the_neighbouring_orbit_leaves_a_wedge_empty(city: WildCity, scenery: Scenery) -> None:
    for orbit in (0, 1):
        scene = render(city, Pass(day_number(city.span.first) + 20, orbit, 0.0), scenery)
        assert ((scene.bands == 0).all(axis=0).mean() > 0.02) == (orbit == 1)
        assert ((scene.bands == 0).any(axis=0) == (scene.bands == 0).all(axis=0)).all()


def test_sampling_keeps_the_mean_moves_content_and_blurs_the_swir() -> None:
    fine = Raster(0.0, 900.0, 10.0 / 3.0, (270, 270))
    target = Raster(150.0, 750.0, 10.0, (60, 60))
    rng = np.random.default_rng(5)
    ground = np.repeat(rng.random((1, 270, 270), dtype=np.float32), 6, axis=0)
    still, moved = sample(ground, fine, target, 0.0, 0.0), sample(ground, fine, target, 1.0, 0.0)
    assert still.mean() == pytest.approx(0.5, abs=0.01)
    assert moved[2, 1:] == pytest.approx(still[2, :-1], abs=1e-5)
    assert still[4].std() < 0.7 * still[3].std()


def test_clouds_throw_shadows_away_from_the_sun() -> None:
    target = Raster(0.0, 3000.0, 10.0, (300, 300))
    cloud, shade = cloud_cover(target, Pass(0, 0, 0.3), np.random.default_rng(2), np.deg2rad(40.0), np.deg2rad(150.0))
    assert 0.2 < (cloud > 0.1).mean() < 0.45
    assert (shade > 0.1).any() and not np.allclose(cloud, shade, atol=0.05)
    assert not cloud_cover(target, Pass(0, 0, 0.0), np.random.default_rng(2), 0.7, 2.0)[0].any()


def test_sky_events_tell_what_was_done_to_a_scene(city: WildCity, scenery: Scenery) -> None:
    cloudy = render(city, replace(city.passes[4], cloud_share=0.3), scenery)
    events = sky_events(city, cloudy)
    assert "cloud_shadow" in {event[0] for event in events}
    table = all_distractors(city, events)
    assert list(table.columns) == ["distractor_id", "kind", "from", "to", "geometry"]
    assert table["distractor_id"].is_unique and table["from"].is_monotonic_increasing
    row = view_table([cloudy.view]).iloc[0]
    assert row["cloud_share"] > 0.1 and row["file"].startswith("S2_20")


def test_mosaics_are_eight_bit_with_an_interval_and_stretches_of_their_own(city: WildCity) -> None:
    grid = mosaic_grid(city, side_m=400.0)
    found = list(mosaics(replace(city, span=city.span), grid=grid, every_months=7, bands=4))
    assert len(found) == 2
    for mosaic in found:
        assert mosaic.bands.dtype == np.uint8 and mosaic.bands.shape == (4, *grid.shape)
        assert mosaic.bands.min() >= 1
        assert all(mosaic.first <= day <= mosaic.last for day in mosaic.strip_days)
        assert set(np.unique(mosaic.strip)) == {0, 1}
    assert np.abs(np.median(found[0].bands[0]).astype(int) - np.median(found[1].bands[0]).astype(int)) > 1
    again = next(mosaics(city, grid=grid, every_months=7, bands=4))
    assert np.array_equal(again.bands, found[0].bands)


def test_roofs_lean_away_and_show_their_walls(city: WildCity, scenery: Scenery) -> None:
    leaned = leaning(scenery, city.world.patches, (0.6, 0.0))
    wall = len(city.world.patches.shapes) - 1
    assert (leaned.patch == wall).any() and not (scenery.patch == wall).any()
    assert np.array_equal(leaned.stood, scenery.patch)
    tall = int(city.world.patches.shapes["height_m"].where(city.world.patches.shapes["kind"] == "building").idxmax())
    before, after = (np.nonzero(one.patch == tall)[1] for one in (scenery, leaned))
    assert after.mean() > before.mean() + 1.0
