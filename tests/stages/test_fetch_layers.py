from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow.parquet
import pytest
import shapely

from pipeline.errors import InputError
from pipeline.report.layer_sheet import layer_sheet
from pipeline.sources.layers import read_layers
from pipeline.stages.fetch_layers import fetch_layers
from pipeline.stages.init import init_city
from pipeline.store import digest_tree
from tests.city import xuncha
from tests.postgis_server import Server
from tests.sources.layer_torture.databases import write_list
from tests.sources.layer_torture.deliveries import CRS, EXTENT, geopackage, parcels

ARC = "CURVEPOLYGON(COMPOUNDCURVE(CIRCULARSTRING({0} 3600000, {1} 3600100, {2} 3600000), ({2} 3600000, {0} 3600000)))"


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    return tmp_path / "市" / "layers"


@pytest.fixture
def dltb(postgis: Server) -> Server:
    """The server with ``public.dltb``, six parcels."""
    postgis.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "CREATE EXTENSION postgis",
                "GRANT USAGE ON SCHEMA public TO public")  # fmt: skip
    postgis.load("public.dltb", parcels(), 4547)
    return postgis


def fetch(server: Server, layers: Path, *tables: dict[str, Any], **connection: str) -> Any:
    write_list(layers, server.connection(**connection), *(tables or ({"table": "public.dltb"},)))
    return fetch_layers(layers)


def refused(server: Server, layers: Path, *tables: dict[str, Any], **connection: str) -> InputError:
    """The refusal of a fetch, after which the layer folder holds what it held."""
    write_list(layers, server.connection(**connection), *tables)
    before = digest_tree(layers.parent)
    with pytest.raises(InputError) as caught:
        fetch_layers(layers)
    assert digest_tree(layers.parent) == before
    return caught.value


def test_the_same_rows_give_the_same_bytes_in_whatever_order_the_table_holds_them(dltb: Server, layers: Path) -> None:
    first = fetch(dltb, layers)
    files = digest_tree(layers)
    dltb.run("CREATE TABLE other AS SELECT * FROM dltb ORDER BY tbmj DESC", "DELETE FROM dltb",
             "INSERT INTO dltb SELECT * FROM other")  # fmt: skip
    again = fetch(dltb, layers)
    assert digest_tree(layers) == files
    assert ([one.changed for one in first.layers], [one.changed for one in again.layers]) == ([True], [False])
    dltb.run("UPDATE dltb SET dlbm = '0102' WHERE gid = 2")
    assert [one.changed for one in fetch(dltb, layers).layers] == [True]


def test_rows_without_a_key_come_in_the_order_of_their_values(dltb: Server, layers: Path) -> None:
    dltb.run("CREATE TABLE a AS SELECT dlmc, geom, gid FROM dltb ORDER BY gid",
             "CREATE TABLE b AS SELECT dlmc, geom, gid FROM dltb ORDER BY gid DESC")  # fmt: skip
    fetch(dltb, layers, {"table": "a"}, {"table": "b"})
    one, other = (gpd.read_parquet(layers / "postgis" / f"{name}.parquet") for name in "ab")
    assert one.equals(other)
    assert one["dlmc"].tolist() == sorted(one["dlmc"])


def test_values_are_as_exact_as_they_were(dltb: Server, layers: Path) -> None:
    dltb.run(
        "CREATE TABLE v (k int PRIMARY KEY, code char(6), bsm numeric(20), big bigint, small bigint, area numeric(18,2), "
        'fine numeric, day date, open date, moment timestamptz, local timestamp, yes bool, f real, "备注" text, '
        "picture bytea, geom geometry)",
        "INSERT INTO v VALUES (2, '0103', 4199811002010000001, 9007199254740993, 7, 123.45, 0.1234567890123456789, "
        "'2026-03-15', 'infinity', '2026-03-15 00:00+08', '2026-03-15 08:30', true, 0.1, '中文，''“x”''', '\\x00', NULL)",
        "INSERT INTO v (k) VALUES (1)",
    )
    (layer,) = fetch(dltb, layers, {"table": "v"}).layers
    table = pyarrow.parquet.read_table(layers / "postgis" / "v.parquet")
    empty, row = table.to_pylist()
    assert [value for name, value in empty.items() if name != "k"] == [None] * (len(empty) - 1)
    assert (row["code"], row["bsm"], row["big"], row["small"]) == ("0103", "4199811002010000001", "9007199254740993", 7)
    assert (row["area"], row["fine"], row["f"], row["yes"]) == (123.45, "0.1234567890123456789", 0.1, True)
    assert (row["day"].isoformat(), row["open"]) == ("2026-03-15", "infinity")
    assert (row["moment"].isoformat(), row["local"].isoformat()) == ("2026-03-14T16:00:00+00:00", "2026-03-15T08:30:00")
    assert (row["备注"], "picture" in row) == ("中文，'“x”'", False)
    assert [note.partition(":")[0] for note in layer.notes[:-1]] == ["bsm", "big", "fine", "open", "picture"]
    assert layer.notes[-1].startswith("SRID 0 ")


def test_a_row_without_geometry_is_kept_and_the_layer_report_names_it(dltb: Server, layers: Path) -> None:
    dltb.run("INSERT INTO dltb (gid, bsm, dlbm) VALUES (7, '7', '0101')")
    assert [one.rows for one in fetch(dltb, layers).layers] == [7]
    report = read_layers(layers, CRS, EXTENT).report
    (source,) = report["layers"][0]["sources"]
    shown = layer_sheet(report, "2026-10").frame.query("情况 == '数据库'")["说明"].tolist()
    assert shown == [source["database"]] == ["取自数据库表 public.dltb（SRID 4547）"]
    assert (source["rows"], source["unusable"]) == (7, [{"row": 7, "reason": "没有面状图形"}])


def test_arcs_become_lines_that_neighbours_share(dltb: Server, layers: Path) -> None:
    middle = "CIRCULARSTRING(500200 3600000, 500100 3600100, 500000 3600000)"
    dltb.run(
        "CREATE TABLE arcs (gid int PRIMARY KEY, geom geometry(CurvePolygon, 4547))",
        f"INSERT INTO arcs VALUES (1, ST_GeomFromText('{ARC.format(500000, 500100, 500200)}', 4547)), (2, ST_GeomFromText("
        f"'CURVEPOLYGON(COMPOUNDCURVE({middle}, (500000 3600000, 500000 3600200, 500200 3600200, 500200 3600000)))', 4547))",
    )
    (layer,) = fetch(dltb, layers, {"table": "arcs"}).layers
    assert layer.notes == ("2 行含圆弧，已化为折线（每四分之一圆 128 段）",)
    half, around = gpd.read_parquet(layers / "postgis" / "arcs.parquet").geometry
    assert half.area == pytest.approx(shapely.Point(0, 0).buffer(100, quad_segs=10_000).area / 2, rel=1e-4)
    assert shapely.union(half, around).area == pytest.approx(200 * 200, rel=1e-9)
    assert shapely.intersection(half, around).area == 0.0


def test_a_condition_and_a_name_are_taken_and_text_is_left_alone(dltb: Server, layers: Path) -> None:
    fetch(
        dltb,
        layers,
        {"table": "PUBLIC.DLTB", "name": "地类图斑 DLTB", "where": "dlmc LIKE '%地' AND gid < 5 -- 前五块"},
    )
    read = gpd.read_parquet(layers / "postgis" / "地类图斑 DLTB.parquet")
    assert read["dlmc"].tolist() == ["旱地", "农村宅基地", "设施农用地"]


def test_a_database_in_another_encoding_gives_the_same_text(dltb: Server, layers: Path) -> None:
    dltb.new_database("euc", "EUC_CN")
    dltb.load("public.dltb", parcels(), 4547, database="euc")
    fetch(dltb, layers)
    utf8 = digest_tree(layers / "postgis")
    fetch(dltb, layers, database="euc")
    assert digest_tree(layers / "postgis") == utf8
    dltb.new_database("bytes", "SQL_ASCII")
    dltb.run("CREATE TABLE t (n text, geom geometry)", "INSERT INTO t VALUES (convert_from('\\xb5d8', 'SQL_ASCII'))",
             database="bytes")  # fmt: skip
    assert refused(dltb, layers, {"table": "t"}, database="bytes").code == "E315"


def test_what_is_no_longer_listed_goes_and_what_a_person_put_there_stays(dltb: Server, layers: Path) -> None:
    fetch(dltb, layers, {"table": "public.dltb", "name": "旧名 DLTB"})
    geopackage(layers / "postgis", parcels())
    parcels().to_parquet(layers / "postgis" / "own.parquet")
    assert fetch(dltb, layers).removed == ("postgis/旧名 DLTB.parquet",)
    assert sorted(path.name for path in (layers / "postgis").iterdir()) == ["DLTB.gpkg", "dltb.parquet", "own.parquet"]


def test_nothing_is_written_when_one_table_fails(dltb: Server, layers: Path) -> None:
    dltb.run(
        "CREATE TABLE plain (n int)",
        "CREATE TABLE two (geom geometry, shape geometry)",
        "CREATE TABLE mixed (geom geometry)",
        "INSERT INTO mixed VALUES (ST_Point(1, 2, 4547)), (ST_Point(1, 2, 4490))",
        "CREATE TABLE tin (geom geometry)",
        "INSERT INTO tin VALUES (ST_GeomFromText('TIN(((0 0 0, 0 1 0, 1 0 0, 0 0 0)))'))",
        "CREATE TABLE \"Zz\" (geom geometry)", "CREATE TABLE \"zZ\" (geom geometry)",
    )  # fmt: skip
    fetch(dltb, layers)
    good = {"table": "public.dltb", "name": "new"}
    for code, words, table in (
        ("E312", "is not in the database", {"table": "public.nowhere"}),
        ("E312", "no single geometry column", {"table": "plain"}),
        ("E312", "geom, shape", {"table": "two"}),
        ("E312", "no geometry column outline", {"table": "two", "geometry": "outline"}),
        ("E312", "public.Zz, public.zZ", {"table": "zz"}),
        ("E312", "nonsense", {"table": "dltb", "where": "nonsense = 1"}),
        ("E315", "4490, 4547", {"table": "mixed"}),
        ("E315", "TIN", {"table": "tin"}),
    ):
        problem = refused(dltb, layers, good, table)
        assert problem.code == code and words in problem.message, problem
    assert fetch(dltb, layers, {"table": "two", "geometry": "shape"}).layers[0].rows == 0


def test_rows_that_a_policy_hides_are_not_silently_missing(dltb: Server, layers: Path) -> None:
    dltb.run(
        "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN",
    )  # fmt: skip
    assert "permission denied" in refused(dltb, layers, {"table": "dltb"}, user="reader").message
    dltb.run(
        "GRANT SELECT ON dltb TO reader",
        "ALTER TABLE dltb ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY few ON dltb USING (gid < 3)",
        "REVOKE USAGE ON SCHEMA public FROM public",
    )
    assert "holds PostGIS" in refused(dltb, layers, {"table": "dltb"}, user="reader").message
    dltb.run("GRANT USAGE ON SCHEMA public TO public")
    problem = refused(dltb, layers, {"table": "dltb"}, user="reader")
    assert problem.code == "E312" and "row-level security" in problem.message
    dltb.run("DROP OWNED BY reader", "DROP ROLE reader")


def test_no_server_no_postgis_and_no_client_are_refused_with_their_numbers(
    dltb: Server, layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dltb.new_database("bare", postgis=False)
    assert refused(dltb, layers, {"table": "dltb"}, database="bare").code == "E312"
    assert refused(dltb, layers, {"table": "dltb"}, database="absent").code == "E311"
    write_list(layers, {"host": str(layers)}, {"table": "dltb"})
    with pytest.raises(InputError, match="E311"):
        fetch_layers(layers)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"E310.*xuncha\[postgis\]"):
        fetch_layers(layers)


def test_the_command_takes_the_password_from_libpq_and_shows_it_nowhere(
    dltb: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = tmp_path / "城 市"
    init_city(city)
    dltb.run("DROP ROLE IF EXISTS guarded", "CREATE ROLE guarded LOGIN PASSWORD '秘密 geheim'",
             "GRANT SELECT ON dltb TO guarded")  # fmt: skip
    write_list(city / "layers", dltb.connection(user="guarded"), {"table": "dltb", "name": "DLTB"})
    monkeypatch.setenv("PGPASSWORD", "wrong geheim")
    result = xuncha("fetch-layers", str(city), "--json")
    assert result.returncode == 2 and json.loads(result.stdout)["error"]["code"] == "E311"
    assert "geheim" not in result.stdout + result.stderr
    monkeypatch.setenv("PGPASSWORD", "秘密 geheim")
    result = xuncha("fetch-layers", str(city), "--json")
    assert result.returncode == 0, result.stderr
    (layer,) = json.loads(result.stdout)["layers"]
    assert (layer["file"], layer["rows"], layer["changed"]) == ("postgis/DLTB.parquet", 6, True)
    shown = xuncha("fetch-layers", str(city))
    assert shown.returncode == 0 and "layers/postgis/DLTB.parquet 无变化 6 行" in shown.stdout
    dltb.run("DROP OWNED BY guarded", "DROP ROLE guarded")
