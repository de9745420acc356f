"""Indicators as formulas: read back from the workbook, computed here by other means, and compared."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from datetime import date
from statistics import NormalDist
from typing import Any

import openpyxl
import pandas as pd
import pytest

from pipeline import schema
from pipeline.intervals import wilson
from pipeline.report.kpi import (
    CITY,
    CONCLUDED,
    DUE,
    EARLY,
    FACTS_NAME,
    HANDLING,
    INDICATORS,
    KPI_NAME,
    OVERLAP,
    fact_table,
    kpi_sheets,
    stop_held,
    structure_day,
)
from pipeline.report.sheets import Formula, Sheet, column_letter
from pipeline.sinks.workbook import workbook_bytes
from tests.report.fabricate import empty_month, frame, small_month, verdict

HISTORY = '[{"period": "2026-08", "stage": "pit"}, {"period": "2026-10", "stage": "structure"}]'

FOLLOWED = {
    "ground": "still_there",
    "ground_reason": "-",
    "pixels": 9,
    "clear_share": 1.0,
    "days_least": 1,
    "days_most": 2,
}


def case(number: int, state: str, **values: Any) -> dict[str, Any]:
    row = {"target_id": f"420000XC2610{number:04d}", "unit_id": "U1", "state": state, "outcome": "violation",
           "next_step": "-", "overdue": False, "basis": "-"}  # fmt: skip
    return row | values


def told() -> Any:
    """Four verdicts: found early and stopped, found late and closed but seen again, missed and unchecked, pseudo."""
    month = small_month()
    verdicts = [
        verdict(1, 0, "U1", "found_before_dispatch", outcome="violation", discovered_on="2026-09-20", told_stage="pit"),
        verdict(2, 1, "U1", "found_after_dispatch", outcome="violation", discovered_on="2026-10-12"),
        verdict(3, 2, "U3", "due_not_patrolled"),
        verdict(4, 4, "U3", "undeterminable", outcome="pseudo_change"),
    ]
    cases = [
        case(1, "rectifying", due_on="2026-11-20", due_unit_id="U3", overdue=True),
        case(2, "closed"),
        case(3, "dispatched", due_on="2026-12-20", outcome="unchecked"),
    ]
    alerts = [{"target_id": "420000XC26100002", "alert": "seen_after_closing", "reason": "-"}]
    return small_month(
        verdicts=frame(schema.VERDICTS, verdicts), cases=frame(schema.CASES, cases),
        alerts=frame(schema.ALERTS, alerts), targets=month.targets.assign(history=HISTORY),
    )  # fmt: skip


def book_of(month: Any) -> Any:
    content = workbook_bytes(kpi_sheets(month, confidence=0.95), day=date(2026, 10, 31), title="t")
    return openpyxl.load_workbook(io.BytesIO(content))


def countifs(book: Any, formula: str) -> int:
    """Excel's COUNTIFS for criteria that are plain texts."""
    inner = re.fullmatch(r"=COUNTIFS\((.*)\)", formula)
    assert inner
    columns = []
    for place, wanted in re.findall(r"'([^']+'!\$[A-Z]+\$\d+:\$[A-Z]+\$\d+),\"([^\"]*)\"", inner.group(1)):
        name, _, cells = place.partition("'!")
        values = [row[0].value for row in book[name][cells.replace("$", "")]]
        columns.append([value is not None if wanted == "<>" else value == wanted for value in values])
    return sum(all(row) for row in zip(*columns, strict=True))


def interval(formula: str, hit: int, asked: int) -> float:
    """Excel's formula of a limit, for a denominator above 0."""
    body = re.fullmatch(r'=IF\(D\d+=0,"",(.*)\)', formula)
    assert body
    text = re.sub(r"C\d+", str(hit), re.sub(r"D\d+", str(asked), body.group(1))).replace("^", "**")
    names = {"NORMSINV": NormalDist().inv_cdf, "SQRT": math.sqrt, "MAX": max, "MIN": min}
    return float(eval(text, {"__builtins__": {}}, names))  # noqa: S307


def test_every_number_is_a_formula_over_the_facts() -> None:
    month = told()
    book, facts = book_of(month), fact_table(month)
    rows = list(book[KPI_NAME].iter_rows(min_row=4, values_only=True))
    seen = 0
    for name, unit, hit, asked, value, low, high, rank, _ in rows:
        if name == "平均提前天数":
            continue
        each = next(indicator for indicator in INDICATORS if indicator.name == name)
        mine = facts if unit == CITY else facts[facts[each.unit] == unit]
        base = mine[mine[each.asked] == "是"]
        right = (int((base[each.hit] == "是").sum()), len(base))
        assert (countifs(book, hit), countifs(book, asked)) == right
        assert value.startswith("=IF(D") and (rank is None) == (unit == CITY)
        if right[1]:
            limits = (interval(low, *right), interval(high, *right))
            assert limits == pytest.approx(wilson(*right, confidence=0.95), abs=1e-9)
            seen += 1
    assert seen >= 10


def test_the_facts_by_hand() -> None:
    rows = fact_table(told()).set_index("监测编号")
    early, late, missed, pseudo = (rows.loc[f"420000XC2610000{n}"] for n in (1, 2, 3, 4))
    # the structure can first have shown on 1 October
    assert early[["派发前发现", "主体前发现", "报告属实", "制止有效", "逾期"]].tolist() == ["是"] * 5
    assert (early["提前天数"], late["提前天数"]) == (11, -11)
    assert late[["派发前发现", "报告属实", "已销案", "重开", "查处到位"]].tolist() == ["否", "是", "是", "是", "否"]
    assert pd.isna(late["主体前发现"]) and pd.isna(late["逾期"])
    assert missed[["应发现", "派发前发现", "已报且已核", "违法", "逾期"]].tolist() == ["是", "否", "否", "未核", "否"]
    assert pd.isna(missed["制止有效"]) and pd.isna(missed["查处到位"])
    assert pseudo["应发现"] == "否" and pd.isna(pseudo["派发前发现"])


def test_each_question_counts_for_the_unit_it_is_about() -> None:
    """Target 1 was found by U1 and dispatched to it, but U3 held it while it fell due; nobody held target 3 throughout."""
    month = told()
    facts, sheet = kpi_sheets(month, confidence=0.95)
    names, book = month.unit_names(), book_of(month)
    own = facts.frame.set_index("监测编号").loc["420000XC26100001"]
    assert own[[CONCLUDED, HANDLING, DUE]].tolist() == [names["U1"], names["U1"], names["U3"]]
    counted = {
        (row["指标"], row["单位"]): tuple(countifs(book, "=" + row[name].text) for name in ("分子", "分母"))
        for row in sheet.frame.to_dict("records") if isinstance(row["分子"], Formula)
    }  # fmt: skip
    late = {unit: counted["逾期率", unit] for unit in (CITY, names["U1"], names["U3"])}
    assert late == {CITY: (1, 2), names["U1"]: (0, 0), names["U3"]: (1, 1)}
    assert counted["发现及时（派发前发现率）", names["U1"]] == (1, 2)


@pytest.mark.parametrize(
    ("stage", "history", "answer"),
    [
        ("pit", HISTORY, True),
        ("roofed", HISTORY, False),
        ("structure", '[{"period": "2026-08", "stage": "earthworks"}]', False),
        # nothing told: the image of the first detection (8 October) or of a later month still shows earthworks
        (None, '[{"period": "2026-08", "stage": "earthworks"}]', True),
        (None, '[{"period": "2026-08", "stage": "unknown"}, {"period": "2026-10", "stage": "pit"}]', True),
        (None, '[{"period": "2026-08", "stage": "unknown"}]', None),
        # the building of the first image may have stood on the day of the find already
        (None, '[{"period": "2026-10", "stage": "roofed"}]', None),
        ("pit", '[{"period": "2026-08", "stage": "unknown"}, {"period": "2026-09", "stage": "roofed"}]', False),
    ],
)
def test_early_needs_evidence_of_an_early_stage(stage: str | None, history: str, answer: bool | None) -> None:
    """Found on 20 September; first seen on 8 October."""
    month = told()
    row = verdict(1, 0, "U1", "found_before_dispatch", discovered_on="2026-09-20", told_stage=stage)
    targets = month.targets.assign(history=history, first_seen=pd.Timestamp("2026-10-08"))
    month = replace(month, verdicts=frame(schema.VERDICTS, [row]), targets=targets)
    own = fact_table(month).iloc[0]
    assert own["发现阶段可判"] == ("否" if answer is None else "是")
    assert pd.isna(own["主体前发现"]) if answer is None else own["主体前发现"] == ("是" if answer else "否")
    _, sheet = kpi_sheets(month, confidence=0.95)
    said = sheet.frame[(sheet.frame["指标"] == EARLY) & (sheet.frame["单位"] == CITY)]["口径"].iloc[0]
    assert said.endswith(f"阶段不明而不计的 {int(answer is None)} 个")
    if stage in ("structure", "roofed"):
        # no days of lead over a building that the entry itself tells of
        assert pd.isna(own["提前天数"]) or own["提前天数"] <= 0


def test_overlapping_units_are_not_ranked() -> None:
    """The rank's formula says so where another interval of the same indicator touches."""
    _, sheet = kpi_sheets(told(), confidence=0.95)
    ranks = [each.text for each in sheet.frame["排名"] if isinstance(each, Formula)]
    assert len(ranks) == 2 * len(INDICATORS)
    assert all(f'>1,"{OVERLAP}",' in text for text in ranks)
    assert re.search(r'\$F\$4:\$F\$\d+,"<="&G5,\$G\$4:\$G\$\d+,">="&F5\)', ranks[0].replace("$F$4", "$F$4"))


@pytest.mark.parametrize(
    ("state", "watch", "alerts", "held"),
    [
        ("rectifying", "quiet", [], True),
        ("rectifying", "resumed", ["grew_without_approval", "grew_after_notice"], False),
        ("refused", "quiet", [], False),
        # an approval of after the notice covers what grew
        ("approved", "approved", ["grew_after_notice", "grew_after_check"], True),
        ("approved", "partly_approved", ["grew_after_notice"], True),
        ("approved", "extent_unknown", ["grew_after_notice"], None),
        ("approved", "extent_unknown", [], True),
        # it grew before the notice reached the party; nobody knows whether before or after; within the outline's error
        ("rectifying", "quiet", ["grew_after_check"], True),
        ("rectifying", "quiet", ["grew_after_check", "grew_around_notice"], None),
        ("rectifying", "quiet", ["grew_after_notice"], None),
        # without a served notice there is no watch
        ("notified", None, ["grew_after_check"], False),
        ("approved", None, ["grew_after_check"], None),
        ("notified", None, [], True),
    ],
)
def test_a_stop_held_where_nothing_grew_that_an_approval_does_not_cover(
    state: str, watch: str | None, alerts: list[str], held: bool | None
) -> None:
    assert stop_held(state, watch, set(alerts)) is held
    month = told()
    rows = [{"target_id": "420000XC26100001", "alert": alert, "reason": "-"} for alert in alerts]
    watched = [{"target_id": "420000XC26100001", "watch": watch} | FOLLOWED]
    month = replace(
        month, cases=frame(schema.CASES, [case(1, state)]), alerts=frame(schema.ALERTS, rows),
        follow_ups=frame(schema.FOLLOW_UPS, watched),
    )  # fmt: skip
    own = fact_table(month).set_index("监测编号").loc["420000XC26100001"]
    assert own["已制止且可判"] == ("否" if held is None else "是")
    assert pd.isna(own["制止有效"]) if held is None else own["制止有效"] == ("是" if held else "否")


@pytest.mark.parametrize(
    ("history", "day"),
    [
        (HISTORY, "2026-10-03"),
        # the month's own step tells the day: no earlier image of that month shows it
        (HISTORY.replace('"structure"', '"structure", "first_seen": "2026-10-23"'), "2026-10-23"),
        ('[{"period": "2026-10", "stage": "roofed"}]', "2026-10-08"),
        ('[{"period": "2026-10", "stage": "roofed", "first_seen": "2026-10-23"}]', "2026-10-08"),
        ("[]", None),
        (None, None),
    ],
)
def test_structure_day(history: str | None, day: str | None) -> None:
    looks = [date(2026, 9, 26), date(2026, 10, 3), date(2026, 10, 23), date(2026, 11, 2)]
    found = structure_day(history, pd.Timestamp("2026-10-08"), looks)
    assert found == (pd.Timestamp(day) if day else None)


def test_where_the_period_has_no_known_image_its_first_day_stays_the_bound() -> None:
    assert structure_day(HISTORY, pd.Timestamp("2026-10-08"), [date(2026, 9, 26)]) == pd.Timestamp("2026-10-01")


def test_a_units_name_is_only_text_in_a_formula() -> None:
    month = told()
    odd = month.units.assign(name=['柳*"林', *month.units["name"][1:]])
    _, sheet = kpi_sheets(small_month(verdicts=month.verdicts, units=odd), confidence=0.95)
    texts = [each.text for each in sheet.frame["分子"] if isinstance(each, Formula)]
    assert any('"柳~*""林"' in text for text in texts)


def test_a_month_without_targets() -> None:
    facts, sheet = kpi_sheets(empty_month(), confidence=0.95)
    assert facts.frame.empty and set(sheet.frame["单位"]) == {CITY}
    assert {FACTS_NAME, KPI_NAME} == set(book_of(empty_month()).sheetnames)


@pytest.mark.parametrize(("number", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (703, "AAA")])
def test_column_letter(number: int, letters: str) -> None:
    assert column_letter(number) == letters


def test_span_and_hostile_text() -> None:
    sheet = Sheet("表", pd.DataFrame({"a": ["=1+1"], "b": [Formula("SUM($A$3:$A$3)")]}), title="t", note="n")
    assert (sheet.span("b"), sheet.span("a", local=True)) == ("'表'!$B$4:$B$4", "$A$4:$A$4")
    page = openpyxl.load_workbook(io.BytesIO(workbook_bytes([sheet], day=date(2026, 10, 31), title="t")))["表"]
    # the first stays text, only the program's own is computed
    assert (page["A4"].data_type, page["B4"].data_type) == ("s", "f")
