"""The month's page: one self-contained HTML file that answers first whether, where, how sure and what next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

import pandas as pd

from pipeline import schema
from pipeline.report.answers import four_answers
from pipeline.report.month import (
    AMBIGUOUS_NOTE,
    KPIS_NOTE,
    MISSED_NOTE,
    UNITS_NOTE,
    WAITING_NOTE,
    process_kpis,
    target_table,
)
from pipeline.report.overview import overview_svg
from pipeline.report.package import CLUE_NOTE
from pipeline.report.sheets import readable
from pipeline.report.statistics import FOUND, NOT_FOUND, month_summary
from pipeline.report.tables import MonthTables
from pipeline.values import CellState, Verdict

CAVEATS = (
    "本报告所列均为疑似线索。卫星影像只提示地表发生了变化，是否违法须经现场核查并由有权机关认定。",
    "“不可判”表示现有影像、台账、轨迹不足以作出判断，不表示有问题，也不表示没有问题。",
    "“未观测”的网格受云、阴影、雾霾或缺少影像影响，本期没有看清，不等于没有变化。",
    "目标首次看见之前的巡查，不能据以认定漏查；“已巡未发现”“应巡未巡”在现场核实为违法之前不作为追责依据。",
    "面积为按椭球面计算的影像图斑面积，与实测面积会有出入；坐标为 WGS84。",
    "所有被排除的图斑、修正或退回的台账行均保留在同期 month.xlsx 中，并附理由。",
)


def month_page(month: MonthTables, numbers: Mapping[str, Any], *, rows_max: int) -> str:
    """The page as text; it loads nothing from outside and prints in black and white.

    ``numbers`` is the value of ``month_numbers``. Tables longer than ``rows_max`` rows are cut there, saying how many
    rows follow in ``month.xlsx``. All text from tables is escaped.
    """
    summary = month_summary(numbers)
    sections = _sections(month, numbers, rows_max)
    values = {
        "title": escape(f"{month.city_name} {_period_text(month.period)}卫星动态巡查月报"),
        "subtitle": escape(f"期次 {month.run_name}；{_images(month)}；台账和核查资料截至 {month.as_of}"),
        "clue": escape(CLUE_NOTE),
        "style": _template("month.css"),
        "answers": "\n".join(
            f'<div class="answer"><h3>{escape(answer.question)}</h3><p class="lead">{escape(answer.lead)}</p>'
            + "".join(f"<p>{escape(line)}</p>" for line in answer.lines)
            + "</div>"
            for answer in four_answers(month, numbers)
        ),
        "tiles": "\n".join(_tiles(summary)),
        "contents": "".join(f'<a href="#s{n}">{escape(name)}</a>' for n, (name, _) in enumerate(sections, start=1)),
        "sections": "\n".join(
            f'<section id="s{n}"><h2>{n}. {escape(name)}</h2>\n{body}</section>'
            for n, (name, body) in enumerate(sections, start=1)
        ),
    }
    return Template(_template("month.html")).substitute(values)


def html_table(frame: pd.DataFrame, *, rows_max: int, nothing: str = "本月没有。", decimals: int = 2) -> str:
    """A DataFrame as an HTML table, everything escaped, numbers right-aligned, dates as ``YYYY-MM-DD``."""
    if len(frame) == 0:
        return f'<p class="none">{escape(nothing)}</p>'
    head = "".join(f"<th>{escape(str(column))}</th>" for column in frame.columns)
    body = [
        "<tr>" + "".join(_cell(value, decimals) for value in row) + "</tr>"
        for row in frame.head(rows_max).astype("object").itertuples(index=False, name=None)
    ]
    more = len(frame) - rows_max
    rest = f'<p class="more">其余 {more} 行见同期 month.xlsx。</p>' if more > 0 else ""
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n'
        + "\n".join(body)
        + (f"\n</tbody></table></div>{rest}")
    )


def _cell(value: Any, decimals: int) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "<td></td>"
    if isinstance(value, pd.Timestamp):
        return f'<td class="k">{value.date().isoformat()}</td>'
    if isinstance(value, bool):
        return f"<td>{'是' if value else '否'}</td>"
    if isinstance(value, int | float):
        whole = float(value).is_integer()
        return f'<td class="n">{value:,.0f}</td>' if whole else f'<td class="n">{value:,.{decimals}f}</td>'
    text = str(value)
    look = "k" if len(text) <= (20 if text.isascii() else 6) else "t" if len(text) > 16 else ""
    return f'<td class="{look}">{escape(text)}</td>' if look else f"<td>{escape(text)}</td>"


def _template(name: str) -> str:
    return resources.files("pipeline.report").joinpath("templates", name).read_text(encoding="utf-8")


def _tiles(summary: Mapping[str, Any]) -> Iterable[str]:
    figures = (
        ("疑似目标", summary["targets"], f"列入任务 {summary['tasks']} 个"),
        (
            "台账已发现",
            summary["found"],
            f"派发前 {summary['found_before_dispatch']}，派发后 {summary['found_after_dispatch']}",
        ),
        ("已巡未发现", summary["patrolled_not_reported"], "有轨迹到过附近，台账未见记录"),
        ("应巡未巡", summary["due_not_patrolled"], "计划应巡，未见到过的记录"),
        ("不可判", summary["undeterminable"], "证据不足，不作判断"),
        ("卫星漏检", summary["satellite_missed"], f"台账有而卫星无共 {summary['satellite_omissions']} 处"),
    )
    for name, value, note in figures:
        yield f'<div class="tile">{escape(name)}<b>{value}</b><small>{escape(note)}</small></div>'


def _sections(month: MonthTables, numbers: Mapping[str, Any], rows_max: int) -> Sequence[tuple[str, str]]:
    targets = target_table(month)
    missed_by_patrol = targets[targets["结论"].isin([code.label for code in NOT_FOUND])]
    suspects = ["监测编号", "结论所指单位", "结论所指责任人", "网格编号", "面积(亩)", "主要地类", "结论", "结论理由",
                "核查结果"]  # fmt: skip
    listed = [
        "监测编号",
        "现负责单位",
        "责任人",
        "网格编号",
        "面积(亩)",
        "施工阶段",
        "概率",
        "时序置信",
        "主要地类",
        "结论",
        "结论理由",
        "结论所指单位",
    ]
    listed += ["办理期限", "核查结果", "未列入理由"]
    cells = ("网格编号", "负责单位", "本期状态", "可观测比例", "说明")
    undecided = ("待判定", "监测编号", "报送单位", "最高匹配概率", "并列证据")
    dropped = ("候选编号", "影像来源", "新增建设概率", "面积(平方米)", "后时相", "排除规则", "排除理由")
    return (
        ("示意图", "<p>图中位置仅供概览，坐标和疑似违法类型见 month.xlsx、targets.gpkg 和各单位任务包。</p>"
         + overview_svg(month)),
        ("各单位情况", f"<p>{escape(UNITS_NOTE)}</p>" + _unit_table(numbers)),
        ("可能漏查的目标", _missed_note(numbers["verdicts"]["missed_unchecked"])
         + html_table(missed_by_patrol[suspects], rows_max=rows_max)),
        ("全部目标及结论", html_table(targets[listed], rows_max=rows_max)),
        ("待人工判定", f"<p>{escape(AMBIGUOUS_NOTE)}</p>"
         + _plain(month, schema.AMBIGUOUS, month.ambiguous, rows_max, *undecided)),
        ("没有看清的网格", _plain(month, schema.CELL_STATES, _unseen(month), rows_max, *cells)),
        ("漏巡区域", f"<p>{escape(MISSED_NOTE)}</p>" + _plain(month, schema.MISSED, month.missed, rows_max)),
        ("台账有而卫星没有的", _plain(month, schema.OMISSIONS, month.omissions, rows_max)),
        ("被排除的图斑", _counts(numbers["funnel"]["suppressed_by"], "排除规则")
         + _plain(month, schema.SUPPRESSED, month.suppressed, rows_max, *dropped)),
        ("待后续影像复核的变化", f"<p>{escape(WAITING_NOTE)}</p>" + _plain(month, schema.WAITING, month.waiting, rows_max)),
        ("退回的台账行", _plain(month, schema.REJECTED, month.rejected, rows_max)),
        ("办理状态和提醒", _plain(month, schema.CASES, month.cases, rows_max)
         + "<h3>影像提醒（均需人工核实）</h3>" + _plain(month, schema.ALERTS, month.alerts, rows_max)),
        ("过程指标", f"<p>{escape(KPIS_NOTE)}</p>" + html_table(process_kpis(month), rows_max=rows_max)),
        ("计划与分工中的问题", _plain(month, schema.PLAN_CHECK, month.plan_check, rows_max)),
        ("说明", "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in CAVEATS) + "</ul>"),
    )  # fmt: skip


def _missed_note(unchecked: int) -> str:
    first = f"其中 {unchecked} 处目标尚未实地核实，卫星可能误报，请先核实目标是否属实；" if unchecked else ""
    return f"<p>{first}经现场核实为违法之后，才可作为追责依据。</p>"


def _unit_table(numbers: Mapping[str, Any]) -> str:
    rows = []
    for unit in numbers["units"]:
        unseen = unit["cells_by_state"][CellState.NOT_OBSERVED.value]
        rows.append({
            "单位": unit["name"], "网格": unit["cells"], "未观测": unseen, "目标": unit["targets"],
            "列入任务": unit["tasks"], "已发现": sum(unit["verdicts"][code.value] for code in FOUND),
            **{code.label: unit["verdicts"][code.value] for code in (*NOT_FOUND, Verdict.UNDETERMINABLE)},
            "可追责": unit["accountable"], "漏巡区域": unit["missed_areas"], "台账发现": unit["ledger_findings"],
            "出巡": unit["visits"], "退回行": unit["rejected"],
        })  # fmt: skip
    if not rows:
        return html_table(pd.DataFrame(), rows_max=1)
    total = {name: "合计" if name == "单位" else sum(row[name] for row in rows) for name in rows[0]}
    table = html_table(pd.DataFrame([*rows, total]), rows_max=len(rows) + 1)
    head, tail = table.rsplit("<tr>", 1)
    return f'{head}<tr class="total">{tail}'


def _unseen(month: MonthTables) -> Any:
    states = [CellState.NOT_OBSERVED.value, CellState.PARTLY_OBSERVED.value]
    return month.cell_states[month.cell_states["state"].isin(states)].sort_values("cell_id", kind="stable")


def _plain(month: MonthTables, table: schema.Table, frame: Any, rows_max: int, *headings: str) -> str:
    shown = readable(table, frame, units=month.unit_names(), people=month.person_names(), places=month.entry_places())
    return html_table(shown[list(headings)] if headings else shown, rows_max=rows_max)


def _counts(counts: Mapping[str, int], heading: str) -> str:
    if not counts:
        return ""
    return html_table(pd.DataFrame({heading: list(counts), "数量": list(counts.values())}), rows_max=len(counts))


def _images(month: MonthTables) -> str:
    """The day of the last image used, per source where there are several."""
    last = {name: "本期无可用影像" if day is None else f"影像截至 {day}" for name, day in month.last_images().items()}
    return "，".join(words if len(last) == 1 else f"{name} {words}" for name, words in last.items())


def _period_text(period: str) -> str:
    year, month = period.split("-")
    return f"{year}年{int(month)}月"
