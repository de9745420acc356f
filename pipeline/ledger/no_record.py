"""Rows of a table that are no records: headings come again, sums, signatures, examples, page numbers, rulers, notes."""

from __future__ import annotations

import re
from datetime import date

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.sheets import FieldRules, Heading, cell_text
from pipeline.ledger.words import is_ditto, is_sample, names_place

_COUNTED = re.compile(
    r"(?:巡查|出动|发现|制止|查处|处理|整改|立案|拆除|上报)?[共约]?\d+(?:次|起|宗|件|处|人次|人|户|天)"
)
_COLUMN_NUMBER = re.compile(r"[(（]?(?:\d{1,2}|[一二三四五六七八九十]{1,2})[)）]?|[①-⑳]")
_PAGE = re.compile(r"第?\s*\d+\s*页\s*[,，/、]?\s*(?:[(（]?共\s*\d+\s*页[)）]?)?|共\s*\d+\s*页|[-—]\s*\d+\s*[-—]")
# ticks and circles answer something, dashes and slashes do not
_RULER = re.compile(r"[-‐-―─━_=/\\|.·…*~～、，。,:：\s]+")
_NOTE_WORDS = 4
# 全镇, 各村, 本辖区 as a place: the row is about all of them
_ALL_OF = ("全", "各", "本", "辖区")
_FULL_DAY = re.compile(r"(?:20\d\d[年./-])?\d{1,2}[月./-]\d{1,2}(?!\d)|\d{1,2}日|\d{5,8}")


def why_no_record(
    cells: tuple[CellValue, ...], heading: Heading, rules: FieldRules, *, turned: bool, dated: bool
) -> str:
    """Why a row below ``heading`` is no record, empty when it may be one.

    ``turned``: the table stands on its side; ``dated``: a merged cell gives the row its day.
    """
    texts = [cell_text(value) for value in cells]
    filled = [text for text in texts if text]
    headings = {text for text in heading.texts.values() if text} | heading.cells
    if len(filled) >= 3 and set(filled) <= headings and not turned:
        return "重复的表头"
    serial = heading.column("serial")
    numbered = serial is not None and serial < len(texts) and bool(texts[serial])
    if len(filled) == 1 and numbered:
        return "只有序号的空行"
    if is_sample(filled, rules):
        return "示例或测试行"
    if len(filled) >= 2 and all(map(_COLUMN_NUMBER.fullmatch, filled)):
        return "列号行"
    told = [text for column, text in enumerate(texts) if text and not (numbered and column == serial)]
    if told and not dated and all(_shows_nothing(text, rules) for text in told):
        return "分隔线或只有符号的空行"
    if all(map(_PAGE.fullmatch, filled)):
        return "页码"
    counted = sum(bool(_COUNTED.fullmatch(text)) for text in filled) >= 2
    if counted and not dated and not _stands_for_itself(cells, heading):
        return "统计次数的合计行"
    begins = [re.sub(r"[\s：:（(]+", "", text) for text in filled[: 2 if numbered else 1]]
    if any(text in rules.totals for text in begins) or re.fullmatch(".{0,4}(?:小计|合计|总计)", begins[0]):
        return "合计、说明或签名行"
    if len(filled) <= 3 and any(begins[0].startswith(word) for word in rules.no_record):
        return "合计、说明或签名行"
    return ""


def is_note(cells: tuple[CellValue, ...]) -> bool:
    """True for a row of one text in words, such as 以上为5月上旬: no day that was mistyped."""
    filled = [text for text in map(cell_text, cells) if text]
    return len(filled) == 1 and len(re.findall("[^\\W\\d年月日上中下旬]", filled[0])) >= _NOTE_WORDS


def _stands_for_itself(cells: tuple[CellValue, ...], heading: Heading) -> bool:
    """Whether a row of counts (出动2人, 发现1处) has a day or place of its own, as the record of one patrol has."""
    told = {}
    for field in ("date", "day", "place"):
        column = heading.column(field)
        told[field] = cells[column] if column is not None and column < len(cells) else None
    day = cell_text(told["date"])
    if isinstance(told["date"], date) or _FULL_DAY.match(re.sub(r"\s", "", day)) or cell_text(told["day"]).isdigit():
        return True
    place = cell_text(told["place"])
    return names_place(place) and not _COUNTED.fullmatch(place) and not place.startswith(_ALL_OF)


def _shows_nothing(text: str, rules: FieldRules) -> bool:
    return bool(_RULER.fullmatch(text)) and not is_ditto(text, rules)
