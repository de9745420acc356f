"""Text places against a ground drawn by hand: each area must hold the spot the words mean, and stay small."""

from dataclasses import replace

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.locate import (
    NO_PLACE,
    ONE_OF_TWO,
    ONE_ROAD,
    OTHER_UNIT,
    ROAD_ALONE,
    WRONG_WAY,
    Placed,
    Unplaced,
    locate,
)
from pipeline.ledger.placenames import HOMOPHONE, SPELLING
from pipeline.ledger.places import SAME_NAME, Gazetteer
from pipeline.rulebook import place_words
from pipeline.schema import NAMED_GROUND, PLACES, conform, empty
from tests.ledger.ground import CRS, DAY, OPTIONS, TERRITORY, X0, Y0, gazetteer, villages


def named() -> gpd.GeoDataFrame:
    """富民路 runs east at 600 m, 迎宾大道 north at 1500 m; a hamlet in 李庄村 and a school in 王庄村."""
    shapes = [
        shapely.LineString([(X0, Y0 + 600), (X0 + 6000, Y0 + 600)]),
        shapely.LineString([(X0 + 1500, Y0), (X0 + 1500, Y0 + 2000)]),
        shapely.Point(X0 + 3300, Y0 + 1700),
        shapely.Point(X0 + 900, Y0 + 1000),
    ]
    frame = gpd.GeoDataFrame(
        {
            "named_id": ["r1", "r2", "h1", "l1"],
            "name": ["富民路", "迎宾大道", "小李湾", "向阳小学"],
            "kind": ["road", "road", "hamlet", "landmark"],
        },
        geometry=shapes,
        crs=CRS,
    )
    return conform(NAMED_GROUND, frame)


def read(text: str, **options: float) -> Placed | Unplaced:
    return locate(text, gazetteer(named=named()), TERRITORY, replace(OPTIONS, **options))


def where(text: str, **options: float) -> Placed | None:
    found = read(text, **options)
    return found if isinstance(found, Placed) else None


def holds(placed: Placed, east: float, north: float) -> bool:
    return (placed.x - X0 - east) ** 2 + (placed.y - Y0 - north) ** 2 <= placed.uncertainty_m**2


# houses of 王庄村 reach from 900 to 1100 both ways: the spot from the middle, and from the last house
@pytest.mark.parametrize(
    ("text", "spots", "at_most_m"),
    [
        ("王庄村东500米路南", [(1500, 1000), (1600, 1000), (1550, 800)], 400),
        ("王庄村委会西侧约300米", [(700, 1000), (600, 1000)], 400),
        ("王庄 北 200m", [(1000, 1200), (1000, 1300)], 200),
        ("王庄村东南方向1公里处", [(1707, 293), (1807, 193)], 650),
        ("位于王庄村正南２里", [(1000, 0), (1000, -100)], 700),
        ("王莊村東五百米", [(1500, 1000), (1600, 1000)], 400),
        ("王庄村往西走半里地", [(750, 1000), (650, 1000)], 250),
        ("王庄村东三四百米", [(1350, 1000), (1500, 1000)], 300),
        ("王庄村东300-500米", [(1300, 1000), (1600, 1000)], 400),
        ("王庄村西200米路北50米", [(800, 1050), (700, 1050)], 250),
        ("王庄村东头", [(1080, 1000), (1110, 1050)], 150),
        ("王庄村南地", [(1000, 850), (1000, 500)], 550),
        ("王庄村委会后", [(1000, 1150), (950, 1080)], 250),
        ("距王庄村500米", [(1600, 1000), (1000, 400), (1000, 1500)], 800),
        ("王庄村3组", [(150, 1000), (1900, 1000)], 1200),
        ("小李湾北100米", [(3300, 1800)], 300),
        ("向阳小学东侧", [(950, 1000)], 400),
        ("富民路与迎宾大道交叉口西北角", [(1480, 620)], 150),
        ("迎宾大道富民路十字路口", [(1500, 600)], 150),
        ("王庄村富民路北侧", [(200, 620), (1800, 620)], 1150),
        ("王庄村与李庄村之间", [(2000, 1000), (1200, 1000)], 1100),
        ("王庄至李庄路段", [(2000, 1000), (1200, 1000)], 1100),
        ("王庄村附近", [(1000, 1300), (700, 1000)], 1000),
        ("王庄一带", [(1000, 1300), (1300, 1000)], 1000),
        ("王庄村张建国家房后", [(1000, 1130), (1120, 1000)], 350),
        ("王庄村东头李二柱家门前", [(1130, 1000)], 250),
        ("王庄村西头一百五十步", [(800, 1000), (780, 1040)], 250),
        ("王庄村东三里半", [(2750, 1000), (2850, 1000)], 1300),
        ("王庄村北几百米", [(1000, 1300), (1000, 1500)], 500),
        ("王庄村部往西八百五十多米", [(150, 1000), (100, 1100)], 650),
        ("王庄村小学对面", [(1000, 1120), (900, 900)], 300),
        ("李庄村小李湾自然村南200米", [(3300, 1500)], 250),
        ("小李湾村民组东150米", [(3450, 1700)], 250),
        ("王庄村沿富民路向东300米路北", [(1300, 630), (1400, 630)], 350),
        ("富民路与迎宾大道交叉口沿富民路向东300米路北", [(1800, 620)], 250),
        ("富民路和迎宾大道路口往北400米", [(1500, 1000)], 350),
        ("王庄村沿富强路向东300米", [(1300, 1000), (1400, 800)], 600),
        ("王庄加油站对面", [(1000, 1000), (300, 1600)], 1400),
        ("王庄养殖场西侧李庄村东头", [(3080, 1000)], 300),
        ("王庄村砖厂东300米", [(1300, 1000), (700, 1600)], 1400),
    ],
)
def test_the_area_holds_what_the_words_mean(text: str, spots: list[tuple[float, float]], at_most_m: float) -> None:
    placed = where(text)
    assert placed is not None
    assert all(holds(placed, *spot) for spot in spots), placed
    assert placed.uncertainty_m <= at_most_m


@pytest.mark.parametrize(
    "text",
    [
        "",
        "张庄村东500米",
        "路边",
        "王庄子村",
        "小王庄子",
        "小王庄村东100米",
        "东王庄村",
        "大王庄",
        "富民路",
        "李庄路口",
    ],
)
def test_nothing_is_invented(text: str) -> None:
    # 富民路 alone is six kilometres long; 小王庄村 and 东王庄村 are other villages than 王庄村
    assert where(text) is None


def test_without_a_gazetteer_nothing_is_placed() -> None:
    found = locate("王庄村", Gazetteer(empty(PLACES, CRS), {}), TERRITORY, OPTIONS)
    # no fault of the unit's, so nothing for it to mend
    assert found == Unplaced("")


def test_a_bare_village_is_as_uncertain_as_its_land() -> None:
    placed = where("王庄村")
    assert placed is not None
    assert (placed.x, placed.y) == pytest.approx((X0 + 1000, Y0 + 1000), abs=40.0)
    circle = shapely.Point(placed.x, placed.y).buffer(placed.uncertainty_m)
    assert circle.intersection(shapely.box(X0, Y0, X0 + 2000, Y0 + 2000)).area >= 0.88 * 4e6


@pytest.mark.parametrize(
    ("text", "rule"),
    [("百塞村东500米", HOMOPHONE), ("佰赛存东500米", HOMOPHONE), ("百宾村东500米", SPELLING), ("白宾村东500米", None)],
)
def test_other_characters_count_inside_the_unit_only_with_more_uncertainty(text: str, rule: str | None) -> None:
    wrong, right = where(text), where("百赛村东500米")
    assert right is not None
    if rule is None:
        assert wrong is None
        return
    assert wrong is not None
    assert (wrong.name, wrong.rule) == ("百赛村", rule)
    assert wrong.uncertainty_m == pytest.approx(1.5 * right.uncertainty_m)
    assert isinstance(locate(text, gazetteer(), None, OPTIONS), Unplaced)


def test_a_character_that_fits_two_villages_fits_none() -> None:
    # 孙庄村 is one character from both 王庄村 and 李庄村
    assert where("孙庄村") is None


def test_of_two_villages_with_one_name_the_units_own_counts_and_it_is_said() -> None:
    twice = villages()
    twice["name"] = ["王庄村", "王庄村", "百赛村"]
    both = Gazetteer(twice, {}, words=place_words(DAY))
    west = shapely.box(X0, Y0, X0 + 2000, Y0 + 2000)
    placed = locate("王庄村", both, west, OPTIONS)
    assert isinstance(placed, Placed)
    assert (placed.x, placed.rule) == (pytest.approx(X0 + 1000, abs=40.0), SAME_NAME)
    twins = locate("王庄村", both, TERRITORY, OPTIONS)
    assert isinstance(twins, Unplaced) and "乡镇" in twins.rule
    # a township named in the text decides against the unit's own ground
    east = shapely.box(X0 + 2000, Y0, X0 + 4000, Y0 + 2000)
    other = locate("东岗镇王庄村", both, west, OPTIONS, {"东岗镇": east})
    assert isinstance(other, Placed)
    assert other.x == pytest.approx(X0 + 3000, abs=40.0)
    assert other.rule.split("；") == [OTHER_UNIT, SAME_NAME]


def test_a_village_far_outside_the_units_ground_is_somebody_elses() -> None:
    west = shapely.box(X0, Y0, X0 + 2000, Y0 + 2000)
    far = locate("百赛村东100米", gazetteer(), west, OPTIONS)
    assert isinstance(far, Unplaced) and "两公里" in far.rule
    assert isinstance(locate("李庄村东100米", gazetteer(), west, OPTIONS), Placed)


def test_a_named_road_narrows_an_offset() -> None:
    plain, on_road = where("王庄村西南1500米", least_m=50.0), where("王庄村西南1500米富民路边", least_m=50.0)
    assert plain is not None and on_road is not None
    assert on_road.uncertainty_m <= plain.uncertainty_m


@settings(deadline=None, max_examples=40)
@given(
    way=st.sampled_from(["东", "南", "西", "北", "东南", "东北", "西南", "西北"]),
    metres=st.integers(20, 3000),
    share=st.floats(0.0, 0.4),
)
def test_a_wider_share_never_makes_a_smaller_area(way: str, metres: int, share: float) -> None:
    text = f"王庄村{way}{metres}米"
    narrow, wide = (
        locate(text, gazetteer(), None, replace(OPTIONS, offset_distance_share=share + more)) for more in (0.01, 0.2)
    )
    assert isinstance(narrow, Placed) and isinstance(wide, Placed)
    assert OPTIONS.least_m <= narrow.uncertainty_m <= 1.05 * wide.uncertainty_m


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet="王李百庄赛村东南西北路与0123456789米里第组委会头。（）,", max_size=25))
def test_no_text_breaks_it_and_no_area_is_a_point(text: str) -> None:
    placed = where(text)
    assert placed is None or placed.uncertainty_m >= OPTIONS.least_m


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("赵庄路与富民路交叉口", ONE_ROAD),
        ("富民路", ROAD_ALONE),
        ("王庄村与赵楼村交界处", ONE_OF_TWO),
        ("孙赛村东500米", "姓氏不同"),
        ("某处荒地", NO_PLACE),
    ],
)
def test_what_cannot_be_placed_says_why(text: str, reason: str) -> None:
    # 孙赛 sounds and looks like no other name; with 孙 for 百 it is not the same family's village
    families = replace(place_words(DAY), surnames="孙百王李", lookalikes=frozenset({frozenset("孙百")}))
    found = locate(text, Gazetteer(villages(), {}, named=named(), words=families), TERRITORY, OPTIONS)
    assert isinstance(found, Unplaced)
    assert reason in found.rule


def test_a_hamlet_unknown_to_the_map_is_not_a_direction_of_its_village() -> None:
    # 东赵营 lies anywhere on the village's land, not east of it
    hamlet, land = where("王庄村东赵营西边300米"), where("王庄村")
    assert hamlet is not None and land is not None
    assert hamlet == land


def test_a_direction_out_of_the_units_ground_is_not_believed() -> None:
    south = shapely.box(X0, Y0, X0 + 2000, Y0 + 1000)
    placed = locate("王庄村北800米", gazetteer(), south, OPTIONS)
    assert isinstance(placed, Placed)
    assert placed.rule == WRONG_WAY
    assert holds(placed, 1000, 200) and holds(placed, 1000, 1850)


def test_the_same_words_give_the_same_area() -> None:
    assert where("王庄村东500米") == where("王庄村东500米")
