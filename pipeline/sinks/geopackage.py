"""GeoPackage files with the same bytes for the same layers, whatever the clock says."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataSourceError, FieldError, GeometryError

from pipeline.errors import StageError

_DATE = pd.ArrowDtype(pa.date32())
_CLOCK = threading.Lock()
# The GeoPackage standard's own entry -1, so that pixel coordinates are never taken for degrees.
_UNDEFINED = (
    'ENGCRS["Undefined Cartesian SRS",EDATUM["Unknown engineering datum"],CS[Cartesian,2],'
    'AXIS["easting",east,ORDER[1],LENGTHUNIT["metre",1]],AXIS["northing",north,ORDER[2],LENGTHUNIT["metre",1]]]'
)


def write_geopackage(path: Path, layers: dict[str, gpd.GeoDataFrame], *, day: date) -> None:
    """Write ``layers`` (name to table, in the given order) as one GeoPackage, replacing ``path`` only when complete.

    Polygons are stored as multi-polygons and lines as multi-lines, so that every layer has one geometry type; empty
    layers keep their columns; plain DataFrames become tables without geometry; datetime columns become Date fields,
    text stays text even where every row is null. ``day`` stands in the file's own metadata instead of the clock
    (OGR_CURRENT_DATE). Every layer keeps its own CRS; one without (pixel coordinates of an image without
    georeference) is marked with the standard's undefined Cartesian system.

    Raises ValueError for no layers, StageError E702 when GDAL cannot write.
    """
    if not layers:
        raise ValueError("a GeoPackage needs at least one layer")
    temporary = path.with_name(f"{path.stem}.part.gpkg")
    temporary.unlink(missing_ok=True)
    with _CLOCK:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day.isoformat()}T00:00:00.000Z"})
        try:
            for position, (name, frame) in enumerate(layers.items()):
                _write_layer(temporary, name, frame, append=position > 0)
        except (DataSourceError, FieldError, GeometryError, OSError) as problem:
            temporary.unlink(missing_ok=True)
            raise StageError(
                "E702", f"{path.name}: {problem}", "check free disk space and write permission, then run again"
            ) from problem
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    temporary.replace(path)


def _write_layer(path: Path, name: str, frame: pd.DataFrame, *, append: bool) -> None:
    plain = _plain_dates(frame)
    if isinstance(plain, gpd.GeoDataFrame) and plain.crs is None:
        plain = plain.set_crs(_UNDEFINED)
    kind, multi = _geometry_kind(plain)
    pyogrio.write_dataframe(
        plain,
        path,
        layer=name,
        driver="GPKG",
        append=append,
        geometry_type=kind,
        promote_to_multi=multi,
        use_arrow=True,
        layer_options={"FID": "fid", "IDENTIFIER": name},
    )


def _plain_dates(frame: pd.DataFrame) -> pd.DataFrame:
    dates = [name for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])]
    return frame.reset_index(drop=True).astype(dict.fromkeys(dates, _DATE))


def _geometry_kind(frame: pd.DataFrame) -> tuple[str | None, bool]:
    """Geometry type of the layer and whether single parts must be promoted to multi parts."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return None, False
    singles = sorted({str(kind).removeprefix("Multi") for kind in frame.geom_type.dropna()})
    if singles == ["Point"]:
        many = frame.geom_type.eq("MultiPoint").any()
        return ("MultiPoint", True) if many else ("Point", False)
    if singles in (["Polygon"], ["LineString"]):
        return f"Multi{singles[0]}", True
    return "Unknown", False
