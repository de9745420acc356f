from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.errors import InputError
from pipeline.sources.known_lists import known_files, parent_of, read_known

CRS = "EPSG:4547"
BOX = shapely.box(500000, 3600000, 500040, 3600040)


def put(city: Path, name: str, text: str, encoding: str = "utf-8-sig") -> Path:
    path = city / "records" / "known" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")
    return path


def draw(city: Path, name: str, crs: str = CRS, **columns: Any) -> None:
    path = city / "records" / "known" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame({key: [value] for key, value in columns.items()}, geometry=[BOX], crs=CRS).to_crs(crs).to_file(
        path, engine="pyogrio"
    )


HEAD = "JCBH,TBLX,JCMJ,QSX,HSX,XZB,YZB\r\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
@pytest.mark.parametrize("x", ["500020", "38500020"])
def test_a_csv_with_the_fields_of_jctb(tmp_path: Path, x: str, encoding: str) -> None:
    row = f"130403SJBG26210183_3,推填土,1600,202606,2026-09-30,{x},3600020\r\n"
    put(tmp_path, "2026年国家下发.csv", HEAD + row, encoding)
    (known,) = read_known(tmp_path, CRS).to_dict("records")
    assert (known["known_id"], known["known_kind"]) == ("130403SJBG26210183_3", "国家图斑")
    assert parent_of(known["known_id"]) == "130403SJBG26210183" and parent_of("130403SJBG26210183") is None
    assert (known["known_from"], known["known_to"]) == (pd.Timestamp("2026-06-01"), pd.Timestamp("2026-09-30"))
    assert (known["geometry"].x, known["geometry"].y) == (500020.0, 3600020.0)
    assert known["stated_area_m2"] == 1600.0


def test_degrees_are_cgcs2000(tmp_path: Path) -> None:
    (place,) = gpd.GeoSeries([BOX.centroid], crs=CRS).to_crs("EPSG:4490")
    put(tmp_path, "省级.csv", f"{HEAD}A,,,,,{place.x:.9f},{place.y:.9f}\r\n")
    (known,) = read_known(tmp_path, CRS).to_dict("records")
    assert known["known_kind"] == "省级图斑" and known["geometry"].distance(BOX.centroid) < 0.001


@pytest.mark.parametrize("name", ["清单.gpkg", "清单.shp"])
@pytest.mark.parametrize("crs", [CRS, "EPSG:4490", "EPSG:4526"])
def test_outlines_come_in_any_modern_crs(tmp_path: Path, name: str, crs: str) -> None:
    draw(tmp_path, name, crs, JCBH="A", HSX="20260930")
    (known,) = read_known(tmp_path, CRS).to_dict("records")
    assert known["known_id"] == "A" and known["known_kind"] == "清单"
    assert known["geometry"].symmetric_difference(BOX).area < 0.5
    assert known["known_to"] == pd.Timestamp("2026-09-30")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("名称,XZB,YZB\r\n甲,500020,3600020\r\n", "E403", "none of the columns"),
        ("JCBH\r\nA\r\n", "E403", "XZB"),
        (f"{HEAD}A,,,,,500020,3600020\r\n,,,,,500020,3600020\r\n", "E403", "row 3"),
        (f"{HEAD}A,,,,,不详,3600020\r\n", "E403", "row 2"),
        (f"{HEAD}A,,,上月,,500020,3600020\r\n", "E403", "'上月'"),
        (f"{HEAD}A,,,,,40500020,3600020\r\n", "E304", "zone [40]"),
        (f"{HEAD}A,,,,,500020,3600020\r\nA,,,,,500900,3600020\r\n", "E403", "two different"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, code: str, said: str) -> None:
    put(tmp_path, "国家.csv", text)
    with pytest.raises(InputError) as refused:
        read_known(tmp_path, CRS)
    assert refused.value.code == code and said in refused.value.message


def test_an_older_datum_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, "清单.gpkg", CRS, JCBH="A")
    frame = gpd.read_file(tmp_path / "records" / "known" / "清单.gpkg")
    frame.set_crs("EPSG:2383", allow_override=True).to_file(
        tmp_path / "records" / "known" / "清单.gpkg", engine="pyogrio"
    )
    with pytest.raises(InputError) as refused:
        read_known(tmp_path, CRS)
    assert refused.value.code == "E304"


def test_no_list_is_an_empty_table_and_a_row_twice_counts_once(tmp_path: Path) -> None:
    assert len(read_known(tmp_path, CRS)) == 0 and known_files(tmp_path) == ()
    row = "A,,,,,500020,3600020\r\n"
    put(tmp_path, "国家.csv", HEAD + row + row)
    assert read_known(tmp_path, CRS)["known_id"].tolist() == ["A"]
