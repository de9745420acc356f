"""Drafts of written referrals (抄告): the plan's six items and which of them still lack; a person decides to send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.geodesy import mu
from pipeline.schema import REFERRALS, conform
from pipeline.supervise.acts import Act, Acts
from pipeline.values import CaseDecision, Outcome, TargetState

_ITEMS = {
    "subject": "违法主体",
    "happened": "违法时间",
    "project": "项目名称",
    "location": "具体位置",
    "area_m2": "占地面积",
    "actual_use": "实际用途",
}


def draft_referrals(
    targets: gpd.GeoDataFrame,
    tasks: pd.DataFrame,
    verdicts: pd.DataFrame,
    entries: pd.DataFrame,
    unit_names: dict[str, str],
    acts: dict[str, Acts],
    *,
    reply_days: int,
    as_of: date,
) -> Any:
    """Referral drafts as :data:`~pipeline.schema.REFERRALS`, only where a person's record asks for one.

    That is a target whose latest field check is a violation and that either a person has declared not stopped
    (拒不停止) or that has already been referred. What nobody has recorded stays empty and is named in
    ``missing_items``. ``location``: unit, cell, the ledger's place and the centroid in the city's CRS; ``happened``:
    the images' interval, not a finding; subject, project and use come from the matched ledger entry (``entries``
    by ``verdicts.entry_id``). A referral that was sent is to be answered within ``reply_days`` calendar days.
    """
    entry_of = {row["entry_id"]: row for row in entries.drop(columns="geometry", errors="ignore").to_dict("records")}
    matched = dict(zip(verdicts["target_id"], verdicts["entry_id"], strict=True))
    task_of = {row["target_id"]: row for row in tasks.to_dict("records")}
    rows = []
    for row, shape in zip(targets.drop(columns="geometry").to_dict("records"), targets.geometry, strict=True):
        own = acts.get(row["target_id"])
        if own is None or row["state"] == TargetState.MERGED.value or not asked_for(own):
            continue
        entry = entry_of.get(matched.get(row["target_id"]), {})
        draft = _draft(row, shape, entry, task_of.get(row["target_id"], {}), unit_names)
        missing = [label for item, label in _ITEMS.items() if draft[item] is None]
        latest = _shown(own.referrals)
        rows.append(
            {
                **draft,
                "missing_items": "、".join(missing) or None,
                "referred_on": latest.day if latest else None,
                "referred_to": latest.content if latest else None,
                **_reply(own.referrals, reply_days, as_of),
                "draft": _letter(draft, missing),
            }
        )
    frame = pd.DataFrame(rows, columns=REFERRALS.names).sort_values("target_id", kind="stable")
    return conform(REFERRALS, frame)


def asked_for(acts: Acts) -> bool:
    """Whether people's records ask for a referral: a violation not stopped, or a referral already made."""
    if not acts.checks or acts.checks[-1].content != Outcome.VIOLATION.value:
        return False
    word = acts.decided(CaseDecision.NOT_STOPPED, CaseDecision.STOPPED, CaseDecision.RECTIFIED, CaseDecision.CLOSED)
    refused = word is not None and word.content == CaseDecision.NOT_STOPPED.value
    return refused or bool(acts.referrals)


def _draft(
    row: dict[Any, Any], shape: Any, entry: dict[Any, Any], task: dict[Any, Any], unit_names: dict[str, str]
) -> dict[str, Any]:
    area = row["area_m2"]
    return {
        "target_id": row["target_id"],
        "subject": _text(entry.get("subject")),
        "happened": _happened(row["last_clear"], row["first_seen"]),
        "project": _text(entry.get("project")),
        "location": _location(shape, entry, task, unit_names),
        "area_m2": round(shape.area, 1) if pd.isna(area) else float(area),
        "actual_use": _text(entry.get("status")),
    }


def _shown(referrals: Sequence[Act]) -> Act | None:
    """The referral whose clock is shown: the earliest without an answer, else the latest."""
    waiting = [act for act in referrals if act.replied_on is None]
    return waiting[0] if waiting else referrals[-1] if referrals else None


def _reply(referrals: Sequence[Act], reply_days: int, as_of: date) -> dict[str, Any]:
    """When the shown referral's answer is due, whether it came, how the two compare, and how many wait in all."""
    latest = _shown(referrals)
    if latest is None:
        return {"reply_due_on": None, "replied_on": None, "reply_state": "尚未抄告"}
    due = latest.day + timedelta(days=reply_days)
    if latest.replied_on is not None:
        late = (latest.replied_on - due).days
        state = f"已回复，迟{late}天" if late > 0 else "已按期回复"
    elif pd.Timestamp(as_of) > due:
        state = f"逾期{(pd.Timestamp(as_of) - due).days}天未见回复"
    else:
        state = "待回复"
    if len(referrals) > 1:
        state += f"；共抄告{len(referrals)}次，{sum(act.replied_on is None for act in referrals)}次未回复"
    return {"reply_due_on": due, "replied_on": latest.replied_on, "reply_state": state}


def _letter(draft: dict[str, Any], missing: list[str]) -> str:
    """The text a person may complete and send; what is not known stays open to be filled in."""
    said = {item: "（待补）" if draft[item] is None else str(draft[item]) for item in _ITEMS}
    said["area_m2"] = f"约{mu(draft['area_m2']):.2f}亩（{draft['area_m2']:.0f}平方米，影像量算）"
    items = "".join(f"{number}.{label}：{said[item]}。" for number, (item, label) in enumerate(_ITEMS.items(), start=1))
    lack = f"发出前请补齐：{'、'.join(missing)}。" if missing else ""
    return (
        f"抄告函（草稿，未发出）：监测编号{draft['target_id']}，经实地核查疑似违法，现将有关情况抄告如下。{items}{lack}"
    )


def _happened(last_clear: Any, first_seen: Any) -> str:
    if pd.isna(first_seen):
        return "影像日期不详"
    after = "" if pd.isna(last_clear) else f"{last_clear:%Y-%m-%d}之后，"
    return f"{after}不晚于{first_seen:%Y-%m-%d}（影像时段）"


def _location(shape: Any, entry: dict[Any, Any], task: dict[Any, Any], unit_names: dict[str, str]) -> str:
    point = shape.representative_point()
    parts = [unit_names.get(task.get("unit_id") or ""), _text(entry.get("place"))]
    parts.append(f"网格{task['cell_id']}" if _text(task.get("cell_id")) else None)
    parts.append(f"坐标({point.x:.0f}, {point.y:.0f})")
    return "，".join(part for part in parts if part)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
