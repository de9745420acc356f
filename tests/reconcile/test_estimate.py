"""Indicators by hand, the audit sample's promises."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reconcile.coverage import cover_cells
from pipeline.reconcile.estimate import allocate, audit_sample, indicators


def test_indicators_by_hand(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x=400.0 * n) for n in range(3)]
    city.entries += [draw.entry("E1", 20, 20)]
    city.visits = [
        draw.visit("V1", "2026-10-14", y=250.0),
        draw.visit("V2", "2026-10-15", evidence="ledger", geometry=None),
    ]
    city.plan = [{"plan_id": "L1", "due_from": "2026-10-01", "due_to": "2026-10-31"}]
    city.checks = [{"target_id": "T2", "checked_on": "2026-10-20", "outcome": "pseudo_change"}]
    tables = city.tables()
    names = ("plan", "visits", "responsibility", "delegations")
    cells = draw.cells()
    coverage, _ = cover_cells(cells, *(tables[name] for name in names), draw.ground(cells), draw.span)
    rows = indicators(draw.verdicts(tables), coverage, tables["visits"], confidence=0.95)
    city_rows = rows[rows["unit_id"].isna()].set_index("kpi")
    counts = {kpi: (row["numerator"], row["denominator"]) for kpi, row in city_rows.iterrows()}
    assert counts["found_before_dispatch"] == (1, 2)
    assert counts["undeterminable"] == (1, 2)
    assert counts["cells_reached"] == (1, 1)
    assert counts["cells_covered"] == (0, 1)
    assert counts["visits_without_track"] == (1, 2)
    assert counts["true_change"] == (0, 1)
    assert city_rows.loc["found", "value"] == 0.5
    assert set(rows["unit_id"].dropna()) == {"A"}
    nothing = indicators(draw.verdicts(tables).iloc[:0], coverage.iloc[:0], tables["visits"].iloc[:0], confidence=0.95)
    assert nothing["value"].isna().all()


@given(sizes=st.lists(st.integers(1, 60), max_size=8), wanted=st.integers(0, 100))
def test_allocation_keeps_its_promises(sizes: list[int], wanted: int) -> None:
    drawn = allocate(sizes, wanted)
    assert all(0 <= count <= size for count, size in zip(drawn, sizes, strict=True))
    if wanted:
        assert all(count >= min(size, 2) for count, size in zip(drawn, sizes, strict=True))
        minima = sum(min(size, 2) for size in sizes)
        assert sum(drawn) == max(minima, min(wanted, sum(sizes)))


def test_audit_sample_is_repeatable_and_blind_to_order() -> None:
    cells = pd.DataFrame({"cell_id": [f"C{n:02d}" for n in range(40)], "state": ["targets"] * 10 + ["none_found"] * 30})
    coverage = pd.DataFrame({"cell_id": cells["cell_id"], "state": "covered"})
    sample = audit_sample(cells, coverage, cells_wanted=12, seed="2026-10")
    assert sample.groupby("stratum").size().to_dict() == {"none_found/covered": 8, "targets/covered": 4}
    # Horvitz-Thompson: the weights add up to the city
    assert (1 / sample["inclusion_probability"]).sum() == pytest.approx(40)
    shuffled = audit_sample(cells.iloc[::-1], coverage, cells_wanted=12, seed="2026-10")
    pd.testing.assert_frame_equal(shuffled, sample)
    other = audit_sample(cells, coverage, cells_wanted=12, seed="2026-11")
    assert other["cell_id"].tolist() != sample["cell_id"].tolist()
    assert audit_sample(cells.iloc[:0], coverage, cells_wanted=12, seed="x").empty


def test_every_cell_is_drawn_about_equally_often() -> None:
    cells = pd.DataFrame({"cell_id": [f"C{n}" for n in range(10)], "state": "none_found"})
    coverage = pd.DataFrame({"cell_id": [], "state": []}, dtype="str")
    draws = [audit_sample(cells, coverage, cells_wanted=5, seed=f"{n}")["cell_id"] for n in range(200)]
    share = pd.concat(draws).value_counts() / 200
    assert share.between(0.36, 0.64).all()
