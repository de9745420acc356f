from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import InputError, StageError
from pipeline.sources import kept_layers
from pipeline.sources.kept_layers import KeptLayers, keep_layers
from pipeline.sources.layers import TABLES, read_layers

CRS = "EPSG:4547"
WEST, SOUTH = 500_000.0, 3_300_000.0
EXTENT = (WEST, SOUTH, WEST + 3000.0, SOUTH + 3000.0)


def deliver(folder: Path) -> None:
    """Layers with a crossing outline, a doubled row, ids that occur twice, a row without class and one without ground."""
    rng = np.random.default_rng(5)
    low = rng.uniform(0.0, 2900.0, (400, 2)) + (WEST, SOUTH)
    shapes = list(shapely.box(*low.T, *(low + 60.0).T))
    shapes[7] = shapely.Polygon([(WEST, SOUTH), (WEST + 50, SOUTH + 50), (WEST + 50, SOUTH), (WEST, SOUTH + 50)])
    shapes[300] = shapely.Polygon(list(shapes[20].exterior.coords)[::-1])
    shapes[11] = None
    codes = rng.choice(["0101", "0702", "1104"], 400).tolist()
    codes[300], codes[12] = codes[20], None
    ids = [f"B{number % 390}" for number in range(400)]
    areas = [3600.0 if number % 50 == 0 else None for number in range(400)]
    frame = gpd.GeoDataFrame({"BSM": ids, "DLBM": codes, "TBMJ": areas}, geometry=shapes, crs=CRS)
    frame.to_file(folder / "DLTB.gpkg", layer="DLTB")
    roads = gpd.GeoDataFrame({"NAME": ["东路"]}, geometry=[shapely.LineString([low[0], low[1]])], crs=CRS)
    roads.to_crs("EPSG:4490").to_file(folder / "LRDL.geojson")
    papers = {"XMDM": ["A", "B", "C"], "PZRQ": ["20260301", "2026年9月2日", "坏"]}
    for number, part in enumerate((slice(0, 2), slice(2, 3))):
        some = gpd.GeoDataFrame(papers, geometry=shapes[30:33], crs=CRS)[part].to_crs("EPSG:4548")
        some.to_parquet(folder / f"NYDZYFW{number}.parquet")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept_layers, "GROUP_ROWS", 16)
    monkeypatch.setattr(kept_layers, "_BOX_ROWS", 40)
    monkeypatch.setattr("pipeline.sources.layer_files.LayerFile.shapes.__defaults__", (37,))
    (tmp_path / "layers").mkdir()
    deliver(tmp_path / "layers")
    return tmp_path / "layers"


def kept(folder: Path, extent: tuple[float, float, float, float] | None = EXTENT) -> KeptLayers:
    out = folder.with_name("kept")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    keep_layers(folder, CRS, extent, out)
    return KeptLayers(out, CRS)


@pytest.mark.parametrize("extent", [EXTENT, None])
def test_kept_layers_hold_what_reading_the_folder_gives(
    folder: Path, extent: tuple[float, float, float, float] | None
) -> None:
    read = read_layers(folder, CRS, extent)
    with kept(folder, extent) as layers:
        assert layers.report == read.report
        for role in TABLES:
            whole, wanted = layers.whole(role), getattr(read, role)
            assert (whole is None) == (wanted is None)
            if wanted is not None:
                pd.testing.assert_frame_equal(whole, wanted, check_exact=True)
                assert whole.crs == wanted.crs
    entry = next(entry for entry in read.report["layers"] if entry["role"] == "land_use")
    assert [one["row"] for one in entry["sources"][0]["unusable"]] == [12, 13, 301]
    assert [one["row"] for one in entry["sources"][0]["repaired"]] == [8]
    assert len(entry["renamed_ids"]) == 10


def test_a_box_gives_the_rows_that_meet_it_in_the_layers_order(folder: Path) -> None:
    land_use = read_layers(folder, CRS, EXTENT).land_use
    with kept(folder) as layers:
        for box in (
            (WEST + 100, SOUTH + 100, WEST + 500, SOUTH + 900),
            (WEST, SOUTH, WEST, SOUTH),
            EXTENT,
            (0, 0, 1, 1),
        ):
            west, south, east, north = box
            bounds = land_use.bounds
            meets = (bounds.minx <= east) & (bounds.maxx >= west) & (bounds.miny <= north) & (bounds.maxy >= south)
            wanted = land_use[meets].reset_index(drop=True)
            pd.testing.assert_frame_equal(layers.within("land_use", box), wanted, check_exact=True)
        assert len(layers.within("land_use", None)) == 0
        assert layers.within("planning", EXTENT) is None
        assert len(layers.within("approvals", (0.0, 0.0, 1.0, 1.0))) == 3


def test_near_rows_share_a_row_group(folder: Path) -> None:
    with kept(folder) as layers:
        layers.within("land_use", EXTENT)
        west, south, east, north = layers._bounds["land_use"].T
        assert len(west) > 20 and np.median((east - west) * (north - south)) < 0.15 * 3000.0**2


def test_pieces_hold_the_rows_that_tell_something_with_their_places(folder: Path) -> None:
    land_use = read_layers(folder, CRS, EXTENT).land_use
    with kept(folder) as layers:
        pieces = list(layers.pieces("land_use", "attribute_area_m2"))
    found = pd.concat([frame.set_axis(places) for places, frame in pieces]).sort_index()
    wanted = land_use[land_use["attribute_area_m2"].notna()]
    assert found.index.tolist() == wanted.index.tolist() and len(wanted) == 7
    assert found["parcel_id"].tolist() == wanted["parcel_id"].tolist()


def test_a_folder_that_cannot_be_used_is_refused_as_in_reading(folder: Path) -> None:
    (folder / "DLTB.gpkg").unlink()
    with pytest.raises(InputError, match="E303"):
        kept(folder)


def test_a_damaged_kept_layer_says_what_to_delete(folder: Path) -> None:
    layers = kept(folder)
    path = folder.with_name("kept") / "land_use.parquet"
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    with layers, pytest.raises(StageError, match="delete that folder"):
        layers.whole("land_use")
