"""What ledger writes: entries, visits, photos, tracks, and what was repaired, rejected or odd."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import flag as _flag
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

ENTRIES = Table(
    "entries",
    (
        _text("entry_id", "条目编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _integer("item", "行内序号"),
        _flag("finding", "有无发现"),
        _date("discovered_on", "巡查时间", null=True),
        _date("discovered_until", "巡查时间止", null=True),
        _text("people", "巡查人员", null=True),
        _text("route", "巡查路线", null=True),
        _text("project", "巡查项目", null=True),
        _text("subject", "违法项目主体或名称", null=True),
        _text("place", "违法地点", null=True),
        _text("status", "违法现状", null=True),
        _text("measures", "制止措施", null=True),
        _text("effect", "制止效果", null=True),
        _text("follow_up", "后续处理", null=True),
        _text("remark", "备注", null=True),
        _text("stated_target_id", "填报监测编号", null=True),
        _real("stated_area_m2", "填报面积", "平方米", null=True),
        _real("stated_x", "填报坐标一", null=True),
        _real("stated_y", "填报坐标二", null=True),
        _text("datum", "坐标基准", null=True),
        _text("position_source", "位置来源"),
        _real("uncertainty_m", "位置误差", "米", null=True),
    ),
    key=("entry_id",),
    geometry=True,
)
LEDGER_FILES = Table(
    "files",
    (
        _text("unit_id", "单位编号", null=True),
        _text("file", "文件"),
        _text("format", "格式"),
        _integer("size_bytes", "大小", "字节"),
        _text("sha256", "校验值", null=True),
        _flag("read", "已读入"),
        _text("code", "错误号", null=True),
        _text("reason", "理由", null=True),
        _text("reading", "读法", null=True),
        _integer("sheets", "工作表", "张"),
        _integer("rows", "数据行", "行"),
        _integer("entries", "条目", "条"),
        _integer("findings", "发现", "条"),
        _integer("effort_rows", "未发现的巡查", "条"),
        _integer("rejected", "退回", "处"),
        _integer("repaired_cells", "修正", "处"),
        _date("first_day", "最早记录", null=True),
        _date("last_day", "最晚记录", null=True),
        _text("stated_month", "写明月份", null=True),
        _date("saved_on", "最后保存", null=True),
        _real("completeness", "完整度", null=True),
        _text("doubts", "需核对", null=True),
    ),
    key=("file",),
)
PHOTOS = Table(
    "photos",
    (
        _text("photo_id", "照片编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sha256", "SHA-256"),
        _integer("size_bytes", "大小", "字节"),
        _integer("width", "宽", "像素", null=True),
        _integer("height", "高", "像素", null=True),
        _text("look", "画面指纹", null=True),
        _date("taken_on", "拍摄日期", null=True),
        _text("taken_at", "拍摄时刻", null=True),
        _text("camera", "相机", null=True),
        _text("datum", "坐标基准", null=True),
        _real("error_m", "照片自报误差", "米", null=True),
        _text("entry_ids", "对应条目", null=True),
        _text("linked_by", "对应依据", null=True),
        _text("doubts", "存疑", null=True),
    ),
    key=("photo_id",),
    geometry=True,
)
SUPERSEDED = Table(
    "superseded",
    (
        _text("entry_id", "条目编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _integer("item", "行内序号"),
        _text("content", "原内容"),
        _text("superseded_by", "更正后条目"),
        _text("by_file", "更正文件"),
        _text("by_sheet", "更正工作表"),
        _integer("by_row", "更正行号"),
        _text("basis", "更正依据"),
        _text("changed", "更正内容"),
    ),
    key=("entry_id",),
)
VISITS = Table(
    "visits",
    (
        _text("visit_id", "巡查编号"),
        _text("unit_id", "单位编号"),
        _text("people", "巡查人员", null=True),
        _date("visited_on", "巡查日期"),
        _date("visited_until", "巡查日期止", null=True),
        _text("evidence", "依据"),
        _text("file", "文件"),
        _real("length_m", "轨迹长度", "米", null=True),
        _real("minutes", "用时", "分钟", null=True),
        _text("cell_ids", "涉及网格", null=True),
        _text("doubts", "存疑", null=True),
    ),
    key=("visit_id",),
    geometry=True,
)
REPAIRS = Table(
    "repairs",
    (
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _text("field", "字段"),
        _text("before", "原值", null=True),
        _text("after", "改后", null=True),
        _text("rule", "规则"),
    ),
    key=("file", "sheet", "row", "field", "rule"),
)
REJECTED = Table(
    "rejected",
    (
        _text("unit_id", "单位编号", null=True),
        _text("file", "文件"),
        _text("sheet", "工作表", null=True),
        _integer("row", "行号", null=True),
        _text("field", "字段", null=True),
        _text("content", "原内容", null=True),
        _text("code", "错误号"),
        _text("reason", "理由"),
    ),
    key=("file", "sheet", "row", "field"),
)

ODDITIES = Table(
    "oddities",
    (
        _text("unit_id", "单位编号"),
        _text("file", "文件", null=True),
        _text("sheet", "工作表", null=True),
        _integer("row", "行号", null=True),
        _text("kind", "类别"),
        _text("what", "内容"),
        _text("reason", "值得核对的理由"),
    ),
    key=("unit_id", "file", "sheet", "row", "kind", "what", "reason"),
)
TRACK_PARTS = Table(
    "track_parts",
    (
        _text("visit_id", "巡查编号"),
        _text("unit_id", "单位编号"),
        _integer("number", "序号"),
        _text("kind", "类别"),
        _date("started_at", "开始时间"),
        _real("minutes", "用时", "分钟"),
        _real("length_m", "长度", "米"),
        _real("speed_kmh", "速度", "公里/小时"),
    ),
    key=("visit_id", "number"),
    geometry=True,
)
