"""The draft of a year's patrol plan: a workbook in ``units/plans`` for people to edit, never read as a plan itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import InputError
from pipeline.patrol.plan_draft import draft_plan
from pipeline.patrol.responsibility import answerable_for
from pipeline.report.sheets import Sheet
from pipeline.schema import PLAN_FORM
from pipeline.sinks.workbook import workbook_bytes
from pipeline.sources.plan_files import DRAFT, FOLDER
from pipeline.sources.units import read_units
from pipeline.store import write_bytes

NOTE = (
    f"草案：按年初责任分工和上年计划自动生成，请修改核定；核定后另存并去掉文件名中的“{DRAFT}”即生效，"
    "版本以生效日期为准。责任区域填网格编号，用“、”分隔；巡查频率如：每周1次、每月2次。"
)


def write_draft(city: Path, config: Config, year: int) -> Path:
    """Write the draft for ``year`` and give its path; raises InputError E405 where the file exists already."""
    path = city / "units" / FOLDER / f"{year}年巡查计划（{DRAFT}）.xlsx"
    if path.exists():
        raise InputError("E405", f"{path} exists already", "people may have edited it: rename or remove it first")
    book = read_units(city, config.city.crs)
    duty = answerable_for(
        book.cells, book.units, book.people, book.responsibility, book.delegations, day=date(year, 1, 1)
    ).cells
    rows = draft_plan(duty, book.units, book.people, book.plan, year=year)
    shown = rows.rename(columns=PLAN_FORM.labels())
    title = f"{config.city.name} {year}年动态巡查计划（{DRAFT}）"
    sheet = Sheet(
        "巡查计划",
        shown,
        title=title,
        note=NOTE,
        fillable=tuple(shown.columns),
        widths={"责任区域": 60, "责任内容": 30, "巡查路线": 30},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, workbook_bytes((sheet,), day=date(year, 1, 1), title=title))
    return path
