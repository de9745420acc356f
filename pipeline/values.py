"""Small frozen values that the rooms pass to each other: periods, shifts, gains and the field's vocabularies."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum

from pipeline.errors import InputError


@dataclass(frozen=True, order=True)
class Period:
    """A calendar month, the unit of account; its text form ``2026-10`` round-trips."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``YYYY-MM``; raises InputError E103 for anything else."""
        match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text.strip())
        if match is None:
            raise InputError("E103", f"period {text!r}", "write the month as YYYY-MM, for example 2026-10")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Period:
        """The month a day falls in."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    def shifted(self, months: int) -> Period:
        """The period ``months`` later (negative: earlier)."""
        index = self.year * 12 + self.month - 1 + months
        return Period(index // 12, index % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def parse_day(text: str) -> date:
    """Read ``YYYY-MM-DD``; raises InputError E103 for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError("E103", f"date {text!r}", "write the date as YYYY-MM-DD, for example 2026-11-05") from None


# Excel, WPS and LibreOffice take a cell that begins so for a formula, East Asian editions its full-width forms too
# (OWASP, CSV Injection; CWE-1236).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """A text as csv and dbf may hold it: one that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def plain_cell(text: str) -> str:
    """The text that :func:`safe_cell` was given; an apostrophe before anything else is the text's own."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


_EPOCH = date(1970, 1, 1)


def number_of_day(day: date) -> int:
    """Count a date's days since 1970-01-01, as rasters of days store it; 0 stands for unknown."""
    return (day - _EPOCH).days


HELD_WAITING = "待复核"
"""The outcome of an object that still waits for a later look."""


def day_of_number(days: int) -> date | None:
    """Turn a raster's day number back into a date; None for 0."""
    return _EPOCH + timedelta(days=int(days)) if days else None


@dataclass(frozen=True)
class DateInterval:
    """Closed interval of days an image may have been taken in; a dated scene has start == end."""

    start: date
    end: date


@dataclass(frozen=True)
class Shift:
    """Motion that brings an image onto its reference, fitted once per scene.

    ``dy_px``/``dx_px``: the image's content must be moved by this many reference pixels (rows down,
    columns right); ``residual_px``: robust spread of the tile estimates; ``tiles``: tiles that answered.
    ``dy_row`` .. ``dx_col``: what is added to either per row and per column away from the reference grid's middle.
    """

    dy_px: float
    dx_px: float
    residual_px: float
    tiles: int
    accepted: bool
    reason: str
    dy_row: float = 0.0
    dy_col: float = 0.0
    dx_row: float = 0.0
    dx_col: float = 0.0

    @property
    def turned(self) -> bool:
        """Whether the motion differs from place to place."""
        return bool(self.dy_row or self.dy_col or self.dx_row or self.dx_col)


@dataclass(frozen=True)
class Gain:
    """Per-band linear map ``slope * x + offset`` onto the reference's radiometry, and how it was chosen."""

    method: str
    slope: tuple[float, ...]
    offset: tuple[float, ...]
    held_out_residual: float


class Validity(IntEnum):
    """Why a pixel can or cannot be observed (uint8 rasters)."""

    CLEAR = 0
    NO_DATA = 1
    CLOUD = 2
    SHADOW = 3
    HAZE = 4
    SNOW = 5
    SATURATED = 6
    MISREGISTERED = 7
    NO_SCENE = 8


class Labelled(StrEnum):
    """A code with its Chinese label."""

    label: str

    def __new__(cls, code: str, label: str) -> Labelled:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member


class Stage(Labelled):
    """Construction stage seen in the imagery."""

    EARTHWORKS = "earthworks", "推填土"
    PIT = "pit", "基坑"
    STRUCTURE = "structure", "主体结构"
    ROOFED = "roofed", "封顶"
    UNKNOWN = "unknown", "不能判断"


class Confidence(Labelled):
    """How many clear looks stand behind a target (时序置信), the least first."""

    EARLY = "early", "一次清晰观测"
    PROBABLE = "probable", "两次清晰观测"
    CONFIRMED = "confirmed", "三次及以上清晰观测"


class GroundCourse(Labelled):
    """What a month's imagery says of ground that departed from its own years; identity is the register's."""

    NEW = "new", "新出现"
    GROWING = "growing", "扩大"
    STABLE = "stable", "稳定"
    COVERED = "covered", "大棚或覆膜"
    REMOVED = "removed", "已清除"
    RECULTIVATED = "recultivated", "已复耕"


class TargetState(Labelled):
    """What the register says of a target in a period."""

    NEW = "new", "新增"
    GROWING = "growing", "扩大"
    SEEN_AGAIN = "seen_again", "再次检出"
    CARRIED = "carried", "本期未见新的变化"
    MERGED = "merged", "已并入"


class UnitKind(Labelled):
    """Kinds of patrol unit in the bureau's plan, and the city's own team."""

    TOWNSHIP = "township", "乡镇"
    STREET = "street", "街道"
    ECONOMIC_ZONE = "economic_zone", "经济开发区"
    CIRCULAR_ZONE = "circular_zone", "循环经济产业开发区"
    OFFICE = "office", "办事处"
    CITY_TEAM = "city_team", "市局执法队伍"


class Outcome(Labelled):
    """Result of a person's field check; satellite output never sets it."""

    UNCHECKED = "unchecked", "未核"
    VIOLATION = "violation", "违法"
    LAWFUL = "lawful", "合法"
    PSEUDO_CHANGE = "pseudo_change", "伪变化"
    OTHER = "other", "其他"


class Verdict(Labelled):
    """What patrols did about a target; the first that fits."""

    FOUND_BEFORE_DISPATCH = "found_before_dispatch", "已发现"
    FOUND_AFTER_DISPATCH = "found_after_dispatch", "派后发现"
    PATROLLED_NOT_REPORTED = "patrolled_not_reported", "已巡未发现"
    DUE_NOT_PATROLLED = "due_not_patrolled", "应巡未巡"
    UNDETERMINABLE = "undeterminable", "不可判"


class VerdictRule(Labelled):
    """The rule that a verdict rests on, in the order in which they are asked; those of 5 name the missing evidence."""

    FOUND_BEFORE = "verdict.1", "派发前台账已有记录"
    FOUND_AFTER = "verdict.2", "派发起台账才有记录"
    PATROLLED = "verdict.3", "巡查应能看见而台账无记录"
    DUE = "verdict.4", "计划应巡而无到达记录"
    UNDATED_ENTRY = "verdict.5.undated_entry", "台账日期不明或跨派发日"
    AMBIGUOUS_ENTRY = "verdict.5.ambiguous_entry", "有条目待人工判定是否该处"
    SPLIT_ENTRY = "verdict.5.split_entry", "拆分前目标的条目可能就是该处"
    PASSED_ENTRY = "verdict.5.passed_entry", "当日轨迹经过的条目可能就是该处"
    PSEUDO_CHANGE = "verdict.5.pseudo_change", "核查为伪变化"
    SAME_SITE = "verdict.5.same_site", "相邻目标已有台账记录"
    ANSWERED = "verdict.5.answered", "台账填报该编号并写明未发现"
    UNLOCATED_ENTRY = "verdict.5.unlocated_entry", "有位置不明的条目可能就是该处"
    NO_DATES = "verdict.5.no_dates", "目标无后时相日期"
    NO_WINDOW = "verdict.5.no_window", "尚无可比的巡查时段"
    NO_UNIT = "verdict.5.no_unit", "无责任网格或单位"
    OTHER_LEDGER = "verdict.5.other_ledger", "到过网格的其他单位台账不全"
    EVIDENCE = "verdict.5.evidence", "巡查和资料不足以认定"


class CellState(Labelled):
    """What a month's imagery says of a grid cell."""

    TARGETS = "targets", "有疑似目标"
    NONE_FOUND = "none_found", "未发现"
    PARTLY_OBSERVED = "partly_observed", "部分可观测"
    NOT_OBSERVED = "not_observed", "未观测"


class MatchStatus(Labelled):
    """How far a ledger entry and a target belong together."""

    DECIDED = "decided", "人工判定"
    ASSIGNED = "assigned", "已匹配"
    AMBIGUOUS = "ambiguous", "待人工判定"
    CANDIDATE = "candidate", "可能性小"


class MatchDecision(Labelled):
    """A person's word on whether an entry is about a target."""

    SAME = "same", "同一处"
    DIFFERENT = "different", "不是同一处"


class CoverageState(Labelled):
    """What the patrols of a month did in a grid cell."""

    COVERED = "covered", "已覆盖"
    PARTLY = "partly", "部分覆盖"
    LEDGER_ONLY = "ledger_only", "仅有台账无轨迹"
    NEVER_VISITED = "never_visited", "从未到达"
    NOT_PLANNED = "not_planned", "未列入计划"


class MissedKind(Labelled):
    """Why a piece of ground is on the list of missed areas."""

    NEVER_VISITED = "never_visited", "应巡网格从未到达"
    LEDGER_ONLY = "ledger_only", "应巡网格仅有台账无轨迹"
    UNSEEN_PART = "unseen_part", "轨迹视距之外"


class OmissionClass(Labelled):
    """Why a ledger finding has no satellite target."""

    BELOW_RESOLUTION = "below_resolution", "小于可分辨面积"
    NOT_OBSERVABLE = "not_observable", "影像不可观测"
    AFTER_IMAGE = "after_image", "发生在影像之后"
    NOT_LOCATED = "not_located", "位置无法确定"
    SUPPRESSED = "suppressed", "检出后被排除"
    MAYBE_OLDER = "maybe_older", "可能早于监测起始"
    TRUE_MISS = "true_miss", "卫星漏检"


class CaseState(Labelled):
    """Where a target stands in people's hands, from their records alone."""

    SUSPECTED = "suspected", "疑似待派"
    DISPATCHED = "dispatched", "已派发"
    CHECKED = "checked", "已核查"
    NOTIFIED = "notified", "已通知"
    RECTIFYING = "rectifying", "整改中"
    REFUSED = "refused", "拒不停止"
    REFERRED = "referred", "已抄告"
    APPROVED = "approved", "已批准"
    CLOSED = "closed", "已销案"
    MERGED = "merged", "已并入"


class CaseDecision(Labelled):
    """A person's word on how a case goes on (records/decisions.csv)."""

    NOT_STOPPED = "not_stopped", "拒不停止"
    STOPPED = "stopped", "已停止"
    RECTIFIED = "rectified", "整改到位"
    CLOSED = "closed", "销案"
    COMPLEX = "complex", "案情复杂"
    WIDE_IMPACT = "wide_impact", "社会影响大"
    TO_BUREAU = "to_bureau", "移交市局"
    TO_UNIT = "to_unit", "由单位处理"


class Handler(Labelled):
    """Who deals with a confirmed violation (方案三(六))."""

    UNIT = "unit", "所在单位"
    BUREAU = "bureau", "市自然资源局"
    UNDECIDED = "undecided", "待市局指定"


class SupplyEvent(Labelled):
    """What people record about supplied land (records/supply_events.csv)."""

    HANDOVER = "handover", "交地"
    PERMIT = "permit", "施工许可"
    START = "start", "动工"
    STOP = "stop", "停工"
    RESUME = "resume", "复工"
    FINISH = "finish", "竣工"
    FILED = "filed", "竣工资料报送"
    FORCE_MAJEURE = "force_majeure", "不可抗力"
    GOVERNMENT = "government", "政府原因"
    CHECKED_EMPTY = "checked_empty", "现场核实未动工"


class SupplyStart(Labelled):
    """Whether supplied land was started in the legal sense."""

    STARTED = "started", "疑似已动工"
    NOT_STARTED = "not_started", "未见动工"
    UNKNOWN = "unknown", "不能判断"


class SupplyBreach(Labelled):
    """What may be wrong with supplied land; always to be checked by people."""

    IDLE_YEAR = "idle_year", "疑似超过约定动工满一年"
    IDLE_TWO_YEARS = "idle_two_years", "疑似超过约定动工满二年"
    PAUSED = "paused", "疑似中止满一年且不足三分之一"
    UNFINISHED = "unfinished", "疑似逾期未竣工"
    NOT_FILED = "not_filed", "疑似竣工资料逾期未报"
    OVERRUN = "overrun", "疑似超出红线"
    ELSEWHERE = "elsewhere", "疑似批东占西"
    STAGE_DATA = "stage_data", "阶段数据矛盾"


class Alert(Labelled):
    """What later imagery or a contradiction in the records asks people to look at; it decides nothing."""

    GREW_AFTER_DISPATCH = "grew_after_dispatch", "派发后扩大"
    GREW_AFTER_CHECK = "grew_after_check", "核查后扩大"
    GREW_AFTER_NOTICE = "grew_after_notice", "通知后仍扩大"
    GREW_WITHOUT_APPROVAL = "grew_without_approval", "疑似复工"
    GREW_AROUND_NOTICE = "grew_around_notice", "通知前后扩大"
    SEEN_AFTER_CLOSING = "seen_after_closing", "销案后再次检出"
    RECORD_WITHOUT_TARGET = "record_without_target", "记录编号不在登记册"
    DECISION_NOT_UNDERSTOOD = "decision_not_understood", "决定用语不明"


class GroundAnswer(Labelled):
    """What a month's imagery says of a target's ground: whether works are gone and vegetation is back."""

    GONE_AND_GREEN = "gone_and_green", "疑似已清除且已复绿"
    GONE_NOT_GREEN = "gone_not_green", "疑似已清除未复绿"
    STILL_THERE = "still_there", "仍在"
    UNCLEAR = "unclear", "影像不能判断"
    NOT_OBSERVABLE = "not_observable", "本期不可观测"


class StopWatch(Labelled):
    """What the imagery says of growth since a stop notice reached the party, until an approval covers the ground."""

    QUIET = "quiet", "观察中，未见扩大"
    RESUMED = "resumed", "疑似复工"
    NOT_SEEN = "not_seen", "观察中，本期不可观测"
    PARTLY_APPROVED = "partly_approved", "批准只覆盖一部分，其余继续观察"
    EXTENT_UNKNOWN = "extent_unknown", "有批准而范围不明，待核对"
    APPROVED = "approved", "批准已覆盖，观察结束"


class StockKind(Labelled):
    """Whether a target began before or after the stock-taking (清查) date."""

    INCREMENT = "increment", "增量"
    STOCK = "stock", "存量"
    OPEN = "open", "待定"


class HistorySource(Labelled):
    """Whose word a row of a case's or a supplied parcel's history is."""

    RECORD = "record", "人工记录"
    IMAGERY = "imagery", "影像"
    REGISTER = "register", "登记册"
    LAYER = "layer", "供地图层"
    JUDGED = "judged", "综合判断"


class Conflict(Labelled):
    """Two pieces of evidence that do not go together; shown side by side, nobody is accused by it."""

    CLOSED_WITHOUT_CHECK = "closed_without_check", "未核查先销案"
    REFERRED_WITHOUT_VIOLATION = "referred_without_violation", "未核查为违法先抄告"
    DECIDED_WITHOUT_VIOLATION = "decided_without_violation", "未核查为违法先作处置决定"
    APPROVED_BEFORE_ONSET = "approved_before_onset", "批准早于图斑出现"
    APPROVED_DURING_ONSET = "approved_during_onset", "批准日在变化期间"
    NOTICE_WITHOUT_VIOLATION = "notice_without_violation", "未核查为违法先下文书"
    REFUSED_WITHOUT_NOTICE = "refused_without_notice", "无送达文书而记拒不停止"
    PART_SETTLED = "part_settled", "并入的部分已了结而其余核查为违法"
    PARTS_DIFFER = "parts_differ", "合并前后核查结果不同"
    RECORD_GONE = "record_gone", "历程所据记录已不在"
    SAID_BEFORE_CHANGE = "said_before_change", "台账早于影像变化已记载施工"
    STOPPED_BUT_GREW = "stopped_but_grew", "台账称已停工而影像见扩大"
    REMOVED_BUT_STANDS = "removed_but_stands", "台账称已拆除而影像仍见"
    RESTORED_BUT_STANDS = "restored_but_stands", "台账称已复耕而影像仍见"


class ScreenDecision(Labelled):
    """A person's word on a suppressed candidate (records/restorations.csv)."""

    RESTORE = "restore", "恢复"
    WITHDRAW = "withdraw", "撤回恢复"


class ParcelState(Labelled):
    """Whether works are visible on an approved parcel."""

    STARTED = "started", "已见动工"
    NOT_STARTED = "not_started", "未见动工"
    UNKNOWN = "unknown", "不能判断"
    NOT_OBSERVED = "not_observed", "未观测"


class Reached(Labelled):
    """How a measured area stands to a threshold, its uncertainty counted; never a finding."""

    SURELY_ABOVE = "surely_above", "疑似超过"
    POSSIBLY_ABOVE = "possibly_above", "可能超过"
    BELOW = "below", "未达"
    NOT_SUMMED = "not_summed", "不合计"
