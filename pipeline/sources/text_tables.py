"""Ledgers as text (csv, txt) in any Chinese encoding to raw worksheets; encoding and delimiter decided by evidence."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError
from pipeline.ledger.characters import simplified
from pipeline.ledger.sheets import RawSheet, heading_key

DELIMITERS: tuple[tuple[str, str], ...] = (
    (",", "逗号"),
    ("\t", "制表符"),
    (";", "分号"),
    ("|", "竖线"),
    ("，", "全角逗号"),
)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_CANDIDATES = ("utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5hkscs")
_SHOWN = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8(BOM)", "gb18030": "GB18030", "utf-16": "UTF-16",
          "big5hkscs": "Big5", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE"}  # fmt: skip
_MOST_DAMAGED = 0.02
_MARKS = "，。、；：（）“”《》\u3000〃—·°′″①②③④⑤〇"
_EVIDENCE_LETTERS, _EVIDENCE_ROWS = 20_000, 40
_LINES_OF_A_CELL = 30
_SAVE_AS = "请用Excel或WPS打开后另存为.xlsx工作簿，或另存为“CSV UTF-8(逗号分隔)”"


@dataclass(frozen=True)
class DecodedText:
    """``text`` as read in ``encoding``; ``damaged``: letters that could not be read; ``by_evidence``: others fit too."""

    text: str
    encoding: str
    damaged: int
    by_evidence: bool


def decode_text(content: bytes, words: Collection[str]) -> DecodedText | None:
    """Text of a file in UTF-8 (with or without BOM), GB18030, UTF-16 or Big5; None where no reading is mostly text.

    A byte order mark decides. Without one every encoding is tried: fewest unreadable letters first, then the most
    ``words`` of ledgers found, then the most common letters; UTF-8 before others where nothing tells them apart.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            text = content.decode(encoding, errors="replace")
            return DecodedText(text, _SHOWN[encoding], _damage(text), by_evidence=False)
    readings = [(name, content.decode(name, errors="replace")) for name in _CANDIDATES]
    scored = []
    for order, (name, text) in enumerate(readings):
        part = text[:_EVIDENCE_LETTERS]
        damage = _damage(text)
        if damage > _MOST_DAMAGED * max(len(text), 1):
            continue
        plain = simplified(text) if name == "big5hkscs" else text
        found = sum(word in plain for word in words)
        if name == "big5hkscs" and not found:
            continue
        common = sum(_is_common(letter) for letter in part) / max(len(part), 1)
        scored.append(((-found, round(-common, 2), damage, order), name, text, damage))
    if not scored:
        return None
    scored.sort(key=lambda row: row[0])
    rank, name, text, damage = scored[0]
    if -rank[1] < 0.5:
        return None
    ascii_only = text.isascii()
    fitting = sum(row[0][1] <= -0.5 for row in scored)
    return DecodedText(text, "ASCII" if ascii_only else _SHOWN[name], damage, fitting > 1 and not ascii_only)


def _damage(text: str) -> int:
    """Replacement marks, control letters and private letters: none of them is written on purpose."""
    return sum(
        letter == "\ufffd" or "\ue000" <= letter <= "\uf8ff" or (letter < " " and letter not in "\t\r\n\f")
        for letter in text
    )


def _is_common(letter: str) -> bool:
    return " " <= letter <= "~" or letter in "\t\r\n" or "一" <= letter <= "鿿" or letter in _MARKS


def read_text_table(
    content: bytes, *, unit_id: str, file: str, words: Collection[str], max_cells: int
) -> tuple[RawSheet, str]:
    """One worksheet of a delimited text, all cells text, and how it was read in words (encoding, delimiter).

    ``words``: headings of ledgers, the evidence for encoding and delimiter. ``row`` numbers count the table's rows
    as Excel would show them. Raises InputError E501 for a file that is no text, or of more than ``max_cells`` cells.
    """
    decoded = decode_text(content, words)
    if decoded is None:
        raise InputError("E501", f"{file}：不是可读的文本（UTF-8、GB18030、UTF-16、Big5均不合）", _SAVE_AS)
    text = decoded.text.replace("\x00", "").lstrip("\ufeff")
    keys = {heading_key(word) for word in words}
    best: tuple[tuple[int, int, int], list[list[str]], str, bool] | None = None
    for order, (delimiter, label) in enumerate(DELIMITERS):
        if delimiter not in text and order:
            continue
        rows, quoted = _rows(text, delimiter, file, max_cells)
        score = (*_evidence(rows, keys), -order)
        if best is None or score > best[0]:
            best = (score, rows, label, quoted)
    assert best is not None
    _, rows, label, quoted = best
    width = max(map(len, rows), default=0)
    if width * len(rows) > max_cells:
        raise InputError("E501", f"{file}：{len(rows)}行{width}列，过大", _SAVE_AS)
    how = [f"编码{decoded.encoding}{'（按内容判定）' if decoded.by_evidence else ''}", f"分隔符{label}"]
    if decoded.damaged:
        how.append(f"{decoded.damaged}个字不能识别")
    if not quoted:
        how.append("引号不成对，按原文逐行读取")
    cells = tuple(tuple(cell if cell.strip() else None for cell in row) for row in rows)
    name = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return RawSheet(unit_id, file, name, cells), "，".join(how)


def _rows(text: str, delimiter: str, file: str, max_cells: int) -> tuple[list[list[str]], bool]:
    """Rows, and whether quotes could be believed: one left open would swallow all rows behind it."""
    try:
        rows = _counted(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), file, max_cells)
        if not any(cell.count("\n") > _LINES_OF_A_CELL for row in rows for cell in row):
            return rows, True
    except csv.Error:
        pass
    try:
        lines = io.StringIO("\n".join(text.splitlines()), newline="")
        return _counted(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE), file, max_cells), False
    except csv.Error as problem:
        raise InputError("E501", f"{file}：{problem}", _SAVE_AS) from problem


def _counted(reader: Iterable[list[str]], file: str, max_cells: int) -> list[list[str]]:
    """The rows, refused as soon as they hold more than ``max_cells`` cells: a million rows are never all in memory."""
    rows: list[list[str]] = []
    left = max_cells
    for row in reader:
        left -= len(row)
        if left < 0:
            raise InputError("E501", f"{file}：第{len(rows) + 1}行起超过{max_cells}个单元格，过大", _SAVE_AS)
        rows.append(row)
    return rows


def _evidence(rows: Sequence[Sequence[str]], keys: Collection[str]) -> tuple[int, int]:
    """Most headings found in one of the first rows, and how many rows share the commonest number (> 1) of cells."""
    first = rows[:_EVIDENCE_ROWS]
    named = max((sum(heading_key(cell) in keys for cell in row if cell.strip()) for row in first), default=0)
    widths = Counter(len(row) for row in first if len(row) > 1)
    return named, max(widths.values(), default=0)
