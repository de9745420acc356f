from __future__ import annotations

from datetime import timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from pipeline.simulate.city import GroundSide, SyntheticCity
from pipeline.simulate.frame import DEMO_PERIODS, DISPATCHED_ON, LAST_IMAGE, RECONCILED_AS_OF
from pipeline.simulate.truth import verdict_table
from pipeline.values import Verdict

AFTER_CUTOFF = (RECONCILED_AS_OF["2026-09"] + timedelta(days=2)).isoformat()


def judge(*, reports: list[str], chances: list[str], visits: list[str], required: int) -> str:
    """The verdict of September for one site that began on 2026-09-05 in cell G1."""
    sites = gpd.GeoDataFrame(
        {"site_id": ["S1"], "unit_id": ["U1"], "cell_id": ["G1"], "onset": [pd.Timestamp("2026-09-05")]},
        geometry=[box(0, 0, 1, 1)],
    )
    days = sorted({*reports, *chances})
    sightings = pd.DataFrame(
        {
            "visit_id": [f"X{d}" for d in days],
            "site_id": "S1",
            "visited_on": pd.to_datetime(days),
            "could_see": np.array([d in chances for d in days], dtype=bool),
            "reported": np.array([d in reports for d in days], dtype=bool),
        }
    )
    real = pd.DataFrame(
        {
            "really_went": np.ones(len(visits), dtype=bool),
            "cell_ids": ["G0,G1"] * len(visits),
            "visited_on": pd.to_datetime(visits),
        }
    )
    plan = pd.DataFrame(
        {
            "plan_id": ["J1"],
            "cell_id": ["G1"],
            "due_from": [pd.Timestamp("2026-09-01")],
            "due_to": [pd.Timestamp("2026-09-30")],
            "visits_required": [required],
        }
    )
    done = pd.DataFrame({"plan_id": ["J1"], "visits_required": [required], "visits_made": [len(visits)]})
    table = verdict_table(sites=sites, sightings=sightings, visits=real, plan=plan, plan_done=done)
    return str(table[table["period"] == "2026-09"]["verdict"].iloc[0])


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (dict(reports=["2026-09-20"], chances=[], visits=["2026-09-20"], required=1), Verdict.FOUND_BEFORE_DISPATCH),
        (dict(reports=["2026-10-06"], chances=[], visits=[], required=1), Verdict.FOUND_AFTER_DISPATCH),
        (dict(reports=[], chances=["2026-09-20"], visits=["2026-09-20"], required=1), Verdict.PATROLLED_NOT_REPORTED),
        (dict(reports=[], chances=[], visits=[], required=1), Verdict.DUE_NOT_PATROLLED),
        (dict(reports=[], chances=[], visits=["2026-09-20"], required=1), Verdict.UNDETERMINABLE),
        (dict(reports=[], chances=[], visits=["2026-09-20"], required=2), Verdict.UNDETERMINABLE),
        (dict(reports=[AFTER_CUTOFF], chances=[], visits=["2026-09-20"], required=1), Verdict.UNDETERMINABLE),
    ],
)  # fmt: skip
def test_verdicts_by_hand(case: dict[str, object], expected: Verdict) -> None:
    assert judge(**case) == expected.value  # type: ignore[arg-type]


def test_every_visible_site_is_judged_once_per_month(ground_side: GroundSide) -> None:
    verdicts, sites = ground_side.truth["verdicts"], ground_side.truth["sites"]
    assert not verdicts.duplicated(["period", "site_id"]).any()
    for period in DEMO_PERIODS:
        visible = set(sites[sites["onset"] <= pd.Timestamp(LAST_IMAGE[period])]["site_id"])
        assert set(verdicts[verdicts["period"] == period]["site_id"]) == visible


def test_verdicts_are_mixed(ground_side: GroundSide) -> None:
    assert len(set(ground_side.truth["verdicts"]["verdict"])) >= 4


def test_found_before_means_a_report_before_the_dispatch(ground_side: GroundSide) -> None:
    verdicts = ground_side.truth["verdicts"]
    before = verdicts[verdicts["verdict"] == Verdict.FOUND_BEFORE_DISPATCH]
    assert (before["reported_on"] < before["dispatched_on"]).all()
    after = verdicts[verdicts["verdict"] == Verdict.FOUND_AFTER_DISPATCH]
    assert (after["reported_on"] >= after["dispatched_on"]).all()
    assert set(verdicts["dispatched_on"]) == {pd.Timestamp(day) for day in DISPATCHED_ON.values()}


def test_sites_know_their_cell_and_unit(city: SyntheticCity, ground_side: GroundSide) -> None:
    cells = city.organisation.cells.set_index("cell_id").geometry
    for site in ground_side.truth["sites"].itertuples():
        shares = cells.intersection(site.geometry).area
        assert shares[site.cell_id] == pytest.approx(shares.max())
        assert city.owners[site.cell_id] == site.unit_id


def test_stage_dates_match_the_site_row(ground_side: GroundSide) -> None:
    sites = ground_side.truth["sites"].set_index("site_id")
    for (site_id, stage), rows in ground_side.truth["stages"].groupby(["site_id", "stage"]):
        field = {"earthworks": "onset"}.get(stage, f"{stage}_from")
        assert rows["from"].min() == sites.loc[site_id, field]
    last = ground_side.truth["stages"].groupby("site_id").last()
    assert (last["area_m2"] <= sites["final_area_m2"] + 0.01).all()


def test_undetectable_true_entries_exist(ground_side: GroundSide) -> None:
    small = ground_side.truth["small_finds"]
    assert len(small) >= 2
    assert small["area_m2"].max() <= 120.0
    written = ground_side.truth["ledger_rows"]["find_id"].dropna()
    assert set(written) == set(small["find_id"])
