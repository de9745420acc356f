"""Blind set: locked, broken, hostile and foreign files, and sheets of a million rows."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image

from tests.ledger.torture.blind.kit import SHORT, bare_xlsx, inline, ods, ods_texts, sent
from tests.ledger.torture.case import UNIT, Case, Files, Finding
from tests.ledger.torture.kit import compound, csv, fixture, found, nothing, with_member, xlsx, zipped

PLAIN = (found("2026年5月3日", "张三", "王家村东200米"), nothing("2026年5月8日"))
CLERK = (Finding("2026-05-03", "张三", "王家村东200米"),)
BOMB_BYTES = 40_000_000
HEADING = "<row r='1'>" + "".join(map(inline, SHORT)) + "</row>"
TWO_ROWS = "".join(
    f"<row r='{at}'>{''.join(map(inline, row))}</row>"
    for at, row in (
        (2, ("2026-05-03", "王强", "张三", "王家村东200米", "建房")),
        (3, ("2026-05-08", "王强", "", "", "无")),
    )
)


def _listed(name: str, hard: str, kind: str, file: str, data: bytes) -> Case:
    """A file that cannot be used, beside one that can."""
    files: Files = {f"{UNIT}/{file}": data, f"{UNIT}/5月台账.csv": csv(*PLAIN, encoding="gbk")}
    return Case(
        f"blind-hazard-{name}",
        hard,
        lambda: files,
        CLERK,
        effort=1,
        days=("2026-05-08",),
        files={f"{UNIT}/{file}": kind},
    )


def _made(name: str, hard: str, kind: str, file: str, make: object) -> Case:
    """As `_listed`, its bytes built only when asked for."""
    assert callable(make)
    return Case(f"blind-hazard-{name}", hard, lambda: sent(make(), file), files={f"{UNIT}/{file}": kind})


def _sparse(name: str, hard: str, tail: str) -> Case:
    """Two rows, then something far down or far right that says nothing."""
    return Case(
        f"blind-hazard-{name}",
        hard,
        lambda: sent(bare_xlsx(HEADING + TWO_ROWS + tail)),
        CLERK,
        effort=1,
        days=("2026-05-08",),
    )


@cache
def _dense() -> bytes:
    """A million rows of one word."""
    row = "<row><c t='inlineStr'><is><t>无</t></is></c></row>"
    return bare_xlsx(HEADING + row * 1_000_000)


@cache
def _bomb() -> bytes:
    return with_member(xlsx(*PLAIN), "xl/media/image1.bmp", lambda _: bytes(BOMB_BYTES))


@cache
def _sheet_bomb() -> bytes:
    return bare_xlsx(HEADING + TWO_ROWS + " " * BOMB_BYTES)


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    return with_member(
        bare_xlsx(HEADING + TWO_ROWS),
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(
            b"?><worksheet", f'?><!DOCTYPE lolz [<!ENTITY l0 "无">{entities}]><worksheet'.encode(), 1
        ).replace("建房".encode(), b"&l9;"),
    )


def _external() -> bytes:
    doctype = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    return ods(
        ods_texts(*SHORT) + ods_texts("2026-05-03", "王强", "XX", "王家村东200米", "建房").replace("XX", "&secret;"),
        doctype=doctype,
    )


def _locked_xls() -> bytes:
    """Excel 97 with a FILEPASS record (RC4) right behind the workbook's first record."""
    head = b"\x09\x08\x10\x00\x00\x06\x05\x00\xbb\x0d\xcc\x07\xc1\x00\x00\x00\x06\x04\x00\x00"
    return compound(
        {"Workbook": head + b"\x2f\x00\x36\x00\x01\x00\x01\x00\x01\x00" + bytes(range(48)) + b"\x7f" * 3000}
    )


def _picture() -> bytes:
    stream = BytesIO()
    Image.new("L", (40, 30), 200).save(stream, "JPEG")
    return stream.getvalue()


WHOLE = xlsx(*PLAIN)
LOGIN = "<html><head><title>登录</title></head><body><h1>登录超时，请重新登录</h1></body></html>".encode()

CASES = (
    _listed(
        "locked", "a workbook locked with a password", "locked", "5月台账（加密）.xlsx", fixture("blind-locked.xlsx")
    ),
    _listed("locked-as-word", "a locked file under a Word name", "locked", "5月.docx", fixture("blind-locked.xlsx")),
    _listed("locked-xls", "Excel 97 with a password", "locked", "5月.xls", _locked_xls()),
    _listed("zero-byte", "a file of no bytes", "damaged", "台账.xlsx", b""),
    _listed("zero-byte-csv", "a text of no bytes", "damaged", "台账.csv", b""),
    _listed("truncated", "a download that stopped in the middle", "damaged", "台账.xlsx", WHOLE[: len(WHOLE) // 2]),
    _listed("truncated-docx", "a Word file of which the head is left", "damaged", "台账.docx", WHOLE[:700]),
    _listed(
        "flipped",
        "one member spoilt within a sound container",
        "damaged",
        "台账.xlsx",
        with_member(WHOLE, "xl/worksheets/sheet1.xml", lambda part: part[: len(part) // 2]),
    ),
    _listed(
        "zip-as-xlsx",
        "a container that holds no workbook is an archive",
        "old_format",
        "台账.xlsx",
        zipped({"readme.txt": b"x"}),
    ),
    _listed("doc", "Word 97", "old_format", "台账.doc", compound({"WordDocument": b"\xec\xa5\xc1\x00" + bytes(600)})),
    _listed("wps", "WPS text", "old_format", "台账.wps", compound({"WordDocument": b"\xec\xa5\xc1\x00" + bytes(600)})),
    _listed("rar", "an archive", "old_format", "5月.rar", b"Rar!\x1a\x07\x01\x00" + bytes(range(200))),
    _listed("seven-zip", "another archive", "old_format", "5月.7z", fixture("blind-packed.7z")),
    _listed("zip", "a zip that holds a ledger", "old_format", "5月.zip", zipped({"5月台账.xlsx": WHOLE})),
    _listed(
        "pdf",
        "a scan as PDF",
        "scan",
        "5月台账.pdf",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    ),
    _listed("jpg", "a photograph of paper", "scan", "5月台账扫描.jpg", _picture()),
    _listed("jpg-as-xlsx", "a picture renamed to a workbook", "scan", "5月扫描.xlsx", _picture()),
    _listed(
        "ofd",
        "the state's page format",
        "old_format",
        "5月台账.ofd",
        zipped({"OFD.xml": b"<?xml version='1.0'?><ofd:OFD xmlns:ofd='http://www.ofdspec.org/2016'/>"}),
    ),
    _listed("login-page", "a platform's login page saved as a workbook", "not_a_ledger", "导出.xls", LOGIN),
    _listed("xml-entity", "an entity that reads a file of the server", "unsafe", "台账.ods", _external()),
    _listed("laughs", "entities that multiply", "unsafe", "台账.xlsx", _laughs()),
    _listed("binary-rubbish", "rubbish under a text's name", "damaged", "乱码.csv", bytes(range(256)) * 8),
    Case(
        "blind-hazard-et",
        "WPS tables are Excel 97 inside",
        lambda: sent(fixture("blind-plain.xls"), "5月台账.et"),
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
    Case(
        "blind-hazard-lock-file",
        "the lock that Excel leaves beside an open file",
        lambda: {f"{UNIT}/5月台账.xlsx": WHOLE, f"{UNIT}/~$5月台账.xlsx": b"\x06wangqi" + bytes(158)},
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
    Case(
        "blind-hazard-system-files",
        "what Windows and phones leave in folders",
        lambda: {
            f"{UNIT}/5月台账.xlsx": WHOLE,
            f"{UNIT}/Thumbs.db": compound({"Catalog": bytes(64)}),
            f"{UNIT}/desktop.ini": b"[.ShellClassInfo]\r\n",
            f"{UNIT}/.DS_Store": b"\x00\x00\x00\x01Bud1",
        },
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
    _made("zip-bomb", "a picture of nothing that unpacks to forty megabytes", "bomb", "台账.xlsx", _bomb),
    _made("sheet-bomb", "a sheet that is mostly blanks in its XML", "bomb", "台账.xlsx", _sheet_bomb),
    _made("million-dense", "a million rows of one word", "bomb", "台账.xlsx", _dense),
    _sparse("million-sparse", "a formatted blank in the sheet's last row", "<row r='1048576'><c r='A1048576'/></row>"),
    _sparse("far-cell", "a blank text in the sheet's last cell", f"<row r='1048576'>{inline(' ', 'XFD1048576')}</row>"),
    _sparse("far-column", "a blank text far to the right", f"<row r='4'>{inline(' ', 'XFD4')}</row>"),
    Case(
        "blind-hazard-far-word",
        "one more finding a hundred thousand rows below",
        lambda: sent(
            bare_xlsx(
                HEADING
                + TWO_ROWS
                + "<row r='100000'>"
                + "".join(
                    inline(text, f"{column}100000")
                    for column, text in zip("ABCDE", ("2026-05-20", "王强", "李四", "李庄村南", "挖沙"), strict=True)
                )
                + "</row>"
            )
        ),
        (*CLERK, Finding("2026-05-20", "李四", "李庄村南")),
        effort=1,
        days=("2026-05-08",),
    ),
    Case(
        "blind-hazard-wide-text",
        "a cell of thirty thousand characters",
        lambda: sent(xlsx(found("2026年5月3日", "张三", "王家村东200米", "正在建房。" * 6000))),
        CLERK,
    ),
    Case(
        "blind-hazard-markup",
        "markup and formulas in the words of a text file",
        lambda: sent(
            csv(
                found("2026年5月3日", "<script>张三</script>", "王家村东200米", "=cmd|' /C calc'!A0"), encoding="utf-8"
            ),
            "台账.csv",
        ),
        (Finding("2026-05-03", "<script>张三</script>", "王家村东200米"),),
    ),
    Case(
        "blind-hazard-nul-characters",
        "zero bytes and control characters in a text",
        lambda: sent(
            csv(*PLAIN, encoding="gbk").replace("张三".encode("gbk"), "张\x00三\x07".encode("gbk")), "台账.csv"
        ),
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
    Case(
        "blind-hazard-broken-bytes",
        "a GBK text with one spoilt byte",
        lambda: sent(
            csv(*PLAIN, encoding="gbk").replace(
                "正在建房".encode("gbk"), "正在".encode("gbk") + b"\xff" + "建房".encode("gbk")
            ),
            "台账.csv",
        ),
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
)
