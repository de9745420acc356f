from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.area_rules import area_errors_on
from pipeline.schema import (
    ACCOUNTABILITY,
    ALERTS,
    CASES,
    HANDLING,
    PARCELS,
    REFERRALS,
    SUPPLY,
    SUPPLY_BREACHES,
    SUPPLY_ITEMS,
    TARGETS,
)
from pipeline.stages import patrol, supervise
from pipeline.stages.base import StageContext
from pipeline.store import read_table, write_table
from pipeline.supervise.thresholds import accumulate
from tests.sources.folders import CRS, write_gpkg
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


def test_a_register_of_before_areas_had_an_interval_is_summed_all_the_same(
    month: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = month.table("register", TARGETS).assign(area_m2=5000.0, gsd_m=10.0)
    assert before["area_low_m2"].isna().all()
    write_table(month.folder("register") / "targets.parquet", TARGETS, before)
    summed: list[pd.DataFrame] = []

    def remember(targets: pd.DataFrame, *rest: object, **options: object) -> pd.DataFrame:
        summed.append(targets)
        return accumulate(targets, *rest, **options)

    monkeypatch.setattr(supervise, "accumulate", remember)
    run(month)
    (coarse,) = [one for one in area_errors_on(month.period.last_day) if one.pixel_from_m <= 10 < one.pixel_below_m]
    shares = summed[0]["area_low_m2"] / summed[0]["area_m2"]
    assert shares.tolist() == pytest.approx([coarse.low_share], rel=1e-4)


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


def test_supplied_land_is_read_by_its_own_field_names_and_watched(month: StageContext) -> None:
    land = gpd.GeoDataFrame(
        {"DZJGH": ["4199812025B00012", "4199812026B00001"], "XMMC": ["厂房", "仓库"], "SRR": ["甲公司", None],
         "QDRQ": ["2024-12-01", "2026-10-05"], "YDDGRQ": ["2025-03-01", "2026-12-31"], "YDJGRQ": ["2026-10-31", None]},
        geometry=[shapely.box(500100, 100, 500200, 200), shapely.box(502300, 300, 502400, 400)], crs=CRS,
    )  # fmt: skip
    write_gpkg(land, month.city / "layers" / "GYTD.gpkg")
    record(month.city, "supply_events", ("4199812025B00012", "handover", "2024-12-20"), ("X", "handover", "2025-01-01"))
    out = month.folder("supervise")
    out.mkdir()
    outcome = supervise.run(month, out)
    supply = read_table(out / "supply.parquet", SUPPLY).set_index("supply_id")
    old, new = supply.loc["4199812025B00012"], supply.loc["4199812026B00001"]
    # the target on the old parcel is 50 x 100 m; moved in by 10 m 30 x 80 m of it remain: 2,400 of 10,000 m2
    assert old["works_low_share"] == pytest.approx(0.24, abs=1e-3) and old["works_high_share"] == 1.0
    assert (old["state"], new["state"]) == ("unknown", "not_started")
    assert old["handover_on"] == pd.Timestamp("2024-12-20") and bool(old["upload_ready"])
    breaches = read_table(out / "supply_breaches.parquet", SUPPLY_BREACHES)
    assert breaches[["supply_id", "breach", "certainty"]].to_numpy().tolist() == [
        ["4199812025B00012", "idle_year", "不能判断，请核实"], ["4199812025B00012", "unfinished", "疑似"],
    ]  # fmt: skip
    items = read_table(out / "supply_items.parquet", SUPPLY_ITEMS)
    assert set(items["cell_id"]) == {"G1", "G2"} and len(items) == 2
    assert outcome.notes == (
        "records/supply_events.csv 第3行“电子监管号”栏：供地图层中没有X，未采用；编号写错的改正本行，图层缺漏的补送图层",
    )
    assert outcome.counts["supplied"] == 2


def test_confirmed_violations_are_counted_and_handed_to_unit_or_bureau(month: StageContext) -> None:
    record(month.city, "field_checks", ("T1", "2026-11-02", "violation"))
    out = run(month)
    handled = read_table(out / "handling.parquet", HANDLING)
    assert handled[["target_id", "handler", "rule"]].to_numpy().tolist() == [["T1", "unit", "H5"]]
    counted = read_table(out / "accountability.parquet", ACCOUNTABILITY).set_index(["trigger", "unit_id"])
    # found on 2 November, no notice within three days; U1 answers for the cell
    assert counted.loc[("A3", "U1"), ["numerator", "denominator"]].tolist() == [1, 1]
    assert counted.loc[("A3", "U1"), "standing"] == "无其他单位可比"
