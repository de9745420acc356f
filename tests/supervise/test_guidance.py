"""Wordings, limitation, authorities and notices per suspected kind; every authority and notice row on a drawn case."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.lawbook import load_authorities, load_notices
from pipeline.rulebook import load_law, load_rulebook
from pipeline.schema import GUIDANCE
from pipeline.store import check_table
from pipeline.supervise.guidance import (
    authorities_for,
    guide,
    limitation_days,
    notices_for,
    possible_days,
    wordings,
)

LAW, AS_OF = load_law(), date(2026, 11, 30)
KINDS = ("V1", "V2", "V3", "V4", "V5", "V6", "V7")
STOP, BUILD = "责令停止违法行为通知书", "责令停止违法建设通知书"
PULL, MEND = "限期拆除违法建筑物、构筑物通知书", "责令改正违法行为通知书"
# On paper: DOMAIN section 5. 限期拆除 fits V7 alone (城乡规划法第六十五条); under land law it is a penalty decision.
FITS = {
    "V1": {STOP, MEND}, "V2": {STOP, MEND}, "V3": {STOP, MEND}, "V4": {STOP, MEND}, "V5": {BUILD, MEND},
    "V6": {STOP, MEND}, "V7": {BUILD, PULL, MEND},
}  # fmt: skip
# On paper: section 3, "who acts". Only a township holds the power itself, and only for V7.
ACTS = {
    ("V1", "township"): {"A1", "A2"}, ("V2", "township"): {"A3"}, ("V3", "street"): {"A4"}, ("V4", "township"): {"A4"},
    ("V5", "township"): {"A5"}, ("V6", "economic_zone"): {"A6"}, ("V7", "township"): {"A7"}, ("V7", "street"): {"A8"},
    ("V7", "city_team"): {"A8"}, ("V7", None): set(),
}  # fmt: skip


def targets(**values: Any) -> pd.DataFrame:
    fired = [{"rule": "V6-1", "kind": "V6", "judgement": "suspected", "label": "采挖"}]
    row = {
        "target_id": "T1", "state": "new", "kinds": '["V6"]', "rules": json.dumps(fired),
        "last_clear": pd.Timestamp("2025-06-10"), "first_seen": pd.Timestamp("2025-07-20"),
    }  # fmt: skip
    return pd.DataFrame([row | values])


def tasks(unit: str | None = "U1") -> pd.DataFrame:
    return pd.DataFrame({"target_id": ["T1"], "acting_unit_id": [unit]})


@pytest.mark.parametrize("kind", KINDS)
def test_notices_that_fit_a_kind_and_those_that_do_not_are_all_named(kind: str) -> None:
    fit, unfit = notices_for(LAW, kind, AS_OF)
    assert {row.notice for row in fit} == FITS[kind]
    assert {row.notice for row in unfit} == {STOP, BUILD, PULL, MEND} - FITS[kind]
    assert all(row.why for row in (*fit, *unfit)) and all(row.issuer for row in fit)


def test_every_notice_row_is_met_by_one_kind_and_not_by_another() -> None:
    met = {kind: {row.id for part in notices_for(LAW, kind, AS_OF) for row in part} for kind in KINDS}
    for entry in load_notices():
        assert any(entry.id in ids for ids in met.values()), entry.id
        assert any(entry.id not in ids for ids in met.values()), entry.id


@pytest.mark.parametrize(("kind", "unit_kind"), list(ACTS))
def test_who_may_act_on_a_kind_at_a_place(kind: str, unit_kind: str | None) -> None:
    rows = authorities_for(LAW, kind, unit_kind, AS_OF, AS_OF)
    assert {row.id for row in rows} == ACTS[kind, unit_kind]
    assert any(row.unit_itself for row in rows) is (kind == "V7" and unit_kind == "township")


def test_every_authority_row_has_a_case() -> None:
    used: set[str] = set().union(*ACTS.values())
    assert used == {entry.id for entry in load_authorities()}


def test_before_2020_villagers_dwellings_were_no_matter_of_agriculture() -> None:
    day = date(2019, 12, 31)
    assert [row.id for row in authorities_for(LAW, "V1", "township", day, day)] == ["A1"]


def test_an_interval_across_a_change_of_law_names_both_wordings_and_the_lighter_law() -> None:
    # the mineral law changed on 2025-07-01; the act began between 2025-06-11 and 2025-07-20
    made = guide(targets(), tasks(), {"U1": "township"}, law=LAW, as_of=AS_OF)
    check_table(GUIDANCE, made)
    (row,) = made.to_dict("records")
    assert "第三十九条" in row["prohibitions"] and "第六十四条" in row["prohibitions"]
    assert "第三十七条" in row["law_note"]
    assert (row["begun_from"], row["begun_to"]) == (pd.Timestamp("2025-06-11"), pd.Timestamp("2025-07-20"))
    assert (row["limit_from"], row["limit_to"]) == (pd.Timestamp("2027-06-11"), pd.Timestamp("2027-07-20"))
    assert row["kind_label"].startswith("疑似") and not row["unit_itself"]


@pytest.mark.parametrize(
    ("clear", "seen", "sections"),
    [("2025-05-01", "2025-06-30", ["第三十九条"]), ("2025-06-30", "2025-08-01", ["第六十四条"]),
     ("2025-06-29", "2025-07-01", ["第三十九条", "第六十四条"])],
)  # fmt: skip
def test_the_wording_is_that_of_the_days_the_act_can_have_begun(clear: str, seen: str, sections: list[str]) -> None:
    first, last = possible_days(pd.Timestamp(clear), pd.Timestamp(seen), AS_OF)
    found, changed = wordings(LAW, ["KCZYF-64"], first, last)
    assert [section.section for section in found] == sections and changed is (len(sections) > 1)


@pytest.mark.parametrize(
    ("clear", "seen", "days"),
    [
        ("2026-10-01", "2026-10-31", (date(2026, 10, 2), date(2026, 10, 31))),
        (None, "2026-10-31", (date(2026, 10, 31), date(2026, 10, 31))),
        ("2026-10-01", None, (date(2026, 10, 2), AS_OF)),
        (None, None, (AS_OF, AS_OF)),
        ("2026-10-31", "2026-10-31", (date(2026, 10, 31), date(2026, 10, 31))),
    ],
)
def test_the_act_began_after_the_last_clear_image(clear: str | None, seen: str | None, days: tuple[date, date]) -> None:
    stamps = [pd.NaT if day is None else pd.Timestamp(day) for day in (clear, seen)]
    assert possible_days(*stamps, AS_OF) == days


def test_limitation_runs_two_years_from_the_act_and_a_leap_day_ends_on_the_last_of_february() -> None:
    earliest, latest, rules = limitation_days(LAW, date(2024, 2, 29), date(2024, 3, 5))
    assert (earliest, latest) == (date(2026, 2, 28), date(2026, 3, 5))
    assert [rule.section for rule in rules] == ["第三十六条"]
    assert [rule.section for rule in limitation_days(LAW, date(2021, 7, 14), date(2021, 7, 15))[2]] == [
        "第二十九条", "第三十六条",
    ]  # fmt: skip


def test_a_merged_target_and_one_without_a_kind_get_no_row_and_the_plans_oddities_are_flagged() -> None:
    kinds = {"U1": "township"}
    assert guide(targets(state="merged"), tasks(), kinds, law=LAW, as_of=AS_OF).empty
    assert guide(targets(kinds="[]"), tasks(), kinds, law=LAW, as_of=AS_OF).empty
    rules = json.dumps([{"rule": "V7-1", "kind": "V7", "judgement": "suspected", "label": "建设"}])
    (row,) = guide(targets(kinds='["V7"]', rules=rules), tasks(), kinds, law=LAW, as_of=AS_OF).to_dict("records")
    assert row["unit_itself"] and "法定名称" in row["note"] and "乡、镇人民政府" in row["authorities"]
    (row,) = guide(targets(kinds='["V7"]', rules=rules), tasks(None), kinds, law=LAW, as_of=AS_OF).to_dict("records")
    assert not row["unit_itself"]
    assert [kind.code for kind in load_rulebook().kinds if kind.note] == ["V5", "V7"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_liabilities_with_their_marks(kind: str) -> None:
    rules = json.dumps([{"rule": f"{kind}-1", "kind": kind, "judgement": "suspected", "label": "x"}])
    found = targets(kinds=json.dumps([kind]), rules=rules, last_clear=pd.Timestamp("2026-09-01"),
                    first_seen=pd.Timestamp("2026-10-01"))  # fmt: skip
    (row,) = guide(found, tasks(), {"U1": "township"}, law=LAW, as_of=AS_OF).to_dict("records")
    assert row["liabilities"] and "，V" in row["liabilities"] and row["prohibitions"]
    assert row["notices_fit"] and pd.isna(row["law_note"])


@pytest.mark.parametrize(
    ("first", "last", "changed"),
    [
        # 实施条例第五十七条 (100 to 1000 yuan per m2) came on 2021-09-01 and has no earlier wording here
        (date(2021, 8, 31), date(2021, 9, 1), True),
        (date(2021, 9, 1), date(2021, 9, 20), False),
        (date(2021, 8, 1), date(2021, 8, 31), False),
    ],
)
def test_a_section_that_begins_within_the_interval_is_a_change_of_law(first: date, last: date, changed: bool) -> None:
    assert wordings(LAW, ["TDGLFSSTL-57"], first, last)[1] is changed
