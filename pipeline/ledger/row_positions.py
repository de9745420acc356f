"""Where a ledger row says its findings are: coordinate columns first, else coordinates in its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.ledger.coordinates import Coordinate, centre, read_columns, read_coordinates, why_unreadable
from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.findings import POSITION_COLUMNS
from pipeline.ledger.items import SHARED_POSITION_M
from pipeline.ledger.log import POSITION_FIELD, UNUSABLE, SheetLog
from pipeline.ledger.sheets import FieldRules, cell_text
from pipeline.ledger.words import is_nothing

_TEXT_LABELS = {
    "place": "违法地点", "status": "违法现状", "remark": "备注", "project": "巡查项目", "subject": "违法主体",
    "route": "巡查路线", "measures": "制止措施", "effect": "制止效果", "follow_up": "后续处理",
}  # fmt: skip


def positions_of(
    index: int,
    values: Mapping[str, CellValue],
    parts: Sequence[Mapping[str, str | None]],
    rules: FieldRules,
    log: SheetLog,
) -> list[Coordinate | None]:
    """One coordinate per finding: from the coordinate columns, else from the words of the place or the remark."""
    columns = [pair for pair in POSITION_COLUMNS if any(cell_text(values.get(name)) for name in pair)]
    told = [cell_text(values.get(name)) for name in (columns[0] if columns else ("coordinates",))]
    content = " , ".join(text for text in told if text)
    if not content or is_nothing(content, rules) or all(text in rules.not_measured for text in told if text):
        return [_position_in_text(index, part, log) for part in parts]
    found = read_columns(told[0], told[1]) if columns else read_coordinates(content, strict=False)
    if not found:
        log.reject(index, POSITION_FIELD, content, UNUSABLE, why_unreadable(content))
        return [_position_in_text(index, part, log) for part in parts]
    for rule in dict.fromkeys(rule for pair in found for rule in pair.rules):
        after = "; ".join(f"{pair.x:.8g},{pair.y:.8g}" for pair in found)
        log.repair(index, POSITION_FIELD, content, after, rule)
    if len(found) == len(parts):
        return list(found)
    if len(parts) == 1:
        middle = centre(found)
        log.repair(index, POSITION_FIELD, content, f"{middle.x:.8g},{middle.y:.8g}", "多个坐标取中心")
        return [middle]
    if len(found) == 1:
        log.repair(index, POSITION_FIELD, content, content, "多项共用一个坐标")
        return [replace(found[0], rounding_m=max(found[0].rounding_m, SHARED_POSITION_M))] * len(parts)
    reason = f"{len(parts)}项发现有{len(found)}个坐标，请一一对应编号"
    log.reject(index, POSITION_FIELD, content, UNUSABLE, reason)
    return [None] * len(parts)


def _position_in_text(index: int, part: Mapping[str, str | None], log: SheetLog) -> Coordinate | None:
    for field in _TEXT_LABELS:
        found = read_coordinates(part.get(field) or "", strict=True)
        if found:
            middle = found[0] if len(found) == 1 else centre(found)
            after = f"{middle.x:.8g},{middle.y:.8g}"
            log.repair(index, POSITION_FIELD, part[field], after, f"坐标取自{_TEXT_LABELS[field]}")
            return middle
    return None
