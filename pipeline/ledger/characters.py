"""Traditional characters of ledgers as simplified ones: those that occur in headings, dates and usual phrases."""

from __future__ import annotations

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


def simplified(text: str) -> str:
    """Text with the listed traditional characters replaced, for comparing and parsing only."""
    return text.translate(_SIMPLER)
