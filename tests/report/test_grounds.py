"""Why a target is suspected or cannot be judged, in words, and how other codes and numbers read in the workbook."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from pipeline import schema
from pipeline.report.grounds import BOUND_NAMES, rule_said, rules_text
from pipeline.report.sheets import number_formats, readable
from pipeline.rulebook import load_rulebook
from pipeline.screen.legality import OPTIONS
from pipeline.sources.layer_rows import fault_in_words
from pipeline.values import VerdictRule
from tests.report.fabricate import small_month

LAYERS = {str(alias.role): alias.label for alias in load_rulebook().layers}
OPEN: list[dict[str, Any]] = [
    {"rule": "E13", "judgement": "explanation", "label": "临时用地期满后一年复垦期内", "kind": None, "missing": [],
     "facts": {"reclaiming_temporary_m2": 7755.16, "$min_overlap_m2": 100.0}},
    {"rule": "V1-1", "judgement": "undeterminable", "label": "占用非建设用地，未见变化前的批准", "kind": "V1", "missing": [],
     "facts": {"$min_overlap_m2": 100.0, "farm_road_like": 0.0, "unapproved_new_land_m2": {"low": 0.0, "high": 7798.12}}},
    {"rule": "V6-2", "judgement": "undeterminable", "label": "推填土或基坑", "kind": "V6", "missing": ["mining_rights"],
     "facts": {"mining_use": None, "stage": "pit"}},
]  # fmt: skip


def test_every_open_kind_shows_its_rule_and_why() -> None:
    said = rules_text(json.dumps(OPEN, ensure_ascii=False), LAYERS)
    assert said == (
        "V1-1 占用非建设用地，未见变化前的批准（不可判：未批准的非建设用地(平方米) 0 至 7798.12）；"
        "V6-2 推填土或基坑（不可判：缺采矿权图层，采矿用途不明）；E13 临时用地期满后一年复垦期内（说明）"
    )
    fired = {"rule": "V4-1", "judgement": "suspected", "label": "占用耕地", "kind": "V4", "facts": {}, "missing": []}
    assert rules_text(json.dumps([*OPEN, fired], ensure_ascii=False), LAYERS) == "V4-1 占用耕地"
    assert rules_text(json.dumps(OPEN[:1], ensure_ascii=False), LAYERS) == ""


@pytest.mark.parametrize("number", [1, 2])
def test_none_of_the_open_rules_is_without_a_reason(number: int) -> None:
    assert "不可判：）" not in rules_text(json.dumps([OPEN[number]], ensure_ascii=False), LAYERS)


def test_a_bound_does_not_read_as_a_measurement() -> None:
    rule = {"rule": "E14", "label": "有规划许可", "judgement": "explanation",
            "facts": {"$lawful_share": 0.95, "permitted_share": 1.0}}  # fmt: skip
    assert rule_said(rule) == "E14 有规划许可（说明），依据：批准覆盖标准 0.95，规划许可覆盖比例 1"
    assert set(BOUND_NAMES) == {f"${name}" for name in OPTIONS}


def test_layers_bear_the_names_of_the_rule_file() -> None:
    lacking = {"rule": "V1-1", "judgement": "undeterminable", "label": "占用", "missing": list(LAYERS), "facts": {}}
    assert f"缺{'、'.join(LAYERS.values())}图层" in rules_text(json.dumps([lacking]), LAYERS)


def test_verdict_rules_and_scopes_read_in_words() -> None:
    month = small_month()
    names = month.unit_names()
    rows = pd.concat([month.verdicts.iloc[:1]] * len(VerdictRule), ignore_index=True)
    rows = rows.assign(rule=[rule.value for rule in VerdictRule])
    shown = readable(schema.VERDICTS, rows, units=names, people={})["规则"].tolist()
    assert shown == [f"{rule.value} {rule.label}" for rule in VerdictRule]
    scopes = [
        {"measure": "blind_targets_found", "scope": scope, "basis": "-"} for scope in ("U1", "全市", "large/high")
    ]
    table = schema.conform(schema.ESTIMATES, pd.DataFrame(scopes))
    told = readable(schema.ESTIMATES, table, units=names, people={})
    assert told[schema.ESTIMATES.labels()["scope"]].tolist() == [names["U1"], "全市", "large/high"]


def test_coordinates_of_the_ledger_are_shown_as_written() -> None:
    formats = number_formats(schema.ENTRIES)
    assert formats["填报坐标一"] == formats["填报坐标二"] == "General"


def test_nobody_unverified_is_headed_as_an_offender() -> None:
    assert schema.ACCUMULATED.labels()["subject"] == "台账所记主体"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Self-intersection[594174.557028412 3615781.02222262]", "边界自相交（594174.56, 3615781.02）"),
        ("Ring Self-intersection[1 2]", "环自相交（1.00, 2.00）"),
        ("Hole lies outside shell[1 2]", "内环在外环之外（1.00, 2.00）"),
        ("Something new[1 2]", "图形错误 Something new（1.00, 2.00）"), ("Nested shells", "外环相互嵌套"),
    ],
)  # fmt: skip
def test_a_fault_of_a_shape_reads_in_words(reason: str, words: str) -> None:
    assert fault_in_words(reason) == words
