"""Land layers as delivered: recognised by name and fields, repaired, brought into the city's CRS, and reported on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from pipeline import FORMAT_VERSION, schema
from pipeline.errors import InputError, XunchaError
from pipeline.rulebook import LayerAlias, load_rulebook
from pipeline.schema import Table, conform, empty
from pipeline.screen.layers import polygonal
from pipeline.sources.layer_files import LayerFile, name_fits, require_safe_transform, scan

TABLES: dict[str, Table] = {
    "land_use": schema.LAND_USE,
    "basic_farmland": schema.BASIC_FARMLAND,
    "planning": schema.PLANNING,
    "approvals": schema.APPROVALS,
    "temporary_land": schema.TEMPORARY_LAND,
    "supplied_land": schema.SUPPLIED_LAND,
    "places": schema.PLACES,
    "roads": schema.NAMED_GROUND,
    "hamlets": schema.NAMED_GROUND,
    "ecological_redline": schema.ECOLOGICAL_REDLINE,
    "village_plan": schema.VILLAGE_PLAN,
    "facility_land": schema.FACILITY_LAND,
    "mining_rights": schema.MINING_RIGHTS,
    "planning_permits": schema.PLANNING_PERMITS,
    "rural_permits": schema.RURAL_PERMITS,
    "emergency_land": schema.EMERGENCY_LAND,
}
_CONSTANTS = {"places": {"place_kind": "village"}, "roads": {"kind": "road"}, "hamlets": {"kind": "hamlet"}}
# roles whose ground may be points or lines
_ANY_SHAPE = frozenset({"roads", "hamlets"})
_FALLBACKS = {"zone_kind": "未注明"}


@dataclass(frozen=True)
class Layers:
    """The recognised layers as schema tables in the city's CRS (None: not delivered), and the layer report."""

    land_use: Any
    basic_farmland: Any
    planning: Any
    approvals: Any
    temporary_land: Any
    supplied_land: Any
    places: Any
    roads: Any
    hamlets: Any
    ecological_redline: Any
    village_plan: Any
    facility_land: Any
    mining_rights: Any
    planning_permits: Any
    rural_permits: Any
    emergency_land: Any
    report: dict[str, Any]


@dataclass(frozen=True)
class Recognised:
    """A delivered layer and its role; ``columns``: schema column to field, ``lacking``: required fields it has not."""

    role: LayerAlias
    file: LayerFile
    columns: dict[str, str]
    lacking: tuple[str, ...]


def recognise(files: Sequence[LayerFile], aliases: Sequence[LayerAlias]) -> tuple[list[Recognised], list[LayerFile]]:
    """Layers whose name fits a role, each with the fields found for it; and the layers whose name fits none."""
    known: list[Recognised] = []
    strangers: list[LayerFile] = []
    for file in files:
        fits = [(len(name), alias) for alias in aliases for name in alias.names if name_fits(_name(file), name)]
        if not fits:
            strangers.append(file)
            continue
        role = max(fits, key=lambda pair: pair[0])[1]
        by_upper = {field.upper(): field for field in reversed(file.fields)}
        columns = {}
        for wanted in role.fields:
            present = [by_upper[name.upper()] for name in wanted.names if name.upper() in by_upper]
            if present:
                columns[wanted.column] = present[0]
        lacking = tuple("/".join(f.names) for f in role.fields if f.required and f.column not in columns)
        known.append(Recognised(role, file, columns, lacking))
    return known, strangers


def _name(file: LayerFile) -> str:
    return f"{file.layer} {file.path.stem}"


def find_problems(folder: Path, crs: str) -> tuple[dict[str, list[Recognised]], list[LayerFile], list[InputError]]:
    """Layers by role, unrecognised ones, and everything that stops a run (E301 to E305), without reading rows."""
    aliases = load_rulebook().layers
    files, problems = scan(folder)
    known, strangers = recognise(files, aliases)
    by_role: dict[str, list[Recognised]] = {alias.role: [] for alias in aliases}
    for layer in known:
        by_role[layer.role.role].append(layer)
    target = pyproj.CRS.from_user_input(crs)
    for alias in aliases:
        usable = [layer for layer in by_role[alias.role] if not layer.lacking]
        if alias.required and not usable:
            problems.append(_required_missing(folder, alias, by_role[alias.role]))
        if len(usable) > 1 and not alias.several:
            names = ", ".join(layer.file.where for layer in usable)
            problems.append(InputError("E305", f"{alias.label}: {names}", "leave the one that applies in the folder"))
        problems += [problem for layer in usable for problem in _crs_problem(layer.file, target)]
    return by_role, strangers, problems


def _required_missing(folder: Path, alias: LayerAlias, partial: Sequence[Recognised]) -> InputError:
    if partial:
        what = "; ".join(f"{layer.file.where} has no field {', '.join(layer.lacking)}" for layer in partial)
    else:
        what = f"no layer named {' or '.join(alias.names)} in {folder}"
    return InputError("E303", f"{alias.label}: {what}", "put the land-use layer there with its standard field names")


def _crs_problem(file: LayerFile, target: pyproj.CRS) -> list[InputError]:
    if file.crs is None:
        return [InputError("E302", f"{file.where} has no usable .prj", "deliver its .prj, or assign the CRS in a GIS")]
    try:
        require_safe_transform(file.where, file.crs, target)
    except InputError as problem:
        return [problem]
    return []


def check_layers(folder: Path, crs: str) -> list[XunchaError]:
    """Everything wrong with the layers that stops a run; an empty list when they can be used."""
    return list(find_problems(folder, crs)[2])


def read_layers(folder: Path, crs: str) -> Layers:
    """Read all recognised layers of a folder into ``crs``.

    Invalid polygons are repaired and rows without ground or required values left out, each named in the report with
    its row (1-based) and reason. A layer that was not delivered is None and the report says what its lack does.
    Raises the first of InputError E301 to E305.
    """
    by_role, strangers, problems = find_problems(folder, crs)
    if problems:
        raise problems[0]
    tables: dict[str, Any] = {}
    entries = []
    for alias in load_rulebook().layers:
        usable = [layer for layer in by_role[alias.role] if not layer.lacking]
        parts, sources = [], []
        for layer in usable:
            part, source = _read(layer, crs, folder)
            parts.append(part)
            sources.append(source)
        table = TABLES[alias.role]
        filled = [part for part in parts if len(part)]
        joined = pd.concat(filled, ignore_index=True) if filled else empty(table, crs)
        unique, renamed = _unique_ids(joined, table.key[0])
        state = "found" if filled else ("empty" if usable else "missing")
        absent = state == "missing" or (state == "empty" and alias.empty_counts_as_missing)
        tables[alias.role] = None if absent and not alias.required else conform(table, unique, crs)
        entries.append(
            {
                "role": alias.role,
                "label": alias.label,
                "state": state,
                "rows": len(unique),
                "effect": alias.without_it if absent else None,
                "renamed_ids": renamed,
                "sources": sources,
                "not_used": [
                    {"file": layer.file.where, "reason": f"缺少字段 {', '.join(layer.lacking)}"}
                    for layer in by_role[alias.role]
                    if layer.lacking
                ],
            }
        )
    report = {
        "format_version": FORMAT_VERSION,
        "layers": entries,
        "unrecognised": [
            {"file": _relative(file, folder), "layer": file.layer, "fields": list(file.fields), "rows": file.rows}
            for file in strangers
        ],
    }
    return Layers(**tables, report=report)


def _relative(file: LayerFile, folder: Path) -> str:
    return file.path.relative_to(folder).as_posix()


def _read(layer: Recognised, crs: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """One layer's rows as its table, in ``crs``, and what the report says of it."""
    file, role = layer.file, layer.role
    try:
        raw = pyogrio.read_dataframe(
            file.path, layer=file.layer, encoding=file.encoding, columns=sorted(set(layer.columns.values()))
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, OSError, ValueError) as problem:
        raise InputError("E301", f"{file.where}: {problem}", "deliver the file again") from problem
    rows = pd.Series(np.arange(1, len(raw) + 1), index=raw.index)
    doubts: list[dict[str, Any]] = []
    data = {
        column.name: _values(raw, layer, column, rows, doubts)
        for column in TABLES[role.role].columns
        if column.name in layer.columns
    }
    frame = pd.DataFrame(data, index=raw.index).assign(**_CONSTANTS.get(role.role, {}))
    key = TABLES[role.role].key[0]
    if key not in frame.columns:
        frame[key] = None
    frame[key] = frame[key].where(frame[key].notna(), "row" + rows.astype(str))
    for column_name, fallback in _FALLBACKS.items():
        if column_name in frame.columns:
            frame[column_name] = frame[column_name].fillna(fallback)
    shaped = role.role in _ANY_SHAPE
    geometry, repaired = (
        _as_drawn(raw.geometry.to_numpy()) if shaped else _repair(raw.geometry.to_numpy(), frame[key], rows)
    )
    unusable = _unusable(frame, geometry, TABLES[role.role], rows, drawn=shaped)
    kept = ~rows.isin([entry["row"] for entry in unusable])
    projected = gpd.GeoSeries(geometry[kept.to_numpy()], crs=file.crs).to_crs(crs)
    shapes = projected.to_numpy() if shaped else polygonal(projected.to_numpy())
    whole = gpd.GeoDataFrame(frame[kept].reset_index(drop=True), geometry=shapes, crs=crs)
    return conform(TABLES[role.role], whole, crs), {
        "file": _relative(file, folder),
        "layer": file.layer,
        "encoding": file.encoding,
        "crs": file.crs.name if file.crs else None,
        "fields": dict(sorted(layer.columns.items())),
        "absent_fields": sorted(f.column for f in role.fields if f.column not in layer.columns),
        "rows": len(raw),
        "rows_used": len(whole),
        "repaired": repaired,
        "unusable": unusable,
        "doubts": doubts,
    }


def _values(
    raw: Any, layer: Recognised, column: schema.Column, rows: pd.Series, doubts: list[dict[str, Any]]
) -> pd.Series:
    """A field's values in the column's kind; what cannot be read becomes null and is listed in ``doubts``."""
    field = layer.columns[column.name]
    given = raw[field]
    if column.kind == "date":
        read = given.map(parse_day)
    elif column.kind == "real":
        read = pd.to_numeric(given, errors="coerce")
    else:
        width = 4 if column.name == "class_code" else 0
        read = given.map(lambda value: _text(value, width))
    stated = given.notna() & (given.astype(str).str.strip() != "")
    doubts += [
        {"row": int(rows[i]), "field": field, "value": str(given[i]), "reason": "无法识别，按空值处理"}
        for i in given.index[stated & read.isna()]
    ]
    return read


def _text(value: Any, width: int) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return str(int(value)).zfill(width) if float(value).is_integer() else str(value)
    return str(value).strip() or None


def parse_day(value: Any) -> pd.Timestamp | None:
    """A day from a date, ``20260315``, ``2026-03-15``, ``2026/3/15``, ``2026.3.15`` or ``2026年3月15日``; else None."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if not isinstance(value, str | int | float | np.integer | np.floating):
        stamp = pd.Timestamp(value)
        return stamp.tz_localize(None).normalize()
    text = str(int(value)) if not isinstance(value, str) else value.strip()
    match = re.match(r"^(\d{4})(\d{2})(\d{2})$", text) or re.match(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})", text)
    if match is None:
        return None
    try:
        return pd.Timestamp(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _repair(geometry: Any, ids: pd.Series, rows: pd.Series) -> tuple[Any, list[dict[str, Any]]]:
    """Valid two-dimensional polygons, and which rows needed repair and why."""
    flat = shapely.force_2d(geometry)
    broken = np.flatnonzero(~shapely.is_valid(flat) & ~shapely.is_missing(flat))
    reasons = shapely.is_valid_reason(flat[broken])
    repaired = [
        {"row": int(rows.iloc[i]), "id": str(ids.iloc[i]), "reason": str(reason)}
        for i, reason in zip(broken, reasons, strict=True)
    ]
    filled = np.where(shapely.is_missing(flat), shapely.Polygon(), flat)
    return polygonal(filled), repaired


def _as_drawn(geometry: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Points, lines and polygons in two dimensions, for names that need no area; nothing is repaired."""
    flat = shapely.force_2d(geometry)
    return np.where(shapely.is_missing(flat), shapely.Point(), flat), []


def _unusable(
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


def _unique_ids(frame: pd.DataFrame, key: str) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """Ids made unique by ``#2``, ``#3`` .. in row order, and which were renamed."""
    seen: dict[str, int] = {}
    ids, renamed = [], []
    for given in frame[key].astype(str):
        seen[given] = seen.get(given, 0) + 1
        own = given if seen[given] == 1 else f"{given}#{seen[given]}"
        if own != given:
            renamed.append({"id": given, "new_id": own})
        ids.append(own)
    return frame.assign(**{key: ids}), renamed
