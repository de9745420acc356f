"""Rows of a land layer: values in their column's kind, ground repaired, and what is wrong with which row."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline import schema
from pipeline.schema import Table
from pipeline.screen.outlines import polygonal


def read_values(given: pd.Series, column: schema.Column, rows: pd.Series, doubts: list[dict[str, Any]]) -> pd.Series:
    """A field's values in the column's kind; what cannot be read becomes null and is listed in ``doubts``."""
    if column.kind == "date":
        read = given.map(parse_day)
    elif column.kind == "real":
        read = pd.to_numeric(given, errors="coerce")
    elif column.kind == "integer":
        read = given.map(parse_year).astype("Int64")
    else:
        read = given if _plain_texts(given) else given.map(_text)
    doubts += unread_values(given, read, rows)
    return read


def unread_values(given: pd.Series, read: pd.Series, rows: pd.Series) -> list[dict[str, Any]]:
    """What stands in a field and could not be read, by row."""
    stated = given.notna() & (given.astype(str).str.strip() != "")
    return [
        {"row": int(rows[i]), "field": str(given.name), "value": str(given[i]), "reason": "无法识别，按空值处理"}
        for i in given.index[stated & read.isna()]
    ]


def _plain_texts(given: pd.Series) -> bool:
    """Whether a field holds nothing but texts of letters, digits and dashes, which are read as they stand."""
    return given.dtype == "str" and bool(given.str.fullmatch(r"[0-9A-Za-z_-]+").fillna(True).all())


def _text(value: Any) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return str(int(value)) if float(value).is_integer() else str(value)
    return str(value).strip() or None


def parse_day(value: Any) -> pd.Timestamp | None:
    """A day from a date, ``20260315``, ``2026-03-15``, ``2026/3/15``, ``2026.3.15`` or ``2026年3月15日``; else None.

    A moment with a time zone is the day it was in China: midnight of a day is written as 16:00 UTC of the day before.
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if not isinstance(value, str | int | float | np.integer | np.floating):
        stamp = pd.Timestamp(value)
        local = stamp.tz_convert("Asia/Shanghai") if stamp.tzinfo is not None else stamp
        return local.tz_localize(None).normalize()
    text = str(int(value)) if not isinstance(value, str) else unicodedata.normalize("NFKC", value).strip()
    match = re.match(r"^(\d{4})(\d{2})(\d{2})(?:\.0+)?$", text) or re.match(
        r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})", text
    )
    if match is None:
        return None
    try:
        return pd.Timestamp(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def parse_year(value: Any) -> int | None:
    """A year from a number or a text that begins with one (``2025``, ``2025.0``, ``2025年``, ``20251231``); else None."""
    text = _text(value)
    match = re.match(r"^(?:19|20)\d\d(?!\d)|^(?:19|20)\d\d(?=\d{4}$)", unicodedata.normalize("NFKC", text or ""))
    return None if match is None else int(match[0])


_FAULTS = {
    "Self-intersection": "边界自相交", "Ring Self-intersection": "环自相交", "Hole lies outside shell": "内环在外环之外",
    "Holes are nested": "内环相互嵌套", "Nested holes": "内环相互嵌套", "Nested shells": "外环相互嵌套",
    "Interior is disconnected": "内部不连通", "Duplicate Rings": "环重复", "Invalid Coordinate": "坐标无效",
    "Too few points in geometry component": "环的点数过少", "Ring is not closed": "环不闭合",
}  # fmt: skip
_FAULT = re.compile(r"([^\[]*)(?:\[(\S+) (\S+)\])?")


def fault_in_words(reason: str) -> str:
    """What GEOS says of an invalid shape, in Chinese with the place to the centimetre; an unknown fault keeps its words."""
    found = _FAULT.fullmatch(reason)
    if found is None:
        return reason
    words = _FAULTS.get(found[1].strip(), f"图形错误 {found[1].strip()}")
    return words if found[2] is None else f"{words}（{float(found[2]):.2f}, {float(found[3]):.2f}）"


def repaired_polygons(geometry: Any, ids: pd.Series, rows: pd.Series) -> tuple[Any, list[dict[str, Any]]]:
    """Valid two-dimensional polygons, and which rows needed repair and why."""
    flat = _flat(geometry)
    missing = shapely.is_missing(flat)
    invalid = ~shapely.is_valid(flat)
    broken = np.flatnonzero(invalid & ~missing)
    reasons = shapely.is_valid_reason(flat[broken])
    repaired = [
        {"row": int(rows.iloc[i]), "id": str(ids.iloc[i]), "reason": fault_in_words(str(reason))}
        for i, reason in zip(broken, reasons, strict=True)
    ]
    filled = np.where(missing, shapely.Polygon(), flat)
    odd = (invalid & ~missing) | ~np.isin(shapely.get_type_id(filled), (3, 6))
    filled[odd] = polygonal(filled[odd])
    return filled, repaired


def _flat(geometry: Any) -> Any:
    """Geometry in two dimensions; what is so already is not drawn anew."""
    flat = np.array(geometry, dtype=object)
    high = shapely.has_z(flat) | shapely.has_m(flat)
    flat[high] = shapely.force_2d(flat[high])
    return flat


def as_drawn(geometry: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Points, lines and polygons in two dimensions, for names that need no area; nothing is repaired."""
    flat = _flat(geometry)
    return np.where(shapely.is_missing(flat), shapely.Point(), flat), []


def unusable_rows(
    frame: pd.DataFrame, geometry: Any, table: Table, rows: pd.Series, *, drawn: bool = False
) -> list[dict[str, Any]]:
    """Rows without ground (with ``drawn`` any shape will do) or without a required value, with the reason, by row."""
    reasons: dict[int, list[str]] = {}
    lacking = shapely.is_empty(geometry) if drawn else shapely.area(geometry) == 0.0
    for i in np.flatnonzero(lacking):
        reasons.setdefault(int(rows.iloc[i]), []).append("没有图形" if drawn else "没有面状图形")
    for column in table.columns:
        if not column.null and column.name in frame.columns:
            for i in np.flatnonzero(frame[column.name].isna()):
                reasons.setdefault(int(rows.iloc[i]), []).append(f"{column.label}为空")
    return [{"row": row, "reason": "，".join(reasons[row])} for row in sorted(reasons)]


def repeated_rows(geometry: Any, codes: pd.Series, rows: pd.Series) -> list[dict[str, Any]]:
    """Rows whose outline and class (``codes``) an earlier row has too: their ground would be counted twice."""
    outlines = pd.Series(shapely.to_wkb(shapely.normalize(geometry)), index=rows.index)
    drawn = ~shapely.is_empty(geometry)
    first: dict[tuple[bytes, Any], int] = {}
    found = []
    for outline, code, row, real in zip(outlines, codes, rows, drawn, strict=True):
        earlier = first.setdefault((outline, code), int(row)) if real else int(row)
        if earlier != row:
            found.append({"row": int(row), "reason": f"图形和地类与第{earlier}行相同，只计一次"})
    return found


class Repeats:
    """Rows that may be drawn twice, found by extent, number of vertices and class without keeping any outline."""

    def __init__(self) -> None:
        self._marks: list[NDArray[np.uint64]] = []

    def add(self, geometry: Any, codes: pd.Series) -> None:
        """Remember the next rows' outlines and classes."""
        # a sum with zero has no negative zero
        seen = [shapely.bounds(geometry) + 0.0, shapely.get_num_coordinates(geometry).astype(np.float64)[:, None]]
        marks = pd.util.hash_array(codes.astype("object").to_numpy(), categorize=True)
        for column in np.column_stack(seen).view(np.uint64).T:
            marks = pd.util.hash_array(column ^ marks)
        # what is not drawn is like nothing else
        self._marks.append(np.where(shapely.is_empty(geometry), np.uint64(0), marks))

    def suspects(self) -> NDArray[np.intp]:
        """Positions of all rows that may have a double, in order."""
        marks = np.concatenate([np.empty(0, dtype=np.uint64), *self._marks])
        _, first, which, count = np.unique(marks, return_index=True, return_inverse=True, return_counts=True)
        return np.flatnonzero((count[which.reshape(-1)] > 1) & (marks != 0))


def unique_ids(frame: pd.DataFrame, key: str) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """Ids made unique by ``#2``, ``#3`` .. in row order, passing over delivered ones, and which were renamed."""
    if not frame[key].duplicated().any():
        return frame.assign(**{key: frame[key].astype(str)}), []
    delivered = set(frame[key].astype(str))
    seen: dict[str, int] = {}
    ids, renamed = [], []
    for given in frame[key].astype(str):
        seen[given] = seen.get(given, 0) + 1
        own = given
        if seen[given] > 1:
            while (own := f"{given}#{seen[given]}") in delivered:
                seen[given] += 1
            renamed.append({"id": given, "new_id": own})
        ids.append(own)
    return frame.assign(**{key: ids}), renamed
