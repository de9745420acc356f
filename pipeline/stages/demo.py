"""Write a synthetic city as a city folder: the demo, and the truth that tests hold the results against."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import rasterio
from affine import Affine
from numpy.typing import NDArray

from pipeline import FORMAT_VERSION
from pipeline.config import City, Config, commented_yaml
from pipeline.errors import InputError
from pipeline.schema import CELLS, DELEGATIONS, PEOPLE, PLAN, RESPONSIBILITY, SUPPLY_EVENTS, UNITS, Table
from pipeline.simulate.city import GroundSide, SyntheticCity, make_city, make_ground_side
from pipeline.simulate.frame import (
    CITY_CRS,
    CITY_NAME,
    COUNTY_CODE,
    DISPATCHED_ON,
    RECONCILED_AS_OF,
    SCENE_CRS,
    SCENE_DAYS,
    Size,
)  # fmt: skip
from pipeline.simulate.ground import PIXEL_M
from pipeline.simulate.scenes import SceneTruth, make_scene
from pipeline.simulate.truth import scene_table
from pipeline.sinks.geopackage import write_geopackage
from pipeline.sinks.shapefile import write_shapefile
from pipeline.sources.records import append_records
from pipeline.spectra import BANDS
from pipeline.stages.guard import require_writable
from pipeline.store import read_json, write_bytes, write_json
from pipeline.values import safe_cell

FILE_DAY = date(2026, 10, 31)
# The months the demo runs: period, day of dispatch, day of reconciliation.
MONTHS: tuple[tuple[str, str, str], ...] = tuple(
    (period, day.isoformat(), RECONCILED_AS_OF[period].isoformat()) for period, day in sorted(DISPATCHED_ON.items())
)
_SCENES = Path("scenes") / "s2"


def write_demo(folder: Path, *, size: Size, seed: int) -> None:
    """Write the synthetic city for the demo unless it is there already; never into somebody's own city.

    Raises InputError E105 when ``folder`` holds something else, or a synthetic city of another size or seed.
    """
    wanted = {"format_version": FORMAT_VERSION, "size": size, "seed": seed}
    made = folder / "truth" / "made.json"
    if made.is_file() and read_json(made) == wanted:
        return
    if folder.exists() and any(folder.iterdir()):
        raise InputError("E105", f"{folder} holds other files", "name a new folder, or remove this one")
    require_writable(folder.parent)
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    write_city(partial, size=size, seed=seed)
    write_json(partial / "truth" / "made.json", wanted)
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)


def write_city(folder: Path, *, size: Size = "full", seed: int = 20261001) -> dict[str, int]:
    """Write the synthetic city into ``folder`` (made if absent); the same size and seed give the same bytes.

    ``size``: ``full``, 8 km wide, or ``small``, 2.5 km. Returns counts of what was written.
    """
    city = make_city(size=size, seed=seed)
    ground_side = write_records(folder, city)
    scenes = _write_scenes(folder / _SCENES, city)
    scene_table(scenes).to_parquet(folder / "truth" / "scenes.parquet", index=False)
    return {
        "scenes": len(scenes), "sites": len(city.sites.sites), "units": len(city.organisation.units),
        "cells": len(city.organisation.cells), "visits": len(ground_side.truth["visits"]),
        "tracks": len(ground_side.tracks), "ledgers": len(ground_side.workbooks),
    }  # fmt: skip


def write_records(folder: Path, city: SyntheticCity) -> GroundSide:
    """Write everything but the scenes: settings, layers, units, ledgers, tracks, records and their truth."""
    for part in ("layers", "units", "ledgers", "tracks", "records", "truth", _SCENES.as_posix()):
        (folder / part).mkdir(parents=True, exist_ok=True)
    model = Config(city=City(name=CITY_NAME, county_code=COUNTY_CODE, crs=CITY_CRS))
    write_bytes(folder / "config.yaml", commented_yaml(model).encode("utf-8"))
    _write_layers(folder / "layers", city)
    _write_units(folder / "units", city)
    append_records(folder, SUPPLY_EVENTS, city.supply_events)
    ground_side = make_ground_side(city)
    _write_ground_side(folder, ground_side)
    return ground_side


def _write_ground_side(folder: Path, ground_side: GroundSide) -> None:
    for book in ground_side.workbooks:
        (folder / "ledgers" / book.unit).mkdir(exist_ok=True)
        write_bytes(folder / "ledgers" / book.unit / book.file, book.content)
    for _, (unit, file, content) in sorted(ground_side.tracks.items()):
        (folder / "tracks" / unit).mkdir(exist_ok=True)
        write_bytes(folder / "tracks" / unit / file, content)
    for name, table in ground_side.truth.items():
        table.to_parquet(folder / "truth" / f"{name}.parquet", index=False)


def _write_layers(folder: Path, city: SyntheticCity) -> None:
    for name, layer in city.layers.items():
        plain = layer.drop(columns="parcel", errors="ignore")
        if name == "YJJBNTBHTB":
            write_shapefile(folder / f"{name}.shp", plain, day=FILE_DAY, declare_encoding=False)
        else:
            write_geopackage(folder / f"{name}.gpkg", {name: plain}, day=FILE_DAY)


def _chinese(table: Table, frame: Any) -> Any:
    """The table under the bureau's own headings."""
    return frame.rename(columns={column.name: column.label for column in table.columns})


def _write_units(folder: Path, city: SyntheticCity) -> None:
    organisation = city.organisation
    write_geopackage(folder / "units.gpkg", {"units": _chinese(UNITS, organisation.units)}, day=FILE_DAY)
    write_geopackage(folder / "cells.gpkg", {"cells": _chinese(CELLS, organisation.cells)}, day=FILE_DAY)
    tables: tuple[tuple[str, Table, pd.DataFrame], ...] = (
        ("people", PEOPLE, organisation.people),
        ("responsibility", RESPONSIBILITY, organisation.responsibility),
        ("delegations", DELEGATIONS, organisation.delegations),
        ("plan", PLAN, organisation.plan),
    )
    for name, table, frame in tables:
        write_bytes(folder / f"{name}.csv", csv_bytes(_chinese(table, frame)))


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """CSV as Excel saves it: UTF-8 with BOM, dates as YYYY-MM-DD, CRLF line ends, nulls empty, no text a formula."""
    safe = frame.map(lambda value: safe_cell(value) if isinstance(value, str) else value)
    text: str = safe.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\r\n")
    return b"\xef\xbb\xbf" + text.encode("utf-8")


def _write_scenes(folder: Path, city: SyntheticCity) -> list[SceneTruth]:
    truths = []
    for index in range(len(SCENE_DAYS)):
        scene = make_scene(ground=city.ground, sites=city.sites, index=index, rngs=city.rngs)
        transform = city.ground.scene_transform
        write_geotiff(folder / f"{scene.truth.name}.tif", scene.bands, transform, BANDS, scene.truth.day)
        coarse = Affine(2 * PIXEL_M, 0.0, transform.c, 0.0, -2 * PIXEL_M, transform.f)
        write_geotiff(folder / f"{scene.truth.name}_SCL.tif", scene.classes[None], coarse, ("SCL",), scene.truth.day)
        truths.append(scene.truth)
    return truths


def write_geotiff(
    path: Path, bands: NDArray[Any], transform: Affine, names: tuple[str, ...], day: date | tuple[date, date]
) -> None:
    """Write (band, rows, cols) in :data:`SCENE_CRS` with nodata 0, band descriptions and the tag ACQUISITION_DATE.

    A mosaic has the first and last day of its pixels as ``day``, in the tags ACQUISITION_START and ACQUISITION_END.
    """
    days = (
        {"ACQUISITION_DATE": day} if isinstance(day, date) else {"ACQUISITION_START": day[0], "ACQUISITION_END": day[1]}
    )
    profile = {
        "driver": "GTiff", "count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2],
        "dtype": bands.dtype, "crs": SCENE_CRS, "transform": transform, "nodata": 0, "compress": "deflate",
        "predictor": 2, "tiled": True, "blockxsize": 256, "blockysize": 256, "num_threads": 1,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(bands)
        target.update_tags(**{name: one.isoformat() for name, one in days.items()})
        for number, name in enumerate(names, start=1):
            target.set_band_description(number, name)
