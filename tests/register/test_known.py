from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pytest

from pipeline.register.known import link_known
from tests.register.drawing import month, seen
from tests.screen.drawing import CRS, square


def cases(*rows: tuple[str, str, Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"known_id": [r[0] for r in rows], "known_kind": [r[1] for r in rows]}, geometry=[r[2] for r in rows], crs=CRS
    )


def test_old_cases_nearby_are_linked_and_nothing_is_suppressed() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a"), seen(square(500, 0, 40), "b")])
    places = {"L2": square(60, 0, 10), "L1": square(10, 10, 10), "L3": square(61, 0, 10)}
    old = cases(*((name, "存量", shape) for name, shape in places.items()))
    linked = link_known(targets, old, distance_m=20.0)
    assert linked["target_id"].tolist() == targets["target_id"].tolist()
    (near,) = [json.loads(text) for text in linked["links"].dropna()]
    assert near == [{"kind": "存量", "id": "L1", "distance_m": 0.0}, {"kind": "存量", "id": "L2", "distance_m": 20.0}]
    assert targets["links"].isna().all()


def test_links_live_on_and_are_not_doubled() -> None:
    october, _ = month("2026-10", [seen(square(0, 0, 40), "a")])
    old = cases(("L1", "存量", square(10, 10, 10)))
    linked = link_known(october, old, distance_m=20.0)
    november, _ = month("2026-11", [], linked)
    again = link_known(november, old, distance_m=20.0)
    assert json.loads(again["links"].iloc[0]) == [{"kind": "存量", "id": "L1", "distance_m": 0.0}]


def test_no_cases_change_nothing_and_another_crs_is_refused() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a")])
    assert link_known(targets, cases(), distance_m=20.0)["links"].isna().all()
    with pytest.raises(ValueError, match="known cases"):
        link_known(targets, cases(("L1", "存量", square(0, 0, 9))).to_crs("EPSG:4490"), distance_m=20.0)
