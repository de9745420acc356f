from __future__ import annotations

import io
import time
import zipfile
from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from pipeline.report.sheets import Formula, Sheet
from pipeline.sinks.workbook import display_width, sheet_name, workbook_bytes

DAY = date(2026, 10, 31)


def opened(*sheets: Sheet) -> Any:
    return load_workbook(io.BytesIO(workbook_bytes(sheets, day=DAY, title="标题")))


def sheet(**columns: Any) -> Sheet:
    return Sheet("表", pd.DataFrame(columns))


def test_same_bytes_at_another_time() -> None:
    pages = [Sheet("甲", pd.DataFrame({"数": [1.5], "日": pd.to_datetime(["2026-10-01"])}), title="题", note="注")]
    first = workbook_bytes(pages, day=DAY, title="标题")
    time.sleep(2.1)  # a zip member's time has a step of two seconds
    assert workbook_bytes(pages, day=DAY, title="标题") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2026, 10, 31, 0, 0, 0)}
    assert load_workbook(io.BytesIO(first)).properties.modified == datetime(2026, 10, 31)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://a","b")', "=", "\r=1", "＝1+1", "＠SUM"]
)
def test_text_never_becomes_a_formula(text: str) -> None:
    cell = opened(sheet(注=[text])).active["A2"]
    assert cell.data_type == "s" and cell.quotePrefix
    assert cell.value == text.replace("\r", "\n")


def test_heading_and_title_never_become_formulas() -> None:
    page = opened(Sheet("a", pd.DataFrame({"=1+1": ["x"]}), title="=2+2", note="=3+3", signature="=4+4")).active
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    assert [page["A1"].value, page["A2"].value, page["A3"].value, page["A6"].value] == ["=2+2", "=3+3", "=1+1", "=4+4"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_any_text_can_be_written_and_is_not_lost(texts: list[str]) -> None:
    clean = [text.encode("utf-8", "ignore").decode() for text in texts]
    page = opened(sheet(a=clean)).active
    for row, text in enumerate(clean, start=2):
        read = page.cell(row, 1).value or ""
        assert page.cell(row, 1).data_type != "f"
        visible = [letter for letter in text if ord(letter) >= 32 and ord(letter) not in (0xFFFE, 0xFFFF)]
        assert [letter for letter in visible if letter not in read] == []


def test_values_keep_their_types() -> None:
    frame = pd.DataFrame(
        {
            "整数": pd.Series([1, None], dtype="Int64"),
            "实数": [1.25, float("nan")],
            "日期": pd.to_datetime(["2026-10-01", None]).astype("datetime64[ms]"),
            "文字": ["007", None],
        }
    )
    page = opened(Sheet("表", frame, formats={"实数": "0.00"})).active
    first, second = ([cell.value for cell in row] for row in page.iter_rows(min_row=2, max_row=3))
    assert first == [1, 1.25, datetime(2026, 10, 1), "007"]
    assert second == [None] * 4
    assert page["C2"].number_format == "yyyy-mm-dd" and page["B2"].number_format == "0.00"
    assert frame["整数"].isna().tolist() == [False, True]


def test_long_text_is_cut_visibly_and_control_characters_shown() -> None:
    page = opened(sheet(a=["字" * 40000, "a\x07b"])).active
    assert len(page["A2"].value) == 32767 and page["A2"].value.endswith("全文见同期数据表)")
    assert page["A3"].value == "a␇b"


def test_what_a_clerk_needs() -> None:
    frame = pd.DataFrame({"编号": ["甲", "乙"], "核查结果": [None, None], "内容": ["长" * 100, ""]})
    given_sheet = Sheet(
        "任务", frame, title="题", note="注", signature="签名：", choices={"核查结果": ("违法", "合法")}
    )
    page = opened(given_sheet).active
    assert page.freeze_panes == "A4" and page.auto_filter.ref == "A3:C5"
    assert [rule.formula1 for rule in page.data_validations.dataValidation] == ['"违法,合法"']
    assert str(page.data_validations.dataValidation[0].sqref) == "B4:B5"
    assert page["A7"].value == "签名："
    assert page.column_dimensions["C"].width == 48 and page.row_dimensions[4].height > 60
    assert page.print_title_rows == "$3:$3" and page.page_setup.orientation == "landscape"


def test_values_of_another_sheet_are_offered() -> None:
    tasks = Sheet("任务", pd.DataFrame({"a": [1, 2], "编号": ["甲", "乙"]}), title="题", note="注")
    ledger = Sheet("台账", pd.DataFrame({"编号": [None, None]}), suggested={"编号": ("任务", "编号")})
    rule = opened(tasks, ledger)["台账"].data_validations.dataValidation[0]
    assert (rule.formula1, str(rule.sqref), rule.showErrorMessage) == ("'任务'!$B$4:$B$5", "A2:A3", False)
    none = Sheet("任务", tasks.frame.iloc[:0])
    assert not opened(none, ledger)["台账"].data_validations.dataValidation


def test_empty_sheet_keeps_heading_without_drop_down() -> None:
    page = opened(Sheet("任务", pd.DataFrame({"a": [], "b": []}), choices={"b": ("x",)})).active
    assert [cell.value for cell in page[1]] == ["a", "b"] and page.max_row == 1
    assert not page.data_validations.dataValidation
    assert opened(Sheet("空", pd.DataFrame())).sheetnames == ["空"]


def test_another_reader_understands_it() -> None:
    content = workbook_bytes([sheet(名称=["甲", "=乙"], 数=[1, 2])], day=DAY, title="t")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows == [["名称", "数"], ["甲", 1], ["=乙", 2]]


def test_sheet_names_excel_accepts() -> None:
    assert sheet_name("甲/乙:丙?[1]", []) == "甲_乙_丙__1_"
    assert sheet_name("A" * 40, []) == "A" * 31
    assert sheet_name("表", ["表"]) == "表_2" and sheet_name("ab", ["AB", "ab_2"]) == "ab_3"
    assert sheet_name("", []) == "表"
    assert display_width("abc中文（") == 9


def test_a_long_formula_makes_no_tall_row() -> None:
    short, long = opened(sheet(数=[Formula("1+1")])), opened(sheet(数=[Formula("+".join(["1"] * 400))]))
    assert long["表"].row_dimensions[2].height == short["表"].row_dimensions[2].height < 30


def test_a_link_opens_the_sheet_it_names_and_text_elsewhere_stays_text() -> None:
    book = opened(Sheet("目录", pd.DataFrame({"工作表": ["甲 表"], "说明": ["甲 表"]}), links=("工作表",), tab="C00000"),
                  Sheet("甲 表", pd.DataFrame({"数": [1]})))  # fmt: skip
    page = book["目录"]
    assert page["A2"].hyperlink.location == "'甲 表'!A1" and page["B2"].hyperlink is None
    assert page.sheet_properties.tabColor.rgb.endswith("C00000") and book["甲 表"].sheet_properties.tabColor is None


def test_a_row_is_as_high_as_its_lines_in_the_font_that_stands_in() -> None:
    # LibreOffice 10 points in a CJK font with 14.3 points to the line: twelve lines take 171.6 points
    text = "\n".join(["一行不长的说明"] * 12)
    book = opened(Sheet("表", pd.DataFrame({"说明": [text]}), widths={"说明": 100}))
    assert book["表"].row_dimensions[2].height >= 171.6
