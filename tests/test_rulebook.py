from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.config import Screen
from pipeline.dated import read_rules
from pipeline.errors import InputError
from pipeline.rulebook import RULES_FOLDER, load_rulebook, rule_on
from pipeline.screen.facts import FACTS
from pipeline.screen.layers import ClassAreas
from pipeline.screen.legality import OPTIONS
from pipeline.sources.layers import TABLES
from pipeline.sources.track_common import TrackRule

TODAY = date(2026, 10, 31)


def copied(folder: Path, file: str, **changes: object) -> Path:
    """The rule files with the last rule of ``file`` doubled and changed."""
    shutil.copytree(RULES_FOLDER, folder)
    data = yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    data["rules"].append({**data["rules"][-1], **changes})
    (folder / file).write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return folder


def test_all_seven_kinds_have_rules_in_force_and_every_rule_says_where_it_comes_from() -> None:
    book = load_rulebook()
    assert [kind.code for kind in book.kinds] == ["V1", "V2", "V3", "V4", "V5", "V6", "V7"]
    assert {rule.kind for rule in book.rules_on(TODAY)} - {None} == {kind.code for kind in book.kinds}
    assert all(rule.source and rule.label for rule in book.rules)
    assert book.kind_label("V4").startswith("占用耕地")
    with pytest.raises(KeyError):
        book.kind_label("V8")


def test_rules_and_statutes_are_chosen_by_their_date() -> None:
    book = load_rulebook()
    assert "V5-1" not in [rule.id for rule in book.rules_on(date(2007, 12, 31))]
    assert "V5-1" in [rule.id for rule in book.rules_on(date(2008, 1, 1))]
    sections = [
        {statute.id: statute.section for statute in book.statutes_on(day)}["KCZYF-64"]
        for day in (date(2025, 6, 30), date(2025, 7, 1))
    ]
    assert sections == ["第三十九条", "第六十四条"]


def test_every_suppressing_rule_can_print_its_reason() -> None:
    words = {**dict.fromkeys(OPTIONS, 1.0), **dict.fromkeys(FACTS, 1.0)}
    words |= {"approvals_before": "a", "temporary_valid": "b", "last_clear": "c", "stage": "pit"}
    rules = [rule for rule in load_rulebook().all_rules() if rule.action == "suppress"]
    assert rules and all("{" not in rule.reason.format_map(words) and rule.reason for rule in rules)


def test_options_named_by_rules_are_in_the_configuration_and_columns_in_the_schema() -> None:
    assert set(OPTIONS) <= set(Screen.model_fields)
    for alias in load_rulebook().layers:
        names = {column.name for column in TABLES[alias.role].columns}
        assert {field.column for field in alias.fields} <= names
        required = {c.name for c in TABLES[alias.role].columns if not c.null} - {"place_kind", "kind"}
        assert required <= {field.column for field in alias.fields}


def test_class_groups_and_time_limits_of_a_day() -> None:
    rules = load_rulebook().ground_rules(TODAY)
    codes = ("0101", "0103", "1006", "1003", "203", "1104", "1101", "011")
    areas = ClassAreas(codes, np.array([[2.0**power for power in range(len(codes))]]))
    sums = {name: areas.within(rules.group(name)).tolist()
            for name in ("farmland", "construction", "farm_road", "natural_water")}  # fmt: skip
    assert sums == {"farmland": [131.0], "construction": [24.0], "farm_road": [4.0], "natural_water": [64.0]}
    assert (rules.temporary_months, rules.temporary_longest_months) == (24, 48)
    with pytest.raises(KeyError):
        rules.group("nonsense")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "two versions are in force"),
        ({"id": "V9-1", "kind": "V9"}, "kind"),
        ({"id": "V9-1", "statutes": ["NOTHING-1"]}, "unknown statutes NOTHING-1"),
        ({"id": "V9-1", "when": [{"fact": "colour", "at_least": 1}]}, "unknown fact"),
        ({"id": "V9-1", "when": [{"fact": "area_m2", "at_least": "$colour"}]}, "unknown option"),
        ({"id": "V9-1", "when": [{"fact": "area_m2", "at_least": 1, "below": 2}]}, "exactly one"),
        ({"id": "V9-1", "effective_to": date(1900, 1, 1)}, "before effective_from"),
        ({"id": "V9-1", "colour": "red"}, "Extra inputs"),
        ({"id": "V9-1", "verification": "sure"}, "Input should be"),
    ],
)
def test_a_wrong_rule_is_refused_by_number(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"E306.*{message}"):
        load_rulebook(copied(tmp_path / "rules", "violation_kinds.yaml", **changes))


def test_a_later_version_of_a_rule_may_follow_an_ended_one(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", "violation_kinds.yaml", effective_from=date(2027, 1, 1), label="new")
    file = folder / "violation_kinds.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["rules"][-2]["effective_to"] = date(2026, 12, 31)
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    book = load_rulebook(folder)
    last = [next(rule.label for rule in book.rules_on(day) if rule.id == "V7-2") for day in (TODAY, date(2027, 1, 1))]
    assert last[0] != "new" and last[1] == "new"


def test_either_parser_reads_the_same_from_every_rule_file() -> None:
    for path in sorted(RULES_FOLDER.glob("*.yaml")):
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert repr(read_rules(RULES_FOLDER, path.name)) == repr(plain), path.name


def test_a_broken_or_newer_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(RULES_FOLDER, tmp_path / "newer")
    (tmp_path / "newer" / "statutes.yaml").write_text("format_version: 99\nstatutes: []\n", encoding="utf-8")
    with pytest.raises(InputError, match="E106"):
        load_rulebook(tmp_path / "newer")
    shutil.copytree(RULES_FOLDER, tmp_path / "broken")
    (tmp_path / "broken" / "statutes.yaml").write_text("statutes: [", encoding="utf-8")
    with pytest.raises(InputError, match=r"E306(.|\n)*line 1, column 12:\n {4}statutes: \["):
        load_rulebook(tmp_path / "broken")
    (tmp_path / "broken" / "statutes.yaml").unlink()
    with pytest.raises(InputError, match="E306"):
        load_rulebook(tmp_path / "broken")


def test_before_the_2021_regulation_there_is_no_longer_term_for_temporary_land() -> None:
    book = load_rulebook()
    earlier, later = book.ground_rules(date(2018, 3, 31)), book.ground_rules(date(2026, 10, 31))
    assert (earlier.temporary_months, earlier.temporary_longest_months) == (24, 24)
    assert (later.temporary_months, later.temporary_longest_months) == (24, 48)


def test_words_of_files_follow_their_date_and_are_checked_like_rules(tmp_path: Path) -> None:
    known = rule_on(TrackRule, "tracks.yaml", TODAY)
    assert rule_on(TrackRule, "tracks.yaml", date(1990, 1, 1)) == known
    later = copied(tmp_path / "later", "tracks.yaml", effective_from=date(2026, 11, 1), road_codes=["99"])
    with pytest.raises(InputError, match="two versions are in force"):
        rule_on(TrackRule, "tracks.yaml", TODAY, later)
    data = yaml.safe_load((later / "tracks.yaml").read_text(encoding="utf-8"))
    data["rules"][0]["effective_to"] = date(2026, 10, 31)
    ended = shutil.copytree(later, tmp_path / "ended")
    (ended / "tracks.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    assert rule_on(TrackRule, "tracks.yaml", TODAY, ended).road_codes == known.road_codes
    assert rule_on(TrackRule, "tracks.yaml", date(2026, 11, 1), ended).road_codes == ("99",)
    wrong = copied(tmp_path / "wrong", "tracks.yaml", road_codes=None)
    with pytest.raises(InputError, match=r"E306.*rules\.1\.road_codes"):
        rule_on(TrackRule, "tracks.yaml", TODAY, wrong)
