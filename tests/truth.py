"""Holds a finished month against the synthetic city's truth; used by tests and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import gpxpy
import openpyxl
import pandas as pd
import pyproj
import shapely

from pipeline import schema
from pipeline.simulate.frame import CITY_CRS, LAST_IMAGE, SCENE_DAYS
from pipeline.simulate.sightings import COULD_SEE, seen_probability
from pipeline.sources.units import read_units
from pipeline.store import read_table

FOUND = ("found_before_dispatch", "found_after_dispatch")
TRACK_TOUCHES_M, WITHIN_SIGHT_M, PAPER_PRECISION_M = 100.0, 200.0, 1500.0
IN_SIGHT = 0.5  # what was likelier overlooked than seen lay outside sight
CLEAR = sorted(day for day, cloud in SCENE_DAYS if cloud < 0.2)
MISSED = ("patrolled_not_reported", "due_not_patrolled")


@dataclass(frozen=True)
class Judged:
    """``pairs``: a row per target on a true site with our verdict, the informed one and ``decidable``; the rest counts.

    ``decidable``: what was handed in can show the miss, given what of the site the images show and since when.
    """

    pairs: pd.DataFrame
    unfair: list[str]
    contradictions: list[str]
    targets: int
    sites_new: int
    sites_new_found: int

    @property
    def misses(self) -> pd.DataFrame:
        """Targets that an informed judge calls missed."""
        return self.pairs[self.pairs["true_verdict"].isin(MISSED)]

    @property
    def decidable(self) -> pd.DataFrame:
        """Those of them that what was handed in can show."""
        return self.misses[self.misses["decidable"]]


def named(misses: pd.DataFrame) -> int:
    """How many of these misses we call missed too."""
    return int(misses["verdict"].isin(MISSED).sum())


def judge(city: Path, period: str, as_of: str) -> Judged:
    """Compare the verdicts of a period with what really happened up to ``as_of``."""
    run, truth = city / "runs" / period, city / "truth"
    verdicts = read_table(run / "reconcile" / "verdicts.parquet", schema.VERDICTS)
    targets = read_table(run / "register" / "targets.parquet", schema.TARGETS)
    visits = read_table(run / "ledger" / "visits.parquet", schema.VISITS).set_index("visit_id")
    sites = gpd.read_parquet(truth / "sites.parquet").to_crs(targets.crs)
    sightings = pd.read_parquet(truth / "sightings.parquet")
    informed = pd.read_parquet(truth / "verdicts.parquet").query("period == @period").set_index("site_id")
    sites = sites[sites["onset"] <= as_of]
    pairs = _on_sites(verdicts.merge(targets[["target_id", "geometry"]], on="target_id"), sites)
    # A target seen before anything began there is a false alarm, not that site.
    begun = sites.set_index("site_id")["onset"].reindex(pairs["site_id"]).to_numpy() <= pairs["first_seen"].to_numpy()
    pairs = pairs[begun].reset_index(drop=True)
    pairs["true_verdict"] = [informed["verdict"].get(site, "not_judged") for site in pairs["site_id"]]
    records = _Records(city)
    pairs["decidable"] = [records.show_miss(row, LAST_IMAGE[period]) for row in pairs.itertuples(index=False)]
    pairs["onset"] = sites.set_index("site_id")["onset"].reindex(pairs["site_id"]).to_numpy()
    unfair, contradictions = [], []
    for row in pairs.itertuples(index=False):
        reported = sightings[
            (sightings["site_id"] == row.site_id) & sightings["reported"] & (sightings["reported_on"] <= as_of)
        ]
        if row.verdict != row.true_verdict:
            contradictions.append(f"{row.target_id} on {row.site_id}: {row.verdict}, truly {row.true_verdict}")
        if row.verdict == "patrolled_not_reported" and visits.loc[row.visit_id, "visited_on"] < row.onset:
            unfair.append(f"{row.target_id} on {row.site_id}: visit {row.visit_id} was before the onset {row.onset:%F}")
        if row.verdict == "patrolled_not_reported" and records.best_chance(row, visits.loc[row.visit_id]) < IN_SIGHT:
            unfair.append(f"{row.target_id} on {row.site_id}: visit {row.visit_id} could not see what stood there")
        if row.verdict in MISSED and len(reported):
            unfair.append(f"{row.target_id} on {row.site_id}: {row.verdict}, but it was reported")
    new = informed[informed["new_in_period"]].index
    return Judged(
        pairs, unfair, contradictions, len(verdicts), len(new), int(pd.Index(pairs["site_id"]).intersection(new).size)
    )


def _on_sites(verdicts: pd.DataFrame, sites: gpd.GeoDataFrame) -> pd.DataFrame:
    """Verdict rows whose target overlaps a true site, with the site it overlaps most."""
    rows = []
    for row in verdicts.itertuples(index=False):
        shares = sites.geometry.intersection(row.geometry).area
        if shares.max() > 0:
            rows.append({**row._asdict(), "site_id": sites.loc[shares.idxmax(), "site_id"]})
    return pd.DataFrame(rows, columns=[*verdicts.columns, "site_id"])


class _Records:
    """What really happened and what of it was handed in: the recorded tracks, and ledgers up to the day they show."""

    def __init__(self, city: Path) -> None:
        truth = city / "truth"
        self._visits = gpd.read_parquet(truth / "visits.parquet")
        files = self._visits["file"]
        pairs = zip(files, self._visits.geometry, strict=True)
        shown = [shape if pd.isna(file) else _recorded(city / file) for file, shape in pairs]
        self._visits = self._visits.set_geometry(gpd.GeoSeries(shown, crs=CITY_CRS))
        self._stages = gpd.read_parquet(truth / "stages.parquet")
        rows = pd.read_parquet(truth / "ledger_rows.parquet")
        self._months = set(zip(rows["unit_id"], rows["discovered_on"].dt.strftime("%Y-%m"), strict=True))
        self._kept_until = _kept_until(city, rows)
        cells = read_units(city, CITY_CRS).cells
        self._cells = gpd.GeoSeries(cells.geometry.to_numpy(), index=cells["cell_id"], crs=cells.crs)
        plan = pd.read_csv(city / "units" / "plan.csv", encoding="utf-8-sig", dtype=str)
        plan = plan.rename(columns={column.label: column.name for column in schema.PLAN.columns})
        plan = plan.drop(columns="visits_required").merge(pd.read_parquet(truth / "plan.parquet"), on="plan_id")
        self._plan = plan[(plan["visits_required"] > 0) & (plan["visits_made"] == 0)]

    def show_miss(self, row: Any, last_image: date) -> bool:
        """Whether a tracked chance, or a plan for the cell with no trace of a visit, lies in the window."""
        mine = self._visits[(self._visits["unit_id"] == row.acting_unit_id) & self._visits["file"].notna()]
        mine = mine[mine["really_went"] & mine["visited_on"].between(row.window_from, row.window_to)]
        for visit in mine.itertuples():
            handed_in = (row.acting_unit_id, f"{visit.visited_on:%Y-%m}") in self._months
            if handed_in and self._shown(row.site_id, visit, last_image) >= COULD_SEE:
                return True
        due = self._plan[self._plan["cell_id"] == row.cell_id]
        for first, last in zip(pd.to_datetime(due["due_from"]), pd.to_datetime(due["due_to"]), strict=True):
            months = {(row.acting_unit_id, str(month)) for month in pd.period_range(first, last, freq="M")}
            inside = first >= row.window_from and last <= row.window_to and months <= self._months
            if inside and last <= self._kept_until[row.acting_unit_id] and not self._traces(row, first, last):
                return True
        return False

    def best_chance(self, row: Any, visit: Any) -> float:
        """Truth's best chance of seeing what stood there for those of the unit who went on the accusing visit's day."""
        same = (self._visits["unit_id"] == visit["unit_id"]) & (self._visits["visited_on"] == visit["visited_on"])
        stood = self._stages[(self._stages["site_id"] == row.site_id) & (self._stages["from"] <= visit["visited_on"])]
        if stood.empty:
            return 0.0
        went = self._visits[same & self._visits["really_went"]]
        return max((_chance(way, stood, visit["visited_on"]) for way in went.geometry), default=0.0)

    def _shown(self, site: str, visit: Any, last_image: date) -> float:
        """Truth's chance of seeing what the images up to then show of the site: nobody can prove more of it."""
        shown = max(day for day in CLEAR if day <= min(visit.visited_on.date(), last_image))
        stood = self._stages[(self._stages["site_id"] == site) & (self._stages["from"] <= pd.Timestamp(shown))]
        if stood.empty:
            return 0.0
        return _chance(visit.geometry, stood, visit.visited_on)

    def _traces(self, row: Any, first: pd.Timestamp, last: pd.Timestamp) -> bool:
        """A track of the unit that touches the cell or comes within sight, or an outing on paper, which names villages."""
        units = {row.unit_id, row.acting_unit_id}
        visits = self._visits[self._visits["visited_on"].between(first, last) & self._visits["unit_id"].isin(units)]
        cell = self._cells[row.cell_id]
        ground = shapely.union_all(self._stages.loc[self._stages["site_id"] == row.site_id, "geometry"].to_numpy())
        tracked = visits[visits["file"].notna()]
        on_paper = visits.loc[visits["file"].isna(), "cell_ids"].str.split(",").explode().dropna()
        return bool(
            (tracked.distance(cell) <= TRACK_TOUCHES_M).any()
            or (tracked.distance(ground) <= WITHIN_SIGHT_M).any()
            or (self._cells.reindex(on_paper).distance(cell) <= PAPER_PRECISION_M).any()
        )


def _chance(way: Any, stood: gpd.GeoDataFrame, day: pd.Timestamp) -> float:
    """Truth's chance of seeing from a way the latest of a site's stages."""
    state = stood.sort_values("from").iloc[-1]
    distance, area = float(way.distance(state["geometry"])), float(state["area_m2"])
    return seen_probability(distance_m=distance, stage=str(state["stage"]), area_m2=area, day=day.date())


def _recorded(file: Path) -> shapely.MultiLineString:
    """The way a phone recorded (GPX, WGS84) in the city's CRS: a line per segment, nothing between segments."""
    to_city = pyproj.Transformer.from_crs("EPSG:4326", CITY_CRS, always_xy=True)
    tracks = gpxpy.parse(file.read_text(encoding="utf-8")).tracks
    ways = [[to_city.transform(p.longitude, p.latitude) for p in part.points] for t in tracks for part in t.segments]
    return shapely.MultiLineString([way for way in ways if len(way) > 1])


def _kept_until(city: Path, rows: pd.DataFrame) -> dict[str, pd.Timestamp]:
    """The day up to which each unit's workbooks show that they were kept: the last row's, or saved after the month."""
    until: dict[str, pd.Timestamp] = {}
    for (unit, file), days in rows.groupby(["unit_id", "file"])["discovered_on"]:
        last = days.max()
        saved = openpyxl.load_workbook(city / "ledgers" / file, read_only=True).properties.modified
        end = last + pd.offsets.MonthEnd(0)
        until[unit] = max(until.get(unit, last), end if pd.Timestamp(saved).normalize() > end else last)
    return until
