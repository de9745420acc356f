"""What is measured of masks drawn by hand, with the figures worked out on paper."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from benchmarks.accuracy.measures import (
    Place,
    by_size,
    calibration,
    intervals,
    measured,
    object_areas,
    pooled,
)
from benchmarks.accuracy.peers import Detection
from benchmarks.accuracy.ruler import Ruler
from benchmarks.accuracy.sets import Scene
from pipeline.area_rules import area_errors_on


def drawn(text: str, sign: str = "#") -> np.ndarray:
    return np.array([[letter == sign for letter in line] for line in text.split()])


# a label of 16 pixels of which 12 are covered, one of 12 that is missed, one of 4 that is too small to be asked for
TRUTH = drawn("""
    ####......####
    ####......####
    ####......####
    ####..........
    ..............
    ##............
    ##............
""")
# an object of 3 x 5 (12 pixels inside the first label), one of 2 x 5 that is false
MASK = drawn("""
    #####.........
    #####.........
    #####.........
    ..............
    ..............
    .....#####....
    .....#####....
""")


def scene(truth: np.ndarray, known: np.ndarray | None = None, gsd_m: float = 10.0) -> Scene:
    image = np.zeros((1, *truth.shape), dtype=np.float32)
    return Scene(image, image, ("red",), truth, np.ones_like(truth) if known is None else known, gsd_m)


def place(ruler: Ruler, truth: np.ndarray = TRUTH, mask: np.ndarray = MASK, name: str = "here") -> Place:
    return measured(name, Detection("ours", mask, mask.astype(float)), scene(truth), ruler)


def test_pixels_and_objects_of_one_place(ruler: Ruler) -> None:
    one = place(ruler)
    assert one.pixels.tolist() == [12, 13, 20]  # 25 drawn, 32 labelled
    assert one.objects.tolist() == [2, 1, 2, 1]
    assert one.km2 == pytest.approx(98 * 100e-6)
    figures = pooled([one])
    assert figures["pixel_precision"] == pytest.approx(12 / 25)
    assert figures["pixel_recall"] == pytest.approx(12 / 32)
    assert figures["pixel_f1"] == pytest.approx(24 / 57)
    assert figures["object_f1"] == pytest.approx(0.5)
    assert figures["false_per_100km2"] == pytest.approx(1 / 0.0098 * 100)


def test_area_error_is_of_what_was_drawn_for_the_object() -> None:
    sizes, found, errors = object_areas(MASK, TRUTH)
    assert sizes.tolist() == [16, 12]
    assert found.tolist() == [True, False]
    assert errors[0] == pytest.approx(15 / 16 - 1) and np.isnan(errors[1])


def test_the_told_interval_of_an_area_holds_the_label_or_does_not(ruler: Ruler) -> None:
    coarse = next(one for one in area_errors_on(date(2026, 10, 31)) if one.pixel_from_m <= 10.0 < one.pixel_below_m)
    one = place(ruler)  # 15 pixels drawn for 16: inside; nothing drawn for the other
    assert one.area_holds[0] == 1.0 and np.isnan(one.area_holds[1])
    side = math.ceil(4.0 / math.sqrt(coarse.low_share)) + 1
    truth, mask = np.zeros((side, side), dtype=bool), np.ones((side, side), dtype=bool)
    truth[:4, :4] = True
    wide = place(ruler, truth=truth, mask=mask)
    assert wide.area_holds.tolist() == [0.0] and pooled([one, wide])["area_holds"] == 0.5


def test_an_object_over_two_labels_is_the_area_of_the_one_it_shares_most_with() -> None:
    truth, mask = np.zeros((6, 20), dtype=bool), np.zeros((6, 20), dtype=bool)
    truth[0:4, 0:4] = truth[0:4, 6:12] = True  # 16 and 24 pixels
    mask[0:4, 0:12] = True  # 48 pixels over both
    sizes, found, errors = object_areas(mask, truth)
    assert sizes.tolist() == [16, 24] and found.all()
    assert np.isnan(errors[0]) and errors[1] == pytest.approx(1.0)


def test_average_precision_of_a_perfect_and_a_turned_score(ruler: Ruler) -> None:
    truth = np.array([[True, False, False, False]])
    right = measured("a", Detection("m", truth, truth.astype(float)), scene(truth), ruler)
    turned = measured("b", Detection("m", truth, np.array([[0.0, 1.0, 1.0, 1.0]])), scene(truth), ruler)
    assert right.precision == 1.0
    assert turned.precision == pytest.approx(0.25)
    assert pooled([right, turned])["average_precision"] == pytest.approx(0.625)


def test_what_is_not_known_counts_nowhere(ruler: Ruler) -> None:
    known = np.ones_like(TRUTH)
    known[:, 5:] = False
    one = measured("here", Detection("m", MASK, MASK.astype(float)), scene(TRUTH & known, known), ruler)
    assert one.pixels.tolist() == [12, 3, 8]
    assert one.objects.tolist() == [1, 1, 1, 1]
    assert one.km2 == pytest.approx(35 * 100e-6)


def test_labels_of_a_part_of_the_ground_tell_no_area(ruler: Ruler) -> None:
    partly = replace(scene(TRUTH), partial=True)
    one = measured("here", Detection("m", MASK, MASK.astype(float)), partly, ruler)
    assert one.found.tolist() == [True, False] and np.isnan(one.area_errors).all()


def test_recall_by_size_class(ruler: Ruler) -> None:
    assert by_size([place(ruler)]) == [{"from_m2": 1000.0, "to_m2": 2000.0, "objects": 2, "found": 1}]


def test_a_place_without_labels_has_false_objects_only(ruler: Ruler) -> None:
    figures = pooled([place(ruler, truth=np.zeros_like(TRUTH))])
    assert figures["false_per_100km2"] == pytest.approx(2 / 0.0098 * 100)
    assert figures["pixel_f1"] is None and figures["object_f1"] is None and figures["average_precision"] is None


def test_nothing_drawn_is_no_precision_and_f1_zero(ruler: Ruler) -> None:
    figures = pooled([place(ruler, mask=np.zeros_like(TRUTH))])
    assert figures["pixel_precision"] is None and figures["pixel_f1"] == 0.0 and figures["area_error"] is None


def test_calibration_of_twenty_objects_in_ten_pairs() -> None:
    # in every bin of two one is right, whatever was said: the gap is |said - .5|
    chances = np.repeat(np.arange(0.05, 1.0, 0.1), 2)
    right = np.tile([True, False], 10)
    result = calibration(chances, right)
    assert result["objects"] == 20 and [row["objects"] for row in result["bins"]] == [2] * 10
    assert result["ece"] == pytest.approx(0.25)  # mean of .45 .35 .25 .15 .05, twice
    # Brier: mean of (p - 1)^2 and p^2 over p, less .25: the variance of p about .5
    assert result["brier_skill"] == pytest.approx(1 - (0.25 + 0.0825) / 0.25)


def test_calibration_leaves_the_improbable_out_and_knows_no_skill_of_one_kind() -> None:
    result = calibration(np.array([0.01, 0.04, 0.8]), np.array([True, True, True]))
    assert result["objects"] == 1 and result["ece"] == pytest.approx(0.2) and result["brier_skill"] is None
    assert calibration(np.zeros(0), np.zeros(0, dtype=bool))["ece"] is None


def test_intervals_hold_the_pooled_figure_and_need_three_places(ruler: Ruler) -> None:
    good, bad = place(ruler), place(ruler, mask=np.zeros_like(TRUTH), name="there")
    spread = intervals([good, good, bad, good])["object_recall"]
    assert spread is not None and spread[0] == 0.125 and spread[1] == 0.5  # one good in four, all good
    assert intervals([good, bad])["object_recall"] is None
    assert intervals([good] * 3)["object_recall"] == (0.5, 0.5)
