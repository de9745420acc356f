"""Whom a conclusion is about: the unit whose ledger found it, or who held the target when it was dispatched."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipeline.reconcile.evidence import Deliveries
from pipeline.reconcile.questions import open_questions
from pipeline.reconcile.verdict import judge
from pipeline.reconcile.words import told_stage
from pipeline.rulebook import finding_words
from pipeline.schema import ENTRIES, REJECTED, VISITS, empty
from pipeline.values import VerdictRule
from tests.reconcile.test_verdict import one

WORDS = finding_words(pd.Timestamp("2026-10-31").date())


@pytest.fixture
def handed_back(draw: SimpleNamespace, patrolled: Any) -> Any:
    """Unit A had delegated its cell to D until 31 October, and the task is A's again now; dispatched to D."""
    patrolled.delegations = [
        {"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-01-01", "valid_to": "2026-10-31"}
    ]
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-10-25", "unit_id": "D"}]
    patrolled.visits = []
    patrolled.responsibility[0]["person_id"] = "P1"
    return patrolled


def test_a_find_is_credited_to_the_unit_whose_ledger_has_it(draw: SimpleNamespace, handed_back: Any) -> None:
    handed_back.entries.append(draw.entry("E1", 20, 20, "2026-10-20", unit_id="D"))
    row = one(draw, handed_back)
    assert (row["verdict"], row["unit_id"], row["acting_unit_id"]) == ("found_before_dispatch", "A", "D")
    # P1 is of unit A and not named for a find of D, with a word that says so
    assert pd.isna(row["person_id"]) and row["reason"].endswith("不指到人")


@pytest.mark.parametrize(("people", "person"), [("张三、某人", "P1"), ("王五", None), (None, "P1")])
def test_the_cells_person_is_credited_where_the_entry_names_them(
    draw: SimpleNamespace, patrolled: Any, people: str | None, person: str | None
) -> None:
    patrolled.entries.append(draw.entry("E1", 20, 20, "2026-10-20", people=people))
    row = one(draw, patrolled)
    assert row["verdict"] == "found_before_dispatch"
    assert row["person_id"] == person if person else pd.isna(row["person_id"])
    assert ("不指到人" in row["reason"]) == (person is None)


def test_another_units_find_is_its_own(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", 20, 20, "2026-10-20", unit_id="B"))
    row = one(draw, patrolled)
    assert (row["unit_id"], row["acting_unit_id"]) == ("A", "B")


def test_what_cannot_be_judged_is_about_who_held_it_at_the_dispatch(draw: SimpleNamespace, handed_back: Any) -> None:
    row = one(draw, handed_back)
    assert (row["verdict"], row["acting_unit_id"]) == ("undeterminable", "D")
    handed_back.dispatches = []
    assert one(draw, handed_back)["acting_unit_id"] == "A"


def asked_about(draw: SimpleNamespace, city: Any) -> tuple[Any, Any]:
    tables = city.tables()
    known, matches = draw.gathered(tables), draw.match(tables)
    told = judge(known, matches)
    return told, open_questions(matches, told, set(tables["entries"]["entry_id"]), partial(judge, known))


def faint_and_passed(draw: SimpleNamespace, patrolled: Any) -> Any:
    """E1 of after the dispatch is sure; E2 of before it has a place in words 300 m off (.03), but that track passed by."""
    city = patrolled
    city.dispatches = [{"target_id": "T1", "dispatched_on": "2026-10-25"}]
    city.entries += [
        draw.entry("E1", 20, 20, "2026-11-05"),
        draw.entry("E2", 340, 20, "2026-10-14", uncertainty_m=130.0, position_source="place"),
    ]
    return city


def test_a_faint_pair_that_nobody_is_asked_about_holds_back_no_sure_entry(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    told, asked = asked_about(draw, faint_and_passed(draw, patrolled))
    row = told.iloc[0]
    assert asked.empty
    assert (row["verdict"], row["entry_id"]) == ("found_after_dispatch", "E1")
    assert "E2 当日轨迹经过该处" in row["reason"] and "待人工判定" not in row["reason"]


@pytest.mark.parametrize("away", range(0, 420, 60))
@pytest.mark.parametrize("sent", ["2026-10-12", "2026-10-25", None])
@pytest.mark.parametrize("also", [False, True])
def test_whoever_waits_for_a_person_is_on_the_form(
    draw: SimpleNamespace, patrolled: Any, away: int, sent: str | None, also: bool
) -> None:
    """Every reason that mentions 待人工判定 has its pair in the form, whatever the distance, the dispatch or a sure entry."""
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": sent}] if sent else []
    patrolled.entries.append(
        draw.entry("E2", 40 + away, 20, "2026-10-14", uncertainty_m=130.0, position_source="place")
    )
    if also:
        patrolled.entries.append(draw.entry("E1", 20, 20, "2026-11-05"))
    told, asked = asked_about(draw, patrolled)
    pairs = set(zip(asked["target_id"], asked["entry_id"], strict=True))
    for row in told.to_dict("records"):
        if "待人工判定" in row["reason"]:
            assert any(target == row["target_id"] and entry in row["reason"] for target, entry in pairs)
        assert row["rule"] in {rule.value for rule in VerdictRule}


def test_a_unit_without_any_ledger_is_said_to_have_none() -> None:
    nothing = Deliveries(empty(ENTRIES, "EPSG:4547"), empty(VISITS, "EPSG:4547"), empty(REJECTED))
    said = nothing.ledger_ends("U2", pd.Timestamp("2026-10-13").date(), as_kept=True)
    assert said == "U2 未报送可用台账，不能说明 2026-10-13 的情况"


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("正在开挖基坑，约7.1亩", "pit"), ("基础开挖，约9.0亩", "pit"), ("开挖沟渠", "earthworks"),
        ("机械进场清表，约7.2亩", "earthworks"), ("正在推填土", "earthworks"),
        ("墙体砌筑中，约6500平方米", "structure"), ("钢架已立起", "structure"), ("已封顶", "roofed"),
        ("主体完工未使用", "roofed"), ("已形成，约35平方米", None), (None, None), ("平整场地，准备建房", None),
    ],
)  # fmt: skip
def test_the_stage_that_an_entry_tells(status: str | None, stage: str | None) -> None:
    assert told_stage(status, WORDS) == stage
