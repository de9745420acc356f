"""Matching on drawn sites: parts of the probability by hand, assignment by hand, decisions, order."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from pipeline.geodesy import gcj02_from_wgs84
from pipeline.reconcile.decisions import survivors
from pipeline.reconcile.match import time_score
from pipeline.reconcile.sites import site_numbers
from pipeline.reconcile.space import position_sigma_m, space_density
from pipeline.reconcile.words import (
    area_factor,
    names_small_thing,
    pace_factor,
    small_factor,
    stage_factor,
    topics,
)
from pipeline.schema import TARGETS


def pairs(draw: SimpleNamespace, city: Any) -> dict[tuple[str, str], dict[str, Any]]:
    rows = draw.match(city.tables()).to_dict("records")
    return {(row["target_id"], row["entry_id"]): row for row in rows}


def test_density_integrates_to_one() -> None:
    shape, sigma = box(0, 0, 60, 40), 30.0
    step = 2.0
    x, y = np.meshgrid(np.arange(-450, 510, step), np.arange(-450, 490, step))
    dx, dy = np.maximum(np.maximum(-x, x - 60), 0), np.maximum(np.maximum(-y, y - 40), 0)
    ones = np.ones_like(x)
    density = space_density(np.hypot(dx, dy), ones * shape.area, ones * shape.length, ones * sigma, tail_share=0.1)
    assert density.sum() * step * step == pytest.approx(1.0, abs=0.01)


def test_ninety_of_a_hundred_lie_within_the_stated_radius() -> None:
    sigma = position_sigma_m(np.array([100.0, np.nan]), standing_m=1e-9)
    assert 1 - math.exp(-0.5 * (100.0 / sigma[0]) ** 2) == pytest.approx(0.9)
    assert sigma[1] == pytest.approx(sigma[0] / 2)


def test_time_score_by_hand() -> None:
    days = pd.to_datetime(pd.Series(["2026-10-21", "2026-10-11", "2026-10-01", "2026-09-11", "2026-07-01", None]))
    start = pd.to_datetime(pd.Series(["2026-10-01"] * 6))
    end = pd.to_datetime(pd.Series(["2026-10-21"] * 6))
    score = time_score(days, start, end, max_lead_days=60)
    # from first_seen on 1; half way 0.3 + 0.7/2; on last_clear the leak; 20 days earlier a third of it; then a trace
    assert score.tolist() == pytest.approx([1.0, 0.65, 0.3, 0.3 / math.e, 0.003, 0.5])


def test_words() -> None:
    vocabulary = {"pit": ["基坑"], "roofed": ["封顶"], "small": ["坟"]}
    assert topics("已挖基坑，旁有坟", vocabulary) == ("pit", "small")
    assert stage_factor(("pit",), "pit", 0) > stage_factor((), "pit", 0) == 1.0
    assert stage_factor(("roofed",), "pit", 20) > stage_factor(("roofed",), "pit", -20)
    assert stage_factor(("small",), "pit", 0) < 0.3
    # 0.5 / 0.5 + 0.5 / 1.2 on the side of growth, against 1 / 1.8: a finding of the commonest size
    assert area_factor(1000.0, 1000.0, 0.0) == pytest.approx(1.8 * (0.5 / 0.5 + 0.5 / 1.2), rel=0.5)
    assert 4.0 == area_factor(20_000.0, 20_000.0, 0.0) > 1.5 * area_factor(1000.0, 1000.0, 0.0)
    assert area_factor(100.0, 3000.0, 10.0) == 0.02
    # 15 亩 written as 15 m2
    assert 0.03 < area_factor(15.0, 10_000.0, 10.0) < 1.0 < area_factor(10_000.0, 10_000.0, 10.0)
    assert area_factor(600.0, 3000.0, -10.0) > area_factor(600.0, 3000.0, 10.0)
    assert area_factor(math.nan, 3000.0, 0.0) == 1.0


@pytest.mark.parametrize(
    ("told", "days", "factor"),
    [(("roofed",), 10, 0.25), (("roofed",), 20, 1.0), (("structure", "roofed"), 10, 1.0), (("structure",), 3, 0.25),
     (("pit",), 0, 1.0), ((), 0, 1.0), (("roofed",), -40, 1.0), (("roofed",), math.nan, 1.0)],
)  # fmt: skip
def test_what_could_not_stand_so_soon_is_older(told: tuple[str, ...], days: float, factor: float) -> None:
    assert pace_factor(told, days) == factor


def test_words_and_area_have_to_agree_that_a_thing_is_small() -> None:
    assert small_factor(True, 45.0, 10_000.0) == 0.25
    for small, stated_m2, target_m2 in (
        (False, 45.0, 10_000.0), (True, float("nan"), 10_000.0), (True, 400.0, 10_000.0), (True, 280.0, 900.0),
    ):  # fmt: skip
        assert small_factor(small, stated_m2, target_m2) == 1.0


@pytest.mark.parametrize(
    ("text", "small"),
    [("挖土坑 已形成", True), ("堆放建筑垃圾", True), ("新建坟墓", True), ("推填土，边上有坟", False),
     ("建房，东邻坟地", False), ("主体施工", False)],
)  # fmt: skip
def test_a_small_thing_is_named_without_works_of_building(draw: SimpleNamespace, text: str, small: bool) -> None:
    words = {**draw.vocabulary, "earthworks": ["推填土", "挖土"], "minor": ["土坑", "建筑垃圾"]}
    assert names_small_thing(text, words) is small


def test_entry_at_the_site_is_assigned(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 20, 20), draw.entry("E2", 900, 20)]
    found = pairs(draw, city)
    assert list(found) == [("T1", "E1")]
    row = found["T1", "E1"]
    assert (row["status"], row["distance_m"], row["time_score"]) == ("assigned", 0.0, 1.0)
    # 0.97 / (1600 + 160 s 1.2533 + 2 pi s^2) with s = hypot(15/2.146, 25) = 25.96 m, and 0.03 with 2.5 s: 8.86e-5
    # per m2, against 1e-6 per m2 for anything else
    assert row["probability"] == pytest.approx(8.86e-5 / (8.86e-5 + 1e-6), abs=2e-4)


def test_two_entries_between_two_sites_go_one_to_each(draw: SimpleNamespace) -> None:
    # E1 is nearer to both sites' gap; alone both entries would prefer T1: together E2 must take T2
    city = draw.City()
    city.targets = [draw.target("T1", x=0), draw.target("T2", x=100)]
    city.entries = [draw.entry("E1", 20, 20), draw.entry("E2", 68, 20)]
    found = pairs(draw, city)
    assert found["T1", "E1"]["status"] == "assigned"
    assert found["T1", "E2"]["probability"] < found["T2", "E2"]["probability"]
    city.entries = city.entries[1:]
    alone = pairs(draw, city)
    assert alone["T1", "E2"]["probability"] > alone["T2", "E2"]["probability"]


def test_later_mentions_join_but_items_of_one_row_do_not(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 20, 20), draw.entry("E2", 22, 20, row=1)]
    found = pairs(draw, city)
    assert sorted(row["status"] for row in found.values()) != ["assigned", "assigned"]
    city.entries[1]["row"] = 2
    assert [row["status"] for row in pairs(draw, city).values()] == ["assigned", "assigned"]


def test_entry_between_two_sites_is_ambiguous(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1", x=0), draw.target("T2", x=100)]
    city.entries = [draw.entry("E1", 70, 20)]
    found = pairs(draw, city)
    assert {row["status"] for row in found.values()} == {"ambiguous"}
    assert found["T1", "E1"]["probability"] == pytest.approx(found["T2", "E1"]["probability"])


def test_stated_id_outweighs_place_but_not_absurdity(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1"), draw.target("T2", x=300)]
    city.entries = [draw.entry("E1", 20, 20, stated_target_id="T2")]
    found = pairs(draw, city)
    assert found["T2", "E1"]["status"] == "assigned"
    assert found["T1", "E1"]["status"] != "assigned"
    city.entries = [draw.entry("E1", None, stated_target_id="T2")]
    assert pairs(draw, city)["T2", "E1"]["probability"] > 0.99
    city.entries = [draw.entry("E1", 9000, 20, stated_target_id="T2")]
    assert pairs(draw, city)["T2", "E1"]["status"] == "ambiguous"
    city.entries = [draw.entry("E1", 20, 20, stated_target_id="unknown")]
    assert pairs(draw, city)["T1", "E1"]["status"] == "assigned"


def test_old_entry_is_no_new_site_but_on_the_spot_a_person_is_asked(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 20, 20, "2026-05-01", status="主体施工", stated_area_m2=1600.0)]
    assert pairs(draw, city)["T1", "E1"]["status"] == "ambiguous"
    city.entries = [draw.entry("E1", 20, 150, "2026-05-01", status="主体施工", stated_area_m2=1600.0)]
    assert pairs(draw, city)["T1", "E1"]["probability"] < 0.01


def test_matter_written_down_before_the_site_is_hardly_the_site(draw: SimpleNamespace) -> None:
    city = draw.City()
    said = {"subject": "张某", "place": "林洼村南400米", "uncertainty_m": 200.0}
    city.entries = [draw.entry("E1", 20, 20, **said)]
    fresh = pairs(draw, city)["T1", "E1"]
    city.entries.append(draw.entry("E2", 20, 20, "2026-05-01", **said))
    again = pairs(draw, city)["T1", "E1"]
    assert (fresh["time_score"], again["time_score"]) == (1.0, pytest.approx(0.25 + 0.75 * 0.003))
    for other, x in (({"subject": "李某"}, 20), ({"place": "黄营村"}, 3000), ({"subject": "村民"}, 20)):
        city.entries[1] = draw.entry("E2", x, 20, "2026-05-01", **{**said, **other})
        assert pairs(draw, city)["T1", "E1"]["time_score"] == 1.0
    city.entries = [draw.entry("E1", 20, 20, **said | {"subject": "村民"}), city.entries[1]]
    assert pairs(draw, city)["T1", "E1"]["time_score"] == 1.0


def test_decisions_of_people_stand(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1"), draw.target("T2", x=45)]
    city.entries = [draw.entry("E1", 20, 20)]
    city.decisions = [
        {"target_id": "T1", "entry_id": "E1", "decision": "same"},
        {"target_id": "T1", "entry_id": "E1", "decision": "different", "decided_on": "2026-11-21"},
        {"target_id": "T2", "entry_id": "E1", "decision": "same"},
        {"target_id": "T2", "entry_id": None, "decision": "存量"},
    ]
    found = pairs(draw, city)
    assert {pair: (row["status"], row["probability"]) for pair, row in found.items()} == {
        ("T1", "E1"): ("decided", 0.0),
        ("T2", "E1"): ("decided", 1.0),
    }


def test_survivors_follow_chains_and_cycles() -> None:
    frame = pd.DataFrame({"target_id": ["a", "b", "c", "d"], "merged_into": ["b", "c", None, "d"]})
    assert survivors(frame) == {"a": "c", "b": "c", "c": "c", "d": "d"}


def test_nothing_in_nothing_out(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = []
    assert draw.match(city.tables()).empty
    city.targets = []
    assert list(draw.match(city.tables()).columns)[:2] == ["target_id", "entry_id"]


places = st.tuples(st.floats(-100, 400), st.floats(-100, 150), st.integers(1, 28))


@settings(max_examples=12, deadline=None)
@given(sites=st.lists(places, max_size=5), finds=st.lists(places, max_size=6), data=st.data())
def test_order_free_and_probabilities_add_up(draw: SimpleNamespace, sites: Any, finds: Any, data: Any) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x, y, first_seen=f"2026-10-{d:02d}") for n, (x, y, d) in enumerate(sites)]
    city.entries = [draw.entry(f"E{n}", x, y, f"2026-10-{d:02d}") for n, (x, y, d) in enumerate(finds)]
    found = draw.match(city.tables())
    city.targets = data.draw(st.permutations(city.targets))
    city.entries = data.draw(st.permutations(city.entries))
    pd.testing.assert_frame_equal(draw.match(city.tables()), found)
    sites = site_numbers(draw.table(TARGETS, city.targets, draw.facts), same_site_m=30.0) if city.targets else {}
    found = found.assign(site=[sites[target] for target in found["target_id"]])
    whole = found.groupby(["entry_id", "site"])["probability"].max().groupby("entry_id").sum()
    assert (whole <= 1.0 + 1e-9).all()
    assigned = found[found["status"] == "assigned"]
    assert (assigned.groupby("entry_id")["site"].nunique() <= 1).all()


@settings(max_examples=10, deadline=None)
@given(sites=st.lists(places, max_size=4), finds=st.lists(places, min_size=1, max_size=5), far=st.integers(0, 4))
def test_other_files_and_far_rows_change_nothing(draw: SimpleNamespace, sites: Any, finds: Any, far: int) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x, y, first_seen=f"2026-10-{d:02d}") for n, (x, y, d) in enumerate(sites)]
    said = {"subject": "张某", "place": "林洼村南"}
    city.entries = [draw.entry(f"E{n}", x, y, f"2026-10-{d:02d}", **said) for n, (x, y, d) in enumerate(finds)]
    found = draw.match(city.tables())
    city.entries = [{**row, "file": f"{row['entry_id']}.csv", "row": 1} for row in city.entries]
    city.entries += [draw.entry(f"E{50 + n}", 50_000.0 + n, 0, unit_id="B", file="B.xlsx", **said) for n in range(far)]
    pd.testing.assert_frame_equal(draw.match(city.tables()), found)


def test_entry_about_a_site_in_parts_is_about_each_part(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1"), draw.target("T2", x=50), draw.target("T3", x=50, y=50, first_seen="2026-11-20",
                    last_clear="2026-11-10")]  # fmt: skip
    city.entries = [draw.entry("E1", 45, 20)]
    found = pairs(draw, city)
    assert {target for (target, _), row in found.items() if row["status"] == "assigned"} == {"T1", "T2"}
    # the third part began weeks after the report
    assert found["T3", "E1"]["probability"] < 0.2
    city.targets = [draw.target("T1"), draw.target("T2", x=75)]
    assert "assigned" not in {row["status"] for row in pairs(draw, city).values() if row["target_id"] == "T2"}


def test_coordinates_of_unknown_datum_are_read_in_each(draw: SimpleNamespace) -> None:
    # a site 480 m from the recorded text place, exactly where the stated degrees lie when read as GCJ-02
    lon, lat = 114.05, 31.6
    to_city = pyproj.Transformer.from_crs("EPSG:4490", draw.crs, always_xy=True)
    x, y = (float(value) for value in to_city.transform(lon, lat))
    gcj = [float(value) for value in gcj02_from_wgs84(lon, lat)]
    city = draw.City()
    city.targets = [draw.target("T1", x - draw.x - 20, y - draw.y - 20)]
    said = {"uncertainty_m": 500.0, "datum": "unknown", "position_source": "place"}
    place = (x - draw.x + 340, y - draw.y + 340)
    city.entries = [draw.entry("E1", *place, **said)]
    blurred = pairs(draw, city)["T1", "E1"]["probability"]
    for stated in (gcj, gcj[::-1]):
        city.entries = [draw.entry("E1", *place, **said, stated_x=stated[0], stated_y=stated[1])]
        row = pairs(draw, city)["T1", "E1"]
        assert row["probability"] > 0.9 > 0.6 > blurred
        assert row["distance_m"] < 5.0
        assert "坐标基准未定" in row["reason"]


def test_mention_without_coordinates_takes_the_better_place_of_its_matter(draw: SimpleNamespace) -> None:
    city = draw.City()
    said = {"subject": "张某", "place": "林洼村南400米"}
    vague = draw.entry("E2", 200, 20, "2026-10-25", position_source="place", uncertainty_m=300.0, **said)
    city.entries = [vague]
    alone = pairs(draw, city)["T1", "E2"]["probability"]
    city.entries = [draw.entry("E1", 20, 20, **said), vague]
    row = pairs(draw, city)["T1", "E2"]
    assert (row["status"], row["distance_m"]) == ("assigned", 0.0)
    assert row["probability"] > max(alone, 0.95)
    assert "另一条目的位置" in row["reason"]
    city.entries[0] = {**city.entries[0], "subject": "李某"}
    assert pairs(draw, city)["T1", "E2"]["probability"] < alone


def test_different_from_a_merged_target_is_not_different_from_its_survivor(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1"), draw.target("T9", state="merged", merged_into="T1")]
    city.entries = [draw.entry("E1", 20, 20)]
    city.decisions = [{"target_id": "T9", "entry_id": "E1", "decision": "different"}]
    assert pairs(draw, city)["T1", "E1"]["status"] == "assigned"
    city.decisions = [{"target_id": "T9", "entry_id": "E1", "decision": "same"}]
    assert pairs(draw, city)["T1", "E1"]["status"] == "decided"
    # a part split off later leaves the word on the part that kept the name
    city.targets = [draw.target("T1"), draw.target("T2", x=100, parent_ids="T1"), city.targets[1]]
    assert {pair: row["status"] for pair, row in pairs(draw, city).items()} == {("T1", "E1"): "decided"}
