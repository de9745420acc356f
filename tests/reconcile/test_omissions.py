"""Findings without a target, each class by a drawn case."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.reconcile.omissions import OmissionOptions, omitted

OPTIONS: dict[str, Any] = {
    "monitored_from": date(2026, 9, 1), "roofed_days": 75,
    "last_image": date(2026, 10, 28), "period_end": date(2026, 10, 31), "cutoff": date(2026, 11, 30),
    "look_back_days": 92, "reject_match": 0.05, "resolvable_m2": 400.0, "min_observable_share": 0.5, "standing_m": 25.0,
}  # fmt: skip


def classes(draw: SimpleNamespace, entries: list[dict[str, Any]], hidden: Any = (), **second: Any) -> dict[str, str]:
    city = draw.City()
    city.entries = entries
    tables = city.tables()
    rows = omitted(
        tables["entries"], draw.match(tables), draw.suppressed(hidden), draw.cells(**second),
        vocabulary=draw.vocabulary, options=OmissionOptions(**OPTIONS),
    )  # fmt: skip
    assert rows["reason"].str.len().gt(0).all()
    return dict(zip(rows["entry_id"], rows["omission"], strict=True))


@pytest.mark.parametrize(
    ("change", "omission"),
    [
        ({}, "true_miss"),
        ({"stated_area_m2": 80.0}, "below_resolution"),
        ({"status": "新坟两座"}, "below_resolution"),
        ({"day": "2026-10-29"}, "after_image"),
        ({"x": None}, "not_located"),
        ({"x": 700.0}, "not_observable"),
        ({"x": 5000.0}, "not_observable"),
        ({"x": 330.0}, "suppressed"),
        ({"day": "2026-08-20"}, "maybe_older"),
        ({"status": "已封顶"}, "maybe_older"),
    ],
)
def test_class(draw: SimpleNamespace, change: dict[str, Any], omission: str) -> None:
    row = draw.entry("E1", **{"x": 200.0, "y": 300.0, **change})
    hidden = [draw.target("S", x=340.0, y=290.0, candidate_id="S9")]
    assert classes(draw, [row], hidden, observable_share=0.2) == {"E1": omission}


@pytest.mark.parametrize(
    "row",
    [{"x": 20.0, "y": 20.0}, {"x": 200.0, "day": None}, {"x": 200.0, "day": "2026-07-01"},
     {"x": 200.0, "finding": False},
     {"x": 200.0, "day": "2026-12-01"}, {"x": 200.0, "status": "旧房翻建"}],
)  # fmt: skip
def test_what_is_no_omission(draw: SimpleNamespace, row: dict[str, Any]) -> None:
    assert classes(draw, [draw.entry("E1", **{"y": 300.0, **row})]) == {}


def test_no_entries(draw: SimpleNamespace) -> None:
    assert classes(draw, []) == {}


def test_an_earlier_mention_nearby_makes_it_older(draw: SimpleNamespace) -> None:
    rows = [draw.entry("E1", 200.0, 300.0), draw.entry("E2", 210.0, 300.0, day="2026-06-01")]
    assert classes(draw, rows) == {"E1": "maybe_older"}
    rows[1] = draw.entry("E2", 480.0, 300.0, day="2026-06-01")
    assert classes(draw, rows) == {"E1": "true_miss"}


def test_roofed_long_after_monitoring_began_is_a_miss(draw: SimpleNamespace) -> None:
    late = {**OPTIONS, "monitored_from": date(2026, 1, 1)}
    city = draw.City()
    city.entries = [draw.entry("E1", 200.0, 300.0, status="已封顶")]
    tables = city.tables()
    found = omitted(
        tables["entries"], draw.match(tables), draw.suppressed(()), draw.cells(),
        vocabulary=draw.vocabulary, options=OmissionOptions(**late),
    )  # fmt: skip
    assert found["omission"].tolist() == ["true_miss"]


def test_a_miss_on_a_change_that_was_not_sure_enough_says_so(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.entries = [draw.entry("E1", x=200.0, y=300.0)]
    tables = city.tables()
    change = draw.suppressed([draw.target("S", x=210.0, y=300.0, candidate_id="s2-00018")])
    for faint, said in (
        (None, "影像未检出对应目标"),
        (change.assign(why="概率不足"), "有变化 s2-00018，未列为目标：概率不足"),
    ):
        rows = omitted(
            tables["entries"], draw.match(tables), draw.suppressed(()), draw.cells(), vocabulary=draw.vocabulary,
            options=OmissionOptions(**OPTIONS), faint=faint,
        )  # fmt: skip
        assert rows["omission"].tolist() == ["true_miss"] and said in rows["reason"].iloc[0]
