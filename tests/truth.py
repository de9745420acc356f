"""Holds a finished month against the synthetic city's truth; used by tests and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd

from pipeline import schema
from pipeline.store import read_table

FOUND = ("found_before_dispatch", "found_after_dispatch")
MISSED = ("patrolled_not_reported", "due_not_patrolled")


@dataclass(frozen=True)
class Judged:
    """``pairs``: a row per target on a true site with our verdict and the informed one; the rest are counts."""

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
    def misses_named(self) -> int:
        """How many of them we call missed too."""
        return int(self.misses["verdict"].isin(MISSED).sum())


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
