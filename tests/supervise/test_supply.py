"""Supplied land against works drawn by hand; every number worked out on paper. Parcel: 100 m x 100 m, 1 ha."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.duty_rules import load_supply_limits
from pipeline.schema import CELL_STATES, SUPPLIED_LAND, SUPPLY, SUPPLY_BREACHES, SUPPLY_EVENTS, SUPPLY_ITEMS, conform
from pipeline.store import check_table
from pipeline.supervise.supply import SupplyOptions, SupplyTables, watch_supply
from tests.patrol.town import CRS, frame, square, strip, table

OPTIONS = SupplyOptions(few_share=0.02, seen_share=0.5, tolerance_m=10.0, least_overrun_m2=150.0)
AS_OF = date(2026, 11, 30)


def parcel(*more: dict[str, Any], **values: Any) -> Any:
    row = {"supply_id": "S1", "project": "厂房", "holder": "某某公司", "start_by": "2025-06-30", "finish_by": "2027-06-30",
           "agreed_on": "2025-01-10", "geometry": square(100, 100, 100), **values}  # fmt: skip
    rows = [row, *({**row, **other} for other in more)]
    return conform(SUPPLIED_LAND, gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS))


def works(*rows: tuple[Any, str]) -> Any:
    """Works of a shape and stage that began after 1 September and were there on 20 October 2026."""
    columns = {"first_seen": ["2026-10-20"] * len(rows), "last_clear": ["2026-09-01"] * len(rows)}
    made = frame({**columns, "grown_after": columns["last_clear"], "grown_by": columns["first_seen"],
                  "stage": [stage for _, stage in rows]}, [shape for shape, _ in rows])  # fmt: skip
    dates = ["first_seen", "last_clear", "grown_after", "grown_by"]
    return made.assign(**{name: pd.to_datetime(made[name]) for name in dates})


def watch(parcels: Any, found: Any, *events: tuple[Any, ...], seen: float = 1.0, as_of: date = AS_OF,
          earlier: Any = None, since: date = date(2025, 1, 1)) -> SupplyTables:  # fmt: skip
    cells = conform(CELL_STATES, frame(
        {"cell_id": ["G1"], "unit_id": ["U1"], "acting_unit_id": ["CT"], "person_id": ["P9"], "state": ["targets"],
         "targets": [1], "observable_share": [seen], "reason": [""]}, [square(0, 0, 1000)]))  # fmt: skip
    made = watch_supply(
        parcels, table(SUPPLY_EVENTS, *events), found, cells, [], earlier, load_supply_limits(), OPTIONS,
        watched_since=since, last_look=date(2026, 10, 20), as_of=as_of,
    )  # fmt: skip
    for kind, rows in ((SUPPLY, made.supply), (SUPPLY_BREACHES, made.breaches), (SUPPLY_ITEMS, made.items)):
        check_table(kind, rows)
    return made


def breaches(made: SupplyTables) -> list[tuple[str, str]]:
    return [tuple(row) for row in made.breaches[["breach", "certainty"]].to_numpy()]


def test_a_parcel_on_which_nothing_is_seen_past_its_year_is_suspected_idle() -> None:
    made = watch(parcel(), works())
    assert breaches(made) == [("idle_year", "疑似")]
    row = made.supply.iloc[0]
    assert (row["state"], row["idle_year_on"], row["idle_two_years_on"]) == (
        "not_started", pd.Timestamp("2026-06-30"), pd.Timestamp("2027-06-30"),
    )  # fmt: skip
    draft = made.breaches.iloc[0]["draft"]
    assert draft.startswith("通报市自然资源局（草稿，未发出）：电子监管号S1，厂房，某某公司，疑似超过约定动工满一年")
    assert "依据：城市房地产管理法第二十六条" in draft and draft.endswith("请现场核实后处理。")


def test_clouds_make_no_breach_sure() -> None:
    made = watch(parcel(), works(), seen=0.4)
    assert breaches(made) == [("idle_year", "不能判断，请核实")]
    assert made.supply.iloc[0]["works_high_share"] == pytest.approx(0.6)


def test_a_pit_is_neither_a_start_nor_idleness() -> None:
    # begun after 2026-09-01, the year full on 2026-10-15: whether the pit was dug out by then cannot be told
    made = watch(parcel(start_by="2025-10-15"), works((square(120, 120, 60), "pit")))
    # 60 m moved in by 10 m on each side: 40 x 40 = 1,600 m2 of 10,000; moved out: 80 x 80 = 6,400 m2
    row = made.supply.iloc[0]
    assert row["works_low_share"] == pytest.approx(0.16, abs=1e-3)
    assert row["works_high_share"] == pytest.approx(0.64, abs=1e-3)
    assert row["state"] == "unknown" and breaches(made) == [("idle_year", "不能判断，请核实")]


def test_walls_with_a_permit_are_a_start_whose_day_is_an_interval() -> None:
    made = watch(parcel(), works((square(120, 120, 60), "structure")), ("S1", "permit", "2025-05-01"))
    row = made.supply.iloc[0]
    assert (row["state"], row["started_after"], row["started_by"]) == (
        "started", pd.Timestamp("2026-09-01"), pd.Timestamp("2026-10-20"),
    )  # fmt: skip
    # begun after 2026-09-01, when the year (to 2026-06-30) was full
    assert breaches(made) == [("idle_year", "疑似")]


def test_works_that_cross_the_red_line_count_only_beyond_what_the_outline_may_be_off() -> None:
    # 60 x 60 m, of which 40 m lie east of the line at x = 200: moved in by 10 m 30 x 40 = 1,200 m2 remain outside,
    # moved out by 10 m 50 x 80 = 4,000 m2
    made = watch(parcel(), works((square(180, 120, 60), "structure")), ("S1", "permit", "2025-05-01"),
                 as_of=date(2026, 1, 31))  # fmt: skip
    row = made.breaches[made.breaches["breach"] == "overrun"].iloc[0]
    assert row["low_m2"] == pytest.approx(1200, rel=1e-3) and row["high_m2"] == pytest.approx(4000, rel=1e-3)
    assert "红线外施工面积" in row["reason"] and row["certainty"] == "疑似"


def test_a_strip_that_the_tolerance_explains_is_no_overrun() -> None:
    made = watch(parcel(), works((strip(120, 120, 85, 60), "structure")), as_of=date(2026, 1, 31))
    assert breaches(made) == []


def test_ground_that_is_supplied_to_the_neighbour_is_no_overrun() -> None:
    two = parcel({"supply_id": "S2", "geometry": square(200, 100, 100)})
    made = watch(two, works((square(180, 120, 60), "structure")), as_of=date(2026, 1, 31))
    assert "overrun" not in {kind for kind, _ in breaches(made)}


def test_works_beside_an_empty_parcel_may_be_built_in_the_wrong_place() -> None:
    # 5 m beyond the line: the outline may be off by 10 m, so a strip of 5 m may lie inside: 5 x 80 = 400 m2, 4 %
    near = watch(parcel(), works((square(205, 120, 60), "structure")), as_of=date(2026, 1, 31))
    assert near.supply.iloc[0]["works_low_share"] == 0.0
    assert breaches(near)[0][0] in ("elsewhere", "overrun")
    beside = watch(parcel(), works((square(209, 120, 60), "structure")), as_of=date(2026, 1, 31))
    row = beside.breaches.iloc[0]
    assert (row["breach"], row["certainty"]) == ("elsewhere", "疑似")
    assert row["low_m2"] == pytest.approx(1600, rel=1e-3)


def test_completion_late_and_papers_not_handed_in() -> None:
    late = watch(parcel(finish_by="2026-10-31", start_by="2026-10-01"), works())
    assert ("unfinished", "疑似") in breaches(late)
    done = watch(
        parcel(),
        works(),
        ("S1", "handover", "2025-02-01"),
        ("S1", "start", "2025-05-01"),
        ("S1", "finish", "2026-05-30"),
    )
    # 2026-05-30 and six months: 2026-11-30 is the last day
    assert breaches(done) == [] and breaches(
        watch(parcel(), works(), ("S1", "handover", "2025-02-01"), ("S1", "start", "2025-05-01"),
              ("S1", "finish", "2026-05-29"))
    ) == [("not_filed", "疑似")]  # fmt: skip
    assert done.items.iloc[0]["look_at"] == "竣工验收和竣工资料报送"


def test_every_parcel_whose_clock_runs_is_a_patrol_item_of_who_acts_there() -> None:
    item = watch(parcel(), works(), as_of=date(2026, 6, 20)).items.iloc[0]
    assert item[["cell_id", "unit_id", "acting_unit_id", "person_id"]].tolist() == ["G1", "U1", "CT", "P9"]
    assert item["clock"] == "距动工满一年（2026-06-30）10天；已过约定动工（2025-06-30）"
    assert item["next_day"] == pd.Timestamp("2026-06-30") and "是否动工" in item["look_at"]


def test_stage_data_is_ready_for_upload_only_where_it_is_consistent() -> None:
    good = watch(parcel(), works(), ("S1", "handover", "2025-02-01"), ("S1", "start", "2025-05-01"))
    assert bool(good.supply.iloc[0]["upload_ready"]) and good.supply.isna().iloc[0]["stage_problems"]
    bad = watch(parcel(), works(), ("S1", "handover", "2025-06-01"), ("S1", "start", "2025-05-01"))
    assert not bad.supply.iloc[0]["upload_ready"]
    assert bad.supply.iloc[0]["stage_problems"] == "动工（2025-05-01）早于交地（2025-06-01）"
    assert ("stage_data", "疑似") in breaches(bad)
    assert not watch(parcel(), works()).supply.iloc[0]["upload_ready"]


def test_what_was_seen_in_an_earlier_month_is_not_lost() -> None:
    before = watch(parcel(), works((square(120, 120, 60), "structure"))).supply
    now = watch(parcel(), works(), earlier=before).supply.iloc[0]
    assert now["works_low_share"] == pytest.approx(0.16, abs=1e-3)
    assert (now["begun_by"], now["built_by"]) == (pd.Timestamp("2026-10-20"), pd.Timestamp("2026-10-20"))


def test_no_supplied_land_no_rows() -> None:
    made = watch(parcel().iloc[:0], works())
    assert made.supply.empty and made.breaches.empty and made.items.empty


def test_what_was_supplied_before_the_imagery_began_may_be_built_on_without_ever_showing_as_a_change() -> None:
    old = watch(parcel(), works(), since=date(2026, 10, 1))
    assert breaches(old) == [("idle_year", "不能判断，请核实")]
    assert "影像监测始于供地之后，此前是否动工须现场核实" in old.supply.iloc[0]["reason"]
    # a person found nothing begun on 15 July 2026, after the year was full on 30 June: that is sure without an image
    found = ("S1", "checked_empty", "2026-07-15")
    assert breaches(watch(parcel(), works(), found, since=date(2026, 10, 1))) == [("idle_year", "疑似")]
    # one on 15 June says nothing of what came until 30 June
    early = ("S1", "checked_empty", "2026-06-15")
    assert breaches(watch(parcel(), works(), early, since=date(2026, 10, 1))) == [("idle_year", "不能判断，请核实")]
    # and once watched it stays so
    before = watch(parcel(), works()).supply
    assert breaches(watch(parcel(), works(), earlier=before, since=date(2026, 11, 1))) == [("idle_year", "疑似")]


def test_land_supplied_after_the_last_image_is_neither_begun_nor_empty() -> None:
    """The last image is of 20 October 2026."""
    states = {}
    for day in ("2026-10-20", "2026-10-21"):
        row = watch(parcel(agreed_on=day, start_by="2027-06-30"), works()).supply.iloc[0]
        states[day] = row["state"]
    assert states == {"2026-10-20": "not_started", "2026-10-21": "unknown"}
    assert row["reason"] == "影像截至2026-10-20，供地之后尚无影像，不能判断是否动工" and row["works_high_share"] == 1.0
    checked = ("S1", "checked_empty", "2026-11-05")
    late = parcel(agreed_on="2026-10-21", start_by="2027-06-30")
    assert watch(late, works(), checked).supply.iloc[0]["state"] == "not_started"


def test_completions_recorded_on_two_days_are_a_contradiction_and_no_missing_completion() -> None:
    late = parcel(finish_by="2026-06-30")
    made = watch(late, works(), ("S1", "finish", "2026-05-01"), ("S1", "finish", "2026-05-02"))
    assert breaches(made) == [("stage_data", "疑似")]
    assert "竣工有多个日期" in made.breaches.iloc[0]["reason"]
