"""Places in words as clerks write them: each clerk's habits, the manner that fits the place, and slips of the pen."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.landscape import Landscape
from pipeline.simulate.named_ground import NamedGround
from pipeline.simulate.place_manners import MANNERS, SHARES, Scene
from pipeline.simulate.telling import Habits
from pipeline.simulate.units import Organisation

SLIPS = ("none", "sound", "shape", "left_out")
"""What went wrong with a name: another character of the same sound, of a like shape, or one left out."""
# what pinyin keyboards offer for the characters of place names
_SAME_SOUND = {
    "王": "汪旺", "李": "里理", "张": "章", "刘": "流", "陈": "沉程", "杨": "扬", "赵": "照", "黄": "皇", "周": "洲",
    "吴": "武", "徐": "许", "孙": "损", "胡": "湖", "朱": "珠", "高": "糕", "林": "临", "何": "河", "郭": "国",
    "马": "码", "罗": "落", "庄": "装", "楼": "娄", "寨": "宅", "洼": "娃", "桥": "乔", "集": "级", "营": "迎",
    "岗": "冈", "富": "福", "民": "明", "宾": "滨", "和": "合", "谐": "协", "兴": "星", "昌": "常", "颍": "影", "园": "圆",
    "湾": "弯", "店": "殿", "台": "抬",
}  # fmt: skip
# what a second clerk reads in handwriting
_SAME_SHAPE = {
    "王": "玉", "李": "季", "张": "弦", "陈": "阵", "杨": "扬", "徐": "涂", "孙": "孔", "朱": "未", "林": "休", "何": "伺",
    "马": "鸟", "郭": "敦", "庄": "压", "楼": "搂", "寨": "赛", "洼": "佳", "桥": "侨", "营": "莹", "岗": "岚", "民": "氏",
}  # fmt: skip
_TRADITIONAL = str.maketrans("东庄楼湾镇乡桥营岗张陈刘杨赵黄吴孙马罗", "東莊樓灣鎮鄉橋營崗張陳劉楊趙黃吳孫馬羅")
# metres after which counting from a village falls to a third; how much more a hamlet close by is named
_FROM_VILLAGE = ("plain", "offset", "committee", "group", "village_only", "vague")
_COUNTED_M, _HAMLET_PULL = 600.0, 6.0
_SLIP_KINDS, _SLIP_WEIGHTS = SLIPS[1:], (0.6, 0.25, 0.15)


@dataclass(frozen=True)
class Told:
    """A place in words; ``manner``: key of SHARES; ``slip``: of :data:`SLIPS`; ``wrong_way``: a direction is false."""

    text: str
    manner: str
    slip: str
    wrong_way: bool


def habits_of(rng: np.random.Generator) -> Habits:
    """One clerk's habits: favourite manners (gamma, so that some hardly ever use one), units, script and care."""
    favour = {name: share * float(rng.gamma(1.5)) for name, share in SHARES.items()}
    total = sum(favour.values())
    return Habits(
        four_ways=bool(rng.random() < 0.3),
        judged=str(rng.choice(["eye", "eye", "eye", "odometer", "map"])),
        starts=str(rng.choice(["last_house", "last_house", "last_house", "middle", "committee"])),
        unit=str(rng.choice(["m", "m", "m", "km", "li", "numerals"])),
        step_m=0.7 * float(np.exp(rng.normal(0.0, 0.1))),
        town_first=float(rng.choice([0.0, 0.1, 0.5])),
        traditional=float(rng.choice([0.0, 0.0, 0.0, 0.0, 0.5])),
        slips=float(rng.choice([0.02, 0.05, 0.12])),
        manners={name: value / total for name, value in favour.items()},
    )


class Clerks:
    """All clerks of a city; each place takes its draws from this class's own stream."""

    def __init__(
        self, landscape: Landscape, named: NamedGround, organisation: Organisation, rng: np.random.Generator
    ) -> None:
        self._landscape, self._named, self._rng = landscape, named, rng
        self._habits = {person: habits_of(rng) for person in sorted(organisation.people["person_id"])}
        self._middles = np.array([shape.centroid.coords[0] for shape in landscape.villages.geometry])
        self._towns = _towns(landscape, organisation.units)

    def tell(self, shape: BaseGeometry, person_id: str, plain: str) -> Told:
        """``shape``'s place as ``person_id`` writes it; ``plain``: the words of the manner ``plain``."""
        rng, habits = self._rng, self._habits[person_id]
        spot = np.array(shape.centroid.coords[0])
        home = int(np.argmin(np.hypot(*(self._middles - spot).T)))
        near = int(np.argmin(self._landscape.villages.distance(Point(spot)).to_numpy()))
        text, manner, wrong = plain, "plain", False
        left = self._fitting(habits, spot, near)
        while left:
            names = list(left)
            weights = np.array([left[name] for name in names])
            manner = str(rng.choice(names, p=weights / weights.sum()))
            scene = Scene(self._landscape, self._named, spot, home, near, habits, rng, [])
            words = plain if manner == "plain" else MANNERS[manner](scene)
            if words is not None:
                text, wrong = words, bool(scene.wrong)
                break
            del left[manner]
        text, slip = self._slipped(text, habits)
        anchor = home if manner in ("group", "village_only", "hamlet") else near
        if rng.random() < habits.town_first and self._towns[anchor]:
            text = self._towns[anchor] + text
        if rng.random() < habits.traditional:
            text = text.translate(_TRADITIONAL)
        return Told(text, manner, slip, wrong)

    def _fitting(self, habits: Habits, spot: NDArray[np.float64], near: int) -> dict[str, float]:
        """The clerk's favours here: nobody counts far from a village while a hamlet or a road is at hand."""
        hamlets = self._named.hamlets.distance(Point(spot)).to_numpy()
        village_m = float(self._landscape.villages.geometry.iloc[near].distance(Point(spot)))
        closer = (village_m + 100.0) / (float(hamlets.min()) + 100.0) if len(hamlets) else 0.0
        fit = dict.fromkeys(_FROM_VILLAGE, float(np.exp(-village_m / _COUNTED_M)))
        fit["hamlet"] = float(np.clip(closer, 0.3, _HAMLET_PULL))
        return {name: share * fit.get(name, 1.0) for name, share in habits.manners.items()}

    def _slipped(self, text: str, habits: Habits) -> tuple[str, str]:
        """The text with a slip in its first name, now and then."""
        rng = self._rng
        if rng.random() >= habits.slips:
            return text, "none"
        slip = str(rng.choice(_SLIP_KINDS, p=_SLIP_WEIGHTS))
        table = _SAME_SOUND if slip == "sound" else _SAME_SHAPE
        places = [at for at in range(min(3, len(text))) if text[at] in table]
        if slip == "left_out":
            return (text[:1] + text[2:], slip) if len(text) > 4 else (text, "none")
        if not places:
            return text, "none"
        at = int(rng.choice(places))
        return text[:at] + str(rng.choice(list(table[text[at]]))) + text[at + 1 :], slip


def _towns(landscape: Landscape, units: gpd.GeoDataFrame) -> list[str]:
    """The township each village lies in, "" for villages of the town and of zones laid over townships."""
    names = []
    for middle in landscape.villages.geometry.centroid:
        inside = units[units.intersects(middle)]
        towns = inside[inside["name"].str.endswith(("镇", "乡", "街道"))]["name"]
        names.append(str(towns.iloc[0]) if len(towns) else "")
    return names
