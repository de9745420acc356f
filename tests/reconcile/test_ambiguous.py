"""Sets for a person to decide: complete, disjoint, one row each, with both sides' words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reconcile.ambiguous import PAIRS_SHOWN, ambiguous_sets


def sets(draw: SimpleNamespace, city: Any) -> tuple[Any, list[dict[str, Any]]]:
    tables = city.tables()
    matches = draw.match(tables)
    return matches, ambiguous_sets(matches, tables["targets"], tables["entries"]).to_dict("records")


def test_entry_between_two_targets_is_one_row(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T2", x=100), draw.target("T1"), draw.target("T8", x=5000)]
    city.entries = [draw.entry("E1", 70, 20, subject="张某", stated_area_m2=1600.0), draw.entry("E8", 5020, 20)]
    _, rows = sets(draw, city)
    assert len(rows) == 1
    row = rows[0]
    assert (row["set_id"], row["target_ids"], row["entry_ids"], row["pairs"]) == ("T1", "T1、T2", "E1", 2)
    assert "2个目标中的哪一个" in row["question"]
    lines = row["evidence"].split("\n")
    assert len(lines) == 2 + 1 + 2
    assert "张某" in row["evidence"] and "1600平方米" in row["evidence"] and "2026-10-10" in row["evidence"]
    assert [line.split("，")[1] for line in lines[:2]] == ["主体结构"] * 2


def test_what_is_settled_stands_beside_and_a_decision_ends_the_question(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 20, 20), draw.entry("E2", 220, 20, uncertainty_m=200.0)]
    _, rows = sets(draw, city)
    assert [row["entry_ids"] for row in rows] == ["E2"]
    assert "E1 ↔ T1" in rows[0]["evidence"] and "已匹配" in rows[0]["evidence"]
    city.decisions = [{"target_id": "T1", "entry_id": "E2", "decision": "不是同一处"}]
    assert sets(draw, city)[1] == []


def test_entry_that_is_gone_is_asked_again(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = []
    city.decisions = [{"target_id": "T1", "entry_id": "E7", "decision": "同一处"}]
    _, rows = sets(draw, city)
    assert [row["entry_ids"] for row in rows] == ["E7"]
    assert "台账中已无" in rows[0]["evidence"]


def test_long_evidence_says_how_many_pairs_it_leaves_out(draw: SimpleNamespace) -> None:
    city = draw.City()
    count = PAIRS_SHOWN + 3
    city.entries = [draw.entry(f"E{n}", 220, 20, uncertainty_m=200.0) for n in range(count)]
    _, rows = sets(draw, city)
    assert rows[0]["evidence"].split("\n")[-1] == "另有3对，见台账匹配表"
    assert rows[0]["pairs"] == count


@settings(max_examples=10, deadline=None)
@given(xs=st.lists(st.floats(0, 1500), min_size=1, max_size=6), ys=st.lists(st.floats(0, 1500), max_size=4))
def test_every_ambiguous_pair_is_in_exactly_one_set(draw: SimpleNamespace, xs: list[float], ys: list[float]) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x) for n, x in enumerate(ys)]
    city.entries = [draw.entry(f"E{n}", x, 20, uncertainty_m=150.0) for n, x in enumerate(xs)]
    matches, rows = sets(draw, city)
    waiting = matches[matches["status"] == "ambiguous"]
    assert sum(row["pairs"] for row in rows) == len(waiting)
    for target, entry in zip(waiting["target_id"], waiting["entry_id"], strict=True):
        holding = [row for row in rows if target in row["target_ids"].split("、")]
        assert len(holding) == 1
        assert entry in holding[0]["entry_ids"].split("、")
