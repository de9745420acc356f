"""Matches and verdicts of synthetic cities whose imagery is not drawn, against what really happened in them.

usage: python -m benchmarks.ledger_truth [--seeds N N ...] [--work DIR]

Each city is reconciled twice per month: with all true targets as they stood on the month's last image (``truth``), and
as a detector leaves them (``month``): a third of the sites found, areas and outlines off, a third of them dated late,
some in two parts, and as many false targets (lookalikes and random places). Printed are one line per kind, month and
seed, their sums, and the calibration of the match probability.

An entry's true target is one of which at least three tenths lie on its true site. A true pair is decidable, without
asking the matcher, when the entry is dated and either has coordinates in a datum that could be told, or is placed within
an area (its stated 90 % radius) that holds its true site and no other site and no other target.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.affinity import scale, translate

from pipeline.schema import DISPATCHES, ENTRIES, MATCHES, TARGETS, TASKS, conform
from pipeline.simulate.frame import CITY_CRS, DISPATCHED_ON, RECONCILED_AS_OF, SCENE_DAYS
from pipeline.sources.units import read_units
from pipeline.stages import reconcile
from pipeline.stages.base import StageContext
from pipeline.store import read_table, write_table
from pipeline.values import MatchStatus
from tests.stages.test_reconcile import make
from tests.truth import MISSED, judge, named

SEEDS = (41, 42, 43, 44, 45, 46, 47, 48, 49, 50)
KINDS = ("truth", "month")
PRECISE_M, ON_SITE_SHARE = 100.0, 0.3
EDGES = (-0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
FOUND_SHARE, LATE_SHARE, SPLIT_SHARE, FALSE_SHARE = 1 / 3, 1 / 3, 0.15, 1.0
_CLEAR = sorted(pd.Timestamp(day) for day, cloud in SCENE_DAYS if cloud < 0.2)
_STAGES = ("earthworks", "pit", "structure", "roofed")


def as_detected(targets: Any, city: Path, *, seed: int) -> Any:
    """True targets (TARGETS) as a detector might leave them; the same site has the same luck in every month."""
    looks = gpd.read_parquet(city / "truth" / "lookalikes.parquet").to_crs(targets.crs)
    last = targets["first_seen"].max()
    rows: list[dict[str, Any]] = []
    for row in targets.to_dict("records"):
        rng = np.random.default_rng([seed, int(row["target_id"][2:])])
        found, late, split = rng.random(3) < (FOUND_SHARE, LATE_SHARE, SPLIT_SHARE)
        factor, shift = float(np.exp(rng.normal(0.0, 0.15))), rng.normal(0.0, 6.0, 2)
        if not found:
            continue
        shape = translate(scale(row["geometry"], factor, factor), *shift)
        later = [day for day in _CLEAR if row["first_seen"] < day <= last]
        if late and later:
            row = {**row, "last_clear": row["first_seen"], "first_seen": later[0]}
        rows += _parts(row, shape) if split else [{**row, "geometry": shape, "area_m2": shape.area}]
    rng = np.random.default_rng([seed, 0])
    xmin, ymin, xmax, ymax = read_units(city, CITY_CRS).cells.total_bounds
    for number in range(round(FALSE_SHARE * max(len(rows), 5))):
        on_look, left, low, size, pick = rng.random(5)
        centre = shapely.Point(xmin + left * (xmax - xmin), ymin + low * (ymax - ymin))
        side = 25.0 * float(np.exp(size * 1.6))
        shape = shapely.box(centre.x - side / 2, centre.y - side / 2, centre.x + side / 2, centre.y + side / 2)
        if on_look < 0.5 and len(looks):
            shape = looks.geometry.iloc[int(pick * len(looks))]
        day = _CLEAR[-1 - int(pick * 3)]
        before = max(known for known in _CLEAR if known < day)
        model = targets.iloc[int(pick * len(targets))].to_dict()
        rows.append(
            {**model, "target_id": f"TF{number:03d}", "geometry": shape, "area_m2": shape.area, "first_seen": day,
             "last_clear": before, "stage": _STAGES[int(pick * 97) % 4]}
        )  # fmt: skip
    return conform(TARGETS, gpd.GeoDataFrame(rows, geometry="geometry", crs=targets.crs))


def _parts(row: dict[str, Any], shape: Any) -> list[dict[str, Any]]:
    """The site in two halves, 10 m apart."""
    xmin, ymin, xmax, ymax = shape.bounds
    middle = (xmin + xmax) / 2.0
    halves = shapely.box(xmin, ymin, middle - 5.0, ymax), shapely.box(middle + 5.0, ymin, xmax, ymax)
    shapes = [shapely.intersection(shape, half) for half in halves]
    return [
        {**row, "target_id": f"{row['target_id']}{letter}", "geometry": part, "area_m2": part.area}
        for letter, part in zip("ab", shapes, strict=True)
        if part.area > 0
    ]


def reconcile_again(context: StageContext, targets: Any) -> None:
    """Put other targets in the place of the month's and reconcile anew."""
    book = read_units(context.city, CITY_CRS)
    latest = book.responsibility.sort_values("valid_from")
    unit_of = dict(zip(latest["cell_id"], latest["unit_id"], strict=True))
    cells = book.cells[book.cells["cell_id"].isin(unit_of)]
    tasks = []
    for target, shape in zip(targets["target_id"], targets.geometry, strict=True):
        home = cells["cell_id"].iloc[int(np.argmin(cells.distance(shape.centroid).to_numpy()))]
        unit = unit_of[home]
        tasks.append(
            {"target_id": target, "cell_id": home, "unit_id": unit, "acting_unit_id": unit, "cell_shares": "{}",
             "rank": 1, "priority": 1.0, "included": True, "reason": "-"}
        )  # fmt: skip
    sent = [DISPATCHED_ON[period] for period in targets["first_period"]]
    rows = pd.DataFrame(
        {"period": targets["first_period"], "revision": targets["first_period"], "target_id": targets["target_id"],
         "unit_id": [task["unit_id"] for task in tasks], "dispatched_on": sent}
    )  # fmt: skip
    rows = rows.rename(columns={column.name: column.label for column in DISPATCHES.columns})
    rows.to_csv(context.city / "records" / "dispatches.csv", index=False, encoding="utf-8-sig")
    write_table(context.run / "register" / "targets.parquet", TARGETS, targets)
    write_table(context.run / "patrol" / "tasks.parquet", TASKS, conform(TASKS, pd.DataFrame(tasks)))
    reconcile.run(context, context.run / "reconcile")


def true_sites(city: Path, entries: Any) -> pd.Series:
    """The true site of every entry by entry id; missing for what is none."""
    place = ["unit_id", "name", "sheet", "row", "item"]
    rows = pd.read_parquet(city / "truth" / "ledger_rows.parquet")
    rows = rows.assign(name=rows["file"].str.split("/").str[-1])[[*place, "site_id"]]
    known = entries.assign(name=entries["file"].str.split("/").str[-1]).merge(rows, on=place, how="left")
    return known.set_index("entry_id")["site_id"]


def site_of_targets(city: Path, targets: Any) -> dict[str, str]:
    """The true site that holds most of every target, for those of which it holds :data:`ON_SITE_SHARE` or more."""
    sites = gpd.read_parquet(city / "truth" / "sites.parquet").to_crs(targets.crs)
    left, right = sites.sindex.query(targets.geometry, predicate="intersects")
    shares = shapely.area(shapely.intersection(targets.geometry.to_numpy()[left], sites.geometry.to_numpy()[right]))
    rows = pd.DataFrame({"target": targets["target_id"].to_numpy()[left], "site": sites["site_id"].to_numpy()[right],
                         "share": shares / targets.area.to_numpy()[left]})  # fmt: skip
    rows = rows[rows["share"] >= ON_SITE_SHARE]
    rows = rows.sort_values(["target", "share"]).drop_duplicates("target", keep="last")
    return dict(zip(rows["target"], rows["site"], strict=True))


def decidable_entries(city: Path, entries: Any, targets: Any, homes: dict[str, str], cutoff: str) -> set[str]:
    """Findings whose true site can be told from what they say, as the module's docstring defines it."""
    sites = gpd.read_parquet(city / "truth" / "sites.parquet").to_crs(entries.crs)
    others = targets[~targets["target_id"].isin(homes)]
    truly = true_sites(city, entries)
    result = set()
    for row in entries[entries["finding"] & (entries["discovered_on"] <= pd.Timestamp(cutoff))].itertuples():
        site = truly.get(row.entry_id)
        if not isinstance(site, str) or row.geometry is None or row.geometry.is_empty:
            continue
        if row.position_source == "coordinates" and row.datum != "unknown" and row.uncertainty_m <= PRECISE_M:
            result.add(row.entry_id)
            continue
        area = row.geometry.buffer(row.uncertainty_m)
        inside = set(sites.loc[sites.intersects(area) & (sites["onset"] <= row.discovered_on), "site_id"])
        if inside == {site} and not others.intersects(area).any():
            result.add(row.entry_id)
    return result


def pairs_of(context: StageContext) -> tuple[pd.DataFrame, dict[str, int]]:
    """Every pair of the month's MATCHES with ``true`` and ``decidable``, and counts of what should have been tied."""
    run, city = context.run, context.city
    targets = read_table(run / "register" / "targets.parquet", TARGETS)
    entries = read_table(run / "ledger" / "entries.parquet", ENTRIES)
    matches = read_table(run / "reconcile" / "matches.parquet", MATCHES)
    return compared(city, targets, entries, matches, RECONCILED_AS_OF[str(context.period)].isoformat())


def compared(
    city: Path, targets: Any, entries: Any, matches: pd.DataFrame, cutoff: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """As :func:`pairs_of`, on tables."""
    homes, truly = site_of_targets(city, targets), true_sites(city, entries)
    clear = decidable_entries(city, entries, targets, homes, cutoff)
    true = [
        target in homes and truly.get(entry) == homes[target]
        for target, entry in zip(matches["target_id"], matches["entry_id"], strict=True)
    ]
    pairs = matches.assign(
        true=np.array(true, dtype=bool),
        decidable=matches["entry_id"].isin(clear),
    )
    on_targets = {entry for entry in clear if truly[entry] in set(homes.values())}
    tied = pairs[(pairs["status"] == MatchStatus.ASSIGNED.value)]
    good = tied[tied["true"]]
    counts = {
        "assigned": len(tied), "right": len(good),
        "assigned_decidable": int(tied["decidable"].sum()), "right_decidable": int(good["decidable"].sum()),
        "decidable": len(on_targets),
        "recalled": len(on_targets & set(good["entry_id"])),
        "true_pairs": sum(site in set(homes.values()) for site in truly.dropna()),
        "ambiguous": int(pairs.loc[pairs["status"] == MatchStatus.AMBIGUOUS.value, "entry_id"].nunique()),
    }  # fmt: skip
    return pairs, counts


def calibration(pairs: pd.DataFrame) -> pd.DataFrame:
    """Per interval of the stated probability: pairs, their mean probability, and the share that is true."""
    bins = pd.cut(pairs["probability"], EDGES)
    grouped = pairs.groupby(bins, observed=True)
    return grouped.agg(pairs=("true", "size"), stated=("probability", "mean"), true=("true", "mean")).round(3)


def verdict_figures(city: Path, period: str) -> dict[str, int]:
    """Accusations, unfair ones, decidable misses and how they were judged, by an independent reading of truth."""
    month = judge(city, period, RECONCILED_AS_OF[period].isoformat())
    clear = month.decidable
    return {
        "targets": month.targets, "accused": int(month.pairs["verdict"].isin(MISSED).sum()),
        "unfair": len(month.unfair), "misses": len(clear), "named": named(clear),
        "open": int((clear["verdict"] == "undeterminable").sum()),
    }  # fmt: skip


def reconciled(city: Path, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures and pairs of one new city, both kinds, both months."""
    folder, contexts = make(city, seed)
    lines, tables = [], []
    for kind in KINDS:
        for context in contexts:
            if kind == "month":
                targets = read_table(context.run / "register" / "targets.parquet", TARGETS)
                reconcile_again(context, as_detected(targets, folder, seed=seed))
            pairs, counts = pairs_of(context)
            key = {"kind": kind, "seed": seed, "period": str(context.period)}
            lines.append({**key, **counts, **verdict_figures(folder, str(context.period))})
            tables.append(pairs.assign(**key))
    return pd.DataFrame(lines), pd.concat(tables, ignore_index=True)


def summary(lines: pd.DataFrame) -> pd.DataFrame:
    """Sums and shares per kind."""
    total = lines.drop(columns=["seed", "period"]).groupby("kind").sum()
    return total.assign(
        precision=total["right"] / total["assigned"],
        precision_decidable=total["right_decidable"] / total["assigned_decidable"],
        recall=total["recalled"] / total["decidable"],
        named_share=total["named"] / total["misses"], open_share=total["open"] / total["misses"],
    ).round(3)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, reconcile and judge every city; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--work", type=Path, help="Keep the cities here (one new folder per seed)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        results = []
        for seed in options.seeds:
            city = (options.work or Path(scratch)) / f"city-{seed}"
            city.mkdir(parents=True)
            results.append(reconciled(city, seed))
    lines, pairs = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    print(lines.set_index(["kind", "seed", "period"]).to_string())
    print(summary(lines).T.to_string())
    for kind in KINDS:
        print(kind, calibration(pairs[pairs["kind"] == kind]).to_string(), sep="\n")


if __name__ == "__main__":
    main()
