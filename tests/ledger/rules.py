"""The rules in force and small sheets, for the tests of this room."""

from datetime import date

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.entries import LedgerRead, read_ledgers
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.ledger_rules import ledger_field_rules

AS_OF = date(2026, 10, 31)
RULES = ledger_field_rules(AS_OF)
TEN = (
    "巡查时间",
    "巡查人员",
    "巡查路线",
    "巡查项目",
    "违法项目主体或名称",
    "违法地点",
    "违法现状",
    "制止措施",
    "制止效果",
    "后续处理",
)
FOUND = ("张三", "王庄村", "违法占地", "赵六", "王庄村东500米", "推填土", "已制止", "停工", "跟踪")
NOTHING = ("张三", "王庄村", "日常巡查", "无", "无", "未发现违法行为", "/", "/", "/")


def row(day: CellValue, *rest: CellValue) -> tuple[CellValue, ...]:
    return (day, *rest) if rest else (day, *FOUND)


def sheet(
    *rows: tuple[CellValue, ...],
    unit: str = "U1",
    file: str = "ledgers/王庄镇/台账.xlsx",
    name: str = "Sheet1",
    merged: tuple[tuple[int, int, int, int], ...] = (),
    heading: tuple[CellValue, ...] = TEN,
) -> RawSheet:
    return RawSheet(unit, file, name, (heading, *rows), merged=merged)


def read(*sheets: RawSheet, as_of: date = AS_OF) -> LedgerRead:
    return read_ledgers(sheets, RULES, as_of=as_of, oldest_years=10, latest_days=400)
