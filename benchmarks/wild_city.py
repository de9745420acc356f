"""Write the harder synthetic city: years of Sentinel-2-like scenes and 2 m mosaics over ground that changes by itself.

usage: python -m benchmarks.wild_city DIR [--seed N] [--years 3] [--size-px 400] [--no-classes] [--no-fine]
       [--mosaic-months 3] [--looks]

The folder has the layout of every city: config.yaml, scenes/s2, scenes/vhr, layers, units, ledgers, tracks, truth. In
truth/, beside the tables of the demo: sites.parquet holds every change of all years (with change, form, paused_days),
stages.parquet the day and ground of every stage, distractors.parquet what changed without being one (kind, from, to,
geometry), scenes.parquet and mosaics.parquet what was done to the images. visits and verdicts are those of the demo's
months, for the building sites that began in the last ten months. With --looks also looks/*.png, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from affine import Affine
from numpy.typing import NDArray
from PIL import Image

from pipeline.config import City, Config, Source, commented_yaml
from pipeline.simulate.frame import CITY_CRS, CITY_NAME, COUNTY_CODE, day_of
from pipeline.simulate.wild.city import WildCity, scenes, wild_city
from pipeline.simulate.wild.distractors import Event
from pipeline.simulate.wild.mosaic import mosaic_grid, mosaics
from pipeline.simulate.wild.sentinel import View
from pipeline.simulate.wild.sky_events import all_distractors, sky_events, view_table
from pipeline.spectra import BANDS
from pipeline.stages.demo import write_geotiff, write_records
from pipeline.store import write_bytes

FINE_BANDS = 4
CLASSES = "_SCL"


def write_wild_city(
    folder: Path, *, seed: int, size_px: int = 400, months: int = 36, classes: bool = True, fine: bool = True,
    mosaic_months: int = 3, looks: bool = False,
) -> dict[str, int]:  # fmt: skip
    """Write a wild city; the same arguments give the same bytes. Returns counts of what was written.

    ``classes``: a scene classification beside every scene; ``fine``: the 2 m source as well, a mosaic for every
    ``mosaic_months`` months.
    """
    city = wild_city(seed=seed, size_px=size_px, months=months)
    write_records(folder, city.plain)
    write_bytes(folder / "config.yaml", commented_yaml(_config(fine)).encode("utf-8"))
    views, events = _write_scenes(folder, city, classes=classes, looks=looks)
    truth = folder / "truth"
    count = _write_mosaics(folder, city, every_months=mosaic_months, looks=looks) if fine else 0
    city.sites.to_parquet(truth / "sites.parquet", index=False)
    city.stages.to_parquet(truth / "stages.parquet", index=False)
    distractors = all_distractors(city, events)
    distractors.to_parquet(truth / "distractors.parquet", index=False)
    view_table(views).to_parquet(truth / "scenes.parquet", index=False)
    return {"scenes": len(views), "mosaics": count, "sites": len(city.sites), "stages": len(city.stages),
            "distractors": len(distractors)}  # fmt: skip


def _config(fine: bool) -> Config:
    coarse = Source(name="s2", folder="scenes/s2", profile="s2")
    sharp = Source(name="vhr", folder="scenes/vhr", profile="vhr", scale=1.0 / 255.0)
    return Config(
        city=City(name=CITY_NAME, county_code=COUNTY_CODE, crs=CITY_CRS), sources=(sharp, coarse) if fine else (coarse,)
    )


def _write_scenes(folder: Path, city: WildCity, *, classes: bool, looks: bool) -> tuple[list[View], list[Event]]:
    views: list[View] = []
    events: list[Event] = []
    transform = city.grid.transform
    coarse = Affine(2 * city.grid.pixel_m, 0.0, city.grid.left, 0.0, -2 * city.grid.pixel_m, city.grid.top)
    for scene in scenes(city):
        day = day_of(scene.view.day)
        path = folder / "scenes" / "s2" / f"S2_{day:%Y%m%d}.tif"
        write_geotiff(path, scene.bands, transform, BANDS, day)
        if classes:
            write_geotiff(path.with_name(f"{path.stem}{CLASSES}.tif"), scene.classes[None], coarse, ("SCL",), day)
        if looks:
            _look(folder / "looks" / f"{path.stem}.png", scene.bands[[2, 1, 0]] / 2800.0)
        views.append(scene.view)
        events += sky_events(city, scene)
    return views, events


def _write_mosaics(folder: Path, city: WildCity, *, every_months: int, looks: bool) -> int:
    target = folder / "scenes" / "vhr"
    target.mkdir(parents=True, exist_ok=True)
    grid, rows = mosaic_grid(city), []
    for mosaic in mosaics(city, grid=grid, every_months=every_months, bands=FINE_BANDS):
        write_geotiff(
            target / f"{mosaic.name}.tif", mosaic.bands, grid.transform, BANDS[:FINE_BANDS], (mosaic.first, mosaic.last)
        )
        rows += [{"file": f"{mosaic.name}.tif", "from": mosaic.first, "to": mosaic.last, "strip": index, "day": day}
                 for index, day in enumerate(mosaic.strip_days)]  # fmt: skip
        if looks:
            _look(folder / "looks" / f"{mosaic.name}.png", mosaic.bands[[2, 1, 0]] / 255.0, gamma=1.0)
    table = pd.DataFrame(rows, columns=["file", "from", "to", "strip", "day"])
    for name in ("from", "to", "day"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[ms]")
    table.to_parquet(folder / "truth" / "mosaics.parquet", index=False)
    return int(table["file"].nunique())


def _look(path: Path, shown: NDArray[np.floating], gamma: float = 0.7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(shown, 0.0, 1.0) ** gamma * 255.0).astype(np.uint8).transpose(1, 2, 0)).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one city and print what it holds and what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--years", type=float, default=3.0)
    parser.add_argument("--size-px", type=int, default=400, help="Side in pixels of 10 m, from 120")
    parser.add_argument("--no-classes", action="store_true", help="Deliver no scene classification")
    parser.add_argument("--no-fine", action="store_true", help="Deliver no 2 m mosaics")
    parser.add_argument("--mosaic-months", type=int, default=3, help="Months between 2 m mosaics")
    parser.add_argument("--looks", action="store_true", help="Write pictures as well")
    options = parser.parse_args(arguments)
    if options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"{options.folder} holds other files: name a new folder")
    begun = time.process_time()
    counts = write_wild_city(
        options.folder, seed=options.seed, size_px=options.size_px, months=round(12 * options.years),
        classes=not options.no_classes, fine=not options.no_fine, mosaic_months=options.mosaic_months, looks=options.looks,
    )  # fmt: skip
    print(json.dumps({**counts, "cpu_seconds": round(time.process_time() - begun, 1)}))


if __name__ == "__main__":
    main()
