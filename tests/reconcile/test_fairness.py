"""Accusations that the evidence does not carry: each case is one that must stay open, beside one that need not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from shapely.geometry import LineString, MultiLineString, box

from tests.reconcile.conftest import X, Y


def one(draw: SimpleNamespace, city: Any) -> dict[str, Any]:
    return next(row for row in draw.verdicts(city.tables()).to_dict("records") if row["target_id"] == "T1")


def test_ledger_of_a_part_of_the_month_says_nothing_of_later_days(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries = [draw.effort("2026-10-12")]
    row = one(draw, patrolled)
    assert (row["verdict"], "只写到 2026-10-12" in row["reason"]) == ("undeterminable", True)
    patrolled.entries = [draw.effort("2026-10-14")]
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


@pytest.mark.parametrize(
    ("file", "speaks"),
    [
        ({}, True),
        ({"saved_on": "2026-10-31"}, False),
        ({"saved_on": "2026-10-13"}, False),
        ({"saved_on": None}, False),
        ({"stated_month": None}, False),
        ({"stated_month": "2026-09", "saved_on": "2026-11-02"}, False),
        ({"last_day": "2026-09-28"}, False),
        ({"last_day": None}, False),
        ({"read": False}, False),
        ({"unit_id": "B"}, False),
    ],
)
def test_ledger_kept_beyond_its_month_tells_of_patrols_never_made(
    draw: SimpleNamespace, due: Any, file: Any, speaks: bool
) -> None:
    due.entries = [draw.effort("2026-10-12"), draw.effort("2026-10-12", unit="B")]
    due.files = [file]
    assert (one(draw, due)["verdict"] == "due_not_patrolled") is speaks


def test_month_of_a_kept_ledger_says_nothing_of_the_next(draw: SimpleNamespace, due: Any) -> None:
    due.entries = [draw.effort("2026-10-12"), draw.effort("2026-11-02")]
    due.files = [{"last_day": "2026-10-12", "stated_month": "2026-09"}]
    due.plan[0] |= {"due_from": "2026-11-01", "due_to": "2026-11-20"}
    due.visits.append(draw.visit("V2", "2026-11-10", y=5000.0, cell_ids="C9"))
    assert one(draw, due)["verdict"] == "undeterminable"
    due.files.append({"file": "B.xlsx", "last_day": "2026-11-02", "stated_month": "2026-11", "saved_on": "2026-12-01"})
    assert one(draw, due)["verdict"] == "due_not_patrolled", one(draw, due)["reason"]


def test_ledger_saved_late_is_no_evidence_against_a_patrol_it_does_not_list(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    """A file re-saved after the month may lack the last days' rows: the patrol of the 14th, and what it found."""
    patrolled.entries = [draw.effort("2026-10-12")]
    patrolled.files = [{}]
    row = one(draw, patrolled)
    assert (row["verdict"], "只写到 2026-10-12" in row["reason"]) == ("undeterminable", True)


def test_ledger_under_two_units_may_be_anybodys(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.rejected = [{"code": "E508"}]
    assert one(draw, patrolled)["verdict"] == "undeterminable"
    patrolled.rejected = [{"code": "E509", "field": "discovered_on", "row": 4}]
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_picture_that_no_entry_names_may_be_a_page_of_the_ledger(
    draw: SimpleNamespace, patrolled: Any, due: Any
) -> None:
    for city, accused in ((patrolled, "patrolled_not_reported"), (due, "due_not_patrolled")):
        city.rejected = [{"code": "E515", "file": "ledgers/A/IMG_0077.jpg", "unit_id": "B"}]
        assert one(draw, city)["verdict"] == accused
        city.rejected[0]["unit_id"] = "A"
        row = one(draw, city)
        assert row["verdict"] == "undeterminable"
        assert city is due or "IMG_0077.jpg 未能读入" in row["reason"]


def test_ledger_of_another_city_does_not_speak_for_the_unit(draw: SimpleNamespace, patrolled: Any, due: Any) -> None:
    for city, accused in ((patrolled, "patrolled_not_reported"), (due, "due_not_patrolled")):
        assert one(draw, city)["verdict"] == accused
        city.rejected = [{"code": "E503", "file": "ledgers/A/平桥区.xlsx"}]
        assert one(draw, city)["verdict"] == "undeterminable"


def test_answer_that_nothing_illegal_was_found_at_the_target(draw: SimpleNamespace, patrolled: Any) -> None:
    answer = draw.effort("2026-10-20", entry_id="E1", stated_target_id="T1")
    patrolled.entries.append(answer)
    assert one(draw, patrolled)["rule"] == "verdict.5.answered"
    answer["discovered_on"] = "2026-12-02"
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    answer.update(discovered_on="2026-10-20", stated_target_id="T9")
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_ledger_that_ends_before_the_plan_does_proves_no_absence(draw: SimpleNamespace, due: Any) -> None:
    due.entries = [draw.effort("2026-10-14")]
    assert one(draw, due)["verdict"] == "undeterminable"
    due.entries = [draw.effort("2026-11-02"), draw.effort("2026-10-14")]
    assert one(draw, due)["verdict"] == "due_not_patrolled"


def test_of_two_delegations_the_latest_begun_acts(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.delegations = [
        {"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-01-01", "valid_to": None},
        {"unit_id": "A", "delegate_unit_id": "B", "valid_from": "2026-10-01", "valid_to": None},
    ]
    patrolled.visits[0]["unit_id"] = "D"
    patrolled.entries += [draw.effort("2026-10-20", unit="D"), draw.effort("2026-10-20", unit="B")]
    assert one(draw, patrolled)["verdict"] == "undeterminable"
    patrolled.visits[0]["unit_id"] = "B"
    assert one(draw, patrolled)["acting_unit_id"] == "B"


def test_nobody_is_named_for_another_units_patrol(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.delegations = [{"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-10-01", "valid_to": None}]
    patrolled.visits[0]["unit_id"] = "D"
    patrolled.entries.append(draw.effort("2026-10-20", unit="D"))
    row = one(draw, patrolled)
    assert (row["verdict"], row["acting_unit_id"]) == ("patrolled_not_reported", "D")
    assert pd.isna(row["person_id"])
    patrolled.responsibility[0]["person_id"] = "P4"
    assert one(draw, patrolled)["person_id"] == "P4"


@pytest.mark.parametrize(
    ("people", "person"),
    [
        (None, "P1"),
        ("张三", "P1"),
        ("李四、张三", "P1"),
        ("李四", None),
        ("张三丰、李四", None),
        ("组长张三等2人", "P1"),
    ],
)
def test_who_was_not_on_the_patrol_is_not_named_for_it(
    draw: SimpleNamespace, patrolled: Any, people: str | None, person: str | None
) -> None:
    patrolled.visits[0]["people"] = people
    row = one(draw, patrolled)
    assert (row["verdict"], row["unit_id"]) == ("patrolled_not_reported", "A")
    assert row["person_id"] == person if person else pd.isna(row["person_id"])


def test_of_two_people_from_one_day_none_is_named(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.responsibility.append({"cell_id": "C1", "unit_id": "A", "person_id": "P9", "valid_from": "2026-01-01"})
    row = one(draw, patrolled)
    assert row["verdict"] == "patrolled_not_reported"
    assert pd.isna(row["person_id"])


@pytest.mark.parametrize(
    "change",
    [
        {"valid_from": "2026-10-15", "valid_to": "2026-10-20"},
        {"valid_from": "2026-10-31", "valid_to": None},
        {"valid_from": "2026-01-01", "valid_to": "2026-10-12"},
    ],
)
def test_delegation_that_changes_inside_the_plan_blames_nobody(draw: SimpleNamespace, due: Any, change: Any) -> None:
    due.delegations = [{"unit_id": "A", "delegate_unit_id": "D", **change}]
    due.entries += [draw.effort("2026-10-20", unit="D"), draw.effort("2026-11-20", unit="D")]
    row = one(draw, due)
    assert (row["verdict"], "责任单位有变更" in row["reason"]) == ("undeterminable", True)


def test_delegates_own_records_are_needed(draw: SimpleNamespace, due: Any) -> None:
    due.delegations = [{"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-01-01", "valid_to": None}]
    assert one(draw, due)["verdict"] == "undeterminable"
    due.entries += [draw.effort("2026-10-20", unit="D"), draw.effort("2026-11-20", unit="D")]
    due.visits.append(draw.visit("V2", "2026-10-20", y=5000.0, cell_ids="C9", unit="D"))
    row = one(draw, due)
    assert (row["verdict"], row["acting_unit_id"]) == ("due_not_patrolled", "D")


def test_person_who_took_over_inside_the_plan_is_not_named(draw: SimpleNamespace, due: Any) -> None:
    due.responsibility[0]["valid_to"] = "2026-10-28"
    due.responsibility.append({"cell_id": "C1", "unit_id": "A", "person_id": "P9", "valid_from": "2026-10-29"})
    row = one(draw, due)
    assert row["verdict"] == "due_not_patrolled"
    assert pd.isna(row["person_id"])
    due.plan[0]["person_id"] = "P1"
    assert one(draw, due)["person_id"] == "P1"


def test_unlocated_finding_of_a_unit_that_acted_in_between(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.delegations = [
        {"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-10-12", "valid_to": "2026-10-20"}
    ]
    patrolled.visits[0]["unit_id"] = "D"
    patrolled.entries += [draw.entry("E1", None, unit_id="D", day="2026-10-14")]
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


def test_finding_without_a_date_may_be_the_patrol_that_was_due(draw: SimpleNamespace, due: Any) -> None:
    due.rejected = [{"code": "E505", "field": "discovered_on", "row": 4}]
    assert one(draw, due)["verdict"] == "undeterminable"
    due.rejected[0]["field"] = "coordinates"
    assert one(draw, due)["verdict"] == "due_not_patrolled"


@pytest.mark.parametrize(
    ("file", "seen", "not_gone"),
    [("ledgers/东岗/十月.xlsx", False, False), ("tracks/东岗/1.gpx", True, False)],
)
def test_delivery_of_no_known_unit_may_be_anybodys(
    draw: SimpleNamespace, patrolled: Any, due: Any, file: str, seen: bool, not_gone: bool
) -> None:
    patrolled.rejected = due.rejected = [{"code": "E503", "unit_id": None, "file": file}]
    assert (one(draw, patrolled)["verdict"] == "patrolled_not_reported") is seen
    assert (one(draw, due)["verdict"] == "due_not_patrolled") is not_gone


def test_track_in_doubt_may_belong_to_the_day_before(draw: SimpleNamespace, due: Any) -> None:
    due.visits.append(draw.visit("V2", "2026-11-01", doubts="日期存疑"))
    assert one(draw, due)["verdict"] == "undeterminable"
    due.visits[-1]["doubts"] = None
    assert one(draw, due)["verdict"] == "patrolled_not_reported"


def test_undated_entry_naming_another_target_is_not_taken_as_late(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-11-05"}]
    patrolled.entries.append(draw.entry("E1", 20, 20, None, stated_target_id="420101XC26100001"))
    assert one(draw, patrolled)["rule"] == "verdict.5.undated_entry"


@pytest.fixture
def split(draw: SimpleNamespace, patrolled: Any) -> Any:
    """T1 was split off T0 in November; what both were in October lies north of y = 400 m."""
    old = draw.target("T0", y=400.0)
    part = {"parent_ids": "T0", "first_period": "2026-11", "state": "new"}
    patrolled.targets = [draw.target("T0", x=5000.0), draw.target(**part)]
    patrolled.first = [old, draw.target(**part)]
    return patrolled


def test_split_part_is_held_against_nobody_before_it_was_seen(draw: SimpleNamespace, split: Any) -> None:
    # the part has the parent's first_seen, yet none of it stood in October
    assert one(draw, split)["verdict"] == "undeterminable"
    split.first[0] = {**split.first[0], "geometry": box(draw.x, draw.y, draw.x + 40, draw.y + 440)}
    assert one(draw, split)["verdict"] == "patrolled_not_reported"


def test_report_of_the_whole_before_the_split_may_be_the_part(draw: SimpleNamespace, split: Any) -> None:
    split.first[0] = {**split.first[0], "geometry": box(draw.x, draw.y, draw.x + 40, draw.y + 440)}
    split.entries.append(draw.entry("E1", 5020.0, 20.0, "2026-10-20"))
    row = one(draw, split)
    # the entry is surely the parent's, so no form asks about this part
    assert row["rule"] == "verdict.5.split_entry"
    assert "待人工判定" not in row["reason"] and "records/decisions.csv" in row["reason"]


def test_decision_outlives_the_name_of_the_file_it_was_made_on(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E8", "decision": "同一处"}]
    row = one(draw, patrolled)
    assert (row["rule"], "E8" in row["reason"]) == ("verdict.5.ambiguous_entry", True)
    patrolled.decisions.append(
        {"target_id": "T1", "entry_id": "E8", "decision": "不是同一处", "decided_on": "2026-11-21"}
    )
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_straight_line_between_far_points_is_no_way_past_the_site(
    draw: SimpleNamespace, patrolled: Any, due: Any
) -> None:
    far = LineString([(draw.x - 400, draw.y - 35), (draw.x + 550, draw.y - 35)])
    patrolled.visits = [draw.visit("V1", "2026-10-14", geometry=far)]
    assert one(draw, patrolled)["verdict"] == "undeterminable"
    patrolled.visits[0]["geometry"] = far.segmentize(390.0)
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # that somebody went there is not denied either
    due.visits.append(draw.visit("V2", "2026-10-20", geometry=far, cell_ids="C9"))
    assert one(draw, due)["verdict"] == "undeterminable"


def test_person_may_rule_out_a_finding_of_unknown_place(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None))
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E1", "decision": "不是同一处"}]
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    patrolled.entries.append(draw.entry("E2", None))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


TOWARDS_NOWHERE = LineString([(X - 2000, Y + 700), (X + 2600, Y + 700)]).segmentize(100.0)


@pytest.mark.parametrize(
    ("way", "verdict"),
    [
        (TOWARDS_NOWHERE, "due_not_patrolled"),
        # the recorder was switched off 300 m from the site, and on again
        (LineString([(X - 2000, Y + 700), (X - 100, Y + 400)]).segmentize(100.0), "undeterminable"),
        (LineString([(X + 300, Y + 300), (X + 2600, Y + 300)]).segmentize(100.0), "undeterminable"),
        # nobody knows the way across a gap
        (MultiLineString([[(X - 3000, Y + 50), (X - 1500, Y + 50)], [(X + 1500, Y + 50), (X + 3000, Y + 50)]]),
         "undeterminable"),
        (LineString([(X - 1500, Y + 50), (X + 1500, Y + 50)]), "undeterminable"),
    ],
)  # fmt: skip
def test_a_track_past_the_next_cell_is_no_visit_unless_it_hides_one(
    draw: SimpleNamespace, due: Any, way: Any, verdict: str
) -> None:
    """All tracks lie in another cell; one that is whole and far off proves that nobody came."""
    due.visits.append(draw.visit("V9", "2026-10-20", geometry=way, cell_ids="C9"))
    assert one(draw, due)["verdict"] == verdict


def test_what_another_team_wrote_down_without_a_place_may_be_the_site(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None, unit_id="D", status="推填土"))
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    patrolled.visits.append(draw.visit("V2", "2026-10-20", y=400.0, unit="D"))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"
    # before the ground was last seen untouched a passing team can have written down nothing of it
    patrolled.visits[-1]["visited_on"] = "2026-09-10"
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_unread_ledger_of_another_team_that_was_there_may_tell_of_the_site(
    draw: SimpleNamespace, patrolled: Any, due: Any
) -> None:
    for city, accused in ((patrolled, "patrolled_not_reported"), (due, "due_not_patrolled")):
        city.rejected = [{"code": "E501", "unit_id": "D", "file": "ledgers/D/扫描.pdf"}]
        assert one(draw, city)["verdict"] == accused
        city.visits.append(draw.visit("V2", "2026-10-20", y=400.0, unit="D"))
        row = one(draw, city)
        assert (row["rule"], "扫描.pdf" in row["reason"]) == ("verdict.5.other_ledger", True)
        city.visits[-1]["visited_on"] = "2026-09-10"
        assert one(draw, city)["verdict"] == accused


def test_report_on_the_very_spot_long_before_the_images_waits_for_a_person(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    patrolled.entries.append(draw.entry("E1", 20, 20, day="2026-06-01"))
    assert one(draw, patrolled)["rule"] == "verdict.5.ambiguous_entry"
    patrolled.entries[-1] |= draw.entry("E1", 20, 200, day="2026-06-01")
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_coordinates_inside_a_large_site_are_never_passed_over(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.targets = [draw.target(size=200.0)]
    for day, status in (("2026-06-01", None), ("2026-06-01", "堆放"), ("2026-10-14", "修坟")):
        told = draw.entry("E1", 100, 100, day=day, status=status, stated_area_m2=30.0)
        patrolled.entries = [*patrolled.entries[:2], told]
        assert one(draw, patrolled)["rule"] == "verdict.5.ambiguous_entry"
        told |= draw.entry("E1", 100, 400, day=day)
        assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


@pytest.mark.parametrize(
    ("month", "blocks"), [("2026-06", False), ("2026-07", True), ("2026-10", True), ("2026-12", True), (None, True)]
)
def test_unread_ledger_of_a_month_long_past_hides_nothing_of_now(
    draw: SimpleNamespace, patrolled: Any, due: Any, month: str | None, blocks: bool
) -> None:
    """Entries may tell of the site from 60 days before its last clear image of 20 September on."""
    for city, accused in ((patrolled, "patrolled_not_reported"), (due, "due_not_patrolled")):
        city.rejected = [{"code": "E501", "file": "ledgers/A/扫描件.pdf"}]
        city.files = [
            {"file": "ledgers/A/扫描件.pdf", "read": False, "stated_month": month},
            {"last_day": "2026-11-28", "stated_month": "2026-11", "saved_on": "2026-12-02"},
        ]
        assert one(draw, city)["verdict"] == ("undeterminable" if blocks else accused)


def test_who_passed_the_site_and_wrote_something_down_near_it_may_have_meant_it(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    """Words 410 m off, a direction confused: alone too far to be the site, but that day's patrol went past it."""
    said = {"status": "主体施工", "stated_area_m2": 1600.0, "position_source": "place", "uncertainty_m": 120.0}
    patrolled.entries.append(draw.entry("E1", 20, 450, day="2026-10-14", **said))
    assert one(draw, patrolled)["rule"] == "verdict.5.passed_entry"
    # the same words on a day on which they went elsewhere
    patrolled.entries[-1] |= {"discovered_on": "2026-10-24"}
    patrolled.visits.append(draw.visit("V2", "2026-10-24", y=5000.0, cell_ids="C9"))
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # or another unit's
    patrolled.entries[-1] |= {"discovered_on": "2026-10-14", "unit_id": "B"}
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # what a person refused is refused
    patrolled.entries[-1] |= {"unit_id": "A"}
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E1", "decision": "different"}]
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_a_small_thing_beside_a_site_is_not_the_site_but_the_reader_is_told(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    """A hole of 45 m2 some metres from a hectare: no word for it fits, though the patrol went past the site that day."""
    patrolled.targets = [draw.target(size=100.0)]
    said = {"project": "挖土坑", "status": "已形成", "stated_area_m2": 45.0, "subject": "村民"}
    patrolled.entries.append(draw.entry("E1", 165, 50, day="2026-10-14", **said))
    row = one(draw, patrolled)
    assert row["verdict"] == "patrolled_not_reported"
    assert row["reason"].endswith("未认作该处") and "最接近的条目 E1 匹配概率仅 0.0" in row["reason"]
    # the same hole without its size may be the beginning of the site
    patrolled.entries[-1] |= {"stated_area_m2": None}
    assert one(draw, patrolled)["verdict"] != "patrolled_not_reported"
    # what a person refused is named too
    patrolled.entries[-1] |= {"project": "厂房"}
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E1", "decision": "different"}]
    assert one(draw, patrolled)["reason"].endswith("条目 E1 经人工判定不是该处")


def test_a_name_that_only_sounds_like_a_village_may_be_another_place(draw: SimpleNamespace, patrolled: Any) -> None:
    """Read as a village five kilometres away, it may as well be a hamlet beside the site that no layer knows."""
    said = {"status": "推填土", "position_source": "alike", "uncertainty_m": 600.0}
    patrolled.entries.append(draw.entry("E1", 5000, 5000, day="2026-10-20", **said))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"
    patrolled.entries[-1] |= {"position_source": "place"}
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # its outing was at that village
    patrolled.entries[-1] |= {"position_source": "alike"}
    patrolled.visits.append(draw.visit("V2", "2026-10-20", y=5000.0, cell_ids="C9") | {"evidence": "track+ledger"})
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # or it is surely about another target; that it may be is not enough, as the village itself is in doubt
    patrolled.visits.pop()
    patrolled.targets.append(draw.target("T8", x=5000, y=4400))
    assert draw.match(patrolled.tables())["probability"].max() > 0.06
    rows = draw.verdicts(patrolled.tables()).set_index("target_id")
    assert rows.loc["T1", "rule"] == "verdict.5.unlocated_entry"
    patrolled.targets.append(draw.target("T9", x=5000, y=5000))
    patrolled.entries[-1] |= {"stated_target_id": "T9"}
    rows = draw.verdicts(patrolled.tables()).set_index("target_id")
    assert rows.loc["T1", "verdict"] == "patrolled_not_reported"


def tracked(draw: SimpleNamespace, name: str, day: str, people: str | None = "张三", **changes: Any) -> dict[str, Any]:
    """An outing of unit A with its row, five kilometres from the site."""
    base = draw.visit(name, day, y=5000.0, cell_ids="C9", people=people)
    return base | {"evidence": "track+ledger"} | changes


def test_finding_without_a_place_was_where_its_outing_went(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None, day="2026-10-20", status="推填土", people="张三，李四"))
    away = tracked(draw, "V2", "2026-10-20")
    patrolled.visits.append(away)
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # others of the unit who went past the site that day did not write this row
    patrolled.visits.append(draw.visit("V4", "2026-10-20", people="王五"))
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    for people in (None, "张所长", "王五等3人"):
        patrolled.visits[-1] |= {"people": people}
        assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry", people
    patrolled.visits.pop()
    for changes in (
        {"evidence": "track"},  # its row is of another outing
        {"doubts": "日期存疑"},
        {"geometry": draw.visit("V2", "2026-10-20", y=500.0)["geometry"]},
        {"visited_on": "2026-10-22"},
        {"people": "王五"},  # the row's people were on another outing, of which nothing is known
        {"people": None},  # nobody says whose track it is
    ):
        patrolled.visits[-1] = away | changes
        assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry", changes
    patrolled.visits[-1] = away
    claim = {"evidence": "ledger", "geometry": None, "cell_ids": "C9", "file": "A.xlsx"}
    patrolled.visits.append(draw.visit("V3", "2026-10-20") | claim)
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


@pytest.mark.parametrize("people", ["张所长、李四", "執法二中队", "李四、司机", "李四及协管员2人", "張三、李四"])
def test_a_row_that_names_its_people_otherwise_may_be_of_any_outing(
    draw: SimpleNamespace, patrolled: Any, people: str
) -> None:
    """One phone stayed in the village; the other, of 张三 who is 张所长, went past the site."""
    patrolled.entries.append(draw.entry("E1", None, day="2026-10-20", status="推填土", people=people))
    patrolled.visits += [tracked(draw, "V2", "2026-10-20", "李四"), draw.visit("V4", "2026-10-20", people="张三")]
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


def test_each_day_of_a_row_needs_its_track(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(
        draw.entry("E1", None, day="2026-10-20", status="推填土", people="张三", discovered_until="2026-10-22")
    )
    patrolled.visits += [tracked(draw, "V2", "2026-10-20"), tracked(draw, "V3", "2026-10-21")]
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"
    patrolled.visits.append(tracked(draw, "V4", "2026-10-22"))
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    # a range of four days tells of other outings as well
    patrolled.entries[-1] |= {"discovered_until": "2026-10-23"}
    patrolled.visits.append(tracked(draw, "V5", "2026-10-23"))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


def test_where_a_track_ends_people_may_have_walked_on(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None, day="2026-10-20", status="推填土", people="张三"))
    stopped = LineString([(draw.x + 5000, draw.y), (draw.x + 1000, draw.y)]).segmentize(100.0)
    patrolled.visits.append(tracked(draw, "V2", "2026-10-20", geometry=stopped))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"
    passing = LineString([(draw.x + 5000, draw.y + 800), (draw.x - 5000, draw.y + 800)]).segmentize(100.0)
    patrolled.visits[-1] |= {"geometry": passing}
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_what_was_not_seen_from_the_way_was_not_where_the_way_was(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(
        draw.entry("E1", None, day="2026-10-20", status="推填土", people="张三", remark="无人机巡查发现")
    )
    patrolled.visits.append(tracked(draw, "V2", "2026-10-20"))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


def test_the_far_end_of_a_site_that_has_grown_is_the_site(draw: SimpleNamespace, patrolled: Any) -> None:
    """A new road, 40 m when first seen and 2 km long now, met at its far end."""
    patrolled.targets = [draw.target() | {"geometry": box(draw.x, draw.y, draw.x + 40, draw.y + 2000)}]
    patrolled.first = [draw.target()]
    patrolled.entries.append(draw.entry("E1", None, day="2026-10-20", status="推填土", people="张三"))
    patrolled.visits.append(tracked(draw, "V2", "2026-10-20", geometry=draw.visit("V2", "", y=2000.0)["geometry"]))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"


def test_a_track_of_any_day_of_the_outing_passes_the_site(draw: SimpleNamespace, patrolled: Any) -> None:
    said = {"status": "主体施工", "stated_area_m2": 1600.0, "position_source": "place", "uncertainty_m": 120.0}
    patrolled.entries.append(draw.entry("E1", 20, 450, day="2026-10-13", discovered_until="2026-10-14", **said))
    assert one(draw, patrolled)["rule"] == "verdict.5.passed_entry"


def test_a_shed_as_large_as_a_third_of_the_site_may_be_the_site(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.targets = [draw.target(size=30.0, stage="roofed")]
    said = {"project": "土坑", "status": "已形成", "stated_area_m2": 280.0}
    patrolled.entries.append(draw.entry("E1", 90, 15, day="2026-10-14", **said))
    assert one(draw, patrolled)["verdict"] == "found_before_dispatch"


@pytest.mark.parametrize(
    ("size", "entry"),
    [
        # the site manager's shed in a field of ten hectares
        (316.0, {"x": 150, "y": 150, "stated_area_m2": 800.0, "status": "推填土"}),
        # 15 亩 under 平方米
        (100.0, {"x": 150, "y": 50, "stated_area_m2": 15.0, "position_source": "place", "uncertainty_m": 341.0}),
        (100.0, {"x": None, "stated_area_m2": 15.0, "status": "主体"}),
    ],
)
def test_area_alone_does_not_undo_a_report_of_the_place(
    draw: SimpleNamespace, patrolled: Any, size: float, entry: dict[str, Any]
) -> None:
    patrolled.targets = [draw.target(size=size)]
    patrolled.entries.append(draw.entry("E1", day="2026-10-14", **entry))
    assert one(draw, patrolled)["verdict"] == "undeterminable"
    # a grave of no known place is none of it
    patrolled.entries[-1] = draw.entry("E1", None, stated_area_m2=6.0, status="修坟")
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
