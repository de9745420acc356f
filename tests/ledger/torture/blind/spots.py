"""Blind set: coordinates, areas and target ids as people write them."""

from __future__ import annotations

from typing import Any

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import Case, Finding
from tests.ledger.torture.kit import Row, book

A, B = (114.48123, 34.51236), (114.49321, 34.50512)
PLACES = (
    "王家村东200米",
    "李庄村南",
    "王家村西头",
    "李庄村北",
    "王家村北300米",
    "李庄村东",
    "王家村祠堂旁",
    "李庄村小学旁",
)
NAMES = ("张三", "李四", "王五", "赵六", "孙七", "周八", "吴九", "郑十")
Spot = tuple[float, float]


def _rows(extra: tuple[str, ...], *cells: tuple[Any, ...]) -> bytes:
    head: Row = [*SHORT, *extra]
    rows = [["2026-05-03", "王强", NAMES[at], PLACES[at], "正在建房", *values] for at, values in enumerate(cells)]
    return book({"台账": [head, *rows]})


def _written(name: str, hard: str, *cells: tuple[Any, Spot | None | str], head: str = "坐标") -> Case:
    """One finding a row with a written position and the clerk's reading (None: no position meant; "listed": unusable)."""
    clerk = tuple(
        Finding("2026-05-03", NAMES[at], PLACES[at], None if isinstance(spot, str) else spot)
        for at, (_, spot) in enumerate(cells)
    )
    listed = ("position",) * sum(spot == "listed" for _, spot in cells)
    return Case(
        f"blind-spot-{name}", hard, lambda: sent(_rows((head,), *((text,) for text, _ in cells))), clerk, rows=listed
    )


def _pair(name: str, hard: str, heads: tuple[str, str], *cells: tuple[Any, Any, Spot | None | str]) -> Case:
    """As `_written`, in two columns."""
    clerk = tuple(
        Finding("2026-05-03", NAMES[at], PLACES[at], None if isinstance(spot, str) else spot)
        for at, (_, _, spot) in enumerate(cells)
    )
    listed = ("position",) * sum(spot == "listed" for _, _, spot in cells)
    return Case(
        f"blind-spot-{name}",
        hard,
        lambda: sent(_rows(heads, *((one, two) for one, two, _ in cells))),
        clerk,
        rows=listed,
    )


def _areas(name: str, hard: str, head: str, *cells: tuple[Any, float]) -> Case:
    """One finding a row with a written area and the clerk's square metres."""
    clerk = tuple(Finding("2026-05-03", NAMES[at], PLACES[at], area_m2=area) for at, (_, area) in enumerate(cells))
    return Case(f"blind-spot-{name}", hard, lambda: sent(_rows((head,), *((text,) for text, _ in cells))), clerk)


def _in_place(name: str, hard: str, place: str, clerk: str | tuple[str, ...], spot: Spot | None) -> Case:
    row = ["2026-05-03", "王强", "张三", place, "正在建房"]
    return Case(
        f"blind-spot-{name}",
        hard,
        lambda: sent(book({"台账": [list(SHORT), row]})),
        (Finding("2026-05-03", "张三", clerk, spot),),
    )


CASES = (
    _written(
        "decimals",
        "decimal degrees with every separator",
        ("114.48123,34.51236", A),
        ("114.48123，34.51236", A),
        ("114.48123 34.51236", A),
        ("114.48123、34.51236", A),
        ("114.48123\n34.51236", A),
        ("114.48123;34.51236", A),
        ("(114.48123, 34.51236)", A),
        ("114.48123/34.51236", A),
    ),
    _written(
        "labelled",
        "labels before and after",
        ("E114.48123° N34.51236°", A),
        ("东经114.48123° 北纬34.51236°", A),
        ("114.48123E,34.51236N", A),
        ("N34.51236,E114.48123", A),
        ("北纬34.51236度，东经114.48123度", A),
        ("经度：114.48123；纬度：34.51236", A),
        ("lng:114.48123,lat:34.51236", A),
        ("纬度34.51236经度114.48123", A),
    ),
    _written(
        "degrees-minutes-seconds",
        "degrees, minutes and seconds in many marks",
        ("东经114°28′52.43″ 北纬34°30′44.50″", A),
        ("114°28'52.43\"E，34°30'44.50\"N", A),
        ("N34°30′44.50″ E114°28′52.43″", A),
        ("114度28分52.43秒，34度30分44.50秒", A),
        ("114 28 52.43, 34 30 44.50", A),
        ("E：114º28’52.43”N：34º30’44.50”", A),
        ("114°28.8738′E 34°30.7416′N", A),
        ('114°28′52.43" 34°30′44.50"', A),
    ),
    _written("swapped", "latitude first", ("34.51236,114.48123", A), ("34°30′44.50″,114°28′52.43″", A)),
    _written(
        "full-width",
        "full-width digits and points",
        ("１１４．４８１２３，３４．５１２３６", A),
        ("Ｅ１１４．４８１２３　Ｎ３４．５１２３６", A),
    ),
    _written(
        "comma-decimals",
        "a comma for the decimal point; only one reading lies in the city",
        ("114,48123 34,51236", A),
        ("34,51236；114,48123", A),
        ("E114,48123° N34,51236°", A),
    ),
    _written(
        "trailing",
        "words after the numbers",
        ("114.48123,34.51236（奥维）", A),
        ("114.48123,34.51236附近", A),
        ("114.48123,34.51236等3处", A),
        ("114.48123,34.51236。", A),
        ("大概114.48123,34.51236左右", A),
        ("114.48123,34.51236 海拔56米", A),
        ("114.48123,34.51236 精度5m", A),
        ("手机定位：114.48123,34.51236，误差10米", A),
    ),
    _written(
        "urls",
        "links and messages of map apps",
        ("https://uri.amap.com/marker?position=114.48123,34.51236&name=王家村", A),
        ("geo:34.51236,114.48123?z=17", A),
        ("[位置]王家村(34.51236,114.48123)", A),
        ('{"lng":114.48123,"lat":34.51236}', A),
    ),
    _written(
        "metres",
        "plane metres with and without zone, in either order",
        ("38544189.82,3820601.16", A),
        ("3820601.16,38544189.82", A),
        ("X=3820601.16 Y=38544189.82", A),
        ("544189.82,3820601.16", A),
        ("X：3820601.16，Y：544189.82", A),
        ("3820601.16 544189.82", A),
        ("38 544189.82，3820601.16", A),
    ),
    _written("six-degree-zone", "plane metres of a six-degree zone", ("20268683.47,3823377.88", A)),
    _written(
        "unusable",
        "numbers that are no position",
        ("114.481234.51236", "listed"),
        ("114.48123", "listed"),
        ("0,0", "listed"),
        ("144.48123,34.51236", "listed"),
        ("114.48123,94.51236", "listed"),
        ("见照片", "listed"),
        ("115.91234,39.91234", "listed"),
    ),
    _written(
        "absent", "words for no coordinates", ("无", None), ("/", None), ("——", None), ("未采集", None), ("待补", None)
    ),
    _written(
        "coarse",
        "few decimals and trailing zeros",
        ("114.48,34.51", (114.48, 34.51)),
        ("114.480000,34.510000", (114.48, 34.51)),
        ("114.5,34.5", (114.5, 34.5)),
    ),
    _written(
        "corners",
        "four corners of one plot",
        (
            "J1:114.48100,34.51200；J2:114.48200,34.51200；J3:114.48200,34.51300；J4:114.48100,34.51300",
            (114.4815, 34.5125),
        ),
    ),
    _written("baidu", "a heading that names the map's datum", ("114.48123,34.51236", A), head="百度坐标"),
    _written(
        "longitude-latitude-head",
        "a heading of both words",
        ("114.48123,34.51236", A),
        ("34.51236,114.48123", A),
        head="经纬度坐标（WGS84）",
    ),
    _pair(
        "columns",
        "two columns as numbers and as text",
        ("经度", "纬度"),
        (114.48123, 34.51236, A),
        ("114.48123", "34.51236", A),
        ("E114.48123", "N34.51236", A),
        ("114.48123°", "34.51236°", A),
        ("114°28′52.43″", "34°30′44.50″", A),
        ("１１４.48123", "34．51236", A),
        (" 114.48123 ", "34.51236\n", A),
        ("东经114度28分52.43秒", "北纬34度30分44.50秒", A),
    ),
    _pair(
        "columns-swapped",
        "latitude written under longitude",
        ("经度", "纬度"),
        (34.51236, 114.48123, A),
        (114.49321, 34.50512, B),
    ),
    _pair(
        "columns-half",
        "one of two numbers missing",
        ("经度", "纬度"),
        (114.48123, None, "listed"),
        (None, None, None),
        ("114.49321", "34.50512", B),
    ),
    _pair(
        "columns-xy",
        "surveyors' X north and Y east",
        ("X坐标", "Y坐标"),
        (3820601.16, 38544189.82, A),
        (3820601.16, 544189.82, A),
    ),
    _pair(
        "columns-east-first",
        "X east and Y north",
        ("横坐标", "纵坐标"),
        (544189.82, 3820601.16, A),
        ("38544189.82", "3820601.16", A),
    ),
    _pair(
        "columns-comma",
        "comma decimals in columns",
        ("经度", "纬度"),
        ("114,48123", "34,51236", A),
        ("114，48123", "34，51236", A),
    ),
    _in_place(
        "in-place",
        "position inside the place",
        "王家村东200米（114.48123，34.51236）",
        ("王家村东200米", "王家村东200米（114.48123，34.51236）", "王家村东200米（）"),
        A,
    ),
    _in_place(
        "phone-in-place",
        "a phone number is no position",
        "王家村东200米，电话0378-2345678",
        ("王家村东200米，电话0378-2345678", "王家村东200米"),
        None,
    ),
    _in_place(
        "sizes-in-place",
        "lengths are no position",
        "王家村东200米，长34.5米宽114.5米",
        ("王家村东200米，长34.5米宽114.5米", "王家村东200米"),
        None,
    ),
    _in_place(
        "road-post",
        "a road's kilometre post is no position",
        "G107国道K34+512处王家村东",
        "G107国道K34+512处王家村东",
        None,
    ),
    _areas(
        "areas",
        "areas with their units",
        "占地面积",
        ("2.5亩", 1666.7),
        ("300㎡", 300),
        ("0.3公顷", 3000),
        ("约200平方", 200),
        ("2亩3分", 1533.3),
        ("1,200平方米", 1200),
        ("90m2", 90),
        ("１５０平方米", 150),
    ),
    _areas(
        "areas-words",
        "areas in words",
        "占地面积",
        ("半亩", 333.3),
        ("一百二十平方米", 120),
        ("两亩", 1333.3),
        ("约3亩多", 2000),
        ("0.5 亩左右", 333.3),
        ("3分地", 200),
        ("500平米", 500),
    ),
    _areas(
        "areas-head-unit", "the unit in the heading", "占地面积（平方米）", (300, 300), ("1.5亩", 1000), ("约260", 260)
    ),
    _areas(
        "areas-of-two",
        "ground and floor area in one cell",
        "面积",
        ("占地2亩，建筑面积150平方米", 1333.3),
        ("15米×20米", 300),
        ("长20米宽10米", 200),
    ),
    Case(
        "blind-spot-target-ids",
        "target ids: stray blanks, full width, small letters, a dash for none",
        lambda: sent(
            _rows(
                ("监测图斑编号",),
                (" 410221XC26050012",),
                ("４１０２２１ＸＣ２６０５００１３",),
                ("410221xc26050014",),
                ("—",),
                ("410221XC\n26050015",),
            )
        ),
        (
            Finding("2026-05-03", NAMES[0], PLACES[0], target="410221XC26050012"),
            Finding("2026-05-03", NAMES[1], PLACES[1], target="410221XC26050013"),
            Finding("2026-05-03", NAMES[2], PLACES[2], target="410221XC26050014"),
            Finding("2026-05-03", NAMES[3], PLACES[3]),
            Finding("2026-05-03", NAMES[4], PLACES[4], target="410221XC26050015"),
        ),
    ),
    Case(
        "blind-spot-one-outside",
        "one of three rows lies in another province",
        lambda: sent(_rows(("坐标",), ("114.48123,34.51236",), ("114.49321,34.50512",), ("117.48123,31.51236",))),
        (
            Finding("2026-05-03", NAMES[0], PLACES[0], A),
            Finding("2026-05-03", NAMES[1], PLACES[1], B),
            Finding("2026-05-03", NAMES[2], PLACES[2]),
        ),
        rows=("position",),
    ),
    Case(
        "blind-spot-both-columns",
        "a column of degrees and a column of metres that agree",
        lambda: sent(_rows(("经度", "纬度", "坐标"), (114.48123, 34.51236, "38544189.82,3820601.16"))),
        (Finding("2026-05-03", NAMES[0], PLACES[0], A),),
    ),
)
