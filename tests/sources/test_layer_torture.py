from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.sources import layer_archives
from pipeline.sources.layer_archives import unpack
from pipeline.sources.layers import check_layers, read_layers
from tests.sources.layer_torture.deliveries import (
    CRS,
    EXTENT,
    Delivery,
    deliveries,
    geodatabase,
    geopackage,
    parcels,
    shapefile,
    zipped,
)
from tests.sources.layer_torture.reading import outcome

ALL = tuple(deliveries())


@pytest.mark.parametrize("delivery", ALL, ids=[delivery.name for delivery in ALL])
def test_every_delivery_reads_equal_or_is_refused_with_its_number(tmp_path: Path, delivery: Delivery) -> None:
    assert outcome(delivery, tmp_path / "图层").result == (delivery.refused or "equal")


def test_deliveries_have_names_of_their_own() -> None:
    assert len({delivery.name for delivery in ALL}) == len(ALL) > 80


def test_what_was_inferred_is_said_in_the_report(tmp_path: Path) -> None:
    shapefile(tmp_path, parcels().to_crs(4526), prj=False)
    (source,) = read_layers(tmp_path, CRS, EXTENT).report["layers"][0]["sources"]
    assert "EPSG:4526" in source["crs_note"] and "西安1980" in source["crs_note"]


def test_without_the_citys_extent_nothing_is_inferred(tmp_path: Path) -> None:
    shapefile(tmp_path, parcels().to_crs(4526), prj=False)
    assert [problem.code for problem in check_layers(tmp_path, CRS)] == ["E302"]


def test_a_refusal_names_the_reading_that_would_fit(tmp_path: Path) -> None:
    geopackage(tmp_path, parcels().to_crs(4526).set_crs(4547, allow_override=True))
    (problem,) = check_layers(tmp_path, CRS, EXTENT)
    assert problem.code == "E307" and "EPSG:4526" in problem.hint


def test_easting_of_six_digits_that_fits_two_meridians_is_refused(tmp_path: Path) -> None:
    shapefile(tmp_path, parcels(), prj=False)
    wide = (EXTENT[0] - 300_000.0, EXTENT[1], EXTENT[2] + 300_000.0, EXTENT[3])
    (problem,) = check_layers(tmp_path, CRS, wide)
    assert problem.code == "E302" and "more than one" in problem.message


def test_both_layers_of_a_geodatabase_go_to_their_own_role(tmp_path: Path) -> None:
    path = geodatabase(tmp_path)
    basic = parcels().rename(columns={"BSM": "YJJBNTTBBH"}).iloc[:2]
    basic.to_file(path, layer="YJJBNTTB", driver="OpenFileGDB", engine="pyogrio")
    path.rename(tmp_path / "永久基本农田.gdb")
    layers = read_layers(tmp_path, CRS, EXTENT)
    assert (len(layers.land_use), len(layers.basic_farmland)) == (6, 2)


def test_a_zip_that_unpacks_too_large_leads_out_or_is_locked_is_refused(tmp_path: Path) -> None:
    inner, scratch = tmp_path / "inner", tmp_path / "scratch"
    scratch.mkdir()
    shapefile(inner)
    archive = tmp_path / "DLTB.zip"
    zipped(inner, archive)
    with pytest.raises(InputError, match="E301.*larger"):
        unpack(archive, scratch, max_bytes=500)
    assert list(scratch.iterdir()) == []
    for name in ("../DLTB.shp", "/DLTB.shp", "C:\\DLTB.shp", "a/../../DLTB.shp"):
        with zipfile.ZipFile(archive, "w") as target:
            target.writestr(name, b"x")
        with pytest.raises(InputError, match="E301.*leads out"):
            unpack(archive, scratch)
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 0x01
    archive.write_bytes(bytes(raw))
    with pytest.raises(InputError, match="E301.*password"):
        unpack(archive, scratch)


def test_a_zip_bomb_of_many_files_or_a_false_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("DLTB.shp", bytes(10_000_000))
        target.writestr("DLTB.dbf", b"x")
    raw = archive.read_bytes()
    archive.write_bytes(raw.replace((10_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(InputError, match="E301"):
        unpack(archive, tmp_path, max_bytes=1_000)
    monkeypatch.setattr(layer_archives, "MAX_MEMBERS", 1)
    with pytest.raises(InputError, match="E301.*2 files"):
        unpack(archive, tmp_path)


def test_a_damaged_zip_is_refused_and_nothing_else_is_lost(tmp_path: Path) -> None:
    geopackage(tmp_path, parcels())
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 not a zip")
    assert [problem.code for problem in check_layers(tmp_path, CRS, EXTENT)] == ["E301"]


def test_files_that_are_no_layer_are_listed_with_the_reason(tmp_path: Path) -> None:
    geopackage(tmp_path, parcels())
    (tmp_path / "批文.docx").write_bytes(b"x")
    (tmp_path / "表.json").write_text('{"a": 1}', encoding="utf-8")
    inner = tmp_path.parent / "inner"
    (inner / "说明").mkdir(parents=True)
    (inner / "说明" / "读我.txt").write_text("x", encoding="utf-8")
    (inner / "再压缩.zip").write_bytes(b"x")
    zipped(inner, tmp_path / "b.zip")
    parcels().drop(columns="geometry").to_parquet(tmp_path / "表.parquet")
    assert read_layers(tmp_path, CRS, EXTENT).report["unread"] == [
        {"file": "b.zip/再压缩.zip", "reason": "压缩包中的压缩包不打开"},
        {"file": "b.zip/说明/读我.txt", "reason": "不是能读的图层格式"},
        {"file": "批文.docx", "reason": "不是能读的图层格式"},
        {"file": "表.json", "reason": "没有图形图层"},
        {"file": "表.parquet", "reason": "没有图形图层"},
    ]
