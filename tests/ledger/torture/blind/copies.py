"""Blind set: files sent twice, corrected, under two units, or of somewhere else."""

from __future__ import annotations

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import OTHER_UNIT, UNIT, Case, Finding
from tests.ledger.torture.kit import Row, book, csv

D3 = "2026-05-03"
LI = "李庄村南"
ONE = Finding(D3, "张三", "王家村东200米")


def _of_the_month(*rows: Row, title: str = "青石镇2026年5月巡查台账", head: Row = SHORT) -> bytes:
    return book({"台账": [[title], list(head), *rows]})


CASES = (
    Case(
        "blind-words-correction-file",
        "the month sent again with one row changed",
        lambda: {
            f"{UNIT}/5月台账.xlsx": _of_the_month(
                [D3, "王强", "张三", "王家村东200米", "打地基"], ["2026-05-06", "王强", "李四", LI, "挖沙"]
            ),
            f"{UNIT}/5月台账（更正）.xlsx": _of_the_month(
                [D3, "王强", "张三", "王家村东200米", "已砌至二层"], ["2026-05-06", "王强", "李四", LI, "挖沙"]
            ),
        },
        (ONE,) + (Finding("2026-05-06", "李四", LI),),
        rows=("superseded",),
        files={f"{UNIT}/5月台账（更正）.xlsx": "copy"},
    ),
    Case(
        "blind-words-same-file-twice",
        "one file under two names",
        lambda: dict.fromkeys(
            (f"{UNIT}/5月台账.xlsx", f"{UNIT}/5月台账 - 副本.xlsx"),
            _of_the_month([D3, "王强", "张三", "王家村东200米", "建房"]),
        ),
        (ONE,),
        files={f"{UNIT}/5月台账 - 副本.xlsx": "copy"},
    ),
    Case(
        "blind-words-csv-beside-xlsx",
        "the same rows as a workbook and as text",
        lambda: {
            f"{UNIT}/5月台账.xlsx": book({"台账": [list(SHORT), [D3, "王强", "张三", "王家村东200米", "建房"]]}),
            f"{UNIT}/5月台账.csv": csv([D3, "王强", "张三", "王家村东200米", "建房"], encoding="gbk", head=SHORT),
        },
        (ONE,),
        rows=("copy",),
    ),
    Case(
        "blind-words-two-units",
        "one file under two units, its title says whose",
        lambda: dict.fromkeys(
            (f"{UNIT}/5月.xlsx", f"{OTHER_UNIT}/5月.xlsx"), _of_the_month([D3, "王强", "张三", "王家村东200米", "建房"])
        ),
        (ONE,),
        files={f"{OTHER_UNIT}/5月.xlsx": "copy"},
    ),
    Case(
        "blind-words-neighbour",
        "a neighbour's ledger in the unit's folder",
        lambda: {
            f"{UNIT}/柳河镇5月.xlsx": _of_the_month(
                [D3, "王强", "张三", "张湾村东", "建房"], title="柳河镇2026年5月巡查台账"
            )
        },
        (Finding(D3, "张三", "张湾村东"),),
        files={f"{UNIT}/柳河镇5月.xlsx": "elsewhere"},
    ),
    Case(
        "blind-words-other-city",
        "another city's ledger, by its coordinates",
        lambda: sent(
            book(
                {
                    "台账": [["平原市城关镇2026年5月台账"], [*SHORT, "坐标"]]
                    + [
                        [f"2026-05-{at:02d}", "钱一", f"某{at}", f"东关村{at}组", "建房", f"116.{at}1234,39.{at}5678"]
                        for at in range(10, 14)
                    ]
                }
            )
        ),
        tuple(Finding(f"2026-05-{at:02d}", f"某{at}", f"东关村{at}组") for at in range(10, 14)),
        rows=("position",) * 4,
        files={f"{UNIT}/5月台账.xlsx": "elsewhere"},
    ),
)
