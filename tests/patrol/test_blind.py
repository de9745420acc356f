"""Blind samples: a keyed draw that can be repeated, and lists that do not give them away."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from pipeline.patrol.blind import HELD_BACK, UNITS_NOTE, as_units_see, draw_blind
from pipeline.patrol.cells import cell_states, locate_targets
from pipeline.patrol.responsibility import answerable_for
from pipeline.patrol.tasks import Weights, rank_tasks
from pipeline.schema import DELEGATIONS, DISPATCHES, FIELD_CHECKS
from tests.patrol.town import cells, people, responsibility, square, table, targets, units

PERIOD = "2026-10"
DAY = pd.Timestamp("2026-11-01").date()
SHARES = {"seen_share": 0.9, "unseen_share": 0.1}


def found(count: int, **values: Any) -> Any:
    rows = [
        {
            "target_id": f"T{n:03d}",
            "geometry": square(20 * n, 100, 10),
            "first_period": PERIOD,
            "basic_farmland_m2": 0.0,
        }
        | values
        for n in range(count)
    ]
    return targets(*rows)


def draw(rows: Any, sent: Any = None, share: float = 0.3, key: str = "k") -> frozenset[str]:
    dispatches = table(DISPATCHES) if sent is None else sent
    return draw_blind(rows, dispatches, period=PERIOD, share=share, key=key)


def test_the_draw_is_repeatable_keyed_and_about_the_share() -> None:
    rows = found(90)
    drawn = draw(rows)
    assert drawn == draw(rows.iloc[::-1]) and drawn != draw(rows, key="other")
    assert 15 <= len(drawn) <= 40
    # nobody's draw depends on the others, and a smaller share draws a part of a larger one's
    assert draw(rows.iloc[:50]) == {name for name in drawn if name < "T050"}
    assert draw(rows, share=0.1) <= drawn
    assert draw(rows, share=0.0) == frozenset() and len(draw(rows, share=1.0)) == 90


@pytest.mark.parametrize(
    "values", [{"first_period": "2026-09"}, {"basic_farmland_m2": 1.0}, {"basic_farmland_m2": None}]
)
def test_never_drawn(values: dict[str, Any]) -> None:
    assert draw(found(5, **values), share=1.0) == frozenset()


def test_what_was_dispatched_is_not_drawn() -> None:
    sent = table(DISPATCHES, (PERIOD, PERIOD, "T001", "U1", pd.Timestamp("2026-10-05")))
    assert draw(found(3), sent, share=1.0) == {"T000", "T002"}


def month(blind: frozenset[str], cap: int = 2) -> tuple[Any, Any, Any]:
    """Targets, tasks and cell states of three targets in G1 and none elsewhere, two of which fit the workload."""
    rows, grid, town = found(3), cells(), units(cap)
    duty = answerable_for(grid, town, people(), responsibility(), table(DELEGATIONS), day=DAY).cells
    located = locate_targets(rows, grid)
    weights = Weights(basic_farmland=1.0, farmland=0.5, early_stage=0.5, growth=0.5, area=0.5, full_area_m2=3333.0)
    tasks = rank_tasks(
        rows, located, duty, town, table(DELEGATIONS), table(FIELD_CHECKS), table(DISPATCHES),
        weights=weights, day=DAY, field_check_days=7, blind=blind,
    )  # fmt: skip
    shares = pd.Series(1.0, index=range(len(grid))).to_numpy()
    return rows, tasks, cell_states(grid, duty, rows, located, shares, **SHARES)


def test_blind_samples_rank_last_and_leave_their_place_to_the_next() -> None:
    _, tasks, _ = month(frozenset({"T000"}))
    rows = tasks.set_index("target_id")
    assert rows.loc["T000", ["included", "rank", "left_out_reason", "blind_sample"]].tolist() == [
        False,
        3,
        HELD_BACK,
        "是",
    ]
    assert rows["included"].to_dict() == {"T000": False, "T001": True, "T002": True}
    assert pd.isna(rows.loc["T000", "due_on"])


def test_units_see_no_trace_of_them() -> None:
    rows, tasks, states = month(frozenset({"T000"}))
    shown, listed = as_units_see(states, rows, tasks, **SHARES)
    assert sorted(listed["target_id"]) == ["T001", "T002"] and sorted(listed["rank"]) == [1, 2]
    first = shown.set_index("cell_id").loc["G1"]
    assert (first["state"], first["targets"]) == ("targets", 2) and "2个" in first["reason"]
    # the note stands in every cell alike
    assert shown["reason"].str.endswith(UNITS_NOTE).all()
    assert "T000" not in json.dumps(shown.drop(columns="geometry").to_dict("records"), ensure_ascii=False)


def test_a_cell_with_nothing_else_looks_like_any_without_targets() -> None:
    rows, tasks, states = month(frozenset({"T000", "T001", "T002"}))
    shown, listed = as_units_see(states, rows, tasks, **SHARES)
    told = shown[["state", "targets", "reason"]].drop_duplicates()
    assert listed.empty and told["state"].tolist() == ["none_found"]


def test_without_blind_samples_nothing_changes() -> None:
    rows, tasks, states = month(frozenset())
    shown, listed = as_units_see(states, rows, tasks, **SHARES)
    pd.testing.assert_frame_equal(pd.DataFrame(shown), pd.DataFrame(states))
    pd.testing.assert_frame_equal(listed, tasks)
