"""Sheets of a workbook as data, and tables turned into what a person reads: Chinese headings, labels for codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from pipeline.geodesy import mu
from pipeline.report.references import places_of, with_places
from pipeline.schema import ENTRIES, Table
from pipeline.values import (
    Alert,
    CaseState,
    CellState,
    Confidence,
    Conflict,
    CoverageState,
    GroundAnswer,
    Handler,
    HistorySource,
    Labelled,
    MatchStatus,
    MissedKind,
    OmissionClass,
    Outcome,
    ParcelState,
    Reached,
    Stage,
    StockKind,
    StopWatch,
    SupplyBreach,
    SupplyStart,
    TargetState,
    UnitKind,
    Verdict,
    VerdictRule,
)

_CODES: dict[tuple[str, str], type[Labelled]] = {
    ("targets", "state"): TargetState,
    ("cell_states", "state"): CellState,
    ("coverage", "state"): CoverageState,
    ("cases", "state"): CaseState,
    ("case_history", "state"): CaseState,
    ("case_history", "source"): HistorySource,
    ("follow_ups", "watch"): StopWatch,
    ("follow_ups", "ground"): GroundAnswer,
    ("follow_ups", "ground_told"): GroundAnswer,
    ("follow_ups", "stage_built"): Stage,
    ("conflicts", "conflict"): Conflict,
    ("targets", "stock"): StockKind,
    ("parcels", "state"): ParcelState,
    ("handling", "handler"): Handler,
    ("supply", "state"): SupplyStart,
    ("supply_history", "state"): SupplyStart,
    ("supply_history", "source"): HistorySource,
    ("supply_breaches", "breach"): SupplyBreach,
    ("matches", "status"): MatchStatus,
    ("missed", "kind"): MissedKind,
    ("omissions", "omission"): OmissionClass,
    ("alerts", "alert"): Alert,
    ("verdicts", "verdict"): Verdict,
    ("verdicts", "told_stage"): Stage,
    ("units", "kind"): UnitKind,
    ("accumulated", "standing"): Reached,
}
_CODES_ANYWHERE: dict[str, type[Labelled]] = {"stage": Stage, "outcome": Outcome, "confidence": Confidence}
_ENTRY_FIELDS = {column.name: column.label for column in ENTRIES.columns} | {"coordinates": "坐标", "row": "整行"}
_WORDS: dict[tuple[str, str], dict[str, str]] = {
    ("kpis", "kpi"): {
        "found_before_dispatch": "发现及时率", "found": "发现率", "patrolled_not_reported": "已巡未发现率",
        "due_not_patrolled": "应巡未巡率", "undeterminable": "不可判率", "cells_reached": "到达率",
        "cells_covered": "覆盖率", "visits_without_track": "无轨迹率", "checked_targets": "核查率",
        "true_change": "属实率",
    },
    ("estimates", "measure"): {
        "sites_at_least": "新增建设总数（下限）", "unseen_at_least": "双方都未见（下限）", "audit_sites": "抽查推断：新增建设",
        "audit_area_m2": "抽查推断：新增建设面积（平方米）", "audit_satellite_recall": "抽查推断：卫星检出率",
        "audit_patrol_recall": "抽查推断：巡查发现率", "audit_precision": "抽查推断：图斑准确率",
        "audit_cells_needed": "抽查计划：需查网格数", "blind_targets_found": "盲样：未派发目标自行发现率",
        "lawful_builds_noted": "盲样：合法建设记录率",
    },
    ("oddities", "kind"): {
        "copied_track": "轨迹雷同", "same_outing": "同一出巡两份轨迹", "impossible_speed": "速度异常",
        "too_regular": "轨迹过于规整", "night": "夜间轨迹", "clock": "日期不一致", "two_places": "同一人同时两处",
        "ledger_without_track": "有台账无轨迹", "track_without_ledger": "有轨迹无台账", "photo_same_file": "照片重复",
        "photo_same_picture": "照片画面相同", "photo_other_day": "照片日期不一致", "same_sentence": "语句雷同",
        "same_words": "内容重复",
        "dated_back": "日期倒序", "before_file_month": "早于文件月份", "after_file_month": "晚于文件月份",
    },
    ("visits", "evidence"): {"track": "轨迹", "track+ledger": "轨迹和台账", "ledger": "台账"},
    ("plan_check", "rule"): {
        "cell_without_responsibility": "网格无责任分工", "delegated_without_person": "委托后未定责任人",
        "plan_days_backwards": "计划日期颠倒", "cell_not_planned": "网格无巡查计划", "plan_unknown_cell": "计划网格不存在",
        "plan_of_other_unit": "计划单位不负责该网格", "plan_person_of_other_unit": "计划人员不属于该单位",
        "plan_without_visits": "计划次数为零", "delegation_chain": "委托套委托", "delegation_overlap": "委托重叠",
        "responsibility_overlap": "责任分工重叠",
    },
    ("audit_sample", "stratum"): {
        f"{state.value}/{covered.value}": f"{state.label}／{covered.label}"
        for state in CellState
        for covered in CoverageState
    },
    ("verdicts", "rule"): {rule.value: f"{rule.value} {rule.label}" for rule in VerdictRule},
    ("repairs", "field"): _ENTRY_FIELDS,
    ("rejected", "field"): _ENTRY_FIELDS,
    ("entries", "datum"): {"unknown": "未定"},
    ("entries", "position_source"): {"none": "无", "coordinates": "坐标", "place": "地名", "alike": "近似地名", "photo": "照片"},
}  # fmt: skip
_LETTER = re.compile("[A-Za-z]")
_UNIT_COLUMNS = ("unit_id", "acting_unit_id", "unit_ids", "due_unit_id")
# conclusions are about a unit; whether one is about a person too is told in words
_SOMEBODY_OR_NOBODY = (("verdicts", "person_id"),)
NOBODY = "不指到人"
# a scope is a unit, the city or a stratum
_UNITS_AMONG_WORDS = (("estimates", "scope"),)
# as written in the ledger: degrees or metres, which no fixed number of decimals suits
_AS_WRITTEN = ("stated_x", "stated_y")
_SENTENCES = (
    "event",
    "one",
    "other",
    "watch_reason",
    "begun_note",
    "ended_by",
    "reason",
    "basis",
    "problem",
    "detail",
    "next_step",
    "doubts",
    "evidence",
)
_ENTRY_COLUMNS = ("entry_id", "entry_ids")
PLACE_HEADING = "台账出处"
_NAMED_HEADINGS = {"单位编号": "单位", "报送单位编号": "报送单位", "人员编号": "人员"}


@dataclass(frozen=True)
class Formula:
    """An Excel formula that the program itself composed, without its equals sign; text from outside never becomes one."""

    text: str


@dataclass(frozen=True)
class Sheet:
    """One sheet: ``frame``'s columns are the headings as printed.

    ``title`` and ``note`` stand above the heading, ``signature`` below the rows; ``choices``: heading to the answers
    a clerk may pick; ``suggested``: heading to the sheet and heading there whose values are offered, others being
    allowed; ``links``: headings whose values name sheets to jump to; ``fillable``: headings people fill in, shaded;
    ``formats``: heading to an Excel number format;
    ``widths``: heading to a width in half-width characters where the content should not decide; ``row_height``: least
    height of a row in points; ``tab``: colour of the sheet's tab as RRGGBB.
    """

    name: str
    frame: pd.DataFrame
    title: str = ""
    note: str = ""
    signature: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suggested: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    fillable: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    widths: Mapping[str, int] = field(default_factory=dict)
    row_height: float = 0.0
    links: tuple[str, ...] = ()
    tab: str = ""

    def rows(self) -> tuple[int, int]:
        """Rows of the heading and of the last line of values, counted from 1."""
        top = 1 + bool(self.title) + bool(self.note)
        return top, top + len(self.frame)

    def span(self, heading: str, *, local: bool = False) -> str:
        """The cells of a column's values as a formula names them, at least one row; ``local``: without the sheet."""
        top, bottom = self.rows()
        letter = column_letter(list(self.frame.columns).index(heading) + 1)
        cells = f"${letter}${top + 1}:${letter}${max(bottom, top + 1)}"
        return cells if local else f"'{self.name}'!{cells}"


def column_letter(number: int) -> str:
    """Excel's name of a column counted from 1: A to Z, AA and so on."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def labels_of(codes: type[Labelled], values: Iterable[str | None]) -> list[str | None]:
    """Chinese labels of codes; a value that is no code, such as an already Chinese word, stays as it is."""
    known = {member.value: member.label for member in codes}
    return [known.get(value, value) if isinstance(value, str) else None for value in values]


def readable(
    table: Table,
    frame: pd.DataFrame,
    *,
    units: Mapping[str, str],
    people: Mapping[str, str],
    drop: tuple[str, ...] = (),
    places: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """A table as people read it: Chinese headings with units, labels for codes, names for unit and person ids.

    ``units`` and ``people``: id to name; an id that is in neither is printed itself. ``places``: entry id to file,
    sheet and row, shown in a column behind the ids and in sentences; a table with a row number of its own has no such
    column. Geometry and the columns in ``drop`` are left out; flags read 是 or 否. ``frame`` is not changed.
    """
    kept = [column for column in table.columns if column.name not in drop]
    headings = table.labels()
    data: dict[str, pd.Series] = {}
    for column in kept:
        series = frame[column.name]
        codes = _CODES.get((table.name, column.name)) or _CODES_ANYWHERE.get(column.name)
        if codes is not None:
            series = _as_text(labels_of(codes, series), series)
        elif (table.name, column.name) in _WORDS:
            series = named(series, _WORDS[table.name, column.name])
        elif column.name in _UNIT_COLUMNS or (table.name, column.name) in _UNITS_AMONG_WORDS:
            series = _each_named(series, units)
        elif (table.name, column.name) in _SOMEBODY_OR_NOBODY:
            series = named_or_nobody(series, people)
        elif column.name == "person_id":
            series = named(series, people)
        elif column.kind == "flag":
            series = _as_text(["是" if flag else "否" for flag in series], series)
        elif column.name in _SENTENCES:
            series = with_places(with_names(series, {**people, **units}), places or {})
        data[headings[column.name]] = series
        if places is not None and column.name in _ENTRY_COLUMNS and "row" not in table.names:
            data[PLACE_HEADING] = places_of(frame[column.name], places)
    shown = pd.DataFrame(data, columns=list(data)).reset_index(drop=True)
    # a column that shows names must not be headed 编号
    return shown.rename(columns=_NAMED_HEADINGS)


def named(ids: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """Ids replaced by their names; unknown ids and missing values stay."""
    return _as_text([names.get(value, value) if isinstance(value, str) else None for value in ids], ids)


def named_or_nobody(ids: pd.Series, people: Mapping[str, str]) -> pd.Series:
    """Person ids replaced by names, and words that nobody is named where there is none."""
    return named(ids, people).fillna(NOBODY)


def with_names(texts: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """Sentences with the ids in them replaced by names; ids of digits alone stay, they may be dates or counts."""
    known = sorted((name for name in names if _LETTER.search(name)), key=lambda name: (-len(name), name))
    if not known:
        return texts
    ids = re.compile(rf"(?<![0-9A-Za-z_-])(?:{'|'.join(map(re.escape, known))})(?![0-9A-Za-z_-])")
    told = [ids.sub(lambda found: names[found[0]], text) if isinstance(text, str) else None for text in texts]
    return _as_text(told, texts)


def _each_named(ids: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """As :func:`named`, where a cell may hold several ids between 、."""
    told = [
        "、".join(names.get(part, part) for part in value.split("、")) if isinstance(value, str) else None
        for value in ids
    ]
    return _as_text(told, ids)


def area_span(low_m2: float, high_m2: float) -> str:
    """Between which areas the ground really lies in most cases, in mu, for example ``0.90～4.80``; unknown is 不明."""
    return "不明" if pd.isna(low_m2) or pd.isna(high_m2) else f"{mu(low_m2):.2f}～{mu(high_m2):.2f}"


def number_formats(table: Table) -> dict[str, str]:
    """Excel number formats by heading: areas and lengths whole, other measures with one decimal, shares as
    percent, scores with three decimals.
    """
    headings = table.labels()
    formats: dict[str, str] = {}
    for column in table.columns:
        heading = headings[column.name]
        if column.kind == "date":
            formats[heading] = "yyyy-mm-dd"
        elif column.kind == "integer":
            formats[heading] = "0"
        elif column.name in _AS_WRITTEN:
            formats[heading] = "General"
        elif column.kind == "real" and column.name.endswith("_share"):
            formats[heading] = "0.0%"
        elif column.kind == "real" and column.unit in ("平方米", "米"):
            formats[heading] = "#,##0"
        elif column.kind == "real" and column.unit:
            formats[heading] = "#,##0.0"
        elif column.kind == "real":
            formats[heading] = "0.000"
    return formats


def _as_text(values: list[str | None], like: pd.Series) -> pd.Series:
    return pd.Series(values, index=like.index, dtype="str")
