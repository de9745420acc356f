"""What a ledger row's words say: nothing found, several findings, areas, stated target ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from pipeline.ledger.characters import simplified
from pipeline.ledger.sheets import FieldRules

TARGET_ID = re.compile(r"(?<![0-9A-Za-z])\d{6}[Xx][Cc]\d{8}(?![0-9A-Za-z])")

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_WHERE = (
    r"(?:(?:村委会|居委会|村|庄|屯|社区|小区|街道|工业园|园区|寨|湾|[省县乡国]道|大道|路)(?:[一二三四五六七八九十\d]+(?:组|社|队|号))?"
    r"(?:(?:正|约|以)?[东南西北]{1,2}(?:侧|边|头|面|部|角|方向)?|(?:约)?\d+(?:\.\d+)?(?:米|公里|里|m|km)(?:处)?|路口|村口|村头|附近|旁边?|内|外|处|"
    r"路[东南西北]|[一-龥]{1,3}[路街渠河沟]|与|交叉口|公路)*)+"
)
_PLACED = re.compile(rf"^(?:[^，。；,;]{{0,12}}?(?:在|位于))?(?P<place>(?:[一-龥]{{1,8}}?|[SGXY]\d{{3}}){_WHERE})")
_LONGEST_MARK = 20
_BRACKETED = "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇"
_CHINESE = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_MARK = re.compile(
    rf"(?P<circled>[{_CIRCLED}])|"
    r"(?:(?<=^)|(?<=[\s;；,，。、:：]))[(（](?P<bracket>\d{1,2}|[一二三四五六七八九十])[)）]|"
    r"(?:(?<=^)|(?<=[\s;；,，。:：]))(?P<digit>\d{1,2})(?:[.．](?!\d{1,3}(?:\D|$))|[、)）])|"
    r"(?:(?<=^)|(?<=[\s;；。]))(?P<chinese>[一二三四五六七八九十])[、是]|"
    rf"(?P<closed>[{_BRACKETED}])|"
    r"(?:(?<=^)|(?<=[\s;；。,，:：]))第(?P<place>\d{1,2}|[一二三四五六七八九十])[处宗起户件项][:：、,，]?"
)
# 未见审批手续 says that something stands there without papers; 未发现手续问题 does not
_PAPERS = re.compile(
    r"(?:其|该户|任何|相关|有效|合法|有|用地|建设|建房|规划|施工|审批|报批|农转用|的){0,4}"
    r"(?:手续|批文|批准文件|批复|许可证?|证件)(?!.{0,4}(?:问题|违法|违规|不全|异常))"
)
# 未见停工 says that works go on
_NOT_DONE = re.compile(
    r"(?:其|该户|当事人|业主|明显|任何|有)?(?:停工|停止|整改|拆除|恢复|改正|复耕|复绿|好转|效果|当事人|业主|户主|负责人|施工人员|现场人员|人员)"
)
# 除村东老李家建房外，未发现违法; 拆除围墙外 excepts nothing
_EXCEPT = re.compile(r"(?<![拆清铲解扣免])除了?(?P<told>[^，,。；;\n]{2,40}?)(?:之|以)?外")
_LOOKED = re.compile(
    r"巡查|检查|排查|查看|查处|宣传|走访|核查|核实|督促|要求|严禁|防止|重点|不得|等(?:行为|情况|问题|现象|违法)"
)
_PLACE = re.compile(
    r"村|庄|屯|[社小]区|居委|寨|湾|[一-龥]营|[一-龥]店|集镇|乡|镇|园区|街|[大国省县乡]道|[一-龥]路|路口|\d+组|[一二三四五六七八九十]组|"
    r"\d{2,3}\.\d{4}|厂|河|水库|学校|公司"
)
# works with a size are there: 垫土约2亩
_SIZED = re.compile(r"[\d一二两三四五六七八九十百半](?:余|多|来)?(?:亩|分地|平方米|平米|平方|㎡|[mM]2)")
_PERSONAL = re.compile(
    r"[(,;、:\s]*(?:联系)?(?:电话|手机|联系方式|身份证|执法证|证件|证)?(?:号码|号)?[:\s]*"
    r"(?<![\dA-Za-z.])(?:\d{17}[\dXx]|(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}-?\d{7,8})(?!\d)|"
    r"[(,;、:\s]*(?:行政)?执法证(?:号码|号|件号)?[:\s]*[一-龥]?[0-9A-Za-z][0-9A-Za-z-]{3,}"
)


def is_ditto(text: str, rules: FieldRules) -> bool:
    """True for a mark that means the same as the row above."""
    return len(text) <= _LONGEST_MARK and _bare(text).strip(".。") in _bare_words(rules.same_as_above)


def ditto_and_more(text: str, rules: FieldRules) -> str | None:
    """What follows a ditto word in 同上，新增两间; None when the text does not begin so."""
    for mark in rules.same_as_above:
        if len(mark) >= 2 and text.strip().startswith(mark):
            more = re.match(r"\s*[,，;；。、(（:：]\s*(?P<more>.*)", text.strip()[len(mark) :], re.DOTALL)
            return more["more"].rstrip(")）") or None if more else None
    return None


def is_nothing(text: str, rules: FieldRules) -> bool:
    """True for an empty cell or one that only says that there is nothing (无, /, 正常)."""
    text = re.sub(r"^\s*[√✓✔]\s*(?=\S)", "", _joined(simplified(text)))
    return text.strip(" 　.。;；,，") in ("", *rules.nothing_whole)


def says_nothing_found(text: str, rules: FieldRules) -> bool:
    """True when a phrase such as 未发现违法行为 stands in the text; papers or people that were not seen are a finding."""
    text = _joined(simplified(text))
    return any(
        not _PAPERS.match(text, match.end()) and not _NOT_DONE.match(text, match.end())
        for phrase in rules.nothing_found
        for match in re.finditer(re.escape(phrase), text)
    )


def tells_of_works(text: str, rules: FieldRules, *, alone: bool = False) -> bool:
    """True when a clause beside a phrase of nothing found tells of works that are there: 未发现违法，但村东正在取土.

    With ``alone`` any clause that tells of works counts, also without a word for that they are there now.
    """
    text = simplified(text)
    told = [match["told"] for match in _EXCEPT.finditer(text)]
    if any(word in part for part in told for word in rules.ground_work if not _LOOKED.search(part)):
        return True
    others = bool(re.search("(?:未发现|没有发现|未见|无)(?:其他|其它|别的)", text))
    for clause in re.split(r"[，,。；;\n！!]", text):
        if says_nothing_found(clause, rules) or _LOOKED.search(clause):
            continue
        works = any(word in clause for word in rules.ground_work)
        if works and (alone or others or _SIZED.search(clause) or any(word in clause for word in rules.present)):
            return True
    return False


def says_not_patrolled(texts: Iterable[str], rules: FieldRules) -> bool:
    """True when one of some texts says that no patrol took place that day (因雨未巡查)."""
    return any(phrase in simplified(text) for text in texts if len(text) <= 40 for phrase in rules.not_patrolled)


def is_sample(texts: Iterable[str], rules: FieldRules) -> bool:
    """True for a row of a form's example: a cell that is 示例 or begins with 示例： or （示例）."""
    for text in texts:
        key = _bare(text[:_LONGEST_MARK]).upper()
        if key in rules.samples or _sample_pattern(rules.samples).match(key):
            return True
    return False


def names_place(text: str) -> bool:
    """True when a text names a village, road or site, so that it can stand as the place of a finding of its own."""
    return bool(_PLACE.search(text))


def who_and_where(text: str) -> tuple[str | None, str | None]:
    """Subject and place of a sentence such as 张三在王家村东500米建房; the place alone where no 在 parts them."""
    folded = text.strip()
    match = re.match(r"(?:发现)?(?P<who>[^，。；,;在]{2,20})(?:在|于)(?P<rest>.+)", folded, re.DOTALL)
    where = _PLACED.match(match["rest"] if match else folded)
    place = where["place"] if where else None
    return (match["who"] if match and place else None), place


def split_lines(text: str) -> tuple[str, ...]:
    """The parts of a text by line breaks and semicolons, one part when there are none."""
    return tuple(part.strip(" \t　,，") for part in re.split(r"[;；\n]+", text) if part.strip(" \t　,，。"))


def without_numbers(text: str) -> str:
    """Names without the telephone, identity-card and certificate numbers written beside them."""
    bare = _PERSONAL.sub("", unicodedata.normalize("NFKC", text))
    if bare == unicodedata.normalize("NFKC", text):
        return text
    bare = re.sub(r"[(\[]\s*[)\]]", "", bare)
    if bare.count(")") > bare.count("("):
        bare = bare.replace(")", "", 1)
    return (
        re.sub(r"[\s,;、:]*([,;、:])[\s,;、:]*", r"\1", bare)
        .strip(" ,;、:")
        .translate(str.maketrans(",:()", "，：（）"))
    )


def _joined(text: str) -> str:
    """A text whose every character stands alone between blanks (未 发 现) without them."""
    parts = text.split()
    return "".join(parts) if len(parts) > 2 and all(len(part) == 1 for part in parts) else text


@cache
def _bare_words(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_bare, words))


@cache
def _sample_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"[(\[【]?(?:{'|'.join(map(re.escape, words))})(?:[)\]】:]|\d{{1,2}}$)")


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", simplified(unicodedata.normalize("NFKC", text)))


def split_numbered(text: str) -> tuple[str, ...]:
    """The parts of a text numbered 1, 2, .. in one style (1. 1、 (1) ① 一、); a single part when it is not.

    Numbers must run from 1 without a gap, so that decimals, dates and house numbers are left alone; words before the
    first number are kept in front of every part.
    """
    styles: dict[str, list[tuple[int, int, int]]] = {}
    for match in _MARK.finditer(text):
        style = next(name for name, value in match.groupdict().items() if value)
        styles.setdefault(style, []).append((_rank(match[style]), match.start(), match.end()))
    for style in ("circled", "digit", "bracket", "chinese", "closed", "place"):
        marks = _sequence(styles.get(style, []))
        if len(marks) >= 2:
            lead = text[: marks[0][1]].strip()
            ends = [start for _, start, _ in marks[1:]] + [len(text)]
            parts = [text[end:stop].strip(" \n\t　;；") for (_, _, end), stop in zip(marks, ends, strict=True)]
            return tuple(lead + part for part in parts)
    return (text,)


def _rank(mark: str) -> int:
    for signs in (_CIRCLED, _BRACKETED):
        if mark in signs:
            return signs.index(mark) + 1
    return _CHINESE.index(mark) + 1 if mark in _CHINESE else int(mark)


def _sequence(marks: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The marks that count 1, 2, 3, ... in order; other numbers in between are ignored."""
    kept: list[tuple[int, int, int]] = []
    for mark in marks:
        if mark[0] == len(kept) + 1:
            kept.append(mark)
    return kept
