from __future__ import annotations

import numpy as np

from pipeline.learn.delineation import Tally, choose_levels, grown_from, summed, tally


def test_objects_are_found_and_right_from_a_third_of_their_area() -> None:
    truth, said = np.zeros((40, 40), dtype=bool), np.zeros((40, 40), dtype=bool)
    truth[2:8, 2:8] = truth[20:26, 20:26] = True
    said[2:8, 2:5] = said[30:36, 2:8] = True
    said[38, 38] = True
    counts = tally(said, truth, np.ones_like(truth), square_km=4.0)
    assert (counts.asked, counts.found, counts.said, counts.right) == (2, 1, 2, 1)
    figures = counts.figures()
    assert figures["object_f1"] == 0.5 and figures["false_per_100km2"] == 25.0
    hidden = np.ones_like(truth)
    hidden[20:, :] = False
    assert tally(said, truth, hidden, square_km=4.0).asked == 1
    assert summed([counts, counts]).said == 4 and summed([]) == Tally()


def test_objects_need_a_strong_pixel_and_enough_pixels() -> None:
    weak, strong = np.zeros((20, 20), dtype=bool), np.zeros((20, 20), dtype=bool)
    weak[1:5, 1:5] = weak[8:12, 8:12] = weak[15:17, 15:17] = True
    strong[2, 2] = strong[15, 15] = strong[19, 0] = True
    grown = grown_from(weak, strong, min_area_px=10)
    assert grown[1:5, 1:5].all() and grown.sum() == 16


def test_the_best_levels_win_and_ties_go_to_the_first() -> None:
    def measured(weak: float, strong: float) -> Tally:
        return Tally(hit=10 if weak == -1.0 else 5, wrong=5, missed=5, asked=1, found=1, said=1, right=1)

    assert choose_levels(measured, (-2.0, -1.0, 0.0), (0.0, 1.0))[:2] == (-1.0, -1.0)
