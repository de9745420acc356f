"""Blank cells far from everything else: taken out of a workbook before it is read, so that they cannot blow it up."""

from __future__ import annotations

import io
import re
import zipfile

_CELL = re.compile(rb"<(?P<ns>(?:\w+:)?)c\b(?P<marks>[^>]*?)(?:/>|>(?P<inside>.*?)</(?P=ns)c>)", re.DOTALL)
_STRINGS = "xl/sharedStrings.xml"
_STRING = re.compile(rb"<si\b[^>]*?(?:/>|>(.*?)</si>)", re.DOTALL)
_TEXT = re.compile(rb"<t\b[^>]*?(?:/>|>(.*?)</t>)", re.DOTALL)
_VALUE = re.compile(rb"<v\b[^>]*>(.*?)</v>", re.DOTALL)
_KIND = re.compile(rb"\bt=[\"'](\w+)[\"']")
# blanks as they stand in XML, written out or as character references
_BLANK = re.compile(
    rb"(?:\s|\xe3\x80\x80|\xc2\xa0|&#(?:32|160|9|10|13|12288);|&#x(?:20|a0|9|a|d|3000);)*", re.IGNORECASE
)


def without_blank_cells(content: bytes) -> bytes:
    """An xlsx whose cells that show nothing are gone from its sheets; other files, and all other cells, unchanged.

    A formula without a stored result stays: what it shows is not known. The size must have been bounded before.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.namelist()
        if "xl/workbook.xml" not in members:
            return content
        shared = archive.read(_STRINGS) if _STRINGS in members else b""
        blank = {at for at, match in enumerate(_STRING.finditer(shared)) if _shows_nothing(match[1] or b"")}
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as cleaned:
            for name in members:
                part = archive.read(name)
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    part = _CELL.sub(lambda match: b"" if _is_blank(match, blank) else match[0], part)
                cleaned.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _is_blank(cell: re.Match[bytes], blank: set[int]) -> bool:
    inside = cell["inside"] or b""
    kind = _KIND.search(cell["marks"])
    value = _VALUE.search(inside)
    if kind is not None and kind[1] == b"s":
        return value is not None and value[1].strip().isdigit() and int(value[1]) in blank
    if kind is not None and kind[1] == b"inlineStr":
        return _shows_nothing(inside)
    if b"<f" in inside:
        return kind is not None and kind[1] == b"str" and (value is None or bool(_BLANK.fullmatch(value[1])))
    return value is None or bool(_BLANK.fullmatch(value[1]))


def _shows_nothing(text: bytes) -> bool:
    return all(_BLANK.fullmatch(part or b"") for part in _TEXT.findall(text))
