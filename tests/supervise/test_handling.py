"""Who deals with a confirmed violation: the plan's own words (方案三(六)) on cases made up by hand."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pipeline.duty_rules import load_handling
from pipeline.schema import HANDLING, TASKS
from pipeline.store import check_table
from pipeline.supervise.handling import assign_handlers
from tests.patrol.town import square, table, targets
from tests.supervise.records import acts, decision

VIOLATION = [("T", "2026-11-08", "violation")]
DAY = date(2026, 11, 30)
TASK = table(TASKS, ("T", "G1", '{"G1": 0.7, "G3": 0.3}', "U1", "U1", None, 1, 0.5, True, None, "2026-11-08", "疑似"))


def without_approval(*, farmland: Any = None, basic: Any = None) -> dict[str, str]:
    """Farmland and basic farmland without approval, m2: surely and possibly so, as the rules of a target cite them."""
    facts = {"unapproved_farmland_m2": farmland, "unapproved_basic_farmland_m2": basic}
    told = {name: {"low": span[0], "high": span[1]} for name, span in facts.items() if span is not None}
    return {"rules": json.dumps([{"rule": "V4-1", "facts": told}])}


def handled(checks: Any = VIOLATION, words: tuple[str, ...] = (), day: date = DAY, **target: Any) -> Any:
    row = {"target_id": "T", "geometry": square(0, 0, 10), "kinds": '["V1"]', "area_m2": 4000.0, **target}
    known = acts(field_checks=checks, decisions=[decision(word, "2026-11-20") for word in words])
    made = assign_handlers(targets(row), TASK, {"G1": "U1", "G3": "U2"}, known, load_handling(), day=day)
    check_table(HANDLING, made)
    return made


BUILT = {"stage": "roofed", "state": "seen_again"}


@pytest.mark.parametrize(
    ("target", "words", "handler", "rule"),
    [
        # 已形成 + 案情较复杂 + 社会影响较大 -> 市局
        (BUILT, ("案情复杂", "社会影响大"), "bureau", "H1"),
        # only two of the plan's three conditions, 6 亩, nothing under way, no planning kind: nobody is named
        (BUILT, ("案情复杂",), "undecided", None),
        # 正在实施 -> 单位, be it complex or not
        ({"stage": "pit", "state": "new"}, ("案情复杂", "社会影响大"), "unit", "H5"),
        ({"stage": "roofed", "state": "growing"}, (), "unit", "H5"),
        # people's word that works go on, or have stopped, comes before the imagery
        ({"stage": "structure", "state": "carried"}, ("拒不停止",), "unit", "H5"),
        ({"stage": "pit", "state": "new"}, ("已停止",), "undecided", None),
        # 违反村庄规划 -> 单位
        ({**BUILT, "kinds": '["V7"]'}, (), "unit", "H4"),
        # 规模较小, working value 5 亩 = 3,333.33.. m2
        ({**BUILT, "area_m2": 3333.0}, (), "unit", "H6"),
        ({**BUILT, "area_m2": 3334.0}, (), "undecided", None),
        # 5 亩 of permanent basic farmland or 10 亩 of other farmland without approval -> 市局 (working rule)
        ({**without_approval(basic=(3334.0, 3334.0)), "stage": "pit"}, (), "bureau", "H2"),
        ({**without_approval(basic=(3333.0, 3333.0)), "stage": "pit"}, (), "unit", "H5"),
        ({**without_approval(farmland=(6667.0, 6667.0)), "stage": "pit"}, (), "bureau", "H3"),
        # 6700 m2 of farmland of which 2700 m2 are basic: 4.05 亩 and 6 亩, neither area is reached
        ({**without_approval(farmland=(6700.0, 6700.0), basic=(2700.0, 2700.0)), "stage": "pit"}, (), "unit", "H5"),
        # 8000 m2 of farmland of which 7300 m2 are approved: 700 m2 count
        ({**without_approval(farmland=(700.0, 700.0)), "farmland_m2": 8000.0, "stage": "pit"}, (), "unit", "H5"),
        # a person's word comes before every rule
        ({"stage": "pit"}, ("移交市局",), "bureau", "人工"),
        ({**BUILT}, ("案情复杂", "社会影响大", "由单位处理"), "unit", "人工"),
    ],
)
def test_the_split_between_unit_and_bureau(
    target: dict[str, Any], words: tuple[str, ...], handler: str, rule: str | None
) -> None:
    made = handled(words=words, **target).iloc[0]
    assert made["handler"] == handler
    assert (made["rule"] if isinstance(made["rule"], str) else None) == rule


@pytest.mark.parametrize("checks", [[], [("T", "2026-11-08", "lawful")], [*VIOLATION, ("T", "2026-11-20", "other")]])
def test_nobody_is_told_to_deal_with_what_people_have_not_found_to_be_a_violation(checks: Any) -> None:
    assert handled(checks).empty


def test_what_cannot_be_known_is_said_and_never_taken_for_met() -> None:
    made = handled(words=("案情复杂", "社会影响大"), stage="unknown", state="carried", kinds=None).iloc[0]
    assert made["handler"] == "undecided"
    assert "H1（是否已形成不明）" in made["reason"] and "H4（疑似违法类型不明）" in made["reason"]
    assert made["reason"].endswith("请市局指定由谁查处")


def test_every_answer_carries_its_source_and_mark() -> None:
    made = handled(stage="pit").iloc[0]
    assert made[["acting_unit_id", "source", "verification"]].tolist() == ["U1", "巡查方案三(六)第一款", "V"]
    assert handled(area_m2=100.0, **BUILT).iloc[0]["verification"] == "M"


def test_rules_count_from_their_day() -> None:
    # H2 came with the interpretation of 2000 (in force from 22 June); the day before only the plan's own rules stood
    large = without_approval(basic=(4000.0, 4000.0))
    assert handled(stage="pit", day=date(2000, 6, 21), **large).iloc[0]["rule"] == "H5"
    assert handled(stage="pit", day=date(2000, 6, 22), **large).iloc[0]["rule"] == "H2"


def test_an_area_that_an_open_approval_leaves_between_is_said_and_never_taken_for_reached() -> None:
    made = handled(stage="pit", **without_approval(basic=(3000.0, 4000.0))).iloc[0]
    assert made["rule"] == "H5" and "H2（永久基本农田未批准面积不明）" in made["reason"]
    # without the layer of basic farmland nobody knows what of 12 亩 is basic
    made = handled(stage="pit", basic_farmland_m2=None, **without_approval(farmland=(8000.0, 8000.0))).iloc[0]
    assert made["rule"] == "H5" and "H3（其他耕地未批准面积不明）" in made["reason"]
