"""What the law says to each suspected kind of a target: wording by the onset interval, limitation, authority, notices.

For reference only (疑似): nothing is issued, and what applies is decided by an officer on facts established on site.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol, TypeVar

import pandas as pd

from pipeline.schema import GUIDANCE, conform
from pipeline.supervise.onset import EarlierReport
from pipeline.values import TargetState

LIGHTER = "变化区间跨法律修改，实施行为时的法律适用；新法处罚较轻的适用新法(行政处罚法第三十七条)，由执法人员认定"
CONTINUING = "行为有连续或者继续状态的，从行为终了之日起计算；非法占地在恢复原状前通常视为继续状态(待局里确认)"


class InTime(Protocol):
    """Something in force from a day on, until a day (inclusive) or without end."""

    @property
    def effective_from(self) -> date: ...

    @property
    def effective_to(self) -> date | None: ...


Timed = TypeVar("Timed", bound=InTime)


@dataclass(frozen=True)
class Section:
    """A section of a law in one wording; ``mark``: how well it was verified."""

    id: str
    law: str
    section: str
    gist: str
    acts: str
    penalty: str
    effective_from: date
    effective_to: date | None
    mark: str

    @property
    def name(self) -> str:
        """Law, section and since when in this wording."""
        until = "" if self.effective_to is None else f"至{self.effective_to}"
        return f"{self.law}{self.section}({self.effective_from}起{until}，{self.mark})"


@dataclass(frozen=True)
class Authority:
    """Who may act on ``kinds`` where the acting unit is of one of ``unit_kinds`` (empty: any)."""

    id: str
    kinds: tuple[str, ...]
    unit_kinds: tuple[str, ...]
    who: str
    condition: str
    unit_itself: bool
    statutes: tuple[str, ...]
    note: str
    effective_from: date
    effective_to: date | None
    mark: str


@dataclass(frozen=True)
class NoticeFit:
    """Whether a notice fits ``kinds``, who may issue it, and why."""

    id: str
    notice: str
    kinds: tuple[str, ...]
    fits: bool
    issuer: str
    why: str
    effective_from: date
    effective_to: date | None
    mark: str


@dataclass(frozen=True)
class Limitation:
    """Years from the act within which it may be punished."""

    law: str
    section: str
    years: int
    effective_from: date
    effective_to: date | None
    mark: str


@dataclass(frozen=True)
class Law:
    """The dated law as values. ``kinds``: code to label, note and liability ids; ``prohibitions``: rule to statute ids."""

    sections: tuple[Section, ...]
    kinds: Mapping[str, tuple[str, str, tuple[str, ...]]]
    prohibitions: Mapping[str, tuple[str, ...]]
    authorities: tuple[Authority, ...]
    notices: tuple[NoticeFit, ...]
    limitations: tuple[Limitation, ...]


def between(entries: Iterable[Timed], first: date, last: date) -> list[Timed]:
    """Entries in force on any day from ``first`` to ``last``, the earliest first."""
    met = [e for e in entries if e.effective_from <= last and (e.effective_to is None or first <= e.effective_to)]
    return sorted(met, key=lambda entry: entry.effective_from)


def possible_days(last_clear: Any, first_seen: Any, fallback: date) -> tuple[date, date]:
    """First and last day on which the act can have begun: the day after the last clear image, the day it was seen.

    Without an image date only the other one is known; without both it is ``fallback``.
    """
    seen = None if pd.isna(first_seen) else pd.Timestamp(first_seen).date()
    clear = None if pd.isna(last_clear) else pd.Timestamp(last_clear).date() + timedelta(days=1)
    last = seen or (fallback if clear is None else max(clear, fallback))
    first = last if clear is None else min(clear, last)
    return first, last


def wordings(law: Law, ids: Iterable[str], first: date, last: date) -> tuple[list[Section], bool]:
    """The wordings of sections in force between two days, and whether one of them changed, began or ended in between."""
    found = [section for name in sorted(set(ids)) for section in between(_named(law, name), first, last)]
    changed = any(
        section.effective_from > first or (section.effective_to is not None and section.effective_to < last)
        for section in found
    )
    return found, changed


def _named(law: Law, name: str) -> list[Section]:
    return [section for section in law.sections if section.id == name]


def authorities_for(law: Law, kind: str, unit_kind: str | None, first: date, last: date) -> list[Authority]:
    """Who may act on a kind at a unit's place; a place of no known unit is answered by the rules for any unit alone."""
    rows = between(law.authorities, first, last)
    return [row for row in rows if kind in row.kinds and (not row.unit_kinds or unit_kind in row.unit_kinds)]


def notices_for(law: Law, kind: str, day: date) -> tuple[list[NoticeFit], list[NoticeFit]]:
    """The notices that fit a kind on a day, and those that do not."""
    rows = [row for row in between(law.notices, day, day) if kind in row.kinds]
    return [row for row in rows if row.fits], [row for row in rows if not row.fits]


def limitation_days(law: Law, first: date, last: date) -> tuple[date, date, list[Limitation]]:
    """The last days on which a finished act may be punished, if it ended the day it began: earliest and latest.

    Where a law changed in between, the shorter time counts for the earliest and the longer one for the latest.
    """
    rules = between(law.limitations, first, last) or [min(law.limitations, key=lambda row: row.effective_from)]
    years = [rule.years for rule in rules]
    return _years_on(first, min(years)), _years_on(last, max(years)), rules


def _years_on(day: date, years: int) -> date:
    return (pd.Timestamp(day) + pd.DateOffset(years=years)).date()


def guide(
    targets: pd.DataFrame,
    tasks: pd.DataFrame,
    unit_kinds: Mapping[str, str],
    *,
    law: Law,
    as_of: date,
    earlier: Mapping[str, EarlierReport] | None = None,
) -> Any:
    """One row per target and suspected kind, as :data:`~pipeline.schema.GUIDANCE`; merged targets are left out.

    ``tasks``: who acts at each target; ``unit_kinds``: unit id to a code of ``UnitKind``. Wordings follow the days on
    which the act can have begun, notices and authorities the day ``as_of``. ``earlier``: what a ledger tells of works
    before the imagery shows any; then the act can have begun on that day, and the note says both.
    """
    acting = dict(zip(tasks["target_id"], tasks["acting_unit_id"], strict=True))
    rows = []
    for row in targets.drop(columns="geometry", errors="ignore").to_dict("records"):
        if row["state"] == TargetState.MERGED.value:
            continue
        unit = acting.get(row["target_id"])
        unit_kind = unit_kinds.get(unit) if isinstance(unit, str) else None
        for kind in json.loads(row["kinds"]) if isinstance(row["kinds"], str) else []:
            rows.append(_row(row, kind, unit_kind, law, as_of, (earlier or {}).get(row["target_id"])))
    frame = pd.DataFrame(rows, columns=GUIDANCE.names).sort_values(list(GUIDANCE.key), kind="stable")
    return conform(GUIDANCE, frame)


def _row(
    row: Mapping[Any, Any], kind: str, unit_kind: str | None, law: Law, as_of: date, earlier: EarlierReport | None
) -> dict[str, Any]:
    label, note, liability = law.kinds[kind]
    fired = [entry for entry in json.loads(row["rules"]) if entry["judgement"] == "suspected" and entry["kind"] == kind]
    first, last = possible_days(row["last_clear"], row["first_seen"], as_of)
    begun_note = None
    if earlier is not None:
        first = min(first, earlier.day.date())
        begun_note = (
            f"{earlier.shown}，而{earlier.said}：开始不晚于该日，可能更早；两者不一，见“记录矛盾”，以查明的事实为准"
        )
    cited = [name for entry in fired for name in law.prohibitions.get(entry["rule"], ())]
    bans, changed = wordings(law, cited, first, last)
    threats, changed_too = wordings(law, liability, first, last)
    earliest, latest, limits = limitation_days(law, first, last)
    who = authorities_for(law, kind, unit_kind, as_of, as_of)
    fit, unfit = notices_for(law, kind, as_of)
    limit_names = "、".join(f"{limit.law}{limit.section}({limit.years}年，{limit.mark})" for limit in limits)
    return {
        "target_id": row["target_id"],
        "kind": kind,
        "kind_label": f"疑似{label}",
        "rules": "；".join(f"{entry['rule']} {entry['label']}" for entry in fired) or None,
        "prohibitions": _joined(f"{section.name}{section.gist}" for section in bans),
        "liabilities": _joined(
            f"{section.name}{section.gist}，{section.acts}" + (f"：{section.penalty}" if section.penalty else "")
            for section in threats
        ),
        "law_note": LIGHTER if changed or changed_too else None,
        "begun_from": first,
        "begun_to": last,
        "begun_note": begun_note,
        "limit_from": earliest,
        "limit_to": latest,
        "limit_note": f"{limit_names}；{CONTINUING}",
        "authorities": _joined(_who(entry) for entry in who),
        "unit_itself": any(entry.unit_itself for entry in who),
        "notices_fit": _joined(f"{n.notice}（{n.issuer}；{n.why}；{n.mark}）" for n in fit),
        "notices_unfit": _joined(f"{n.notice}：{n.why}（{n.mark}）" for n in unfit),
        "note": note or None,
    }


def _who(entry: Authority) -> str:
    parts = [f"{entry.condition}的由" if entry.condition else "", entry.who]
    return "".join(parts) + (f"（{entry.note}；{entry.mark}）" if entry.note else f"（{entry.mark}）")


def _joined(texts: Iterable[str]) -> str | None:
    return "；".join(texts) or None
