"""The year of tests/life/twelve.py as a clerk reads it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import (
    ALERTS,
    CASE_HISTORY,
    CASES,
    CONFLICTS,
    FOLLOW_UPS,
    PARCELS,
    SUPPLY,
    SUPPLY_BREACHES,
    SUPPLY_HISTORY,
    SUPPLY_ITEMS,
)
from pipeline.stages import supervise
from pipeline.store import digest_tree
from tests.life.twelve import A, B, D, E, F, histories, run_year, supply_histories
from tests.life.year import Year


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Year, list[Any]]:
    return run_year(tmp_path_factory.mktemp("year") / "城 市")


HISTORY_OF_A = [
    ("2026-01-25", "疑似待派", "2025-12-20影像尚无变化，2026-01-25影像已见疑似新增建设"),
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
    ("2026-02-24", "疑似待派", "2026-01-25影像尚无变化，2026-02-24影像已见疑似新增建设"),
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


@pytest.mark.parametrize("kind", [CASE_HISTORY, SUPPLY_HISTORY])
def test_the_history_only_grows(year: tuple[Year, list[Any]], kind: Any) -> None:
    tables = [year[0].table(context, "supervise", kind) for context in year[1]]
    for before, after in zip(tables, tables[1:], strict=False):
        kept = after.merge(before, on=list(kind.key), suffixes=("", "_before"))
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
    assert row["place"] == "ledgers U1 台账.xlsx〔一〕第3行“制止效果、后续处理”栏" and "现场核实后" in row["mend"]


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


# D: agreed 2024-06-30; 60 days of the first year and 20 of the second do not count (1 March to 29 April, 5 to 24 July).
# One year: 2025-06-30 + 60 days = 2025-08-29. Two: 2026-06-30 + 60 + 20 days = 2026-09-18.
HISTORY_OF_D = [
    ("2023-06-30", "未见动工", "供地图层：签订合同或决定书（示地出〔2023〕1号），约定动工2024-06-30，约定竣工2026-12-31", 1),
    ("2023-08-31", "未见动工", "人工记录：交地 2023-08-31", 1),
    ("2025-03-01", "未见动工", "人工记录：政府原因 2025-03-01起至2025-04-29 示政函〔2025〕3号", 1),
    ("2025-08-29", "未见动工", "超过约定动工满一年（疑似）：超过约定动工日期满一年未动工，可征不超过出让金百分之二十的闲置费；"
     "自2024-06-30起算，不计60天，2025-08-29届满；截至2026-01-25影像未见施工", 1),
    ("2026-01-08", "未见动工", "人工记录：现场核实未动工 2026-01-08", 1),
    ("2026-02-12", "未见动工", "动工情况：未见动工", 1),
    ("2026-02-12", "未见动工", "动工计时：满一年之日2025-08-29，满二年之日2026-08-29", 1),
    ("2026-07-05", "未见动工", "人工记录：不可抗力 2026-07-05起至2026-07-24 洪水", 7),
    ("2026-08-12", "未见动工", "满二年之日由2026-08-29改为2026-09-18（推后20天）", 7),
    ("2026-09-18", "未见动工", "超过约定动工满二年（疑似）：满二年未动工，可无偿收回；自2024-06-30起算，不计80天，"
     "2026-09-18届满；截至2026-09-25影像未见施工，也无动工记录；已列入供地巡查项，通报市自然资源局稿已拟（未发出）", 9),
    ("2026-11-03", "未见动工", "人工记录：现场核实未动工 2026-11-03", 10),
    ("2026-12-31", "未见动工", "疑似逾期未竣工（疑似）：约定2026-12-31竣工，截至2027-01-12无竣工记录", 12),
]  # fmt: skip
# E: agreed 2025-03-31; 10 February to 11 March do not count (30 days): the year is full on 2026-04-30, the second later.
HISTORY_OF_E = [
    ("2024-12-20", "未见动工", "签订合同或决定书", 1),
    ("2026-01-08", "未见动工", "现场核实未动工", 1),
    ("2026-02-10", "未见动工", "政府原因 2026-02-10起至2026-03-11 示政函〔2026〕2号（补记）", 2),
    ("2026-02-12", "未见动工", "动工情况：未见动工", 1),
    ("2026-02-12", "未见动工", "动工计时：满一年之日2026-03-31，满二年之日2027-03-31", 1),
    ("2026-03-12", "未见动工", "满一年之日由2026-03-31改为2026-04-30（推后30天）", 2),
    ("2026-03-12", "未见动工", "满二年之日由2027-03-31改为2027-04-30（推后30天）", 2),
    # April's last image is of the 25th: what was begun in the last five days it does not show, May's image does
    ("2026-04-30", "未见动工", "疑似超过约定动工满一年（不能判断，请核实）", 4),
    ("2026-04-30", "未见动工", "疑似超过约定动工满一年（疑似）", 5),
    ("2026-08-20", "疑似已动工", "人工记录：施工许可 2026-08-20 施2026-17", 9),
    ("2026-09-05", "疑似已动工", "人工记录：动工 2026-09-05", 9),
    ("2026-10-12", "疑似已动工", "动工情况由“未见动工”改为“疑似已动工”：动工记录2026-09-05", 9),
    (
        "2026-10-12",
        "疑似已动工",
        "阶段数据矛盾（疑似）：有动工（2026-09-05）而无交地记录〔records/supply_events.csv 第10行“日期”栏〕。"
        "核对原件后，日期或编号写错的改正该行，缺的在 records/supply_events.csv 补记",
        9,
    ),
    ("2026-10-24", "疑似已动工", "影像：2026-09-25影像尚无施工，2026-10-24影像首次检出红线内疑似施工", 10),
    ("2026-10-24", "疑似已动工", "影像：2026-10-24影像首次检出红线内疑似地上建筑", 10),
]
# F: agreed 2025-12-31; held up from 2026-11-20 on, 23 days by 12 December, 54 by 12 January: never late.
HISTORY_OF_F = [
    ("2025-06-01", "未见动工", "签订合同或决定书", 1),
    ("2026-01-08", "未见动工", "现场核实未动工", 1),
    ("2026-02-12", "未见动工", "动工情况：未见动工", 1),
    ("2026-02-12", "未见动工", "动工计时：满一年之日2026-12-31，满二年之日2027-12-31", 1),
    ("2026-11-20", "未见动工", "政府原因 2026-11-20起，未载截止 示政函〔2026〕9号", 11),
    ("2026-12-12", "未见动工", "满一年之日由2026-12-31改为2027-01-23（推后23天）", 11),
    ("2026-12-12", "未见动工", "满二年之日由2027-12-31改为2028-01-23（推后23天）", 11),
    ("2027-01-12", "未见动工", "满一年之日由2027-01-23改为2027-02-23（推后31天）", 12),
    ("2027-01-12", "未见动工", "满二年之日由2028-01-23改为2028-02-23（推后31天）", 12),
]


@pytest.mark.parametrize(("parcel", "expected"), [(D, HISTORY_OF_D), (E, HISTORY_OF_E), (F, HISTORY_OF_F)])
def test_a_clerk_reads_what_became_of_supplied_land(year: tuple[Year, list[Any]], parcel: str, expected: Any) -> None:
    lines = [line for line in supply_histories(year[0], year[1][-1]) if line.startswith(parcel)]
    assert len(lines) == len(expected)
    for line, (day, state, words, month) in zip(lines, expected, strict=True):
        assert (
            line.startswith(f"{parcel} {day} 【{state}】")
            and words in line
            and line.endswith(f"（2026-{month:02d}期）")
        )


def test_the_idle_clocks_run_out_in_their_months_and_not_before(year: tuple[Year, list[Any]]) -> None:
    rows = {month: of_month(year, month, SUPPLY_BREACHES) for month in range(1, 13)}
    found = {m: set(zip(rows[m]["supply_id"], rows[m]["breach"], strict=True)) for m in rows}
    pairs = [(parcel, breach) for parcel in (D, E, F) for breach in ("idle_year", "idle_two_years")]
    told = {pair: [month for month in rows if pair in found[month]] for pair in pairs}
    assert told == {
        (D, "idle_year"): list(range(1, 13)), (D, "idle_two_years"): [9, 10, 11, 12],
        (E, "idle_year"): list(range(4, 13)), (E, "idle_two_years"): [],
        (F, "idle_year"): [], (F, "idle_two_years"): [],
    }  # fmt: skip
    unsure = {m: frame.loc[frame["certainty"] != "疑似", ["supply_id", "breach"]] for m, frame in rows.items()}
    assert {m: frame.to_numpy().tolist() for m, frame in unsure.items() if len(frame)} == {4: [[E, "idle_year"]]}
    draft = rows[9].set_index(["supply_id", "breach"]).loc[(D, "idle_two_years"), "draft"]
    assert draft.startswith(
        f"通报市自然资源局（草稿，未发出）：电子监管号{D}，织布厂，织布厂公司，疑似超过约定动工满二年（疑似）。"
    )
    assert "依据：城市房地产管理法第二十六条" in draft


def test_the_parcel_that_idles_is_on_the_patrols_list_every_month_with_its_next_day(
    year: tuple[Year, list[Any]],
) -> None:
    items = {month: of_month(year, month, SUPPLY_ITEMS).set_index("supply_id").loc[D] for month in range(1, 13)}
    assert {item["cell_id"] for item in items.values()} == {"G2"}
    assert all("是否动工" in item["look_at"] for item in items.values())
    # a year is full before the run; the second moves in July's judgement, and after it only completion is to come
    assert items[6]["clock"] == "距动工满二年（2026-08-29）48天；已过动工满一年（2025-08-29）"
    assert items[7]["clock"] == "距动工满二年（2026-09-18）37天；已过动工满一年（2025-08-29）"
    assert items[9]["clock"] == "距约定竣工（2026-12-31）80天；已过动工满二年（2026-09-18）"
    assert items[12]["clock"] == "无将到时限；已过约定竣工（2026-12-31）"


def test_the_last_row_written_of_supplied_land_has_the_state_of_its_month(year: tuple[Year, list[Any]]) -> None:
    for month in range(1, 13):
        last = of_month(year, month, SUPPLY_HISTORY).groupby("supply_id").last()
        now = of_month(year, month, SUPPLY).set_index("supply_id")
        assert last["state"].to_dict() == now["state"].to_dict()


def test_the_same_months_give_the_same_bytes(year: tuple[Year, list[Any]], tmp_path: Any) -> None:
    last = year[1][-1]
    (tmp_path / "supervise").mkdir()
    supervise.run(last, tmp_path / "supervise")
    assert digest_tree(tmp_path / "supervise") == digest_tree(last.run / "supervise")
