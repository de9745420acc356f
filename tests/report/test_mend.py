from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from typing import Any

import openpyxl
import pytest

from pipeline.ledger.corrections import mended_rows, supersede
from pipeline.ledger.entries import OWN_SHEETS
from pipeline.ledger.files import DeliveredFile, FileRules, files_table
from pipeline.ledger.positions import entries_table
from pipeline.report.mend import FORM_NAME, ORIGINAL_ID, correction_sheets
from pipeline.report.package import LEDGER_FIELDS, build_packages
from pipeline.sinks.workbook import workbook_bytes
from pipeline.sources.ledger_rules import ledger_file_rules
from pipeline.sources.workbook import read_workbook
from tests.ledger.rules import AS_OF, FOUND, NOTHING, RULES, TEN, read, row, sheet
from tests.report.fabricate import small_month

FILE = "ledgers/王庄镇/台账.xlsx"
CRS = "EPSG:4547"
TWO = ("2026-10-05", *FOUND[:3], "1.赵六 2.钱七", "1.村东 2.村西", *FOUND[5:])
SENT = (
    row("20261003"), TWO, ("10月6日-8日", *NOTHING), ("2026-10-09", *FOUND[:3], "=1+1", *FOUND[4:]), row("不详"),
    ("某日", *NOTHING),
)  # fmt: skip
HEADING = (*TEN, "面积", "坐标")
POINTS = ("114.30001,30.50002", "", "", "38512345.67,3512345.67", "", "")


def sent(unit: str = "U1", file: str = FILE) -> Any:
    rows = [(*cells, "1.5亩" if cells is not TWO and n != 2 else "", POINTS[n]) for n, cells in enumerate(SENT)]
    return sheet(*rows, heading=HEADING, unit=unit, file=file)


def tables(*sheets: Any) -> dict[str, Any]:
    ledger = read(*sheets)
    names = sorted({(s.unit_id, s.file) for s in sheets})
    delivered = [DeliveredFile(unit, name, "Excel工作簿", 1, "ab", True) for unit, name in names]
    bounds = (400_000.0, 3_300_000.0, 600_000.0, 3_600_000.0)
    located = entries_table(
        ledger.items,
        {"U1": "WGS84", "U2": "WGS84"},
        {},
        crs=CRS,
        bounds=bounds,
        gps_uncertainty_m=30.0,
        max_outside_m=2e4,
    )
    files = files_table(delivered, sheets, ledger, fields=RULES, rules=ledger_file_rules(AS_OF),
                        unit_names={"U1": "王庄镇", "U2": "李庄乡"}, city_name="示例市")  # fmt: skip
    return {"entries": located.entries, "repairs": ledger.repairs, "rejected": ledger.rejected, "files": files}


def made(unit: str = "U1", since: date = date(2026, 10, 1), **changes: Any) -> Any:
    found = tables(
        sent(), sheet(row("2026-10-03", *FOUND[:3], "周九", *FOUND[4:]), unit="U2", file="ledgers/李庄乡/a.xlsx")
    )
    return correction_sheets(unit_id=unit, unit_name="王庄镇", city_name="示例市", since=since, **(found | changes))


def test_the_form_lists_what_to_mend_and_the_rows_as_understood() -> None:
    mend, ledger, repairs, files = made()
    assert [s.name for s in (mend, ledger, repairs, files)] == ["需补正", "巡查台账", "修正记录", "文件情况"]
    assert (
        mend.frame[["行号", "字段", "原内容"]].astype("object").where(mend.frame["行号"].notna()).to_numpy()[0][2]
        == "不详"
    )
    assert list(mend.frame["字段"].fillna("整行")) == ["巡查时间", "整行"]
    assert list(mend.frame.columns[-2:]) == ["补正为", "补正说明"] and mend.frame["补正为"].isna().all()
    assert tuple(ledger.frame.columns[:10]) == LEDGER_FIELDS
    assert ledger.frame["巡查时间"].tolist() == [
        "2026-10-03",
        "2026-10-05",
        "2026-10-05",
        "2026-10-06至2026-10-08",
        "2026-10-09",
        "日期不明",
    ]
    assert ledger.frame["违法项目主体或名称"].tolist()[1:3] == ["赵六", "钱七"]
    assert "日期写法" in set(repairs.frame["规则"]) and len(files.frame) == 1
    assert "李庄乡" not in str([s.frame.to_dict() for s in (mend, ledger, repairs, files)])


def test_only_the_units_own_rows_of_the_month_and_none_without_a_ledger() -> None:
    (_, ledger, _, _) = made("U2")
    assert ledger.frame["违法项目主体或名称"].tolist() == ["周九"]
    (mend, ledger, repairs, _) = made(since=date(2026, 10, 9))
    assert ledger.frame["巡查时间"].tolist() == ["2026-10-09", "日期不明"]
    assert repairs.frame["行号"].min() >= 5 and len(mend.frame) == 2
    assert made("U3") == ()


def test_the_form_says_why_rows_were_refused_that_it_does_not_list() -> None:
    refused = tables(sent())["rejected"]
    (listed, *_) = made()
    assert listed.note.startswith("需补正 2 处，没有采用或采用不全")
    only_copies = refused.assign(code="E506")
    (nothing, *_) = made(rejected=only_copies)
    assert len(nothing.frame) == 0 and nothing.note == (
        f"本期没有需要补正的内容。另有 {len(refused)} 处退回不需补正（重复、合计签名或已更正），未在此列出。"
    )
    (none, *_) = made(rejected=refused.iloc[:0])
    assert none.note == "本期没有需要补正的内容。"


def test_formulas_in_a_form_are_text() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(made(), day=AS_OF, title=FORM_NAME)))
    cells = [cell for page in book for line in page.iter_rows() for cell in line if str(cell.value).startswith("=")]
    assert cells and all(cell.data_type == "s" and cell.quotePrefix for cell in cells)


def returned(**changes: str) -> Any:
    """The form as read back, cells of the ledger sheet's first row changed by heading."""
    sheets = made()
    frame = sheets[1].frame.copy()
    for heading, value in changes.items():
        frame.loc[0, heading] = value
    content = workbook_bytes((sheets[0], replace(sheets[1], frame=frame), *sheets[2:]), day=AS_OF, title=FORM_NAME)
    back = read_workbook(
        content, unit_id="U1", file=f"ledgers/王庄镇/{FORM_NAME}", max_unpacked_mb=9.0, max_cells=99_999
    )
    ledger = read(sent(), *back)
    names = (FILE, f"ledgers/王庄镇/{FORM_NAME}")
    delivered = [DeliveredFile("U1", name, "Excel工作簿", 1, "ab", True) for name in names]
    return ledger, supersede(ledger.items, delivered, FileRules((), (), ("补正",)))


def test_a_form_sent_back_as_it_was_changes_nothing() -> None:
    ledger, corrected = returned()
    assert corrected.superseded.empty
    before = read(sent()).items
    assert [item.entry_id for item in corrected.items] == [item.entry_id for item in before]
    assert {item.file for item in corrected.items} == {FILE}
    rejected = [*mended_rows(ledger.rejected.to_dict("records"), corrected), *corrected.rejected]
    assert {line["code"] for line in rejected if line["file"].endswith(FORM_NAME)} <= {"E506", "E507"}


@pytest.mark.parametrize(
    ("heading", "value"), [("违法现状", "已封顶"), ("巡查时间", "2026-10-04"), ("坐标", "114.31,30.51")]
)
def test_a_mended_cell_replaces_that_entry_alone(heading: str, value: str) -> None:
    _, corrected = returned(**{heading: value})
    (gone,) = corrected.superseded.to_dict("records")
    assert (gone["row"], gone["file"]) == (2, FILE)
    assert gone["changed"].startswith(f"{heading}：") and gone["changed"].count("→") == 1
    assert len(corrected.items) == len(read(sent()).items)


def test_titles_of_sheets_that_are_sent_are_known_when_they_come_back() -> None:
    month = small_month()
    packages = build_packages(
        targets=month.targets, tasks=month.tasks, cells=month.cell_states, units=month.units, people=month.people,
        city_name="示例市", county_code="420000", period="2026-10", class_names={}, kind_names={}, layer_names={},
    )  # fmt: skip
    sheets = [*packages[0].sheets, *made()]
    known = {s.name for s in sheets if any(word in s.title for word in OWN_SHEETS)}
    assert {s.name for s in sheets} - known == {"巡查台账"}
    assert ORIGINAL_ID in RULES.fields["corrects"]
