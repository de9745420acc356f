from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.sources.scenes import date_in_name, find_scenes
from pipeline.values import DateInterval
from tests.imagery import BANDS, fields, write

YEAR: dict[str, Any] = {
    "first_day": date(2026, 1, 1), "last_day": date(2026, 10, 31), "bands": None, "scale": 0.0001, "offset": 0.0,
}  # fmt: skip


def scene(folder: Path, name: str, **tags: str) -> Path:
    return write(folder / name, fields(30, 30), **tags)


def test_scenes_in_order_of_date_with_their_classification(tmp_path: Path) -> None:
    scene(tmp_path, "b_20260310.tif")
    scene(tmp_path / "下", "a.tif", ACQUISITION_DATE="2026-09-26")
    scene(tmp_path, "a_20260310.tif")
    scene(tmp_path, "old_20250310.tif")
    scene(tmp_path, "later_20261101.tif")
    classes = write(tmp_path / "b_20260310_SCL.tif", np.full((1, 15, 15), 4.0), dtype="uint8", scale=1.0, bands=None)
    scenes, refused = find_scenes(tmp_path, **YEAR)
    assert [one.name for one in scenes] == ["a_20260310", "b_20260310", "下/a"] and refused == ()
    assert scenes[1].image.classes == classes and scenes[1].files == (tmp_path / "b_20260310.tif", classes)
    assert scenes[0].image.classes is None and scenes[0].image.bands == BANDS


def test_a_mosaic_has_an_interval_and_must_lie_within(tmp_path: Path) -> None:
    scene(tmp_path, "m.tif", ACQUISITION_START="2026-02-01", ACQUISITION_END="2026-02-20")
    scene(tmp_path, "across.tif", ACQUISITION_START="2025-12-20", ACQUISITION_END="2026-01-10")
    scenes, _ = find_scenes(tmp_path, **YEAR)
    assert [one.dates for one in scenes] == [DateInterval(date(2026, 2, 1), date(2026, 2, 20))]


def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path: Path) -> None:
    scene(tmp_path, "good_20260310.tif")
    scene(tmp_path, "undated.tif")
    broken = scene(tmp_path, "broken_20260401.tif")
    broken.write_bytes(broken.read_bytes()[:3000])
    write(tmp_path / "flat_20260402.png", fields(30, 30)[:3], crs=None, bands=None, dtype="uint8", scale=255.0)
    scenes, refused = find_scenes(tmp_path, **YEAR)
    assert [one.name for one in scenes] == ["good_20260310"]
    assert [(one.name, one.reason[:4]) for one in refused] == [
        ("broken_20260401", "E201"), ("flat_20260402", "E201"), ("undated", "E204"),
    ]  # fmt: skip
    assert str(tmp_path) not in "".join(one.reason for one in refused)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="E105"):
        find_scenes(tmp_path / "none", **YEAR)


def test_dates_in_names() -> None:
    assert date_in_name("S2A_20261007T030541_N0511.tif") == date(2026, 10, 7)
    assert date_in_name("tile_99999999_20260228.tif") == date(2026, 2, 28)
    assert date_in_name("T50SNB_1234567890.tif") is None and date_in_name("plain.tif") is None
