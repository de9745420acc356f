from __future__ import annotations

import pytest

from pipeline.schema import LAND_USE
from pipeline.screen.attribute_area import area_differences
from tests.screen.drawing import layer, square


def test_parcels_whose_stated_area_is_off_by_more_than_the_share_are_listed_with_both_areas() -> None:
    stated = [400.0, 440.0, 441.0, 359.0, None]
    rows = [
        {"parcel_id": f"P{i}", "class_code": "0101", "attribute_area_m2": area, "geometry": square(30 * i, 0, 20)}
        for i, area in enumerate(stated)
    ]
    by_row = area_differences(layer(LAND_USE, rows), share=0.1)
    assert list(by_row) == [2, 3]
    found = list(by_row.values())
    assert [(row["parcel_id"], row["stated_m2"]) for row in found] == [("P2", 441.0), ("P3", 359.0)]
    assert [row["measured_m2"] for row in found] == pytest.approx([400.0, 400.0], abs=0.01)


def test_no_parcels_give_no_differences() -> None:
    assert area_differences(layer(LAND_USE, []), share=0.1) == {}
