"""Land layers as delivered: recognised by name and fields, repaired, brought into the city's CRS, and reported on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from pipeline import FORMAT_VERSION, schema
from pipeline.errors import InputError, XunchaError
from pipeline.rulebook import LayerAlias, load_rulebook
from pipeline.schema import Table, conform, empty
from pipeline.screen.outlines import Shapes, polygonal
from pipeline.sources.land_codes import load_successors, read_codes
from pipeline.sources.layer_crs import Bounds, Placement, place
from pipeline.sources.layer_files import LayerFile, Scan, opened
from pipeline.sources.layer_roles import Recognised, recognise, resembled
from pipeline.sources.layer_rows import (
    Repeats,
    as_drawn,
    read_values,
    repaired_polygons,
    repeated_rows,
    unique_ids,
    unread_values,
    unusable_rows,
)

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
# roles whose lost rows would make lawful ground look unlawful
_EXCUSES = {"approvals": "批准范围", "temporary_land": "临时用地"}
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
class Found:
    """Layers by role, where the usable ones' coordinates lie, layers of no role, and what stops a run."""

    by_role: dict[str, list[Recognised]]
    places: dict[LayerFile, Placement]
    strangers: list[LayerFile]
    problems: list[InputError]


Put = Callable[[int, NDArray[np.intp], Shapes], None]
"""Takes ground in the city's CRS: the number of the source within its role, positions of delivered rows, their shapes."""


@dataclass(frozen=True)
class RoleRead:
    """A role's rows without their ground (``schema`` columns, in order), and what the report says of it.

    ``places``: per source and delivered row its row here, -1 where it is not used. ``missing``: counts as not delivered.
    """

    attributes: pd.DataFrame
    places: list[NDArray[np.intp]]
    missing: bool
    entry: dict[str, Any]


def find_layers(scan: Scan, folder: Path, crs: str, extent: Bounds | None) -> Found:
    """What the scanned layers are and everything that stops a run (E301 to E305, E307), without reading rows."""
    aliases = load_rulebook().layers
    known, strangers = recognise(scan.files, aliases)
    by_role: dict[str, list[Recognised]] = {alias.role: [] for alias in aliases}
    for layer in known:
        by_role[layer.role.role].append(layer)
    target = pyproj.CRS.from_user_input(crs)
    problems, places = list(scan.problems), {}
    for alias in aliases:
        usable = [layer for layer in by_role[alias.role] if not layer.lacking]
        if alias.required and not usable:
            problems.append(_required_missing(folder, alias, by_role[alias.role]))
        if len(usable) > 1 and not alias.several:
            names = ", ".join(layer.file.where for layer in usable)
            problems.append(InputError("E305", f"{alias.label}: {names}", "leave the one that applies in the folder"))
        for layer in usable:
            try:
                places[layer.file] = _placed(layer.file, target, extent)
            except InputError as problem:
                problems.append(problem)
    return Found(by_role, places, strangers, problems)


def _required_missing(folder: Path, alias: LayerAlias, partial: Sequence[Recognised]) -> InputError:
    if partial:
        what = "; ".join(f"{layer.file.where} has no field {', '.join(layer.lacking)}" for layer in partial)
    else:
        what = f"no layer named {' or '.join(alias.names)} in {folder}"
    return InputError("E303", f"{alias.label}: {what}", "put the land-use layer there with its standard field names")


def _placed(file: LayerFile, target: pyproj.CRS, extent: Bounds | None) -> Placement:
    """Where a layer's coordinates lie; the extent its header states is believed only where nothing is odd."""
    if file.header_bounds is not None:
        try:
            found = place(file.where, file.crs, file.crs_assumed, file.header_bounds, target, extent)
        except InputError as problem:
            if problem.code == "E304":
                raise
        else:
            if found.note is None:
                return found
    return place(file.where, file.crs, file.crs_assumed, file.bounds(), target, extent)


def check_layers(folder: Path, crs: str, extent: Bounds | None = None) -> list[XunchaError]:
    """Everything wrong with the layers that stops a run; an empty list when they can be used.

    ``extent``: the city in ``crs``, against which coordinates are checked; None where it is not known.
    """
    with opened(folder) as scan:
        found = find_layers(scan, folder, crs, extent)
        problems: list[XunchaError] = list(found.problems)
        for layer in found.by_role["land_use"]:
            if not layer.lacking:
                try:
                    field = layer.columns["class_code"]
                    read_codes(layer.file.where, layer.file.values([field])[field], load_successors())
                except InputError as problem:
                    problems.append(problem)
    return problems


def read_layers(folder: Path, crs: str, extent: Bounds | None = None) -> Layers:
    """Read all recognised layers of a folder into ``crs``.

    Invalid polygons are repaired and rows without ground or required values left out, each named in the report with
    its row (1-based) and reason. A layer that was not delivered is None and the report says what its lack does; so is
    one whose rows are all unusable. ``extent``: the city in ``crs``, against which coordinates are checked and a missing
    CRS is resolved; None where it is not known. Raises the first of InputError E301 to E305, E307, E308.
    """
    with opened(folder) as scan:
        found = find_layers(scan, folder, crs, extent)
        if found.problems:
            raise found.problems[0]
        tables: dict[str, Any] = {}
        entries = []
        for alias in load_rulebook().layers:
            pieces: list[tuple[int, NDArray[np.intp], Shapes]] = []
            read = read_role(alias, found, crs, lambda *piece, pieces=pieces: pieces.append(piece))
            tables[alias.role] = None if read.missing else _joined(alias.role, read, pieces, crs)
            entries.append(read.entry)
        return Layers(**tables, report=layer_report(entries, found, scan))


def layer_report(entries: list[dict[str, Any]], found: Found, scan: Scan) -> dict[str, Any]:
    """The layer report: the roles' entries, and what is in the folder beside them."""
    return {
        "format_version": FORMAT_VERSION,
        "layers": entries,
        "unrecognised": [
            {
                "file": file.delivered,
                "layer": file.layer,
                "fields": list(file.fields),
                "rows": file.rows,
                "resembles": resembled(file, load_rulebook().layers),
            }
            for file in found.strangers
        ],
        "unread": scan.unread,
    }


def _joined(role: str, read: RoleRead, pieces: list[tuple[int, NDArray[np.intp], Shapes]], crs: str) -> Any:
    """A role's table from its rows and the pieces of their ground."""
    shapes = np.full(len(read.attributes), None, dtype=object)
    for source, positions, drawn in pieces:
        own = read.places[source][positions]
        shapes[own[own >= 0]] = drawn[own >= 0]
    return conform(TABLES[role], gpd.GeoDataFrame(read.attributes, geometry=shapes, crs=crs), crs)


def read_role(alias: LayerAlias, found: Found, crs: str, put: Put) -> RoleRead:
    """A role's rows but for their ground, which goes to ``put``, and what the report says of it."""
    usable = [layer for layer in found.by_role[alias.role] if not layer.lacking]
    read = [_read(layer, found.places[layer.file], crs, partial(put, number)) for number, layer in enumerate(usable)]
    plain = replace(TABLES[alias.role], geometry=False)
    parts, sources = [part for part, _, _ in read if len(part)], [source for _, _, source in read]
    joined = pd.concat(parts, ignore_index=True) if parts else empty(plain)
    unique, renamed = unique_ids(joined, plain.key[0])
    lost = sum(len(source["unusable"]) for source in sources)
    state = "found" if parts else ("missing" if not usable else "unusable" if lost else "empty")
    absent = state in ("missing", "unusable") or (state == "empty" and alias.empty_counts_as_missing)
    partly = (
        f"{lost}行{_EXCUSES[alias.role]}不能使用，其范围可能被当作未批准" if alias.role in _EXCUSES and lost else None
    )
    entry = {
        "role": alias.role,
        "label": alias.label,
        "state": state,
        "rows": len(unique),
        "effect": alias.without_it if absent else partly,
        "renamed_ids": renamed,
        "sources": sources,
        "not_used": [
            {"file": layer.file.where, "reason": f"缺少字段 {', '.join(layer.lacking)}"}
            for layer in found.by_role[alias.role]
            if layer.lacking
        ],
    }
    first = np.cumsum([0] + [len(part) for part, _, _ in read])
    places = [np.where(own >= 0, own + start, -1) for (_, own, _), start in zip(read, first[:-1], strict=True)]
    return RoleRead(conform(plain, unique), places, absent and not alias.required, entry)


def _read(
    layer: Recognised, placed: Placement, crs: str, put: Callable[[NDArray[np.intp], Shapes], None]
) -> tuple[pd.DataFrame, NDArray[np.intp], dict[str, Any]]:
    """One layer's used rows without their ground, which of them each delivered row is (-1: none), and its report."""
    file, role, table = layer.file, layer.role, TABLES[layer.role.role]
    raw = file.values(sorted(set(layer.columns.values())))
    rows = pd.Series(np.arange(1, len(raw) + 1), index=raw.index)
    doubts: list[dict[str, Any]] = []
    frame, codes = _values(raw, layer, rows, doubts)
    repaired: list[dict[str, Any]] = []
    unusable: list[dict[str, Any]] = []
    drawn, repeats = _Drawn(layer, placed, frame, rows), Repeats()
    for positions, shapes, mended in drawn.pieces():
        repaired += mended
        poor = unusable_rows(frame.iloc[positions], shapes, table, rows.iloc[positions], drawn=role.role in _ANY_SHAPE)
        unusable += poor
        if role.role == "land_use":
            repeats.add(shapes, frame["class_code"].iloc[positions])
        kept = ~rows.iloc[positions].isin([entry["row"] for entry in poor]).to_numpy()
        put(positions[kept], _projected(shapes[kept], placed, crs, shaped=role.role in _ANY_SHAPE))
    known = {entry["row"] for entry in unusable}
    if len(suspects := repeats.suspects()):
        again = np.concatenate([shapes[np.isin(at, suspects)] for at, shapes, _ in drawn.pieces()])
        twice = repeated_rows(again, frame["class_code"].iloc[suspects], rows.iloc[suspects])
        unusable = sorted(unusable + [one for one in twice if one["row"] not in known], key=lambda one: one["row"])
    used = ~rows.isin([entry["row"] for entry in unusable]).to_numpy()
    fetched = {} if file.database is None else {"database": file.database}
    attributes = conform(replace(table, geometry=False), frame[used].reset_index(drop=True))
    return attributes, np.where(used, np.cumsum(used) - 1, -1), fetched | {
        "file": file.delivered,
        "layer": file.layer,
        "encoding": file.encoding,
        "crs": placed.crs.name,
        "crs_note": placed.note,
        "fields": dict(sorted(layer.columns.items())),
        "absent_fields": sorted(f.column for f in role.fields if f.column not in layer.columns),
        "rows": len(raw),
        "rows_used": len(attributes),
        "repaired": repaired,
        "unusable": unusable,
        "doubts": doubts,
        "land_codes": codes,
    }  # fmt: skip


@dataclass(frozen=True)
class _Drawn:
    """The ground of a layer's rows, a piece at a time, in delivered coordinates but east first."""

    layer: Recognised
    placed: Placement
    frame: pd.DataFrame
    rows: pd.Series

    def pieces(self) -> Iterator[tuple[NDArray[np.intp], Shapes, list[dict[str, Any]]]]:
        """Positions of rows, their ground repaired, and which needed repair; InputError E301."""
        file, role, start = self.layer.file, self.layer.role.role, 0
        for given in filter(len, file.shapes()):
            positions = np.arange(start, start + len(given), dtype=np.intp)
            start += len(given)
            if start > len(self.frame):
                break
            turned = self.placed.east_first(given)
            if role in _ANY_SHAPE:
                yield positions, *as_drawn(turned)
            else:
                ids = self.frame[TABLES[role].key[0]].iloc[positions]
                yield positions, *repaired_polygons(turned, ids, self.rows.iloc[positions])
        if start != len(self.frame):
            what = f"{file.where}: {len(self.frame)} rows of values, {start} of ground"
            raise InputError("E301", what, "deliver the file again")


def _projected(shapes: Shapes, placed: Placement, crs: str, *, shaped: bool) -> Shapes:
    """Repaired ground in ``crs``; another map may make a narrow outline cross itself."""
    if placed.crs.is_exact_same(pyproj.CRS.from_user_input(crs)):
        return shapes
    projected = gpd.GeoSeries(shapes, crs=placed.crs).to_crs(crs).to_numpy()
    return projected if shaped else polygonal(projected)


def _values(
    raw: Any, layer: Recognised, rows: pd.Series, doubts: list[dict[str, Any]]
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """The schema columns a layer has fields for, keys and fallbacks filled in, and the edition of its land codes."""
    role, codes = layer.role.role, None
    data = {}
    for column in TABLES[role].columns:
        if column.name == "class_code" and column.name in layer.columns:
            given = raw[layer.columns[column.name]]
            data[column.name], codes = read_codes(layer.file.where, given, load_successors())
            doubts += unread_values(given, data[column.name], rows)
        elif column.name in layer.columns:
            data[column.name] = read_values(raw[layer.columns[column.name]], column, rows, doubts)
    frame = pd.DataFrame(data, index=raw.index).assign(**_CONSTANTS.get(role, {}))
    key = TABLES[role].key[0]
    if key not in frame.columns:
        frame[key] = None
    frame[key] = frame[key].where(frame[key].notna(), "row" + rows.astype(str))
    for column_name, fallback in _FALLBACKS.items():
        if column_name in frame.columns:
            frame[column_name] = frame[column_name].fillna(fallback)
    return frame, codes
