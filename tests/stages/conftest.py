"""One synthetic city, reconciled from truth, for all tests that only look at it or at copies."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def truth_city(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of seed 6 and the contexts of its two months; nobody may change what lies there."""
    from tests.stages.test_reconcile import make

    return make(tmp_path_factory.mktemp("truth"), 6)
