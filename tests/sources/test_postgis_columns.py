from __future__ import annotations

import pyarrow as pa
import pyproj
import pytest

from pipeline.errors import InputError
from pipeline.sources.postgis_columns import TEXT, finished, in_order
from pipeline.sources.postgis_crs import SpatialReference, crs_of


@pytest.mark.parametrize(
    ("kind", "given", "kept_as"),
    [
        ("int8", [9007199254740992, None], [9007199254740992, None]),
        ("int8", [-9007199254740993, 1], ["-9007199254740993", "1"]),
        ("int4", [None], [None]),
        ("numeric", ["103", None], [103, None]),
        ("numeric", ["0.30", "-12"], [0.3, -12.0]),
        ("numeric", ["0.1234567890123456789"], ["0.1234567890123456789"]),
        ("numeric", ["99999999999999999999", "1"], ["99999999999999999999", "1"]),
        ("numeric", ["Infinity", "1.5"], [float("inf"), 1.5]),
        ("numeric", [], []),
        ("date", ["0044-03-15 BC", "2026-03-15"], ["0044-03-15 BC", "2026-03-15"]),
        ("timestamp", ["infinity", None], ["infinity", None]),
        ("date", [None, None], [None, None]),
        ("uuid", ["a"], ["a"]),
    ],
)
def test_values_keep_their_digits(kind: str, given: list[object], kept_as: list[object]) -> None:
    fetched_as = pa.int64() if kind.startswith("int") else TEXT
    column, note = finished(kind, pa.chunked_array([pa.array(given, type=fetched_as)], type=fetched_as))
    assert column.to_pylist() == kept_as
    assert (note is not None) == (kind != "uuid" and any(isinstance(value, str) for value in kept_as))


def test_a_column_of_no_rows_has_the_type_of_its_kind() -> None:
    assert finished("date", pa.chunked_array([], type=TEXT))[0].type == pa.date32()
    assert finished("timestamptz", pa.chunked_array([], type=TEXT))[0].type == pa.timestamp("us", "UTC")


def test_rows_are_ordered_by_their_key_or_by_everything() -> None:
    table = pa.table({"k": [2, 1, 3], "v": ["b", None, "a"], "yes": [True, False, None], "g": [b"2", b"1", None]})
    assert in_order(table, ["k"]).column("k").to_pylist() == [1, 2, 3]
    backwards = table.take([2, 1, 0])
    plain = table.drop_columns(["k"])
    assert in_order(plain, []).equals(in_order(backwards.drop_columns(["k"]), []))


def test_a_registers_number_goes_before_the_texts_of_its_row() -> None:
    somebodys = "+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3 +no_defs"
    found = crs_of(SpatialReference(4214, "EPSG", 4214, None, somebodys))
    assert found == pyproj.CRS(4214) and not found.is_bound
    own = crs_of(SpatialReference(910001, "EPSG", 4214, pyproj.CRS(4214).to_wkt("WKT1_GDAL"), somebodys))
    assert own is not None and own.is_bound


def test_a_row_is_read_by_whichever_text_can_be_read() -> None:
    wkt, proj4 = pyproj.CRS(4547).to_wkt("WKT1_GDAL"), "+proj=longlat +ellps=GRS80 +no_defs"
    assert crs_of(SpatialReference(910001, None, None, wkt, "")) == pyproj.CRS(wkt)
    assert crs_of(SpatialReference(910001, None, None, "LOCAL", proj4)) == pyproj.CRS(proj4)
    assert crs_of(SpatialReference(910001, "local", 910001, wkt, None)) == pyproj.CRS(wkt)
    assert crs_of(SpatialReference(910001, None, None, None, None)) is None
    with pytest.raises(InputError, match="E315.*910001"):
        crs_of(SpatialReference(910001, None, None, wkt, "+proj=longlat +ellps=krass +no_defs"))
