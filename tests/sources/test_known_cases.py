from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

from pipeline.errors import InputError
from pipeline.sources.known_cases import read_known_cases
from tests.screen.drawing import CRS, square


def write(city: Path, frame: gpd.GeoDataFrame) -> None:
    (city / "records").mkdir(exist_ok=True)
    frame.to_file(city / "records" / "known_cases.gpkg", engine="pyogrio")


def test_no_file_is_no_cases(tmp_path: Path) -> None:
    known = read_known_cases(tmp_path, CRS)
    assert len(known) == 0 and known.crs == CRS


def test_cases_come_ordered_in_the_citys_crs(tmp_path: Path) -> None:
    shapes = [square(0, 0, 10), square(50, 0, 10)]
    write(tmp_path, gpd.GeoDataFrame({"线索编号": ["L2", "L1"], "类别": "存量"}, geometry=shapes, crs=CRS).to_crs(4490))
    known = read_known_cases(tmp_path, CRS)
    assert known["known_id"].tolist() == ["L1", "L2"] and known.crs == CRS


@pytest.mark.parametrize(
    ("columns", "crs", "code"),
    [
        ({"线索编号": ["L1"]}, CRS, "E403"),
        ({"线索编号": [None], "类别": ["存量"]}, CRS, "E403"),
        ({"线索编号": ["L1"], "类别": ["存量"]}, "EPSG:2383", "E304"),
    ],
)
def test_unusable_lists_are_refused(tmp_path: Path, columns: dict[str, list[str]], crs: str, code: str) -> None:
    write(tmp_path, gpd.GeoDataFrame(columns, geometry=[square(0, 0, 10)], crs=crs))
    with pytest.raises(InputError, match=code):
        read_known_cases(tmp_path, CRS)


def test_a_file_that_is_no_geopackage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "known_cases.gpkg").write_bytes(b"nothing")
    with pytest.raises(InputError, match="E403"):
        read_known_cases(tmp_path, CRS)
