"""The screen and register stages on a hand-drawn city of one field, two months long."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.config import City, Config, Source
from pipeline.errors import InputError
from pipeline.execute import Execution
from pipeline.schema import CANDIDATES, ENTRIES, MATCHES, RESTORED, REVISION, SUPPRESSED, SUSPECTED, TARGETS
from pipeline.stages import register, screen
from pipeline.stages.base import StageContext
from pipeline.stages.restore import record_restoration
from pipeline.store import digest_tree, read_json, read_table, write_table
from pipeline.values import Period
from tests.screen.drawing import CRS, candidate, candidates, square

CONFIG = Config(
    city=City(county_code="419981", crs=CRS),
    sources=(Source(), Source(name="vhr", folder="scenes/vhr", profile="vhr")),
)
FIELD = {"BSM": "P1", "DLBM": "0101", "geometry": square(-500, -500, 2000)}
APPROVED = {"XMDM": "X1", "PZWH": "政土1号", "PZRQ": "2026-01-15", "geometry": square(190, -10, 80)}


@pytest.fixture()
def city(tmp_path: Path) -> Path:
    layers = tmp_path / "城 市" / "layers"
    layers.mkdir(parents=True)
    for name, row in (("DLTB", FIELD), ("ZZ_NYDZYFW", APPROVED)):
        gpd.GeoDataFrame(pd.DataFrame([row]), geometry="geometry", crs=CRS).to_file(
            layers / f"{name}.gpkg", engine="pyogrio"
        )
    return layers.parent


def run_month(city: Path, text: str, rows: list[dict[str, Any]], previous: Path | None = None,
              issued: Path | None = None, name: str | None = None) -> Path:  # fmt: skip
    period, run = Period.parse(text), city / "runs" / (name or text)
    for folder in ("detect/s2", "screen", "register"):
        (run / folder).mkdir(parents=True)
    write_table(run / "detect" / "s2" / "candidates.parquet", CANDIDATES, candidates(*rows))
    context = StageContext(CONFIG, city, period, date(2026, 12, 1), run, previous, issued, Execution())
    for stage, module in (("screen", screen), ("register", register)):
        assert all(path.is_file() for path in module.inputs(context))
        assert "suppression.yaml" in module.facts(context)
        counts = module.run(context, run / stage).counts
        assert all(count >= 0 for count in counts.values())
    return run


MARCH = [
    candidate(square(0, 0, 40), "a", last_clear="2026-02-25", first_seen="2026-03-28"),
    candidate(square(200, 0, 40), "b", last_clear="2026-02-25", first_seen="2026-03-28"),
]
APRIL = [candidate(square(0, 0, 80, 40), "a", stage="pit", last_clear="2026-03-28", first_seen="2026-04-27")]


def test_two_months_through_screen_and_register(city: Path) -> None:
    march = run_month(city, "2026-03", MARCH)
    assert read_table(march / "screen" / "suspected.parquet", SUSPECTED)["candidate_id"].tolist() == ["a"]
    suppressed = read_table(march / "screen" / "suppressed.parquet", SUPPRESSED)
    assert suppressed[["candidate_id", "suppressed_by"]].to_numpy().tolist() == [["b", "S2"]]
    report = read_json(march / "screen" / "layer_report.json")
    assert report["sources_without_candidates"] == ["vhr"]
    assert [entry["label"] for entry in report["below_resolution"]] == ["建坟", "建窑"]
    assert {e["role"]: e["state"] for e in report["layers"]}["basic_farmland"] == "missing"
    april = run_month(city, "2026-04", APRIL, previous=march)
    (target,) = [r for _, r in read_table(april / "register" / "targets.parquet", TARGETS).iterrows()]
    assert (target["target_id"], target["state"]) == ("419981XC26030001", "growing")
    assert target["farmland_m2"] == target["area_m2"] == pytest.approx(3200, abs=0.1)
    assert len(read_table(april / "register" / "revision.parquet", REVISION)) == 0


def test_a_growing_target_is_judged_on_its_first_onset_not_on_the_later_image(city: Path) -> None:
    march = run_month(city, "2026-03", MARCH)
    ground = square(-50, -50, 70, 200)
    approved = {**APPROVED, "XMDM": "X2", "PZWH": "政土2号", "PZRQ": "2026-04-01", "geometry": ground}
    gpd.GeoDataFrame(pd.DataFrame([approved]), geometry="geometry", crs=CRS).to_file(
        city / "layers" / "ZZ_NYDZYFW_2.gpkg", engine="pyogrio"
    )
    later = [candidate(square(0, 0, 80, 40), "a", last_clear="2026-04-05", first_seen="2026-04-27")]
    april = run_month(city, "2026-04", later, previous=march)
    (target,) = [r for _, r in read_table(april / "register" / "targets.parquet", TARGETS).iterrows()]
    rules = {entry["rule"]: entry["judgement"] for entry in json.loads(target["rules"])}
    assert rules["V1-2"] == "suspected" and target["approved_m2"] == 0.0


def test_a_revision_reads_the_issued_register_and_equal_inputs_give_equal_bytes(city: Path) -> None:
    first = run_month(city, "2026-03", MARCH)
    second = run_month(city, "2026-03", list(reversed(MARCH)), issued=first, name="2026-03.r2")
    revision = read_table(second / "register" / "revision.parquet", REVISION)
    assert revision[["target_id", "change"]].to_numpy().tolist() == [["419981XC26030001", "unchanged"]]
    hashes = [digest_tree(run / "screen") for run in (first, second)]
    assert hashes[0] == hashes[1]
    targets = [digest_tree(run / "register")["targets.parquet"] for run in (first, second)]
    assert targets[0] == targets[1]


def test_known_cases_are_linked_when_the_bureau_keeps_a_list(city: Path) -> None:
    (city / "records").mkdir()
    gpd.GeoDataFrame({"线索编号": ["L1"], "类别": ["存量"]}, geometry=[square(50, 0, 10)], crs=CRS).to_file(
        city / "records" / "known_cases.gpkg", engine="pyogrio"
    )
    march = run_month(city, "2026-03", MARCH)
    (target,) = [r for _, r in read_table(march / "register" / "targets.parquet", TARGETS).iterrows()]
    assert json.loads(target["links"]) == [
        {"kind": "存量", "id": "L1", "distance_m": 10.0, "overlap_share": 0.0, "order": "unknown"}
    ]


def test_a_month_without_any_candidates_gives_empty_tables(city: Path) -> None:
    march = run_month(city, "2026-03", [])
    assert len(read_table(march / "register" / "targets.parquet", TARGETS)) == 0


def test_a_restored_candidate_enters_the_register_and_stays_restored_in_later_months(city: Path) -> None:
    (city / "records").mkdir()
    run_month(city, "2026-03", MARCH)
    with pytest.raises(InputError) as refused:
        record_restoration(city, "2026-03", "a", day=date(2026, 4, 2), reason="在建", decided_by="李四")
    assert refused.value.code == "E404"
    assert record_restoration(city, "2026-03", "b", day=date(2026, 4, 2), reason="在建", decided_by="李四") == 1
    assert record_restoration(city, "2026-03", "b", day=date(2026, 4, 2), reason="在建", decided_by="李四") == 0
    march = run_month(city, "2026-03", MARCH, name="2026-03.r2")
    targets = read_table(march / "register" / "targets.parquet", TARGETS)
    assert sorted(targets["candidate_id"]) == ["a", "b"]
    again = [candidate(square(200, 0, 40), "z", last_clear="2026-03-28", first_seen="2026-04-27")]
    april = run_month(city, "2026-04", again, previous=march)
    (row,) = read_table(april / "screen" / "restored.parquet", RESTORED).to_dict("records")
    assert (row["candidate_id"], row["suppressed_by"]) == ("z", "S2") and "李四" in row["restored_by"]
    assert len(read_table(april / "screen" / "suppressed.parquet", SUPPRESSED)) == 0
    earlier = run_month(city, "2026-02", [candidate(square(200, 0, 40), "z", last_clear="2026-01-28",
                                                    first_seen="2026-02-27")])  # fmt: skip
    assert len(read_table(earlier / "screen" / "restored.parquet", RESTORED)) == 0
    record_restoration(city, "2026-03", "b", day=date(2026, 5, 2), reason="复核", decided_by="李四", withdraw=True)
    may = run_month(city, "2026-05", again, previous=april)
    assert len(read_table(may / "screen" / "suppressed.parquet", SUPPRESSED)) == 1


def test_ledger_entries_matched_in_the_month_before_are_linked(city: Path) -> None:
    march = run_month(city, "2026-03", MARCH)
    name = read_table(march / "register" / "targets.parquet", TARGETS)["target_id"].iloc[0]
    entry = {"entry_id": "E1", "unit_id": "U1", "file": "f", "sheet": "s", "row": 3, "item": 1, "finding": True,
             "position_source": "none", "discovered_on": "2026-03-12"}  # fmt: skip
    rows = [(name, "E1", "assigned"), (name, "E2", "ambiguous")]
    scores = {"probability": 0.9, "space_score": 1.0, "time_score": 1.0, "word_score": 1.0, "reason": ""}
    matches = [{"target_id": one, "entry_id": other, "status": status, **scores} for one, other, status in rows]
    entries = [{**entry, "geometry": None}, {**entry, "entry_id": "E2", "geometry": None}]
    for folder, table, frame in (
        ("ledger", ENTRIES, gpd.GeoDataFrame(pd.DataFrame(entries), geometry="geometry", crs=CRS)),
        ("reconcile", MATCHES, pd.DataFrame(matches)),
    ):
        (march / folder).mkdir()
        write_table(march / folder / f"{table.name}.parquet", table, frame)
    april = run_month(city, "2026-04", APRIL, previous=march)
    (target,) = [r for _, r in read_table(april / "register" / "targets.parquet", TARGETS).iterrows()]
    assert json.loads(target["links"]) == [{"discovered_on": "2026-03-12", "id": "E1", "kind": "台账"}]
