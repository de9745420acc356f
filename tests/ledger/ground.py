"""A hand-drawn ground: three villages on a line, cells of 1 km, items and tracks made by hand. EPSG:4547, metres."""

from datetime import date

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from pipeline.geodesy import bd09_from_gcj02, gcj02_from_wgs84
from pipeline.ledger.coordinates import Coordinate
from pipeline.ledger.items import Item
from pipeline.ledger.locate import PlaceOptions
from pipeline.ledger.places import Gazetteer
from pipeline.ledger.tracks import CleanTrack
from pipeline.rulebook import place_words
from pipeline.schema import CELLS, PLACES, conform

CRS = "EPSG:4547"
X0, Y0 = 520_000.0, 3_600_000.0
BOUNDS = (X0, Y0, X0 + 6000.0, Y0 + 2000.0)
TERRITORY = shapely.box(*BOUNDS)
DAY = date(2026, 9, 3)
OPTIONS = PlaceOptions(
    least_m=100.0, village_share=1.0, offset_village_share=0.5, offset_distance_share=0.2, direction_degrees=10.0
)


def villages() -> gpd.GeoDataFrame:
    """王庄村, 李庄村, 百赛村 from west to east, 2 km wide; each has houses of 200 m in its middle."""
    shapes = [shapely.box(X0 + 2000 * i, Y0, X0 + 2000 * (i + 1), Y0 + 2000) for i in range(3)]
    names = ["王庄村", "李庄村", "百赛村"]
    frame = gpd.GeoDataFrame(
        {"place_id": ["1", "2", "3"], "name": names, "place_kind": ["村"] * 3}, geometry=shapes, crs=CRS
    )
    return conform(PLACES, frame)


def houses(number: int) -> shapely.Polygon:
    x, y = X0 + 2000 * number + 1000, Y0 + 1000
    return shapely.box(x - 100, y - 100, x + 100, y + 100)


def gazetteer(*, settled: bool = True, named: gpd.GeoDataFrame | None = None) -> Gazetteer:
    homes = {str(n + 1): houses(n) for n in range(3)} if settled else {}
    return Gazetteer(villages(), homes, named=named, words=place_words(DAY))


def cells() -> gpd.GeoDataFrame:
    """Six columns and two rows of 1 km cells, named by column and row."""
    boxes = {
        (c, r): shapely.box(X0 + 1000 * c, Y0 + 1000 * r, X0 + 1000 * (c + 1), Y0 + 1000 * (r + 1))
        for c in range(6)
        for r in range(2)
    }
    frame = gpd.GeoDataFrame({"cell_id": [f"{c}{r}" for c, r in boxes]}, geometry=list(boxes.values()), crs=CRS)
    return conform(CELLS, frame)


def degrees(x: float, y: float, datum: str = "WGS84") -> tuple[float, float]:
    """What a phone in ``datum`` shows at a point of the city's CRS."""
    lon, lat = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True).transform(x, y)
    if datum != "WGS84":
        lon, lat = gcj02_from_wgs84(lon, lat)
    if datum == "BD-09":
        lon, lat = bd09_from_gcj02(lon, lat)
    return float(lon), float(lat)


def item(
    row: int,
    *,
    place: str | None = None,
    at: tuple[float, float] | None = None,
    datum: str = "WGS84",
    finding: bool = True,
    day: date | None = DAY,
    until: date | None = None,
    unit: str = "U1",
    people: str | None = "张三",
    route: str | None = None,
) -> Item:
    """An item as the reader gives it; ``at``: true position in the city's CRS, stated in ``datum``."""
    stated = None if at is None else Coordinate("degrees", *degrees(*at, datum), rounding_m=0.05)
    texts = {"people": people, "route": route, "place": place, "status": "推填土" if finding else "未发现"}
    return Item(
        unit, "ledgers/王庄镇/a.xlsx", "Sheet1", row, 1, finding, day, until or day, texts, stated, None, None, f"{row}"
    )


def track(
    points: list[tuple[float, float]],
    *,
    day: date = DAY,
    unit: str = "U1",
    file: str = "tracks/王庄镇/a.gpx",
    words: str = "",
) -> CleanTrack:
    """A clean track along ``points``."""
    line = shapely.LineString(points)
    return CleanTrack(unit, file, words, day, line, line.length, 60.0, str(np.round(points, 1).tolist()))
