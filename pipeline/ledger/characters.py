"""Ways of writing reduced to one, for comparing and parsing only: traditional and full-width forms, Chinese numerals."""

from __future__ import annotations

import re
import unicodedata

# pairs: the traditional character, then the simplified; names of people are never rewritten with this
_PAIRS = (
    "時时間间員员線线項项違违點点現现狀状製制處处後后續续號号圖图編编測测經经緯纬標标積积備备註注說说"
    "發发無无沒没異异個个單单場场實实檢检據据數数產产類类設设執执隊队農农業业東东鎮镇鄉乡莊庄審审"
    "總总計计報报負负責责簽签聯联繫系電电話话範范圍围內内區区從从調调過过開开關关門门長长進进運运達达還还"
    "寫写書书會会來来對对當当應应動动務务勞劳廠厂廣广歸归畝亩頃顷築筑牆墙磚砖採采礦矿溝沟樓楼戶户"
    "請请記记錄录詳详細细證证認认識识許许訴诉評评該该詢询議议變变讓让態态壞坏環环規规則则劃划劉刘陳陈張张"
    "曆历體体稱称況况舊旧興兴產产嚴严爾尔韓韩吳吴楊杨趙赵孫孙馬马黃黄鄭郑許许蔣蒋葉叶龍龙飛飞華华國国"
)
_SIMPLER = {ord(old): new for old, new in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)}
_DIGITS = {
    "〇": "0", "零": "0", "○": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6",
    "七": "7", "八": "8", "九": "9",
}  # fmt: skip
_NUMERAL = "〇零○一二两三四五六七八九十廿卅"
_INVISIBLE = re.compile("[\\x00-\\x08\\x0e-\\x1f\\x7f\\u200b-\\u200f\\u2060\\ufeff]")
# letters and rings typed for the zero of a year: 二O二六
_ROUND = re.compile("(?<=[一二三四五六七八九〇零○])[OoΟО◯0](?=[一二三四五六七八九〇零○])")


def visible(text: str) -> str:
    """Text without control characters and others that show nothing."""
    return _INVISIBLE.sub("", text)


def simplified(text: str) -> str:
    """Text with the listed traditional characters replaced, for comparing and parsing only."""
    return text.translate(_SIMPLER)


def plain(text: str) -> str:
    """Text with full-width and traditional forms, long dashes and all blanks reduced, for parsing only."""
    return re.sub(r"\s+", "", folded(text))


def folded(text: str) -> str:
    """Text with full-width and traditional forms and long dashes reduced, 号 as 日; blanks stay."""
    reduced = simplified(unicodedata.normalize("NFKC", visible(text)))
    return re.sub(r"[‐-―−﹣~～]+", "-", reduced).replace("号", "日")


def arabic(text: str) -> str:
    """Chinese numerals before 年, 月 and 日 as digits: 二〇二六年五月二十三日 becomes 2026年5月23日."""
    text = _ROUND.sub("〇", text)
    text = re.sub(rf"[{_NUMERAL[:-3]}]{{4}}(?=年)", lambda m: "".join(_DIGITS[char] for char in m[0]), text)
    text = re.sub(rf"[{_NUMERAL[:-3]}]{{2}}(?=年[{_NUMERAL}\d])", lambda m: "".join(_DIGITS[c] for c in m[0]), text)
    return re.sub(
        rf"(?<!周)(?<!星期)(?<!礼拜)[{_NUMERAL}]+(?=\s*(?:[月日时点分]|[-至到、,][{_NUMERAL}]+[日月、,]))",
        lambda m: str(_numeral(m[0])),
        text,
    )


def _numeral(text: str) -> int:
    """Value of a Chinese numeral up to 39, such as 二十三, 廿三, 十, 〇三; 99, no day or month, for nonsense."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.partition("十")
    if not ten:
        return int("".join(_DIGITS[char] for char in text))
    if "十" in ones:
        return 99
    return int("".join(_DIGITS[c] for c in tens) or 1) * 10 + int("".join(_DIGITS[c] for c in ones) or 0)
