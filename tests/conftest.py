"""Fixtures for all rooms: the real imagery, and a folder name as Windows offices use them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def real_data_folder() -> Path:
    """Where the real imagery is: XUNCHA_DATA, else the shared folder beside the repository."""
    return Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared" / "data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if real_data_folder().is_dir():
        return
    if os.environ.get("XUNCHA_REQUIRE_DATA"):
        raise pytest.UsageError(f"real imagery is required but {real_data_folder()} is missing; set XUNCHA_DATA")
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason="not run: no real imagery, set XUNCHA_DATA"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real imagery."""
    return real_data_folder()
