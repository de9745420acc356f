"""What the sky and the sensor did to a scene, as events with dates and places, and as a row of the scenes' table."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from rasterio.features import shapes
from shapely.geometry import box, shape

from pipeline.simulate.frame import CITY_CRS, SCENE_CRS, day_of
from pipeline.simulate.wild.city import WildCity
from pipeline.simulate.wild.distractors import Event
from pipeline.simulate.wild.phases import event_table
from pipeline.simulate.wild.sentinel import Scene, View

HAZY, GLINTING, THIN_CLOUD = 0.03, 0.012, 0.01
_COARSE_PX = 4


def sky_events(city: WildCity, scene: Scene) -> list[Event]:
    """Haze, thin cirrus, sun glint on water and cloud shadow of one scene; shadows are drawn on 40 m pixels."""
    day, view = float(scene.view.day), scene.view
    whole = box(*city.plain.frame.bounds)
    rows: list[Event] = []
    if view.haze > HAZY:
        rows.append(("haze", day, day, whole))
    if view.cirrus > THIN_CLOUD:
        rows.append(("cirrus", day, day, whole))
    if view.glint > GLINTING:
        waters = city.world.waters
        rows.append(("sun_glint", day, day, shapely.union(waters.river, waters.reservoir).intersection(whole)))
    shade = np.ascontiguousarray(scene.shade[::_COARSE_PX, ::_COARSE_PX] > 0.25)
    if shade.any() and not shade.all():
        step = _COARSE_PX * city.grid.pixel_m
        transform = Affine(step, 0.0, city.grid.left, 0.0, -step, city.grid.top)
        found = [shape(geometry) for geometry, _ in shapes(shade.astype(np.uint8), mask=shade, transform=transform)]
        outline = gpd.GeoSeries([shapely.union_all(found)], crs=SCENE_CRS).to_crs(CITY_CRS).intersection(whole)
        rows.append(("cloud_shadow", day, day, outline.iloc[0]))
    return rows


def all_distractors(city: WildCity, events: Sequence[Event]) -> gpd.GeoDataFrame:
    """The city's distractors and those of its scenes: distractor_id, kind, from, to, geometry."""
    table = pd.concat([city.distractors, event_table(events, CITY_CRS)]) if events else city.distractors
    table = table.sort_values(["from", "kind"], kind="stable", ignore_index=True)
    table.insert(0, "distractor_id", [f"D{number + 1:06d}" for number in range(len(table))])
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CITY_CRS)


def view_table(views: Sequence[View]) -> pd.DataFrame:
    """One row per scene: file, acquired_on, orbit, dy_px, dx_px, haze, cirrus, glint, cloud_share, gain_n, offset_n."""
    rows = []
    for view in views:
        row: dict[str, object] = {
            "file": f"S2_{day_of(view.day):%Y%m%d}.tif", "acquired_on": pd.Timestamp(day_of(view.day)), "orbit": view.orbit,
            "dy_px": view.dy_px, "dx_px": view.dx_px, "haze": view.haze, "cirrus": view.cirrus, "glint": view.glint,
            "cloud_share": view.cloud_share,
        }  # fmt: skip
        row |= {f"gain_{number}": value for number, value in enumerate(view.gain, start=1)}
        row |= {f"offset_{number}": value for number, value in enumerate(view.offset, start=1)}
        rows.append(row)
    table = pd.DataFrame(rows)
    table["acquired_on"] = table["acquired_on"].astype("datetime64[ms]")
    return table
