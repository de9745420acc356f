from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import Resampling, reproject, transform_bounds
from scipy import ndimage

from pipeline.config import Detect
from pipeline.errors import InputError
from pipeline.execute import Execution
from pipeline.grid import Block
from pipeline.sources.raster import opened
from pipeline.stages import compare, evidence, imagery, objects, registration, sky
from pipeline.stages.base import StageOutcome
from pipeline.stages.compare import compare_pair
from pipeline.values import Validity
from tests.imagery import BANDS, NORTH_UP, UTM, build, fields, noisy, write

ONE = Execution(scheduler="synchronous", workers=1)
FILES = ("alignment.json", "candidates.gpkg", "gain.json", "score.tif", "tiles.csv", "validity.tif")


def pair(
    folder: Path, size: int = 260, sites: tuple[tuple[int, int], ...] = ((60, 80), (180, 150))
) -> tuple[Path, Path]:
    image = fields(size, size)
    later = image
    for row, col in sites:
        later = build(later, row, col)
    before = write(folder / "before.tif", noisy(image, seed=1), ACQUISITION_DATE="2026-08-29")
    after = write(folder / "after.tif", noisy(later, seed=2), ACQUISITION_DATE="20260926")
    return before, after


def candidates(out: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(out / "candidates.gpkg", layer="candidates")


def score(out: Path) -> np.ndarray:
    with opened(out / "score.tif") as dataset:
        return dataset.read(1)


def hashes(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageOutcome]:
    folder = tmp_path_factory.mktemp("影像 对比")
    before, after = pair(folder)
    return folder / "结果", compare_pair(before, after, folder / "结果", execution=ONE)


def test_two_sites_are_found_and_nothing_else(compared: tuple[Path, StageOutcome]) -> None:
    out, outcome = compared
    found = candidates(out)
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert outcome.counts["candidates"] == len(found) == 2
    for row, col in ((60, 80), (180, 150)):
        x, y = NORTH_UP.c + 10 * (col + 7), NORTH_UP.f - 10 * (row + 7)
        centre = gpd.points_from_xy([x], [y], crs=UTM)[0]
        (site,) = [geometry for geometry in found.geometry if geometry.contains(centre)]
        assert 0.7 * 19_600 < site.area < 1.4 * 19_600
    assert found.crs == UTM and set(found["stage"]) == {"earthworks"}
    assert set(found["last_clear"].astype(str)) == {"2026-08-29"}
    assert set(found["first_seen"].astype(str)) == {"2026-09-26"}
    np.testing.assert_allclose(found["area_m2"], found["area_px"] * 100, rtol=0.01)


def test_without_a_strong_pixel_an_object_is_listed_as_unlikely_with_the_probability_it_has(
    compared: tuple[Path, StageOutcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = pair(tmp_path)
    never = 0.99999
    for listed, count in ((0.15, 2), (never, 0)):
        settings = Detect(pair_strong_probability=never, pair_listed_probability=listed)
        monkeypatch.setattr(compare, "Detect", lambda settings=settings: settings)
        outcome = compare_pair(before, after, tmp_path / f"out-{listed}", execution=ONE)
        assert outcome.counts["candidates"] == 0 and outcome.counts["unlikely"] >= count
    listed_ones = gpd.read_file(tmp_path / "out-0.15" / "candidates.gpkg", layer="unlikely")
    for row in candidates(compared[0]).itertuples():
        (same,) = (one for one in listed_ones.itertuples() if one.geometry.equals(row.geometry))
        assert same.probability == row.probability


def test_the_score_is_a_probability_on_the_grid_of_before(compared: tuple[Path, StageOutcome]) -> None:
    out, _ = compared
    with rasterio.open(out / "score.tif") as dataset:
        assert dataset.dtypes == ("float32",) and dataset.transform == NORTH_UP and dataset.crs == UTM
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and np.isnan(dataset.nodata)
    values = score(out)
    assert 0.0 <= values.min() and values.max() <= 1.0
    assert values[62:72, 82:92].mean() > 0.5 and np.median(values) < 0.05


def test_identical_images_have_no_candidates(tmp_path: Path) -> None:
    before, _ = pair(tmp_path)
    outcome = compare_pair(before, before, tmp_path / "out", execution=ONE)
    assert outcome.counts["candidates"] == 0 and len(candidates(tmp_path / "out")) == 0
    assert float(np.nanmax(score(tmp_path / "out"))) < 0.2


def test_bytes_do_not_depend_on_tiles_workers_or_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = fields(560, 1060)
    later = build(build(image, 505, 505, 20), 100, 700)
    before = write(tmp_path / "before.tif", noisy(image, seed=1)[:4], bands=BANDS[:4])
    after = write(tmp_path / "after.tif", noisy(later, seed=2)[:4], bands=BANDS[:4])
    for execution in (ONE, Execution("threads", 2, 512)):
        compare_pair(before, after, tmp_path / execution.scheduler, execution=execution)

    def as_processes_do(function: Any, blocks: tuple[Block, ...], execution: Execution, label: str) -> Any:
        for block in blocks:
            yield pickle.loads(pickle.dumps((block, pickle.loads(pickle.dumps(function))(block))))

    for module in (imagery, registration, sky, compare, evidence, objects):
        monkeypatch.setattr(module, "map_blocks", as_processes_do)
    compare_pair(before, after, tmp_path / "pickled", execution=ONE)
    found = [hashes(tmp_path / name) for name in ("synchronous", "threads", "pickled")]
    assert found[0] == found[1] == found[2]
    seam = candidates(tmp_path / "threads")
    assert len(seam) == 2 and seam["area_px"].max() > 300


def test_a_shifted_after_image_is_moved_back(tmp_path: Path) -> None:
    image = fields(300, 300)
    moved = np.stack([ndimage.shift(band, (1.3, -0.8), order=3, mode="nearest") for band in build(image, 100, 100)])
    before = write(tmp_path / "before.tif", noisy(image, seed=1))
    after = write(tmp_path / "after.tif", noisy(moved, seed=2))
    outcome = compare_pair(before, after, tmp_path / "out", execution=ONE)
    shift = json.loads((tmp_path / "out" / "alignment.json").read_text(encoding="utf-8"))
    assert shift["accepted"] and abs(shift["dy_px"] + 1.3) < 0.1 and abs(shift["dx_px"] - 0.8) < 0.1
    assert outcome.counts["candidates"] == 1


def test_lat_lon_and_another_crs_meet_on_before(tmp_path: Path) -> None:
    image = fields(260, 260)
    later = build(image, 120, 100)
    after = write(tmp_path / "after.tif", noisy(later, seed=2))
    extent = (NORTH_UP.c, NORTH_UP.f - 2600, NORTH_UP.c + 2600, NORTH_UP.f)
    west, south, east, north = transform_bounds(UTM, "EPSG:4326", *extent)
    grid = Affine((east - west) / 240, 0.0, west, 0.0, (south - north) / 280, north)
    degrees = np.zeros((6, 280, 240), dtype=np.float32)
    reproject(noisy(image, seed=1), degrees, src_transform=NORTH_UP, src_crs=UTM, dst_transform=grid,
              dst_crs="EPSG:4326", resampling=Resampling.cubic)  # fmt: skip
    before = write(tmp_path / "before.tif", degrees, transform=grid, crs="EPSG:4326")
    compare_pair(before, after, tmp_path / "out", execution=ONE)
    found = candidates(tmp_path / "out")
    assert found.crs == "EPSG:4326" and len(found) == 1
    assert 0.6 * 19_600 < found["area_m2"][0] < 1.5 * 19_600


def test_png_without_georeference_is_in_pixels(tmp_path: Path) -> None:
    image = fields(256, 256)[[2, 1, 0]] * 4
    later = image.copy()
    later[:, 90:130, 90:130] = np.random.default_rng(0).uniform(0.7, 0.95, (3, 40, 40))
    before = write(tmp_path / "b.png", image, crs=None, bands=None, dtype="uint8", scale=255.0)
    after = write(tmp_path / "a.png", later, crs=None, bands=None, dtype="uint8", scale=255.0)
    outcome = compare_pair(before, after, tmp_path / "out", execution=ONE)
    found = candidates(tmp_path / "out")
    assert any("no georeference" in note for note in outcome.notes)
    assert len(found) == 1 and found["area_m2"].isna().all() and found["last_clear"].isna().all()
    assert 1000 < found["area_px"][0] < 2600 and found.total_bounds.max() < 256
    compare_pair(before, after, tmp_path / "sized", gsd_m=2.0, min_area_m2=100.0, execution=ONE)
    sized = candidates(tmp_path / "sized")
    np.testing.assert_allclose(sized["area_m2"], sized["area_px"] * 4.0)


def test_clouds_cut_as_zeros_and_a_mask_are_not_observable(tmp_path: Path) -> None:
    before, _ = pair(tmp_path)
    later = build(fields(260, 260), 60, 80)
    later[:, 150:220, 30:90] = 0.0
    after = write(tmp_path / "clouds.tif", later)
    mask = np.ones((1, 260, 260), dtype=np.float32)
    mask[:, 0:30] = 0.0
    valid = write(tmp_path / "valid.tif", mask, dtype="uint8", scale=1.0, bands=None)
    compare_pair(before, after, tmp_path / "out", valid=valid, execution=ONE)
    values = score(tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "validity.tif") as dataset:
        codes = dataset.read(1)
    assert np.isnan(values[160:210, 40:80]).all() and (codes[160:210, 40:80] == Validity.NO_DATA).all()
    assert np.isnan(values[0:30]).all() and np.isfinite(values[100:140]).all()
    assert len(candidates(tmp_path / "out")) == 1


def test_different_scales_are_normalised(tmp_path: Path) -> None:
    image = fields(260, 260)
    before = write(tmp_path / "before.tif", noisy(image, seed=1))
    after = write(tmp_path / "after.tif", noisy(build(image, 100, 100), seed=2), dtype="uint8", scale=400.0)
    compare_pair(before, after, tmp_path / "out", execution=ONE)
    assert len(candidates(tmp_path / "out")) == 1


def refused(tmp_path: Path, code: str, before: Path, after: Path, **options: object) -> InputError:
    with pytest.raises(InputError) as caught:
        compare_pair(before, after, tmp_path / "out", execution=ONE, **options)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*"))
    return caught.value


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    before, after = pair(tmp_path, size=80, sites=())
    whole = after.read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "cut.tif" in refused(tmp_path, "E201", before, cut).message
    refused(tmp_path, "E201", before, tmp_path / "none.tif")
    refused(tmp_path, "E202", before, after, bands={"blue": 1, "nir": 7})
    refused(tmp_path, "E202", before, after, bands={"purple": 1})
    far = write(tmp_path / "far.tif", fields(80, 80), transform=Affine.translation(90_000, 0) @ NORTH_UP)
    refused(tmp_path, "E203", before, far)
    flat = write(tmp_path / "flat.png", fields(80, 80)[:3], crs=None, bands=None, dtype="uint8", scale=255.0)
    refused(tmp_path, "E203", before, flat, bands={"red": 1})
    small = write(tmp_path / "mask.tif", np.ones((1, 70, 80)), dtype="uint8", scale=1.0, bands=None)
    refused(tmp_path, "E205", before, after, valid=small)
    refused(tmp_path, "E104", flat, flat, min_area_m2=100.0)


def test_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((1, 256, 256)).astype(np.float32)
    before = write(tmp_path / "before.png", image, crs=None, bands=None, dtype="uint8", scale=255.0)
    content = before.read_bytes()
    broken = tmp_path / "broken.png"
    broken.write_bytes(content[: len(content) * 2 // 3])
    refused(tmp_path, "E201", before, broken)


REAL = [
    ("landsat_taizhou/before_20000317.tif", "landsat_taizhou/after_20030206.tif", None),
    ("landsat_two_crs/ref.tif", "landsat_two_crs/target.tif", None),
    ("gf2_wuhan/t1.tif", "gf2_wuhan/t2.tif", {"nir": 1, "red": 2, "green": 3}),
    ("vhr_xian/0_2_t1.png", "vhr_xian/0_2_t2.png", None),
    ("s2_urban_change/bordeaux/before.tif", "s2_urban_change/bordeaux/after.tif", None),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("before", "after", "bands"), REAL, ids=[row[0].split("/")[0] for row in REAL])
def test_real_pairs_run_as_they_are(
    real_data: Path, tmp_path: Path, before: str, after: str, bands: dict[str, int] | None
) -> None:
    outcome = compare_pair(real_data / before, real_data / after, tmp_path / "out", bands=bands, execution=Execution())
    values = score(tmp_path / "out")
    assert np.isfinite(values).mean() > 0.2 and outcome.counts["observable_px"] == np.isfinite(values).sum()
    assert len(candidates(tmp_path / "out")) == outcome.counts["candidates"]


def test_mosaics_give_the_start_of_the_earlier_and_the_end_of_the_later_interval(tmp_path: Path) -> None:
    image = fields(260, 260)
    before = write(
        tmp_path / "before.tif", noisy(image, seed=1), ACQUISITION_START="2026-08-03", ACQUISITION_END="2026-08-29"
    )
    after = write(
        tmp_path / "after.tif", noisy(build(image, 60, 80), seed=2), ACQUISITION_START="2026-09-10",
        ACQUISITION_END="2026-09-26",
    )  # fmt: skip
    compare_pair(before, after, tmp_path / "out", execution=ONE)
    found = candidates(tmp_path / "out")
    assert len(found) and set(found["last_clear"].astype(str)) == {"2026-08-03"}
    assert set(found["first_seen"].astype(str)) == {"2026-09-26"}
