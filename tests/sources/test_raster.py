from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from pipeline.errors import InputError
from pipeline.grid import Block, lattice
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import (
    open_image,
    overlap_share,
    pixel_ratio,
    read_aligned,
    read_block,
    read_clear,
    read_codes,
    read_native,
    source_positions,
)
from pipeline.values import DateInterval, Shift
from tests.imagery import BANDS, NORTH_UP, UTM, fields, write

GRID = GeoBox((60, 50), NORTH_UP, UTM)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "场景.tif", fields(60, 50), ACQUISITION_DATE="2026-10-07")
    image = open_image(path)
    assert image.bands == BANDS and image.indexes == (1, 2, 3, 4, 5, 6) and image.scale == 0.0001
    assert image.dates == DateInterval(date(2026, 10, 7), date(2026, 10, 7))
    assert image.pixel_m() == pytest.approx(10.0, rel=0.002) and image.geobox == GRID


def test_bands_by_option_by_default_and_by_number(tmp_path: Path) -> None:
    path = write(tmp_path / "four.tif", fields(20, 20)[:4], bands=None)
    assert open_image(path).bands == ("blue", "green", "red", "nir")
    assert open_image(path, usual_bands={"nir": 1, "red": 2}).bands == ("nir", "red")
    named = write(tmp_path / "named.tif", fields(20, 20)[:2], bands=("red", "nir"))
    assert open_image(named, usual_bands={"blue": 1}).bands == ("red", "nir")
    assert open_image(named, bands={"blue": 1}).bands == ("blue",)
    assert open_image(named).with_bands(("nir",)).indexes == (2,)
    with pytest.raises(InputError, match="E202"):
        open_image(named).with_bands(("nir", "swir1"))


def test_interval_of_a_mosaic_and_a_wrong_date(tmp_path: Path) -> None:
    days = {"ACQUISITION_START": "2026-09-01", "ACQUISITION_END": "20260920"}
    mosaic = open_image(write(tmp_path / "m.tif", fields(20, 20), **days))
    assert mosaic.dates == DateInterval(date(2026, 9, 1), date(2026, 9, 20))
    with pytest.raises(InputError, match="E103"):
        open_image(write(tmp_path / "w.tif", fields(20, 20), ACQUISITION_DATE="autumn"))


def test_zeros_and_nodata_have_no_value(tmp_path: Path) -> None:
    stored = np.full((2, 3, 3), 0.5)
    stored[:, 0, 0] = 0.0
    stored[0, 1, 1] = 0.0
    image = open_image(write(tmp_path / "z.tif", stored, bands=("red", "nir")))
    found = read_native(image, Block(0, 0, 3, 3))
    assert np.isnan(found[:, 0, 0]).all() and np.isfinite(found[:, 1, 1]).all() and found[0, 1, 1] == 0.0


def test_on_its_own_grid_values_come_back_unchanged(tmp_path: Path) -> None:
    image = open_image(write(tmp_path / "a.tif", fields(60, 50)))
    block = Block(7, 5, 40, 33)
    np.testing.assert_array_equal(read_aligned(image, GRID, block), read_native(image, block))
    coarse = read_aligned(image, GRID, block, step=4)
    np.testing.assert_array_equal(coarse, read_native(image, Block(8, 8, 40, 33))[:, ::4, ::4])


def test_a_shift_moves_the_content_down_and_right(tmp_path: Path) -> None:
    image = open_image(write(tmp_path / "a.tif", fields(60, 50)))
    block = Block(10, 10, 30, 30)
    moved = read_aligned(image, GRID, block, Shift(2.0, 3.0, 0.0, 1, True, ""))
    np.testing.assert_array_equal(moved, read_native(image, Block(8, 7, 28, 27)))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 30), st.integers(0, 30))
def test_positions_between_crs_do_not_depend_on_the_block(row: int, col: int) -> None:
    degrees = GeoBox((80, 80), Affine(1e-4, 0.0, 116.999, 0.0, -1e-4, 32.525), "EPSG:4326")
    whole = source_positions(GRID, degrees, Block(0, 0, 80, 80))
    part = source_positions(GRID, degrees, Block(row, col, row + 9, col + 7))
    for one, all_ in zip(part, whole, strict=True):
        np.testing.assert_array_equal(one, all_[row : row + 9, col : col + 7])


def test_positions_between_crs_are_right() -> None:
    import pyproj

    degrees = GeoBox((80, 80), Affine(1e-4, 0.0, 116.999, 0.0, -1e-4, 32.525), "EPSG:4326")
    rows, cols = source_positions(GRID, degrees, Block(0, 0, 80, 80))
    x, y = pyproj.Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(
        116.999 + 1e-4 * 37.5, 32.525 - 1e-4 * 21.5
    )
    assert cols[21, 37] == pytest.approx((x - NORTH_UP.c) / 10 - 0.5, abs=1e-3)
    assert rows[21, 37] == pytest.approx((NORTH_UP.f - y) / 10 - 0.5, abs=1e-3)


def test_ratio_and_overlap() -> None:
    coarse = GeoBox((20, 20), Affine(30.0, 0.0, NORTH_UP.c, 0.0, -30.0, NORTH_UP.f), UTM)
    assert pixel_ratio(GRID, coarse) == pytest.approx(3.0)
    assert overlap_share(GRID, GRID) == 1.0
    half = GeoBox((60, 50), Affine(10.0, 0.0, NORTH_UP.c + 250.0, 0.0, -10.0, NORTH_UP.f), UTM)
    assert overlap_share(half, GRID) == pytest.approx(0.5)
    far = GeoBox((60, 50), Affine(10.0, 0.0, NORTH_UP.c + 9000.0, 0.0, -10.0, NORTH_UP.f), UTM)
    assert overlap_share(far, GRID) == 0.0


def test_codes_take_the_nearest_pixel_and_fill_outside(tmp_path: Path) -> None:
    classes = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    grid = Affine(20.0, 0.0, NORTH_UP.c, 0.0, -20.0, NORTH_UP.f)
    path = write(tmp_path / "scl.tif", classes, transform=grid, dtype="uint8", scale=1.0, bands=None)
    found = read_codes(path, GRID, Block(0, 0, 7, 7), fill=99)
    np.testing.assert_array_equal(found[:6, :6], np.kron(classes[0], np.ones((2, 2))))
    assert (found[6] == 99).all() and (found[:, 6] == 99).all()


def test_a_classification_hides_clouds(tmp_path: Path) -> None:
    from dataclasses import replace

    path = write(tmp_path / "a.tif", fields(60, 50))
    classes = np.full((1, 60, 50), 4.0)
    classes[:, :30] = 9.0
    scl = write(tmp_path / "a_SCL.tif", classes, dtype="uint8", scale=1.0, bands=None)
    image = replace(open_image(path), classes=scl)
    found = read_clear(image, GRID, Block(0, 0, 60, 50))
    assert np.isnan(found[:, :30]).all() and np.isfinite(found[:, 30:]).all()


@pytest.mark.parametrize("keep", [0.1, 0.6, 0.97])
def test_truncated_files_are_refused(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path / "whole.tif", fields(200, 200))
    content = path.read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError, match=r"E201.*cut\.tif"):
        open_image(cut)


def test_no_raster_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("not an image", encoding="utf-8")
    for path in (tmp_path / "text.tif", tmp_path / "none.tif", tmp_path):
        with pytest.raises(InputError, match="E201"):
            open_image(path)


def test_what_is_written_is_read_and_its_bytes_do_not_depend_on_order(tmp_path: Path) -> None:
    grid = GeoBox((700, 600), NORTH_UP, UTM)
    values = np.random.default_rng(2).random((700, 600)).astype(np.float32)
    values[5, 5] = np.nan
    written = []
    for name, blocks in (("a", lattice(grid.shape)), ("b", lattice(grid.shape)[::-1])):
        path = tmp_path / name / "score.tif"
        path.parent.mkdir()
        with RasterWriter(path, grid, bands=("p",), dtype="float32", nodata=float("nan")) as writer:
            for block in blocks:
                writer.write(block, values[block.row_start : block.row_stop, block.col_start : block.col_stop])
        written.append(path.read_bytes())
        assert [one.name for one in path.parent.iterdir()] == ["score.tif"]
    assert written[0] == written[1]
    np.testing.assert_array_equal(read_block(path, Block(0, 0, 700, 600))[0], values)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "score.tif"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        with RasterWriter(path, GRID, bands=("p",), dtype="float32", nodata=None):
            raise RuntimeError("stopped")
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
