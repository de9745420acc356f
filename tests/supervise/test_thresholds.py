"""Cumulative areas per subject, worked out on paper: 5 mu = 3333.33 m2, 10 mu = 6666.67 m2, 法释〔2000〕14号第三条、第九条."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.lawbook import thresholds_on
from pipeline.schema import ACCUMULATED
from pipeline.store import check_table
from pipeline.supervise.thresholds import (
    Item,
    accumulate,
    best_window,
    is_anonymous,
    reached,
    subject_key,
    subjects_of,
)
from pipeline.values import Reached

DAY = date(2026, 10, 31)
FIVE = thresholds_on(DAY, black_soil=False)


def target(name: str, side_m: float, *, seen: str = "2026-10-20", clear: str | None = "2026-10-01", gsd_m: float = 1.0,
           basic: tuple[float, float] | None = None, state: str = "new") -> dict[str, Any]:  # fmt: skip
    """A square of farmland, unapproved on all of it; ``basic``: what of it is surely and possibly basic farmland.

    Its area may be off by half a pixel along the outline.
    """
    area, band = side_m**2, 2.0 * side_m * gsd_m
    low, high = basic or (0.0, 0.0)
    rules = [
        {"rule": "V3-1", "facts": {"unapproved_basic_farmland_m2": {"low": low, "high": high}}},
        {"rule": "V4-1", "facts": {"unapproved_farmland_m2": {"low": area, "high": area}}},
    ]
    return {
        "target_id": name, "state": state, "rules": json.dumps(rules), "gsd_m": gsd_m, "first_seen": pd.Timestamp(seen),
        "area_m2": area, "area_low_m2": area - band, "area_high_m2": area + band,
        "farmland_m2": area, "basic_farmland_m2": low,
        "last_clear": pd.NaT if clear is None else pd.Timestamp(clear), "geometry": shapely.box(0, 0, side_m, side_m),
    }  # fmt: skip


def summed(*rows: dict[str, Any], subject: Any = "甲乙建材有限公司", outcomes: dict[str, str] | None = None,
           thresholds: Any = FIVE) -> pd.DataFrame:  # fmt: skip
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs="EPSG:4547")
    names = subject if isinstance(subject, dict) else {row["target_id"]: (subject,) for row in rows}
    made = accumulate(frame, names, outcomes or {}, thresholds=thresholds)
    check_table(ACCUMULATED, made)
    return made


def test_two_sites_below_the_area_reach_it_together_with_their_band() -> None:
    # 50 x 50 = 2500 m2, perimeter 200 m, half a pixel of 1 m: 2400 to 2600; twice: 4800 to 5200. 3333.33 <= 4800.
    made = summed(target("T1", 50, basic=(2500, 2500)), target("T2", 50, basic=(2500, 2500), seen="2026-03-01",
                                                              clear="2026-02-01"))  # fmt: skip
    (row,) = [row for row in made.to_dict("records") if row["category"] == "永久基本农田"]
    assert (row["area_low_m2"], row["area_m2"], row["area_high_m2"]) == (4800.0, 5000.0, 5200.0)
    assert row["standing"] == "surely_above" and row["targets"] == 2 and row["target_ids"] == "T1、T2"
    assert row["threshold_m2"] == pytest.approx(3333.3333, abs=1e-4)


def test_the_band_of_coarse_pixels_leaves_it_open() -> None:
    # the same two squares at 10 m: 200 m x 5 m = 1000 m2 each way: 3000 to 7000 around 5000. 3000 < 3333.33 <= 7000.
    made = summed(*(target(name, 50, gsd_m=10.0, basic=(2500, 2500)) for name in ("T1", "T2")))
    row = made[made["category"] == "永久基本农田"].iloc[0]
    assert (row["area_low_m2"], row["area_high_m2"], row["standing"]) == (3000.0, 7000.0, "possibly_above")


def test_open_approval_does_not_make_basic_farmland_other_farmland_too() -> None:
    """A field of 1600 m2, all of it surely basic farmland, whether approved is open: 0 to 1600 basic, no other."""
    own = target("T1", 40)
    span = {"low": 0.0, "high": 1600.0}
    rules = [{"rule": "V3-1", "facts": {"unapproved_basic_farmland_m2": span}},
             {"rule": "V4-1", "facts": {"unapproved_farmland_m2": span}}]  # fmt: skip
    (row,) = summed({**own, "rules": json.dumps(rules), "basic_farmland_m2": 1600.0}).to_dict("records")
    assert (row["category"], row["area_m2"]) == ("永久基本农田", 800.0)
    assert "1处批准情况或保护范围不能判断，面积取可能范围的中值" in row["reason"]


def test_a_seam_between_layers_is_no_row() -> None:
    made = summed(target("T1", 40, basic=(1599.99, 1599.99)))
    assert made["category"].tolist() == ["永久基本农田"] and "中值" not in made["reason"].iloc[0]


def test_basic_farmland_does_not_count_as_other_farmland_too() -> None:
    # 80 x 80 = 6400 +- 160, a fortieth; 2400 of it basic: 4000 of other farmland +- 100: below 6666.67
    made = summed(target("T1", 80, basic=(2400, 2400)))
    row = made[made["category"] == "其他耕地"].iloc[0]
    assert (row["area_low_m2"], row["area_m2"], row["area_high_m2"]) == (3900.0, 4000.0, 4100.0)
    assert row["standing"] == "below"


def test_acts_more_than_a_year_apart_are_not_summed() -> None:
    # begun by 2025-10-01 and after 2026-10-01: no year holds both
    old = target("T1", 50, basic=(2500, 2500), seen="2025-10-01", clear="2025-09-15")
    made = summed(old, target("T2", 50, basic=(2500, 2500)))
    row = made[made["category"] == "永久基本农田"].iloc[0]
    assert row["targets"] == 1 and row["standing"] == "below"
    # an act that may have begun within the year counts for the upper end alone
    open_start = target("T1", 50, basic=(2500, 2500), seen="2025-10-25", clear="2025-10-01")
    row = summed(open_start, target("T2", 50, basic=(2500, 2500))).query("category == '永久基本农田'").iloc[0]
    assert (row["area_low_m2"], row["area_high_m2"], row["standing"]) == (2400.0, 5200.0, "possibly_above")


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (Fraction(10000, 3), Fraction(4000), Reached.SURELY_ABOVE),
        (Fraction(10000, 3) - Fraction(1, 100), Fraction(10000, 3), Reached.POSSIBLY_ABOVE),
        (Fraction(0), Fraction(10000, 3) - Fraction(1, 10**9), Reached.BELOW),
    ],
)
def test_areas_are_compared_exactly(low: Fraction, high: Fraction, says: Reached) -> None:
    assert reached(low, high, Fraction(5)) is says


@pytest.mark.parametrize(
    "name", ["云泽市瑞兴村民委员会", "刘营村三组村民小组", "村民张三", "农民专业合作社", "个人独资企业甲"]
)
def test_bodies_and_persons_are_named(name: str) -> None:
    assert not is_anonymous(name)


@pytest.mark.parametrize(
    "name",
    ["王某某", "李某", "不详", "未知主体", "无", "张", "/", "--", "主体待查", "村民", "李集村村民", "村民3户", "村民等",
     "农户", "当事人", "施工方"],
)  # fmt: skip
def test_anonymous_subjects_are_never_summed(name: str) -> None:
    assert is_anonymous(name)
    made = summed(target("T1", 50, basic=(2500, 2500)), target("T2", 50, basic=(2500, 2500)), subject=name)
    basic = made[made["category"] == "永久基本农田"]
    assert basic["target_ids"].tolist() == ["T1", "T2"] and set(basic["standing"]) == {"not_summed"}


def test_a_target_with_two_subjects_is_listed_by_itself_and_namesakes_are_to_be_checked() -> None:
    both = {"T1": ("王军", "甲公司"), "T2": ("王军",), "T3": ("王军",)}
    made = summed(*(target(name, 50) for name in both), subject=both)
    by_name = made.set_index("target_ids")
    assert by_name.loc["T1", "standing"] == "not_summed" and by_name.loc["T2、T3", "targets"] == 2
    assert "是否同一人" in by_name.loc["T2、T3", "reason"] and "是否同一人" not in by_name.loc["T1", "reason"]


def test_what_people_found_lawful_or_false_and_what_was_merged_does_not_count() -> None:
    rows = [target("T1", 90), target("T2", 90), target("T3", 90, state="merged"), target("T4", 90)]
    made = summed(*rows, outcomes={"T1": "lawful", "T2": "pseudo_change", "T4": "violation"})
    assert made["target_ids"].tolist() == ["T4"] and made["standing"].tolist() == ["surely_above"]


def test_without_a_date_or_an_interval_nothing_is_summed_and_no_targets_give_no_rows() -> None:
    undated = target("T1", 90) | {"first_seen": pd.NaT}
    assert summed(undated, target("T2", 90) | {"area_low_m2": None, "area_high_m2": None}).empty
    with pytest.raises(ValueError, match="at least one"):
        best_window([], 12, Fraction(5))


def test_black_soil_has_its_own_areas_since_may_2025() -> None:
    assert [(row.name, row.mu) for row in FIVE] == [("basic_farmland", 5), ("other_farmland", 10)]
    assert [row.mu for row in thresholds_on(DAY, black_soil=True)] == [3, 6]
    assert [row.mu for row in thresholds_on(date(2025, 5, 8), black_soil=True)] == [5, 10]
    # 45 x 45 = 2025, band 90: 1935 to 2115; 3 mu = 2000 lies inside
    row = summed(target("T1", 45, basic=(2025, 2025)), thresholds=thresholds_on(DAY, black_soil=True)).iloc[0]
    assert row["standing"] == "possibly_above" and row["basis"].endswith("3亩")


def test_subjects_come_from_sure_matches_alone() -> None:
    matches = pd.DataFrame({"target_id": ["T1", "T1", "T2", "T3"], "entry_id": ["e1", "e2", "e3", "e4"],
                            "status": ["assigned", "decided", "ambiguous", "assigned"]})  # fmt: skip
    entries = pd.DataFrame({"entry_id": ["e1", "e2", "e3", "e4"], "subject": ["甲 公司", "甲公司", "乙公司", None]})
    assert subjects_of(matches, entries, ("assigned", "decided")) == {"T1": ("甲公司",)}
    assert subject_key(" ＡＢ 公司") == "AB公司"


def test_acts_that_may_lie_within_one_year_count_for_the_upper_end_whichever_window_holds_them() -> None:
    # T1 began from 2025-01-01 to 01-10, T2 from 2026-01-05 to 03-01: 2025-01-10 and 2026-01-05 lie within one year
    early = target("T1", 50, basic=(2500, 2500), clear="2024-12-31", seen="2025-01-10")
    made = summed(early, target("T2", 50, basic=(2500, 2500), clear="2026-01-04", seen="2026-03-01"))
    row = made[made["category"] == "永久基本农田"].iloc[0]
    assert (row["targets"], row["area_high_m2"], row["standing"]) == (2, 5200.0, "possibly_above")
    assert (row["window_from"], row["window_to"]) == (pd.Timestamp("2025-01-06"), pd.Timestamp("2026-01-05"))


def test_a_window_that_may_reach_the_area_comes_before_one_with_more_that_is_sure() -> None:
    # January 2025: surely 2600 to 2808. May 2026: none surely, at most 4900 + 140 = 5040 >= 3333.33
    sure = target("T1", 52, basic=(2704, 2704), clear="2025-01-01", seen="2025-01-10")
    made = summed(sure, target("T2", 70, basic=(0, 4900), clear="2026-04-30", seen="2026-05-10"))
    row = made[made["category"] == "永久基本农田"].iloc[0]
    assert (row["target_ids"], row["area_low_m2"], row["standing"]) == ("T2", 0.0, "possibly_above")


@pytest.mark.parametrize(
    ("clear", "seen", "told"),
    [
        # 2500 m2 with a band of 100 = 3.6 to 3.9 mu: above 3, below 5. The interpretation holds from 2025-05-09.
        ("2025-03-01", "2025-05-08", [("永久基本农田", "below")]),
        ("2025-05-08", "2025-06-01", [("永久基本农田(黑土地)", "surely_above")]),
        ("2025-05-07", "2025-05-09", [("永久基本农田", "below"), ("永久基本农田(黑土地)", "possibly_above")]),
    ],
)
def test_black_soil_is_judged_by_the_area_of_the_day_on_which_the_act_began(
    clear: str, seen: str, told: list[tuple[str, str]]
) -> None:
    made = summed(
        target("T1", 50, basic=(2500, 2500), clear=clear, seen=seen), thresholds=thresholds_on(DAY, black_soil=True)
    )
    assert list(made[["category", "standing"]].itertuples(index=False, name=None)) == told


def test_a_large_site_for_which_nobody_is_named_is_listed_by_itself_and_a_small_one_is_not() -> None:
    made = summed(target("T1", 80, basic=(6400, 6400)), target("T2", 50, basic=(2500, 2500)), subject={})
    assert made[["subject", "category", "target_ids", "standing"]].to_numpy().tolist() == [
        ["主体不明", "永久基本农田", "T1", "not_summed"]
    ]
    assert "单处疑似超过" in made.iloc[0]["reason"]


def test_the_best_window_is_the_best_of_all_windows_of_a_year() -> None:
    # against every window of a year that ends on any day, on made-up acts
    draw = np.random.default_rng(20261126)
    for _ in range(20):
        items = []
        for number in range(int(draw.integers(1, 6))):
            first = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(draw.integers(0, 900)))
            low = Fraction(int(draw.integers(0, 30)) * 100)
            high = low + int(draw.integers(0, 10)) * 100
            items.append(
                Item(f"T{number}", low, low, high, first, first + pd.Timedelta(days=int(draw.integers(0, 60))))
            )
        _, sure, possible = best_window(items, 12, Fraction(5))
        found = reached(
            sum((i.low_m2 for i in sure), Fraction(0)), sum((i.high_m2 for i in possible), Fraction(0)), Fraction(5)
        )
        days = pd.date_range("2024-01-01", "2026-08-31")
        starts = {end: end - pd.DateOffset(months=12) for end in days}
        lows = [
            sum((i.low_m2 for i in items if i.begun_from > starts[e] and i.begun_to <= e), Fraction(0)) for e in days
        ]
        highs = [
            sum((i.high_m2 for i in items if i.begun_to > starts[e] and i.begun_from <= e), Fraction(0)) for e in days
        ]
        assert found is reached(max(lows), max(highs), Fraction(5)), items
