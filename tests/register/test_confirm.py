"""Later evidence on known ground confirms it and never enlarges it."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
from shapely.geometry import box

from pipeline.register.confirm import only_confirming, with_confidence

CRS = "EPSG:32650"
START = pd.Timestamp("2026-10-01")


def frame(boxes: list[tuple[float, ...]], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[box(*one) for one in boxes], crs=CRS)


TARGETS = frame([(0, 0, 50, 50), (200, 0, 250, 50)], state=["new", "merged"], confidence=["early", "early"])


def test_what_began_earlier_is_cut_to_the_target_it_lies_on() -> None:
    seen = [pd.Timestamp("2026-09-12"), pd.Timestamp("2026-10-20"), pd.Timestamp("2026-09-12"), pd.NaT]
    given = frame([(-20, -20, 70, 70), (-20, -20, 70, 70), (500, 0, 590, 90), (-20, -20, 70, 70)], first_seen=seen)
    found = only_confirming(given, TARGETS, period_start=START, min_overlap_share=0.2)
    assert [shape.area for shape in found.geometry] == [2500.0, 8100.0, 8100.0, 8100.0]
    assert given.geometry.iloc[0].area == 8100.0, "the given table is not changed"
    assert only_confirming(given, None, period_start=START, min_overlap_share=0.2) is given


def test_followed_ground_raises_the_confidence_of_what_it_covers() -> None:
    followed = frame(
        [(0, 0, 50, 20), (0, 20, 50, 35), (200, 0, 250, 50)], confidence=["confirmed", "probable", "confirmed"]
    )
    assert with_confidence(TARGETS, followed)["confidence"].tolist() == ["probable", "early"]
    assert with_confidence(TARGETS, followed.iloc[:0]) is TARGETS
    sure = TARGETS.assign(confidence="confirmed")
    assert with_confidence(sure, followed)["confidence"].tolist() == ["confirmed", "confirmed"]
