from datetime import date

import pandas as pd
import pytest

from pipeline.ledger.files import DeliveredFile, files_table, misplaced, strange_title
from pipeline.ledger.sheets import RawSheet
from pipeline.report.package import CLUE_NOTE
from pipeline.schema import LEDGER_FILES
from pipeline.sources.ledger_rules import ledger_file_rules
from pipeline.store import check_table
from tests.ledger.rules import AS_OF, FOUND, NOTHING, RULES, TEN, read, row, sheet

FILE_RULES = ledger_file_rules(AS_OF)
UNITS = {"U1": "王庄镇", "U2": "李庄乡"}
NAME = "ledgers/王庄镇/台账.xlsx"


def titled(title: str, *rows: tuple[object, ...], name: str = NAME, page: str = "Sheet1", unit: str = "U1") -> RawSheet:
    return RawSheet(unit, name, page, ((title,), TEN, *rows))  # type: ignore[arg-type]


def table(
    *sheets: RawSheet, saved: date | None = None, extra: tuple[DeliveredFile, ...] = (), **rest: object
) -> dict[str, dict[str, object]]:
    names = sorted({(s.unit_id, s.file) for s in sheets})
    delivered = [DeliveredFile(unit, name, "Excel工作簿", 10, "ab", True, saved_on=saved) for unit, name in names]
    frame = files_table(
        [*delivered, *extra], sheets, read(*sheets), fields=RULES, rules=FILE_RULES, unit_names=UNITS,
        city_name="示例市", **rest,
    )  # fmt: skip
    check_table(LEDGER_FILES, frame)
    return {line["file"]: line for line in frame.to_dict("records")}


def test_a_file_counted_by_hand() -> None:
    # 2 findings (7 required cells each) and 1 patrol (3), 1 row lost whole (3): 20 cells; the finding without a date
    # lacks 1, the other all there; the patrol lacks its route
    patrol = ("2026-09-09", "张三", "", *NOTHING[2:])
    lost = ("某日", "张三", "", *NOTHING[2:])
    made = titled("王庄镇2026年9月台账", row("20260903"), row("不详"), patrol, lost, row("2026-09-03"))
    line = table(made, saved=date(2026, 10, 2))[NAME]
    assert (line["rows"], line["entries"], line["findings"], line["effort_rows"]) == (5, 3, 2, 1)
    assert (line["first_day"].date(), line["last_day"].date()) == (date(2026, 9, 3), date(2026, 9, 9))
    assert (line["stated_month"], line["saved_on"].date()) == ("2026-09", date(2026, 10, 2))
    assert line["completeness"] == round((7 + 6 + 2) / 20, 3)
    # the date that could not be read, the row lost whole, the copy
    assert (line["rejected"], line["read"]) == (3, True) and pd.isna(line["code"]) and pd.isna(line["doubts"])


@pytest.mark.parametrize(
    ("title", "page", "name", "stated"),
    [
        ("王庄镇2026年9月台账", "Sheet1", "台账", "2026-09"),
        ("台账", "2026年9月", "台账", "2026-09"),
        ("台账", "9月", "台账2026年", "2026-09"),
        ("台账", "九月", "台账", "2026-09"),
        ("台账", "Sheet1", "台账202609", "2026-09"),
        ("台账", "Sheet1", "九月份台账", "2026-09"),
        ("王庄镇2026年台账", "Sheet1", "台账", "2026-09"),
        ("王庄镇2025年台账", "Sheet1", "台账", None),
        ("台账", "13月", "台账", None),
    ],
)
def test_month_of_title_sheet_or_name(title: str, page: str, name: str, stated: str | None) -> None:
    path = f"ledgers/王庄镇/{name}.xlsx"
    found = table(titled(title, row("2026-09-03"), page=page, name=path))[path]["stated_month"]
    assert (found if isinstance(found, str) else None) == stated


def test_blank_sheets_of_months_to_come_state_nothing() -> None:
    sheets = [titled("台账", *rows, page=page, name="ledgers/王庄镇/2026年台账.xlsx") for page, rows in
              (("9月", [row("2026-09-03")]), ("10月", [row("2026-10-03")]), ("12月", []))]  # fmt: skip
    assert table(*sheets)["ledgers/王庄镇/2026年台账.xlsx"]["stated_month"] == "2026-10"
    wrong = table(titled("2026年11月台账", row("2026-09-03")))[NAME]
    assert wrong["stated_month"] == "2026-11" and "没有该月" in str(wrong["doubts"])


def test_copies_tell_how_far_a_longer_file_goes() -> None:
    longer = titled("2026年9月", row("2026-09-03"), row("2026-09-20"), name="ledgers/王庄镇/完整.xlsx")
    found = table(titled("2026年9月", row("2026-09-03"), row("2026-09-20"), name="ledgers/王庄镇/a.xlsx"), longer)
    assert found["ledgers/王庄镇/完整.xlsx"]["entries"] == 0
    assert found["ledgers/王庄镇/完整.xlsx"]["last_day"].date() == date(2026, 9, 20)


def test_an_unread_file_and_one_without_a_date_column() -> None:
    scan = DeliveredFile("U1", "ledgers/王庄镇/扫描.pdf", "PDF文件", 9, "cd", False, "E501", "请录入")
    found = table(sheet(("张三", "村东", "建房"), heading=("巡查人员", "违法地点", "违法现状")), extra=(scan,))
    assert (found[scan.name]["code"], found[scan.name]["rejected"], found[scan.name]["rows"]) == ("E501", 1, 0)
    assert found[NAME]["code"] == "E502" and found[NAME]["completeness"] == 0.0


@pytest.mark.parametrize(
    ("stem", "stated"),
    [
        ("石桥镇2026年6月台账_001", "2026-06"),
        ("2026年6月30日", "2026-06"),
        ("1-6月", None),
        ("2026年6月至今", None),
        ("2026年6月起巡查台账", None),
        ("2026年6月以来", None),
        ("2026年6月~10", None),
        ("2026年6月-2026-10", None),
        ("2026年6月（第四季度补）", None),
        ("2026年06月扫描20261020", None),
    ],
)
def test_month_in_the_name_of_an_unread_file(stem: str, stated: str | None) -> None:
    """Believed, it frees the file from hiding anything of later months: only where it can mean no other."""
    name = f"ledgers/王庄镇/{stem}.pdf"
    scan = DeliveredFile("U1", name, "PDF", 10, "ab", False, code="E501", reason="扫描件")
    found = table(extra=(scan,))[name]["stated_month"]
    assert (None if pd.isna(found) else found) == stated


@pytest.mark.parametrize(
    ("title", "doubt"),
    [
        ("王庄镇2026年9月台账", None),
        ("示例市动态巡查台账", None),
        ("动态巡查台账", None),
        ("本辖区巡查台账", None),
        ("李庄乡2026年9月台账", "李庄乡"),
        ("示例市李庄乡2026年9月台账", "李庄乡"),
        ("信阳市浉河区动态巡查台账", "信阳市"),
        ("王庄自然资源所台账（王庄街道）", None),
    ],
)
def test_titles_that_name_another_place(title: str, doubt: str | None) -> None:
    found = strange_title(title, "U1", UNITS, "示例市")
    assert found is None if doubt is None else doubt in str(found)


@pytest.mark.parametrize(
    ("title", "outside", "belongs"),
    [
        ("王庄镇2026年9月台账", 0, True),
        ("动态巡查台账", 2, True),
        ("动态巡查台账", 3, False),
        ("李庄乡2026年9月台账", 0, False),
        ("信阳市浉河区动态巡查台账", 0, False),
    ],
)
def test_file_of_another_place_is_listed_and_its_rows_are_kept(title: str, outside: int, belongs: bool) -> None:
    days = [row(f"2026-09-0{n}") for n in (3, 4, 5)]
    made = RawSheet("U1", NAME, "Sheet1", ((title,), (*TEN, "坐标"), *((*day, "116.1,39.9") for day in days)))
    lost = [{"file": NAME, "field": "coordinates", "reason": "第1项坐标不在本市范围"}] * outside
    told = read(made)
    delivered = [DeliveredFile("U1", NAME, "Excel工作簿", 1, "ab", True)]
    rows = misplaced(delivered, [made], told.items, lost, fields=RULES, unit_names=UNITS, city_name="示例市")
    assert [(line["unit_id"], line["code"], line["row"]) for line in rows] == (
        [] if belongs else [("U1", "E503", None)]
    )
    assert len(told.items) == 3


def test_other_reasons_to_look() -> None:
    early = table(titled("2026年9月", row("2026-09-20")), saved=date(2026, 9, 10))[NAME]
    assert "早于" in str(early["doubts"])
    far = sheet(*[(*row(f"2026-09-0{n}"), "116.1,39.9") for n in (3, 4, 5)], heading=(*TEN, "坐标"))
    outside = [{"file": NAME, "sheet": "Sheet1", "row": n, "field": "coordinates", "content": "", "code": "E505",
                "reason": "第1项坐标不在本市范围"} for n in (2, 3, 4)]  # fmt: skip
    assert "外地" in str(table(far, rejected=outside)[NAME]["doubts"])


def test_the_same_file_under_two_units_is_nobodys() -> None:
    other = "ledgers/李庄乡/九月.xlsx"
    sheets = (
        sheet(row("2026-09-03"), row("2026-09-04", *NOTHING)),
        sheet(row("20260903"), row("2026-09-04", *NOTHING), unit="U2", file=other),
    )
    result = read(*sheets)
    assert result.items == () and result.repairs.empty
    rows = result.rejected[result.rejected["code"] == "E508"]
    assert sorted(rows["unit_id"]) == ["U1"] * 3 + ["U2"] * 3
    assert set(rows["row"].dropna()) == {2, 3} and rows["content"].str.contains("赵六").sum() == 2
    assert {line["code"] for line in table(*sheets).values()} == {"E508"}
    more = read(sheets[0], sheet(row("2026-09-03"), row("2026-09-05", *NOTHING), unit="U2", file=other))
    assert len(more.items) == 4


def test_entry_ids_stay_when_a_file_is_renamed_extended_or_retyped() -> None:
    first = {item.texts["status"]: item.entry_id for item in read(sheet(row("2026-09-03"))).items}
    longer = read(
        sheet(
            row("2026-09-01", *NOTHING), row("20260903"), file="ledgers/王庄镇/九月(终).csv", name="九月", merged=(),
            heading=TEN,
        )
    )  # fmt: skip
    assert {item.entry_id for item in longer.items} > set(first.values())
    turned = sheet(("1", *reversed(row("2026-09-03"))), heading=("序号", *reversed(TEN)))
    assert read(turned).items[0].entry_id == first["推填土"]
    assert read(sheet(row("2026-09-04"))).items[0].entry_id != first["推填土"]
    assert not any(letter.isdigit() for letter in first["推填土"].split("-")[1])


def test_sheets_this_system_sent_are_no_ledgers() -> None:
    sent = RawSheet("U1", NAME, "巡查任务清单", (
        ("示例市 2026年9月 疑似新增建设核查任务清单（王庄镇）",), (CLUE_NOTE,),
        ("序号", "监测编号", "坐标(WGS84)", "面积(亩)"), (1, "x", "y", 2),
    ))  # fmt: skip
    result = read(sent, sheet(row("2026-09-03", *FOUND)))
    assert len(result.items) == 1
    assert result.rejected[["code", "sheet"]].to_numpy().tolist() == [["E507", "巡查任务清单"]]
