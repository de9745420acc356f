"""Hiding of numbers and names in any text, against cases written out by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.report.package import Package
from pipeline.report.personal import (
    Allowance,
    Redaction,
    known_names,
    mask_name,
    masked_numbers,
    redacted_frame,
    redacted_month,
    redacted_package,
    redaction,
)
from pipeline.report.sheets import Sheet
from pipeline.rulebook import deliverables_on
from tests.report.fabricate import PHONE, small_month

STRICT = Allowance("own_unit", "masked", "masked", "none")
BUREAU = Allowance("all", "masked", "masked", "none")
NAMES = {"U1": frozenset({"张三", "李明德"}), "U2": frozenset({"李明", "王五"})}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("联系电话13812345678。", "联系电话138****5678。"),
        ("138-1234-5678", "138-****-5678"),
        ("138 1234 5678", "138 **** 5678"),
        ("+86 13812345678", "+86 138****5678"),
        ("008613812345678", "0086138****5678"),
        ("１３８１２３４５６７８", "１３８****５６７８"),
        ("13812345678.0", "138****5678.0"),
        ("甲13812345678乙13987654321", "甲138****5678乙139****4321"),
        ("Tel.13812345678", "Tel.138****5678"),
        ("0724-2345678", "0724-***5678"),
        ("010 87654321", "010 ****4321"),
        ("身份证420881199001011234", "身份证420881********1234"),
        ("42088119900101123x", "420881********123x"),
        ("420881 19900101 1234", "420881 ******** 1234"),
        ("420881900101123", "420881******123"),
    ],
)
def test_numbers_of_people_are_hidden(text: str, hidden: str) -> None:
    assert masked_numbers(text) == hidden
    assert masked_numbers(hidden) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "420000XC26100002", "39512345.678，3412345.12", "115.015469, 32.612439", "13812345678.25", "2026-10-12",
        "20261012-20261015", "面积8100平方米", "113812345678", "〔2026〕12345号", "12813812345", "",
    ],
)  # fmt: skip
def test_other_numbers_stay(text: str) -> None:
    assert masked_numbers(text) == text


@given(st.text(alphabet="0123456789-+ .电话x", max_size=40))
def test_no_mobile_number_survives_and_nothing_else_is_cut(text: str) -> None:
    hidden = masked_numbers(text)
    assert len(hidden) == len(text)
    assert re.search(r"(?<![\d.])1[3-9]\d{9}(?![\d.])", hidden) is None
    assert all(new in (old, "*") for old, new in zip(text, hidden, strict=True))


@pytest.mark.parametrize(
    ("phones", "id_numbers", "result"),
    [(False, True, "13812345678 420881********1234"), (True, False, "138****5678 420881199001011234")],
)
def test_each_kind_of_number_is_allowed_by_itself(phones: bool, id_numbers: bool, result: str) -> None:
    assert masked_numbers("13812345678 420881199001011234", phones=phones, id_numbers=id_numbers) == result


def test_a_unit_reads_its_own_people_only() -> None:
    guard = redaction(STRICT, NAMES, unit_id="U1")
    assert guard.text("张三、李明德带队，李明和王五同行") == "张三、李明德带队，李*和王*同行"
    nobody = redaction(STRICT, NAMES, unit_id=None)
    assert nobody.text("张三、李明德、李明") == "张*、李**、李*"
    assert redaction(BUREAU, NAMES).text("张三李明王五") == "张三李明王五"
    assert redaction(Allowance("none", "masked", "masked", "none"), NAMES, unit_id="U1").text("张三") == "张*"


def test_a_name_two_units_share_is_shown_to_both() -> None:
    names = {"U1": frozenset({"张三"}), "U2": frozenset({"张三", "王五"})}
    assert redaction(STRICT, names, unit_id="U1").text("张三 王五") == "张三 王*"


@pytest.mark.parametrize("text", ["王五村东500米", "王五路南", "王五庄"])
def test_places_called_after_people_stay(text: str) -> None:
    assert redaction(STRICT, NAMES, unit_id="U1").text(text) == text


def test_names_come_from_the_people_and_from_what_ledgers_say() -> None:
    people = pd.DataFrame({"unit_id": ["U1"], "name": ["张三"]})
    ledger = pd.DataFrame({"unit_id": ["U1", "U2", "U2"], "people": ["张三、李四", "王五 赵六（司机）", None]})
    assert known_names(people, ledger) == {
        "U1": frozenset({"张三", "李四"}), "U2": frozenset({"王五", "赵六", "司机"})}  # fmt: skip
    assert mask_name("欧阳小明") == "欧***"


def test_a_frame_keeps_its_types_and_its_input() -> None:
    month = small_month()
    entries = month.entries.assign(remark="找张三13812345678")
    guard = redaction(STRICT, {"U1": frozenset({"张三"})}, unit_id="U2")
    hidden = redacted_frame(entries, guard)
    assert hidden["remark"].tolist() == ["找张*138****5678"] * 2
    assert entries["remark"].tolist() == ["找张三13812345678"] * 2
    same = [name for name in entries.columns if name != "remark"]
    pd.testing.assert_frame_equal(pd.DataFrame(hidden[same]), pd.DataFrame(entries[same]))
    assert hidden.crs == entries.crs and (hidden.dtypes == entries.dtypes).all()


def test_a_month_loses_telephones_and_tracks() -> None:
    month = small_month()
    guard = redaction(BUREAU, known_names(month.people))
    hidden = redacted_month(month, guard)
    assert hidden.people["phone"].isna().all() and hidden.visits.geometry.isna().all()
    assert hidden.people["name"].tolist() == month.people["name"].tolist()
    assert month.people["phone"].tolist() == [PHONE] * 2 and month.visits.geometry.notna().all()
    walked = redacted_month(month, replace(guard, allowance=replace(BUREAU, tracks="all", phones="whole")))
    assert walked.visits.geometry.notna().all() and walked.people["phone"].tolist() == [PHONE] * 2


def test_a_package_is_treated_in_all_its_parts() -> None:
    month = small_month()
    sheet = Sheet("表", pd.DataFrame({"甲": ["王五", None], "数": [1, 2]}), title="王五", note=PHONE, signature="王五")
    package = Package("U1", "柳林镇", "柳林镇", (sheet,), month.targets.assign(BZ="王五"), {"tasks": 1})
    hidden = redacted_package(package, redaction(STRICT, NAMES, unit_id="U1"))
    page = hidden.sheets[0]
    assert (page.title, page.note, page.signature) == ("王*", "139****1234", "王*")
    assert page.frame["甲"].tolist()[0] == "王*" and page.frame["数"].tolist() == [1, 2]
    assert set(hidden.places["BZ"]) == {"王*"} and package.places["BZ"].eq("王五").all()


def test_values_of_a_json_file_keep_their_numbers_and_keys() -> None:
    guard = Redaction(STRICT, frozenset(), frozenset({"王五"}))
    content = {"王五": ["王五", 13812345678, 1.5, None, True, {"a": "13812345678"}]}
    assert guard.value(content) == {"王五": ["王*", 13812345678, 1.5, None, True, {"a": "138****5678"}]}


def test_the_rules_name_a_recipient_need_and_source_for_every_file_of_the_month() -> None:
    known = deliverables_on(date(2026, 10, 31))
    assert {"package", "month_page", "month_workbook", "month_document", "month_numbers", "gis_file"} <= set(known)
    assert all(item.recipient and item.need and "个人信息保护法" in item.source for item in known.values())
    assert known["package"].allowance() == STRICT
    assert deliverables_on(date(2019, 1, 1)) == known  # a month from before the law is reported under it


def test_a_damaged_rule_file_is_a_numbered_error(tmp_path: Path) -> None:
    text = "format_version: 1\ndeliverables: [{id: package, names: everybody}]\n"
    (tmp_path / "personal_data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="E306.*personal_data"):
        deliverables_on(date(2026, 10, 31), tmp_path)
