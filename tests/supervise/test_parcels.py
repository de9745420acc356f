from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.schema import APPROVALS, CELL_STATES, PARCELS, SUPPLY_EVENTS, conform, empty
from pipeline.store import check_table
from pipeline.supervise.parcels import watch_parcels
from pipeline.supervise.supply import supplied_ground
from tests.patrol.town import CRS, cells, frame, square, strip, table
from tests.supervise.test_supply import parcel as supplied_parcel
from tests.supervise.test_supply import watch as watch_supplied
from tests.supervise.test_supply import works as works_of_stages

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


def watch(
    given: Any,
    found: Any,
    view: Any,
    earlier: Any = None,
    supplied: Any = (),
    since: date = date(2026, 1, 1),
    last_look: date | None = date(2026, 10, 23),
) -> Any:
    made = watch_parcels(given, found, view, earlier, supplied, watched_since=since, last_look=last_look, **OPTIONS)
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
    assert watch(parcels(edge), works(), seen(1.0, 0.9)).iloc[0]["state"] == "not_started"
    # 55 % of it seen: works may stand on the other 45 %
    part = watch(parcels(edge), works(), seen(1.0, 0.1)).iloc[0]
    assert part["state"] == "unknown" and "其余不能判断" in part["reason"]
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


def test_nothing_seen_on_ground_approved_before_the_watch_says_nothing_about_its_start() -> None:
    given, cells_seen = parcels(square(0, 0, 100)), seen(1.0)
    old = watch(given, works(), cells_seen, since=date(2026, 9, 1)).iloc[0]
    assert old["state"] == "unknown" and old["watched_since"] == pd.Timestamp("2026-09-01")
    assert "影像监测始于2026-09-01，晚于批准日期2026-06-01" in old["reason"]
    undated = watch(parcels(square(0, 0, 100), approved_on=None), works(), cells_seen).iloc[0]
    assert undated["state"] == "unknown" and "无批准日期" in undated["reason"]
    # the day of the watch's beginning counts, and stays what it was in the first period
    first = watch(given, works(), cells_seen, since=date(2026, 6, 1))
    later = watch(given, works(), cells_seen, first, since=date(2026, 7, 1))
    assert first.iloc[0]["state"] == later.iloc[0]["state"] == "not_started"
    assert later.iloc[0]["watched_since"] == pd.Timestamp("2026-06-01")


def test_no_image_since_the_approval_says_nothing_about_a_start() -> None:
    whole, view = square(100, 100, 100), seen(1.0)
    states = {}
    for day in ("2026-10-23", "2026-10-24", "2026-11-02"):
        made = watch(parcels(whole, approved_on=day), works(), view).iloc[0]
        states[day] = made["state"]
    assert states == {"2026-10-23": "not_started", "2026-10-24": "unknown", "2026-11-02": "unknown"}
    assert made["reason"] == "未见施工痕迹，但影像截至2026-10-23，2026-11-02批准之后尚无影像，不能判断是否动工"
    # the next image tells
    later = watch(parcels(whole, approved_on="2026-11-02"), works(), view, last_look=date(2026, 11, 20)).iloc[0]
    assert later["state"] == "not_started"
    # a person who found nothing begun after the approval is as good as an image, one who did before it is not
    for checked, state in (("2026-11-05", "not_started"), ("2026-10-10", "unknown")):
        records = table(SUPPLY_EVENTS, ("S1", "checked_empty", checked))
        ground = supplied_ground(supplied_parcel(agreed_on="2026-09-20", geometry=whole), records)
        made = watch(parcels(whole, approved_on="2026-11-02"), works(), view, None, ground).iloc[0]
        assert made["state"] == state
    # what is seen before the approval is still told
    found = works((whole, "2026-10-20"))
    assert watch(parcels(whole, approved_on="2026-11-02"), found, view).iloc[0]["state"] == "started"


def test_works_seen_on_ground_approved_before_the_watch_are_works() -> None:
    found = works((square(0, 0, 100), "2026-09-26"))
    assert watch(parcels(square(0, 0, 100)), found, seen(1.0), since=date(2026, 9, 1)).iloc[0]["state"] == "started"


SHEETS = (
    ((), "unknown", "unknown"),
    ((("S1", "checked_empty", "2026-09-15"),), "not_started", "not_started"),
    ((("S1", "checked_empty", "2026-08-15"),), "unknown", "unknown"),
    # a person's word on the start decides for the law; imagery that shows nothing decides nothing
    ((("S1", "start", "2026-09-10"),), "started", "unknown"),
)


@pytest.mark.parametrize(("records", "supply_state", "parcel_state"), SHEETS)
def test_both_sheets_say_the_same_of_the_same_ground(records: Any, supply_state: str, parcel_state: str) -> None:
    since, whole = date(2026, 9, 1), square(100, 100, 100)
    land, events = supplied_parcel(agreed_on="2025-09-20", geometry=whole), table(SUPPLY_EVENTS, *records)
    supply = watch_supplied(land, works_of_stages(), *records, since=since).supply.iloc[0]
    given = parcels(whole, approved_on="2025-09-21")
    made = watch(given, works(), seen(1.0), None, supplied_ground(land, events), since).iloc[0]
    assert (supply["state"], made["state"]) == (supply_state, parcel_state)


def test_land_supplied_after_the_watch_began_is_watched_though_it_was_approved_long_before() -> None:
    land = supplied_parcel(agreed_on="2026-09-20", geometry=square(0, 0, 100))
    ground = supplied_ground(land, table(SUPPLY_EVENTS))
    view = seen(1.0)
    whole = watch(parcels(square(0, 0, 100)), works(), view, None, ground, date(2026, 9, 1)).iloc[0]
    assert whole["state"] == "not_started" and whole["reason"].endswith("2026-09-20供地")
    # a fifth of the approval was not part of the supply
    wider = watch(parcels(strip(0, 0, 125, 100)), works(), view, None, ground, date(2026, 9, 1)).iloc[0]
    assert wider["state"] == "unknown"


def test_every_parcel_is_in_the_table_and_none_gives_none() -> None:
    given = parcels(square(300, 0, 50), square(100, 0, 50))
    assert watch(given, works(), seen(1.0))["approval_id"].tolist() == ["A0", "A1"]
    assert watch(empty(APPROVALS, CRS), works(), seen(1.0)).empty
