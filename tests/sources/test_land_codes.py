from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.rulebook import load_rulebook
from pipeline.sources.land_codes import load_successors, read_codes
from tests.screen.drawing import DAY


def read(*values: Any) -> tuple[list[Any], dict[str, Any]]:
    codes, report = read_codes("DLTB", pd.Series(list(values), dtype="object"), load_successors())
    return [None if pd.isna(code) else code for code in codes], report


def test_codes_of_2007_are_translated_where_they_have_one_successor_and_else_kept_and_listed() -> None:
    codes, report = read("011", "013", "203", "031", None, "011")
    assert codes == ["0101", "0103", "203", "031", None, "0101"]
    assert report["edition"] == "2007" and (report["old_rows"], report["new_rows"]) == (5, 0)
    assert report["translated"] == [
        {"code": "011", "to": "0101", "rows": 2}, {"code": "013", "to": "0103", "rows": 1},
    ]  # fmt: skip
    assert report["kept"] == [
        {"code": "031", "rows": 1, "reason": "有林地，对应0301、0302、0303"},
        {"code": "203", "rows": 1, "reason": "村庄，不分用途"},
    ]


def test_a_layer_that_mixes_both_editions_is_named() -> None:
    codes, report = read("011", "0101", "05H1", "1202")
    assert codes == ["0101", "0101", "05H1", "1202"]
    assert (report["edition"], report["old_rows"], report["new_rows"]) == ("mixed", 1, 3)


def test_marks_behind_a_code_stay_and_what_is_no_code_is_counted() -> None:
    codes, report = read("021K", "0201K", "耕地", "01")
    assert codes == ["0201K", "0201K", None, "01"]
    assert report["other_rows"] == 2


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [((101, 203, 1202), ["0101", "0203", "1202"]), ((11, 101, 203), ["0101", "1001", "203"]), ((11.0,), ["0101"])],
)
def test_numbers_get_the_zeros_of_their_edition_back(numbers: tuple[Any, ...], codes: list[str]) -> None:
    assert read(*numbers)[0] == codes


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        # 102 beside 1006 is irrigated land (0102), not the highway of 2007
        (("102", "1006", "301"), ["0102", "1006", "0301"]),
        (("103.0", "1202.0"), ["0103", "1202"]),
        (("０１０３", "1202"), ["0103", "1202"]),
        (("011", "203"), ["0101", "203"]),
    ],
)
def test_numbers_written_as_text_get_their_zeros_back(written: tuple[str, ...], codes: list[str]) -> None:
    assert read(*written)[0] == codes


@pytest.mark.parametrize("numbers", [(101, 203), (11, 1202), ("103", "203")])
def test_numbers_that_could_be_of_both_editions_are_refused(numbers: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="E308.*leading zeros"):
        read(*numbers)


def test_a_translation_never_moves_a_code_into_another_group_of_land() -> None:
    groups = load_rulebook().ground_rules(DAY).groups
    for old, new in load_successors().codes.items():
        assert [g.name for g in groups if g.holds(old)] == [g.name for g in groups if g.holds(new)], (old, new)
