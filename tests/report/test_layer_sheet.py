from __future__ import annotations

from pathlib import Path

from pipeline.report.layer_sheet import COLUMNS, LAYERS_SHEET, layer_sheet
from pipeline.sources.layers import read_layers
from tests.screen.drawing import CRS, square
from tests.sources.test_layers import field, write


def test_a_clerk_reads_what_was_found_what_is_missing_and_what_it_does(tmp_path: Path) -> None:
    write(tmp_path / "DLTB.gpkg", [field(0, DLBM="011"), field(1, DLBM="203"), field(2, DLBM=None), field(3, BSM="P1")])
    write(tmp_path / "别的.gpkg", [{"A": 1, "geometry": square(0, 0, 20)}])
    (tmp_path / "批文.docx").write_bytes(b"x")
    report = read_layers(tmp_path, CRS).report
    differing = [{"parcel_id": "P9", "stated_m2": 500.0, "measured_m2": 400.0}]
    sheet = layer_sheet(report | {"area_differences": differing}, "示例市 2026-10")
    assert sheet.name == LAYERS_SHEET and tuple(sheet.frame.columns) == COLUMNS
    rows = [tuple(row) for row in sheet.frame[["图层", "情况", "行或标识", "说明"]].itertuples(index=False)]
    assert ("地类图斑", "已读入", None, "可用3行") in rows
    assert ("地类图斑", "不能使用", "第3行", "地类编码为空") in rows
    assert ("地类图斑", "标识重复", "P1", "改记为P1#2") in rows
    assert ("地类图斑", "地类编码", "011", "1行按0101使用") in rows
    assert ("地类图斑", "地类编码", "203", "1行按原码使用：村庄，不分用途") in rows
    assert ("地类图斑", "面积不符", "P9", "图斑面积500.00平方米，按图形计算400.00平方米，两者都保留") in rows
    missing = sheet.frame[sheet.frame["图层"] == "永久基本农田"].iloc[0]
    assert missing["情况"] == "未提供" and "V3" in missing["对结果的影响"]
    assert sheet.frame["情况"].tolist()[-2:] == ["未识别", "未读取"]


def test_without_a_report_the_sheet_has_no_rows() -> None:
    assert len(layer_sheet({}, "示例市 2026-10").frame) == 0
