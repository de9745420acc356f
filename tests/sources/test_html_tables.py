import pytest

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.html_tables import read_html_tables
from tests.sources.office import WORDS, cells

PAGE = (
    "<html><head><title>x</title><style>td {color: red}</style></head><body><h2>王庄镇2026年9月台账</h2>"
    "<table border=1><tr><th>巡查时间<th>巡查人员<th>违法地点</tr>"
    "<tr><td>9月3日</td><td rowspan=2>张三</td><td>村东<br>500米&nbsp;路南</td></tr>"
    "<tr><td>9月4日</td><td><table><tr><td>里</td></tr></table>村西</td></tr>"
    "<tr><td colspan='2'>合计</td><td>2</td></tr></table><p>尾注</p><table><tr><td>另</td></tr></table></body></html>"
)


def read(content: bytes, max_cells: int = 100) -> tuple[tuple[RawSheet, ...], str]:
    return read_html_tables(content, unit_id="U1", file="a.xls", words=WORDS, max_cells=max_cells)


def test_cells_spans_and_titles() -> None:
    (first, second), _ = read(PAGE.encode())
    assert cells(first) == [
        ["王庄镇2026年9月台账"],
        ["巡查时间", "巡查人员", "违法地点"],
        ["9月3日", "张三", "村东\n500米 路南"],
        ["9月4日", "", "里村西"],
        ["合计", "", "2"],
    ]
    assert (first.first_row, first.merged) == (0, ((2, 2, 3, 2), (4, 1, 4, 2)))
    assert cells(second) == [["尾注"], ["另"]]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("gb18030", ""), ("gb18030", "gb2312"), ("utf-8", ""), ("gb18030", "utf-8"), ("utf-8", "no-such-set")],
)
def test_declared_charset_and_the_evidence_against_it(encoding: str, declared: str) -> None:
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">' if declared else ""
    (first, _), how = read(PAGE.replace("<style>", f"{meta}<style>").encode(encoding))
    assert cells(first)[0] == ["王庄镇2026年9月台账"]
    assert ("网页写明" in how) == (declared == "gb2312")


def test_a_bomb_of_spans_is_bounded() -> None:
    with pytest.raises(InputError, match="过多"):
        read(b"<table>" + b"<tr><td colspan=1000>1</td></tr>" * 9)
