from __future__ import annotations

import json
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.register.known import link_entries, link_known, time_order, told_stock
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
    told = {"kind": "存量", "order": "unknown"}
    assert near == [
        {"id": "L1", "distance_m": 0.0, "overlap_share": 1.0, **told},
        {"id": "L2", "distance_m": 20.0, "overlap_share": 0.0, **told},
    ]
    assert targets["links"].isna().all()


def test_links_live_on_and_are_not_doubled() -> None:
    october, _ = month("2026-10", [seen(square(0, 0, 40), "a")])
    old = cases(("L1", "存量", square(10, 10, 10)))
    linked = link_known(october, old, distance_m=20.0)
    november, _ = month("2026-11", [], linked)
    again = link_known(november, old, distance_m=20.0)
    assert json.loads(again["links"].iloc[0]) == [
        {"kind": "存量", "id": "L1", "distance_m": 0.0, "overlap_share": 1.0, "order": "unknown"}
    ]


def test_no_cases_change_nothing_and_another_crs_is_refused() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a")])
    assert link_known(targets, cases(), distance_m=20.0)["links"].isna().all()
    with pytest.raises(ValueError, match="known cases"):
        link_known(targets, cases(("L1", "存量", square(0, 0, 9))).to_crs("EPSG:4490"), distance_m=20.0)


def test_a_link_tells_kind_overlap_order_and_parent() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a", last_clear="2026-09-30", first_seen="2026-10-28")])
    lists = cases(("130403SJBG26210183_3", "国家图斑", square(0, 0, 20))).assign(
        known_from=pd.Timestamp("2026-06-01"), known_to=pd.Timestamp("2026-09-30"), parent="130403SJBG26210183"
    )
    (link,) = json.loads(link_known(targets, lists, distance_m=20.0)["links"].iloc[0])
    assert link == {
        "kind": "国家图斑", "id": "130403SJBG26210183_3", "parent": "130403SJBG26210183", "distance_m": 0.0,
        "overlap_share": 1.0, "order": "earlier", "from": "2026-06-01", "to": "2026-09-30",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("known", "order"),
    [
        (("2026-06-01", "2026-09-30"), "earlier"),
        (("2026-06-01", "2026-10-01"), "overlapping"),
        (("2026-10-28", "2026-12-01"), "later"),
        ((None, "2026-09-01"), "earlier"),
        ((None, None), "unknown"),
    ],
)
def test_the_order_in_time_is_that_of_the_intervals(known: tuple[Any, Any], order: str) -> None:
    start, end = (None if day is None else pd.Timestamp(day) for day in known)
    assert time_order(start, end, pd.Timestamp("2026-09-30"), pd.Timestamp("2026-10-28")) == order


def stock(clear: Any, first: Any, on: str | None, old: str | None = None, place: Any = None) -> tuple[str, str]:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a", last_clear=clear, first_seen=first)])
    if old is not None:
        known = cases(("L1", "存量", place or square(0, 0, 40))).assign(known_from=pd.NaT, known_to=pd.Timestamp(old))
        targets = link_known(targets, known, distance_m=20.0)
    told = told_stock(targets, stock_date=None if on is None else date.fromisoformat(on))
    assert told["stock_basis"].notna().all()
    return str(told["stock"].iloc[0]), str(told["stock_basis"].iloc[0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("2026-09-30", "2026-10-28", "2026-10-28"), "stock"),
        (("2026-09-30", "2026-10-28", "2026-09-30"), "increment"),
        (("2026-09-30", "2026-10-28", "2026-10-27"), "open"),
        ((None, "2026-10-28", "2026-10-01"), "open"),
        (("2026-09-30", "2026-10-28", None), "open"),
        (("2026-09-30", "2026-10-28", None, "2026-11-05"), "stock"),
        (("2026-09-30", "2026-10-28", None, "2026-05-05"), "increment"),
        (("2026-09-30", "2026-10-28", None, "2026-10-05"), "open"),
        (("2026-09-30", "2026-10-28", "2026-09-30", "2026-11-05"), "increment"),
        (("2026-09-30", "2026-10-28", None, "2026-11-05", square(50, 0, 40)), "open"),
    ],
)
def test_increment_and_stock_are_told_by_dates_alone(given: Any, expected: str) -> None:
    kind, words = stock(*given)
    assert kind == expected and "变化在" in words


def test_entries_matched_earlier_are_linked_under_the_id_that_carries_the_ground() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40), "a")])
    name = targets["target_id"].iloc[0]
    matched = pd.DataFrame(
        {"target_id": ["GONE", name], "entry_id": ["E1", "E2"], "discovered_on": [pd.Timestamp("2026-09-03"), pd.NaT]}
    )
    linked = link_entries(targets, matched, {"GONE": name, name: name})
    assert json.loads(linked["links"].iloc[0]) == [
        {"kind": "台账", "id": "E1", "discovered_on": "2026-09-03"}, {"kind": "台账", "id": "E2"},
    ]  # fmt: skip
