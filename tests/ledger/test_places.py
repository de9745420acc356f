import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.ledger.places import SPELLING, Gazetteer, locate, route_shape, settlements, territories
from pipeline.schema import DELEGATIONS, LAND_USE, PLACES, RESPONSIBILITY, UNITS, conform, empty
from tests.ledger.ground import CRS, OPTIONS, TERRITORY, X0, Y0, cells, gazetteer, houses, villages

MIDDLE = (X0 + 1000, Y0 + 1000)
# radius of the circle as large as the houses' square of 200 m
HOUSES_M = (200.0 * 200.0 / 3.141592653589793) ** 0.5


@pytest.mark.parametrize(
    ("text", "east", "north"),
    [
        ("王庄村东500米路南", 500, 0),
        ("王庄村委会西侧约300米", -300, 0),
        ("王庄 北 200m", 0, 200),
        ("王庄村东南方向1公里处", 1000 / 2**0.5, -1000 / 2**0.5),
        ("位于王庄村正南２里", 0, -1000),
    ],
)
def test_direction_and_distance_from_the_houses(text: str, east: float, north: float) -> None:
    placed = locate(text, gazetteer(), TERRITORY, OPTIONS)
    assert placed is not None and placed.name == "王庄村"
    # some count from the middle and some from the last house: the centre is half a radius beyond the stated distance
    length = (east**2 + north**2) ** 0.5
    stretch = (length + HOUSES_M / 2) / length
    assert (placed.x - MIDDLE[0], placed.y - MIDDLE[1]) == pytest.approx((east * stretch, north * stretch), abs=0.1)
    assert 0.4 * length < placed.uncertainty_m < 0.6 * length + 60


def test_a_bare_village_is_as_uncertain_as_its_land() -> None:
    placed = locate("王庄村", gazetteer(), TERRITORY, OPTIONS)
    assert placed is not None
    assert (placed.x, placed.y) == pytest.approx(MIDDLE)
    assert placed.uncertainty_m == pytest.approx((2000 * 2000 / 3.141592653589793) ** 0.5)


def test_nothing_is_invented() -> None:
    for text in ("", "张庄村东500米", "路边", "王庄子村", "小王庄子"):
        assert locate(text, gazetteer(), TERRITORY, OPTIONS) is None
    assert locate("王庄村", Gazetteer(empty(PLACES, CRS), {}), TERRITORY, OPTIONS) is None


def test_one_wrong_character_is_accepted_inside_the_unit_with_more_uncertainty() -> None:
    wrong, right = (locate(text, gazetteer(), TERRITORY, OPTIONS) for text in ("百塞村东500米", "百赛村东500米"))
    assert wrong is not None and right is not None
    assert (wrong.name, wrong.rule) == ("百赛村", SPELLING)
    assert wrong.uncertainty_m == pytest.approx(1.5 * right.uncertainty_m)
    assert locate("百塞村东500米", gazetteer(), None, OPTIONS) is None
    # 孙庄村 is one character from both 王庄村 and 李庄村
    assert locate("孙庄村", gazetteer(), TERRITORY, OPTIONS) is None


def test_of_two_villages_with_one_name_the_units_own_counts() -> None:
    twice = villages()
    twice["name"] = ["王庄村", "王庄村", "百赛村"]
    both = Gazetteer(twice, {})
    west = shapely.box(X0, Y0, X0 + 2000, Y0 + 2000)
    placed = locate("王庄村", both, west, OPTIONS)
    assert placed is not None and placed.x == pytest.approx(X0 + 1000)
    assert locate("王庄村", both, TERRITORY, OPTIONS) is None


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
