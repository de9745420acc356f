"""Helpers that run the real command on copies of the small synthetic city."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.stages.demo import MONTHS
from pipeline.store import digest_tree

PERIODS: tuple[tuple[str, str, str], ...] = MONTHS


def command(*arguments: str) -> list[str]:
    """The product's command line, as a list for subprocess."""
    return [sys.executable, "-m", "pipeline", *arguments]


def xuncha(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command and wait."""
    environment = os.environ | {"PYTHONUTF8": "1"}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, encoding="utf-8", timeout=600, env=environment
    )


def copy_city(source: Path, target: Path) -> Path:
    """A copy of a city folder, without its lock."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".xuncha.lock"))
    return target


def run_month(city: Path, period: str, as_of: str, *options: str) -> dict[str, str]:
    """Run a month and hash everything below runs/."""
    result = xuncha("run", str(city), "--period", period, "--as-of", as_of, *options)
    assert result.returncode == 0, result.stderr
    return digest_tree(city / "runs")
