"""The month's blind lists, audit results and blind samples, drawn and counted by hand."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from shapely.geometry import Point

from pipeline.intervals import wilson
from pipeline.reconcile.blind_lists import MonthFound, blind_lists
from pipeline.reconcile.coverage import cover_cells
from pipeline.reconcile.unseen import (
    audit_rows,
    estimate_table,
    held_back_rows,
    lawful_rows,
    plan_rows,
    population_rows,
)
from pipeline.schema import AUDIT_CHECKS, AUDIT_SAMPLE, MATCHES, OMISSIONS, TASKS, VERDICTS, conform
from pipeline.values import Period

MATCH = {
    "probability": 0.9,
    "space_score": 1.0,
    "time_score": 1.0,
    "word_score": 1.0,
    "status": "assigned",
    "reason": "-",
}
VERDICT = {
    "verdict": "undeterminable", "rule": "-", "reason": "-", "visits_in_window": 0, "seen_probability": 0.0,
    "visits_required": 0, "records_complete": True, "outcome": "unchecked", "accountable": False,
}  # fmt: skip
TASK = {
    "cell_id": "C1", "cell_shares": "{}", "unit_id": "A", "acting_unit_id": "A", "rank": 1, "priority": 1.0,
    "included": True, "reason": "",
}  # fmt: skip
MONTH: dict[str, Any] = {
    "period": Period.parse("2026-10"), "last_image": date(2026, 10, 28), "same_site_m": 100.0,
}  # fmt: skip


def rows(schema: Any, given: list[dict[str, Any]], base: dict[str, Any]) -> Any:
    columns = schema.names
    return conform(schema, pd.DataFrame([{**base, **row} for row in given], columns=columns))


def lists(
    draw: SimpleNamespace, city: Any, linked: list[Any], checked: list[str], missed: list[Any], sent: Any = ()
) -> Any:
    city.dispatches = list(sent)
    city.entries = [*city.entries, *(draw.entry(row["entry_id"], 0.0, day=row["discovered_on"]) for row in missed)]
    tables, cells = city.tables(), draw.cells()
    inputs = (tables[name] for name in ("plan", "visits", "responsibility", "delegations"))
    coverage, _ = cover_cells(cells, *inputs, draw.ground(cells), draw.span)
    verdicts = rows(VERDICTS, [{"target_id": name, "outcome": "violation"} for name in checked], VERDICT)
    omissions = draw.table(OMISSIONS, missed, {"unit_id": "A", "omission": "true_miss", "reason": "-"})
    matches = rows(MATCHES, linked, MATCH)
    month = MonthFound(
        tables["targets"], verdicts, matches, tables["entries"], omissions, tables["dispatches"], coverage
    )
    return blind_lists(month, **MONTH)


def miss(draw: SimpleNamespace, name: str, x: float, day: str = "2026-10-20") -> dict[str, Any]:
    return {"entry_id": name, "discovered_on": day, "geometry": Point(draw.x + x, draw.y + 300)}


def test_lists_by_hand(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x=60.0 * n) for n in range(6)]
    city.targets[5]["first_period"] = "2026-09"
    city.entries = [
        draw.entry("E1", 20, day="2026-10-10"),
        draw.entry("E2", 80, day="2026-09-20"),
        draw.entry("E3", 140, day="2026-11-10", stated_target_id="T2"),
        draw.entry("E4", 200, day="2026-10-12", stated_target_id="T3"),
        draw.entry("E5", 320, day="2026-10-12"),
    ]
    linked = [{"target_id": f"T{n}", "entry_id": f"E{e}"} for n, e in ((0, 1), (1, 2), (2, 3), (3, 4), (5, 5))]
    missed = [
        miss(draw, "E91", 100.0), miss(draw, "E92", 150.0, "2026-10-22"), miss(draw, "E93", 900.0, "2026-11-01"),
        miss(draw, "E94", 700.0, "2026-09-01"), {**miss(draw, "E95", 400.0), "omission": "below_resolution"},
    ]  # fmt: skip
    found = lists(draw, city, linked, ["T0", "T2", "T3"], missed)
    # on the satellite's list: T0, T2, T3 (checked); T1 was known before, T4 nobody confirmed, T5 is an older one;
    # the patrols' own: T0, and E91 with E92 as one site; E93 came later, E94 was known before
    assert found.sites[["satellite", "patrol"]].to_numpy().tolist() == [
        [True, True], [True, False], [True, False], [False, True]
    ]  # fmt: skip
    assert (found.before, found.after, found.quoted) == ((1, 1), (1, 1), 2)
    assert (found.unchecked, found.until) == (1, date(2026, 10, 28))


def test_finds_from_the_first_dispatch_on_are_not_blind(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 20, day="2026-10-10")]
    sent = [{"target_id": "T1", "dispatched_on": "2026-10-10"}]
    linked = [{"target_id": "T1", "entry_id": "E1"}]
    found = lists(draw, city, linked, ["T1"], [miss(draw, "E91", 100.0, "2026-10-09")], sent)
    assert (found.before, found.after, found.until) == ((0, 1), (1, 0), date(2026, 10, 9))


def test_population_rows_print_a_lower_bound_with_its_assumptions(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x=15.0 * n, size=10.0) for n in range(30)]
    city.entries = [draw.entry(f"E{n}", 15.0 * n, day="2026-10-10") for n in range(15)]
    linked = [{"target_id": f"T{n}", "entry_id": f"E{n}"} for n in range(15)]
    missed = [miss(draw, f"E9{n}", 200.0 * n) for n in range(5)]
    found = lists(draw, city, linked, [f"T{n}" for n in range(30)], missed)
    table = estimate_table(population_rows(found, ("附注",), confidence=0.95))
    total, unseen = table.iloc[0], table.iloc[1]
    assert (total["satellite"], total["patrol"], total["both"], total["sample"]) == (30, 20, 15, 35)
    assert 35 <= total["low"] < total["value"] < total["high"]
    assert unseen["value"] == pytest.approx(total["value"] - 35) and unseen["low"] >= 0
    assert "按下限使用" in total["basis"] and "附注" in total["warning"]
    strata = table[(table["measure"] == "sites_at_least") & (table["scope"] != "全市")]
    assert strata["value"].sum() == pytest.approx(total["value"])


def test_no_list_no_estimate(draw: SimpleNamespace) -> None:
    found = lists(draw, draw.City(), [], [], [miss(draw, "E91", 100.0)])
    (row,) = population_rows(found, (), confidence=0.95)
    assert row["value"] is None and "没有经核查属实" in row["warning"]


def audit(checks: list[dict[str, Any]], sizes: dict[str, int]) -> Any:
    sample = conform(
        AUDIT_SAMPLE, pd.DataFrame({"cell_id": ["C1", "C2"], "stratum": ["a", "a"], "inclusion_probability": 0.5})
    )
    tasks = rows(TASKS, [{"target_id": "T1"}, {"target_id": "T2"}, {"target_id": "T3", "cell_id": "C2"}], TASK)
    given = rows(AUDIT_CHECKS, checks, {"period": "2026-10", "checked_on": pd.Timestamp("2026-11-20")})
    result, warnings = audit_rows(given, sample, sizes, tasks, confidence=0.95)
    return estimate_table(result).set_index("measure"), warnings


def test_audit_by_hand() -> None:
    checks = [
        {"cell_id": "C1", "item": 1, "target_id": "T1", "known_to_patrol": "是", "area_m2": 500.0},
        {"cell_id": "C1", "item": 2, "known_to_patrol": "否", "area_m2": 300.0},
        {"cell_id": "C2", "item": 0},
        {"cell_id": "C9", "item": 1, "area_m2": 9e9},
    ]
    table, warnings = audit(checks, {"a": 4})
    # two sites in two of four cells
    assert (table.loc["audit_sites", "value"], table.loc["audit_area_m2", "value"]) == (4.0, 1600.0)
    assert table.loc["audit_satellite_recall", "value"] == table.loc["audit_patrol_recall", "value"] == 0.5
    # T1 stands, T2 and T3 do not
    assert table.loc["audit_precision", "value"] == pytest.approx(1 / 3)
    assert table["warning"].str.contains("1 个抽样以外").all() and warnings == ()
    missing, _ = audit(checks, {"a": 4, "b": 2})
    assert missing["value"].isna().all() and missing["warning"].str.contains("1 个层").all()
    assert audit([], {"a": 4})[0].empty


def test_held_back_targets_measure_each_unit() -> None:
    tasks = [
        {"target_id": f"T{n}", "acting_unit_id": "AB"[n % 2], "blind_sample": "是" if n < 4 else None}
        for n in range(40)
    ]
    verdicts = [
        {"target_id": f"T{n}", "verdict": "found_before_dispatch" if n >= 4 or n == 0 else "undeterminable",
         "acting_unit_id": "AB"[n % 2]}
        for n in range(40)
    ]  # fmt: skip
    # T1 was B's when nothing was found there, and is A's task today
    tasks[1]["acting_unit_id"] = "A"
    made, warnings = held_back_rows(rows(TASKS, tasks, TASK), rows(VERDICTS, verdicts, VERDICT), confidence=0.95)
    table = estimate_table(made).set_index("scope")
    assert table["value"].to_dict() == {"全市": 0.25, "A": 0.5, "B": 0.0}
    assert (table.loc["A", "low"], table.loc["A", "high"]) == pytest.approx(wilson(1, 2, confidence=0.95))
    # all that was dispatched had been found before, of the held back one in four
    assert "提前为人所知" in warnings[0]
    assert held_back_rows(rows(TASKS, tasks[4:], TASK), rows(VERDICTS, verdicts, VERDICT), confidence=0.95) == ([], ())


def test_lawful_builds_that_patrols_noted(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", 120.0, 120.0, finding=False), draw.entry("E2", 700.0, 300.0, day="2026-08-01")]
    hidden = draw.suppressed(
        [
            draw.target("S1", x=100.0, y=100.0, candidate_id="S1", approval="批〔2026〕1号"),
            draw.target("S2", x=700.0, y=300.0, candidate_id="S2", approval="批〔2026〕2号"),
            draw.target("S3", x=100.0, y=100.0, candidate_id="S3"),
        ]
    )
    made = lawful_rows(
        hidden, city.tables()["entries"], draw.cells(), first_day=date(2026, 10, 1), cutoff=date(2026, 11, 30),
        standing_m=25.0, confidence=0.95,
    )  # fmt: skip
    table = estimate_table(made).set_index("scope")
    assert table["value"].to_dict() == {"全市": 0.5, "A": 1.0, "B": 0.0}


def test_plan_rows_grow_with_what_is_to_be_proved() -> None:
    needed = estimate_table(plan_rows(1000, confidence=0.95))["value"].tolist()
    assert needed == sorted(needed) and needed[0] < 30 < needed[-1] < 1000
