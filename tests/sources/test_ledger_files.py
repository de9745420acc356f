import io
import zipfile
from datetime import date
from pathlib import Path

import pytest

from pipeline.sources.file_kinds import (
    ARCHIVE,
    DAMAGED,
    DOC,
    DOCX,
    EMPTY,
    IMAGE,
    ODS,
    PROTECTED,
    UNKNOWN,
    XLS,
    XLSX,
    recognise,
)
from pipeline.sources.ledger_files import saved_on, strange_files
from pipeline.sources.unit_folders import unit_files
from tests.sources.office import XLS as XLS_FILE
from tests.sources.office import cells, delivered, docx, ods, ods_row, saved, w_table, xlsx, zipped

HEAD = ("巡查时间", "巡查人员", "违法地点", "违法现状")
ROW = ("2026-09-03", "张三", "王庄村东", "推填土")
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def ole(*names: str) -> bytes:
    return OLE + b"".join(f"{name}\x00".encode("utf-16-le").ljust(128, b"\x00") for name in names)


@pytest.mark.parametrize(
    ("content", "suffix", "kind"),
    [
        (b"", ".xlsx", EMPTY), (b"\x00" * 900, ".xlsx", EMPTY), (b"%PDF-1.7", ".xlsx", None),
        (b"\xff\xd8\xff\xe0JFIF", ".docx", IMAGE), (b"\x89PNG\r\n\x1a\n", ".xls", IMAGE),
        (b"BM" + (60).to_bytes(4, "little") + b"\x01" * 54, ".csv", IMAGE), (b"Rar!\x1a\x07", ".xlsx", ARCHIVE),
        (zipped({"九月.xlsx": b"x"}), ".xlsx", ARCHIVE), (b"PK\x03\x04 torn", ".xlsx", DAMAGED),
        (ole("EncryptedPackage"), ".xlsx", PROTECTED), (ole("WordDocument", "Workbook"), ".doc", DOC),
        (ole("Workbook"), ".et", XLS), (ole("Workbook", "WordDocument"), ".xls", XLS), (docx(""), ".wps", DOCX),
        (ods(""), ".xlsx", ODS), (xlsx(ROW), ".et", XLSX), (bytes(range(1, 32)) * 9, ".dat", UNKNOWN),
    ],
)  # fmt: skip
def test_content_decides_the_kind(content: bytes, suffix: str, kind: object) -> None:
    found = recognise(content, suffix)
    assert found.label == "PDF文件" if kind is None else found is kind


def test_every_kind_is_read_or_listed_with_how_to_save_it(tmp_path: Path) -> None:
    text = "\r\n".join(",".join(row) for row in (HEAD, ROW)).encode("gb18030")
    page = f"<html><table><tr>{''.join(f'<td>{c}</td>' for c in HEAD)}</tr></table></html>".encode()
    files = {
        "a.xlsx": xlsx(HEAD, ROW), "b.xls": XLS_FILE.read_bytes(), "c.ods": ods(ods_row(*HEAD)), "d.csv": text,
        "e.txt": text.replace(b",", b"\t"), "f.docx": docx(w_table(HEAD, ROW)), "g.xls": page, "h.et": xlsx(HEAD, ROW),
        "i.xls": xlsx(HEAD, ROW), "p.doc": ole("WordDocument"), "q.wps": ole("WordDocument"), "r.pdf": b"%PDF-1.4",
        "s.jpg": b"\xff\xd8\xff", "t.zip": zipped({"a.xlsx": b"x"}), "u.xlsx": ole("EncryptedPackage"), "v.xlsx": b"",
        "w.et": OLE + b"\x00" * 600, "x.xls": b"nothing of a ledger", "y.docx": docx("<w:p/>"), "z.csv": b"\xff\x00\x81",
    }  # fmt: skip
    found = delivered(tmp_path / "王庄镇", files)
    told = {file.name.rsplit("/", 1)[-1]: file for file in found.files}
    assert list(told) == sorted(files)
    readable = [name for name in sorted(files) if name < "p"]
    assert sorted({sheet.file.rsplit("/", 1)[-1] for sheet in found.sheets if sheet.rows}) == readable
    assert all(told[name].read and told[name].code is None for name in readable)
    refused = {row["file"].rsplit("/", 1)[-1]: row for row in found.rejected}
    assert sorted(refused) == [name for name in sorted(files) if name >= "p"]
    assert {row["code"] for row in refused.values()} == {"E501"}
    assert all("请" in row["reason"] for row in refused.values())
    assert "录入" in refused["s.jpg"]["reason"] and "解压" in refused["t.zip"]["reason"]
    assert "docx" in refused["p.doc"]["reason"] and "不加密" in refused["u.xlsx"]["reason"]
    assert told["i.xls"].reading == "后缀是.xls，内容是Excel工作簿"
    assert told["d.csv"].reading == "编码GB18030，分隔符逗号"
    assert all(len(file.sha256 or "") == 64 for file in found.files)


def test_old_excel_file_keeps_types_and_merges(tmp_path: Path) -> None:
    (sheet,) = delivered(tmp_path, {"b.xls": XLS_FILE.read_bytes()}).sheets
    assert sheet.sheet == "九月"
    assert sheet.rows[2] == (date(2026, 9, 3), "张三", "王庄村东500米", "推填土")
    assert (3, 2, 4, 2) in sheet.merged


def test_repeated_rows_of_an_odf_file_are_bounded(tmp_path: Path) -> None:
    blank = '<table:table-cell table:number-columns-repeated="1024"/>'
    blank = f'<table:table-row table:number-rows-repeated="1048000">{blank}</table:table-row>'
    fine = delivered(tmp_path, {"a.ods": ods(ods_row(*HEAD) + ods_row(*ROW, repeat=3) + blank)})
    assert [len(sheet.rows) for sheet in fine.sheets] == [4]
    bomb = delivered(tmp_path, {"b.ods": ods(ods_row(*HEAD) + ods_row(*ROW, repeat=1_000_000))})
    assert bomb.sheets == () and "过大" in bomb.rejected[0]["reason"]


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    entities = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + "&a;" * 10 + '"><!ENTITY c "' + "&b;" * 10 + '">]>'
    document = zipped({"word/document.xml": f'<?xml version="1.0"?>{entities}<w>{"&c;" * 10}</w>'})
    big = zipped({"word/document.xml": b"0" * 3_000_000})
    found = delivered(tmp_path, {"a.docx": document, "b.docx": big, "c.csv": b"1,2\n" * 700_000}, max_unpacked_mb=2.0)
    assert found.sheets == ()
    assert len(found.rejected) == 3
    assert all("2MB" in row["reason"] for row in found.rejected[1:])


def test_a_million_rows_are_refused_and_formatted_blank_rows_are_not(tmp_path: Path) -> None:
    part = (
        '<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="{row}"><c r="L{row}" s="1"{end}</row></sheetData></worksheet>'
    )
    book = xlsx(HEAD, ROW)
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    blank = members | {"xl/worksheets/sheet1.xml": part.format(row=1_000_000, end="/>").encode()}
    full = members | {"xl/worksheets/sheet1.xml": part.format(row=1_000_000, end="><v>1</v></c>").encode()}
    found = delivered(tmp_path, {"a.xlsx": zipped(blank), "b.xlsx": zipped(full)})
    assert [file.code for file in found.files] == [None, "E501"]
    assert "1000000行12列" in str(found.files[1].reason)


def test_day_last_saved() -> None:
    content = xlsx(HEAD)
    assert saved_on(saved(content, "2026-11-02"), XLSX) == date(2026, 11, 2)
    assert saved_on(saved(content, "1980-01-01"), XLSX) is None
    assert saved_on(saved(content, "2026-13-02"), XLSX) is None
    assert saved_on(ods(""), ODS) == date(2026, 10, 2)
    assert saved_on(docx(""), DOCX) is None
    assert saved_on(b"", XLS) is None


def test_files_of_no_known_unit_are_listed_with_their_hash(tmp_path: Path) -> None:
    for name in ("王庄镇政府", "王庄镇"):
        (tmp_path / "ledgers" / name).mkdir(parents=True)
        (tmp_path / "ledgers" / name / "a.xlsx").write_bytes(xlsx(HEAD))
    _, rejected = unit_files(tmp_path, "ledgers", {"U1": "王庄镇"})
    (file,) = strange_files(tmp_path, rejected)
    assert (file.unit_id, file.name, file.code, file.read) == (None, "ledgers/王庄镇政府/a.xlsx", "E503", False)
    assert file.format == "Excel工作簿" and len(file.sha256 or "") == 64


def test_order_of_files_does_not_matter(tmp_path: Path) -> None:
    files = {"b.xlsx": xlsx(HEAD, ROW), "a.pdf": b"%PDF", "c.docx": docx(w_table(HEAD, ROW))}
    first = delivered(tmp_path, files)
    assert delivered(tmp_path, dict(reversed(files.items()))) == first
    assert cells(first.sheets[0]) == [list(HEAD), list(ROW)]
