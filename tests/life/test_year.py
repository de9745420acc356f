"""The year of tests/life/twelve.py as a clerk reads it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import ALERTS, CASE_HISTORY, CASES, CONFLICTS, FOLLOW_UPS, PARCELS
from pipeline.stages import supervise
from pipeline.store import digest_tree
from tests.life.twelve import A, B, histories, run_year
from tests.life.year import Year


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Year, list[Any]]:
    return run_year(tmp_path_factory.mktemp("year") / "城 市")


HISTORY_OF_A = [
    ("2026-01-25", "疑似待派", "2025-12-20影像尚无变化，2026-01-25影像首次检出疑似新增建设"),
    ("2026-02-02", "已派发", "派发记录 2026-02-02 U1"),
    ("2026-02-05", "已核查", "核查记录 2026-02-05 核查为违法"),
    ("2026-02-06", "已通知", "文书记录 责令停止违法行为通知书 A-1 2026-02-06制作"),
    ("2026-02-07", "整改中", "文书记录 责令停止违法行为通知书 A-1 2026-02-07送达"),
    ("2026-02-24", "整改中", "停工观察：观察中，未见扩大"),
    ("2026-04-25", "整改中", "停工观察：疑似复工"),
    ("2026-05-03", "拒不停止", "决定记录 2026-05-03 拒不停止"),
    ("2026-05-05", "已抄告", "抄告记录 2026-05-05 市自然资源局"),
    ("2026-05-24", "已抄告", "停工观察：观察中，未见扩大"),
    ("2026-07-25", "已抄告", "清除复绿复查：疑似已清除未复绿"),
    ("2026-09-25", "已抄告", "清除复绿复查：疑似已清除且已复绿"),
    ("2026-10-08", "整改中", "核查记录 2026-10-08 核查为违法"),
    ("2026-10-08", "整改中", "决定记录 2026-10-08 整改到位"),
    ("2026-10-09", "已销案", "决定记录 2026-10-09 销案"),
]
HISTORY_OF_B = [
    ("2026-02-24", "疑似待派", "2026-01-25影像尚无变化，2026-02-24影像首次检出疑似新增建设"),
    ("2026-03-02", "已派发", "派发记录 2026-03-02 U1"),
    ("2026-03-06", "已核查", "核查记录 2026-03-06 核查为违法"),
    ("2026-03-08", "已通知", "文书记录 责令停止违法行为通知书 B-1 2026-03-08制作"),
    ("2026-03-10", "整改中", "文书记录 责令停止违法行为通知书 B-1 2026-03-10送达"),
    ("2026-03-26", "整改中", "停工观察：观察中，未见扩大"),
    ("2026-06-15", "已批准", "批准记录 2026-06-15 示政土〔2026〕8号 批准9600平方米"),
    ("2026-06-24", "已批准", "停工观察：批准已覆盖，观察结束"),
    ("2026-08-03", "已销案", "决定记录 2026-08-03 销案"),
]


@pytest.mark.parametrize(("target", "expected"), [(A, HISTORY_OF_A), (B, HISTORY_OF_B)])
def test_a_clerk_reads_what_happened_in_order(year: tuple[Year, list[Any]], target: str, expected: Any) -> None:
    lines = [line for line in histories(year[0], year[1][-1]) if line.startswith(target)]
    assert len(lines) == len(expected)
    for line, (day, state, words) in zip(lines, expected, strict=True):
        assert line.startswith(f"{target} {day} 【{state}】") and words in line
        assert "违法行为成立" not in line


def test_the_history_only_grows(year: tuple[Year, list[Any]]) -> None:
    tables = [year[0].table(context, "supervise", CASE_HISTORY) for context in year[1]]
    for before, after in zip(tables, tables[1:], strict=False):
        kept = after.merge(before, on=["target_id", "number"], suffixes=("", "_before"))
        assert len(kept) == len(before)
        for name in ("day", "source", "state", "event", "recorded_in"):
            assert (kept[name] == kept[f"{name}_before"]).all()


def test_the_last_record_stands_where_the_case_stands(year: tuple[Year, list[Any]]) -> None:
    for context in year[1]:
        history = year[0].table(context, "supervise", CASE_HISTORY).sort_values(["day", "number"], kind="stable")
        cases = year[0].table(context, "supervise", CASES).set_index("target_id")
        last = history.groupby("target_id").last()
        assert last["state"].to_dict() == cases["state"].to_dict()


def of_month(year: tuple[Year, list[Any]], month: int, kind: Any) -> Any:
    return year[0].table(year[1][month - 1], "supervise", kind)


def test_the_resumption_is_an_alert_of_its_month_only(year: tuple[Year, list[Any]]) -> None:
    told = {month: set(of_month(year, month, ALERTS)["alert"]) & {"grew_without_approval"} for month in range(1, 13)}
    assert [month for month, alerts in told.items() if alerts] == [4]
    (reason,) = of_month(year, 4, ALERTS).query("alert == 'grew_without_approval'")["reason"]
    assert "2.40亩到4.80亩" in reason and "±" in reason


def test_claims_stand_beside_the_imagery_that_speaks_against_them(year: tuple[Year, list[Any]]) -> None:
    found = {month: of_month(year, month, CONFLICTS)["conflict"].tolist() for month in range(1, 13)}
    assert {month: names for month, names in found.items() if names} == {
        4: ["stopped_but_grew"], 6: ["removed_but_stands"]
    }  # fmt: skip
    row = of_month(year, 6, CONFLICTS).iloc[0]
    assert "已自行拆除" in row["one"] and "2026-06-24影像" in row["other"] and "不作结论" in row["effect"]


def test_days_in_the_state_end_with_imagery_for_one_and_with_the_approval_for_the_other(
    year: tuple[Year, list[Any]],
) -> None:
    last = of_month(year, 12, FOLLOW_UPS).set_index("target_id")
    assert last.loc[A, ["days_least", "days_most", "ended_by"]].tolist() == [150, 217, "2026-07-25影像疑似已清除"]
    assert last.loc[B, ["days_least", "days_most", "ended_by"]].tolist() == [111, 141, "2026-06-15批准覆盖"]
    assert last.loc[A, "ground"] == "unclear" and "季节" in last.loc[A, "ground_reason"]
    assert pd.isna(of_month(year, 5, FOLLOW_UPS).set_index("target_id").loc[A, "ended_by"])


def test_the_parcel_on_which_nothing_is_built_stays_so_all_year(year: tuple[Year, list[Any]]) -> None:
    for month in range(1, 13):
        parcels = of_month(year, month, PARCELS).set_index("approval_id")
        assert parcels.loc["C", "built_share"] == 0.0


def test_the_same_months_give_the_same_bytes(year: tuple[Year, list[Any]], tmp_path: Any) -> None:
    last = year[1][-1]
    (tmp_path / "supervise").mkdir()
    supervise.run(last, tmp_path / "supervise")
    assert digest_tree(tmp_path / "supervise") == digest_tree(last.run / "supervise")
