"""The deliveries that come out of a PostGIS database: a table loaded, then fetched into the layer folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyproj
import shapely
import yaml

from pipeline.stages.fetch_layers import fetch_layers
from tests.postgis_server import Server
from tests.sources.layer_torture.deliveries import (
    NEW_CODES,
    OLD_CODES,
    Delivery,
    north_first,
    parcels,
    relabelled,
    with_codes,
)

BUREAUS = (
    "+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +y_0=0 +ellps=krass "
    "+towgs84=21.3,-118.7,-60.2,0.3,-0.9,0.6,-1.1 +units=m +no_defs"
)
_LOCAL = "+proj=tmerc +lat_0=0 +lon_0=113.9 +k=1 +x_0=300000 +y_0=-3000000 +ellps=GRS80 +units=m +no_defs"
_NULL = BUREAUS.replace("21.3,-118.7,-60.2,0.3,-0.9,0.6,-1.1", "0,0,0,0,0,0,0")
_SYSTEMS = {910001: (None, BUREAUS), 910002: (pyproj.CRS(_LOCAL).to_wkt("WKT1_GDAL"), None), 910003: (None, _NULL),
            910004: (pyproj.CRS(4547).to_wkt("WKT1_GDAL"), BUREAUS)}  # fmt: skip


def write_list(layers: Path, connection: dict[str, str], *tables: dict[str, Any]) -> None:
    """``postgis.yaml`` in a layer folder."""
    layers.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"connection": connection, "tables": list(tables)}, allow_unicode=True)
    (layers / "postgis.yaml").write_text(text, encoding="utf-8")


def add_systems(server: Server) -> None:
    """The SRIDs of a bureau's own beside those that PostGIS ships."""
    with server.connect() as connection:
        for srid, (srtext, proj4text) in _SYSTEMS.items():
            connection.execute(
                "INSERT INTO spatial_ref_sys (srid, srtext, proj4text) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (srid, srtext, proj4text),
            )


class _Tables:
    """Numbers the deliveries' tables, each in a schema of its own."""

    def __init__(self, server: Server) -> None:
        self.server, self.number = server, 0

    def of(
        self, name: str, frame: gpd.GeoDataFrame, srid: int, refused: str | None = None, *,
        then: Callable[[str], tuple[str, ...]] | None = None, table: str = "dltb", **options: Any,
    ) -> Delivery:  # fmt: skip
        """``then``: SQL that changes the loaded table, given its schema; ``table``: the one to fetch."""
        self.number += 1
        schema = f"d{self.number:02d}"

        def write(folder: Path) -> None:
            self.server.load(f"{schema}.dltb", frame, srid, **options)
            if then is not None:
                self.server.run(*then(schema))
            write_list(folder, self.server.connection(), {"table": f"{schema}.{table}", "name": "DLTB"})
            fetch_layers(folder)

        return Delivery(f"PostGIS, {name}", write, refused)


def database_deliveries(server: Server) -> Iterator[Delivery]:
    """Deliveries out of ``server``, whose database ``layers`` has the systems of :func:`add_systems`."""
    tables = _Tables(server)
    for srid in (4547, 4526, 4546, 4497, 4490, 4326, 3857):
        yield tables.of(f"SRID {srid}", parcels().to_crs(srid), srid)
    yield tables.of("SRID 4547, north first", north_first(parcels()), 4547)
    yield tables.of("SRID 0, zone 38", parcels().to_crs(4526), 0)
    yield tables.of("SRID 0, degrees", parcels().to_crs(4490), 0)
    yield tables.of("SRID 0, degrees north first", north_first(parcels().to_crs(4490)), 0)
    yield tables.of("SRID without a definition", parcels(), 910099)
    yield tables.of("SRID of the bureau's own, WKT", parcels().to_crs(_LOCAL), 910002)
    yield tables.of("SRID with the bureau's parameters", parcels().to_crs(BUREAUS), 910001)
    yield tables.of("SRID with parameters all zero", relabelled(parcels(), None), 910003, "E304")
    yield tables.of("SRID whose texts contradict each other", relabelled(parcels(), None), 910004, "E315")
    for srid, what in (
        (2383, "Xi'an 1980"),
        (4610, "Xi'an 1980 degrees"),
        (2435, "Beijing 1954, PostGIS's own TOWGS84"),
    ):
        frame = parcels().to_crs(4490) if srid == 4610 else parcels()
        yield tables.of(f"SRID {srid} {what}", relabelled(frame, None), srid, "E304")
    yield tables.of("SRID 4547, zone 38 in the easting", parcels().to_crs(4526), 4547, "E307")
    yield from _columns(tables)


def _columns(tables: _Tables) -> Iterator[Delivery]:
    exact = {"BSM": "numeric(20)", "DLBM": "char(8)", "TBMJ": "numeric(18,2)"}
    yield tables.of("exact numbers and padded codes", parcels(), 4547, kinds=exact)
    yield tables.of("typed column", parcels(), 4547, shape="geometry(Polygon, 4547)")
    yield tables.of("geography", parcels().to_crs(4326), 4326, shape="geography")
    yield tables.of("codes of 2007", with_codes(OLD_CODES), 4547)
    numbers = with_codes(NEW_CODES).iloc[:3].assign(DLBM=["101", "103", "702"])
    yield tables.of("codes as numbers that cannot be told apart", numbers, 4547, "E308",
                    then=lambda s: (f"ALTER TABLE {s}.dltb ALTER dlbm TYPE int USING dlbm::int",))  # fmt: skip
    high = parcels().set_geometry(gpd.GeoSeries(shapely.force_3d(parcels().geometry.to_numpy(), 12.5), crs=4547))
    yield tables.of("heights", high, 4547)
    yield tables.of("polygons and multipolygons", parcels(), 4547,
                    then=lambda s: (f"UPDATE {s}.dltb SET geom = ST_Multi(geom) WHERE gid % 2 = 0",))  # fmt: skip
    yield tables.of("a row without geometry", parcels(), 4547,
                    then=lambda s: (f"INSERT INTO {s}.dltb (gid, bsm, dlbm) VALUES (9, '9', '0101')",))  # fmt: skip
    yield tables.of("view without a key", parcels(), 4547, table="v",
                    then=lambda s: (f"CREATE VIEW {s}.v AS SELECT bsm, tbmj, dlbm, dlmc, geom FROM {s}.dltb",))  # fmt: skip
    yield tables.of("names in upper case and Chinese", parcels().assign(备注="中文，“引号”"), 4547, table="地类图斑",
                    then=lambda s: (f'ALTER TABLE {s}.dltb RENAME bsm TO "BSM"',
                                    f'ALTER TABLE {s}.dltb RENAME TO "地类图斑"'))  # fmt: skip
