import pytest

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.word_tables import read_word_tables
from tests.sources.office import WORDS, cells, docx, w_cell, w_p, w_table

HEAD = ("巡查时间", "巡查人员", "违法地点", "违法现状")
DOWN, ON = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def read(body: str, max_cells: int = 1000) -> tuple[RawSheet, ...]:
    return read_word_tables(docx(body), unit_id="U1", file="a.docx", words=WORDS, max_cells=max_cells)


def test_title_paragraphs_stand_above_row_one() -> None:
    (sheet,) = read(
        w_p("王庄镇2026年9月台账")
        + w_p("")
        + w_p("填报单位：王庄镇")
        + w_table(HEAD, ("9月3日", "张三", "村东", "建房"))
    )
    assert cells(sheet)[:2] == [["王庄镇2026年9月台账"], ["填报单位：王庄镇"]]
    assert sheet.first_row + 2 == 1 and cells(sheet)[3] == ["9月3日", "张三", "村东", "建房"]


def test_merged_cells_keep_their_columns() -> None:
    wide = w_cell("合计", '<w:gridSpan w:val="3"/>')
    (sheet,) = read(
        w_table(
            HEAD,
            ("9月3日", w_cell("张三", DOWN), "村东", "建房"),
            ("9月4日", w_cell("", ON), "村西", "围墙"),
            ("9月5日", w_cell("", ON), "村南", "推土"),
            ("9月6日", "李四", "村北", "无"),
            (wide, "4次"),
        )
    )
    assert sheet.merged == ((2, 2, 4, 2), (6, 1, 6, 3))
    assert cells(sheet)[2] == ["9月4日", "", "村西", "围墙"] and cells(sheet)[5] == ["合计", "", "", "4次"]


def test_a_table_goes_on_behind_a_page_break_but_not_under_a_new_title() -> None:
    rows = w_table(HEAD, ("9月3日", "张三", "村东", "建房")), w_table(("9月4日", "李四", "村西", "围墙"))
    (sheet,) = read(rows[0] + w_p("") + rows[1])
    assert [row[0] for row in cells(sheet)] == ["巡查时间", "9月3日", "9月4日"]
    assert [s.sheet for s in read(rows[0] + w_p("附表") + rows[1])] == ["表1", "表2"]
    assert len(read(rows[0] + rows[0])) == 2


def test_nested_tables_content_controls_and_tracked_changes() -> None:
    inner = "<w:tc><w:tcPr/>" + w_p("见下") + w_table(("甲", "乙")) + w_p("") + "</w:tc>"
    changed = (
        "<w:tc><w:tcPr/><w:p><w:ins><w:r><w:t>推填土</w:t></w:r></w:ins><w:del><w:r><w:delText>无</w:delText></w:r></w:del>"
        "<w:r><w:br/><w:t>三亩</w:t></w:r></w:p></w:tc>"
    )
    control = f"<w:sdt><w:sdtContent>{w_table(HEAD, ('9月3日', '张三', inner, changed))}</w:sdtContent></w:sdt>"
    outer, nested = read(control)
    assert cells(outer)[1] == ["9月3日", "张三", "见下", "推填土\n三亩"]
    assert cells(nested) == [["甲", "乙"]]


def test_too_many_cells_and_no_document() -> None:
    with pytest.raises(InputError, match="过大"):
        read(w_table(*[HEAD] * 20), max_cells=40)
    for content in (b"", b"PK", docx("<w:p")):
        with pytest.raises(InputError) as problem:
            read_word_tables(content, unit_id="U1", file="a.docx", words=WORDS, max_cells=9)
        assert problem.value.code == "E501"
    assert read(w_p("没有表格")) == ()
