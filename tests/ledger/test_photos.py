from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.items import Item
from pipeline.ledger.photo_datum import stated_datums
from pipeline.ledger.photos import (
    BY_NAME,
    BY_ROW,
    BY_TARGET,
    OTHER_DAY,
    SAME_FILE,
    SAME_PICTURE,
    RawPhoto,
    link_photos,
    photo_oddities,
    photo_places,
    photo_rejections,
    photos_table,
)
from pipeline.schema import PHOTOS
from pipeline.store import check_table
from tests.ledger.ground import BOUNDS, CRS, X0, Y0, degrees, item

LOOK = int("5a" * 32, 16)
TARGET = "419981XC20261001"


def photo(name: str, *, unit: str = "U1", folder: str = "ledgers/王庄镇", **told: Any) -> RawPhoto:
    """A photo of a known place in the ground drawn by hand when ``at`` is given."""
    at = told.pop("at", None)
    lon, lat = degrees(*at, told.get("datum", "WGS84")) if at else (None, None)
    told = {"sha256": sha256(name.encode()).hexdigest(), "camera": "相机", "datum": "WGS84", **told}
    return RawPhoto(unit, f"{folder}/{name}", size_bytes=9, lon=lon, lat=lat, **told)


def said(row: int, content: str, **told: Any) -> Item:
    """An item whose row says ``content`` in its remark."""
    entry = item(row, **told)
    return replace(entry, content=content, texts={**entry.texts, "remark": content})


def linked(name: str, *items: Item, **told: Any) -> tuple[list[int], str | None]:
    picture = photo(name, **told)
    found = link_photos([picture], items).get(picture.file)
    return ([entry.row for entry in found.items], found.by) if found else ([], None)


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("IMG_2031.jpg", "照片见IMG_2031.jpg", [2]),
        ("IMG_2031.jpg", "现场照片：img_2031、img_2032", [2]),
        ("IMG_2031.jpg", "IMG_20311", []),
        ("IMG_203.jpg", "IMG_2031.jpg", []),
        ("20261003.jpg", "巡查日期20261003", []),
        ("20261003.jpg", "附20261003.jpg", [2]),
        ("1.jpg", "占地1.5亩", []),
        ("1.jpg", "照片1.jpg", [2]),
        ("东头厂房.png", "见东头厂房", [2]),
    ],
)
def test_by_a_name_the_row_mentions(name: str, content: str, rows: list[int]) -> None:
    assert linked(name, said(2, content), said(3, "无照片")) == (rows, BY_NAME if rows else None)


def test_of_several_findings_in_a_row_the_one_that_names_it() -> None:
    both = [replace(said(2, "a"), item=n, content="IMG_2031 IMG_2032", texts={"place": f"IMG_203{n}"}) for n in (1, 2)]
    (link,) = link_photos([photo("IMG_2032.jpg")], both).values()
    assert [entry.item for entry in link.items] == [2]


def test_by_target_id_the_entry_of_the_nearest_day() -> None:
    near = replace(item(2, day=date(2026, 10, 3)), target_id=TARGET)
    late = replace(item(3, day=date(2026, 10, 20)), target_id=TARGET)
    assert linked(f"{TARGET}_1.jpg", near, late, taken=datetime(2026, 10, 4, 8)) == ([2], BY_TARGET)
    assert linked(f"{TARGET}_1.jpg", near, late) == ([2, 3], BY_TARGET)
    assert linked("x.jpg", near, late, folder=f"ledgers/王庄镇/{TARGET}") == ([2, 3], BY_TARGET)


@pytest.mark.parametrize("name", ["第3行.jpg", "照片-3行.jpg", "row3.jpg", "ROW_3 东.jpg"])
def test_by_row_number_where_one_sheet_is_meant(name: str) -> None:
    assert linked(name, item(2), item(3)) == ([3], BY_ROW)
    other = replace(item(3), file="ledgers/王庄镇/b.xlsx")
    assert linked(name, item(3), other) == ([], None)
    assert linked(name, item(3), other, folder="ledgers/王庄镇/b照片") == ([3], BY_ROW)


def test_another_units_rows_are_never_meant() -> None:
    assert linked("IMG_2031.jpg", said(2, "IMG_2031", unit="U2")) == ([], None)


def places(photos: list[RawPhoto], *items: Item) -> dict[str, Any]:
    return photo_places(
        photos,
        link_photos(photos, items),
        stated_datums(photos),
        crs=CRS,
        bounds=BOUNDS,
        max_outside_m=500.0,
        uncertainty_m=60.0,
    )


def test_the_position_is_the_photos_with_its_uncertainty() -> None:
    entry = said(2, "IMG_0001 IMG_0002 IMG_0003")
    for datum in ("WGS84", "GCJ-02"):
        found = places([photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900), datum=datum)], entry)[entry.entry_id]
        assert (found.x, found.y) == pytest.approx((X0 + 700, Y0 + 900), abs=0.05)
        assert (found.uncertainty_m, found.kind) == (pytest.approx(60.0, abs=0.01), "photo")
    two = [photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900)), photo("IMG_0002.jpg", at=(X0 + 900, Y0 + 900), error_m=90.0)]
    found = places(two, entry)[entry.entry_id]
    assert (found.x, found.uncertainty_m) == (pytest.approx(X0 + 800, abs=0.1), pytest.approx(190.0, abs=0.1))
    assert places([photo("IMG_0003.jpg", at=(X0 + 700, Y0 + 900), datum="WGS84"), photo("x.jpg")], said(2, "无")) == {}


def test_positions_outside_the_city_or_in_an_unknown_datum_are_not_used() -> None:
    entry = said(2, "IMG_0001")
    assert places([photo("IMG_0001.jpg", at=(X0 + 90_000, Y0))], entry) == {}
    strange = replace(photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900)), datum="TOKYO")
    assert places([strange], entry) == {}
    table = photos_table([strange], link_photos([strange], [entry]), stated_datums([strange]), crs=CRS)
    assert "TOKYO" in table.loc[0, "doubts"] and table.geometry[0] is None


def test_a_doubted_photo_gives_no_position() -> None:
    picture, entry = photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900)), said(2, "IMG_0001")
    links = link_photos([picture], [entry])
    options: dict[str, Any] = {"crs": CRS, "bounds": BOUNDS, "max_outside_m": 500.0, "uncertainty_m": 60.0}
    assert set(photo_places([picture], links, stated_datums([picture]), **options)) == {entry.entry_id}
    assert photo_places([picture], links, stated_datums([picture]), **options, doubted={picture.file}) == {}


def test_one_photo_of_two_findings_in_a_row_says_less() -> None:
    both = [replace(said(2, "IMG_0001"), item=n) for n in (1, 2)]
    found = places([photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900))], *both)
    assert [place.uncertainty_m for place in found.values()] == [pytest.approx(500.0), pytest.approx(500.0)]


def oddities(photos: list[RawPhoto], *items: Item, days: int = 3) -> list[tuple[Any, ...]]:
    rows = photo_oddities(photos, link_photos(photos, items), max_days_apart=days)
    return [(row["unit_id"], row["row"], row["kind"]) for row in rows]


def test_a_picture_under_two_entries_or_units_is_a_reason_to_look() -> None:
    one, two, other = said(2, "IMG_0001"), said(3, "IMG_0002"), said(2, "IMG_0009", unit="U2")
    first = photo("IMG_0001.jpg", look=LOOK)
    same = replace(photo("IMG_0002.jpg"), sha256=first.sha256)
    smaller = photo("IMG_0002.jpg", look=LOOK ^ 0b1011)
    different = photo("IMG_0002.jpg", look=LOOK ^ ((1 << 30) - 1))
    foreign = photo("IMG_0009.jpg", unit="U2", folder="ledgers/李庄镇", look=LOOK)
    assert oddities([first, same], one, two) == [("U1", 2, SAME_FILE), ("U1", 3, SAME_FILE)]
    assert oddities([first, smaller], one, two) == [("U1", 2, SAME_PICTURE), ("U1", 3, SAME_PICTURE)]
    assert oddities([first, foreign], one, other) == [("U1", 2, SAME_PICTURE), ("U2", 2, SAME_PICTURE)]
    assert oddities([first, foreign]) == [("U1", None, SAME_PICTURE), ("U2", None, SAME_PICTURE)]
    assert oddities([first, different], one, two) == []
    # both sizes under one entry, or a copy that no entry names
    assert oddities([first, smaller], said(2, "IMG_0001、IMG_0002")) == []
    assert oddities([first, smaller], one) == []
    # pictures without contrast look like nothing, not like each other
    assert oddities([photo("IMG_0001.jpg"), photo("IMG_0002.jpg")], one, two) == []


def test_a_file_that_two_rows_name() -> None:
    assert oddities([photo("IMG_0001.jpg")], said(2, "IMG_0001"), said(5, "IMG_0001")) == [
        ("U1", 2, SAME_FILE), ("U1", 5, SAME_FILE),
    ]  # fmt: skip


@pytest.mark.parametrize(("day", "odd"), [(3, False), (6, False), (7, True), (1, False)])
def test_a_photo_of_another_day(day: int, odd: bool) -> None:
    taken = photo("IMG_0001.jpg", taken=datetime(2026, 10, day, 23, 59))
    found = oddities([taken], said(2, "IMG_0001", day=date(2026, 10, 3)))
    assert found == ([("U1", 2, OTHER_DAY)] if odd else [])


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(6)))
def test_the_order_of_files_and_rows_never_matters(order: list[int]) -> None:
    photos = [
        photo(f"IMG_000{n}.jpg", sha256=f"{n:064x}", look=LOOK, at=(X0 + 100 * n + 50, Y0 + 500)) for n in range(6)
    ]
    items = [said(n + 2, f"IMG_000{n}") for n in range(6)]
    mixed, rows = [photos[n] for n in order], [items[n] for n in reversed(order)]
    assert photo_oddities(mixed, link_photos(mixed, rows), max_days_apart=3) == photo_oddities(
        photos, link_photos(photos, items), max_days_apart=3
    )
    assert photos_table(mixed, link_photos(mixed, rows), stated_datums(mixed), crs=CRS).equals(
        photos_table(photos, link_photos(photos, items), stated_datums(photos), crs=CRS)
    )


def test_the_table_keeps_every_picture() -> None:
    entry = said(2, "IMG_0001")
    shown = photo("IMG_0001.jpg", at=(X0 + 700, Y0 + 900), taken=datetime(2026, 9, 3, 9, 12, 33), look=LOOK, width=4)
    heic = photo("b.heic", camera=None, problem="HEIC照片只登记不读取")
    scan = photo("台账第一页.png", camera=None)
    page = photo("IMG_0077.jpg", at=(X0 + 700, Y0 + 900), taken=datetime(2026, 9, 3, 17, 0, 0))
    links = link_photos([shown, heic, scan, page], [entry])
    table = photos_table([shown, heic, scan, page], links, stated_datums([shown, heic, scan, page]), crs=CRS)
    check_table(PHOTOS, table)
    row = table[table["file"].str.endswith("IMG_0001.jpg")].iloc[0]
    assert (row["entry_ids"], row["linked_by"], row["taken_at"]) == (entry.entry_id, BY_NAME, "09:12:33")
    assert row["doubts"] is None or row["doubts"] != row["doubts"]
    assert len(table) == 4
    # a page photographed with a phone carries camera, time and place like any photo
    refused = photo_rejections([shown, heic, scan, page], links)
    assert [(r["file"].rsplit("/", 1)[1], r["code"]) for r in refused] == [
        ("b.heic", "E515"),
        ("台账第一页.png", "E515"),
        ("IMG_0077.jpg", "E515"),
    ]
    assert photos_table([], {}, {}, crs=CRS).empty
