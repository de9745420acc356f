"""A hand-drawn city of two townships, a zone over both, and four 1 km cells."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import shapely

CRS = "EPSG:4547"

CSV = {
    "people.csv": [
        "人员编号,姓名,单位编号,职务,电话",
        "P1,张三,U1,所长,",
        "P2,李四,U2,,13800000000",
        "P9,周九,CT,队长,",
    ],
    "responsibility.csv": [
        "网格编号,单位编号,人员编号,起始日期,终止日期",
        "G1,U1,P1,2026-01-01,",
        "G2,U2,P2,2026/1/1,2026年12月31日",
    ],
    "delegations.csv": [
        "单位编号,受托单位编号,起始日期,终止日期,依据",
        "U2,CT,2026-03-01,2026-09-30,方案第三条",
    ],
    "plan.csv": [
        "计划编号,单位编号,网格编号,人员编号,计划起始日期,计划截止日期,应巡次数",
        "J1,U1,G1,P1,2026-10-01,2026-10-31,4",
    ],
}


def write_units(city: Path, *, crs: str | None = CRS) -> Path:
    """Write ``city/units``; returns the folder."""
    folder = city / "units"
    folder.mkdir(parents=True)
    units = gpd.GeoDataFrame(
        {
            "单位编号": ["U1", "U2", "CT"],
            "单位名称": ["东关镇", "西关街道", "市局执法队伍"],
            "单位类型": ["乡镇", "street", "市局执法队伍"],
            "重叠优先级": [1, 1, 0],
            "每月核查上限(个)": [10, 10, 20],
        },
        geometry=[shapely.box(500000, 0, 502000, 1000), shapely.box(502000, 0, 504000, 1000), None],
        crs=crs,
    )
    cells = gpd.GeoDataFrame(
        {"网格编号": ["G1", "G2"]},
        geometry=[shapely.box(500000, 0, 502000, 1000), shapely.box(502000, 0, 504000, 1000)],
        crs=crs,
    )
    write_gpkg(units, folder / "units.gpkg")
    write_gpkg(cells, folder / "cells.gpkg")
    for name, lines in CSV.items():
        (folder / name).write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig", newline="")
    return folder


def write_gpkg(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write a GeoPackage layer named after its file, replacing an earlier one."""
    path.unlink(missing_ok=True)
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio", geometry_type="Unknown")


def replace_in(path: Path, old: str, new: str, *, encoding: str = "utf-8-sig") -> None:
    """Change a text in a csv, writing it back in ``encoding``."""
    text = path.read_text(encoding="utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new), encoding=encoding, newline="")
