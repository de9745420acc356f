"""How a person tells a distance and a direction: honest errors and habits of writing, made without any reader in mind.

The model, with its reasons (assumptions, not measurements):

* A distance is judged in one of three manners. By eye (most clerks, from a motorcycle): log-normal with a spread of a
  fifth, because errors of judged distances grow with the distance. By the odometer: a tenth, but along the way, which
  is up to a third longer than the straight line. On a phone's map: a twentieth. People round what they write: to tens
  below a hundred metres, to fifties below a kilometre, else to half kilometres.
* A step is 0.7 m, with a spread of a tenth between people; longer walks than 300 m are not counted in steps.
* A direction is felt with an error of 10 degrees (village roads rarely run due north) and then named with one of
  eight words, or by some clerks with one of four only, whatever lies between.
* Now and then (:data:`WRONG_WAY_SHARE`) the way is plainly wrong: the opposite, or a quarter turn.
* A distance starts where the clerk thinks that the village is: most at the last house on that side, some in the
  middle, some at the committee; the texts do not say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WAYS = ("东", "东北", "北", "西北", "西", "西南", "南", "东南")
WRONG_WAY_SHARE = 0.025
JUDGED = {"eye": 0.2, "odometer": 0.1, "map": 0.05}
_SENSE_OF_DIRECTION_DEGREES = 10.0
_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Habits:
    """One clerk's. ``four_ways``: only 东南西北; ``judged``: key of :data:`JUDGED`; ``starts``: last_house, middle or
    committee; ``unit``: m, km, li or numerals (metres in Chinese numbers); the rest are shares of the texts.
    """

    four_ways: bool
    judged: str
    starts: str
    unit: str
    step_m: float
    town_first: float
    traditional: float
    slips: float
    manners: dict[str, float]


def way_word(dx: float, dy: float, habits: Habits, rng: np.random.Generator) -> tuple[str, bool]:
    """The word for the direction (dx east, dy north), and whether it is plainly wrong."""
    felt = np.degrees(np.arctan2(dy, dx)) + rng.normal(0.0, _SENSE_OF_DIRECTION_DEGREES)
    wrong = bool(rng.random() < WRONG_WAY_SHARE)
    if wrong:
        felt += float(rng.choice([90.0, 180.0, 180.0, 270.0]))
    if habits.four_ways:
        return WAYS[2 * (int(np.round(felt / 90.0)) % 4)], wrong
    return WAYS[int(np.round(felt / 45.0)) % 8], wrong


def judged_m(metres: float, habits: Habits, rng: np.random.Generator, *, along: bool = False) -> float:
    """The distance as the clerk judges it; ``along``: the true metres are along a road already."""
    detour = 1.0 if along or habits.judged != "odometer" else float(rng.uniform(1.0, 1.35))
    return metres * detour * float(np.exp(rng.normal(0.0, JUDGED[habits.judged])))


def distance_words(metres: float, unit: str, rng: np.random.Generator) -> str:
    """A judged distance in the clerk's unit, rounded as people do."""
    about = str(rng.choice(["", "", "", "约", "大约"]))
    if unit == "li" and metres >= 200.0:
        whole, half = divmod(max(1, round(metres / 250.0)), 2)
        if rng.random() < 0.25:
            return f"{about}{whole + half / 2:g}华里"
        return f"{about}{numeral(whole, counting=True)}里{'半' if half else ''}" if whole else f"{about}半里地"
    if unit == "km" and metres >= 450.0:
        return (
            f"{about}{round(metres / 100.0) / 10.0:g}公里"
            if metres < 950
            else f"{about}{round(metres / 500) / 2:g}公里"
        )
    rounded = rounded_m(metres, rng)
    if unit == "numerals":
        return f"{about}{numeral(rounded, counting=True)}{str(rng.choice(['', '', '多', '余']))}米"
    return (
        f"{about}{rounded}{'m' if unit == 'm' and rng.random() < 0.15 else '米'}{str(rng.choice(['', '', '', '左右']))}"
    )


def rounded_m(metres: float, rng: np.random.Generator) -> int:
    """Metres as written: tens, fifties or hundreds, half kilometres."""
    if metres < 100.0:
        return int(max(10, round(metres / 10.0) * 10))
    if metres < 1000.0:
        to = float(rng.choice([50.0, 50.0, 100.0]))
        return int(round(metres / to) * to)
    return int(round(metres / 500.0) * 500)


def numeral(number: int, *, counting: bool = False) -> str:
    """A number below 10 000 in Chinese counting words; ``counting``: 两 for a leading 2 (两百, 两里)."""
    words, zero = "", False
    for value, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, value)
        if digit:
            word = "两" if counting and digit == 2 and value != 10 and not words else _DIGITS[digit]
            words += ("零" if zero else "") + ("" if (digit, value, words) == (1, 10, "") else word) + name
        zero = bool(words) and not digit and number > 0
    return words or "零"


def bearing_from(origin: NDArray[np.float64], spot: NDArray[np.float64]) -> tuple[float, float, float]:
    """Metres and the way (dx, dy) from ``origin`` to ``spot``, both (2,)."""
    dx, dy = (float(value) for value in spot - origin)
    return float(np.hypot(dx, dy)), dx, dy
