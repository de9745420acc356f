from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.screen_scale import draw_ground, screening
from pipeline.screen.blocks import neighbourhoods, reach, z_order
from pipeline.screen.layers import Ground, survey
from pipeline.screen.suppress import screen_candidates
from tests.screen.drawing import CRS


def around(ground: Ground, box: tuple[float, float, float, float]) -> Ground:
    """Every layer's rows whose bounds meet a box, in their order."""
    kept = {}
    for name, layer in vars(ground).items():
        if layer is not None:
            bounds = layer.bounds.to_numpy()
            meets = (bounds[:, :2] <= box[2:]).all(axis=1) & (bounds[:, 2:] >= box[:2]).all(axis=1)
            kept[name] = layer[meets].reset_index(drop=True)
    return Ground(**kept)


@settings(max_examples=5, deadline=None)
@given(size=st.sampled_from([1, 3, 7, 1000]), seed=st.integers(1, 5))
def test_the_ground_around_a_block_says_what_the_whole_ground_says(size: int, seed: int) -> None:
    ground, candidates = draw_ground(0.0007, seed=seed)
    keywords = screening(ground) | {"outline_tolerance_px": 3.0}
    whole = screen_candidates(candidates, **keywords)
    parts = []
    for rows in neighbourhoods(candidates, size):
        box = reach(candidates.iloc[rows], 3.0)
        assert box is not None
        parts.append(screen_candidates(candidates.iloc[rows], **(keywords | {"ground": around(ground, box)})))
    for one, several in zip(whole, zip(*parts, strict=True), strict=True):
        joined = pd.concat([part for part in several if len(part)] or several[:1])
        joined = joined.sort_values("candidate_id", ignore_index=True)
        pd.testing.assert_frame_equal(one, joined, check_exact=True)


def test_layers_made_ready_once_say_what_they_say_when_made_ready_for_each_block() -> None:
    ground, candidates = draw_ground(0.0007)
    keywords = screening(ground)
    ready = keywords | {"ground": survey(ground, "geodesic")}
    for rows in neighbourhoods(candidates, 9):
        some = candidates.iloc[rows]
        for one, other in zip(screen_candidates(some, **keywords), screen_candidates(some, **ready), strict=True):
            pd.testing.assert_frame_equal(one, other, check_exact=True)
    with pytest.raises(ValueError, match="official"):
        screen_candidates(candidates, **(ready | {"ground": survey(ground, "official")}))


def test_every_object_is_in_one_block_and_near_ones_share_it() -> None:
    corners = np.array([(x, y) for x in range(8) for y in range(8)], dtype=float) * 100.0
    shapes = shapely.box(*corners.T, *(corners.T + 10.0))
    mixed = np.random.default_rng(3).permutation(len(shapes))
    objects = gpd.GeoDataFrame({"gsd_m": 10.0}, geometry=shapes[mixed], index=range(64), crs=CRS)
    blocks = neighbourhoods(objects, 16)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(64))
    widths = [np.ptp(objects.iloc[rows].bounds["minx"]) for rows in blocks]
    assert widths == [300.0] * 4
    assert reach(objects.iloc[blocks[0]], 2.0) == (-21.0, -21.0, 331.0, 331.0)


def test_objects_without_an_outline_have_no_ground_around_them_but_a_block() -> None:
    objects = gpd.GeoDataFrame({"gsd_m": [10.0, np.nan]}, geometry=[shapely.Polygon(), None], crs=CRS)
    assert reach(objects, 1.0) is None
    assert [rows.tolist() for rows in neighbourhoods(objects, 5)] == [[0, 1]]
    assert neighbourhoods(objects.iloc[:0], 5) == []


def test_the_curve_visits_each_quarter_of_the_extent_as_a_whole() -> None:
    places = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9], [np.nan, 0.0], [-5.0, -5.0], [9.0, 9.0]])
    along = z_order(places, (0.0, 0.0, 1.0, 1.0))
    assert (np.diff(along[:4].astype(np.int64)) > 0).all()
    assert along[4] == along[5] == 0 and along[6] == 2**32 - 1
    assert (along[:4] >> np.uint64(30)).tolist() == [0, 1, 2, 3]
