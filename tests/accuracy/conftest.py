from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy.ruler import Ruler, read_ruler

RULER = Path(__file__).with_name("small_ruler.py")


@pytest.fixture(scope="session")
def ruler() -> Ruler:
    """A small ruler; the real one lies beside the real imagery."""
    return read_ruler(RULER)
