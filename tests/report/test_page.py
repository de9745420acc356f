from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pandas as pd
import pytest

from pipeline import schema
from pipeline.report.answers import four_answers
from pipeline.report.overview import overview_svg
from pipeline.report.page import html_table, month_page
from pipeline.report.statistics import month_numbers
from pipeline.report.tables import MonthTables
from tests.report.fabricate import HOSTILE, PHONE, cell, empty_month, frame, small_month

VOID = {"meta", "br", "link", "img"}


class Balance(HTMLParser):
    """Counts open elements and collects the attributes that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(month: MonthTables, rows_max: int = 500) -> str:
    return month_page(month, month_numbers(month), rows_max=rows_max)


def parsed(text: str) -> Balance:
    parser = Balance()
    parser.feed(text)
    parser.close()
    return parser


@pytest.mark.parametrize("month", [small_month(), empty_month()], ids=["full", "empty"])
def test_page_is_whole_and_loads_nothing(month: MonthTables) -> None:
    text = page(month)
    parser = parsed(text)
    assert parser.open == [] and "script" not in parser.tags and "img" not in parser.tags
    assert all(link.startswith("#") for link in parser.links)
    assert not re.search(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text and '<meta charset="utf-8">' in text


def test_hostile_text_is_only_shown() -> None:
    text = page(small_month())
    assert "<script" not in text and "&lt;script&gt;" in page(small_month(
        verdicts=small_month().verdicts.assign(reason=HOSTILE)))  # fmt: skip
    assert PHONE not in text


def test_first_screen_answers_four_questions() -> None:
    month = small_month()
    complete, where, sure, then = four_answers(month, month_numbers(month))
    assert complete.lead == "影像没有看全，6 个网格中有 1 个没看清；没有巡查计划，无从说巡查是否到位。"
    assert where.lead == "1 个网格影像没看清，1 处计划内的地方轨迹没有覆盖到。"
    assert "影像没看清：柳林镇 W04。" in where.lines
    assert "计划内轨迹没有覆盖的地方：应巡网格从未到达 1 处。没有轨迹不等于没有巡查。" in where.lines
    assert sure.lead == "4 个疑似目标，1 个已经人看过，其余都还只是线索。"
    assert sure.lines[0].startswith(
        "概率在 0.8 以上的 2 个，0.5 至 0.8 的 1 个，0.5 以下的 1 个。概率只表示影像证据强弱"
    )
    assert "尚未用本市实地核查结果校准，不是属实的比例" in sure.lines[0]
    assert sure.lines[1].startswith("时序置信：三次及以上清晰观测 4 个，两次清晰观测 0 个，一次清晰观测 0 个。")
    trained = replace(month, trained=True)
    assert "由训练所得模型算出" in four_answers(trained, month_numbers(trained))[2].lines[0]
    assert then.lead == "2 个单位到现场核查 3 个目标。"
    # as of 2026-11-30
    assert "市局执法队伍：核查 1 个目标，其中 1 个已过期限（最早 2026-11-12），请尽快办结" in then.lines


def test_a_deadline_that_has_passed_is_no_next_step() -> None:
    tasks = small_month().tasks.copy()
    days = {"420000XC26100001": "2026-11-15", "420000XC26100002": "2026-12-05"}
    tasks["due_on"] = pd.to_datetime(tasks["target_id"].map(days))
    late = small_month(tasks=tasks)
    line = "柳林镇：核查 2 个目标，其中 1 个已过期限（最早 2026-11-15），请尽快办结，其余最早 2026-12-05 前办结"
    assert any(said.startswith(line) for said in four_answers(late, month_numbers(late))[3].lines)
    early = replace(late, as_of=date(2026, 11, 15))
    said = four_answers(early, month_numbers(early))[3].lines
    assert any(line.startswith("柳林镇：核查 2 个目标，最早 2026-11-15 前办结") for line in said)
    # somebody has been there: what is left to do has another deadline
    checked = frame(schema.CASES, [{"target_id": "420000XC26100001", "unit_id": "U1", "state": "checked",
                                    "outcome": "violation", "next_step": "", "basis": "", "overdue": False}])  # fmt: skip
    done = replace(late, cases=checked)
    said = four_answers(done, month_numbers(done))[3].lines
    assert any(line.startswith("柳林镇：核查 2 个目标，最早 2026-12-05 前办结") for line in said)


def test_the_page_names_the_last_image_used_not_the_end_of_the_month() -> None:
    days = (date(2026, 9, 26), date(2026, 10, 3), date(2026, 10, 23))
    one = page(replace(small_month(), images={"s2": days}))
    assert "影像截至 2026-10-23；" in one and "影像截至 2026-10-31" not in one
    two = page(replace(small_month(), images={"vhr": (date(2026, 9, 1),), "s2": days}))
    assert "vhr 本期无可用影像，s2 影像截至 2026-10-23；" in two


def test_nobody_is_asked_to_mend_a_signature_row_or_a_copy() -> None:
    month = small_month()
    rows = pd.concat([month.rejected.assign(code=code) for code in ("E505", "E506", "E507")], ignore_index=True)
    month = small_month(rejected=rows)
    _, where, _, then = four_answers(month, month_numbers(month))
    assert "柳林镇：核查 2 个目标，其中 2 个已过期限（最早 2026-11-15），请尽快办结；补正台账 1 行" in then.lines
    assert any(line.startswith("台账有 3 行没有采用，其中 1 行需单位补正") for line in where.lines)


def test_first_screen_of_other_months() -> None:
    none = empty_month()
    assert four_answers(none, month_numbers(none))[0].lead.startswith("没有查。本月没有看得清的影像")
    for state, lead in (
        ("none_found", "影像看全了，6 个网格都看清了；"),
        ("partly_observed", "影像基本看全，6 个网格中有 6 个只看清一部分；"),
    ):
        month = small_month(cell_states=small_month().cell_states.assign(state=state))
        assert four_answers(month, month_numbers(month))[0].lead.startswith(lead)


@pytest.mark.parametrize(
    ("early", "built", "said"),
    [
        (0.2, 0.5, "；巡查没有看全，计划内地面只有 35% 至 58% 有轨迹看见。"),
        (1.0, 1.0, "；巡查看全了，计划内地面的 95% 至 96% 有轨迹看见。"),
    ],
)
def test_whether_all_was_seen_is_asked_of_the_patrols_too(early: float, built: float, said: str) -> None:
    """Two planned cells, the second three times as large; a cell without a plan does not count."""
    facts = {"track_visits": 1, "ledger_visits": 0, "seen_share": 0.5, "reason": "", "state": "partly", "area_ha": 30.0}
    facts |= {"seen_early_share": early, "seen_built_share": built, "track_length_m": 1.0, "observable_share": 1.0}
    rows = [
        {**facts, "cell_id": "W01", "planned_visits": 2},
        {**facts, "cell_id": "W02", "planned_visits": 1, "area_ha": 10.0, "seen_early_share": 0.8, "seen_built_share": 0.84},
        {**facts, "cell_id": "W03", "planned_visits": 0, "seen_early_share": 0.0, "seen_built_share": 0.0},
    ]  # fmt: skip
    month = small_month(coverage=frame(schema.COVERAGE, [{**row, "geometry": cell(0)} for row in rows]))
    complete = four_answers(month, month_numbers(month))[0]
    assert complete.lead.endswith(said)
    assert any(line.startswith("巡查：部分覆盖 3 个网格。") for line in complete.lines)


def test_possible_misses_come_with_reasons_and_the_caveat() -> None:
    text = page(small_month())
    part = text[text.index("可能漏查的目标</h2>") : text.index("全部目标及结论</h2>")]
    assert "420000XC26100002" in part and "420000XC26100004" in part and "420000XC26100001" not in part
    assert "轨迹距目标 35 米" in part and "现场核实为违法之后" in part
    assert "不得作为违法认定" in text and "超出每月核查上限" in text and "批准在前" in text and "看不懂的日期" in text


def test_a_possible_miss_names_who_acted_then_not_who_acts_now() -> None:
    month = small_month()
    moved = month.verdicts.assign(
        acting_unit_id=month.verdicts["acting_unit_id"].where(
            month.verdicts["verdict"] != "patrolled_not_reported", "U3"
        ),
        person_id=None,
    )
    text = page(small_month(verdicts=moved))
    part = text[text.index("可能漏查的目标</h2>") : text.index("全部目标及结论</h2>")]
    row = part[part.index("420000XC26100002") :].split("</tr>")[0]
    assert "市局执法队伍" in row and "柳林镇" not in row and "张三" not in row


def test_long_tables_say_what_they_leave_out() -> None:
    assert "其余 3 行见同期 month.xlsx" in page(small_month(), rows_max=2)
    assert "行见同期" not in page(small_month())
    assert html_table(pd.DataFrame(), rows_max=5) == '<p class="none">本月没有。</p>'
    table = html_table(pd.DataFrame({"<a>": [1.0, 2.5, None, True]}, dtype="object"), rows_max=9)
    assert "<th>&lt;a&gt;</th>" in table and '<td class="n">2.50</td>' in table and "<td>是</td>" in table


def test_overview_draws_every_cell_and_standing_target() -> None:
    month = small_month()
    root = ElementTree.fromstring(overview_svg(month))
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [f"420000XC2610000{number} {verdict}" for number, verdict in
                      ((1, "已发现"), (2, "已巡未发现"), (3, "不可判"), (4, "应巡未巡"))]  # fmt: skip
    fills = [node.get("fill") for node in root if node.tag.endswith("path") and node.get("stroke") == "#bbb"]
    assert len(fills) == 6 and fills.count("url(#hidden)") == 1 and fills.count("url(#partly)") == 1
    assert "1 千米" in overview_svg(month) and "北" in overview_svg(month)
    # the arrow stands below the map, where no target can lie
    arrow = next(node for node in root if any(child.text == "北" for child in node))
    lowest = max(float(y) for y in re.findall(r" ([\d.]+)[LZ]", "".join(
        node.get("d", "") for node in root if node.get("stroke") == "#bbb")))  # fmt: skip
    assert float(re.findall(r"[\d.]+", arrow.get("transform", ""))[1]) - 16 > lowest
    ElementTree.fromstring(overview_svg(empty_month()))


def test_overview_without_cells_is_a_sentence() -> None:
    assert overview_svg(small_month(cell_states=small_month().cell_states.iloc[:0])).startswith("<p>")


def test_page_does_not_depend_on_row_order() -> None:
    month = small_month()
    names = ("targets", "tasks", "verdicts", "people")
    turned = {name: getattr(month, name).iloc[::-1].reset_index(drop=True) for name in names}
    assert page(month) == page(small_month(**turned))
