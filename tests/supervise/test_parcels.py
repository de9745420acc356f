from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.schema import APPROVALS, CELL_STATES, PARCELS, conform, empty
from pipeline.store import check_table
from pipeline.supervise.parcels import watch_parcels
from tests.patrol.town import CRS, cells, frame, square, strip

OPTIONS = {"started_share": 0.1, "seen_share": 0.5}


def parcels(*shapes: Any, approved_on: str | None = "2026-06-01") -> Any:
    ids = [f"A{number}" for number in range(len(shapes))]
    return conform(APPROVALS, frame({"approval_id": ids, "approved_on": [approved_on] * len(ids)}, list(shapes)))


def works(*rows: tuple[Any, str | None]) -> Any:
    made = gpd.GeoDataFrame(
        {"first_seen": pd.to_datetime([day for _, day in rows])}, geometry=[s for s, _ in rows], crs=CRS
    )
    return made


def seen(*shares: float) -> Any:
    town = cells(len(shares))
    values = {"state": "none_found", "targets": 0, "observable_share": shares, "reason": ""}
    return conform(CELL_STATES, town.assign(**values))


def watch(given: Any, found: Any, view: Any, earlier: Any = None) -> Any:
    made = watch_parcels(given, found, view, earlier, **OPTIONS)
    check_table(PARCELS, made)
    return made


def test_the_share_is_the_ground_covered_once_and_the_first_day_counts() -> None:
    found = works(
        (strip(0, 0, 50, 100), "2026-09-01"),
        (strip(25, 0, 50, 100), "2026-08-01"),
        (square(500, 500, 50), "2025-01-01"),
    )
    made = watch(parcels(square(0, 0, 100)), found, seen(1.0)).iloc[0]
    assert made["built_share"] == pytest.approx(0.75, abs=1e-3)
    assert made["state"] == "started" and made["first_seen"] == pd.Timestamp("2026-08-01")


def test_less_than_the_starting_share_is_not_started_and_says_so() -> None:
    made = watch(parcels(square(0, 0, 100)), works((strip(0, 0, 5, 100), "2026-09-01")), seen(1.0)).iloc[0]
    assert made["state"] == "not_started" and "仅5.0%" in made["reason"]


def test_no_works_where_little_could_be_seen_is_not_observed() -> None:
    edge = strip(900, 0, 200, 100)
    assert watch(parcels(edge), works(), seen(1.0, 0.1)).iloc[0]["state"] == "not_started"
    assert watch(parcels(edge), works(), seen(0.5, 0.1)).iloc[0]["state"] == "not_observed"
    assert watch(parcels(square(0, 9000, 50)), works(), seen(1.0)).iloc[0]["state"] == "not_observed"


def test_works_seen_before_the_approval_are_put_to_people() -> None:
    found = works((square(0, 0, 100), "2026-05-01"))
    assert "是否未批先建请核实" in watch(parcels(square(0, 0, 100)), found, seen(1.0)).iloc[0]["reason"]
    undated = watch(parcels(square(0, 0, 100), approved_on=None), found, seen(1.0)).iloc[0]
    assert "未批先建" not in undated["reason"] and "无批准日期" in undated["reason"]


def test_what_was_seen_in_an_earlier_period_is_not_lost() -> None:
    given = parcels(square(0, 0, 100))
    first = watch(given, works((strip(0, 0, 40, 100), "2026-08-01")), seen(1.0))
    later = watch(given, works((strip(0, 0, 10, 100), "2026-09-01")), seen(0.0), first).iloc[0]
    assert later["built_share"] == pytest.approx(0.4, abs=1e-3) and later["state"] == "started"
    assert later["first_seen"] == pd.Timestamp("2026-08-01")


def test_every_parcel_is_in_the_table_and_none_gives_none() -> None:
    given = parcels(square(300, 0, 50), square(100, 0, 50))
    assert watch(given, works(), seen(1.0))["approval_id"].tolist() == ["A0", "A1"]
    assert watch(empty(APPROVALS, CRS), works(), seen(1.0)).empty
