"""The form 待人工判定.xlsx: ambiguous pairs side by side for a person to answer, and what was answered before.

The filled form goes into ``records/decisions/`` and is read there (:mod:`pipeline.sources.decision_forms`). Every row
bears its period and both ids, and a mark over the three by which an edited row is recognised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pandas as pd

from pipeline.geodesy import mu
from pipeline.report.references import places_of, with_places
from pipeline.report.sheets import Sheet, area_span, labels_of, named, with_names
from pipeline.report.tables import MonthTables
from pipeline.values import MatchDecision, MatchStatus, Stage, Verdict

FORM_NAME = "待人工判定.xlsx"
OPEN_SHEET, SETTLED_SHEET, HELP_SHEET = "待人工判定", "已判定", "填写说明"
PERIOD, TARGET, ENTRY, MARK = "期次", "监测编号", "台账条目", "校验码"
ANSWER, DECIDED_BY, DECIDED_ON, NOTE = "判定", "决定人", "决定日期", "备注"
FILLED = (ANSWER, DECIDED_BY, DECIDED_ON, NOTE)
KEYS = (PERIOD, TARGET, ENTRY, MARK)
ANSWERS = tuple(decision.label for decision in MatchDecision)
SEEN, SAID, WHY = "卫星看到的（目标）", "台账写的（条目）", "为什么可能是同一处"
_PLACE_GRADES = ((0.8, "位置吻合"), (0.4, "位置大致吻合"), (0.0, "位置只是可能"))
_TIME_GRADES = ((0.9, "时间吻合"), (0.4, "时间大致吻合"), (0.0, "时间偏早或不明"))
# a likelihood ratio: 1 says nothing
_WORD_GRADES = ((2.0, "文字和面积支持"), (0.5, "文字和面积说明不了"), (0.0, "文字或面积不符"))
_DISTANCE = re.compile("距目标 \\d+ 米(?:（[^）]*）)?")
_STATED = "台账填报了本监测编号"
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghjkmnpqrs")
_WIDTHS = {"序号": 5, "组号": 7, SEEN: 30, SAID: 42, WHY: 20, "匹配概率": 6, "目前结论": 8, "判“同一处”会怎样": 28,
           "判“不是同一处”会怎样": 28, "以前的判定": 34, ANSWER: 11, DECIDED_BY: 8, DECIDED_ON: 11, NOTE: 14,
           PERIOD: 8, TARGET: 11, ENTRY: 12, MARK: 10}  # fmt: skip
_HELP = (
    "每行是一个卫星目标和一条台账，两者可能说的是同一处。请对照左右两栏，必要时查原台账和影像，或到现场看。",
    "在“判定”栏从下拉表选“同一处”或“不是同一处”，并填决定人和决定日期；备注可写依据。分不清的留空，以后再问。",
    "一条台账可以和几个目标成对：对哪个就把那一对判“同一处”，其余不必填。几个目标同属一个工地的，可以都判“同一处”。",
    "“会怎样”两栏是按目前资料预计的后果，供了解轻重缓急，不是判定的依据；请按事实判定。",
    "填好后保存为 Excel 工作簿，放入 records/decisions/（文件名随意，几人分填可各放一份），下次 reconcile 即采用，以后各期沿用。",
    "要改判：在“已判定”表该行，或在新的一份里，再选一次并填较晚的决定日期；以日期较晚的为准，以前的判定仍保留。",
    "请勿改动期次、监测编号、台账条目和校验码；行可以排序、筛选、删除，其余栏可以删。改动过的行会被指出，不会采用。",
)


def pair_mark(period: str, target_id: str, entry_id: str) -> str:
    """A mark over what a row is about: eight letters of a hash (32 bits), none a digit that Excel could reshape."""
    return f"J{sha256(f'{period}|{target_id}|{entry_id}'.encode()).hexdigest()[:8].translate(_LETTERS)}"


def decision_sheets(month: MonthTables, decisions: pd.DataFrame) -> tuple[Sheet, ...]:
    """The form's sheets: open pairs as QUESTIONS orders them, pairs in force, how to fill them in.

    ``decisions``: DECISIONS up to the month's ``as_of``, under the ids that pairs bear today.
    """
    about = f"{month.city_name} {month.run_name}"
    asked = month.questions.sort_values("rank", kind="stable")
    return (
        _sheet(OPEN_SHEET, _open_frame(month, asked), f"台账与目标待人工判定（{about}）", _open_note(asked)),
        _sheet(
            SETTLED_SHEET,
            _settled_frame(month, decisions),
            f"已有的判定（{about}）",
            "这些判定正在采用；不改的不必填。改判的填判定、决定人和较晚的决定日期。",
        ),
        Sheet(
            HELP_SHEET,
            pd.DataFrame({"步骤": range(1, len(_HELP) + 1), "说明": _HELP}).astype("object"),
            title=f"填写说明（{about}）",
            widths={"步骤": 6, "说明": 120},
        ),
    )


def _sheet(name: str, frame: pd.DataFrame, title: str, note: str) -> Sheet:
    return Sheet(
        name=name,
        frame=frame,
        title=title,
        note=note,
        choices={ANSWER: ANSWERS},
        fillable=FILLED,
        formats={"匹配概率": "0.00", DECIDED_ON: "yyyy-mm-dd", "序号": "0"},
        widths={heading: _WIDTHS[heading] for heading in map(str, frame.columns)},
    )


def _open_note(asked: pd.DataFrame) -> str:
    if not len(asked):
        return "本期没有需要判定的。"
    urgent = int(asked["keeps_open"].sum())
    first = f"其中 {urgent} 对使目标的结论待定（不可判），排在前面，请先判" if urgent else "都不改变目前的结论"
    return f"共 {len(asked)} 对，{first}。黄色栏由人填写，其余勿改；填好放入 records/decisions/。见“{HELP_SHEET}”。"


def _open_frame(month: MonthTables, asked: pd.DataFrame) -> pd.DataFrame:
    pairs = asked[["target_id", "entry_id"]].reset_index(drop=True)
    names, places = {**month.person_names(), **month.unit_names()}, month.entry_places()
    known = set(month.entries["entry_id"])
    matches = {(row["target_id"], row["entry_id"]): row for row in month.matches.to_dict("records")}
    told = {
        column: with_places(with_names(_own_words(asked[column], pairs), names), places)
        for column in ("if_same", "if_different")
    }
    columns: dict[str, list[Any]] = {
        "序号": list(range(1, len(pairs) + 1)),
        "组号": _set_numbers(asked["set_id"]),
        **_both_sides(month, pairs, places),
        WHY: [why_alike(matches[pair], gone=pair[1] not in known) for pair in zip(*_columns(pairs), strict=True)],
        "匹配概率": list(asked["probability"]),
        "目前结论": labels_of(Verdict, asked["verdict"]),
        "判“同一处”会怎样": list(told["if_same"]),
        "判“不是同一处”会怎样": list(told["if_different"]),
    }
    return _with_answers(columns, month.period, pairs)


def _settled_frame(month: MonthTables, decisions: pd.DataFrame) -> pd.DataFrame:
    decided = month.matches[month.matches["status"] == MatchStatus.DECIDED.value]
    pairs = decided.sort_values(["target_id", "entry_id"], kind="stable")[["target_id", "entry_id"]]
    pairs = pairs.reset_index(drop=True)
    columns: dict[str, list[Any]] = {
        "序号": list(range(1, len(pairs) + 1)),
        **_both_sides(month, pairs, month.entry_places()),
        "以前的判定": [_history(decisions, *pair) for pair in zip(*_columns(pairs), strict=True)],
    }
    return _with_answers(columns, month.period, pairs)


def _with_answers(columns: Mapping[str, list[Any]], period: str, pairs: pd.DataFrame) -> pd.DataFrame:
    blank: list[Any] = [None] * len(pairs)
    targets, entries = _columns(pairs)
    marks = [pair_mark(period, target, entry) for target, entry in zip(targets, entries, strict=True)]
    keys = zip(KEYS, ([period] * len(pairs), targets, entries, marks), strict=True)
    every = {**columns, **dict.fromkeys(FILLED, blank), **dict(keys)}
    return pd.DataFrame({name: pd.Series(values, dtype="object") for name, values in every.items()})


def _columns(pairs: pd.DataFrame) -> tuple[list[str], list[str]]:
    return pairs["target_id"].tolist(), pairs["entry_id"].tolist()


def _set_numbers(set_ids: pd.Series) -> list[str]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(set_ids), start=1)}
    return [f"第{numbers[name]}组" for name in set_ids]


def _own_words(texts: pd.Series, pairs: pd.DataFrame) -> pd.Series:
    """The row's own entry as 本条台账: its id stands in the row already."""
    said = [text.replace(f"台账条目 {name}", "本条台账") for text, name in zip(texts, pairs["entry_id"], strict=True)]
    return pd.Series(said, dtype="str")


def _both_sides(month: MonthTables, pairs: pd.DataFrame, places: Mapping[str, str]) -> dict[str, list[Any]]:
    targets, entries = _columns(pairs)
    seen, said = _targets_told(month, set(targets)), _entries_told(month, set(entries), places)
    return {
        SEEN: [seen.get(name, f"{name}\n登记册中已无") for name in targets],
        SAID: [said.get(name, "台账中已无此条目（已改写或撤回）") for name in entries],
    }


def _targets_told(month: MonthTables, wanted: set[str]) -> dict[str, str]:
    rows = month.targets[month.targets["target_id"].isin(wanted)]
    columns = ["target_id", "cell_id", "acting_unit_id"]
    rows = rows.merge(month.tasks[columns], on="target_id", how="left").reset_index(drop=True)
    points = rows.geometry.representative_point().to_crs("EPSG:4326")
    units, stages = named(rows["acting_unit_id"], month.unit_names()), labels_of(Stage, rows["stage"])
    told = {}
    for number, row in enumerate(rows.drop(columns="geometry").to_dict("records")):
        unit = units.iloc[number] if isinstance(units.iloc[number], str) else "未落实责任单位"
        cell = f"，网格 {row['cell_id']}" if isinstance(row["cell_id"], str) else ""
        told[str(row["target_id"])] = "\n".join(
            (
                f"{row['target_id']}",
                f"现负责：{unit}{cell}",
                f"施工阶段：{stages[number]}",
                f"面积：{row['area_m2']:.0f} 平方米（{mu(row['area_m2']):.1f} 亩），"
                f"实际可能（亩）：{area_span(row['area_low_m2'], row['area_high_m2'])}",
                f"出现：{_day(row['last_clear']) or '不明'} 尚无，{_day(row['first_seen']) or '不明'} 已见",
                f"坐标(WGS84)：{points.x.iloc[number]:.6f}, {points.y.iloc[number]:.6f}",
            )
        )
    return told


def _entries_told(month: MonthTables, wanted: set[str], places: Mapping[str, str]) -> dict[str, str]:
    rows = month.entries[month.entries["entry_id"].isin(wanted)].reset_index(drop=True)
    points, units = rows.geometry.to_crs("EPSG:4326"), named(rows["unit_id"], month.unit_names())
    files = places_of(rows["entry_id"], places)
    told = {}
    for number, row in enumerate(rows.drop(columns="geometry").to_dict("records")):
        until = _day(row["discovered_until"])
        day = (_day(row["discovered_on"]) or "日期不明") + (f" 至 {until}" if until else "")
        said = [(label, row[name]) for name, label in (("people", "巡查人员"), ("subject", "主体"), ("place", "地点"),
                                                       ("status", "现状"))]  # fmt: skip
        lines = [f"{day}，{units.iloc[number]}报送", *(f"{label}：{text}" for label, text in said if _is(text))]
        if row["stated_area_m2"] > 0:
            lines.append(f"面积：{row['stated_area_m2']:.0f} 平方米（{mu(row['stated_area_m2']):.1f} 亩）")
        lines.append(_position(row, points.iloc[number]))
        lines.append(f"出处：{files.iloc[number]}")
        told[str(row["entry_id"])] = "\n".join(lines)
    return told


def _position(row: Mapping[Any, Any], point: Any) -> str:
    written = ""
    if not (pd.isna(row["stated_x"]) or pd.isna(row["stated_y"])):
        digits = 6 if abs(row["stated_x"]) <= 180 else 1
        written = f"（填报 {row['stated_x']:.{digits}f}, {row['stated_y']:.{digits}f}）"
    if point is None or point.is_empty:
        return f"位置：无法确定{written}"
    about = f"，误差约 {row['uncertainty_m']:.0f} 米" if not pd.isna(row["uncertainty_m"]) else ""
    return f"坐标(WGS84)：{point.x:.6f}, {point.y:.6f}{about}{written}"


def why_alike(match: Mapping[str, Any], *, gone: bool = False) -> str:
    """A MATCHES row's scores in words, in the order place, time, words; ``gone``: the ledgers hold no such entry now."""
    if gone:
        return str(match["reason"])
    stated = _DISTANCE.match(str(match["reason"]))
    near = "位置不明，不能比较" if stated is None else f"{stated[0]}，{_graded(match['space_score'], _PLACE_GRADES)}"
    lines = [near, _graded(match["time_score"], _TIME_GRADES), _graded(match["word_score"], _WORD_GRADES)]
    return "\n".join([*lines, *([_STATED] if _STATED in str(match["reason"]) else [])])


def _graded(score: float, grades: tuple[tuple[float, str], ...]) -> str:
    words = next(words for least, words in grades if score >= least)
    return f"{words}（{score:.2f}）"


def _history(decisions: pd.DataFrame, target_id: str, entry_id: str) -> str:
    """Every recorded word on a pair, the one in force first."""
    rows = decisions[(decisions["target_id"] == target_id) & (decisions["entry_id"] == entry_id)]
    rows = rows.sort_values("decided_on", ascending=False, kind="stable")
    lines = []
    for row in rows.to_dict("records"):
        word = next((known.label for known in MatchDecision if row["decision"] == known.value), row["decision"])
        lines.append(
            f"{_day(row['decided_on'])} {row['decided_by'] if _is(row['decided_by']) else '（未写决定人）'}：{word}"
            + (f"（{row['reason']}）" if _is(row["reason"]) else "")
        )
    return "\n".join(lines)


def _day(value: Any) -> str | None:
    return None if pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d}"


def _is(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
