"""Areas as people write them: square metres, 亩, 公顷 and sides, with numbers in digits or Chinese numerals."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from pipeline.geodesy import M2_PER_MU
from pipeline.ledger.words import split_numbered

AREA_FROM_TEXT = "面积取自文字"
_AREA_UNITS: dict[str, Fraction] = {
    "公顷": Fraction(10_000), "HM2": Fraction(10_000), "HA": Fraction(10_000),
    "平方公里": Fraction(1_000_000), "KM2": Fraction(1_000_000),
    "亩": M2_PER_MU,
    "平方米": Fraction(1), "平米": Fraction(1), "平方": Fraction(1), "M2": Fraction(1),
}  # fmt: skip
_UNIT = "|".join(sorted(_AREA_UNITS, key=lambda unit: (-len(unit), unit)))
_AREA = re.compile(rf"(\d+(?:\.\d+)?)(?:余|多)?({_UNIT})")
_SIDES = re.compile(r"(\d+(?:\.\d+)?)(?:米|M)?(?:\*|X|×|乘)(\d+(?:\.\d+)?)(?:米|M)(?!2)")
_LONG_AND_WIDE = re.compile(r"长约?(\d+(?:\.\d+)?)(?:米|M)[,，、]?宽约?(\d+(?:\.\d+)?)(?:米|M)(?!2)")
_ONES = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_TENS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十百千]+(?=(?:余|多)?(?:亩|分|公顷|平方|平米))")


def read_area(text: str, heading: str = "") -> float | None:
    """Area in m2 of a cell such as ``3亩``, ``半亩``, ``约2000㎡``, ``0.5公顷`` or ``30*20米``; the heading may name the unit.

    None when there is no number or no unit: an area is never guessed.
    """
    folded = unicodedata.normalize("NFKC", text).upper().replace(" ", "").replace(",", "")
    folded = _counted(folded)
    if match := re.fullmatch(r"(?:约|大约)?(\d+)亩半", folded):
        return _square_metres(Fraction(match[1]) + Fraction(1, 2), "亩")
    if match := re.fullmatch(r"(?:约|大约)?(\d+(?:\.\d+)?)分地?", folded):
        return _square_metres(Fraction(match[1]) / 10, "亩")
    if match := re.search(r"(\d+(?:\.\d+)?)亩(\d)分(?!之)", folded):
        return _square_metres(Fraction(match[1]) + Fraction(match[2]) / 10, "亩")
    if match := _AREA.search(folded):
        return _square_metres(Fraction(match[1]), match[2])
    if match := _SIDES.search(folded) or _LONG_AND_WIDE.search(folded):
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


def _counted(text: str) -> str:
    """Chinese numerals up to thousands before a unit as digits, 半亩 as 0.5亩."""
    text = re.sub(r"(?<![\d一二两三四五六七八九十])半(?=亩|公顷)", "0.5", text)
    return _NUMERAL.sub(lambda match: str(_value(match[0])), text)


def _value(numeral: str) -> int:
    """Value of 一百二十, 两千, 二百五 (250, the last unit left out) or 一二〇."""
    total = digit = 0
    unit = 10
    for sign in numeral:
        if sign in _TENS:
            unit = _TENS[sign]
            total += (digit or 1) * unit
            digit = 0
        elif sign in "零〇" and total:
            unit = 10
        else:
            digit = digit * 10 + _ONES[sign]
    return total + digit * (unit // 10)
