"""The correction form (台账补正表) that goes back to a unit: what was repaired, what to mend, its rows as understood.

The unit mends its rows in the form's ledger sheet and sends it with its next ledgers: a row states the entry it
corrects, so the later one replaces the earlier; the other sheets are known by their titles and read as nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from pipeline.report.package import LEDGER_FIELDS
from pipeline.report.sheets import Sheet, number_formats, readable
from pipeline.report.statistics import NOTHING_TO_MEND
from pipeline.schema import LEDGER_FILES, REJECTED, REPAIRS, Table

FORM_NAME = "台账补正表.xlsx"
ORIGINAL_ID = "原条目编号"
# a blank day would be read as the day of the row above
NO_DAY = "日期不明"
_FIELDS = ("discovered_on", "people", "route", "project", "subject", "place", "status", "measures", "effect",
           "follow_up")  # fmt: skip
_MEND_ANSWERS, _REPAIR_ANSWERS = ("补正为", "补正说明"), ("修正是否正确", "应为")
_FILE_COLUMNS_LEFT_OUT = ("unit_id", "sha256", "size_bytes", "code", "reason")
_WIDE = {"原内容": 44, "理由": 44, "原值": 28, "改后": 28, "文件": 30, "需核对": 40, "补正为": 24, "补正说明": 20}


def correction_sheets(
    *,
    unit_id: str,
    unit_name: str,
    city_name: str,
    entries: pd.DataFrame,
    repairs: pd.DataFrame,
    rejected: pd.DataFrame,
    files: pd.DataFrame,
    since: date,
) -> tuple[Sheet, ...]:
    """The form's sheets for one unit; none where it sent no ledger or nothing is left to say.

    Tables follow ENTRIES, REPAIRS, REJECTED and LEDGER_FILES and may hold other units' rows, which never enter. Rows
    of entries discovered since ``since``, or without a day, are listed, and everything that gave no entry at all.
    """
    own_files = files[files["unit_id"].eq(unit_id).fillna(False)]
    if not len(own_files):
        return ()
    names = set(own_files["file"])
    mine = entries[entries["unit_id"] == unit_id]
    old = mine[mine["discovered_on"] < pd.Timestamp(since)]
    mine = mine.drop(old.index).sort_values(["file", "sheet", "row", "item"], kind="stable")
    settled = set(zip(old["file"], old["sheet"], old["row"], strict=True))
    refused = rejected[rejected["file"].isin(names)]
    asked = refused[~refused["code"].isin(NOTHING_TO_MEND)]
    lost, repaired = (_open_rows(table, settled) for table in (asked, repairs[repairs["file"].isin(names)]))
    if not len(mine) and not len(lost) and not len(repaired):
        return ()
    about = f"{city_name} {unit_name}"
    return (
        _mend_sheet(lost, about, free=len(refused) - len(asked), earlier=len(asked) - len(lost)),
        _ledger_sheet(mine, about),
        _repair_sheet(repaired, about),
        _file_sheet(own_files, about),
    )


def _open_rows(rows: pd.DataFrame, settled: set[tuple[str, str, int]]) -> pd.DataFrame:
    """Rows without those of earlier months' entries: they were in earlier forms."""
    places = zip(rows["file"], rows["sheet"], rows["row"], strict=True)
    still = pd.Series([place not in settled for place in places], index=rows.index, dtype="bool")
    return rows[still].reset_index(drop=True)


def _printed(table: Table, rows: pd.DataFrame, drop: tuple[str, ...]) -> pd.DataFrame:
    return readable(table, rows, units={}, people={}, drop=drop)


def _with_answers(frame: pd.DataFrame, answers: tuple[str, ...]) -> pd.DataFrame:
    return frame.assign(**{name: pd.Series([None] * len(frame), dtype="object") for name in answers})


def _mend_sheet(lost: pd.DataFrame, about: str, *, free: int, earlier: int) -> Sheet:
    """What to mend; ``free``: refused rows that ask nothing of anybody, ``earlier``: those of earlier forms."""
    note = (
        f"需补正 {len(lost)} 处，没有采用或采用不全。能改在条目上的，请直接改“巡查台账”表；整行没有采用的，请在该表末尾补填一行。"
        if len(lost)
        else "本期没有需要补正的内容。"
    )
    if free:
        note += f"另有 {free} 处退回不需补正（重复、合计签名或已更正），未在此列出。"
    if earlier:
        note += f"以前各期已列出的 {earlier} 处不再重复。"
    return Sheet(
        name="需补正",
        frame=_with_answers(_printed(REJECTED, lost, ("unit_id",)), _MEND_ANSWERS),
        title=f"台账需补正内容（{about}）",
        note=note,
        fillable=_MEND_ANSWERS,
        formats=number_formats(REJECTED),
        widths=_WIDE,
    )


def _repair_sheet(repaired: pd.DataFrame, about: str) -> Sheet:
    return Sheet(
        name="修正记录",
        frame=_with_answers(_printed(REPAIRS, repaired, ("unit_id",)), _REPAIR_ANSWERS),
        title=f"台账修正记录（{about}）",
        note="读入时按所列规则改动的单元格。不正确的，请在“巡查台账”表对应条目上改正；正确的不必填写。",
        choices={"修正是否正确": ("正确", "不正确")},
        fillable=_REPAIR_ANSWERS,
        formats=number_formats(REPAIRS),
        widths=_WIDE,
    )


def _file_sheet(files: pd.DataFrame, about: str) -> Sheet:
    ordered = files.sort_values("file", kind="stable")
    shown = _printed(LEDGER_FILES, ordered, _FILE_COLUMNS_LEFT_OUT)
    return Sheet(
        name="文件情况",
        frame=shown,
        title=f"台账报送情况（{about}）",
        note="完整度为必填内容中已填且能用的比例；“需核对”只是提请查看，不作为问题认定。",
        formats=number_formats(LEDGER_FILES) | {"完整度": "0.0%"},
        widths=_WIDE,
    )


def _ledger_sheet(mine: pd.DataFrame, about: str) -> Sheet:
    """The ten fields filled as understood. No month in the title: mending a row is not keeping the month's ledger."""
    days = [_day(*pair) for pair in zip(mine["discovered_on"], mine["discovered_until"], strict=True)]
    columns: dict[str, Any] = {"巡查时间": days}
    columns |= {heading: list(mine[field]) for heading, field in zip(LEDGER_FIELDS[1:], _FIELDS[1:], strict=True)}
    columns["监测编号"] = list(mine["stated_target_id"])
    columns["坐标"] = [_point(*pair) for pair in zip(mine["stated_x"], mine["stated_y"], strict=True)]
    columns["面积(平方米)"] = list(mine["stated_area_m2"])
    columns["备注"] = list(mine["remark"])
    columns[ORIGINAL_ID] = list(mine["entry_id"])
    return Sheet(
        name="巡查台账",
        frame=pd.DataFrame({name: pd.Series(values, dtype="object") for name, values in columns.items()}),
        title=f"动态巡查台账补正（{about}）",
        note=f"每行是读入后的一条记录。有误的直接改，没有误的不动；请勿改动“{ORIGINAL_ID}”，新补的行该栏留空。",
        signature="填报人：____________    单位负责人：____________    日期：____________",
        fillable=LEDGER_FIELDS,
        formats={"面积(平方米)": "0.0"},
        widths=dict.fromkeys(LEDGER_FIELDS, 16) | {"监测编号": 18, "坐标": 24, ORIGINAL_ID: 26},
        row_height=30,
    )


def _day(start: Any, until: Any) -> str:
    if pd.isna(start):
        return NO_DAY
    first = f"{pd.Timestamp(start):%Y-%m-%d}"
    return first if pd.isna(until) else f"{first}至{pd.Timestamp(until):%Y-%m-%d}"


def _point(x: Any, y: Any) -> str | None:
    if pd.isna(x) or pd.isna(y):
        return None
    places = 7 if abs(x) <= 180 else 2
    return f"{x:.{places}f},{y:.{places}f}"
