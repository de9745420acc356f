from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from affine import Affine
from shapely.geometry import box

from pipeline.detect.describe import (
    Evidence,
    confidence_of,
    describe,
    object_probability,
    onset_interval,
    outline,
    rectangularity,
)
from pipeline.values import number_of_day

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
FIELD = np.array([0.04, 0.07, 0.05, 0.35, 0.2, 0.1], dtype=np.float32)
SOIL = np.array([0.09, 0.13, 0.18, 0.24, 0.32, 0.28], dtype=np.float32)


def scene() -> tuple[np.ndarray, Evidence]:
    mask = np.zeros((12, 12), dtype=bool)
    mask[4:8, 3:9] = True
    before = np.broadcast_to(FIELD[:, None, None], (6, 12, 12)).copy()
    after = before.copy()
    after[:, mask] = SOIL[:, None]
    flat = np.ones((12, 12), dtype=np.float32)
    days = np.full((12, 12), 20_000, dtype=np.uint16)
    found = Evidence(
        odds=np.where(mask, 1.0, -4.0).astype(np.float32),
        cva=np.where(mask, 5.0, 0.5).astype(np.float32),
        correlation=0.2 * flat,
        before=before,
        after=after,
        novelty=3.0 * flat,
        looks=np.full((12, 12), 2, dtype=np.uint8),
        before_days=days,
        since_days=(days + 10).astype(np.uint16),
    )
    return mask, found


def test_an_object_by_hand() -> None:
    mask, evidence = scene()
    row = describe(mask, evidence, BANDS, Affine(10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    assert row["area_px"] == 24 and row["confidence"] == "probable" and row["stage"] == "earthworks"
    assert (row["soil_share"], row["grey_share"], row["roof_share"]) == (1.0, 0.0, 0.0)
    assert row["geometry"].equals(box(530.0, 820.0, 590.0, 860.0))
    assert row["ndvi_before"] == pytest.approx(0.75, abs=1e-3) and row["ndvi_after"] == pytest.approx(0.1429, abs=1e-3)
    assert row["rectangularity"] == pytest.approx(1.0) and row["clear_share"] == 1.0
    assert row["probability"] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-5)
    assert row["first_seen"] == row["last_clear"] + (date(2000, 1, 11) - date(2000, 1, 1))


def test_without_infrared_indices_and_materials_are_missing() -> None:
    mask, evidence = scene()
    reduced = Evidence(**{**vars(evidence), "before": evidence.before[:3], "after": evidence.after[:3]})
    row = describe(mask, reduced, BANDS[:3], Affine.identity())
    assert np.isnan([row["ndvi_after"], row["soil_share"], row["grey_share"], row["roof_share"]]).all()
    assert row["blue_red"] == pytest.approx(0.5) and row["stage"] == "unknown"


def test_the_interval_contains_every_pixels_onset() -> None:
    before = np.array([100, 90, 0], dtype=np.uint16)
    since = np.array([110, 130, 120], dtype=np.uint16)
    last_clear, first_seen = onset_interval(before, since)
    assert (number_of_day(last_clear), number_of_day(first_seen)) == (90, 130)
    nothing = np.zeros(3, dtype=np.uint16)
    assert onset_interval(nothing, nothing) == (None, None)


def test_outline_keeps_holes_and_corner_touching_parts() -> None:
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    assert outline(ring, Affine.identity()).area == 8.0
    corners = np.eye(2, dtype=bool)
    found = outline(corners, Affine.identity())
    assert found.area == 2.0 and found.is_valid


def test_confidence_grows_with_looks() -> None:
    assert [confidence_of(looks) for looks in (0, 1, 2, 3, 9)] == [
        "early", "early", "probable", "confirmed", "confirmed",
    ]  # fmt: skip


def test_rectangularity_and_empty_odds() -> None:
    assert rectangularity(box(0, 0, 2, 5)) == pytest.approx(1.0)
    assert rectangularity(box(0, 0, 2, 1).union(box(0, 0, 1, 2))) < 0.95
    assert object_probability(np.full(3, np.nan, np.float32)) == 0.0


def test_few_pixels_make_an_object_less_probable() -> None:
    small, large = (object_probability(np.full(count, 1.0, np.float32)) for count in (4, 40))
    assert small < 0.5 < large
