"""A drawn city whose months run through the real stages screen, register, patrol and supervise, a year in seconds.

Ground is painted as it stands on each month's image; candidates, ledger rows and records are given, as other stages
and people would give them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from pipeline.config import Config
from pipeline.execute import Execution
from pipeline.schema import (
    CANDIDATES,
    ENTRIES,
    MATCHES,
    VERDICTS,
    Table,
    conform,
    empty,
)
from pipeline.sources.records import TABLES, append_records
from pipeline.spectra import BANDS
from pipeline.stages import patrol, register, screen, supervise
from pipeline.stages.base import StageContext
from pipeline.stages.dispatch import record_dispatch
from pipeline.store import read_table, write_json, write_table
from pipeline.values import Period, number_of_day
from tests.patrol.town import table
from tests.screen.drawing import candidate
from tests.sources.folders import CRS, write_gpkg, write_units

PIXEL_M = 10.0
ROWS, COLS = 100, 400
LEFT, TOP = 500000.0, 1000.0
CROP = (0.04, 0.08, 0.05, 0.35, 0.20, 0.10)
STUBBLE = (0.08, 0.10, 0.14, 0.20, 0.26, 0.22)
EARTH = (0.12, 0.16, 0.20, 0.25, 0.32, 0.28)
ROOF = (0.30, 0.32, 0.33, 0.36, 0.34, 0.30)
CLOUD = (np.nan,) * 6
Image = NDArray[np.float32]


def ground(x_m: float, y_m: float, width_m: float, height_m: float | None = None) -> Any:
    """A rectangle with its lower left corner at (x, y) metres from the city's own."""
    height = width_m if height_m is None else height_m
    return shapely.box(LEFT + x_m, y_m, LEFT + x_m + width_m, y_m + height)


@dataclass
class Month:
    """What a month brings: the image's days and paint, candidates, and what people wrote by ``as_of``."""

    period: str
    seen_on: str
    painted: list[tuple[Any, tuple[float, ...]]] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    dispatch: str | None = None
    records: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)


def seen(shape: Any, name: str, since: str, until: str, stage: str = "earthworks") -> dict[str, Any]:
    return candidate(shape, name, stage=stage, last_clear=since, first_seen=until, gsd_m=PIXEL_M)


def make_city(city: Path, approved: list[dict[str, Any]], supplied: list[dict[str, Any]]) -> Path:
    """Units, one field over everything, a layer of approved land and one of supplied land."""
    write_units(city)
    (city / "layers").mkdir()
    field_ = {"BSM": ["1"], "DLBM": ["0103"]}
    land = gpd.GeoDataFrame(field_, geometry=[shapely.box(LEFT, 0, LEFT + 4000, 1000)], crs=CRS)
    write_gpkg(land, city / "layers" / "DLTB.gpkg")
    for name, given in (("ZZ_NYDZYFW", approved), ("GYTD", supplied)):
        rows = gpd.GeoDataFrame(pd.DataFrame(given), geometry="geometry", crs=CRS)
        write_gpkg(rows, city / "layers" / f"{name}.gpkg")
    return city


class Year:
    """Runs months one after the other; ``entries`` gather, as a ledger does."""

    def __init__(self, city: Path, **config: Any) -> None:
        self.city = city
        self.config = Config.model_validate(
            {"city": {"crs": CRS, "county_code": "419981", "pixel_m": PIXEL_M}, **config}
        )
        self.previous: Path | None = None
        self.image: Image | None = None
        self.told: list[dict[str, Any]] = []

    def run(self, month: Month) -> StageContext:
        """Run a month's stages; the image before it is the month's ``before``."""
        period = Period.parse(month.period)
        context = StageContext(
            config=self.config,
            city=self.city,
            period=period,
            as_of=period.last_day + timedelta(days=12),
            run=self.city / "runs" / month.period,
            previous=self.previous,
            issued=None,
            execution=Execution("threads", 1, 2048),
        )
        self._images(context.run / "acquire" / "s2", period, month)
        found = gpd.GeoDataFrame(pd.DataFrame(month.candidates), crs=CRS) if month.candidates else None
        table_ = empty(CANDIDATES, CRS) if found is None else conform(CANDIDATES, found, CRS)
        _save(context.run / "detect" / "s2", CANDIDATES, table_)
        for name, module in (("screen", screen), ("register", register), ("patrol", patrol)):
            (context.run / name).mkdir(parents=True)
            module.run(context, context.run / name)
        if month.dispatch is not None:
            write_json(context.run / "patrol" / "stage.json", {})
            record_dispatch(
                self.city, context.run, period=month.period, revision=month.period,
                day=date.fromisoformat(month.dispatch),
            )  # fmt: skip
        for name, row in month.records:
            append_records(self.city, TABLES[name], table(TABLES[name], row))
        self._ledger(context, month)
        (context.run / "supervise").mkdir()
        supervise.run(context, context.run / "supervise")
        self.previous = context.run
        return context

    def table(self, context: StageContext, stage: str, kind: Table) -> Any:
        return read_table(context.run / stage / f"{kind.name}.parquet", kind)

    def _ledger(self, context: StageContext, month: Month) -> None:
        self.told += month.entries
        base = {
            "unit_id": "U1", "file": "台账.xlsx", "sheet": "一", "row": 3, "item": 1, "finding": True,
            "position_source": "coordinates", "uncertainty_m": 30.0,
        }  # fmt: skip
        rows = [{**base, **{key: value for key, value in one.items() if key != "target_id"}} for one in self.told]
        points = [shapely.Point(LEFT, 500)] * len(rows)
        entries = conform(ENTRIES, gpd.GeoDataFrame(rows, geometry=points, crs=CRS)) if rows else empty(ENTRIES, CRS)
        matches = [(one["target_id"], one["entry_id"], 0.95, 10.0, 1.0, 1.0, 1.0, "assigned", "") for one in self.told]
        _save(context.run / "ledger", ENTRIES, entries)
        _save(context.run / "reconcile", MATCHES, table(MATCHES, *matches))
        _save(context.run / "reconcile", VERDICTS, empty(VERDICTS))

    def _images(self, folder: Path, period: Period, month: Month) -> None:
        folder.mkdir(parents=True)
        image = _field(period)
        for shape, paint in month.painted:
            inside = geometry_mask([shape], out_shape=(ROWS, COLS), transform=TRANSFORM, invert=True)
            image[:, inside] = np.array(paint, dtype=np.float32)[:, None]
        clear = np.isfinite(image).all(axis=0)
        day = float(number_of_day(date.fromisoformat(month.seen_on)))
        history = np.zeros((4, ROWS, COLS), dtype=np.float32)
        history[1], history[3] = clear, np.where(clear, day, 0.0)
        before = _field(period.shifted(-1)) if self.image is None else self.image
        _write(folder / "before.tif", before, BANDS)
        _write(folder / "after.tif", image, BANDS)
        _write(folder / "history.tif", history, ("novelty", "looks", "before_days", "since_days"))
        _write(folder / "validity.tif", np.where(clear, 0, 2).astype(np.uint8)[None], ("validity",))
        scenes = [{"end": month.seen_on, "used_as": "period"}]
        write_json(folder / "alignment.json", {"format_version": 1, "scenes": scenes})
        self.image = image


def _field(period: Period) -> Image:
    """The field without any works: crops from April to October, stubble else."""
    image = np.empty((len(BANDS), ROWS, COLS), dtype=np.float32)
    image[:] = np.array(CROP if 4 <= period.month <= 10 else STUBBLE, dtype=np.float32)[:, None, None]
    return image


TRANSFORM = rasterio.Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP)


def _write(path: Path, image: NDArray[Any], bands: tuple[str, ...]) -> None:
    profile = {"driver": "GTiff", "height": ROWS, "width": COLS, "count": len(image), "dtype": image.dtype,
               "crs": CRS, "transform": TRANSFORM}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(image)
        for number, name in enumerate(bands, start=1):
            dataset.set_band_description(number, name)


def _save(folder: Path, kind: Table, frame: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / f"{kind.name}.parquet", kind, frame)


def approved(name: str, document: str, day: str, shape: Any) -> dict[str, Any]:
    return {"XMDM": name, "XMMC": f"项目{name}", "PZWH": document, "PZRQ": day, "geometry": shape}


def supplied(name: str, project: str, signed: str, start: str, finish: str, shape: Any) -> dict[str, Any]:
    return {"DZJGH": name, "GYFS": "挂牌出让", "HTBH": f"示地出〔{signed[:4]}〕{name[-1]}号", "XMMC": project,
            "SRR": f"{project}公司", "QDRQ": signed, "YDDGRQ": start, "YDJGRQ": finish, "geometry": shape}  # fmt: skip
