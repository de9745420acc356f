"""What waits for a later look: it is listed with its ground and reason, and counted as nothing else."""

from __future__ import annotations

from pipeline import schema
from pipeline.detect.doubt import VEIL
from pipeline.report.month import month_sheets
from pipeline.report.page import month_page
from pipeline.report.statistics import month_numbers, month_summary, summary_lines
from tests.report.fabricate import CRS, frame, small_month, target, waiting_of


def test_every_waiting_object_is_listed_once_with_cell_unit_and_reason_what_waits_first() -> None:
    rows = small_month().waiting
    assert list(rows["candidate_id"]) == ["s2-H2610-8", "s2-H2609-7"]
    assert list(rows["cell_id"]) == ["W03", "W01"] and set(rows["acting_unit_id"]) == {"U1"}
    assert list(rows["outcome"]) == ["待复核", "未获后续观测支持"] and set(rows["held_reason"]) == {VEIL}


def test_an_object_outside_all_cells_is_listed_without_one() -> None:
    lost = target(8, 50) | {
        "candidate_id": "s2-H2610-8",
        "held_since": "2026-10",
        "held_reason": VEIL,
        "outcome": "待复核",
    }
    month = small_month()
    became = month.targets.assign(candidate_id="s2-H2610-8")
    rows = waiting_of(frame(schema.HELD, [lost]), month.cell_states, became.iloc[:1])
    assert len(rows) == 1 and rows["cell_id"].isna().all() and rows.crs == CRS
    assert rows["target_id"].iloc[0] == "420000XC26100001"
    inner = rows.geometry.to_crs("EPSG:4326").iloc[0].representative_point()
    assert abs(rows["lon"].iloc[0] - inner.x) < 1e-4 and abs(rows["lat"].iloc[0] - inner.y) < 1e-4


def test_what_waits_is_shown_everywhere_and_is_no_target() -> None:
    month = small_month()
    numbers = month_numbers(month)
    summary = month_summary(numbers)
    assert summary["waiting"] == numbers["funnel"]["waiting"] == 1 and numbers["funnel"]["waiting_by"] == {VEIL: 1}
    assert (
        summary["targets"]
        == month_summary(month_numbers(small_month(waiting=schema.empty(schema.WAITING, CRS))))["targets"]
    )
    assert any("waiting 1" in line for line in summary_lines(summary))
    (sheet,) = (one for one in month_sheets(month, numbers) if one.name == "待复核变化")
    assert list(sheet.frame["候选编号"]) == ["s2-H2610-8", "s2-H2609-7"]
    page = month_page(month, numbers, rows_max=50)
    assert "另有 1 处变化待后续影像复核" in page and "s2-H2610-8" in page
