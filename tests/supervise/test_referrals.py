from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipeline.schema import ENTRIES, REFERRALS, TASKS, VERDICTS, conform, empty
from pipeline.store import check_table
from pipeline.supervise.referrals import draft_referrals
from tests.patrol.town import CRS, frame, square, table, targets
from tests.supervise.records import acts, decision

VIOLATION = [("T", "2026-11-08", "violation")]
REFUSED = [decision("拒不停止", "2026-11-20")]
TASK = table(TASKS, ("T", "G1", "{}", "U1", "U1", None, 1, 0.5, True, None, "2026-11-08", "疑似"))


def entry(**values: Any) -> Any:
    row = {
        "entry_id": "E1", "unit_id": "U1", "file": "f", "sheet": "s", "row": 3, "item": 1, "finding": True,
        "position_source": "point", **values,
    }  # fmt: skip
    return conform(ENTRIES, frame({name: [value] for name, value in row.items()}, [square(0, 0, 1).centroid]))


def verdict() -> Any:
    row = {
        "target_id": "T", "verdict": "found_before_dispatch", "rule": "r", "reason": "r", "entry_id": "E1",
        "visits_in_window": 0, "seen_probability": 0.0, "visits_required": 0, "records_complete": True,
        "outcome": "violation", "accountable": False,
    }  # fmt: skip
    return table(VERDICTS, tuple(row.get(name) for name in VERDICTS.names))


def drafts(entries: Any = None, state: str = "new", **rows: Any) -> Any:
    found = targets({"target_id": "T", "geometry": square(100, 100, 30), "state": state, "area_m2": 900.0})
    entries = empty(ENTRIES, CRS) if entries is None else entries
    made = draft_referrals(
        found, TASK, verdict(), entries, {"U1": "东关镇"}, acts(**rows), reply_days=15, as_of=date(2026, 12, 10)
    )
    check_table(REFERRALS, made)
    return made


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ({}, False),
        ({"field_checks": VIOLATION}, False),
        ({"decisions": REFUSED}, False),
        ({"field_checks": VIOLATION, "decisions": REFUSED}, True),
        ({"field_checks": VIOLATION, "referrals": [("T", "2026-11-22", "市局")]}, True),
        ({"field_checks": VIOLATION, "decisions": [*REFUSED, decision("已停止", "2026-11-21")]}, False),
        ({"field_checks": [*VIOLATION, ("T", "2026-11-25", "lawful")], "decisions": REFUSED}, False),
    ],
)
def test_a_draft_is_made_only_where_peoples_records_ask_for_one(rows: dict[str, Any], asked: bool) -> None:
    assert len(drafts(**rows)) == int(asked)


def test_items_nobody_recorded_are_missing_not_invented() -> None:
    made = drafts(field_checks=VIOLATION, decisions=REFUSED).iloc[0]
    assert made["missing_items"] == "违法主体、项目名称、实际用途"
    assert made["happened"] == "2026-09-20之后，不晚于2026-10-15（影像时段）"
    assert made["area_m2"] == 900.0 and made["location"].startswith("东关镇，网格G1，坐标(")


def test_the_matched_entry_fills_the_items() -> None:
    full = entry(subject="某某建材", project="仓库", status="堆场硬化", place="王庄村东")
    made = drafts(full, field_checks=VIOLATION, referrals=[("T", "2026-11-22", "市局")]).iloc[0]
    assert made[["subject", "project", "actual_use"]].tolist() == ["某某建材", "仓库", "堆场硬化"]
    assert made.isna()["missing_items"] and "王庄村东" in made["location"]
    assert made["referred_to"] == "市局"


def test_a_merged_target_has_no_draft_of_its_own() -> None:
    assert drafts(state="merged", field_checks=VIOLATION, decisions=REFUSED).empty


@pytest.mark.parametrize(
    ("replied", "state"),
    [
        # sent on 22 November, 15 days: due on 7 December; asked on 10 December
        (None, "逾期3天未见回复"),
        ("2026-12-07", "已按期回复"),
        ("2026-12-09", "已回复，迟2天"),
    ],
)
def test_an_answer_is_due_fifteen_days_after_the_referral(replied: str | None, state: str) -> None:
    made = drafts(field_checks=VIOLATION, referrals=[("T", "2026-11-22", "市局", replied)]).iloc[0]
    assert (str(made["reply_due_on"].date()), made["reply_state"]) == ("2026-12-07", state)


def test_a_referral_not_yet_sent_has_no_clock() -> None:
    made = drafts(field_checks=VIOLATION, decisions=REFUSED).iloc[0]
    assert made["reply_state"] == "尚未抄告" and made.isna()["reply_due_on"]


def test_the_letter_says_what_is_known_and_leaves_the_rest_open() -> None:
    letter = drafts(field_checks=VIOLATION, decisions=REFUSED).iloc[0]["draft"]
    assert letter.startswith("抄告函（草稿，未发出）：监测编号T，经实地核查疑似违法")
    assert "1.违法主体：（待补）。" in letter and "5.占地面积：约1.35亩（900平方米，影像量算）。" in letter
    assert letter.endswith("发出前请补齐：违法主体、项目名称、实际用途。")


def test_an_earlier_referral_without_an_answer_is_not_hidden_by_a_later_one() -> None:
    # due on 2026-12-07 and 2026-12-16; nobody answered the first, the second was answered in time
    two = [("T", "2026-11-22", "市自然资源局", None), ("T", "2026-12-01", "市农业农村局", "2026-12-10")]
    made = drafts(field_checks=VIOLATION, referrals=two).iloc[0]
    assert (made["referred_to"], str(made["reply_due_on"].date())) == ("市自然资源局", "2026-12-07")
    assert made["reply_state"] == "逾期3天未见回复；共抄告2次，1次未回复" and made.isna()["replied_on"]
