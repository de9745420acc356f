"""Where a month's missed sites were lost on their way through the stages, and what its false alarms lie on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import geometry_mask

from benchmarks.alerts import MIN_M2, Alerts, hits, month_of
from pipeline import schema
from pipeline.detect.monitor import Followed
from pipeline.grid import Block
from pipeline.schema import Table
from pipeline.sources.raster import read_block, shape_of
from pipeline.stages.monitor import LAYERS, RASTER
from pipeline.store import read_table
from pipeline.values import Period

LEAST_SHARE = 0.3
"""Ground of the truth that covers less of a false alarm does not explain it."""
SHOWN = 3


def lost_rows(
    city: Path,
    periods: Sequence[Period],
    source: str,
    sites: gpd.GeoDataFrame,
    views: Sequence[int | None],
    early: Alerts,
    confirmed: Alerts,
    geobox: Any,
) -> pd.DataFrame:
    """A line per counted site that was not confirmed: what it is, when it came up, and how far it came each month."""
    found = [hits(one.table, sites) for one in (early, confirmed)]
    rows = []
    for i in range(len(sites)):
        if not sites["counts"].iloc[i] or i in found[1]:
            continue
        site, view = sites.iloc[i], views[i]
        course = [
            _reached(city / "runs" / str(period), source, site.geometry, geobox)
            for period in periods
            if view is not None and month_of(period) >= view
        ]
        row = {"site": site["site_id"], "onset": f"{site['onset']:%Y-%m-%d}", "farm m2": round(site["farm_m2"])}
        row |= {name: site[name] for name in ("change", "form") if name in sites.columns}
        row["first view"] = _named(view)
        row["early in"] = _named(int(found[0][i].month)) if i in found[0] else "-"
        rows.append({**row, "month by month": " | ".join(course)})
    return pd.DataFrame(rows)


def _named(month: int | None) -> str:
    return "-" if month is None else f"{month // 12}-{month % 12 + 1:02d}"


def _reached(run: Path, source: str, ground: Any, geobox: Any) -> str:
    """The farthest stage in which a site's ground shows in a month, and the monitor's commonest state below it."""
    mask = ~geometry_mask([ground], shape_of(geobox), geobox.transform, all_touched=False)
    whole = Block(0, 0, *shape_of(geobox))
    folder = run / "detect" / source
    monitor = read_block(folder / RASTER, whole) if (folder / RASTER).is_file() else None
    state = ""
    if monitor is not None and mask.any():
        common = Counter(monitor[LAYERS.index("state")][mask].astype(int).tolist()).most_common(1)[0][0]
        state = f" ({Followed(common).name.lower()})"
    return _stage(run, folder, ground, mask, whole) + state


def _stage(run: Path, folder: Path, ground: Any, mask: Any, whole: Block) -> str:
    tables: tuple[tuple[str, Path, Table], ...] = (
        ("target", run / "register" / "targets.parquet", schema.TARGETS),
        ("suppressed", run / "screen" / "suppressed.parquet", schema.SUPPRESSED),
        ("candidate", folder / "candidates.parquet", schema.CANDIDATES),
        ("unlikely", folder / "unlikely.parquet", schema.CANDIDATES),
    )
    for name, path, table in tables:
        if not path.is_file():
            return "not run"
        own = _touching(read_table(path, table), ground)
        if own is None:
            continue
        if name == "suppressed":
            return f"suppressed by {own['suppressed_by']}"
        if name == "unlikely":
            return f"unlikely {own['probability']:.2f}"
        return f"{name} {own['confidence']}"
    odds = read_block(folder / "score.tif", whole)[0][mask]
    if not np.isfinite(odds).any():
        return "not seen"
    return f"no object, best pixel {np.nanmax(odds):.2f}"


def _touching(table: gpd.GeoDataFrame, ground: Any) -> Any:
    """The row of ``table`` that shares most ground with a site, if it counts as a hit."""
    shared = shapely.area(shapely.intersection(table.geometry.to_numpy(), ground))
    good = (shared > 0.2 * ground.area) | (shared > 0.5 * shapely.area(table.geometry.to_numpy()))
    return table.iloc[int(np.argmax(np.where(good, shared, -1.0)))] if good.any() else None


def false_rows(city: Path, alerts: Alerts, sites: gpd.GeoDataFrame, farmland: Any) -> pd.DataFrame:
    """A line per false alarm of at least 2,000 m2 on farmland: how sure the product was, and what the truth says of it."""
    path = city / "truth" / "distractors.parquet"
    others = gpd.read_parquet(path).to_crs(sites.crs) if path.is_file() else None
    grounds, rows = sites.geometry.to_numpy(), []
    for row in alerts.table.itertuples():
        area = row.geometry.area
        shared = shapely.area(shapely.intersection(grounds, row.geometry))
        known = (shared > 0.2 * shapely.area(grounds)) | (shared > 0.5 * area)
        on_farm = shapely.area(shapely.intersection(row.geometry, farmland)) / area
        if known.any() or on_farm <= 0.5 or area < MIN_M2:
            continue
        rows.append(
            {"level": alerts.name, "target": row.target_id, "month": _named(row.month), "m2": round(area),
             "probability": row.probability, "confidence": row.confidence, "stage": row.stage,
             "novelty": row.novelty, "last clear": row.first, "first seen": row.last,
             "on the ground": "no truth" if others is None else _explained(others, row)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _explained(others: gpd.GeoDataFrame, row: Any) -> str:
    """What the truth says changed on an alarm's ground between its looks, the widest first."""
    begun = others["from"] <= pd.Timestamp(row.last)
    lasting = others["to"].isna() | (others["to"] >= pd.Timestamp(row.first if pd.notna(row.first) else row.last))
    near = others[begun & lasting & others.intersects(row.geometry)]
    shares: Counter[str] = Counter()
    for kind, own in near.groupby("kind"):
        ground = shapely.union_all(shapely.make_valid(own.geometry.to_numpy()))
        shares[str(kind)] = shapely.area(shapely.intersection(ground, row.geometry)) / row.geometry.area
    named = [f"{kind} {share:.0%}" for kind, share in shares.most_common(SHOWN) if share >= LEAST_SHARE]
    return ", ".join(named) or "nothing known"
