"""A hand-drawn city whose earlier stages are already done, for tests of the stages behind them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.execute import Execution
from pipeline.schema import ENTRIES, MATCHES, SUPPRESSED, SUSPECTED, TARGETS, VERDICTS, Table, conform, empty
from pipeline.sources.records import TABLES, append_records
from pipeline.stages.base import StageContext
from pipeline.store import write_json, write_table
from pipeline.values import Period
from tests.patrol.town import table, targets
from tests.sources.folders import CRS, write_gpkg, write_units

PIXEL_M = 2.0


def context(city: Path, *, tile_px: int = 2048, workers: int = 1, **config: Any) -> StageContext:
    """The context of 2026-10 in a city made by :func:`make_city`."""
    return StageContext(
        config=Config.model_validate({"city": {"crs": CRS, "pixel_m": PIXEL_M}, **config}),
        city=city,
        period=Period(2026, 10),
        as_of=date(2026, 11, 30),
        run=city / "runs" / "2026-10",
        previous=None,
        issued=None,
        execution=Execution("threads", workers, tile_px),
    )


def make_city(city: Path, *rows: dict[str, Any]) -> Path:
    """Units, one land-use and one approvals layer, and a run with the given targets up to register."""
    write_units(city)
    (city / "layers").mkdir()
    land = gpd.GeoDataFrame({"BSM": ["1"], "DLBM": ["0103"]}, geometry=[shapely.box(500000, 0, 504000, 1000)], crs=CRS)
    write_gpkg(land, city / "layers" / "DLTB.gpkg")
    approved = gpd.GeoDataFrame(
        {"XMDM": ["A1"], "XMMC": ["厂房"], "PZWH": ["文1"], "PZRQ": ["2026-06-01"]},
        geometry=[shapely.box(500100, 100, 500200, 200)],
        crs=CRS,
    )
    write_gpkg(approved, city / "layers" / "ZZ_NYDZYFW.gpkg")
    found = targets(*({"candidate_id": f"c-{row['target_id']}", **row} for row in rows))
    run = city / "runs" / "2026-10"
    save(run / "register", TARGETS, found)
    save(run / "screen", SUSPECTED, conform(SUSPECTED, found))
    save(run / "screen", SUPPRESSED, empty(SUPPRESSED, CRS))
    save(run / "ledger", ENTRIES, empty(ENTRIES, CRS))
    save(run / "reconcile", VERDICTS, empty(VERDICTS))
    save(run / "reconcile", MATCHES, empty(MATCHES))
    return city


def save(folder: Path, kind: Table, frame: Any) -> None:
    """Write a stage's table under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / f"{kind.name}.parquet", kind, frame)


def write_validity(city: Path, validity: NDArray[np.uint8], *, source: str = "s2", left: float = 500000.0) -> None:
    """A validity raster whose upper left corner is the city's, and the record of an image of 20 October."""
    folder = city / "runs" / "2026-10" / "acquire" / source
    folder.mkdir(parents=True)
    rows, cols = validity.shape
    profile = {"driver": "GTiff", "height": rows, "width": cols, "count": 1, "dtype": "uint8", "crs": CRS}
    transform = rasterio.Affine(PIXEL_M, 0, left, 0, -PIXEL_M, 1000.0)
    with rasterio.open(folder / "validity.tif", "w", transform=transform, **profile) as dataset:
        dataset.write(validity, 1)
    scenes = [{"end": "2026-10-20", "used_as": "period"}, {"end": "2026-12-01", "used_as": "history"}]
    write_json(folder / "alignment.json", {"format_version": 1, "scenes": scenes})


def record(city: Path, name: str, *rows: tuple[Any, ...]) -> None:
    """Append rows to a record file, values in the schema's column order."""
    append_records(city, TABLES[name], table(TABLES[name], *rows))
