"""Area, onset and stage of objects on true sites, worked out on squares."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from pipeline.learn.sites import owners, site_accuracy


def frame(shapes: list[Any], **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes)


SITES = frame(
    [box(0, 0, 100, 100), box(200, 0, 220, 20)],
    site_id=["A", "B"],
    onset=pd.to_datetime(["2026-03-10", "2026-05-01"]),
)
STAGES = frame(
    [box(0, 0, 50, 100), box(0, 0, 100, 100), box(200, 0, 220, 20)],
    site_id=["A", "A", "B"],
    stage=["earthworks", "structure", "earthworks"],
    **{"from": pd.to_datetime(["2026-03-10", "2026-06-01", "2026-05-01"])},
)
# two parts on A before it grew, one on B, one elsewhere, one that lies on A by a tenth alone
OBJECTS = frame(
    [box(0, 0, 50, 40), box(0, 50, 40, 100), box(200, 0, 220, 25), box(500, 0, 510, 10), box(90, 0, 190, 10)],
    stage=["earthworks", "unknown", "structure", "pit", "pit"],
    last_clear=pd.to_datetime(["2026-03-01", "2026-03-12", "2026-04-20", "2026-04-20", None]),
    first_seen=pd.to_datetime(["2026-03-20", "2026-03-30", "2026-05-03", "2026-05-03", None]),
)


def test_an_object_belongs_to_the_site_that_has_most_of_it() -> None:
    assert owners(OBJECTS, SITES).tolist() == [0, 0, 1, -1, -1]
    both = frame([box(60, 0, 260, 20)])  # a fifth on A, a tenth on B: not enough of it
    assert owners(both, SITES).tolist() == [-1]
    assert owners(frame([box(0, 0, 10, 10)]), SITES.iloc[:0]).tolist() == [-1]


def test_area_is_that_of_the_ground_on_the_day_of_the_image() -> None:
    areas = site_accuracy(OBJECTS, SITES, STAGES)["areas"]
    # A: 2,000 + 2,000 of 5,000 m2, B: 500 of 400
    assert areas["sites"] == 2 and areas["large_sites"] == 1
    assert areas["median_error"] == pytest.approx((0.2 + 0.25) / 2)
    assert areas["median_bias"] == pytest.approx((-0.2 + 0.25) / 2)
    assert areas["median_error_large"] == pytest.approx(0.2)
    final = site_accuracy(OBJECTS, SITES)["areas"]
    assert final["median_error"] == pytest.approx((0.6 + 0.25) / 2)  # 4,000 of A's final 10,000


def test_a_stated_area_goes_before_that_of_the_outline() -> None:
    stated = OBJECTS.assign(area_m2=[2500.0, 2500.0, 400.0, 1.0, 1.0])
    assert site_accuracy(stated, SITES, STAGES)["areas"]["median_error"] == 0.0


def test_onset_error_and_how_often_the_interval_holds_it() -> None:
    onset = site_accuracy(OBJECTS, SITES, STAGES)["onset"]
    # 10, 20 and 2 days late; the second's last clear look lies after the onset
    assert onset == {"objects": 3, "median_days_late": 10.0, "interval_holds_onset": pytest.approx(2 / 3)}


def test_stages_are_compared_on_the_day_of_the_image() -> None:
    stages = site_accuracy(OBJECTS, SITES, STAGES)["stages"]
    assert (stages["objects"], stages["named"], stages["agree"]) == (3, 2, 0.5)
    assert stages["confusion"] == [
        {"true": "earthworks", "said": "earthworks", "count": 1},
        {"true": "earthworks", "said": "structure", "count": 1},
        {"true": "earthworks", "said": "unknown", "count": 1},
    ]
    later = OBJECTS.assign(first_seen=pd.Timestamp("2026-06-01"))
    assert {row["true"] for row in site_accuracy(later, SITES, STAGES)["stages"]["confusion"]} == {
        "structure",
        "earthworks",
    }


def test_nothing_on_a_site_and_nothing_known_of_it() -> None:
    none = site_accuracy(OBJECTS.iloc[3:], SITES, STAGES)
    assert none["objects_on_sites"] == 0 and none["areas"]["median_error"] is None
    assert none["onset"]["median_days_late"] is None and none["stages"]["agree"] is None
    bare = site_accuracy(OBJECTS[["geometry"]], SITES[["site_id", "geometry"]])
    assert bare["onset"] is None and bare["stages"] is None and bare["objects_on_sites"] == 3
