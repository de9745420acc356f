from dataclasses import replace

import geopandas as gpd
import pyproj
import pytest
import shapely

from pipeline.ledger.coordinates import Coordinate, zone_to_degrees
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.positions import (
    DISAGREE,
    PHOTO_POSITION,
    ZONE_BY_PLACE,
    Located,
    entries_table,
    place_items,
)
from pipeline.schema import ENTRIES
from pipeline.store import check_table
from tests.ledger.ground import BOUNDS, CRS, OPTIONS, TERRITORY, X0, Y0, gazetteer, item

SPOT = (X0 + 1400.0, Y0 + 1050.0)


def table(*items: Item, datum: str | None = None, photographed: dict[str, Placed] | None = None) -> Located:
    placed = place_items(items, gazetteer(), {"U1": TERRITORY}, OPTIONS)
    located = entries_table(
        items,
        {entry.entry_id: datum for entry in items},
        placed,
        crs=CRS,
        bounds=BOUNDS,
        gps_uncertainty_m=30.0,
        max_outside_m=5000.0,
        photographed=photographed,
    )
    check_table(ENTRIES, located.entries)
    return located


def test_a_known_datum_gives_a_point() -> None:
    for datum in ("WGS84", "GCJ-02", "BD-09"):
        row = table(item(2, at=SPOT, datum=datum), datum=datum).entries.iloc[0]
        assert (row.geometry.x, row.geometry.y) == pytest.approx(SPOT, abs=0.02)
        assert (row["datum"], row["position_source"], row["uncertainty_m"]) == (datum, "coordinates", 30.0)


@pytest.mark.parametrize("datum", ["WGS84", "GCJ-02", "BD-09"])
def test_an_unknown_datum_reaches_every_reading(datum: str) -> None:
    row = table(item(2, at=SPOT, datum=datum)).entries.iloc[0]
    assert row["datum"] == "unknown"
    assert row.geometry.distance(gpd.points_from_xy([SPOT[0]], [SPOT[1]])[0]) <= row["uncertainty_m"]
    # half the way between the farthest readings, and the phone's own error
    assert 300 < row["uncertainty_m"] < 1000


def test_the_text_place_leaves_only_the_readings_it_allows() -> None:
    # BD-09 lies about 900 m from WGS84 here: the words allow only readings near the truth
    entry = item(2, at=SPOT, datum="WGS84", place="王庄村东300米")
    row = table(entry).entries.iloc[0]
    assert row.geometry.distance(shapely.Point(SPOT)) <= row["uncertainty_m"]
    assert row["uncertainty_m"] < table(item(2, at=SPOT, datum="WGS84")).entries.iloc[0]["uncertainty_m"]


def test_a_photo_serves_where_there_is_nothing_better() -> None:
    photo = Placed(X0 + 3210.0, Y0 + 700.0, 60.0, "a.jpg", kind="photo")
    bare, vague, exact, far = item(2), item(3, place="李庄村"), item(4, at=SPOT), item(5, at=SPOT)
    near = Placed(SPOT[0] + 20, SPOT[1], 60.0, "b.jpg", kind="photo")
    found = table(
        *(bare, vague, exact, far),
        datum="WGS84",
        photographed={bare.entry_id: photo, vague.entry_id: photo, exact.entry_id: near, far.entry_id: photo},
    )
    rows = found.entries.set_index("row")
    assert rows["position_source"].to_dict() == {2: "photo", 3: "photo", 4: "coordinates", 5: "coordinates"}
    assert rows.loc[2].geometry.equals(shapely.Point(X0 + 3210, Y0 + 700))
    # coordinates that their own photo contradicts are not believed to the metre
    assert rows.loc[4, "uncertainty_m"] == 30.0
    assert rows.loc[5, "uncertainty_m"] > 1800.0
    assert {(r["row"], r["rule"]) for r in found.repairs} == {(2, PHOTO_POSITION), (3, PHOTO_POSITION), (5, DISAGREE)}


def test_a_photo_tells_which_reading_is_right() -> None:
    entry = item(2, at=SPOT, datum="GCJ-02")
    photo = Placed(SPOT[0] + 30, SPOT[1] + 10, 150.0, "a.jpg", kind="photo")
    row = table(entry, photographed={entry.entry_id: photo}).entries.iloc[0]
    assert (row.geometry.x, row.geometry.y) == pytest.approx(SPOT, abs=0.02)
    assert (row["uncertainty_m"], row["position_source"]) == (100.0, "coordinates")


def test_the_text_place_picks_the_only_reading_that_fits() -> None:
    row = table(item(2, at=SPOT, datum="GCJ-02", place="王庄村东350米")).entries.iloc[0]
    assert (row.geometry.x, row.geometry.y) == pytest.approx(SPOT, abs=0.02)
    assert (row["position_source"], row["uncertainty_m"], row["datum"]) == ("coordinates", 100.0, "unknown")


def test_text_place_alone_and_nowhere() -> None:
    placed, nowhere, effort = table(
        item(2, place="王庄村东500米"), item(3, place="某处"), item(4, place="王庄村", finding=False)
    ).entries.itertuples()
    assert placed.position_source == "place" and placed.geometry.x > X0 + 1500
    assert nowhere.position_source == "none" and nowhere.geometry is None
    assert effort.position_source == "none"


def test_coordinates_outside_the_city_are_rejected_and_the_place_is_used() -> None:
    located = table(item(2, at=(X0 + 50_000, Y0), place="王庄村东500米"), datum="WGS84")
    assert located.entries["position_source"].tolist() == ["place"]
    assert located.rejected[0]["code"] == "E505" and located.rejected[0]["field"] == "coordinates"


def test_a_contradicting_place_widens_the_uncertainty_to_itself() -> None:
    located = table(item(2, at=(X0 + 5500, Y0 + 1000), place="王庄村东100米"), datum="WGS84")
    row = located.entries.iloc[0]
    assert row.geometry.x == pytest.approx(X0 + 5500, abs=0.02)
    assert row["uncertainty_m"] > 4000
    assert [repair["rule"] for repair in located.repairs] == [DISAGREE]


def test_zone_metres_need_no_datum() -> None:
    bare = replace(item(2), coordinate=Coordinate("zone", SPOT[0], SPOT[1], 0.5))
    numbered = replace(item(3), coordinate=Coordinate("zone", 38e6 + SPOT[0], SPOT[1], 0.5, 114.0))
    located = table(bare, numbered)
    for row in located.entries.itertuples():
        assert (row.geometry.x, row.geometry.y) == pytest.approx(SPOT, abs=0.02)
        assert row.datum == "CGCS2000"
    assert [repair["row"] for repair in located.repairs] == [2]


@pytest.mark.parametrize("meridian", [111.0, 117.0])
def test_zone_metres_of_a_neighbouring_zone_are_read_where_they_fall_into_the_city(meridian: float) -> None:
    lon, lat = zone_to_degrees(*SPOT, 114.0)
    projection = pyproj.Proj(f"+proj=tmerc +lat_0=0 +lon_0={meridian} +k=1 +x_0=500000 +ellps=GRS80")
    stated = Coordinate("zone", *projection(lon, lat), 0.5)
    located = table(replace(item(2), coordinate=stated))
    row = located.entries.iloc[0]
    assert (row.geometry.x, row.geometry.y) == pytest.approx(SPOT, abs=0.05)
    assert [(repair["after"], repair["rule"]) for repair in located.repairs] == [(f"{meridian:g}", ZONE_BY_PLACE)]


def test_empty() -> None:
    located = table()
    assert located.entries.empty and list(located.entries.columns) == [*ENTRIES.names, "geometry"]


def test_a_place_that_cannot_be_read_goes_back_with_its_reason_unless_the_entry_has_a_position() -> None:
    found = table(item(2, place="某处荒地"), item(3, place="某处荒地", at=SPOT), datum="WGS84")
    assert found.entries["position_source"].tolist() == ["none", "coordinates"]
    (row,) = found.rejected
    assert (row["row"], row["field"], row["content"], row["code"]) == (2, "place", "某处荒地", "E505")
    assert "不能定位" in row["reason"]


def test_words_that_seem_more_precise_but_lie_elsewhere_are_not_believed_alone() -> None:
    # the datum is open, so the coordinates reach 500 m; the words name the other side of the village
    far = (X0 + 2900.0, Y0 + 1050.0)
    row = table(item(2, at=far, place="王庄村西100米")).entries.iloc[0]
    assert row["position_source"] == "coordinates"
    assert row.geometry.distance(shapely.Point(far)) <= row["uncertainty_m"]
    assert row.geometry.distance(shapely.Point(X0 + 800.0, Y0 + 1000.0)) <= row["uncertainty_m"]
