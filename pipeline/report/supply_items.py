"""The supplied land that a unit's patrols should look at, as a sheet of its package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pipeline.report.package import Package
from pipeline.report.sheets import Sheet, named
from pipeline.report.tables import MonthTables

SHEET = "供地巡查项"
NOTE = "从签订合同或下发决定书到竣工期间的供地，计时未完的自动列入；疑似情况须现场核实，结果记入 records/supply_events.csv。"


def with_supply_items(packages: Sequence[Package], month: MonthTables) -> tuple[Package, ...]:
    """The packages, those of units that act for supplied land with its sheet; people of other units are not named."""
    own_people = dict(zip(month.people["person_id"], month.people["unit_id"], strict=True))
    names = month.person_names()
    made = []
    for package in packages:
        acting = month.supply_items["acting_unit_id"]
        mine = month.supply_items[(acting.isna() if package.unit_id is None else acting == package.unit_id).to_numpy()]
        if len(mine):
            sheet = _sheet(mine, package, month, {p: names[p] for p in names if own_people.get(p) == package.unit_id})
            package = replace(package, sheets=(*package.sheets, sheet), counts={**package.counts, "supply": len(mine)})
        made.append(package)
    return tuple(made)


def _sheet(items: pd.DataFrame, package: Package, month: MonthTables, names: dict[Any, Any]) -> Sheet:
    people = items["person_id"].where(items["person_id"].isin(sorted(names)))
    frame = pd.DataFrame(
        {
            "电子监管号": items["supply_id"],
            "项目名称": items["project"],
            "网格编号": items["cell_id"],
            "责任人": named(people, names),
            "巡查内容": items["look_at"],
            "计时": items["clock"],
            "下一时限": items["next_day"],
            "核查日期": "",
            "核查情况": "",
        }
    ).reset_index(drop=True)
    return Sheet(
        name=SHEET,
        frame=frame,
        title=f"{month.city_name} {month.period} {SHEET}（{package.name}）",
        note=NOTE,
        fillable=("核查日期", "核查情况"),
        widths={"巡查内容": 44, "计时": 36, "核查情况": 30},
    )
