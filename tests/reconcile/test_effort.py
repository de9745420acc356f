"""A unit's and a person's effort from drawn visits, counted by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipeline.reconcile.coverage import cover_cells
from pipeline.reconcile.effort import patrol_effort
from pipeline.schema import PEOPLE, conform

NAMES = [("P1", "张三", "A"), ("P9", "王五", "A"), ("P2", "李四", "B")]


def effort(draw: SimpleNamespace, city: Any, names: list[tuple[str, str, str]] = NAMES) -> Any:
    tables, cells = city.tables(), draw.cells(person_id="P2").assign(person_id=["P1", "P2"])
    inputs = (tables[name] for name in ("plan", "visits", "responsibility", "delegations"))
    coverage, _ = cover_cells(cells, *inputs, draw.ground(cells), draw.span)
    people = conform(PEOPLE, pd.DataFrame(names, columns=["person_id", "name", "unit_id"]))
    rows = patrol_effort(coverage, tables["visits"], people, start=draw.span.start, end=draw.span.end)
    return rows.assign(person_id=rows["person_id"].fillna("-")).set_index(["unit_id", "person_id"])


def month(draw: SimpleNamespace) -> Any:
    city = draw.City()
    city.plan = [{"plan_id": "L1", "due_from": "2026-10-01", "due_to": "2026-10-31", "visits_required": 3}]
    city.visits = [
        draw.visit("V1", "2026-10-14", y=250.0, people="张三、王五"),
        draw.visit("V2", "2026-10-20", y=250.0, people="张三", evidence="track+ledger"),
        draw.visit("V3", "2026-10-25", people="王五", evidence="ledger", geometry=None, length_m=None, minutes=None),
        draw.visit("V4", "2026-12-25", y=250.0, people="张三"),
    ]
    return city


def test_planned_against_done_by_hand(draw: SimpleNamespace) -> None:
    rows = effort(draw, month(draw))
    unit = rows.loc[("A", "-")]
    assert (unit["cells"], unit["planned_visits"], unit["done_visits"]) == (1, 3, 2)
    assert (unit["track_visits"], unit["track_only_visits"], unit["ledger_only_visits"]) == (2, 1, 1)
    assert (unit["hours"], unit["length_km"]) == (1.0, 2.0)
    # 21 October to 30 November
    assert (unit["longest_gap_days"], unit["never_visited_cells"]) == (41, 0)
    assert 0.0 < unit["seen_early_share"] < unit["seen_built_share"] < 1.0
    assert unit["observable_seen_built_share"] == pytest.approx(unit["seen_built_share"])


def test_people_get_the_visits_that_name_them_and_the_cells_they_answer_for(draw: SimpleNamespace) -> None:
    rows = effort(draw, month(draw))
    zhang, wang = rows.loc[("A", "P1")], rows.loc[("A", "P9")]
    assert (zhang["cells"], zhang["track_visits"], zhang["hours"]) == (1, 2, 1.0)
    assert (wang["cells"], wang["track_visits"], wang["ledger_only_visits"]) == (0, 1, 1)
    assert pd.isna(wang["seen_built_share"]) and pd.isna(wang["longest_gap_days"])
    idle = rows.loc[("B", "P2")]
    assert (idle["cells"], idle["track_visits"], idle["planned_cells"]) == (1, 0, 0)


def test_two_of_one_name_are_nobody(draw: SimpleNamespace) -> None:
    rows = effort(draw, month(draw), [*NAMES, ("P8", "王五", "A")])
    assert ("A", "P9") not in rows.index and ("A", "P8") not in rows.index
    assert rows.loc[("A", "-"), "track_visits"] == 2


def test_a_planned_cell_nobody_reached(draw: SimpleNamespace) -> None:
    city = month(draw)
    city.visits = []
    unit = effort(draw, city).loc[("A", "-")]
    assert (unit["never_visited_cells"], unit["longest_gap_days"], unit["seen_built_share"]) == (1, 61, 0.0)
