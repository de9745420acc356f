from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from pipeline.sources.units import check_units, read_units, unit_files
from tests.sources.folders import CRS, write_units

HEAD = [
    "单位",
    "责任区域",
    "责任人员",
    "责任内容",
    "巡查路线",
    "巡查时段",
    "巡查频率",
    "起始日期",
    "截止日期",
    "生效日期",
]
GOOD = ["东关镇", "G1、G2", "张三", "发现、制止、报告", "东线", "上午", "每月2次", "2026-01-01", "2026-03-31", None]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    write_units(tmp_path / "市")
    (tmp_path / "市" / "units" / "plans").mkdir()
    return tmp_path / "市"


def book(city: Path, name: str, *rows: list[object], title: bool = True) -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    if title:
        sheet.append(["东关镇2026年动态巡查计划"])
    for row in (HEAD, *rows):
        sheet.append(row)
    made.save(city / "units" / "plans" / name)


def test_a_delivered_workbook_becomes_what_was_due(city: Path) -> None:
    book(city, "东关镇2026.xlsx", GOOD)
    assert check_units(city, CRS) == []
    plan = read_units(city, CRS).plan
    mine = plan[plan["version"].notna()]
    assert len(mine) == 6 and set(mine["cell_id"]) == {"G1", "G2"}
    assert set(mine["visits_required"]) == {2} and set(mine["person_id"]) == {"P1"}
    assert mine["due_from"].dt.month.tolist() == [1, 1, 2, 2, 3, 3]
    assert mine.iloc[0][["route", "hours", "frequency", "duty"]].tolist() == [
        "东线",
        "上午",
        "每月2次",
        "发现、制止、报告",
    ]
    assert plan["plan_id"].is_unique and len(plan) == 7
    assert unit_files(city)[-1].name == "东关镇2026.xlsx"


def test_a_csv_serves_as_well_and_the_old_table_may_be_absent(city: Path) -> None:
    lines = [",".join(HEAD), "U1,G1,P1,发现,,,每周1次,2026-10-01,2026-10-31,"]
    (city / "units" / "plans" / "十月.csv").write_bytes("\r\n".join(lines).encode("gb18030"))
    (city / "units" / "plan.csv").unlink()
    plan = read_units(city, CRS).plan
    assert plan["due_from"].dt.day.tolist() == [1, 8, 15, 22]


def test_drafts_are_never_read(city: Path) -> None:
    book(city, "2027年巡查计划（草案）.xlsx", GOOD)
    assert len(read_units(city, CRS).plan) == 1


@pytest.mark.parametrize(
    ("column", "value", "code", "said"),
    [
        (0, "西关镇", "E402", "units/plans/甲.xlsx, row 3, 单位: '西关镇' is unknown"),
        (1, "G1、G9", "E402", "units/plans/甲.xlsx, row 3, 责任区域: 'G9' is unknown"),
        (2, "王麻子", "E402", "units/plans/甲.xlsx, row 3, 责任人员: '王麻子' is unknown"),
        (6, "经常", "E405", "units/plans/甲.xlsx, row 3, 巡查频率: '经常' is not understood"),
        (1, None, "E405", "units/plans/甲.xlsx, row 3, 责任区域 is empty"),
        (8, "2025-12-31", "E405", "units/plans/甲.xlsx, row 3: 截止日期 is before 起始日期"),
        (7, None, "E405", "units/plans/甲.xlsx, row 3, 起始日期 is empty"),
    ],
)
def test_a_row_that_cannot_be_a_plan_is_refused_with_file_and_row(
    city: Path, column: int, value: object, code: str, said: str
) -> None:
    book(city, "甲.xlsx", [value if number == column else cell for number, cell in enumerate(GOOD)])
    problems = check_units(city, CRS)
    assert [problem.code for problem in problems] == [code] and said in str(problems[0])


def test_two_plans_of_one_unit_from_one_day_are_refused(city: Path) -> None:
    book(city, "甲.xlsx", GOOD)
    book(city, "乙.xlsx", GOOD)
    problems = check_units(city, CRS)
    assert [problem.code for problem in problems] == ["E407"]
    assert "U1 has several plans in force from 2026-01-01: units/plans/乙.xlsx、units/plans/甲.xlsx" in str(problems[0])


def test_what_the_three_fixings_lack_is_listed(city: Path) -> None:
    book(city, "甲.xlsx", [*GOOD[:2], None, None, *GOOD[4:6], "每年1次", *GOOD[7:]])
    listed = read_units(city, CRS).repairs
    assert listed["rule"].value_counts().to_dict() == {
        "plan_without_person": 2, "plan_without_duty": 2, "plan_never_due": 2,
    }  # fmt: skip
    assert "units/plans/甲.xlsx第3行没有责任人员" in set(listed["problem"])


def test_a_workbook_without_the_headings_is_refused(city: Path) -> None:
    made = openpyxl.Workbook()
    made.active.append(["随便", "什么"])
    made.save(city / "units" / "plans" / "甲.xlsx")
    assert [problem.code for problem in check_units(city, CRS)] == ["E401"]
