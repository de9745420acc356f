"""What a ledger entry's words and stated area say about whether it can be about a target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.geodesy import mu
from pipeline.values import Stage

Vocabulary = Mapping[str, Sequence[str]]
"""Topic (``earthworks pit structure roofed begun dug small extraction dumping not_new_ground
anonymous``) to the words that show it."""

_ORDER: tuple[str, ...] = (Stage.EARTHWORKS, Stage.PIT, Stage.STRUCTURE, Stage.ROOFED)
_EARLY_TOLD: tuple[Stage, ...] = (Stage.EARTHWORKS, Stage.PIT)
_STANDING_TOLD: tuple[Stage, ...] = (Stage.STRUCTURE, Stage.ROOFED)
# topics that weigh nothing in tying entries to targets
_ONLY_TOLD: dict[str, Stage] = {"begun": Stage.EARTHWORKS, "dug": Stage.PIT}
TEXT_FIELDS: tuple[str, ...] = ("project", "subject", "status", "measures", "follow_up")
AREA_SPREAD, WIDE_SPREAD, WIDE_SHARE, GROWN_SHARE = 0.5, 1.2, 0.1, 0.5
OTHER_AREA_M2, OTHER_SPREAD, AREA_LEAST, AREA_MOST = 1000.0, 1.8, 0.02, 4.0
# how often an area stands in the other unit's column: 15 亩 under 平方米
UNIT_SLIP_SHARE = 0.02
# Days from untouched ground to walls and to a roof that even fast building takes; what is told sooner is older.
_SOONEST_DAYS: dict[str, int] = {Stage.STRUCTURE: 5, Stage.ROOFED: 20}
TOO_SOON = 0.25
# a thing that is small by its name and by its stated area, beside a target of ten times that: no slip of the unit
SMALL_M2, SMALL_SHARE, SMALL_THING = 300.0, 0.1, 0.25
_LOG_MU = -math.log(mu(1.0))
_OTHER_GROUND: tuple[str, ...] = ("small", "extraction", "dumping")


def entry_text(entry: Mapping[str, object]) -> str:
    """The describing fields of an entry joined; empty when the ledger says nothing."""
    return " ".join(value for field in TEXT_FIELDS if isinstance(value := entry.get(field), str))


def topics(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The vocabulary's topics that occur in ``text``, in alphabetical order."""
    return tuple(sorted(topic for topic, words in vocabulary.items() if any(word in text for word in words)))


def told_stage(status: object, vocabulary: Vocabulary) -> Stage | None:
    """The furthest stage that the words of 违法现状 tell; None without any, or where they tell early works and a building."""
    if not isinstance(status, str):
        return None
    found = topics(status, vocabulary)
    told = {stage for stage in _EARLY_TOLD + _STANDING_TOLD if stage in found}
    told |= {stage for topic, stage in _ONLY_TOLD.items() if topic in found}
    if not told or (told & set(_EARLY_TOLD) and told & set(_STANDING_TOLD)):
        return None
    return max(told, key=_ORDER.index)


def told_stages(entries: pd.DataFrame, vocabulary: Vocabulary) -> dict[str, str]:
    """Entry id to the stage (a code of Stage) that its 违法现状 tells, for the findings (ENTRIES) that tell one."""
    rows = entries[entries["finding"]]
    told = (
        (name, told_stage(status, vocabulary)) for name, status in zip(rows["entry_id"], rows["status"], strict=True)
    )
    return {str(name): stage.value for name, stage in told if stage is not None}


def stage_factor(found: Sequence[str], target_stage: str, days_after_image: float) -> float:
    """Likelihood ratio, 0.25 to 1.3, of an entry's ``found`` topics given the stage in the image.

    Building only goes forward: an entry later than the image may be further on, an earlier one less far; a step of
    one stage the other way is judged mildly, because people and images name stages differently. No word: 1.
    """
    told = [_ORDER.index(topic) for topic in found if topic in _ORDER]
    if not told:
        return 0.25 if any(topic in _OTHER_GROUND for topic in found) else 1.0
    if target_stage not in _ORDER:
        return 1.0
    seen = _ORDER.index(target_stage)
    step = min((stage - seen for stage in told), key=abs)
    forward = step if days_after_image >= 0 else -step
    if step == 0:
        return 1.3
    return 1.0 if forward > 0 else (0.7 if forward == -1 else 0.4)


def pace_factor(found: Sequence[str], days_since_clear: float) -> float:
    """0.25 where the least stage told could not stand so soon after the last image without the site, else 1.

    ``days_since_clear`` is NaN where either day is unknown. Not 0: images overlook beginnings, people overstate stages.
    """
    told = [topic for topic in _ORDER if topic in found]
    soonest = _SOONEST_DAYS.get(told[0], 0) if told else 0
    return TOO_SOON if 0 <= days_since_clear < soonest else 1.0


def names_small_thing(text: str, vocabulary: Vocabulary) -> bool:
    """Whether ``text`` names a thing of some square metres (a grave, a hole, a sty) and no works of building beside it."""
    small = [word for topic in ("small", "minor") for word in vocabulary.get(topic, ()) if word in text]
    for word in sorted(small, key=len, reverse=True):
        text = text.replace(word, "")
    return bool(small) and not any(topic in _ORDER for topic in topics(text, vocabulary))


def small_factor(small: bool, stated_area_m2: float, target_area_m2: float) -> float:
    """0.25 where words (``small``) and stated area agree that it is a small thing, a tenth of the target at most; else 1."""
    fits = 0 < stated_area_m2 < SMALL_M2 and stated_area_m2 <= SMALL_SHARE * target_area_m2
    return SMALL_THING if small and fits else 1.0


def area_factor(stated_area_m2: float, target_area_m2: float, days_after_image: float) -> float:
    """Likelihood ratio, 0.02 to 4, of a stated area: about the target's area against that of any other finding.

    Stated areas are estimates by eye and targets are outlined by pixels: log-normal about the target's area with
    spread 0.5 (natural log), in one of ten cases 1.2. An entry before the image may describe a smaller beginning, one
    after it a larger site, so on that side the wide spread is as likely as the narrow one. Other findings, from graves
    to halls, are log-normal about 1000 m2 with spread 1.8. Unknown areas: 1. What is no such area may be the same figure
    in the other unit (亩 for 平方米), with a fiftieth of the weight, or of one building of the site: never below 0.02.
    """
    if not (stated_area_m2 > 0 and target_area_m2 > 0):
        return 1.0
    ratio = math.log(stated_area_m2 / target_area_m2)
    as_written = _area_ratio(ratio, target_area_m2, days_after_image)
    other_unit = max(_area_ratio(ratio + slip, target_area_m2, days_after_image) for slip in (-_LOG_MU, _LOG_MU))
    return max(as_written, UNIT_SLIP_SHARE * other_unit, AREA_LEAST)


def _area_ratio(ratio: float, target_area_m2: float, days_after_image: float) -> float:
    grown = (ratio < 0) == (days_after_image < 0)
    wide = GROWN_SHARE if grown else WIDE_SHARE
    about = (1.0 - wide) * _normal(ratio, AREA_SPREAD) + wide * _normal(ratio, WIDE_SPREAD)
    against = _normal(ratio + math.log(target_area_m2 / OTHER_AREA_M2), OTHER_SPREAD)
    return min(about / against, AREA_MOST)


def _normal(value: float, spread: float) -> float:
    return math.exp(-0.5 * (value / spread) ** 2) / spread
