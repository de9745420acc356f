"""The wild city as a folder: the same bytes for the same arguments, and scenes that the program can read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import rasterio

from benchmarks.wild_city import main, write_wild_city
from pipeline.config import load_config
from pipeline.sources.scenes import find_scenes
from pipeline.store import digest_tree


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    city = tmp_path_factory.mktemp("wild") / "city"
    write_wild_city(city, seed=9, size_px=120, months=3)
    return city


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    main([str(tmp_path / "again"), "--seed", "9", "--size-px", "120", "--years", "0.25"])
    assert digest_tree(tmp_path / "again") == digest_tree(folder)


def test_both_sources_are_read_with_their_days(folder: Path) -> None:
    config = load_config(folder / "config.yaml")
    assert [source.name for source in config.sources] == ["vhr", "s2"]
    for source in config.sources:
        scenes, refused = find_scenes(folder / source.folder, first_day=date(2026, 1, 1), last_day=date(2026, 12, 31),
                                      bands=source.bands, scale=source.scale, offset=source.offset)  # fmt: skip
        assert not refused
        assert len(scenes) == len(list((folder / source.folder).glob("*.tif"))) // (2 if source.name == "s2" else 1)
        assert all((scene.dates.start < scene.dates.end) == (source.name == "vhr") for scene in scenes)


def test_truth_lies_beside_it(folder: Path) -> None:
    truth = folder / "truth"
    sites, stages = gpd.read_parquet(truth / "sites.parquet"), gpd.read_parquet(truth / "stages.parquet")
    assert set(stages["site_id"]) == set(sites["site_id"])
    assert {"visits.parquet", "verdicts.parquet", "distractors.parquet"} <= {path.name for path in truth.iterdir()}
    scenes = pd.read_parquet(truth / "scenes.parquet")
    assert {*scenes["file"]} == {
        path.name for path in (folder / "scenes" / "s2").glob("*.tif") if "_SCL" not in path.name
    }
    mosaics = pd.read_parquet(truth / "mosaics.parquet")
    assert ((mosaics["from"] <= mosaics["day"]) & (mosaics["day"] <= mosaics["to"])).all()


def test_a_variant_comes_without_classes_and_without_mosaics(tmp_path: Path) -> None:
    # so few sites that no patrol reports one
    write_wild_city(tmp_path / "bare", seed=21, size_px=120, months=2, classes=False, fine=False, looks=True)
    assert not list((tmp_path / "bare").rglob("*_SCL.tif")) and not (tmp_path / "bare" / "scenes" / "vhr").exists()
    assert len(list((tmp_path / "bare" / "looks").glob("S2_*.png"))) > 3
    with rasterio.open(next((tmp_path / "bare" / "scenes" / "s2").glob("*.tif"))) as file:
        assert file.count == 6 and file.dtypes[0] == "uint16" and file.descriptions[3] == "nir"


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
