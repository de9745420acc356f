"""The bureau's units, grid cells, people, responsibilities, delegations and plan from ``CITY/units``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from rapidfuzz import fuzz, process

from pipeline.duty_rules import precedence_of_kinds
from pipeline.errors import InputError, XunchaError
from pipeline.schema import (
    CELLS,
    CHAIN,
    DELEGATIONS,
    PEOPLE,
    PLAN,
    PLAN_CHECK,
    RESPONSIBILITY,
    UNITS,
    Table,
    conform,
    empty,
)
from pipeline.sources.delimited import ROW, Parsed, duplicates, parse_rows, read_csv, translate
from pipeline.sources.plan_files import plan_files, read_plans
from pipeline.sources.unit_conflicts import cell_overlaps, rank_ties, said_twice, two_answer
from pipeline.values import UnitKind

MISSING, UNKNOWN, UNUSABLE, NO_CRS = "E401", "E402", "E405", "E302"
CSV_TABLES: tuple[tuple[str, Table], ...] = (
    ("people", PEOPLE),
    ("responsibility", RESPONSIBILITY),
    ("delegations", DELEGATIONS),
    ("plan", PLAN),
    ("chain", CHAIN),
)
_SPANS = (
    ("responsibility", "valid_from", "valid_to"),
    ("delegations", "valid_from", "valid_to"),
    ("chain", "valid_from", "valid_to"),
    ("plan", "due_from", "due_to"),
)
OPTIONAL = frozenset({"chain"})
"""Tables that a city may do without: who stands above the cell's person is then not said."""
# a blank 重叠优先级 is filled from the rules of the unit's kind
_UNITS_AS_WRITTEN = Table(
    UNITS.name,
    tuple(replace(column, null=column.null or column.name == "precedence") for column in UNITS.columns),
    UNITS.key,
    geometry=True,
)


@dataclass(frozen=True)
class UnitBook:
    """Who answers for what: schema tables, polygons in the city's CRS.

    ``units`` and ``cells`` are GeoDataFrames (:data:`~pipeline.schema.UNITS`, ``CELLS``; a unit's polygon may be
    empty), ``repairs`` holds the polygons that had to be mended, as ``PLAN_CHECK`` rows.
    """

    units: Any
    cells: Any
    people: Any
    responsibility: Any
    delegations: Any
    plan: Any
    chain: Any
    repairs: Any


def unit_files(city: Path) -> tuple[Path, ...]:
    """The files of ``CITY/units`` that exist, sorted: what a stage that reads units lists as its inputs."""
    names = ["cells.gpkg", "units.gpkg", *(f"{name}.csv" for name, _ in CSV_TABLES)]
    found = (path for path in (city / "units" / name for name in sorted(names)) if path.is_file())
    return (*found, *plan_files(city))


def read_units(city: Path, crs: str) -> UnitBook:
    """Read ``CITY/units`` with all polygons in ``crs``.

    Raises InputError: E401 for a missing file or column, E402 for an unknown unit, cell or person (with the closest
    known one), E405 for an unusable row, E302 for polygons without CRS. :func:`check_units` lists all of them.
    """
    book, errors = _collect(city, crs)
    if errors:
        raise errors[0]
    return book


def check_units(city: Path, crs: str) -> list[XunchaError]:
    """Every problem of ``CITY/units``, in file and row order; an empty list when it can be used."""
    return list(_collect(city, crs)[1])


def _collect(city: Path, crs: str) -> tuple[UnitBook, list[InputError]]:
    folder = city / "units"
    parsed = {
        "units": _read_polygons(folder / "units.gpkg", _UNITS_AS_WRITTEN, crs),
        "cells": _read_polygons(folder / "cells.gpkg", CELLS, crs),
    }
    for name, table in CSV_TABLES:
        path = folder / f"{name}.csv"
        if (name in OPTIONAL or (name == "plan" and plan_files(city))) and not path.is_file():
            parsed[name] = Parsed(empty(table).assign(**{ROW: pd.Series([], dtype="int64")}), ())
        else:
            parsed[name] = read_csv(path, table, missing_code=MISSING, row_code=UNUSABLE)
    errors = [problem for part in parsed.values() for problem in part.errors]
    frames = {name: part.frame for name, part in parsed.items()}
    frames["units"], unknown_kinds = translate(frames["units"], "kind", _unit_kind)
    frames["units"] = _with_precedence(frames["units"])
    allowed = "、".join(kind.label for kind in UnitKind)
    errors += [
        InputError(UNUSABLE, f"units/units.gpkg, row {row}, 单位类型: {value!r} is no kind of unit", f"use {allowed}")
        for row, value in unknown_kinds
    ]
    for name, key in (("units", "unit_id"), ("cells", "cell_id"), ("people", "person_id"), ("plan", "plan_id")):
        table = {"units": UNITS, "cells": CELLS, "people": PEOPLE, "plan": PLAN}[name]
        errors += duplicates(_shown(name), frames[name], (key,), table.labels(), row_code=UNUSABLE)
    if not errors:
        errors += _references(frames)
        for name, start, end in _SPANS:
            errors += _order(frames[name], name, start, end)
    if not errors:
        errors += two_answer(
            "units/responsibility.csv", frames["responsibility"], ("cell_id",), ("unit_id", "person_id")
        )
        errors += two_answer("units/delegations.csv", frames["delegations"], ("unit_id",), ("delegate_unit_id",))
        errors += two_answer("units/chain.csv", frames["chain"], ("unit_id", "level"), ("person_id",))
        errors += cell_overlaps("units/cells.gpkg", frames["cells"])
    plans, plan_errors, lacks = read_plans(city, frames["units"], frames["cells"], frames["people"])
    errors += plan_errors
    tables = {name: conform(table, frames[name]) for name, table in CSV_TABLES}
    if len(plans):
        tables["plan"] = pd.concat([part for part in (tables["plan"], plans) if len(part)], ignore_index=True)
    repairs = _repairs(frames)
    if lacks:
        listed = conform(PLAN_CHECK, pd.DataFrame(lacks))
        repairs = pd.concat([part for part in (repairs, listed) if len(part)], ignore_index=True)
    book = UnitBook(
        units=conform(UNITS, frames["units"], crs),
        cells=conform(CELLS, frames["cells"], crs),
        repairs=repairs,
        **tables,
    )
    return book, errors


def _shown(name: str) -> str:
    return f"units/{name}.{'gpkg' if name in ('units', 'cells') else 'csv'}"


def _unit_kind(value: str) -> str | None:
    return next((kind.value for kind in UnitKind if value in (kind.value, kind.label)), None)


def _read_polygons(path: Path, table: Table, crs: str) -> Parsed:
    """Polygons and attributes of a GeoPackage in ``crs``; only units may come without a polygon."""
    shown = f"units/{path.name}"
    nothing = empty(table, crs).assign(**{ROW: pd.Series([], dtype="int64"), "mended": pd.Series([], dtype="bool")})
    if not path.is_file():
        return Parsed(
            nothing,
            (
                InputError(
                    MISSING,
                    f"{shown} is missing",
                    f"put it into {path.parent.name}/; its columns are in docs/city-folder.md",
                ),
            ),
        )
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        raw = gpd.read_file(path, layer=path.stem if path.stem in layers else layers[0])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, IndexError) as problem:
        return Parsed(nothing, (InputError(MISSING, f"{shown}: {problem}", "deliver a readable GeoPackage"),))
    if not isinstance(raw, gpd.GeoDataFrame):
        return Parsed(nothing, (InputError(MISSING, f"{shown} holds no polygons", "deliver a polygon layer"),))
    if raw.crs is None:
        hint = "set the layer's coordinate reference system"
        return Parsed(nothing, (InputError(NO_CRS, f"{shown} has no coordinate reference system", hint),))
    fields = [name for name in raw.columns if name != raw.geometry.name]
    rows = enumerate(raw[fields].itertuples(index=False, name=None), start=1)
    parsed = parse_rows(
        shown, table, fields, ((number, list(row)) for number, row in rows), missing_code=MISSING, row_code=UNUSABLE
    )
    shapes = raw.geometry.to_crs(crs).iloc[parsed.frame[ROW].to_numpy() - 1].reset_index(drop=True)
    return _with_shapes(shown, parsed, shapes, table)


def _with_shapes(shown: str, parsed: Parsed, shapes: gpd.GeoSeries, table: Table) -> Parsed:
    errors = list(parsed.errors)
    geometries, mended, usable = [], [], []
    for row, shape in zip(parsed.frame[ROW], shapes, strict=True):
        empty_shape = shape is None or shape.is_empty
        flat = shapely.MultiPolygon() if empty_shape else shapely.force_2d(shape)
        valid = flat if flat.is_valid else shapely.make_valid(flat, method="structure")
        polygonal = valid.geom_type in ("Polygon", "MultiPolygon")
        if not polygonal or (table is CELLS and valid.is_empty):
            what = f"{shown}, row {row}: {'no geometry' if empty_shape else 'not a polygon'}"
            errors.append(InputError(UNUSABLE, what, "draw the polygon or remove the row"))
        usable.append(polygonal and not (table is CELLS and valid.is_empty))
        geometries.append(valid)
        mended.append(not flat.is_valid)
    frame = gpd.GeoDataFrame(parsed.frame.assign(mended=mended), geometry=geometries, crs=shapes.crs)
    return Parsed(frame[usable].reset_index(drop=True), tuple(errors))


def _references(frames: dict[str, Any]) -> list[InputError]:
    """Rows that name a unit, cell or person which the tables do not hold."""
    units, cells, people = frames["units"], frames["cells"], frames["people"]
    known = {
        "unit_id": ("单位编号", dict(zip(units["unit_id"], units["name"], strict=True))),
        "cell_id": ("网格编号", dict.fromkeys(cells["cell_id"], "")),
        "person_id": ("人员编号", dict(zip(people["person_id"], people["name"], strict=True))),
    }
    known["delegate_unit_id"] = ("受托单位编号", known["unit_id"][1])
    errors: list[InputError] = []
    for name, _ in CSV_TABLES:
        frame = frames[name]
        for field, (label, names) in known.items():
            if field not in frame.columns or (name, field) == ("people", "person_id"):
                continue
            for row, value in zip(frame[ROW], frame[field], strict=True):
                if isinstance(value, str) and value not in names:
                    what = f"{_shown(name)}, row {row}, {label}: {value!r} is unknown"
                    errors.append(InputError(UNKNOWN, what, closest_hint(value, names)))
    return errors


def closest_hint(value: str, names: dict[str, str]) -> str:
    """What the user probably meant by ``value``; ``names``: id to its name, either may be what was written."""
    written = {name: key for key, name in sorted(names.items(), reverse=True) if name}
    written.update({key: key for key in sorted(names)})
    if not written:
        return "fill the table that should hold it first"
    match = process.extractOne(value, sorted(written), scorer=fuzz.ratio)
    key = written[match[0]]
    return f"did you mean {key}{f' ({names[key]})' if names[key] else ''}? correct the row or add it to its table"


def _order(frame: Any, name: str, start: str, end: str) -> Iterable[InputError]:
    labels = dict(CSV_TABLES)[name].labels()
    backwards = frame[frame[end].notna() & (frame[end] < frame[start])]
    what = f"{labels[end]} is before {labels[start]}"
    return [
        InputError(UNUSABLE, f"{_shown(name)}, row {row}: {what}", "correct one of the two dates")
        for row in backwards[ROW]
    ]


def _with_precedence(units: Any) -> Any:
    """Units whose 重叠优先级 is blank get the one that the latest rules give their kind."""
    usual = units["kind"].map(precedence_of_kinds(date.max)).astype("Int64")
    return units.assign(precedence=units["precedence"].fillna(usual).astype("int64"))


def _repairs(frames: dict[str, Any]) -> Any:
    rows = [
        {"rule": "polygon_repaired", kind: identifier, "problem": f"{_shown(name)} 第{row}行多边形自相交，已自动修复"}
        for name, kind in (("cells", "cell_id"), ("units", "unit_id"))
        for row, identifier, mended in zip(frames[name][ROW], frames[name][kind], frames[name]["mended"], strict=True)
        if mended
    ]
    rows += rank_ties(frames["units"]) if len(frames["units"]) else []
    rows += said_twice(frames["responsibility"])
    return conform(PLAN_CHECK, pd.DataFrame(rows, columns=PLAN_CHECK.names))
