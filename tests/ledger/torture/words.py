"""What stands in the cells: several findings, ditto marks, phrases of nothing, odd characters, rows that are no entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from tests.ledger.torture.case import UNIT, Case, Files, Finding
from tests.ledger.torture.kit import FIELDS, book, fixture, found, nothing, sheet, xlsx

ON = "2026-05-03"
ZHANG = Finding(ON, "张三", "王家村东500米")
LI = Finding(ON, "李四", "李庄村西")
A = found(ON, "张三", "王家村东500米")
NAMES = ("张三", "李四", "赵六")
PLACES = ("王家村东500米", "李庄村西", "张湾村南")
THREE = tuple(Finding(ON, name, place) for name, place in zip(NAMES, PLACES, strict=True))


def _file(*rows: Sequence[Any], **more: Any) -> Files:
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, **more)}


def _numbered(marks: Sequence[str], between: str) -> Files:
    def listed(values: Sequence[str]) -> str:
        return between.join(mark + value for mark, value in zip(marks, values, strict=True))

    states = ("正在建房", "堆放砂石", "挖沙取土")
    return _file(found(ON, listed(NAMES), listed(PLACES), listed(states)))


def _narrative(text: str) -> Files:
    return _file(found(ON, None, None, text))


def _ditto(mark: str) -> Files:
    second = found(mark, "李四", "李庄村西", mark, 巡查人员=mark, 巡查路线=mark)
    return _file(A, second, found("2026-05-06", "赵六", mark))


def _nothing_phrases() -> Files:
    phrases = (
        "未发现违法行为",
        "无",
        "/",
        "正常",
        "未发现异常情况",
        "无违法用地",
        "未见新增违法建设",
        "巡查正常，无违法",
        "—",
        "零报告",
    )
    return _file(*(nothing(f"2026-05-{day:02d}", phrase) for day, phrase in enumerate(phrases, 1)))


def _nothing_in_subject() -> Files:
    rows = [nothing("2026-05-01", "无", 4), nothing("2026-05-02", "未发现", 5), nothing("2026-05-03", "无违法", 3)]
    full = ["2026-05-04", "王强", "镇政府—李庄村", "日常巡查", "无", "无", "无", "无", "无", "无"]
    dashes = ["2026-05-05", "王强", "镇政府—李庄村", "日常巡查", "/", "/", "/", "/", "/", "/"]
    return _file(*rows, full, dashes)


def _blank_findings() -> Files:
    route_only = ["2026-05-01", "王强", "镇政府—李庄村", "日常巡查", None, None, None, None, None, None]
    return _file(route_only, A)


def _findings_that_say_nothing() -> Files:
    states = (
        "现场未发现施工人员，已建成二层楼房",
        "未见任何审批手续，正在硬化地面",
        "无证采砂",
        "围墙已建成，目前无人施工，一切正常",
    )
    places = ("王家村东500米", "李庄村西", "张湾村南", "王家村北")
    return _file(
        *(found(ON, name, place, state) for name, place, state in zip("甲乙丙丁", places, states, strict=True))
    )


def _mixed_nothing() -> Files:
    text = "李庄村未发现违法；王家村东500米张三正在建房"
    return _file(found(ON, "张三", "王家村东500米", text))


def _joint() -> Files:
    return _file(
        found(ON, "张三、李四（夫妻）", "王家村东500米"), found(ON, "河南省一建、二建联合体", "S102省道1.5公里处")
    )


def _unknown_owner() -> Files:
    return _file(found(ON, "不详", "王家村东500米"), found(ON, "业主不明", "李庄村西"), found(ON, None, "张湾村南"))


def _totals() -> Files:
    rows = [
        A,
        ["本周小计", None, None, None, "1起"],
        found("2026-05-12", "李四", "李庄村西"),
        ["合计", None, None, None, 2, 2],
    ]
    tail = [
        ["备注：本表一式两份"],
        ["填表人：王强", None, "审核人：李敏", None, "填表日期：2026年5月31日"],
        ["单位（盖章）"],
    ]
    return _file(*rows, *tail)


def _count_row() -> Files:
    return _file(A, ["2026年5月", "王强等6人", "全镇", "巡查12次", "发现1起", "制止1起", None, None, None, None])


def _sample_row() -> Files:
    sample = found("2026年1月1日", "XXX", "XX村XX组XX路南", "示例：正在建房")
    other = ["例：2026-01-01", "张某某", "XX路—XX村", "违法占地", "某某公司", "XX村东", "在建", "停工", "停工", "移交"]
    return _file(sample, other, A)


def _column_numbers() -> Files:
    return _file(list(range(1, 11)), A, ["（1）", "（2）", *[None] * 8])


def _units_row() -> Files:
    hints = [
        "年月日",
        "两人以上",
        "起点—终点",
        "七类之一",
        "姓名或单位",
        "村、组、方位",
        "面积、用途、进度",
        None,
        None,
        None,
    ]
    return _file(hints, A)


def _formulas() -> Files:
    return {f"{UNIT}/台账.xlsx": fixture("formulas.xlsx")}


def _formulas_uncached() -> Files:
    return _file(
        A, found("2026-05-06", "=VLOOKUP(1,名单!A:B,2,0)", "李庄村西"), found("=TODAY()-3", "赵六", "张湾村南")
    )


def _error_values() -> Files:
    return _file(A, found("2026-05-06", "#N/A", "李庄村西"), found("#REF!", "赵六", "张湾村南"))


def _injected() -> Files:
    def as_text(worksheet: Worksheet) -> None:
        worksheet["E2"] = '=HYPERLINK("http://example.invalid","张三")'
        worksheet["E2"].data_type = "s"

    return {f"{UNIT}/台账.xlsx": sheet([FIELDS, A], as_text)}


def _personal() -> Files:
    return _file(
        found(ON, "张三 13812345678", "王家村东500米（身份证411023198001011234）"),
        found(ON, "李四，男，身份证号：41102319800101123X，电话0374-1234567", "李庄村西"),
    )


def _full_width() -> Files:
    return _file(
        found("２０２６－０５－０３", "张三　", "王家村东５００米\n"),
        found(" 2026-05-03", "\u200b李四", "李庄村西\u00a0"),
    )


def _traditional_words() -> Files:
    return _file(found(ON, "張三", "王家村東500米"), nothing("2026-05-04", "未發現違法行為"))


def _line_breaks() -> Files:
    return _file(found(ON, "张三", "王家村\n东500米"), found(ON, "青石镇宏达\r\n建材有限公司", "李庄村西"))


def _strikethrough() -> Files:
    def strike(worksheet: Worksheet) -> None:
        for cell in worksheet[3]:
            cell.font = Font(strike=True)
        worksheet["F2"].comment = Comment("经核实在村西", "李敏")

    return {f"{UNIT}/台账.xlsx": sheet([FIELDS, A, found(ON, "李四", "李庄村西")], strike)}


def _same_row_twice() -> Files:
    return _file(A, nothing("2026-05-04"), A)


def _corrected() -> Files:
    later = found(ON, "张三", "王家村东500米", "已拆除复耕")
    return {f"{UNIT}/5月台账.xlsx": xlsx(A), f"{UNIT}/5月台账（更正）.xlsx": xlsx(later, title=[["五月台账（更正）"]])}


def _subjects() -> Files:
    names = ("合计建材有限公司", "吴发现", "未来农业合作社", "小计村委会")
    return _file(*(found(ON, name, f"王家村东{at}00米") for at, name in enumerate(names, 1)))


def _place_in_subject() -> Files:
    head = ["巡查时间", "巡查人员", "违法项目主体或名称及地点", "违法现状"]
    rows = [[ON, "王强", "张三在王家村东500米建房", "正在建房"], [ON, "王强", "李庄村西李四堆砂场", "堆放砂石"]]
    return _file(*rows, head=head)


def _seven_kinds() -> Files:
    kinds = ("建坟", "建窑", "采石", "取土", "堆放固体废弃物")
    return _file(
        *(
            found(ON, name, f"王家村东{at}00米", f"正在{kind}")
            for at, (name, kind) in enumerate(zip("甲乙丙丁戊", kinds, strict=True), 1)
        )
    )


def _many_sheets() -> Files:
    return {
        f"{UNIT}/全年.xlsx": book(
            {
                f"{month}月": [FIELDS, found(f"{month}月3日", name, "王家村东500米")]
                for month, name in zip(range(1, 5), "甲乙丙丁", strict=True)
            }
        )
    }


CASES = (
    Case("several-digits", "1. 2. 3. in subject, place and state", lambda: _numbered(("1.", "2.", "3."), " "), THREE),
    Case("several-circled", "①②③ without blanks", lambda: _numbered("①②③", ""), THREE),
    Case(
        "several-brackets",
        "（1）（2）（3） over line breaks",
        lambda: _numbered(("（1）", "（2）", "（3）"), "\n"),
        THREE,
    ),
    Case("several-chinese", "一、二、三、", lambda: _numbered(("一、", "二、", "三、"), "；"), THREE),
    Case("several-semicolon", "semicolons only", lambda: _numbered(("", "", ""), "；"), THREE),
    Case("several-lines", "one line each, no marks", lambda: _numbered(("", "", ""), "\n"), THREE),
    Case(
        "several-firstly",
        "one sentence: 一是…；二是…",
        lambda: _narrative("一是张三在王家村东500米建房；二是李四在李庄村西堆砂"),
        (ZHANG, LI),
    ),
    Case(
        "several-narrative",
        "（1）（2） in the state column only",
        lambda: _narrative("（1）张三在王家村东500米建房；（2）李四在李庄村西堆砂。"),
        (ZHANG, LI),
    ),
    Case(
        "several-joint",
        "two names for one place is one finding; a decimal is no list mark",
        _joint,
        (
            Finding(ON, ("张三、李四(夫妻)", "张三、李四"), "王家村东500米"),
            Finding(ON, "河南省一建、二建联合体", "S102省道1.5公里处"),
        ),
    ),
    *(
        Case(
            f"ditto-{name}",
            f"{mark} for day, crew, route, state and place",
            lambda mark=mark: _ditto(mark),
            (ZHANG, LI, Finding("2026-05-06", "赵六", "李庄村西")),
            never=(mark,),
        )
        for name, mark in (("same", "同上"), ("mark", "〃"), ("prime", "″"), ("quotes", '"'), ("arrow", "↑"))
    ),
    Case("nothing-phrases", "ten phrases of a patrol without finding", _nothing_phrases, effort=10),
    Case(
        "nothing-columns",
        "the phrase in the subject, place or project column, or in all",
        _nothing_in_subject,
        effort=5,
    ),
    Case(
        "nothing-blank",
        "day, crew and route, the rest left blank: a patrol, its finding not stated",
        _blank_findings,
        (ZHANG,),
        effort=1,
    ),
    Case(
        "nothing-like",
        "findings whose words sound like nothing found",
        _findings_that_say_nothing,
        (
            Finding(ON, "甲", "王家村东500米"),
            Finding(ON, "乙", "李庄村西"),
            Finding(ON, "丙", "张湾村南"),
            Finding(ON, "丁", "王家村北"),
        ),
    ),
    Case("nothing-mixed", "one village without, one with a finding in one cell", _mixed_nothing, (ZHANG,)),
    Case(
        "cell-owner-unknown",
        "不详, 业主不明 and a blank are findings with an unknown owner",
        _unknown_owner,
        (
            Finding(ON, (None, "不详"), "王家村东500米"),
            Finding(ON, (None, "业主不明"), "李庄村西"),  # type: ignore[arg-type]
            Finding(ON, None, "张湾村南"),
        ),
    ),
    Case(
        "cell-foot-totals",
        "subtotal, total, remark, signatures and seal",
        _totals,
        (ZHANG, Finding("2026-05-12", "李四", "李庄村西")),
        never=("起", "计", "填表"),
    ),
    Case("cell-foot-count", "a closing row that counts the month", _count_row, (ZHANG,), never=("发现1起", "制止1起")),
    Case("cell-sample-rows", "two example rows left in the form", _sample_row, (ZHANG,), never=("XX", "某")),
    Case("cell-column-numbers", "a row of column numbers below the heading and at the foot", _column_numbers, (ZHANG,)),
    Case("cell-hint-row", "a row of hints below the heading", _units_row, (ZHANG,), never=("姓名",)),
    Case("cell-formula-cached", "formulas with stored values", _formulas, (ZHANG,), never=("=",)),
    Case(
        "cell-formula-uncached",
        "formulas without stored values: the cell is unknown, never the formula's text",
        _formulas_uncached,
        (ZHANG, Finding("2026-05-06", None, "李庄村西"), Finding(None, "赵六", "张湾村南")),
        rows=("date",),
        files={f"{UNIT}/台账.xlsx": "unsaved"},
        never=("=", "VLOOKUP"),
    ),
    Case(
        "cell-formula-errors",
        "#N/A and #REF! as values",
        _error_values,
        (ZHANG, Finding("2026-05-06", None, "李庄村西"), Finding(None, "赵六", "张湾村南")),
        rows=("date",),
        never=("#",),
    ),
    Case(
        "cell-formula-as-text",
        "a text that begins with =",
        _injected,
        (Finding(ON, ("张三", '=HYPERLINK("http://example.invalid","张三")'), "王家村东500米"),),
    ),
    Case(
        "cell-personal",
        "phones and identity numbers inside subject and place",
        _personal,
        (ZHANG, Finding(ON, ("李四", "李四,男"), "李庄村西")),
        never=("138", "4110", "0374"),
    ),
    Case(
        "cell-full-width",
        "full-width digits, ideographic blanks, a zero-width and a no-break space",
        _full_width,
        (ZHANG, LI),
    ),
    Case(
        "cell-traditional",
        "traditional characters in the cells",
        _traditional_words,
        (Finding(ON, ("張三", "张三"), ("王家村東500米", "王家村东500米")),),
        effort=1,
    ),
    Case(
        "cell-line-breaks",
        "a name and a place wrapped by hand",
        _line_breaks,
        (ZHANG, Finding(ON, "青石镇宏达建材有限公司", "李庄村西")),
    ),
    Case(
        "cell-struck-out", "a struck-out row and a comment on a cell: still written, kept", _strikethrough, (ZHANG, LI)
    ),
    Case(
        "cell-same-row-twice",
        "the same row typed twice counts once",
        _same_row_twice,
        (ZHANG,),
        effort=1,
        rows=("copy",),
    ),
    Case(
        "cell-corrected",
        "a later file marked 更正 says another state: one finding, the earlier kept",
        _corrected,
        (ZHANG,),
        rows=("superseded",),
    ),
    Case(
        "cell-subject-traps",
        "names that look like totals or phrases",
        _subjects,
        tuple(
            Finding(ON, name, f"王家村东{at}00米")
            for at, name in enumerate(("合计建材有限公司", "吴发现", "未来农业合作社", "小计村委会"), 1)
        ),
    ),
    Case(
        "cell-place-in-subject",
        "subject and place share one column",
        _place_in_subject,
        (
            Finding(ON, ("张三", "张三在王家村东500米建房"), ("王家村东500米", "张三在王家村东500米建房")),
            Finding(ON, ("李四", "李庄村西李四堆砂场", "李四堆砂场"), ("李庄村西", "李庄村西李四堆砂场")),
        ),
    ),
    Case(
        "cell-kinds",
        "five short states",
        _seven_kinds,
        tuple(Finding(ON, name, f"王家村东{at}00米") for at, name in enumerate("甲乙丙丁戊", 1)),
    ),
    Case(
        "cell-year-book",
        "a sheet per month, years nowhere",
        _many_sheets,
        tuple(
            Finding(f"2026-{month:02d}-03", name, "王家村东500米")
            for month, name in zip(range(1, 5), "甲乙丙丁", strict=True)
        ),
    ),
)
