import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.ledger_files import read_ledger_files
from pipeline.sources.ledger_rules import ledger_field_rules, ledger_file_rules
from pipeline.sources.unit_folders import UnitFile, unit_files
from pipeline.sources.workbook import (
    _binary_extent,
    read_workbook,
    unstored_formulas,
)


def book(*rows: tuple[object, ...], merge: str = "", at: tuple[int, int] = (1, 1)) -> bytes:
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = "九月"
    for i, cells in enumerate(rows):
        for j, value in enumerate(cells):
            page.cell(at[0] + i, at[1] + j, value)
    if merge:
        page.merge_cells(merge)
    made.create_sheet("空表")
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def read(content: bytes, max_unpacked_mb: float = 10.0, max_cells: int = 100_000) -> tuple[RawSheet, ...]:
    return read_workbook(content, unit_id="U1", file="a.xlsx", max_unpacked_mb=max_unpacked_mb, max_cells=max_cells)


def delivered(files: list[UnitFile]) -> tuple[tuple[RawSheet, ...], tuple[dict[str, object], ...]]:
    found = read_ledger_files(files, words=("巡查时间", "违法地点"), max_unpacked_mb=10.0, max_cells=100_000)
    return found.sheets, found.rejected


def test_typed_values_positions_and_merges() -> None:
    content = book(("巡查时间", "人"), (datetime(2026, 9, 3), 12), (None, "李四"), merge="C4:C5", at=(3, 3))
    first, second = read(content)
    assert (first.sheet, first.first_row, first.first_column) == ("九月", 3, 3)
    assert first.rows[1] in ((datetime(2026, 9, 3), 12.0), (date(2026, 9, 3), 12.0))
    assert first.merged == ((4, 3, 5, 3),)
    assert second.rows == ()


def test_formulas_are_never_run() -> None:
    (sheet, _) = read(book(("a", "b"), ('=HYPERLINK("http://x","y")', 1)))
    assert sheet.rows[1][0] is None


@pytest.mark.parametrize(
    "content",
    [b"", b"no workbook", b"PK\x03\x04 truncated", bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600],
)
def test_damaged_and_protected_files(content: bytes) -> None:
    with pytest.raises(InputError) as problem:
        read(content)
    assert problem.value.code == "E501"


def test_truncated_workbook() -> None:
    content = book(("a", "b"))
    with pytest.raises(InputError) as problem:
        read(content[: len(content) // 2])
    assert problem.value.code == "E501"


def test_zip_bomb_and_a_cell_at_the_far_end() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 3_000_000)
    with pytest.raises(InputError, match="2MB"):
        read(stream.getvalue(), max_unpacked_mb=2.0)
    far = openpyxl.Workbook()
    far.active["A1"] = 1
    far.active["XFD1048576"] = 1
    stream = io.BytesIO()
    far.save(stream)
    with pytest.raises(InputError, match="1048576"):
        read(stream.getvalue())


def test_one_bad_file_does_not_stop_others(tmp_path: Path) -> None:
    folder = tmp_path / "ledgers" / "王庄镇"
    folder.mkdir(parents=True)
    (folder / "好.xlsx").write_bytes(book(("a", "b"), (1, 2)))
    (folder / "坏.xlsx").write_bytes(b"broken")
    (folder / "旧.xls").write_bytes(b"old")
    (folder / "扫描.pdf").write_bytes(b"%PDF")
    (folder / "~$好.xlsx").write_bytes(b"lock")
    (tmp_path / "ledgers" / "王庄镇政府").mkdir()
    (tmp_path / "ledgers" / "王庄镇政府" / "a.xlsx").write_bytes(b"")
    (tmp_path / "ledgers" / "散.xlsx").write_bytes(b"")
    files, strange = unit_files(tmp_path, "ledgers", {"U1": "王庄镇", "U2": "李庄乡"})
    assert [(row["file"], row["code"], row["unit_id"]) for row in strange] == [
        ("ledgers/散.xlsx", "E503", None),
        ("ledgers/王庄镇政府/a.xlsx", "E503", None),
    ]
    assert "王庄镇" in strange[1]["reason"]
    sheets, rejected = delivered(files)
    assert {sheet.file for sheet in sheets} == {"ledgers/王庄镇/好.xlsx"}
    assert {row["file"].rsplit("/", 1)[-1]: row["code"] for row in rejected} == {
        "坏.xlsx": "E501",
        "旧.xls": "E501",
        "扫描.pdf": "E501",
    }


def test_formulas_without_results_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "ledgers" / "王庄镇"
    folder.mkdir(parents=True)
    (folder / "a.xlsx").write_bytes(book(("巡查时间", "违法地点"), ("=DATE(2026,9,3)", '=CONCATENATE("王庄", "村")')))
    (folder / "b.xlsx").write_bytes(book(("巡查时间", "违法地点"), (datetime(2026, 9, 3), "王庄村")))
    files, _ = unit_files(tmp_path, "ledgers", {"U1": "王庄镇"})
    sheets, rejected = delivered(files)
    assert {sheet.file.rsplit("/", 1)[-1] for sheet in sheets} == {"a.xlsx", "b.xlsx"}
    ((unit, file, code, reason),) = [(r["unit_id"], r["file"], r["code"], r["reason"]) for r in rejected]
    assert (unit, file, code) == ("U1", "ledgers/王庄镇/a.xlsx", "E501")
    assert reason.startswith("2个公式")


@pytest.mark.parametrize(
    ("cell", "unstored"),
    [
        (b'<c r="A1"><f>A2</f></c>', 1),
        (b'<c r="A1" s="3"><f t="shared" si="0"/><v/></c>', 1),
        (b'<c r="A1"><f>A2</f><v>46000</v></c>', 0),
        (b'<c r="A1" t="str"><f>IF(A2,"","")</f><v></v></c>', 0),
        (b'<c r="A1"/><c r="B1"><v>1</v></c>', 0),
    ],
)
def test_what_counts_as_a_formula_without_a_result(cell: bytes, unstored: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<sheetData><row>" + cell + b"</row></sheetData>")
    assert unstored_formulas(stream.getvalue()) == unstored


def test_folders_may_be_named_by_id(tmp_path: Path) -> None:
    path = tmp_path / "ledgers" / "U1" / "a.xlsx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    files, strange = unit_files(tmp_path, "ledgers", {"U1": "王庄镇"})
    assert files == [UnitFile("U1", path, "ledgers/U1/a.xlsx")] and strange == []
    assert unit_files(tmp_path, "tracks", {"U1": "王庄镇"}) == ([], [])


def test_every_field_of_the_plan_has_a_heading() -> None:
    rules = ledger_field_rules(date(2026, 9, 3))
    headings = {alias for aliases in rules.fields.values() for alias in aliases}
    ten = "巡查时间 巡查人员 巡查路线 巡查项目 违法项目主体或名称 违法地点 违法现状 制止措施 制止效果 后续处理"
    assert set(ten.split()) <= headings
    assert len(headings) == sum(len(aliases) for aliases in rules.fields.values())
    assert ledger_field_rules(date(1990, 1, 1)).rule_id == rules.rule_id


def test_extent_of_a_binary_sheet() -> None:
    def record(number: int, body: bytes) -> bytes:
        head = bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
        return head + bytes([len(body) & 127 | 128, len(body) >> 7]) + body

    def cell(number: int, column: int) -> bytes:
        return record(number, column.to_bytes(4, "little") + b"\0" * 12)

    def row(number: int) -> bytes:
        return record(0, number.to_bytes(4, "little") + b"\0" * 200)

    content = record(129, b"") + row(4) + cell(2, 7) + row(999_999) + cell(1, 16_000)
    assert _binary_extent(io.BytesIO(content)) == (5, 8)
    assert _binary_extent(io.BytesIO(content + cell(5, 2))) == (1_000_000, 8)
    assert _binary_extent(io.BytesIO(b"")) == (0, 0)


def test_required_fields_are_fields_of_a_ledger() -> None:
    rules, fields = ledger_file_rules(date(2026, 9, 3)), ledger_field_rules(date(2026, 9, 3)).fields
    assert {*rules.required, *rules.required_of_finding} <= set(fields) and "更正" in rules.correction_words
