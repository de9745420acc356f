"""Promises about the source tree that no other test would notice."""

from __future__ import annotations

import re
import subprocess

import pytest

from pipeline import STAGES
from tests.generated import REPOSITORY

TRACKED = subprocess.run(
    ["git", "-c", "core.quotepath=off", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
).stdout.splitlines()


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_every_stage_has_its_file() -> None:
    for entry in STAGES:
        assert (REPOSITORY / "pipeline" / "stages" / f"{entry.name}.py").is_file()


def test_stages_read_only_what_stands_before_them() -> None:
    names = [entry.name for entry in STAGES]
    for number, entry in enumerate(STAGES):
        assert set(entry.reads) <= set(names[:number]), entry.name


@pytest.mark.parametrize("name", [name for name in TRACKED if name.endswith(".lock")])
def test_locks_name_no_host_and_have_hashes(name: str) -> None:
    assert "://" not in text(name) and "--index-url" not in text(name)
    assert text(name).count("--hash=sha256:") > text(name).count("==")


def test_only_the_command_line_prints() -> None:
    loud = [
        name
        for name in TRACKED
        if name.startswith("pipeline/") and name.endswith(".py")
        # the package itself names Arrow's allocator, before anything imports Arrow
        if name not in ("pipeline/cli.py", "pipeline/__init__.py") and not name.startswith("pipeline/commands/")
        if re.search(r"^\s*print\(|os\.environ|sys\.exit", text(name), flags=re.MULTILINE)
    ]
    assert loud == []


def test_paths_are_short_enough_for_windows() -> None:
    assert max(len(name) for name in TRACKED) < 120
