"""A rule file that a clerk edits makes stale what is read by it, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.rulebook import RULES_FOLDER
from pipeline.stages import base, ledger, reconcile


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("finding_words.yaml", {"reconcile"}),
        ("place_words.yaml", {"ledger"}),
        ("ledger_fields.yaml", {"ledger"}),
        ("layer_aliases.yaml", {"ledger", "reconcile"}),
        ("accountability.yaml", set()),
    ],
)
def test_an_edited_rule_file_is_noticed(file: str, stale: set[str], tmp_path: Path, monkeypatch: Any) -> None:
    folder = shutil.copytree(RULES_FOLDER, tmp_path / "rules")
    monkeypatch.setattr(base, "RULES_FOLDER", folder)
    stages: dict[str, Any] = {"ledger": ledger, "reconcile": reconcile}
    before = {name: stage.facts(None) for name, stage in stages.items()}
    with (folder / file).open("a", encoding="utf-8") as rules:
        rules.write("# edited\n")
    assert {name for name, stage in stages.items() if stage.facts(None) != before[name]} == stale
