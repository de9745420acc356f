"""Encodings, separators, containers: locked, damaged, dangerous, foreign and doubled files."""

from __future__ import annotations

import struct
from collections.abc import Callable

from docx.document import Document
from openpyxl import Workbook

from tests.ledger.torture.case import OTHER_UNIT, UNIT, Case, Files, Finding
from tests.ledger.torture.kit import (
    FIELDS,
    book,
    compound,
    csv,
    found,
    nothing,
    with_member,
    word,
    xlsx,
    zipped,
)

ON = "2026-05-03"
PLACE = "王家村东500米"
A = found(ON, "张三", PLACE)
B = found("2026-05-06", "李四", "李庄村西")
FIRST = Finding(ON, "张三", PLACE)
SECOND = Finding("2026-05-06", "李四", "李庄村西")
EMPTY = nothing("2026-05-04")
GOOD = xlsx(A, EMPTY)
BOMB_BYTES = 64 * 1024 * 1024  # unpacks to this much from a few kilobytes


def _text(name: str, hard: str, encoding: str, separator: str = ",", file: str = "台账.csv") -> Case:
    return Case(
        name,
        hard,
        lambda: {f"{UNIT}/{file}": csv(A, EMPTY, B, encoding=encoding, separator=separator)},
        (FIRST, SECOND),
        effort=1,
    )


def _refused(name: str, hard: str, file: str, kind: str, make: Callable[[], bytes]) -> Case:
    """One file that cannot be used beside a good one, which must still be read."""
    return Case(
        f"file-{name}",
        hard,
        lambda: {f"{UNIT}/{file}": make(), f"{UNIT}/好台账.xlsx": GOOD},
        (FIRST,),
        effort=1,
        files={f"{UNIT}/{file}": kind},
    )


def _quoted() -> Files:
    rows = [found(ON, '张三（"老三"）', "王家村,东500米", "正在建房\n已砌一层"), EMPTY]
    return {f"{UNIT}/台账.csv": csv(*rows, encoding="utf-8-sig")}


def _csv_title() -> Files:
    title = "青石镇2026年5月动态巡查台账,,,,,,,,,\r\n".encode("gb18030")
    return {f"{UNIT}/台账.csv": title + csv(found("5月3日", "张三", PLACE), EMPTY, encoding="gb18030")}


def _rare_characters() -> Files:
    return {f"{UNIT}/台账.csv": csv(found(ON, "㐂䶮", "𠮷家村东"), encoding="gb18030")}


def _ragged() -> Files:
    data = csv(A, EMPTY, encoding="utf-8-sig").decode("utf-8-sig") + "2026-05-06,王强,镇政府—李庄村\r\n"
    return {f"{UNIT}/台账.csv": data.encode("utf-8-sig")}


def _macros() -> Files:
    content = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    enabled = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    data = with_member(GOOD, "[Content_Types].xml", lambda part: part.replace(content, enabled))
    return {f"{UNIT}/台账.xlsm": with_member(data, "xl/vbaProject.bin", lambda _: compound({"VBA": b"Auto_Open"}))}


def _wrong_extension() -> Files:
    return {
        f"{UNIT}/台账.xls": GOOD,
        f"{UNIT}/另一.csv": xlsx(B),
        f"{UNIT}/三.xlsx": csv(found("2026-05-08", "赵六", "张湾村南"), encoding="gb18030", separator="\t"),
    }


def _upper_extension() -> Files:
    return {f"{UNIT}/台账.XLSX": GOOD, f"{UNIT}/二.CSV": csv(B, encoding="utf-8-sig")}


def _html_as_xls() -> Files:
    cells = ["".join(f"<td>{value or ''}</td>" for value in row) for row in (FIELDS, A, EMPTY)]
    page = "<html><meta charset='gb2312'><table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table></html>"
    return {f"{UNIT}/系统导出.xls": page.encode("gb18030")}


def _office_leftovers() -> Files:
    return {
        f"{UNIT}/台账.xlsx": GOOD,
        f"{UNIT}/~$台账.xlsx": b"\x05user" + bytes(160),
        f"{UNIT}/Thumbs.db": bytes(64),
        f"{UNIT}/.DS_Store": bytes(64),
    }


def _headings_only() -> bytes:
    return xlsx(title=[["青石镇2026年5月动态巡查台账"]])


def _bomb() -> bytes:
    row = b'<row><c t="inlineStr"><is><t>' + b"0" * 4096 + b"</t></is></c></row>"
    sheet = b"<worksheet><sheetData>" + row * (BOMB_BYTES // len(row)) + b"</sheetData></worksheet>"
    return with_member(GOOD, "xl/worksheets/sheet1.xml", lambda _: sheet)


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + at, b"&%c;" % (97 + at) * 10) for at in range(9))
    + b"]>"
)


def _entities() -> bytes:
    sheet = b'<worksheet><sheetData><row><c t="inlineStr"><is><t>&j;</t></is></c></row></sheetData></worksheet>'
    return with_member(GOOD, "xl/worksheets/sheet1.xml", lambda _: ENTITIES + sheet)


def _entities_word() -> bytes:
    body = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>&j;</w:body></w:document>'
    return with_member(word(lambda _: None), "word/document.xml", lambda _: ENTITIES + body)


def _outside_entity() -> bytes:
    head = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    sheet = b'<worksheet><sheetData><row><c t="inlineStr"><is><t>&e;</t></is></c></row></sheetData></worksheet>'
    return with_member(GOOD, "xl/worksheets/sheet1.xml", lambda _: head + sheet)


def _locked_xls() -> bytes:
    begin = struct.pack("<HHHHHHII", 0x0809, 16, 0x0600, 0x0005, 0, 0, 0, 0x0600)
    lock = struct.pack("<HH", 0x002F, 54) + struct.pack("<HHH", 1, 1, 1) + bytes(48)
    return compound({"Workbook": begin + lock + struct.pack("<HH", 0x000A, 0)})


def _protected_sheet() -> Files:
    def protect(workbook: Workbook) -> None:
        workbook.worksheets[0].protection.set_password("1234")
        workbook.worksheets[0].protection.enable()

    return {f"{UNIT}/台账.xlsx": book({"台账": [FIELDS, A, EMPTY]}, protect)}


def _other_city() -> Files:
    head = [*FIELDS, "经度", "纬度"]
    rows = [
        [*found(ON, "周七", "信阳市平桥区明港镇新集村东"), 114.05, 32.47],
        [*found(ON, "吴八", "信阳市平桥区五里店街道南"), 114.12, 32.15],
    ]
    title = [["信阳市平桥区自然资源动态巡查台账"]]
    return {f"{UNIT}/平桥区.xlsx": xlsx(*rows, head=head, title=title), f"{UNIT}/好台账.xlsx": GOOD}


def _other_county_words() -> Files:
    rows = [found("5月3日", "周七", "新集村东200米"), nothing("5月5日")]
    return {
        f"{UNIT}/误发.xlsx": xlsx(*rows, title=[["信阳市平桥区明港镇2026年5月动态巡查台账"]]),
        f"{UNIT}/好台账.xlsx": GOOD,
    }


def _two_units() -> Files:
    return {f"{UNIT}/五月.xlsx": GOOD, f"{OTHER_UNIT}/五月.xlsx": GOOD}


def _other_town_title() -> Files:
    return {
        f"{UNIT}/五月.xlsx": xlsx(A, EMPTY, title=[["青石镇2026年5月巡查台账"]]),
        f"{OTHER_UNIT}/五月.xlsx": xlsx(A, EMPTY, title=[["青石镇2026年5月巡查台账"]]),
    }


def _twice_in_one_unit() -> Files:
    return {f"{UNIT}/五月.xlsx": GOOD, f"{UNIT}/五月 - 副本.xlsx": GOOD}


def _twice_as_csv() -> Files:
    return {f"{UNIT}/五月.xlsx": GOOD, f"{UNIT}/五月.csv": csv(A, EMPTY, encoding="gb18030")}


def _hundred_thousand_rows() -> Files:
    def pad(part: bytes) -> bytes:
        empty = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (row, row) for row in range(4, 100_004))
        return part.replace(b"</sheetData>", empty + b"</sheetData>")

    return {f"{UNIT}/台账.xlsx": with_member(GOOD, "xl/worksheets/sheet1.xml", pad)}


def _far_column() -> Files:
    def mark(workbook: Workbook) -> None:
        workbook.worksheets[0].cell(1_048_576, 16_384).value = " "

    return {f"{UNIT}/台账.xlsx": book({"台账": [FIELDS, A, EMPTY]}, mark)}


def _nested_folder() -> Files:
    return {f"{UNIT}/2026年/5月/台 账 （定稿）.xlsx": GOOD}


def _word_prose() -> bytes:
    def build(document: Document) -> None:
        document.add_heading("青石镇2026年5月动态巡查工作总结", 1)
        document.add_paragraph("5月3日，王强、李敏巡查至王家村东500米，发现张三未批先建，当场责令停工。")

    return word(build)


CASES = (
    _text("csv-gb18030", "csv as Excel in China saves it", "gb18030"),
    _text("csv-utf8-bom", "UTF-8 with mark", "utf-8-sig"),
    _text("csv-utf8", "UTF-8 without mark", "utf-8"),
    _text("csv-utf16", "Unicode text of Excel: UTF-16, tabs", "utf-16", "\t"),
    _text("csv-utf16-txt", "the same as .txt", "utf-16", "\t", "台账.txt"),
    _text("csv-tabs", "tab separated GB18030", "gb18030", "\t"),
    _text("csv-semicolons", "semicolon separated", "utf-8-sig", ";"),
    _text("csv-bar", "separated by vertical bars, as old systems export", "gb18030", "|", "台账.txt"),
    Case(
        "csv-quotes",
        "quotes, commas and line breaks inside cells",
        _quoted,
        (Finding(ON, '张三("老三")', "王家村,东500米"),),
        effort=1,
    ),
    Case("csv-title", "a title line above the heading", _csv_title, (FIRST,), effort=1),
    Case("csv-rare", "characters outside GBK in GB18030", _rare_characters, (Finding(ON, "㐂䶮", "𠮷家村东"),)),
    Case("csv-ragged", "a last row with three cells", _ragged, (FIRST,), effort=2),
    Case("file-macros", ".xlsm: values only", _macros, (FIRST,), effort=1),
    Case(
        "file-wrong-extension",
        "xlsx named .xls and .csv, text named .xlsx",
        _wrong_extension,
        (FIRST, SECOND, Finding("2026-05-08", "赵六", "张湾村南")),
        effort=1,
    ),
    Case("file-upper-extension", ".XLSX and .CSV", _upper_extension, (FIRST, SECOND), effort=1),
    Case(
        "file-html-as-xls",
        "a web table saved as .xls by an office system: its rows count",
        _html_as_xls,
        (FIRST,),
        effort=1,
    ),
    Case(
        "file-leftovers", "Office's lock file and system files beside the ledger", _office_leftovers, (FIRST,), effort=1
    ),
    Case(
        "file-sub-folders",
        "folders by year and month, blanks and brackets in the name",
        _nested_folder,
        (FIRST,),
        effort=1,
    ),
    Case("file-protected-sheet", "a sheet protected against changes can be read", _protected_sheet, (FIRST,), effort=1),
    Case(
        "file-twice",
        "a copy of the same file in one unit counts once",
        _twice_in_one_unit,
        (FIRST,),
        effort=1,
        files={f"{UNIT}/五月 - 副本.xlsx": "copy"},
    ),
    Case(
        "file-twice-as-csv",
        "the same rows as xlsx and csv count once",
        _twice_as_csv,
        (FIRST,),
        effort=1,
        rows=("copy", "copy"),
    ),
    Case(
        "file-two-units",
        "the same file under two units, nothing tells whose it is: nobody's until a person says so",
        _two_units,
        files={f"{UNIT}/五月.xlsx": "copy", f"{OTHER_UNIT}/五月.xlsx": "copy"},
    ),
    Case(
        "file-two-units-titled",
        "the same, and the title names the unit",
        _other_town_title,
        (FIRST,),
        effort=1,
        files={f"{OTHER_UNIT}/五月.xlsx": "copy"},
    ),
    Case(
        "file-other-city",
        "title, places and positions of another city",
        _other_city,
        (FIRST,),
        effort=1,
        files={f"{UNIT}/平桥区.xlsx": "elsewhere"},
    ),
    Case(
        "file-other-city-title",
        "only the title names another city",
        _other_county_words,
        (FIRST,),
        effort=1,
        files={f"{UNIT}/误发.xlsx": "elsewhere"},
    ),
    Case("file-empty-rows", "100,000 empty formatted rows", _hundred_thousand_rows, (FIRST,), effort=1),
    Case("file-far-cell", "one blank in the last cell of the sheet", _far_column, (FIRST,), effort=1),
    _refused("empty-file", "zero bytes", "空.xlsx", "damaged", lambda: b""),
    _refused("empty-csv", "zero bytes", "空.csv", "nothing_in_it", lambda: b""),
    _refused(
        "empty-sheet", "a workbook with an empty sheet", "空表.xlsx", "nothing_in_it", lambda: book({"Sheet1": []})
    ),
    _refused("headings-only", "title and heading, no row", "只有表头.xlsx", "nothing_in_it", _headings_only),
    _refused(
        "not-a-ledger",
        "a list of staff",
        "值班表.xlsx",
        "not_a_ledger",
        lambda: xlsx(["王强", "138"], ["李敏", "139"], head=["姓名", "电话"]),
    ),
    _refused(
        "locked-xlsx",
        "workbook with a password",
        "加密.xlsx",
        "locked",
        lambda: compound({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b""}),
    ),
    _refused("locked-xls", "old workbook with a password", "加密.xls", "locked", _locked_xls),
    _refused(
        "locked-docx",
        "Word document with a password",
        "加密.docx",
        "locked",
        lambda: compound({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b""}),
    ),
    _refused("truncated", "the download stopped half way", "半截.xlsx", "damaged", lambda: GOOD[: len(GOOD) // 2]),
    _refused("truncated-docx", "the same with Word", "半截.docx", "damaged", lambda: word(lambda _: None)[:9000]),
    _refused(
        "bit-rot",
        "one part of the archive is overwritten",
        "坏块.xlsx",
        "damaged",
        lambda: GOOD[:300] + bytes(600) + GOOD[900:],
    ),
    _refused(
        "foreign-zip",
        "a zip of photos named .xlsx",
        "照片.xlsx",
        "old_format",
        lambda: zipped({"IMG_1.jpg": b"\xff\xd8\xff" + bytes(99)}),
    ),
    _refused("zip-bomb", "64 MB of zeros in a few kilobytes", "压缩炸弹.xlsx", "bomb", _bomb),
    _refused("entity-bomb", "nested XML entities in a sheet", "实体炸弹.xlsx", "unsafe", _entities),
    _refused("entity-bomb-word", "nested XML entities in a document", "实体炸弹.docx", "unsafe", _entities_word),
    _refused("outside-entity", "an entity that names a local file", "外部实体.xlsx", "unsafe", _outside_entity),
    _refused(
        "doc-stub", "a Word 97 container", "旧.doc", "old_format", lambda: compound({"WordDocument": b"\xec\xa5"})
    ),
    _refused("wps", "a WPS text", "台账.wps", "old_format", lambda: compound({"WordDocument": b"\xec\xa5"})),
    _refused(
        "et",
        "an empty WPS table, which is an old workbook inside",
        "台账.et",
        "nothing_in_it",
        lambda: compound({"Workbook": b"\x09\x08\x10\0"}),
    ),
    _refused(
        "pdf", "a scan as PDF", "扫描件.pdf", "scan", lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF"
    ),
    _refused(
        "jpg", "a photo of the paper ledger", "纸质台账.jpg", "scan", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(200)
    ),
    _refused("zip", "ledgers packed in one archive", "五月.zip", "old_format", lambda: zipped({"台账.xlsx": GOOD})),
    _refused("rar", "a RAR archive", "五月.rar", "old_format", lambda: b"Rar!\x1a\x07\x01\0" + bytes(60)),
    _refused("prose", "a summary in sentences, no table", "总结.docx", "not_a_ledger", _word_prose),
)
