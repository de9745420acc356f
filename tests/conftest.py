"""Fixtures for all rooms: the real imagery, and a folder name as Windows offices use them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.postgis_server import Server

# the same examples in every run; `--hypothesis-profile=search` looks for new ones
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("same")

REPOSITORY = Path(__file__).resolve().parent.parent


def real_data_folder() -> Path:
    """Where the real imagery is: XUNCHA_DATA, else the shared folder beside the repository."""
    return Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared" / "data")


LONGEST_FIRST = ("test_tiles.py", "test_resume.py", "test_end_to_end.py", "test_ledger_shapes.py", "test_kind_truth.py")
"""Files that take minutes: begun first, so that no worker waits for one of them at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    turn = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: turn.get(item.path.name, len(turn)))
    if real_data_folder().is_dir():
        return
    if os.environ.get("XUNCHA_REQUIRE_DATA"):
        raise pytest.UsageError(f"real imagery is required but {real_data_folder()} is missing; set XUNCHA_DATA")
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason="not run: no real imagery, set XUNCHA_DATA"))


@pytest.fixture(scope="session")
def finished_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small synthetic city with both its months run by `xuncha demo`, in a folder as offices name them."""
    from tests.city import xuncha

    folder = tmp_path_factory.mktemp("demo") / "巡查 测试" / "十月"
    result = xuncha("demo", str(folder), "--size", "small")
    assert result.returncode == 0, result.stderr
    (folder.parent / "summary.txt").write_text(result.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def written_city(finished_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same city before any month was run."""
    from tests.city import copy_city

    folder = copy_city(finished_city, tmp_path_factory.mktemp("written") / "市")
    shutil.rmtree(folder / "runs")
    (folder / "journal.jsonl").unlink()
    (folder / "records" / "dispatches.csv").unlink()
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real imagery."""
    return real_data_folder()


@pytest.fixture(scope="session")
def postgis() -> Iterator[Server]:
    """A PostGIS server of the tests' own; where none is installed its tests do not run, but in CI they fail."""
    from tests.postgis_server import PACKAGES, programs, running

    binaries = programs()
    if binaries is None:
        reason = f"no PostgreSQL with PostGIS: {PACKAGES}"
        if os.environ.get("XUNCHA_REQUIRE_DATA"):
            pytest.fail(reason)
        pytest.skip(f"not run: {reason}")
    with running(binaries) as server:
        yield server
