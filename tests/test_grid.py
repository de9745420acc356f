from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, batches, block_geobox, city_geobox, lattice, window_around

SHAPES = st.tuples(st.integers(1, 1700), st.integers(1, 1700))


@given(SHAPES)
def test_lattice_covers_every_pixel_once(shape: tuple[int, int]) -> None:
    seen = np.zeros(shape, dtype=np.int64)
    for block in lattice(shape):
        seen[block.row_start : block.row_stop, block.col_start : block.col_stop] += 1
    assert (seen == 1).all()


@given(SHAPES, st.integers(256, 5000))
def test_batches_keep_lattice_order(shape: tuple[int, int], tile_px: int) -> None:
    blocks = lattice(shape)
    assert tuple(block for batch in batches(blocks, tile_px) for block in batch) == blocks


@given(SHAPES, st.integers(0, 90))
def test_halo_is_trimmed_back_to_the_block(shape: tuple[int, int], halo_px: int) -> None:
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    for block in lattice(shape):
        grown = block.with_halo(halo_px, shape)
        window = image[grown.row_start : grown.row_stop, grown.col_start : grown.col_stop]
        inner = image[block.row_start : block.row_stop, block.col_start : block.col_stop]
        assert (window[block.trim(grown)] == inner).all()


def test_city_geobox_snaps_outward() -> None:
    geobox = city_geobox((500003, 3400007, 500995, 3400991), "EPSG:4547", 10)
    assert geobox.shape == (100, 100)
    assert (geobox.transform.c, geobox.transform.f) == (500000, 3401000)


def test_block_geobox_begins_at_the_block() -> None:
    geobox = city_geobox((0, 0, 90, 60), "EPSG:4547", 10)
    block = Block(1, 2, 4, 5)
    part = block_geobox(geobox, block)
    assert part.shape == (3, 3)
    assert part.transform @ (0.5, 0.5) == (25, 45)


def _row(block: Block) -> int:
    return block.row_start * 10_000 + block.col_start


def test_map_blocks_gives_lattice_order_on_every_scheduler() -> None:
    blocks = lattice((1100, 1600))
    expected = [(block, _row(block)) for block in blocks]
    for scheduler, workers, tile_px in (("synchronous", 1, 512), ("threads", 3, 1024), ("processes", 2, 4096)):
        execution = Execution(scheduler, workers, tile_px)  # type: ignore[arg-type]
        assert list(map_blocks(_row, blocks, execution, "rows")) == expected


def test_map_blocks_reports_progress() -> None:
    heard: list[tuple[int, int]] = []
    execution = Execution("synchronous", 1, 512, lambda label, done, total: heard.append((done, total)))
    list(map_blocks(_row, lattice((600, 600)), execution, "rows"))
    assert heard == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_window_holds_every_pixel_that_bounds_touch_and_its_margin_and_ends_at_the_grid() -> None:
    grid = city_geobox((1000.0, 2000.0, 1100.0, 2100.0), "EPSG:4547", 10.0)
    assert window_around((1021.0, 2041.0, 1039.0, 2060.0), grid, margin_px=0) == Block(4, 2, 6, 4)
    assert window_around((1021.0, 2041.0, 1039.0, 2060.0), grid, margin_px=3) == Block(1, 0, 9, 7)
    assert window_around((1095.0, 2095.0, 1300.0, 2300.0), grid, margin_px=1) == Block(0, 8, 2, 10)
    assert window_around((1200.0, 2041.0, 1230.0, 2060.0), grid, margin_px=3) is None
