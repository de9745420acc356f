"""Tables and views of a PostGIS database, read whole from one snapshot: attributes exact, geometry as plain WKB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyproj

from pipeline.errors import InputError
from pipeline.sources.postgis_columns import LEFT_OUT, TEXT, arrow_type, finished, in_order
from pipeline.sources.postgis_crs import SpatialReference, crs_of
from pipeline.sources.postgis_list import Connection, ListedTable

_CONNECT_SECONDS = 10
_BATCH_ROWS = 20_000
_ARC_PIECES = 128
_SPATIAL = ("geometry", "geography")
_NO_OUTLINE = frozenset({"TIN", "TRIANGLE", "POLYHEDRALSURFACE"})
_CURVED = frozenset({"CIRCULARSTRING", "COMPOUNDCURVE", "CURVEPOLYGON", "MULTICURVE", "MULTISURFACE"})
# row_security off: a policy that would hide rows makes the query fail instead of silently losing them
_SETTINGS = {
    "datestyle": "ISO, YMD", "timezone": "UTC", "extra_float_digits": "1", "row_security": "off",
    "transform_null_equals": "off",
}  # fmt: skip

_RELATION = """
    SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE lower(n.nspname) = lower(%s) AND lower(c.relname) = lower(%s) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
    ORDER BY n.nspname, c.relname"""
_COLUMNS = """
    SELECT a.attname, CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END, a.atttypmod
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEY = """
    SELECT a.attname FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = %s AND i.indisprimary ORDER BY k.place"""
_POSTGIS = """
    SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE') FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'postgis'"""


@dataclass(frozen=True)
class FetchedTable:
    """A table's rows in the order of its key, the name of its WKB column, its CRS, and what was done to it in words."""

    rows: pa.Table
    geometry: str
    srid: int
    crs: pyproj.CRS | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Relation:
    """A table as the catalogue has it: its quoted name, columns with their type, geometry column, key."""

    name: Any
    columns: dict[str, str]
    geometry: str
    fixed_srid: int
    key: tuple[str, ...]


@contextmanager
def connected(connection: Connection) -> Iterator[Any]:
    """A read-only transaction that sees one moment of the database, with PostGIS's functions in reach.

    Raises InputError E310 (psycopg is not installed), E311 (no connection, or it broke) or E312 (no PostGIS in it).
    """
    try:
        import psycopg
    except ImportError as problem:
        raise InputError("E310", "psycopg is not installed", "pip install 'xuncha[postgis]'") from problem
    given = connection.model_dump(exclude_none=True)
    try:
        with psycopg.connect(
            **given, connect_timeout=_CONNECT_SECONDS, client_encoding="UTF8", application_name="xuncha"
        ) as open_connection:
            open_connection.read_only = True
            open_connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            _prepare(open_connection, connection.place)
            yield open_connection
    except psycopg.OperationalError as problem:
        raise InputError(
            "E311", f"{connection.place}: {_one_line(problem)}",
            "check server, name and user in the list; the password comes from PGPASSWORD or the file pgpass",
        ) from None  # fmt: skip


def _prepare(connection: Any, place: str) -> None:
    for name, value in _SETTINGS.items():
        connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
    found = connection.execute(_POSTGIS).fetchone()
    if found is None:
        raise InputError("E312", f"{place} has no extension postgis", "name the database that holds the layers")
    schema, usable = found
    if not usable:
        raise InputError(
            "E312", f"{place}: the user may not use schema {schema}, which holds PostGIS", "have USAGE on it granted"
        )
    connection.execute(
        "SELECT set_config('search_path', current_setting('search_path') || ', ' || quote_ident(%s), true)", (schema,)
    )


def read_database_table(connection: Any, entry: ListedTable) -> FetchedTable:
    """All rows that ``entry`` wants, NULL geometry included.

    Heights and measures are left out; arcs become lines, the same ones from either side of a border. Raises InputError
    E312 (table or column missing, not to be read, a condition that fails) or E315 (several SRIDs in one column, surfaces
    that are no outline, text in no known encoding).
    """
    import psycopg

    try:
        relation = _relation(connection, entry)
        source = _source(relation, entry)
        srid, curved = _geometries(connection, entry, relation, source)
        rows, notes = _rows(connection, relation, source)
    except psycopg.OperationalError:
        raise
    except (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter) as problem:
        raise InputError(
            "E315", f"{entry.table}: {_one_line(problem)}",
            "have the database's text corrected, or export the table to a file",
        ) from problem  # fmt: skip
    except psycopg.Error as problem:
        raise InputError(
            "E312", f"{entry.table}: {_one_line(problem)}", "correct the table's entry, or have reading it granted"
        ) from problem
    if curved:
        notes.append(f"{curved} 行含圆弧，已化为折线（每四分之一圆 {_ARC_PIECES} 段）")
    crs = _crs(connection, srid)
    if crs is None:
        notes.append(f"SRID {srid} 没有可读的坐标系定义，按未注明坐标系写出")
    return FetchedTable(rows, relation.geometry, srid, crs, tuple(notes))


def _relation(connection: Any, entry: ListedTable) -> _Relation:
    """The table as named, or the only one whose name differs in upper and lower case alone."""
    from psycopg import sql

    found = connection.execute(_RELATION, entry.parts).fetchall()
    exact = [one for one in found if tuple(one[1:]) == entry.parts]
    if len(exact or found) != 1:
        named = ", ".join(f"{schema}.{table}" for _, schema, table in found)
        what = f"fits {named}" if found else "is not in the database"
        raise InputError("E312", f"{entry.table} {what}", "write schema.table as the database has it")
    oid, schema, table = (exact or found)[0]
    columns = connection.execute(_COLUMNS, (oid,)).fetchall()
    spatial = [(name, kind, modifier) for name, kind, modifier in columns if kind in _SPATIAL]
    wanted = [one for one in spatial if entry.geometry in (None, one[0])]
    if len(wanted) != 1:
        names = ", ".join(name for name, _, _ in spatial) or "none"
        what = f"no geometry column {entry.geometry}" if entry.geometry else "no single geometry column"
        raise InputError("E312", f"{entry.table} has {what} (its geometry columns: {names})", "name it as `geometry`")
    name, _, modifier = wanted[0]
    (fixed,) = connection.execute("SELECT postgis_typmod_srid(%s)", (modifier,)).fetchone()
    key = tuple(row[0] for row in connection.execute(_KEY, (oid,)).fetchall())
    kinds = {column: kind for column, kind, _ in columns}
    return _Relation(sql.Identifier(schema, table), kinds, name, fixed, key)


def _source(relation: _Relation, entry: ListedTable) -> Any:
    from psycopg import sql

    condition = sql.SQL(f" WHERE ({entry.where}\n)") if entry.where else sql.SQL("")
    return sql.SQL(" FROM ") + relation.name + condition


def _geometries(connection: Any, entry: ListedTable, relation: _Relation, source: Any) -> tuple[int, int]:
    """The one SRID of all rows, and how many rows hold arcs; E315 for what no layer can hold."""
    from psycopg import sql

    shape = sql.SQL("{}::geometry").format(sql.Identifier(relation.geometry))
    counted = connection.execute(
        sql.SQL("SELECT s, k, count(*) FROM (SELECT ST_SRID({0}) AS s, GeometryType({0}) AS k").format(shape)
        + source
        + sql.SQL(") AS one WHERE k IS NOT NULL GROUP BY s, k ORDER BY s, k")
    ).fetchall()
    srids = sorted({srid for srid, _, _ in counted})
    if len(srids) > 1:
        raise InputError(
            "E315", f"{entry.table}: {relation.geometry} holds SRIDs {', '.join(map(str, srids))}",
            "have them made one, or list the table twice with a `where` each",
        )  # fmt: skip
    surfaces = [(kind, rows) for _, kind, rows in counted if _plain(kind) in _NO_OUTLINE]
    if surfaces:
        kind, rows = surfaces[0]
        raise InputError("E315", f"{entry.table}: {rows} rows are {kind}", "leave them out with `where`")
    return (srids[0] if srids else relation.fixed_srid), sum(
        rows for _, kind, rows in counted if _plain(kind) in _CURVED
    )


def _plain(kind: str) -> str:
    """A geometry's type without the M of measured ones."""
    return kind.removesuffix("M")


def _rows(connection: Any, relation: _Relation, source: Any) -> tuple[pa.Table, list[str]]:
    from psycopg import sql

    kinds = {name: kind for name, kind in relation.columns.items() if kind not in LEFT_OUT or name == relation.geometry}
    outline = sql.SQL(f"ST_AsBinary(ST_CurveToLine(ST_Force2D({{}}::geometry), {_ARC_PIECES}, 0, 1), 'NDR')")
    forms = {"float4": "{}::text::float8", relation.columns[relation.geometry]: ""}
    terms = [
        (outline if name == relation.geometry else sql.SQL(forms.get(kind) or _form(kind))).format(sql.Identifier(name))
        for name, kind in kinds.items()
    ]
    types = [pa.large_binary() if name == relation.geometry else arrow_type(kind) for name, kind in kinds.items()]
    batches: list[list[Any]] = [[] for _ in kinds]
    with connection.cursor(name="rows", binary=True) as cursor:
        cursor.execute(sql.SQL("SELECT ") + sql.SQL(", ").join(terms) + source)
        while fetched := cursor.fetchmany(_BATCH_ROWS):
            for parts, values, kind in zip(batches, zip(*fetched, strict=True), types, strict=True):
                parts.append(pa.array(values, type=kind))
    columns, notes = {}, []
    for (name, kind), parts, fetched_as in zip(kinds.items(), batches, types, strict=True):
        column, note = finished(kind, pa.chunked_array(parts, type=fetched_as))
        columns[name] = column
        if note:
            notes.append(f"{name}: {note}")
    notes += [f"{name}: {kind} 类型的列未写出" for name, kind in relation.columns.items() if name not in kinds]
    return in_order(pa.table(columns), relation.key), notes


def _form(kind: str) -> str:
    return "{}::text" if arrow_type(kind) == TEXT else "{}"


def _crs(connection: Any, srid: int) -> pyproj.CRS | None:
    if srid == 0:
        return None
    found = connection.execute(
        "SELECT srid, auth_name, auth_srid, srtext, proj4text FROM spatial_ref_sys WHERE srid = %s", (srid,)
    ).fetchone()
    return None if found is None else crs_of(SpatialReference(*found))


def _one_line(problem: Exception) -> str:
    return re.sub(r"\s+", " ", str(problem)).strip()
