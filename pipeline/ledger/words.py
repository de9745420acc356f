"""What a ledger row's words say: nothing found, several findings, areas, stated target ids."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from pipeline.geodesy import M2_PER_MU
from pipeline.ledger.sheets import FieldRules

TARGET_ID = re.compile(r"(?<![0-9A-Za-z])\d{6}XC\d{8}(?![0-9A-Za-z])")

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_CHINESE = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_MARK = re.compile(
    rf"(?P<circled>[{_CIRCLED}])|"
    r"(?:(?<=^)|(?<=[\s;；,，。、:：]))[(（](?P<bracket>\d{1,2}|[一二三四五六七八九十])[)）]|"
    r"(?:(?<=^)|(?<=[\s;；,，。:：]))(?P<digit>\d{1,2})(?:[.．](?!\d{1,3}(?:\D|$))|[、)）])|"
    r"(?:(?<=^)|(?<=[\s;；。]))(?P<chinese>[一二三四五六七八九十])、"
)
_AREA_UNITS: dict[str, Fraction] = {
    "公顷": Fraction(10_000), "HM2": Fraction(10_000), "HA": Fraction(10_000),
    "平方公里": Fraction(1_000_000), "KM2": Fraction(1_000_000),
    "亩": M2_PER_MU,
    "平方米": Fraction(1), "平米": Fraction(1), "平方": Fraction(1), "M2": Fraction(1),
}  # fmt: skip
_UNIT = "|".join(sorted(_AREA_UNITS, key=lambda unit: (-len(unit), unit)))
_AREA = re.compile(rf"(\d+(?:\.\d+)?)(?:余|多)?({_UNIT})")
_SIDES = re.compile(r"(\d+(?:\.\d+)?)(?:米|M)?(?:\*|X|×|乘)(\d+(?:\.\d+)?)(?:米|M)(?!2)")
# 未见审批手续 says that something stands there without papers; 未发现手续问题 does not
_PAPERS = re.compile(
    r"(?:其|该户|任何|相关|有效|合法|有|用地|建设|建房|规划|施工|审批|报批|农转用|的){0,4}"
    r"(?:手续|批文|批准文件|批复|许可证?|证件)(?!.{0,4}(?:问题|违法|违规|不全|异常))"
)
AREA_FROM_TEXT = "面积取自文字"


def is_ditto(text: str, rules: FieldRules) -> bool:
    """True for a mark that means the same as the row above."""
    return text.strip(" 　.。") in rules.same_as_above


def is_nothing(text: str, rules: FieldRules) -> bool:
    """True for an empty cell or one that only says that there is nothing (无, /, 正常)."""
    return text.strip(" 　.。;；,，") in ("", *rules.nothing_whole)


def says_nothing_found(text: str, rules: FieldRules) -> bool:
    """True when a phrase such as 未发现违法行为 stands in the text; papers that were not seen are a finding."""
    return any(
        not _PAPERS.match(text, match.end())
        for phrase in rules.nothing_found
        for match in re.finditer(re.escape(phrase), text)
    )


def split_numbered(text: str) -> tuple[str, ...]:
    """The parts of a text numbered 1, 2, .. in one style (1. 1、 (1) ① 一、); a single part when it is not.

    Numbers must run from 1 without a gap, so that decimals, dates and house numbers are left alone; words before the
    first number are kept in front of every part.
    """
    styles: dict[str, list[tuple[int, int, int]]] = {}
    for match in _MARK.finditer(text):
        style = next(name for name, value in match.groupdict().items() if value)
        styles.setdefault(style, []).append((_rank(match[style]), match.start(), match.end()))
    for style in ("circled", "digit", "bracket", "chinese"):
        marks = _sequence(styles.get(style, []))
        if len(marks) >= 2:
            lead = text[: marks[0][1]].strip()
            ends = [start for _, start, _ in marks[1:]] + [len(text)]
            parts = [text[end:stop].strip(" \n\t　;；") for (_, _, end), stop in zip(marks, ends, strict=True)]
            return tuple(lead + part for part in parts)
    return (text,)


def _rank(mark: str) -> int:
    if mark in _CIRCLED:
        return _CIRCLED.index(mark) + 1
    return _CHINESE.index(mark) + 1 if mark in _CHINESE else int(mark)


def _sequence(marks: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The marks that count 1, 2, 3, ... in order; other numbers in between are ignored."""
    kept: list[tuple[int, int, int]] = []
    for mark in marks:
        if mark[0] == len(kept) + 1:
            kept.append(mark)
    return kept


def read_area(text: str, heading: str = "") -> float | None:
    """Area in m2 of a cell such as ``3亩``, ``约2000㎡``, ``0.5公顷`` or ``30*20米``; the heading may name the unit.

    None when there is no number or no unit: an area is never guessed.
    """
    folded = unicodedata.normalize("NFKC", text).upper().replace(" ", "").replace(",", "")
    if match := re.search(r"(\d+(?:\.\d+)?)亩(\d)分(?!之)", folded):
        return _square_metres(Fraction(match[1]) + Fraction(match[2]) / 10, "亩")
    if match := _AREA.search(folded):
        return _square_metres(Fraction(match[1]), match[2])
    if match := _SIDES.search(folded):
        return float(Fraction(match[1]) * Fraction(match[2]))
    number = re.fullmatch(r"(?:约|大约)?(\d+(?:\.\d+)?)(?:余|左右)?", folded)
    unit = re.search(_UNIT, unicodedata.normalize("NFKC", heading).upper())
    if number and unit:
        return _square_metres(Fraction(number[1]), unit[0])
    return None


def area_in_text(text: str) -> float | None:
    """Area in m2 stated in a sentence, where exactly one is: ``占地约3亩``; None for none or several."""
    folded = unicodedata.normalize("NFKC", text).upper().replace(" ", "")
    found = [*_AREA.findall(folded)]
    return _square_metres(Fraction(found[0][0]), found[0][1]) if len(found) == 1 else None


def _square_metres(number: Fraction, unit: str) -> float:
    return float(number * _AREA_UNITS[unit])


def areas_in_cell(text: str, heading: str, count: int) -> tuple[float | None, ...]:
    """Areas in m2 of ``count`` findings from one cell; all None unless the cell states exactly that many."""
    if count == 1:
        return (read_area(text, heading),)
    parts = split_numbered(text)
    if len(parts) != count:
        parts = tuple(part for part in re.split(r"[;；,，、\n]+", text) if part.strip())
    found = tuple(read_area(part, heading) for part in parts)
    return found if len(found) == count and None not in found else (None,) * count
