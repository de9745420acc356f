from __future__ import annotations

import pandas as pd
import pytest

from pipeline import schema
from pipeline.ledger.items import Item
from pipeline.report.month import month_sheets, target_table
from pipeline.report.page import month_page
from pipeline.report.references import entry_places, text_with_places
from pipeline.report.statistics import month_numbers
from tests.report.fabricate import frame, small_month, verdict

ID, OTHER = "U1-abcdefghjkmn-1", "U1-abcdefghjkmn-2"
FILE = "ledgers/柳林镇/十月 台账.xlsx"
PLACE = "柳林镇/十月 台账.xlsx〔Sheet1〕第5行"


def entry(name: str, **values: object) -> dict[str, object]:
    return {
        "entry_id": name, "unit_id": "U1", "file": FILE, "sheet": "Sheet1", "row": 5, "item": 1, "finding": True,
        "position_source": "none", "geometry": None, **values,
    }  # fmt: skip


def entries(*rows: dict[str, object]) -> pd.DataFrame:
    return frame(schema.ENTRIES, list(rows))


def test_a_place_is_file_sheet_and_row_and_the_item_only_where_the_row_holds_several() -> None:
    nothing = frame(schema.SUPERSEDED, [])
    assert entry_places(entries(entry(ID)), nothing) == {ID: PLACE}
    both = entry_places(entries(entry(ID), entry(OTHER, item=2)), nothing)
    assert both == {ID: f"{PLACE}第1项", OTHER: f"{PLACE}第2项"}


def test_a_replaced_entry_is_still_found() -> None:
    old = {"entry_id": OTHER, "unit_id": "U1", "file": "ledgers/柳林镇/旧.xls", "sheet": "一", "row": 9, "item": 1,
           "content": "-", "superseded_by": ID, "by_file": FILE, "by_sheet": "Sheet1", "by_row": 5, "basis": "-",
           "changed": "-"}  # fmt: skip
    places = entry_places(entries(entry(ID)), frame(schema.SUPERSEDED, [old]))
    assert places[OTHER] == "柳林镇/旧.xls〔一〕第9行"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"台账条目 {ID} 2026-10-20 已记录该处", f"台账条目 {ID}（{PLACE}） 2026-10-20 已记录该处"),
        (f"条目 {ID}：甲\n{ID} ↔ T1：0.5", f"条目 {ID}（{PLACE}）：甲\n{ID} ↔ T1：0.5"),
        ("本单位台账条目 U1-abcdefghjkmn-12 位置不明", "本单位台账条目 U1-abcdefghjkmn-12 位置不明"),
        ("没有条目", "没有条目"),
    ],
)
def test_the_place_stands_behind_the_first_mention(text: str, shown: str) -> None:
    assert text_with_places(text, {ID: PLACE}) == shown


def test_ids_that_the_ledger_room_writes_are_recognised() -> None:
    item = Item("市局-执法队伍", FILE, "s", 5, 1, True, None, None, {}, None, None, None, meaning="某事")
    assert (
        text_with_places(f"条目 {item.entry_id} 可能", {item.entry_id: "那里"}) == f"条目 {item.entry_id}（那里） 可能"
    )


def test_every_sheet_and_the_page_say_where_the_entries_they_cite_stand() -> None:
    reason = f"台账条目 {ID} 2026-10-12 已记录该处"
    match = {"target_id": "420000XC26100001", "entry_id": ID, "probability": 0.9, "space_score": 1.0, "time_score": 1.0,
             "word_score": 1.0, "status": "assigned", "reason": "距目标 3 米"}  # fmt: skip
    month = small_month(
        entries=entries(entry(ID)),
        matches=frame(schema.MATCHES, [match]),
        verdicts=frame(schema.VERDICTS, [verdict(1, 0, "U1", "found_before_dispatch", reason=reason, entry_id=ID)]),
    )
    numbers = month_numbers(month)
    sheets = {sheet.name: sheet.frame for sheet in month_sheets(month, numbers)}
    shown = reason.replace(ID, f"{ID}（{PLACE}）")
    assert sheets["比对结论"].loc[0, ["台账条目", "台账出处", "理由"]].tolist() == [ID, PLACE, shown]
    headings = list(sheets["比对结论"].columns)
    assert headings.index("台账出处") == headings.index("台账条目") + 1
    assert sheets["台账匹配"]["台账出处"].tolist() == [PLACE]
    assert "台账出处" in sheets["台账有卫星无"].columns and "台账出处" in sheets["待人工判定"].columns
    assert "台账出处" not in sheets["台账条目"].columns  # its own columns say file, sheet and row
    assert target_table(month).loc[0, "结论理由"] == shown
    assert PLACE in month_page(month, numbers, rows_max=50)
