import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger.areas import area_in_text, areas_in_cell, read_area
from pipeline.ledger.words import (
    TARGET_ID,
    ditto_and_more,
    is_ditto,
    is_nothing,
    is_sample,
    says_not_patrolled,
    says_nothing_found,
    split_lines,
    split_numbered,
    tells_of_works,
    who_and_where,
    without_numbers,
)
from tests.ledger.rules import RULES


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.张三建房；2.李四取土", ("张三建房", "李四取土")),
        ("1、张三\n2、李四\n3、王五", ("张三", "李四", "王五")),
        ("①王庄村东 ②李庄村西", ("王庄村东", "李庄村西")),
        ("发现两处：（1）张三；（2）李四", ("发现两处：张三", "发现两处：李四")),
        ("一、张三；二、李四", ("张三", "李四")),
        ("1. 114.123,32.1; 2. 114.2,32.3", ("114.123,32.1", "114.2,32.3")),
        ("王庄村1组、2组", ("王庄村1组、2组",)),
        ("3.5亩", ("3.5亩",)),
        ("⑴张三 ⑵李四", ("张三", "李四")),
        ("一是张三建房；二是李四取土", ("张三建房", "李四取土")),
        ("第一处：张三；第二处：李四", ("张三", "李四")),
        ("第1处张三，第2处李四", ("张三，", "李四")),
        ("１．张三；２．李四", ("张三", "李四")),
        ("1.3亩棚；2.5亩房", ("1.3亩棚；2.5亩房",)),
        ("2.李四", ("2.李四",)),
        ("5.3日在王庄", ("5.3日在王庄",)),
    ],
)
def test_splitting(text: str, parts: tuple[str, ...]) -> None:
    assert split_numbered(text) == parts


@given(st.lists(st.text("张王李赵庄村东西米建房", min_size=1, max_size=8), min_size=2, max_size=12))
def test_numbered_lists_come_back(words: list[str]) -> None:
    for style in ("{}.{}", "{}、{}", "({}){}", "（{}）{}"):
        text = "\n".join(style.format(number, word) for number, word in enumerate(words, 1))
        assert split_numbered(text) == tuple(words), text


@pytest.mark.parametrize(
    ("text", "heading", "area_m2"),
    [
        ("3亩", "", 2000.0),
        ("约2000㎡", "", 2000.0),
        ("0.5公顷", "", 5000.0),
        ("30*20米", "", 600.0),
        ("1200", "面积（平方米）", 1200.0),
        ("2.4", "占地面积(亩)", 1600.0),
        ("1,200平方米", "", 1200.0),
        ("2亩3分", "", 2300 / 1.5),
        ("１５０ｍ２", "", 150.0),
    ],
)
def test_areas(text: str, heading: str, area_m2: float) -> None:
    assert read_area(text, heading) == pytest.approx(area_m2)


def test_an_area_is_never_guessed() -> None:
    assert read_area("300") is None
    assert read_area("一大片") is None
    assert area_in_text("占地3亩，其中硬化1亩") is None
    assert area_in_text("推填土，占地约3亩") == pytest.approx(2000.0)
    assert areas_in_cell("共5亩", "", 2) == (None, None)
    assert areas_in_cell("1. 3亩；2. 600平方米", "", 2) == pytest.approx((2000.0, 600.0))


def test_target_ids() -> None:
    assert TARGET_ID.findall("图斑411501XC26100003附近") == ["411501XC26100003"]
    assert TARGET_ID.findall("X411501XC261000031") == []


@pytest.mark.parametrize("text", ["同上", "同 上", "〃", "″", '"', "”", "同前。", "仝上", "↑"])
def test_ditto_marks(text: str) -> None:
    assert is_ditto(text, RULES) and ditto_and_more(text, RULES) is None


def test_ditto_with_something_more() -> None:
    assert ditto_and_more("同上，新增两间", RULES) == "新增两间"
    assert ditto_and_more("同上村村民", RULES) is None
    assert not is_ditto("同上村", RULES)


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("未發現違法行為", True),
        ("巡查正常，没有新增", True),
        ("未见停工", False),
        ("未发现施工人员，已建成二层楼房", False),
        ("未见任何审批手续", False),
        ("正在建房", False),
    ],
)
def test_phrases_of_nothing_found(text: str, nothing: bool) -> None:
    assert says_nothing_found(text, RULES) is nothing


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("未发现违法行为，但王庄村东有一处正在取土", True),
        ("张三在村东建房，未发现其他违法行为", True),
        ("未发现违法占地、违法建设，非法采矿等行为", False),
        ("对在建工地进行检查，未发现违法行为", False),
        ("重点查看取土点，未发现违法", False),
        ("未发现新增违法行为，原违法建筑已拆除", False),
        ("未发现新增违法，王庄村东老李家正在起房子", True),
        ("除村东头老李家建房外，未发现违法", True),
        ("未发现违法用地，老李家两层楼已打顶", True),
        ("无违法行为，但村东头有两台挖机作业", True),
        ("未发现违法，李某在耕地上搭板房", True),
        ("未发现违法，李庄西垫土约2亩", True),
        ("无违法，村东硬化一百余平方米", True),
        ("未发现违法，新建房屋均有手续", False),
        ("巡查施工围挡2处，耕地300亩，未发现违法", False),
        ("除日常巡查外未发现违法", False),
        ("已拆除围墙外未发现违法", False),
        ("未发现在耕地上建房、取土行为", False),
    ],
)
def test_works_told_beside_nothing_found(text: str, works: bool) -> None:
    assert tells_of_works(text, RULES) is works


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("张三13812345678", "张三"),
        ("张三（电话：138-1234-5678）、李四", "张三、李四"),
        ("李四，身份证号：41102319800101123X", "李四"),
        ("王强（执法证号：豫S12345）", "王强"),
        ("王庄村东（114.51381234567,32.5）", "王庄村东（114.51381234567,32.5）"),
        ("G107国道3公里", "G107国道3公里"),
    ],
)
def test_numbers_beside_names(text: str, bare: str) -> None:
    assert without_numbers(text) == bare


@pytest.mark.parametrize(
    ("text", "who", "place"),
    [
        ("张三在王家村东500米建房", "张三", "王家村东500米"),
        ("李庄村西李四堆砂场", None, "李庄村西"),
        ("正在建房", None, None),
        ("发现李四在李庄村3组路南取土", "李四", "李庄村3组路南"),
    ],
)
def test_who_and_where_in_a_sentence(text: str, who: str | None, place: str | None) -> None:
    assert who_and_where(text) == (who, place)


def test_samples_and_days_without_patrol() -> None:
    assert (
        is_sample(["例：2026-01-01", "张某某"], RULES) and is_sample(["（示例）"], RULES) and is_sample(["TEST"], RULES)
    )
    assert not is_sample(["例家村", "测试中心大楼"], RULES)
    assert says_not_patrolled(["因大雨未巡查"], RULES) and not says_not_patrolled(["未发现违法"], RULES)


@given(st.text("张三李四村未发现建房电话，（）：；\n12.", max_size=30))
def test_any_text_is_weighed_without_failing(text: str) -> None:
    assert isinstance(says_nothing_found(text, RULES) or tells_of_works(text, RULES), bool)
    assert not re.search(r"(?<![\dA-Za-z.])1[3-9]\d{9}(?!\d)", without_numbers(text + "，13812345678"))
    assert all(part in text for part in split_lines(text))


@pytest.mark.parametrize(
    ("text", "area_m2"),
    [
        ("半亩", 333.33),
        ("一百二十平方米", 120),
        ("两亩", 1333.33),
        ("二百五平方米", 250),
        ("一千零五平方米", 1005),
        ("一〇五平方米", 105),
        ("十二亩", 8000),
        ("2亩半", 1666.67),
        ("3分地", 200),
        ("长20米，宽10米", 200),
    ],
)
def test_areas_in_words(text: str, area_m2: float) -> None:
    assert read_area(text) == pytest.approx(area_m2, rel=1e-4)


def test_the_same_words_spaced_ticked_or_mistyped_say_that_nothing_was_found() -> None:
    for text in ("未 发 现", "√ 正常", "末发现违法行为", "0起"):
        assert is_nothing(text, RULES) or says_nothing_found(text, RULES), text
    # a tick alone answers what its heading asks, and 月末发现 tells of a finding
    for text in ("√", "月末发现张三建房", "手续全无 情况属实"):
        assert not is_nothing(text, RULES) and not says_nothing_found(text, RULES), text
