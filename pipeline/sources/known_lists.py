"""Lists of known 图斑 as delivered (national, provincial, old cases) in ``records/known``, read into plain columns.

A list is a GeoPackage, a Shapefile or a csv. Fields are recognised by the names of the field (JCTB and its relatives);
outlines are used where there are any, else the point of XZB and YZB. The kind is what a column 类别 says, else what the file's
or its folder's name says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from pipeline.errors import InputError
from pipeline.sources.delimited import decode, parse_date, rows_of
from pipeline.sources.known_cases import read_known_cases
from pipeline.sources.layer_crs import require_safe_transform

KNOWN_FOLDER = Path("records") / "known"
COLUMNS = ["known_id", "known_kind", "known_from", "known_to", "stated_area_m2"]
IDS = ("JCBH", "线索编号", "监测编号", "图斑编号", "TBBH", "YGTBZJ", "WFDKXH")
KINDS, FROM, TO, AREAS = ("类别",), ("QSX", "JCSDQ", "前时相"), ("HSX", "JCSDH", "后时相"), ("JCMJ", "监测面积")
X, Y = ("XZB", "横坐标", "X坐标"), ("YZB", "纵坐标", "Y坐标")
NAMED_KINDS = (("国家", "国家图斑"), ("部下发", "国家图斑"), ("省", "省级图斑"), ("存量", "存量"), ("历史", "存量"))
_CHILD = re.compile(r"^(?P<parent>.+)_\d+$")
_MONTH = re.compile(r"(\d{4})[-/.年]?(\d{1,2})月?")
_ZONE_M = 1_000_000.0


def known_files(city: Path) -> tuple[Path, ...]:
    """The list files that exist, with the parts of a Shapefile, sorted."""
    return tuple(sorted(path for path in (city / KNOWN_FOLDER).rglob("*") if path.is_file()))


def parent_of(known_id: str) -> str | None:
    """The id of the parent patch of a child patch (``..._3``), None for any other id."""
    found = _CHILD.match(known_id)
    return found["parent"] if found else None


def read_known(city: Path, crs: str) -> Any:
    """All known 图斑: ``known_id known_kind known_from known_to stated_area_m2 geometry`` in ``crs``, by kind and id.

    The bureau's own list of old cases (``records/known_cases.gpkg``) is among them. Raises InputError E403 naming file
    and row for a list without an id column or place, a row without either, or an id that stands for two places in one kind;
    E302 and E304 as for layers.
    """
    own = read_known_cases(city, crs)
    frames = [_complete(own, crs)]
    for path in known_files(city):
        if path.suffix.lower() in (".gpkg", ".shp"):
            frames.append(_vector(path, crs))
        elif path.suffix.lower() == ".csv":
            frames.append(_csv(path, crs))
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    joined = gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=crs)
    joined = joined.assign(_wkb=joined.geometry.to_wkb()).drop_duplicates([*COLUMNS, "_wkb"])
    twice = joined.duplicated(["known_kind", "known_id"], keep=False)
    if twice.any():
        name = joined.loc[twice, "known_id"].iloc[0]
        raise InputError("E403", f"records/known: {name} stands for two different 图斑", "keep the valid one")
    return joined.drop(columns="_wkb").sort_values(["known_kind", "known_id"], ignore_index=True)


def _complete(frame: Any, crs: str) -> Any:
    """The columns of :data:`COLUMNS` with those that a list does not have left empty."""
    data = {name: frame[name] if name in frame.columns else None for name in COLUMNS}
    plain = pd.DataFrame(data, index=frame.index, columns=COLUMNS)
    plain = plain.astype({"known_id": "str", "known_kind": "str", "stated_area_m2": "float64"})
    for name in ("known_from", "known_to"):
        plain[name] = pd.to_datetime(plain[name]).astype("datetime64[ms]")
    return gpd.GeoDataFrame(plain, geometry=list(frame.geometry), crs=crs)


def _vector(path: Path, crs: str) -> Any:
    try:
        frame = pyogrio.read_dataframe(path, fid_as_index=False)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, UnicodeDecodeError) as problem:
        raise InputError("E403", f"{_shown(path)}: {problem}", "save the list again as GeoPackage") from problem
    if "geometry" not in frame.columns:
        raise InputError("E403", f"{_shown(path)}: no geometry", "deliver the outlines, or a csv with XZB and YZB")
    if frame.crs is None:
        raise InputError("E302", _shown(path), "assign the CRS in a GIS")
    require_safe_transform(path.name, frame.crs, gpd.GeoSeries(crs=crs).crs)
    moved = frame.to_crs(crs)
    lacking = shapely.is_missing(moved.geometry.to_numpy()) | shapely.is_empty(moved.geometry.to_numpy())
    return _rows(path, pd.DataFrame(moved.drop(columns="geometry")), list(moved.geometry), lacking, crs, first_row=1)


def _csv(path: Path, crs: str) -> Any:
    try:
        rows = rows_of(decode(path.read_bytes())[0])
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("E403", f"{_shown(path)}: {problem}", "save it as csv UTF-8 in Excel") from problem
    heads = [head.strip() for head in rows[0]] if rows else []
    body = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    frame = pd.DataFrame([dict(zip(heads, row, strict=False)) for row in body], columns=heads, dtype="object")
    x, y = _column(frame, X), _column(frame, Y)
    if x is None or y is None:
        raise InputError("E403", f"{_shown(path)}: no columns XZB and YZB", "add the coordinates of each 图斑")
    points = [_point(one, other) for one, other in zip(frame[x], frame[y], strict=True)]
    lacking = [point is None for point in points]
    placed = gpd.GeoSeries([shapely.Point(0, 0) if point is None else shapely.Point(point) for point in points])
    return _rows(path, frame, list(_in_crs(placed, lacking, path, crs)), lacking, crs, first_row=2)


def _in_crs(points: gpd.GeoSeries, lacking: Sequence[bool], path: Path, crs: str) -> gpd.GeoSeries:
    """Points in the city's CRS: degrees are CGCS2000, a zone number in front of the easting is taken off."""
    given = points[~pd.Series(lacking, index=points.index)]
    if len(given) and (given.x.abs() <= 180.0).all() and (given.y.abs() <= 90.0).all():
        return points.set_crs("EPSG:4490").to_crs(crs)
    operation = gpd.GeoSeries(crs=crs).crs.coordinate_operation
    values = {param.name: float(param.value) for param in operation.params} if operation is not None else {}
    central = values.get("Longitude of natural origin")
    zones = set((given.x // _ZONE_M).astype(int)) - {0}
    allowed = set() if central is None else _zones_of(central)
    prefixed = values.get("False easting", 0.0) >= _ZONE_M
    if zones and not prefixed:
        if not zones <= allowed:
            hint = "deliver the list in the city's zone, or as GeoPackage with its CRS"
            raise InputError("E304", f"{_shown(path)}: coordinates of zone {sorted(zones)}", hint)
        points = gpd.GeoSeries(shapely.points(points.x % _ZONE_M, points.y), index=points.index)
    return points.set_crs(crs)


def _zones_of(central: float) -> set[int]:
    """Numbers of the 3-degree and, where there is one, the 6-degree zone with a central meridian in degrees."""
    zones = {round(central / 3.0)} if central % 3.0 == 0.0 else set()
    return zones | ({round((central + 3.0) / 6.0)} if (central + 3.0) % 6.0 == 0.0 else set())


def _point(x: Any, y: Any) -> tuple[float, float] | None:
    try:
        found = float(str(x).strip()), float(str(y).strip())
    except ValueError:
        return None
    return found if all(abs(value) < 1e9 for value in found) else None


def _rows(path: Path, frame: Any, shapes: Any, lacking: Any, crs: str, *, first_row: int) -> Any:
    names = {role: _column(frame, aliases) for role, aliases in
             (("id", IDS), ("kind", KINDS), ("from", FROM), ("to", TO), ("area", AREAS))}  # fmt: skip
    if names["id"] is None:
        raise InputError("E403", f"{_shown(path)}: none of the columns {'、'.join(IDS)}", "name the id column so")
    ids = [_text(value) for value in frame[names["id"]]]
    bad = [number for number, (name, gone) in enumerate(zip(ids, lacking, strict=True)) if name is None or gone]
    if bad:
        raise InputError(
            "E403", f"{_shown(path)}, row {bad[0] + first_row}: no id or no place", "complete or remove it"
        )
    kinds = [None] * len(ids) if names["kind"] is None else [_text(value) for value in frame[names["kind"]]]
    made = {
        "known_id": ids,
        "known_kind": [kind or _kind_of(path) for kind in kinds],
        "known_from": _days(frame, names["from"], path, first_row, last=False),
        "known_to": _days(frame, names["to"], path, first_row, last=True),
        "stated_area_m2": None
        if names["area"] is None
        else pd.to_numeric(frame[names["area"]], errors="coerce").to_numpy(),
    }
    return _complete(gpd.GeoDataFrame(made, geometry=list(shapes), crs=crs), crs)


def _days(frame: Any, name: str | None, path: Path, first_row: int, *, last: bool) -> list[Any]:
    """Days of a column; a month alone is its first or its last day. A text that is neither is an error (E403)."""
    if name is None:
        return [None] * len(frame)
    days = []
    for number, value in enumerate(frame[name]):
        text = _text(value)
        try:
            days.append(None if text is None else _day(text, last=last))
        except ValueError as problem:
            what = f"{_shown(path)}, row {number + first_row}, {name}: {text!r} is no day"
            raise InputError("E403", what, "write 2026-03-15 or 202603") from problem
    return days


def _day(text: str, *, last: bool) -> pd.Timestamp:
    month = _MONTH.fullmatch(text.strip())
    if month is not None and len(text.strip().replace("-", "")) <= 8 and int(month[2]) in range(1, 13):
        start = pd.Timestamp(int(month[1]), int(month[2]), 1)
        return start + pd.offsets.MonthEnd(0) if last else start
    return pd.Timestamp(parse_date(text.split(" ")[0].split("T")[0]))


def _column(frame: Any, aliases: Sequence[str]) -> str | None:
    upper = {str(name).strip().upper(): str(name) for name in frame.columns}
    return next((upper[alias] for alias in aliases if alias in upper), None)


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value) or value is pd.NaT:
        return None
    return str(value).strip() or None


def _kind_of(path: Path) -> str:
    words = f"{path.parent.name}/{path.stem}"
    return next((kind for word, kind in NAMED_KINDS if word in words), path.stem)


def _shown(path: Path) -> str:
    return f"records/known/{path.name}"
