"""The reconcile stage on synthetic cities: targets straight from truth, ledgers and tracks as delivered.

An independent reading of the truth tables decides what is fair; the stage never sees them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.config import load_config
from pipeline.execute import Execution
from pipeline.schema import CELL_STATES, SUPPRESSED, TARGETS, TASKS, conform, empty
from pipeline.simulate.frame import CITY_CRS, DISPATCHED_ON, LAST_IMAGE, RECONCILED_AS_OF, SCENE_DAYS
from pipeline.sources.units import read_units
from pipeline.stages import demo, ledger, reconcile
from pipeline.stages.base import StageContext
from pipeline.store import digest_tree, read_table, write_table
from pipeline.values import Period

PERIODS = ("2026-09", "2026-10")
CLEAR = sorted(pd.Timestamp(day) for day, cloud in SCENE_DAYS if cloud < 0.2)
TARGET = {
    "history": "[]", "candidate_id": "c", "source": "s2", "probability": 0.9, "confidence": "confirmed", "area_px": 10,
    "change_score": 1.0, "change_score_max": 1.0, "brightness_before": 0.1, "brightness_after": 0.2, "correlation": 0.0,
    "rectangularity": 1.0, "edge_contrast": 1.0, "clear_share": 1.0, "clear_looks": 3, "rules": "[]",
    "area_by_class_m2": "{}",
}  # fmt: skip


def truth(city: Path, name: str, shapes: bool = False) -> Any:
    path = city / "truth" / f"{name}.parquet"
    return gpd.read_parquet(path) if shapes else pd.read_parquet(path)


def true_targets(city: Path, period: str) -> Any:
    """Every site that began after August's last image and shows in the period's, as it stood on its last image."""
    stages, last, rows = truth(city, "stages", shapes=True), pd.Timestamp(LAST_IMAGE[period]), []
    for site in truth(city, "sites").itertuples():
        looks = [day for day in CLEAR if site.onset <= day <= last]
        if not looks or looks[0] <= pd.Timestamp(LAST_IMAGE["2026-08"]):
            continue
        stood = stages[(stages["site_id"] == site.site_id) & (stages["from"] <= last)].sort_values("from").iloc[-1]
        first = "2026-09" if looks[0] <= pd.Timestamp(LAST_IMAGE["2026-09"]) else "2026-10"
        rows.append(
            {**TARGET, "target_id": f"T{site.site_id}", "first_period": first, "last_period": period,
             "state": "new" if first == period else "seen_again", "stage": stood["stage"], "area_m2": stood["area_m2"],
             "first_seen": looks[0], "last_clear": max(day for day in CLEAR if day < site.onset),
             "geometry": stood["geometry"]}
        )  # fmt: skip
    return conform(TARGETS, gpd.GeoDataFrame(rows, geometry="geometry", crs=CITY_CRS))


def prepare(city: Path, period: str) -> StageContext:
    """Everything the stage reads: register, screen, patrol from truth, the ledger read by its own stage."""
    run = city / "runs" / period
    for stage in ("register", "screen", "patrol", "ledger", "reconcile"):
        (run / stage).mkdir(parents=True)
    as_of, month = RECONCILED_AS_OF[period], Period.parse(period)
    context = StageContext(load_config(city / "config.yaml"), city, month, as_of, run, None, None, Execution())
    ledger.run(context, run / "ledger")
    targets, sites = true_targets(city, period), truth(city, "sites").set_index("site_id")
    write_table(run / "register" / "targets.parquet", TARGETS, targets)
    write_table(run / "screen" / "suppressed.parquet", SUPPRESSED, empty(SUPPRESSED, CITY_CRS))
    homes = sites.loc[targets["target_id"].str[1:], ["cell_id", "unit_id"]].reset_index(drop=True)
    tasks = homes.assign(
        target_id=targets["target_id"], acting_unit_id=homes["unit_id"], cell_shares="{}", rank=1, priority=1.0,
        included=True, reason="-",
    )  # fmt: skip
    write_table(run / "patrol" / "tasks.parquet", TASKS, tasks)
    cells = read_units(city, CITY_CRS).cells.assign(state="none_found", targets=0, observable_share=1.0, reason="-")
    write_table(run / "patrol" / "cells.parquet", CELL_STATES, cells)
    sent = [DISPATCHED_ON[first] for first in targets["first_period"]]
    rows = pd.DataFrame({"期次": targets["first_period"], "版本": targets["first_period"], "监测编号": targets["target_id"],
                         "单位编号": homes["unit_id"], "派发日期": sent})  # fmt: skip
    rows.to_csv(city / "records" / "dispatches.csv", index=False, encoding="utf-8-sig")
    return context


@pytest.fixture(scope="module")
def cities(truth_city: Any) -> Any:
    """Two reconciled months of a city; their scenes are not drawn, the targets come from truth."""
    return [truth_city]


def make(folder: Path, seed: int) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_write_scenes", lambda folder, city: [])
        patch.setattr(demo, "scene_table", lambda scenes: pd.DataFrame({"file": []}))
        demo.write_city(folder, size="full", seed=seed)
    contexts = [prepare(folder, period) for period in PERIODS]
    for context in contexts:
        reconcile.run(context, context.run / "reconcile")
    return folder, contexts


def judged(city: Path, period: str) -> pd.DataFrame:
    """Verdicts beside the truth of their site, and the day of an accusing visit."""
    rows = pd.read_parquet(city / "runs" / period / "reconcile" / "verdicts.parquet")
    known = truth(city, "verdicts").query("period == @period")[["site_id", "verdict"]]
    rows = rows.assign(site_id=rows["target_id"].str[1:]).merge(known, on="site_id", suffixes=("", "_true"))
    return rows.assign(day=pd.to_datetime(rows["reason"].str[:10], errors="coerce", format="%Y-%m-%d"))


def chances(city: Path, period: str, site: str) -> pd.DataFrame:
    """Real visits from which the site could be seen, up to the cutoff."""
    seen = truth(city, "sightings").merge(
        truth(city, "visits")[["visit_id", "unit_id", "really_went", "file"]].rename(columns={"file": "track"}),
        on="visit_id",
    )
    seen = seen[(seen["site_id"] == site) & (seen["visited_on"] <= pd.Timestamp(RECONCILED_AS_OF[period]))]
    return seen[seen["really_went"]]


def test_no_unfair_accusation(cities: Any) -> None:
    accused = 0
    for folder, _ in cities:
        plan = truth(folder, "plan").set_index("plan_id")
        for period in PERIODS:
            rows = judged(folder, period).query("verdict in ['patrolled_not_reported', 'due_not_patrolled']")
            accused += len(rows)
            for row in rows.itertuples():
                went = chances(folder, period, row.site_id)
                assert not went["reported"].any(), row.reason
                if row.verdict == "patrolled_not_reported":
                    same = went[(went["visited_on"] == row.day) & (went["unit_id"] == row.acting_unit_id)]
                    assert same["could_see"].any(), row.reason
                else:
                    assert plan.loc[row.reason.split()[1], "visits_made"] == 0, row.reason
    assert accused >= 6


def test_decidable_misses_are_named_and_found_ones_agree(cities: Any) -> None:
    decidable = named = found = truly_found = 0
    for folder, _ in cities:
        delivered = truth(folder, "ledger_rows")
        months = set(zip(delivered["unit_id"], delivered["discovered_on"].astype(str).str[:7], strict=True))
        for period in PERIODS:
            rows = judged(folder, period)
            for row in rows[rows["verdict_true"] == "patrolled_not_reported"].itertuples():
                went = chances(folder, period, row.site_id)
                went = went[went["could_see"] & went["visited_on"].between(row.window_from, row.window_to)]
                # a visit without a track is a claim, on which nobody may be accused
                mine = went[(went["unit_id"] == row.acting_unit_id) & went["track"].notna()]
                usable = any((row.acting_unit_id, f"{day:%Y-%m}") in months for day in mine["visited_on"])
                decidable += usable
                named += usable and row.verdict == row.verdict_true
            said = rows[rows["verdict"].isin(["found_before_dispatch", "found_after_dispatch"])]
            assert (said["verdict"] == said["verdict_true"]).all()
            found += len(said)
            truly_found += int(rows["verdict_true"].str.startswith("found").sum())
    assert decidable >= 6
    assert named >= 0.8 * decidable
    assert found >= 0.65 * truly_found


def test_matches_are_right(cities: Any) -> None:
    folder, contexts = cities[0]
    run = contexts[-1].run
    entries = pd.read_parquet(run / "ledger" / "entries.parquet")
    matches = pd.read_parquet(run / "reconcile" / "matches.parquet")
    place = ["unit_id", "name", "sheet", "row", "item"]
    rows = truth(folder, "ledger_rows")
    rows = rows.assign(name=rows["file"].str.split("/").str[-1])[[*place, "site_id"]]
    entries = entries.assign(name=entries["file"].str.split("/").str[-1]).merge(rows, on=place, how="left")
    pairs = matches[matches["status"] == "assigned"].merge(entries[["entry_id", "site_id"]], on="entry_id")
    assert len(pairs) >= 20
    assert (pairs["target_id"] == "T" + pairs["site_id"].fillna("")).mean() >= 0.98


def test_same_inputs_same_bytes_and_every_cell_accounted_for(cities: Any, tmp_path: Path) -> None:
    folder, contexts = cities[0]
    context = contexts[-1]
    reconcile.run(context, tmp_path)
    assert digest_tree(tmp_path) == digest_tree(context.run / "reconcile")
    cells = read_units(folder, CITY_CRS).cells["cell_id"]
    coverage = pd.read_parquet(context.run / "reconcile" / "coverage.parquet")
    assert coverage["cell_id"].tolist() == sorted(cells)
    targets = read_table(context.run / "register" / "targets.parquet", TARGETS)
    verdicts = pd.read_parquet(context.run / "reconcile" / "verdicts.parquet")
    assert sorted(verdicts["target_id"]) == sorted(targets["target_id"])
    assert verdicts["reason"].str.len().gt(5).all()
    assert not verdicts["accountable"].any()


def test_inputs_name_the_earlier_register(cities: Any) -> None:
    folder, contexts = cities[0]
    earlier, later = (reconcile.inputs(context) for context in contexts)
    register = folder / "runs" / "2026-09" / "register" / "targets.parquet"
    assert register in later
    assert register not in earlier
