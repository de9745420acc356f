from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.dated import RULES_FOLDER, Dated, first_gap
from pipeline.errors import InputError
from pipeline.lawbook import load_notices, unseen_at
from pipeline.rulebook import load_law, load_rulebook
from pipeline.supervise.guidance import between

TODAY = date(2026, 10, 31)


def changed(folder: Path, file: str, key: str, change: Any) -> Path:
    """The rule files with the entries of ``file`` changed in place by ``change``."""
    shutil.copytree(RULES_FOLDER, folder)
    data = yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    change(data[key])
    (folder / file).write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return folder


def entry(name: str, entries: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    return next(e for e in entries if e["id"] == name and all(e.get(k) == v for k, v in wanted.items()))


def version(since: str, until: str | None) -> Dated:
    to = None if until is None else date.fromisoformat(until)
    return Dated(effective_from=date.fromisoformat(since), effective_to=to, source="x", verification="C")


@pytest.mark.parametrize(
    ("spans", "since", "until", "gap"),
    [
        ([("2000-01-01", None)], "2000-01-01", None, None),
        ([("2000-01-01", "2009-12-31"), ("2010-01-01", None)], "2000-01-01", None, None),
        ([("2010-01-01", None), ("2000-01-01", "2009-12-30")], "2000-01-01", None, "2009-12-31"),
        ([("2000-01-01", None)], "1999-12-31", None, "1999-12-31"),
        ([("2000-01-01", "2009-12-31")], "2000-01-01", None, "2010-01-01"),
        ([("2000-01-01", "2009-12-31")], "2000-01-01", "2009-12-31", None),
        ([], "2000-01-01", None, "2000-01-01"),
    ],
)
def test_the_first_day_without_a_version(spans: list[Any], since: str, until: str | None, gap: str | None) -> None:
    to = None if until is None else date.fromisoformat(until)
    found = first_gap([version(*span) for span in spans], date.fromisoformat(since), to)
    assert found == (None if gap is None else date.fromisoformat(gap))


def test_versions_met_between_two_days_both_ends_counting() -> None:
    old, new = version("2000-01-01", "2009-12-31"), version("2010-01-01", None)
    assert between([new, old], date(2009, 12, 31), date(2010, 1, 1)) == [old, new]
    assert between([new, old], date(2010, 1, 1), date(2011, 1, 1)) == [new]


def test_a_statute_with_a_gap_in_time_is_refused(tmp_path: Path) -> None:
    def shorten(entries: list[dict[str, Any]]) -> None:
        entry("KCZYF-64", entries, section="第三十九条")["effective_to"] = date(2025, 5, 31)

    with pytest.raises(InputError, match="E309.*KCZYF-64.*2025-06-01"):
        load_rulebook(changed(tmp_path / "rules", "statutes.yaml", "statutes", shorten))


def test_a_statute_in_force_twice_on_a_day_is_refused(tmp_path: Path) -> None:
    def lengthen(entries: list[dict[str, Any]]) -> None:
        entry("KCZYF-64", entries, section="第三十九条")["effective_to"] = date(2025, 7, 1)

    with pytest.raises(InputError, match="E306.*KCZYF-64: two versions are in force on 2025-07-01"):
        load_rulebook(changed(tmp_path / "rules", "statutes.yaml", "statutes", lengthen))


def test_a_rule_that_is_older_than_the_statute_it_cites_is_refused(tmp_path: Path) -> None:
    def older(entries: list[dict[str, Any]]) -> None:
        entry("V4-1", entries)["effective_from"] = date(1998, 12, 31)

    with pytest.raises(InputError, match="E309.*TDGLF-37, which V4-1 cites.*1998-12-31"):
        load_rulebook(changed(tmp_path / "rules", "violation_kinds.yaml", "rules", older))


@pytest.mark.parametrize(
    ("file", "key", "change", "message"),
    [
        ("authorities.yaml", "authorities", {"unit_kinds": ["castle"]}, "E306.*unknown kinds of unit castle"),
        ("authorities.yaml", "authorities", {"statutes": ["NOTHING-1"]}, "E306.*A1: unknown statutes NOTHING-1"),
        ("notices.yaml", "notices", {"kinds": ["V9"]}, "E306.*kinds"),
        ("notices.yaml", "notices", {"kinds": ["V1", "V5"]}, "E306.*two versions are in force"),
        ("notices.yaml", "notices", {"why": ""}, "E306.*why"),
        ("limitations.yaml", "limitations", {"effective_to": date(2021, 7, 1)}, "E309.*limitations.*2021-07-02"),
    ],
)
def test_a_wrong_entry_of_the_law_is_refused_by_number(
    tmp_path: Path, file: str, key: str, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_law(changed(tmp_path / "rules", file, key, lambda entries: entries[0].update(change)))


def test_every_statute_has_its_marks_and_every_wording_of_earlier_law_is_to_be_confirmed() -> None:
    for statute in load_rulebook().statutes:
        assert statute.gist and statute.acts and statute.source
        if statute.effective_to is not None:
            assert statute.verification == "M" and "待局里确认" in statute.source


def test_notices_name_the_plans_four_and_no_other() -> None:
    names = {entry.notice for entry in load_notices()}
    assert names == {
        "责令停止违法行为通知书", "责令停止违法建设通知书", "限期拆除违法建筑物、构筑物通知书", "责令改正违法行为通知书",
    }  # fmt: skip


def test_what_an_image_cannot_show_depends_on_its_pixels() -> None:
    assert [entry.name for entry in unseen_at(10.0, TODAY)] == ["graves", "kilns"]
    assert [entry.name for entry in unseen_at(2.0, TODAY)] == ["graves"]
    assert unseen_at(0.5, TODAY) == ()
