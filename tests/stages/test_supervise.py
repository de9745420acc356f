from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.schema import ALERTS, CASES, PARCELS, REFERRALS
from pipeline.stages import patrol, supervise
from pipeline.stages.base import StageContext
from pipeline.store import read_table
from tests.stages.month import context, make_city, record, write_validity

TARGET = {
    "target_id": "T1",
    "geometry": shapely.box(500100, 100, 500150, 200),
    "state": "growing",
    "last_clear": "2026-10-05",
    "first_seen": "2026-10-20",
}


@pytest.fixture
def month(tmp_path: Path) -> StageContext:
    city = make_city(tmp_path / "city", TARGET)
    write_validity(city, np.zeros((500, 2000), dtype=np.uint8))
    here = context(city)
    here.folder("patrol").mkdir()
    patrol.run(here, here.folder("patrol"))
    return here


def run(month: StageContext) -> Path:
    out = month.folder("supervise")
    out.mkdir(exist_ok=True)
    supervise.run(month, out)
    return out


def test_a_month_without_records_has_cases_and_parcels_only(month: StageContext) -> None:
    out = run(month)
    assert read_table(out / "cases.parquet", CASES)["state"].tolist() == ["suspected"]
    parcels = read_table(out / "parcels.parquet", PARCELS)
    assert parcels["state"].tolist() == ["started"]
    assert parcels["built_share"].tolist() == pytest.approx([0.5], abs=1e-3)
    assert read_table(out / "alerts.parquet", ALERTS).empty
    assert read_table(out / "referrals.parquet", REFERRALS).empty


def test_records_up_to_the_day_move_the_case_and_raise_alerts(month: StageContext) -> None:
    record(month.city, "dispatches", ("2026-09", "2026-09", "T1", "U1", "2026-09-05"))
    record(month.city, "field_checks", ("T1", "2026-09-08", "violation"), ("T9", "2026-09-08", "violation"))
    record(month.city, "notices", ("T1", "责令停止违法行为通知书", "1号", "2026-09-09", "2026-09-10"))
    record(month.city, "decisions", ("T1", None, "拒不停止", "2026-12-01"))
    out = run(month)
    case = read_table(out / "cases.parquet", CASES).iloc[0]
    assert (case["state"], case["overdue"], case["due_on"]) == ("rectifying", True, pd.Timestamp("2026-09-25"))
    assert read_table(out / "alerts.parquet", ALERTS)[["target_id", "alert"]].to_numpy().tolist() == [
        ["T1", "grew_after_check"],
        ["T1", "grew_after_dispatch"],
        ["T1", "grew_after_notice"],
        ["T1", "grew_without_approval"],
        ["T9", "record_without_target"],
    ]
    later = replace(month, as_of=pd.Timestamp("2026-12-02").date())
    assert read_table(run(later) / "cases.parquet", CASES)["state"].tolist() == ["refused"]
    assert len(read_table(out / "referrals.parquet", REFERRALS)) == 1


def test_the_configuration_may_set_a_deadline(month: StageContext) -> None:
    record(month.city, "dispatches", ("2026-10", "2026-10", "T1", "U1", "2026-11-05"))
    changed = context(month.city, patrol={"field_check_days": 40})
    case = read_table(run(changed) / "cases.parquet", CASES).iloc[0]
    assert case["due_on"] == pd.Timestamp("2026-12-15") and not case["overdue"]


def test_a_city_without_a_layer_of_approved_land_says_so(month: StageContext) -> None:
    (month.city / "layers" / "ZZ_NYDZYFW.gpkg").unlink()
    out = month.folder("supervise")
    out.mkdir()
    assert "no parcel is watched" in supervise.run(month, out).notes[0]
    assert read_table(out / "parcels.parquet", PARCELS).empty


def test_the_parcels_of_the_period_before_are_an_input(month: StageContext) -> None:
    run(month)
    after = replace(month, previous=month.run, run=month.city / "runs" / "2026-11")
    assert month.run / "supervise" / "parcels.parquet" in supervise.inputs(after)
    assert all(path.is_relative_to(month.city) for path in supervise.inputs(after))
