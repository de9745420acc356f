import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.ledger.places import route_shape, settlements, territories
from pipeline.schema import DELEGATIONS, LAND_USE, RESPONSIBILITY, UNITS, conform, empty
from tests.ledger.ground import CRS, TERRITORY, X0, Y0, cells, gazetteer, houses, villages


def test_houses_come_from_residential_parcels_only() -> None:
    parts = [
        houses(0),
        shapely.box(X0 + 100, Y0 + 100, X0 + 150, Y0 + 150),
        shapely.box(X0 + 3000, Y0, X0 + 3500, Y0 + 500),
    ]
    land = conform(
        LAND_USE,
        gpd.GeoDataFrame(
            {"parcel_id": ["a", "b", "c"], "class_code": ["0702", "0702", "0103"]}, geometry=parts, crs=CRS
        ),
    )
    found = settlements(villages(), land, codes=("07", "203"))
    assert set(found) == {"1"}
    assert found["1"].equals(houses(0))
    assert settlements(villages(), empty(LAND_USE, CRS), codes=("07",)) == {}


def test_routes_cover_the_land_between_their_villages_or_nothing() -> None:
    shape = route_shape("王庄镇—王庄村—李庄村", gazetteer(), TERRITORY, "王庄镇")
    assert shape.equals(shapely.box(X0, Y0, X0 + 4000, Y0 + 2000))
    assert route_shape("全镇", gazetteer(), TERRITORY, "王庄镇") is TERRITORY
    assert route_shape("王庄镇", gazetteer(), TERRITORY, "王庄镇") is TERRITORY
    for text in ("王庄村、某某厂", "", "沿河"):
        assert route_shape(text, gazetteer(), TERRITORY, "王庄镇") is None


def test_a_hamlet_stands_for_its_village_in_a_route() -> None:
    named = gpd.GeoDataFrame(
        {"named_id": ["h"], "name": ["小李湾"], "kind": ["hamlet"]},
        geometry=[shapely.Point(X0 + 3300, Y0 + 1700)],
        crs=CRS,
    )
    shape = route_shape("王庄村—小李湾", gazetteer(named=named), TERRITORY, "王庄镇")
    assert shape.equals(shapely.box(X0, Y0, X0 + 4000, Y0 + 2000))


def test_territory_is_polygon_cells_and_what_was_delegated() -> None:
    polygon = shapely.box(X0, Y0, X0 + 1000, Y0 + 1000)
    units = conform(
        UNITS,
        gpd.GeoDataFrame(
            {
                "unit_id": ["U1", "U2", "CT"],
                "name": ["甲", "乙", "市"],
                "kind": ["township"] * 3,
                "precedence": [1, 1, 1],
                "workload_per_month": [9, 9, 9],
            },
            geometry=[polygon, None, None],
            crs=CRS,
        ),
    )
    answers = conform(
        RESPONSIBILITY,
        pd.DataFrame(
            {
                "cell_id": ["10", "20"],
                "unit_id": ["U1", "U2"],
                "person_id": ["P1", "P2"],
                "valid_from": ["2026-01-01"] * 2,
            }
        ),
    )
    handed = conform(
        DELEGATIONS, pd.DataFrame({"unit_id": ["U2"], "delegate_unit_id": ["CT"], "valid_from": ["2026-01-01"]})
    )
    ground = territories(units, cells(), answers, handed)
    assert ground["U1"].area == pytest.approx(2e6)
    assert ground["CT"].equals(ground["U2"]) and ground["U2"].area == pytest.approx(1e6)
