"""Why a target is suspected, or why that cannot be judged, in words: kinds, rules, the values they used and lacked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.values import Stage

JUDGEMENTS = {"suspected": "疑似", "undeterminable": "不可判", "explanation": "说明"}
FACT_NAMES = {
    "area_m2": "面积(平方米)", "stage": "施工阶段", "stage_as_stated": "批准所载阶段", "novelty": "历史新异度",
    "suppress_construction_land": "排除建设用地内变化", "farmland_m2": "耕地(平方米)", "farmland_share": "耕地比例",
    "construction_share": "建设用地比例", "natural_water_share": "天然水面比例", "facility_agriculture_share": "设施农用地比例",
    "farm_road_share": "农村道路比例", "whole_parcel_share": "整图斑变化比例", "lawful_share": "已批准比例",
    "lawful_or_temporary_share": "已批准或临时用地比例", "min_overlap_m2": "最小套合标准(平方米)",
    "min_area_m2": "最小面积标准(平方米)",
    "unapproved_new_land_m2": "未批准的非建设用地(平方米)", "unapproved_farmland_m2": "未批准的耕地(平方米)",
    "unapproved_basic_farmland_m2": "未批准的永久基本农田(平方米)", "late_approved_m2": "批准在后(平方米)",
    "interval_approved_m2": "变化期间批准(平方米)", "undated_approved_m2": "批准无日期(平方米)",
    "temporary_m2": "临时用地(平方米)", "expired_temporary_m2": "过期临时用地(平方米)", "inside_plan_m2": "规划区内(平方米)",
    "outside_plan_m2": "规划区外(平方米)", "area_without_planning_permit_m2": "无规划许可(平方米)",
    "area_without_rural_permit_m2": "无乡村建设规划许可(平方米)", "area_without_mining_right_m2": "无采矿权(平方米)",
    "built_stage": "可见建设阶段", "reclaiming_temporary_m2": "复垦期内的期满临时用地(平方米)",
    "ended_temporary_m2": "期满临时用地(平方米)", "filed_share": "设施农业备案比例",
    "open_filed_m2": "变化期间或无日期的备案(平方米)", "late_filed_m2": "备案在后(平方米)",
    "emergency_m2": "紧急用地(平方米)", "solar_project_m2": "光伏项目范围(平方米)", "width_m": "宽度(米)",
    "farm_road_like": "宽度在农村道路范围内", "basic_farmland_m2": "永久基本农田(平方米)",
    "redline_m2": "生态保护红线(平方米)", "village_plan_m2": "村庄规划范围内(平方米)",
    "rural_plan_m2": "乡、村庄规划区内(平方米)", "late_planning_permit_m2": "规划许可在后(平方米)",
    "late_rural_permit_m2": "乡村建设规划许可在后(平方米)", "permitted_share": "规划许可覆盖比例",
    "contested_class_m2": "地类重叠不明(平方米)",
    "later_survey_m2": "晚于变化的调查所绘建设用地(平方米)", "mining_land_m2": "采矿用地(平方米)", "mining_use": "采矿用途",
}  # fmt: skip
# bounds that rules compare with: never a measurement
BOUND_NAMES = {
    "$min_area_m2": "最小面积标准(平方米)", "$min_overlap_m2": "最小套合标准(平方米)", "$lawful_share": "批准覆盖标准",
    "$construction_share": "建设用地标准", "$water_share": "天然水面标准", "$whole_parcel_share": "整图斑变化标准",
    "$novelty_below": "历史新异度标准",
}  # fmt: skip
_STAGES = {stage.value: stage.label for stage in Stage}


def kinds_text(kinds: Any, rules: Any, kind_names: Mapping[str, str]) -> str:
    """Suspected kinds of violation in words; without one, the kinds that could not be judged, or that no rule fired."""
    codes = _json(kinds) or []
    if codes:
        return "；".join(f"{code} {kind_names[code]}" if code in kind_names else str(code) for code in codes)
    open_kinds = sorted({str(rule["kind"]) for rule in _records(rules) if rule.get("judgement") == "undeterminable"})
    return f"不可判（{'、'.join(open_kinds)}）" if open_kinds else "未触发规则"


def rules_text(rules: Any, layer_names: Mapping[str, str]) -> str:
    """The rules that raised a suspicion, id and label; without one, every rule that is open and why.

    ``layer_names``: roles of land layers to their Chinese names. What is noted (说明) follows where nothing is suspected:
    it often is the reason.
    """
    records = _records(rules)
    fired = [rule for rule in records if rule.get("judgement") == "suspected"]
    if fired:
        return "；".join(_named(rule) for rule in fired)
    left_open = [rule for rule in records if rule.get("judgement") == "undeterminable"]
    if not left_open:
        return ""
    noted = [rule for rule in records if rule.get("judgement") == "explanation"]
    said = [f"{_named(rule)}（不可判：{_why_open(rule, layer_names)}）" for rule in left_open]
    return "；".join([*said, *(f"{_named(rule)}（说明）" for rule in noted)])


def _named(rule: Mapping[str, Any]) -> str:
    return f"{rule['rule']} {rule.get('label', '')}".strip()


def _why_open(rule: Mapping[str, Any], layer_names: Mapping[str, str]) -> str:
    """What a rule lacks: layers not delivered, values not known, values of which only a range is known."""
    reasons = [str(rule["reason"])] if rule.get("reason") else []
    missing = [layer_names.get(role, role) for role in rule.get("missing") or ()]
    if missing:
        reasons.append(f"缺{'、'.join(missing)}图层")
    facts = {key: value for key, value in (rule.get("facts") or {}).items() if not key.startswith("$")}
    unknown = [_fact_name(key) for key, value in facts.items() if value is None]
    if unknown:
        reasons.append(f"{'、'.join(unknown)}不明")
    reasons += [
        f"{_fact_name(key)} {short(value['low'])} 至 {short(value['high'])}"
        for key, value in facts.items()
        if isinstance(value, dict) and value["low"] != value["high"]
    ]
    return "，".join(reasons) or "资料不足"


def rule_said(rule: Mapping[str, Any]) -> str:
    """A rule's answer in words: its id, what it says, the values it used and the layers it lacked."""
    facts = (rule.get("facts") or {}).items()
    used = [f"{_fact_name(key)} {_STAGES.get(str(value), short(value))}" for key, value in facts if value is not None]
    judged = f"（{JUDGEMENTS[rule['judgement']]}）" if rule.get("judgement") in JUDGEMENTS else ""
    why = f"，{rule['reason']}" if rule.get("reason") else ""
    return f"{rule['rule']} {rule.get('label', '')}{judged}{why}" + (f"，依据：{'，'.join(used)}" if used else "")


def _fact_name(key: str) -> str:
    return BOUND_NAMES.get(key) or FACT_NAMES.get(key, key)


def short(value: Any) -> str:
    """A value of JSON as text, numbers with two decimals at most."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _records(rules: Any) -> list[dict[str, Any]]:
    content = _json(rules)
    return [rule for rule in content if isinstance(rule, dict)] if isinstance(content, list) else []


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else None
