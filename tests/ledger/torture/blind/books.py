"""Blind set: several sheets, turned tables, copied rows, columns beside the ten fields."""

from __future__ import annotations

from openpyxl import Workbook

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.blind.sheets import EIGHTH, FOUND, LI, NONE, ZHANG
from tests.ledger.torture.case import UNIT, Case, Finding
from tests.ledger.torture.kit import book, found, nothing, sheet, xlsx


def _hidden_lists(workbook: Workbook) -> None:
    workbook["选项"].sheet_state = "hidden"
    workbook["示例"].sheet_state = "veryHidden"


TURNED = [
    ["青石镇违法用地巡查情况", None, None],
    ["序号", "1", "2"],
    ["巡查时间", "2026年5月3日", "2026年5月6日"],
    ["巡查人员", "王强、李敏", "王强"],
    ["违法项目主体或名称", "张三", "李四"],
    ["违法地点", "王家村东200米", "李庄村南"],
    ["违法现状", "正在建房", "挖沙取土"],
    ["制止措施", "责令停工", "责令停工"],
]

CASES = (
    Case(
        "blind-sheet-merged-subject",
        "one subject merged over two places, day and people merged over three rows",
        lambda: sent(
            book(
                {
                    "台账": [
                        list(SHORT),
                        ZHANG,
                        [None, None, None, "王家村西头", "堆放砂石"],
                        [None, None, *LI[2:]],
                        NONE,
                    ]
                },
                merge=("A2:A4", "B2:B4", "C2:C3"),
            )
        ),
        (
            Finding("2026-05-03", "张三", "王家村东200米"),
            Finding("2026-05-03", "张三", "王家村西头"),
            Finding("2026-05-03", "李四", "李庄村南"),
        ),
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-continued-text",
        "a long text carried on in the next row",
        lambda: sent(
            book(
                {
                    "台账": [
                        list(SHORT),
                        ZHANG[:4] + ["占用耕地约两亩，"],
                        [None, None, None, None, "已砌墙一米高，未停工"],
                        NONE,
                    ]
                }
            )
        ),
        (FOUND[0],),
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-turned",
        "fields down, findings across",
        lambda: sent(book({"台账": TURNED}), "2026年5月台账.xlsx"),
        FOUND,
    ),
    Case(
        "blind-sheet-months",
        "a sheet a month, days without month, year in the title",
        lambda: sent(
            book(
                {
                    "4月": [["2026年4月巡查台账"], list(SHORT), ["29日", *NONE[1:]]],
                    "5月": [
                        ["2026年5月巡查台账"],
                        list(SHORT),
                        ["3日", *ZHANG[1:]],
                        ["6日", *LI[1:]],
                        ["8日", *NONE[1:]],
                    ],
                }
            ),
            "2026年台账.xlsx",
        ),
        FOUND,
        effort=2,
        days=("2026-04-29", "2026-05-08"),
    ),
    Case(
        "blind-sheet-months-names-only",
        "month only in the sheet's name, year only in the file's",
        lambda: sent(
            book(
                {"5月": [list(SHORT), ["3日", *ZHANG[1:]], ["6日", *LI[1:]], ["8日", *NONE[1:]]], "6月": [list(SHORT)]}
            ),
            "青石镇2026年台账.xlsx",
        ),
        FOUND,
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-by-village",
        "a sheet a village, the same heading",
        lambda: sent(book({"王家村": [list(SHORT), ZHANG], "李庄村": [list(SHORT), LI, NONE]})),
        FOUND,
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-hidden-lists",
        "hidden sheets of choices and of an example",
        lambda: sent(
            book(
                {
                    "台账": [list(SHORT), ZHANG, LI, NONE],
                    "选项": [["违法占地"], ["违法采矿"]],
                    "示例": [
                        ["示例（请勿删除）"],
                        list(SHORT),
                        ["例：2026年5月1日", "某某", "某公司", "某村东", "建厂房"],
                    ],
                },
                _hidden_lists,
            )
        ),
        FOUND,
        effort=1,
        days=EIGHTH,
        never=("某公司",),
        asides=True,
    ),
    Case(
        "blind-sheet-example-row",
        "the county template's example left in its first row",
        lambda: sent(
            book(
                {
                    "台账": [
                        list(SHORT),
                        ["（示例）2026年5月1日", "赵某", "某公司", "某镇某村", "建厂房"],
                        ZHANG,
                        LI,
                        NONE,
                    ]
                }
            )
        ),
        FOUND,
        effort=1,
        days=EIGHTH,
        never=("某公司",),
    ),
    Case(
        "blind-sheet-no-heading",
        "ten columns without any heading",
        lambda: sent(xlsx(found("2026年5月3日", "张三", "王家村东200米"), head=None)),
        files={f"{UNIT}/5月台账.xlsx": "not_a_ledger"},
    ),
    Case(
        "blind-sheet-only-heading",
        "a heading and no rows",
        lambda: sent(xlsx()),
        files={f"{UNIT}/5月台账.xlsx": "nothing_in_it"},
    ),
    Case(
        "blind-sheet-zero-month",
        "a month's report that says 零报告 below the heading",
        lambda: sent(xlsx(["2026年5月", "王强", "全镇", "日常巡查", "零报告"], title=[["青石镇2026年5月巡查台账"]])),
        effort=1,
        days=("2026-05-01/2026-05-31",),
    ),
    Case(
        "blind-sheet-same-row-twice",
        "a row pasted twice",
        lambda: sent(book({"台账": [list(SHORT), ZHANG, ZHANG, LI, NONE]})),
        FOUND,
        effort=1,
        days=EIGHTH,
        rows=("copy",),
    ),
    Case(
        "blind-sheet-sum-sheet",
        "a sheet of sums before the ledger",
        lambda: sent(
            book(
                {
                    "汇总": [
                        ["青石镇5月巡查汇总"],
                        ["村", "巡查次数", "发现违法数"],
                        ["王家村", 4, 1],
                        ["李庄村", 5, 1],
                        ["合计", 9, 2],
                    ],
                    "明细": [list(SHORT), ZHANG, LI, NONE],
                }
            )
        ),
        FOUND,
        effort=1,
        days=EIGHTH,
        asides=True,
    ),
    Case(
        "blind-sheet-target-columns",
        "target ids with stray blanks and full width, areas under a heading with a unit",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["监测编号", *SHORT, "面积（亩）"],
                        [" 410221XC2605 0012 ", *ZHANG, 1.5],
                        ["４１０２２１ＸＣ２６０５００１３", *LI, "2亩"],
                        [None, *NONE, None],
                    ]
                }
            )
        ),
        (
            Finding("2026-05-03", "张三", "王家村东200米", area_m2=1000, target="410221XC26050012"),
            Finding("2026-05-06", "李四", "李庄村南", area_m2=1333.3, target="410221XC26050013"),
        ),
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-repeated-coordinate-heading",
        "two columns under one merged 坐标",
        lambda: sent(
            book(
                {
                    "台账": [
                        [*SHORT, "坐标", None],
                        [None] * 5 + ["经度", "纬度"],
                        [*ZHANG, 114.48123, 34.51236],
                        [*LI, "114.49321", "34.50512"],
                        NONE,
                    ]
                },
                merge=("F1:G1", "A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:E2"),
            )
        ),
        (
            Finding("2026-05-03", "张三", "王家村东200米", (114.48123, 34.51236)),
            Finding("2026-05-06", "李四", "李庄村南", (114.49321, 34.50512)),
        ),
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-whole-form",
        "all ten fields, one row wholly of slashes",
        lambda: sent(xlsx(found("2026年5月3日", "张三", "王家村东200米"), ["/"] * 10, nothing("2026年5月8日"))),
        (FOUND[0],),
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-sheet-picture-only",
        "a photograph of the paper ledger inside an empty workbook",
        lambda: sent(sheet([[]], lambda _: None)),
        files={f"{UNIT}/5月台账.xlsx": "nothing_in_it"},
    ),
)
