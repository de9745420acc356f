"""The deliveries: each writes the same parcels into a folder in its own way and states the outcome due."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

CRS = "EPSG:4547"
EXTENT = (499_000.0, 3_599_000.0, 512_000.0, 3_612_000.0)
WEST, SOUTH = 500_000.0, 3_600_000.0
TOLERANCE_M = 0.01
NEW_CODES = ("0101", "0103", "0702", "1006", "1202", "05H1")
OLD_CODES = ("011", "013", "072", "104", "122", "051")
NAMES = ("水田", "旱地", "农村宅基地", "农村道路", "设施农用地", "商业服务业设施用地")


@dataclass(frozen=True)
class Delivery:
    """How the layer is written, and the number of the refusal due (None: it reads equal)."""

    name: str
    write: Callable[[Path], None]
    refused: str | None = None


def parcels() -> gpd.GeoDataFrame:
    """The layer as it should be read: six parcels, one with a hole, in :data:`CRS`."""
    shapes = [shapely.box(WEST + 200 * i, SOUTH, WEST + 200 * i + 150, SOUTH + 120 + i) for i in range(6)]
    shapes[1] = shapes[1].difference(shapely.box(WEST + 220, SOUTH + 20, WEST + 250, SOUTH + 60))
    rows = {
        "BSM": [f"4199812110{number:08d}" for number in range(6)],
        "DLBM": list(NEW_CODES),
        "DLMC": list(NAMES),
        "ZLDWDM": ["4199811002010000000"] * 6,
        "TBMJ": [round(shape.area, 2) for shape in shapes],
    }
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=shapes, crs=CRS)


def shapefile(
    folder: Path, frame: gpd.GeoDataFrame | None = None, *, encoding: str = "UTF-8", cpg: str | None = None,
    language: int | None = None, prj: bool = True, name: str = "DLTB",
) -> Path:  # fmt: skip
    """A shapefile whose text is in ``encoding``, whatever its .cpg and language byte (dbf byte 29) say."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.shp"
    (parcels() if frame is None else frame).to_file(path, engine="pyogrio", encoding=encoding)
    path.with_suffix(".cpg").unlink()
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg, encoding="ascii")
    if language is not None:
        raw = bytearray(path.with_suffix(".dbf").read_bytes())
        raw[29] = language
        path.with_suffix(".dbf").write_bytes(bytes(raw))
    if not prj:
        path.with_suffix(".prj").unlink()
    return path


def geodatabase(folder: Path, frame: gpd.GeoDataFrame | None = None) -> Path:
    path = folder / "国土变更调查2025.gdb"
    (parcels() if frame is None else frame).to_file(path, layer="DLTB", driver="OpenFileGDB", engine="pyogrio")
    return path


def zipped(source: Path, archive: Path, *, unflagged: bool = False) -> None:
    """All files of a folder in a zip; ``unflagged``: names are GBK bytes without a word about it, as Windows writes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            name = path.relative_to(source).as_posix()
            target.writestr(_Unflagged(name) if unflagged else zipfile.ZipInfo(name), path.read_bytes())


class _Unflagged(zipfile.ZipInfo):
    """A member whose name is written in GBK without the UTF-8 flag."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 the name zipfile gives it
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def geojson(folder: Path, frame: gpd.GeoDataFrame, crs_member: str | None = None) -> None:
    """The coordinates as they are, with or without a crs member."""
    data = json.loads(frame.set_crs(None, allow_override=True).to_json(drop_id=True))
    data.pop("crs", None)
    if crs_member is not None:
        data["crs"] = {"type": "name", "properties": {"name": crs_member}}
    (folder / "DLTB.geojson").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def parquet(folder: Path, frame: gpd.GeoDataFrame) -> None:
    frame.to_parquet(folder / "DLTB.parquet")


def geopackage(folder: Path, frame: gpd.GeoDataFrame) -> None:
    frame.to_file(folder / "DLTB.gpkg", layer="DLTB", engine="pyogrio")


def north_first(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    turned = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(turned, crs=frame.crs))


def relabelled(frame: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """The same numbers under another CRS."""
    return frame.set_crs(crs, allow_override=True)


def with_codes(codes: tuple[Any, ...]) -> gpd.GeoDataFrame:
    return parcels().assign(DLBM=list(codes))


def deliveries() -> Iterator[Delivery]:
    yield from _texts()
    yield from _containers()
    yield from _systems()
    yield from _wrong_systems()
    yield from _codes()


def _texts() -> Iterator[Delivery]:
    for encoding in ("UTF-8", "GBK", "GB18030"):
        for cpg in (None, "UTF-8", "GBK", "ISO-8859-1"):
            for language in (0x00, 0x4D, 0x57):
                said = f"{cpg or 'no'} cpg, language byte {language:#04x}"
                yield Delivery(
                    f"shapefile {encoding}, {said}",
                    lambda to, e=encoding, c=cpg, b=language: shapefile(to, encoding=e, cpg=c, language=b) and None,  # type: ignore[misc]
                )


def _containers() -> Iterator[Delivery]:
    def zip_of(write: Callable[[Path], Any], *, unflagged: bool = False) -> Callable[[Path], None]:
        def write_zip(folder: Path) -> None:
            inner = folder.parent / f"{folder.name}-inner"
            (inner / "成果").mkdir(parents=True)
            write(inner / "成果")
            zipped(inner, folder / "成果.zip", unflagged=unflagged)

        return write_zip

    yield Delivery("GeoPackage", lambda to: geopackage(to, parcels()))
    yield Delivery("FileGDB folder", lambda to: geodatabase(to) and None)  # type: ignore[func-returns-value]
    yield Delivery("FileGDB zipped", zip_of(geodatabase))
    yield Delivery("FileGDB zipped, names in GBK", zip_of(geodatabase, unflagged=True))
    yield Delivery("shapefile zipped", zip_of(shapefile))
    yield Delivery("shapefile zipped, GBK, no prj", zip_of(lambda to: shapefile(to, encoding="GBK", prj=False)))
    yield Delivery("GeoJSON, degrees, no crs member", lambda to: geojson(to, parcels().to_crs(4490)))
    yield Delivery("GeoJSON, metres, crs member", lambda to: geojson(to, parcels(), "urn:ogc:def:crs:EPSG::4547"))
    yield Delivery("GeoParquet", lambda to: parquet(to, parcels()))
    yield Delivery("GeoParquet, degrees", lambda to: parquet(to, parcels().to_crs(4490)))


def _systems() -> Iterator[Delivery]:
    for epsg, what in (
        (4547, "3 degrees, meridian 114"), (4526, "3 degrees, zone 38 in the easting"), (4546, "meridian 111"),
        (4548, "meridian 117"), (4497, "6 degrees, zone 19 in the easting"), (4508, "6 degrees, meridian 111"),
        (4490, "degrees"), (4326, "WGS 84 degrees"), (32650, "UTM 50"), (3857, "web map"),
    ):  # fmt: skip
        yield Delivery(f"EPSG:{epsg} {what}", lambda to, e=epsg: geopackage(to, parcels().to_crs(e)))  # type: ignore[misc]
    for epsg, what in ((4547, "6 digits"), (4526, "zone 38"), (4497, "zone 19 of 6 degrees"), (4490, "degrees")):
        for turn, order in ((False, "east first"), (True, "north first")):
            yield Delivery(
                f"no prj, {what}, {order}",
                lambda to, e=epsg, t=turn: (
                    shapefile(  # type: ignore[misc]
                        to, north_first(parcels().to_crs(e)) if t else parcels().to_crs(e), prj=False
                    )
                    and None
                ),
            )
    for epsg in (4490, 4547, 4526):
        yield Delivery(
            f"EPSG:{epsg}, north first",
            lambda to, e=epsg: geopackage(to, north_first(parcels().to_crs(e))),  # type: ignore[misc]
        )
    yield Delivery("GeoJSON, metres, no crs member", lambda to: geojson(to, parcels()))
    yield Delivery("GeoJSON, zone 38, no crs member", lambda to: geojson(to, parcels().to_crs(4526)))
    yield Delivery("GeoJSON, latitude first", lambda to: geojson(to, north_first(parcels().to_crs(4490))))
    yield Delivery("GeoParquet, crs null", lambda to: parquet(to, relabelled(parcels(), None)))


def _wrong_systems() -> Iterator[Delivery]:
    writers: tuple[tuple[str, Callable[[Path, gpd.GeoDataFrame], Any]], ...] = (
        ("shapefile", shapefile), ("GeoPackage", geopackage), ("FileGDB", geodatabase), ("GeoParquet", parquet),
    )  # fmt: skip
    for name, write in writers:
        for epsg, what in ((2383, "Xi'an 1980 metres"), (4610, "Xi'an 1980 degrees"), (2436, "Beijing 1954 metres")):
            frame = relabelled(parcels() if epsg != 4610 else parcels().to_crs(4490), epsg)
            yield Delivery(f"{name}, {what}", lambda to, w=write, f=frame: w(to, f) and None, "E304")  # type: ignore[misc]
    yield Delivery(
        "GeoJSON, Xi'an 1980 crs member",
        lambda to: geojson(to, parcels().to_crs(4490), "urn:ogc:def:crs:EPSG::4610"), "E304",
    )  # fmt: skip
    null = "+proj=tmerc +lon_0=114 +k=1 +x_0=500000 +ellps=krass +towgs84=0,0,0,0,0,0,0 +units=m +type=crs"
    yield Delivery("Beijing 1954, parameters all zero", lambda to: parquet(to, relabelled(parcels(), null)), "E304")
    yield Delivery(
        "zone 38 in the easting, prj without zone",
        lambda to: geopackage(to, relabelled(parcels().to_crs(4526), 4547)), "E307",
    )  # fmt: skip
    yield Delivery("metres, prj says degrees", lambda to: geopackage(to, relabelled(parcels(), 4490)), "E307")
    yield Delivery("another meridian's prj", lambda to: geopackage(to, relabelled(parcels(), 4549)), "E307")
    yield Delivery(
        "no prj, another city",
        lambda to: shapefile(to, relabelled(parcels().translate(2_000_000, 0).to_frame("geometry").join(
            parcels().drop(columns="geometry")), 4547), prj=False) and None, "E302",
    )  # fmt: skip


def _codes() -> Iterator[Delivery]:
    yield Delivery("codes of 2007", lambda to: geopackage(to, with_codes(OLD_CODES)))
    yield Delivery("codes of 2007 and 2017 mixed", lambda to: geopackage(to, with_codes(OLD_CODES[:3] + NEW_CODES[3:])))
    numbers = with_codes(tuple(int(code.replace("05H1", "0508")) for code in NEW_CODES))
    yield Delivery("codes as numbers that cannot be told apart",
                   lambda to: geopackage(to, numbers.iloc[:3].assign(DLBM=[101, 103, 702])), "E308")  # fmt: skip
