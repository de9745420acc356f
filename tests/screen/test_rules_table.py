"""Every rule on a made-up parcel drawn by hand: what it must say, worked out on paper, and the section behind it.

The object is 40 m by 40 m (1600 m2) unless a case says otherwise; images of 10 m pixels, clear on 2026-10-01, changed
on 2026-10-31. Approved ground is widened by one pixel (10 m) before an overrun counts. At least 100 m2 raise a kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pytest

from pipeline.rulebook import load_rulebook
from pipeline.schema import BASIC_FARMLAND, LAND_USE
from pipeline.screen.conditions import Range, at
from pipeline.screen.facts import measure
from pipeline.screen.layers import Ground
from pipeline.screen.suppress import screen_candidates
from tests.screen.drawing import approval, candidate, candidates, ground, layer, parcels, screening, square

FIELD, PLOT = square(-500, -500, 1000), square(0, 0, 40)
SUSPECTED, OPEN, NOTED, HELD_BACK, SILENT = "suspected", "undeterminable", "explanation", "suppressed", "silent"
FARM = {"c0103": FIELD}
MEASURED = ("ground", "ground_rules", "outline_tolerance_px", "suppress_construction_land")


@dataclass(frozen=True)
class Case:
    """One rule on one drawing. ``facts``: values on paper, a pair for the surely and the possibly so."""

    rule: str
    section: str
    paper: str
    says: str
    on: Callable[[], Ground]
    row: dict[str, Any] = field(default_factory=dict)
    shape: Any = PLOT
    facts: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def farm(**layers: Any) -> Callable[[], Ground]:
    return lambda: ground(parcels(**FARM), **layers)


def on(classes: dict[str, Any], **layers: Any) -> Callable[[], Ground]:
    return lambda: ground(parcels(**classes), **layers)


def ended(until: str, **more: Any) -> Callable[[], Ground]:
    return farm(temporary=[approval(square(-10, -10, 100), "2022-01-01", "临3号", until)], **more)


def surveyed(*rows: tuple[str, int | None, Any]) -> Any:
    """Parcels of one survey: land class, survey year, outline."""
    return layer(
        LAND_USE,
        [
            {"parcel_id": f"P{n}", "class_code": code, "survey_year": year, "geometry": shape}
            for n, (code, year, shape) in enumerate(rows)
        ],
    )


def protected_land(*spells: tuple[str | None, str | None], **layers: Any) -> Ground:
    """A field under basic farmland protected in some spells of time."""
    days = [[None if day is None else pd.Timestamp(day) for day in spell] for spell in spells]
    rows = [
        {"parcel_id": f"B{n}", "valid_from": since, "valid_to": until, "geometry": FIELD}
        for n, (since, until) in enumerate(days)
    ]
    return replace(ground(parcels(**FARM), **layers), basic_farmland=layer(BASIC_FARMLAND, rows))


STRIP = square(0, 0, 200, 6)  # 6 m wide, 200 m long
TOWN = {"inside": [FIELD], "approvals": [approval(FIELD, "2020-01-01")]}
RURAL = {"village": [FIELD]}
WIDE = square(-10, -10, 100)

CASES = (
    # --- V1: 土地管理法第四十四条 -------------------------------------------------------------------------------
    Case("V1-1", "第四十四条", "dry field 1600 m2, no approval: 1600 >= 100", SUSPECTED, farm(),
         facts={"unapproved_new_land_m2": (1600, 1600)}),
    Case("V1-1", "第四十四条", "1600 on the field, 1510 of them village (0702): 90 < 100",
         SILENT, on({"c0702": square(0, 0, 40, 37.75), "c0103": square(0, 37.75, 40, 100)})),
    Case("V1-1", "第四十四条", "approval of 25 x 40 within the onset interval, widened by 10 m to 35 x 40 = 1400: "
         "surely 200, possibly 1600; 200 >= 100", SUSPECTED,
         farm(approvals=[approval(square(0, 0, 25, 40), "2026-10-15")]), facts={"unapproved_new_land_m2": (200, 1600)}),
    Case("V1-1", "第四十四条", "all under an approval of that interval: surely 0, possibly 1600, so open", OPEN,
         farm(approvals=[approval(WIDE, "2026-10-15")]), facts={"unapproved_new_land_m2": (0, 1600)}),
    Case("V1-1", "第四十四条", "strip of 6 m drawn at 0.5 m pixels: 5.5 to 6.5 m lies in 2 to 8, a farm road", SILENT,
         farm(), {"gsd_m": 0.5}, STRIP),
    Case("V1-1", "第四十四条", "the same strip at 10 m pixels: 0 to 16 m may be a farm road, so open", OPEN, farm(),
         {"gsd_m": 10.0}, STRIP, facts={"unapproved_new_land_m2": (1200, 1200), "farm_road_like": None}),
    Case("V1-1", "第四十四条", "filed facility ground of 25 x 40, widened to 1400, leaves 200 >= 100", SUSPECTED,
         farm(filed=[approval(square(0, 0, 25, 40), "2026-01-01")]), facts={"unapproved_new_land_m2": (200, 200)}),
    Case("V1-1", "第四十四条", "earthworks on ground whose temporary use ended four months ago may restore it: open",
         OPEN, ended("2026-06-01"), facts={"unapproved_new_land_m2": (0, 1600)}),
    Case("V1-1", "第四十四条", "used first in an emergency: surely 0, possibly 1600", OPEN,
         farm(emergency=[approval(WIDE, "2026-09-20")]), facts={"unapproved_new_land_m2": (0, 1600)}),
    Case("V1-2", "第四十四条", "approved on 1 November, seen on 31 October: 1600 built before approval", SUSPECTED,
         farm(approvals=[approval(WIDE, "2026-11-01")]), facts={"late_approved_m2": 1600}),
    Case("V1-2", "第四十四条", "approved on 31 October, the day it was seen: not surely later, 0 late", SILENT,
         farm(approvals=[approval(WIDE, "2026-10-31")])),
    Case("V1-3", "第五十七条", "ended 2025-09-30, a year to restore until 2026-09-30, clear on 1 October: 1600",
         SUSPECTED, ended("2025-09-30"), facts={"expired_temporary_m2": 1600}),
    Case("V1-3", "第五十七条", "ended 2025-10-02: the year to restore was not over when it was clear", SILENT,
         ended("2025-10-02")),
    Case("V1-4", "第五十七条", "a roof in the year of restoration: 1600", SUSPECTED, ended("2026-06-01"),
         {"stage": "roofed"}, facts={"reclaiming_temporary_m2": 1600}),
    Case("V1-4", "第五十七条", "earthworks in that year do not show a building", OPEN, ended("2026-06-01")),
    Case("V1-4", "第五十七条", "the term runs on: nothing has ended", SILENT, ended("2027-06-01"), {"stage": "roofed"}),
    # --- V2: 土地管理法第五十七条 -------------------------------------------------------------------------------
    Case("V2-1", "第五十七条", "a structure on valid temporary land: 1600", SUSPECTED, ended("2027-06-01"),
         {"stage": "structure"}, facts={"temporary_m2": 1600}),
    Case("V2-1", "第五十七条", "earthworks on it build nothing permanent", SILENT, ended("2027-06-01")),
    Case("V2-1", "第五十七条", "a stage the image does not tell", OPEN, ended("2027-06-01"), {"stage": "unknown"}),
    Case("V2-1", "第五十七条", "only 2 x 40 = 80 of it on the temporary land: 80 < 100", SILENT,
         farm(temporary=[approval(square(-50, -10, 52, 100), "2026-01-01", until="2027-12-31")]), {"stage": "roofed"}),
    Case("V2-2", "第五十七条", "a pit after the term, in the year of restoration: 1600", SUSPECTED, ended("2026-06-01"),
         {"stage": "pit"}, facts={"ended_temporary_m2": 1600}),
    Case("V2-2", "第五十七条", "earthworks after the term", SILENT, ended("2026-06-01")),
    # --- V3: 土地管理法第三十五条, 基本农田保护条例第十七条 ------------------------------------------------------
    Case("V3-1", "第十七条", "30 x 40 = 1200 of the plot is basic farmland, none approved", SUSPECTED,
         farm(basic=[square(0, 0, 30, 40)]), facts={"unapproved_basic_farmland_m2": (1200, 1200)}),
    Case("V3-1", "第十七条", "a corner of 9 x 11 = 99 < 100", SILENT, farm(basic=[square(0, 0, 9, 11)])),
    Case("V3-1", "第十七条", "filed facility ground does not settle basic farmland: surely 0, possibly 1600", OPEN,
         farm(basic=[FIELD], filed=[approval(WIDE, "2026-01-01")]),
         facts={"unapproved_basic_farmland_m2": (0, 1600)}),
    Case("V3-1", "第三十五条", "the layer was not delivered", OPEN, farm(basic=None)),
    # --- V4: 土地管理法第三十七条 -------------------------------------------------------------------------------
    Case("V4-1", "第三十七条", "20 x 40 = 800 on the field, 800 in the wood", SUSPECTED,
         on({"c0103": square(0, 0, 20, 40), "c0301": square(20, 0, 20, 40)}),
         facts={"unapproved_farmland_m2": (800, 800)}),
    Case("V4-1", "第三十七条", "all in the wood (0301): no farmland", SILENT, on({"c0301": FIELD})),
    Case("V4-1", "第三十七条", "ground that no parcel covers may be farmland: 0 to 1600", OPEN,
         on({"c0301": square(900, 900, 5)}), facts={"unapproved_farmland_m2": (0, 1600)}),
    # --- V5: 城乡规划法第四十条 ---------------------------------------------------------------------------------
    Case("V5-1", "第四十条", "a structure inside the boundary, land approved, no permit: 1600", SUSPECTED,
         farm(permits=[], **TOWN), {"stage": "structure"}, facts={"area_without_planning_permit_m2": (1600, 1600)}),
    Case("V5-1", "第四十条", "a permit of 20 x 40 widened to 30 x 40 leaves 10 x 40 = 400 built beyond it", SUSPECTED,
         farm(permits=[approval(square(0, 0, 20, 40), "2025-05-05")], **TOWN), {"stage": "roofed"},
         facts={"area_without_planning_permit_m2": (400, 400)}),
    Case("V5-1", "第四十条", "the permit covers it since 2025", SILENT,
         farm(permits=[approval(WIDE, "2025-05-05")], **TOWN), {"stage": "structure"}),
    Case("V5-1", "第四十条", "earthworks do not show a building", OPEN, farm(permits=[], **TOWN)),
    Case("V5-1", "第四十条", "no layer of permits was delivered", OPEN, farm(**TOWN), {"stage": "structure"}),
    Case("V5-1", "第四十条", "outside the boundary another permit is needed", SILENT, farm(permits=[]),
         {"stage": "structure"}),
    Case("V5-2", "第四十条", "the permit came on 5 November, the roof was seen on 31 October: 1600", SUSPECTED,
         farm(permits=[approval(WIDE, "2026-11-05")], **TOWN), {"stage": "roofed"},
         facts={"late_planning_permit_m2": 1600}),
    Case("V5-2", "第四十条", "a permit of 15 October may have come first: 0 late", SILENT,
         farm(permits=[approval(WIDE, "2026-10-15")], **TOWN), {"stage": "roofed"}),
    # --- V6: 矿产资源法第六十四条 -------------------------------------------------------------------------------
    Case("V6-1", "第六十四条", "a pit on mining land (0602), the licence ended in August: 1600", SUSPECTED,
         on({"c0602": FIELD}, mining=[approval(WIDE, "2020-01-01", until="2026-08-31")]), {"stage": "pit"},
         facts={"area_without_mining_right_m2": (1600, 1600), "mining_land_m2": 1600}),
    Case("V6-1", "第六十四条", "a licence until 2030", SILENT,
         on({"c0602": FIELD}, mining=[approval(WIDE, "2020-01-01", until="2030-08-31")]), {"stage": "pit"}),
    Case("V6-1", "第六十四条", "a licence that names no last day may still run: 0 to 1600", OPEN,
         on({"c0602": FIELD}, mining=[approval(WIDE, "2020-01-01")]), {"stage": "pit"},
         facts={"area_without_mining_right_m2": (0, 1600)}),
    Case("V6-1", "第六十四条", "a pit in a field is no sign of mining", SILENT, farm(mining=[]), {"stage": "pit"}),
    Case("V6-2", "第六十四条", "a pit in a field, no licence: the image cannot tell what for", OPEN, farm(mining=[]),
         {"stage": "pit"}),
    Case("V6-2", "第六十四条", "a roof is no digging", SILENT, farm(mining=[]), {"stage": "roofed"}),
    # --- V7: 城乡规划法第四十一条 -------------------------------------------------------------------------------
    Case("V7-1", "第四十一条", "a structure in the village plan, no permit: 1600", SUSPECTED, farm(rural=[], **RURAL),
         {"stage": "structure"}, facts={"rural_plan_m2": (1600, 1600), "area_without_rural_permit_m2": (1600, 1600)}),
    Case("V7-1", "第四十一条", "the permit is of March", SILENT, farm(rural=[approval(WIDE, "2026-03-01")], **RURAL),
         {"stage": "structure"}),
    Case("V7-1", "第四十一条", "outside every plan that was delivered: 0 to 1600 in one", OPEN,
         farm(rural=[], village=[square(300, 300, 10)]), {"stage": "structure"}, facts={"rural_plan_m2": (0, 1600)}),
    Case("V7-1", "第四十一条", "earthworks do not show a building", OPEN, farm(rural=[], **RURAL)),
    Case("V7-1", "第四十一条", "inside the urban boundary: 0 outside", SILENT, farm(rural=[], inside=[FIELD], **RURAL),
         {"stage": "structure"}),
    Case("V7-2", "第四十一条", "the permit came on 2 November: 1600", SUSPECTED,
         farm(rural=[approval(WIDE, "2026-11-02")], **RURAL), {"stage": "roofed"}, facts={"late_rural_permit_m2": 1600}),
    Case("V7-2", "第四十一条", "the permit came in the interval: 0 surely late", SILENT,
         farm(rural=[approval(WIDE, "2026-10-20")], **RURAL), {"stage": "roofed"}),
    # --- why a candidate is held back ---------------------------------------------------------------------------
    Case("S1", "", "14 x 14 = 196 < 200", HELD_BACK, farm(), shape=square(0, 0, 14)),
    Case("S1", "", "14.2 x 14.2 = 201.64 >= 200", SILENT, farm(), shape=square(0, 0, 14.2)),
    Case("S2", "第四十四条", "38 x 40 approved before, widened by 10 m to 48 m: all 40 of it", HELD_BACK,
         farm(approvals=[approval(square(0, 0, 38, 40), "2026-10-01")])),
    Case("S2", "第四十四条", "20 x 40 widened to 30 x 40 = 75 % < 95 %", SILENT,
         farm(approvals=[approval(square(0, 0, 20, 40), "2026-10-01")])),
    Case("S3", "第五十七条", "a pit on valid temporary land", HELD_BACK, ended("2027-06-01"), {"stage": "pit"}),
    Case("S3", "第五十七条", "a roof on it", SILENT, ended("2027-06-01"), {"stage": "roofed"}),
    Case("S4", "", "the whole plot in the river (1101)", HELD_BACK, on({"c1101": FIELD})),
    Case("S4", "", "35 of 40 m in the river = 87.5 % < 90 %", SILENT,
         on({"c1101": square(0, 0, 35, 40), "c0103": square(35, 0, 5, 40)})),
    Case("S5", "", "a whole field of 1600 changed, novelty 0.4 < 1", HELD_BACK, on({"c0103": PLOT}), {"novelty": 0.4}),
    Case("S5", "", "the same field, novelty unknown", SILENT, on({"c0103": PLOT}), {"novelty": None}),
    Case("S6", "", "a works yard (0601) where the city wants those left out", HELD_BACK, on({"c0601": FIELD}),
         options={"suppress_construction_land": True}),
    Case("S6", "", "the same yard by default", SILENT, on({"c0601": FIELD})),
    Case("S7", "", "filed in January, no basic farmland", HELD_BACK,
         farm(filed=[approval(WIDE, "2026-01-01")]), facts={"filed_share": 1.0, "basic_farmland_m2": 0.0}),
    Case("S7", "", "filed, but on basic farmland", SILENT, farm(filed=[approval(WIDE, "2026-01-01")], basic=[FIELD])),
    Case("S7", "", "filed in the interval: nothing surely before", SILENT, farm(filed=[approval(WIDE, "2026-10-15")])),
    Case("S7", "", "filed, but whether on basic farmland is not known", SILENT,
         farm(filed=[approval(WIDE, "2026-01-01")], basic=None)),
    # --- what is noted ------------------------------------------------------------------------------------------
    Case("E1", "", "all on village land (0702)", NOTED, on({"c0702": FIELD})),
    Case("E1", "", "a field", SILENT, farm()),
    Case("E2", "", "present facility land (1202)", NOTED, on({"c1202": FIELD})),
    Case("E2", "", "a field", SILENT, farm()),
    Case("E3", "", "present farm road (1006)", NOTED, on({"c1006": FIELD})),
    Case("E3", "", "a road of towns (1004)", SILENT, on({"c1004": FIELD})),
    Case("E4", "第四十四条", "approved on 15 October", NOTED, farm(approvals=[approval(WIDE, "2026-10-15")]),
         facts={"interval_approved_m2": 1600}),
    Case("E4", "第四十四条", "approved on 1 November is late, not open", SILENT,
         farm(approvals=[approval(WIDE, "2026-11-01")])),
    Case("E5", "第四十四条", "an approval without a date", NOTED, farm(approvals=[approval(WIDE, None)]),
         facts={"undated_approved_m2": 1600}),
    Case("E5", "第四十四条", "an approval with one", SILENT, farm(approvals=[approval(WIDE, "2026-11-01")])),
    Case("E6", "第四十四条", "approved before", NOTED, farm(approvals=[approval(WIDE, "2026-01-01")]),
         facts={"lawful_share": 1.0}),
    Case("E6", "第四十四条", "three quarters of it", SILENT,
         farm(approvals=[approval(square(0, 0, 20, 40), "2026-01-01")])),
    Case("E7", "", "filed on 15 October", NOTED, farm(filed=[approval(WIDE, "2026-10-15")]),
         facts={"open_filed_m2": 1600}),
    Case("E7", "", "filed in January", SILENT, farm(filed=[approval(WIDE, "2026-01-01")], basic=[FIELD])),
    Case("E8", "", "filed on 5 November", NOTED, farm(filed=[approval(WIDE, "2026-11-05")]),
         facts={"late_filed_m2": 1600}),
    Case("E8", "", "filed on 15 October", SILENT, farm(filed=[approval(WIDE, "2026-10-15")])),
    Case("E9", "", "5 x 40 = 200 inside the redline", NOTED, farm(redline=[square(35, -10, 100)]),
         facts={"redline_m2": 200}),
    Case("E9", "", "2 x 40 = 80 < 100", SILENT, farm(redline=[square(38, -10, 100)])),
    Case("E10", "", "used in an emergency since 20 September", NOTED, farm(emergency=[approval(WIDE, "2026-09-20")]),
         facts={"emergency_m2": 1600}),
    Case("E10", "", "an emergency of November explains nothing of October", SILENT,
         farm(emergency=[approval(WIDE, "2026-11-20")])),
    Case("E11", "", "the approved project is a solar field", NOTED,
         farm(approvals=[approval(WIDE, "2026-11-01", project="某某50兆瓦光伏发电项目")]),
         facts={"solar_project_m2": 1600}),
    Case("E11", "", "the approved project is a plant", SILENT,
         farm(approvals=[approval(WIDE, "2026-11-01", project="某某厂房项目")])),
    Case("E12", "", "6 m at 0.5 m pixels: 5.5 to 6.5 within 2 to 8", NOTED, farm(), {"gsd_m": 0.5}, STRIP,
         facts={"farm_road_like": 1.0}),
    Case("E12", "", "6 m at 10 m pixels: 0 to 16 cannot be told", SILENT, farm(), {"gsd_m": 10.0}, STRIP),
    Case("E12", "", "12 m at 0.5 m pixels is wider", SILENT, farm(), {"gsd_m": 0.5}, square(0, 0, 200, 12)),
    Case("E12", "", "8 x 30 is no strip: 30 / 8 < 5", SILENT, farm(), {"gsd_m": 0.5}, square(0, 0, 8, 30)),
    Case("E13", "第二十条", "ended in June, a year to restore", NOTED, ended("2026-06-01"),
         facts={"reclaiming_temporary_m2": 1600}),
    Case("E13", "第二十条", "the year is over", SILENT, ended("2025-06-01")),
    Case("E14", "第四十条", "a permit of 2025 over all of it", NOTED,
         farm(permits=[approval(WIDE, "2025-05-05")], **({"inside": [FIELD]})), {"stage": "roofed"},
         facts={"permitted_share": 1.0}),
    Case("E14", "第四十条", "a permit of November", SILENT, farm(permits=[approval(WIDE, "2026-11-05")]),
         {"stage": "roofed"}),
    Case("E15", "", "20 x 40 = 800 claimed by field and wood alike: known are 400 of each, 800 have no class", NOTED,
         on({"c0103": square(-10, 0, 40, 40), "c0301": square(10, 0, 40, 40)}),
         facts={"contested_class_m2": 800, "farmland_m2": 400, "unapproved_farmland_m2": (400, 1200),
                "unapproved_new_land_m2": (800, 1600)}),
    Case("E15", "", "the same field drawn twice is one field", SILENT, on({"c0103": [FIELD, square(-500, -500, 999)]}),
         facts={"contested_class_m2": 0, "farmland_m2": 1600}),
    Case("E16", "", "a works yard of the survey of 2026, which shows 31 December: it may be what was built in October",
         NOTED, lambda: ground(surveyed(("0601", 2026, FIELD))),
         facts={"later_survey_m2": 1600, "construction_share": 0, "unapproved_new_land_m2": (0, 1600)}),
    Case("E16", "", "a works yard of the survey of 2025", SILENT, lambda: ground(surveyed(("0601", 2025, FIELD))),
         facts={"later_survey_m2": 0, "construction_share": 1}),
    Case("V1-1", "第四十四条", "a yard (203) of a later survey does not say that the ground was built on before: open",
         OPEN, lambda: ground(surveyed(("203", 2027, FIELD)))),
    Case("V1-1", "第四十四条", "a yard of an earlier one does", SILENT, lambda: ground(surveyed(("203", 2025, FIELD)))),
    Case("V1-1", "第四十四条", "a yard of a survey without a year does too", SILENT,
         lambda: ground(surveyed(("0601", None, FIELD)))),
    Case("V4-1", "第三十七条", "a field of a later survey was a field before", SUSPECTED,
         lambda: ground(surveyed(("0103", 2027, FIELD))), facts={"unapproved_farmland_m2": (1600, 1600)}),
    Case("V6-1", "第六十四条", "mining land that a later survey drew is no sign of mining before: open", SILENT,
         lambda: ground(surveyed(("0602", 2027, FIELD)), mining=[]), {"stage": "pit"}, facts={"mining_land_m2": 0}),
    Case("V3-1", "第十七条", "protected since 15 October, changed between the 2nd and the 31st: 0 to 1600", OPEN,
         lambda: protected_land(("2026-10-15", None)), facts={"unapproved_basic_farmland_m2": (0, 1600)}),
    Case("V3-1", "第十七条", "protected until 15 October: 0 to 1600", OPEN,
         lambda: protected_land((None, "2026-10-15")), facts={"unapproved_basic_farmland_m2": (0, 1600)}),
    Case("V3-1", "第十七条", "two delimitations, the second from the day after the first: throughout", SUSPECTED,
         lambda: protected_land(("2017-01-01", "2026-10-15"), ("2026-10-16", None)),
         facts={"unapproved_basic_farmland_m2": (1600, 1600)}),
    Case("V3-1", "第十七条", "protected from 1 November", SILENT, lambda: protected_land(("2026-11-01", None))),
    Case("S7", "", "filed, but protected since 15 October: whether on basic farmland is not known", SILENT,
         lambda: protected_land(("2026-10-15", None), filed=[approval(WIDE, "2026-01-01")])),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.paper[:44]}")
def test_a_rule_says_what_was_worked_out_on_paper(case: Case) -> None:
    row = candidate(case.shape, **case.row)
    suspected, suppressed = screen_candidates(candidates(row), **screening(case.on(), **case.options))
    assert len(suspected) + len(suppressed) == 1
    (found,) = [frame.iloc[0] for frame in (suspected, suppressed) if len(frame)]
    said = {entry["rule"]: entry for entry in json.loads(found["rules"])}
    if case.says == HELD_BACK:
        assert found.get("suppressed_by") == case.rule
    elif case.says == SILENT:
        assert case.rule not in said and found.get("suppressed_by") != case.rule
    else:
        assert said.get(case.rule, {}).get("judgement") == case.says, said.keys()
    kinds = set(json.loads(found["kinds"]))
    if case.rule.startswith("V"):
        assert case.says != SUSPECTED or case.rule[:2] in kinds
    keywords = {name: value for name, value in screening(case.on(), **case.options).items() if name in MEASURED}
    facts = at(measure(candidates(row), **keywords).facts, 0)
    for name, value in case.facts.items():
        told = facts[name]
        if isinstance(value, tuple):
            assert isinstance(told, Range) and (told.low, told.high) == pytest.approx(value, abs=0.1), name
        else:
            assert told == (value if value is None else pytest.approx(value, abs=0.1)), name


def test_every_rule_has_a_case_that_holds_and_one_that_does_not() -> None:
    known = {rule.id for rule in load_rulebook().rules}
    holds = {case.rule for case in CASES if case.says not in (SILENT, OPEN)}
    fails = {case.rule for case in CASES if case.says == SILENT}
    assert {case.rule for case in CASES} == known
    # V6-2 never holds: it is there to say that the image cannot tell
    assert holds == known - {"V6-2"} and fails == known


def test_the_section_beside_a_case_is_the_rules_own() -> None:
    book = load_rulebook()
    sections = {statute.id: statute.section for statute in book.statutes}
    for case in CASES:
        rule = next(rule for rule in book.rules if rule.id == case.rule)
        behind = {sections[name] for name in rule.statutes}
        assert not case.section or case.section in behind or case.section in rule.source, case
        assert case.section or not behind, case
