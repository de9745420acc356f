"""What a delivered file really is, by its content, whatever its name ends in; and how to save what cannot be read."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
UNZIPPING = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
"""What a damaged or protected zip raises."""
_SAVE_SHEET = "请用Excel或WPS打开后另存为不加密的.xlsx工作簿"
_SAVE_WORD = "请用Word或WPS打开后另存为.docx文档，或把表格复制到.xlsx工作簿"
_TYPE_IN = "请把内容录入.xlsx台账；扫描件可另作附件存档，不要放在台账文件夹"
_UNPACK = "请解压后把里面的台账文件分别放入单位文件夹"
_HEAD = 4096
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass(frozen=True)
class FileKind:
    """``label`` as tables print it; ``suffixes`` it usually has; ``advice``: how to save it, empty when readable."""

    name: str
    label: str
    suffixes: tuple[str, ...]
    advice: str = ""


XLSX = FileKind("xlsx", "Excel工作簿", (".xlsx", ".xlsm", ".et"))
XLSB = FileKind("xlsb", "Excel二进制工作簿", (".xlsb",))
XLS = FileKind("xls", "Excel 97-2003工作簿", (".xls", ".et"))
ODS = FileKind("ods", "ODF电子表格", (".ods",))
DOCX = FileKind("docx", "Word文档", (".docx", ".wps"))
TEXT = FileKind("text", "文本表格", (".csv", ".txt", ".tsv"))
PROTECTED = FileKind("protected", "加密的Office文件", (), _SAVE_SHEET)
DOC = FileKind("doc", "Word 97-2003或WPS文档", (".doc", ".wps"), _SAVE_WORD)
OLE = FileKind("ole", "旧版Office文件", (), _SAVE_SHEET)
RTF = FileKind("rtf", "RTF文档", (".rtf",), _SAVE_WORD)
ODT = FileKind("odt", "ODF文档", (".odt",), _SAVE_WORD)
HTML = FileKind("html", "网页表格", (".htm", ".html"))
XML = FileKind("xml", "XML表格", (".xml", ".xls"), _SAVE_SHEET)
PDF = FileKind("pdf", "PDF文件", (".pdf",), _TYPE_IN)
IMAGE = FileKind(
    "image", "图片", (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic"), _TYPE_IN
)
ARCHIVE = FileKind("archive", "压缩包", (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz"), _UNPACK)
EMPTY = FileKind("empty", "空文件", (), "文件没有内容，请重新保存后报送")
DAMAGED = FileKind("damaged", "损坏的Office文件", (), _SAVE_SHEET)
UNKNOWN = FileKind("unknown", "不能识别的文件", (), _SAVE_SHEET)

_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"%PDF", PDF), (b"{\\rtf", RTF), (b"\xff\xd8\xff", IMAGE), (b"\x89PNG", IMAGE), (b"GIF8", IMAGE),
    (b"II*\x00", IMAGE), (b"MM\x00*", IMAGE), (b"Rar!", ARCHIVE), (b"7z\xbc\xaf", ARCHIVE), (b"\x1f\x8b", ARCHIVE),
)  # fmt: skip


def recognise(content: bytes, suffix: str) -> FileKind:
    """The kind of a file by its content; ``suffix`` (lower case, with its dot) only where the content leaves it open.

    A text is only taken for a table of text where nothing else fits: every byte string can be read as some text.
    """
    head = content[:_HEAD]
    if not content.strip(b"\x00\t\r\n "):
        return EMPTY
    if content.startswith(OLE_MAGIC):
        return _ole(content, suffix)
    if content.startswith(b"PK\x03\x04") or content.startswith(b"PK\x05\x06"):
        return _zipped(content)
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if head.startswith(b"BM") and int.from_bytes(head[2:6], "little") == len(content):
        return IMAGE
    if (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in (b"ftypheic", b"ftypmif1", b"ftypheix"):
        return IMAGE
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<head", b"<meta")):
        return HTML
    if start.startswith(b"<?xml") or start.startswith(b"<workbook"):
        return HTML if b"<html" in start else XML
    if _mostly_text(head):
        return TEXT
    return next((kind for kind in (PDF, IMAGE, ARCHIVE) if suffix in kind.suffixes), UNKNOWN)


def _ole(content: bytes, suffix: str) -> FileKind:
    """An OLE file by the names of its streams; an embedded object's names decide nothing where the suffix does."""

    def has(name: str) -> bool:
        return f"{name}\x00".encode("utf-16-le") in content

    if has("EncryptedPackage"):
        return PROTECTED
    sheet, word = has("Workbook") or has("Book"), has("WordDocument")
    if sheet and (not word or suffix in XLS.suffixes):
        return XLS
    return DOC if word else OLE


def _zipped(content: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            declared = b""
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                declared = archive.read("mimetype")
    except UNZIPPING:
        return DAMAGED
    # The part that makes a document what it is stands under these names in all Office and WPS files.
    for member, kind in (("xl/workbook.xml", XLSX), ("xl/workbook.bin", XLSB), ("word/document.xml", DOCX)):
        if member in names:
            return kind
    if declared.startswith(_ODS):
        return ODS
    if declared.startswith(b"application/vnd.oasis.opendocument.text"):
        return ODT
    if any(name.startswith("xl/worksheets/") for name in names):
        return XLSX
    return ARCHIVE


def _mostly_text(head: bytes) -> bool:
    """No control characters but tabs and line ends; NULs may be the other half of UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    controls = sum(byte < 32 and byte not in (0, 9, 10, 12, 13) for byte in head)
    zeros = head.count(0)
    if zeros:
        # In UTF-16 the zeros of digits, commas and line ends all stand at odd or all at even places.
        odd = head[1::2].count(0)
        # Control values are then the other bytes of letters, and prove nothing.
        return max(odd, zeros - odd) >= 0.9 * zeros and zeros < 0.6 * len(head)
    return controls <= len(head) // 200
