from dataclasses import replace

import geopandas as gpd
import pytest

from pipeline.ledger.coordinates import Coordinate
from pipeline.ledger.positions import DISAGREE, Located, entries_table, place_items
from pipeline.ledger.rows import Item
from pipeline.schema import ENTRIES
from pipeline.store import check_table
from tests.ledger.ground import BOUNDS, CRS, OPTIONS, TERRITORY, X0, Y0, gazetteer, item

SPOT = (X0 + 1400.0, Y0 + 1050.0)


def table(*items: Item, datum: str | None = None) -> Located:
    placed = place_items(items, gazetteer(), {"U1": TERRITORY}, OPTIONS)
    located = entries_table(
        items, {"U1": datum}, placed, crs=CRS, bounds=BOUNDS, gps_uncertainty_m=30.0, max_outside_m=5000.0
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
    assert 500 < row["uncertainty_m"] < 2500


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


def test_empty() -> None:
    located = table()
    assert located.entries.empty and list(located.entries.columns) == [*ENTRIES.names, "geometry"]
