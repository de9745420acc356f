"""The layer report as a clerk reads it: one row per layer or finding, and what each lack does to the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.report.sheets import Sheet

LAYERS_SHEET = "图层情况"
LAYERS_NOTE = (
    "每个图层一行，下面是它的问题：读入时推断或改动的、不能使用的行及理由、缺什么对结果有什么影响；"
    "原文件从不改动，请对照行号补正后重新放入 layers 文件夹。"
)
COLUMNS = ("图层", "情况", "文件", "行或标识", "说明", "对结果的影响")
_STATES = {"found": "已读入", "empty": "没有图斑", "missing": "未提供", "unusable": "各行均不能用"}
_EDITIONS = {"2007": "地类编码为2007年二级编码", "mixed": "新旧两套地类编码混用"}


def layer_sheet(report: Mapping[str, Any], heading: str) -> Sheet:
    """The sheet of a month's ``layer_report.json``; without one it has no rows."""
    frame = pd.DataFrame(list(_rows(report)), columns=list(COLUMNS), dtype="object")
    widths = {"图层": 18, "情况": 14, "文件": 32, "行或标识": 22, "说明": 60, "对结果的影响": 44}
    return Sheet(LAYERS_SHEET, frame, title=f"{heading}：{LAYERS_SHEET}", note=LAYERS_NOTE, widths=widths)


def _rows(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for entry in report.get("layers", ()):
        label = entry["label"]
        files = "；".join(source["file"] for source in entry["sources"])
        yield label, _STATES[entry["state"]], files, None, f"可用{entry['rows']}行", entry["effect"]
        for source in entry["sources"]:
            for row in _source_rows(source):
                yield (label, *row)
        for renamed in entry["renamed_ids"]:
            yield label, "标识重复", None, renamed["id"], f"改记为{renamed['new_id']}", None
        for unused in entry["not_used"]:
            yield label, "未采用", unused["file"], None, unused["reason"], None
    for parcel in report.get("area_differences", ()):
        said = f"图斑面积{parcel['stated_m2']:.2f}平方米，按图形计算{parcel['measured_m2']:.2f}平方米，两者都保留"
        yield "地类图斑", "面积不符", None, parcel["parcel_id"], said, "套合一律用按图形计算的面积"
    for stranger in report.get("unrecognised", ()):
        like = stranger["resembles"]
        said = f"字段像{'、'.join(like)}，请按标准名称重新命名" if like else "名称和字段都不认识"
        yield None, "未识别", f"{stranger['file']} [{stranger['layer']}]", None, said, "没有使用"
    for unread in report.get("unread", ()):
        yield None, "未读取", unread["file"], None, unread["reason"], "没有使用"


def _source_rows(source: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    file = source["file"]
    if source.get("database"):
        yield "数据库", file, None, source["database"], None
    if source["crs_note"]:
        yield "坐标系", file, None, source["crs_note"], None
    for row in source["unusable"]:
        yield "不能使用", file, f"第{row['row']}行", row["reason"], "没有使用"
    for row in source["repaired"]:
        yield "图形已修复", file, f"第{row['row']}行 {row['id']}", row["reason"], None
    for row in source["doubts"]:
        yield "值不能识别", file, f"第{row['row']}行", f"{row['field']}：{row['value']}，{row['reason']}", None
    codes = source["land_codes"]
    if codes and codes["edition"] in _EDITIONS:
        rows = f"旧码{codes['old_rows']}行，新码{codes['new_rows']}行"
        yield "地类编码", file, None, f"{_EDITIONS[codes['edition']]}：{rows}", None
        for one in codes["translated"]:
            yield "地类编码", file, one["code"], f"{one['rows']}行按{one['to']}使用", None
        for one in codes["kept"]:
            yield "地类编码", file, one["code"], f"{one['rows']}行按原码使用：{one['reason']}", None
