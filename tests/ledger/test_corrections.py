from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.corrections import Corrected, follow_corrections, mended_rows, supersede, turned_into_findings
from pipeline.ledger.files import DeliveredFile, FileRules
from pipeline.ledger.sheets import RawSheet
from pipeline.schema import SUPERSEDED
from pipeline.store import check_table
from tests.ledger.rules import FOUND, NOTHING, TEN, read, row, sheet

RULES = FileRules(
    ("date", "people", "route"), ("subject", "place", "status", "measures"), ("更正", "补正"), ("补报", "补充")
)
OLD, NEW, NEWER = (f"ledgers/王庄镇/{name}.xlsx" for name in ("九月", "九月新", "九月再"))
BUILT = (*FOUND[:5], "已建房", *FOUND[6:])
SAVED = {OLD: date(2026, 9, 30), NEW: date(2026, 10, 3), NEWER: date(2026, 10, 9)}


def file(name: str, saved: date | None) -> DeliveredFile:
    return DeliveredFile("U1", name, "Excel工作簿", 1, "ab", True, saved_on=saved)


def correct(*sheets: RawSheet, saved: dict[str, date | None] | None = None) -> Corrected:
    days = {**SAVED, **(saved or {})}
    names = sorted({sheet.file for sheet in sheets})
    ledger = read(*sheets)
    delivered = [file(name, days.get(name)) for name in names]
    result = supersede(ledger.items, delivered, RULES, copies=ledger.copies)
    check_table(SUPERSEDED, result.superseded)
    return result


def form(*rows: tuple[object, ...], name: str = NEW) -> RawSheet:
    return sheet(*rows, file=name, heading=(*TEN, "原条目编号"))  # type: ignore[arg-type]


def first_id(*rows: tuple[object, ...]) -> str:
    return read(sheet(*rows, file=OLD)).items[0].entry_id  # type: ignore[arg-type]


def test_a_newer_file_replaces_the_same_finding_and_says_what_changed() -> None:
    result = correct(
        sheet(row("2026-09-03"), row("2026-09-04", *NOTHING), file=OLD), sheet(row("20260903", *BUILT), file=NEW)
    )
    assert [(item.file, item.texts["status"]) for item in result.items if item.finding] == [(NEW, "已建房")]
    (gone,) = result.superseded.to_dict("records")
    assert (gone["file"], gone["row"], gone["by_file"], gone["changed"]) == (OLD, 2, NEW, "违法现状：推填土→已建房")
    assert "推填土" in gone["content"] and gone["superseded_by"] in {item.entry_id for item in result.items}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, date(2026, 10, 3)),
        (date(2026, 9, 30), None),
        (date(2026, 10, 3), date(2026, 10, 3)),
    ],
)
def test_nothing_is_replaced_where_nothing_says_which_is_newer(old: date | None, new: date | None) -> None:
    result = correct(
        sheet(row("2026-09-03"), file=OLD), sheet(row("2026-09-03", *BUILT), file=NEW), saved={OLD: old, NEW: new}
    )
    assert len(result.items) == 2 and result.superseded.empty


def test_a_file_named_a_correction_wins_over_any_day() -> None:
    name = "ledgers/王庄镇/A更正.xlsx"
    result = correct(
        sheet(row("2026-09-03"), file=OLD), sheet(row("2026-09-03", *BUILT), file=name), saved={name: None}
    )
    assert [item.file for item in result.items] == [name]


@pytest.mark.parametrize(
    "other",
    [
        row("2026-09-04", *BUILT),
        row("2026-09-03", *BUILT[:3], "钱七", *BUILT[4:]),
        row("2026-09-03", *BUILT[:4], "李庄村", *BUILT[5:]),
        row("2026-09-03", *BUILT[:3], "", *BUILT[4:]),
    ],
)
def test_another_day_subject_or_place_is_another_finding(other: tuple[object, ...]) -> None:
    result = correct(sheet(row("2026-09-03"), file=OLD), sheet(other, file=NEW))  # type: ignore[arg-type]
    assert len(result.items) == 2 and result.superseded.empty


@pytest.mark.parametrize(
    ("other", "name", "stay"),
    [
        (("李四", *BUILT[1:], "114.06000,32.10000"), NEW, 2),
        ((*BUILT, "114.05300,32.10000"), NEW, 2),
        ((*BUILT, "114.05010,32.10000"), NEW, 1),
        ((*BUILT, ""), NEW, 1),
        ((*BUILT, "114.06000,32.10000"), "ledgers/王庄镇/九月更正.xlsx", 1),
    ],
)
def test_report_of_another_crew_or_spot_in_a_newer_file_is_no_correction(
    other: tuple[object, ...], name: str, stay: int
) -> None:
    head = (*TEN, "坐标")
    old = sheet((*row("2026-09-03"), "114.05000,32.10000"), file=OLD, heading=head)
    new = sheet(row("2026-09-03", *other), file=name, heading=head)  # type: ignore[arg-type]
    for sheets in ((old, new), (new, old)):
        result = correct(*sheets)
        assert (len(result.items), len(result.superseded)) == (stay, 2 - stay)


def test_two_alike_rows_in_one_file_or_another_unit_replace_nothing() -> None:
    again = (*FOUND[:5], "围墙", *FOUND[6:])
    twice = correct(
        sheet(row("2026-09-03"), row("2026-09-03", *again), file=OLD), sheet(row("2026-09-03", *BUILT), file=NEW)
    )
    assert len(twice.items) == 3
    other = sheet(row("2026-09-03", *BUILT), file="ledgers/李庄乡/九月新.xlsx", unit="U2")
    assert len(correct(sheet(row("2026-09-03"), file=OLD), other).items) == 2


def test_a_row_that_states_the_entry_may_change_anything() -> None:
    old = first_id(row("2026-09-03"))
    changed = ("2026-09-05", "张三", "李庄", "违法占地", "钱七", "李庄村", "建房", "", "", "", old)
    result = correct(sheet(row("2026-09-03"), file=OLD), form(changed), saved={NEW: None})
    assert [item.start for item in result.items] == [date(2026, 9, 5)]
    assert "巡查时间：2026-09-03→2026-09-05" in result.superseded["changed"][0]
    assert result.superseded["entry_id"].tolist() == [old]


def test_a_form_sent_back_unchanged_changes_nothing() -> None:
    sheets = sheet(row("2026-09-03"), file=OLD), form((*row("2026-09-03"), first_id(row("2026-09-03"))))
    result = correct(*sheets)
    assert [item.file for item in result.items] == [OLD] and result.superseded.empty
    two = ("2026-09-03", *FOUND[:3], "1.赵六 2.钱七", "1.村东 2.村西", *FOUND[5:])
    ids = [item.entry_id for item in read(sheet(two, file=OLD)).items]
    lines = [
        ("2026-09-03", *FOUND[:3], who, where, *FOUND[5:], name)
        for who, where, name in zip(("赵六", "钱七"), ("村东", "村西"), ids, strict=True)
    ]
    result = correct(sheet(two, file=OLD), form(*lines))
    assert [item.entry_id for item in result.items] == ids and result.superseded.empty
    assert {line["code"] for line in result.rejected} == {"E506"} and len(result.rejected) == 2


def test_hidden_digits_of_a_form_do_not_replace_what_was_written() -> None:
    told = (*FOUND[:6], "电话13812341234告知", *FOUND[7:])
    old = first_id(row("2026-09-03", *told))
    masked = (*FOUND[:5], "建房", "电话138****1234告知", *FOUND[7:])
    result = correct(sheet(row("2026-09-03", *told), file=OLD), form((*row("2026-09-03", *masked), old)))
    (item,) = result.items
    assert (item.texts["measures"], item.texts["status"]) == ("电话13812341234告知", "建房")
    assert result.superseded["changed"].tolist() == ["违法现状：推填土→建房"]


def test_corrections_of_corrections_lead_to_the_last() -> None:
    old, middle = first_id(row("2026-09-03")), first_id(row("2026-09-03", *BUILT))
    last = (*FOUND[:5], "已封顶", *FOUND[6:])
    result = correct(
        sheet(row("2026-09-03"), file=OLD),
        form((*row("2026-09-03", *BUILT), old)),
        form((*row("2026-09-03", *last), middle), name=NEWER),
    )
    (item,) = result.items
    assert item.texts["status"] == "已封顶"
    assert dict(zip(result.superseded["entry_id"], result.superseded["superseded_by"], strict=True)) == {
        old: item.entry_id,
        middle: item.entry_id,
    }
    decisions = pd.DataFrame(
        {
            "target_id": ["T1", "T1", "T2"],
            "entry_id": [old, middle, None],
            "decided_on": ["d"] * 3,
            "decision": ["y"] * 3,
        }
    )
    carried = follow_corrections(decisions, result.superseded)
    assert carried["entry_id"].tolist()[0] == item.entry_id and len(carried) == 2
    assert decisions["entry_id"].tolist()[:2] == [old, middle]


@pytest.mark.parametrize(("name", "stand"), [("九月补报", 2), ("九月补充台账", 2), ("九月再", 1)])
def test_a_file_that_adds_replaces_nothing(name: str, stand: int) -> None:
    """Two of 村民 in one village on one day; a correction form that names the entry still replaces it."""
    villagers = (*FOUND[:3], "村民", "王庄村", *FOUND[5:])
    newer = f"ledgers/王庄镇/{name}.xlsx"
    other = (*villagers[:5], "已建房", *villagers[6:])
    saved = {newer: date(2026, 10, 9)}
    kept = correct(
        sheet(row("2026-09-03", *villagers), file=OLD), sheet(row("2026-09-03", *other), file=newer), saved=saved
    )
    assert len(kept.items) == stand
    old = first_id(row("2026-09-03", *villagers))
    told = correct(sheet(row("2026-09-03", *villagers), file=OLD), form((*row("2026-09-03", *other), old), name=newer))
    assert len(told.items) == 1


@pytest.mark.parametrize(
    ("change", "follows"), [({6: "已建房"}, False), ({5: "王庄村西800米"}, False), ({7: "已立案"}, True)]
)
def test_a_refusal_does_not_follow_a_correction_that_tells_otherwise(change: dict[int, str], follows: bool) -> None:
    """Whoever said 不是同一处 of a wrong place did not say it of the right one."""
    old = first_id(row("2026-09-03"))
    mended = tuple(change.get(at, text) for at, text in enumerate(row("2026-09-03")))
    result = correct(sheet(row("2026-09-03"), file=OLD), form((*mended, old)))
    (item,) = result.items
    asked = [("同一处", "T1"), ("不是同一处", "T2"), ("different", "T3")]
    decisions = pd.DataFrame(
        {"target_id": [t for _, t in asked], "entry_id": old, "decided_on": "d", "decision": [d for d, _ in asked]}
    )
    carried = follow_corrections(decisions, result.superseded).set_index("target_id")["entry_id"]
    assert carried.to_dict() == {"T1": item.entry_id} | dict.fromkeys(("T2", "T3"), item.entry_id if follows else old)


def test_entries_that_claim_to_correct_each_other_or_a_stranger_stay() -> None:
    a, b = first_id(row("2026-09-03")), first_id(row("2026-09-03", *BUILT))
    result = correct(form((*row("2026-09-03"), b), name=OLD), form((*row("2026-09-03", *BUILT), a)))
    assert len(result.items) == 1 and len(result.superseded) == 1
    foreign = form((*row("2026-09-03", *BUILT), a), name="ledgers/李庄乡/补正.xlsx")
    other = RawSheet("U2", foreign.file, foreign.sheet, foreign.rows)
    assert len(correct(sheet(row("2026-09-03"), file=OLD), other).items) == 2


def test_a_mended_cell_is_no_longer_to_mend() -> None:
    undated = row("不详")
    read_once = read(sheet(undated, file=OLD))
    old = read_once.items[0].entry_id
    sheets = sheet(undated, file=OLD), form((*row("2026-09-03"), old))
    result = correct(*sheets)
    rejected = read(*sheets).rejected.to_dict("records")
    (mended,) = mended_rows(rejected, result)
    assert (mended["code"], rejected[0]["code"]) == ("E509", "E505")
    assert NEW in mended["reason"] and "日期" in mended["reason"]
    assert mended_rows(rejected, correct(sheets[0]))[0]["code"] == "E505"


def test_a_form_that_leaves_a_cell_unmended_tells_it_once() -> None:
    undated = row("不详")
    sheets = sheet(undated, file=OLD), form((*undated, first_id(undated)))
    result = correct(*sheets)
    codes = {line["file"]: line["code"] for line in mended_rows(read(*sheets).rejected.to_dict("records"), result)}
    assert codes == {OLD: "E505", NEW: "E506"} and [item.file for item in result.items] == [OLD]


def test_a_patrol_that_turns_into_a_finding_is_a_reason_to_look() -> None:
    old = first_id(row("2026-09-03", *NOTHING))
    result = correct(sheet(row("2026-09-03", *NOTHING), file=OLD), form((*row("2026-09-03", *BUILT), old)))
    (reason,) = turned_into_findings(result.superseded)
    assert OLD in reason and NEW in reason
    plain = correct(sheet(row("2026-09-03"), file=OLD), sheet(row("2026-09-03", *BUILT), file=NEW))
    assert turned_into_findings(plain.superseded) == () and len(plain.superseded) == 1


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(5)), st.permutations([OLD, NEW, NEWER]))
def test_order_of_rows_and_files_does_not_matter(order: list[int], names: list[str]) -> None:
    days = ["2026-09-03", "2026-09-04", "2026-09-05", "2026-09-06", "2026-09-07"]
    parts = {
        OLD: [row(day) for day in days],
        NEW: [row(days[0], *BUILT), row(days[1])],
        NEWER: [row(days[0], *FOUND[:5], "已封顶", *FOUND[6:])],
    }
    expected = correct(*(sheet(*parts[name], file=name) for name in (OLD, NEW, NEWER)))
    shuffled = {**parts, OLD: [parts[OLD][n] for n in order]}
    found = correct(*(sheet(*shuffled[name], file=name) for name in names))
    assert {item.entry_id for item in found.items} == {item.entry_id for item in expected.items}
    ids = ["entry_id", "superseded_by", "changed"]
    pd.testing.assert_frame_equal(found.superseded[ids], expected.superseded[ids])
    assert len(expected.superseded) == 2


FOUR = ("ledgers/王庄镇/a.xlsx", "ledgers/王庄镇/b.xlsx", "ledgers/王庄镇/c.xlsx", "ledgers/王庄镇/d.xlsx")
STATES = ("推填土", "已建房", "已封顶")


def stated(status: str, day: str = "2026-09-03") -> tuple[object, ...]:
    return row(day, *FOUND[:5], status, *FOUND[6:])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from([None, 1, 2, 3])), min_size=2, max_size=4),
    st.permutations(FOUR),
)
def test_names_of_files_do_not_matter(files: list[tuple[str, int | None]], names: list[str]) -> None:
    def outcome(order: tuple[str, ...]) -> tuple[set[str], list[tuple[str, str]]]:
        named = list(zip(order, files, strict=False))
        days = {name: None if day is None else date(2026, 10, day) for name, (_, day) in named}
        told = correct(*(sheet(stated(status), file=name) for name, (status, _) in named), saved=days)
        pairs = told.superseded[["entry_id", "superseded_by"]].itertuples(index=False, name=None)
        return {item.entry_id for item in told.items}, sorted(pairs)

    assert outcome(FOUR) == outcome(tuple(names))


def test_both_older_rows_give_way_to_the_newer_whatever_they_are_called() -> None:
    a, b, c, _ = FOUR
    days = {a: date(2026, 10, 1), b: date(2026, 10, 1), c: date(2026, 10, 2)}
    told = correct(*(sheet(stated(s), file=name) for s, name in zip(STATES, (a, b, c), strict=True)), saved=days)
    assert [item.texts["status"] for item in told.items] == ["已封顶"] and len(told.superseded) == 2


@pytest.mark.parametrize("names", [FOUR[:3], FOUR[2::-1]])
def test_a_row_sent_again_unchanged_after_its_correction_leaves_open_which_is_right(names: tuple[str, ...]) -> None:
    first, correction, again = names
    days = {first: date(2026, 10, 1), correction: date(2026, 10, 2), again: date(2026, 10, 3)}
    parts = {first: "推填土", correction: "已建房", again: "推填土"}
    told = correct(*(sheet(stated(status), file=name) for name, status in parts.items()), saved=days)
    assert told.superseded.empty and len(told.items) == 2
