"""A camera's datum is what its files say unless the evidence objects, what the evidence says, or open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.photo_datum import (
    DOUBTED,
    INFERRED,
    OPEN,
    SAID,
    PhotoDatum,
    datums_by_file,
    decided,
    infer_photo_datums,
    stated_datums,
)
from pipeline.ledger.photos import RawPhoto, link_photos, photo_places, photos_table
from pipeline.schema import PHOTOS
from pipeline.store import check_table
from tests.ledger.ground import BOUNDS, CRS, DAY, TERRITORY, X0, Y0, degrees, item, track

SPOTS = [(X0 + 400.0 + 500.0 * n, Y0 + 300.0 + 130.0 * n) for n in range(11)]


def entries(count: int) -> list[Item]:
    """Findings along a track, each with a photo of its own."""
    return [replace(item(row, place="x"), content=f"IMG_{row:04d}.jpg") for row in range(2, 2 + count)]


def shots(count: int, *, true: str, stated: str | None, camera: str = "HUAWEI P60") -> list[RawPhoto]:
    """Photos at SPOTS whose positions are stored in ``true`` and said to be in ``stated``."""
    found = []
    for number, spot in enumerate(SPOTS[:count]):
        lon, lat = degrees(*spot, true)
        name = f"ledgers/王庄镇/IMG_{number + 2:04d}.jpg"
        taken = datetime(DAY.year, DAY.month, DAY.day, 9, number)
        found.append(RawPhoto("U1", name, name, 9, taken=taken, camera=camera, lon=lon, lat=lat, datum=stated))
    return found


def words(items: list[Item], radius_m: float = 250.0) -> dict[str, Placed]:
    """The text places of the entries, 80 m off."""
    return {
        entry.entry_id: Placed(spot[0] + 80.0, spot[1], radius_m, "王庄村")
        for entry, spot in zip(items, SPOTS, strict=False)
    }


def inferred(photos: list[RawPhoto], items: list[Item], **changes: Any) -> tuple[PhotoDatum, ...]:
    options: dict[str, Any] = {
        "crs": CRS, "min_entries": 8, "min_odds": 0.95, "sight_m": 150.0, "max_days_apart": 1,
        "tracks": [track(SPOTS)], "placed": words(items), **changes,
    }  # fmt: skip
    tracks, placed = options.pop("tracks"), options.pop("placed")
    return infer_photo_datums(photos, link_photos(photos, items), tracks, placed, {"U1": TERRITORY}, **options)


@pytest.mark.parametrize("true", ["WGS84", "GCJ-02", "BD-09"])
def test_a_camera_that_names_none_is_judged_by_the_evidence(true: str) -> None:
    (found,) = inferred(shots(9, true=true, stated=None), entries(9))
    assert (found.datum, found.basis, found.stated) == (true, INFERRED, None)
    assert found.as_json()["photos"] == 9 and found.as_json()["evidence"]["datum"] == true


@pytest.mark.parametrize("true", ["WGS84", "GCJ-02"])
def test_few_photos_leave_it_open(true: str) -> None:
    (found,) = inferred(shots(7, true=true, stated=None), entries(7))
    assert (found.datum, found.basis) == (None, OPEN)


def test_photos_without_evidence_leave_it_open() -> None:
    (found,) = inferred(shots(9, true="GCJ-02", stated=None), entries(9), tracks=[], placed={})
    assert (found.datum, found.basis) == (None, OPEN)
    (used,) = inferred(
        photos := shots(9, true="GCJ-02", stated=None), entries(9), doubted=[photo.file for photo in photos[:3]]
    )
    assert used.datum is None and used.evidence is not None and used.evidence.usable == 6


def test_what_a_file_says_is_believed_unless_the_evidence_objects() -> None:
    for stated in ("GCJ-02", "TOKYO"):
        (found,) = inferred(shots(1, true="GCJ-02", stated=stated), entries(1))
        assert (found.datum, found.basis, found.evidence) == (stated, SAID, None)
    (honest,) = inferred(shots(5, true="WGS84", stated="WGS84"), entries(5))
    assert (honest.datum, honest.basis) == ("WGS84", SAID)
    (wrong,) = inferred(shots(9, true="GCJ-02", stated="WGS84"), entries(9))
    assert (wrong.datum, wrong.basis) == (None, DOUBTED)


def test_cameras_are_told_apart() -> None:
    items = entries(10)
    photos = [*shots(10, true="GCJ-02", stated=None, camera="水印相机")[:9], shots(10, true="WGS84", stated=None)[9]]
    one, other = inferred(photos, items)
    assert {one.camera: one.datum, other.camera: other.datum} == {"水印相机": "GCJ-02", "HUAWEI P60": None}
    told = datums_by_file((one, other))
    assert len(decided(photos, told)) == 9 and set(told) == {photo.file for photo in photos}


@pytest.mark.parametrize("true", ["WGS84", "GCJ-02", "BD-09"])
def test_an_open_photo_reaches_every_reading_and_words_may_choose(true: str) -> None:
    items, photos = entries(1), shots(1, true=true, stated=None)
    options: dict[str, Any] = {"crs": CRS, "bounds": BOUNDS, "max_outside_m": 3000.0, "uncertainty_m": 60.0}
    links = link_photos(photos, items)
    (wide,) = photo_places(photos, links, {}, **options).values()
    assert np.hypot(wide.x - SPOTS[0][0], wide.y - SPOTS[0][1]) <= wide.uncertainty_m
    assert wide.uncertainty_m > 400
    (chosen,) = photo_places(photos, links, {}, **options, placed=words(items)).values()
    assert np.hypot(chosen.x - SPOTS[0][0], chosen.y - SPOTS[0][1]) <= chosen.uncertainty_m < wide.uncertainty_m
    table = photos_table(photos, links, stated_datums(photos), crs=CRS)
    check_table(PHOTOS, table)
    assert table.geometry[0] is None and table.loc[0, "datum"] == "unknown" and "GCJ-02" in table.loc[0, "doubts"]
