from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.detect.change import FEATURES, difference_statistics
from pipeline.detect.context import REGISTRY, Looks, available, features, known_features, reach_px
from pipeline.detect.model import Blend, Column, Line, Linear, PixelStage
from pipeline.detect.scorer import LEVELS, HandScorer, TrainedScorer, rank_score, surroundings
from tests.imagery import BANDS, build, fields, noisy

NAMES = ("ndvi_after@3", "light_rise_local", "decorrelation_nir@3", "edges_after@2", "change@4", "texture_nir_rise")


def pair(size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    image = fields(size, size)
    return noisy(image, seed=1), noisy(build(image, 70, 60), seed=2)


def test_ranks_count_from_the_tail_and_equal_values_have_none() -> None:
    values = np.linspace(-3.0, 5.0, 4001).astype(np.float32)
    quantiles = np.quantile(values.astype(np.float64), LEVELS)
    rising, falling = rank_score(values, quantiles), rank_score(values, quantiles, falling=True)
    assert (np.diff(rising) >= 0).all() and (np.diff(falling) <= 0).all()
    np.testing.assert_allclose(rising[2000], -np.log(0.5 + 0.003), atol=1e-3)
    np.testing.assert_allclose(falling, rising[::-1], atol=0.05)
    flat = rank_score(np.array([1.0, np.nan], dtype=np.float32), np.full(len(LEVELS), 1.0))
    assert flat[0] == 0.0 and np.isnan(flat[1])


def test_features_do_not_depend_on_the_block_beyond_their_reach() -> None:
    before, after = pair(260)
    statistics = difference_statistics((after - before).reshape(6, -1))
    names = tuple(REGISTRY)
    whole = features(before, after, BANDS, statistics, names, scale_px=1.0)
    halo = max(reach_px(names, 1.0), 24)
    cut = slice(100 - halo, 140 + halo)
    part = features(before[:, cut, cut], after[:, cut, cut], BANDS, statistics, names, scale_px=1.0)
    inside = part[:, halo : halo + 40, halo : halo + 40]
    assert np.array_equal(whole[:, 100:140, 100:140], inside, equal_nan=True)


def test_missing_pixels_are_missing_in_every_feature_and_nowhere_else() -> None:
    before, after = pair()
    before[:, 10:20, 30:40] = np.nan
    found = features(before, after, BANDS, difference_statistics((after - before).reshape(6, -1)), NAMES, scale_px=1.0)
    assert np.isnan(found[len(FEATURES) :, 10:20, 30:40]).all()
    assert np.isfinite(found[len(FEATURES) :, 50:, 50:]).all()


def test_features_whose_bands_are_missing_are_left_out() -> None:
    assert set(available(known_features(), ("blue", "green", "red"))).isdisjoint({"ndvi_after@1", "swir_after@3"})
    visible = {"greenness_after", "greenness_fall", "building_after"}
    assert set(available(known_features(), BANDS)) == set(known_features()) - visible
    assert visible | {"unexpected"} <= set(available(known_features(), ("blue", "green", "red")))


def test_a_local_rise_sees_cleared_ground() -> None:
    before, after = pair()
    looks = Looks(before, after, BANDS, difference_statistics((after - before).reshape(6, -1)), 1.0)
    rise = REGISTRY["light_rise_local"].make(looks)
    assert rise[74:80, 64:70].mean() > 0.03 and abs(np.median(rise)) < 0.01


def stage(weight: float) -> PixelStage:
    columns = (Column("hand_odds", "rank"), Column("ndvi_after@1", "plain"))
    ones = np.ones(2)
    first = Blend((Linear(-1.0, np.array([weight, 0.0]), 0 * ones, ones),))
    wide = np.zeros(2 + 2 + 2)
    wide[0] = weight
    second = Blend((Linear(-3.0, wide, 0 * wide, np.ones(6)),))
    return PixelStage(columns, (1.0,), first, second, Line(np.array([-9.0, 9.0]), np.array([-9.0, 9.0])))


def test_a_trained_stage_scores_and_falls_back_where_nothing_changed() -> None:
    before, after = pair()
    scorer, hand = TrainedScorer(stage(1.0), None, -4.7), HandScorer()
    for later, changed in ((after, True), (before, False)):
        statistics = difference_statistics((later - before).reshape(6, -1))
        found = scorer.features(before, later, BANDS, statistics, scale_px=1.0)
        scene = scorer.scene(found.reshape(len(found), -1), calibrated=True)
        assert scene.changed == changed
        odds = scorer.odds(found, scene, prior=-4.7, calibrated=True, scale_px=1.0)
        base = found[: len(FEATURES)]
        plain = hand.odds(
            base, hand.scene(base.reshape(len(base), -1), calibrated=True), prior=-4.7, calibrated=True, scale_px=1.0
        )
        if changed:
            assert odds[74:80, 64:70].mean() > np.median(odds) + 1.5
            shifted = scorer.odds(found, scene, prior=-8.0, calibrated=True, scale_px=1.0)
            np.testing.assert_allclose(odds - shifted, 3.3, atol=1e-4)
        else:
            assert (odds == plain).all()


def test_the_hand_weights_have_their_share_of_a_trained_answer() -> None:
    before, after = pair()
    statistics = difference_statistics((after - before).reshape(6, -1))
    alone, half, hand = (
        TrainedScorer(stage(1.0), None, -4.7),
        TrainedScorer(replace(stage(1.0), hand_share=0.5), None, -4.7),
        HandScorer(),
    )
    found = alone.features(before, after, BANDS, statistics, scale_px=1.0)
    sample = found.reshape(len(found), -1)
    said = [
        one.odds(found, one.scene(sample, calibrated=True), prior=-5.0, calibrated=True, scale_px=1.0)
        for one in (alone, half)
    ]
    base = found[: len(FEATURES)]
    scene = hand.scene(base.reshape(len(base), -1), calibrated=True)
    plain = hand.odds(base, scene, prior=-5.0, calibrated=True, scale_px=1.0)
    np.testing.assert_allclose(said[1], 0.5 * (said[0] + plain), atol=1e-5)
    assert half.scene(sample, calibrated=True).tail_excess == scene.tail_excess != 0.0
    assert alone.scene(sample, calibrated=True).tail_excess == 0.0


def test_surroundings_have_the_width_that_the_model_file_is_checked_for() -> None:
    odds = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    found = surroundings(odds, np.quantile(odds.astype(np.float64), LEVELS), (1.0, 2.0), 1.0)
    assert found.shape == (6, 30, 40) and np.isfinite(found).all()


def test_the_line_keeps_the_order_of_objects_and_none_means_no_change() -> None:
    chances = (0.2, 0.4, 0.7, 0.95)
    said = [HandScorer(slope=1.2, offset=-0.3).object_probability({"probability": chance}) for chance in chances]
    assert said == sorted(said) and said[1] == pytest.approx(1.0 / (1.0 + np.exp(1.2 * np.log(1.5) + 0.3)), abs=1e-6)
    assert [HandScorer().object_probability({"probability": chance}) for chance in chances] == list(chances)
