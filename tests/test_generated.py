from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import FORMAT_VERSION
from pipeline.config import load_config
from tests.generated import REPOSITORY, pages


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.name)
def test_generated_file_is_in_step(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configuration_loads(path: Path) -> None:
    assert load_config(path).format_version == FORMAT_VERSION
