"""Twelve drawn months: A is stopped, resumes, is demolished and recultivated; B is approved late; parcel C idles.

Of the supplied land D idles past two years, E past one and then begins, F is held up and never late. The two clocks of
a parcel run out a year apart and the judgement days of twelve months lie eleven months apart, so that no parcel can
show both arrive: D's first year was full before the run, E's fills within it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.life.year import CROP, EARTH, ROOF, STUBBLE, Month, Year, approved, ground, make_city, seen, supplied

A, B = "419981XC26010001", "419981XC26020001"
A_FIRST, A_GROWN = ground(200, 400, 40), ground(200, 400, 80, 40)
B_FIRST, B_GROWN = ground(1200, 400, 60, 50), ground(1200, 400, 90, 50)
C_LAND = ground(3000, 300, 100)
DOCUMENT = "示政土〔2026〕8号"
APPROVED = [
    approved("B", DOCUMENT, "2026-06-15", ground(1190, 390, 120, 80)),
    approved("C", "示政土〔2024〕1号", "2024-01-05", C_LAND),
    approved("DEF", "示政土〔2023〕5号", "2023-05-05", ground(2200, 200, 900, 100)),
]
D, E, F = "4199812023B00001", "4199812024B00002", "4199812025B00003"
D_LAND, E_LAND, F_LAND = ground(2200, 200, 100), ground(2600, 200, 100), ground(3000, 200, 100)
E_BUILT = ground(2610, 210, 80)
SUPPLIED = [
    supplied(D, "织布厂", "2023-06-30", "2024-06-30", "2026-12-31", D_LAND),
    supplied(E, "冷库", "2024-12-20", "2025-03-31", "2028-03-31", E_LAND),
    supplied(F, "养老院", "2025-06-01", "2025-12-31", "2028-12-31", F_LAND),
]


def entry(name: str, target: str, day: str, **texts: str) -> dict[str, Any]:
    return {"entry_id": name, "target_id": target, "discovered_on": day, **texts}


def months() -> list[Month]:
    """January to December 2026."""
    notice = "责令停止违法行为通知书"
    b_built = (B_FIRST, ROOF)
    b_grown = (B_GROWN, ROOF)
    return [
        Month("2026-01", "2026-01-25", [(A_FIRST, EARTH)],
              [seen(A_FIRST, "s2-1", "2025-12-20", "2026-01-25")], "2026-02-02",
              [("field_checks", (A, "2026-02-05", "violation", "P1")),
               ("notices", (A, notice, "A-1", "2026-02-06", "2026-02-07")),
               ("supply_events", (D, "交地", "2023-08-31")),
               ("supply_events", (D, "政府原因", "2025-03-01", "2025-04-29", "示政函〔2025〕3号")),
               *(("supply_events", (one, "现场核实未动工", "2026-01-08")) for one in (D, E, F))]),
        Month("2026-02", "2026-02-24", [(A_FIRST, EARTH), b_built],
              [seen(B_FIRST, "s2-1", "2026-01-25", "2026-02-24", "structure")], "2026-03-02",
              [("field_checks", (B, "2026-03-06", "violation", "P1")),
               ("notices", (B, notice, "B-1", "2026-03-08", "2026-03-10")),
               ("supply_events", (E, "政府原因", "2026-02-10", "2026-03-11", "示政函〔2026〕2号"))],
              [entry("E1", A, "2026-02-20", effect="当事人已停工", status="推填土")]),
        Month("2026-03", "2026-03-26", [(A_FIRST, EARTH), b_built]),
        Month("2026-04", "2026-04-25", [(A_GROWN, ROOF), b_built],
              [seen(A_GROWN, "s2-1", "2026-03-26", "2026-04-25", "structure")], None,
              [("decisions", (A, None, "拒不停止", "2026-05-03")),
               ("referrals", (A, "2026-05-05", "市自然资源局"))]),
        Month("2026-05", "2026-05-24", [(A_GROWN, ROOF), b_built]),
        Month("2026-06", "2026-06-24", [(A_GROWN, ROOF), b_built], [], None,
              [("approvals", (B, "2026-06-15", DOCUMENT, 9600.0))],
              [entry("E2", A, "2026-06-10", effect="已自行拆除", follow_up="拟复耕")]),
        Month("2026-07", "2026-07-25", [(A_GROWN, EARTH), b_grown],
              [seen(B_GROWN, "s2-1", "2026-06-24", "2026-07-25", "roofed")], None,
              [("decisions", (B, None, "销案", "2026-08-03")),
               ("supply_events", (D, "不可抗力", "2026-07-05", "2026-07-24", None, "洪水"))]),
        Month("2026-08", "2026-08-24", [(A_GROWN, EARTH), b_grown]),
        Month("2026-09", "2026-09-25", [(A_GROWN, CROP), b_grown], [], None,
              [("field_checks", (A, "2026-10-08", "violation", "P1", "已复耕")),
               ("decisions", (A, None, "整改到位", "2026-10-08")), ("decisions", (A, None, "销案", "2026-10-09")),
               ("supply_events", (E, "施工许可", "2026-08-20", None, "施2026-17")),
               ("supply_events", (E, "动工", "2026-09-05"))]),
        Month("2026-10", "2026-10-24", [(A_GROWN, CROP), b_grown, (E_BUILT, ROOF)],
              [seen(E_BUILT, "s2-1", "2026-09-25", "2026-10-24", "structure")], None,
              [("supply_events", (D, "现场核实未动工", "2026-11-03"))]),
        Month("2026-11", "2026-11-23", [(A_GROWN, STUBBLE), b_grown, (E_BUILT, ROOF)], [], None,
              [("supply_events", (F, "政府原因", "2026-11-20", None, "示政函〔2026〕9号"))]),
        Month("2026-12", "2026-12-22", [(A_GROWN, STUBBLE), b_grown, (E_BUILT, ROOF)]),
    ]  # fmt: skip


def run_year(city: Path) -> tuple[Year, list[Any]]:
    """All twelve months in a new city folder."""
    year = Year(make_city(city, APPROVED, SUPPLIED))
    return year, [year.run(month) for month in months()]


def histories(year: Year, context: Any) -> list[str]:
    """The histories as a clerk reads them, a line per row, in the order of days."""
    from pipeline.schema import CASE_HISTORY
    from pipeline.values import CaseState, HistorySource

    states = {state.value: state.label for state in CaseState}
    sources = {source.value: source.label for source in HistorySource}
    table = year.table(context, "supervise", CASE_HISTORY).sort_values(["target_id", "day", "number"])
    return [
        f"{row['target_id']} {row['day']:%Y-%m-%d} 【{states[row['state']]}】{sources[row['source']]}：{row['event']}"
        for row in table.to_dict("records")
    ]


def supply_histories(year: Year, context: Any) -> list[str]:
    """The histories of the supplied land, a line per row, in the order of days."""
    from pipeline.schema import SUPPLY_HISTORY
    from pipeline.values import HistorySource, SupplyStart

    states = {state.value: state.label for state in SupplyStart}
    sources = {source.value: source.label for source in HistorySource}
    table = year.table(context, "supervise", SUPPLY_HISTORY).sort_values(["supply_id", "day", "number"])
    return [
        f"{row['supply_id']} {row['day']:%Y-%m-%d} 【{states[row['state']]}】{sources[row['source']]}：{row['event']}"
        f"（{row['recorded_in']}期）"
        for row in table.to_dict("records")
    ]
