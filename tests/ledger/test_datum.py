from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import shapely

from pipeline.geodesy import DATUMS
from pipeline.ledger.datum import DatumEvidence, device_of, infer_datum
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from tests.ledger.ground import CRS, DAY, TERRITORY, X0, Y0, item, track

# a road that winds: along a straight one the shift between two datums could not be seen
BENDS = [(0, 1000), (1500, 1000), (1500, 300), (2700, 300), (2700, 1700), (4300, 1700), (4300, 900), (6000, 900)]
WAY = [(X0 + x, Y0 + y) for x, y in BENDS]


def infer(
    items: list[Item],
    *,
    with_tracks: bool = True,
    placed: dict[str, Placed] | None = None,
    way: list[tuple[float, float]] | None = None,
    photographed: dict[str, Placed] | None = None,
) -> DatumEvidence:
    tracks = [track(WAY if way is None else way)] if with_tracks else []
    return infer_datum(
        "U1",
        items,
        tracks,
        placed or {},
        TERRITORY,
        crs=CRS,
        min_entries=8,
        min_odds=0.95,
        sight_m=150.0,
        max_days_apart=1,
        photographed=photographed,
    )


def found_along_the_way(count: int, datum: str, seed: int = 1, people: str = "张三", first: int = 2) -> list[Item]:
    """Findings up to 100 m from the way, stated with phone noise of 10 m."""
    rng = np.random.default_rng(seed)
    line = shapely.LineString(WAY)
    spots = shapely.line_interpolate_point(line, rng.uniform(600, line.length - 600, count))
    aside = rng.uniform(-70, 70, (count, 2)) + rng.normal(0, 10, (count, 2))
    return [
        item(n + first, at=(spot.x + dx, spot.y + dy), datum=datum, people=people)
        for n, (spot, (dx, dy)) in enumerate(zip(spots, aside, strict=True))
    ]


@pytest.mark.parametrize("datum", DATUMS)
@pytest.mark.parametrize("seed", range(5))
def test_eight_findings_beside_a_track_tell_the_datum(datum: str, seed: int) -> None:
    found = infer(found_along_the_way(8, datum, seed))
    assert (found.datum, found.usable) == (datum, 8)
    assert sum(found.odds.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("datum", DATUMS)
def test_seven_cannot_tell(datum: str) -> None:
    found = infer(found_along_the_way(7, datum))
    assert found.datum is None and found.usable == 7
    assert "7" in found.reason


def test_nothing_to_go_by_leaves_equal_odds() -> None:
    found = infer([])
    assert found.datum is None
    assert list(found.odds.values()) == pytest.approx([1 / 3] * 3)
    assert found.as_json()["median_track_distance_m"] == {"WGS84": None, "GCJ-02": None, "BD-09": None}


def test_entries_without_track_or_place_are_not_usable() -> None:
    items = found_along_the_way(12, "GCJ-02")
    assert infer(items, with_tracks=False).usable == 0
    old = [item(n, at=(X0 + 500 * n, Y0 + 1000), day=DAY - timedelta(days=2)) for n in range(2, 12)]
    assert infer(old).usable == 0


def test_a_spot_stated_ten_times_counts_once() -> None:
    same = [item(n, at=(X0 + 3000, Y0 + 1000)) for n in range(2, 12)]
    assert infer(same).usable == 1


def test_text_places_serve_where_tracks_are_missing() -> None:
    near = [item(n, at=(X0 + 3000 + 10 * n, Y0 + 1000), datum="GCJ-02") for n in range(2, 12)]
    placed = {entry.entry_id: Placed(X0 + 3000, Y0 + 1000, 200.0, "王庄村") for entry in near}
    assert infer(near, with_tracks=False, placed=placed).datum == "GCJ-02"


def test_a_few_strays_do_not_overturn_it() -> None:
    strays = [item(50 + n, at=(X0 + 3000 * n + 900, Y0 + 1900), datum="GCJ-02") for n in range(2)]
    assert infer(found_along_the_way(10, "GCJ-02") + strays).datum == "GCJ-02"


@pytest.mark.parametrize("datum", DATUMS)
@pytest.mark.parametrize("seed", range(8))
def test_a_second_road_where_another_datum_would_put_it_never_gives_a_wrong_answer(datum: str, seed: int) -> None:
    # the same bends once more where BD-09 coordinates read as GCJ-02 would lie
    way = [*WAY, (X0 + 6000, Y0 + 240), *((x - 600.0, y - 660.0) for x, y in reversed(WAY))]
    assert infer(found_along_the_way(10, datum, seed), way=way).datum in (datum, None)


def test_a_straight_road_cannot_tell() -> None:
    items = [item(n, at=(X0 + 500 * n, Y0 + 1000), datum="WGS84") for n in range(1, 11)]
    found = infer(items, way=[(X0, Y0 + 900), (X0 + 6000, Y0 + 900)])
    assert found.datum in ("WGS84", None)


def by(items: list[Item], people: str) -> Item:
    return next(entry for entry in items if entry.texts["people"] == people)


@pytest.mark.parametrize("seed", range(4))
def test_two_devices_of_one_unit_are_told_apart(seed: int) -> None:
    mine = found_along_the_way(10, "GCJ-02", seed, "张三")
    theirs = found_along_the_way(10, "WGS84", seed + 50, "李四", first=30)
    few = found_along_the_way(3, "WGS84", seed + 90, "王五", first=60)
    found = infer([*mine, *theirs, *few])
    assert found.datum is None
    assert [found.datum_of(by([*mine, *theirs, *few], name)) for name in ("张三", "李四", "王五")] == [
        "GCJ-02", "WGS84", None,
    ]  # fmt: skip
    assert set(found.as_json()["devices"]) == {"张三", "李四", "王五"}


def test_a_device_with_few_entries_takes_its_units_datum_unless_they_speak_against_it() -> None:
    many = found_along_the_way(12, "GCJ-02", 3, "张三")
    agreeing = found_along_the_way(4, "GCJ-02", 4, "李四", first=30)
    objecting = found_along_the_way(6, "BD-09", 5, "王五", first=60)
    found = infer([*many, *agreeing, *objecting])
    assert found.datum_of(agreeing[0]) == "GCJ-02"
    assert found.datum_of(objecting[0]) in (None, "BD-09")


@pytest.mark.parametrize("seed", range(4))
def test_entries_of_two_datums_under_one_name_cannot_be_told(seed: int) -> None:
    mixed = [*found_along_the_way(12, "WGS84", seed), *found_along_the_way(12, "BD-09", seed + 20, first=40)]
    found = infer(mixed)
    assert found.datum is None and "混用" in found.reason


def test_a_device_named_in_the_row_counts_before_the_people() -> None:
    entry = item(2, at=(X0 + 1000, Y0 + 1000), people="李四、张三")
    named = replace(entry, texts={**entry.texts, "remark": "采集设备：巡查仪07；其他"})
    assert device_of(named) == "巡查仪07"
    assert device_of(entry) == device_of(item(3, people="张三 李四")) == "张三、李四"


def test_positions_stored_in_photos_serve_where_tracks_are_missing() -> None:
    spots = [(X0 + 600.0 * n, Y0 + 300.0 + 90 * n) for n in range(1, 10)]
    items = [item(n + 2, at=spot, datum="BD-09") for n, spot in enumerate(spots)]
    photos = {
        entry.entry_id: Placed(spot[0] + 20, spot[1] - 15, 60.0, "a.jpg")
        for entry, spot in zip(items, spots, strict=True)
    }
    found = infer(items, with_tracks=False, photographed=photos)
    assert (found.datum, found.usable) == ("BD-09", 9)
