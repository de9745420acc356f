"""The monitor's state on disk: grown month by month, rebuilt, run out of order or damaged, it is the same bytes."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline.config import City, Config, Detect, Source
from pipeline.execute import Execution
from pipeline.spectra import BANDS
from pipeline.stages.base import StageContext
from pipeline.stages.monitor import LAYERS, run_monitor
from pipeline.stages.state import month_number, months_before, update_state
from pipeline.store import digest_tree
from pipeline.values import Period

SIDE, CRS = 96, "EPSG:32650"
FIRST, LAST = Period(2024, 1), Period(2025, 4)
SOURCE = Source(name="s2", folder="scenes/s2")


def scene(folder: Path, day: date, ground: np.ndarray, seed: int) -> None:
    """A scene of the fixed ground with its month's light and a little noise."""
    rng = np.random.default_rng(seed)
    green = 0.5 + 0.4 * np.sin(day.month / 12.0 * 2 * np.pi)
    bands = np.stack([ground * level for level in (0.5, 0.6, 0.7 - 0.3 * green, 0.8 + green, 1.1, 1.0)])
    bands = bands + rng.normal(0.0, 0.002, bands.shape)
    path = folder / f"S2_{day:%Y%m%d}.tif"
    profile = {"driver": "GTiff", "count": 6, "height": SIDE, "width": SIDE, "dtype": "uint16", "nodata": 0}
    place = Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 3500000.0)
    with rasterio.open(path, "w", crs=CRS, transform=place, **profile) as file:
        file.write(np.clip(bands * 10000, 1, 65535).astype(np.uint16))
        file.update_tags(ACQUISITION_DATE=day.isoformat())
        for number, name in enumerate(BANDS, start=1):
            file.set_band_description(number, name)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city folder with a scene on every 10th and 20th from January 2024 to April 2025."""
    city = tmp_path_factory.mktemp("state") / "城 市"
    folder = city / "scenes" / "s2"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    ground = np.repeat(np.repeat(rng.uniform(0.05, 0.3, (12, 12)), 8, axis=0), 8, axis=1)
    for months in range(month_number(LAST) - month_number(FIRST) + 1):
        period = FIRST.shifted(months)
        for day in (10, 20):
            scene(folder, date(period.year, period.month, day), ground, 100 * months + day)
    return city


def context(city: Path, period: Period, previous: Path | None, *, months: int = 12) -> StageContext:
    bounds = (500000.0, 3500000.0 - 10 * SIDE, 500000.0 + 10 * SIDE, 3500000.0)
    config = Config(city=City(crs=CRS, bounds=bounds), sources=(SOURCE,), detect=Detect(monitor_months=months))
    run = city / "runs" / str(period)
    return StageContext(config, city, period, period.last_day, run, previous, None, Execution("synchronous"))


def grow(city: Path, runs: Path, period: Period, previous: Path | None, *, months: int = 12) -> tuple[Path, int, int]:
    run = runs / str(period)
    out = run / "detect" / "s2" / "state"
    out.mkdir(parents=True)
    taken, computed, _ = update_state(context(city, period, previous, months=months), SOURCE, out)
    return run, taken, computed


def test_replay_rebuild_and_order_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    run, taken, computed = grow(archive, tmp_path / "one by one", LAST.shifted(-2), None)
    assert (taken, computed) == (0, 12)
    run, taken, computed = grow(archive, tmp_path / "one by one", LAST.shifted(-1), run)
    assert (taken, computed) == (11, 1), "one month is added, one leaves"
    run, taken, computed = grow(archive, tmp_path / "one by one", LAST, run)
    assert (taken, computed) == (11, 1)
    wanted = digest_tree(run)

    assert digest_tree(grow(archive, tmp_path / "rebuilt", LAST, None)[0]) == wanted
    skipped, _, _ = grow(archive, tmp_path / "skipped", LAST.shifted(-2), None)
    assert digest_tree(grow(archive, tmp_path / "skipped", LAST, skipped)[0]) == wanted
    later = grow(archive, tmp_path / "backwards", LAST.shifted(-1), run)[0]
    assert digest_tree(later) == digest_tree(tmp_path / "one by one" / str(LAST.shifted(-1)))


def test_damaged_or_older_state_is_rebuilt(archive: Path, tmp_path: Path) -> None:
    before, _, _ = grow(archive, tmp_path / "a", LAST.shifted(-1), None)
    wanted = digest_tree(grow(archive, tmp_path / "a", LAST, before)[0])
    for name, spoil in (
        ("cut", lambda content: content[: len(content) // 2]),
        ("older", lambda content: content.replace(b'"version": 1', b'"version": 0')),
        ("empty", lambda content: b""),
    ):
        copy = tmp_path / name / "before"
        shutil.copytree(before, copy)
        file = next((copy / "detect" / "s2" / "state").glob("*.state"))
        file.write_bytes(spoil(file.read_bytes()))
        assert digest_tree(grow(archive, tmp_path / name, LAST, copy)[0]) == wanted, name


def test_a_scene_that_comes_late_changes_its_own_month_alone(archive: Path, tmp_path: Path) -> None:
    city = tmp_path / "late"
    shutil.copytree(archive, city)
    late = city / "scenes" / "s2" / "S2_20250310.tif"
    aside = tmp_path / late.name
    late.rename(aside)
    before, _, _ = grow(city, tmp_path / "runs", LAST.shifted(-1), None)
    aside.rename(late)
    _, taken, computed = grow(city, tmp_path / "runs", LAST, before)
    assert (taken, computed) == (10, 2)


def test_a_short_archive_says_so_and_has_no_monitor(archive: Path, tmp_path: Path) -> None:
    early = context(archive, Period(2024, 9), None)
    assert months_before(early, SOURCE) == 8
    found = run_monitor(early, SOURCE, tmp_path)
    assert found is not None and found.raster is None
    assert found.notes == ("monitor: 8 months of earlier scenes, it begins with 12",)
    assert not list(tmp_path.iterdir())


def test_unchanged_ground_is_ordinary_and_tiles_do_not_matter(archive: Path, tmp_path: Path) -> None:
    rasters = []
    for name, months in (("a", 36), ("b", 36)):
        out = tmp_path / name
        out.mkdir()
        found = run_monitor(context(archive, LAST, None, months=months), SOURCE, out)
        assert found is not None and found.raster is not None
        rasters.append(found.raster.read_bytes())
    assert rasters[0] == rasters[1]
    with rasterio.open(tmp_path / "a" / "monitor.tif") as file:
        state = file.read(1 + LAYERS.index("state"))
    assert (state == 1).mean() > 0.99
