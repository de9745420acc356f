import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.sources.text_tables import decode_text, read_text_table
from tests.sources.office import WORDS, cells

HEAD = "巡查时间{d}巡查人员{d}违法地点{d}违法现状"
ROW = "2026-09-03{d}张三{d}王庄村东500米{d}推填土"


def read(content: bytes, max_cells: int = 10_000) -> tuple[list[list[str]], str]:
    sheet, how = read_text_table(
        content, unit_id="U1", file="ledgers/王庄镇/九月.csv", words=WORDS, max_cells=max_cells
    )
    assert (sheet.sheet, sheet.first_row) == ("九月", 1)
    return cells(sheet), how


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "，"])
def test_any_encoding_and_delimiter(encoding: str, delimiter: str) -> None:
    text = "\r\n".join((HEAD, ROW)).replace("{d}", delimiter)
    rows, how = read(text.encode(encoding))
    assert rows == [HEAD.split("{d}"), ROW.split("{d}")]
    assert ("GB" in how) == (encoding == "gb18030") and ("UTF-16" in how) == encoding.startswith("utf-16")


def test_titles_with_commas_do_not_decide_the_delimiter() -> None:
    text = "王庄镇,2026年9月,台账,甲,乙,丙,丁\n" + HEAD.replace("{d}", "\t") + "\n" + ROW.replace("{d}", "\t")
    rows, how = read(text.encode())
    assert rows[1] == HEAD.split("{d}") and "制表符" in how


def test_quoted_cells_and_an_open_quote_that_would_swallow_rows() -> None:
    lines = [HEAD.replace("{d}", ","), '2026-09-03,张三,"王庄,""东""\n500米",推填土']
    rows, how = read("\n".join(lines).encode())
    assert rows[1][2] == '王庄,"东"\n500米' and "引号" not in how
    torn = [HEAD.replace("{d}", ","), '2026-09-03,张三,"王庄,推填土', *[ROW.replace("{d}", ",")] * 60]
    rows, how = read("\n".join(torn).encode())
    assert len(rows) == 62 and "引号不成对" in how
    assert rows[-1] == ROW.split("{d}")


def test_a_damaged_letter_is_told_and_the_rest_read() -> None:
    content = "\n".join([HEAD, *[ROW] * 20]).replace("{d}", ",").encode()
    rows, how = read(content[:-5] + b"\xe5" + content[-4:])
    assert len(rows) == 21 and "不能识别" in how


def test_no_text_and_too_many_cells() -> None:
    with pytest.raises(InputError) as problem:
        read(bytes(range(128, 256)) * 20)
    assert problem.value.code == "E501"
    with pytest.raises(InputError, match="过大"):
        read(b"1,2,3,4\n" * 30, max_cells=100)


def test_letters_that_fit_two_encodings_are_told_by_ledger_words() -> None:
    found = decode_text("巡查时间,违法地点".encode("gb18030"), WORDS)
    assert found is not None and (found.encoding, found.text) == ("GB18030", "巡查时间,违法地点")
    plain = decode_text(b"date,place\n", WORDS)
    assert plain is not None and (plain.encoding, plain.by_evidence) == ("ASCII", False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("张三李四王庄村东西南北推填土建房厂0123456789米亩.()（）"), min_size=1, max_size=12),
        min_size=4,
        max_size=4,
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_what_was_written_is_read(row: list[str], encoding: str) -> None:
    text = HEAD.replace("{d}", ",") + "\r\n" + ",".join(row) + "\r\n"
    assert read(text.encode(encoding))[0] == [HEAD.split("{d}"), row]
