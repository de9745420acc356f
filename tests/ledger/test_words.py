import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger.words import TARGET_ID, area_in_text, areas_in_cell, read_area, split_numbered


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
