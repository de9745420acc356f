"""The truth tables: what an independent judge needs to say whether a verdict is right."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.geodesy import geodesic_area_m2
from pipeline.simulate.frame import CITY_CRS, DEMO_PERIODS, DISPATCHED_ON, LAST_IMAGE, RECONCILED_AS_OF
from pipeline.simulate.patrols import cell_of
from pipeline.simulate.scenes import SceneTruth
from pipeline.simulate.sites import Sites
from pipeline.simulate.units import Organisation
from pipeline.values import Verdict

_DATES = ("onset", "pit_from", "structure_from", "roofed_from", "approved_on", "expires_on")


def site_table(sites: Sites, organisation: Organisation, owners: pd.Series) -> gpd.GeoDataFrame:
    """All sites with the unit and cell that hold their largest part; areas are geodesic m2."""
    table = sites.sites.copy()
    for name in _DATES:
        table[name] = pd.to_datetime(table[name].astype("object")).astype("datetime64[ms]")
    table["document"] = table["document"].astype("object").where(table["document"].notna(), None).astype("str")
    cells = [cell_of(organisation.cells, shape) for shape in table.geometry]
    table.insert(1, "unit_id", [str(owners[cell]) for cell in cells])
    table.insert(2, "cell_id", cells)
    table["final_area_m2"] = geodesic_area_m2(table.geometry)
    return table


def stage_table(sites: Sites) -> gpd.GeoDataFrame:
    """Stages in order: site_id, stage, from, area_m2 (geodesic), geometry of all ground taken since onset."""
    table = sites.stages[["site_id", "stage", "from", "area_m2", "geometry"]].copy()
    table["from"] = pd.to_datetime(table["from"]).astype("datetime64[ms]")
    table["area_m2"] = geodesic_area_m2(table.geometry)
    return gpd.GeoDataFrame(table.sort_values(["site_id", "from"], ignore_index=True), crs=CITY_CRS)


def lookalike_table(sites: Sites) -> gpd.GeoDataFrame:
    """Ground that looks built for a while: lookalike_id, what, from, to, geometry."""
    table = sites.lookalikes.copy()
    for name in ("from", "to"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[ms]")
    return table


def scene_table(scenes: list[SceneTruth]) -> pd.DataFrame:
    """What was done to each scene: file, acquired_on, dy_px, dx_px, haze, cloud_share, gain and offset per band."""
    rows = []
    for scene in scenes:
        row: dict[str, object] = {
            "file": f"{scene.name}.tif", "acquired_on": pd.Timestamp(scene.day), "dy_px": scene.dy_px,
            "dx_px": scene.dx_px, "haze": scene.haze, "cloud_share": scene.cloud_share,
        }  # fmt: skip
        row |= {f"gain_{number}": value for number, value in enumerate(scene.gain, start=1)}
        row |= {f"offset_{number}": value for number, value in enumerate(scene.offset, start=1)}
        rows.append(row)
    table = pd.DataFrame(rows)
    table["acquired_on"] = table["acquired_on"].astype("datetime64[ms]")
    return table


def sighting_table(sightings: pd.DataFrame, written: pd.DataFrame) -> pd.DataFrame:
    """Sightings with the place in the ledger where they were first reported: file, sheet, row, item."""
    table = sightings.copy()
    table["visited_on"] = pd.to_datetime(table["visited_on"]).astype("datetime64[ms]")
    genuine = written[(written["origin"] == "visit") & written["site_id"].notna()]
    places = genuine[["visit_id", "site_id", "file", "sheet", "row", "item"]]
    places = places.astype({name: table[name].dtype for name in ("visit_id", "site_id")})
    table = table.merge(places, on=["visit_id", "site_id"], how="left")
    table["reported_on"] = table["visited_on"].where(table["reported"]).astype("datetime64[ms]")
    table["row"], table["item"] = table["row"].astype("Int64"), table["item"].astype("Int64")
    return table.sort_values(["visit_id", "site_id"], ignore_index=True)


def verdict_table(
    *, sites: gpd.GeoDataFrame, sightings: pd.DataFrame, visits: pd.DataFrame, plan: pd.DataFrame,
    plan_done: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """What a judge who knows everything would say of every site in every demo month.

    The rules are those of :class:`~pipeline.values.Verdict`, taken with the true onset instead of the first image:
    a report before the dispatch; a later report; a real visit after onset from which a careful person would have
    seen it; a plan row of its cell running after onset whose required visits were not all made and no real visit of
    the cell; else undeterminable. Sites that begin after the period's last image are not listed.

    ``dispatched_on`` is the dispatch of the first demo month whose images can show the site: a target carried into
    the next month keeps its first dispatch.

    Columns: period, site_id, unit_id, verdict, dispatched_on, reported_on, could_see_visits, real_visits,
    new_in_period.
    """
    rows = []
    done = plan.merge(plan_done.drop(columns="visits_required"), on="plan_id")
    real = visits[visits["really_went"]]
    for period in DEMO_PERIODS:
        last = pd.Timestamp(LAST_IMAGE[period])
        before = pd.Timestamp(LAST_IMAGE["2026-08" if period == "2026-09" else "2026-09"])
        cutoff = pd.Timestamp(RECONCILED_AS_OF[period])
        for site in sites[sites["onset"] <= last].itertuples():
            mine = sightings[(sightings["site_id"] == site.site_id) & (sightings["visited_on"] <= cutoff)]
            reports = mine[mine["reported"]]["visited_on"]
            first = next(p for p in DEMO_PERIODS if pd.Timestamp(LAST_IMAGE[p]) >= site.onset)
            dispatched = pd.Timestamp(DISPATCHED_ON[first])
            chances = mine[mine["could_see"]]
            in_cell = [site.cell_id in str(cells).split(",") for cells in real["cell_ids"]]
            in_time = (real["visited_on"] >= site.onset) & (real["visited_on"] <= cutoff)
            been = int((np.array(in_cell, dtype=bool) & in_time.to_numpy()).sum())
            running = (done["due_to"] >= site.onset) & (done["due_from"] <= cutoff)
            due = done[(done["cell_id"] == site.cell_id) & running]
            neglected = bool((due["visits_made"] < due["visits_required"]).any())
            if len(reports):
                early = reports.min() < dispatched
                verdict = Verdict.FOUND_BEFORE_DISPATCH if early else Verdict.FOUND_AFTER_DISPATCH
            elif len(chances):
                verdict = Verdict.PATROLLED_NOT_REPORTED
            elif neglected and not been:
                verdict = Verdict.DUE_NOT_PATROLLED
            else:
                verdict = Verdict.UNDETERMINABLE
            rows.append(
                {"period": period, "site_id": site.site_id, "unit_id": site.unit_id, "verdict": verdict.value,
                 "dispatched_on": dispatched, "reported_on": reports.min() if len(reports) else pd.NaT,
                 "could_see_visits": len(chances),
                 "real_visits": been, "new_in_period": bool(site.onset > before)}
            )  # fmt: skip
    columns = ["period", "site_id", "unit_id", "verdict", "dispatched_on", "reported_on", "could_see_visits",
               "real_visits", "new_in_period"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    for name in ("dispatched_on", "reported_on"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[ms]")
    return table
