"""Coverage of two drawn cells by drawn tracks, and the missed ground with areas worked out by hand."""

from __future__ import annotations

import math
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from shapely.geometry import LineString

from pipeline.reconcile.coverage import cover_cells, longest_gap, missed_areas
from pipeline.reconcile.estimate import indicators
from pipeline.schema import COVERAGE, VERDICTS, VISITS, empty

TABLES = ("plan", "visits", "responsibility", "delegations")
PLANNED = [
    {"plan_id": "L1", "due_from": "2026-10-01", "due_to": "2026-10-31", "visits_required": 2},
    {"plan_id": "L2", "due_from": "2026-10-01", "due_to": "2026-10-31", "cell_id": "C2", "unit_id": "B"},
    {"plan_id": "L3", "due_from": "2027-01-01", "due_to": "2027-01-31"},
]


def covered(draw: SimpleNamespace, city: Any) -> tuple[Any, Any]:
    tables = city.tables()
    cells = draw.cells()
    return cover_cells(cells, *(tables[name] for name in TABLES), draw.ground(cells, tables["targets"]), draw.span)


def test_track_through_the_middle_of_one_cell(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.plan = PLANNED
    city.visits = [draw.visit("V1", "2026-10-14", y=250.0), draw.visit("V0", "2026-09-30", y=250.0)]
    rows, seen = covered(draw, city)
    first, second = rows.to_dict("records")
    # a band of 200 m through the 500 m cell
    assert first["seen_share"] == pytest.approx(200 / 500, abs=1e-6)
    assert (first["state"], first["planned_visits"], first["track_visits"], first["track_length_m"]) == (
        "partly",
        2,
        1,
        500.0,
    )
    # the track runs 100 m into B's cell, but it is A's
    assert (second["state"], second["track_visits"], second["seen_share"]) == ("never_visited", 0, 0.0)
    missed = missed_areas(rows, seen, city.tables()["targets"], min_missed_m2=5000.0)
    assert dict(zip(missed["cell_id"], missed["kind"], strict=True)) == {"C1": "unseen_part", "C2": "never_visited"}
    # geodesic areas in the zone's middle: the map plane's, scale one at the central meridian
    assert missed.set_index("cell_id")["area_m2"].to_dict() == pytest.approx({"C1": 150_000, "C2": 250_000}, rel=0.01)
    assert missed.set_index("cell_id")["targets"].to_dict() == {"C1": 1, "C2": 0}
    assert missed["rank"].tolist() == [1, 1]


def test_a_cell_seen_from_outside_was_not_reached(draw: SimpleNamespace) -> None:
    """A's track ends 40 m before C2, that A answers for too: a strip of it is in sight, nobody entered it."""
    city = draw.City()
    city.plan = [{**PLANNED[0]}, {**PLANNED[1], "unit_id": "A"}]
    city.responsibility[1] |= {"unit_id": "A", "person_id": "P1"}
    way = LineString([(draw.x - 400, draw.y + 250), (draw.x + 460, draw.y + 250)])
    city.visits = [draw.visit("V1", "2026-10-14", geometry=way)]
    rows, seen = covered(draw, city)
    second = rows.iloc[1]
    assert 0.0 < second["seen_share"] < 0.1
    assert (second["track_visits"], second["state"]) == (0, "never_visited")
    told = indicators(empty(VERDICTS), rows, empty(VISITS, draw.crs), confidence=0.95)
    reached = told[(told["kpi"] == "cells_reached") & told["unit_id"].isna()].iloc[0]
    assert (reached["numerator"], reached["denominator"]) == (1, 2)
    missed = missed_areas(rows, seen, city.tables()["targets"], min_missed_m2=5000.0)
    assert missed.set_index("cell_id")["kind"].to_dict() == {"C1": "unseen_part", "C2": "never_visited"}


def test_states(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.visits = [draw.visit(f"V{n}", "2026-10-14", y=y) for n, y in enumerate((80.0, 250.0, 420.0))]
    city.visits.append(draw.visit("V9", "2026-10-20", unit="B", evidence="ledger", geometry=None, cell_ids="C2; C7"))
    rows, _ = covered(draw, city)
    assert rows["state"].tolist() == ["covered", "ledger_only"]
    assert [str(day)[:10] for day in rows["last_visit"]] == ["2026-10-14", "2026-10-20"]
    city.visits = []
    assert covered(draw, city)[0]["state"].tolist() == ["not_planned", "not_planned"]


def test_doubtful_track_is_a_claim(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.visits = [draw.visit("V1", "2026-10-14", y=250.0, doubts="copied track")]
    row = covered(draw, city)[0].iloc[0]
    assert (row["state"], row["seen_share"], row["ledger_visits"]) == ("ledger_only", 0.0, 1)


def test_delegate_counts_on_its_days_only(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.delegations = [{"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-10-10", "valid_to": "2026-10-20"}]
    for day, visits in (("2026-10-10", 1), ("2026-10-21", 0)):
        city.visits = [draw.visit("V1", day, y=250.0, unit="D")]
        assert covered(draw, city)[0]["track_visits"].tolist() == [visits, 0]


def test_never_visited_cells_with_targets_come_first(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1", x=600.0)]
    city.plan = [PLANNED[0], PLANNED[1] | {"unit_id": "A"}]
    city.responsibility = [row | {"unit_id": "A"} for row in city.responsibility]
    tables = city.tables()
    cells = draw.cells(acting_unit_id="A")
    rows, seen = cover_cells(
        cells, *(tables[name] for name in TABLES), draw.ground(cells, tables["targets"]), draw.span
    )
    missed = missed_areas(rows, seen, tables["targets"], min_missed_m2=5000.0)
    assert missed["cell_id"].tolist() == ["C2", "C1"]
    assert missed["rank"].tolist() == [1, 2]


def test_everything_seen_leaves_no_missed_ground(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.plan = PLANNED[:1]
    city.visits = [draw.visit(f"V{n}", "2026-10-14", y=50.0 + 100 * n) for n in range(5)]
    rows, seen = covered(draw, city)
    assert rows["seen_share"].tolist() == pytest.approx([1.0, 0.0])
    assert missed_areas(rows, seen, city.tables()["targets"], min_missed_m2=5000.0).empty


def test_round_end_of_a_track_in_the_cell(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.visits = [draw.visit("V1", "2026-10-14")]
    city.visits[0]["geometry"] = LineString([(draw.x + 250, draw.y + 200), (draw.x + 250, draw.y + 300)])
    share = covered(draw, city)[0]["seen_share"].iloc[0]
    assert share * 250_000 == pytest.approx(200 * 100 + math.pi * 100**2, rel=0.01)


def test_no_cells(draw: SimpleNamespace) -> None:
    tables = draw.City().tables()
    cells = draw.cells().iloc[:0]
    rows, seen = cover_cells(cells, *(tables[name] for name in TABLES), draw.ground(cells), draw.span)
    assert list(rows.columns) == [*COVERAGE.names, "geometry"]
    assert missed_areas(rows, seen, tables["targets"], min_missed_m2=1.0).empty


def test_longest_gap() -> None:
    start, end = date(2026, 10, 1), date(2026, 10, 10)
    assert longest_gap([], start, end) == 10
    assert longest_gap([date(2026, 10, 1)], start, end) == 9
    # 2, 3 | 5, 6, 7, 8, 9
    assert longest_gap([date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 4), date(2026, 10, 10)], start, end) == 5


def test_weighed_ground_and_gap_of_a_cell(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.visits = [draw.visit("V1", "2026-10-14", y=250.0)]
    first, second = covered(draw, city)[0].to_dict("records")
    # a structure of 1000 m2 beside the track is seen with 0.92, earthworks farther off hardly at all
    assert 0.0 < first["seen_early_share"] < first["seen_built_share"] < 0.92
    # half-normal of scale 100 m over 250 m to each side: 0.92 * sqrt(pi / 2) * 100 * erf(2.5 / sqrt(2)) / 250
    assert first["seen_built_share"] == pytest.approx(0.4555, abs=0.02)
    assert (first["area_ha"], first["longest_gap_days"]) == (pytest.approx(25.0), 47)
    # the whole track is 1 km long in 30 minutes, 500 m of it in the cell
    assert first["track_minutes"] == pytest.approx(15.0)
    # the target of 20 ha lies in the far corner: the risk is seen less than the ground is
    assert first["risk"] == pytest.approx(45.0)
    assert first["risk_seen_built_share"] < first["seen_built_share"]
    assert (second["seen_built_share"], second["longest_gap_days"]) == (0.0, 61)


def test_missed_ground_is_ranked_by_the_risk_left(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T1", x=20.0, y=20.0), draw.target("T2", x=120.0, y=20.0)]
    city.plan = [PLANNED[0], PLANNED[1] | {"unit_id": "A"}]
    city.responsibility = [row | {"unit_id": "A"} for row in city.responsibility]
    city.visits = [draw.visit("V1", "2026-10-14", y=400.0)]
    tables = city.tables()
    cells = draw.cells(acting_unit_id="A")
    rows, seen = cover_cells(cells, *(tables[n] for n in TABLES), draw.ground(cells, tables["targets"]), draw.span)
    missed = missed_areas(rows, seen, tables["targets"], min_missed_m2=5000.0).set_index("cell_id")
    # of C2 only an edge was in sight, it holds 25 ha of risk; C1 keeps its two targets of 20 ha out of sight
    assert missed["rank"].to_dict() == {"C1": 1, "C2": 2}
    assert (missed["risk_left_low"] <= missed["risk_left"]).all()
    assert (missed["risk_left"] <= missed["risk_left_high"]).all()
    assert missed.loc["C1", "risk_left_low"] > 40.0
    assert 20.0 < missed.loc["C2", "risk_left_high"] < 25.0
