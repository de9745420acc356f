"""Photos beside a ledger, through the whole stage."""

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.schema import ENTRIES, ODDITIES, PHOTOS, REJECTED
from pipeline.store import digest_tree, read_table
from tests.ledger.ground import X0, Y0, degrees
from tests.ledger.rules import TEN
from tests.sources.test_photos import saved, scene
from tests.stages.test_ledger import UNITS, run, workbook, write_layers, write_units

SPOT = (X0 + 700.0, Y0 + 1300.0)


def found(day: str, place: str, remark: str) -> tuple[str, ...]:
    return (day, "张三", "王庄村", "违法占地", f"某{day}", place, "推填土", "", "", "", remark)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("照片 测试") / "城"
    write_layers(root / "layers")
    write_units(root / "units")
    folder = root / "ledgers" / UNITS[0]
    (folder / "照片").mkdir(parents=True)
    rows = [
        found("20260903", "王庄村", "照片IMG_0001.jpg"),
        found("20260905", "王庄村", "照片IMG_0002.jpg"),
        found("20260907", "王庄村", "照片IMG_0003.jpg"),
    ]
    (folder / "台账.xlsx").write_bytes(workbook((*TEN, "备注"), *rows))
    at = degrees(*SPOT)
    first = saved(scene(1), at=at, taken="2026:09:03 09:12:33", camera=("H", "M"), gps={18: "WGS-84"})
    (folder / "照片" / "IMG_0001.jpg").write_bytes(first)
    (folder / "照片" / "IMG_0002.jpg").write_bytes(saved(scene(2), at=at, taken="2026:09:05 10:00:00"))
    (folder / "照片" / "IMG_0003.jpg").write_bytes(
        saved(scene(2).resize((320, 240)), at=at, taken="2026:09:07 10:00:00")
    )
    (folder / "台账第一页.png").write_bytes(saved(scene(9), kind="PNG"))
    return root


def test_photos_place_entries_and_doubted_ones_do_not(city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "ledger", as_of=date(2026, 10, 31))
    entries = read_table(tmp_path / "ledger" / "entries.parquet", ENTRIES).set_index("row")
    assert entries["position_source"].to_dict() == {2: "photo", 3: "place", 4: "place"}
    assert (entries.loc[2].geometry.x, entries.loc[2].geometry.y) == pytest.approx(SPOT, abs=0.1)
    photos = read_table(tmp_path / "ledger" / "photos.parquet", PHOTOS)
    assert sorted(name.rsplit("/", 1)[1] for name in photos["file"]) == [
        "IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.jpg", "台账第一页.png",
    ]  # fmt: skip
    assert set(photos["entry_ids"].dropna()) == set(entries["entry_id"])
    odd = read_table(tmp_path / "ledger" / "oddities.parquet", ODDITIES)
    assert sorted(odd[odd["kind"] == "photo_same_picture"]["row"]) == [3, 4]
    rejected = read_table(tmp_path / "ledger" / "rejected.parquet", REJECTED)
    assert rejected[rejected["code"] == "E515"]["file"].str.endswith("台账第一页.png").tolist() == [True]
    assert not rejected["file"].str.endswith(".jpg").any()
    assert pd.isna(photos.set_index("file").filter(like="第一页", axis=0)["camera"].iloc[0])


def test_a_photo_that_names_no_datum_stays_open(city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "ledger", as_of=date(2026, 10, 31))
    told = json.loads((tmp_path / "ledger" / "datum.json").read_text(encoding="utf-8"))["photos"]
    assert {(camera["camera"], camera["stated"], camera["datum"]) for camera in told} == {
        ("H M", "WGS84", "WGS84"), ("", None, None),
    }  # fmt: skip
    photos = read_table(tmp_path / "ledger" / "photos.parquet", PHOTOS)
    open_ones = photos[photos["datum"] == "unknown"]
    assert len(open_ones) == 2 and open_ones.geometry.isna().all()


def test_the_same_files_give_the_same_bytes(city: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(city, tmp_path / name)
    assert digest_tree(tmp_path / "one") == digest_tree(tmp_path / "two")
