"""acquire and detect on a city folder of four small scenes."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from scipy import ndimage

from pipeline.config import City, Config, Source
from pipeline.execute import Execution
from pipeline.schema import CANDIDATES
from pipeline.sources.raster import opened
from pipeline.stages import acquire, detect
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import digest_tree, read_table
from pipeline.values import Period, Validity
from tests.imagery import NORTH_UP, UTM, build, fields, noisy, write

SIZE = 200
BOUNDS = (NORTH_UP.c + 100.0, NORTH_UP.f - 10.0 * SIZE + 100.0, NORTH_UP.c + 10.0 * SIZE - 100.0, NORTH_UP.f - 100.0)
SITE = (80, 90)


def scene(city: Path, day: str, image: np.ndarray, *, seed: int, cloud: slice | None = None, dy: float = 0.0) -> None:
    """Write a scene moved by ``dy`` rows, with a cloud over some rows that its classification knows."""
    seen = np.stack([ndimage.shift(band, (dy, 0.0), order=3, mode="nearest") for band in noisy(image, seed=seed)])
    classes = np.full((1, SIZE // 2, SIZE // 2), 4.0)
    if cloud is not None:
        seen[:, cloud] = 0.5
        classes[0, cloud.start // 2 : cloud.stop // 2] = 9.0
    folder = city / "scenes" / "s2"
    write(folder / f"S2_{day}.tif", seen)
    coarse = Affine(20.0, 0.0, NORTH_UP.c, 0.0, -20.0, NORTH_UP.f)
    write(folder / f"S2_{day}_SCL.tif", classes, transform=coarse, dtype="uint8", scale=1.0, bands=None)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fields; a site that begins between 29 August and 13 September; a wholly clouded August 2025; clouds in one look."""
    folder = tmp_path_factory.mktemp("市")
    ground = fields(SIZE, SIZE)
    site = build(ground, *SITE)
    scene(folder, "20260601", ground, seed=1)
    scene(folder, "20260715", ground, seed=2, dy=0.8)
    scene(folder, "20260829", ground, seed=3, dy=-0.5)
    scene(folder, "20260913", site, seed=4)
    scene(folder, "20260926", site, seed=5, cloud=slice(120, 160), dy=0.4)
    scene(folder, "20261013", site, seed=6, cloud=slice(0, SIZE))
    return folder


def context(city: Path, run: Path, period: str, **changes: object) -> StageContext:
    plain = {"city": City(crs=UTM, bounds=BOUNDS), "sources": (Source(),)} | changes
    (run / "acquire").mkdir(parents=True)
    (run / "detect").mkdir()
    return StageContext(
        config=Config.model_validate(plain),
        city=city,
        period=Period.parse(period),
        as_of=date(2026, 12, 31),
        run=run,
        previous=None,
        issued=None,
        execution=Execution("synchronous", 1),
    )


def run(given: StageContext) -> tuple[StageOutcome, StageOutcome]:
    return acquire.run(given, given.folder("acquire")), detect.run(given, given.folder("detect"))


def raster(path: Path) -> np.ndarray:
    with opened(path) as dataset:
        return dataset.read()


def candidates(given: StageContext) -> gpd.GeoDataFrame:
    return read_table(given.folder("detect") / "s2" / "candidates.parquet", CANDIDATES)


@pytest.fixture(scope="module")
def september(city: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StageContext, StageOutcome]:
    given = context(city, tmp_path_factory.mktemp("runs") / "2026-09", "2026-09")
    return given, run(given)[0]


def test_the_site_is_found_with_its_interval(september: tuple[StageContext, StageOutcome]) -> None:
    found = candidates(september[0])
    assert len(found) == 1
    row = found.iloc[0]
    centre = gpd.points_from_xy([NORTH_UP.c + 970.0], [NORTH_UP.f - 870.0], crs=UTM)[0]
    assert row.geometry.contains(centre) and 0.6 * 19_600 < row.area_m2 < 1.5 * 19_600
    assert (row.last_clear.date(), row.first_seen.date()) == (date(2026, 8, 29), date(2026, 9, 13))
    assert row.clear_looks == 2 and row.confidence == "probable" and row.stage == "earthworks"
    assert row.novelty > 3 and row.source == "s2" and found.crs == UTM


def test_scenes_are_registered_to_their_common_position(september: tuple[StageContext, StageOutcome]) -> None:
    alignment = json.loads((september[0].folder("acquire") / "s2" / "alignment.json").read_text(encoding="utf-8"))
    moved = {one["scene"]: one["dy_px"] for one in alignment["scenes"]}
    assert alignment["refused"] == [] and [one["used_as"] for one in alignment["scenes"]].count("period") == 2
    for name, dy in (("S2_20260715", 0.8), ("S2_20260829", -0.5), ("S2_20260926", 0.4)):
        assert moved[name] - moved["S2_20260601"] == pytest.approx(-dy, abs=0.1)
    assert sorted(moved.values())[2] == pytest.approx(0.0, abs=0.1)


def test_a_cloud_hides_the_later_look_only(september: tuple[StageContext, StageOutcome]) -> None:
    folder = september[0].folder("acquire") / "s2"
    history, validity = raster(folder / "history.tif"), raster(folder / "validity.tif")[0]
    clouded = slice(130 - 10, 150 - 10)
    assert (validity == Validity.CLEAR).mean() > 0.99
    assert (history[1, clouded] <= 1).all() and (history[1, 72:80, 82:90] == 2).all()
    assert np.median(history[2]) == 20_694  # 29 August 2026


def test_a_month_under_clouds_is_a_result(city: Path, tmp_path: Path) -> None:
    given = context(city, tmp_path / "2026-10", "2026-10")
    done, found = run(given)
    assert not done.failures and not found.failures and len(candidates(given)) == 0
    validity = raster(given.folder("acquire") / "s2" / "validity.tif")
    assert (
        not (validity == Validity.CLEAR).any() and np.isnan(raster(given.folder("detect") / "s2" / "score.tif")).all()
    )
    assert any("nothing is observed" in note for note in done.notes)
    assert any("S2_20261013 refused: only 0 % clear" in note for note in done.notes)


def test_a_month_without_scenes_is_a_result(city: Path, tmp_path: Path) -> None:
    given = context(city, tmp_path / "2027-01", "2027-01")
    done, found = run(given)
    assert not done.failures and not found.failures and len(candidates(given)) == 0
    assert (raster(given.folder("acquire") / "s2" / "validity.tif") == Validity.NO_SCENE).all()


def test_bad_scenes_are_recorded_and_bad_sources_do_not_stop_others(city: Path, tmp_path: Path) -> None:
    copy = tmp_path / "city"
    shutil.copytree(city, copy)
    folder = copy / "scenes" / "s2"
    broken = folder / "S2_20260805.tif"
    broken.write_bytes((folder / "S2_20260829.tif").read_bytes()[:5000])
    far = Affine(10.0, 0.0, NORTH_UP.c + 90_000.0, 0.0, -10.0, NORTH_UP.f)
    write(folder / "S2_20260806.tif", fields(60, 60), transform=far)
    write(folder / "S2_20260807.tif", np.random.default_rng(0).uniform(0.1, 0.3, (6, SIZE, SIZE)))
    sources = (Source(), Source(name="gf", folder="scenes/gf", profile="vhr"))
    given = context(copy, tmp_path / "2026-09", "2026-09", sources=sources)
    done, found = run(given)
    alignment = json.loads((given.folder("acquire") / "s2" / "alignment.json").read_text(encoding="utf-8"))
    reasons = {one["scene"]: one["reason"] for one in alignment["refused"]}
    assert reasons["S2_20260805"].startswith("E201") and "overlap" in reasons["S2_20260806"]
    (noise,) = [one for one in alignment["scenes"] if one["scene"] == "S2_20260807"]
    assert "taken as delivered" in noise["reason"] and (noise["tiles"], noise["dy_px"], noise["dx_px"]) == (0, 0.0, 0.0)
    assert len(done.failures) == len(found.failures) == 1 and "E105" in done.failures[0]
    assert len(candidates(given)) == 1 and not (given.folder("acquire") / "gf").exists()


def test_inputs_are_the_files_up_to_the_period(city: Path, tmp_path: Path) -> None:
    names = {path.name for path in acquire.inputs(context(city, tmp_path / "2026-08", "2026-08"))}
    assert "S2_20260829_SCL.tif" in names and "S2_20260601.tif" in names and not any("202609" in name for name in names)


def test_same_inputs_same_bytes(september: tuple[StageContext, StageOutcome], city: Path, tmp_path: Path) -> None:
    again = context(city, tmp_path / "2026-09", "2026-09")
    again = StageContext(**{**vars(again), "execution": Execution("threads", 2, 256)})
    run(again)
    for stage in ("acquire", "detect"):
        assert digest_tree(again.folder(stage)) == digest_tree(september[0].folder(stage))
